//! `fracas recover`: bring a run to its end.

use fracas_engine::{Given, RecoverOptions, Recovered, Recovery, RunFolder, read, recover as recover_run};
use fracas_model::{ExitCode, Problem};

use super::run::tell_end;
use super::{given, own};
use crate::args;
use crate::host::ThisMachine;
use crate::session::Session;
use crate::surroundings::Surroundings;
use crate::terminal::TerminalObserver;

/// Plays the rollbacks that have no recorded result, and writes the journal.
pub async fn recover(args: &args::Recover, session: &Session) -> ExitCode {
    let Ok(given) = given::of_files(&args.var_files, session) else { return ExitCode::Invalid };
    let found = session
        .surroundings
        .runs_dir(args.runs_dir.runs_dir.as_ref())
        .and_then(|runs_dir| RunFolder::find(&runs_dir, &args.run))
        .map_err(general);
    let played = match found {
        Ok(folder) => play(folder, &given, args.retry_failed, session).await,
        Err(recovery) => Err(recovery),
    };
    match played {
        Ok(Recovered::Done(ended)) => {
            let journal = ended.folder.journal_path();
            let code = tell_end(&ended, &args.runs_dir, &args.var_files, session);
            session.info(&format!("The journal is {}", journal.display()));
            code
        }
        Ok(Recovered::Nothing { why, outcome }) => {
            session.info(&format!("Nothing to recover: {why}"));
            rollbacks_only(outcome.exit_code)
        }
        Err(Recovery { source, problems }) => {
            session.terminal.problems(source.as_ref(), &problems);
            ExitCode::Invalid
        }
    }
}

/// A recovery answers for rollbacks, not for how the run itself went.
fn rollbacks_only(code: ExitCode) -> ExitCode {
    if code == ExitCode::RollbackFailed { code } else { ExitCode::Ok }
}

async fn play(
    folder: RunFolder,
    given: &Given,
    retry_failed: bool,
    session: &Session,
) -> Result<Recovered, Recovery> {
    let providers = fracas_providers::all(&session.python);
    let options = RecoverOptions {
        environment: &Surroundings::environment,
        secrets: &given.secrets,
        providers: &providers,
        version: env!("CARGO_PKG_VERSION"),
        retry_failed,
    };
    return_to_its_folder(&folder)?;
    let observer = Box::new(TerminalObserver::new(&session.terminal));
    let host = ThisMachine::new(&providers)?;
    recover_run(folder, &options, &host, vec![observer]).await
}

/// Relative paths of the experiment mean what they meant in the run, and so do the user's own activities.
fn return_to_its_folder(folder: &RunFolder) -> Result<(), Recovery> {
    // A log that cannot be read is told by the recovery itself.
    let Some((_, started)) = read(folder).ok().and_then(|history| history.started) else { return Ok(()) };
    let working_folder = &started.working_folder;
    std::env::set_current_dir(working_folder).map_err(|error| {
        let message = format!("cannot go to {working_folder}, where the run was started: {error}");
        general(Problem::general(message).help("nothing was rolled back; make the folder available again"))
    })?;
    // What is wrong with them is told one file at a time: nothing is rolled back before all are right.
    own::read(&started.source).map_err(|mut wrong| {
        let (source, problems) = wrong.swap_remove(0);
        Recovery { source: Some(source), problems }
    })
}

fn general(problem: Problem) -> Recovery {
    Recovery { source: None, problems: problem.into() }
}
