//! One activity: its controls, its pauses, its tries, and what becomes of it.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use fracas_model::*;
use futures_util::future::{Either, LocalBoxFuture, pending, select};
use serde_json::{Map, Value, json};

use super::Runner;
use super::controls::UNEXPECTED;
use super::halt::{Flag, Halt};
use crate::check::pause_seconds;
use crate::tolerance::{Verdict, with_value, within};
use crate::{Changes, Context, ControlLevel, ControlScope, SoFar, Stop, Tell, Values};

/// What became of an activity.
pub(super) struct Done {
    /// What it gave, if it succeeded.
    pub output: Option<Arc<Value>>,
    /// Whether it was only pretended.
    pub pretended: bool,
}

/// How an activity is played.
#[derive(Clone, Copy)]
pub(super) enum How<'a> {
    /// The next one waits for its end.
    Foreground,
    /// As before, and an earlier try did not come to its end.
    Again,
    /// The next one waits for its beginning.
    Background {
        /// Raised when it is under way, if only with its pause.
        begun: &'a Flag,
    },
}

impl How<'_> {
    fn background(self) -> bool {
        matches!(self, How::Background { .. })
    }

    fn tell_begun(self) {
        if let How::Background { begun } = self {
            begun.raise();
        }
    }
}

/// An activity that is being carried out.
struct Doing<'a> {
    id: StepId,
    /// Its place in its part of the experiment.
    index: usize,
    /// Where its activity is declared: a JSON pointer.
    place: &'a str,
    step: &'a Step,
    how: How<'a>,
    dry: Option<Dry>,
}

impl Doing<'_> {
    fn activity(&self) -> &Activity {
        &self.step.activity
    }

    fn pretended(&self) -> bool {
        self.dry.is_some_and(|dry| dry.pretends(self.activity().kind))
    }

    fn waits(&self) -> bool {
        !self.pretended() && self.dry != Some(Dry::Pause)
    }
}

/// Whether an output is within a tolerance; if nobody can tell, why.
type Judged = Result<(bool, Option<String>), Halt>;

/// How carrying out an activity ended: its result, and that the run is to stop.
type Carried = (ActivityResult, Option<Halt>);

