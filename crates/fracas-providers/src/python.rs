//! The `python` provider: activities of the catalogue, and functions of the user's own modules.
//!
//! `chaosaws.docdb.actions` and `failover_docdb_cluster` stand for the activity of that name in
//! the catalogue, carried out natively. Any other module is imported by a python3 child.
//!
//! Source: `chaoslib.provider.python` and `chaosaws/__init__.py`.

mod check;
mod child;
mod controls;
mod in_place;
mod modules;
mod output;

use std::path::Path;
use std::rc::Rc;

use fracas_aws::{AssumeRole, Aws, Scope, StaticCredentials};
use fracas_engine::{Context, Provider, Surroundings, Values, nearest};
use fracas_model::{
    Activity, ActivityKind, Failure, Happened, Node, Problem, Problems, Severity, Span, python,
};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::{Map, Value};

use crate::catalogue::arguments::{Mistake, bind};
use crate::catalogue::play::{Player, activity_failed};
use crate::catalogue::{self, Catalogue, Declaration, Request, Template, Verb};
use crate::inherited::Inherited;
use crate::{PythonChoice, text};
use modules::Modules;

const KEYS: [&str; 5] = ["type", "module", "func", "arguments", "secrets"];

const NO_REGION: &str = "AWS needs a region";
const SET_REGION: &str = "set configuration.aws_region or AWS_REGION";

/// Carries out `python` activities, and calls controls.
#[derive(Clone)]
pub struct Python {
    aws: Aws,
    environment: fn(&str) -> Option<String>,
    is_native: bool,
    modules: Rc<Modules>,
}

impl Python {
    /// A provider that calls through this client and reads environment variables this way. Modules
    /// outside the catalogue are those of the active virtual environment, else those of the
    /// `python3` in `PATH`.
    pub fn new(aws: Aws, environment: fn(&str) -> Option<String>) -> Python {
        let active = environment("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("bin/python3"));
        let python = active.filter(|python| python.exists()).unwrap_or_else(|| "python3".into());
        Python { aws, environment, is_native: true, modules: Rc::new(Modules::new(python, true)) }
    }

    /// The same, as the user chooses.
    pub fn chosen(mut self, choice: &PythonChoice) -> Python {
        self.is_native = choice.native;
        let program = choice.program.as_ref().unwrap_or(&self.modules.python).clone();
        self.modules = Rc::new(Modules::new(program, choice.hides));
        self
    }

    /// The Python that has the user's modules.
    pub fn program(&self) -> &Path {
        &self.modules.python
    }

    /// What its functions have changed of what programs inherit.
    pub(crate) fn inherited(&self) -> Rc<Inherited> {
        Rc::clone(&self.modules.inherited)
    }

    /// What carries an activity out.
    fn resolve(&self, provider: &Node) -> Result<Target, Unresolved> {
        resolve(provider)
            .and_then(|target| if self.is_native { Ok(target) } else { Err(Unresolved::Foreign(None)) })
    }
}

impl Python {
    /// Looks for mistakes in an activity of the catalogue, without waiting for anything.
    fn look(
        &self,
        activity: &Activity,
        target: &Target,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) {
        let provider = &activity.provider;
        check_kind(activity, target.declaration, problems);
        self.check_arguments(provider, target, surroundings.values, problems);
        check_secrets(provider, surroundings.values, problems);
        if region(surroundings.values, self.environment).is_none() {
            tell_of_region(provider, surroundings.running, problems);
        } else if surroundings.running {
            self.check_scope(provider, surroundings.values, problems);
        }
    }

    /// Carries out an activity of the catalogue.
    async fn play(&self, provider: &Node, target: Target, context: &Context<'_>) -> Result<Value, Failure> {
        let arguments = context.values.substitute_arguments(&arguments(provider));
        let bound = bind(target.declaration, &as_map(arguments), &|_| false);
        let bound = bound.map_err(|mistakes| not_called(&joined(&mistakes), ""))?;
        let scope = scope(provider, context.values, self.environment)?;
        let service = &target.catalogue.service;
        let player = Player { aws: &self.aws, scope: &scope, service, tell: context.tell };
        player.play(target.declaration, bound).await
    }
}

impl Provider for Python {
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        surroundings: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            text::check_keys(&activity.provider, "a python", &KEYS, problems);
            match self.resolve(&activity.provider) {
                Ok(target) => self.look(activity, &target, surroundings, problems),
                Err(Unresolved::Incomplete(problem)) => problems.push(*problem),
                Err(Unresolved::Foreign(meant)) => {
                    self.modules.check(activity, surroundings, meant, problems).await;
                }
            }
        })
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            match self.resolve(&activity.provider) {
                Ok(target) => self.play(&activity.provider, target, context).await,
                Err(Unresolved::Incomplete(problem)) => Err(not_called(&problem.message, &problem.help)),
                Err(Unresolved::Foreign(_)) => self.modules.call(activity, context).await,
            }
        })
    }
}

