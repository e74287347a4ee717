//! Asks Python, in a process of its own, about what is installed there.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use fracas_model::Problem;
use fracas_providers::PythonChoice;
use serde_json::Value;

const SCRIPT: &str = include_str!("python/ask.py");

/// Python, as it was chosen.
pub struct Python<'a>(pub &'a PythonChoice);

impl Python<'_> {
    /// The program.
    pub fn program(&self) -> &OsStr {
        self.0.program.as_ref().map_or(OsStr::new("python3"), |program| program.as_os_str())
    }

    /// Asks a question: an object whose `op` names a function of the script, and its arguments.
    ///
    /// # Errors
    ///
    /// There is no Python, or it cannot answer: the words are its own.
    pub fn ask(&self, question: &Value) -> Result<Value, Problem> {
        let output = self.run(question).map_err(|error| self.missing(&error))?;
        let answer: Value = serde_json::from_slice(&output).unwrap_or_default();
        match (answer.get("answer"), answer.get("error").and_then(Value::as_str)) {
            (Some(answer), _) => Ok(answer.clone()),
            (None, Some(error)) => Err(Problem::general(error)),
            (None, None) => {
                let program = self.program().to_string_lossy().into_owned();
                Err(Problem::general(format!("{program} gave no answer")).help("name another with --python"))
            }
        }
    }

    fn run(&self, question: &Value) -> io::Result<Vec<u8>> {
        let mut child = Command::new(self.program())
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

    fn missing(&self, error: &io::Error) -> Problem {
        let program = self.program().to_string_lossy();
        Problem::general(format!("cannot start {program}: {error}"))
            .help("install Python 3, or name it with --python")
    }
}
