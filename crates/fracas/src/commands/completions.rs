//! `fracas completions`: how shells learn to complete names. The shell's script asks fracas itself
//! for the names, so it need not change with fracas.

use clap_complete::env::Shells;
use fracas_model::{ExitCode, Problem};

use crate::args::{self, Shell};
use crate::session::Session;
use crate::terminal::Written;

/// The environment variable by which the scripts ask for names.
pub const VARIABLE: &str = "FRACAS_COMPLETE";

/// Prints the script.
pub fn completions(args: &args::Completions, session: &Session) -> ExitCode {
    let shell = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let Some(script) = shells.completer(shell) else {
        session.terminal.problem(Problem::general(format!("there is no completion for {shell}")));
        return ExitCode::Invalid;
    };
    let written = session
        .terminal
        .data_by(|mut out| script.write_registration(VARIABLE, "fracas", "fracas", "fracas", &mut out));
    if written == Written::Failed { ExitCode::Deviated } else { ExitCode::Ok }
}
