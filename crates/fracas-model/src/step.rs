//! The names of the things that a run does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// the steady-state hypothesis, before the method
    Before,
    /// the steady-state hypothesis, again and again during the method
    During,
    /// the method
    Method,
    /// the steady-state hypothesis, after the method
    After,
    /// the rollbacks
    Rollbacks,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Before => "before",
            Phase::During => "during",
            Phase::Method => "method",
            Phase::After => "after",
            Phase::Rollbacks => "rollbacks",
        })
    }
}

/// Names one activity of a plan: its phase and its place there, from 0.
///
/// The same plan gives the same ids in every run and in every recovery. The probes of checks during
/// the method count on from check to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId {
    /// The part of the run.
    pub phase: Phase,
    /// The place in that part, from 0.
    pub index: usize,
}

/// `method/2`
impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.phase, self.index)
    }
}
