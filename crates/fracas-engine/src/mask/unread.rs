//! Finds what may be a secret in a text that is neither JSON nor YAML, so that pictures of its
//! mistakes do not show it.

/// The values under every `secrets` that has an object, as far as they can be told apart.
pub(super) fn secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("secrets") {
        let (before, after) = (&text[..at], &text[at + "secrets".len()..]);
        let Some(value) = after.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':') else {
            continue;
        };
        match value.trim_start_matches([' ', '\t', '\r']) {
            block if block.starts_with('\n') => {
                let line = before.rsplit('\n').next().unwrap_or_default();
                let indent = line.len() - line.trim_start().len();
                match block.trim_start() {
                    flow if flow.starts_with('{') => in_braces(flow, &mut found),
                    _ => in_block(&block[1..], indent, &mut found),
                }
            }
            flow if flow.starts_with('{') => in_braces(flow, &mut found),
            _ => {}
        }
    }
    found
}

/// Takes the texts and words of an object that are no keys, up to its last brace.
fn in_braces(text: &str, found: &mut Vec<String>) {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' => {
                depth += 1;
                1
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
                1
            }
            '"' | '\'' => quoted(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let is_key = after.trim_start().starts_with(':');
        if !is_key && (first == '"' || first == '\'' || is_word(first)) {
            keep(token, found);
        }
        rest = after;
    }
}

/// How long the text in quotes at the beginning is; one without an end goes to the end of its line.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '\n' => return at,
            c if c == quote && !escaped => return at + 1,
            c => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

fn is_word(character: char) -> bool {
    !character.is_whitespace() && !"{}[],:\"'".contains(character)
}

/// Takes what stands behind the keys of lines that are indented more.
fn in_block(text: &str, indent: usize, found: &mut Vec<String>) {
    for line in text.lines() {
        let content = line.trim_start();
        if content.is_empty() {
            continue;
        }
        // A list names the groups of secrets that a provider gets.
        if line.len() - content.len() <= indent || content.starts_with("- ") {
            return;
        }
        let value = content.split_once(':').map_or(content, |(_, value)| value);
        keep(value.trim(), found);
    }
}

/// What names where a secret comes from is no secret.
fn keep(token: &str, found: &mut Vec<String>) {
    let text = token.trim_matches(['"', '\'']);
    if !matches!(text, "" | "env" | "vault" | "true" | "false" | "null") {
        found.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_under_secrets_are_found_in_broken_texts() {
        let cases: [(&str, &[&str]); 6] = [
            (
                r#"{"secrets": {"g": {"k": "hunter2" "x": 5, "l": ["a b", oops]}}, "title": "t"}"#,
                &["hunter2", "5", "a b", "oops"],
            ),
            ("{\"secrets\":\n {\"g\": {\"k\": \"hun\\\"ter\n", &["hun\\\"ter"]),
            ("secrets:\n  g:\n    k: hunter2\n    l: 'a: b\n\ntitle: [", &["hunter2", "a: b"]),
            ("a: 1\nsecrets: {g: {k: hunter2, t: env}\nb: x", &["hunter2", "x"]),
            ("provider:\n  secrets:\n    - aws\n  x: y", &[]),
            (r#""provider": {"secrets": ["aws"], "the secrets are": 1"#, &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(secrets(text), expected, "{text}");
        }
    }
}
