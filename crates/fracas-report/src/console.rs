//! The console lines of a run, in Chaos Toolkit's words and format.
//!
//! ```text
//! [2023-08-13 10:24:53 INFO] Action: failover_demo_docdb_cluster       activity_started
//! [2023-08-13 10:24:53 INFO] Pausing after activity for 5s...          pause_started
//! [2023-08-13 10:24:58 INFO] Steady state hypothesis is met!           hypothesis_checked
//! ```

use fracas_model::*;
use jiff::tz::TimeZone;

/// How much a line matters, and so its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// what helps to find mistakes
    Debug,
    /// what goes on
    Info,
    /// worth a look
    Warning,
    /// something failed
    Error,
    /// the run takes another course
    Critical,
}

/// Lines with their importance.
pub type Lines = Vec<(Importance, String)>;

/// Turns the events of a run into lines, one event at a time.
#[derive(Default)]
pub struct Console {
    /// The last activity, which a hypothesis that is not met blames.
    last_name: String,
    last_failed: bool,
    /// The rollback that was announced already, by the pause before it.
    announced: Option<StepId>,
}

impl Console {
    /// The lines that an event is worth.
    pub fn lines(&mut self, event: &Event) -> Lines {
        match event {
            Event::RunStarted(run) => run_started(run),
            Event::PhaseStarted(phase) => phase_started(phase),
            Event::HypothesisChecked(checked) => self.hypothesis_checked(checked),
            Event::ActivityStarted(started) => self.activity_started(started),
            Event::ActivityLog(log) => activity_log(log),
            Event::ActivityFinished(finished) => self.activity_finished(finished),
            Event::ToleranceChecked(_) => self.tolerance_checked(),
            Event::PauseStarted(pause) => self.pause_started(pause),
            Event::Interrupted(interrupted) => interrupted_lines(interrupted),
            Event::Aborted(aborted) => {
                vec![(Importance::Critical, format!("Experiment aborted: {}", aborted.why))]
            }
            Event::RollbacksDecided(decided) => rollbacks_decided(decided),
            Event::RecoveryStarted(recovery) => recovery_started(recovery),
            Event::RunFinished(finished) => run_finished(finished.outcome),
            Event::ProcessStarted(_) => Lines::new(),
        }
    }

    fn hypothesis_checked(&self, checked: &HypothesisChecked) -> Lines {
        if checked.met {
            return info("Steady state hypothesis is met!");
        }
        let name = &self.last_name;
        let line =
            format!("Steady state probe '{name}' is not in the given tolerance so failing this experiment");
        vec![(Importance::Critical, line)]
    }

    fn activity_started(&mut self, started: &ActivityStarted) -> Lines {
        let mut lines = self.announce_rollback(started.step, started.declared_name.as_deref());
        if started.again {
            let line = "An earlier try of this rollback did not come to a good end: playing it again";
            lines.push((Importance::Warning, line.to_owned()));
        }
        lines.push((Importance::Info, format!("{}: {}", started.kind.title(), started.name)));
        self.last_name.clone_from(&started.name);
        self.last_failed = false;
        lines
    }

    fn activity_finished(&mut self, finished: &ActivityFinished) -> Lines {
        let (ActivityResult::Failed(failure) | ActivityResult::Cut(failure)) = &finished.result else {
            return Lines::new();
        };
        self.last_failed = true;
        let mut lines = vec![(Importance::Error, format!("  => failed: {}", failure.error))];
        let happened = match failure.happened {
            Happened::No => "nothing was changed",
            Happened::Maybe => "it may have happened all the same",
            Happened::Yes => "some of it has happened",
        };
        lines.push((Importance::Error, format!("     {happened}")));
        if !failure.help.is_empty() {
            lines.push((Importance::Error, format!("     help: {}", failure.help)));
        }
        lines
    }

    fn tolerance_checked(&self) -> Lines {
        if !self.last_failed {
            return Lines::new();
        }
        let line = "Probe terminated unexpectedly, so its tolerance could not be validated";
        vec![(Importance::Warning, line.to_owned())]
    }

    fn pause_started(&mut self, pause: &PauseStarted) -> Lines {
        let mut lines = self.announce_rollback(pause.step, pause.declared_name.as_deref());
        let seconds = python::to_str(&pause.seconds);
        lines.extend(info(match pause.when {
            PauseWhen::Before => format!("Pausing before next activity for {seconds}s..."),
            PauseWhen::After => format!("Pausing after activity for {seconds}s..."),
        }));
        lines
    }

    /// The line that precedes a rollback and the pause before it. A reference has no name there.
    fn announce_rollback(&mut self, step: StepId, declared_name: Option<&str>) -> Lines {
        if step.phase != Phase::Rollbacks || self.announced == Some(step) {
            return Lines::new();
        }
        self.announced = Some(step);
        info(format!("Rollback: {}", declared_name.unwrap_or("None")))
    }
}

