//! Experiments that are not valid, beside chaoslib's validation: its words for the first thing that
//! it finds, and a clear error where it crashes.

use std::io::Write as _;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use fracas_engine::{Context, Given, Provider, Providers, Surroundings, check, experiment_of, resolve};
use fracas_model::{Activity, Failure, Node, Policy, Problems};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

fn process(name: &str) -> Value {
    json!({"name": name, "type": "action", "provider": {"type": "process", "path": "true"}})
}

fn probe(name: &str) -> Value {
    json!({"name": name, "type": "probe", "tolerance": 0, "provider": {"type": "process", "path": "true"}})
}

fn valid() -> Value {
    json!({
        "title": "t",
        "description": "d",
        "tags": ["a"],
        "extensions": [{"name": "e"}],
        "configuration": {"a": 1},
        "secrets": {"g": {"a": "b"}},
        "controls": [{"name": "c", "provider": {"type": "other"}}],
        "steady-state-hypothesis": {"title": "h", "probes": [probe("p")]},
        "method": [process("m"), {"ref": "p"}],
        "rollbacks": [process("r")],
    })
}

/// Changes of the valid experiment: a JSON pointer, and what stands there then; null takes it away.
fn changes() -> Vec<(&'static str, Value)> {
    let nothing = || json!({"absent": true});
    let wrong = || {
        [
            json!(null),
            json!(""),
            json!(0),
            json!(5),
            json!("text"),
            json!([]),
            json!({}),
            json!([1]),
            json!(true),
        ]
    };
    let mut changes: Vec<(&str, Value)> = Vec::new();
    for place in PLACES {
        changes.push((place, nothing()));
        changes.extend(wrong().map(|value| (place, value)));
    }
    let more = [
        ("/method/0/background", json!("yes")),
        ("/method/0/background", json!(true)),
        ("/method/0/background", json!(null)),
        ("/method/0/timeout", json!("5")),
        ("/method/0/timeout", json!(5)),
        ("/method/0/timeout", json!(true)),
        ("/method/0/timeout", json!(null)),
        ("/method/0/pauses", json!({"before": "5"})),
        ("/method/0/pauses", json!({"after": "${x"})),
        ("/method/0/pauses", json!({"before": "${a}", "after": 1.5})),
        ("/method/0/pauses", json!({"before": null})),
        ("/method/0/type", json!("other")),
        ("/method/0/provider/type", json!("other")),
        ("/method/1/ref", json!("nowhere")),
        ("/method/1/ref", json!("r")),
        ("/steady-state-hypothesis/probes/0", json!({"ref": "m"})),
        ("/steady-state-hypothesis/probes/0", json!({"ref": "m", "tolerance": 1})),
        ("/controls/0/scope", json!("before")),
        ("/controls/0/scope", json!("between")),
        ("/controls/0/scope", json!("")),
        ("/controls/0", json!({"ref": "c"})),
        ("/controls/0", json!({"ref": "c", "name": "d", "provider": {}})),
        ("/controls/0/provider", json!({"type": "python"})),
        ("/method/0/controls", json!([{"ref": "c", "name": "d", "provider": {}}])),
        ("/method/0/controls", json!([{"name": "d"}])),
        ("/rollbacks/0/controls", json!([{"provider": {}}])),
        ("/configuration/a", json!({"type": "env", "key": "FRACAS_NEVER_SET"})),
        ("/secrets/g/a", json!({"type": "env", "key": "FRACAS_NEVER_SET"})),
        ("/tags", json!(["a", ""])),
        ("/extensions", json!([{"name": " "}])),
    ];
    changes.extend(more);
    changes
}

