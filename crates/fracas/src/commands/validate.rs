//! `fracas validate`: look for mistakes in an experiment, without touching anything.

use fracas_model::ExitCode;
use fracas_report::Importance;

use super::{check, prepare};
use crate::args;
use crate::surroundings::Surroundings;
use crate::terminal::Terminal;

/// Shows every problem at once.
pub async fn validate(args: &args::Validate, _: &Surroundings, terminal: &Terminal) -> ExitCode {
    terminal.line(Importance::Info, "Validating the experiment's syntax");
    let Some(mut ready) = prepare(&args.source, &args.values, &args.fetching, terminal).await else {
        return ExitCode::Invalid;
    };
    if !check(&mut ready, &fracas_providers::all(), false, terminal).await {
        return ExitCode::Invalid;
    }
    terminal.line(Importance::Info, "Experiment looks valid");
    terminal.line(Importance::Info, "experiment syntax and semantic look valid");
    ExitCode::Ok
}
