//! Many calls, one JSON object a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use fracas_aws::{Aws, Error, Scope};
use fracas_model::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, request_json, scope};
use crate::args;
use crate::session::Session;
use crate::terminal::Written;

/// One call of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    service: String,
    operation: String,
    #[serde(default)]
    params: Option<Value>,
    region: Option<String>,
    endpoint_url: Option<String>,
}

/// Makes the calls of a file in their order and prints a line for each. What fails is told in its
/// line; false when the lines cannot be printed.
pub(super) async fn batch(args: &args::Aws, path: &Path, session: &Session) -> Result<Written, Failure> {
    let aws = Aws::new();
    for line in lines(path)? {
        let line = line.map_err(|error| cannot_read(path, &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(line) => answer(&aws, args, line).await,
            Err(error) => refused("InvalidLine", &format!("the line is no call: {error}"), ""),
        };
        if !session.terminal.data(&format!("{answer}\n")) {
            return Ok(Written::Failed);
        }
    }
    Ok(Written::Whole)
}

fn lines(path: &Path) -> Result<Box<dyn Iterator<Item = io::Result<String>>>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock().lines()));
    }
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    Ok(Box::new(BufReader::new(file).lines()))
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Problem::general(format!("cannot read {}: {error}", path.display())).into()
}

async fn answer(aws: &Aws, args: &args::Aws, line: Line) -> Value {
    let given = scope(args);
    let scope = Scope {
        region: line.region.or(given.region.clone()),
        endpoint_url: line.endpoint_url.or(given.endpoint_url.clone()),
        ..given
    };
    let params = line.params.unwrap_or_else(|| json!({}));
    let (service, operation) = (&line.service, &line.operation);
    let outcome = match args.print_request {
        true => aws
            .request(&scope, service, operation, &params)
            .await
            .map(|request| json!({"request": request_json(&request)})),
        false => aws.call(&scope, service, operation, &params).await.map(|result| json!({"result": result})),
    };
    outcome.unwrap_or_else(|error| failure(&error, operation))
}

fn failure(error: &Error, operation: &str) -> Value {
    let class = error.python_class();
    let code = error.code().unwrap_or_else(|| class.rsplit('.').next().unwrap_or(&class));
    let mut answer = refused(code, error.message(), operation);
    if let Some(id) = error.request_id() {
        answer["error"]["request_id"] = id.into();
    }
    answer
}

fn refused(code: &str, message: &str, operation: &str) -> Value {
    json!({"error": {"code": code, "message": message, "operation": operation}})
}
