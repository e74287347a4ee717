//! Keeps the values of secrets out of everything that a run writes or shows.

mod folded;
mod unread;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use fracas_model::{
    Aborted, ActivityResult, Event, Failure, Interrupted, InterruptedBy, Problems, Source, Stamped, python,
};
use serde_json::Value;

use crate::Values;
use folded::Folded;

/// What stands where a secret stood.
const MASK: &str = "*****";

/// Texts shorter than this are only masked where they are a whole value: masking each `a` would
/// make everything unreadable and tell the secret all the same.
const SHORTEST_PART: usize = 4;

/// Texts shorter than this are not looked for in base64: too much else would look like them.
const SHORTEST_ENCODED: usize = 6;

/// Lines of a secret that has several are masked alone from this length on.
const SHORTEST_LINE: usize = 8;

/// Knows the secrets of a run. What it costs depends on the texts, not on how many secrets there are.
#[derive(Default)]
pub struct Mask {
    /// The secrets as they are.
    plain: HashSet<String>,
    /// What is masked where it is a whole value.
    whole: HashSet<String>,
    /// What is masked also where it is part of a folded text; none when there is nothing.
    parts: Option<AhoCorasick>,
}

impl Mask {
    /// Masks every value in the groups of secrets and every sensitive one, also where it is part of
    /// a URL, of JSON text or of something in base64, or goes on in the next line.
    pub fn of(values: &Values) -> Mask {
        let mut mask = Mask::default();
        mask.learn(values);
        mask
    }

    /// Masks these values, too.
    pub fn learn(&mut self, values: &Values) {
        let mut plain = Vec::from_iter(std::mem::take(&mut self.plain));
        values.secrets.values().for_each(|group| collect(group, &mut plain));
        let sensitive = values.sensitive.iter().filter_map(|name| values.configuration.get(name));
        sensitive.for_each(|value| collect(value, &mut plain));
        *self = Mask::hiding(plain);
    }

    /// Masks whatever may be a secret in a text that cannot be read as an experiment.
    pub fn unread(source: &Source) -> Mask {
        Mask::hiding(unread::secrets(&source.text))
    }

