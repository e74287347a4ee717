//! The console lines of a run, in Chaos Toolkit's words and format.
//!
//! ```text
//! [2023-08-13 10:24:53 INFO] Action: failover_demo_docdb_cluster       activity_started
//! [2023-08-13 10:24:53 INFO] Pausing after activity for 5s...          pause_started
//! [2023-08-13 10:24:58 INFO] Steady state hypothesis is met!           hypothesis_checked
//! ```

use fracas_model::*;
use jiff::fmt::temporal::DateTimePrinter;
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

/// What a failed activity did to thousands of resources is told by the first of them; the journal has all.
const NAMES_IN_A_LINE: usize = 10;

/// Turns the events of a run into lines, one event at a time.
#[derive(Default)]
pub struct Console {
    policy: Policy,
}

impl Console {
    /// The lines that an event is worth.
    pub fn lines(&mut self, event: &Event) -> Lines {
        match event {
            Event::RunStarted(run) => self.run_started(run),
            Event::Prepared(prepared) => self.prepared(prepared),
            Event::PhaseStarted(phase) => phase_started(phase),
            Event::StepsStarted(steps) => steps_started(steps),
            Event::RollbackReached(rollback) => {
                info(format!("Rollback: {}", rollback.declared_name.as_deref().unwrap_or("None")))
            }
            Event::ChecksStarted(checks) => info(format!(
                "Executing the steady-state hypothesis continuously every {} seconds",
                python::float_repr(checks.frequency)
            )),
            Event::ChecksEnded(checks) => checks_ended(checks),
            Event::HypothesisChecked(checked) if checked.met => info("Steady state hypothesis is met!"),
            Event::HypothesisUnmet(unmet) => hypothesis_unmet(unmet),
            Event::ActivityStarted(started) => self.activity_started(started),
            Event::ActivityLog(log) => activity_log(log),
            Event::ActivityFinished(finished) => self.activity_finished(finished),
            Event::ToleranceChecked(checked) => tolerance_checked(checked),
            Event::Retrying(retrying) => retrying_lines(retrying),
            Event::PauseStarted(pause) => self.pause_started(pause),
            Event::SignalCaught(caught) => signal_caught(caught),
            Event::Interrupted(interrupted) => self.interrupted(interrupted),
            Event::ControlFailed(failed) if self.policy.tell_control_failures => control_failed(failed),
            Event::Aborted(aborted) => {
                vec![(Importance::Critical, aborted.why.clone())]
            }
            Event::RollbacksDecided(decided) => rollbacks_decided(decided),
            Event::RecoveryStarted(recovery) => recovery_started(recovery),
            Event::RunFinished(finished) => run_finished(finished.outcome),
            Event::HypothesisChecked(_)
            | Event::ProcessStarted(_)
            | Event::Saved(_)
            | Event::Chosen(_)
            | Event::ControlFailed(_)
            | Event::Amended(_) => Lines::new(),
        }
    }

    /// What else an event is worth to those who look for mistakes. Made apart, for outputs can be
    /// large.
    pub fn debug_lines(&self, event: &Event) -> Lines {
        let Event::ActivityFinished(ActivityFinished {
            result: ActivityResult::Succeeded { output }, ..
        }) = event
        else {
            return Lines::new();
        };
        let line = match python::truth(output) {
            true => format!("  => succeeded with '{}'", python::to_str(output)),
            false => "  => succeeded without any result value".to_owned(),
        };
        vec![(Importance::Debug, line)]
    }

    fn run_started(&mut self, run: &RunStarted) -> Lines {
        self.policy = run.policy;
        let title = run.experiment.get("title").map(python::to_str).unwrap_or_default();
        let mut lines = info(format!("Running experiment: {title}"));
        lines.extend(
            run.dry.map(|dry| (Importance::Warning, format!("Running experiment with dry {}", dry.name()))),
        );
        lines
    }

    fn prepared(&self, prepared: &Prepared) -> Lines {
        let strategy = match prepared.hypothesis_strategy {
            // Chaos Toolkit has two names for it.
            HypothesisStrategy::Continuously => "continuous",
            strategy => strategy.name(),
        };
        let mut lines = info(format!("Steady-state strategy: {strategy}"));
        lines.extend(info(format!("Rollbacks strategy: {}", prepared.rollback_strategy.name())));
        if prepared.hypothesis_strategy == HypothesisStrategy::Skip {
            lines.extend(info("Skipping Steady-State Hypothesis as requested"));
        } else if prepared.probes == 0 {
            lines.extend(info("No steady state hypothesis defined. That's ok, just exploring."));
        }
        lines
    }