/// The problem of an activity without a region.
pub(crate) fn no_region(provider: &Node) -> Problem {
    Problem::error(module_span(provider), NO_REGION).help(SET_REGION)
}

/// Where to point when AWS is not set up for an activity.
pub(crate) fn module_span(provider: &Node) -> Span {
    provider.get("module").map_or(provider.span, |node| node.span)
}

impl Python {
    /// Profiles and settings that the calls would stumble over, each told once for all activities.
    fn check_scope(&self, provider: &Node, values: &Values, problems: &mut Problems) {
        let Ok(scope) = scope(provider, values, self.environment) else { return };
        // It only reads files, so it is done at once.
        let Some(Err(error)) = self.aws.check_scope(&scope).now_or_never() else { return };
        let message = error.to_string();
        if !problems.0.iter().any(|problem| problem.message == message) {
            let help = error.help().unwrap_or_default();
            problems.push(Problem::error(module_span(provider), message).help(help));
        }
    }

    fn check_arguments(&self, provider: &Node, target: &Target, values: &Values, problems: &mut Problems) {
        let given = provider.get("arguments").filter(|node| !node.is_null());
        if let Some(node) = given.filter(|node| node.as_map().is_none()) {
            let message = format!("`arguments` must be an object, got {}", node.kind());
            return problems.push(Problem::error(node.span, message));
        }
        let known = as_map(values.substitute_arguments(&arguments(provider)));
        match bind(target.declaration, &known, &text::is_open) {
            Ok(bound)
                if check_conditions(given.unwrap_or(provider), target.declaration, &bound, problems) =>
            {
                self.check_requests(provider, target, &bound, problems);
            }
            Ok(_) => {}
            Err(mistakes) => {
                problems.0.extend(mistakes.into_iter().map(|mistake| problem(provider, mistake)));
            }
        }
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
        for step in &target.declaration.steps {
            let (Verb::Call(request) | Verb::Find(request) | Verb::Wait(request)) = &step.verb else {
                continue;
            };
            let is_known = |name: &str| {
                target.declaration.arguments.iter().any(|argument| argument.name == name)
                    && !bound.get(name).is_some_and(text::is_open)
            };
            let when = step.when.as_ref();
            let mut names =
                request.parameters.names().into_iter().chain(when.into_iter().flat_map(Template::names));
            if !names.all(is_known) || when.is_some_and(|when| when.holds(bound) != Ok(true)) {
                continue;
            }
            for line in self.refused(&target.catalogue.service, request, bound) {
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
    let arguments = provider.get("arguments").unwrap_or(provider);
    let mut words = line.split(|character: char| !character.is_alphanumeric());
    let parameter = words.find_map(|word| request.parameters.entries().iter().find(|(key, ..)| key == word));
    let names = parameter.map(|(.., template)| template.names()).unwrap_or_default();
    let of_name = |name| {
        let argument = declaration.argument(name)?;
        arguments.as_map()?.iter().find(|(key, _)| declaration.argument(key) == Some(argument))
    };
    names.into_iter().find_map(of_name).map_or(arguments.span, |(_, entry)| entry.value.span)
}

/// What an activity stands for.
pub(crate) struct Target {
    pub(crate) catalogue: &'static Catalogue,
    pub(crate) declaration: &'static Declaration,
}

/// Why an activity is not one of the catalogue.
pub(crate) enum Unresolved {
    /// It does not say what it calls.
    Incomplete(Box<Problem>),
    /// It calls a function of the user's modules, or, as the problem says, was meant to be one.
    Foreign(Option<Box<Problem>>),
}

/// The activity of the catalogue that `module` and `func` name.
pub(crate) fn resolve(provider: &Node) -> Result<Target, Unresolved> {
    let module = required(provider, "module")?;
    let func = required(provider, "func")?;
    find(module, func).map_err(|problem| {
        let is_meant = module.as_str().is_some_and(|module| module.starts_with("chaosaws."));
        Unresolved::Foreign(problem.filter(|_| is_meant))
    })
}

fn find(module: &Node, func: &Node) -> Result<Target, Option<Box<Problem>>> {
    let (package, kind) = parse_module(module.as_str().unwrap_or_default()).ok_or_else(|| foreign(module))?;
    let file = catalogue::file(package).ok_or_else(|| unknown_package(module, package))?;
    let catalogue = file.catalogue();
    let declaration = catalogue.activity(func.as_str().unwrap_or_default(), kind);
    let declaration = declaration.ok_or_else(|| unknown_func(func, catalogue, kind))?;
    Ok(Target { catalogue, declaration })
}

fn required<'a>(provider: &'a Node, key: &str) -> Result<&'a Node, Unresolved> {
    let node = provider.get(key).filter(|node| node.as_str().is_some_and(|text| !text.is_empty()));
    node.ok_or_else(|| {
        let span = provider.get(key).map_or(text::place(provider), |node| node.span);
        let problem = Problem::error(span, format!("a python activity needs a `{key}`"));
        let what = if key == "module" { "module path" } else { "function name" };
        let words = format!("a Python activity must have a {what}");
        Unresolved::Incomplete(Box::new(problem.words(words)))
    })
}

/// `chaosaws.docdb.actions` as package and kind.
fn parse_module(module: &str) -> Option<(&str, ActivityKind)> {
    match module.strip_prefix("chaosaws.")?.split_once('.')? {
        (package, "actions") => Some((package, ActivityKind::Action)),
        (package, "probes") => Some((package, ActivityKind::Probe)),
        _ => None,
    }
}

fn foreign(module: &Node) -> Box<Problem> {
    let name = module.as_str().unwrap_or_default();
    let known: Vec<String> = modules().collect();
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("this version carries out: {}", known.join(", ")),
    };
    Box::new(
        Problem::error(module.span, format!("`{name}` is not in the catalogue, nor among Python's modules"))
            .help(help),
    )
}

