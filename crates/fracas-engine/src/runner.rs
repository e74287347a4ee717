//! Plays an experiment: hypothesis, method, hypothesis, rollbacks.
//!
//! Every effect is a step: its intent is in the run log before it, its result after it. Whatever
//! waits here can be cut by a signal.

mod activity;
mod controls;
mod halt;
mod hypothesis;
mod live;
mod tasks;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use fracas_model::*;
use serde_json::{Value, json};

use self::activity::{How, unrecorded};
use self::halt::{Flag, Halt, Halts};
use self::live::Live;
use self::tasks::Tasks;
use crate::host::Host;
use crate::recorder::Recorder;
use crate::{ControlLevel, ControlScope, Values};

/// What is played: an experiment with its values, and when its rollbacks are played.
pub struct Plan {
    /// What to play.
    pub experiment: Experiment,
    /// Resolved configuration and secrets.
    pub values: Values,
    /// The groups of secrets that were given beside the experiment.
    pub given_secrets: Vec<String>,
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
            given_secrets: Vec::new(),
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

    /// How many rollbacks there are.
    pub fn rollbacks(&self) -> usize {
        self.experiment.rollbacks.len()
    }
}

/// Plays a plan on a host and records all of it.
pub struct Runner<'a> {
    plan: &'a Plan,
    host: &'a dyn Host,
    recorder: &'a Recorder,
    live: Live,
    global_controls: RefCell<Vec<Value>>,
    halts: Halts<'a>,
    /// What the run has come to; none as long as all goes well.
    status: Cell<Option<Status>>,
    deviated: Cell<bool>,
    /// Whether Chaos Toolkit could not write the journal.
    unwritable: Cell<bool>,
}

/// What became of the rollbacks.
#[derive(Clone, Copy, PartialEq)]
enum RolledBack {
    /// All of them did their work, or none was asked for.
    Proven,
    /// Some failed or were not played to their end.
    Unproven,
    /// They were stopped.
    Interrupted,
}