    fn interrupted(&self, interrupted: &Interrupted) -> Lines {
        let by = &interrupted.by;
        let in_rollbacks = interrupted.during == Some(Phase::Rollbacks);
        let warning = |line: String| vec![(Importance::Warning, line)];
        match by {
            InterruptedBy::Request(why) => vec![(Importance::Critical, why.clone())],
            InterruptedBy::Signal(name) if matches!(name.as_str(), "SIGTERM" | "SIGHUP") => {
                vec![(Importance::Critical, format!("{name} signal received"))]
            }
            _ if in_rollbacks => {
                let space = if self.policy.fuller_journal { " " } else { "" };
                warning(format!(
                    "Received an exit signal.{space}Terminating now without running the remaining rollbacks."
                ))
            }
            InterruptedBy::Signal(name) if name == "SIGINT" => {
                warning("Received a termination signal (Ctrl-C)...".to_owned())
            }
            _ => {
                let mut lines =
                    warning(format!("Received the exit signal: {}", by.exit_code().unwrap_or_default()));
                if by.leaves_rollbacks_out() {
                    lines.extend(warning("Ignoring rollbacks as per signal".to_owned()));
                }
                lines
            }
        }
    }

    fn activity_started(&mut self, started: &ActivityStarted) -> Lines {
        let mut lines = Lines::new();
        if started.again {
            let line = "An earlier try of this rollback did not come to a good end: playing it again";
            lines.push((Importance::Warning, line.to_owned()));
        }
        let background = if started.background { " [in background]" } else { "" };
        lines.push((Importance::Info, format!("{}: {}{background}", started.kind.title(), started.name)));
        lines
    }

    fn activity_finished(&self, finished: &ActivityFinished) -> Lines {
        let failure = match &finished.result {
            ActivityResult::Succeeded { .. } => return Lines::new(),
            ActivityResult::Cut(_) if !self.policy.fuller_journal => return Lines::new(),
            ActivityResult::Failed(failure) | ActivityResult::Cut(failure) => failure,
        };
        let mut lines = vec![(Importance::Error, format!("  => failed: {}", failure.error))];
        if !self.policy.fuller_journal {
            return lines;
        }
        let happened = match failure.happened {
            Happened::No => "nothing was changed",
            Happened::Maybe => "it may have happened all the same",
            Happened::Yes => "some of it has happened",
        };
        lines.push((Importance::Error, format!("     {happened}")));
        let progress = failure.progress.iter().flat_map(|progress| progress.lines(NAMES_IN_A_LINE));
        lines.extend(progress.map(|line| (Importance::Error, format!("     {line}"))));
        if !failure.help.is_empty() {
            lines.push((Importance::Error, format!("     help: {}", failure.help)));
        }
        lines
    }

    fn pause_started(&mut self, pause: &PauseStarted) -> Lines {
        let seconds = python::to_str(&pause.seconds);
        info(match pause.when {
            PauseWhen::Before => format!("Pausing before next activity for {seconds}s..."),
            PauseWhen::After => format!("Pausing after activity for {seconds}s..."),
        })
    }
}

fn checks_ended(checks: &ChecksEnded) -> Lines {
    let mut lines = Lines::new();
    if let Some(percent) = checks.deviated_percent {
        lines.extend(info(format!(
            "Terminating immediately the experiment after {percent:.1}% hypothesis deviated"
        )));
    }
    lines.extend(info("Continuous steady state hypothesis terminated"));
    lines
}

fn hypothesis_unmet(unmet: &HypothesisUnmet) -> Lines {
    let probe = &unmet.probe;
    match unmet.phase {
        Phase::During => {
            let line = format!("Continuous steady state probe '{probe}' is not in the given tolerance");
            vec![(Importance::Warning, line)]
        }
        _ => {
            let line = format!(
                "Steady state probe '{probe}' is not in the given tolerance so failing this experiment"
            );
            vec![(Importance::Critical, line)]
        }
    }
}

/// A tolerance in the method is told only where it counts and is not met.
fn tolerance_checked(checked: &ToleranceChecked) -> Lines {
    match &checked.unknown {
        Some(why) => vec![(Importance::Warning, why.clone())],
        None if checked.step.phase == Phase::Method && !checked.met => {
            vec![(Importance::Critical, "The output is not in the given tolerance".to_owned())]
        }
        None => Lines::new(),
    }
}