fn unknown_package(module: &Node, package: &str) -> Box<Problem> {
    let known: Vec<String> = modules().collect();
    let help = match nearest(package, catalogue::packages()) {
        Some(near) => format!("did you mean `chaosaws.{near}`?"),
        None => format!("this version carries out: {}", known.join(", ")),
    };
    Box::new(
        Problem::error(module.span, format!("`chaosaws.{package}` is not in the catalogue yet")).help(help),
    )
}

fn unknown_func(func: &Node, catalogue: &Catalogue, kind: ActivityKind) -> Box<Problem> {
    let name = func.as_str().unwrap_or_default();
    let known: Vec<&str> = catalogue.names(kind).collect();
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    let kind = kind.title().to_lowercase();
    let message = format!("the catalogue has no {kind} `{name}` for {} yet", catalogue.service);
    Box::new(Problem::error(func.span, message).help(help))
}

/// The modules whose activities are in the catalogue.
fn modules() -> impl Iterator<Item = String> {
    catalogue::packages()
        .flat_map(|package| ["actions", "probes"].map(|kind| format!("chaosaws.{package}.{kind}")))
}

/// Actions are written down more surely than probes, so the type matters.
fn check_kind(activity: &Activity, declaration: &Declaration, problems: &mut Problems) {
    if activity.kind == ActivityKind::Probe && declaration.kind == ActivityKind::Action {
        let message =
            format!("`{}` changes the system, but the activity calls itself a probe", declaration.name);
        problems.push(Problem::error(activity.span, message).help("give the activity the type \"action\""));
    }
}

/// Once for all activities, for one region serves them all.
fn tell_of_region(provider: &Node, running: bool, problems: &mut Problems) {
    if problems.0.iter().any(|problem| problem.message == NO_REGION) {
        return;
    }
    let mut problem = no_region(provider);
    if !running {
        problem.severity = Severity::Warning;
    }
    problems.push(problem);
}

