//! `fracas activity`: what the catalogue and the user's own files can do, and help with writing more.

mod check;
mod list;
mod new;
mod run;
mod show;

use fracas_model::{ActivityKind, ExitCode, Problem};
use fracas_providers::catalogue::{self, Target};

use super::own;
use super::ready::Told;
use crate::args::{self, ActivityCommand};
use crate::session::Session;

/// Does what is asked.
pub async fn activity(args: &args::Activity, session: &Session) -> ExitCode {
    let done = match &args.command {
        ActivityCommand::List(args) => list::list(args, session),
        ActivityCommand::Show(args) => show::show(args, session),
        ActivityCommand::Check(args) => check::check(args, session),
        ActivityCommand::New(args) => new::new(args, session),
        ActivityCommand::Run(args) => run::run(args, session).await,
        ActivityCommand::Schema => Ok(printed(&pretty(&catalogue::schema()), session)),
    };
    done.unwrap_or_else(|told| told.code)
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn printed(text: &str, session: &Session) -> ExitCode {
    if session.terminal.data(text) { ExitCode::Ok } else { ExitCode::Deviated }
}

/// The activity of a name such as `docdb.stop_db_cluster`, the user's own included.
///
/// # Errors
///
/// There is none, as the user has been told.
fn find(name: &str, session: &Session) -> Result<Target, Told> {
    own::take_in_here(session)?;
    let (package, func) = name.split_once('.').unwrap_or((name, ""));
    let kinds = [ActivityKind::Action, ActivityKind::Probe];
    let found = kinds.into_iter().find_map(|kind| catalogue::find(package, func, kind));
    found.ok_or_else(|| {
        let known: Vec<String> = catalogue::all().iter().map(Target::name).collect();
        let near = fracas_engine::nearest(name, known.iter().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "fracas activity list shows them all".to_owned(),
        };
        session.refuse(Problem::general(format!("there is no activity `{name}`")).help(help))
    })
}
