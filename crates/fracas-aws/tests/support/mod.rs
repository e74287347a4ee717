//! What the tests of this crate share: Python, and a server that plays a script.

// Each test program uses a part of this.
#![allow(dead_code)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The Python that has boto3 and moto.
pub fn python() -> Command {
    Command::new(std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`"))
}

/// A file beside this one.
pub fn support(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}

/// The JSON lines that a Python script prints.
pub fn python_lines(script: &str) -> Vec<serde_json::Value> {
    let output = python().arg(support(script)).stderr(Stdio::inherit()).output().expect("Python runs");
    assert!(output.status.success(), "{script} failed");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}
