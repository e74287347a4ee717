//! `fracas run`: play an experiment.

use std::io;
use std::path::{Path, absolute};

use fracas_engine::{Ended, Plan, RunOptions};
use fracas_model::{ExitCode, Problem, Source};
use fracas_report::Importance;

use super::{block_on, check, prepare};
use crate::args;
use crate::host::ThisMachine;
use crate::surroundings::Surroundings;
use crate::terminal::{Terminal, TerminalObserver};

/// Checks the experiment, plays it, and writes its journal.
pub fn run(args: &args::Run, surroundings: &Surroundings, terminal: &Terminal) -> ExitCode {
    terminal.line(Importance::Info, "Validating the experiment's syntax");
    let Some(mut ready) = prepare(&args.source, &args.values, &args.fetching, terminal) else {
        return ExitCode::Invalid;
    };
    let providers = fracas_providers::all();
    if !check(&mut ready, &providers, true, terminal) {
        return ExitCode::Invalid;
    }
    terminal.line(Importance::Info, "Experiment looks valid");
    let rollback_strategy = args.rollback_strategy.or(ready.experiment.runtime.rollbacks).unwrap_or_default();
    let plan = Plan { experiment: ready.experiment, values: ready.values, rollback_strategy };
    match play(&ready.source, &plan, &providers, args, surroundings, terminal) {
        Ok(ended) => tell_end(&ended, terminal),
        Err(problem) => {
            terminal.problem(problem);
            ExitCode::Invalid
        }
    }
}

fn play(
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
    };
    let observer = Box::new(TerminalObserver::new(terminal));
    let ended = block_on(async {
        let host = ThisMachine::new(providers)?;
        fracas_engine::run(source, plan, &host, &options, vec![observer]).await
    })?;
    ended.map_err(|error| unkept(&runs_dir, &error))
}

fn unkept(path: &Path, error: &io::Error) -> Problem {
    Problem::general(format!("cannot keep the run in {}: {error}", path.display()))
        .help("nothing was run; name a folder that can be written with --runs-dir")
}

/// Says what the user has to know after a run: where the journal is if not where they asked, and
/// what may still be broken.
pub fn tell_end(ended: &Ended, terminal: &Terminal) -> ExitCode {
    let log = ended.folder.path();
    let kept = match &ended.kept_error {
        None => format!("the journal is {}", ended.folder.journal_path().display()),
        Some(error) => format!("nor into the run's folder: {error}; the run log is in {}", log.display()),
    };
    if let Some(error) = &ended.journal_error {
        let asked = ended.journal_path.display();
        terminal.line(Importance::Error, &format!("cannot write the journal to {asked}: {error}; {kept}"));
    }
    if ended.outcome.exit_code == ExitCode::NotRun {
        let line = "The method was not played, since the steady state was not met before it";
        terminal.line(Importance::Info, line);
    }
    if !ended.live.is_empty() {
        let line = format!(
            "These actions may still have their effect, since not all rollbacks were played: {}",
            ended.live.join(", ")
        );
        terminal.line(Importance::Warning, &line);
        terminal.line(
            Importance::Warning,
            &format!("To play the rollbacks: fracas recover {}", ended.folder.id()),
        );
    }
    ended.outcome.exit_code
}
