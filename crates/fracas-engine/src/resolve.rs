//! Configuration and secrets get their values: written in place, or from the environment.
//!
//! Source: chaoslib's `configuration.py` and `secret.py`.

use fracas_model::{Experiment, Node, Problem, Problems};
use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::Values;

/// Reads environment variables; the one way by which the engine learns of them.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Resolves the configuration and secrets of an experiment. `given` holds values from the command
/// line, which win over the experiment's for the names that it declares.
pub fn resolve(
    experiment: &Experiment,
    environment: Environment<'_>,
    given: &Map<String, Value>,
    problems: &mut Problems,
) -> Values {
    let mut resolver = Resolver { environment, problems };
    let configuration = experiment.configuration.iter().filter_map(|(name, node)| {
        let value = given.get(name).cloned().or_else(|| resolver.configuration(node));
        value.map(|value| (name.clone(), value))
    });
    let configuration = configuration.collect();
    let secrets = experiment.secrets.iter().map(|(name, node)| (name.clone(), resolver.secret(node)));
    let secrets: IndexMap<String, Value> = secrets.collect();
    resolver.unused(experiment, given);
    Values { configuration, secrets }
}

struct Resolver<'a> {
    environment: Environment<'a>,
    problems: &'a mut Problems,
}

impl Resolver<'_> {
    fn configuration(&mut self, node: &Node) -> Option<Value> {
        match declared_type(node) {
            Some("env") => self.environment_value(node, "configuration"),
            Some("probe") => {
                self.unsupported(node, "no configuration from probes");
                None
            }
            _ => Some(node.to_json()),
        }
    }

    fn secret(&mut self, node: &Node) -> Value {
        match (declared_type(node), node.as_map()) {
            (Some("env"), _) => self.environment_value(node, "secrets").unwrap_or_default(),
            (Some("vault"), _) => {
                self.unsupported(node, "no secrets from Vault");
                Value::Null
            }
            (_, Some(map)) => Value::Object(
                map.iter().map(|(name, entry)| (name.clone(), self.secret(&entry.value))).collect(),
            ),
            _ => node.to_json(),
        }
    }

    fn environment_value(&mut self, node: &Node, whose: &str) -> Option<Value> {
        let Some(key) = node.get("key").and_then(Node::as_str).filter(|key| !key.is_empty()) else {
            self.problems.push(
                Problem::error(node.span, "a value from the environment needs the variable's name")
                    .help("add `\"key\": \"NAME\"`"),
            );
            return None;
        };
        let value = match ((self.environment)(key), node.get("default")) {
            (Some(text), _) => Value::String(text),
            (None, Some(default)) => default.to_json(),
            (None, None) => {
                let problem = Problem::error(node.span, format!("the environment variable {key} is not set"));
                let way_out = if whose == "secrets" { "" } else { ", or give the value a \"default\"" };
                self.problems.push(problem.help(format!("set {key}{way_out}")));
                return None;
            }
        };
        self.typed(node, key, value)
    }

    fn typed(&mut self, node: &Node, key: &str, value: Value) -> Option<Value> {
        let Some(kind) = node.get("env_var_type").filter(|kind| !kind.is_null()) else { return Some(value) };
        match convert(kind.as_str().unwrap_or_default(), value) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problems.push(Problem::error(kind.span, format!("the value of {key} {message}")));
                None
            }
        }
    }

    fn unused(&mut self, experiment: &Experiment, given: &Map<String, Value>) {
        for name in given.keys().filter(|name| !experiment.configuration.contains_key(*name)) {
            let message =
                format!("the value given for `{name}` is not used: the configuration has no such name");
            let mut problem = Problem::general(message).help("declare it under `configuration`");
            problem.severity = fracas_model::Severity::Warning;
            self.problems.push(problem);
        }
    }

    fn unsupported(&mut self, node: &Node, what: &str) {
        let problem = Problem::error(node.span, format!("this version of fracas supports {what}"));
        self.problems.push(problem.help("give the value itself, or take it from the environment"));
    }
}

fn declared_type(node: &Node) -> Option<&str> {
    node.get("type").and_then(Node::as_str)
}

/// A text as a value of a named type, as `--var name:type=value` and `env_var_type` have it.
///
/// # Errors
///
/// The rest of a sentence that begins with what the value is.
pub fn convert(kind: &str, value: Value) -> Result<Value, String> {
    let text = match &value {
        Value::String(text) => text,
        Value::Number(number) => return Ok(convert_number(kind, number)),
        _ => return Ok(value),
    };
    match kind {
        "str" | "string" | "bytes" => Ok(value),
        "int" | "integer" => {
            let number = text.trim().replace('_', "").parse::<i64>();
            number.map(Value::from).map_err(|_| "is no integer".to_owned())
        }
        "float" | "number" => {
            let number = text.trim().replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
            number.map(Value::from).ok_or_else(|| "is no number".to_owned())
        }
        "bool" => Ok(Value::Bool(!matches!(text.to_lowercase().as_str(), "false" | "0" | "no"))),
        "json" if text.is_empty() => Ok(value),
        "json" => serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}")),
        _ => Err(format!("cannot become `{kind}`: the types are str, int, float, bytes, bool and json")),
    }
}

/// A number of a default as the type that is asked for.
fn convert_number(kind: &str, number: &Number) -> Value {
    match (kind, number.as_f64()) {
        ("int" | "integer", Some(float)) if number.is_f64() => Value::from(float as i64),
        ("float" | "number", Some(float)) => Value::from(float),
        _ => Value::Number(number.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn converts_texts_and_numbers() {
        let cases = [
            ("int", json!("5"), json!(5)),
            ("int", json!(1.5), json!(1)),
            ("float", json!(2), json!(2.0)),
            ("bool", json!("off"), json!(true)),
            ("bool", json!("No"), json!(false)),
            ("json", json!("[1]"), json!([1])),
            ("str", json!(5), json!(5)),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(convert(kind, value), Ok(expected), "{kind}");
        }
        assert!(convert("int", json!("x")).is_err());
        assert!(convert("odd", json!("x")).is_err());
    }
}
