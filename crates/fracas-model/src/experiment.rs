//! An experiment as its file declares it.
//!
//! Source: the Chaos Toolkit experiment format, <https://chaostoolkit.org/reference/api/experiment/>.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Declared, Node, Span};

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
    /// The controls that it declares, at whatever level.
    pub controls: Vec<Node>,
    /// How the experiment asks to be run.
    pub runtime: Runtime,
    /// The document as written, which the journal repeats.
    pub document: Declared,
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
    /// Whether the next activity begins without waiting for its end.
    pub background: bool,
    /// Whether it refers to an activity that is not there: then the activity is nothing but that name.
    pub is_missing: bool,
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
    /// What of it is only pretended, whatever the run says.
    pub dry: Option<Dry>,
    /// Seconds after which it is cut.
    pub timeout: Option<f64>,
    /// Whether the method goes on when it fails.
    pub on_failure: OnFailure,
    /// How often it is tried again until its output is within its tolerance.
    pub retry: Option<Retry>,
    /// What later activities may use of its output: a JMESPath expression for each name.
    pub save: IndexMap<String, String>,
    /// Where its object stands.
    pub span: Span,
    /// The object as written, which the journal repeats.
    pub document: Declared,
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
#[derive(Debug, Clone)]
pub enum Tolerance {
    /// Equal to this boolean, integer or text, as Python's `==` decides.
    Equal(Value),
    /// One of these; two plain values are the bounds of a range.
    OneOf(Vec<Value>),
    /// A text in which this regular expression, in Python's dialect, is found.
    Regex {
        /// The expression, with `${name}` in it perhaps.
        pattern: String,
        /// The key of the output to look at, if it is an object.
        target: Option<String>,
    },
    /// Data in which this path, in jsonpath2's dialect, finds something.
    JsonPath {
        /// The path, with `${name}` in it perhaps.
        path: String,
        /// The key of the output to look at, if it is an object.
        target: Option<String>,
        /// How many matches there must be.
        count: Option<Value>,
        /// What the matches must be: the list of them, or the only one.
        expect: Option<Value>,
    },
    /// A value for which this activity, given it as its argument `value`, gives something true.
    Probe(Arc<Activity>),
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
    /// When its hypothesis is checked.
    pub hypothesis: Option<HypothesisStrategy>,
    /// When its rollbacks are played.
    pub rollbacks: Option<RollbackStrategy>,
    /// Whether tolerances of probes in the method count.
    pub strict_probes: bool,
    /// How surely the run log is kept.
    pub durability: Durability,
}

/// What is only pretended in a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dry {
    /// probes
    Probes,
    /// actions
    Actions,
    /// actions and probes
    Activities,
    /// the pauses of activities, which are carried out themselves
    Pause,
}

impl Dry {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, Dry); 4] = [
        ("probes", Dry::Probes),
        ("actions", Dry::Actions),
        ("activities", Dry::Activities),
        ("pause", Dry::Pause),
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        name_of(&Dry::NAMES, self)
    }

    /// Whether activities of this kind are only pretended.
    pub fn pretends(self, kind: ActivityKind) -> bool {
        match self {
            Dry::Probes => kind == ActivityKind::Probe,
            Dry::Actions => kind == ActivityKind::Action,
            Dry::Activities => true,
            Dry::Pause => false,
        }
    }
}

/// Whether the method goes on when an activity fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// it does
    #[default]
    Continue,
    /// it does not
    Abort,
}

/// How often a probe is tried again until its output is within its tolerance, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// From the end of a try to the next one.
    pub every: f64,
    /// From the first try to the last one at most.
    pub within: f64,
}

/// When the steady-state hypothesis is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HypothesisStrategy {
    /// before the method and after it
    #[default]
    Default,
    /// before the method
    BeforeMethodOnly,
    /// after the method
    AfterMethodOnly,
    /// again and again during the method
    DuringMethodOnly,
    /// before the method, again and again during it, and after it
    Continuously,
    /// not at all
    Skip,
}

impl HypothesisStrategy {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, HypothesisStrategy); 6] = [
        ("default", HypothesisStrategy::Default),
        ("before-method-only", HypothesisStrategy::BeforeMethodOnly),
        ("after-method-only", HypothesisStrategy::AfterMethodOnly),
        ("during-method-only", HypothesisStrategy::DuringMethodOnly),
        ("continuously", HypothesisStrategy::Continuously),
        ("skip", HypothesisStrategy::Skip),
    ];

    /// The strategy of this name, also as the reference once misspelled it.
    pub fn from_name(name: &str) -> Option<HypothesisStrategy> {
        let name = if name == "continously" { "continuously" } else { name };
        from_name(&HypothesisStrategy::NAMES, name)
    }

    /// How it is written.
    pub fn name(self) -> &'static str {
        name_of(&HypothesisStrategy::NAMES, self)
    }

    /// Whether the hypothesis is checked before the method.
    pub fn before(self) -> bool {
        use HypothesisStrategy::*;
        matches!(self, Default | BeforeMethodOnly | Continuously)
    }

    /// Whether the hypothesis is checked during the method.
    pub fn during(self) -> bool {
        use HypothesisStrategy::*;
        matches!(self, DuringMethodOnly | Continuously)
    }

    /// Whether the hypothesis is checked after the method.
    pub fn after(self) -> bool {
        use HypothesisStrategy::*;
        matches!(self, Default | AfterMethodOnly | Continuously)
    }
}

/// The value that is written so.
pub fn from_name<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// How a value is written. Empty when it has no name.
fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
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
        from_name(&RollbackStrategy::NAMES, name)
    }

    /// How it is written.
    pub fn name(self) -> &'static str {
        name_of(&RollbackStrategy::NAMES, self)
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
