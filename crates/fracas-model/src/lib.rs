//! The plain data of fracas: experiments, plans' steps, events, journals and problems.
//!
//! Nothing here reads a file, a clock or the environment, and nothing is asynchronous: every
//! other crate can speak in these types.

mod declared;
mod document;
mod event;
mod experiment;
mod journal;
mod moment;
mod outcome;
mod policy;
mod problem;
pub mod python;
mod step;

pub use declared::{Declared, Place};
pub use document::{Entry, Format, Map, Node, NodeValue, Source, Span};
pub use event::*;
pub use experiment::*;
pub use journal::{
    Journal, JournalFold, Run, SteadyState, SteadyStates, set, write_python_json, write_python_json_at,
    write_python_json_indented,
};
pub use moment::Moment;
pub use outcome::{ExitCode, Outcome, Status};
pub use policy::Policy;
pub use problem::{Look, Problem, Problems, Rule, Section, Severity, Turn};
pub use step::{Phase, StepId};
