//! Plays an experiment: hypothesis, method, hypothesis, rollbacks.
//!
//! Every effect is a step: its intent is in the run log before it, its result after it. Whatever
//! waits here can be cut by a signal.

use std::io;
use std::time::Duration;

use fracas_model::*;
use futures_util::future::{Either, FutureExt, select};
use serde_json::Value;

use crate::check::pause_seconds;
use crate::host::Host;
use crate::recorder::Recorder;
use crate::tolerance::within;
use crate::{Context, Tell, Values};

/// What is played: an experiment with its values, and when its rollbacks are played.
pub struct Plan {
    /// What to play.
    pub experiment: Experiment,
    /// Resolved configuration and secrets.
    pub values: Values,
    /// When rollbacks are played.
    pub rollback_strategy: RollbackStrategy,
    /// When the hypothesis is checked.
    pub hypothesis_strategy: HypothesisStrategy,
    /// Seconds from one check of the hypothesis during the method to the next.
    pub frequency: f64,
    /// Whether the first check during the method that is not met ends it.
    pub fail_fast: bool,
    /// What of the activities is only pretended.
    pub dry: Option<Dry>,
    /// Controls of the settings and of control files, which apply to every experiment: each its
    /// declaration, with its name.
    pub global_controls: Vec<Value>,
    /// The user's settings; null when there are none.
    pub settings: Value,
    /// How it is understood.
    pub policy: Policy,
}

impl Plan {
    /// An experiment to be played as it asks, without settings.
    pub fn new(experiment: Experiment, values: Values, policy: Policy) -> Plan {
        let runtime = experiment.runtime.clone();
        Plan {
            experiment,
            values,
            rollback_strategy: runtime.rollbacks.unwrap_or_default(),
            hypothesis_strategy: runtime.hypothesis.unwrap_or_default(),
            frequency: 1.0,
            fail_fast: false,
            dry: None,
            global_controls: Vec::new(),
            settings: Value::Null,
            policy,
        }
    }

    /// The steps of a part of the run, each with its id.
    pub fn steps(&self, phase: Phase) -> impl Iterator<Item = (StepId, &Step)> {
        let hypothesis = self.experiment.hypothesis.as_ref().map(|hypothesis| &hypothesis.probes[..]);
        let steps = match phase {
            Phase::Before | Phase::After => hypothesis.unwrap_or_default(),
            Phase::Method => &self.experiment.method,
            Phase::Rollbacks => &self.experiment.rollbacks,
        };
        steps.iter().enumerate().map(move |(index, step)| (StepId { phase, index }, step))
    }

    /// How many steps a part of the run has.
    pub fn count(&self, phase: Phase) -> usize {
        self.steps(phase).count()
    }
}

/// Plays a plan on a host and records all of it.
pub struct Runner<'a> {
    /// What to play.
    pub plan: &'a Plan,
    /// Where to play it.
    pub host: &'a dyn Host,
    /// Where everything that happens is told.
    pub recorder: &'a Recorder,
}

/// Why a run does not go on.
enum Stop {
    /// A signal asked it to.
    Interrupted,
    /// The run log cannot be written.
    Aborted,
}

/// How far the method has come, before rollbacks.
#[derive(Clone, Copy)]
struct Played {
    status: Status,
    deviated: bool,
    not_run: bool,
}

/// What a check of the hypothesis found.
enum Checked {
    Met,
    NotMet { probe_failed: bool },
}

/// What became of the rollbacks.
#[derive(PartialEq)]
enum RolledBack {
    /// All of them did their work, or none was asked for.
    Proven,
    /// Some failed or were not played to their end.
    Unproven,
    /// A signal stopped them.
    Interrupted,
}

