//! Waiting until a resource is as it should be (botocore's `waiter.py`).

use crate::client::{Aws, Scope, help_with_near};
use crate::error::{Error, Sent};
use crate::model::{Acceptor, Expected, Matcher, Service, WaitState, Waiter};
use crate::paginate::search;
use crate::protocol::Call;
use serde_json::Value;
use std::time::Duration;

/// Polls as the waiter says until it succeeds, fails or has polled enough.
pub(crate) async fn wait(
    aws: &Aws,
    scope: &Scope,
    service: &'static Service<'static>,
    name: &str,
    params: &Value,
) -> Result<Value, Error> {
    let waiter = aws.waiter(service.name, name)?;
    let (service, operation) = aws.operation(service.name, waiter.operation)?;
    let mut last_match = None;
    for poll in 1.. {
        let answer = aws.call_operation(scope, Call { service, operation }, params).await;
        // An error that is no answer of the API ends the wait.
        if let Err(error) = &answer
            && error.code().is_none()
        {
            return answer;
        }
        let matched = waiter.acceptors.iter().find(|acceptor| matches(acceptor, &answer));
        match matched.map(|acceptor| acceptor.state) {
            Some(WaitState::Success) => return answer.or_else(|_| Ok(Value::Null)),
            Some(WaitState::Failure) => return Err(failed(waiter, &terminal(matched))),
            Some(WaitState::Retry) => last_match = matched,
            None => _ = answer.map_err(|error| refused(waiter, &error))?,
        }
        if poll >= waiter.max_attempts {
            return Err(failed(waiter, &exhausted(last_match)));
        }
        tokio::time::sleep(Duration::from_secs(waiter.delay.into())).await;
    }
    Err(failed(waiter, "Max attempts exceeded"))
}

fn matches(acceptor: &Acceptor, answer: &Result<Value, Error>) -> bool {
    match (&acceptor.matcher, answer) {
        (Matcher::Path(path), Ok(answer)) => equals(&search(path, answer), &acceptor.expected),
        (Matcher::PathAll(path), Ok(answer)) => match search(path, answer) {
            Value::Array(items) => {
                !items.is_empty() && items.iter().all(|item| equals(item, &acceptor.expected))
            }
            _ => false,
        },
        (Matcher::PathAny(path), Ok(answer)) => match search(path, answer) {
            Value::Array(items) => items.iter().any(|item| equals(item, &acceptor.expected)),
            _ => false,
        },
        (Matcher::Path(_) | Matcher::PathAll(_) | Matcher::PathAny(_), Err(_)) => false,
        (Matcher::Status, answer) => status(answer).is_some_and(
            |status| matches!(acceptor.expected, Expected::Number(expected) if expected == i64::from(status)),
        ),
        (Matcher::Error, answer) => match (&acceptor.expected, answer) {
            (Expected::Bool(expected), answer) => *expected == answer.is_err(),
            (Expected::Text(code), Err(error)) => error.code() == Some(code),
            _ => false,
        },
    }
}

fn equals(value: &Value, expected: &Expected) -> bool {
    match expected {
        Expected::Text(text) => value == text,
        Expected::Number(number) => value == number,
        Expected::Bool(flag) => value == flag,
    }
}

fn status(answer: &Result<Value, Error>) -> Option<u16> {
    match answer {
        Ok(answer) => {
            answer["ResponseMetadata"]["HTTPStatusCode"].as_u64().and_then(|status| status.try_into().ok())
        }
        Err(error) => error.status(),
    }
}

fn terminal(matched: Option<&Acceptor>) -> String {
    format!("Waiter encountered a terminal failure state: {}", matched.map(explanation).unwrap_or_default())
}

fn exhausted(last_match: Option<&Acceptor>) -> String {
    match last_match {
        None => "Max attempts exceeded".to_owned(),
        Some(acceptor) => {
            format!("Max attempts exceeded. Previously accepted state: {}", explanation(acceptor))
        }
    }
}

fn explanation(acceptor: &Acceptor) -> String {
    let expected = match &acceptor.expected {
        Expected::Text(text) => (*text).to_owned(),
        Expected::Number(number) => number.to_string(),
        Expected::Bool(true) => "True".to_owned(),
        Expected::Bool(false) => "False".to_owned(),
    };
    match &acceptor.matcher {
        Matcher::Path(path) => format!("For expression \"{path}\" we matched expected path: \"{expected}\""),
        Matcher::PathAll(path) => {
            format!("For expression \"{path}\" all members matched expected path: \"{expected}\"")
        }
        Matcher::PathAny(path) => {
            format!("For expression \"{path}\" we matched expected path: \"{expected}\" at least once")
        }
        Matcher::Status => format!("Matched expected HTTP status code: {expected}"),
        Matcher::Error => format!("Matched expected service error code: {expected}"),
    }
}

/// An answer of the API that the waiter does not expect.
fn refused(waiter: &Waiter, error: &Error) -> Error {
    let code = error.code().unwrap_or("Unknown");
    let failed = failed(waiter, &format!("An error occurred ({code}): {}", error.message()));
    match error.help() {
        Some(help) => failed.with_help(help),
        None => failed,
    }
}

fn failed(waiter: &Waiter, reason: &str) -> Error {
    let text = format!("Waiter {} failed: {reason}", waiter.name);
    Error::new("botocore.exceptions.WaiterError", Sent::Yes, text)
}

/// The error of a waiter that the service has not.
pub(crate) fn unknown(service: &Service, name: &str) -> Error {
    let error = Error::new("ValueError", Sent::No, format!("Waiter does not exist: {name}"));
    help_with_near(error, name, service.waiters.iter().map(|waiter| waiter.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn acceptor(matcher: Matcher<'static>, expected: Expected<'static>) -> Acceptor<'static> {
        Acceptor { state: WaitState::Retry, matcher, expected }
    }

    #[test]
    fn giving_up_names_the_last_match() {
        let last = acceptor(Matcher::Error, Expected::Text("NoSuchEntity"));
        assert_eq!(
            exhausted(Some(&last)),
            "Max attempts exceeded. Previously accepted state: Matched expected service error code: NoSuchEntity"
        );
        assert_eq!(exhausted(None), "Max attempts exceeded");
        let all = acceptor(Matcher::PathAll("x[]"), Expected::Bool(true));
        assert_eq!(explanation(&all), "For expression \"x[]\" all members matched expected path: \"True\"");
        let status = acceptor(Matcher::Status, Expected::Number(404));
        assert_eq!(explanation(&status), "Matched expected HTTP status code: 404");
    }

    #[test]
    fn matchers_are_botocores() {
        let answer = Ok(json!({
            "x": ["on", "on"], "y": ["on", "off"], "none": [], "n": 1, "ResponseMetadata": {"HTTPStatusCode": 200}
        }));
        let on = || Expected::Text("on");
        let is = |matcher, expected| matches(&acceptor(matcher, expected), &answer);
        assert!(is(Matcher::PathAll("x"), on()) && !is(Matcher::PathAll("y"), on()));
        assert!(!is(Matcher::PathAll("none"), on()), "no items are not all items");
        assert!(is(Matcher::PathAny("y"), on()) && !is(Matcher::PathAny("none"), on()));
        assert!(is(Matcher::Path("n"), Expected::Number(1)) && !is(Matcher::Path("n"), Expected::Bool(true)));
        assert!(is(Matcher::Path("length(x) == `2`"), Expected::Bool(true)));
        assert!(is(Matcher::Status, Expected::Number(200)));
        assert!(is(Matcher::Error, Expected::Bool(false)) && !is(Matcher::Error, Expected::Bool(true)));
    }
}
