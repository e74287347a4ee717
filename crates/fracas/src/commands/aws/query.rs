//! `--query`: JMESPath over results.

use fracas_jmespath::{Error, Expression};
use fracas_model::{Format, Problem, Source, Span};
use serde_json::Value;

use super::Failure;

/// Reads an expression before anything is sent.
pub(super) fn read(expression: &str) -> Result<Expression, Failure> {
    Expression::new(expression).map_err(|error| pictured(expression, error, "--query is no JMESPath", ""))
}

/// What an expression finds in a result.
pub(super) fn search(expression: &str, result: &Value) -> Result<Value, Failure> {
    read(expression)?.search(result).map_err(|error| {
        let help = "the call was made; look at the whole result without --query";
        pictured(expression, error, "--query does not fit the result", help)
    })
}

fn pictured(expression: &str, error: Error, message: &str, help: &str) -> Failure {
    let start = error.offset;
    let sign = expression.get(start..).and_then(|rest| rest.chars().next());
    let span = Span::new(start, start + sign.map_or(0, char::len_utf8));
    let problem = Problem::error(span, message).label(error.reason).help(help);
    let source = Source { name: "--query".into(), text: expression.to_owned(), format: Format::Json };
    Failure::of_source(source, problem)
}