impl Runner<'_> {
    /// Plays the step in this place with the controls and pauses around it.
    pub(super) async fn step(
        &self,
        id: StepId,
        index: usize,
        step: &Step,
        how: How<'_>,
    ) -> Result<Done, Halt> {
        if step.is_missing {
            return Err(Halt::Aborted(UNEXPECTED.to_owned()));
        }
        let place = self.live.place(id.phase, index, step);
        let level = ControlLevel::Activity;
        let begun = self.apply(level, ControlScope::Before, &place, || None).await;
        // A control may have changed what follows.
        let step = self.live.step(id.phase, index).unwrap_or_else(|| step.clone());
        let played = match begun {
            Ok(_) => self.play_step(id, index, &place, &step, how).await,
            Err(halt) => Err(halt),
        };
        let state = || played.as_ref().ok().and_then(|_| self.recorder.run(id));
        let changed = self.apply(level, ControlScope::After, &place, state).await?;
        let mut done = played?;
        if let Some(value) = changed {
            done.output = amended_output(&value, &done);
            self.note(Event::Amended(Amended::Run { step: id, value }))?;
        }
        Ok(done)
    }

    async fn play_step(
        &self,
        id: StepId,
        index: usize,
        place: &str,
        step: &Step,
        how: How<'_>,
    ) -> Result<Done, Halt> {
        let dry = self.dry_of(&step.activity);
        let doing = Doing { id, index, place, step, how, dry };
        let [before, after] = [&step.activity.pauses.before, &step.activity.pauses.after]
            .map(|pause| self.live.values().substitute(pause));
        self.pause(&doing, PauseWhen::Before, before).await?;
        // A signal that came while nothing waited must not find an action begun.
        self.look_up(doing.how.background())?;
        self.intend(&doing)?;
        doing.how.tell_begun();
        self.tell_handlers("start_activity", || json!({"activity": step.activity.document})).await;
        let start = self.host.now();
        let (result, halt) = self.carry_out(&doing).await;
        let output = match &result {
            ActivityResult::Succeeded { output } => Some(output.clone()),
            ActivityResult::Failed(_) | ActivityResult::Cut(_) => None,
        };
        let cut = matches!(result, ActivityResult::Cut(_));
        let forgotten = cut && doing.how.background() && asked_to_leave(halt.as_ref());
        let finished = ActivityFinished { step: id, start, end: self.host.now(), forgotten, result };
        self.note(Event::ActivityFinished(finished))?;
        self.tell_handlers(
            "activity_completed",
            || json!({"activity": step.activity.document, "run": self.recorder.run(id)}),
        )
        .await;
        if let Some(output) = output.as_ref().filter(|_| !step.activity.save.is_empty()) {
            self.save(&doing, output)?;
        }
        if !(cut && self.plan.policy.signals_cut_all) {
            self.pause(&doing, PauseWhen::After, after).await?;
        }
        match halt {
            Some(halt) => Err(halt),
            None => Ok(Done { output, pretended: doing.pretended() }),
        }
    }

    /// What of an activity is only pretended.
    fn dry_of(&self, activity: &Activity) -> Option<Dry> {
        match self.plan.policy.dry_of_activities {
            true => activity.dry.or(self.plan.dry),
            // Chaos Toolkit compares the text with something that is no text.
            false => self.plan.dry.filter(|_| activity.document.get("dry").is_none()),
        }
    }

    async fn pause(&self, doing: &Doing<'_>, when: PauseWhen, seconds: Value) -> Result<(), Halt> {
        let duration = match self.plan.policy.check_ahead {
            true => pause_seconds(&seconds),
            // Chaos Toolkit gives a text to Python's `sleep` as it is, which refuses it.
            false => pause_seconds(&seconds).filter(|_| !seconds.is_string()),
        };
        let is_none = self.plan.policy.check_ahead && duration.is_none();
        if is_none || duration == Some(0.0) || !python::truth(&seconds) {
            return Ok(());
        }
        self.note(Event::PauseStarted(PauseStarted { step: doing.id, when, seconds }))?;
        doing.how.tell_begun();
        if !doing.waits() {
            return Ok(());
        }
        let duration = duration.ok_or_else(|| Halt::Aborted(UNEXPECTED.to_owned()))?;
        let asked = self.halts.asked().is_some();
        let halted = async {
            // A pause after an activity that was cut gives way to another signal only.
            if asked { self.halts.next_signal().await } else { self.halted(doing.how.background()).await }
        };
        match select(Box::pin(halted), self.sleep(duration)).await {
            Either::Left((halt, _)) => Err(halt),
            Either::Right(_) => Ok(()),
        }
    }

    /// Carries an activity out, again and again if it asks for that, or only pretends.
    async fn carry_out(&self, doing: &Doing<'_>) -> Carried {
        if doing.pretended() {
            return (ActivityResult::Succeeded { output: Arc::default() }, None);
        }
        let Some(retry) = doing.activity().retry else { return self.attempt(doing).await };
        let began = self.host.now();
        let mut tries = 0;
        loop {
            tries += 1;
            let (result, halt) = self.attempt(doing).await;
            let over = self.host.now().seconds_since(began) + retry.every > retry.within;
            if halt.is_some() || over {
                return (result, halt);
            }
            match self.is_within(doing, &result).await {
                Ok(false) => {}
                judged => return (result, judged.err()),
            }
            let retrying = Retrying { step: doing.id, tries, seconds: retry.every };
            let recorded = self.note(Event::Retrying(retrying));
            let halted = Box::pin(self.halted(doing.how.background()));
            if let Either::Left((halt, _)) = select(halted, self.sleep(retry.every)).await {
                return (result, Some(halt));
            }
            if let Err(halt) = recorded {
                return (result, Some(halt));
            }
        }
    }

    async fn is_within(&self, doing: &Doing<'_>, result: &ActivityResult) -> Result<bool, Halt> {
        match result {
            ActivityResult::Succeeded { output } => {
                let judged = self.judge(doing.id, doing.index, doing.step, output).await?;
                Ok(judged.0)
            }
            ActivityResult::Failed(_) | ActivityResult::Cut(_) => Ok(false),
        }
    }

    async fn attempt(&self, doing: &Doing<'_>) -> Carried {
        let activity = doing.activity();
        let tell = StepTell::new(self, doing.id);
        // What goes on at the same time may have changed them during the pause or since the last try.
        let values = self.live.values();
        let context = Context { values: &values, policy: &self.plan.policy, tell: &tell, place: doing.place };
        let work = self.host.carry_out(activity, &context);
        let timeout = activity.timeout.filter(|_| self.plan.policy.activity_timeouts);
        let timed_out: LocalBoxFuture<'_, ()> = match timeout {
            Some(seconds) => self.sleep(seconds),
            None => Box::pin(pending()),
        };
        let halted = Box::pin(self.halted(doing.how.background()));
        let ended = match select(halted, select(work, timed_out)).await {
            Either::Left((halt, _)) => Ended::Halted(halt),
            Either::Right((Either::Left((result, _)), _)) => Ended::ByItself(result),
            Either::Right((Either::Right(_), _)) => Ended::TimedOut(timeout.unwrap_or_default()),
        };
        // By now, what was cut has been dropped and has told how far it came.
        match ended {
            Ended::ByItself(Ok(output)) => {
                self.unwritable.set(self.unwritable.get() || tell.stop.take() == Some(Stop::Abort));
                (ActivityResult::Succeeded { output: Arc::new(output) }, None)
            }
            Ended::ByItself(Err(failure)) => self.failed(failure, tell.stop.take(), doing.how.background()),
            Ended::TimedOut(seconds) => {
                (ActivityResult::Failed(timed_out_after(seconds, tell.so_far(activity.kind))), None)
            }
            Ended::Halted(halt) => self.cut(activity, halt, tell.so_far(activity.kind)),
        }
    }

    /// What a request to stop makes of the activity that it meets.
    fn cut(&self, activity: &Activity, halt: Halt, so_far: SoFar) -> Carried {
        let by = match &halt {
            Halt::Interrupted(InterruptedBy::Signal(name)) => name.as_str(),
            Halt::Interrupted(_) => "a request to stop",
            Halt::Aborted(_) => "the end of the run",
            Halt::FailFast => "a steady state that is not met",
        };
        // In Chaos Toolkit, SIGTERM raises an error in the function that is called, which fails.
        if by == "SIGTERM" && !self.plan.policy.activities_interrupt && activity.provider_type == "python" {
            self.halts.forget();
            let error = "chaoslib.exceptions.InterruptExecution: SIGTERM signal received".to_owned();
            return (ActivityResult::Failed(so_far.failure(error, "")), None);
        }
        (ActivityResult::Cut(so_far.cut_by(by)), Some(halt))
    }

    /// What a failure is, with what the activity asked the run for.
    fn failed(&self, failure: Failure, stop: Option<Stop>, background: bool) -> Carried {
        let policy = &self.plan.policy;
        match stop {
            Some(Stop::Interrupt(why)) if policy.activities_interrupt => {
                (ActivityResult::Failed(failure), Some(Halt::Interrupted(InterruptedBy::Request(why))))
            }
            Some(Stop::Exit(code)) => {
                (ActivityResult::Cut(failure), Some(Halt::Interrupted(InterruptedBy::Exit(code))))
            }
            Some(Stop::KeyboardInterrupt) => (ActivityResult::Cut(failure), Some(Halt::by_ctrl_c())),
            Some(Stop::Abort) if !policy.unexpected_errors_fail && background => {
                (ActivityResult::Cut(failure), None)
            }
            Some(Stop::Abort) if !policy.unexpected_errors_fail => {
                (ActivityResult::Cut(failure), Some(Halt::Aborted(UNEXPECTED.to_owned())))
            }
            _ => (ActivityResult::Failed(failure), None),
        }
    }

    /// Whether an output is within the tolerance of its step; if nobody can tell, why.
    pub(super) async fn judge(&self, id: StepId, index: usize, step: &Step, output: &Value) -> Judged {
        let values = self.live.values();
        match &step.activity.tolerance {
            None => Ok((true, None)),
            Some(Tolerance::Probe(probe)) => self.judge_by(probe, id, index, output, &values).await,
            Some(tolerance) => match within(tolerance, output, &values) {
                Verdict::Incomparable(why) if self.plan.policy.unexpected_errors_fail => {
                    Ok((false, Some(cannot_tell(&step.activity.name, &why))))
                }
                Verdict::Incomparable(why) => Err(Halt::Aborted(cannot_tell(&step.activity.name, &why))),
                verdict => Ok((verdict.is_met(), None)),
            },
        }
    }

    async fn judge_by(
        &self,
        probe: &Activity,
        id: StepId,
        index: usize,
        output: &Value,
        values: &Values,
    ) -> Judged {
        if !self.plan.policy.tolerances_untouched {
            let value = output.clone();
            let _ = self.record(Event::Amended(Amended::Tolerance { index, value }));
        }
        if !self.plan.policy.unexpected_errors_fail && probe.provider.get("arguments").is_none() {
            return Err(Halt::Aborted(cannot_tell(&probe.name, "its probe has no `arguments`")));
        }
        let tell = StepTell::new(self, id);
        let context = Context { values, policy: &self.plan.policy, tell: &tell, place: "" };
        let probe = with_value(probe, output);
        match select(Box::pin(self.halted(false)), self.host.carry_out(&probe, &context)).await {
            Either::Left((halt, _)) => Err(halt),
            Either::Right((Ok(value), _)) => Ok((python::truth(&value), None)),
            Either::Right((Err(_), _)) if !self.plan.policy.fuller_journal => Ok((false, None)),
            Either::Right((Err(failure), _)) => {
                Ok((false, Some(format!("The probe of the tolerance failed: {}", failure.error))))
            }
        }
    }

    /// Gives later activities what this one's output holds for them.
    fn save(&self, doing: &Doing<'_>, output: &Value) -> Result<(), Halt> {
        let mut values = Map::new();
        for (name, expression) in &doing.activity().save {
            let value = search(expression, output);
            if value.is_null() {
                let name = &doing.activity().name;
                let message =
                    format!("`{expression}` finds nothing in the output of `{name}`, so null is saved");
                self.note(Event::ActivityLog(ActivityLog {
                    step: Some(doing.id),
                    level: Level::Warning,
                    message,
                }))?;
            }
            values.insert(name.clone(), value);
        }
        let configuration = values.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        let changes = Changes { configuration, ..Changes::default() };
        self.live.change_values(&changes);
        self.keep(&changes);
        self.note(Event::Saved(Saved { step: doing.id, values }))
    }

    /// Records that an activity is about to happen. An action whose intent cannot be recorded does
    /// not happen, unless it is a rollback: undoing a fault unrecorded is better than leaving it.
    fn intend(&self, doing: &Doing<'_>) -> Result<(), Halt> {
        let activity = doing.activity();
        let started = Event::ActivityStarted(ActivityStarted {
            step: doing.id,
            name: activity.name.clone(),
            kind: activity.kind,
            activity: activity.document.shared(),
            background: activity.document.get("background") == Some(&Value::Bool(true)),
            again: matches!(doing.how, How::Again),
            pretended: doing.pretended(),
        });
        let now = self.host.now();
        let recorded = match activity.kind {
            ActivityKind::Action if !doing.pretended() => self.recorder.record_surely(now, started),
            ActivityKind::Action | ActivityKind::Probe => self.recorder.record(now, started),
        };
        match recorded {
            Err(error) if doing.id.phase != Phase::Rollbacks => Err(unrecorded(&error)),
            _ => Ok(()),
        }
    }

    /// A request to stop that has come, also while nothing waited for it.
    fn look_up(&self, background: bool) -> Result<(), Halt> {
        use futures_util::future::FutureExt;
        match self.halted(background).now_or_never() {
            Some(halt) => Err(halt),
            None => Ok(()),
        }
    }

    /// Ends when this activity is to be cut. In Chaos Toolkit, background activities are waited for
    /// when the run is asked to stop, unless it is asked to leave the rollbacks out as well.
    async fn halted(&self, background: bool) -> Halt {
        let all = self.plan.policy.signals_cut_all || !background;
        self.halts.halted(|halt| all || halt.leaves_rollbacks_out()).await
    }

    fn sleep(&self, seconds: f64) -> LocalBoxFuture<'_, ()> {
        self.host.sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