fn retrying_lines(retrying: &Retrying) -> Lines {
    let Retrying { tries, seconds, .. } = retrying;
    let seconds = python::float_repr(*seconds);
    info(format!("Not in the given tolerance after {tries} tries: trying again in {seconds}s..."))
}

fn signal_caught(caught: &SignalCaught) -> Lines {
    match caught.signal.as_str() {
        signal @ ("SIGTERM" | "SIGHUP") => {
            vec![(Importance::Warning, format!("Caught {signal} signal, interrupting experiment now"))]
        }
        _ => Lines::new(),
    }
}

fn control_failed(failed: &ControlFailed) -> Lines {
    let ControlFailed { control, function, error } = failed;
    vec![(
        Importance::Warning,
        format!("{function} of the control `{control}` failed, and was ignored: {error}"),
    )]
}

fn phase_started(phase: &PhaseStarted) -> Lines {
    info(match phase.phase {
        Phase::Before | Phase::During | Phase::After => {
            format!("Steady state hypothesis: {}", phase.title.as_deref().unwrap_or_default())
        }
        Phase::Method => "Playing your experiment's method now...".to_owned(),
        Phase::Rollbacks => "Let's rollback...".to_owned(),
    })
}

fn steps_started(steps: &StepsStarted) -> Lines {
    match (steps.activities, steps.phase) {
        (0, Phase::Rollbacks) => info("No declared rollbacks, let's move on."),
        (0, _) => info("No declared activities, let's move on."),
        _ => Lines::new(),
    }
}

