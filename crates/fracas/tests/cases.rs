//! The end-to-end cases: each folder of `tests/cases` is a test of its own name. CONTRIBUTING.md says how to add one.
//!
//! A case fails when its exit code, standard output, standard error or journal is not the stored one. With
//! `FRACAS_BLESS=1` the stored files are rewritten instead; read the difference before committing it.

mod support;

use std::fs;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use similar::TextDiff;
use support::case::{self, Case};

fn main() -> ExitCode {
    let trials = case::stored().into_iter().map(|case| {
        let name = case.name.clone();
        Trial::test(name, move || check(&case))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn check(case: &Case) -> Result<(), Failed> {
    let outcome = case.run();
    let mut differences: String = [
        compare(case, "stderr", &outcome.stderr)?,
        compare(case, "stdout", &outcome.stdout)?,
        compare(case, "journal.json", outcome.journal.as_deref().unwrap_or_default())?,
        exit_difference(case.says.exit, outcome.exit),
    ]
    .concat();
    for (name, text) in &outcome.files {
        differences += &compare(case, &format!("{name}.expected"), text)?;
    }
    if differences.is_empty() { Ok(()) } else { Err(format!("{}\n{differences}", case.says.why).into()) }
}

fn exit_difference(expected: i32, exit: i32) -> String {
    if exit == expected { String::new() } else { format!("exit code {exit} instead of {expected}\n") }
}

/// The difference between the stored file `name` and `text`; a file that is not there stands for nothing.
fn compare(case: &Case, name: &str, text: &str) -> Result<String, Failed> {
    let path = case.folder.join(name);
    let stored = fs::read_to_string(&path).unwrap_or_default();
    if stored == text {
        return Ok(String::new());
    }
    if std::env::var_os("FRACAS_BLESS").is_some() {
        if text.is_empty() {
            fs::remove_file(&path)?
        } else {
            fs::write(&path, text)?
        }
        return Ok(String::new());
    }
    let diff = TextDiff::from_lines(stored.as_str(), text);
    Ok(diff.unified_diff().header(&format!("expected {name}"), &format!("{name} of this run")).to_string())
}
