//! JSON as Python's `json` reads it, with places. serde_json gives none, hence this reader.

use std::sync::Arc;

use fracas_model::{Entry, Map, Node, NodeValue, Problem, Problems, Span};
use serde_json::Number;

use super::MAX_DEPTH;

type Parsed<T> = Result<T, Box<Problem>>;

/// Reads one JSON value that fills the text.
pub fn parse(text: &str) -> (Option<Node>, Problems) {
    let mut reader = Reader { text, at: 0, duplicates: Problems::default() };
    match reader.document() {
        Ok(node) => (Some(node), reader.duplicates),
        Err(problem) => (None, (*problem).into()),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    duplicates: Problems,
}

impl Reader<'_> {
    fn document(&mut self) -> Parsed<Node> {
        self.skip_space();
        let node = self.value(0)?;
        self.skip_space();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.unexpected("the end of the file")),
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        if depth > MAX_DEPTH {
            return Err(Box::new(self.problem_here(format!("nested more than {MAX_DEPTH} levels deep"))));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => NodeValue::Map(Arc::new(self.map(depth)?)),
            Some(b'[') => NodeValue::List(self.list(depth)?),
            Some(b'"') => NodeValue::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::new(Span::new(start, self.at), value))
    }

    fn map(&mut self, depth: usize) -> Parsed<Map> {
        let open = self.at;
        self.at += 1;
        let mut map = Map::default();
        self.skip_space();
        if self.take(b'}') {
            return Ok(map);
        }
        loop {
            self.skip_space();
            if self.peek().is_none() {
                return Err(self.unclosed(open));
            }
            self.entry(depth, &mut map)?;
            self.skip_space();
            if self.take(b'}') {
                return Ok(map);
            }
            self.comma(open, "`,` or `}`", b'}')?;
        }
    }

    fn entry(&mut self, depth: usize, map: &mut Map) -> Parsed<()> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let start = self.at;
        let key = self.string()?;
        let key_span = Span::new(start, self.at);
        self.skip_space();
        if !self.take(b':') {
            return Err(self.unexpected("`:` after the key"));
        }
        self.skip_space();
        let value = self.value(depth + 1)?;
        super::insert(map, key, Entry { key_span, value }, &mut self.duplicates);
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Parsed<Vec<Node>> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(items);
            }
            self.comma(open, "`,` or `]`", b']')?;
        }
    }

    /// The comma between two items; one before the closing bracket is a mistake of its own.
    fn comma(&mut self, open: usize, expected: &str, close: u8) -> Parsed<()> {
        let comma = self.at;
        if !self.take(b',') {
            let problem = self.unexpected(expected);
            return Err(if self.peek().is_none() { self.unclosed(open) } else { problem });
        }
        self.skip_space();
        if self.peek() == Some(close) {
            let problem =
                Problem::error(Span::new(comma, comma + 1), "JSON has no comma before a closing bracket");
            return Err(Box::new(problem.help("remove this comma")));
        }
        Ok(())
    }

    fn string(&mut self) -> Parsed<String> {
        let open = self.at;
        self.at += 1;
        let mut result = String::new();
        loop {
            let rest = &self.text[self.at..];
            let run = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let run = &rest[..run.unwrap_or(rest.len())];
            self.at += run.len();
            // Most strings are one run, which fits.
            if result.is_empty() {
                result = run.to_owned()
            } else {
                result.push_str(run)
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(result);
                }
                Some(b'\\') => result.push(self.escape()?),
                Some(_) => {
                    let problem = self.problem_here("a control character inside a string".to_owned());
                    return Err(Box::new(problem.help("write it as an escape, such as \\n or \\t")));
                }
                None => {
                    let problem = Problem::error(Span::new(open, open + 1), "this string is never closed");
                    return Err(Box::new(problem.help("add the closing `\"`")));
                }
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 2;
        let character = match self.text.as_bytes().get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                return Err(Box::new(Problem::error(
                    Span::new(start, start + 1),
                    "this is no escape that JSON knows",
                )));
            }
        };
        Ok(character)
    }

    fn unicode_escape(&mut self, start: usize) -> Parsed<char> {
        let first = self.hex(start)?;
        let is_pair = (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u");
        let code = if is_pair {
            self.at += 2;
            let second = self.hex(start)?;
            0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00)
        } else {
            first
        };
        let message = "half of a surrogate pair is no character";
        char::from_u32(code).ok_or_else(|| Box::new(Problem::error(Span::new(start, self.at), message)))
    }

    fn hex(&mut self, escape: usize) -> Parsed<u32> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        let message = "`\\u` needs four hexadecimal digits";
        code.ok_or_else(|| Box::new(Problem::error(Span::new(escape, escape + 2), message)))
    }

    fn number(&mut self) -> Parsed<NodeValue> {
        let start = self.at;
        while self.peek().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        let number = serde_json::from_str::<Number>(if text == "-0" { "0" } else { text }).ok();
        if number.as_ref().is_some_and(Number::is_f64) && !text.contains(['.', 'e', 'E']) {
            return Err(Box::new(super::too_many_digits(text, Span::new(start, self.at))));
        }
        let message = format!("`{text}` is no number that JSON knows");
        number
            .map(NodeValue::Number)
            .ok_or_else(|| Box::new(Problem::error(Span::new(start, self.at), message)))
    }

    fn word(&mut self) -> Parsed<NodeValue> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "true" => Ok(NodeValue::Bool(true)),
            "false" => Ok(NodeValue::Bool(false)),
            "null" => Ok(NodeValue::Null),
            "" => Err(self.unexpected("a value")),
            word => {
                let problem = Problem::error(Span::new(start, self.at), format!("`{word}` is no JSON value"));
                Err(Box::new(problem.help("put texts in double quotes; JSON knows true, false and null")))
            }
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &str) -> Box<Problem> {
        let found = match self.text[self.at..].chars().next() {
            Some(character) if character.is_control() => format!("`{}`", character.escape_default()),
            Some(character) => format!("`{character}`"),
            None => "the end of the file".to_owned(),
        };
        Box::new(self.problem_here(format!("expected {expected}, found {found}")))
    }

    fn unclosed(&self, open: usize) -> Box<Problem> {
        let bracket = &self.text[open..=open];
        let problem = Problem::error(Span::new(open, open + 1), format!("this `{bracket}` is never closed"));
        Box::new(problem.help("add the closing bracket; the file may have been cut off"))
    }

    fn problem_here(&self, message: String) -> Problem {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        Problem::error(Span::new(self.at, self.at + length), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn message(text: &str) -> String {
        parse(text).1.0.remove(0).message
    }

    #[test]
    fn reads_values_and_their_places() {
        let text = r#" {"a": [1, 2.50, -3e2, true, null], "ü": "x\n\u00e9\ud83d\ude00"} "#;
        let node = parse(text).0.unwrap();
        assert_eq!(node.to_json(), json!({"a": [1, 2.5, -300.0, true, null], "ü": "x\né😀"}));
        let span = node.get("a").unwrap().as_list().unwrap()[1].span;
        assert_eq!(&text[span.start..span.end], "2.50");
        let key = node.as_map().unwrap()["ü"].key_span;
        assert_eq!(&text[key.start..key.end], "\"ü\"");
    }

    #[test]
    fn names_each_mistake() {
        insta::assert_snapshot!(
            [
                "",
                "{",
                "[1, 2",
                "{\"a\" 1}",
                "{\"a\": 1,}",
                "[1 2]",
                "{a: 1}",
                "\"open",
                "\"tab\there\"",
                "\"\\q\"",
                "\"\\ud800\"",
                "01",
                "1.e",
                "True",
                "{} {}",
                "{'a': 1}",
                "\"\\u12\"",
            ]
            .map(|text| format!("{text:16} -> {}", message(text)))
            .join("\n")
        );
    }

    #[test]
    fn names_every_duplicate_key() {
        let (node, problems) = parse(r#"{"a": 1, "b": {"c": 1, "c": 2}, "a": 2}"#);
        assert!(node.is_some());
        let messages: Vec<&str> = problems.0.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["the key `c` is given twice", "the key `a` is given twice"]);
    }

    #[test]
    fn refuses_to_nest_without_end() {
        assert!(message(&"[".repeat(100_000)).contains("nested more than"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in any_json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(parse(&text).0.unwrap().to_json(), value);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let ours = parse(&text).0.is_some();
            prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
