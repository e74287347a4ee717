//! The journal: what a run did, in Chaos Toolkit's format.
//!
//! A journal is a pure fold over the events of a run. Keys, their order and their meaning follow
//! Chaos Toolkit's `journal.json`; what fracas adds stands under keys of its own.

use std::collections::HashMap;
use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::*;

/// The version of chaostoolkit-lib whose journal format this is.
const FORMAT_VERSION: &str = "1.44.0";

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    #[serde(rename = "fracas-version")]
    fracas_version: String,
    #[serde(rename = "run-id")]
    run_id: String,
}

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
pub struct SteadyState {
    /// Whether every probe was within its tolerance; none while nobody knows.
    pub steady_state_met: Option<bool>,
    /// What each probe saw.
    pub probes: Vec<Run>,
}

/// One activity carried out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The activity as declared.
    pub activity: Value,
    /// What it gave back.
    pub output: Value,
    start: Moment,
    /// `succeeded` or `failed`.
    pub status: &'static str,
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
}

impl Journal {
    /// The experiment as written.
    pub fn experiment(&self) -> &Value {
        &self.experiment
    }

    /// Every activity carried out: before the method, after it, in it, and the rollbacks.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        let states = self.steady_states.before.iter().chain(&self.steady_states.after);
        states.flat_map(|state| &state.probes).chain(&self.run).chain(&self.rollbacks)
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
            fracas_version: String::new(),
            run_id: String::new(),
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
}

impl JournalFold {
    /// The journal of the events so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Takes in one more event.
    pub fn see(&mut self, Stamped { time, event }: Stamped) {
        match event {
            Event::RunStarted(run) => self.run_started(time, *run),
            Event::PhaseStarted(phase) => self.phase_started(phase.phase),
            Event::HypothesisChecked(checked) => {
                self.steady_state(checked.phase).steady_state_met = Some(checked.met);
            }
            Event::ActivityStarted(started) => self.activity_started(time, started),
            Event::ActivityFinished(finished) => self.activity_finished(finished),
            Event::ToleranceChecked(checked) => self.tolerance_checked(checked),
            Event::RunFinished(finished) => self.run_finished(time, finished.outcome),
            Event::ActivityLog(_)
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
        self.journal.fracas_version = run.fracas_version;
        self.journal.run_id = run.run_id;
    }

    fn phase_started(&mut self, phase: Phase) {
        if matches!(phase, Phase::Before | Phase::After) {
            self.steady_state(phase);
        }
    }

    fn activity_started(&mut self, time: Moment, started: ActivityStarted) {
        let step = started.step;
        let runs = self.runs(step.phase);
        runs.push(Run::cut_at(time, started));
        let place = runs.len() - 1;
        self.places.insert(step, place);
    }

    fn activity_finished(&mut self, finished: ActivityFinished) {
        if let Some(run) = self.open_run(finished.step) {
            run.finish(finished);
        }
    }

    fn tolerance_checked(&mut self, checked: ToleranceChecked) {
        if let Some(run) = self.open_run(checked.step) {
            run.tolerance_met = Some(checked.met);
        }
    }

    fn run_finished(&mut self, time: Moment, outcome: Outcome) {
        self.journal.status = Some(outcome.status);
        self.journal.deviated = outcome.deviated;
        self.journal.end = Some(time);
        self.journal.duration = self.journal.start.map(|start| time.seconds_since(start));
    }

    fn steady_state(&mut self, phase: Phase) -> &mut SteadyState {
        let states = &mut self.journal.steady_states;
        let state = if phase == Phase::After { &mut states.after } else { &mut states.before };
        state.get_or_insert_default()
    }

    fn runs(&mut self, phase: Phase) -> &mut Vec<Run> {
        match phase {
            Phase::Method => &mut self.journal.run,
            Phase::Rollbacks => &mut self.journal.rollbacks,
            Phase::Before | Phase::After => &mut self.steady_state(phase).probes,
        }
    }

    fn open_run(&mut self, step: StepId) -> Option<&mut Run> {
        let place = *self.places.get(&step)?;
        self.runs(step.phase).get_mut(place)
    }
}

impl Run {
    /// An activity that has started: until its end is known, nobody can tell whether it happened.
    fn cut_at(start: Moment, started: ActivityStarted) -> Run {
        Run {
            activity: started.activity,
            output: Value::Null,
            start,
            status: "failed",
            exception: Some([UNFINISHED.to_owned()]),
            end: None,
            duration: None,
            tolerance_met: None,
            happened: Some(Happened::Maybe),
        }
    }

    fn finish(&mut self, finished: ActivityFinished) {
        self.start = finished.start;
        self.end = Some(finished.end);
        self.duration = Some(finished.end.seconds_since(finished.start));
        match finished.result {
            ActivityResult::Succeeded { output } => {
                self.output = output;
                self.status = "succeeded";
                self.exception = None;
                self.happened = None;
            }
            ActivityResult::Failed(failure) | ActivityResult::Cut(failure) => {
                self.exception = Some([format!("chaoslib.exceptions.ActivityFailed: {}\n", failure.error)]);
                self.happened = Some(failure.happened);
            }
        }
    }
}

/// What the journal says of an activity whose end was never recorded.
const UNFINISHED: &str = "fracas stopped before this activity ended; what it does may have happened\n";

/// Writes a value as Python's `json.dump(value, indent=2, ensure_ascii=False)` does, floats
/// included, so that journals compare byte by byte.
pub fn write_python_json(writer: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(writer, PythonFormatter(PrettyFormatter::new()));
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
            "fracas-version",
            "run-id",
        ];
        assert_eq!(keys, expected);
    }
}
