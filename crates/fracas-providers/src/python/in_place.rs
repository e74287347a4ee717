//! Objects and lists among a function's arguments that are not copies, so that what the function changes in them
//! stays changed.
//!
//! Source: `run_python_activity` of chaoslib's `provider.python` and chaoslib's `substitute`: without values to
//! substitute, what stands in the arguments is the experiment's own. Otherwise it is copied, unless it is empty;
//! and a lone `${name}` gives the very value of the configuration.

use fracas_engine::{Values, lone_name};
use serde_json::{Value, json};

use super::child::Answer;
use super::controls::pointer;

/// The keys and indexes that lead to a part of the arguments.
type Path = Vec<Value>;

/// What is found among the arguments.
#[derive(Default)]
struct Found {
    /// The experiment's own.
    own: Vec<Path>,
    /// Those of the configuration, with their names.
    configured: Vec<(Path, String)>,
}

/// Says in a message to the child which of the declared arguments are no copies.
pub(super) fn tell(declared: &Value, values: &Values, message: &mut Answer) {
    let mut found = Found::default();
    if let Value::Object(arguments) = declared {
        for (name, argument) in arguments {
            found.look(argument, vec![name.as_str().into()], values);
        }
    }
    if !found.own.is_empty() {
        message.insert("own".to_owned(), json!(found.own));
    }
    if !found.configured.is_empty() {
        message.insert("configured".to_owned(), json!(found.configured));
    }
}

/// What the call has changed of the experiment, by the JSON pointer of each part; `place` is that of the activity.
pub(super) fn changed(answer: &mut Answer, place: &str) -> Vec<(String, Value)> {
    let changed = answer.remove("own").unwrap_or_default();
    let changed: Vec<(Path, Value)> = serde_json::from_value(changed).unwrap_or_default();
    if place.is_empty() {
        return Vec::new();
    }
    let arguments = || format!("{place}/provider/arguments");
    changed.into_iter().map(|(path, value)| (path.iter().fold(arguments(), below), value)).collect()
}

fn below(above: String, key: &Value) -> String {
    match key {
        Value::String(key) => pointer(&above, key),
        index => format!("{above}/{index}"),
    }
}

impl Found {
    fn look(&mut self, argument: &Value, path: Path, values: &Values) {
        match argument {
            Value::Array(items) if !is_own(items.is_empty(), values) => {
                for (index, item) in items.iter().enumerate() {
                    self.look(item, [&path[..], &[index.into()]].concat(), values);
                }
            }
            Value::Object(map) if !is_own(map.is_empty(), values) => {
                for (key, item) in map {
                    self.look(item, [&path[..], &[key.as_str().into()]].concat(), values);
                }
            }
            Value::Array(_) | Value::Object(_) => self.own.push(path),
            Value::String(text) => {
                let name = lone_name(text).filter(|name| is_container(values.configuration.get(*name)));
                self.configured.extend(name.map(|name| (path, name.to_owned())));
            }
            _ => {}
        }
    }
}

fn is_own(is_empty: bool, values: &Values) -> bool {
    is_empty || values.is_empty()
}

fn is_container(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.is_object() || value.is_array())
}
