//! `fracas aws`: calls of any operation, from the shell.

mod batch;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fracas_aws::{Aws, Error, Scope, SignedRequest};
use fracas_model::{ExitCode, Problem};
use serde_json::{Value, json};

use crate::args;
use crate::session::Session;

/// Makes the call, or those of the batch, and prints what came of it.
pub async fn aws(args: &args::Aws, session: &Session) -> ExitCode {
    let done = match &args.batch {
        Some(path) => batch::batch(args, path, session).await,
        None => one(args).await.map(|result| session.terminal.data(&shown(&result))),
    };
    match done {
        Ok(true) => ExitCode::Ok,
        Ok(false) => ExitCode::Deviated,
        Err(problem) => {
            session.terminal.problem(*problem);
            ExitCode::Deviated
        }
    }
}

async fn one(args: &args::Aws) -> Result<Value, Box<Problem>> {
    let params = params(args.params.as_deref())?;
    let (aws, scope) = (Aws::new(), scope(args));
    let service = args.service.as_deref().unwrap_or_default();
    let operation = args.operation.as_deref().unwrap_or_default();
    let result = match &args.wait {
        Some(waiter) => aws.wait(&scope, service, waiter, &params).await,
        None if args.print_request => {
            aws.request(&scope, service, operation, &params).await.map(|request| request_json(&request))
        }
        None if args.paginate => match aws.pages(&scope, service, operation, &params) {
            Ok(pages) => pages.all().await,
            Err(error) => Err(error),
        },
        None => aws.call(&scope, service, operation, &params).await,
    };
    let result = result.map_err(|error| problem(&error))?;
    match &args.query {
        Some(query) => searched(query, &result),
        None => Ok(result),
    }
}

/// Who calls and where, as the options say.
fn scope(args: &args::Aws) -> Scope {
    Scope {
        region: args.region.clone(),
        profile: args.profile.clone(),
        endpoint_url: args.endpoint_url.clone(),
        ..Scope::default()
    }
}

/// The parameters, given outright or in a file.
fn params(given: Option<&str>) -> Result<Value, Box<Problem>> {
    let Some(given) = given else { return Ok(json!({})) };
    let (text, what) = match given.strip_prefix('@') {
        None => (given.to_owned(), "--params".to_owned()),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Problem::general(format!("cannot read {path}: {error}")))?;
            (text, path.to_owned())
        }
    };
    serde_json::from_str(&text)
        .map_err(|error| Problem::general(format!("{what} is no JSON: {error}")).into())
}

fn searched(query: &str, result: &Value) -> Result<Value, Box<Problem>> {
    fracas_aws::jmespath(query, result)
        .map_err(|error| Problem::general(format!("--query is no JMESPath: {error}")).into())
}

fn shown(result: &Value) -> String {
    // Writing a value into memory cannot fail.
    serde_json::to_string_pretty(result).unwrap_or_default() + "\n"
}

fn problem(error: &Error) -> Box<Problem> {
    let problem = Problem::general(error.to_string());
    Box::new(match error.help() {
        Some(help) => problem.help(help),
        None => problem,
    })
}

/// A request as `--print-request` shows it; a body that is no text is in base64.
fn request_json(request: &SignedRequest) -> Value {
    let headers: serde_json::Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut shown = json!({"method": request.method, "url": request.url, "headers": headers});
    match std::str::from_utf8(&request.body) {
        Ok(text) => shown["body"] = text.into(),
        Err(_) => shown["body_base64"] = STANDARD.encode(&request.body).into(),
    }
    shown
}
