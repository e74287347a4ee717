//! Asks Python, in a process of its own, about what is installed there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fracas_engine::io_words;
use fracas_model::Problem;
use fracas_report::Importance;
use serde::Deserialize;
use serde_json::Value;

use crate::session::Session;

const SCRIPT: &str = include_str!("python/ask.py");

/// Why there is no answer.
pub enum Unanswered {
    /// What is asked for cannot be had: Chaos Toolkit's words, and what to do then.
    Refused(String, String),
    /// Something is wrong with Python, or with what is written in it.
    Broken(Problem),
}

impl Unanswered {
    /// In words.
    pub fn message(&self) -> &str {
        match self {
            Unanswered::Refused(why, _) => why,
            Unanswered::Broken(problem) => &problem.message,
        }
    }
}

/// What the script answers.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    answer: Value,
    refused: Option<String>,
    #[serde(default)]
    help: String,
    /// What lies behind a refusal.
    cause: Option<String>,
    error: Option<String>,
    /// What was logged, each with its level.
    #[serde(default)]
    lines: Vec<(String, String)>,
}

impl Session {
    /// Asks Python a question: an object whose `op` names a function of the script, and its
    /// arguments. Lines that are logged on the way are shown.
    ///
    /// # Errors
    ///
    /// It does not answer, or there is none.
    pub fn ask_python(&self, question: &Value) -> Result<Value, Unanswered> {
        let python = self.python_program();
        let output = run(&python, question).map_err(|error| missing(&python, &error))?;
        let reply: Reply = serde_json::from_slice(&output).map_err(|_| {
            let message = format!("{} gave no answer", python.display());
            Unanswered::Broken(Problem::general(message).help("name another with --python"))
        })?;
        for (level, line) in &reply.lines {
            self.terminal.line(importance(level), line);
        }
        reply.cause.iter().for_each(|cause| self.aside(cause));
        match reply {
            Reply { refused: Some(why), help, .. } => Err(Unanswered::Refused(why, help)),
            Reply { error: Some(error), .. } => Err(Unanswered::Broken(Problem::general(error))),
            Reply { answer, .. } => Ok(answer),
        }
    }

    /// Installs a package, or its newest version.
    ///
    /// # Errors
    ///
    /// Python cannot.
    pub fn install(&self, package: &str) -> Result<(), Unanswered> {
        self.info(&format!("Attempting to download and install package '{package}'"));
        let python = self.python_program();
        let pip = Command::new(&python).args(["-m", "pip", "install", "-U", package]).output();
        let Output { status, stdout, stderr } = pip.map_err(|error| missing(&python, &error))?;
        self.debug(&String::from_utf8_lossy(&stdout));
        if status.success() {
            self.info("Package downloaded and installed in current environment");
            return Ok(());
        }
        self.debug(&String::from_utf8_lossy(&stderr));
        Err(Unanswered::Refused(format!("failed to install `{package}`"), String::new()))
    }

    fn python_program(&self) -> PathBuf {
        fracas_providers::python(&self.python).program().to_owned()
    }
}

fn run(python: &Path, question: &Value) -> io::Result<Vec<u8>> {
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A Python that reads nothing gives no answer either.
        let _ = stdin.write_all(question.to_string().as_bytes());
    }
    Ok(child.wait_with_output()?.stdout)
}

fn missing(python: &Path, error: &io::Error) -> Unanswered {
    let message = format!("cannot start {}: {}", python.display(), io_words(error));
    Unanswered::Broken(Problem::general(message).help("install Python 3, or name it with --python"))
}

fn importance(level: &str) -> Importance {
    match level {
        "debug" => Importance::Debug,
        "warning" => Importance::Warning,
        "error" => Importance::Error,
        "critical" => Importance::Critical,
        _ => Importance::Info,
    }
}
