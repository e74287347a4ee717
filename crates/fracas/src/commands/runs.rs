//! `fracas runs`: the runs of a folder, and the faults that may still have their effect.

use std::io;

use fracas_engine::{RunFolder, declared_rollbacks, io_words, read};
use fracas_model::{ExitCode, Problem, python};
use serde_json::{Value, json};

use crate::args::{self, Output};
use crate::session::Session;

/// What a line of the list says.
struct Row {
    id: String,
    started: String,
    state: String,
    title: String,
    /// Actions that may have happened and were not rolled back.
    live: Vec<String>,
}

/// Prints the runs, oldest first.
pub fn runs(args: &args::Runs, session: &Session) -> ExitCode {
    let rows = session.surroundings.runs_dir(args.runs_dir.runs_dir.as_ref()).and_then(|runs_dir| {
        let rows = RunFolder::list(&runs_dir).map(|folders| folders.iter().map(row).collect::<Vec<Row>>());
        if rows.as_ref().is_ok_and(Vec::is_empty) {
            session.info(&format!("There are no runs in {}", runs_dir.display()));
        }
        rows.map_err(|error| {
            Problem::general(format!("cannot read the runs in {}: {}", runs_dir.display(), io_words(&error)))
        })
    });
    match rows {
        Ok(rows) => {
            let written = session.terminal.data(&if args.output == Output::Json {
                as_json(&rows)
            } else {
                as_text(&rows)
            });
            if written { ExitCode::Ok } else { ExitCode::Deviated }
        }
        Err(problem) => {
            session.terminal.problem(problem);
            ExitCode::Invalid
        }
    }
}

/// A run whose log cannot be read is listed all the same: it may be the one that matters.
fn row(folder: &RunFolder) -> Row {
    readable_row(folder).unwrap_or_else(|error| Row {
        id: folder.id(),
        started: String::new(),
        state: "unreadable".to_owned(),
        title: error.to_string(),
        live: Vec::new(),
    })
}

fn readable_row(folder: &RunFolder) -> io::Result<Row> {
    let history = read(folder)?;
    let (started, title, declared) = match &history.started {
        Some((time, run)) => (time.to_string(), title(&run.experiment), declared_rollbacks(&run.experiment)),
        None => (String::new(), String::new(), 0),
    };
    let state = match history.ledger.outcome {
        _ if folder.is_running()? => "running",
        None => "interrupted",
        Some(outcome) if outcome.deviated => "deviated",
        Some(outcome) => outcome.status.name(),
    };
    let recovered = if history.ledger.recovered { ", recovered" } else { "" };
    Ok(Row {
        id: folder.id(),
        started,
        state: format!("{state}{recovered}"),
        title,
        live: history.ledger.live(declared),
    })
}

fn title(experiment: &Value) -> String {
    let title = experiment.get("title").map(python::to_str).unwrap_or_default();
    // A title must neither break the list nor command the terminal.
    title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn as_json(rows: &[Row]) -> String {
    let row = |row: &Row| json!({"id": row.id, "started": row.started, "state": row.state, "title": row.title, "live": row.live});
    format!("{:#}\n", Value::from_iter(rows.iter().map(row)))
}

fn as_text(rows: &[Row]) -> String {
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).len()).max().unwrap_or(0);
    let (id, state) = (width(|row| &row.id), width(|row| &row.state));
    let line = |row: &Row| {
        let live = match row.live.as_slice() {
            [] => String::new(),
            live => format!("\n{:id$}  may still have its effect: {}", "", live.join(", ")),
        };
        format!("{:id$}  {:state$}  {}{live}\n", row.id, row.state, row.title)
    };
    rows.iter().map(line).collect()
}