fn run_started(run: &RunStarted) -> Lines {
    let title = run.experiment.get("title").map(python::to_str).unwrap_or_default();
    let mut lines = info(format!("Running experiment: {title}"));
    lines.extend(info("Steady-state strategy: default"));
    lines.extend(info(format!("Rollbacks strategy: {}", run.rollback_strategy.name())));
    let probes =
        run.experiment.pointer("/steady-state-hypothesis/probes").and_then(|probes| probes.as_array());
    if probes.is_none_or(Vec::is_empty) {
        lines.extend(info("No steady state hypothesis defined. That's ok, just exploring."));
    }
    lines
}

fn phase_started(phase: &PhaseStarted) -> Lines {
    let mut lines = info(match phase.phase {
        Phase::Before | Phase::After => {
            format!("Steady state hypothesis: {}", phase.title.as_deref().unwrap_or_default())
        }
        Phase::Method => "Playing your experiment's method now...".to_owned(),
        Phase::Rollbacks => "Let's rollback...".to_owned(),
    });
    match phase.phase {
        Phase::Method if phase.activities == 0 => {
            lines.extend(info("No declared activities, let's move on."))
        }
        Phase::Rollbacks if phase.activities == 0 => {
            lines.extend(info("No declared rollbacks, let's move on."))
        }
        _ => {}
    }
    lines
}

fn activity_log(log: &ActivityLog) -> Lines {
    let importance = match log.level {
        Level::Info => Importance::Info,
        Level::Warning => Importance::Warning,
    };
    vec![(importance, log.message.clone())]
}

fn interrupted_lines(interrupted: &Interrupted) -> Lines {
    if interrupted.during == Some(Phase::Rollbacks) {
        let line = "Received an exit signal. Terminating now without running the remaining rollbacks.";
        return vec![(Importance::Warning, line.to_owned())];
    }
    match interrupted.signal.as_str() {
        "SIGINT" => vec![(Importance::Warning, "Received a termination signal (Ctrl-C)...".to_owned())],
        signal => vec![
            (Importance::Warning, format!("Caught {signal} signal, interrupting experiment now")),
            (Importance::Critical, format!("{signal} signal received")),
        ],
    }
}

fn rollbacks_decided(decided: &RollbacksDecided) -> Lines {
    let line = match (decided.strategy, decided.play) {
        (RollbackStrategy::Default, _) => return Lines::new(),
        (RollbackStrategy::Always, _) => "Rollbacks were explicitly requested to be played",
        (RollbackStrategy::Never, _) => "Rollbacks were explicitly requested to not be played",
        (RollbackStrategy::Deviated, true) => "Rollbacks will be played only because the experiment deviated",
        (RollbackStrategy::Deviated, false) => {
            "Rollbacks were explicitely requested to be played only if the experiment deviated. \
             Since this is not the case, we will not play them."
        }
    };
    vec![(Importance::Warning, line.to_owned())]
}

fn recovery_started(recovery: &RecoveryStarted) -> Lines {
    info(match recovery.rollbacks {
        0 => "Recovering the run: no rollbacks to play".to_owned(),
        1 => "Recovering the run: 1 rollback to play".to_owned(),
        several => format!("Recovering the run: {several} rollbacks to play"),
    })
}

fn run_finished(outcome: Outcome) -> Lines {
    let status = if outcome.deviated { "deviated" } else { outcome.status.name() };
    let mut lines = info(format!("Experiment ended with status: {status}"));
    if outcome.deviated {
        lines.extend(info("The steady-state has deviated, a weakness may have been discovered"));
    }
    lines
}

fn info(line: impl Into<String>) -> Lines {
    vec![(Importance::Info, line.into())]
}

