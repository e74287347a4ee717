//! Keeps the values of secrets out of everything that a run writes or shows.

use fracas_model::{Problems, Source, Stamped, python};
use serde_json::Value;

use crate::Values;

/// What stands where a secret stood.
const MASK: &str = "*****";

/// Texts shorter than this are only masked where they are a whole value: masking each `a` would
/// make everything unreadable and tell the secret all the same.
const SHORTEST_PART: usize = 4;

/// Knows the secrets of a run.
#[derive(Default)]
pub struct Mask {
    secrets: Vec<String>,
}

impl Mask {
    /// Masks every value in the groups of secrets.
    pub fn of(values: &Values) -> Mask {
        let mut secrets = Vec::new();
        values.secrets.values().for_each(|group| collect(group, &mut secrets));
        // A secret that contains another one goes first, so that none of it is left over.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Mask { secrets }
    }

    /// The same event without secrets.
    pub fn event(&self, event: Stamped) -> Stamped {
        if self.secrets.is_empty() {
            return event;
        }
        let masked = serde_json::to_value(&event).map(|value| self.value(value));
        masked.and_then(serde_json::from_value).unwrap_or(event)
    }

    /// The same source with stars over its secrets; every place in it stays where it is.
    pub fn source(&self, source: &Source) -> Source {
        let mut hidden = source.clone();
        for secret in self.secrets.iter().filter(|secret| secret.len() >= SHORTEST_PART) {
            hidden.text = hidden.text.replace(secret, &"*".repeat(secret.len()));
        }
        hidden
    }

    /// The same problems without secrets.
    pub fn problems(&self, mut problems: Problems) -> Problems {
        for problem in &mut problems.0 {
            problem.message = self.text(std::mem::take(&mut problem.message));
            problem.help = self.text(std::mem::take(&mut problem.help));
        }
        problems
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, item)| (key, self.value(item))).collect())
            }
            other => other,
        }
    }

    fn text(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| {
            if text == *secret {
                MASK.to_owned()
            } else if secret.len() >= SHORTEST_PART && text.contains(secret) {
                text.replace(secret, MASK)
            } else {
                text
            }
        })
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|item| collect(item, secrets)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Null | Value::Bool(_) => {}
        other => secrets.push(python::to_str(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::{Format, Problem};
    use serde_json::json;

    #[test]
    fn pictures_of_problems_hide_secrets_and_keep_places() {
        let secrets = [("aws".to_owned(), json!({"key": "hunter22", "pin": 7}))];
        let mask = Mask::of(&Values { secrets: secrets.into_iter().collect(), ..Values::default() });
        let text = r#"{"key": "hunter22", "n": 7}"#.to_owned();
        let source = mask.source(&Source { name: "x.json".to_owned(), text, format: Format::Json });
        assert_eq!(source.text, r#"{"key": "********", "n": 7}"#);
        let problems = mask.problems(Problem::general("not hunter22").help("7").into());
        assert_eq!((problems.0[0].message.as_str(), problems.0[0].help.as_str()), ("not *****", "*****"));
    }
}