impl Runner<'_> {
    /// Plays all of the plan and gives its outcome. The journal is the recorder's.
    pub async fn run(&self) -> Outcome {
        let played = match self.play().await {
            Ok(played) => played,
            Err(Stop::Interrupted) => Played::stopped(Status::Interrupted),
            Err(Stop::Aborted) => Played::stopped(Status::Aborted),
        };
        let rolled_back = self.roll_back(played).await;
        let outcome = self.outcome(played, rolled_back);
        // The end is worth recording, but nothing depends on it: without it, the run counts as
        // interrupted.
        let _ = self.record(Event::RunFinished(RunFinished { outcome }));
        outcome
    }

    /// Plays these rollbacks, whatever the strategy says. True when all did their work.
    pub async fn play_rollbacks(&self, wanted: &[usize], again: &[usize]) -> bool {
        self.rollbacks(wanted, again).await == RolledBack::Proven
    }

    async fn play(&self) -> Result<Played, Stop> {
        if let Checked::NotMet { .. } = self.check_hypothesis(Phase::Before).await? {
            return Ok(Played { status: Status::Failed, deviated: false, not_run: true });
        }
        self.method().await?;
        let played = match self.check_hypothesis(Phase::After).await? {
            Checked::Met => Played { status: Status::Completed, deviated: false, not_run: false },
            Checked::NotMet { probe_failed: true } => {
                Played { status: Status::Failed, deviated: true, not_run: false }
            }
            Checked::NotMet { probe_failed: false } => {
                Played { status: Status::Completed, deviated: true, not_run: false }
            }
        };
        Ok(played)
    }

    async fn check_hypothesis(&self, phase: Phase) -> Result<Checked, Stop> {
        let Some(hypothesis) = self.plan.experiment.hypothesis.as_ref().filter(|it| !it.probes.is_empty())
        else {
            return Ok(Checked::Met);
        };
        self.phase_started(phase, Some(hypothesis.title.clone()))?;
        let mut checked = Checked::Met;
        for (id, step) in self.plan.steps(phase) {
            checked = self.check_probe(id, step).await?;
            if let Checked::NotMet { .. } = checked {
                break;
            }
        }
        let met = matches!(checked, Checked::Met);
        self.note(Event::HypothesisChecked(HypothesisChecked { phase, met }))?;
        Ok(checked)
    }

    async fn check_probe(&self, id: StepId, step: &Step) -> Result<Checked, Stop> {
        let result = self.step(id, step, false).await?;
        let (met, probe_failed) = match (&result, &step.activity.tolerance) {
            (ActivityResult::Succeeded { output }, Some(tolerance)) => {
                (within(tolerance, output, &self.plan.values), false)
            }
            (ActivityResult::Succeeded { .. }, None) => (true, false),
            _ => (false, true),
        };
        self.note(Event::ToleranceChecked(ToleranceChecked { step: id, met }))?;
        Ok(if met { Checked::Met } else { Checked::NotMet { probe_failed } })
    }

    async fn method(&self) -> Result<(), Stop> {
        self.phase_started(Phase::Method, None)?;
        for (id, step) in self.plan.steps(Phase::Method) {
            self.step(id, step, false).await?;
        }
        Ok(())
    }

    async fn roll_back(&self, played: Played) -> RolledBack {
        let strategy = self.plan.rollback_strategy;
        let play = match strategy {
            RollbackStrategy::Always => true,
            RollbackStrategy::Never => false,
            RollbackStrategy::Deviated => played.deviated,
            RollbackStrategy::Default => !matches!(played.status, Status::Failed | Status::Interrupted),
        };
        let _ = self.record(Event::RollbacksDecided(RollbacksDecided { play, strategy }));
        if !play {
            return RolledBack::Proven;
        }
        let all: Vec<usize> = (0..self.plan.count(Phase::Rollbacks)).collect();
        self.rollbacks(&all, &[]).await
    }

    async fn rollbacks(&self, wanted: &[usize], again: &[usize]) -> RolledBack {
        let _ = self.phase_started(Phase::Rollbacks, None);
        let mut rolled_back = RolledBack::Proven;
        for (id, step) in self.plan.steps(Phase::Rollbacks).filter(|(id, _)| wanted.contains(&id.index)) {
            match self.step(id, step, again.contains(&id.index)).await {
                Ok(ActivityResult::Succeeded { .. }) => {}
                Ok(_) => rolled_back = RolledBack::Unproven,
                Err(_) => return RolledBack::Interrupted,
            }
        }
        rolled_back
    }

    /// Plays one activity with the pauses around it.
    async fn step(&self, id: StepId, step: &Step, again: bool) -> Result<ActivityResult, Stop> {
        let pauses = &step.activity.pauses;
        self.pause(id, step, PauseWhen::Before, &pauses.before).await?;
        let result = self.activity(id, step, again).await?;
        self.pause(id, step, PauseWhen::After, &pauses.after).await?;
        Ok(result)
    }

    async fn pause(&self, step: StepId, declared: &Step, when: PauseWhen, pause: &Value) -> Result<(), Stop> {
        let seconds = self.plan.values.substitute(pause);
        let Some(duration) = pause_seconds(&seconds).filter(|seconds| *seconds > 0.0) else { return Ok(()) };
        let declared_name = declared.declared_name.clone();
        self.note(Event::PauseStarted(PauseStarted { step, declared_name, when, seconds }))?;
        let sleep = self.host.sleep(Duration::try_from_secs_f64(duration).unwrap_or(Duration::MAX));
        match select(self.host.signal(), sleep).await {
            Either::Left((signal, _)) => Err(self.interrupted(signal, step.phase)),
            Either::Right(_) => Ok(()),
        }
    }

    async fn activity(&self, id: StepId, step: &Step, again: bool) -> Result<ActivityResult, Stop> {
        // A signal that came while nothing waited must not find an action begun.
        if let Some(signal) = self.host.signal().now_or_never() {
            return Err(self.interrupted(signal, id.phase));
        }
        self.intend(id, step, again)?;
        let start = self.host.now();
        let tell = StepTell { runner: self, step: id };
        let context = Context { values: &self.plan.values, policy: &self.plan.policy, tell: &tell };
        let work = self.host.carry_out(&step.activity, &context);
        let (result, signal) = match select(self.host.signal(), work).await {
            Either::Left((signal, work)) => {
                drop(work);
                (ActivityResult::Cut(cut_by(signal, step.activity.kind)), Some(signal))
            }
            Either::Right((Ok(output), _)) => (ActivityResult::Succeeded { output }, None),
            Either::Right((Err(failure), _)) => (ActivityResult::Failed(failure), None),
        };
        let finished = ActivityFinished { step: id, start, end: self.host.now(), result: result.clone() };
        self.note(Event::ActivityFinished(finished))?;
        match signal {
            Some(signal) => Err(self.interrupted(signal, id.phase)),
            None => Ok(result),
        }
    }

    /// Records that an activity is about to happen. An action whose intent cannot be recorded does
    /// not happen, unless it is a rollback: undoing a fault unrecorded is better than leaving it.
    fn intend(&self, id: StepId, step: &Step, again: bool) -> Result<(), Stop> {
        let activity = &step.activity;
        let started = Event::ActivityStarted(ActivityStarted {
            step: id,
            name: activity.name.clone(),
            declared_name: step.declared_name.clone(),
            kind: activity.kind,
            activity: activity.document.clone(),
            again,
        });
        let now = self.host.now();
        let recorded = match activity.kind {
            ActivityKind::Action => self.recorder.record_surely(now, started),
            ActivityKind::Probe => self.recorder.record(now, started),
        };
        match recorded {
            Err(error) if id.phase != Phase::Rollbacks => Err(self.aborted(&error)),
            _ => Ok(()),
        }
    }

    fn phase_started(&self, phase: Phase, title: Option<String>) -> Result<(), Stop> {
        let activities = self.plan.count(phase);
        self.note(Event::PhaseStarted(PhaseStarted { phase, activities, title }))
    }

    /// Records what has happened. During rollbacks nothing stops on account of the run log.
    fn note(&self, event: Event) -> Result<(), Stop> {
        let in_rollbacks = matches!(phase_of(&event), Some(Phase::Rollbacks));
        match self.record(event) {
            Err(error) if !in_rollbacks => Err(self.aborted(&error)),
            _ => Ok(()),
        }
    }

    fn record(&self, event: Event) -> io::Result<()> {
        self.recorder.record(self.host.now(), event)
    }

    fn interrupted(&self, signal: &'static str, during: Phase) -> Stop {
        let interrupted = Interrupted { signal: signal.to_owned(), during: Some(during) };
        let _ = self.record(Event::Interrupted(interrupted));
        Stop::Interrupted
    }

    fn aborted(&self, error: &io::Error) -> Stop {
        let why = format!("cannot write the run log: {error}");
        let _ = self.record(Event::Aborted(Aborted { why }));
        Stop::Aborted
    }

    fn outcome(&self, played: Played, rolled_back: RolledBack) -> Outcome {
        let interrupted = rolled_back == RolledBack::Interrupted || played.status == Status::Interrupted;
        let activity_failed =
            self.recorder.with_journal(|journal| journal.runs().any(|run| run.status == "failed"));
        let exit_code = if rolled_back != RolledBack::Proven {
            ExitCode::RollbackFailed
        } else if interrupted {
            ExitCode::Interrupted
        } else if played.not_run {
            ExitCode::NotRun
        } else if played.deviated || activity_failed || played.status != Status::Completed {
            ExitCode::Deviated
        } else {
            ExitCode::Ok
        };
        let status = if interrupted { Status::Interrupted } else { played.status };
        Outcome { status, deviated: played.deviated, exit_code }
    }
}

