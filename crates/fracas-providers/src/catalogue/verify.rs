//! Holds declarations against the service's model, so that no wrong name waits for a run.

use std::collections::HashSet;

use fracas_aws::Aws;
use fracas_aws::model::{Kind, Member, Service, Shape};
use fracas_engine::nearest;
use fracas_model::{Problem, Problems, Span};
use serde_json::Value;

use super::{ArgumentKind, Catalogue, Declaration, Request, Step, Template, Verb};

/// Every disagreement between a catalogue and the model of its service: unknown operations and
/// parameters, wrong types, missing parameters, names that nothing binds, arguments that nothing
/// uses.
pub fn verify(catalogue: &Catalogue) -> Problems {
    let mut problems = Problems::default();
    match Aws::new().service(&catalogue.service) {
        Ok(service) => {
            for declaration in &catalogue.activities {
                Verifier { service, declaration, problems: &mut problems }.declaration();
            }
        }
        Err(error) => problems.push(Problem::general(error.to_string())),
    }
    problems
}

struct Verifier<'a> {
    service: &'static Service<'static>,
    declaration: &'a Declaration,
    problems: &'a mut Problems,
}

impl Verifier<'_> {
    fn declaration(mut self) {
        let mut bound: HashSet<&str> =
            self.declaration.arguments.iter().map(|argument| argument.name.as_str()).collect();
        let mut used = HashSet::new();
        for step in &self.declaration.steps {
            self.request(step);
            for template in templates(step) {
                // What a step finds is known to its own log and reason.
                let own = step.result.as_deref().filter(|_| !self.feeds(step, template));
                self.names(template, &bound, own);
                used.extend(template.names());
            }
            bound.extend(step.result.as_deref());
        }
        if let Some(template) = &self.declaration.fails_with {
            self.names(template, &bound, Some("error"));
            used.extend(template.names());
        }
        for argument in
            self.declaration.arguments.iter().filter(|argument| !used.contains(argument.name.as_str()))
        {
            self.error(self.declaration.span, format!("the argument `{}` is not used", argument.name));
        }
    }

    /// Whether the template is an input of the step, not about its result.
    fn feeds(&self, step: &Step, template: &Template) -> bool {
        ![&step.log, &step.or_fail]
            .iter()
            .any(|about| about.as_ref().is_some_and(|about| std::ptr::eq(about, template)))
    }

    fn names(&mut self, template: &Template, bound: &HashSet<&str>, own: Option<&str>) {
        for name in template.names() {
            if !bound.contains(name) && own != Some(name) {
                self.error(template.span, format!("nothing is called `{name}` here"));
            }
        }
    }

    fn request(&mut self, step: &Step) {
        let (request, operation) = match &step.verb {
            Verb::Call(request) | Verb::Find(request) => (request, request.name.as_str()),
            Verb::Wait(request) => match self.service.waiter(&request.name) {
                Some(waiter) => (request, waiter.operation),
                None => {
                    return self.unknown(
                        request,
                        "waiter",
                        self.service.waiters.iter().map(|waiter| waiter.name),
                    );
                }
            },
            Verb::Check(_) | Verb::Return(_) => return,
        };
        let Some(operation) = self.service.operation(operation) else {
            return self.unknown(
                request,
                "operation",
                self.service.operations.iter().map(|operation| operation.name),
            );
        };
        if matches!(step.verb, Verb::Find(_)) && self.service.paginator(operation.name).is_none() {
            self.error(request.span, format!("`{}` does not list in pages: use `call`", operation.name));
        }
        let input = operation.input.map(|id| self.service.shape(id));
        self.parameters(&request.parameters, input, request.span);
    }

    fn parameters(&mut self, parameters: &Template, shape: Option<&Shape<'static>>, span: Span) {
        let members = match shape.map(|shape| &shape.kind) {
            Some(Kind::Structure(structure)) => structure.members.as_slice(),
            _ => &[],
        };
        for (key, key_span, value) in parameters.entries() {
            match members.iter().find(|member| member.name == key) {
                Some(member) => self.value(value, member),
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

    fn value(&mut self, value: &Template, member: &Member<'static>) {
        let shape = self.service.shape(member.shape);
        if value.is_object() && matches!(shape.kind, Kind::Structure(_)) {
            return self.parameters(value, Some(shape), value.span);
        }
        if let Some(kind) = self.kind(value).filter(|kind| !fits(*kind, &shape.kind)) {
            self.error(value.span, format!("`{}` cannot be {}", member.name, kind.words()));
        }
    }

    /// What a template is known to become.
    fn kind(&self, value: &Template) -> Option<ArgumentKind> {
        if let Some(name) = value.name() {
            let argument = self.declaration.arguments.iter().find(|argument| argument.name == name);
            return argument.map(|argument| argument.kind);
        }
        match value.literal() {
            Some(Value::String(_)) => Some(ArgumentKind::String),
            Some(Value::Bool(_)) => Some(ArgumentKind::Boolean),
            Some(Value::Number(_)) => Some(ArgumentKind::Integer),
            _ if value.items().is_some() => Some(ArgumentKind::List),
            _ if value.is_object() => Some(ArgumentKind::Object),
            _ => None,
        }
    }

    fn unknown(&mut self, request: &Request, what: &str, known: impl Iterator<Item = &'static str>) {
        let near = nearest(&request.name, known).map(|near| format!("did you mean `{near}`?"));
        let problem =
            Problem::error(request.span, format!("{} has no {what} `{}`", self.service.name, request.name));
        self.problems.push(problem.help(near.unwrap_or_default()));
    }

    fn error(&mut self, span: Span, message: String) {
        self.problems.push(Problem::error(span, message));
    }
}

fn templates(step: &Step) -> impl Iterator<Item = &Template> {
    let main = match &step.verb {
        Verb::Call(request) | Verb::Find(request) | Verb::Wait(request) => &request.parameters,
        Verb::Check(template) | Verb::Return(template) => template,
    };
    [Some(main), step.when.as_ref(), step.log.as_ref(), step.or_fail.as_ref()].into_iter().flatten()
}

fn fits(kind: ArgumentKind, shape: &Kind<'_>) -> bool {
    match kind {
        ArgumentKind::String => matches!(shape, Kind::String | Kind::Timestamp | Kind::Blob { .. }),
        ArgumentKind::Integer => {
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
      - return: $results
";
        let problems = verify(&super::super::read::read(text).unwrap());
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
    }
}
