//! What experiments can do: call servers, run programs, call functions of Python modules, and call AWS.

mod aws;
pub mod catalogue;
mod http;
mod iam;
mod inherited;
mod preview;
mod process;
mod python;
mod simulation;
#[cfg(test)]
mod testing;
mod text;
mod undo;
mod vault;

use std::path::PathBuf;

use fracas_aws::Aws;
use fracas_engine::Providers;

pub use aws::AwsCalls;
pub use http::{Fetched, Http, fetch};
pub use iam::policy;
pub use preview::{Preview, preview};
pub use process::{Process, REAP, reap_main};
pub use python::Python;
pub use simulation::{Denied, Simulation, Why, missing, role, simulate};
pub use undo::left_behind;
pub use vault::HashiVault;

/// How what is written in Python is carried out.
#[derive(Debug, Clone)]
pub struct PythonChoice {
    /// The Python program; `python3` of the path if none.
    pub program: Option<PathBuf>,
    /// Whether fracas carries out by itself what it can.
    pub native: bool,
    /// Whether what functions write is shown without secrets.
    pub hides: bool,
}

impl Default for PythonChoice {
    fn default() -> PythonChoice {
        PythonChoice { program: None, native: true, hides: true }
    }
}

/// Every provider, by the type that experiments name it with. Nothing is started or read yet.
pub fn all(choice: &PythonChoice) -> Providers {
    let python = python(choice);
    let controls = python.clone();
    let vault = HashiVault::new(|name| std::env::var(name).ok());
    let process = Process::new().after(&python);
    let aws = AwsCalls::sharing(&python);
    let providers = Providers::new().with("http", Http::new()).with("process", process);
    providers.with("aws", aws).with("python", python).with_controls(controls).with_vault(vault)
}

/// What carries out what is written in Python. Nothing is started yet.
pub fn python(choice: &PythonChoice) -> Python {
    Python::new(Aws::new(), |name| std::env::var(name).ok()).chosen(choice)
}
