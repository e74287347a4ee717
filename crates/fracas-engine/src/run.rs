//! Runs an experiment in a folder of its own, or recovers a run that ended without its rollbacks.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use fracas_model::*;
use serde_json::{Map, Value};

use crate::folder::{NewRun, RunFolder, anew, write_journal};
use crate::host::Host;
use crate::ledger::{Ledger, RollbackState};
use crate::mask::Mask;
use crate::recorder::{Observer, Recorder};
use crate::runner::{Plan, Runner};
use crate::{Environment, Given, Providers, Surroundings, check, parse, resolve, resolve_vault};

/// Where a run is kept and what it is told about its surroundings.
pub struct RunOptions<'a> {
    /// The folder of all runs.
    pub runs_dir: &'a Path,
    /// Where the journal goes besides the run's folder, an absolute path.
    pub journal_path: PathBuf,
    /// The version of fracas.
    pub version: &'a str,
    /// The operating system, as Python's `platform.platform()` begins.
    pub platform: String,
    /// The host's name.
    pub node: String,
    /// The folder that fracas was started in.
    pub working_folder: String,
    /// Variables of the environment that decide where calls go; null for those that are not set.
    pub environment: Map<String, Value>,
}

/// How a run ended and where its journal is.
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// The run's folder.
    pub folder: RunFolder,
    /// Where the journal was asked for.
    pub journal_path: PathBuf,
    /// Why the journal is not in the run's folder, if so.
    pub kept_error: Option<io::Error>,
    /// Why the journal is not where it was asked for, if so.
    pub journal_error: Option<io::Error>,
    /// How many rollbacks the experiment declares.
    pub declared_rollbacks: usize,
    /// Activities that failed or were cut, rollbacks aside.
    pub failed: Vec<String>,
    /// Rollbacks that failed or were cut.
    pub failed_rollbacks: Vec<String>,
    /// Actions that may have happened although rollbacks without a result are declared.
    pub live: Vec<String>,
}

/// Plays a plan in a folder of its own.
///
/// # Errors
///
/// The run's folder cannot be made: nothing was run.
pub async fn run(
    source: &Source,
    plan: &Plan,
    host: &dyn Host,
    options: &RunOptions<'_>,
    observers: Vec<Box<dyn Observer>>,
) -> io::Result<Ended> {
    let now = host.now();
    let new = NewRun::create(options.runs_dir, source, &plan.values.configuration, now)?;
    let mask = mask(plan);
    let first = mask
        .event(Stamped { time: now, event: Event::RunStarted(run_started(&new.id, source, plan, options)) });
    let opened = new.begin(&first, plan.experiment.runtime.durability)?;
    let recorder = Recorder::new(opened, plan.experiment.runtime.durability, mask, observers);
    recorder.announce(first);
    let outcome = Runner::new(plan, host, &recorder).run().await;
    Ok(finish(&recorder, outcome, &options.journal_path))
}

/// Masks what the plan wants masked.
fn mask(plan: &Plan) -> Mask {
    if plan.policy.mask_secrets { Mask::of(&plan.values) } else { Mask::default() }
}

fn run_started(id: &str, source: &Source, plan: &Plan, options: &RunOptions<'_>) -> Box<RunStarted> {
    let mut experiment = Value::clone(&plan.experiment.document);
    if let Some(experiment) = experiment.as_object_mut() {
        experiment.insert("title".to_owned(), plan.values.substitute(&experiment["title"]));
        // The reference always notes the value of --dry here.
        let dry = plan.dry.map_or(Value::Null, |dry| dry.name().into());
        experiment.insert("dry".to_owned(), dry);
    }
    Box::new(RunStarted {
        run_id: id.to_owned(),
        fracas_version: options.version.to_owned(),
        platform: options.platform.clone(),
        node: options.node.clone(),
        source: source.name.clone(),
        journal_path: options.journal_path.to_string_lossy().into_owned(),
        dry: plan.dry,
        policy: plan.policy,
        rollback_strategy: plan.rollback_strategy,
        durability: plan.experiment.runtime.durability,
        working_folder: options.working_folder.clone(),
        given_secrets: plan.given_secrets.clone(),
        environment: options.environment.clone(),
        experiment,
    })
}

