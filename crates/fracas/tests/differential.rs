//! fracas beside the reference: every case of `tests/parity`, and of `tests/cases` those with a `[reference]` table.
//!
//! The reference runs a case once; fracas runs it in its default preset and under `--compat`. Exit code, console lines,
//! standard output, journal and further files must be the same but for what the case names. In the default preset those
//! differences are meant, and docs/differences.md lists them. The last line on standard error counts the comparisons.

mod support;

use std::process::ExitCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use regex_lite::Regex;
use serde_json::Value;
use similar::TextDiff;
use support::case::{self, Case, Outcome, Reference};

/// What was compared so far: in the default preset, and of it by exit code only; under `--compat`, and of it by exit
/// code only.
static COMPARED: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials =
        case::compared().into_iter().map(|case| Trial::test(case.name.clone(), move || check(&case)));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if !arguments.list {
        let [whole, exits, compat, compat_exits] =
            COMPARED.each_ref().map(|count| count.load(Ordering::Relaxed));
        eprintln!(
            "differential: {compat} cases with the reference, {compat} compared under --compat, {compat_exits} of it by \
             exit code only, {whole} in the default preset, {exits} of it by exit code only, {} failed",
            conclusion.num_failed
        );
    }
    conclusion.exit_code()
}

fn check(case: &Case) -> Result<(), Failed> {
    let reference = case.says.reference.as_ref().unwrap_or(&NO_EXCEPTION);
    let theirs = case.run_reference(reference);
    let differences = [
        under("the default preset", default_differences(case, reference, &theirs)),
        under("--compat", compat_differences(case, reference, &theirs)),
        exit_difference("the reference", reference.exit.unwrap_or(case.says.exit), theirs.exit),
    ]
    .concat();
    if differences.is_empty() { Ok(()) } else { Err(format!("{}\n{differences}", case.says.why).into()) }
}

static NO_EXCEPTION: LazyLock<Reference> = LazyLock::new(Reference::default);

fn under(preset: &str, differences: String) -> String {
    if differences.is_empty() { differences } else { format!("=== {preset}\n{differences}") }
}

fn default_differences(case: &Case, reference: &Reference, theirs: &Outcome) -> String {
    let ours = case.run();
    COMPARED[0].fetch_add(1, Ordering::Relaxed);
    let exit = exit_difference("fracas", case.says.exit, ours.exit);
    if reference.instead.is_some() {
        COMPARED[1].fetch_add(1, Ordering::Relaxed);
        return exit;
    }
    let mut their_journal = theirs.journal.clone();
    if let (Some(journal), Some(status)) = (&mut their_journal, &reference.status) {
        let word = |status: &str| format!("\n  \"status\": \"{status}\"");
        assert!(journal.contains(&word(status)), "the reference's status is not {status}: {journal}");
        *journal = journal.replace(&word(status), &word(&status_of(&ours)));
    }
    let but = Exceptions {
        lines: [&ADDED_LINES.map(String::from), &reference.lines_but[..]].concat(),
        keys: [&ADDED_KEYS.map(String::from), &reference.journal_but[..]].concat(),
        crash: reference.crash.is_some(),
        unordered: case.says.unordered,
    };
    exit + &but.differences(&Outcome { journal: their_journal, ..theirs.clone() }, &ours)
}

fn compat_differences(case: &Case, reference: &Reference, theirs: &Outcome) -> String {
    let (compat, ours) = (&case.says.compat, case.run_compat());
    COMPARED[2].fetch_add(1, Ordering::Relaxed);
    let exit = exit_difference("fracas", compat.exit.unwrap_or(theirs.exit), ours.exit);
    if compat.instead.is_some() {
        COMPARED[3].fetch_add(1, Ordering::Relaxed);
        return exit;
    }
    let but = Exceptions {
        lines: compat.lines_but.clone(),
        keys: compat.journal_but.clone(),
        crash: reference.crash.is_some(),
        unordered: case.says.unordered,
    };
    exit + &but.differences(theirs, &ours)
}

/// What is left out of a comparison.
struct Exceptions {
    /// Console lines that contain one of these.
    lines: Vec<String>,
    /// Keys of the journal, wherever they are.
    keys: Vec<String>,
    /// The reference died: only its lines up to there count, and fracas must have a journal if the run had begun.
    crash: bool,
    /// The order of lines is a matter of chance.
    unordered: bool,
}