impl Importance {
    /// How a line names it.
    pub fn name(self) -> &'static str {
        match self {
            Importance::Debug => "DEBUG",
            Importance::Info => "INFO",
            Importance::Warning => "WARNING",
            Importance::Error => "ERROR",
            Importance::Critical => "CRITICAL",
        }
    }

    /// One line as the console shows it, in local time: `[2023-08-13 10:24:53 INFO] line`. Further
    /// lines of it are indented.
    pub fn format(self, time: Moment, zone: &TimeZone, line: &str, color: bool) -> String {
        let code = match self {
            Importance::Debug => "\x1b[36m",
            Importance::Info => "\x1b[32m",
            Importance::Warning => "\x1b[33m",
            Importance::Error | Importance::Critical => "\x1b[31m",
        };
        let name = self.name();
        let (start, end) = if color { (code, "\x1b[39m") } else { ("", "") };
        let clock = zone.to_datetime(time.timestamp()).strftime("%Y-%m-%d %H:%M:%S");
        format!("{start}[{clock} {name}]{end} {line}").replace('\n', "\n    ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(phase: Phase) -> StepId {
        StepId { phase, index: 0 }
    }

    fn started(phase: Phase, again: bool) -> Event {
        let name = "restart".to_owned();
        Event::ActivityStarted(ActivityStarted {
            step: step(phase),
            declared_name: Some(name.clone()),
            name,
            kind: ActivityKind::Action,
            activity: json!({}),
            again,
        })
    }

    fn finished(result: ActivityResult) -> Event {
        let moment = Moment::from_micros(0);
        Event::ActivityFinished(ActivityFinished {
            step: step(Phase::Method),
            start: moment,
            end: moment,
            result,
        })
    }

    fn failed(happened: Happened, help: &str) -> Event {
        let error = "chaoslib.exceptions.ActivityFailed: no cluster\nat all".to_owned();
        finished(ActivityResult::Failed(Failure { error, help: help.to_owned(), happened }))
    }

    fn pause(phase: Phase, when: PauseWhen, seconds: serde_json::Value) -> Event {
        Event::PauseStarted(PauseStarted {
            step: step(phase),
            declared_name: Some("restart".to_owned()),
            when,
            seconds,
        })
    }

    fn phase(phase: Phase, activities: usize) -> Event {
        let title = matches!(phase, Phase::Before).then(|| "All is well".to_owned());
        Event::PhaseStarted(PhaseStarted { phase, activities, title })
    }

    fn ended(status: Status, deviated: bool) -> Event {
        Event::RunFinished(RunFinished { outcome: Outcome { status, deviated, exit_code: ExitCode::Ok } })
    }

    fn interrupted(signal: &str, during: Phase) -> Event {
        Event::Interrupted(Interrupted { signal: signal.to_owned(), during: Some(during) })
    }

    fn decided(strategy: RollbackStrategy, play: bool) -> Event {
        Event::RollbacksDecided(RollbacksDecided { play, strategy })
    }

    /// Every line that the console knows, on one page.
    #[test]
    fn all_lines() {
        let run = RunStarted {
            run_id: "r".to_owned(),
            fracas_version: "1".to_owned(),
            platform: String::new(),
            node: String::new(),
            source: "experiment.json".to_owned(),
            journal_path: "journal.json".to_owned(),
            rollback_strategy: RollbackStrategy::Default,
            durability: Durability::Disk,
            working_folder: "/".to_owned(),
            environment: serde_json::Map::new(),
            experiment: json!({"title": "Failover"}),
        };
        let met = |phase, met| Event::HypothesisChecked(HypothesisChecked { phase, met });
        let events = [
            Event::RunStarted(Box::new(run)),
            phase(Phase::Before, 1),
            met(Phase::Before, true),
            phase(Phase::Method, 0),
            started(Phase::Method, false),
            Event::ActivityLog(ActivityLog {
                step: step(Phase::Method),
                level: Level::Info,
                message: "found 1 clusters".to_owned(),
            }),
            Event::ActivityLog(ActivityLog {
                step: step(Phase::Method),
                level: Level::Warning,
                message: "This process returned a non-zero exit code.".to_owned(),
            }),
            finished(ActivityResult::Succeeded { output: json!(1) }),
            failed(Happened::No, ""),
            failed(Happened::Maybe, "look at the cluster"),
            failed(Happened::Yes, ""),
            Event::ToleranceChecked(ToleranceChecked { step: step(Phase::Method), met: false }),
            met(Phase::After, false),
            pause(Phase::Method, PauseWhen::After, json!(5)),
            pause(Phase::Rollbacks, PauseWhen::Before, json!(0.5)),
            started(Phase::Rollbacks, true),
            phase(Phase::Rollbacks, 0),
            interrupted("SIGINT", Phase::Method),
            interrupted("SIGTERM", Phase::Method),
            interrupted("SIGTERM", Phase::Rollbacks),
            Event::Aborted(Aborted { why: "cannot write the run log: disk full".to_owned() }),
            decided(RollbackStrategy::Always, true),
            decided(RollbackStrategy::Never, false),
            decided(RollbackStrategy::Deviated, true),
            decided(RollbackStrategy::Deviated, false),
            Event::RecoveryStarted(RecoveryStarted { fracas_version: "1".to_owned(), rollbacks: 2 }),
            ended(Status::Completed, false),
            ended(Status::Completed, true),
        ];
        let mut console = Console::default();
        let lines = events.iter().flat_map(|event| console.lines(event));
        let moment = Moment::from_micros(1_691_922_293_000_000);
        let shown = lines.map(|(importance, line)| importance.format(moment, &TimeZone::UTC, &line, false));
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    }
}
