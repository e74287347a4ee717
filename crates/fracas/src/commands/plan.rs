//! `fracas plan`: what an experiment would do, without changing anything.

use std::fmt::Write;

use fracas_model::{Activity, ActivityKind, Choice, ExitCode, Experiment, python};
use fracas_providers::catalogue::PlannedCall;
use fracas_providers::{Preview, preview};
use serde_json::{Value, json};

use super::given;
use super::ready::{Ready, Told, load, without_class};
use crate::args::{self, Output};
use crate::session::Session;

/// As many targets of a step are named.
const SHOWN: usize = 10;

/// A step, and what it would do.
struct Step<'e> {
    part: &'static str,
    activity: &'e Activity,
    preview: Preview,
}

/// Prints what every step would do.
pub async fn plan(args: &args::Plan, session: &Session) -> ExitCode {
    attempt(args, session).await.unwrap_or_else(|told| told.code)
}

async fn attempt(args: &args::Plan, session: &Session) -> Result<ExitCode, Told> {
    let given = given::values(&args.values, session)?;
    let source = load(&args.source, &args.fetching, session).await?;
    let mut ready = Ready::of(source, &given, false, session)?;
    ready.check(&fracas_providers::all(&session.python), false, session).await?;
    let mut steps = Vec::new();
    for (part, activity) in in_order(&ready.experiment) {
        steps.push(Step { part, activity, preview: preview(activity, &ready.values).await });
    }
    let text = match args.output {
        Output::Text => as_text(&steps),
        Output::Json => format!("{:#}\n", as_json(&steps)),
    };
    let text = ready.hidden(text, session);
    let fails = steps.iter().any(|step| step.preview.fails.is_some());
    match (session.terminal.data(&text), fails) {
        (true, false) => Ok(ExitCode::Ok),
        _ => Ok(ExitCode::Deviated),
    }
}

fn in_order(experiment: &Experiment) -> impl Iterator<Item = (&'static str, &Activity)> {
    let probes = experiment.hypothesis.iter().flat_map(|hypothesis| &hypothesis.probes);
    let hypothesis = probes.map(|step| ("Steady-state hypothesis", step));
    let method = experiment.method.iter().map(|step| ("Method", step));
    let rollbacks = experiment.rollbacks.iter().map(|step| ("Rollbacks", step));
    hypothesis.chain(method).chain(rollbacks).map(|(part, step)| (part, step.activity.as_ref()))
}

/// What undoes a step, and whether a rollback does it.
fn undone(step: &Step<'_>, steps: &[Step<'_>]) -> Option<(String, bool)> {
    let undo = step.preview.undo.as_ref().filter(|_| step.part == "Method")?;
    let does = |other: &Step<'_>| other.part == "Rollbacks" && other.preview.does == *undo;
    Some((undo.clone(), steps.iter().any(does)))
}

fn as_text(steps: &[Step<'_>]) -> String {
    let mut text = String::new();
    let mut part = "";
    for step in steps {
        if step.part != part {
            part = step.part;
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&format!("{part}\n"));
        }
        text.push_str(&head(step));
        for line in lines(step, steps) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn head(step: &Step<'_>) -> String {
    let kind = match step.activity.kind {
        ActivityKind::Action => "action",
        ActivityKind::Probe => "probe",
    };
    format!("  {kind} {}: {}\n", step.activity.name, step.preview.does)
}

fn lines(step: &Step<'_>, steps: &[Step<'_>]) -> Vec<String> {
    let Preview { looks, calls, choices, unknown, fails, .. } = &step.preview;
    let mut lines = Vec::new();
    if !looks.is_empty() {
        lines.push(format!("looks by {}", looks.join(", ")));
    }
    let given = step.activity.provider.get("arguments").and_then(|arguments| arguments.get("seed"));
    let found = choices.iter().filter(|choice| choice.of > 0);
    lines.extend(found.map(|choice| chosen(choice, given.is_some())));
    for call in calls {
        if call.parameters.is_null() {
            lines.push(format!("may call {} {}", call.service, call.operation));
            continue;
        }
        let mut line = format!("would call {} {}", call.service, call.operation);
        if !call.resources.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(line, " on {}", call.resources.join(", "));
        }
        lines.push(line);
        lines.push(format!("  with {}", python::to_json(&call.parameters)));
    }
    lines.extend(unknown.iter().map(|unknown| format!("not known yet: {unknown}")));
    lines.extend(fails.iter().map(|why| format!("would fail: {}", without_class(why))));
    if let Some((undo, is_done)) = undone(step, steps) {
        let by = if is_done { "and a rollback does" } else { "but no rollback does" };
        lines.push(format!("{undo} undoes it, {by}"));
    }
    lines
}

/// How many of how many targets, and the first of them.
fn chosen(choice: &Choice, repeats: bool) -> String {
    let names = choice.chosen.iter().filter(|name| !name.is_object() && !name.is_array());
    let mut names: Vec<String> = names.map(python::to_str).collect();
    let left = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    names.extend((left > 0).then(|| format!("and {left} more")));
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let (count, of) = (choice.chosen.len(), choice.of);
    match choice.seed {
        Some(_) if repeats => format!("draws {count} of {of}{names}; so does the run, by its `seed`"),
        Some(_) => format!("draws {count} of {of}{names}; the run draws anew, unless it is given `seed`"),
        None => format!("takes all {count} that it finds{names}"),
    }
}

fn as_json(steps: &[Step<'_>]) -> Value {
    let step = |step: &Step<'_>| {
        let Preview { does, looks, calls, choices, unknown, fails, .. } = &step.preview;
        let call = |call: &PlannedCall| {
            json!({"service": call.service, "operation": call.operation, "parameters": call.parameters,
                "resources": call.resources})
        };
        let undone = undone(step, steps).map(|(by, is_done)| json!({"by": by, "in-rollbacks": is_done}));
        json!({"part": step.part, "name": step.activity.name, "does": does, "looks": looks,
            "calls": calls.iter().map(call).collect::<Vec<_>>(), "choices": choices, "unknown": unknown,
            "fails": fails, "undone": undone})
    };
    json!({"steps": steps.iter().map(step).collect::<Vec<_>>()})
}
