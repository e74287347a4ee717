//! Checks of the steady-state hypothesis: before the method, again and again during it, after it.

use std::time::Duration;

use fracas_model::*;
use futures_util::future::{Either, select};
use serde_json::{Value, json};

use super::Runner;
use super::activity::How;
use super::halt::{Flag, Halt};
use crate::{ControlLevel, ControlScope};

/// Where the hypothesis stands in an experiment.
const HYPOTHESIS: &str = "/steady-state-hypothesis";

impl Runner<'_> {
    /// Checks the hypothesis before the method. False when the method is not to be played.
    pub(super) async fn gate(&self) -> Result<bool, Halt> {
        self.tell_handlers("start_hypothesis_before", || json!({})).await;
        let met = self.check(Phase::Before, 0).await?;
        self.tell_handlers("hypothesis_before_completed", || self.state_argument(Phase::Before)).await;
        if !met {
            self.unmet(Phase::Before)?;
            let failed = self.plan.policy.unmet_gate_fails || self.has_failed_probe(Phase::Before);
            self.status.set(Some(if failed { Status::Failed } else { Status::Completed }));
        }
        Ok(met)
    }

    /// Checks the hypothesis after the method.
    pub(super) async fn verify(&self) -> Result<(), Halt> {
        self.tell_handlers("start_hypothesis_after", || json!({})).await;
        let met = self.check(Phase::After, 0).await?;
        self.tell_handlers("hypothesis_after_completed", || self.state_argument(Phase::After)).await;
        if !met {
            self.unmet(Phase::After)?;
            self.deviated.set(true);
            let failed_fast =
                self.plan.policy.deviation_during_counts && self.status.get() == Some(Status::Failed);
            let failed = failed_fast || self.has_failed_probe(Phase::After);
            self.status.set(Some(if failed { Status::Failed } else { Status::Completed }));
        }
        Ok(())
    }

    /// Checks the hypothesis again and again, until it is over.
    pub(super) async fn checks(&self, over: &Flag) {
        let frequency = self.plan.frequency;
        let _ = self.record(Event::ChecksStarted(ChecksStarted { frequency }));
        self.tell_handlers("start_continuous_hypothesis", || json!({"frequency": frequency})).await;
        let checked = self.check_until(over).await;
        self.tell_handlers("continuous_hypothesis_completed", || self.journal_argument()).await;
        if let Err(halt @ Halt::Aborted(_)) = &checked
            && !self.plan.policy.unexpected_errors_fail
        {
            // What goes on meanwhile comes to its end; nothing follows it.
            self.stopped(halt, Phase::During).await;
        }
        let deviated_percent = *checked.as_ref().unwrap_or(&None);
        let _ = self.record(Event::ChecksEnded(ChecksEnded { deviated_percent }));
        match checked {
            Ok(None) => {}
            Ok(Some(_)) if !self.plan.policy.deviation_during_counts => self.status.set(Some(Status::Failed)),
            Ok(Some(_)) => {
                self.status.set(Some(Status::Failed));
                self.halts.ask(Halt::FailFast);
            }
            Err(Halt::Aborted(_)) if !self.plan.policy.unexpected_errors_fail => {}
            Err(halt) => self.halts.ask(halt),
        }
    }

    /// Gives how many of a hundred checks were not met, when that ends the method.
    async fn check_until(&self, over: &Flag) -> Result<Option<f64>, Halt> {
        let (mut unmet, mut checks) = (0_usize, 0_usize);
        while !over.is_raised() && self.status.get().is_none() {
            checks += 1;
            let met = self.check(Phase::During, checks - 1).await?;
            self.tell_handlers(
                "continuous_hypothesis_iteration",
                || json!({"iteration_index": checks, "state": self.recorder.state(Phase::During)}),
            )
            .await;
            if !met {
                unmet += 1;
                self.unmet(Phase::During)?;
                self.deviated.set(self.deviated.get() || self.plan.policy.deviation_during_counts);
                if self.plan.fail_fast {
                    return Ok(Some(unmet as f64 * 100.0 / checks as f64));
                }
            }
            // As long as this lies between two checks, however long they take.
            let pause =
                self.host.sleep(Duration::try_from_secs_f64(self.plan.frequency).unwrap_or(Duration::MAX));
            if let Either::Left((halt, _)) =
                select(Box::pin(self.halts.halted(|_| true)), select(Box::pin(over.wait()), pause)).await
            {
                return Err(halt);
            }
        }
        Ok(None)
    }

    /// Checks the hypothesis once. Before the controls after it, only the probes decide.
    async fn check(&self, phase: Phase, round: usize) -> Result<bool, Halt> {
        let title = self.live.with(|experiment| experiment.hypothesis.as_ref().map(|it| it.title.clone()));
        self.phase_started(phase, title)?;
        let begun = self.apply(ControlLevel::Hypothesis, ControlScope::Before, HYPOTHESIS, || None).await;
        let has_begun = begun.is_ok();
        let checked = match begun {
            Ok(_) => self.check_probes(phase, round).await,
            Err(halt) => Err(halt),
        };
        let state = || has_begun.then(|| self.recorder.state(phase));
        let changed = match self.apply(ControlLevel::Hypothesis, ControlScope::After, HYPOTHESIS, state).await
        {
            Err(halt) if !self.plan.policy.fuller_journal => {
                // In Chaos Toolkit, nothing is left of the check then.
                self.note(Event::Amended(Amended::Hypothesis { phase, value: Value::Null }))?;
                return Err(halt);
            }
            changed => changed?,
        };
        checked?;
        if let Some(value) = changed {
            self.note(Event::Amended(Amended::Hypothesis { phase, value }))?;
        }
        Ok(self
            .recorder
            .with_journal(|journal| journal.steady_states.of(phase).is_some_and(SteadyState::is_met)))
    }

    async fn check_probes(&self, phase: Phase, round: usize) -> Result<(), Halt> {
        let mut met = true;
        let mut index = 0;
        while let Some(step) = self.live.step(phase, index).filter(|_| met) {
            // Each check during the method has steps of its own.
            let id = StepId { phase, index: round * self.live.count(phase) + index };
            met = self.check_probe(id, index, &step).await?;
            index += 1;
        }
        self.note(Event::HypothesisChecked(HypothesisChecked { phase, met }))
    }

    async fn check_probe(&self, id: StepId, index: usize, step: &Step) -> Result<bool, Halt> {
        let done = self.step(id, index, step, How::Foreground).await?;
        // A control may have changed the tolerance.
        let step = &self.live.step(id.phase, index).unwrap_or_else(|| step.clone());
        let pretended = match self.plan.policy.dry_of_activities {
            true => done.pretended,
            false => self.plan.dry.is_some_and(|dry| dry.pretends(ActivityKind::Probe)),
        };
        let (met, unknown) = match &done.output {
            None => (false, Some(PROBE_FAILED.to_owned())),
            Some(_) if pretended => (true, None),
            // It is missing, or one that is never met.
            Some(_) if step.activity.tolerance.is_none() => (false, None),
            Some(output) => self.judge(id, index, step, output).await?,
        };
        self.note(Event::ToleranceChecked(ToleranceChecked { step: id, met, unknown }))?;
        Ok(met)
    }

    /// Says that the hypothesis is not met.
    fn unmet(&self, phase: Phase) -> Result<(), Halt> {
        let probe = self.recorder.with_journal(|journal| {
            let state = journal.steady_states.of(phase)?;
            state.last_probe().map(str::to_owned)
        });
        self.note(Event::HypothesisUnmet(HypothesisUnmet { phase, probe: probe.unwrap_or_default() }))
    }

    fn has_failed_probe(&self, phase: Phase) -> bool {
        self.recorder.with_journal(|journal| {
            journal.steady_states.of(phase).is_some_and(SteadyState::has_failed_probe)
        })
    }

    fn state_argument(&self, phase: Phase) -> serde_json::Value {
        json!({"state": self.recorder.state(phase), "journal": self.recorder.journal()})
    }
}

/// The reference's words.
const PROBE_FAILED: &str = "Probe terminated unexpectedly, so its tolerance could not be validated";
