//! Configuration and secrets get their values: written in place, from the environment, or from the
//! command line. What only a probe or a vault can give is left for the run.
//!
//! Source: chaoslib's `configuration.py` and `secret.py`.

use fracas_model::{Experiment, Node, Policy, Problem, Problems, Section, Severity, Span, Turn, python};
use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::{Pending, Values};

/// Reads environment variables; the one way by which the engine learns of them.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the user gives beside the experiment, by name: values, or declarations as an experiment
/// has them. They win over the experiment's for the names that it declares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// For the configuration.
    pub configuration: Map<String, Value>,
    /// For the secrets: whole groups.
    pub secrets: Map<String, Value>,
}

/// Resolves the configuration and secrets of an experiment, as far as that is possible without
/// asking anybody.
pub fn resolve(
    experiment: &Experiment,
    environment: Environment<'_>,
    given: &Given,
    policy: &Policy,
    problems: &mut Problems,
) -> Values {
    let mut resolver = Resolver {
        environment,
        policy,
        problems,
        sensitive: Vec::new(),
        pending: Pending::default(),
        place: None,
    };
    let mut configuration = Map::new();
    for (name, declared) in &experiment.configuration {
        let value = resolver.declared_configuration(name, declared, given.configuration.get(name));
        configuration.extend(value.map(|value| (name.clone(), value)));
    }
    let mut secrets = IndexMap::new();
    for (name, declared) in &experiment.secrets {
        let value = resolver.group(name, declared, given.secrets.get(name));
        secrets.insert(name.clone(), value);
    }
    resolver.unused(given.configuration.keys(), &experiment.configuration, "configuration");
    resolver.unused(given.secrets.keys(), &experiment.secrets, "secrets");
    let Resolver { sensitive, pending, .. } = resolver;
    Values { configuration, secrets, sensitive, pending }
}

/// What a validation finds that looks at the experiment alone, where the policy says so: variables
/// that are not set, although values are given for what they stand for.
pub fn check_declared(
    experiment: &Experiment,
    environment: Environment<'_>,
    given: &Given,
    policy: &Policy,
    problems: &mut Problems,
) {
    if policy.given_values_stand {
        return;
    }
    let declared = experiment.configuration.clone();
    let shadowed = declared.into_iter().filter(|(name, _)| given.configuration.contains_key(name)).collect();
    let shadowed = Experiment { configuration: shadowed, secrets: IndexMap::new(), ..experiment.clone() };
    resolve(&shadowed, environment, &Given::default(), policy, problems);
}

struct Resolver<'a> {
    environment: Environment<'a>,
    policy: &'a Policy,
    problems: &'a mut Problems,
    sensitive: Vec<String>,
    pending: Pending,
    /// Where to point for values that were given beside the experiment.
    place: Option<Span>,
}

/// Where a value belongs; the two are declared a little differently.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Configuration,
    Secrets,
}