/// Writes the journal: into the run's folder, and where it was asked for.
fn finish(recorder: &Recorder, outcome: Outcome, journal_path: &Path) -> Ended {
    let (kept, asked) = recorder.with_journal(|journal| {
        let kept = recorder.folder.write_journal(journal);
        let asked = match kept {
            Ok(()) => copy(&recorder.folder.journal_path(), journal_path),
            Err(_) => write_journal(journal_path, journal),
        };
        (kept, asked)
    });
    let declared = recorder.with_journal(|journal| declared_rollbacks(journal.experiment()));
    let (live, failed_rollbacks) =
        recorder.with_ledger(|ledger| (ledger.live(declared), ledger.failed_rollbacks()));
    let failed = recorder.with_journal(|journal| {
        failed_names(journal.runs().take(journal.runs().count() - journal.rollbacks.len()))
    });
    let folder = recorder.folder.clone();
    Ended {
        outcome,
        folder,
        journal_path: journal_path.to_owned(),
        kept_error: kept.err(),
        journal_error: asked.err(),
        declared_rollbacks: declared,
        failed,
        failed_rollbacks,
        live,
    }
}

/// Writes what one file holds into another, whose permissions stay.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut anew(to)?).map(drop)
}

fn failed_names<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<String> {
    let failed = runs.into_iter().filter(|run| matches!(run.status(), Some("failed") | None));
    failed.filter_map(|run| run.name().map(str::to_owned)).collect()
}

/// How many rollbacks an experiment declares.
pub fn declared_rollbacks(experiment: &Value) -> usize {
    experiment.get("rollbacks").and_then(Value::as_array).map_or(0, Vec::len)
}

/// What a recovery found and did.
pub enum Recovered {
    /// The run needs nothing more.
    Nothing {
        /// Why.
        why: String,
        /// How the run had ended.
        outcome: Outcome,
    },
    /// The run was brought to its end.
    Done(Ended),
}

/// What a recovery needs besides the run's folder.
pub struct RecoverOptions<'a> {
    /// Where secrets are read from, and what decides where calls go.
    pub environment: Environment<'a>,
    /// Groups of secrets that are given beside the experiment, as they were to the run.
    pub secrets: &'a Map<String, Value>,
    /// Who carries the rollbacks out.
    pub providers: &'a Providers,
    /// The version of fracas.
    pub version: &'a str,
    /// Play rollbacks that failed as well.
    pub retry_failed: bool,
}

/// Brings a run to its end: plays each declared rollback that has no recorded result, if any
/// action may have happened, and writes the journal. Doing so twice changes nothing.
///
/// # Errors
///
/// The run cannot be recovered, with the reason: it still goes on, its folder is damaged, its
/// secrets cannot be had, or calls would go elsewhere than those of the run.
pub async fn recover(
    folder: RunFolder,
    options: &RecoverOptions<'_>,
    host: &dyn Host,
    observers: Vec<Box<dyn Observer>>,
) -> Result<Recovered, Recovery> {
    let Some(mut log) = folder.lock()? else {
        let message = format!("run {} is still going on, or is being recovered", folder.id());
        return Err(Recovery::general(message, "wait for its end, or stop it first"));
    };
    let History { started, ledger, good } = read(&folder)?;
    let Some((_, started)) = started else {
        let message = format!("the run log in {} has lost its beginning", folder.path().display());
        return Err(Recovery::general(
            message,
            "nothing was rolled back; read the log, and roll back by hand",
        ));
    };
    let plan = plan_again(&folder, &started, options).await?;
    let work = Work::of(&ledger, &plan, options.retry_failed);
    let unacknowledged = !ledger.live(work.declared).is_empty() && work.declared == 0;
    if let Some(outcome) = ledger.outcome.filter(|_| work.rollbacks.is_empty() && !unacknowledged) {
        return Ok(nothing_left(&folder, &ledger, outcome)?);
    }
    log.cut_after(good)?;
    let opened = (folder.clone(), log);
    let recorder = Recorder::new(opened, started.durability, mask(&plan), observers);
    folder.events()?.try_for_each(|event| event.map(|event| recorder.replay(event)))?;
    let outcome = play_recovery(&recorder, &plan, host, &ledger, &work, options.version).await?;
    Ok(Recovered::Done(finish(&recorder, outcome, Path::new(&started.journal_path))))
}