impl Exceptions {
    fn differences(&self, theirs: &Outcome, ours: &Outcome) -> String {
        let (their_lines, mut our_lines) = (self.lines(theirs), self.lines(ours));
        let mut differences = String::new();
        if self.crash {
            our_lines.truncate(their_lines.len());
            let began = their_lines.iter().any(|line| line.contains("Running experiment: "));
            if began && !ours.journal.as_deref().is_some_and(|journal| journal.ends_with("}\n")) {
                differences += "there is no whole journal\n";
            }
        } else {
            let journal = |outcome| self.journal(outcome);
            differences += &difference("the journal", &journal(theirs), &journal(ours));
            differences += &difference("standard output", &theirs.stdout, &ours.stdout);
            for (name, text) in &theirs.files {
                differences += &difference(name, &self.ordered(text), &self.ordered(&ours.files[name]));
            }
        }
        let console = [their_lines, our_lines].map(|lines| self.ordered(&lines.concat()));
        difference("the console", &console[0], &console[1]) + &differences
    }

    /// The console lines that count. The reference colors them for a file, too; its tracebacks do not count.
    fn lines(&self, outcome: &Outcome) -> Vec<String> {
        let plain = COLOR.replace_all(&outcome.stderr, "");
        let plain = format!("\n{plain}");
        let plain = plain.split("\nTraceback (most recent call last):").next().unwrap_or_default();
        let lines = TRACEBACK.replace_all(plain, "");
        let meant = |line: &&str| self.lines.iter().any(|part| line.contains(part.as_str()));
        lines
            .lines()
            .filter(|line| !line.is_empty() && !meant(line))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// `text` as it is compared: in the order of its lines unless that is a matter of chance.
    fn ordered(&self, text: &str) -> String {
        let mut lines: Vec<_> = text.split_inclusive('\n').collect();
        if self.unordered {
            lines.sort_unstable();
        }
        lines.concat()
    }

    /// The journal with what counts. Of an exception only the last line is compared: before it the reference has a
    /// Python traceback.
    fn journal(&self, outcome: &Outcome) -> String {
        let Some(text) = &outcome.journal else { return String::new() };
        let Ok(mut journal) = serde_json::from_str(text) else { return text.clone() };
        self.keep_comparable(&mut journal);
        serde_json::to_string_pretty(&journal).expect("a value prints") + "\n"
    }

    fn keep_comparable(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|key, _| !self.keys.contains(key));
                if let Some(Value::Array(lines)) = members.get_mut("exception") {
                    lines.drain(..lines.len().saturating_sub(1));
                }
                members.values_mut().for_each(|value| self.keep_comparable(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.keep_comparable(item)),
            _ => {}
        }
    }
}

static COLOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\x1b\\[[0-9;]*m").expect("the pattern is right"));

/// A traceback that a log line carries, and those of the exceptions behind it.
static TRACEBACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^    Traceback \(most recent call last\):\n(?:    .*\n)*").expect("the pattern is right")
});

/// Lines that only fracas prints by default: the help and the consequence under a failure, and what to do when faults
/// may be live.
const ADDED_LINES: [&str; 6] = [
    "]      ",
    "may still have their effect",
    "To play the rollbacks:",
    "The method was not played",
    "These activities failed:",
    "Something may still be broken",
];

/// Keys that only fracas's journal has.
const ADDED_KEYS: [&str; 3] = ["fracas-version", "run-id", "happened"];

fn status_of(outcome: &Outcome) -> String {
    let journal: Value =
        serde_json::from_str(outcome.journal.as_deref().unwrap_or("null")).expect("the journal is JSON");
    journal["status"].as_str().unwrap_or_default().to_owned()
}

fn exit_difference(whose: &str, expected: i32, exit: i32) -> String {
    if exit == expected {
        String::new()
    } else {
        format!("the exit code of {whose} is {exit}, not {expected}\n")
    }
}

fn difference(what: &str, theirs: &str, ours: &str) -> String {
    let diff = TextDiff::from_lines(theirs, ours);
    diff.unified_diff().header(&format!("{what} of the reference"), &format!("{what} of fracas")).to_string()
}
