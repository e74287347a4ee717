//! Keeps the values of secrets out of everything that a run writes or shows.

use std::sync::Arc;

use fracas_model::{
    Aborted, ActivityResult, Event, Failure, Interrupted, InterruptedBy, Problems, Source, Stamped, python,
};
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
    /// Masks every value in the groups of secrets, also where it is part of a URL or of JSON text.
    pub fn of(values: &Values) -> Mask {
        let mut plain = Vec::new();
        values.secrets.values().for_each(|group| collect(group, &mut plain));
        let mut secrets: Vec<String> = plain.iter().flat_map(|secret| forms(secret)).collect();
        // A secret that contains another one goes first, so that none of it is left over.
        secrets.sort_by_key(|secret| (std::cmp::Reverse(secret.len()), secret.clone()));
        secrets.dedup();
        Mask { secrets }
    }

    /// The same event without secrets. Only what comes from the experiment or from activities is
    /// looked at: ids, times and fracas's own words stay.
    pub fn event(&self, mut stamped: Stamped) -> Stamped {
        if self.secrets.is_empty() {
            return stamped;
        }
        match &mut stamped.event {
            Event::RunStarted(run) => {
                run.experiment = self.experiment(std::mem::take(&mut run.experiment));
            }
            Event::PhaseStarted(phase) => phase.title.iter_mut().for_each(|title| self.text(title)),
            Event::ActivityStarted(started) => {
                self.text(&mut started.name);
                started.declared_name.iter_mut().for_each(|name| self.text(name));
                self.value(&mut started.activity);
            }
            Event::ActivityLog(log) => self.text(&mut log.message),
            Event::ActivityFinished(finished) => self.result(&mut finished.result),
            Event::PauseStarted(pause) => {
                pause.declared_name.iter_mut().for_each(|name| self.text(name));
                self.value(&mut pause.seconds);
            }
            Event::Saved(saved) => saved.values.values_mut().for_each(|value| self.value(value)),
            Event::ToleranceChecked(checked) => checked.unknown.iter_mut().for_each(|why| self.text(why)),
            Event::HypothesisUnmet(unmet) => self.text(&mut unmet.probe),
            Event::Interrupted(Interrupted { by: InterruptedBy::Request(why), .. })
            | Event::Aborted(Aborted { why }) => self.text(why),
            Event::ControlFailed(failed) => self.text(&mut failed.error),
            Event::Amended(amended) => self.value(amended.value_mut()),
            Event::Prepared(_)
            | Event::ChecksStarted(_)
            | Event::ChecksEnded(_)
            | Event::Retrying(_)
            | Event::SignalCaught(_)
            | Event::HypothesisChecked(_)
            | Event::ProcessStarted(_)
            | Event::Interrupted(_)
            | Event::RollbacksDecided(_)
            | Event::RecoveryStarted(_)
            | Event::RunFinished(_) => {}
        }
        stamped
    }

    /// The same document of an experiment without secrets, also without those written into it.
    pub fn experiment(&self, mut experiment: Value) -> Value {
        hide_inline(experiment.get_mut("secrets"));
        self.value(&mut experiment);
        experiment
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
            self.text(&mut problem.message);
            self.text(&mut problem.help);
        }
        problems
    }

    /// The same line without secrets.
    pub fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        self.text(&mut line);
        line
    }

    fn result(&self, result: &mut ActivityResult) {
        match result {
            ActivityResult::Succeeded { output } => self.value(Arc::make_mut(output)),
            ActivityResult::Failed(failure) | ActivityResult::Cut(failure) => {
                let Failure { error, help, happened: _ } = failure;
                self.text(error);
                self.text(help);
            }
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => {
                let text = number.to_string();
                if text.len() >= SHORTEST_PART && self.secrets.contains(&text) {
                    *value = MASK.into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                let entries = std::mem::take(map).into_iter().map(|(mut key, mut item)| {
                    self.part(&mut key);
                    self.value(&mut item);
                    (key, item)
                });
                *map = entries.collect();
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&self, text: &mut String) {
        match self.secrets.contains(text) {
            true => *text = MASK.to_owned(),
            false => self.part(text),
        }
    }

    /// Masks the parts of a text that are secrets.
    fn part(&self, text: &mut String) {
        for secret in self.secrets.iter().filter(|secret| secret.len() >= SHORTEST_PART) {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), MASK);
            }
        }
    }
}

/// Masks secrets that are written in the experiment itself; where others come from may be told.
fn hide_inline(secrets: Option<&mut Value>) {
    for group in secrets.and_then(Value::as_object_mut).into_iter().flat_map(|groups| groups.values_mut()) {
        for value in group.as_object_mut().into_iter().flat_map(|group| group.values_mut()) {
            if value.get("type").is_none() {
                *value = MASK.into();
            }
        }
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

/// A secret as it is, within a URL, and within JSON.
fn forms(secret: &str) -> [String; 3] {
    let in_json = Value::from(secret).to_string();
    [secret.to_owned(), percent_encoded(secret), in_json[1..in_json.len() - 1].to_owned()]
}

fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode =
        |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::{ActivityFinished, Format, Moment, Phase, Problem, StepId};
    use serde_json::json;

    fn mask(secrets: Value) -> Mask {
        Mask::of(&Values { secrets: [("g".to_owned(), secrets)].into_iter().collect(), ..Values::default() })
    }

    fn masked(mask: &Mask, mut output: Value) -> Value {
        mask.value(&mut output);
        output
    }

    #[test]
    fn pictures_of_problems_hide_secrets_and_keep_places() {
        let mask = mask(json!({"key": "hunter22", "pin": 7}));
        let text = r#"{"key": "hunter22", "n": 7}"#.to_owned();
        let source = mask.source(&Source { name: "x.json".to_owned(), text, format: Format::Json });
        assert_eq!(source.text, r#"{"key": "********", "n": 7}"#);
        let problems = mask.problems(Problem::general("not hunter22").help("7").into());
        assert_eq!((problems.0[0].message.as_str(), problems.0[0].help.as_str()), ("not *****", "*****"));
    }

    #[test]
    fn values_keys_numbers_and_encoded_forms_are_masked() {
        let mask = mask(json!({"a": "p@ss w\"d", "b": 99887766, "c": "x1"}));
        let output = json!({
            "p@ss w\"d": "go p@ss w\"d",
            "url": "http://x/?k=p%40ss%20w%22d",
            "json": "{\"k\": \"p@ss w\\\"d\"}",
            "number": [99887766, 9988776, 1],
            "short": ["x1", "max1"],
        });
        let expected = json!({
            "*****": "go *****",
            "url": "http://x/?k=*****",
            "json": "{\"k\": \"*****\"}",
            "number": ["*****", 9988776, 1],
            "short": ["*****", "max1"],
        });
        assert_eq!(masked(&mask, output), expected);
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_run_log_unmasks_nothing() {
        let mask = mask(json!({"a": "succeeded", "b": "hunter22", "c": "2023"}));
        let moment = Moment::from_micros(1_691_922_293_000_000);
        let result = ActivityResult::Succeeded { output: json!("hunter22").into() };
        let step = StepId { phase: Phase::Method, index: 0 };
        let finished = ActivityFinished { step, start: moment, end: moment, result };
        let event = mask.event(Stamped { time: moment, event: Event::ActivityFinished(finished) });
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains("\"output\":\"*****\"") && text.contains("2023-08-13"), "{text}");
        assert!(serde_json::from_str::<Stamped>(&text).is_ok());
    }
}
