//! `fracas run`: play an experiment.

use std::io;
use std::path::{Path, PathBuf, absolute};

use fracas_engine::{Ended, Given, Host, Plan, Providers, RunOptions, io_words};
use fracas_model::{ExitCode, HypothesisStrategy, Outcome, Problem, Source, Status, python};
use fracas_report::Importance;
use serde_json::{Value, json};

use super::ready::{Ready, Told, document};
use super::{given, loader};
use crate::args;
use crate::host::ThisMachine;
use crate::session::Session;
use crate::surroundings::Surroundings;
use crate::terminal::TerminalObserver;

/// Checks the experiment, plays it, and writes its journal.
pub async fn run(args: &args::Run, session: &Session) -> ExitCode {
    match attempt(args, session).await {
        Ok(ended) => {
            let code = tell_end(&ended, &args.runs_dir, &args.values.files, session);
            notify_end(&ended, session).await;
            code
        }
        Err(told) => told.code,
    }
}

async fn attempt(args: &args::Run, session: &Session) -> Result<Ended, Told> {
    let given = given::values(&args.values, session)?;
    let providers = fracas_providers::all(&session.python);
    let mut controls = session.settings.controls().map_err(|problem| session.refuse(problem))?;
    controls.extend(given::controls(&args.control_files, session)?);
    let source = loader::load(args, &controls, &providers, session).await?;
    let ready = Ready::of(source, &given, !args.no_validation, session);
    session.notify("run-started", || document(&ready, session), None).await;
    let mut ready = ready?;
    valid(&mut ready, &providers, args, session).await?;
    ask(&mut ready, &providers, args, session).await?;
    let (source, plan) =
        plan(ready, &given, controls, args, session).map_err(|problem| session.refuse(problem))?;
    let ended = play(&source, &plan, &providers, args, session).await;
    ended.map_err(|problem| session.refuse(problem))
}

async fn valid(
    ready: &mut Ready,
    providers: &Providers,
    args: &args::Run,
    session: &Session,
) -> Result<(), Told> {
    if args.no_validation {
        ready.leave_to_run(false, session);
        return ready.show_problems(session);
    }
    // What has to be there for a run may depend on values that are asked for later.
    ready.check(providers, !ready.is_pending(), session).await?;
    session.info("Experiment looks valid");
    Ok(())
}

/// Asks for the values that are not known yet, until a signal comes.
async fn ask(
    ready: &mut Ready,
    providers: &Providers,
    args: &args::Run,
    session: &Session,
) -> Result<(), Told> {
    if !ready.is_pending() {
        return Ok(());
    }
    let host = ThisMachine::new(providers)
        .map_err(|error| session.refuse(Problem::general(format!("the system gives no signals: {error}"))))?;
    tokio::select! {
        asked = ready.ask(providers, !args.no_validation, session) => asked,
        signal = host.signal() => {
            let why = format!("{signal} came while the configuration was asked for; nothing was run");
            session.warn(&why);
            Err(Told { code: ExitCode::Interrupted, why })
        }
    }
}

/// The experiment as the settings, it itself, and the command line want it played, the later ones
/// over the earlier ones.
fn plan(
    ready: Ready,
    given: &Given,
    controls: Vec<Value>,
    args: &args::Run,
    session: &Session,
) -> Result<(Source, Plan), Problem> {
    let runtime = &ready.experiment.runtime;
    let (mut hypothesis_strategy, mut rollback_strategy) = (runtime.hypothesis, runtime.rollbacks);
    // A runtime block decides alone, also by what it leaves out.
    if !ready.experiment.document.get("runtime").is_some_and(python::truth) {
        hypothesis_strategy = session.settings.hypothesis_strategy()?;
        rollback_strategy = session.settings.rollback_strategy()?;
    }
    if args.hypothesis_strategy.as_deref() == Some(args::MISSPELLED) {
        session.warn(
            "\nThe \"--hypothesis-strategy=continously\" command is depreciating and will be removed in \
             a future version\nInstead, please use \"--hypothesis-strategy=continuously\"",
        );
    }
    let asked = args.hypothesis_strategy.as_deref().and_then(HypothesisStrategy::from_name);
    let is_declared = |group: &&String| ready.experiment.secrets.contains_key(*group);
    let hypothesis_strategy = asked.or(hypothesis_strategy).unwrap_or_default();
    let rollback_strategy = args.rollback_strategy.or(rollback_strategy).unwrap_or_default();
    let plan = Plan {
        given_secrets: given.secrets.keys().filter(is_declared).cloned().collect(),
        hypothesis_strategy,
        rollback_strategy,
        frequency: args.hypothesis_frequency,
        fail_fast: args.fail_fast,
        dry: args.dry,
        global_controls: controls,
        settings: filled_in(
            session.settings.value.clone(),
            hypothesis_strategy.name(),
            rollback_strategy.name(),
        ),
        ..Plan::new(ready.experiment, ready.values, session.policy)
    };
    session.debug(&format!(
        "Runtime strategies: hypothesis - {} / rollbacks - {}",
        plan.hypothesis_strategy.name(),
        plan.rollback_strategy.name()
    ));
    Ok((ready.source, plan))
}

