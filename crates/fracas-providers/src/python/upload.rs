//! The control of chaosaws that uploads the journal to S3, without Python.
//!
//! Source: `chaosaws/s3/controls/upload.py`.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fracas_aws::endpoint::partition;
use fracas_aws::{Error, Scope};
use fracas_engine::{Answer, Changes, ControlLevel, ControlScope, Hook, Values, to_yaml};
use fracas_model::{Level, Moment, Node, Problem, Problems, python, write_python_json_indented};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::controls::{arguments, is_python, module, name};
use crate::aws::{Native, Own};

const MODULE: &str = "chaosaws.s3.controls.upload";

/// Its one function is called with the journal.
const HOOK: Hook = Hook { level: ControlLevel::Experiment, scope: ControlScope::After };

/// What it is asked to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    bucket_name: String,
    dirpath: String,
    #[serde(default)]
    as_yaml: Value,
    #[serde(default)]
    suffix_with_timestamp: Value,
}

/// Whether a control is this one.
pub(super) fn is_upload(control: &Value) -> bool {
    is_python(control) && module(control) == MODULE
}

/// The operations of S3 that a control calls, and what is known of their parameters; none for other
/// controls.
pub(crate) fn calls(control: &Value, values: &Values) -> Vec<(&'static str, Value)> {
    if !is_upload(control) {
        return Vec::new();
    }
    let asked = serde_json::from_value::<Upload>(values.substitute_arguments(&arguments(control)));
    let place = asked.map(|asked| json!({"Bucket": asked.bucket_name, "Key": asked.key(&"*")}));
    vec![("ListBuckets", json!({})), ("PutObject", place.unwrap_or_default())]
}

/// Looks for mistakes in its arguments.
pub(super) fn check(control: &Node, problems: &mut Problems) {
    let given = control.to_json();
    if let Err(error) = serde_json::from_value::<Upload>(arguments(&given)) {
        let provider = control.get("provider").unwrap_or(control);
        let span = provider.get("arguments").map_or(provider.span, |node| node.span);
        let help = "it takes bucket_name and dirpath, and if need be as_yaml and suffix_with_timestamp";
        problems.push(Problem::error(span, format!("the arguments of this control: {error}")).help(help));
    }
}

/// Uploads the journal, which then has its own address, where the hook is the one for it.
pub(super) async fn apply(
    native: &Native,
    hook: Hook,
    control: &Value,
    state: Option<&Value>,
    values: &Values,
) -> Answer {
    let Some(journal) = state.filter(|_| hook == HOOK) else { return Answer::default() };
    match upload(native, control, journal.clone(), values).await {
        Ok((state, line)) => Answer {
            changes: Changes { state, ..Changes::default() },
            lines: vec![line],
            ..Answer::default()
        },
        Err(why) => Answer { failures: vec![(name(control).to_owned(), why)], ..Answer::default() },
    }
}

/// The journal with its address, if it was uploaded, and a line that tells so.
async fn upload(
    native: &Native,
    control: &Value,
    mut journal: Value,
    values: &Values,
) -> Result<(Option<Value>, (Level, String)), String> {
    let provider = Node::from(&control["provider"]);
    let asked = serde_json::from_value(values.substitute_arguments(&arguments(control)));
    let asked: Upload = asked.map_err(|error| error.to_string())?;
    let scope = native.scope(&provider, &Own::default(), values).map_err(|failure| failure.error)?;
    let bucket = &asked.bucket_name;
    if !has_bucket(native, &scope, bucket).await.map_err(words)? {
        let line = format!("Bucket '{bucket}' does not exist! Cannot upload the experiment's results");
        return Ok((None, (Level::Error, line)));
    }
    let key = asked.key(&Moment::from_micros(Timestamp::now().as_microsecond()));
    set_address(&mut journal, asked.address(&key, scope.region.as_deref().unwrap_or_default()));
    let body = STANDARD.encode(asked.write(&journal)?);
    let parameters = json!({"Bucket": bucket, "Key": key, "Body": body});
    native.aws.call(&scope, "s3", "PutObject", &parameters).await.map_err(words)?;
    Ok((Some(journal), (Level::Debug, format!("Results were uploaded to '{key}'"))))
}

async fn has_bucket(native: &Native, scope: &Scope, bucket: &str) -> Result<bool, Error> {
    let found = native.aws.pages(scope, "s3", "ListBuckets", &json!({}))?.all().await?;
    let buckets = found["Buckets"].as_array().into_iter().flatten();
    Ok(buckets.into_iter().any(|known| known["Name"] == *bucket))
}

