//! Small helpers for texts that several providers share.

use fracas_engine::nearest;
use fracas_model::{Node, Problem, Problems, Span};
use serde_json::Value;

/// Bytes of unknown encoding as text: UTF-8 where they are, else each byte as the character of
/// that number. Never fails, whatever a program prints.
pub(crate) fn guessed(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

/// Words that point at the nearest candidate, or empty.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("did you mean `{near}`?")).unwrap_or_default()
}

/// Whether some text in the value has a `$`, so that nobody can say yet what it becomes.
pub(crate) fn is_open(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('$'),
        Value::Array(items) => items.iter().any(is_open),
        Value::Object(map) => map.values().any(is_open),
        _ => false,
    }
}

/// Where to point when a provider lacks a key: its type says what it needs.
pub(crate) fn place(provider: &Node) -> Span {
    provider.get("type").map_or(provider.span, |node| node.span)
}

/// Warns of keys of a provider that nothing reads.
pub(crate) fn check_keys(provider: &Node, what: &str, known: &[&str], problems: &mut Problems) {
    let Some(map) = provider.as_map() else { return };
    for (key, entry) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        let problem = Problem::warning(entry.key_span, format!("`{key}` is not a key of {what} provider"));
        problems.push(problem.label("ignored").help(did_you_mean(key, known.iter().copied())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_near_names_only() {
        assert_eq!(
            did_you_mean("cluster_stats", ["cluster_status", "start"]),
            "did you mean `cluster_status`?"
        );
        assert_eq!(did_you_mean("xyz", ["cluster_status"]), "");
    }

    #[test]
    fn bytes_that_are_not_utf8_still_become_text() {
        assert_eq!(guessed("é".into()), "é");
        assert_eq!(guessed(vec![b'a', 0xff]), "aÿ");
    }
}
