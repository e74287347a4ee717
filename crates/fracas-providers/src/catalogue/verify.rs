//! Holds declarations against the service's model, so that no wrong name waits for a run.

use std::collections::HashSet;

use fracas_aws::model::{Kind, Member, Operation, Service, Shape, ShapeId};
use fracas_aws::{Aws, iam};
use fracas_engine::nearest;
use fracas_jmespath::Kind as MemberKind;
use fracas_model::{ActivityKind, Problem, Problems, Span};
use serde_json::Value;

use super::members::{self, Members, Modelled};
use super::play::{AWS, ERROR};
use super::targets::ITEM;
use super::{Argument, ArgumentKind, Catalogue, Declaration, Request, Step, Template, Verb};

/// Whether a package has an action of a name.
type IsAction<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What counts and seconds can be.
const NUMBERS: [ArgumentKind; 2] = [ArgumentKind::Number, ArgumentKind::Integer];

/// Every disagreement between a catalogue and the models of the services it calls: unknown
/// operations and parameters, wrong types, missing parameters, names that nothing binds, arguments
/// that nothing uses, probes that change something. `is_action` knows the actions of other packages.
pub fn verify(catalogue: &Catalogue, is_action: IsAction<'_>) -> Problems {
    let mut problems = Problems::default();
    let aws = Aws::new();
    match aws.service(&catalogue.service) {
        Ok(service) => {
            for declaration in &catalogue.activities {
                Verifier::new(&aws, service, declaration, &mut problems).declaration();
                undo(catalogue, declaration, is_action, &mut problems);
            }
        }
        // That it is missing has been told.
        Err(_) if catalogue.service.is_empty() => {}
        Err(error) => {
            let message = format!("AWS has no service `{}`", catalogue.service);
            let problem = Problem::error(catalogue.service_span, message);
            problems.push(problem.help(error.help().unwrap_or_default()));
        }
    }
    problems
}

/// What undoes an activity has to be one.
fn undo(catalogue: &Catalogue, declaration: &Declaration, is_action: IsAction<'_>, problems: &mut Problems) {
    let Some(undo) = &declaration.undo else { return };
    let is_there = match undo.split_once('.') {
        Some((package, name)) => is_action(package, name),
        None => catalogue.activity(undo, ActivityKind::Action).is_some(),
    };
    if !is_there {
        let actions = catalogue.activities.iter().filter(|activity| activity.kind == ActivityKind::Action);
        let near = nearest(undo, actions.map(|activity| activity.name.as_str()));
        let help = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
        let message = format!("there is no action `{undo}` that could undo it");
        problems.push(Problem::error(declaration.span, message).help(help));
    }
}

struct Verifier<'a> {
    aws: &'a Aws,
    /// The file's.
    service: &'static Service<'static>,
    declaration: &'a Declaration,
    /// The names that are bound so far.
    bound: HashSet<&'a str>,
    used: HashSet<&'a str>,
    /// What the names stand for, as far as the models tell.
    members: Members<'a>,
    problems: &'a mut Problems,
}