/// The rollbacks that a recovery plays.
struct Work {
    declared: usize,
    rollbacks: Vec<usize>,
    again: Vec<usize>,
}

impl Work {
    fn of(ledger: &Ledger, plan: &Plan, retry_failed: bool) -> Work {
        let declared = plan.rollbacks();
        let is_wanted = |index: &usize| match ledger.rollback(*index) {
            None | Some(RollbackState::Cut) => true,
            Some(RollbackState::Failed) => retry_failed,
            Some(RollbackState::Succeeded) => false,
        };
        let happened = ledger.actions().next().is_some();
        let rollbacks: Vec<usize> = (0..declared).filter(is_wanted).filter(|_| happened).collect();
        let again = rollbacks.iter().copied().filter(|index| ledger.rollback(*index).is_some()).collect();
        Work { declared, rollbacks, again }
    }

    /// Whether some rollback has failed before and is not played again.
    fn leaves_failed(&self, ledger: &Ledger) -> bool {
        let failed = |index: usize| ledger.rollback(index) == Some(RollbackState::Failed);
        (0..self.declared).any(|index| failed(index) && !self.rollbacks.contains(&index))
    }
}

async fn play_recovery(
    recorder: &Recorder,
    plan: &Plan,
    host: &dyn Host,
    ledger: &Ledger,
    work: &Work,
    version: &str,
) -> io::Result<Outcome> {
    let begun = RecoveryStarted { fracas_version: version.to_owned(), rollbacks: work.rollbacks.len() };
    recorder.record_surely(host.now(), Event::RecoveryStarted(begun))?;
    let runner = Runner::new(plan, host, recorder);
    let played = work.rollbacks.is_empty() || runner.play_rollbacks(&work.rollbacks, &work.again).await;
    let exit_code =
        if played && !work.leaves_failed(ledger) { ExitCode::Ok } else { ExitCode::RollbackFailed };
    // A run that ended by itself keeps its own word for how.
    let status = ledger.outcome.map_or(Status::Interrupted, |ended| ended.status);
    let outcome = Outcome { status, deviated: ledger.deviated(), exit_code };
    recorder.record(host.now(), Event::RunFinished(RunFinished { outcome }))?;
    Ok(outcome)
}

/// A run that ended and has nothing left to roll back; its journal is made good if it is missing.
fn nothing_left(folder: &RunFolder, ledger: &Ledger, outcome: Outcome) -> io::Result<Recovered> {
    if !folder.journal_path().exists() {
        let mut fold = JournalFold::default();
        folder.events()?.try_for_each(|event| event.map(|event| fold.see(event)))?;
        folder.write_journal(fold.journal())?;
    }
    let why = match (ledger.actions().next(), ledger.recovered) {
        (None, _) => "no action has happened",
        (Some(_), true) => "it was recovered before",
        (Some(_), false) => "every declared rollback has its result",
    };
    let why = match outcome.exit_code {
        ExitCode::RollbackFailed => {
            "every rollback has its result, but some failed; --retry-failed plays those again"
        }
        _ => why,
    };
    Ok(Recovered::Nothing { why: why.to_owned(), outcome })
}

/// What a run log holds, outputs aside.
#[derive(Default)]
pub struct History {
    /// The first event, when there is one.
    pub started: Option<(Moment, RunStarted)>,
    /// What the events prove.
    pub ledger: Ledger,
    /// How many bytes the whole lines fill.
    good: u64,
}