impl Runner<'_> {
    /// What to play, where to play it, and where everything that happens is told.
    pub fn new<'a>(plan: &'a Plan, host: &'a dyn Host, recorder: &'a Recorder) -> Runner<'a> {
        Runner {
            plan,
            host,
            recorder,
            live: Live::new(plan.experiment.clone(), plan.values.clone(), plan.policy),
            global_controls: RefCell::new(plan.global_controls.clone()),
            halts: Halts::new(host, recorder),
            status: Cell::new(None),
            deviated: Cell::new(false),
            unwritable: Cell::new(false),
        }
    }

    /// Plays all of the plan and gives its outcome. The journal is the recorder's.
    pub async fn run(&self) -> Outcome {
        let stopped = self.play().await.err();
        if let Some(halt) = &stopped {
            self.stopped(halt, Phase::Method).await;
        }
        let rolled_back = self.roll_back(stopped).await;
        let outcome = self.outcome(rolled_back);
        // The end is worth recording, but nothing depends on it: without it, the run counts as
        // interrupted.
        let _ = self.record(Event::RunFinished(RunFinished { outcome }));
        self.finish(outcome, rolled_back).await
    }

    /// Plays these rollbacks, whatever the strategy says, without controls. True when all did their
    /// work.
    pub async fn play_rollbacks(&self, wanted: &[usize], again: &[usize]) -> bool {
        let _ = self.phase_started(Phase::Rollbacks, None);
        let steps =
            wanted.iter().filter_map(|index| Some((*index, self.live.step(Phase::Rollbacks, *index)?)));
        let mut proven = true;
        for (index, step) in steps {
            let id = StepId { phase: Phase::Rollbacks, index };
            let how = if again.contains(&index) { How::Again } else { How::Foreground };
            let _ = self.reached(id, &step);
            match self.step(id, index, &step, how).await {
                Ok(done) => proven &= done.output.is_some(),
                Err(halt) => {
                    self.stopped(&halt, Phase::Rollbacks).await;
                    return false;
                }
            }
        }
        proven
    }

    async fn play(&self) -> Result<(), Halt> {
        self.configure_controls().await?;
        self.tell_handlers("running", || self.running_argument()).await;
        self.prepared()?;
        self.apply(ControlLevel::Experiment, ControlScope::Before, "", || None).await?;
        let strategy = self.plan.hypothesis_strategy;
        let checked = self.live.count(Phase::Before) > 0;
        if checked && strategy.before() && !self.gate().await? {
            return Ok(());
        }
        match checked && strategy.during() {
            true => self.method_with_checks().await?,
            false => self.method().await?,
        }
        let stopped = matches!(self.status.get(), Some(Status::Interrupted | Status::Aborted));
        if checked && strategy.after() && !stopped {
            self.verify().await?;
        }
        Ok(())
    }

    fn prepared(&self) -> Result<(), Halt> {
        self.note(Event::Prepared(Prepared {
            hypothesis_strategy: self.plan.hypothesis_strategy,
            rollback_strategy: self.plan.rollback_strategy,
            probes: self.live.count(Phase::Before),
        }))
    }

    /// Plays the method, with the hypothesis checked again and again beside it.
    async fn method_with_checks(&self) -> Result<(), Halt> {
        let over = Flag::default();
        let tasks = Tasks::default();
        tasks.begin(self.checks(&over));
        let played = tasks
            .drive(async {
                yield_once().await;
                let played = self.method().await;
                over.raise();
                played
            })
            .await;
        // The last check may have asked for something after the end of the method.
        match self.halts.asked() {
            // Failing fast ends the method, not the run.
            Some(Halt::FailFast) => {
                self.halts.forget();
                Ok(())
            }
            asked => played.and(asked.map_or(Ok(()), Err)),
        }
    }

    async fn method(&self) -> Result<(), Halt> {
        self.phase_started(Phase::Method, None)?;
        self.tell_handlers("start_method", || json!({})).await;
        let played = self.part(Phase::Method, ControlLevel::Method).await;
        let state = || if played.is_ok() { self.recorder.runs(Phase::Method) } else { Value::Null };
        if !played.as_ref().is_err_and(Halt::is_exit) {
            self.tell_handlers("method_completed", || json!({"state": state()})).await;
        }
        played.map(drop)
    }

    /// Plays the steps of the method or of the rollbacks, background ones to their end, between the
    /// controls of that level.
    async fn part(&self, phase: Phase, level: ControlLevel) -> Result<bool, Halt> {
        let begun = self.apply(level, ControlScope::Before, "", || None).await;
        let has_begun = begun.is_ok();
        let played = match begun {
            Ok(_) => self.steps(phase).await,
            Err(halt) => Err(halt),
        };
        let state = || has_begun.then(|| self.recorder.runs(phase));
        if let Some(value) = self.apply(level, ControlScope::After, "", state).await? {
            self.note(Event::Amended(Amended::Runs { phase, value }))?;
        }
        played
    }

    /// True when every activity did its work.
    async fn steps(&self, phase: Phase) -> Result<bool, Halt> {
        let activities = self.live.count(phase);
        self.note(Event::StepsStarted(StepsStarted { phase, activities }))?;
        let proven = Cell::new(true);
        let tasks = Tasks::default();
        let played = tasks.drive(self.foreground(phase, &tasks, &proven)).await;
        // What a background activity asked for while the last one was waited for.
        let asked = if phase == Phase::Method { self.halts.asked() } else { None };
        played.and(asked.map_or(Ok(proven.get()), Err))
    }

    async fn foreground<'s>(
        &'s self,
        phase: Phase,
        tasks: &Tasks<'s>,
        proven: &'s Cell<bool>,
    ) -> Result<(), Halt> {
        let mut index = 0;
        while let Some(step) = self.live.step(phase, index) {
            let id = StepId { phase, index };
            self.reached(id, &step)?;
            if step.background {
                // It begins before the next one does.
                let begun = Rc::new(Flag::default());
                tasks.begin(self.in_background(id, step, begun.clone(), proven));
                begun.wait().await;
            } else {
                self.take_stock(id, index, &step, proven).await?;
            }
            if phase == Phase::Method && self.status.get().is_some() {
                break;
            }
            index += 1;
        }
        Ok(())
    }

    async fn take_stock(
        &self,
        id: StepId,
        index: usize,
        step: &Step,
        proven: &Cell<bool>,
    ) -> Result<(), Halt> {
        let done = self.step(id, index, step, How::Foreground).await?;
        // A control may have changed what becomes of it.
        let step = &self.live.step(id.phase, index).unwrap_or_else(|| step.clone());
        if done.output.is_none() {
            proven.set(false);
            if step.activity.on_failure == OnFailure::Abort && id.phase == Phase::Method {
                let name = &step.activity.name;
                return Err(Halt::Aborted(format!(
                    "Experiment aborted: `{name}` failed, and says to abort then"
                )));
            }
        }
        if let (true, Some(output)) = (self.counts(id.phase, step), &done.output)
            && !done.pretended
        {
            let (met, unknown) = self.judge(id, index, step, output).await?;
            self.note(Event::ToleranceChecked(ToleranceChecked { step: id, met, unknown }))?;
            self.deviated.set(self.deviated.get() || !met);
        }
        Ok(())
    }

    /// Whether the tolerance of a probe counts outside of the hypothesis.
    fn counts(&self, phase: Phase, step: &Step) -> bool {
        let strict = self.live.with(|experiment| experiment.runtime.strict_probes);
        strict && phase == Phase::Method && step.activity.tolerance.is_some()
    }

    /// A background activity; what it asks for stops the others as well.
    async fn in_background(&self, id: StepId, step: Step, begun: Rc<Flag>, proven: &Cell<bool>) {
        let done = self.step(id, id.index, &step, How::Background { begun: &begun }).await;
        begun.raise();
        match done {
            Ok(done) => proven.set(proven.get() && done.output.is_some()),
            // In Chaos Toolkit, nobody looks at what became of it.
            Err(_) if !self.plan.policy.activities_interrupt => {}
            Err(halt) => self.halts.ask(halt),
        }
    }

    async fn roll_back(&self, stopped: Option<Halt>) -> RolledBack {
        if stopped.is_some_and(|halt| halt.leaves_rollbacks_out()) {
            return RolledBack::Proven;
        }
        let strategy = self.plan.rollback_strategy;
        let play = match strategy {
            RollbackStrategy::Always => true,
            RollbackStrategy::Never => false,
            RollbackStrategy::Deviated => self.deviated.get(),
            RollbackStrategy::Default => {
                !matches!(self.status.get(), Some(Status::Failed | Status::Interrupted))
            }
        };
        let _ = self.record(Event::RollbacksDecided(RollbacksDecided { play, strategy }));
        if !play {
            return RolledBack::Proven;
        }
        self.halts.forget();
        self.tell_handlers("start_rollbacks", || json!({})).await;
        let _ = self.phase_started(Phase::Rollbacks, None);
        let played = self.part(Phase::Rollbacks, ControlLevel::Rollback).await;
        let rolled_back = match played {
            Ok(true) => RolledBack::Proven,
            Ok(false) => RolledBack::Unproven,
            Err(halt) => {
                self.stopped(&halt, Phase::Rollbacks).await;
                RolledBack::Interrupted
            }
        };
        self.tell_handlers("rollbacks_completed", || self.journal_argument()).await;
        rolled_back
    }

    /// Takes in that the run was asked to stop.
    async fn stopped(&self, halt: &Halt, during: Phase) {
        let (status, event) = match halt {
            Halt::Interrupted(by) => {
                let interrupted = Interrupted { by: by.clone(), during: Some(during) };
                (Status::Interrupted, Event::Interrupted(interrupted))
            }
            Halt::Aborted(why) => (Status::Aborted, Event::Aborted(Aborted { why: why.clone() })),
            // It is known already.
            Halt::FailFast => return,
        };
        self.status.set(Some(status));
        let _ = self.record(event);
        match halt {
            Halt::Interrupted(by) if by.is_request() => {
                self.tell_handlers("interrupted", || self.journal_argument()).await;
            }
            Halt::Interrupted(_) => drop(self.tell_handlers("signal_exit", || json!({})).await),
            _ => {}
        }
    }

    /// Applies the controls after the experiment, which may still change how it ended.
    async fn finish(&self, outcome: Outcome, rolled_back: RolledBack) -> Outcome {
        let state = || Some(self.recorder.journal());
        let applied = self.apply(ControlLevel::Experiment, ControlScope::After, "", state).await;
        let mut outcome = outcome;
        if let Ok(Some(value)) = applied {
            outcome = self.amend(value, outcome, rolled_back);
        }
        if !self.clean_up_controls().await && !self.plan.policy.unexpected_errors_fail {
            let message = "A control of the experiment failed in cleanup_control".to_owned();
            let _ = self.record(Event::ActivityLog(ActivityLog { step: None, level: Level::Error, message }));
            self.unwritable.set(true);
            outcome.exit_code = self.outcome(rolled_back).exit_code;
        }
        if let Some(value) = self.tell_handlers("finish", || self.journal_argument()).await {
            outcome = self.amend(value, outcome, rolled_back);
        }
        outcome
    }

    /// Takes in a journal that a control or a handler has changed, and gives how the run ended by it.
    fn amend(&self, value: Value, outcome: Outcome, rolled_back: RolledBack) -> Outcome {
        let outcome = self.outcome_of(&value, outcome, rolled_back);
        let _ = self.record(Event::Amended(Amended::Journal { value, outcome }));
        outcome
    }

    /// How a run ended according to a journal that a control has changed.
    fn outcome_of(&self, journal: &Value, outcome: Outcome, rolled_back: RolledBack) -> Outcome {
        let status = journal.get("status").and_then(Value::as_str).and_then(Status::from_name);
        let deviated = journal.get("deviated").map_or(outcome.deviated, python::truth);
        let status = status.unwrap_or(outcome.status);
        if (status, deviated) == (outcome.status, outcome.deviated) {
            return outcome;
        }
        self.status.set(Some(status));
        self.deviated.set(deviated);
        Outcome { status, deviated, ..self.outcome(rolled_back) }
    }

    fn outcome(&self, rolled_back: RolledBack) -> Outcome {
        let status = match rolled_back {
            RolledBack::Interrupted if self.status.get() != Some(Status::Aborted) => Status::Interrupted,
            _ => self.status.get().unwrap_or(Status::Completed),
        };
        let deviated = self.deviated.get();
        let exit_code = match self.plan.policy.telling_exit_codes {
            true => self.telling_exit_code(status, deviated, rolled_back),
            false if status == Status::Completed && !deviated && !self.unwritable.get() => ExitCode::Ok,
            false => ExitCode::Deviated,
        };
        Outcome { status, deviated, exit_code }
    }

    fn telling_exit_code(&self, status: Status, deviated: bool, rolled_back: RolledBack) -> ExitCode {
        let (activity_failed, gate_unmet) = self.recorder.with_journal(|journal| {
            let failed = journal.runs().any(|run| run.status() == Some("failed"));
            (failed, journal.steady_states.before.as_ref().is_some_and(|state| !state.is_met()))
        });
        if rolled_back != RolledBack::Proven {
            ExitCode::RollbackFailed
        } else if status == Status::Interrupted {
            ExitCode::Interrupted
        } else if gate_unmet {
            ExitCode::NotRun
        } else if deviated || activity_failed || status != Status::Completed {
            ExitCode::Deviated
        } else {
            ExitCode::Ok
        }
    }

    fn running_argument(&self) -> Value {
        let schedule = json!({
            "continuous_hypothesis_frequency": self.plan.frequency,
            "fail_fast": self.plan.fail_fast,
            "fail_fast_ratio": 0,
        });
        json!({"journal": self.recorder.journal(), "schedule": schedule})
    }

    fn phase_started(&self, phase: Phase, title: Option<String>) -> Result<(), Halt> {
        self.note(Event::PhaseStarted(PhaseStarted { phase, title }))
    }

    /// Says that a rollback comes next.
    fn reached(&self, step: StepId, declared: &Step) -> Result<(), Halt> {
        if step.phase != Phase::Rollbacks {
            return Ok(());
        }
        let declared_name = declared.declared_name.clone();
        self.note(Event::RollbackReached(RollbackReached { step, declared_name }))
    }

    /// Records what has happened. During rollbacks nothing stops on account of the run log.
    fn note(&self, event: Event) -> Result<(), Halt> {
        let in_rollbacks = matches!(phase_of(&event), Some(Phase::Rollbacks));
        match self.record(event) {
            Err(error) if !in_rollbacks => Err(unrecorded(&error)),
            _ => Ok(()),
        }
    }

    fn record(&self, event: Event) -> io::Result<()> {
        self.recorder.record(self.host.now(), event)
    }
}

/// Lets others have their turn once.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn phase_of(event: &Event) -> Option<Phase> {
    match event {
        Event::PhaseStarted(phase) => Some(phase.phase),
        Event::StepsStarted(steps) => Some(steps.phase),
        Event::RollbackReached(rollback) => Some(rollback.step.phase),
        Event::PauseStarted(pause) => Some(pause.step.phase),
        Event::ActivityFinished(finished) => Some(finished.step.phase),
        Event::HypothesisChecked(checked) => Some(checked.phase),
        Event::ToleranceChecked(checked) => Some(checked.step.phase),
        Event::Retrying(retrying) => Some(retrying.step.phase),
        Event::Saved(saved) => Some(saved.step.phase),
        Event::Chosen(chosen) => Some(chosen.step.phase),
        Event::ActivityLog(log) => log.step.map(|step| step.phase),
        Event::Amended(Amended::Run { step, .. }) => Some(step.phase),
        Event::Amended(Amended::Runs { phase, .. }) => Some(*phase),
        _ => None,
    }
}
