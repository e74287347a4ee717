//! `fracas validate`: look for mistakes in an experiment, without touching anything.

use fracas_engine::differences;
use fracas_model::ExitCode;
use fracas_providers::left_behind;

use super::given;
use super::ready::{Ready, Told, document, load};
use crate::args;
use crate::notifications::Raised;
use crate::session::Session;

/// Shows every problem at once.
pub async fn validate(args: &args::Validate, session: &Session) -> ExitCode {
    let Ok(given) = given::values(&args.values, session) else { return ExitCode::Invalid };
    let Ok(source) = load(&args.source, &args.fetching, session).await else { return ExitCode::Invalid };
    let mut ready = Ready::of(source, &given, true, session);
    session.notify("validate-started", || document(&ready, session), None).await;
    if let Ok(ready) = &mut ready
        && session.policy.draw_problems
    {
        ready.problems.0.append(&mut differences(&ready.experiment, &session.policy).0);
        ready.problems.0.append(&mut left_behind(&ready.experiment, &ready.values).0);
    }
    let checked = match &mut ready {
        Ok(ready) => ready.check(&fracas_providers::all(&session.python), false, session).await,
        Err(unready) => Err(unready.told.clone()),
    };
    if let Err(Told { why, code }) = checked {
        let raised = Raised { class: "InvalidExperiment", message: &why };
        session.notify("validate-failed", || document(&ready, session), Some(raised)).await;
        return code;
    }
    session.info("Experiment looks valid");
    session.notify("validate-completed", || document(&ready, session), None).await;
    session.info("experiment syntax and semantic look valid");
    ExitCode::Ok
}
