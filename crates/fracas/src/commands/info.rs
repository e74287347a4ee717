//! `fracas info`: versions, settings, extensions.

use fracas_engine::io_words;
use fracas_model::{ExitCode, Problem};
use serde_json::{Value, json};

use crate::args::{self, Target};
use crate::session::Session;

/// The version of chaostoolkit-lib whose ways are followed.
pub const CHAOS_TOOLKIT_LIB: &str = "1.44.0";

const OWN_VERSION: (&str, &str) = ("fracas", env!("CARGO_PKG_VERSION"));

/// The Chaos Toolkit whose ways are followed.
const VERSIONS: [(&str, &str); 2] = [("CLI", "1.19.0"), ("Core library", CHAOS_TOOLKIT_LIB)];

/// Prints what is asked for.
pub fn info(args: &args::Info, session: &Session) -> ExitCode {
    let text = match args.target {
        Target::Core => Ok(core(session)),
        Target::Settings => settings(session),
        Target::Extensions => Ok(extensions(session)),
    };
    match text {
        Ok(text) if session.terminal.data(&text) => ExitCode::Ok,
        Ok(_) => ExitCode::Deviated,
        Err(problem) => {
            session.terminal.problem(problem);
            ExitCode::Invalid
        }
    }
}

fn core(session: &Session) -> String {
    let line = |(name, version): &(&str, &str)| format!("{name:<20}{version:<10}\n");
    let own = Some(&OWN_VERSION).filter(|_| session.policy.discover_without_installing);
    [("NAME", "VERSION")].iter().chain(own).chain(&VERSIONS).map(line).collect()
}

/// The file as it is, comments and order included.
fn settings(session: &Session) -> Result<String, Problem> {
    let path = session.settings.path.display();
    if !session.settings.path.is_file() {
        return Ok(format!("No settings file found at {path}\n"));
    }
    let read = std::fs::read_to_string(&session.settings.path);
    read.map(|text| text + "\n")
        .map_err(|error| Problem::general(format!("cannot read {path}: {}", io_words(&error))))
}

fn extensions(session: &Session) -> String {
    let installed = session.ask_python(&json!({"op": "extensions"})).unwrap_or_else(|unanswered| {
        session.debug(&format!("no extensions in Python: {}", unanswered.message()));
        Value::Null
    });
    let native = session.policy.discover_without_installing && session.python.native;
    let native =
        native.then(|| row("fracas", env!("CARGO_PKG_VERSION"), "Apache-2.0", "AWS, without Python"));
    let header = row("NAME", "VERSION", "LICENSE", "DESCRIPTION");
    let rows = installed.as_array().into_iter().flatten().map(|extension| {
        let text = |key: &str| extension.get(key).and_then(Value::as_str).unwrap_or("None");
        let summary = text("summary").replace("Chaos Toolkit Extension for ", "");
        let summary: String = summary.chars().take(50).collect();
        row(text("name"), text("version"), text("license"), &summary)
    });
    [header].into_iter().chain(native).chain(rows).collect()
}

fn row(name: &str, version: &str, license: &str, description: &str) -> String {
    format!("{name:<40}{version:<10}{license:30}{description:50}\n")
}