impl<'a> Verifier<'a> {
    fn new(
        aws: &'a Aws,
        service: &'static Service<'static>,
        declaration: &'a Declaration,
        problems: &'a mut Problems,
    ) -> Verifier<'a> {
        let bound = declaration.arguments.iter().map(|argument| argument.name.as_str());
        let bound = bound.chain([AWS]).collect();
        Verifier {
            aws,
            service,
            declaration,
            bound,
            used: HashSet::new(),
            members: Members::default(),
            problems,
        }
    }

    fn declaration(mut self) {
        self.steps(&self.declaration.steps);
        if let Some(template) = self.declaration.steps.fails_with() {
            self.about_an_error(template);
        }
        for argument in self.declaration.arguments.iter().filter(|argument| !argument.added) {
            if !self.used.contains(argument.name.as_str()) {
                self.error(argument.span, format!("the argument `{}` is not used", argument.name));
            }
            self.default(argument);
            self.unless(argument);
        }
    }

    fn unless(&mut self, argument: &Argument) {
        for name in argument.unless.iter().filter(|name| self.declaration.argument(name).is_none()) {
            self.error(argument.span, format!("there is no argument `{name}` that could stand in for it"));
        }
        if !argument.required && !argument.unless.is_empty() {
            let message = format!("`{}` is not required, so nothing has to stand in for it", argument.name);
            self.error(argument.span, message);
        }
    }

    fn default(&mut self, argument: &Argument) {
        let Some(default) = &argument.default else { return };
        if argument.required {
            let message = format!("`{}` is required, so it needs no default", argument.name);
            self.error(argument.span, message);
        }
        if !argument.takes(default) {
            let message = format!("the default of `{}` must be {}", argument.name, argument.words());
            self.error(argument.span, message);
        }
    }

    fn steps(&mut self, steps: &'a [Step]) {
        for step in steps {
            self.step(step);
        }
        let is_end = |step: &Step| step.when.is_none() && matches!(step.verb, Verb::Return(_));
        for unreached in steps.windows(2).filter(|pair| is_end(&pair[0])) {
            self.error(unreached[1].span, "this comes after `return`, so it is never done".to_owned());
        }
    }

    fn step(&mut self, step: &'a Step) {
        if let Some(request) = step.verb.request() {
            self.request(step, request);
        }
        step.when.iter().chain(step.verb.templates()).for_each(|template| self.names(template));
        match &step.verb {
            Verb::Each(each) => {
                self.one_of(&each.list, "each", &[ArgumentKind::List]);
                self.bound.insert(&each.item);
                let list = self.members.of(&each.list).0;
                self.members.bind_item(&each.item, list);
                self.steps(&each.steps);
                each.give.iter().for_each(|give| self.names(give));
            }
            Verb::Until(until) => {
                self.one_of(&until.every, "every", &NUMBERS);
                self.one_of(&until.timeout, "timeout", &NUMBERS);
                self.steps(&until.steps);
                self.names(&until.condition);
            }
            Verb::Pause(seconds) => self.one_of(seconds, "pause", &NUMBERS),
            Verb::Pick(pick) => {
                self.one_of(&pick.from, "pick", &[ArgumentKind::List]);
                pick.count.iter().for_each(|count| self.one_of(count, "count", &NUMBERS));
                pick.percent.iter().for_each(|percent| self.one_of(percent, "percent", &NUMBERS));
            }
            Verb::Choose(choose) => {
                self.one_of(&choose.from, "choose", &[ArgumentKind::List]);
                choose.selecting().into_iter().for_each(|name| self.name(name, choose.span));
                self.bound.insert(ITEM);
                let list = self.members.of(&choose.from).0;
                self.members.bind_item(ITEM, list);
                choose.of_item().into_iter().for_each(|template| self.names(template));
            }
            _ => {}
        }
        if let Some(name) = step.result.as_deref() {
            self.bound.insert(name);
            let kind = self.result(&step.verb);
            self.members.bind(name, kind);
        }
        step.log.iter().chain(&step.or_fail).for_each(|template| self.names(template));
        step.fails_with.iter().for_each(|template| self.about_an_error(template));
    }

    /// What is known of the result of a step.
    fn result(&self, verb: &Verb) -> MemberKind<Modelled> {
        let operation = verb.request().and_then(|request| self.operation(verb, request));
        match (verb, operation) {
            (Verb::Find(_), Some((service, operation))) => members::listed(service, operation),
            (_, Some((service, operation))) => members::answer(service, operation),
            (Verb::Pick(pick), _) => self.members.of(&pick.from).0,
            (Verb::Choose(choose), _) => self.members.of(&choose.from).0,
            (Verb::Set(value), _) => self.members.of(value).0,
            _ => MemberKind::Anything,
        }
    }

    /// The operation of a request, if there is one.
    fn operation(
        &self,
        verb: &Verb,
        request: &Request,
    ) -> Option<(&'static Service<'static>, &'static Operation<'static>)> {
        let service = match &request.service {
            Some(name) => self.aws.service(name).ok()?,
            None => self.service,
        };
        let waiter = service.waiter(&request.name).filter(|_| matches!(verb, Verb::Wait(_)));
        let operation = waiter.map_or(request.name.as_str(), |waiter| waiter.operation);
        Some((service, service.operation(operation)?))
    }

    fn about_an_error(&mut self, template: &'a Template) {
        let is_new = self.bound.insert(ERROR);
        self.names(template);
        if is_new {
            self.bound.remove(ERROR);
        }
    }

    fn names(&mut self, template: &'a Template) {
        template.items().into_iter().flatten().for_each(|item| self.names(item));
        template.entries().iter().for_each(|(.., value)| self.names(value));
        if template.items().is_some() || template.is_object() {
            return;
        }
        template.names().into_iter().for_each(|name| self.name(name, template.span));
        self.problems.0.extend(self.members.of(template).1);
    }

    fn name(&mut self, name: &'a str, span: Span) {
        if !self.bound.contains(name) {
            let near = nearest(name, self.bound.iter().copied());
            let help = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            self.problems.push(Problem::error(span, format!("nothing is called `{name}` here")).help(help));
        }
        self.used.insert(name);
    }

    fn request(&mut self, step: &Step, request: &Request) {
        let name = request.service.as_deref();
        let Some(service) = name.map_or(Some(self.service), |name| self.aws.service(name).ok()) else {
            let message = format!("AWS has no service `{}`", name.unwrap_or_default());
            return self.error(request.span, message);
        };
        let operation = match &step.verb {
            Verb::Wait(_) => match service.waiter(&request.name) {
                Some(waiter) => waiter.operation,
                None => {
                    let known = service.waiters.iter().map(|waiter| waiter.name);
                    return self.unknown(service, request, "waiter", known);
                }
            },
            _ => request.name.as_str(),
        };
        let Some(operation) = service.operation(operation) else {
            let known = service.operations.iter().map(|operation| operation.name);
            return self.unknown(service, request, "operation", known);
        };
        let has_pages = service.paginator(operation.name).is_some();
        if (matches!(step.verb, Verb::Find(_)) || request.all_pages) && !has_pages {
            self.error(request.span, format!("`{}` does not list in pages: use `call`", operation.name));
        }
        if self.declaration.kind == ActivityKind::Probe && iam::changes(service, operation.name) {
            self.error(
                request.span,
                format!("`{}` changes something, which a probe must not", operation.name),
            );
        }
        let input = operation.input.map(|id| service.shape(id));
        self.parameters(service, &request.parameters, input, request.span);
    }

    fn parameters(
        &mut self,
        service: &'static Service<'static>,
        parameters: &Template,
        shape: Option<&Shape<'static>>,
        span: Span,
    ) {
        let members = match shape.map(|shape| &shape.kind) {
            Some(Kind::Structure(structure)) => structure.members.as_slice(),
            _ => &[],
        };
        for (key, key_span, value) in parameters.entries() {
            match members.iter().find(|member| member.name == key) {
                Some(member) => self.value(service, value, member.name, member.shape),
                None => {
                    let near = nearest(key, members.iter().map(|member| member.name));
                    let help = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                    let problem = Problem::error(*key_span, format!("there is no parameter `{key}`"));
                    self.problems.push(problem.help(help));
                }
            }
        }
        let given = |member: &&Member| parameters.entries().iter().any(|(key, ..)| key == member.name);
        for member in members.iter().filter(|member| member.required && !given(member)) {
            self.error(span, format!("the parameter `{}` is required", member.name));
        }
    }

    fn value(&mut self, service: &'static Service<'static>, value: &Template, name: &str, shape: ShapeId) {
        let shape = service.shape(shape);
        if value.is_object() && matches!(shape.kind, Kind::Structure(_)) {
            return self.parameters(service, value, Some(shape), value.span);
        }
        if let (Some(items), Kind::List(list)) = (value.items(), &shape.kind) {
            return items.iter().for_each(|item| self.value(service, item, name, list.member));
        }
        let kinds = self.kinds(value);
        if !kinds.is_empty() && !kinds.iter().any(|kind| fits(*kind, &shape.kind)) {
            self.error(value.span, format!("`{name}` cannot be {}", words(&kinds)));
        }
    }

    /// What a key of a step is known to become has to be of one of these kinds.
    fn one_of(&mut self, value: &Template, key: &str, wanted: &[ArgumentKind]) {
        let kinds = self.kinds(value);
        if !kinds.is_empty() && !kinds.iter().any(|kind| wanted.contains(kind)) {
            let message = format!("`{key}` needs {}, not {}", wanted[0].words(), words(&kinds));
            self.error(value.span, message);
        }
    }

    /// What a template is known to become: one of these, or anything when there are none.
    fn kinds(&self, value: &Template) -> Vec<ArgumentKind> {
        if let Some(name) = value.name() {
            let argument = self.declaration.arguments.iter().find(|argument| argument.name == name);
            return argument.map(|argument| argument.kinds.clone()).unwrap_or_default();
        }
        let kind = match value.literal() {
            Some(Value::String(_)) => Some(ArgumentKind::String),
            Some(Value::Bool(_)) => Some(ArgumentKind::Boolean),
            Some(Value::Number(_)) => Some(ArgumentKind::Number),
            _ if value.items().is_some() => Some(ArgumentKind::List),
            _ if value.is_object() => Some(ArgumentKind::Object),
            _ => None,
        };
        kind.into_iter().collect()
    }

    fn unknown(
        &mut self,
        service: &Service<'_>,
        request: &Request,
        what: &str,
        known: impl Iterator<Item = &'static str>,
    ) {
        let near = nearest(&request.name, known).map(|near| format!("did you mean `{near}`?"));
        let problem =
            Problem::error(request.span, format!("{} has no {what} `{}`", service.name, request.name));
        self.problems.push(problem.help(near.unwrap_or_default()));
    }

    fn error(&mut self, span: Span, message: String) {
        self.problems.push(Problem::error(span, message));
    }
}

