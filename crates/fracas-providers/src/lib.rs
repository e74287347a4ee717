//! What experiments can do: call servers, run programs, and call AWS.

mod http;
#[cfg(test)]
mod testing;
mod text;

pub use http::{Fetched, Http, fetch};
