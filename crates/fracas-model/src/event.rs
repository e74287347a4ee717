//! Everything that happens during a run, in the order it happens.
//!
//! One enum stands between the runner and whoever listens: the run log, the terminal, the
//! journal. A listener needs nothing but these events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ActivityKind, Dry, Durability, HypothesisStrategy, Moment, Outcome, Phase, Policy, RollbackStrategy,
    StepId,
};

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
    /// All is ready, controls included: the parts of the run follow.
    Prepared(Prepared),
    /// A part of the run begins.
    PhaseStarted(PhaseStarted),
    /// The activities of the method or of the rollbacks follow, after the controls before them.
    StepsStarted(StepsStarted),
    /// A rollback is reached, before the controls and the pause before it.
    RollbackReached(RollbackReached),
    /// From now on the hypothesis is checked again and again.
    ChecksStarted(ChecksStarted),
    /// The hypothesis is no longer checked again.
    ChecksEnded(ChecksEnded),
    /// The probes of the hypothesis have been asked.
    HypothesisChecked(HypothesisChecked),
    /// The hypothesis is not met, as its probes and the controls say.
    HypothesisUnmet(HypothesisUnmet),
    /// An activity is about to be carried out.
    ActivityStarted(ActivityStarted),
    /// An activity, or a control, says something about its own work.
    ActivityLog(ActivityLog),
    /// An activity has drawn what it acts on.
    Chosen(Chosen),
    /// A process that an activity runs on this machine.
    ProcessStarted(ProcessStarted),
    /// An activity has ended.
    ActivityFinished(ActivityFinished),
    /// The output of a probe was compared with its tolerance.
    ToleranceChecked(ToleranceChecked),
    /// A probe is tried again, since its output was not within its tolerance.
    Retrying(Retrying),
    /// Parts of an activity's output were saved for later activities.
    Saved(Saved),
    /// Waiting begins.
    PauseStarted(PauseStarted),
    /// A signal came.
    SignalCaught(SignalCaught),
    /// The run stops, because it was asked to.
    Interrupted(Interrupted),
    /// A control failed, and the run goes on without it.
    ControlFailed(ControlFailed),
    /// A control, or an activity, changed what is being recorded.
    Amended(Amended),
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
    /// What of the activities is only pretended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry: Option<Dry>,
    /// How the experiment is understood.
    pub policy: Policy,
    /// When rollbacks are played.
    pub rollback_strategy: RollbackStrategy,
    /// How surely this log is kept.
    pub durability: Durability,
    /// The folder that the run was started in.
    pub working_folder: String,
    /// The groups of secrets that were given beside the experiment; their values are not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_secrets: Vec<String>,
    /// Variables of the environment that decide where calls go; null for those that were not set.
    pub environment: Map<String, Value>,
    /// The experiment as the journal shows it.
    pub experiment: Value,
}

/// See [`Event::Prepared`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prepared {
    /// When the hypothesis is checked.
    pub hypothesis_strategy: HypothesisStrategy,
    /// When rollbacks are played.
    pub rollback_strategy: RollbackStrategy,
    /// How many probes the hypothesis has.
    pub probes: usize,
}

/// See [`Event::PhaseStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseStarted {
    /// The part that begins.
    pub phase: Phase,
    /// The hypothesis's title, for the phases that check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// See [`Event::StepsStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepsStarted {
    /// The method or the rollbacks.
    pub phase: Phase,
    /// How many activities there are.
    pub activities: usize,
}

/// See [`Event::RollbackReached`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollbackReached {
    /// Which step of the plan.
    pub step: StepId,
    /// The name under `name` in that place: none when it is a reference.
    pub declared_name: Option<String>,
}

/// See [`Event::ChecksStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChecksStarted {
    /// Seconds from one check to the next.
    pub frequency: f64,
}

/// See [`Event::ChecksEnded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChecksEnded {
    /// How many of a hundred checks were not met, when that ends the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviated_percent: Option<f64>,
}

/// See [`Event::HypothesisChecked`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypothesisChecked {
    /// Before the method, during it or after it.
    pub phase: Phase,
    /// Whether every probe was within its tolerance.
    pub met: bool,
}

/// See [`Event::HypothesisUnmet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypothesisUnmet {
    /// Before the method, during it or after it.
    pub phase: Phase,
    /// The name of the last probe that was asked.
    pub probe: String,
}

/// See [`Event::ActivityStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityStarted {
    /// Which step of the plan.
    pub step: StepId,
    /// The activity's name.
    pub name: String,
    /// Action or probe.
    pub kind: ActivityKind,
    /// The activity as the journal shows it.
    pub activity: Arc<Value>,
    /// Whether the next activity begins without waiting for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
    /// Played again, because an earlier try was cut in the middle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Nothing is carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pretended: bool,
}

/// See [`Event::ActivityLog`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityLog {
    /// Which step of the plan; none for a control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// How much it matters.
    pub level: Level,
    /// The words.
    pub message: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// what only those who look for a cause want to know
    Debug,
    /// what goes on
    Info,
    /// worth a look
    Warning,
    /// something failed
    Error,
    /// the run does not go on as it should
    Critical,
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
    /// Whether nobody waited for its end any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
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
        output: Arc<Value>,
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
    /// How far it came, where it makes several calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Box<Progress>>,
}

/// How far an activity came that failed or was cut in the middle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Progress {
    /// The calls that were made before and may have changed something.
    pub carried_out: Vec<Calls>,
    /// The call that failed, unless something else did; or that was under way when the activity was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedCall>,
    /// The calls that were not tried any more, as far as they can be foreseen.
    pub not_tried: Vec<Calls>,
}