/// The output that a control has left, which is the real one where the control did not touch it.
fn amended_output(run: &Value, done: &Done) -> Option<Arc<Value>> {
    if run["status"] != "succeeded" {
        return None;
    }
    match &done.output {
        Some(output) if run["output"] == **output || run["output"].to_string().contains("*****") => {
            Some(output.clone())
        }
        _ => Some(Arc::new(run["output"].clone())),
    }
}

/// What a JMESPath expression finds; it was checked before the run.
fn search(expression: &str, output: &Value) -> Value {
    fracas_jmespath::search(expression, output).unwrap_or_default()
}

/// Whether nobody waits any more for what goes on in the background.
fn asked_to_leave(halt: Option<&Halt>) -> bool {
    matches!(halt, Some(Halt::Interrupted(InterruptedBy::Signal(name))) if name == "SIGUSR2")
}

fn cannot_tell(name: &str, why: &str) -> String {
    format!("The output of `{name}` cannot be compared with its tolerance: {why}")
}

fn timed_out_after(seconds: f64, so_far: SoFar) -> Failure {
    let error = format!("the activity's timeout of {}s is over", python::float_repr(seconds));
    so_far.failure(error, "raise its `timeout`, or look at why it takes so long")
}

/// The run log cannot be written.
pub(super) fn unrecorded(error: &io::Error) -> Halt {
    Halt::Aborted(format!("Experiment aborted: cannot write the run log: {error}"))
}

