//! `fracas aws`: calls of any operation, from the shell.

mod batch;
pub mod complete;
mod help;
mod output;
mod query;
mod skeleton;
mod table;
mod text;

use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fracas_aws::{Aws, Error, Scope, Sent, SignedRequest};
use fracas_engine::io_words;
use fracas_model::{ExitCode, Format, Problem, Problems, Source, Span};
use serde_json::{Value, json};

use crate::args;
use crate::session::Session;
use crate::terminal::Written;
use output::Printer;

/// Makes the call, or those of the batch, and prints what came of it.
pub async fn aws(args: &args::Aws, session: &Session) -> ExitCode {
    let done = match &args.batch {
        Some(path) => batch::batch(args, path, session).await,
        None => one(args, session).await,
    };
    match done {
        Ok(Written::Whole | Written::Unread) => ExitCode::Ok,
        Ok(Written::Failed) => ExitCode::Deviated,
        Err(failure) => {
            session.terminal.problems(failure.source.as_ref(), &failure.problems);
            failure.code
        }
    }
}

/// Why a call was not made, or went wrong.
struct Failure {
    /// The text with the mistake, when it was given on the command line.
    source: Option<Source>,
    problems: Problems,
    code: ExitCode,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { source: None, problems: problem.into(), code: ExitCode::Invalid }
    }
}

impl Failure {
    fn of_source(source: Source, problems: impl Into<Problems>) -> Self {
        Self { source: Some(source), problems: problems.into(), code: ExitCode::Invalid }
    }

    /// What could not be asked is invalid; what was asked, or could not be reached, has failed.
    fn of_call(error: &Error) -> Self {
        const UNREACHED: [&str; 3] = ["EndpointConnectionError", "ConnectTimeoutError", "SSLError"];
        let class = error.python_class();
        let class = class.rsplit('.').next().unwrap_or_default();
        let is_invalid = error.sent() == Sent::No && !UNREACHED.contains(&class);
        let help = match class {
            "NoRegionError" => {
                Some("give --region, or set AWS_REGION, or region in the AWS profile".to_owned())
            }
            _ => error.help(),
        };
        let problem = Problem::general(error.to_string()).help(help.unwrap_or_default());
        let code = if is_invalid { ExitCode::Invalid } else { ExitCode::Deviated };
        Self { source: None, problems: problem.into(), code }
    }
}

async fn one(args: &args::Aws, session: &Session) -> Result<Written, Failure> {
    let aws = Aws::new();
    if let Some(help) = help::asked(args, &aws) {
        let help = help?;
        return Ok(session.terminal.data_by(|out| out.write_all(help.as_bytes())));
    }
    check_names(args)?;
    if args.generate_skeleton {
        let (service, operation) = aws.operation(service_of(args), operation_of(args))?;
        let skeleton = skeleton::whole(service, operation);
        return Ok(session.terminal.data_by(|out| output::json(out, &skeleton)));
    }
    call(args, session, &aws).await
}

/// Whether it is named what to call.
fn check_names(args: &args::Aws) -> Result<(), Failure> {
    let wrong = |what: &str, help: String| Err(Problem::general(what).help(help).into());
    match (&args.service, &args.operation, &args.wait) {
        (None, ..) => wrong("no service is named", "fracas aws help lists them".to_owned()),
        (Some(service), None, None) => {
            wrong("no operation is named", format!("fracas aws {service} help lists them"))
        }
        (Some(_), Some(operation), Some(waiter)) => {
            wrong(&format!("--wait {waiter} asks its own operation"), format!("leave {operation} out"))
        }
        _ => Ok(()),
    }
}

fn service_of(args: &args::Aws) -> &str {
    args.service.as_deref().unwrap_or_default()
}

fn operation_of(args: &args::Aws) -> &str {
    args.operation.as_deref().unwrap_or_default()
}