fn words(kinds: &[ArgumentKind]) -> String {
    kinds.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(" or ")
}

fn fits(kind: ArgumentKind, shape: &Kind<'_>) -> bool {
    match kind {
        ArgumentKind::String => matches!(shape, Kind::String | Kind::Timestamp | Kind::Blob { .. }),
        ArgumentKind::Integer | ArgumentKind::Number => {
            matches!(shape, Kind::Integer | Kind::Long | Kind::Float | Kind::Double | Kind::Timestamp)
        }
        ArgumentKind::Boolean => matches!(shape, Kind::Boolean),
        ArgumentKind::List => matches!(shape, Kind::List(_)),
        ArgumentKind::Object => matches!(shape, Kind::Structure(_) | Kind::Map(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_service_has_its_place() {
        let text = "service: docbd\nactivities: {}\n";
        let problems = verify(&super::super::read::read(text).unwrap().0, &|_, _| false);
        let told = "line 1: AWS has no service `docbd` did you mean docdb?\n";
        assert_eq!(crate::testing::lines(text, &problems), told);
    }

    #[test]
    fn members_have_to_be_in_the_answers() {
        let text = "service: docdb
activities:
  a:
    kind: probe
    summary: It asks in vain.
    steps:
      - {find: DescribeDBClusters, as: clusters}
      - {set: $clusters.Status, log: '$clusters[0].Staus'}
      - each: $clusters[?Engin == 'docdb']
        item: one
        steps:
          - {set: '$one.DBClusterMembers[].{id: DBInstanceIdentifier, of: $one.DBClusterIdentifier}', as: members}
          - {set: '$[members[].id, members[].ids]'}
      - {call: DescribeDBInstances, as: answer}
      - {set: $answer.ResponseMetadata.RequestId, log: $answer.Instances}
      - {choose: $answer.DBInstances, kind: instances, id: $item.DBInstanceIdentifier, zone: $item.Zone, all: true, as: targets}
      - {pick: $targets, as: one_of_them}
      - {wait: DBInstanceAvailable, as: waited}
      - {set: $waited.DBInstance, when: '$one_of_them[0].DBInstanceStatus'}
      - {call: ec2.DescribeInstances, as: answer}
      - {return: '$[answer.Anything, targets[].Tags]'}
";
        let problems = verify(&super::super::read::read(text).unwrap().0, &|_, _| false);
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
    }

    #[test]
    fn a_wrong_file_gets_all_its_mistakes_with_their_lines() {
        let text = "service: docdb
activities:
  bad:
    kind: action
    summary: Wrong in every way.
    args:
      id: {type: string, doc: Used.}
      flag: {type: boolean, doc: Used.}
      unused: {type: string, doc: Not used.}
      lonely: {type: string, required: true, unless: [none], doc: Used.}
    steps:
      - call: RebootDBInstances
      - call: RebootDBInstance
        with: {ForceFailover: $id}
      - find: DescribeDBClusters
        with: {DBClusterIdentifer: $id, DBClusterIdentifier: $flag, Filters: [{Name: 5}]}
        as: clusters
        log: $length(clusters)
      - find: StopDBCluster
        with: {DBClusterIdentifier: '$clusters[0].DBClusterIdentifier'}
      - wait: DBInstanceAvailabl
      - return: $[results, lonely]
      - pause: soon
      - {each: $id, item: one, steps: [{set: $one}]}
      - {until: $flag, every: $flag, timeout: '5', steps: []}
      - {pick: $clusters, percent: $id}
";
        let problems = verify(&super::super::read::read(text).unwrap().0, &|_, _| false);
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
    }
}
