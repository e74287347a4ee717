//! `fracas init`: write an experiment, question by question.

mod wizard;

use std::fs;
use std::io;
use std::path::Path;

use fracas_engine::{io_words, to_yaml_as_it_is};
use fracas_model::{ExitCode, Problem};
use serde_json::{Value, json};
use tokio::signal::ctrl_c;
use tokio::task::spawn_blocking;

use super::discover::native;
use super::own;
use crate::args;
use crate::session::Session;
use wizard::Wizard;

/// Asks, and writes the experiment.
pub async fn init(args: &args::Init, session: &Session) -> ExitCode {
    let lenient = session.policy.lenient_wizard;
    let possible = if lenient { writable(&args.experiment_path) } else { Ok(()) };
    let discovery = match possible.and_then(|()| discovery(&args.discovery_path)) {
        Ok(discovery) => discovery,
        Err(problem) => return session.refuse(problem).code,
    };
    // Without a discovery, what fracas does by itself is offered, the user's own activities included.
    if lenient
        && discovery.is_none()
        && let Err(told) = own::take_in_here(session)
    {
        return told.code;
    }
    session.notify("init-started", || Value::Null, None).await;
    let replaced = Some(args.experiment_path.clone()).filter(|path| lenient && path.exists());
    let color = session.terminal.color_of_data();
    let asking = spawn_blocking(move || ask(discovery, lenient, color, replaced.as_deref()));
    let asked = tokio::select! {
        asked = asking => asked.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())),
        _ = ctrl_c() => Err(io::ErrorKind::Interrupted.into()),
    };
    let Ok(experiment) = asked else {
        eprintln!("Aborted!");
        return ExitCode::Deviated;
    };
    let path = args.experiment_path.display();
    if let Err(error) = fs::write(&args.experiment_path, text(&experiment, &args.experiment_path)) {
        return session.refuse(unwritable(&args.experiment_path, &io_words(&error))).code;
    }
    session.terminal.data(&format!("\nExperiment created and saved in '{path}'\n"));
    session.notify("init-completed", || experiment, None).await;
    ExitCode::Ok
}

/// Asks for an experiment, first of all whether a file that is there may be replaced.
fn ask(discovery: Option<Value>, lenient: bool, color: bool, replaced: Option<&Path>) -> io::Result<Value> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout());
    let mut wizard = Wizard { input: &mut input, output: &mut output, color, lenient };
    if let Some(path) = replaced
        && !wizard.confirm(&format!("'{}' is there already. Do you want to replace it?", path.display()))?
    {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    wizard.experiment(discovery, || json!(native()))
}

/// No answers are asked for in vain.
fn writable(path: &Path) -> Result<(), Problem> {
    let known = path.extension().is_some_and(|it| ["json", "yaml", "yml"].iter().any(|known| it == *known));
    if !known {
        return Err(unwritable(path, "its name does not end in .json, .yaml or .yml"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.map(fs::metadata) {
        Some(Err(error)) => Err(unwritable(path, &io_words(&error))),
        _ => Ok(()),
    }
}

fn unwritable(path: &Path, why: &str) -> Problem {
    Problem::general(format!("cannot write the experiment to {}: {why}", path.display()))
        .help("name another file with --experiment-path")
}

/// What was discovered before, if anything.
fn discovery(path: &Path) -> Result<Option<Value>, Problem> {
    if !path.exists() {
        return Ok(None);
    }
    let shown = path.display();
    let help = "write it with `fracas discover`, or name another file with --discovery-path";
    let read = fs::read(path).map_err(|error| format!("cannot read {shown}: {}", io_words(&error)));
    let parsed = read.and_then(|bytes| {
        serde_json::from_slice(&bytes).map_err(|error| format!("{shown} is no JSON: {error}"))
    });
    let discovery: Value = parsed.map_err(|message| Problem::general(message).help(help))?;
    let activities = discovery.get("activities").and_then(Value::as_array);
    let complete = activities.is_some_and(|all| all.iter().all(is_activity));
    complete.then_some(Some(discovery)).ok_or_else(|| {
        Problem::general(format!("{shown} is no discovery: it has no list of activities")).help(help)
    })
}

fn is_activity(activity: &Value) -> bool {
    ["type", "name", "mod"].iter().all(|key| activity.get(key).is_some_and(Value::is_string))
}

fn text(experiment: &Value, path: &Path) -> String {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => to_yaml_as_it_is(experiment),
        _ => wizard::indented(experiment),
    }
}

/// An experiment that nothing is known of yet.
fn blank() -> Value {
    json!({"title": "", "description": "N/A", "tags": []})
}