fn activity_log(log: &ActivityLog) -> Lines {
    vec![(log.level.into(), log.message.clone())]
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

impl From<Level> for Importance {
    fn from(level: Level) -> Importance {
        match level {
            Level::Debug => Importance::Debug,
            Level::Info => Importance::Info,
            Level::Warning => Importance::Warning,
            Level::Error => Importance::Error,
            Level::Critical => Importance::Critical,
        }
    }
}

/// `2023-08-13 10:24:53`
const CLOCK: DateTimePrinter = DateTimePrinter::new().separator(b' ').precision(Some(0));

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
        let clock = CLOCK.datetime_to_string(&zone.to_datetime(time.timestamp()));
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
            name,
            kind: ActivityKind::Action,
            activity: json!({}).into(),
            background: false,
            again,
            pretended: false,
        })
    }

    fn finished(result: ActivityResult) -> Event {
        let moment = Moment::from_micros(0);
        Event::ActivityFinished(ActivityFinished {
            step: step(Phase::Method),
            start: moment,
            end: moment,
            forgotten: false,
            result,
        })
    }

    fn failed(happened: Happened, help: &str) -> Event {
        let error = "chaoslib.exceptions.ActivityFailed: no cluster\nat all".to_owned();
        finished(ActivityResult::Failed(Failure { error, help: help.to_owned(), happened, progress: None }))
    }

    /// The failure of the second of three calls; the first one had a dozen of resources.
    fn failed_midway() -> Event {
        let calls = |of: &[String]| Calls { call: "StopInstances".to_owned(), of: of.to_vec() };
        let names: Vec<String> = (1..=15).map(|number| format!("i-{number}")).collect();
        let progress = Progress {
            carried_out: vec![calls(&names[..12])],
            failed: Some(FailedCall { calls: calls(&names[12..13]), happened: Happened::Maybe }),
            not_tried: vec![calls(&names[13..]), Calls { call: "CreateTags".to_owned(), of: Vec::new() }],
        };
        let (error, help, happened) = ("broken".to_owned(), "look".to_owned(), Happened::Yes);
        let progress = Some(Box::new(progress));
        finished(ActivityResult::Failed(Failure { error, help, happened, progress }))
    }

    fn pause(phase: Phase, when: PauseWhen, seconds: serde_json::Value) -> Event {
        Event::PauseStarted(PauseStarted { step: step(phase), when, seconds })
    }

    fn phase(phase: Phase) -> Event {
        let title = matches!(phase, Phase::Before).then(|| "All is well".to_owned());
        Event::PhaseStarted(PhaseStarted { phase, title })
    }

    fn steps(phase: Phase, activities: usize) -> Event {
        Event::StepsStarted(StepsStarted { phase, activities })
    }

    fn reached(name: Option<&str>) -> Event {
        let declared_name = name.map(str::to_owned);
        Event::RollbackReached(RollbackReached { step: step(Phase::Rollbacks), declared_name })
    }

    fn ended(status: Status, deviated: bool) -> Event {
        Event::RunFinished(RunFinished { outcome: Outcome { status, deviated, exit_code: ExitCode::Ok } })
    }

    fn interrupted(by: InterruptedBy, during: Phase) -> Event {
        Event::Interrupted(Interrupted { by, during: Some(during) })
    }

    fn signal(name: &str, during: Phase) -> Event {
        interrupted(InterruptedBy::Signal(name.to_owned()), during)
    }

    fn unmet(phase: Phase) -> Event {
        Event::HypothesisUnmet(HypothesisUnmet { phase, probe: "well".to_owned() })
    }

    fn tolerance(phase: Phase, met: bool, unknown: Option<&str>) -> Event {
        let unknown = unknown.map(str::to_owned);
        Event::ToleranceChecked(ToleranceChecked { step: step(phase), met, unknown })
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
            dry: Some(Dry::Actions),
            policy: Policy::FRACAS,
            rollback_strategy: RollbackStrategy::Default,
            durability: Durability::Disk,
            working_folder: "/".to_owned(),
            given_secrets: Vec::new(),
            environment: serde_json::Map::new(),
            experiment: json!({"title": "Failover"}),
        };
        let met = |phase, met| Event::HypothesisChecked(HypothesisChecked { phase, met });
        let events = [
            Event::RunStarted(Box::new(run)),
            Event::Prepared(Prepared {
                hypothesis_strategy: HypothesisStrategy::Continuously,
                rollback_strategy: RollbackStrategy::Default,
                probes: 0,
            }),
            Event::Prepared(Prepared {
                hypothesis_strategy: HypothesisStrategy::Skip,
                rollback_strategy: RollbackStrategy::Always,
                probes: 1,
            }),
            Event::ChecksStarted(ChecksStarted { frequency: 0.5 }),
            Event::ChecksEnded(ChecksEnded { deviated_percent: Some(50.0) }),
            unmet(Phase::During),
            phase(Phase::Before),
            met(Phase::Before, true),
            phase(Phase::Method),
            steps(Phase::Method, 0),
            steps(Phase::Method, 1),
            started(Phase::Method, false),
            Event::ActivityLog(ActivityLog {
                step: Some(step(Phase::Method)),
                level: Level::Info,
                message: "found 1 clusters".to_owned(),
            }),
            Event::ActivityLog(ActivityLog {
                step: Some(step(Phase::Method)),
                level: Level::Warning,
                message: "This process returned a non-zero exit code.".to_owned(),
            }),
            finished(ActivityResult::Succeeded { output: json!(1).into() }),
            failed(Happened::No, ""),
            failed(Happened::Maybe, "look at the cluster"),
            failed(Happened::Yes, ""),
            failed_midway(),
            tolerance(Phase::Method, false, None),
            tolerance(Phase::Before, false, None),
            tolerance(Phase::Before, false, Some("nobody can tell")),
            Event::Retrying(Retrying { step: step(Phase::Method), tries: 2, seconds: 1.0 }),
            Event::ControlFailed(ControlFailed {
                control: "audit".to_owned(),
                function: "before_activity_control".to_owned(),
                error: "KeyError: 'x'".to_owned(),
            }),
            met(Phase::After, false),
            unmet(Phase::After),
            pause(Phase::Method, PauseWhen::After, json!(5)),
            pause(Phase::Rollbacks, PauseWhen::Before, json!(0.5)),
            started(Phase::Rollbacks, true),
            phase(Phase::Rollbacks),
            steps(Phase::Rollbacks, 0),
            reached(Some("restart")),
            reached(None),
            signal("SIGINT", Phase::Method),
            Event::SignalCaught(SignalCaught { signal: "SIGTERM".to_owned() }),
            signal("SIGTERM", Phase::Method),
            signal("SIGINT", Phase::Rollbacks),
            signal("SIGUSR1", Phase::Method),
            interrupted(InterruptedBy::Exit(30), Phase::Method),
            interrupted(InterruptedBy::Request("a safeguard".to_owned()), Phase::Method),
            Event::Aborted(Aborted {
                why: "Experiment aborted: cannot write the run log: disk full".to_owned(),
            }),
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
