//! What a plain YAML scalar means in YAML 1.1, as PyYAML resolves it.
//!
//! Source: the YAML 1.1 types at <https://yaml.org/type/>, in PyYAML's reading of them.

use fracas_model::NodeValue;
use serde_json::Number;

/// The value of a plain scalar; none for one that is a text.
///
/// # Errors
///
/// A number that JSON cannot carry, infinity or not a number; or a date that there is not.
pub fn resolve(text: &str) -> Result<Option<NodeValue>, String> {
    if let Some(value) = word(text) {
        return Ok(Some(value));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Ok(None);
    }
    if let Some(number) = integer(text) {
        return Ok(Some(NodeValue::Number(number)));
    }
    match float(text) {
        Some(value) => Number::from_f64(value)
            .map(|number| Some(NodeValue::Number(number)))
            .ok_or_else(|| format!("`{text}` is a number that a journal cannot hold")),
        None if is_moment(text) && timestamp(text).is_none() => {
            Err(format!("`{text}` is written as a date, but there is no such"))
        }
        None => Ok(timestamp(text).map(NodeValue::String)),
    }
}

fn word(text: &str) -> Option<NodeValue> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(NodeValue::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(NodeValue::Bool(true)),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(NodeValue::Bool(false))
        }
        _ => None,
    }
}

/// Decimal, `0b` binary, `0` octal, `0x` hexadecimal, and `1:30` in base 60; `_` may separate.
fn integer(text: &str) -> Option<Number> {
    let (sign, digits) = signed(text);
    let plain = digits.replace('_', "");
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        radix(hexadecimal, 16)?
    } else if digits.contains(':') {
        sexagesimal(digits).filter(|_| !digits.starts_with('0'))?
    } else if digits == "0" {
        0
    } else if let Some(octal) = digits.strip_prefix('0') {
        radix(octal, 8)?
    } else if digits.starts_with(|c: char| c.is_ascii_digit()) && plain.bytes().all(|b| b.is_ascii_digit()) {
        return plain.parse().map_or_else(|_| big(sign, &plain), |magnitude| signed_number(sign, magnitude));
    } else {
        return None;
    };
    signed_number(sign, magnitude)
}

