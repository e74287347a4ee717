//! Every activity of chaosaws is there, under its name and with its arguments, and none needs Python.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{fracas, python, root};

/// Here the reference has an argument between `configuration` and `secrets`, which come last for fracas. Both are given
/// by name.
const LATE: &str = "wait_desired_equals_healthy";

/// The names in the list: those that chaosaws exports, and others.
fn names() -> (Vec<String>, Vec<String>) {
    let list = fs::read_to_string(root().join("tests/chaosaws.txt")).expect("the list can be read");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let (hidden, exported): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("- "));
    let hidden = hidden.iter().map(|line| line.trim_start_matches("- ").to_owned());
    (exported.into_iter().map(str::to_owned).collect(), hidden.collect())
}

fn name(activity: &Value) -> String {
    let text = |key: &str| activity[key].as_str().expect("it has one").to_owned();
    format!("{}.{}", text("mod"), text("name"))
}

/// What chaosaws tells of what it exports, and the names of the rest.
fn reference() -> (Vec<Value>, Vec<String>) {
    let script = root().join("crates/fracas/tests/support/activities/names.py");
    let output =
        Command::new(python()).args(["-B", "-W", "ignore"]).arg(script).output().expect("Python starts");
    let mut all: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let of = |value: Value| serde_json::from_value(value).expect("a list");
    (of(all["exported"].take()), serde_json::from_value(all["hidden"].take()).expect("a list"))
}

fn fracas_without_python(folder: &Path, args: &[&str]) -> Output {
    Command::new(fracas())
        .args(["--python", "/nonexistent/python3"])
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .expect("fracas starts")
}

/// What fracas tells without a Python.
fn discovered() -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let output = fracas_without_python(folder.path(), &["discover", "chaostoolkit-aws", "--no-install"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.path().join("discovery.json")).expect("a discovery");
    let discovery: Value = serde_json::from_str(&text).expect("JSON");
    discovery["activities"].as_array().expect("a list").clone()
}

#[test]
fn the_list_names_all_of_chaosaws() {
    let (mut exported, mut hidden) = names();
    let (all, mut others) = reference();
    let mut all: Vec<String> = all.iter().map(name).collect();
    for list in [&mut exported, &mut hidden, &mut all, &mut others] {
        list.sort();
    }
    assert_eq!(exported, all);
    assert_eq!(hidden, others);
}

#[test]
fn discovery_is_that_of_chaosaws() {
    let ours = discovered();
    let (theirs, _) = reference();
    let mut wrong = String::new();
    for activity in &theirs {
        let full = name(activity);
        let Some(found) = ours.iter().find(|found| name(found) == full) else {
            wrong += &format!("{full} is missing\n");
            continue;
        };
        let (expected, found) = (comparable(activity, activity), comparable(found, activity));
        if expected != found {
            wrong += &format!("{full}\n  expected {expected}\n  fracas   {found}\n");
        }
    }
    let right = theirs.len() - wrong.lines().filter(|line| !line.starts_with(' ')).count();
    println!(
        "activities: {} of {} and the control are told as chaosaws tells them",
        right - 1,
        theirs.len() - 1
    );
    assert!(wrong.is_empty(), "{wrong}");
}

/// All but the words, and but for what differs on purpose.
fn comparable(activity: &Value, theirs: &Value) -> Value {
    let mut arguments = activity["arguments"].as_array().expect("a list").clone();
    if theirs["name"] == LATE {
        arguments.sort_by_key(|argument| argument["name"].to_string());
    }
    let mut comparable = activity.clone();
    comparable["arguments"] = arguments.into();
    comparable["doc"] = Value::Null;
    comparable
}

#[test]
fn no_activity_needs_python() {
    let (exported, hidden) = names();
    let control = "chaosaws.s3.controls.upload.after_experiment_control";
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for full in exported.iter().chain(&hidden).filter(|full| *full != control) {
        let (module, function) = full.rsplit_once('.').expect("a module and a function");
        modules.entry(module).or_default().push(function);
    }
    let known: usize = modules.iter().map(|(module, functions)| known_natively(module, functions)).sum();
    let upload = json!({"type": "python", "module": "chaosaws.s3.controls.upload",
        "arguments": {"bucket_name": "b", "dirpath": "d"}});
    let said = validated(json!([]), json!([{"name": "upload", "provider": upload}]));
    assert!(!said.contains("nonexistent") && !said.contains("error"), "{said}");
    assert_eq!(known + 1, exported.len() + hidden.len());
    println!(
        "activities: {0} of {0} and the control without Python, and {1} that chaosaws does not export",
        exported.len() - 1,
        hidden.len()
    );
}

/// How many of these functions fracas knows by itself: who does not, cannot tell that they lack an argument.
fn known_natively(module: &str, functions: &[&str]) -> usize {
    let kind = if module.ends_with(".actions") { "action" } else { "probe" };
    let step = |function: &&str| {
        let arguments = json!({"no_such": 1});
        let provider = json!({"type": "python", "module": module, "func": function, "arguments": arguments});
        json!({"type": kind, "name": function, "provider": provider})
    };
    let said = validated(functions.iter().map(step).collect(), json!([]));
    let known = |function: &&&str| said.contains(&format!("`{function}` has no argument `no_such`"));
    let count = functions.iter().filter(known).count();
    assert!(count == functions.len() && !said.contains("nonexistent"), "{module}: {said}");
    count
}

/// What is said about an experiment with this method and these controls where there is no Python.
fn validated(method: Value, controls: Value) -> String {
    let experiment = json!({
        "title": "all", "description": "-", "configuration": {"aws_region": "us-east-1"}, "method": method,
        "controls": controls,
    });
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("experiment.json"), experiment.to_string()).expect("it is written");
    let output = fracas_without_python(folder.path(), &["validate", "experiment.json"]);
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn every_activity_has_scenarios() {
    let (exported, hidden) = names();
    let all: Vec<&String> =
        exported.iter().chain(&hidden).filter(|full| !full.contains(".controls.")).collect();
    let mut poor = Vec::new();
    let mut count = 0;
    for full in &all {
        let parts: Vec<&str> = full.split('.').collect();
        let folder = root().join("tests/activities").join(parts[1]).join(parts[3]);
        let found = fs::read_dir(&folder).map_or(0, Iterator::count);
        count += found;
        if found < 2 {
            poor.push(full);
        }
    }
    println!("activities: {count} scenarios of {} activities", all.len());
    assert!(poor.is_empty(), "one success and one failure at least: {poor:#?}");
}
