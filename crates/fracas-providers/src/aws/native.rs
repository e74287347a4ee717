//! Activities of the catalogue: what is wrong with one before a run, and carrying it out.

use fracas_aws::Aws;
use fracas_engine::{Context, Surroundings, Values};
use fracas_model::{Activity, ActivityKind, Entry, Failure, Happened, Node, Problem, Problems, Span};
use serde_json::{Map, Value};

use super::scope::Own;
use crate::catalogue::arguments::{Mistake, bind, hold};
use crate::catalogue::foresee::OPEN;
use crate::catalogue::play::{AWS, Player, activity_failed};
use crate::catalogue::{Declaration, Request, Step, Target, Template, Verb};
use crate::text;

/// What makes calls of AWS for activities, and carries out those of the catalogue.
#[derive(Clone)]
pub(crate) struct Native {
    pub(crate) aws: Aws,
    pub(super) environment: fn(&str) -> Option<String>,
}

impl Native {
    /// It calls through this client and reads environment variables this way.
    pub(crate) fn new(aws: Aws, environment: fn(&str) -> Option<String>) -> Native {
        Native { aws, environment }
    }

    /// Looks for mistakes in an activity of the catalogue, without waiting for anything.
    pub(crate) fn look(
        &self,
        activity: &Activity,
        target: &Target,
        own: &Own,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) {
        let provider = &activity.provider;
        check_kind(activity, target.declaration, problems);
        self.check_arguments(provider, target, surroundings.values, problems);
        self.look_at_scope(provider, own, surroundings, problems);
    }

    /// Carries out an activity of the catalogue.
    pub(crate) async fn play(
        &self,
        provider: &Node,
        target: &Target,
        own: &Own,
        context: &Context<'_>,
    ) -> Result<Value, Failure> {
        let arguments = context.values.substitute_arguments(&arguments(provider));
        let bound = bind(target.declaration, &as_map(arguments), &|_| false);
        let bound = bound.map_err(|mistakes| not_called(&joined(&mistakes), ""))?;
        let scope = self.scope(provider, own, context.values)?;
        let service = &target.catalogue.service;
        let player = Player { aws: &self.aws, scope: &scope, service, tell: context.tell, notes: None };
        player.play(target.declaration, bound).await
    }

    fn check_arguments(&self, provider: &Node, target: &Target, values: &Values, problems: &mut Problems) {
        let given = provider.get("arguments").filter(|node| !node.is_null());
        if let Some(node) = given.filter(|node| node.as_map().is_none()) {
            let message = format!("`arguments` must be an object, got {}", node.kind());
            return problems.push(Problem::error(node.span, message));
        }
        let known = as_map(values.substitute_arguments(&arguments(provider)));
        let mut held = hold(target.declaration, &known, &text::is_open);
        problems.0.extend(held.mistakes.into_iter().map(|mistake| problem(provider, mistake)));
        for broken in broken_conditions(target.declaration, &held.bound) {
            let about = given_for(broken.names.iter().map(String::as_str), target.declaration, provider);
            let place = about.last().map_or(given.unwrap_or(provider).span, |entry| entry.value.span);
            problems.push(Problem::error(place, broken.reason));
            held.bound.extend(broken.names.into_iter().map(|name| (name, OPEN.into())));
        }
        self.check_requests(provider, target, &held.bound, problems);
    }

    /// Holds what is sent against the service's model, as far as it depends on nothing but known
    /// arguments.
    fn check_requests(
        &self,
        provider: &Node,
        target: &Target,
        bound: &Map<String, Value>,
        problems: &mut Problems,
    ) {
        let is_known = |name: &str| {
            target.declaration.argument(name).is_some() && !bound.get(name).is_some_and(text::is_open)
        };
        for request in target.declaration.requests(bound, &text::is_open) {
            let is_sure = target.is_built_in() && request.is_sure(bound);
            if is_sure || !request.parameters.names().into_iter().all(is_known) {
                continue;
            }
            let service = request.service.as_deref().unwrap_or(&target.catalogue.service);
            for line in self.refused(service, request, bound) {
                let message = format!("parameter validation failed: {line}");
                problems
                    .push(Problem::error(place_of(&line, request, target.declaration, provider), message));
            }
        }
    }

    /// What boto3 would say against a request, a line each.
    fn refused(&self, service: &str, request: &Request, bound: &Map<String, Value>) -> Vec<String> {
        let Ok(parameters) = request.parameters.evaluate(bound) else { return Vec::new() };
        let waiter = self.aws.service(service).ok().and_then(|service| service.waiter(&request.name));
        let operation = waiter.map_or(request.name.as_str(), |waiter| waiter.operation);
        match self.aws.validate(service, operation, &parameters) {
            Ok(()) => Vec::new(),
            // The first line only says that there are others.
            Err(error) => error.to_string().lines().skip(1).map(str::to_owned).collect(),
        }
    }
}

