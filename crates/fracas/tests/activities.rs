//! The activities of the catalogue beside chaosaws: every scenario of `tests/activities/PACKAGE/ACTIVITY` is played by
//! both against the same AWS, and the results, the errors' words and the calls made have to be the same.
//!
//! A scenario is a YAML file, see [`Scenario`]. What differs on purpose says why, and what is expected instead; a
//! difference that is not there fails, too. What is drawn has to be in the journal with its seed, which draws it again. `FRACAS_ACTIVITY=stop_instance` plays the scenarios of some activities only.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::peer::Peer;
use support::{fracas, root};
use tempfile::TempDir;

/// What a file says.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it shows, in a sentence.
    why: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    /// Arguments that only fracas has.
    #[serde(default)]
    own_arguments: Map<String, Value>,
    #[serde(default)]
    configuration: Map<String, Value>,
    /// What AWS answers, by service and operation: outputs as boto3 shows them, or `error`; the last one stays.
    #[serde(default)]
    answers: Map<String, Value>,
    /// Where fracas differs, and what it does instead; what is not named is the same.
    differs: Option<Expected>,
    /// Why there is nothing to compare with; all is expected here then.
    alone: Option<Expected>,
}

/// What is expected of fracas.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Expected {
    why: String,
    /// Null is an output, too.
    #[serde(default, deserialize_with = "given")]
    output: Option<Value>,
    error: Option<String>,
    /// The operations that are called, in order; as `{operation: body}` with what is sent as JSON.
    calls: Option<Vec<Value>>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What came of an activity.
#[derive(Default)]
struct Outcome {
    output: Option<Value>,
    error: Option<String>,
    calls: Vec<Value>,
    /// What the journal tells of what was drawn, with a seed each.
    drawn: Vec<Value>,
    /// Whether Python's `random` was asked.
    drew: bool,
}

