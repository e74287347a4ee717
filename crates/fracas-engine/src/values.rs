//! Configuration and secrets, and how `${name}` becomes their values.
//!
//! Source: `chaoslib.substitute`, which builds on Python's `string.Template`.

use fracas_model::{Node, python};
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Resolved configuration and secrets.
#[derive(Clone, Default)]
pub struct Values {
    /// Values by name.
    pub configuration: Map<String, Value>,
    /// Groups of values by name; a group is usually an object.
    pub secrets: IndexMap<String, Value>,
    /// Names of configuration whose values must not be shown either.
    pub sensitive: Vec<String>,
    /// What is not known before a run, and how it can be had.
    pub pending: Pending,
}

/// Values that are declared, but not known yet.
#[derive(Clone, Default)]
pub struct Pending {
    /// Probes that give configuration, by its name.
    pub probes: IndexMap<String, Node>,
    /// What a vault has: the path through the secrets, and the declaration.
    pub vault: Vec<(Vec<String>, Node)>,
}

impl Values {
    /// Whether there is nothing to substitute with.
    pub fn is_empty(&self) -> bool {
        self.configuration.is_empty() && self.secrets.is_empty()
    }

    /// The value behind a name: configuration first, then each group of secrets in order.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let in_secrets = || self.secrets.values().find_map(|group| group.get(name));
        self.configuration.get(name).or_else(in_secrets)
    }

    /// The same values and one more, which wins over one of the same name.
    pub fn with(mut self, name: impl Into<String>, value: Value) -> Values {
        self.configuration.insert(name.into(), value);
        self
    }

    /// Whether the data names a value that is not known yet.
    pub fn await_in(&self, data: &Value) -> bool {
        match data {
            Value::String(text) => names(text).any(|name| self.awaited(name)),
            Value::Array(items) => items.iter().any(|item| self.await_in(item)),
            Value::Object(map) => map.values().any(|item| self.await_in(item)),
            _ => false,
        }
    }

    fn awaited(&self, name: &str) -> bool {
        // A whole group may come from a vault, and so have any name.
        let from_vault = |path: &[String]| path.len() == 1 || path.last().is_some_and(|last| last == name);
        let pending = &self.pending;
        pending.probes.contains_key(name) || pending.vault.iter().any(|(path, _)| from_vault(path))
    }

    /// The same data with every `${name}` and `$name` replaced, keys left alone.
    ///
    /// A text that is nothing but `${name}` becomes the value itself, in its type; anything else
    /// becomes text as Python prints it. Unknown names stay as they are; `$$` becomes `$`.
    pub fn substitute(&self, data: &Value) -> Value {
        match data {
            Value::String(text) => self.substitute_text(text),
            Value::Array(items) => items.iter().map(|item| self.substitute(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, value)| (key.clone(), self.substitute(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// As [`Values::substitute`], but data is left alone when there are no values at all, as the
    /// reference does with the arguments of activities (there, `$$` stays too).
    pub fn substitute_arguments(&self, data: &Value) -> Value {
        if self.is_empty() { data.clone() } else { self.substitute(data) }
    }

    fn substitute_text(&self, text: &str) -> Value {
        if let Some(value) = lone_name(text).and_then(|name| self.get(name)) {
            return value.clone();
        }
        Value::String(self.substitute_within(text))
    }

    fn substitute_within(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            result.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            let (length, name) = placeholder(rest);
            match name.and_then(|name| self.get(name)) {
                Some(value) => result.push_str(&python::to_str(value)),
                None if rest.starts_with("$$") => result.push('$'),
                None => result.push_str(&rest[..length]),
            }
            rest = &rest[length..];
        }
        result + rest
    }
}

/// The name in a text that is nothing but `${name}`, and so stands for the value itself.
pub fn lone_name(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}').filter(|name| is_name(name))
}

/// How long the placeholder at the start of the text is, and the name in it. A `$$` is two long
/// and has no name; a `$` on its own is one long.
fn placeholder(text: &str) -> (usize, Option<&str>) {
    if text.starts_with("$$") {
        return (2, None);
    }
    let braced = text[1..].strip_prefix('{');
    let rest = braced.unwrap_or(&text[1..]);
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, after) = rest.split_at(length);
    match (braced, is_name(name)) {
        (None, true) => (length + 1, Some(name)),
        (Some(_), true) if after.starts_with('}') => (length + 3, Some(name)),
        _ => (1, None),
    }
}

/// The names that a text refers to.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('$')?..];
            let (length, name) = placeholder(rest);
            rest = &rest[length..];
            if name.is_some() {
                return name;
            }
        }
    })
}

