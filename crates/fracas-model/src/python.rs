//! Values as Python sees them: its text forms and its equality.
//!
//! Experiments were written for Python, and texts such as `True` or `1.0` reach the commands
//! and servers that they talk to.

use std::cmp::Ordering;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Number, Value};

/// What `str(value)` gives.
pub fn to_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => to_repr(other),
    }
}

/// What `repr(value)` gives.
pub fn to_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number_repr(number),
        Value::String(text) => text_repr(text),
        Value::Array(items) => format!("[{}]", items.iter().map(to_repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", text_repr(key), to_repr(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether `left == right`: booleans are the numbers 0 and 1, and 1 is 1.0.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same =
                |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        _ => compare_numbers(left, right).map_or(left == right, Ordering::is_eq),
    }
}

/// Whether Python takes a value for true: `bool(value)`.
pub fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// How two booleans, integers or floats are ordered, exactly; none when one is something else.
pub fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => compare_with_float(left, number(right)?),
        (None, Some(right)) => compare_with_float(right, number(left)?).map(Ordering::reverse),
        (None, None) => number(left)?.partial_cmp(&number(right)?),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(flag) => Some(i128::from(*flag)),
        Value::Number(number) => number.as_i128(),
        _ => None,
    }
}

/// An integer of up to 64 bits beside a float, which would lose its last digits as one.
fn compare_with_float(integer: i128, float: f64) -> Option<Ordering> {
    let whole = float.floor();
    if whole.abs() > 1e30 {
        return 0.0.partial_cmp(&whole);
    }
    let order = integer.cmp(&(whole as i128));
    Some(order.then(if float > whole { Ordering::Less } else { Ordering::Equal }))
}

/// The number that Python takes a boolean, integer or float for.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}

/// A float as Python's `repr` prints it: the shortest digits that read back, in scientific
/// notation below 1e-4 and from 1e16.
pub fn float_repr(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

fn number_repr(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float_repr(float),
        _ => number.to_string(),
    }
}

/// Single quotes, unless the text has some and no double ones.
fn text_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut repr = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => repr.push_str("\\\\"),
            '\n' => repr.push_str("\\n"),
            '\r' => repr.push_str("\\r"),
            '\t' => repr.push_str("\\t"),
            c if c == quote => repr.extend(['\\', c]),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => repr.push_str(&format!("\\x{:02x}", c as u32)),
            c => repr.push(c),
        }
    }
    repr.push(quote);
    repr
}

/// JSON as Python's `json.dumps` writes it.
pub fn to_json(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Dumps);
    // Writing to memory cannot fail, and every `Value` can be written.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

/// Spaces after commas and colons, ASCII only, Python's floats.
struct Dumps;

impl Formatter for Dumps {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float_repr(value).as_bytes())
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                writer.write_all(&[character as u8])?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_print_as_in_python() {
        let cases = [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.254281, "0.254281"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (-2.5, "-2.5"),
        ];
        for (value, text) in cases {
            assert_eq!(float_repr(value), text);
        }
    }

    #[test]
    fn values_print_as_in_python() {
        let value = json!({"a": [true, null, 1, 1.0, "it's", "say \"it's\"\n"]});
        assert_eq!(to_str(&value), r#"{'a': [True, None, 1, 1.0, "it's", 'say "it\'s"\n']}"#);
        assert_eq!(to_str(&json!("plain")), "plain");
    }

    #[test]
    fn truth_is_pythons() {
        for value in [json!(null), json!(false), json!(0), json!(-0.0), json!(""), json!([]), json!({})] {
            assert!(!truth(&value), "{value}");
        }
        for value in [json!(true), json!(-1), json!(0.1), json!("0"), json!([null]), json!({"": 0})] {
            assert!(truth(&value), "{value}");
        }
    }

    #[test]
    fn equality_is_pythons() {
        assert!(equal(&json!(true), &json!(1)));
        assert!(equal(&json!([6.0, {"a": false}]), &json!([6, {"a": 0}])));
        assert!(!equal(&json!("1"), &json!(1)));
        assert!(!equal(&json!(null), &json!(false)));
        assert!(!equal(&json!(9007199254740993_i64), &json!(9007199254740992.0)));
        assert!(equal(&json!(u64::MAX), &json!(u64::MAX)));
    }

    #[test]
    fn numbers_are_compared_exactly() {
        use Ordering::*;
        let cases = [
            (json!(true), json!(0.5), Some(Greater)),
            (json!(-1), json!(-0.5), Some(Less)),
            (json!(3), json!(3.0), Some(Equal)),
            (json!(i64::MIN), json!(-1e300), Some(Greater)),
            (json!(u64::MAX), json!(1.8446744073709552e19), Some(Less)),
            (json!("1"), json!(1), None),
        ];
        for (left, right, expected) in cases {
            assert_eq!(compare_numbers(&left, &right), expected, "{left} {right}");
            assert_eq!(compare_numbers(&right, &left), expected.map(Ordering::reverse), "{right} {left}");
        }
    }

    #[test]
    fn json_is_written_as_python_does() {
        let value = json!({"a": [1, 1e16, "é😀\n\u{7f}"], "b": {}});
        let text = to_json(&value);
        assert_eq!(text, r#"{"a": [1, 1e+16, "\u00e9\ud83d\ude00\n\u007f"], "b": {}}"#);
    }
}
