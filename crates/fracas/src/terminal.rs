//! What the user sees: lines and pictures on stderr, data on stdout, lines in the log file.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::rc::Rc;
use std::time::SystemTime;

use fracas_engine::{Observer, io_words};
use fracas_model::{Moment, Policy, Problem, Problems, Severity, Source, Stamped};
use fracas_report::{Console, Importance, Lines, render_problems};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::args::{Color, Global, LogFormat, LogLevel};
use crate::settings::as_ascii;

/// The user's terminal, or what stands in for it, and the log file.
#[derive(Clone)]
pub struct Terminal(Rc<Inner>);

struct Inner {
    color: bool,
    /// Whether what is written to stdout is colored.
    color_of_data: bool,
    format: LogFormat,
    shown_from: Importance,
    /// Whether problems are drawn in their text, instead of told in a line.
    draw: bool,
    /// Whether control characters are shown as escapes.
    tame: bool,
    zone: RefCell<Option<TimeZone>>,
    /// Names this process in lines for machines.
    context_id: String,
    log: Option<Log>,
}

/// What became of data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Whole,
    /// Nobody reads it any more.
    Unread,
    /// It could not be written, which was told.
    Failed,
}

/// An open log file.
pub struct Log {
    file: RefCell<File>,
    kept_from: Importance,
}

impl Log {
    /// Takes lines of a level and above, after what the file holds already.
    pub fn new(file: File, level: LogLevel) -> Log {
        let kept_from = match level {
            LogLevel::Debug => Importance::Debug,
            LogLevel::Info => Importance::Info,
            LogLevel::Warning => Importance::Warning,
            LogLevel::Error => Importance::Error,
        };
        Log { file: RefCell::new(file), kept_from }
    }
}

impl Terminal {
    /// Decides once how lines look and where they go.
    pub fn new(global: &Global, policy: &Policy, log: Option<Log>) -> Terminal {
        Terminal(Rc::new(Inner {
            color: is_colored(global.color, &io::stderr()),
            color_of_data: is_colored(global.color, &io::stdout()),
            format: global.log_format,
            shown_from: if global.verbose { Importance::Debug } else { Importance::Info },
            draw: policy.draw_problems,
            tame: policy.tame_lines,
            zone: RefCell::new(None),
            context_id: random_uuid(),
            log,
        }))
    }

    /// Whether questions and the like, on stdout, are colored.
    pub fn color_of_data(&self) -> bool {
        self.0.color_of_data
    }

    /// A line of the present moment.
    pub fn line(&self, importance: Importance, line: &str) {
        self.line_at(now(), importance, line);
    }

