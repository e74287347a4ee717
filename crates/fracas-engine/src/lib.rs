//! Loads, checks, plans, runs and recovers experiments.

mod provider;
mod values;

pub use provider::{Context, Provider, Providers, Surroundings, Tell};
pub use values::Values;
