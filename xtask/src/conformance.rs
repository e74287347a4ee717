//! `cargo xtask conformance`: how much of the AWS client does what botocore does, in one table.
//!
//! The tests print the numbers, each in a line that starts with `conformance: `. What a run of all tests compares for
//! a sample of the services only is compared for all of them here.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::shell::{self, Stop, cargo};
use crate::test::set_up;

/// What marks a line of the table.
const MARK: &str = "conformance: ";

/// The tests that compare with botocore: cargo's arguments for each run. The tests of the last run keep both cores busy
/// one at a time.
const RUNS: [&str; 4] = [
    "test --package fracas-aws --lib -- --nocapture botocore",
    "test --package fracas-aws --no-fail-fast --test endpoints --test facts --test validation --test moto -- --nocapture",
    "test --package fracas-aws --test identity -- --nocapture signatures",
    "test --package fracas --test conformance -- --nocapture --test-threads 1",
];

/// Runs all comparisons, prints their numbers, and fails if any did.
pub fn run(stop: &Stop) -> Result<()> {
    set_up(stop)?;
    let start = Instant::now();
    let target = shell::target();
    let (mut table, mut failed) = (Vec::new(), Vec::new());
    for run in RUNS {
        let mut tests = cargo(run);
        tests.env("FRACAS_PYTHON", target.join("venv/bin/python"));
        tests.env("FRACAS_BOTOCORE_TESTS", target.join("botocore/tests"));
        tests.env("FRACAS_CONFORMANCE", "all");
        let (lines, status) = stop.watch(&mut tests, |line| line.contains(MARK))?;
        // Tests that are gone compare nothing.
        if !status.success() || lines.is_empty() {
            failed.push(format!("cargo {run}"));
        }
        table.extend(rows(&lines));
    }
    println!("\n{}\n\ntook {} s", table.join("\n"), start.elapsed().as_secs());
    ensure!(failed.is_empty(), "failed, or did not compare anything:\n  {}", failed.join("\n  "));
    Ok(())
}

/// The rows of a run, in the same order whichever test ended first. What has no name explains the row above it.
fn rows(lines: &[String]) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines {
        let text = line.split_once(MARK).map_or(line.as_str(), |(_, text)| text);
        match (text.split_once(": ").filter(|_| !text.starts_with(' ')), rows.last_mut()) {
            (None, Some(row)) => row.push(text.to_owned()),
            (None, None) => rows.push(vec![text.to_owned()]),
            (Some((what, numbers)), _) => rows.push(vec![format!("{what:<32}{numbers}")]),
        }
    }
    rows.sort();
    rows.concat()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_keep_their_order_and_their_reasons() {
        let lines = [
            "test moto ... conformance: moto: 9 of 9",
            "conformance: answers: 7 of 8",
            "conformance:   1 answers of s3: a reason: long",
        ];
        let expected = [
            "answers                         7 of 8",
            "  1 answers of s3: a reason: long",
            "moto                            9 of 9",
        ];
        assert_eq!(rows(&lines.map(str::to_owned)), expected);
    }
}