fn signed(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn radix(digits: &str, radix: u32) -> Option<i128> {
    let plain = digits.replace('_', "");
    if digits.is_empty() || plain.starts_with(['+', '-']) {
        return None;
    }
    i128::from_str_radix(&plain, radix).ok()
}

/// `1:30` is 90; every part after the first is below 60.
fn sexagesimal(digits: &str) -> Option<i128> {
    let mut parts = digits.split(':');
    let first = parts.next().filter(|first| first.starts_with(|c: char| c.is_ascii_digit()))?;
    let first: i128 = digits_only(&first.replace('_', ""))?.parse().ok()?;
    parts.try_fold(first, |sum, part| Some(sum.checked_mul(60)? + minutes(part)?))
}

fn minutes(part: &str) -> Option<i128> {
    digits_only(part).filter(|part| part.len() <= 2)?.parse().ok().filter(|minutes| *minutes < 60)
}

fn digits_only(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn signed_number(sign: i128, magnitude: i128) -> Option<Number> {
    Number::from_i128(sign * magnitude).or_else(|| Number::from_f64((sign * magnitude) as f64))
}

/// Beyond 128 bits only the float is left.
fn big(sign: i128, digits: &str) -> Option<Number> {
    Number::from_f64(sign as f64 * digits.parse::<f64>().ok()?)
}

/// A float needs a dot, and a sign in its exponent: `1e3` is text.
fn float(text: &str) -> Option<f64> {
    let (sign, rest) = signed(text);
    match rest {
        ".inf" | ".Inf" | ".INF" => return Some(sign as f64 * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if rest == text => return Some(f64::NAN),
        _ => {}
    }
    if rest.contains(':') {
        return sexagesimal_float(rest).map(|value| sign as f64 * value);
    }
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let starts_well = whole.starts_with(|c: char| c.is_ascii_digit())
        || whole.is_empty() && rest == text && fraction.starts_with(|c: char| c.is_ascii_digit());
    let exponent_ok =
        exponent.is_none_or(|exponent| exponent.strip_prefix(['+', '-']).and_then(digits_only).is_some());
    let clean = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !(starts_well && exponent_ok && clean(whole) && clean(fraction)) {
        return None;
    }
    format!("0{}", rest.replace('_', "")).parse::<f64>().ok().map(|value| sign as f64 * value)
}

fn sexagesimal_float(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.')?;
    let fraction = format!("0.{}", fraction.replace('_', ""));
    digits_only(&fraction[2..]).or((fraction.len() == 2).then_some(""))?;
    Some(sexagesimal(whole)? as f64 + fraction.parse::<f64>().ok()?)
}

/// Dates and times become the text that Python's `isoformat()` gives them.
pub(super) fn timestamp(text: &str) -> Option<String> {
    if text.len() == 10 {
        let date = text.parse::<jiff::civil::Date>().ok();
        return date.filter(|date| is_date(text) && date.year() > 0).map(|date| date.to_string());
    }
    let date = text.get(..4).and_then(digits_only).and_then(|_| date_prefix(text))?;
    let rest = &text[text.find(['T', 't', ' ', '\t'])?..];
    let rest = rest.strip_prefix(['T', 't']).unwrap_or_else(|| rest.trim_start());
    let zone_at = rest.find(['Z', '+', '-', ' ', '\t']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    Some(format!("{date}T{}{}", clock_iso(clock)?, zone_iso(zone.trim())?))
}

/// Whether the text is written as a date or a time, be there such a day or not.
pub(super) fn is_moment(text: &str) -> bool {
    if text.len() == 10 && is_date(text) {
        return true;
    }
    let Some((date, rest)) = text.split_once(['T', 't', ' ', '\t']) else { return false };
    let digits =
        |part: &str, lengths: &[usize]| digits_only(part).is_some_and(|d| lengths.contains(&d.len()));
    let all = |parts: &str, separator: char, lengths: [&[usize]; 3]| {
        let parts: Vec<&str> = parts.split(separator).collect();
        parts.len() == 3 && parts.iter().zip(lengths).all(|(part, lengths)| digits(part, lengths))
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let clock_end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
    let (clock, rest) = rest.split_at(clock_end);
    let rest =
        rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let zone = rest.trim_start_matches([' ', '\t']);
    let offset = |zone: &str| {
        let (hours, minutes) = zone.split_once(':').unwrap_or((zone, "00"));
        digits(hours, &[1, 2]) && digits(minutes, &[2])
    };
    let zone = rest.is_empty() || zone == "Z" || zone.strip_prefix(['+', '-']).is_some_and(offset);
    all(date, '-', [&[4], &[1, 2], &[1, 2]]) && all(clock, ':', [&[1, 2], &[2], &[2]]) && zone
}

fn is_date(text: &str) -> bool {
    text.bytes()
        .enumerate()
        .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn date_prefix(text: &str) -> Option<jiff::civil::Date> {
    let date = &text[..text.find(['T', 't', ' ', '\t'])?];
    let mut parts = date.split('-').map(|part| digits_only(part).filter(|part| part.len() <= 4));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    // Python has no year 0.
    date.filter(|date| date.year() > 0)
}

/// `1:02:03.4` as `01:02:03.400000`.
fn clock_iso(clock: &str) -> Option<String> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(digits_only);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let (hour, minute, second): (i8, i8, i8) =
        (hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?);
    jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let whole = format!("{hour:02}:{minute:02}:{second:02}");
    let micros: u32 = micros.parse().ok()?;
    Some(if micros == 0 { whole } else { format!("{whole}.{micros:06}") })
}

fn zone_iso(zone: &str) -> Option<String> {
    if zone.is_empty() {
        return Some(String::new());
    }
    if zone == "Z" {
        return Some("+00:00".to_owned());
    }
    let sign = zone.chars().next()?;
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
    let (hours, minutes): (u8, u8) = (digits_only(hours)?.parse().ok()?, digits_only(minutes)?.parse().ok()?);
    Some(format!("{sign}{hours:02}:{minutes:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn value(text: &str) -> Value {
        resolve(text)
            .unwrap()
            .map_or(text.into(), |value| fracas_model::Node::new(Default::default(), value).to_json())
    }

    #[test]
    fn resolves_as_yaml_1_1() {
        let cases = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("~", json!(null)),
            ("0755", json!(493)),
            ("0o755", json!("0o755")),
            ("0x1F", json!(31)),
            ("-0b101", json!(-5)),
            ("1:30", json!(90)),
            ("1:30:30", json!(5430)),
            ("1:70", json!("1:70")),
            ("1_000", json!(1000)),
            ("1e3", json!("1e3")),
            ("1.0e3", json!("1.0e3")),
            ("1.0e+3", json!(1000.0)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5", json!("-.5")),
            ("1:30.5", json!(90.5)),
            ("0:30.5", json!(30.5)),
            ("08", json!("08")),
            ("2024-01-01", json!("2024-01-01")),
            ("2001-12-14t21:59:43.10-05:00", json!("2001-12-14T21:59:43.100000-05:00")),
            ("2001-12-14 21:59:43", json!("2001-12-14T21:59:43")),
            ("12.5.1", json!("12.5.1")),
            ("-", json!("-")),
            ("+1", json!(1)),
            ("1-2", json!("1-2")),
            ("18446744073709551615", json!(18446744073709551615_u64)),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
        assert!(resolve(".inf").is_err());
        assert!(resolve("2024-13-01").is_err());
    }
}
