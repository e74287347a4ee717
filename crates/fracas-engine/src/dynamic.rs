//! Values that have to be asked for before a run: secrets from a vault, configuration from probes.
//!
//! Source: chaoslib's `load_dynamic_configuration` and `load_secrets`.

use std::sync::Arc;

use fracas_model::{Activity, Experiment, Failure, Level, Node, NodeValue, Policy, Problem, Problems};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::parse::head;
use crate::{Context, Providers, Surroundings, Tell, Values, activity_of, check};

/// Reads secrets from a vault. The engine knows it only by this trait.
pub trait Vault {
    /// The secrets, in their order. The configuration says where the vault is and how to get in.
    ///
    /// # Errors
    ///
    /// The outer one when there is no way in, the inner ones when a secret cannot be had. Neither
    /// names any secret.
    fn read<'a>(
        &'a self,
        configuration: &'a Map<String, Value>,
        secrets: &'a [VaultSecret],
    ) -> LocalBoxFuture<'a, Result<Vec<Result<Value, Failure>>, Failure>>;
}

/// A secret of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSecret {
    /// Where it is in its mount.
    pub path: String,
    /// Which value of the secret is wanted; all of them, as an object, if none.
    pub key: Option<String>,
}

/// What Chaos Toolkit says when some probes gave nothing.
const SOME_FAILED: &str = "Some of the dynamic configuration failed to be loaded.Please review the log file for understanding what happened.";

/// Looks for mistakes in probes that give configuration, without carrying them out.
pub async fn check_dynamic(providers: &Providers, surroundings: &Surroundings<'_>, problems: &mut Problems) {
    for (name, node) in &surroundings.values.pending.probes {
        let (activity, mut found) = probe(name, node, surroundings.values);
        problems.0.append(&mut found.0);
        if let Some(activity) = activity {
            check::check_provider(&activity, providers, surroundings, problems).await;
        }
    }
}

