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
mod upload;

use std::path::Path;
use std::rc::Rc;

use fracas_aws::Aws;
use fracas_engine::{Context, Provider, Surroundings, nearest};
use fracas_model::{Activity, ActivityKind, Failure, Node, Problem, Problems};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::aws::{Native, Own, not_called};
use crate::catalogue;
use crate::catalogue::Target;
use crate::inherited::Inherited;
use crate::{PythonChoice, text};
use modules::Modules;

pub(crate) use upload::calls as upload_calls;

const KEYS: [&str; 5] = ["type", "module", "func", "arguments", "secrets"];

/// Carries out `python` activities, and calls controls.
#[derive(Clone)]
pub struct Python {
    native: Native,
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
        let native = Native::new(aws, environment);
        Python { native, is_native: true, modules: Rc::new(Modules::new(python, true)) }
    }

    /// The same, as the user chooses.
    pub fn chosen(mut self, choice: &PythonChoice) -> Python {
        self.is_native = choice.native;
        let program = choice.program.as_ref().unwrap_or(&self.modules.python).clone();
        self.modules = Rc::new(Modules::new(program, choice.hides));
        self
    }

    /// What makes its calls of AWS.
    pub(crate) fn native(&self) -> Native {
        self.native.clone()
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
                Ok(target) => {
                    self.native.look(activity, &target, &Own::default(), surroundings, problems);
                }
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
                Ok(target) => self.native.play(&activity.provider, &target, &Own::default(), context).await,
                Err(Unresolved::Incomplete(problem)) => Err(not_called(&problem.message, &problem.help)),
                Err(Unresolved::Foreign(_)) => self.modules.call(activity, context).await,
            }
        })
    }
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
    if !catalogue::packages().contains(&package) {
        return Err(Some(unknown_package(module, package)));
    }
    let found = catalogue::find(package, func.as_str().unwrap_or_default(), kind);
    found.ok_or_else(|| Some(unknown_func(func, package, kind)))
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
    let help = match nearest(package, catalogue::packages().iter().copied()) {
        Some(near) => format!("did you mean `chaosaws.{near}`?"),
        None => format!("this version carries out: {}", known.join(", ")),
    };
    Box::new(
        Problem::error(module.span, format!("`chaosaws.{package}` is not in the catalogue yet")).help(help),
    )
}

fn unknown_func(func: &Node, package: &str, kind: ActivityKind) -> Box<Problem> {
    let name = func.as_str().unwrap_or_default();
    let known = catalogue::names(package, kind);
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    let kind = kind.title().to_lowercase();
    let message = format!("the catalogue has no {kind} `{name}` for {package} yet");
    Box::new(Problem::error(func.span, message).help(help))
}

/// The modules whose activities are in the catalogue.
fn modules() -> impl Iterator<Item = String> {
    catalogue::packages()
        .into_iter()
        .flat_map(|package| ["actions", "probes"].map(|kind| format!("chaosaws.{package}.{kind}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{NO_REGION, SET_REGION, as_map};
    use crate::testing::{activity, problems, problems_with};
    use fracas_aws::{AssumeRole, Scope, StaticCredentials};
    use fracas_engine::Values;
    use fracas_model::Severity;
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
            ("chaosaws.docdb.actions", "failover_docdb_clusterz"),
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
            provider(no_environment).native.look(
                &activity,
                &target(&activity),
                &Own::default(),
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
                let native = provider(some_environment).native;
                native.look(&activity, &target(&activity), &Own::default(), &surroundings, &mut problems);
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
        let scope = |node: &Node, values: &Values, environment: fn(&str) -> Option<String>| {
            provider(environment).native.scope(node, &Own::default(), values)
        };
        assert_eq!(scope(&node, &values, no_environment).unwrap(), expected);
        let node = activity(ActivityKind::Action, &json!({"secrets": ["two"]})).provider;
        let failure = scope(&node, &values, no_environment).unwrap_err();
        assert!(failure.error.contains("half of a pair of AWS keys"), "{failure:?}");
        let bare = scope(&node, &Values::default(), some_environment).unwrap();
        assert_eq!(bare, Scope { region: Some("eu-west-1".into()), ..Scope::default() });
    }
}
