//! Whether a probe's output is within its tolerance.
//!
//! Source: chaoslib's `within_tolerance`; comparisons are Python's.

mod decimal;
mod json_path;
mod regex;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use decimal::Decimal;
use fracas_model::{Activity, Entry, Node, NodeValue, Span, Tolerance, python};
pub(crate) use json_path::JsonPath;
pub(crate) use regex::{Unusable, compile};
use serde_json::Value;

use crate::Values;

/// What a tolerance says about an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// the output is within it
    Met,
    /// it is not
    NotMet,
    /// the two cannot be compared, for this reason; the reference's run dies of it
    Incomparable(String),
}

impl Verdict {
    /// Whether the output is within the tolerance. One that cannot be compared is not.
    pub fn is_met(&self) -> bool {
        *self == Verdict::Met
    }
}

impl From<bool> for Verdict {
    fn from(met: bool) -> Verdict {
        if met { Verdict::Met } else { Verdict::NotMet }
    }
}

/// Holds an output against a tolerance. A tolerance that is a probe has to be carried out, with
/// what [`with_value`] gives.
pub fn within(tolerance: &Tolerance, output: &Value, values: &Values) -> Verdict {
    let judged = match tolerance {
        Tolerance::Equal(text @ Value::String(_)) => Ok(python::equal(&values.substitute(text), output)),
        Tolerance::Equal(flag @ Value::Bool(_)) => Ok(python::equal(flag, output)),
        Tolerance::Equal(expected) => Ok(python::equal(expected, status_of(output).unwrap_or(output))),
        Tolerance::OneOf(items) => one_of(items, output),
        Tolerance::Regex { pattern, target } => found(pattern, target.as_deref(), output, values),
        Tolerance::JsonPath { path, target, count, expect } => {
            let looked_at = looked_at(target.as_deref(), output);
            looked_at.and_then(|value| matched(path, value, count.as_ref(), expect.as_ref(), values))
        }
        Tolerance::Range { low, high, target } => {
            looked_at(target.as_deref(), output).and_then(|value| in_range(low, value, high))
        }
        Tolerance::Probe(_) => Err("a probe has to be carried out to tell".to_owned()),
    };
    judged.map_or_else(Verdict::Incomparable, Verdict::from)
}

/// The probe of a tolerance, with the output that it judges as its argument `value`.
pub fn with_value(probe: &Activity, output: &Value) -> Activity {
    let mut probe = probe.clone();
    let value = Entry { key_span: Span::default(), value: Node::from(output) };
    if let NodeValue::Map(provider) = &mut probe.provider.value {
        let provider = Arc::make_mut(provider);
        let empty = || Entry {
            key_span: Span::default(),
            value: Node::new(Span::default(), NodeValue::Map(Arc::default())),
        };
        let arguments = provider.entry("arguments".to_owned()).or_insert_with(empty);
        if let NodeValue::Map(arguments) = &mut arguments.value.value {
            Arc::make_mut(arguments).insert("value".to_owned(), value);
        }
    }
    probe
}

type Judged = Result<bool, String>;

/// The part of an output that a tolerance is about: what stands under the key, or else all of it.
fn looked_at<'v>(target: Option<&str>, output: &'v Value) -> Result<&'v Value, String> {
    match (target, output) {
        (None, _) => Ok(output),
        (Some(key), Value::Object(map)) => Ok(map.get(key).unwrap_or(output)),
        (Some(key), other) => Err(format!("`{key}` cannot be looked up in {}", kind(other))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The status of an http or process output.
fn status_of(output: &Value) -> Option<&Value> {
    output.as_object()?.get("status")
}

/// Two plain values are the bounds of a range, unless the output has a status.
fn one_of(items: &[Value], output: &Value) -> Judged {
    let (looked_at, is_status) = status_of(output).map_or((output, false), |status| (status, true));
    match items {
        [low, high] if !is_status => Ok(at_most(low, looked_at)? && at_most(looked_at, high)?),
        _ => Ok(items.iter().any(|item| python::equal(item, looked_at))),
    }
}

/// Python's `<=`: numbers with numbers, texts with texts, lists with lists.
fn at_most(left: &Value, right: &Value) -> Judged {
    compare(left, right).map(Ordering::is_le)
}

fn compare(left: &Value, right: &Value) -> Result<Ordering, String> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (Value::Array(left), Value::Array(right)) => {
            let differing = left.iter().zip(right).find(|(left, right)| !python::equal(left, right));
            differing.map_or(Ok(left.len().cmp(&right.len())), |(left, right)| compare(left, right))
        }
        _ => python::compare_numbers(left, right)
            .ok_or_else(|| format!("{} cannot be compared with {}", kind(right), kind(left))),
    }
}

