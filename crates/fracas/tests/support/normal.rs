//! Takes out of an output what differs from run to run: times, durations, ids, addresses, the machine's name.

use std::path::Path;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::stage::Stage;

/// What to look for, and what stands in its place.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "[TIME "),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "TIME"),
        (r"request id [\w-]+", "request id ID"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"host='127\.0\.0\.1', port=\d+", "host='HOST', port=PORT"),
        (r"\b\d{8}-\d{6}-\d{6}\b", "RUN-ID"),
        (r"\.cluster-(ro-)?[0-9a-z]{12}\.", ".cluster-${1}ID."),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).expect("the pattern is right"), name))
    .into()
});

/// Keys of a journal whose texts are another machine's, another build's or another moto's in another run.
const PRIVATE: [&str; 8] = [
    "platform",
    "node",
    "fracas-version",
    "RequestId",
    "x-amzn-requestid",
    "server",
    "HostedZoneId",
    "DbClusterResourceId",
];

/// `text` without what differs: the addresses of `stage` and the folder `dir` become `{NAME}` and `{dir}`.
pub fn text(text: &str, dir: &Path, stage: Option<&Stage>) -> String {
    let text = text.replace(&dir.display().to_string(), "{dir}");
    let text = stage.map_or(text.clone(), |stage| stage.hide(&text));
    PATTERNS.iter().fold(text, |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned())
}

/// The journal in `source`, one value a line, without what differs; as it is where it is no JSON.
pub fn journal(source: &str, dir: &Path, stage: Option<&Stage>) -> String {
    let Ok(mut journal) = serde_json::from_str(source) else { return source.to_owned() };
    walk("", &mut journal, &|string| text(string, dir, stage));
    serde_json::to_string_pretty(&journal).expect("a value prints") + "\n"
}

fn walk(key: &str, value: &mut Value, text: &impl Fn(&str) -> String) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| walk(key, value, text)),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(key, item, text)),
        Value::Number(_) if key == "duration" => *value = 0.into(),
        Value::String(string) => {
            *string = match key {
                _ if PRIVATE.contains(&key) => key.to_uppercase(),
                _ => text(string),
            }
        }
        _ => {}
    }
}
