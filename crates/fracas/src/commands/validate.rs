//! `fracas validate`: look for mistakes in an experiment, without touching anything.

use fracas_model::ExitCode;

use super::{Ready, load};
use crate::args;
use crate::session::Session;

/// Shows every problem at once.
pub async fn validate(args: &args::Validate, session: &Session) -> ExitCode {
    let Some(source) = load(&args.source, &args.fetching, session).await else { return ExitCode::Invalid };
    session.info("Validating the experiment's syntax");
    let Some(mut ready) = Ready::of(source, &args.values, session) else { return ExitCode::Invalid };
    if !ready.check(&fracas_providers::all(&session.python), false, session).await {
        return ExitCode::Invalid;
    }
    session.info("Experiment looks valid");
    session.info("experiment syntax and semantic look valid");
    ExitCode::Ok
}
