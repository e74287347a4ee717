//! JMESPath beside Python's jmespath, which boto3 and the AWS CLI use.

use std::process::{Command, Stdio};

use serde_json::Value;

/// The JSON lines that the script beside this prints.
fn python_lines() -> Vec<Value> {
    let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expressions.py");
    let output = Command::new(python).arg(script).stderr(Stdio::inherit()).output().expect("Python runs");
    assert!(output.status.success(), "the script failed");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn expressions_find_what_they_find_in_python() {
    let lines = python_lines();
    let (data, cases) = lines.split_first().expect("the data come first");
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut differences = Vec::new();
    for case in cases {
        let expression = case["expression"].as_str().expect("a text");
        let found = fracas_jmespath::search(expression, data).map(|found| found.to_string());
        if found.as_deref().ok() != case["found"].as_str() {
            differences.push(format!("{expression}: {found:?}, Python: {}", case["found"]));
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), cases.len(), differences.join("\n"));
}