/// Asks for every value that is not known yet: first the secrets of the vault, then the probes, in
/// the order of the experiment, each with the configuration before it. Gives what went wrong; what
/// a failed probe should have given is missing then.
///
/// Where secrets may be shown, the journal's experiment shows what Chaos Toolkit's does: all of
/// them, at the provider of each probe.
pub async fn resolve_dynamic(
    experiment: &mut Experiment,
    values: &mut Values,
    providers: &Providers,
    policy: &Policy,
    tell: &dyn Tell,
) -> Problems {
    let mut problems = Problems::default();
    resolve_vault(values, providers, &mut problems).await;
    let probes = std::mem::take(&mut values.pending.probes);
    if problems.has_errors() || probes.is_empty() {
        return problems;
    }
    if !policy.mask_secrets {
        show_secrets(&mut experiment.document, &probes.keys().collect::<Vec<_>>(), values);
    }
    for (name, node) in probes.iter().filter(|(_, node)| !has_provider(node)) {
        problems.push(Problem::error(
            head(node),
            format!("the probe of the configuration `{name}` has no provider"),
        ));
    }
    if problems.has_errors() {
        return problems;
    }
    let known = std::mem::take(&mut values.configuration);
    for name in experiment.configuration.keys() {
        let value = match probes.get(name) {
            Some(node) => ask(name, node, values, providers, policy, tell).await,
            None => Ok(known.get(name).cloned()),
        };
        match value {
            Ok(value) => values.configuration.extend(value.map(|value| (name.clone(), value))),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.has_errors() && !policy.dynamic_configuration_required {
        tell.log(Level::Warning, SOME_FAILED.to_owned());
        problems = Problems::default();
    }
    problems
}

fn has_provider(probe: &Node) -> bool {
    probe
        .get("provider")
        .and_then(|provider| provider.get("type"))
        .is_some_and(|kind| kind.as_str().is_some())
}

/// Asks the vault for the secrets that it has.
pub async fn resolve_vault(values: &mut Values, providers: &Providers, problems: &mut Problems) {
    let declared = std::mem::take(&mut values.pending.vault);
    if declared.is_empty() {
        return;
    }
    let secrets: Vec<VaultSecret> = declared.iter().map(|(_, node)| VaultSecret::declared(node)).collect();
    let Some(vault) = providers.vault() else {
        problems.push(Problem::error(head(&declared[0].1), "nothing here reads secrets from a vault"));
        return;
    };
    let found = match vault.read(&values.configuration, &secrets).await {
        Ok(found) => found,
        Err(failure) => return problems.push(failed(&declared[0].1, failure)),
    };
    for ((path, node), secret) in declared.into_iter().zip(found) {
        match secret {
            Ok(secret) => place(&mut values.secrets, &path, secret),
            Err(failure) => problems.push(failed(&node, failure)),
        }
    }
}

impl VaultSecret {
    fn declared(node: &Node) -> VaultSecret {
        let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        VaultSecret { path: text("path").unwrap_or_default(), key: text("key") }
    }
}

fn failed(node: &Node, Failure { error, help, .. }: Failure) -> Problem {
    Problem::error(head(node), error).help(help)
}

/// Puts a secret where it is declared.
fn place(groups: &mut indexmap::IndexMap<String, Value>, path: &[String], secret: Value) {
    let [group, inner @ ..] = path else { return };
    let mut at = groups.entry(group.clone()).or_insert(Value::Null);
    for name in inner {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(name.clone()).or_insert(Value::Null);
    }
    *at = secret;
}

async fn ask(
    name: &str,
    node: &Node,
    values: &Values,
    providers: &Providers,
    policy: &Policy,
    tell: &dyn Tell,
) -> Result<Option<Value>, Problem> {
    let (activity, problems) = probe(name, node, values);
    let found = problems.0.into_iter().find(|problem| problem.severity == fracas_model::Severity::Error);
    let Some(activity) = activity.filter(|_| found.is_none()) else {
        let unreadable = || Problem::error(head(node), format!("no probe gives the configuration `{name}`"));
        return Err(found.unwrap_or_else(unreadable));
    };
    let Some(provider) = providers.get(&activity.provider_type) else {
        return Err(Problem::error(
            head(node),
            format!("no provider is called `{}`", activity.provider_type),
        ));
    };
    let context = Context { values, policy, tell, place: "" };
    let output = carried_out(&activity, provider.carry_out(&activity, &context), policy).await;
    let output = output.and_then(|output| value_of(&activity, output));
    output.map(Some).map_err(|Failure { error, help, .. }| {
        Problem::error(
            head(node),
            format!("the configuration `{name}` is not known: its probe failed: {error}"),
        )
        .help(help)
    })
}

async fn carried_out(
    activity: &Activity,
    work: LocalBoxFuture<'_, Result<Value, Failure>>,
    policy: &Policy,
) -> Result<Value, Failure> {
    let Some(seconds) = activity.timeout.filter(|_| policy.activity_timeouts) else { return work.await };
    let limit = std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX);
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(unusable(format!("it did not end within its timeout of {seconds} s"))))
}

/// What of a probe's output is the value.
fn value_of(activity: &Activity, output: Value) -> Result<Value, Failure> {
    match activity.provider_type.as_str() {
        "process" if output.get("status").and_then(Value::as_i64) == Some(0) => {
            let text = output.get("stdout").and_then(Value::as_str).unwrap_or_default();
            Ok(Value::from(python_stripped(text)))
        }
        "process" => {
            let status = output.get("status").unwrap_or(&Value::Null);
            let said = output.get("stderr").and_then(Value::as_str).unwrap_or_default().trim();
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            Err(unusable(format!("it ended with status {status}{said}")))
        }
        "http" => Ok(output.get("body").cloned().unwrap_or_default()),
        _ => Ok(output),
    }
}

/// What Python's `strip()` leaves of a text.
fn python_stripped(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}

fn unusable(error: String) -> Failure {
    let help = "make the probe give a value, or write the value itself".to_owned();
    Failure { error, help, happened: fracas_model::Happened::No, progress: None }
}

/// The probe of a declaration. It needs no name, and gets all groups of secrets.
fn probe(name: &str, node: &Node, values: &Values) -> (Option<Activity>, Problems) {
    let mut node = node.clone();
    let span = node.span;
    if let NodeValue::Map(map) = &mut node.value {
        let map = Arc::make_mut(map);
        let named = map.get("name").is_some_and(|entry| entry.value.as_str().is_some());
        if !named {
            insert(map, "name", Node::new(span, NodeValue::String(name.to_owned())));
        }
        map.shift_remove("sensitive");
        if let Some(provider) = map.get_mut("provider")
            && let NodeValue::Map(provider) = &mut provider.value.value
        {
            let group = |name: &String| Node::new(span, NodeValue::String(name.clone()));
            let groups = values.secrets.keys().map(group).collect();
            insert(Arc::make_mut(provider), "secrets", Node::new(span, NodeValue::List(groups)));
        }
    }
    activity_of(&node)
}