    /// A line as it is, without a time, as Chaos Toolkit's library tells what has no logger.
    pub fn plain(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    /// What is wrong with a source, or with the surroundings.
    pub fn problems(&self, source: Option<&Source>, problems: &Problems) {
        let drawn = self.0.draw && self.0.format == LogFormat::String;
        let problems = &*if self.0.draw { first_of(problems) } else { Cow::Borrowed(problems) };
        if drawn {
            self.write(&render_problems(source, problems, self.0.color));
        }
        let lines =
            if self.0.draw { all_lines(source, problems) } else { chaos_toolkits_lines(source, problems) };
        for (importance, line) in lines {
            if !drawn {
                self.show(now(), importance, &line);
            }
            self.keep(now(), importance, &line);
        }
    }

    /// One thing that is wrong, and has no place in a source.
    pub fn problem(&self, problem: Problem) {
        self.problems(None, &problem.into());
    }

    /// Data for the user or the next program. False, and said so, when it cannot be written.
    pub fn data(&self, text: &str) -> bool {
        self.data_by(|out| out.write_all(text.as_bytes())) != Written::Failed
    }

    /// As [`Terminal::data`], written piece by piece.
    pub fn data_by(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Written {
        let mut out = BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Ok(()) => Written::Whole,
            // Whoever reads may have read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Written::Unread,
            Err(error) => {
                self.problem(Problem::general(format!("cannot write the output: {}", io_words(&error))));
                Written::Failed
            }
        }
    }

    fn line_at(&self, time: Moment, importance: Importance, line: &str) {
        self.show(time, importance, line);
        self.keep(time, importance, line);
    }

    fn hears_debug(&self) -> bool {
        let kept = self.0.log.as_ref().is_some_and(|log| log.kept_from == Importance::Debug);
        kept || self.0.shown_from == Importance::Debug
    }

    fn show(&self, time: Moment, importance: Importance, line: &str) {
        if importance < self.0.shown_from {
            return;
        }
        self.write(&match self.0.format {
            LogFormat::String => self.formatted(time, importance, line, self.0.color),
            LogFormat::Json => self.for_machines(time, importance, line),
        });
    }

    /// A run goes on when its log file cannot be written, as it does without readers.
    fn keep(&self, time: Moment, importance: Importance, line: &str) {
        if let Some(log) = self.0.log.as_ref().filter(|log| importance >= log.kept_from) {
            let line = self.formatted(time, importance, line, false);
            let _ = log.file.borrow_mut().write_all(line.as_bytes());
        }
    }

    fn formatted(&self, time: Moment, importance: Importance, line: &str, color: bool) -> String {
        let line = if self.0.tame { tamed(line) } else { Cow::Borrowed(line) };
        importance.format(time, &self.zone(), &line, color) + "\n"
    }

    /// A line as an object. Source: chaoslib's `configure_logger` and python-json-logger.
    fn for_machines(&self, time: Moment, importance: Importance, line: &str) -> String {
        let local = self.zone().to_datetime(time.timestamp());
        let utc = TimeZone::UTC.to_datetime(time.timestamp());
        let entries = [
            ("process", json!(std::process::id())),
            ("asctime", format!("{},{:03}", local.strftime("%Y-%m-%d %H:%M:%S"), local.millisecond()).into()),
            ("levelname", importance.name().into()),
            ("module", "fracas".into()),
            ("lineno", json!(0)),
            ("message", line.into()),
            ("context_id", self.0.context_id.as_str().into()),
            ("timestamp", utc.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string().into()),
        ];
        let entries = entries.map(|(key, value): (&str, Value)| format!("\"{key}\": {value}"));
        as_ascii(&format!("{{{}}}\n", entries.join(", ")))
    }

    fn zone(&self) -> TimeZone {
        self.0.zone.borrow_mut().get_or_insert_with(system_zone).clone()
    }

    /// A run goes on when nobody can read about it.
    fn write(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// How many problems are told at most: nobody reads more, and a hostile file can have millions.
const MOST_PROBLEMS: usize = 200;

/// The problems that are told: all of them, or the first errors and then warnings, and how many more there are.
fn first_of(problems: &Problems) -> Cow<'_, Problems> {
    let left_out = problems.0.len().saturating_sub(MOST_PROBLEMS);
    if left_out == 0 {
        return Cow::Borrowed(problems);
    }
    let of = |severity| problems.0.iter().filter(move |problem| problem.severity == severity);
    let mut first: Vec<Problem> =
        of(Severity::Error).chain(of(Severity::Warning)).take(MOST_PROBLEMS).cloned().collect();
    let more = Problem::general(format!("{left_out} more problems are not shown"));
    first.push(Problem { severity: Severity::Warning, ..more.help("solve these first") });
    Cow::Owned(Problems(first))
}

/// The text with control characters as escapes, but for tabs and the ends of lines.
fn tamed(text: &str) -> Cow<'_, str> {
    let is_wild = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !text.contains(is_wild) {
        return Cow::Borrowed(text);
    }
    let shown = |character: char| match is_wild(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

fn is_colored(choice: Color, stream: &dyn IsTerminal) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let impossible = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            !unwanted && !impossible && stream.is_terminal()
        }
    }
}