impl Resolver<'_> {
    fn declared_configuration(
        &mut self,
        name: &str,
        declared: &Node,
        given: Option<&Value>,
    ) -> Option<Value> {
        let Some(given) = given else { return self.configuration(name, declared) };
        self.place = Some(declared.span);
        let value = self.configuration(name, &Node::from(given));
        self.place = None;
        if is_sensitive(declared) {
            self.sensitive.push(name.to_owned());
        }
        value
    }

    fn configuration(&mut self, name: &str, node: &Node) -> Option<Value> {
        if is_sensitive(node) || KEYS_OF_VAULTS.contains(&name) {
            self.sensitive.push(name.to_owned());
        }
        match declared_type(node) {
            Some("env") => self.environment_value(node, Part::Configuration),
            Some("probe") => {
                self.pending.probes.insert(name.to_owned(), self.placed(node));
                None
            }
            _ => Some(node.to_json()),
        }
    }

    /// A group of secrets. A given one takes the place of all of it.
    fn group(&mut self, name: &str, declared: &Node, given: Option<&Value>) -> Value {
        let path = vec![name.to_owned()];
        let given = given.filter(|given| !given.is_null() && declared.as_map().is_some());
        let Some(given) = given else { return self.secret(declared, path).unwrap_or_else(empty) };
        if !self.policy.given_values_stand {
            return given.clone();
        }
        self.place = Some(declared.span);
        let value = self.secret(&Node::from(given), path).unwrap_or_else(empty);
        self.place = None;
        value
    }

    fn secret(&mut self, node: &Node, path: Vec<String>) -> Option<Value> {
        match (declared_type(node), node.as_map()) {
            (Some("env"), _) => self.environment_value(node, Part::Secrets),
            (Some("vault"), _) => {
                if node.get("path").and_then(Node::as_str).is_none_or(str::is_empty) {
                    let problem = self.error(node, "a secret from the vault needs its path");
                    self.tell(problem.help("add `\"path\": \"...\"`, without the mount point"));
                    return None;
                }
                self.pending.vault.push((path, self.placed(node)));
                None
            }
            (_, Some(map)) => {
                let mut group = Map::new();
                for (name, entry) in map {
                    let mut path = path.clone();
                    path.push(name.clone());
                    group.extend(self.secret(&entry.value, path).map(|value| (name.clone(), value)));
                }
                Some(Value::Object(group))
            }
            _ => Some(node.to_json()),
        }
    }

    fn environment_value(&mut self, node: &Node, part: Part) -> Option<Value> {
        let Some(key) = node.get("key").and_then(Node::as_str).filter(|key| !key.is_empty()) else {
            let problem = self.error(node, "a value from the environment needs the variable's name");
            self.tell(problem.help("add `\"key\": \"NAME\"`"));
            return None;
        };
        let default = node.get("default").filter(|_| part == Part::Configuration);
        let value = match ((self.environment)(key), default) {
            (Some(text), _) => Value::String(text),
            (None, Some(default)) => default.to_json(),
            (None, None) => {
                self.unset(node, key, part);
                return None;
            }
        };
        match part {
            Part::Configuration => self.typed(node, key, value),
            Part::Secrets => Some(value),
        }
    }

    fn unset(&mut self, node: &Node, key: &str, part: Part) {
        let (way_out, words) = match part {
            Part::Configuration => (
                ", or give the value a \"default\"",
                "Configuration makes reference to an environment key that does not exist: ",
            ),
            Part::Secrets => ("", "Secrets make reference to an environment key that does not exist: "),
        };
        let problem = self.error(node, &format!("the environment variable {key} is not set"));
        self.tell(problem.help(format!("set {key}{way_out}")).words(format!("{words}{key}")));
    }

    fn typed(&mut self, node: &Node, key: &str, value: Value) -> Option<Value> {
        let Some(kind) = node.get("env_var_type").filter(|kind| !kind.is_null()) else { return Some(value) };
        match convert(kind.as_str().unwrap_or_default(), value) {
            Ok(value) => Some(value),
            Err(message) => {
                let problem = self.error(kind, &format!("the value of {key} {message}"));
                self.tell(problem);
                None
            }
        }
    }

    fn unused<'n>(
        &mut self,
        given: impl Iterator<Item = &'n String>,
        declared: &IndexMap<String, Node>,
        part: &str,
    ) {
        if !self.policy.given_values_stand {
            return;
        }
        for name in given.filter(|name| !declared.contains_key(*name)) {
            let message = format!("the value given for `{name}` is not used: the {part} has no such name");
            let message = message.replace("the secrets has", "the secrets have");
            let problem = Problem::general(message).help(format!("declare it under `{part}`"));
            self.tell(Problem { severity: Severity::Warning, ..problem });
        }
    }

    /// The node where problems about it are to point.
    fn placed(&self, node: &Node) -> Node {
        Node::new(self.place.unwrap_or(node.span), node.value.clone())
    }

    fn error(&self, node: &Node, message: &str) -> Problem {
        Problem::error(self.place.unwrap_or(node.span), message)
    }

    fn tell(&mut self, problem: Problem) {
        self.problems.push(problem.in_turn(Turn { section: Section::Values, ..Turn::default() }));
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn declared_type(node: &Node) -> Option<&str> {
    node.get("type").and_then(Node::as_str)
}

/// Configuration that opens a vault, and is as secret as what is in it.
const KEYS_OF_VAULTS: [&str; 2] = ["vault_token", "vault_role_secret"];

/// Whether a declaration asks for its value not to be shown. A plain object is no declaration: in
/// Chaos Toolkit it is the value itself.
fn is_sensitive(node: &Node) -> bool {
    let declares = matches!(declared_type(node), Some("env" | "probe"));
    declares && node.get("sensitive").is_some_and(|flag| flag.to_json() == true)
}

/// A value as one of a named type, as `--var name:type=value` and `env_var_type` have it.
///
/// # Errors
///
/// The rest of a sentence that begins with what the value is.
pub fn convert(kind: &str, value: Value) -> Result<Value, String> {
    match kind {
        "str" | "string" => Ok(value),
        "int" | "integer" => integer(&value),
        "float" | "number" => float(&value),
        "bytes" if value.is_string() => Ok(value),
        "bytes" => Err(format!("is {}, and only a text becomes bytes", python::to_repr(&value))),
        "bool" => match &value {
            Value::Bool(_) => Ok(value),
            Value::String(text) => {
                Ok(Value::Bool(!matches!(text.to_lowercase().as_str(), "false" | "0" | "no")))
            }
            other => Err(format!("is {}, neither a text nor a boolean", python::to_repr(other))),
        },
        "json" => match &value {
            Value::String(text) if !text.is_empty() => {
                serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))
            }
            _ => Ok(value),
        },
        _ => Err(format!("cannot become `{kind}`: the types are str, int, float, bytes, bool and json")),
    }
}