fn in_range(low: &Value, value: &Value, high: &Value) -> Judged {
    let unfit = |()| format!("{} is no number", kind(value));
    let Some(number) = Decimal::of(value).map_err(unfit)? else { return Ok(false) };
    let bound = |bound: &Value| Decimal::of(bound).ok().flatten().and_then(|bound| bound.compare(&number));
    let not_a_number = || "NaN cannot be compared".to_owned();
    let low = bound(low).ok_or_else(not_a_number)?;
    Ok(low.is_le() && bound(high).ok_or_else(not_a_number)?.is_ge())
}

/// Whether a regular expression of Python's is found anywhere in a text.
///
/// # Errors
///
/// Why the expression cannot be used.
pub fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    let regex = compile(pattern).map_err(|error| match error {
        Unusable::Invalid(words) => format!("`{pattern}` is no regular expression: {words}"),
        Unusable::Unsupported(why) => format!("`{pattern}` cannot be used: {why}"),
    })?;
    regex.is_match(text).map_err(|_| format!("the search for `{pattern}` does not end"))
}

/// Whether a regular expression is found in an output, or a part of it.
fn found(pattern: &str, target: Option<&str>, output: &Value, values: &Values) -> Judged {
    let pattern = python::to_str(&values.substitute(&Value::String(pattern.to_owned())));
    match looked_at(target, output)? {
        Value::String(text) => matches(&pattern, text),
        other => Err(format!("{} cannot be searched for a regular expression", kind(other))),
    }
}

/// Whether a path leads to what it has to.
fn matched(
    path: &str,
    value: &Value,
    count: Option<&Value>,
    expect: Option<&Value>,
    values: &Values,
) -> Judged {
    let path = python::to_str(&values.substitute(&Value::String(path.to_owned())));
    let read = JsonPath::parse(&path).map_err(|error| format!("`{path}` is no JSON path: {error}"))?;
    let found = read.find(&as_json(value))?;
    if let Some(expect) = expect {
        return Ok(match values.substitute(expect) {
            expected @ Value::Array(_) => python::equal(&Value::Array(found), &expected),
            expected => matches!(&found[..], [only] if python::equal(only, &expected)),
        });
    }
    Ok(match count {
        Some(count) => python::equal(&Value::from(found.len()), count),
        None => !found.is_empty(),
    })
}

/// A text that is JSON is looked at as what it says.
fn as_json(value: &Value) -> Cow<'_, Value> {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.map_or(Cow::Borrowed(value), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compares_as_python_does() {
        let equal = |value| Tolerance::Equal(value);
        let one_of = |items: Value| Tolerance::OneOf(items.as_array().unwrap().clone());
        let range = |low: f64, high: f64, target: Option<&str>| Tolerance::Range {
            low: json!(low),
            high: json!(high),
            target: target.map(str::to_owned),
        };
        let cases = [
            (equal(json!(200)), json!({"status": 200, "body": ""}), true),
            (equal(json!(200)), json!({"status": 503}), false),
            (equal(json!(1)), json!(true), true),
            (equal(json!(6)), json!(6.0), true),
            (equal(json!(true)), json!({"status": true}), false),
            (equal(json!("available")), json!("available"), true),
            (equal(json!("${wanted}")), json!("available"), true),
            (one_of(json!(["available"])), json!("available"), true),
            (one_of(json!(["available"])), json!(["available", "failing-over"]), false),
            (one_of(json!([200, 404])), json!(300), true),
            (one_of(json!([200, 404])), json!({"status": 300}), false),
            (one_of(json!([1, 2])), json!("n/a"), false),
            (one_of(json!(["a", "c"])), json!("b"), true),
            (one_of(json!([1, 2, 3])), json!(2.5), false),
            (range(0.1, 0.3, None), json!(0.3), true),
            (range(0.1, 5.0, None), json!("4"), true),
            (range(0.1, 5.0, Some("x")), json!({"x": 6}), false),
            (range(0.1, 5.0, None), json!(null), false),
        ];
        let configuration = json!({"wanted": "available"});
        let values =
            Values { configuration: configuration.as_object().unwrap().clone(), ..Values::default() };
        for (tolerance, output, expected) in cases {
            assert_eq!(within(&tolerance, &output, &values).is_met(), expected, "{tolerance:?} {output}");
        }
    }
}
