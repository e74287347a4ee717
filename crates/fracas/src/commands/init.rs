//! `fracas init`: write an experiment, question by question.

mod wizard;

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use fracas_engine::{io_words, to_yaml_as_it_is};
use fracas_model::{ExitCode, Problem};
use serde_json::{Value, json};

use super::discover::native;
use crate::args;
use crate::session::Session;
use wizard::{Style, Wizard};

/// Asks, and writes the experiment.
pub async fn init(args: &args::Init, session: &Session) -> ExitCode {
    let discovery = match discovery(&args.discovery_path) {
        Ok(discovery) => discovery,
        Err(problem) => return session.refuse(problem).code,
    };
    session.notify("init-started", || Value::Null, None).await;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout());
    let mut wizard = Wizard {
        input: &mut input,
        output: &mut output,
        color: io::stdout().is_terminal(),
        lenient: session.policy.lenient_wizard,
    };
    let Ok(experiment) = wizard.experiment(discovery, native) else {
        eprintln!("Aborted!");
        return ExitCode::Deviated;
    };
    let path = args.experiment_path.display();
    if let Err(error) = fs::write(&args.experiment_path, text(&experiment, &args.experiment_path)) {
        let problem =
            Problem::general(format!("cannot write the experiment to {path}: {}", io_words(&error)));
        return session.refuse(problem.help("name another file with --experiment-path")).code;
    }
    // Whoever asked is answered; that nobody reads it does no harm.
    let _ = wizard.say(&format!("\nExperiment created and saved in '{path}'"), Style::Plain);
    session.notify("init-completed", || experiment, None).await;
    ExitCode::Ok
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
