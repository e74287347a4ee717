//! An experiment as its file declares it.
//!
//! Source: the Chaos Toolkit experiment format, <https://chaostoolkit.org/reference/api/experiment/>.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Node, Span};

/// A whole experiment.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// What is learnt by it, in a line.
    pub title: String,
    /// Values that activities may refer to, by name, unresolved.
    pub configuration: IndexMap<String, Node>,
    /// Groups of values that must not be shown, by name, unresolved.
    pub secrets: IndexMap<String, Node>,
    /// What must hold before the method and after it.
    pub hypothesis: Option<Hypothesis>,
    /// What is done to the system, in order.
    pub method: Vec<Step>,
    /// What undoes it, in order.
    pub rollbacks: Vec<Step>,
    /// How the experiment asks to be run.
    pub runtime: Runtime,
    /// The document as written, which the journal repeats.
    pub document: Value,
}

/// The steady state: probes that must all be within their tolerance.
#[derive(Debug, Clone)]
pub struct Hypothesis {
    /// What it claims.
    pub title: String,
    /// The probes that check it, in order.
    pub probes: Vec<Step>,
}

/// An activity in its place: declared there, or referred to by name.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is done.
    pub activity: Arc<Activity>,
    /// The name under `name`, which a reference does not have.
    pub declared_name: Option<String>,
}

/// An action or a probe.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Its name.
    pub name: String,
    /// Whether it changes the system or only looks.
    pub kind: ActivityKind,
    /// What carries it out: the object under `provider`.
    pub provider: Node,
    /// The value of `provider.type`, such as `http`.
    pub provider_type: String,
    /// Seconds to wait before it and after it: numbers, or `${name}` texts.
    pub pauses: Pauses,
    /// What its output has to be, when it is a probe of a hypothesis.
    pub tolerance: Option<Tolerance>,
    /// Where its object stands.
    pub span: Span,
    /// The object as written, which the journal repeats.
    pub document: Value,
}

impl Activity {
    /// Where its object begins: the place for a caret about all of it.
    pub fn span_start(&self) -> Span {
        Span::new(self.span.start, self.span.start + 1)
    }
}

/// Whether an activity changes the system or only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivityKind {
    /// changes the system
    Action,
    /// only looks
    Probe,
}

impl ActivityKind {
    /// How the console names it.
    pub fn title(self) -> &'static str {
        match self {
            ActivityKind::Action => "Action",
            ActivityKind::Probe => "Probe",
        }
    }
}

/// Seconds to wait around an activity; null for none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pauses {
    /// Before it starts.
    pub before: Value,
    /// After it has ended, also in failure.
    pub after: Value,
}

/// What a probe's output has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Tolerance {
    /// Equal to this boolean, integer or text, as Python's `==` decides.
    Equal(Value),
    /// One of these; two plain values are the bounds of a range.
    OneOf(Vec<Value>),
    /// A number from the first to the second, both included.
    Range {
        /// The lower bound.
        low: Value,
        /// The upper bound.
        high: Value,
        /// The key of the output to look at, if it is an object.
        target: Option<String>,
    },
}

/// How an experiment asks to be run (its `runtime` block).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runtime {
    /// When its rollbacks are played.
    pub rollbacks: Option<RollbackStrategy>,
    /// How surely the run log is kept.
    pub durability: Durability,
}

/// When rollbacks are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RollbackStrategy {
    /// unless the run failed or was interrupted
    #[default]
    Default,
    /// whatever happened
    Always,
    /// not at all
    Never,
    /// only when the steady state has deviated
    Deviated,
}

impl RollbackStrategy {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, RollbackStrategy); 4] = [
        ("default", RollbackStrategy::Default),
        ("always", RollbackStrategy::Always),
        ("never", RollbackStrategy::Never),
        ("deviated", RollbackStrategy::Deviated),
    ];

    /// The strategy of this name.
    pub fn from_name(name: &str) -> Option<RollbackStrategy> {
        RollbackStrategy::NAMES.iter().find(|(known, _)| *known == name).map(|(_, strategy)| *strategy)
    }

    /// How it is written.
    pub fn name(self) -> &'static str {
        RollbackStrategy::NAMES
            .iter()
            .find(|(_, strategy)| *strategy == self)
            .map_or("default", |(name, _)| name)
    }
}

/// How surely the run log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// on disk before an action starts: survives a power cut
    #[default]
    Disk,
    /// handed to the operating system: survives the death of the process
    Os,
}
