//! `--query`: JMESPath over results.

use fracas_model::{Format, Problem, Source, Span};
use serde_json::Value;

use super::Failure;

/// Checks an expression before anything is sent.
pub(super) fn check(expression: &str) -> Result<(), Failure> {
    fracas_aws::check_jmespath(expression).map_err(|bad| {
        let start = expression.char_indices().nth(bad.offset).map_or(expression.len(), |(place, _)| place);
        let end = expression[start..].chars().next().map_or(start, |first| start + first.len_utf8());
        let problem = Problem::error(Span::new(start, end), "--query is no JMESPath").label(bad.reason);
        let source = Source { name: "--query".into(), text: expression.to_owned(), format: Format::Json };
        Failure::of_source(source, problem)
    })
}

/// What an expression finds in a result.
pub(super) fn search(expression: &str, result: &Value) -> Result<Value, Failure> {
    fracas_aws::jmespath(expression, result).map_err(|reason| {
        Problem::general(format!("--query does not fit the result: {reason}"))
            .help("the call was made; look at the whole result without --query")
            .into()
    })
}
