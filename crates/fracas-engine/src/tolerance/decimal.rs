//! Numbers as Python's `Decimal` takes and compares them: exactly, whatever their size.
//!
//! Source: <https://docs.python.org/3/library/decimal.html#decimal.Decimal>.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// What `Decimal(value)` gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decimal {
    NotANumber,
    Infinite {
        negative: bool,
    },
    Finite {
        negative: bool,
        /// Without zeros at either end; empty for zero.
        digits: String,
        /// Where the point stands: so many places after the first digit's left side.
        point: i64,
    },
}

/// Exponents beyond this are refused, as Python does.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;

impl Decimal {
    /// The decimal of a value: none of what is no number, an error for what cannot be asked.
    ///
    /// # Errors
    ///
    /// The value is no text and no number: the reference ends with an exception.
    pub(super) fn of(value: &Value) -> Result<Option<Decimal>, ()> {
        match value {
            Value::Bool(flag) => Ok(Decimal::read(if *flag { "1" } else { "0" })),
            Value::Number(number) => Ok(Decimal::read(&exact(number))),
            Value::String(text) => Ok(Decimal::read(&text.trim().replace('_', ""))),
            _ => Err(()),
        }
    }

    fn read(text: &str) -> Option<Decimal> {
        let negative = text.starts_with('-');
        let magnitude = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
        if magnitude == "inf" || magnitude == "infinity" {
            return Some(Decimal::Infinite { negative });
        }
        let after_nan = magnitude.strip_prefix('s').unwrap_or(&magnitude).strip_prefix("nan");
        if after_nan.is_some_and(|payload| payload.bytes().all(|byte| byte.is_ascii_digit())) {
            return Some(Decimal::NotANumber);
        }
        let (mantissa, exponent) = magnitude.split_once('e').unwrap_or((&magnitude, "0"));
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        let point = whole.len() as i64 - leading as i64 + exponent;
        Some(Decimal::Finite { negative, digits, point })
    }

    /// How two numbers are ordered; not at all when one of them is none.
    pub(super) fn compare(&self, other: &Decimal) -> Option<Ordering> {
        let (left, right) = (self.sign()?, other.sign()?);
        if left != right || left == 0 {
            return Some(left.cmp(&right));
        }
        let magnitude = self.magnitude(other);
        Some(if left < 0 { magnitude.reverse() } else { magnitude })
    }

    /// -1, 0 or 1.
    fn sign(&self) -> Option<i8> {
        match self {
            Decimal::NotANumber => None,
            Decimal::Finite { digits, .. } if digits.is_empty() => Some(0),
            Decimal::Infinite { negative } | Decimal::Finite { negative, .. } => {
                Some(if *negative { -1 } else { 1 })
            }
        }
    }

    fn magnitude(&self, other: &Decimal) -> Ordering {
        match (self, other) {
            (Decimal::Finite { digits, point, .. }, Decimal::Finite { digits: others, point: place, .. }) => {
                point.cmp(place).then_with(|| digits.cmp(others))
            }
            (Decimal::Infinite { .. }, Decimal::Infinite { .. }) => Ordering::Equal,
            (Decimal::Infinite { .. }, _) => Ordering::Greater,
            _ => Ordering::Less,
        }
    }
}

/// All digits of a number. A float has up to 1074 places, none of which is lost.
fn exact(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => format!("{float:.1074}"),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(left: Value, right: Value) -> Option<Ordering> {
        Decimal::of(&left).unwrap().unwrap().compare(&Decimal::of(&right).unwrap().unwrap())
    }

    #[test]
    fn compares_exactly() {
        use Ordering::*;
        let cases = [
            (json!("0.3"), json!(0.3), Some(Greater)),
            (json!(0.3), json!(0.3), Some(Equal)),
            (json!("1_5"), json!(15), Some(Equal)),
            (json!(" 15\n"), json!(15.0), Some(Equal)),
            (json!("-Infinity"), json!(-1e308), Some(Less)),
            (json!("nan"), json!(1), None),
            (json!(true), json!("1.000"), Some(Equal)),
            (json!("1e400"), json!("9.99e399"), Some(Greater)),
            (json!("-0"), json!(0.0), Some(Equal)),
            (json!(9007199254740993_i64), json!(9007199254740992.0), Some(Greater)),
            (json!("0.001"), json!("0.01"), Some(Less)),
            (json!("-2"), json!("-10"), Some(Greater)),
            (json!(".5"), json!("5.e-1"), Some(Equal)),
        ];
        for (left, right, expected) in cases {
            assert_eq!(order(left.clone(), right.clone()), expected, "{left} {right}");
        }
    }

    #[test]
    fn tells_what_is_no_number() {
        for text in ["", "x", "1 5", "1e", "0x1", "--1", "1e9999999999999999999"] {
            assert_eq!(Decimal::of(&json!(text)), Ok(None), "{text}");
        }
        for value in [json!(null), json!([1]), json!({})] {
            assert_eq!(Decimal::of(&value), Err(()), "{value}");
        }
    }
}