/// Calls of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// The operation.
    pub call: String,
    /// What the parameters name.
    pub of: Vec<String>,
}

/// A call that failed or was cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedCall {
    /// What was called.
    #[serde(flatten)]
    pub calls: Calls,
    /// Whether it has had its effect all the same.
    pub happened: Happened,
}

impl Progress {
    /// What people read of it, with so many names a line.
    pub fn lines(&self, names: usize) -> Vec<String> {
        let told = |word: &'static str| move |calls: &Calls| format!("{word}: {}", calls.text(names));
        let mut lines: Vec<String> = self.carried_out.iter().map(told("carried out")).collect();
        lines.extend(self.failed.iter().map(|failed| match failed.happened {
            Happened::No => told("not carried out")(&failed.calls),
            Happened::Maybe | Happened::Yes => told("perhaps carried out")(&failed.calls),
        }));
        lines.extend(self.not_tried.iter().map(told("not tried")));
        lines
    }

    /// All names, which may be anyone's words.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let failed = self.failed.iter_mut().map(|failed| &mut failed.calls);
        let all = self.carried_out.iter_mut().chain(failed).chain(&mut self.not_tried);
        all.flat_map(|calls| &mut calls.of)
    }
}

impl Calls {
    fn text(&self, names: usize) -> String {
        let Calls { call, of } = self;
        match of.len() {
            0 => call.clone(),
            all if all <= names => format!("{call} of {}", of.join(", ")),
            all => format!(
                "{call} of {} and {} more, which the journal names",
                of[..names].join(", "),
                all - names
            ),
        }
    }
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
    /// Why nobody can tell, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// See [`Event::Retrying`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retrying {
    /// Which step of the plan.
    pub step: StepId,
    /// How many tries there were.
    pub tries: u64,
    /// Seconds until the next one.
    pub seconds: f64,
}

/// See [`Event::Saved`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Which step of the plan.
    pub step: StepId,
    /// The values by name.
    pub values: Map<String, Value>,
}

/// See [`Event::Chosen`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// Which step of the plan.
    pub step: StepId,
    /// What was drawn.
    #[serde(flatten)]
    pub choice: Choice,
}

/// The targets that an activity chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// What it drew with at random; the same seed draws the same of the same items. None where it took all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many items there were.
    pub of: usize,
    /// The items chosen.
    pub chosen: Vec<Value>,
}

/// See [`Event::PauseStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PauseStarted {
    /// The step that the pause belongs to.
    pub step: StepId,
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
    /// Who asked.
    #[serde(flatten)]
    pub by: InterruptedBy,
    /// The part of the run that it met.
    pub during: Option<Phase>,
}

/// Who asked a run to stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InterruptedBy {
    /// A signal of this name.
    Signal(String),
    /// A control or an activity, for this reason.
    Request(String),
    /// An activity that exited with this code.
    Exit(i32),
}

impl InterruptedBy {
    /// The exit code that this stands for, if it does: SIGUSR1 exits with 20, SIGUSR2 with 30.
    /// Source: `chaoslib/exit.py`.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            InterruptedBy::Exit(code) => Some(*code),
            InterruptedBy::Signal(name) if name == "SIGUSR1" => Some(20),
            InterruptedBy::Signal(name) if name == "SIGUSR2" => Some(30),
            InterruptedBy::Signal(_) | InterruptedBy::Request(_) => None,
        }
    }

    /// Whether it asks for an interruption; Chaos Toolkit takes SIGTERM as such, and other signals
    /// for the end of its process.
    pub fn is_request(&self) -> bool {
        match self {
            InterruptedBy::Request(_) => true,
            InterruptedBy::Signal(name) => matches!(name.as_str(), "SIGTERM" | "SIGHUP"),
            InterruptedBy::Exit(_) => false,
        }
    }

    /// Whether rollbacks are left out, whatever their strategy.
    pub fn leaves_rollbacks_out(&self) -> bool {
        self.exit_code() == Some(30)
    }
}

/// See [`Event::SignalCaught`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalCaught {
    /// The signal's name.
    pub signal: String,
}

/// See [`Event::ControlFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlFailed {
    /// The control's name.
    pub control: String,
    /// The function that failed.
    pub function: String,
    /// Why.
    pub error: String,
}

/// See [`Event::Amended`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub enum Amended {
    /// A part of the experiment.
    Experiment {
        /// Where it stands: a JSON pointer.
        pointer: String,
        /// What stands there now.
        value: Value,
    },
    /// What the journal says of an activity.
    Run {
        /// Which step of the plan.
        step: StepId,
        /// All of it.
        value: Value,
    },
    /// What the journal says of the last check of the hypothesis in a part of the run.
    Hypothesis {
        /// Before the method, during it or after it.
        phase: Phase,
        /// All of it.
        value: Value,
    },
    /// What the journal says of the activities of the method or of the rollbacks.
    Runs {
        /// The method or the rollbacks.
        phase: Phase,
        /// All of it, a list.
        value: Value,
    },
    /// The value that the tolerance of a hypothesis's probe was given.
    Tolerance {
        /// The probe's place.
        index: usize,
        /// The value.
        value: Value,
    },
    /// The whole journal.
    Journal {
        /// All of it.
        value: Value,
        /// How the run ended, after all.
        outcome: Outcome,
    },
}

impl Amended {
    /// What was changed, as it is now.
    pub fn value_mut(&mut self) -> &mut Value {
        match self {
            Amended::Experiment { value, .. }
            | Amended::Run { value, .. }
            | Amended::Hypothesis { value, .. }
            | Amended::Runs { value, .. }
            | Amended::Tolerance { value, .. }
            | Amended::Journal { value, .. } => value,
        }
    }
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
