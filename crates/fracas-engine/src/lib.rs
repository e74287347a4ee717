//! Loads, checks, plans, runs and recovers experiments.

mod document;
mod load;
mod parse;
mod provider;
mod resolve;
mod tolerance;
mod values;

pub use document::{parse_document, parse_yaml};
pub use load::{MAX_SOURCE_BYTES, is_url, load_fetched, load_file};
pub use parse::{nearest, parse};
pub use provider::{Context, Provider, Providers, Surroundings, Tell};
pub use resolve::{Environment, convert, resolve};
pub use values::Values;
