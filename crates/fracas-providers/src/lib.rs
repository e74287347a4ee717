//! What experiments can do: call servers, run programs, and call AWS.

pub mod catalogue;
mod http;
mod iam;
mod process;
mod python;
#[cfg(test)]
mod testing;
mod text;

use fracas_aws::Aws;
use fracas_engine::Providers;

pub use http::{Fetched, Http, fetch};
pub use iam::policy;
pub use process::{Process, REAP, reap_main};
pub use python::Python;

/// Every provider, by the type that experiments name it with. Nothing is started or read yet.
pub fn all() -> Providers {
    let environment = |name: &str| std::env::var(name).ok();
    let python = Python::new(Aws::new(), environment);
    Providers::new().with("http", Http::new()).with("process", Process::new()).with("python", python)
}
