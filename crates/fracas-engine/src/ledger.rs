//! What a run log proves: which actions may have happened, and which rollbacks were played.

use std::collections::BTreeMap;

use fracas_model::*;

/// A summary of a run's events.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How the run, or its last recovery, ended.
    pub outcome: Option<Outcome>,
    /// Whether a recovery came to its end.
    pub recovered: bool,
    recovering: bool,
    actions: BTreeMap<StepId, (String, Happened)>,
    rollbacks: BTreeMap<StepId, (String, RollbackState)>,
    deviated: bool,
    policy: Policy,
}

/// How far a rollback has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollbackState {
    /// It was begun; nobody can tell how far it came.
    Cut,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
}

impl Ledger {
    /// Takes in one more event.
    pub fn see(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::ActivityStarted(started) => self.activity_started(started),
            Event::ActivityFinished(finished) => self.activity_finished(finished),
            Event::RunStarted(run) => self.policy = run.policy,
            Event::HypothesisUnmet(unmet) => self.deviated |= self.is_deviation(unmet.phase),
            Event::Amended(Amended::Journal { outcome, .. }) => self.outcome = Some(*outcome),
            Event::RecoveryStarted(_) => self.recovering = true,
            Event::RunFinished(finished) => {
                self.outcome = Some(finished.outcome);
                self.recovered = self.recovering;
            }
            _ => {}
        }
    }

    /// Names of the actions that may have happened, in order, rollbacks aside.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        let happened = self.actions.values().filter(|(_, happened)| *happened != Happened::No);
        happened.map(|(name, _)| name.as_str())
    }

    /// The actions that may still have their effect: those that may have happened, unless each of
    /// so many declared rollbacks ended well. Where none is declared, a run that came to its end
    /// leaves what it meant to leave; one that was cut does not, until it was recovered.
    pub fn live(&self, declared: usize) -> Vec<String> {
        let undone = |index| self.rollback(index) == Some(RollbackState::Succeeded);
        let ended =
            self.outcome.is_some_and(|outcome| matches!(outcome.status, Status::Completed | Status::Failed));
        let settled = if declared == 0 { ended || self.recovered } else { (0..declared).all(undone) };
        if settled { Vec::new() } else { self.actions().map(str::to_owned).collect() }
    }

    /// How far a rollback has come; none when it was never begun.
    pub fn rollback(&self, index: usize) -> Option<RollbackState> {
        self.rollbacks.get(&StepId { phase: Phase::Rollbacks, index }).map(|(_, state)| *state)
    }

    /// Names of the rollbacks that were begun and did not end well, in order.
    pub fn failed_rollbacks(&self) -> Vec<String> {
        let failed = self.rollbacks.values().filter(|(_, state)| *state != RollbackState::Succeeded);
        failed.map(|(name, _)| name.clone()).collect()
    }

    /// Whether the steady state no longer held after the method.
    pub fn deviated(&self) -> bool {
        self.deviated
    }

    fn is_deviation(&self, phase: Phase) -> bool {
        phase == Phase::After || (phase == Phase::During && self.policy.deviation_during_counts)
    }

    fn activity_started(&mut self, started: &ActivityStarted) {
        if started.step.phase == Phase::Rollbacks {
            self.rollbacks.insert(started.step, (started.name.clone(), RollbackState::Cut));
        } else if started.kind == ActivityKind::Action && !started.pretended {
            self.actions.insert(started.step, (started.name.clone(), Happened::Maybe));
        }
    }

    fn activity_finished(&mut self, finished: &ActivityFinished) {
        if let Some((_, state)) = self.rollbacks.get_mut(&finished.step) {
            *state = match finished.result {
                ActivityResult::Succeeded { .. } => RollbackState::Succeeded,
                ActivityResult::Failed(_) => RollbackState::Failed,
                ActivityResult::Cut(_) => RollbackState::Cut,
            };
        }
        if let Some((_, happened)) = self.actions.get_mut(&finished.step) {
            *happened = match &finished.result {
                ActivityResult::Succeeded { .. } => Happened::Yes,
                ActivityResult::Failed(failure) | ActivityResult::Cut(failure) => failure.happened,
            };
        }
    }
}