/// The argument that a line of boto3's report is about: the line's first parameter tells.
fn place_of(line: &str, request: &Request, declaration: &Declaration, provider: &Node) -> Span {
    let mut words = line.split(|character: char| !character.is_alphanumeric());
    let parameter = words.find_map(|word| request.parameters.entries().iter().find(|(key, ..)| key == word));
    let names = parameter.map(|(.., template)| template.names()).unwrap_or_default();
    let about = given_for(names, declaration, provider);
    about.first().map_or(provider.get("arguments").unwrap_or(provider).span, |entry| entry.value.span)
}

/// What an experiment gives for arguments of these names, in its own order.
fn given_for<'p, 'n>(
    names: impl IntoIterator<Item = &'n str>,
    declaration: &Declaration,
    provider: &'p Node,
) -> Vec<&'p Entry> {
    let arguments: Vec<_> = names.into_iter().filter_map(|name| declaration.argument(name)).collect();
    let given = provider.get("arguments").and_then(Node::as_map).into_iter().flatten();
    let is_one =
        |key: &String| declaration.argument(key).is_some_and(|argument| arguments.contains(&argument));
    given.filter(|(key, _)| is_one(key)).map(|(_, entry)| entry).collect()
}

/// Actions are written down more surely than probes, so the type matters.
fn check_kind(activity: &Activity, declaration: &Declaration, problems: &mut Problems) {
    if activity.kind == ActivityKind::Probe && declaration.kind == ActivityKind::Action {
        let message =
            format!("`{}` changes the system, but the activity calls itself a probe", declaration.name);
        problems.push(Problem::error(activity.span, message).help("give the activity the type \"action\""));
    }
}

/// A check that does not hold.
struct Broken {
    reason: String,
    /// What it is about.
    names: Vec<String>,
}

/// Checks before the first call that need nothing but arguments that are known.
fn broken_conditions(declaration: &Declaration, bound: &Map<String, Value>) -> Vec<Broken> {
    let mut names = bound.clone();
    names.insert(AWS.to_owned(), OPEN.into());
    let mut broken = Vec::new();
    for step in declaration.steps.iter() {
        let is_done = is_done(step, &names);
        match &step.verb {
            _ if is_done == Some(false) => {}
            Verb::Check(condition) if is_done.is_some() => broken.extend(unmet(step, condition, &names)),
            Verb::Set(value) => {
                let value = evaluated(value, &names).filter(|_| is_done.is_some());
                let value = value.unwrap_or_else(|| OPEN.into());
                names.extend(step.result.clone().map(|name| (name, value)));
            }
            Verb::Check(_) | Verb::Warn(_) => {}
            _ => break,
        }
    }
    broken
}

/// Whether a step is done, when that is known.
fn is_done(step: &Step, names: &Map<String, Value>) -> Option<bool> {
    let Some(when) = &step.when else { return Some(true) };
    is_known(when, names).then(|| when.holds(names).ok())?
}

fn unmet(step: &Step, condition: &Template, names: &Map<String, Value>) -> Option<Broken> {
    if !is_known(condition, names) || condition.holds(names) != Ok(false) {
        return None;
    }
    let reason = step.or_fail.as_ref().and_then(|reason| reason.text(names).ok()).unwrap_or_default();
    Some(Broken { reason, names: condition.names().into_iter().map(str::to_owned).collect() })
}

fn evaluated(value: &Template, names: &Map<String, Value>) -> Option<Value> {
    is_known(value, names).then(|| value.evaluate(names).ok())?
}

fn is_known(template: &Template, names: &Map<String, Value>) -> bool {
    !template.names().into_iter().any(|name| names.get(name).is_some_and(text::is_open))
}

fn problem(provider: &Node, mistake: Mistake) -> Problem {
    let arguments = provider.get("arguments");
    let entry = mistake.key.as_ref().and_then(|key| arguments?.as_map()?.get(key));
    let place = arguments.or(provider.get("func")).map_or(provider.span, |node| node.span);
    let span = entry.map_or(place, |entry| entry.key_span);
    Problem::error(span, mistake.message).help(mistake.help)
}

pub(crate) fn arguments(provider: &Node) -> Value {
    provider.get("arguments").map_or(Value::Null, Node::to_json)
}

pub(crate) fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn joined(mistakes: &[Mistake]) -> String {
    if let Some(mistake) = mistakes.iter().find(|mistake| mistake.declared) {
        return mistake.message.clone();
    }
    mistakes.iter().map(|mistake| mistake.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// The failure of an activity that did nothing.
pub(crate) fn not_called(message: &str, help: &str) -> Failure {
    Failure { error: activity_failed(message), help: help.to_owned(), happened: Happened::No, progress: None }
}
