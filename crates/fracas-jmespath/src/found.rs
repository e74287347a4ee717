//! Values on the way through an expression: parts are not copied before they are the result.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

/// A part of what is searched, or a value that was made.
#[derive(Clone)]
pub enum Found<'v> {
    Part(&'v Value),
    Made(Value),
    List(Vec<Found<'v>>),
}

pub const NULL: Found = Found::Made(Value::Null);

impl<'v> Found<'v> {
    pub fn made(value: impl Into<Value>) -> Self {
        Found::Made(value.into())
    }

    pub fn into_value(self) -> Value {
        match self {
            Found::Part(value) => value.clone(),
            Found::Made(value) => value,
            Found::List(items) => items.into_iter().map(Found::into_value).collect(),
        }
    }

    pub fn value(&self) -> Cow<'_, Value> {
        match self {
            Found::Part(value) => Cow::Borrowed(value),
            Found::Made(value) => Cow::Borrowed(value),
            Found::List(_) => Cow::Owned(self.clone().into_value()),
        }
    }

    /// The value, unless it is a list of parts.
    pub fn plain(&self) -> Option<&Value> {
        match self {
            Found::Part(value) => Some(value),
            Found::Made(value) => Some(value),
            Found::List(_) => None,
        }
    }

    /// The type's name in JMESPath.
    pub fn type_name(&self) -> &'static str {
        match self.plain() {
            None | Some(Value::Array(_)) => "array",
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(_)) => "number",
            Some(Value::String(_)) => "string",
            Some(Value::Object(_)) => "object",
        }
    }

    pub fn text(&self) -> Option<&str> {
        self.plain()?.as_str()
    }

    pub fn is_null(&self) -> bool {
        self.plain().is_some_and(Value::is_null)
    }

    pub fn is_true(&self) -> bool {
        match self.plain() {
            None => !matches!(self, Found::List(items) if items.is_empty()),
            Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(entries)) => !entries.is_empty(),
            Some(_) => true,
        }
    }

    pub fn field(self, name: &str) -> Found<'v> {
        match self {
            Found::Part(value) => value.get(name).map_or(NULL, Found::Part),
            Found::Made(mut value) => value.get_mut(name).map_or(NULL, |value| Found::Made(value.take())),
            Found::List(_) => NULL,
        }
    }

    pub fn items(self) -> Option<Vec<Found<'v>>> {
        match self {
            Found::Part(Value::Array(items)) => Some(items.iter().map(Found::Part).collect()),
            Found::Made(Value::Array(items)) => Some(items.into_iter().map(Found::Made).collect()),
            Found::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn entries(self) -> Option<Vec<(Cow<'v, str>, Found<'v>)>> {
        let part = |(key, value): (&'v String, &'v Value)| (key.as_str().into(), Found::Part(value));
        match self {
            Found::Part(Value::Object(entries)) => Some(entries.iter().map(part).collect()),
            Found::Made(Value::Object(entries)) => {
                Some(entries.into_iter().map(|(key, value)| (key.into(), Found::Made(value))).collect())
            }
            _ => None,
        }
    }
}

/// Numbers and texts have an order among themselves; others have none.
pub fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// 1 and 1.0 are equal.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => ordering(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same =
                |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        (left, right) => left == right,
    }
}
