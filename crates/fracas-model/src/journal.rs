//! The journal: what a run did, in Chaos Toolkit's format.
//!
//! A journal is a pure fold over the events of a run. Keys, their order and their meaning follow
//! Chaos Toolkit's `journal.json`; what fracas adds stands under keys of its own.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use serde::{Serialize, Serializer as Serializing};
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value};

use crate::*;

/// The version of chaostoolkit-lib whose journal format this is.
const FORMAT_VERSION: &str = "1.44.0";

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(remote = "Self")]
pub struct Journal {
    #[serde(rename = "chaoslib-version")]
    chaoslib_version: &'static str,
    platform: String,
    node: String,
    experiment: Value,
    start: Option<Moment>,
    /// How the run ended; none while it has not.
    pub status: Option<Status>,
    /// Whether the steady state no longer held after the method.
    pub deviated: bool,
    /// What the hypothesis's probes saw.
    pub steady_states: SteadyStates,
    /// What the method did.
    pub run: Vec<Run>,
    /// What the rollbacks did.
    pub rollbacks: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(rename = "fracas-version", skip_serializing_if = "Option::is_none")]
    fracas_version: Option<String>,
    #[serde(rename = "run-id", skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    /// What a control made of it.
    #[serde(skip)]
    amended: Option<Value>,
}

/// Serializes what a control made of something, and else the thing itself.
macro_rules! serialize_amended {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializing>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match &self.amended {
                    Some(value) => value.serialize(serializer),
                    None => <$type>::serialize(self, serializer),
                }
            }
        }
    )*};
}

serialize_amended!(Journal, SteadyState, Run);

/// What the hypothesis's probes saw, before, after and during the method.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SteadyStates {
    /// Before the method.
    pub before: Option<SteadyState>,
    /// After the method.
    pub after: Option<SteadyState>,
    /// During the method.
    pub during: Vec<SteadyState>,
}

/// One check of the hypothesis.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(remote = "Self")]
pub struct SteadyState {
    /// Whether every probe was within its tolerance; none while nobody knows.
    pub steady_state_met: Option<bool>,
    /// What each probe saw.
    pub probes: Vec<Run>,
    #[serde(skip)]
    amended: Option<Value>,
}

impl SteadyStates {
    /// The last check in a part of the run.
    pub fn of(&self, phase: Phase) -> Option<&SteadyState> {
        match phase {
            Phase::Before => self.before.as_ref(),
            Phase::During => self.during.last(),
            Phase::After => self.after.as_ref(),
            Phase::Method | Phase::Rollbacks => None,
        }
    }
}

impl SteadyState {
    /// Whether every probe was within its tolerance, or a control says so.
    pub fn is_met(&self) -> bool {
        match &self.amended {
            Some(value) => value.get("steady_state_met").is_some_and(python::truth),
            None => self.steady_state_met == Some(true),
        }
    }

    /// Whether a probe failed, so that nobody can tell.
    pub fn has_failed_probe(&self) -> bool {
        match &self.amended {
            Some(value) => list(value, "probes").any(|probe| probe["status"] != "succeeded"),
            None => self.probes.iter().any(|probe| probe.status() != Some("succeeded")),
        }
    }