/// How a try of an activity ended.
enum Ended {
    ByItself(Result<Value, Failure>),
    /// After these seconds.
    TimedOut(f64),
    Halted(Halt),
}

/// Takes what one activity tells while it is carried out.
struct StepTell<'a> {
    runner: &'a Runner<'a>,
    step: StepId,
    stop: RefCell<Option<Stop>>,
    cut: RefCell<Option<SoFar>>,
}

impl StepTell<'_> {
    fn new<'a>(runner: &'a Runner<'a>, step: StepId) -> StepTell<'a> {
        StepTell { runner, step, stop: RefCell::default(), cut: RefCell::default() }
    }

    /// What an activity that was cut has told, or what can be said of any one.
    fn so_far(&self, kind: ActivityKind) -> SoFar {
        self.cut.take().unwrap_or_else(|| SoFar::unknown(kind))
    }
}

impl Tell for StepTell<'_> {
    fn run(&self) -> Option<String> {
        Some(self.runner.recorder.folder.id())
    }

    fn log(&self, level: Level, message: String) {
        // A line that cannot be recorded was still shown; the next step notices the run log.
        let step = Some(self.step);
        let _ = self.runner.record(Event::ActivityLog(ActivityLog { step, level, message }));
    }

    fn process_started(&self, group: u32) -> io::Result<()> {
        let recorded = self.runner.record(Event::ProcessStarted(ProcessStarted { step: self.step, group }));
        if self.step.phase == Phase::Rollbacks { Ok(()) } else { recorded }
    }

    fn chose(&self, choice: Choice) -> io::Result<()> {
        let recorded = self.runner.record(Event::Chosen(Chosen { step: self.step, choice }));
        if self.step.phase == Phase::Rollbacks { Ok(()) } else { recorded }
    }

    fn cut(&self, happened: Happened, progress: Option<Box<Progress>>) {
        self.cut.replace(Some(SoFar { happened, progress }));
    }

    fn stop(&self, stop: Stop) {
        self.stop.replace(Some(stop));
    }

    fn changed(&self, changes: Changes) {
        self.runner.change(changes);
    }
}