/// What Python's `int()` makes of it.
fn integer(value: &Value) -> Result<Value, String> {
    let no_integer = || "is no integer".to_owned();
    match value {
        Value::String(text) => {
            let digits = without_underscores(text.trim()).ok_or_else(no_integer)?;
            let number: i128 = digits.parse().map_err(|_| no_integer())?;
            let number = Number::from_i128(number).ok_or("needs more than 64 bits")?;
            Ok(Value::Number(number))
        }
        Value::Bool(flag) => Ok(Value::from(u8::from(*flag))),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => {
                let whole = Number::from_i128(float as i128).ok_or("needs more than 64 bits")?;
                Ok(Value::Number(whole))
            }
            _ => Ok(value.clone()),
        },
        _ => Err(no_integer()),
    }
}

/// What Python's `float()` makes of it, unless it is infinite or no number at all.
fn float(value: &Value) -> Result<Value, String> {
    let float = match value {
        Value::String(text) => without_underscores(text.trim()).and_then(|digits| digits.parse().ok()),
        other => python::number(other),
    };
    let float: f64 = float.ok_or("is no number")?;
    let number = Number::from_f64(float).ok_or("is a number that a journal cannot hold")?;
    Ok(Value::Number(number))
}

/// The text of a number without the underscores between its digits. None when one stands elsewhere.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let well_placed = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    let all_well = (0..bytes.len()).filter(|at| bytes[*at] == b'_').all(well_placed);
    all_well.then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment_of;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn converts_texts_and_numbers() {
        let cases = [
            ("int", json!("5"), json!(5)),
            ("int", json!(" -1_000\n"), json!(-1000)),
            ("int", json!(1.5), json!(1)),
            ("int", json!(true), json!(1)),
            ("integer", json!("18446744073709551615"), json!(18446744073709551615_u64)),
            ("float", json!(2), json!(2.0)),
            ("number", json!("1_0.5e-1"), json!(1.05)),
            ("float", json!(".5"), json!(0.5)),
            ("bool", json!("off"), json!(true)),
            ("bool", json!(""), json!(true)),
            ("bool", json!("No"), json!(false)),
            ("bool", json!(false), json!(false)),
            ("json", json!("[1]"), json!([1])),
            ("json", json!(""), json!("")),
            ("json", json!(null), json!(null)),
            ("json", json!({"a": 1}), json!({"a": 1})),
            ("str", json!(5), json!(5)),
            ("bytes", json!("é"), json!("é")),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(convert(kind, value), Ok(expected), "{kind}");
        }
        let refused = [
            ("int", json!("x")),
            ("int", json!("1__0")),
            ("int", json!("1.0")),
            ("int", json!("99999999999999999999")),
            ("int", json!(null)),
            ("float", json!("nan")),
            ("float", json!("1_.5")),
            ("bool", json!(1)),
            ("bytes", json!(1)),
            ("json", json!("{")),
            ("odd", json!("x")),
        ];
        for (kind, value) in refused {
            assert!(convert(kind, value.clone()).is_err(), "{kind} {value}");
        }
    }

    fn resolved(experiment: Value, given: Given, policy: &Policy) -> (Values, Vec<String>) {
        let experiment = experiment_of(&Arc::new(Node::from(&experiment))).0.unwrap();
        let environment = |name: &str| (name == "PORT").then(|| "8000".to_owned());
        let mut problems = Problems::default();
        let values = resolve(&experiment, &environment, &given, policy, &mut problems);
        (values, problems.0.into_iter().map(|problem| problem.message).collect())
    }

    fn experiment() -> Value {
        json!({
            "title": "t", "description": "d", "method": [],
            "configuration": {
                "plain": {"a": 1},
                "port": {"type": "env", "key": "PORT", "env_var_type": "int"},
                "host": {"type": "env", "key": "HOST", "default": "localhost", "sensitive": true},
                "missing": {"type": "env", "key": "MISSING"},
                "sure": {"value": 1, "sensitive": true},
            },
            "secrets": {"db": {"user": "me", "port": {"type": "env", "key": "PORT"}}},
        })
    }

    #[test]
    fn declarations_become_values() {
        let given = Given { configuration: json_map(json!({"missing": 5, "odd": 1})), ..Given::default() };
        let (values, problems) = resolved(experiment(), given, &Policy::FRACAS);
        let expected = json!({
            "plain": {"a": 1}, "port": 8000, "host": "localhost", "missing": 5,
            "sure": {"value": 1, "sensitive": true},
        });
        assert_eq!(Value::Object(values.configuration), expected);
        assert_eq!(values.secrets["db"], json!({"user": "me", "port": "8000"}));
        assert_eq!(values.sensitive, ["host"]);
        assert_eq!(problems, ["the value given for `odd` is not used: the configuration has no such name"]);
    }

    #[test]
    fn what_is_given_may_be_a_declaration() {
        let secrets = json!({"db": {"token": {"type": "env", "key": "PORT"}}});
        let given = Given {
            configuration: json_map(json!({"missing": {"type": "env", "key": "PORT", "sensitive": true}})),
            secrets: json_map(secrets.clone()),
        };
        let (values, problems) = resolved(experiment(), given.clone(), &Policy::FRACAS);
        assert_eq!((&values.configuration["missing"], problems.len()), (&json!("8000"), 0));
        assert_eq!(values.sensitive, ["host", "missing"]);
        assert_eq!(values.secrets["db"], json!({"token": "8000"}));
        let (values, problems) = resolved(experiment(), given.clone(), &Policy::CHAOS_TOOLKIT);
        assert_eq!((&values.secrets["db"], problems.len()), (&secrets["db"], 0));
    }

    #[test]
    fn a_validation_may_look_at_the_experiment_alone() {
        let given = Given { configuration: json_map(json!({"missing": 1, "port": 2})), ..Given::default() };
        let experiment = experiment_of(&Arc::new(Node::from(&experiment()))).0.unwrap();
        let found = |policy: &Policy| {
            let mut problems = Problems::default();
            check_declared(&experiment, &|name| Some(name.to_owned()), &given, policy, &mut problems);
            let converted = problems.0.len();
            check_declared(&experiment, &|_| None, &given, policy, &mut problems);
            (converted, problems.0.len())
        };
        // PORT is no integer, then neither is set.
        assert_eq!(found(&Policy::CHAOS_TOOLKIT), (1, 3));
        assert_eq!(found(&Policy::FRACAS), (0, 0));
    }

    #[test]
    fn what_only_others_can_give_is_left_for_later() {
        let mut experiment = experiment();
        experiment["configuration"]["missing"] = json!({"type": "probe", "name": "p", "provider": {}});
        experiment["secrets"]["db"]["key"] = json!({"type": "vault", "path": "a/b"});
        let (values, problems) = resolved(experiment, Given::default(), &Policy::FRACAS);
        assert_eq!(problems, Vec::<String>::new());
        assert!(!values.configuration.contains_key("missing"));
        assert_eq!(values.pending.probes.keys().collect::<Vec<_>>(), ["missing"]);
        assert_eq!(values.pending.vault[0].0, ["db", "key"]);
        assert!(values.await_in(&json!({"x": ["a ${missing}"]})) && values.await_in(&json!("$key")));
        assert!(!values.await_in(&json!("${user} $$missing ${other}")));
    }

    fn json_map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }
}
