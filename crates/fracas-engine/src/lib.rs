//! Loads, checks, plans, runs and recovers experiments.

mod check;
mod controls;
mod differences;
mod document;
mod dynamic;
mod folder;
mod host;
mod ledger;
mod load;
mod mask;
mod parse;
mod provider;
mod recorder;
mod resolve;
mod run;
mod runner;
mod tolerance;
mod values;

pub use check::{check, steps};
pub use controls::{Answer, Call, Changes, ControlLevel, ControlScope, Controls, Hook, World};
pub use differences::differences;
pub use document::{parse_document, parse_yaml, to_yaml, to_yaml_as_it_is};
pub use dynamic::{Vault, VaultSecret, check_dynamic, resolve_dynamic, resolve_vault};
pub use folder::RunFolder;
pub use host::Host;
pub use ledger::{Ledger, RollbackState};
pub use load::{MAX_SOURCE_BYTES, io_words, is_url, load_fetched, load_file, load_text};
pub use mask::Mask;
pub use parse::{activity_of, experiment_of, nearest, parse};
pub use provider::{Context, Provider, Providers, SoFar, Stop, Surroundings, Tell};
pub use recorder::Observer;
pub use resolve::{Environment, Given, check_declared, convert, resolve};
pub use run::{
    Ended, History, RecoverOptions, Recovered, Recovery, RunOptions, declared_rollbacks, read, recover, run,
};
pub use runner::Plan;
pub use tolerance::{Verdict, matches, with_value, within};
pub use values::{Pending, Values, lone_name};
