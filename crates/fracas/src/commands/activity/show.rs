//! `fracas activity show`: what an activity takes, what it calls, and how an experiment writes it.

use std::fmt::Write;

use fracas_model::ExitCode;
use fracas_providers::catalogue::{Argument, Target};
use serde_json::{Map, Value, json};

use super::{find, printed};
use crate::args::ActivityShow;
use crate::commands::ready::Told;
use crate::session::Session;

/// Prints it.
pub fn show(args: &ActivityShow, session: &Session) -> Result<ExitCode, Told> {
    let target = find(&args.name, session)?;
    Ok(printed(&shown(&target), session))
}

fn shown(target: &Target) -> String {
    let declaration = target.declaration;
    let kind = declaration.kind.title().to_lowercase();
    let mut text = format!("{}: {kind}\n  {}\n", target.name(), declaration.summary);
    if !declaration.arguments.is_empty() {
        text.push_str("\nArguments\n");
    }
    let width = declaration.arguments.iter().map(|argument| argument.name.len()).max().unwrap_or_default();
    for argument in &declaration.arguments {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<width$}  {}", argument.name, told(argument));
    }
    let calls = target.calls();
    if !calls.is_empty() {
        text.push_str("\nCalls\n");
    }
    for call in calls {
        let changes = if call.changes { "  (changes something)" } else { "" };
        let _ = writeln!(text, "  {} {}{changes}", call.service, call.operation);
    }
    if let Some(undo) = target.undo() {
        let _ = writeln!(text, "\nUndone by\n  {undo}");
    }
    let example = json!({"type": "aws", "activity": target.name(), "arguments": example(target)});
    let _ = writeln!(text, "\nIn an experiment\n  \"provider\": {}", fracas_model::python::to_json(&example));
    text
}

/// Its type, whether it has to be given, and what it is for.
fn told(argument: &Argument) -> String {
    let mut told = argument.words();
    match (&argument.default, argument.required) {
        (_, true) => told.push_str(&format!(", required{}", argument.stand_ins())),
        (Some(default), false) => told.push_str(&format!(", {default} if not given")),
        (None, false) => {}
    }
    let aliases = match argument.aliases.as_slice() {
        [] => String::new(),
        aliases => format!(" Also called {}.", aliases.join(", ")),
    };
    format!("{told}. {}{aliases}", argument.doc)
}

/// The arguments that have to be given.
fn example(target: &Target) -> Map<String, Value> {
    let required = target.declaration.arguments.iter().filter(|argument| argument.required);
    required.map(|argument| (argument.name.clone(), argument.kinds[0].example())).collect()
}
