//! Parameter validation says what botocore's says, word for word.
//!
//! A sample of the operations runs with the tests; `cargo xtask conformance` sets `FRACAS_CONFORMANCE` to run them all.

mod support;

use fracas_aws::Aws;
use serde_json::Value;
use std::collections::BTreeSet;

/// What was counted.
#[derive(Default)]
struct Tally {
    total: usize,
    mistakes: usize,
    /// Cases that botocore falls over; here they are mistakes like all others.
    fell: usize,
    services: BTreeSet<String>,
    differing: Vec<String>,
}

impl Tally {
    fn count(&mut self, aws: &Aws, case: &Value) {
        let text = |key: &str| case[key].as_str().expect("text");
        let checked = aws.validate(text("service"), text("operation"), &case["params"]);
        let Some(report) = case["report"].as_str() else {
            self.fell += 1;
            assert!(checked.is_err(), "{case}");
            return;
        };
        let said = checked.err().map(|error| error.to_string()).unwrap_or_default();
        let said = said.strip_prefix("Parameter validation failed:\n").unwrap_or(&said);
        if ordered(said) != ordered(report) {
            self.differing.push(format!("{case}\n{said}"));
        }
        self.total += 1;
        self.mistakes += report.lines().count();
        if !self.services.contains(text("service")) {
            self.services.insert(text("service").to_owned());
        }
    }
}

/// The lines of a report, those in a row about what is missing sorted: botocore has them in the order in which the
/// model lists what is required, fracas in that of the members.
fn ordered(report: &str) -> Vec<&str> {
    let mut lines: Vec<_> = report.lines().collect();
    let is_missing = |line: &&str| line.starts_with("Missing required parameter");
    lines.chunk_by_mut(|one, other| is_missing(one) && is_missing(other)).for_each(<[_]>::sort_unstable);
    lines
}

#[test]
fn reports_are_botocores() {
    let aws = Aws::new();
    let mut tally = Tally::default();
    support::each_python_line("validation.py", |case| tally.count(&aws, &case));
    println!(
        "conformance: validation: {} of {} reports word for word, with {} mistakes, of {} services; botocore falls over {} more",
        tally.total - tally.differing.len(),
        tally.total,
        tally.mistakes,
        tally.services.len(),
        tally.fell
    );
    let differing = &tally.differing;
    assert!(
        differing.is_empty(),
        "{} differ, such as\n{}",
        differing.len(),
        differing[..differing.len().min(20)].join("\n\n")
    );
    let least = if std::env::var_os("FRACAS_CONFORMANCE").is_some() { 200_000 } else { 10_000 };
    assert!(tally.mistakes > least, "{} mistakes are fewer than there were", tally.mistakes);
}
