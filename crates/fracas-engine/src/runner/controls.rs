//! Controls and event handlers around the parts of a run.

use fracas_model::*;
use futures_util::future::{Either, select};
use serde_json::{Map, Value, json};

use super::Runner;
use super::halt::Halt;
use super::live::part;
use crate::controls::{all_declared, applicable};
use crate::{Answer, Call, Changes, ControlLevel, ControlScope, Hook, Stop, World};

impl Runner<'_> {
    /// Makes the controls ready: those of the settings first, then those of the experiment.
    pub(super) async fn configure_controls(&self) -> Result<(), Halt> {
        let Some(controls) = self.host.controls() else { return Ok(()) };
        let experiment = self.live.with(|experiment| experiment.document.shared());
        let values = self.live.values();
        let world = World { experiment: experiment.clone(), values: &values, settings: &self.plan.settings };
        controls.begin(&world).await;
        for control in self.globals() {
            let failures = self.configure(&control, true).await?;
            // A control of the settings that cannot be configured is not applied.
            if failures {
                self.global_controls.borrow_mut().retain(|known| *known != control);
            }
        }
        for control in all_declared(&experiment) {
            self.configure(&control, false).await?;
        }
        Ok(())
    }

    /// True when the control failed.
    async fn configure(&self, control: &Value, global: bool) -> Result<bool, Halt> {
        let answer = self.call(Call::Configure { control, global }).await?;
        let failed = !answer.failures.is_empty();
        self.take(answer, "configure_control")?;
        Ok(failed)
    }

    /// Lets the controls clean up. False when one of the experiment failed, of which Chaos Toolkit dies.
    pub(super) async fn clean_up_controls(&self) -> bool {
        if self.host.controls().is_none() {
            return true;
        }
        let experiment = self.live.with(|experiment| experiment.document.clone());
        let mut clean = true;
        for control in all_declared(&experiment) {
            clean &= self.clean_up(&control).await;
        }
        for control in self.globals() {
            self.clean_up(&control).await;
        }
        clean
    }

    async fn clean_up(&self, control: &Value) -> bool {
        let Ok(answer) = self.call(Call::Cleanup { control }).await else { return true };
        let clean = answer.failures.is_empty();
        let _ = self.take(answer, "cleanup_control");
        clean
    }

    /// Applies the controls of a level before something or after it, and gives its state if a
    /// control has changed it. `context` is where that thing stands in the experiment.
    pub(super) async fn apply(
        &self,
        level: ControlLevel,
        scope: ControlScope,
        context: &str,
        state: impl FnOnce() -> Option<Value>,
    ) -> Result<Option<Value>, Halt> {
        let controls = self.applicable(level, scope, context);
        if controls.is_empty() {
            return Ok(None);
        }
        let hook = Hook { level, scope };
        let answer = self.call(Call::Apply { hook, controls: &controls, context, state: state() }).await?;
        self.take(answer, hook.function())
    }

    fn applicable(&self, level: ControlLevel, scope: ControlScope, context: &str) -> Vec<Value> {
        if self.host.controls().is_none() {
            return Vec::new();
        }
        let global = self.global_controls.borrow();
        let once = self.plan.policy.controls_once;
        let mut controls = self.live.with(|experiment| {
            let document = &experiment.document;
            applicable(level, &global, document, part(document, context), once)
        });
        let hook = Hook { level, scope };
        controls.retain(|control| hook.wants(control));
        controls
    }

    /// Tells the event handlers that controls have registered. Gives the journal if they were given it and
    /// changed it.
    pub(super) async fn tell_handlers(
        &self,
        name: &'static str,
        arguments: impl FnOnce() -> Value,
    ) -> Option<Value> {
        let controls = self.host.controls().filter(|controls| controls.handles(name))?;
        let arguments: Map<String, Value> = arguments().as_object().cloned().unwrap_or_default();
        let answer = controls.call(Call::Event { name, arguments }, &self.live.values()).await;
        // Handlers cannot stop a run.
        self.take(Answer { stop: None, ..answer }, name).ok().flatten()
    }

    /// Makes a call that a signal cuts; after the run was asked to stop, only another signal does.
    async fn call(&self, call: Call<'_>) -> Result<Answer, Halt> {
        let Some(controls) = self.host.controls() else { return Ok(Answer::default()) };
        let values = self.live.values();
        let answer = controls.call(call, &values);
        let asked = self.halts.asked().is_some();
        let halted =
            async { if asked { self.halts.next_signal().await } else { self.halts.halted(|_| true).await } };
        match select(Box::pin(halted), answer).await {
            Either::Left((halt, _)) => Err(halt),
            Either::Right((answer, _)) => Ok(answer),
        }
    }

    /// Takes in what came of a call, and gives the state if it was changed.
    fn take(&self, answer: Answer, function: &str) -> Result<Option<Value>, Halt> {
        for (level, message) in answer.lines {
            let _ = self.record(Event::ActivityLog(ActivityLog { step: None, level, message }));
        }
        for (control, error) in answer.failures {
            let failed = ControlFailed { control, function: function.to_owned(), error };
            let _ = self.record(Event::ControlFailed(failed));
        }
        let state = self.change(answer.changes);
        match answer.stop {
            None => Ok(state),
            Some(Stop::Interrupt(why)) => Err(Halt::Interrupted(InterruptedBy::Request(why))),
            Some(Stop::Exit(code)) => Err(Halt::Interrupted(InterruptedBy::Exit(code))),
            Some(Stop::KeyboardInterrupt) => Err(Halt::by_ctrl_c()),
            Some(Stop::Abort) => Err(Halt::Aborted(UNEXPECTED.to_owned())),
        }
    }

    /// Takes in changes to what is shared, and gives the state if it was changed.
    pub(super) fn change(&self, mut changes: Changes) -> Option<Value> {
        let state = changes.state.take();
        if changes == Changes::default() {
            return state;
        }
        for pointer in self.live.change(&changes) {
            let message = format!(
                "{pointer} of the experiment was changed to something that cannot be played; what stood there is played"
            );
            let _ =
                self.record(Event::ActivityLog(ActivityLog { step: None, level: Level::Warning, message }));
        }
        self.keep(&changes);
        // The reference's journal has a copy of the experiment, which shares its parts, but has its own
        // entries.
        for (pointer, value) in
            changes.experiment.into_iter().filter(|(pointer, _)| !changes.replaced.contains(pointer))
        {
            let _ = self.record(Event::Amended(Amended::Experiment { pointer, value }));
        }
        state
    }

    /// Keeps what a recovery needs, as it is now.
    pub(super) fn keep(&self, changes: &Changes) {
        if !changes.secrets.is_empty() && self.plan.policy.mask_secrets {
            self.recorder.learn(&self.live.values());
        }
        let mut kept = Ok(());
        if !changes.configuration.is_empty() {
            kept = self.recorder.folder.keep_configuration(&changes.configuration);
        }
        if !changes.experiment.is_empty() {
            let experiment =
                self.live.with(|experiment| self.recorder.folder.keep_experiment(&experiment.document));
            kept = kept.and(experiment);
        }
        if let Err(error) = kept {
            let message = format!("a recovery of this run would not know what was changed in it: {error}");
            let _ =
                self.record(Event::ActivityLog(ActivityLog { step: None, level: Level::Warning, message }));
        }
    }

    fn globals(&self) -> Vec<Value> {
        self.global_controls.borrow().clone()
    }

    /// What handlers are told of the whole run.
    pub(super) fn journal_argument(&self) -> Value {
        let mut journal = self.recorder.journal();
        if let Some(fields) = journal.as_object_mut().filter(|fields| fields["status"].is_null()) {
            fields["status"] = self.status.get().map_or(Value::Null, |status| status.name().into());
            fields["deviated"] = self.deviated.get().into();
        }
        json!({"journal": journal})
    }
}

/// The words of the reference for an error that it does not expect.
pub(super) const UNEXPECTED: &str = "Experiment ran into an un expected fatal error, aborting now.";