/// Where each kind of wrong value is put.
const PLACES: [&str; 27] = [
    "/title",
    "/description",
    "/tags",
    "/extensions",
    "/extensions/0",
    "/configuration",
    "/secrets",
    "/controls",
    "/controls/0",
    "/controls/0/name",
    "/controls/0/provider",
    "/steady-state-hypothesis",
    "/steady-state-hypothesis/title",
    "/steady-state-hypothesis/probes",
    "/steady-state-hypothesis/probes/0",
    "/steady-state-hypothesis/probes/0/tolerance",
    "/method",
    "/method/0",
    "/method/0/name",
    "/method/0/type",
    "/method/0/provider",
    "/method/0/provider/type",
    "/method/0/pauses",
    "/method/1/ref",
    "/rollbacks",
    "/rollbacks/0",
    "/rollbacks/0/provider",
];

fn changed(mut experiment: Value, (place, value): &(&str, Value)) -> Value {
    let (parent, key) = place.rsplit_once('/').expect("it is a pointer");
    let parent = experiment.pointer_mut(parent).expect("it is there");
    let is_absent = value.get("absent").is_some();
    match parent {
        Value::Object(map) if is_absent => {
            map.shift_remove(key);
        }
        Value::Object(map) => {
            map.insert(key.to_owned(), value.clone());
        }
        Value::Array(items) if is_absent => {
            items.remove(key.parse().expect("it is an index"));
        }
        other => other[key.parse::<usize>().expect("it is an index")] = value.clone(),
    }
    experiment
}

fn theirs(experiments: &[Value]) -> Vec<String> {
    let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/validation.py");
    let mut command = Command::new(python);
    let mut child =
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(json!(experiments).to_string().as_bytes()).expect("Python reads");
    drop(input);
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("it writes JSON")
}

/// A provider that finds nothing wrong.
struct Content;

impl Provider for Content {
    fn check<'a>(
        &'a self,
        _: &'a Activity,
        _: &'a Surroundings<'a>,
        _: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn carry_out<'a>(
        &'a self,
        _: &'a Activity,
        _: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        unreachable!("nothing is run")
    }
}

fn ours(experiment: &Value) -> String {
    let (parsed, mut problems) = experiment_of(&Arc::new(Node::from(experiment)));
    if let Some(experiment) = parsed {
        let given = Given::default();
        let values = resolve(&experiment, &|_| None, &given, &Policy::CHAOS_TOOLKIT, &mut problems);
        let providers = Providers::new().with("process", Content);
        let surroundings = Surroundings { values: &values, running: false, policy: &Policy::FRACAS };
        let mut checked = pin!(check(&experiment, &providers, &surroundings, &mut problems));
        let polled = checked.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(()));
    }
    problems.first_words().unwrap_or("valid").to_owned()
}

/// What only fracas refuses: `place` and the beginning of its message.
const REFUSED: [(&str, &str); 13] = [
    ("/controls/0/name", "a control needs a name"),
    ("/tags", "`tags` is a list"),
    ("/controls", "`controls` is a list"),
    ("/rollbacks", "`rollbacks` is a list"),
    ("/title", "the title of an experiment is a text"),
    ("/description", "the description of an experiment is a text"),
    ("/steady-state-hypothesis/title", "the title of a hypothesis is a text"),
    ("/controls/0/name", "the name of a control is a text"),
    ("/controls/0/provider", "a control's provider is an object"),
    ("/method/0/name", "the name of an activity is a text"),
    ("/method/0/pauses", "`pauses` is an object"),
    ("/steady-state-hypothesis/probes", "`probes` is a list"),
    ("/steady-state-hypothesis", "`steady-state-hypothesis` is an object"),
];

#[test]
fn the_first_thing_that_is_wrong_is_the_references() {
    let changes = changes();
    let experiments: Vec<Value> = changes.iter().map(|change| changed(valid(), change)).collect();
    let mut differences = Vec::new();
    for ((change, experiment), theirs) in changes.iter().zip(&experiments).zip(theirs(&experiments)) {
        let ours = ours(experiment);
        let refused = REFUSED.iter().any(|(place, message)| change.0 == *place && ours.starts_with(message));
        let alike = if theirs.starts_with("crash") { ours != "valid" } else { ours == theirs || refused };
        if !alike {
            differences.push(format!("{} = {}\n  theirs: {theirs}\n  ours:   {ours}", change.0, change.1));
        }
    }
    println!("{} experiments", experiments.len());
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
