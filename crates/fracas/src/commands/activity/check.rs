//! `fracas activity check`: mistakes in files of activities, found offline.

use std::path::Path;

use fracas_engine::load_text;
use fracas_model::{ExitCode, Format, Problem, Source};
use fracas_providers::catalogue;

use crate::args::ActivityCheck;
use crate::commands::own;
use crate::commands::ready::{Told, told};
use crate::session::Session;

/// Tells every mistake in the files that are named, or in all of the user's own.
pub fn check(args: &ActivityCheck, session: &Session) -> Result<ExitCode, Told> {
    if args.files.is_empty() {
        own::take_in_here(session)?;
        session.info(&match catalogue::own_count() {
            0 => "there are no activities of your own in fracas/aws, here or in the configuration folder"
                .to_owned(),
            1 => "your activity looks valid".to_owned(),
            count => format!("your {count} activities look valid"),
        });
        return Ok(ExitCode::Ok);
    }
    let mut last = Ok(ExitCode::Ok);
    for path in &args.files {
        if let Err(told) = one(path, session) {
            last = Err(told);
        }
    }
    last
}

fn one(path: &Path, session: &Session) -> Result<(), Told> {
    let text = load_text(path).map_err(|problem: Problem| session.refuse(problem))?;
    match catalogue::check(path, &text) {
        Ok(catalogue) => {
            let count = catalogue.activities.len();
            let plural = if count == 1 { "y looks" } else { "ies look" };
            session.info(&format!("{}: {count} activit{plural} valid", path.display()));
            Ok(())
        }
        Err(problems) => {
            let source = Source { name: path.display().to_string(), text, format: Format::Yaml };
            session.terminal.problems(Some(&source), &problems);
            Err(told(&problems))
        }
    }
}