/// Each problem in a line.
fn all_lines(source: Option<&Source>, problems: &Problems) -> Lines {
    let importance = |problem: &Problem| match problem.severity {
        Severity::Warning => Importance::Warning,
        Severity::Error => Importance::Error,
    };
    problems.0.iter().map(|problem| (importance(problem), in_a_line(source, problem))).collect()
}

/// What Chaos Toolkit would say: its warnings, and the first error; where it would only crash, what
/// fracas says.
fn chaos_toolkits_lines(source: Option<&Source>, problems: &Problems) -> Lines {
    let warnings = problems.0.iter().filter(|problem| problem.severity == Severity::Warning);
    let said = warnings.map(Problem::said).filter(|words| !words.is_empty());
    let mut errors = problems.0.iter().filter(|problem| problem.severity == Severity::Error);
    let has_rule = errors.clone().any(|problem| problem.rule.is_some());
    let error = match has_rule {
        true => problems.first_words().map(str::to_owned),
        false => errors.next().map(|problem| in_a_line(source, problem)),
    };
    let error = error.map(|line| (Importance::Error, line));
    said.map(|words| (Importance::Warning, words.to_owned())).chain(error).collect()
}

/// A problem without its picture: `experiment.json:3:5: what is wrong; what to do`.
fn in_a_line(source: Option<&Source>, problem: &Problem) -> String {
    let place = source.zip(problem.span).map(|(source, span)| {
        let before = source.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}: ", source.name)
    });
    let help = if problem.help.is_empty() { String::new() } else { format!("; {}", problem.help) };
    format!("{}{}{help}", place.unwrap_or_default(), problem.message)
}

/// A random UUID, of version 4.
pub fn random_uuid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The present moment.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The system's time zone. Where no variable names one its file is read; jiff looks for its name first, among
/// all zones that there are.
fn system_zone() -> TimeZone {
    let file = || TimeZone::tzif("", &fs::read("/etc/localtime").ok()?).ok();
    let unnamed = std::env::var_os("TZ").is_none().then(file).flatten();
    unnamed.unwrap_or_else(TimeZone::system)
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
        let debug = match self.terminal.hears_debug() {
            true => self.console.debug_lines(&stamped.event),
            false => Lines::new(),
        };
        for (importance, line) in self.console.lines(&stamped.event).into_iter().chain(debug) {
            self.terminal.line_at(stamped.time, importance, &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::{Format, Span};

    #[test]
    fn a_problem_has_its_place_and_help_in_a_line() {
        let text = "{\n  \"title\": 1}".to_owned();
        let source = Source { name: "e.json".to_owned(), text, format: Format::Json };
        let problem = Problem::error(Span::new(13, 14), "no text").help("quote it");
        assert_eq!(in_a_line(Some(&source), &problem), "e.json:2:12: no text; quote it");
        assert_eq!(in_a_line(None, &Problem::general("no file")), "no file");
    }

    #[test]
    fn of_very_many_problems_the_errors_come_first() {
        let warning = || Problem::warning(Span::new(0, 1), "odd");
        let mut problems = Problems((0..MOST_PROBLEMS).map(|_| warning()).collect());
        assert_eq!(*first_of(&problems), problems);
        problems.push(Problem::general("wrong"));
        let first = first_of(&problems);
        assert_eq!(first.0.len(), MOST_PROBLEMS + 1);
        assert_eq!(first.0[0].message, "wrong");
        assert_eq!(first.0[MOST_PROBLEMS].message, "1 more problems are not shown");
    }

    #[test]
    fn lines_cannot_steer_the_terminal() {
        assert_eq!(tamed("é\tin\ntwo"), "é\tin\ntwo");
        assert_eq!(tamed("\x1b[2J\r\u{9b}x"), "\\u{1b}[2J\\r\\u{9b}x");
    }

    #[test]
    fn uuids_have_their_version_and_variant() {
        for _ in 0..50 {
            let uuid = random_uuid();
            assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert_eq!(&uuid[14..15], "4");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
    }
}
