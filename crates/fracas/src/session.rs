//! What every command works with: decided once, by the command line, the settings, and the name
//! that the program is run under.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf, absolute};

use fracas_engine::io_words;
use fracas_model::{ExitCode, Policy, Problem, Problems};
use fracas_providers::PythonChoice;
use fracas_report::Importance;

use crate::args::Global;
use crate::notifications::Channel;
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use crate::terminal::{Log, Terminal};

/// What every command works with.
pub struct Session {
    /// How experiments are understood.
    pub policy: Policy,
    /// The user's settings.
    pub settings: Settings,
    /// Where the user wants to be told of runs.
    pub channels: Vec<Channel>,
    /// How what is written in Python is carried out.
    pub python: PythonChoice,
    /// Where lines, pictures and data go.
    pub terminal: Terminal,
    /// What the process finds around it, after a change of folder.
    pub surroundings: Surroundings,
}

/// The log file of Chaos Toolkit.
const LOG_FILE: &str = "chaostoolkit.log";

/// The commands that tell the channels of the settings about themselves.
const TELLING: [&str; 4] = ["run", "validate", "discover", "init"];

impl Session {
    /// Goes to the folder that is asked for, reads the settings, and opens the log file. Whatever
    /// of that is impossible is told, and gives none and the exit code.
    pub fn begin(global: &Global, command: &str) -> Result<Session, ExitCode> {
        let mut problems = Problems::default();
        let asked_log = global.log_file.as_deref().unwrap_or(Path::new(LOG_FILE));
        // The log file stays where it was asked for, whatever the folder is then.
        let log_path = absolute(asked_log).unwrap_or_else(|_| asked_log.to_owned());
        if let Some(folder) = &global.change_dir
            && let Err(error) = std::env::set_current_dir(folder)
        {
            problems.push(unreachable_folder(folder, &error));
        }
        let mut wrong = Problems::default();
        let (settings, policy, mut ignored) = read_settings(global, &mut wrong);
        match command {
            // It shows settings as they are, good or bad.
            "info" => ignored = None,
            _ => problems.0.append(&mut wrong.0),
        }
        let channels = settings.notifications().unwrap_or_else(|problem| {
            problems.0.extend(Some(problem).filter(|_| TELLING.contains(&command)));
            Vec::new()
        });
        let log = open_log(global, &policy, &log_path).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let session = Session {
            policy,
            settings,
            channels,
            python: PythonChoice {
                program: global.python.clone(),
                native: !global.no_native,
                hides: policy.mask_secrets,
            },
            terminal: Terminal::new(global, &policy, log),
            surroundings: Surroundings::of_this_process(),
        };
        session.tell_beginning(global, command);
        ignored.into_iter().for_each(|problem| session.terminal.problem(problem));
        if problems.0.is_empty() {
            return Ok(session);
        }
        session.terminal.problems(None, &problems);
        Err(session.answer(ExitCode::Invalid))
    }

    /// What is answered to the caller for an end.
    pub fn answer(&self, code: ExitCode) -> ExitCode {
        if self.policy.telling_exit_codes { code } else { code.min(ExitCode::Deviated) }
    }

    /// A line for people who look for mistakes.
    pub fn debug(&self, line: &str) {
        self.terminal.line(Importance::Debug, line);
    }

    /// Something that goes on.
    pub fn info(&self, line: &str) {
        self.terminal.line(Importance::Info, line);
    }

    /// Something worth a look.
    pub fn warn(&self, line: &str) {
        self.terminal.line(Importance::Warning, line);
    }

    /// What Chaos Toolkit tells in a debug line alone, though it is worth a look.
    pub fn aside(&self, line: &str) {
        if self.policy.own_warnings { self.warn(line) } else { self.debug(line) }
    }

    /// Something that went wrong.
    pub fn error(&self, line: &str) {
        self.terminal.line(Importance::Error, line);
    }

    fn tell_beginning(&self, global: &Global, command: &str) {
        self.debug(&"#".repeat(79));
        self.debug(&format!("Running command '{command}'"));
        self.debug(&format!("Using settings file '{}'", self.settings.path.display()));
        if let Some(folder) = &global.change_dir {
            self.warn(&format!("Moving to {}", folder.display()));
        }
    }
}

/// The settings, the policy that they and the command line choose, and what is told of them and
/// ignored. What stops everything becomes a problem.
fn read_settings(global: &Global, problems: &mut Problems) -> (Settings, Policy, Option<Problem>) {
    let path = global.settings.clone().unwrap_or_else(Settings::default_path);
    let loaded = Settings::load(&path);
    let compat = loaded.as_ref().map_or(Ok(false), Settings::compat).unwrap_or_else(|problem| {
        problems.push(problem);
        false
    });
    let policy =
        if compat || global.compat || is_named_chaos() { Policy::CHAOS_TOOLKIT } else { Policy::FRACAS };
    // Who names a file wants what is in it.
    let named = global.settings.is_some() && policy.broken_settings_stop;
    let loaded = if named { loaded.and_then(Settings::present) } else { loaded };
    let mut ignored = None;
    let mut settings = loaded.unwrap_or_else(|problem| {
        // Of Chaos Toolkit, what is no YAML is told and ignored; it dies of anything else.
        match policy.broken_settings_stop || problem.said().is_empty() {
            true => problems.push(problem),
            false => ignored = Some(problem),
        }
        Settings::empty(&path)
    });
    problems.0.extend(settings.repeated.take().filter(|_| policy.broken_settings_stop));
    (settings, policy, ignored)
}

fn is_named_chaos() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.as_deref().and_then(Path::file_name).is_some_and(|name| name == "chaos")
}

fn open_log(global: &Global, policy: &Policy, path: &Path) -> Result<Option<Log>, Problem> {
    let wanted = !global.no_log_file && (global.log_file.is_some() || !policy.log_file_on_request);
    if !wanted {
        return Ok(None);
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| {
        let message = format!("cannot write the log file {}: {}", path.display(), io_words(&error));
        Problem::general(message).help("name another with --log-file, or none with --no-log-file")
    })?;
    Ok(Some(Log::new(file, global.log_file_level)))
}

fn unreachable_folder(folder: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot go to the folder {}: {}", folder.display(), io_words(error));
    Problem::general(message).help("nothing was run; make the folder, or name another with --change-dir")
}