    /// The name of the last probe that was asked.
    pub fn last_probe(&self) -> Option<&str> {
        match &self.amended {
            Some(value) => list(value, "probes").last()?.pointer("/activity/name")?.as_str(),
            None => self.probes.last()?.name(),
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// One activity carried out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(remote = "Self")]
pub struct Run {
    /// The activity as declared.
    pub activity: Arc<Value>,
    /// What it gave back.
    pub output: Arc<Value>,
    start: Moment,
    /// `succeeded` or `failed`; none for one that was cut, in a journal as Chaos Toolkit writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Why it failed, as Python prints exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    /// Whether the output was within the tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_met: Option<bool>,
    /// Whether a failed activity may have changed something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happened: Option<Happened>,
    /// How far an activity came that failed or was cut in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Box<Progress>>,
    /// How often it was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u64>,
    /// What of its output was saved for later activities.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<Map<String, Value>>,
    /// What it drew at random, in the order in which it did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Choice>,
    #[serde(skip)]
    amended: Option<Value>,
}

impl Run {
    /// `succeeded` or `failed`, or what a control says.
    pub fn status(&self) -> Option<&str> {
        match &self.amended {
            Some(value) => value.get("status")?.as_str(),
            None => self.status,
        }
    }

    /// The activity's name.
    pub fn name(&self) -> Option<&str> {
        self.activity.get("name")?.as_str()
    }
}

impl Journal {
    /// The experiment as written.
    pub fn experiment(&self) -> &Value {
        &self.experiment
    }

    /// Every activity carried out: before the method, after it, in it, and the rollbacks.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        let SteadyStates { before, during, after } = &self.steady_states;
        let states = before.iter().chain(during).chain(after);
        states.flat_map(|state| &state.probes).chain(&self.run).chain(&self.rollbacks)
    }

    fn runs_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        let SteadyStates { before, during, after } = &mut self.steady_states;
        let states = before.iter_mut().chain(during).chain(after);
        states.flat_map(|state| &mut state.probes).chain(&mut self.run).chain(&mut self.rollbacks)
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal {
            chaoslib_version: FORMAT_VERSION,
            platform: String::new(),
            node: String::new(),
            experiment: Value::Null,
            start: None,
            status: None,
            deviated: false,
            steady_states: SteadyStates::default(),
            run: Vec::new(),
            rollbacks: Vec::new(),
            end: None,
            duration: None,
            fracas_version: None,
            run_id: None,
            amended: None,
        }
    }
}

/// A journal in the making. Each event is taken in as it comes; an activity that has no end yet
/// counts as cut.
#[derive(Default)]
pub struct JournalFold {
    journal: Journal,
    /// Where each step stands in its part of the journal.
    places: HashMap<StepId, usize>,
    policy: Policy,
    /// The value that the tolerance of each probe of the hypothesis was last given.
    tolerance_values: BTreeMap<usize, Value>,
}

impl JournalFold {
    /// The journal of the events so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What the journal says of a step.
    pub fn run(&self, step: StepId) -> Option<&Run> {
        let place = *self.places.get(&step)?;
        let runs = match step.phase {
            Phase::Method => &self.journal.run,
            Phase::Rollbacks => &self.journal.rollbacks,
            phase => &self.journal.steady_states.of(phase)?.probes,
        };
        runs.get(place)
    }

    /// Takes in one more event.
    pub fn see(&mut self, Stamped { time, event }: Stamped) {
        match event {
            Event::RunStarted(run) => self.run_started(time, *run),
            Event::PhaseStarted(phase) => self.phase_started(phase.phase),
            Event::HypothesisChecked(checked) => {
                if let Some(state) = self.steady_state(checked.phase) {
                    state.steady_state_met = Some(checked.met);
                }
            }
            Event::ActivityStarted(started) => self.activity_started(time, started),
            Event::ActivityFinished(finished) => self.activity_finished(finished),
            Event::ToleranceChecked(checked) => {
                self.open_run(checked.step, |run| run.judge(checked.met));
            }
            Event::Retrying(retrying) => {
                self.open_run(retrying.step, |run| run.tries = Some(retrying.tries + 1))
            }
            Event::Saved(saved) => self.open_run(saved.step, |run| run.saved = Some(saved.values)),
            Event::Chosen(chosen) => self.open_run(chosen.step, |run| run.choices.push(chosen.choice)),
            Event::Amended(amended) => self.amended(amended),
            Event::RunFinished(finished) => self.run_finished(time, finished.outcome),
            Event::Prepared(_)
            | Event::StepsStarted(_)
            | Event::RollbackReached(_)
            | Event::ChecksStarted(_)
            | Event::ChecksEnded(_)
            | Event::HypothesisUnmet(_)
            | Event::SignalCaught(_)
            | Event::ControlFailed(_)
            | Event::ActivityLog(_)
            | Event::ProcessStarted(_)
            | Event::PauseStarted(_)
            | Event::Interrupted(_)
            | Event::Aborted(_)
            | Event::RollbacksDecided(_)
            | Event::RecoveryStarted(_) => {}
        }
    }

    fn run_started(&mut self, time: Moment, run: RunStarted) {
        self.journal.platform = run.platform;
        self.journal.node = run.node;
        self.journal.experiment = run.experiment;
        self.journal.start = Some(time);
        self.policy = run.policy;
        if run.policy.fuller_journal {
            self.journal.fracas_version = Some(run.fracas_version);
            self.journal.run_id = Some(run.run_id);
        }
    }

    fn phase_started(&mut self, phase: Phase) {
        let states = &mut self.journal.steady_states;
        match phase {
            Phase::Before => states.before = Some(SteadyState::default()),
            Phase::After => states.after = Some(SteadyState::default()),
            Phase::During => states.during.push(SteadyState::default()),
            Phase::Method | Phase::Rollbacks => {}
        }
    }

    fn activity_started(&mut self, time: Moment, started: ActivityStarted) {
        let step = started.step;
        if let Some(runs) = self.runs(step.phase) {
            runs.push(Run::cut_at(time, started));
            let place = runs.len() - 1;
            self.places.insert(step, place);
        }
    }

