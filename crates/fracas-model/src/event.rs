//! Everything that happens during a run, in the order it happens.
//!
//! One enum stands between the runner and whoever listens: the run log, the terminal, the
//! journal. A listener needs nothing but these events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActivityKind, Durability, Moment, Outcome, Phase, RollbackStrategy, StepId};

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// When it happened.
    pub time: Moment,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins. Always the first event.
    RunStarted(Box<RunStarted>),
    /// A part of the run begins.
    PhaseStarted(PhaseStarted),
    /// A hypothesis has been checked.
    HypothesisChecked(HypothesisChecked),
    /// An activity is about to be carried out.
    ActivityStarted(ActivityStarted),
    /// An activity says something about its own work.
    ActivityLog(ActivityLog),
    /// A process that an activity runs on this machine.
    ProcessStarted(ProcessStarted),
    /// An activity has ended.
    ActivityFinished(ActivityFinished),
    /// The output of a hypothesis probe was compared with its tolerance.
    ToleranceChecked(ToleranceChecked),
    /// Waiting begins.
    PauseStarted(PauseStarted),
    /// A signal asks the run to stop.
    Interrupted(Interrupted),
    /// The method stopped for a reason that is not an activity's own.
    Aborted(Aborted),
    /// Whether rollbacks are played, and why.
    RollbacksDecided(RollbacksDecided),
    /// Rollbacks are played for a run that ended without them.
    RecoveryStarted(RecoveryStarted),
    /// The run, or its recovery, has ended.
    RunFinished(RunFinished),
}

/// See [`Event::RunStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunStarted {
    /// The run's id, also the name of its folder.
    pub run_id: String,
    /// The version of fracas.
    pub fracas_version: String,
    /// The operating system, as Python's `platform.platform()` begins.
    pub platform: String,
    /// The host's name.
    pub node: String,
    /// The path or URL of the experiment.
    pub source: String,
    /// Where the journal goes besides the run's folder, an absolute path.
    pub journal_path: String,
    /// When rollbacks are played.
    pub rollback_strategy: RollbackStrategy,
    /// How surely this log is kept.
    pub durability: Durability,
    /// The folder that the run was started in.
    pub working_folder: String,
    /// Variables of the environment that decide where calls go; null for those that were not set.
    pub environment: serde_json::Map<String, Value>,
    /// The experiment as the journal shows it.
    pub experiment: Value,
}

/// See [`Event::PhaseStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseStarted {
    /// The part that begins.
    pub phase: Phase,
    /// How many activities it has.
    pub activities: usize,
    /// The hypothesis's title, for the phases that check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// See [`Event::HypothesisChecked`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypothesisChecked {
    /// Before the method or after it.
    pub phase: Phase,
    /// Whether every probe was within its tolerance.
    pub met: bool,
}

/// See [`Event::ActivityStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityStarted {
    /// Which step of the plan.
    pub step: StepId,
    /// The activity's name.
    pub name: String,
    /// The name under `name` in that place: none when it is a reference.
    pub declared_name: Option<String>,
    /// Action or probe.
    pub kind: ActivityKind,
    /// The activity as the journal shows it.
    pub activity: Value,
    /// Played again, because an earlier try was cut in the middle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// See [`Event::ActivityLog`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityLog {
    /// Which step of the plan.
    pub step: StepId,
    /// How much it matters.
    pub level: Level,
    /// The words.
    pub message: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// what goes on
    Info,
    /// worth a look
    Warning,
}

/// See [`Event::ProcessStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessStarted {
    /// Which step of the plan.
    pub step: StepId,
    /// The process group it leads.
    pub group: u32,
}

/// See [`Event::ActivityFinished`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityFinished {
    /// Which step of the plan.
    pub step: StepId,
    /// When the activity itself began, pauses excluded.
    pub start: Moment,
    /// When it ended, pauses excluded.
    pub end: Moment,
    /// How it ended.
    #[serde(flatten)]
    pub result: ActivityResult,
}

/// How an activity ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum ActivityResult {
    /// It did its work.
    Succeeded {
        /// What it gave back.
        output: Value,
    },
    /// It did not, or not all of it.
    Failed(Failure),
    /// A signal cut it in the middle.
    Cut(Failure),
}

/// Why an activity failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong, with the class name that Chaos Toolkit would put before it.
    pub error: String,
    /// What the user can do about it, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Whether anything outside may have changed.
    pub happened: Happened,
}

/// Whether anything outside may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// certainly not
    No,
    /// nobody can tell
    Maybe,
    /// certainly, in part at least
    Yes,
}

/// See [`Event::ToleranceChecked`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToleranceChecked {
    /// Which step of the plan.
    pub step: StepId,
    /// Whether the output was within the tolerance.
    pub met: bool,
}

/// See [`Event::PauseStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PauseStarted {
    /// The step that the pause belongs to.
    pub step: StepId,
    /// The name under `name` in that place: none when it is a reference.
    pub declared_name: Option<String>,
    /// Before its activity or after it.
    pub when: PauseWhen,
    /// How long, in seconds, as the experiment writes it.
    pub seconds: Value,
}

/// Before an activity or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseWhen {
    /// before the activity
    Before,
    /// after the activity
    After,
}

/// See [`Event::Interrupted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interrupted {
    /// The signal's name.
    pub signal: String,
    /// The part of the run that it met.
    pub during: Option<Phase>,
}

/// See [`Event::Aborted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aborted {
    /// Why.
    pub why: String,
}

/// See [`Event::RollbacksDecided`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollbacksDecided {
    /// Whether they are played.
    pub play: bool,
    /// The strategy that says so.
    pub strategy: RollbackStrategy,
}

/// See [`Event::RecoveryStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryStarted {
    /// The version of fracas that recovers.
    pub fracas_version: String,
    /// How many rollbacks are to be played.
    pub rollbacks: usize,
}

/// See [`Event::RunFinished`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}
