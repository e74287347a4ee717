//! `fracas discover`: what a package can do.

mod native;

use std::fs;

use fracas_engine::io_words;
use fracas_model::{ExitCode, Problem};
use fracas_report::Importance;
use serde::Serialize;
use serde_json::{Value, json};

pub use native::native;

use crate::args;
use crate::notifications::Raised;
use crate::python::Unanswered;
use crate::session::Session;
use crate::settings::python_json;

/// Finds out, and writes it into a file.
pub async fn discover(args: &args::Discover, session: &Session) -> ExitCode {
    let package = || Value::from(args.package.as_str());
    session.notify("discovery-started", package, None).await;
    let discovery = match discovered(args, session) {
        Ok(discovery) => discovery,
        Err(unanswered) => {
            let raised = Raised { class: "DiscoveryFailed", message: unanswered.message() };
            session.notify("discovery-failed", package, Some(raised)).await;
            return failed(unanswered, session);
        }
    };
    let path = args.discovery_path.display();
    if let Err(error) = fs::write(&args.discovery_path, python_json(&discovery)) {
        let problem = Problem::general(format!("cannot write the discovery to {path}: {}", io_words(&error)));
        return session.refuse(problem.help("name another file with --discovery-path")).code;
    }
    session.info(&format!("Discovery outcome saved in {path}"));
    session.notify("discovery-completed", || json!(discovery), None).await;
    ExitCode::Ok
}

/// What was found out, by fracas or by Python.
#[derive(Serialize)]
#[serde(untagged)]
enum Discovery {
    Native(native::Discovery),
    Python(Value),
}

fn discovered(args: &args::Discover, session: &Session) -> Result<Discovery, Unanswered> {
    let installs = !session.policy.discover_without_installing;
    if installs && !args.no_install {
        session.install(&args.package)?;
    }
    if args.package == native::PACKAGE && session.python.native && !installs {
        return Ok(Discovery::Native(native()));
    }
    let system = !args.no_system_info;
    let found = session.ask_python(&json!({"op": "discover", "package": args.package, "system": system}))?;
    Ok(Discovery::Python(found))
}

fn failed(unanswered: Unanswered, session: &Session) -> ExitCode {
    match unanswered {
        Unanswered::Broken(problem) => session.refuse(problem).code,
        Unanswered::Refused(why, help) if session.policy.telling_exit_codes => {
            session.refuse(Problem::general(why).help(help)).code
        }
        Unanswered::Refused(why, _) => {
            session.terminal.line(Importance::Critical, &why);
            ExitCode::Ok
        }
    }
}