impl Upload {
    fn key(&self, moment: &dyn Display) -> String {
        let suffix = match python::truth(&self.suffix_with_timestamp) {
            true => format!("-{moment}"),
            false => String::new(),
        };
        let extension = if python::truth(&self.as_yaml) { "yaml" } else { "json" };
        format!("{}/journal{suffix}.{extension}", self.dirpath.trim_end_matches('/'))
    }

    /// Where a browser finds the object.
    fn address(&self, key: &str, region: &str) -> String {
        let host = partition(region).dns_suffix;
        let byte = |byte: u8| match byte {
            b'-' | b'_' | b'.' | b'~' | b'/' | b':' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let path: String = key.bytes().map(byte).collect();
        format!("https://{}.s3.{region}.{host}/{path}", self.bucket_name)
    }

    fn write(&self, journal: &Value) -> Result<Vec<u8>, String> {
        if python::truth(&self.as_yaml) {
            return Ok(to_yaml(journal).into_bytes());
        }
        let mut text = Vec::new();
        write_python_json_indented(&mut text, journal, "").map_err(|error| error.to_string())?;
        Ok(text)
    }
}

/// Puts `extra.journal.url` into the journal.
fn set_address(journal: &mut Value, address: String) {
    let mut part = journal;
    for key in ["extra", "journal"] {
        if !part[key].is_object() {
            part[key] = Map::new().into();
        }
        part = &mut part[key];
    }
    part["url"] = address.into();
}

fn words(error: Error) -> String {
    format!("{}: {error}", error.python_class())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PythonChoice;
    use crate::python::Python;
    use fracas_aws::Aws;

    fn upload(dirpath: &str, more: Value) -> Upload {
        let mut arguments = json!({"bucket_name": "b", "dirpath": dirpath});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(arguments).unwrap()
    }

    #[test]
    fn a_journal_has_a_key_and_an_address() {
        let cases = [
            ("runs/", json!({}), "runs/journal.json"),
            ("runs", json!({"as_yaml": true, "suffix_with_timestamp": null}), "runs/journal.yaml"),
            ("a/b//", json!({"as_yaml": ""}), "a/b/journal.json"),
            ("runs", json!({"suffix_with_timestamp": true}), "runs/journal-now.json"),
        ];
        for (dirpath, more, key) in cases {
            assert_eq!(upload(dirpath, more).key(&"now"), key);
        }
        let address = upload("", json!({})).address("a b/c+00:00", "cn-north-1");
        assert_eq!(address, "https://b.s3.cn-north-1.amazonaws.com.cn/a%20b/c%2B00:00");
    }

    #[test]
    fn the_address_is_added_to_what_is_there() {
        let mut journal = json!({"extra": {"a": 1, "journal": {"b": 2}}});
        set_address(&mut journal, "c".to_owned());
        assert_eq!(journal, json!({"extra": {"a": 1, "journal": {"b": 2, "url": "c"}}}));
    }

    #[test]
    fn mistakes_are_told_ahead() {
        let control = |arguments: &str| {
            let provider = format!(r#"{{"type": "python", "module": "{MODULE}", "arguments": {arguments}}}"#);
            fracas_engine::parse_yaml(&format!(r#"{{"name": "up", "provider": {provider}}}"#)).unwrap()
        };
        let cases = [
            (r#"{"bucket_name": "${b}", "dirpath": "runs"}"#, None),
            (r#"{"bucket_name": "b"}"#, Some("the arguments of this control: missing field `dirpath`")),
            ("null", Some("the arguments of this control: missing field `bucket_name`")),
        ];
        for (arguments, expected) in cases {
            let mut problems = Problems::default();
            check(&control(arguments), &mut problems);
            let messages: Vec<&str> = problems.0.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(messages, expected.into_iter().collect::<Vec<_>>(), "{arguments}");
        }
    }

    #[test]
    fn python_does_it_if_asked() {
        let control = json!({"name": "up", "provider": {"type": "python", "module": MODULE}});
        for native in [true, false] {
            let python = Python::new(Aws::new(), |_| None);
            let python = python.chosen(&PythonChoice { native, ..PythonChoice::default() });
            assert_eq!(python.uploads(&control), native);
        }
    }
}
