//! What experiments can do: call servers, run programs, and call AWS.

pub mod catalogue;
mod http;
mod iam;
mod process;
mod python;
#[cfg(test)]
mod testing;
mod text;
mod vault;

use std::path::PathBuf;

use fracas_aws::Aws;
use fracas_engine::Providers;

pub use http::{Fetched, Http, fetch};
pub use iam::policy;
pub use process::{Process, REAP, reap_main};
pub use python::Python;
pub use vault::HashiVault;

/// How what is written in Python is carried out.
#[derive(Debug, Clone)]
pub struct PythonChoice {
    /// The Python program; `python3` of the path if none.
    pub program: Option<PathBuf>,
    /// Whether fracas carries out by itself what it can.
    pub native: bool,
}

impl Default for PythonChoice {
    fn default() -> PythonChoice {
        PythonChoice { program: None, native: true }
    }
}

/// Every provider, by the type that experiments name it with. Nothing is started or read yet.
pub fn all(choice: &PythonChoice) -> Providers {
    let providers = Providers::new().with("http", Http::new()).with("process", Process::new());
    let vault = HashiVault::new(|name| std::env::var(name).ok());
    providers.with("python", python(choice)).with_vault(vault)
}

/// What carries out what is written in Python. Nothing is started yet.
pub fn python(choice: &PythonChoice) -> Python {
    let mut python = Python::new(Aws::new(), |name| std::env::var(name).ok());
    if let Some(program) = &choice.program {
        python = python.with_python(program.clone());
    }
    if choice.native { python } else { python.without_catalogue() }
}