/// Whether it is a name in the sense of `string.Template`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use serde_json::json;
    use std::process::{Command, Stdio};

    fn values() -> Values {
        let configuration = json!({"port": 8000, "ratio": 0.5, "on": true, "list": ["a"]});
        let secrets = [("db".to_owned(), json!({"password": "hunter2", "port": 1}))];
        Values {
            configuration: configuration.as_object().unwrap().clone(),
            secrets: secrets.into_iter().collect(),
            ..Values::default()
        }
    }

    #[test]
    fn substitutes_as_string_template_does() {
        let cases = [
            (json!("${port}"), json!(8000)),
            (json!("$port"), json!("8000")),
            (json!("http://x:${port}/$on/${list}"), json!("http://x:8000/True/['a']")),
            (json!("$$port $$"), json!("$port $")),
            (
                json!("${unknown} $unknown ${not a name} $ $1"),
                json!("${unknown} $unknown ${not a name} $ $1"),
            ),
            (json!("${password}"), json!("hunter2")),
            (json!({"$port": ["${ratio}", 1]}), json!({"$port": [0.5, 1]})),
            (json!("${port}${port}"), json!("80008000")),
            (json!("ünï$on"), json!("ünïTrue")),
        ];
        for (data, expected) in cases {
            assert_eq!(values().substitute(&data), expected, "{data}");
        }
    }

    #[test]
    fn substitutes_as_chaoslib_does() {
        let piece = prop_oneof![
            "[$]\\{?(port|PORT|ratio|on|list|password|none|data|group|_x|x1|é|ſ|K|port2|unknown)?\\}?",
            "[$]{1,3}",
            "[a-z {}$\n.é]{0,3}",
        ];
        let text = vec(piece, 0..4).prop_map(|pieces| Value::from(pieces.concat()));
        let leaf = prop_oneof![4 => text, 1 => Just(Value::Null), 1 => any::<i8>().prop_map(Value::from)];
        let data = leaf.prop_recursive(2, 8, 3, |inner| {
            let map = vec(("[$]?\\{?port\\}?", inner.clone()), 0..3);
            let map = map.prop_map(|map| Value::Object(map.into_iter().collect()));
            prop_oneof![vec(inner, 0..3).prop_map(Value::Array), map]
        });
        let configuration = json!({
            "port": 8000, "PORT": "upper", "ratio": 0.5, "on": true, "list": ["it's", 1e20, null], "none": null,
            "data": {"a": {"b": "${port}"}}, "_x": "", "x1": 0, "é": "accented", "ſ": "long", "K": "kelvin",
        });
        let secrets =
            json!({"db": {"password": "hunter2", "port": 1}, "more": {"password": "x", "group": [[]]}});
        let mut runner = TestRunner::deterministic();
        let data: Vec<Value> = (0..3000).map(|_| data.new_tree(&mut runner).unwrap().current()).collect();
        let values = Values {
            configuration: configuration.as_object().unwrap().clone(),
            secrets: secrets.as_object().unwrap().clone().into_iter().collect(),
            ..Values::default()
        };
        let expected = chaoslib(&json!([data, configuration, secrets]));
        assert_eq!(expected.len(), data.len());
        for (data, expected) in data.iter().zip(expected) {
            // As texts, since 1 and 1.0 are the same number.
            assert_eq!(values.substitute(data).to_string(), expected.to_string(), "{data}");
        }
    }

    fn chaoslib(input: &Value) -> Vec<Value> {
        let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
        let script = "import json, sys\nfrom chaoslib import substitute\ndata, *values = json.load(sys.stdin)\n\
                      print(json.dumps([substitute(item, *values) for item in data]))";
        let mut child = Command::new(python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        serde_json::to_writer(child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[test]
    fn many_variables_and_odd_texts_take_no_time() {
        let configuration = (0..50_000).map(|index| (format!("v{index}"), json!(index))).collect();
        let values = Values { configuration, ..Values::default() };
        let text: String = (0..50_000).map(|index| format!("${{v{index}}}")).collect();
        let expected: String = (0..50_000).map(|index| index.to_string()).collect();
        assert_eq!(values.substitute(&text.into()), json!(expected));
        let odd = "${a".repeat(200_000);
        assert_eq!(values.substitute(&odd.clone().into()), json!(odd));
    }

    #[test]
    fn arguments_stay_as_they_are_when_there_are_no_values() {
        let data = json!("$$HOME");
        assert_eq!(Values::default().substitute_arguments(&data), data);
        assert_eq!(Values::default().substitute(&data), json!("$HOME"));
    }
}
