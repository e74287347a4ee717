//! `fracas recover`: bring a run to its end.

use fracas_engine::{Recovered, Recovery, RunFolder, recover as recover_run};
use fracas_model::{ExitCode, Problem};
use fracas_report::Importance;

use super::block_on;
use super::run::tell_end;
use crate::args;
use crate::host::ThisMachine;
use crate::surroundings::Surroundings;
use crate::terminal::{Terminal, TerminalObserver};

/// Plays the rollbacks that have no recorded result, and writes the journal.
pub fn recover(args: &args::Recover, surroundings: &Surroundings, terminal: &Terminal) -> ExitCode {
    let found = surroundings
        .runs_dir(args.runs_dir.runs_dir.as_ref())
        .and_then(|runs_dir| RunFolder::find(&runs_dir, &args.run))
        .map_err(general);
    match found.and_then(|folder| play(folder, terminal)) {
        Ok(Recovered::Done(ended)) => {
            let journal = ended.folder.journal_path();
            let code = tell_end(&ended, terminal);
            terminal.line(Importance::Info, &format!("The journal is {}", journal.display()));
            code
        }
        Ok(Recovered::Nothing { why, outcome }) => {
            terminal.line(Importance::Info, &format!("Nothing to recover: {why}"));
            rollbacks_only(outcome.exit_code)
        }
        Err(Recovery { source, problems }) => {
            terminal.problems(source.as_ref(), &problems);
            ExitCode::Invalid
        }
    }
}

/// A recovery answers for rollbacks, not for how the run itself went.
fn rollbacks_only(code: ExitCode) -> ExitCode {
    if code == ExitCode::RollbackFailed { code } else { ExitCode::Ok }
}

fn play(folder: RunFolder, terminal: &Terminal) -> Result<Recovered, Recovery> {
    let providers = fracas_providers::all();
    let observer = Box::new(TerminalObserver::new(terminal));
    let version = env!("CARGO_PKG_VERSION");
    let played = block_on(async {
        let host = ThisMachine::new(&providers)?;
        recover_run(folder, &Surroundings::environment, &providers, &host, version, vec![observer]).await
    });
    played.map_err(general)?
}

fn general(problem: Problem) -> Recovery {
    Recovery { source: None, problems: problem.into() }
}