/// Without the keys that it names an activity would use others, perhaps those of another account.
fn check_secrets(provider: &Node, values: &Values, problems: &mut Problems) {
    let Some(node) = provider.get("secrets").filter(|node| !node.is_null()) else { return };
    let Some(names) = node.as_list() else {
        let message = format!("`secrets` must be a list of groups of secrets, got {}", node.kind());
        return problems.push(Problem::error(node.span, message).help("write it as [\"group\"]"));
    };
    for name in names {
        let text = name.as_str().unwrap_or_default();
        let message = match values.secrets.get(text) {
            Some(Value::Object(_) | Value::Null) => continue,
            Some(_) => format!("the secret `{text}` is not a group of secrets"),
            None => format!("there is no group of secrets `{}`", python::to_str(&name.to_json())),
        };
        let groups =
            values.secrets.iter().filter(|(_, group)| group.is_object()).map(|(name, _)| name.as_str());
        let help = match text::did_you_mean(text, groups) {
            help if help.is_empty() => "declare the group under the experiment's `secrets`".to_owned(),
            help => help,
        };
        problems.push(Problem::error(name.span, message).help(help));
    }
}

/// Checks that an activity begins with need nothing but its arguments. False when one does not
/// hold.
fn check_conditions(
    node: &Node,
    declaration: &Declaration,
    bound: &Map<String, Value>,
    problems: &mut Problems,
) -> bool {
    if bound.values().any(text::is_open) {
        return true;
    }
    let mut all_hold = true;
    for step in &declaration.steps {
        let Verb::Check(condition) = &step.verb else { break };
        if condition.holds(bound) == Ok(false) {
            let reason = step.or_fail.as_ref().map(|reason| reason.text(bound).unwrap_or_default());
            problems.push(Problem::error(node.span, reason.unwrap_or_default()));
            all_hold = false;
        }
    }
    all_hold
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
    mistakes.iter().map(|mistake| mistake.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn not_called(message: &str, help: &str) -> Failure {
    Failure { error: activity_failed(message), help: help.to_owned(), happened: Happened::No }
}

/// The region of AWS calls: `configuration.aws_region`, else `AWS_REGION`, else
/// `AWS_DEFAULT_REGION`, and never the profile's.
pub(crate) fn region(values: &Values, environment: fn(&str) -> Option<String>) -> Option<String> {
    let configured = setting(values, "aws_region");
    let from_environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(environment);
    configured.or_else(from_environment).filter(|region| !region.is_empty())
}

/// A text of the configuration that is not empty.
pub(crate) fn setting(values: &Values, key: &str) -> Option<String> {
    let text = values.configuration.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Who calls and where. A profile or role belongs to its activity, never to the process.
fn scope(
    provider: &Node,
    values: &Values,
    environment: fn(&str) -> Option<String>,
) -> Result<Scope, Failure> {
    let region = region(values, environment).ok_or_else(|| not_called(NO_REGION, SET_REGION))?;
    let role = setting(values, "aws_assume_role_arn").map(|arn| AssumeRole {
        arn,
        session_name: setting(values, "aws_assume_role_session_name")
            .unwrap_or_else(|| "ChaosToolkit".to_owned()),
        external_id: None,
    });
    Ok(Scope {
        region: Some(region),
        profile: setting(values, "aws_profile_name"),
        assume_role: role,
        credentials: credentials(provider, values)?,
        endpoint_url: None,
    })
}

/// Keys from the groups of secrets that the provider names; a later group wins.
fn credentials(provider: &Node, values: &Values) -> Result<Option<StaticCredentials>, Failure> {
    let named = provider.get("secrets").and_then(Node::as_list).unwrap_or_default();
    let groups: Vec<&Value> = named.iter().filter_map(|name| values.secrets.get(name.as_str()?)).collect();
    let secret = |key: &str| {
        let found = groups.iter().rev().find_map(|group| group.get(key));
        found.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match (secret("aws_access_key_id"), secret("aws_secret_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => {
            let session_token = secret("aws_session_token");
            Ok(Some(StaticCredentials { access_key_id, secret_access_key, session_token }))
        }
        (None, None) => Ok(None),
        _ => {
            let help = "give both aws_access_key_id and aws_secret_access_key, or neither";
            Err(not_called("the secrets hold half of a pair of AWS keys", help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{activity, problems, problems_with};
    use serde_json::json;

    fn no_environment(_: &str) -> Option<String> {
        None
    }

    fn some_environment(name: &str) -> Option<String> {
        (name == "AWS_DEFAULT_REGION").then(|| "eu-west-1".to_owned())
    }

    fn provider(environment: fn(&str) -> Option<String>) -> Python {
        Python::new(Aws::new(), environment)
    }

    fn target(activity: &Activity) -> Target {
        resolve(&activity.provider)
            .unwrap_or_else(|_| panic!("{:?} is not in the catalogue", activity.document))
    }

    #[test]
    fn check_finds_every_mistake() {
        let cases = [
            r#"{"type": "python"}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": 5}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": "failover_docdb_cluster"}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": "failover_docdb_cluster", "arguments": []}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": "reboot_db_instance", "arguments":
                {"db_instance_identifer": "a", "force_failover": "yes", "docdb_instance_identifier": null}}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": "stop_db_cluster", "arguments":
                {"db_cluster_identifier": "", "docdb_cluster_identifier": "a"}}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.probes", "func": "cluster_status", "arguments": {}}"#,
            r#"{"type": "python", "module": "chaosaws.docdb.probes", "func": "cluster_status", "arguments":
                {"cluster_id": "a", "filters": [{"Name": "x"}]}}"#,
        ];
        let provider = provider(some_environment);
        let found = cases.map(|text| format!("{text}\n{}", problems(&provider, ActivityKind::Action, text)));
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn what_was_meant_is_told() {
        let calls = [
            ("os.path", "exists"),
            ("chaosaws.docdb.action", "failover_docdb_cluster"),
            ("chaosaws.docbd.actions", "failover_docdb_cluster"),
            ("chaosaws.docdb.actions", "failover_docdb_clusters"),
            ("chaosaws.docdb.actions", "cluster_status"),
        ];
        let found = calls.map(|(module, func)| {
            let node = json!({"type": "python", "module": module, "func": func});
            let Err(Unresolved::Foreign(meant)) = resolve(&activity(ActivityKind::Action, &node).provider)
            else {
                return format!("{module} {func}: in the catalogue\n");
            };
            let told = meant.map(|problem| format!("{}\n  {}", problem.message, problem.help));
            format!("{module} {func}: {}\n", told.unwrap_or_else(|| "a function of the user's".to_owned()))
        });
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn what_is_open_is_not_judged() {
        let text = r#"{"type": "python", "module": "chaosaws.docdb.probes", "func": "cluster_status", "arguments":
            {"cluster_id": "${a}", "filters": "${b}"}}"#;
        assert_eq!(problems(&provider(some_environment), ActivityKind::Probe, text), "");
    }

    #[test]
    fn what_is_known_before_a_run_is_judged() {
        let configuration = json!({"empty": "", "id": "a", "ok": [{"Name": "x", "Values": ["y"]}],
            "bad": [{"name": "x"}, 5], "flag": "yes"});
        let values = Values { configuration: as_map(configuration), ..Values::default() };
        let cases = [
            ("cluster_status", json!({"cluster_id": "${id}", "filters": "${later}"})),
            ("cluster_status", json!({"filters": "${ok}"})),
            ("cluster_status", json!({"cluster_id": "${empty}"})),
            ("cluster_status", json!({"cluster_id": "${empty}", "filters": [5]})),
            ("cluster_status", json!({"filters": "${bad}"})),
            ("cluster_status", json!({"filters": [{"Name": "${later}"}]})),
            ("stop_db_cluster", json!({"db_cluster_identifier": "${empty}"})),
            ("reboot_db_instance", json!({"db_instance_identifier": "${id}", "force_failover": "${flag}"})),
        ];
        let found = cases.map(|(func, arguments)| {
            let (kind, package) = match func {
                "cluster_status" => (ActivityKind::Probe, "probes"),
                _ => (ActivityKind::Action, "actions"),
            };
            let module = format!("chaosaws.docdb.{package}");
            let text = json!({"type": "python", "module": module, "func": func, "arguments": arguments});
            let found = problems_with(&provider(some_environment), kind, &text.to_string(), &values);
            format!("{func} {arguments}\n{found}")
        });
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn secrets_must_be_groups_that_exist() {
        let secrets = json!({"production": {"aws_access_key_id": "a"}, "bare": "b", "unset": null});
        let values = Values { secrets: as_map(secrets).into_iter().collect(), ..Values::default() };
        let found = [
            r#"["productoin", "x", 5]"#,
            r#""production""#,
            r#"["bare"]"#,
            r#"["production", "unset"]"#,
            "null",
        ]
        .map(|secrets| {
            let text = format!(
                r#"{{"type": "python", "module": "chaosaws.docdb.actions", "func": "stop_db_cluster",
                    "arguments": {{"db_cluster_identifier": "a"}}, "secrets": {secrets}}}"#
            );
            problems_with(&provider(some_environment), ActivityKind::Action, &text, &values)
        });
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn a_missing_region_is_an_error_before_a_run() {
        let node = json!({"type": "python", "module": "chaosaws.docdb.actions", "func": "stop_db_cluster",
            "arguments": {"docdb_cluster_identifier": "a"}});
        let activity = activity(ActivityKind::Action, &node);
        let values = Values::default();
        for (running, severity) in [(false, Severity::Warning), (true, Severity::Error)] {
            let mut problems = Problems::default();
            provider(no_environment).look(
                &activity,
                &target(&activity),
                &Surroundings { values: &values, running, policy: &fracas_model::Policy::FRACAS },
                &mut problems,
            );
            let found: Vec<(Severity, &str, &str)> = problems
                .0
                .iter()
                .map(|problem| (problem.severity, problem.message.as_str(), problem.help.as_str()))
                .collect();
            assert_eq!(found, [(severity, NO_REGION, SET_REGION)]);
        }
    }

    #[test]
    fn a_profile_must_exist_before_a_run() {
        let node = json!({"type": "python", "module": "chaosaws.docdb.actions", "func": "stop_db_cluster",
            "arguments": {"docdb_cluster_identifier": "a"}});
        let activity = activity(ActivityKind::Action, &node);
        let configuration = as_map(json!({"aws_profile_name": "a-profile-that-nobody-has"}));
        let values = Values { configuration, ..Values::default() };
        for (running, count) in [(false, 0), (true, 1)] {
            let mut problems = Problems::default();
            for _ in 0..2 {
                let surroundings =
                    Surroundings { values: &values, running, policy: &fracas_model::Policy::FRACAS };
                provider(some_environment).look(&activity, &target(&activity), &surroundings, &mut problems);
            }
            assert_eq!(problems.0.len(), count, "{problems:?}");
            let expected = "The config profile (a-profile-that-nobody-has) could not be found";
            assert!(problems.0.iter().all(|problem| problem.message == expected), "{problems:?}");
        }
    }

    #[test]
    fn an_action_that_calls_itself_a_probe_is_refused() {
        let text = r#"{"type": "python", "module": "chaosaws.docdb.actions", "func": "stop_db_cluster", "arguments":
            {"docdb_cluster_identifier": "a"}}"#;
        let found = problems(&provider(some_environment), ActivityKind::Probe, text);
        assert!(
            found.contains("`stop_db_cluster` changes the system, but the activity calls itself a probe"),
            "{found}"
        );
    }

    #[test]
    fn a_scope_is_made_of_configuration_and_named_secrets() {
        let configuration = json!({
            "aws_region": "cn-north-1", "aws_profile_name": "prod",
            "aws_assume_role_arn": "arn:aws-cn:iam::1:role/r",
        });
        let secrets = json!({
            "one": {"aws_access_key_id": "AK", "aws_secret_access_key": "first"},
            "two": {"aws_secret_access_key": "second"},
            "other": {"aws_session_token": "not named"},
        });
        let secrets = as_map(secrets).into_iter().collect();
        let values = Values { configuration: as_map(configuration), secrets, ..Values::default() };
        let node = activity(ActivityKind::Action, &json!({"secrets": ["one", "two"]})).provider;
        let expected = Scope {
            region: Some("cn-north-1".into()),
            profile: Some("prod".into()),
            assume_role: Some(AssumeRole {
                arn: "arn:aws-cn:iam::1:role/r".into(),
                session_name: "ChaosToolkit".into(),
                external_id: None,
            }),
            credentials: Some(StaticCredentials {
                access_key_id: "AK".into(),
                secret_access_key: "second".into(),
                session_token: None,
            }),
            endpoint_url: None,
        };
        assert_eq!(scope(&node, &values, no_environment).unwrap(), expected);
        let node = activity(ActivityKind::Action, &json!({"secrets": ["two"]})).provider;
        let failure = scope(&node, &values, no_environment).unwrap_err();
        assert!(failure.error.contains("half of a pair of AWS keys"), "{failure:?}");
        let bare = scope(&node, &Values::default(), some_environment).unwrap();
        assert_eq!(bare, Scope { region: Some("eu-west-1".into()), ..Scope::default() });
    }
}