    fn activity_finished(&mut self, finished: ActivityFinished) {
        let fuller = self.policy.fuller_journal;
        self.open_run(finished.step, |run| run.finish(finished, fuller));
    }

    fn amended(&mut self, amended: Amended) {
        match amended {
            Amended::Experiment { pointer, value } => self.experiment_amended(&pointer, value),
            Amended::Run { step, value } => self.open_run(step, |run| run.amended = Some(value)),
            Amended::Hypothesis { phase, value } => {
                if let Some(state) = self.steady_state(phase) {
                    state.amended = Some(value);
                }
            }
            Amended::Runs { phase, value } => self.runs_amended(phase, value),
            Amended::Tolerance { index, value } => drop(self.tolerance_values.insert(index, value)),
            Amended::Journal { value, outcome } => {
                self.journal.status = Some(outcome.status);
                self.journal.deviated = outcome.deviated;
                self.journal.amended = Some(value);
            }
        }
    }

    /// What stands within an entry of an activity is shared by all of its runs.
    fn experiment_amended(&mut self, pointer: &str, value: Value) {
        if let Some((place, part)) = within_activity(pointer) {
            let activity = self.journal.experiment.pointer(place).cloned().unwrap_or_default();
            for run in self.journal.runs_mut().filter(|run| *run.activity == activity) {
                set(Arc::make_mut(&mut run.activity), part, value.clone());
            }
        }
        set(&mut self.journal.experiment, pointer, value);
    }

    /// A control may have changed some, added others or dropped some.
    fn runs_amended(&mut self, phase: Phase, value: Value) {
        let (Some(runs), Value::Array(values)) = (self.runs(phase), value) else { return };
        let mut old = std::mem::take(runs).into_iter();
        *runs = values
            .into_iter()
            .map(|value| Run { amended: Some(value), ..old.next().unwrap_or_default() })
            .collect();
    }

    fn run_finished(&mut self, time: Moment, outcome: Outcome) {
        if !self.policy.fuller_journal {
            self.drop_what_is_unfinished();
        }
        self.show_tolerance_values();
        self.journal.status = Some(outcome.status);
        self.journal.deviated = outcome.deviated;
        self.journal.end = Some(time);
        self.journal.duration = self.journal.start.map(|start| time.seconds_since(start));
    }

    /// The reference notes a check of the hypothesis when it has ended.
    fn drop_what_is_unfinished(&mut self) {
        let states = &mut self.journal.steady_states;
        let is_finished = |state: &SteadyState| match &state.amended {
            Some(value) => !value.is_null(),
            None => state.steady_state_met.is_some(),
        };
        states.before.take_if(|state| !is_finished(state));
        states.after.take_if(|state| !is_finished(state));
        states.during.retain(is_finished);
    }

    /// In the reference a probe's tolerance is one object for all of its runs, and for the experiment.
    fn show_tolerance_values(&mut self) {
        let values = std::mem::take(&mut self.tolerance_values);
        let journal = &mut self.journal;
        let SteadyStates { before, during, after } = &mut journal.steady_states;
        for (index, value) in &values {
            let pointer = format!("/steady-state-hypothesis/probes/{index}{TOLERANCE_VALUE}");
            set(&mut journal.experiment, &pointer, value.clone());
        }
        for state in before.iter_mut().chain(during).chain(after) {
            for (index, value) in &values {
                if let Some(run) = state.probes.get_mut(*index) {
                    set(Arc::make_mut(&mut run.activity), TOLERANCE_VALUE, value.clone());
                }
            }
        }
    }

    fn steady_state(&mut self, phase: Phase) -> Option<&mut SteadyState> {
        let states = &mut self.journal.steady_states;
        match phase {
            Phase::Before => states.before.as_mut(),
            Phase::During => states.during.last_mut(),
            Phase::After => states.after.as_mut(),
            Phase::Method | Phase::Rollbacks => None,
        }
    }

    fn runs(&mut self, phase: Phase) -> Option<&mut Vec<Run>> {
        match phase {
            Phase::Method => Some(&mut self.journal.run),
            Phase::Rollbacks => Some(&mut self.journal.rollbacks),
            Phase::Before | Phase::During | Phase::After => Some(&mut self.steady_state(phase)?.probes),
        }
    }

