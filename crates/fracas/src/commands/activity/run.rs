//! `fracas activity run`: one activity, by hand.

use std::io;

use fracas_engine::{
    Context, Host, Mask, Provider, Surroundings, Values, activity_of, io_words, parse_document,
};
use fracas_model::{Activity, ExitCode, Failure, Format, Happened, Problem, Problems, Source};
use fracas_providers::catalogue::Target;
use futures_util::future::{Either, select};
use serde_json::{Map, Value, json};

use super::{find, pretty, printed};
use crate::args::ActivityRun;
use crate::commands::ready::{BeforeRun, Told, told, without_class};
use crate::host::ThisMachine;
use crate::session::Session;

/// Carries it out, and prints its output.
pub async fn run(args: &ActivityRun, session: &Session) -> Result<ExitCode, Told> {
    let target = find(&args.name, session)?;
    let source = source(&target, args, session)?;
    let (activity, problems) = read(&source);
    let activity = activity.ok_or_else(|| tell(&source, problems, session))?;
    let providers = fracas_providers::all(&session.python);
    let provider = providers.get("aws").ok_or_else(|| session.refuse(Problem::general("there is no AWS")))?;
    check(provider, &activity, &source, session).await?;
    let host = ThisMachine::new(&providers).map_err(|error| session.refuse(without_signals(&error)))?;
    match carry_out(&activity, &host, session).await {
        (Ok(output), _) => Ok(printed(&pretty(&output), session)),
        (Err(failure), code) => Err(Told { code, ..failed(&failure, session) }),
    }
}

/// Carries it out until a signal cuts it; gives what the command answers if it does not succeed, too.
async fn carry_out(
    activity: &Activity,
    host: &dyn Host,
    session: &Session,
) -> (Result<Value, Failure>, ExitCode) {
    let (values, tell) = (Values::default(), BeforeRun::new(session, Mask::default()));
    let context = Context { values: &values, policy: &session.policy, tell: &tell, place: "" };
    let cut = match select(host.signal(), host.carry_out(activity, &context)).await {
        Either::Left((signal, _)) => signal,
        Either::Right((result, _)) => return (result, ExitCode::Deviated),
    };
    // By now it has been dropped, and has told how far it came.
    (Err(tell.so_far(activity.kind).cut_by(cut)), ExitCode::Interrupted)
}

fn without_signals(error: &io::Error) -> Problem {
    Problem::general(format!("signals cannot be taken: {}", io_words(error))).help("nothing was run")
}

/// The activity as an experiment would have it.
fn source(target: &Target, args: &ActivityRun, session: &Session) -> Result<Source, Told> {
    let mut provider = json!({"type": "aws", "activity": target.name()});
    for (key, value) in
        [("region", &args.region), ("profile", &args.profile), ("endpoint_url", &args.endpoint_url)]
    {
        if let Some(value) = value {
            provider[key] = value.as_str().into();
        }
    }
    provider["arguments"] = arguments(target, args).map_err(|problem| session.refuse(problem))?.into();
    let kind = target.declaration.kind.title().to_lowercase();
    let activity = json!({"type": kind, "name": target.name(), "provider": provider});
    Ok(Source { name: "the activity".to_owned(), text: format!("{activity:#}"), format: Format::Json })
}

/// The arguments `name=value`, each once.
fn arguments(target: &Target, args: &ActivityRun) -> Result<Map<String, Value>, Problem> {
    let mut arguments = Map::new();
    for given in &args.arguments {
        let (name, text) = given.split_once('=').ok_or_else(|| {
            Problem::general(format!("`{given}` is no argument")).help("write it as --arg name=value")
        })?;
        if arguments.insert(name.to_owned(), value(target, name, text)?).is_some() {
            return Err(Problem::general(format!("`{name}` is given twice")).help("leave one of them out"));
        }
    }
    Ok(arguments)
}

/// JSON where the argument takes what it says, else the text as it stands.
fn value(target: &Target, name: &str, text: &str) -> Result<Value, Problem> {
    let json = serde_json::from_str(text).ok();
    let Some(argument) = target.declaration.argument(name) else {
        return Ok(json.unwrap_or_else(|| text.into()));
    };
    let text = Value::from(text);
    match json.filter(|value: &Value| !value.is_string() && argument.takes(value)) {
        Some(value) => Ok(value),
        None if argument.takes(&text) => Ok(text),
        None => Err(Problem::general(format!("`{name}` must be {}, not {text}", argument.words()))
            .help(format!("write it in JSON, such as --arg '{name}={}'", argument.kinds[0].example()))),
    }
}

fn read(source: &Source) -> (Option<Activity>, Problems) {
    let (node, problems) = parse_document(source);
    match node {
        Some(node) => activity_of(&node),
        None => (None, problems),
    }
}

async fn check(
    provider: &dyn Provider,
    activity: &Activity,
    source: &Source,
    session: &Session,
) -> Result<(), Told> {
    let values = Values::default();
    let surroundings = Surroundings { values: &values, running: true, policy: &session.policy };
    let mut problems = Problems::default();
    provider.check(activity, &surroundings, &mut problems).await;
    if problems.has_errors() { Err(tell(source, problems, session)) } else { Ok(()) }
}

fn tell(source: &Source, problems: Problems, session: &Session) -> Told {
    let problems = problems.sorted();
    session.terminal.problems(Some(source), &problems);
    told(&problems)
}

fn failed(failure: &Failure, session: &Session) -> Told {
    let happened = match failure.happened {
        Happened::No => "nothing was changed",
        Happened::Maybe => "it may have happened",
        Happened::Yes => "some of it has happened",
    };
    let mut help = vec![failure.help.clone(), happened.to_owned()];
    help.retain(|text| !text.is_empty());
    // No journal has the rest of a long list.
    help.extend(failure.progress.iter().flat_map(|progress| progress.lines(usize::MAX)));
    session.refuse(Problem::general(without_class(&failure.error)).help(help.join("; ")))
}
