//! Whether a probe's output is within its tolerance.
//!
//! Source: chaoslib's `within_tolerance`; comparisons are Python's.

use std::cmp::Ordering;

use fracas_model::{Tolerance, python};
use serde_json::Value;

use crate::Values;

/// Whether an output is within a tolerance. An output that cannot be compared is not.
pub fn within(tolerance: &Tolerance, output: &Value, values: &Values) -> bool {
    match tolerance {
        Tolerance::Equal(text @ Value::String(_)) => python::equal(&values.substitute(text), output),
        Tolerance::Equal(flag @ Value::Bool(_)) => python::equal(flag, output),
        Tolerance::Equal(expected) => python::equal(expected, status_of(output).unwrap_or(output)),
        Tolerance::OneOf(items) => one_of(items, output),
        Tolerance::Regex { .. } | Tolerance::JsonPath { .. } | Tolerance::Probe(_) => false,
        Tolerance::Range { low, high, target } => {
            let looked_at = target.as_deref().and_then(|key| output.get(key)).unwrap_or(output);
            decimal(looked_at).is_some_and(|number| between(low, &number, high))
        }
    }
}

/// The status of an http or process output.
fn status_of(output: &Value) -> Option<&Value> {
    output.as_object()?.get("status")
}

/// Two plain values are the bounds of a range, unless the output has a status.
fn one_of(items: &[Value], output: &Value) -> bool {
    if let Some(status) = status_of(output) {
        return items.iter().any(|item| python::equal(item, status));
    }
    match items {
        [low, high] => between(low, output, high),
        _ => items.iter().any(|item| python::equal(item, output)),
    }
}

fn between(low: &Value, value: &Value, high: &Value) -> bool {
    let at_most = |left, right| matches!(compare(left, right), Some(Ordering::Less | Ordering::Equal));
    at_most(low, value) && at_most(value, high)
}

/// Python's `<`: numbers with numbers, texts with texts, lists with lists.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.chars().cmp(right.chars())),
        (Value::Array(left), Value::Array(right)) => {
            let differing = left.iter().zip(right).find(|(left, right)| !python::equal(left, right));
            differing.map_or(Some(left.len().cmp(&right.len())), |(left, right)| compare(left, right))
        }
        _ => python::number(left)?.partial_cmp(&python::number(right)?),
    }
}

/// What Python's `Decimal(value)` takes: numbers, and texts of numbers.
fn decimal(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => {
            let number = text.trim().replace('_', "").parse::<f64>().ok()?;
            Some(Value::from(number))
        }
        other => python::number(other).map(|_| other.clone()),
    }
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
            assert_eq!(within(&tolerance, &output, &values), expected, "{tolerance:?} {output}");
        }
    }
}
