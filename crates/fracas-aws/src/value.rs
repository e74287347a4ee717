//! How JSON values read in Python, since boto3's messages and bodies show them that way.

use serde_json::{Number, Value};
use std::fmt::Write;

/// The class of a value, as Python prints it: `<class 'str'>`.
pub(crate) fn python_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(number) if number.is_f64() => "<class 'float'>",
        Value::Number(_) => "<class 'int'>",
        Value::String(_) => "<class 'str'>",
        Value::Array(_) => "<class 'list'>",
        Value::Object(_) => "<class 'dict'>",
    }
}

/// What Python's `str()` gives.
pub(crate) fn python_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python_repr(other),
    }
}

/// What Python's `repr()` gives.
pub(crate) fn python_repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&python_number(number)),
        Value::String(text) => write_text_repr(out, text),
        Value::Array(items) => write_list_repr(out, items),
        Value::Object(entries) => write_dict_repr(out, entries),
    }
}

fn write_list_repr(out: &mut String, items: &[Value]) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        write_repr(out, item);
    }
    out.push(']');
}

fn write_dict_repr(out: &mut String, entries: &serde_json::Map<String, Value>) {
    out.push('{');
    for (index, (key, item)) in entries.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        write_text_repr(out, key);
        out.push_str(": ");
        write_repr(out, item);
    }
    out.push('}');
}

fn write_text_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        write_char_repr(out, c, quote);
    }
    out.push(quote);
}

fn write_char_repr(out: &mut String, c: char, quote: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => out.extend(['\\', c]),
        c if is_printable(c) => out.push(c),
        c => write_escape(out, c as u32),
    }
}

fn write_escape(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Python's `str.isprintable`, as near as the standard library knows it.
fn is_printable(c: char) -> bool {
    // A text's escape_debug escapes combining characters only at its start, hence the letter.
    c == ' ' || matches!(c, '\'' | '"') || (!c.is_whitespace() && format!("a{c}").escape_debug().count() == 2)
}

/// Bytes as Python's `repr(bytes)` shows them, cut after `limit` bytes.
pub(crate) fn python_bytes(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let quote = if shown.contains(&b'\'') && !shown.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for &byte in shown {
        match byte {
            0x20..=0x7e | b'\n' | b'\r' | b'\t' => write_char_repr(&mut out, byte as char, quote),
            _ => write_escape(&mut out, u32::from(byte)),
        }
    }
    out.push(quote);
    if shown.len() < bytes.len() {
        // Writing to a String cannot fail.
        let _ = write!(out, " and {} more bytes", bytes.len() - shown.len());
    }
    out
}

/// Appends what Python's `json.dumps` gives.
pub(crate) fn python_json(out: &mut String, value: &Value) {
    write_json(out, value, (", ", ": "));
}

/// What Python's `json.dumps` gives without blanks.
pub(crate) fn python_json_compact(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value, (",", ":"));
    out
}

fn write_json(out: &mut String, value: &Value, separators: (&str, &str)) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&python_number(number)),
        Value::String(text) => write_json_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { separators.0 } else { "" });
                write_json(out, item, separators);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { separators.0 } else { "" });
                write_json_text(out, key);
                out.push_str(separators.1);
                write_json(out, item, separators);
            }
            out.push('}');
        }
    }
}

/// Only ASCII, as `json.dumps` writes it unless told otherwise.
fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A number as Python prints it: integers plain, floats as `repr` does.
pub(crate) fn python_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => python_float(float),
        _ => number.to_string(),
    }
}

/// `repr(float)`: the shortest digits that read back the same, scientific from 1e16 and below 1e-4.
pub(crate) fn python_float(float: f64) -> String {
    if !float.is_finite() {
        return match float {
            f if f.is_nan() => "nan".into(),
            f if f > 0.0 => "inf".into(),
            _ => "-inf".into(),
        };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_as_in_python() {
        let value = json!({"a": [1, 2.0, true, null], "it's": "x\n\u{7f}é\u{2028}", "q": "both ' and \""});
        let expected = r#"{'a': [1, 2.0, True, None], "it's": 'x\n\x7fé\u2028', 'q': 'both \' and "'}"#;
        assert_eq!(python_repr(&value), expected);
        assert_eq!(python_str(&json!("it's")), "it's");
    }

    #[test]
    fn floats_read_as_in_python() {
        let cases =
            [(1e16, "1e+16"), (1e-5, "1e-05"), (0.1, "0.1"), (1e15, "1000000000000000.0"), (-0.0, "-0.0")];
        for (float, text) in cases {
            assert_eq!(python_float(float), text);
        }
        assert_eq!(python_float(1.5e300), "1.5e+300");
        assert_eq!(python_float(f64::NAN), "nan");
    }

    #[test]
    fn bytes_are_cut_and_say_so() {
        assert_eq!(python_bytes(b"<a>\xff'</a>", 100), r#"b"<a>\xff'</a>""#);
        assert_eq!(python_bytes(b"abcdef", 2), "b'ab' and 4 more bytes");
    }
}