/// The settings as controls see them: each control has its name, and the strategies are those of this run.
fn filled_in(mut settings: Value, hypothesis_strategy: &str, rollback_strategy: &str) -> Value {
    let Some(entries) = settings.as_object_mut().filter(|entries| !entries.is_empty()) else {
        return settings;
    };
    if let Some(Value::Object(controls)) = entries.get_mut("controls") {
        for (name, control) in
            controls.iter_mut().filter_map(|(name, control)| Some((name, control.as_object_mut()?)))
        {
            control.insert("name".to_owned(), name.as_str().into());
        }
    }
    let strategies = [("rollbacks", rollback_strategy), ("hypothesis", hypothesis_strategy)];
    if let Value::Object(runtime) = entries.entry("runtime").or_insert_with(|| json!({})) {
        for (part, strategy) in strategies {
            if let Value::Object(part) = runtime.entry(part).or_insert_with(|| json!({})) {
                part.insert("strategy".to_owned(), strategy.into());
            }
        }
    }
    settings
}

async fn play(
    source: &Source,
    plan: &Plan,
    providers: &Providers,
    args: &args::Run,
    session: &Session,
) -> Result<Ended, Problem> {
    let surroundings = &session.surroundings;
    let runs_dir = surroundings.runs_dir(args.runs_dir.runs_dir.as_ref())?;
    let options = RunOptions {
        runs_dir: &runs_dir,
        journal_path: absolute(&args.journal_path).map_err(|error| unkept(&args.journal_path, &error))?,
        version: env!("CARGO_PKG_VERSION"),
        platform: surroundings.platform.clone(),
        node: surroundings.node.clone(),
        working_folder: surroundings.working_folder.to_string_lossy().into_owned(),
        environment: Surroundings::where_calls_go(),
    };
    let observer = Box::new(TerminalObserver::new(&session.terminal));
    let host = ThisMachine::new(providers).map_err(|error| unkept(&runs_dir, &error))?;
    let ended = fracas_engine::run(source, plan, &host, &options, vec![observer]).await;
    ended.map_err(|error| unkept(&runs_dir, &error))
}

fn unkept(path: &Path, error: &io::Error) -> Problem {
    Problem::general(format!("cannot keep the run in {}: {}", path.display(), io_words(error)))
        .help("nothing was run; name a folder that can be written with --runs-dir")
}

/// Tells the channels of the settings how the run ended, and its journal.
async fn notify_end(ended: &Ended, session: &Session) {
    let journal = || {
        let kept = std::fs::read(ended.folder.journal_path()).unwrap_or_default();
        serde_json::from_slice(&kept).unwrap_or_default()
    };
    let Outcome { status, deviated, .. } = ended.outcome;
    let event = if status == Status::Completed { "run-completed" } else { "run-failed" };
    session.notify(event, journal, None).await;
    if deviated {
        session.notify("run-deviated", journal, None).await;
    }
}

/// Says what the user has to know after a run: what failed, what may still be broken and the way
/// out, and where the journal is if not where they asked.
pub fn tell_end(
    ended: &Ended,
    runs_dir: &args::RunsDir,
    var_files: &[PathBuf],
    session: &Session,
) -> ExitCode {
    let warn = |line: String| session.warn(&line);
    if session.policy.tell_end {
        tell_failures(ended, &warn);
        tell_live(ended, runs_dir, var_files, &warn);
    }
    match tell_journal(ended, session) {
        true => ended.outcome.exit_code,
        false => ended.outcome.exit_code.max(ExitCode::Deviated),
    }
}

fn tell_failures(ended: &Ended, warn: &dyn Fn(String)) {
    if ended.outcome.exit_code == ExitCode::NotRun {
        warn("The method was not played, since the steady state was not met before it".to_owned());
    }
    if !ended.failed.is_empty() {
        warn(format!("These activities failed: {}", ended.failed.join(", ")));
    }
    if !ended.failed_rollbacks.is_empty() {
        warn(format!(
            "Something may still be broken, since these rollbacks failed: {}",
            ended.failed_rollbacks.join(", ")
        ));
    }
}

/// Names the faults that may be live, and the way to undo them.
fn tell_live(ended: &Ended, runs_dir: &args::RunsDir, var_files: &[PathBuf], warn: &dyn Fn(String)) {
    let live = ended.live.join(", ");
    if live.is_empty() {
        return;
    }
    if ended.declared_rollbacks == 0 {
        return warn(format!(
            "These actions may still have their effect, and no rollbacks are declared: {live}"
        ));
    }
    warn(format!(
        "These actions may still have their effect, since not all rollbacks did their work: {live}"
    ));
    let retry = if ended.failed_rollbacks.is_empty() { "" } else { " --retry-failed" };
    let runs_dir = runs_dir.runs_dir.as_ref().map(|dir| format!(" --runs-dir {}", dir.display()));
    let var_files: String = var_files.iter().map(|path| format!(" --var-file {}", path.display())).collect();
    let id = ended.folder.id();
    let options = format!("{retry}{}{var_files}", runs_dir.unwrap_or_default());
    warn(format!("To play the rollbacks: fracas recover {id}{options}"));
}

/// Whether the journal is where it was asked for; if not, says where it is.
fn tell_journal(ended: &Ended, session: &Session) -> bool {
    let Some(error) = &ended.journal_error else { return true };
    let kept = match &ended.kept_error {
        None => format!("it is {}", ended.folder.journal_path().display()),
        Some(error) => {
            let log = ended.folder.path().display();
            format!("nor can the run's folder: {}; its log is in {log}", io_words(error))
        }
    };
    let (asked, error) = (ended.journal_path.display(), io_words(error));
    let line = format!("the journal cannot be written to {asked}: {error}; {kept}");
    session.terminal.line(Importance::Error, &line);
    false
}
