//! fracas beside the reference: every case with a `[reference]` table is run by both, and console lines, exit code and
//! journal must be the same but for what the table names. Those differences are meant; docs/differences.md lists them.

mod support;

use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};
use regex_lite::Regex;
use serde_json::Value;
use similar::TextDiff;
use support::case::{self, Case, Outcome, Reference};

fn main() -> ExitCode {
    let cases = case::all().into_iter().filter(|case| case.says.reference.is_some());
    let trials = cases.map(|case| {
        let name = case.name.clone();
        Trial::test(name, move || check(&case))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn check(case: &Case) -> Result<(), Failed> {
    let Some(reference) = &case.says.reference else { return Ok(()) };
    let theirs = case.run_reference(reference);
    let ours = case.run();
    let mut their_journal = journal(&theirs, reference);
    if let Some(status) = &reference.status {
        let word = |status: &str| format!("\n  \"status\": \"{status}\"");
        assert!(
            their_journal.contains(&word(status)),
            "the reference's status is not {status}: {their_journal}"
        );
        their_journal = their_journal.replace(&word(status), &word(&status_of(&ours)));
    }
    let differences: String = [
        difference("the console", &lines(&theirs, reference), &lines(&ours, reference)),
        difference("the journal", &their_journal, &journal(&ours, reference)),
        exit_difference(reference.exit.unwrap_or(case.says.exit), theirs.exit),
    ]
    .concat();
    if differences.is_empty() { Ok(()) } else { Err(format!("{}\n{differences}", case.says.why).into()) }
}

fn exit_difference(expected: i32, exit: i32) -> String {
    if exit == expected {
        String::new()
    } else {
        format!("the reference's exit code is {exit}, not {expected}\n")
    }
}

fn difference(what: &str, theirs: &str, ours: &str) -> String {
    let diff = TextDiff::from_lines(theirs, ours);
    diff.unified_diff().header(&format!("{what} of the reference"), &format!("{what} of fracas")).to_string()
}

fn status_of(outcome: &Outcome) -> String {
    let journal: Value =
        serde_json::from_str(outcome.journal.as_deref().unwrap_or("null")).expect("the journal is JSON");
    journal["status"].as_str().unwrap_or_default().to_owned()
}

/// The console lines, without what fracas adds and what the case excepts. The reference colors them for a file, too.
fn lines(outcome: &Outcome, reference: &Reference) -> String {
    let added = |line: &str| ADDED_LINES.iter().any(|part| line.contains(part));
    let meant = |line: &str| reference.lines_but.iter().any(|part| line.contains(part));
    let plain = COLOR.replace_all(&outcome.stderr, "");
    let lines = plain.lines().filter(|line| !added(line) && !meant(line));
    lines.map(|line| format!("{line}\n")).collect()
}

static COLOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\x1b\\[[0-9;]*m").expect("the pattern is right"));

/// Lines that only fracas prints: the help and the consequence under a failure, and what to do when faults may be live.
const ADDED_LINES: [&str; 6] = [
    "]      ",
    "may still have their effect",
    "To play the rollbacks:",
    "The method was not played",
    "These activities failed:",
    "Something may still be broken",
];

/// The journal without what fracas adds and what the case excepts. Of an exception only the last line is compared:
/// before it the reference has a Python traceback.
fn journal(outcome: &Outcome, reference: &Reference) -> String {
    let Some(journal) = &outcome.journal else { return String::new() };
    let mut journal = serde_json::from_str(journal).expect("the journal is JSON");
    keep_comparable(&mut journal, reference);
    serde_json::to_string_pretty(&journal).expect("a value prints") + "\n"
}

/// Keys that only fracas's journal has.
const ADDED: [&str; 3] = ["fracas-version", "run-id", "happened"];

fn keep_comparable(value: &mut Value, reference: &Reference) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| !ADDED.contains(&key.as_str()) && !reference.journal_but.contains(key));
            if let Some(Value::Array(lines)) = members.get_mut("exception") {
                lines.drain(..lines.len().saturating_sub(1));
            }
            members.values_mut().for_each(|value| keep_comparable(value, reference));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| keep_comparable(item, reference)),
        _ => {}
    }
}
