//! What experiments can do: call servers, run programs, and call AWS.

mod http;
mod process;
#[cfg(test)]
mod testing;
mod text;

pub use http::{Fetched, Http, fetch};
pub use process::{Process, reap_main};
