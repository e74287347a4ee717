//! Small helpers for texts that several providers share.

use std::path::PathBuf;

use fracas_engine::nearest;
use fracas_model::{Node, Problem, Problems, Span};
use serde_json::Value;

/// What one text of an activity's output may hold. A journal has to hold it as well.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// An object of these values, which are moved, not copied: they may be large.
pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// Bytes of unknown encoding as text: what a byte order mark says, else UTF-8, else each byte as the
/// character of that number. Never fails, whatever a program prints.
pub(crate) fn guessed(bytes: Vec<u8>) -> String {
    match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0, 0, 0xfe, 0xff, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0xef, 0xbb, 0xbf, ..] => {
            encoding_rs::UTF_8.decode(&bytes).0.into_owned()
        }
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect()),
    }
}

fn utf32(bytes: &[u8], number: fn([u8; 4]) -> u32) -> String {
    let (characters, _) = bytes.as_chunks();
    characters
        .iter()
        .map(|bytes| char::from_u32(number(*bytes)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Bytes as UTF-8, with replacement characters for what is none.
pub(crate) fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A path in which a leading `~` or `~name` is that user's home folder, as far as there is one.
pub(crate) fn expand_user(path: &str) -> PathBuf {
    let Some(rest) = path.strip_prefix('~') else { return PathBuf::from(path) };
    let (user, below) = rest.split_once('/').unwrap_or((rest, ""));
    let home = if user.is_empty() { std::env::home_dir() } else { home_of(user) };
    match home {
        Some(home) if below.is_empty() => home,
        Some(home) => home.join(below.trim_start_matches('/')),
        None => PathBuf::from(path),
    }
}

fn home_of(user: &str) -> Option<PathBuf> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find_map(|fields| (fields[0] == user).then(|| fields.get(5).map(PathBuf::from))?)
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
        let marked: [&[u8]; 5] = [
            b"\xef\xbb\xbfh\xc3\xa9",
            b"\xff\xfeh\0\xe9\0",
            b"\xfe\xff\0h\0\xe9",
            b"\xff\xfe\0\0h\0\0\0\xe9\0\0\0",
            b"\0\0\xfe\xff\0\0\0h\0\0\0\xe9",
        ];
        for bytes in marked {
            assert_eq!(guessed(bytes.to_vec()), "hé", "{bytes:?}");
        }
    }

    #[test]
    fn a_tilde_is_a_home_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(expand_user("~/bin/x"), home.join("bin/x"));
        assert_eq!(expand_user("~"), home);
        assert_eq!(expand_user("~no-such-user/x"), PathBuf::from("~no-such-user/x"));
        assert!(home_of("root").is_some_and(|home| home.is_absolute()));
        assert_eq!(expand_user("x~"), PathBuf::from("x~"));
    }
}