    fn hiding(plain: Vec<String>) -> Mask {
        let whole: HashSet<String> = plain.iter().flat_map(|secret| forms(secret)).collect();
        let parts: HashSet<Vec<u8>> =
            whole.iter().map(|secret| Folded::new(secret, false).bytes.into_owned()).collect();
        let parts: Vec<Vec<u8>> = parts.into_iter().filter(|part| part.len() >= SHORTEST_PART).collect();
        // It fails only for gigabytes of secrets, which would not have fitted into an environment.
        let parts = (!parts.is_empty()).then(|| AhoCorasick::new(parts).ok()).flatten();
        Mask { plain: plain.into_iter().collect(), whole, parts }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// The same event without secrets. Only what comes from the experiment or from activities is
    /// looked at: ids, times and fracas's own words stay.
    pub fn event(&self, mut stamped: Stamped) -> Stamped {
        if self.whole.is_empty() {
            return stamped;
        }
        match &mut stamped.event {
            Event::RunStarted(run) => {
                run.experiment = self.experiment(std::mem::take(&mut run.experiment));
            }
            Event::PhaseStarted(phase) => phase.title.iter_mut().for_each(|title| self.text(title)),
            Event::ActivityStarted(started) => {
                self.text(&mut started.name);
                self.value(Arc::make_mut(&mut started.activity));
            }
            Event::ActivityLog(log) => self.text(&mut log.message),
            Event::ActivityFinished(finished) => self.result(&mut finished.result),
            Event::PauseStarted(pause) => self.value(&mut pause.seconds),
            Event::RollbackReached(rollback) => {
                rollback.declared_name.iter_mut().for_each(|name| self.text(name));
            }
            Event::Saved(saved) => saved.values.values_mut().for_each(|value| self.value(value)),
            Event::Chosen(chosen) => chosen.choice.chosen.iter_mut().for_each(|item| self.value(item)),
            Event::ToleranceChecked(checked) => checked.unknown.iter_mut().for_each(|why| self.text(why)),
            Event::HypothesisUnmet(unmet) => self.text(&mut unmet.probe),
            Event::Interrupted(Interrupted { by: InterruptedBy::Request(why), .. })
            | Event::Aborted(Aborted { why }) => self.text(why),
            Event::ControlFailed(failed) => self.text(&mut failed.error),
            Event::Amended(amended) => self.value(amended.value_mut()),
            Event::Prepared(_)
            | Event::StepsStarted(_)
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
        experiment.get_mut("secrets").into_iter().for_each(hide_inline);
        let declared = experiment.get_mut("configuration").and_then(Value::as_object_mut);
        for declared in declared.into_iter().flat_map(|declared| declared.values_mut()) {
            if declared.get("sensitive") == Some(&Value::Bool(true))
                && let Some(default) = declared.get_mut("default")
            {
                *default = MASK.into();
            }
        }
        self.value(&mut experiment);
        experiment
    }

    /// The same source with stars over its secrets; every place in it stays where it is.
    pub fn source(&self, source: &Source) -> Source {
        let mut hidden = source.clone();
        let stars = |byte| if byte == b'\n' { '\n' } else { '*' };
        self.replace(&mut hidden.text, |secret| secret.bytes().map(stars).collect());
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
                let Failure { error, help, happened: _, progress } = failure;
                self.text(error);
                self.text(help);
                progress
                    .iter_mut()
                    .flat_map(|progress| progress.names_mut())
                    .for_each(|name| self.text(name));
            }
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(number) => {
                let text = number.to_string();
                if text.len() >= SHORTEST_PART && self.whole.contains(&text) {
                    *value = MASK.into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                map.values_mut().for_each(|item| self.value(item));
                if map.keys().any(|key| !self.found(key).is_empty()) {
                    let entries = std::mem::take(map).into_iter().map(|(mut key, item)| {
                        self.part(&mut key);
                        (key, item)
                    });
                    *map = entries.collect();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&self, text: &mut String) {
        match self.whole.contains(text) {
            true => *text = MASK.to_owned(),
            false => self.part(text),
        }
    }

    /// Masks the parts of a text that are secrets.
    fn part(&self, text: &mut String) {
        self.replace(text, |_| MASK.to_owned());
    }

    /// Puts something else in the place of secrets. Secrets that overlap count as one, so that
    /// nothing of either is left.
    fn replace(&self, text: &mut String, mask: impl Fn(&str) -> String) {
        let mut merged: Vec<Range<usize>> = Vec::new();
        for next in self.found(text) {
            let mut start = next.start;
            while let Some(last) = merged.pop_if(|last| next.start < last.end) {
                start = start.min(last.start);
            }
            merged.push(start..next.end);
        }
        let (mut masked, mut end) = (String::new(), 0);
        for range in &merged {
            masked += &text[end..range.start];
            masked += &mask(&text[range.clone()]);
            end = range.end;
        }
        if end > 0 {
            *text = masked + &text[end..];
        }
    }

    /// Where secrets stand in a text, by their ends.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let Some(parts) = &self.parts else { return Vec::new() };
        let within = |folded: Folded<'_>| -> Vec<Range<usize>> {
            parts.find_overlapping_iter(&*folded.bytes).map(|found| folded.place(found.range())).collect()
        };
        let mut found = within(Folded::new(text, false));
        if text.contains('%') {
            found.extend(within(Folded::new(text, true)));
            found.sort_unstable_by_key(|range| (range.end, range.start));
        }
        found
    }
}

/// Masks secrets that are written in the experiment itself; where others come from may be told.
fn hide_inline(value: &mut Value) {
    let from_elsewhere = value.get("type").is_some_and(|kind| kind == "env" || kind == "vault");
    match value {
        Value::Object(_) if from_elsewhere => {}
        Value::Object(map) => map.values_mut().for_each(hide_inline),
        Value::Null => {}
        inline => *inline = MASK.into(),
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

/// A secret as it is, and as it stands in a URL, in JSON, and in base64.
fn forms(secret: &str) -> Vec<String> {
    let in_json = Value::from(secret).to_string();
    let in_json = &in_json[1..in_json.len() - 1];
    let in_url = percent_encoded(secret);
    let mut forms = vec![in_url.replace("%20", "+"), in_url, ascii(in_json), in_json.to_owned()];
    forms.push(python_ascii(secret));
    if secret.len() >= SHORTEST_ENCODED {
        forms.extend((0..3).flat_map(|before| in_base64(secret, before)));
    }
    if secret.contains('\n') {
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        forms.extend(lines.flat_map(self::forms));
    }
    forms.push(secret.to_owned());
    forms
}

fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode =
        |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

/// JSON as Python writes it, with everything but ASCII escaped.
fn ascii(json: &str) -> String {
    let mut text = String::new();
    for character in json.chars() {
        match character {
            '\0'..='~' => text.push(character),
            other => {
                other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04x}"))
            }
        }
    }
    text
}

/// A text as Python's `ascii` shows it, without its quotes.
fn python_ascii(text: &str) -> String {
    let shown = |character: char| match u32::from(character) {
        0..0x80 => character.to_string(),
        code @ 0x80..0x100 => format!("\\x{code:02x}"),
        code @ 0x100..0x10000 => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    text.chars().map(shown).collect()
}

/// What a secret contributes to something in base64, after so many bytes of it: up to the end of
/// it all, and only the characters that come from the secret alone.
fn in_base64(secret: &str, before: usize) -> [String; 4] {
    let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
    let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    let [standard, url_safe] = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|encoding| encoding.encode(&bytes));
    [&standard[from..], &url_safe[from..], &standard[from..to], &url_safe[from..to]].map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::{
        ActivityFinished, Calls, FailedCall, Format, Happened, Moment, Phase, Problem, Progress, StepId,
    };
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
    fn encoded_secrets_are_masked() {
        let mask = mask(json!({"a": "hunter22?>", "b": "gar\u{e7}on"}));
        for user in ["", "u", "me", "you"] {
            let credentials =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:hunter22?>:x"));
            let hidden = mask.line(&format!("Basic {credentials}"));
            assert!(hidden.contains(MASK), "{credentials} {hidden}");
            let left = hidden.trim_start_matches("Basic ").replace(MASK, "");
            assert!(left.len() <= credentials.len() - 11, "{credentials} {hidden}");
        }
        assert_eq!(mask.line("{\"x\": \"gar\\u00e7on\"} gar%C3%A7on"), "{\"x\": \"*****\"} *****");
    }

    #[test]
    fn secrets_are_masked_however_they_are_escaped_or_broken() {
        let secret = "p\"a\\s/s é";
        let mask = mask(json!({"a": secret, "key": "-----BEGIN-----\nMIIabcdefg\nxy"}));
        let in_json = |text: &str| Value::from(text).to_string();
        let nested = in_json(&in_json(&in_json(secret)));
        assert!(mask.line(&nested).replace('\\', "") == "\"\"\"*****\"\"\"", "{}", mask.line(&nested));
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        let texts = [
            "p\"a\\\ns/s é".to_owned(),
            "p%22a%5Cs/s%20é".to_owned(),
            "p%2522a%255Cs%252Fs%2520%25C3%25A9".replace("%25", "%"),
            format!("{}\r\n{}", &encoded[..5], encoded[5..].trim_end_matches('=')),
            "MIIabcdefg".to_owned(),
            "p\"a\\\\s/s \\xe9".to_owned(),
            "-----BEGIN-----\\nMIIabcdefg\\nxy".to_owned(),
        ];
        for text in texts {
            assert_eq!(mask.line(&format!("é{text}é")), "é*****é", "{text}");
            assert_eq!(masked(&mask, json!({text: "{}"})), json!({"*****": "{}"}));
        }
        let text = "{\n p\"a\\\ns/s é }".to_owned();
        let source = mask.source(&Source { name: "x.json".to_owned(), text, format: Format::Json });
        assert_eq!(source.text, "{\n ****\n****** }");
    }

    #[test]
    fn sensitive_values_are_masked_and_declarations_shown() {
        let configuration = json!({"pin": "hunter22", "open": "hunter33"}).as_object().cloned().unwrap();
        let values = Values { configuration, sensitive: vec!["pin".to_owned()], ..Values::default() };
        let experiment = json!({
            "configuration": {"pin": {"type": "env", "key": "PIN", "default": "hunter11", "sensitive": true}},
            "secrets": {
                "whole": {"type": "vault", "path": "a/b"},
                "g": {"deep": {"k": {"type": "env", "key": "K"}, "plain": "x"}, "none": null},
            },
            "title": "hunter22 hunter33",
        });
        let expected = json!({
            "configuration": {"pin": {"type": "env", "key": "PIN", "default": "*****", "sensitive": true}},
            "secrets": {
                "whole": {"type": "vault", "path": "a/b"},
                "g": {"deep": {"k": {"type": "env", "key": "K"}, "plain": "*****"}, "none": null},
            },
            "title": "***** hunter33",
        });
        assert_eq!(Mask::of(&values).experiment(experiment), expected);
    }

    #[test]
    fn nothing_is_left_of_secrets_within_each_other() {
        let mask = mask(json!(["abcdefgh", "cdef", "ghij", "ijkl", "1234"]));
        let line = |text: &str| mask.line(text);
        assert_eq!(line("xabcdefghy abcd cdefg"), "x*****y abcd *****g");
        assert_eq!(line("-abcdefghijkl- 12341234"), "-*****- **********");
    }

    #[test]
    fn what_calls_were_made_on_is_masked() {
        let calls = || Calls { call: "StopTask".to_owned(), of: vec!["task/hunter22".to_owned()] };
        let failed = Some(FailedCall { calls: calls(), happened: Happened::No });
        let progress = Progress { carried_out: vec![calls()], failed, not_tried: vec![calls()] };
        let (error, help, happened) = ("no".to_owned(), String::new(), Happened::Yes);
        let mut result =
            ActivityResult::Failed(Failure { error, help, happened, progress: Some(Box::new(progress)) });
        mask(json!({"key": "hunter22"})).result(&mut result);
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!((text.matches("task/*****").count(), text.contains("hunter22")), (3, false), "{text}");
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_run_log_unmasks_nothing() {
        let mask = mask(json!({"a": "succeeded", "b": "hunter22", "c": "2023"}));
        let moment = Moment::from_micros(1_691_922_293_000_000);
        let result = ActivityResult::Succeeded { output: json!("hunter22").into() };
        let step = StepId { phase: Phase::Method, index: 0 };
        let finished = ActivityFinished { step, start: moment, end: moment, forgotten: false, result };
        let event = mask.event(Stamped { time: moment, event: Event::ActivityFinished(finished) });
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains("\"output\":\"*****\"") && text.contains("2023-08-13"), "{text}");
        assert!(serde_json::from_str::<Stamped>(&text).is_ok());
    }
}
