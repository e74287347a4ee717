//! What the tests of all providers need: activities from JSON, and ears.

use std::cell::RefCell;
use std::io;

use fracas_engine::{Changes, Context, Provider, Stop, Surroundings, Tell, Values, parse_document};
use fracas_model::{
    Activity, ActivityKind, Choice, Failure, Format, Level, OnFailure, Pauses, Policy, Problem, Problems,
    Source,
};
use futures_util::future::FutureExt;
use indexmap::IndexMap;
use serde_json::{Value, json};

/// An activity whose provider is this JSON.
pub fn activity(kind: ActivityKind, provider: &Value) -> Activity {
    activity_of(kind, &serde_json::to_string_pretty(provider).unwrap())
}

/// An activity whose provider is this text of JSON.
pub fn activity_of(kind: ActivityKind, provider: &str) -> Activity {
    let source = Source { name: "test.json".into(), text: provider.into(), format: Format::Json };
    let provider = parse_document(&source).0.unwrap();
    Activity {
        name: "test".into(),
        kind,
        provider_type: provider.get("type").and_then(|kind| kind.as_str()).unwrap_or_default().into(),
        span: provider.span,
        document: json!({"name": "test", "provider": provider.to_json()}).into(),
        provider,
        pauses: Pauses::default(),
        tolerance: None,
        dry: None,
        timeout: None,
        on_failure: OnFailure::default(),
        retry: None,
        save: IndexMap::new(),
    }
}

/// Remembers what it is told.
#[derive(Default)]
pub struct Ears {
    pub lines: RefCell<Vec<(Level, String)>>,
    pub groups: RefCell<Vec<u32>>,
    pub choices: RefCell<Vec<Choice>>,
    pub stops: RefCell<Vec<Stop>>,
    pub changes: RefCell<Vec<Changes>>,
    /// Whether the run log is full.
    pub deaf: bool,
}

impl Tell for Ears {
    fn log(&self, level: Level, message: String) {
        self.lines.borrow_mut().push((level, message));
    }

    fn process_started(&self, group: u32) -> io::Result<()> {
        self.groups.borrow_mut().push(group);
        if self.deaf { Err(io::Error::other("no space left on device")) } else { Ok(()) }
    }

    fn chose(&self, choice: Choice) -> io::Result<()> {
        self.choices.borrow_mut().push(choice);
        if self.deaf { Err(io::Error::other("no space left on device")) } else { Ok(()) }
    }

    fn stop(&self, stop: Stop) {
        self.stops.borrow_mut().push(stop);
    }

    fn changed(&self, changes: Changes) {
        self.changes.borrow_mut().push(changes);
    }
}

/// Carries an activity out without any values.
pub async fn carry_out(provider: &dyn Provider, activity: &Activity) -> Result<Value, Failure> {
    let values = Values::default();
    provider
        .carry_out(
            activity,
            &Context { values: &values, policy: &Policy::FRACAS, tell: &Ears::default(), place: "" },
        )
        .await
}

/// What the check of an activity finds without any values.
pub fn problems(provider: &dyn Provider, kind: ActivityKind, text: &str) -> String {
    problems_with(provider, kind, text, &Values::default())
}

/// What the check of an activity finds: a line each, with the text that it points at.
pub fn problems_with(provider: &dyn Provider, kind: ActivityKind, text: &str, values: &Values) -> String {
    let mut problems = Problems::default();
    let surroundings = Surroundings { values, running: false, policy: &Policy::FRACAS };
    let activity = activity_of(kind, text);
    provider.check(&activity, &surroundings, &mut problems).now_or_never().expect("nothing is waited for");
    told(text, &problems)
}

/// Problems of a text, each with the text that it points at.
pub fn told(text: &str, problems: &Problems) -> String {
    let line = |problem: &Problem| {
        let place = problem.span.map_or("nowhere", |span| &text[span.start..span.end]);
        let Problem { severity, message, label, help, .. } = problem;
        format!("{severity:?} at {place}\n  {message}\n  label: {label}\n  help: {help}\n")
    };
    problems.0.iter().map(line).collect()
}

/// Problems of a text, a line each, with the number of the line that each is about.
pub fn lines(text: &str, problems: &Problems) -> String {
    let line = |problem: &Problem| {
        let before = &text[..problem.span.unwrap_or_default().start];
        format!("line {}: {} {}\n", before.matches('\n').count() + 1, problem.message, problem.help)
    };
    problems.0.iter().map(line).collect()
}
