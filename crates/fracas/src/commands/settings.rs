//! `fracas settings`: look at the user's settings, and change them.

use fracas_model::{ExitCode, Problem};

use crate::args::{self, SettingsCommand};
use crate::session::Session;
use crate::settings::Settings;

/// Shows, gets, sets or removes.
pub fn settings(args: &args::Settings, session: &Session) -> ExitCode {
    match carry_out(&args.command, session) {
        Ok(text) if session.terminal.data(&text) => ExitCode::Ok,
        Ok(_) => ExitCode::Deviated,
        Err(problem) => {
            session.terminal.problem(problem);
            ExitCode::Invalid
        }
    }
}

/// Gives what is to be printed.
fn carry_out(command: &SettingsCommand, session: &Session) -> Result<String, Problem> {
    let mut settings = Settings::load(&session.settings.path)?.present()?;
    match command {
        SettingsCommand::Show { format } => return Ok(format.print(&settings.value)),
        SettingsCommand::Get { key, format } => return Ok(format.print(settings.get(key)?)),
        SettingsCommand::Set { key, value } => settings.set(key, value)?,
        SettingsCommand::Remove { key } => settings.remove(key)?,
    }
    settings.save().map(|()| String::new())
}