/// Reads a run log to its last whole line.
///
/// # Errors
///
/// The file cannot be read, or is damaged before its end.
pub fn read(folder: &RunFolder) -> io::Result<History> {
    let mut history = History::default();
    let mut events = folder.events()?;
    for event in events.by_ref() {
        let event = event?;
        history.ledger.see(&event);
        if let Event::RunStarted(started) = event.event {
            history.started = Some((event.time, *started));
        }
    }
    history.good = events.good();
    Ok(history)
}

/// The plan as it was, from the experiment and the configuration that the folder keeps, and
/// secrets resolved anew.
async fn plan_again(
    folder: &RunFolder,
    started: &RunStarted,
    options: &RecoverOptions<'_>,
) -> Result<Plan, Recovery> {
    let source =
        folder.experiment().map_err(|problem| Recovery { source: None, problems: problem.into() })?;
    let configuration = folder.configuration()?;
    let (experiment, mut problems) = parse(&source);
    if !started.policy.check_ahead {
        problems.leave_to_run(false);
    }
    let Some(experiment) = experiment.filter(|_| !problems.has_errors()) else {
        return Err(Recovery { source: Some(source), problems: problems.sorted() });
    };
    let mut problems = elsewhere(started, options.environment);
    problems.0.extend(started.given_secrets.iter().filter_map(|group| not_given(group, options.secrets)));
    let given = Given { configuration, secrets: options.secrets.clone() };
    let mut values = resolve(&experiment, options.environment, &given, &Policy::FRACAS, &mut problems);
    values.configuration = given.configuration;
    resolve_vault(&mut values, options.providers, &mut problems).await;
    let surroundings = Surroundings { values: &values, running: true, policy: &started.policy };
    // What the method would need does not keep its rollbacks from being played.
    let rollbacks = Experiment { hypothesis: None, method: Vec::new(), ..experiment.clone() };
    check::check(&rollbacks, options.providers, &surroundings, &mut problems).await;
    if !started.policy.check_ahead {
        problems.leave_to_run(false);
    }
    if problems.has_errors() {
        return Err(Recovery { source: Some(source), problems: problems.sorted() });
    }
    let rollback_strategy = started.rollback_strategy;
    Ok(Plan { rollback_strategy, ..Plan::new(experiment, values, started.policy) })
}

/// Rollbacks must not be played with other secrets than the faults.
fn not_given(group: &str, given: &Map<String, Value>) -> Option<Problem> {
    let message = format!("the run was given the group `{group}` of secrets by a var file");
    let help = "nothing was rolled back; name the var file with --var-file";
    (!given.contains_key(group)).then(|| Problem::general(message).help(help))
}

/// Rollbacks must go where the faults went: a problem for each variable that is not as it was.
fn elsewhere(started: &RunStarted, environment: Environment<'_>) -> Problems {
    let differs = |(name, then): (&String, &Value)| {
        let now = environment(name);
        if then.as_str() == now.as_deref() {
            return None;
        }
        let shown = |value: Option<&str>| value.map_or("not set".to_owned(), |value| format!("`{value}`"));
        let message = format!(
            "{name} was {} when the run started, and is {}",
            shown(then.as_str()),
            shown(now.as_deref())
        );
        let help = then.as_str().map_or(format!("unset {name}"), |then| format!("set {name}={then}"));
        Some(
            Problem::general(message)
                .help(format!("nothing was rolled back, since it would go elsewhere; {help}")),
        )
    };
    Problems(started.environment.iter().filter_map(differs).collect())
}

/// Why a run cannot be recovered.
#[derive(Debug)]
pub struct Recovery {
    /// The experiment that the problems point into, if they do.
    pub source: Option<Source>,
    /// What keeps the run from being recovered.
    pub problems: Problems,
}

impl Recovery {
    fn general(message: String, help: &str) -> Recovery {
        Recovery { source: None, problems: Problem::general(message).help(help).into() }
    }
}

impl From<io::Error> for Recovery {
    fn from(error: io::Error) -> Recovery {
        Recovery::general(format!("the run's folder cannot be used: {error}"), "nothing was rolled back")
    }
}