async fn call(args: &args::Aws, session: &Session, aws: &Aws) -> Result<Written, Failure> {
    args.query.as_deref().map(query::read).transpose()?;
    let params = params(args.params.as_deref())?;
    let (scope, service) = (scope(args), service_of(args));
    if let Some(waiter) = &args.wait {
        let answer = aws.wait(&scope, service, waiter, &params).await?;
        // As the AWS CLI, a waiter that is content has nothing to say.
        return match args.query {
            Some(_) => Printer::new(args, session, aws, &scope, waiter).await?.print(answer),
            None => Ok(Written::Whole),
        };
    }
    let (model, operation) = match aws.operation(service, operation_of(args)) {
        Ok((service, operation)) => (service, operation.name),
        Err(error) => return Err(of_names(error, args)),
    };
    let service = model.name;
    if args.print_request {
        let request = aws.request(&scope, service, operation, &params).await?;
        return Ok(session.terminal.data_by(|out| output::json(out, &request_json(&request))));
    }
    let printer = Printer::new(args, session, aws, &scope, operation).await?;
    if let Some(path) = &args.outfile {
        let (service, operation) = aws.operation(service, operation)?;
        let body = operation.body_member(service).ok_or_else(|| no_body(operation.name))?;
        let mut answer = aws.save(&scope, service.name, operation.name, &params, path).await?;
        // As the AWS CLI, what is in the file is not printed.
        answer.as_object_mut().map(|answer| answer.shift_remove(body));
        return printer.print(answer);
    }
    match args.paginate {
        true => printer.print_pages(aws.pages(&scope, service, operation, &params)?).await,
        false => {
            let reply = aws.reply(&scope, service, operation, &params).await?;
            printer.print_reply(reply, model.paginator(operation))
        }
    }
}

/// Of the AWS CLI's own s3 commands, the operations that they are made of.
fn of_names(error: Error, args: &args::Aws) -> Failure {
    let calls = match (service_of(args), operation_of(args)) {
        ("s3", "ls") => "list-buckets and list-objects-v2",
        ("s3", "cp" | "mv" | "sync") => "get-object, put-object and copy-object",
        ("s3", "rm") => "delete-object",
        ("s3", "mb") => "create-bucket",
        ("s3", "rb") => "delete-bucket",
        _ => return error.into(),
    };
    Problem::general(error.to_string()).help(format!("the operations of the API are {calls}")).into()
}

fn no_body(operation: &str) -> Failure {
    Problem::general(format!("{operation} answers without a body that could be written to a file"))
        .help("leave the file out, and send what is printed there with >")
        .into()
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
fn params(given: Option<&str>) -> Result<Value, Failure> {
    let Some(given) = given else { return Ok(json!({})) };
    let (text, name) = match given.strip_prefix('@') {
        None => (given.to_owned(), "--params"),
        Some("-") => (io::read_to_string(io::stdin()).map_err(|error| unreadable("stdin", &error))?, "stdin"),
        Some(path) => (fs::read_to_string(path).map_err(|error| unreadable(path, &error))?, path),
    };
    // JSON in a file is read as such, since YAML has other thoughts on some texts.
    match serde_json::from_str(&text) {
        Ok(params) => Ok(params),
        Err(error) if name == "--params" || text.trim_start().starts_with(['{', '[']) => {
            Err(no_json(name, text, &error))
        }
        Err(_) => match fracas_engine::parse_yaml(&text) {
            Ok(node) => Ok(node.to_json()),
            Err(problems) => {
                let source = Source { name: name.to_owned(), text, format: Format::Yaml };
                Err(Failure::of_source(source, problems))
            }
        },
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Problem::general(format!("cannot read {name}: {}", io_words(error))).into()
}

fn no_json(name: &str, text: String, error: &serde_json::Error) -> Failure {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let start = text.floor_char_boundary((before + error.column().saturating_sub(1)).min(text.len()));
    let end = text[start..].chars().next().map_or(start, |first| start + first.len_utf8());
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    let problem = Problem::error(Span::new(start, end), format!("{name} is no JSON")).label(reason);
    Failure::of_source(Source { name: name.to_owned(), text, format: Format::Json }, problem)
}

/// A request as `--print-request` shows it; a body that is no text is in base64, of a large file
/// the name.
fn request_json(request: &SignedRequest) -> Value {
    let headers: serde_json::Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut shown = json!({"method": request.method, "url": request.url, "headers": headers});
    match (&request.file, std::str::from_utf8(&request.body)) {
        (Some(file), _) => shown["body_file"] = file.to_string_lossy().into(),
        (None, Ok(text)) => shown["body"] = text.into(),
        (None, Err(_)) => shown["body_base64"] = STANDARD.encode(&request.body).into(),
    }
    shown
}