fn insert(map: &mut fracas_model::Map, key: &str, value: Node) {
    map.insert(key.to_owned(), fracas_model::Entry { key_span: value.span, value });
}

fn show_secrets(document: &mut Value, names: &[&String], values: &Values) {
    let secrets: Map<String, Value> = values.secrets.clone().into_iter().collect();
    for name in names {
        let declared = document.get_mut("configuration").and_then(|all| all.get_mut(name.as_str()));
        let provider = declared.and_then(|declared| declared.get_mut("provider"));
        if let Some(provider) = provider.and_then(Value::as_object_mut) {
            provider.insert("secrets".to_owned(), Value::Object(secrets.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Changes, Given, Provider, Stop, experiment_of, resolve};
    use fracas_model::{Choice, Happened};
    use futures_util::future::{FutureExt, ready};
    use serde_json::json;
    use std::cell::RefCell;
    use std::io;

    /// Gives its arguments back; those that are null are a failure.
    struct Echo;

    impl Provider for Echo {
        fn check<'a>(
            &'a self,
            _: &'a Activity,
            _: &'a Surroundings<'a>,
            _: &'a mut Problems,
        ) -> LocalBoxFuture<'a, ()> {
            Box::pin(ready(()))
        }

        fn carry_out<'a>(
            &'a self,
            activity: &'a Activity,
            context: &'a Context<'a>,
        ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
            let arguments = activity.provider.get("arguments").map(Node::to_json).unwrap_or_default();
            let failure =
                Failure { error: "no".into(), help: String::new(), happened: Happened::No, progress: None };
            let output = context.values.substitute(&arguments);
            Box::pin(ready(if output.is_null() { Err(failure) } else { Ok(output) }))
        }
    }

    /// Has one secret at every path but `none`.
    struct Safe;

    impl Vault for Safe {
        fn read<'a>(
            &'a self,
            configuration: &'a Map<String, Value>,
            secrets: &'a [VaultSecret],
        ) -> LocalBoxFuture<'a, Result<Vec<Result<Value, Failure>>, Failure>> {
            let failure = |error: &str| Failure {
                error: error.into(),
                help: String::new(),
                happened: Happened::No,
                progress: None,
            };
            let read = |secret: &VaultSecret| match (secret.path.as_str(), &secret.key) {
                ("none", _) => Err(failure("there is no such secret")),
                (_, Some(key)) => Ok(json!(format!("the {key}"))),
                (_, None) => Ok(json!({"all": "of it"})),
            };
            let open = configuration.contains_key("vault_addr");
            let found = secrets.iter().map(read).collect();
            Box::pin(ready(if open { Ok(found) } else { Err(failure("no way in")) }))
        }
    }

    #[derive(Default)]
    struct Lines(RefCell<Vec<String>>);

    impl Tell for Lines {
        fn log(&self, _: Level, message: String) {
            self.0.borrow_mut().push(message);
        }

        fn process_started(&self, _: u32) -> io::Result<()> {
            Ok(())
        }

        fn chose(&self, _: Choice) -> io::Result<()> {
            Ok(())
        }

        fn stop(&self, _: Stop) {}

        fn changed(&self, _: Changes) {}
    }

    fn asked(
        configuration: Value,
        secrets: Value,
        policy: &Policy,
    ) -> (Value, Values, Vec<String>, Vec<String>) {
        let document = json!({
            "title": "t", "description": "d", "method": [], "configuration": configuration, "secrets": secrets,
        });
        let mut experiment = experiment_of(&Arc::new(Node::from(&document))).0.unwrap();
        let mut problems = Problems::default();
        let mut values = resolve(&experiment, &|_| None, &Given::default(), policy, &mut problems);
        assert_eq!(problems, Problems::default());
        let providers = Providers::new();
        let providers =
            ["process", "http", "python"].into_iter().fold(providers, |all, kind| all.with(kind, Echo));
        let lines = Lines::default();
        let providers = providers.with_vault(Safe);
        let asking = resolve_dynamic(&mut experiment, &mut values, &providers, policy, &lines);
        let problems = asking.now_or_never().expect("nothing is waited for");
        let problems = problems.0.into_iter().map(|problem| problem.message).collect();
        (Value::clone(&experiment.document), values, problems, lines.0.into_inner())
    }

    fn probe(kind: &str, arguments: Value) -> Value {
        json!({"type": "probe", "provider": {"type": kind, "arguments": arguments}})
    }

    #[test]
    fn probes_give_what_their_provider_is_asked_for() {
        let configuration = json!({
            "first": probe("python", json!({"port": 80})),
            "second": probe("process", json!({"status": 0, "stdout": " ${first} ${last} ${pin}\n"})),
            "third": probe("http", json!({"status": 500, "body": ["${second}"]})),
            "last": 1,
        });
        let (_, values, problems, _) = asked(configuration, json!({"g": {"pin": 7}}), &Policy::FRACAS);
        let expected = json!({
            "first": {"port": 80},
            "second": "{'port': 80} ${last} 7",
            "third": ["{'port': 80} ${last} 7"],
            "last": 1,
        });
        assert_eq!((Value::Object(values.configuration), problems), (expected, Vec::new()));
    }

    #[test]
    fn a_probe_that_fails_is_an_error_or_left_out() {
        let configuration = json!({
            "none": probe("python", json!(null)),
            "bad": probe("process", json!({"status": 3, "stderr": "no such thing\n"})),
            "unknown": probe("telepathy", json!(1)),
            "good": probe("python", json!("x")),
        });
        let (_, _, problems, _) = asked(configuration.clone(), json!({}), &Policy::FRACAS);
        let expected = [
            "the configuration `none` is not known: its probe failed: no",
            "the configuration `bad` is not known: its probe failed: it ended with status 3: no such thing",
            "no provider is called `telepathy`",
        ];
        assert_eq!(problems, expected);
        let (_, values, problems, lines) = asked(configuration, json!({}), &Policy::CHAOS_TOOLKIT);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(Value::Object(values.configuration), json!({"good": "x"}));
        assert_eq!(lines, [SOME_FAILED]);
    }

    #[test]
    fn a_probe_without_a_provider_is_always_an_error() {
        let configuration = json!({"x": {"type": "probe", "name": "x"}});
        for policy in [Policy::FRACAS, Policy::CHAOS_TOOLKIT] {
            let (_, _, problems, _) = asked(configuration.clone(), json!({}), &policy);
            assert_eq!(problems, ["the probe of the configuration `x` has no provider"]);
        }
    }

    #[test]
    fn the_experiment_shows_secrets_only_where_that_is_wanted() {
        let configuration = json!({"x": probe("python", json!(1))});
        let secrets = json!({"g": {"key": "hunter22"}});
        let (document, ..) = asked(configuration.clone(), secrets.clone(), &Policy::FRACAS);
        assert_eq!(document["configuration"], configuration);
        let (document, ..) = asked(configuration, secrets.clone(), &Policy::CHAOS_TOOLKIT);
        assert_eq!(document["configuration"]["x"]["provider"]["secrets"], secrets);
    }

    #[test]
    fn secrets_of_the_vault_go_where_they_are_declared() {
        let secrets = json!({
            "all": {"type": "vault", "path": "a"},
            "db": {"user": "me", "deep": {"key": {"type": "vault", "path": "b", "key": "k"}}},
        });
        let address = json!({"vault_addr": "http://v"});
        let (_, values, problems, _) = asked(address.clone(), secrets.clone(), &Policy::FRACAS);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(values.secrets["all"], json!({"all": "of it"}));
        assert_eq!(values.secrets["db"], json!({"user": "me", "deep": {"key": "the k"}}));
        assert_eq!(asked(json!({}), secrets, &Policy::FRACAS).2, ["no way in"]);
        let secrets =
            json!({"g": {"a": {"type": "vault", "path": "none"}, "b": {"type": "vault", "path": "none"}}});
        let (_, _, problems, _) = asked(address, secrets, &Policy::FRACAS);
        assert_eq!(problems, ["there is no such secret", "there is no such secret"]);
    }
}