    /// Changes what is said of a step that has started.
    fn open_run(&mut self, step: StepId, change: impl FnOnce(&mut Run)) {
        let Some(place) = self.places.get(&step).copied() else { return };
        if let Some(run) = self.runs(step.phase).and_then(|runs| runs.get_mut(place)) {
            change(run);
        }
    }
}

/// Where the value stands that a tolerance's probe is given.
const TOLERANCE_VALUE: &str = "/tolerance/provider/arguments/value";

/// The activity that a JSON pointer leads into, and the rest of it when that is more than an entry's name.
fn within_activity(pointer: &str) -> Option<(&str, &str)> {
    let lists = ["/steady-state-hypothesis/probes/", "/method/", "/rollbacks/"];
    let list = lists.into_iter().find(|list| pointer.starts_with(list))?;
    let end = list.len() + pointer[list.len()..].find('/')?;
    let (place, part) = pointer.split_at(end);
    part[1..].contains('/').then_some((place, part))
}

/// Puts a value in a place of a document, if there is the object or list that it belongs to.
pub fn set(document: &mut Value, pointer: &str, value: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        *document = value;
        return;
    };
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.insert(key.replace("~1", "/").replace("~0", "~"), value)),
        Some(Value::Array(items)) => match key.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value,
            _ => items.push(value),
        },
        _ => {}
    }
}

impl Default for Run {
    fn default() -> Run {
        Run {
            activity: Arc::default(),
            output: Arc::default(),
            start: Moment::from_micros(0),
            status: None,
            exception: None,
            end: None,
            duration: None,
            tolerance_met: None,
            happened: None,
            progress: None,
            tries: None,
            saved: None,
            choices: Vec::new(),
            amended: None,
        }
    }
}

impl Run {
    /// An activity that has started: until its end is known, nobody can tell whether it happened.
    fn cut_at(start: Moment, started: ActivityStarted) -> Run {
        Run {
            activity: started.activity,
            start,
            status: Some("failed"),
            exception: Some([UNFINISHED.to_owned()]),
            happened: Some(Happened::Maybe),
            ..Run::default()
        }
    }

    /// Takes in whether the output was within the tolerance, also where a control has its own words.
    fn judge(&mut self, met: bool) {
        self.tolerance_met = Some(met);
        if let Some(Value::Object(amended)) = &mut self.amended {
            amended.insert("tolerance_met".to_owned(), met.into());
        }
    }

    /// Takes in how the activity ended; `fuller` says more than Chaos Toolkit would.
    fn finish(&mut self, finished: ActivityFinished, fuller: bool) {
        self.start = finished.start;
        self.end = Some(finished.end);
        self.duration = Some(finished.end.seconds_since(finished.start));
        match finished.result {
            ActivityResult::Succeeded { output } => {
                self.output = output;
                self.status = Some("succeeded");
                self.exception = None;
                self.happened = None;
                self.progress = None;
            }
            ActivityResult::Cut(_) if !fuller => {
                self.status = None;
                self.exception = None;
                self.happened = None;
                self.progress = None;
                if finished.forgotten {
                    self.end = None;
                    self.duration = None;
                }
            }
            ActivityResult::Failed(failure) | ActivityResult::Cut(failure) => {
                self.exception = Some([format!("chaoslib.exceptions.ActivityFailed: {}\n", failure.error)]);
                self.happened = Some(failure.happened).filter(|_| fuller);
                self.progress = failure.progress.filter(|_| fuller);
            }
        }
    }
}

/// What the journal says of an activity whose end was never recorded.
const UNFINISHED: &str = "fracas stopped before this activity ended; what it does may have happened\n";

/// Writes a value as Python's `json.dump(value, indent=2, ensure_ascii=False)` does, floats
/// included, so that journals compare byte by byte.
pub fn write_python_json(writer: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    write_python_json_indented(writer, value, "  ")
}

/// As [`write_python_json`], with another indent.
pub fn write_python_json_indented(
    writer: impl io::Write,
    value: &impl Serialize,
    indent: &'static str,
) -> io::Result<()> {
    write_python_json_at(writer, value, indent, 0)
}

/// As [`write_python_json_indented`], for a value that stands so many levels deep; its first line
/// has no indent.
pub fn write_python_json_at(
    writer: impl io::Write,
    value: &impl Serialize,
    indent: &'static str,
    depth: usize,
) -> io::Result<()> {
    let mut formatter = PythonFormatter(PrettyFormatter::with_indent(indent.as_bytes()));
    (0..depth).try_for_each(|_| formatter.begin_array(&mut io::sink()))?;
    let mut serializer = Serializer::with_formatter(writer, formatter);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// serde_json's pretty printer with Python's floats.
struct PythonFormatter(PrettyFormatter<'static>);

impl Formatter for PythonFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(python::float_repr(value).as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_is_a_whole_journal() {
        let mut text = Vec::new();
        write_python_json(&mut text, &Journal::default()).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "chaoslib-version",
            "platform",
            "node",
            "experiment",
            "start",
            "status",
            "deviated",
            "steady_states",
            "run",
            "rollbacks",
        ];
        assert_eq!(keys, expected);
    }
}
