//! How a run ended.

use serde::{Deserialize, Serialize};

/// How a run ended, in the journal's words and as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The journal's `status`.
    pub status: Status,
    /// Whether the steady state no longer held after the method.
    pub deviated: bool,
    /// What the process answers its caller.
    pub exit_code: ExitCode,
}

/// The journal's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// came to its end
    Completed,
    /// the steady state was not met before the method, or could not be checked
    Failed,
    /// could not go on
    Aborted,
    /// stopped from outside
    Interrupted,
}

impl Status {
    /// The status that the journal writes so.
    pub fn from_name(name: &str) -> Option<Status> {
        use Status::*;
        [Completed, Failed, Aborted, Interrupted].into_iter().find(|status| status.name() == name)
    }

    /// How the journal writes it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Aborted => "aborted",
            Status::Interrupted => "interrupted",
        }
    }
}

/// What fracas answers its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum ExitCode {
    /// The steady state held and every step did its work.
    Ok = 0,
    /// The steady state deviated, an activity failed, or the run could not go on.
    Deviated = 1,
    /// Invalid input or usage: nothing was touched.
    Invalid = 2,
    /// Stopped by a signal.
    Interrupted = 3,
    /// A rollback failed or is unproven: something may still be broken.
    RollbackFailed = 4,
    /// The steady state was not met before the method, which was not played.
    NotRun = 5,
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> u8 {
        code as u8
    }
}

impl TryFrom<u8> for ExitCode {
    type Error = String;

    fn try_from(code: u8) -> Result<ExitCode, String> {
        use ExitCode::*;
        [Ok, Deviated, Invalid, Interrupted, RollbackFailed, NotRun]
            .into_iter()
            .find(|known| *known as u8 == code)
            .ok_or_else(|| format!("{code} is not an exit code of fracas"))
    }
}