impl Played {
    fn stopped(status: Status) -> Played {
        Played { status, deviated: false, not_run: false }
    }
}

/// What the journal says of an activity that a signal cut.
fn cut_by(signal: &str, kind: ActivityKind) -> Failure {
    let happened = if kind == ActivityKind::Action { Happened::Maybe } else { Happened::No };
    Failure { error: format!("cut by {signal}"), help: String::new(), happened }
}

fn phase_of(event: &Event) -> Option<Phase> {
    match event {
        Event::PhaseStarted(phase) => Some(phase.phase),
        Event::PauseStarted(pause) => Some(pause.step.phase),
        Event::ActivityFinished(finished) => Some(finished.step.phase),
        Event::HypothesisChecked(checked) => Some(checked.phase),
        Event::ToleranceChecked(checked) => Some(checked.step.phase),
        _ => None,
    }
}

/// Takes what one activity tells while it is carried out.
struct StepTell<'a> {
    runner: &'a Runner<'a>,
    step: StepId,
}

impl Tell for StepTell<'_> {
    fn log(&self, level: Level, message: String) {
        // A line that cannot be recorded was still shown; the next step notices the run log.
        let _ = self.runner.record(Event::ActivityLog(ActivityLog { step: self.step, level, message }));
    }

    fn process_started(&self, group: u32) -> io::Result<()> {
        let recorded = self.runner.record(Event::ProcessStarted(ProcessStarted { step: self.step, group }));
        if self.step.phase == Phase::Rollbacks { Ok(()) } else { recorded }
    }

    fn stop(&self, _: crate::Stop) {}

    fn changed(&self, _: crate::Changes) {}
}
