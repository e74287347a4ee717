//! `fracas run`: play an experiment.

use std::io;
use std::path::{Path, absolute};

use fracas_engine::{Ended, Plan, RunOptions};
use fracas_model::{ExitCode, Policy, Problem, Source};
use fracas_report::Importance;

use super::{check, prepare};
use crate::args;
use crate::host::ThisMachine;
use crate::surroundings::Surroundings;
use crate::terminal::{Terminal, TerminalObserver};

/// Checks the experiment, plays it, and writes its journal.
pub async fn run(args: &args::Run, surroundings: &Surroundings, terminal: &Terminal) -> ExitCode {
    terminal.line(Importance::Info, "Validating the experiment's syntax");
    let Some(mut ready) = prepare(&args.source, &args.values, &args.fetching, terminal).await else {
        return ExitCode::Invalid;
    };
    let providers = fracas_providers::all();
    if !check(&mut ready, &providers, true, terminal).await {
        return ExitCode::Invalid;
    }
    terminal.line(Importance::Info, "Experiment looks valid");
    let rollback_strategy = args.rollback_strategy.or(ready.experiment.runtime.rollbacks).unwrap_or_default();
    let plan = Plan { rollback_strategy, ..Plan::new(ready.experiment, ready.values, Policy::FRACAS) };
    match play(&ready.source, &plan, &providers, args, surroundings, terminal).await {
        Ok(ended) => tell_end(&ended, &args.runs_dir, terminal),
        Err(problem) => {
            terminal.problem(problem);
            ExitCode::Invalid
        }
    }
}

async fn play(
    source: &Source,
    plan: &Plan,
    providers: &fracas_engine::Providers,
    args: &args::Run,
    surroundings: &Surroundings,
    terminal: &Terminal,
) -> Result<Ended, Problem> {
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
    let observer = Box::new(TerminalObserver::new(terminal));
    let host = ThisMachine::new(providers).map_err(|error| unkept(&runs_dir, &error))?;
    let ended = fracas_engine::run(source, plan, &host, &options, vec![observer]).await;
    ended.map_err(|error| unkept(&runs_dir, &error))
}

fn unkept(path: &Path, error: &io::Error) -> Problem {
    Problem::general(format!("cannot keep the run in {}: {error}", path.display()))
        .help("nothing was run; name a folder that can be written with --runs-dir")
}

/// Says what the user has to know after a run: what failed, what may still be broken and the way
/// out, and where the journal is if not where they asked.
pub fn tell_end(ended: &Ended, runs_dir: &args::RunsDir, terminal: &Terminal) -> ExitCode {
    let warn = |line: String| terminal.line(Importance::Warning, &line);
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
    tell_live(ended, runs_dir, &warn);
    match tell_journal(ended, terminal) {
        true => ended.outcome.exit_code,
        false => ended.outcome.exit_code.max(ExitCode::Deviated),
    }
}

/// Names the faults that may be live, and the way to undo them.
fn tell_live(ended: &Ended, runs_dir: &args::RunsDir, warn: &dyn Fn(String)) {
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
    let id = ended.folder.id();
    warn(format!("To play the rollbacks: fracas recover {id}{retry}{}", runs_dir.unwrap_or_default()));
}

/// Whether the journal is where it was asked for; if not, says where it is.
fn tell_journal(ended: &Ended, terminal: &Terminal) -> bool {
    let Some(error) = &ended.journal_error else { return true };
    let kept = match &ended.kept_error {
        None => format!("it is {}", ended.folder.journal_path().display()),
        Some(error) => {
            format!("nor can the run's folder: {error}; its log is in {}", ended.folder.path().display())
        }
    };
    let asked = ended.journal_path.display();
    terminal.line(Importance::Error, &format!("the journal cannot be written to {asked}: {error}; {kept}"));
    false
}