/// The folder of a scenario's activity, and the file.
struct Found {
    activity: String,
    name: String,
    scenario: Scenario,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let packages = folders(&root().join("tests/activities"));
    let trial = |package: PathBuf| Trial::test(name(&package), move || play(&package));
    libtest_mimic::run(&arguments, packages.into_iter().map(trial).collect()).exit_code()
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// Plays the scenarios of a package.
fn play(package: &Path) -> Result<(), Failed> {
    let mut peer = Peer::start();
    let scenarios = scenarios(package);
    let mut wrong = Vec::new();
    for found in &scenarios {
        let differences = compare(&mut peer, &name(package), found);
        if !differences.is_empty() {
            wrong.push(format!("{}/{}: {}\n{differences}", found.activity, found.name, found.scenario.why));
        }
    }
    let right = scenarios.len() - wrong.len();
    println!("activities: {}: {right} of {} scenarios", name(package), scenarios.len());
    for Found { activity, name, scenario } in &scenarios {
        if let Some(expected) = scenario.differs.as_ref().or(scenario.alone.as_ref()) {
            println!("activities:   {activity}/{name}: {}", expected.why);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn scenarios(package: &Path) -> Vec<Found> {
    let only = std::env::var("FRACAS_ACTIVITY").ok();
    let mut found = Vec::new();
    for folder in folders(package) {
        let activity = name(&folder);
        if only.as_ref().is_some_and(|only| *only != activity) {
            continue;
        }
        for file in folders(&folder) {
            let text = fs::read_to_string(&file).expect("it can be read");
            let node =
                fracas_engine::parse_yaml(&text).unwrap_or_else(|problems| panic!("{file:?}: {problems:?}"));
            let scenario = serde_json::from_value(node.to_json());
            let scenario = scenario.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            found.push(Found { activity: activity.clone(), name: name(&file), scenario });
        }
    }
    found
}

fn compare(peer: &mut Peer, package: &str, found: &Found) -> String {
    let scenario = &found.scenario;
    let module = |kind: &str| format!("chaosaws.{package}.{kind}");
    let module = module(kind_of(&root(), package, &found.activity));
    let provider = json!({"module": module, "func": found.activity, "arguments": scenario.arguments});
    let question =
        json!({"provider": provider, "answers": scenario.answers, "configuration": scenario.configuration});
    let ours = peer.play_fracas(&question, scenario);
    let changes = peer.changes_when_planned(&question, scenario);
    if !changes.is_empty() {
        return format!("  the plan changes something: {changes:#?}\n");
    }
    let unlike = peer.draw_again(&question, scenario, &ours);
    if !unlike.is_empty() {
        return unlike;
    }
    if let Some(alone) = &scenario.alone {
        return unexpected(alone, &ours, None);
    }
    let theirs = Outcome::of(peer.ask(&json!({"act": question})));
    if theirs.drew && scenario.differs.is_none() && ours.drawn.is_empty() {
        return "  chaosaws draws, but nothing that is drawn is in the journal\n".to_owned();
    }
    match &scenario.differs {
        Some(expected) => {
            let same = differences(&theirs, &ours).is_empty();
            let same = if same { "both sides do the same\n" } else { "" };
            unexpected(expected, &ours, Some(&theirs)) + same
        }
        None => differences(&theirs, &ours),
    }
}

/// `actions` or `probes`, as the catalogue says.
fn kind_of(root: &Path, package: &str, activity: &str) -> &'static str {
    let path = root.join("catalogue/aws").join(package).with_extension("yaml");
    let text = fs::read_to_string(path).expect("the package's file can be read");
    let node = fracas_engine::parse_yaml(&text).expect("it is YAML").to_json();
    let kind = &node["activities"][activity]["kind"];
    if kind == "probe" { "probes" } else { "actions" }
}

/// What is not as a scenario says, or where that says nothing, as the reference does.
fn unexpected(expected: &Expected, ours: &Outcome, theirs: Option<&Outcome>) -> String {
    let says_outcome = expected.output.is_some() || expected.error.is_some();
    let outcome = match (says_outcome, theirs) {
        (false, Some(theirs)) => (theirs.output.clone(), theirs.error.clone()),
        _ => (expected.output.clone(), expected.error.clone()),
    };
    let operations = |outcome: &Outcome| outcome.calls.iter().map(|call| call["operation"].clone()).collect();
    let calls: Vec<Value> = match (&expected.calls, theirs) {
        (Some(calls), _) => calls.clone(),
        (None, Some(theirs)) => operations(theirs),
        (None, None) => Vec::new(),
    };
    let our_calls = ours.calls.iter().enumerate();
    let our_calls: Vec<Value> = our_calls
        .map(|(place, call)| call_as(calls.get(place).is_some_and(Value::is_object), call))
        .collect();
    [
        difference(
            "output",
            &json!(outcome.0.map(without_metadata)),
            &json!(ours.output.clone().map(without_metadata)),
        ),
        difference("error", &json!(outcome.1), &json!(ours.error)),
        difference("calls", &json!(calls), &json!(our_calls)),
    ]
    .concat()
}

/// The operation of a call, or with what is sent.
fn call_as(with_body: bool, call: &Value) -> Value {
    let operation = call["operation"].as_str().expect("every call has one");
    match with_body {
        true => {
            let body = call["body"].as_str().unwrap_or_default();
            json!({operation: serde_json::from_str(body).unwrap_or_else(|_| Value::from(body))})
        }
        false => operation.into(),
    }
}

/// Expected outputs are written without what every answer has.
fn without_metadata(mut output: Value) -> Value {
    match &mut output {
        Value::Object(entries) => _ = entries.shift_remove("ResponseMetadata"),
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_metadata(item.take())),
        _ => {}
    }
    output
}

fn differences(theirs: &Outcome, ours: &Outcome) -> String {
    [
        difference("output", &json!(theirs.output), &json!(ours.output)),
        difference("error", &json!(theirs.error), &json!(ours.error)),
        difference("calls", &json!(theirs.calls), &json!(ours.calls)),
    ]
    .concat()
}

fn difference(what: &str, theirs: &Value, ours: &Value) -> String {
    let [theirs, ours] = [theirs, ours]
        .map(|side| without_chance(&serde_json::to_string_pretty(&sorted(side)).expect("JSON")));
    match theirs == ours {
        true => String::new(),
        false => format!("  {what}:\n    expected {theirs}\n    fracas   {ours}\n"),
    }
}

/// The order of keys is nobody's business.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries: BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            json!(entries)
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Tokens that are drawn, moments near the present, and what tells runs apart: the id of one, or of a thread in Python.
fn without_chance(text: &str) -> String {
    thread_local! {
        static CHANCE: [Regex; 4] = [
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "20(2[6-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}T[0-9]{2}(:|%3A)[0-9]{2}(:|%3A)[0-9]{2}(\\.[0-9]+)?(Z|\\+00:00)?",
            "\\b1[7-9][0-9]{8}(\\.[0-9]+)?\\b",
            "\\b(20[0-9]{6}-[0-9]{6}-[0-9]{6}|1[2-4][0-9]{13})\\b",
        ].map(|pattern| Regex::new(pattern).expect("a pattern"));
    }
    CHANCE.with(|chance| {
        chance.iter().fold(text.to_owned(), |text, part| part.replace_all(&text, "CHANCE").into_owned())
    })
}

impl Outcome {
    fn of(mut answer: Value) -> Outcome {
        let text = |name: &str| answer[name].as_str().map(|text| text.trim_end().to_owned());
        let (error, crash) = (text("error"), text("crash"));
        Outcome {
            error: error.or(crash),
            output: answer.get_mut("output").map(Value::take),
            calls: answer["calls"].as_array().cloned().unwrap_or_default(),
            drawn: Vec::new(),
            drew: answer["drew"] == true,
        }
    }
}

impl Peer {
    /// Runs an experiment with this one activity.
    fn play_fracas(&mut self, question: &Value, scenario: &Scenario) -> Outcome {
        let folder = experiment(question, scenario);
        let ended = self.fracas(&["run", "--no-validation", "experiment.json"], &folder, question);
        let journal = fs::read_to_string(folder.path().join("journal.json"));
        let journal =
            journal.unwrap_or_else(|_| panic!("no journal: {}", String::from_utf8_lossy(&ended.stderr)));
        let journal: Value = serde_json::from_str(&journal).expect("a journal");
        let run = &journal["run"][0];
        let choices = run["choices"].as_array().into_iter().flatten();
        Outcome {
            drawn: choices.filter(|choice| !choice["seed"].is_null()).cloned().collect(),
            drew: false,
            output: (run["status"] == "succeeded").then(|| run["output"].clone()),
            error: run["exception"].as_array().map(|lines| words(lines)),
            calls: self.calls(),
        }
    }

    /// What is not drawn as the seed says, or not drawn again with the seed that is in the journal.
    fn draw_again(&mut self, question: &Value, scenario: &Scenario, ours: &Outcome) -> String {
        let Some(seed) = ours.drawn.first().map(|choice| choice["seed"].clone()) else {
            return String::new();
        };
        let mut seeded = scenario.clone();
        match scenario.own_arguments.get("seed").or(scenario.arguments.get("seed")) {
            Some(given) if *given == seed => return String::new(),
            Some(given) => return format!("  drawn with the seed {seed} instead of {given}\n"),
            None => seeded.own_arguments.insert("seed".to_owned(), seed),
        };
        let again = self.play_fracas(question, &seeded);
        difference("drawn again", &json!(ours.drawn), &json!(again.drawn))
    }

    /// The calls that reach AWS when the experiment is only planned, but for those whose names say that they read.
    fn changes_when_planned(&mut self, question: &Value, scenario: &Scenario) -> Vec<Value> {
        const READING: [&str; 6] = ["Describe", "List", "Get", "BatchGet", "Head", "TestDNSAnswer"];
        let folder = experiment(question, scenario);
        self.fracas(&["plan", "experiment.json"], &folder, question);
        let mut calls = self.calls();
        calls.retain(|call| {
            let operation = call["operation"].as_str().unwrap_or_default();
            let name = operation.split_once('.').map_or(operation, |(_, name)| name);
            !READING.iter().any(|verb| name.starts_with(verb))
        });
        calls
    }

    /// Runs fracas against the scenario's AWS.
    fn fracas(&mut self, args: &[&str], folder: &TempDir, question: &Value) -> Output {
        self.ask(&json!({"answers": question}));
        Command::new(fracas())
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs([
                ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_MAX_ATTEMPTS", "1"),
                ("TZ", "UTC"),
            ])
            .env("HOME", folder.path())
            .output()
            .expect("fracas starts")
    }

    fn calls(&mut self) -> Vec<Value> {
        let calls = self.ask(&json!({"calls": true}));
        calls["calls"].as_array().cloned().unwrap_or_default()
    }
}

/// A folder with an experiment that has this one activity.
fn experiment(question: &Value, scenario: &Scenario) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut provider = question["provider"].clone();
    provider["type"] = json!("python");
    for (name, value) in &scenario.own_arguments {
        provider["arguments"][name] = value.clone();
    }
    let mut configuration = scenario.configuration.clone();
    configuration.entry("aws_region").or_insert_with(|| json!("us-east-1"));
    take_along(&mut provider, folder.path());
    let experiment = json!({
        "title": "one activity", "description": "-", "configuration": configuration,
        "method": [{"type": "action", "name": "it", "provider": provider}],
    });
    fs::write(folder.path().join("experiment.json"), experiment.to_string()).expect("it is written");
    folder
}

/// With `FRACAS_CATALOGUE=now` the package's file is read as it is now, though the program was built without it.
fn take_along(provider: &mut Value, folder: &Path) {
    if std::env::var_os("FRACAS_CATALOGUE").is_none() {
        return;
    }
    let module = provider["module"].as_str().expect("a module").to_owned();
    let package = module.split('.').nth(1).expect("a package");
    let own = folder.join("fracas/aws");
    fs::create_dir_all(&own).expect("a folder");
    let file = root().join("catalogue/aws").join(package).with_extension("yaml");
    fs::copy(file, own.join(format!("now_{package}.yaml"))).expect("it is copied");
    provider["module"] = module.replace(&format!(".{package}."), &format!(".now_{package}.")).into();
}

/// The error as chaosaws raised it: without the class that the engine puts around it.
fn words(lines: &[Value]) -> String {
    let text: String = lines.iter().filter_map(Value::as_str).collect();
    let text =
        text.split_once("chaoslib.exceptions.ActivityFailed: ").map_or(text.as_str(), |(_, words)| words);
    text.trim_end().to_owned()
}
