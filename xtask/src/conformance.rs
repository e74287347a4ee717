//! `cargo xtask conformance`: how much of the AWS client does what botocore does, in one table.
//!
//! The tests print the numbers, each in a line that starts with `conformance: `. What a run of all tests compares for
//! a sample of the services only is compared for all of them here.

use anyhow::{Result, ensure};

use crate::shell::{self, Stop, cargo};
use crate::test::set_up;

/// What marks a line of the table.
const MARK: &str = "conformance: ";

/// The test programs that compare with botocore, and which of their tests.
const RUNS: [&str; 3] = [
    "test --package fracas-aws --lib -- --nocapture botocore",
    "test --package fracas-aws --test endpoints --test facts --test validation --test moto -- --nocapture",
    "test --package fracas --test conformance -- --nocapture",
];

/// Runs all comparisons, prints their numbers, and fails if any did.
pub fn run(stop: &Stop) -> Result<()> {
    set_up(stop)?;
    let target = shell::target();
    let (mut table, mut failed) = (Vec::new(), Vec::new());
    for run in RUNS {
        let mut tests = cargo(run);
        tests.env("FRACAS_PYTHON", target.join("venv/bin/python"));
        tests.env("FRACAS_BOTOCORE_TESTS", target.join("botocore/tests"));
        tests.env("FRACAS_CONFORMANCE", "all");
        let (lines, status) = stop.watch(&mut tests, |line| line.contains(MARK))?;
        table.extend(lines);
        if !status.success() {
            failed.push(run);
        }
    }
    println!();
    for line in &table {
        println!("{}", row(line));
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join("; "));
    Ok(())
}

/// `WHAT: NUMBERS` in two columns; what has no name explains the row above.
fn row(line: &str) -> String {
    let text = line.split_once(MARK).map_or(line, |(_, text)| text);
    match text.split_once(": ").filter(|_| !text.starts_with(' ')) {
        Some((what, numbers)) => format!("{what:<32}{numbers}"),
        None => text.to_owned(),
    }
}
