//! `fracas activity list`: every activity in a line.

use fracas_model::ExitCode;
use fracas_providers::catalogue::{self, Target};
use serde_json::{Value, json};

use super::{pretty, printed};
use crate::args::{ActivityList, Output};
use crate::commands::own;
use crate::commands::ready::Told;
use crate::session::Session;

/// Prints the activities, or those of a package.
pub fn list(args: &ActivityList, session: &Session) -> Result<ExitCode, Told> {
    own::take_in_here(session)?;
    let mut found = catalogue::all();
    if let Some(package) = &args.package {
        found.retain(|target| target.package == package);
        if found.is_empty() {
            let help = format!("there are {}", catalogue::packages().join(", "));
            let problem = fracas_model::Problem::general(format!("there is no package `{package}`"));
            return Err(session.refuse(problem.help(help)));
        }
    }
    let text = match args.output {
        Output::Text => as_text(&found),
        Output::Json => pretty(&found.iter().map(described).collect()),
    };
    Ok(printed(&text, session))
}

fn as_text(found: &[Target]) -> String {
    let width = found.iter().map(|target| target.name().len()).max().unwrap_or_default();
    let line = |target: &Target| {
        let kind = target.declaration.kind.title().to_lowercase();
        format!("{:<width$}  {kind:<6}  {}\n", target.name(), target.declaration.summary)
    };
    found.iter().map(line).collect()
}

fn described(target: &Target) -> Value {
    json!({
        "name": target.name(),
        "kind": target.declaration.kind.title().to_lowercase(),
        "summary": target.declaration.summary,
        "module": target.module(),
        "func": target.declaration.name,
    })
}
