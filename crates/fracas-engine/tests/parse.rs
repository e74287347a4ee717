//! What experiments may say beyond the plainest, and what is said about mistakes in it.

use std::sync::Arc;

use fracas_engine::{activity_of, experiment_of, with_value};
use fracas_model::*;
use serde_json::{Value, json};

fn parsed(document: &Value) -> (Option<Experiment>, Problems) {
    experiment_of(&Arc::new(Node::from(document)))
}

fn probe(more: Value) -> Value {
    let mut probe = json!({"name": "p", "type": "probe", "provider": {"type": "process", "path": "true"}});
    probe.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    probe
}

fn with_method(method: Value) -> Value {
    json!({"title": "t", "description": "d", "method": method})
}

fn activity(more: Value) -> Activity {
    let (activity, problems) = activity_of(&Node::from(&probe(more)));
    assert!(!problems.has_errors(), "{problems:?}");
    activity.unwrap()
}

#[test]
fn reads_what_activities_may_ask_for() {
    let read = activity(json!({
        "dry": "actions", "timeout": 1.5, "on-failure": "abort", "tolerance": 0,
        "retry": {"every": 1, "for": 10}, "save": {"id": "stdout", "whole": "@"},
        "pauses": {"before": true, "after": "${later}"},
    }));
    assert_eq!(read.dry, Some(Dry::Actions));
    assert_eq!(read.timeout, Some(1.5));
    assert_eq!(read.on_failure, OnFailure::Abort);
    assert_eq!(read.retry, Some(Retry { every: 1.0, within: 10.0 }));
    assert_eq!(read.save.get("id").map(String::as_str), Some("stdout"));
    assert_eq!(read.pauses, Pauses { before: json!(true), after: json!("${later}") });
}

#[test]
fn a_runtime_block_resets_the_strategies_that_it_does_not_name() {
    let runtime = |runtime: Value| {
        let mut document = with_method(json!([]));
        document["runtime"] = runtime;
        parsed(&document).0.unwrap().runtime
    };
    assert_eq!(runtime(json!({})), Runtime::default());
    let strict = runtime(json!({"strict-probes": true}));
    assert!(strict.strict_probes);
    assert_eq!(strict.hypothesis, Some(HypothesisStrategy::Default));
    assert_eq!(strict.rollbacks, Some(RollbackStrategy::Default));
    let misspelt = runtime(json!({"hypothesis": {"strategy": "continously"}}));
    assert_eq!(misspelt.hypothesis, Some(HypothesisStrategy::Continuously));
    let skipping = runtime(json!({"hypothesis": {"strategy": "skip"}}));
    assert_eq!(skipping.hypothesis, Some(HypothesisStrategy::Skip));
}

#[test]
fn beside_a_reference_only_background_and_the_tolerance_of_the_hypothesis_count() {
    let mut document = with_method(json!([
        probe(json!({"tolerance": 5, "background": true})),
        {"ref": "p", "background": true, "tolerance": 6},
        {"ref": "p"},
    ]));
    document["steady-state-hypothesis"] =
        json!({"title": "h", "probes": [{"ref": "p", "tolerance": 7, "name": "other"}]});
    let (experiment, problems) = parsed(&document);
    assert!(!problems.has_errors(), "{problems:?}");
    let Experiment { method, hypothesis, .. } = experiment.unwrap();
    assert_eq!(method.iter().map(|step| step.background).collect::<Vec<_>>(), [true, true, false]);
    let tolerance = |step: &Step| match &step.activity.tolerance {
        Some(Tolerance::Equal(value)) => value.clone(),
        _ => Value::Null,
    };
    assert_eq!(tolerance(&method[1]), json!(5));
    let checked = &hypothesis.unwrap().probes[0];
    assert_eq!(tolerance(checked), json!(7));
    assert_eq!((checked.activity.name.as_str(), &checked.declared_name), ("p", &None));
    assert_eq!(checked.activity.document["tolerance"], json!(5));
}

#[test]
fn a_probe_as_tolerance_is_given_the_output() {
    let tolerance = probe(json!({"name": "judge"}));
    let read = activity(json!({"tolerance": tolerance}));
    let Some(Tolerance::Probe(judge)) = read.tolerance else { panic!("{:?}", read.tolerance) };
    assert_eq!(judge.document["name"], json!("judge"));
    let given = with_value(&judge, &json!({"a": 1}));
    assert_eq!(given.provider.get("arguments").unwrap().to_json(), json!({"value": {"a": 1}}));
    let again = with_value(&given, &json!(2));
    assert_eq!(again.provider.get("arguments").unwrap().to_json(), json!({"value": 2}));
}

#[test]
fn controls_of_all_levels_are_found() {
    let control = |name: &str| json!([{"name": name, "provider": {"type": "python", "module": "m"}}]);
    let mut document = with_method(json!([probe(json!({"controls": control("c")}))]));
    document["controls"] = control("a");
    document["steady-state-hypothesis"] = json!({"title": "h", "controls": control("b")});
    let (experiment, problems) = parsed(&document);
    assert!(!problems.has_errors(), "{problems:?}");
    let names: Vec<Value> =
        experiment.unwrap().controls.iter().map(|control| control.get("name").unwrap().to_json()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn each_mistake_has_its_words() {
    let mistakes = [
        json!({"dry": "everything"}),
        json!({"dry": 1}),
        json!({"timeout": "5"}),
        json!({"timeout": -1}),
        json!({"on-failure": "stop"}),
        json!({"retry": 3}),
        json!({"retry": {"every": 0}}),
        json!({"tolerance": 0, "retry": {"evry": 1, "every": 1, "for": 5}}),
        json!({"save": ["a"]}),
        json!({"save": {"a-b": "x", "c": 1, "d": "a["}}),
        json!({"pauses": {"before": -1}}),
        json!({"pauses": null}),
        json!({"background": "yes"}),
        json!({"tolerance": {"type": "regex", "pattern": "("}}),
        json!({"tolerance": {"type": "regex", "pattern": "a", "target": 5}}),
        json!({"tolerance": {"type": "regex", "pattern": "\\N{DASH}"}}),
        json!({"tolerance": {"type": "jsonpath", "path": "$.a["}}),
        json!({"tolerance": {"type": "jsonpath", "path": "$.size()", "count": 1}}),
        json!({"tolerance": {"type": "jsonpath", "paht": "$"}}),
        json!({"tolerance": {"type": "probe", "name": "judge"}}),
        json!({"tolerance": {"type": "between"}}),
        json!({"controls": [{"provider": {"type": "python"}, "scope": "during", "automatic": 1}]}),
    ];
    let told = mistakes.map(|mistake| {
        let (_, problems) = parsed(&with_method(json!([probe(mistake.clone())])));
        assert!(!problems.0.is_empty(), "{mistake}");
        let told = |problem: &Problem| format!("\n    {}\n      {}", problem.message, problem.help);
        format!("{mistake}{}", problems.0.iter().map(told).collect::<String>())
    });
    insta::assert_snapshot!(told.join("\n"));
}
