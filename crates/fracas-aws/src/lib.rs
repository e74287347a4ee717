//! An AWS client driven by embedded service models: as boto3 behaves, so does it.
//!
//! [`Aws`] makes calls by the names of services and operations. Parameters are checked against the
//! service's model first; results, errors and waits read as boto3's do.

mod client;
pub mod endpoint;
mod error;
mod help;
pub mod iam;
pub mod model;
mod names;
mod paginate;
mod protocol;
mod time;
mod validate;
mod value;
mod wait;

pub use client::{AssumeRole, Aws, Reply, Scope, SignedRequest, StaticCredentials};
pub use error::{Error, Sent};
pub use names::kebab;
pub use paginate::{Items, Pages};
pub use validate::{Fault, Mistake, Part};
