//! Loads, checks, plans, runs and recovers experiments.

mod document;
mod provider;
mod values;

pub use document::{parse_document, parse_yaml};
pub use provider::{Context, Provider, Providers, Surroundings, Tell};
pub use values::Values;
