//! What a probe's output has to be, as it is declared.
//!
//! Source: chaoslib's `ensure_hypothesis_tolerance_is_valid`.

use std::sync::Arc;

use fracas_model::*;
use serde_json::Value;

use super::{Reader, describe, error_at, number};
use crate::tolerance::{JsonPath, Unusable, compile};

impl Reader {
    pub(super) fn tolerance(&mut self, node: &Node) -> Option<Tolerance> {
        match &node.value {
            NodeValue::Bool(_) | NodeValue::String(_) => Some(Tolerance::Equal(node.to_json())),
            NodeValue::Number(number) if !number.is_f64() => Some(Tolerance::Equal(node.to_json())),
            NodeValue::List(items) => Some(Tolerance::OneOf(items.iter().map(Node::to_json).collect())),
            NodeValue::Map(map) => self.typed_tolerance(node, map),
            NodeValue::Number(_) | NodeValue::Null => {
                let help = "give a boolean, an integer, a text, a list, or {\"type\": \"range\", \"range\": [0.1, 0.5]}";
                let problem = error_at(node, format!("a tolerance cannot be {}", describe(node))).help(help);
                self.tell(problem.playable().words(
                    "hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of \
                     values for boundaries. It can also be a dictionary which is a probe activity definition \
                     that takes an argument called `value` with the value of the probe itself to be validated",
                ));
                None
            }
        }
    }

    fn typed_tolerance(&mut self, node: &Node, map: &Map) -> Option<Tolerance> {
        match node.get("type").and_then(Node::as_str) {
            Some("probe") => self.activity(node).map(|activity| Tolerance::Probe(Arc::new(activity))),
            Some("regex") => {
                self.near_misses(map, &["type", "pattern", "target"]);
                self.regex(node)
            }
            Some("jsonpath") => {
                self.near_misses(map, &["type", "path", "target", "count", "expect"]);
                self.json_path(node)
            }
            Some("range") => {
                self.near_misses(map, &["type", "range", "target"]);
                self.range(node)
            }
            _ => {
                self.unknown_tolerance(node);
                None
            }
        }
    }

    fn unknown_tolerance(&mut self, node: &Node) {
        let kind = node.get("type");
        let name = kind.map_or("None".to_owned(), |kind| python::to_str(&kind.to_json()));
        let problem = error_at(kind.unwrap_or(node), "unknown type of tolerance")
            .help("use one of: range, regex, jsonpath, probe");
        self.tell(problem.words(format!("hypothesis probe tolerance type '{name}' is unsupported")));
    }

    fn regex(&mut self, node: &Node) -> Option<Tolerance> {
        let Some(declared) = node.get("pattern") else {
            let problem = error_at(node, "a regex tolerance needs a `pattern`");
            self.tell(problem.words("hypothesis regex probe tolerance must have a `pattern` key"));
            return None;
        };
        let Some(pattern) = declared.as_str() else {
            let problem = error_at(declared, format!("a pattern is a text, not {}", describe(declared)));
            let shown = python::to_str(&declared.to_json());
            self.tell(
                problem.words(format!("hypothesis probe tolerance pattern {shown} has an invalid type")),
            );
            return None;
        };
        if let Err(error) = compile(pattern) {
            self.tell(unusable(declared, pattern, &error));
        }
        let target = self.target(node)?;
        Some(Tolerance::Regex { pattern: pattern.to_owned(), target })
    }

    fn json_path(&mut self, node: &Node) -> Option<Tolerance> {
        let Some(declared) = node.get("path") else {
            let problem = error_at(node, "a jsonpath tolerance needs a `path`");
            self.tell(problem.words("hypothesis jsonpath probe tolerance must have a `path` key"));
            return None;
        };
        let Some(path) = declared.as_str().filter(|path| !path.trim().is_empty()) else {
            let problem = error_at(declared, format!("a path is a text, not {}", describe(declared)));
            let words = match declared.as_str() {
                Some(_) => "hypothesis probe tolerance JSON path cannot be empty",
                None => "",
            };
            self.tell(problem.help("write \"$\" for the whole output").words(words));
            return None;
        };
        if let Err(error) = JsonPath::parse(path.trim()) {
            let words = format!("hypothesis probe tolerance JSON path {} is invalid", path.trim());
            self.tell(error_at(declared, format!("this is no JSON path: {error}")).words(words));
        }
        let value = |key| node.get(key).map(Node::to_json);
        let target = self.target(node)?;
        Some(Tolerance::JsonPath {
            path: path.to_owned(),
            target,
            count: value("count").filter(|count| *count != Value::Null),
            expect: value("expect"),
        })
    }

    fn range(&mut self, node: &Node) -> Option<Tolerance> {
        let Some(range) = node.get("range") else {
            let problem =
                error_at(node, "a range tolerance needs a `range`").help("write \"range\": [low, high]");
            self.tell(problem.words("hypothesis range probe tolerance must have a `range` key"));
            return None;
        };
        let words = match range.as_list() {
            None => "hypothesis range must be a sequence",
            Some([low, high]) => match (number(low), number(high)) {
                (None, _) => "hypothesis range lower boundary must be a number",
                (_, None) => "hypothesis range upper boundary must be a number",
                _ => {
                    let target = self.target(node)?;
                    return Some(Tolerance::Range { low: low.to_json(), high: high.to_json(), target });
                }
            },
            Some(_) => "hypothesis range sequence must be made of two values",
        };
        let problem =
            error_at(range, "a range is a list of two numbers").help("write \"range\": [low, high]");
        self.tell(problem.words(words));
        None
    }

    /// The key of the output to look at: an empty one stands for none. None when it is no text.
    fn target(&mut self, node: &Node) -> Option<Option<String>> {
        let Some(target) = node.get("target").filter(|target| !target.is_null()) else { return Some(None) };
        let Some(key) = target.as_str() else {
            let problem =
                error_at(target, format!("a target is a key of the output, not {}", describe(target)));
            self.tell(problem);
            return None;
        };
        Some(Some(key.to_owned()).filter(|key| !key.is_empty()))
    }
}

fn unusable(declared: &Node, pattern: &str, error: &Unusable) -> Problem {
    match error {
        Unusable::Invalid(why) => {
            // Python finds out about this one too late to know the pattern.
            let shown = if why.starts_with("look-behind") { "None" } else { pattern };
            error_at(declared, format!("this is no regular expression: {why}"))
                .words(format!("hypothesis probe tolerance pattern {shown} seems invalid: {why}"))
        }
        Unusable::Unsupported(why) => {
            error_at(declared, format!("this regular expression cannot be used: {why}"))
        }
    }
}
