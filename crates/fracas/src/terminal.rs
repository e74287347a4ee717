//! What the user sees: lines and pictures on stderr, data on stdout.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use fracas_engine::Observer;
use fracas_model::{Moment, Problem, Problems, Source, Stamped};
use fracas_report::{Console, Importance, render_problems};
use jiff::tz::TimeZone;

use crate::args::Color;

/// The user's terminal, or what stands in for it.
#[derive(Clone)]
pub struct Terminal {
    color: bool,
    zone: RefCell<Option<TimeZone>>,
}

impl Terminal {
    /// Decides once whether there is color.
    pub fn new(color: Color) -> Terminal {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                wanted && io::stderr().is_terminal()
            }
        };
        Terminal { color, zone: RefCell::new(None) }
    }

    /// A line of the present moment.
    pub fn line(&self, importance: Importance, line: &str) {
        self.line_at(now(), importance, line);
    }

    /// What is wrong with a source, or with the surroundings.
    pub fn problems(&self, source: Option<&Source>, problems: &Problems) {
        self.write(&render_problems(source, problems, self.color));
    }

    /// One thing that is wrong, and has no place in a source.
    pub fn problem(&self, problem: Problem) {
        self.problems(None, &problem.into());
    }

    /// Data for the user or the next program. False, and said so, when it cannot be written.
    pub fn data(&self, text: &str) -> bool {
        match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
            // Whoever reads may have read enough, as `head` does.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.problem(Problem::general(format!("cannot write the output: {error}")));
                false
            }
            _ => true,
        }
    }

    fn line_at(&self, time: Moment, importance: Importance, line: &str) {
        let mut zone = self.zone.borrow_mut();
        let zone = zone.get_or_insert_with(TimeZone::system);
        self.write(&(importance.format(time, zone, line, self.color) + "\n"));
    }

    /// A run goes on when nobody can read about it.
    fn write(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// The present moment.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Shows the events of a run as console lines.
pub struct TerminalObserver {
    terminal: Terminal,
    console: Console,
}

impl TerminalObserver {
    /// Shows them on this terminal.
    pub fn new(terminal: &Terminal) -> TerminalObserver {
        TerminalObserver { terminal: terminal.clone(), console: Console::default() }
    }
}

impl Observer for TerminalObserver {
    fn see(&mut self, stamped: &Stamped) {
        for (importance, line) in self.console.lines(&stamped.event) {
            self.terminal.line_at(stamped.time, importance, &line);
        }
    }
}
