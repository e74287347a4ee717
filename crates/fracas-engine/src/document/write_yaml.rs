//! Values as the YAML that PyYAML's `dump` writes: keys sorted, blocks indented by two, lines
//! folded at 80 columns, ASCII only.

use fracas_model::python;
use serde_json::Value;

use super::yaml_scalar;

/// Texts are folded at the first space beyond this column.
const WIDTH: usize = 80;

/// Keys of this length are written after a `?`. PyYAML counts a `!!str` too.
const LONG_KEY: usize = 123;

/// A value as a YAML document that ends in a line break, with sorted keys.
pub fn to_yaml(value: &Value) -> String {
    write(value, 2, true)
}

/// A value as a YAML document that ends in a line break, with keys in their order and an indent of
/// four.
pub fn to_yaml_as_it_is(value: &Value) -> String {
    write(value, 4, false)
}

fn write(value: &Value, step: usize, sorted: bool) -> String {
    let mut writer = Writer { text: String::new(), column: 0, step, sorted };
    writer.value(value, 0, Place::Root);
    let plain = match value {
        Value::String(text) => is_plain(text),
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    };
    writer.text + if plain { "\n...\n" } else { "\n" }
}

/// Where a value goes.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// It is the document.
    Root,
    /// Behind a key and its colon.
    Key,
    /// Behind the dash of an item, or behind the `?` or `:` of a long key.
    Item,
}

struct Writer {
    text: String,
    column: usize,
    /// How far each level is indented.
    step: usize,
    /// Whether keys are sorted.
    sorted: bool,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn new_line(&mut self, indent: usize) {
        self.text.push('\n');
        self.column = 0;
        self.push(&" ".repeat(indent));
    }

    /// The place for the next key or item of a block; its first may follow an item's dash.
    fn next(&mut self, indent: usize, follows: Option<Place>) {
        match follows {
            Some(Place::Root) => {}
            Some(Place::Item) => self.push(&" ".repeat(self.step - 1)),
            _ => self.new_line(indent),
        }
    }

    fn value(&mut self, value: &Value, indent: usize, place: Place) {
        let inner = if place == Place::Root { 0 } else { indent + self.step };
        let space = if place == Place::Root { "" } else { " " };
        match value {
            Value::Object(map) if !map.is_empty() => {
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                if self.sorted {
                    entries.sort_by_key(|(key, _)| *key);
                }
                for (index, (key, value)) in entries.into_iter().enumerate() {
                    self.next(inner, (index == 0).then_some(place));
                    self.entry(key, value, inner);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                let inner = if place == Place::Key { indent } else { inner };
                for (index, item) in items.iter().enumerate() {
                    self.next(inner, (index == 0).then_some(place));
                    self.push("-");
                    self.value(item, inner, Place::Item);
                }
            }
            scalar => {
                self.push(space);
                // PyYAML indents what is folded at the root too.
                self.scalar(scalar, indent + self.step);
            }
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        let lines = key.contains('\n');
        if key.is_empty() || key.chars().count() >= LONG_KEY || lines && single_quotable(key) {
            self.push("? ");
            self.scalar(&Value::from(key), indent + self.step);
            self.new_line(indent);
            self.push(":");
            return self.value(value, indent, Place::Item);
        }
        if is_plain(key) {
            self.push(key);
        } else if single_quotable(key) && !lines {
            self.push(&format!("'{}'", key.replace('\'', "''")));
        } else {
            self.double_quoted(key, None);
        }
        self.push(":");
        self.value(value, indent, Place::Key);
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.push("null"),
            Value::Bool(flag) => self.push(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.push(&number_text(number)),
            Value::String(text) if is_plain(text) => self.folded(text, indent),
            Value::String(text) if single_quotable(text) => {
                self.push("'");
                self.folded(&text.replace('\'', "''"), indent);
                self.push("'");
            }
            Value::String(text) => self.double_quoted(text, Some(indent)),
            Value::Array(_) => self.push("[]"),
            Value::Object(_) => self.push("{}"),
        }
    }

    /// A text whose single spaces may become line breaks, and whose line breaks are doubled.
    fn folded(&mut self, text: &str, indent: usize) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let same = |c: char| kind(c) == kind(first);
            let length = rest.find(|c| !same(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(length);
            let inside = rest.len() < text.len() && !after.is_empty();
            match kind(first) {
                Kind::Break => {
                    self.text.push_str(run);
                    self.new_line(indent);
                }
                Kind::Space if run.len() == 1 && inside && self.column > WIDTH => self.new_line(indent),
                _ => self.push(run),
            }
            rest = after;
        }
    }

    /// A text with everything but plain ASCII escaped; folded if there is an indent for it.
    fn double_quoted(&mut self, text: &str, indent: Option<usize>) {
        let characters: Vec<char> = text.chars().collect();
        self.push("\"");
        let mut pending = String::new();
        for (at, character) in characters.iter().copied().enumerate() {
            let escaped = escaped(character);
            if let Some(escaped) = &escaped {
                self.push(&std::mem::take(&mut pending));
                self.push(escaped);
            }
            let inside = at > 0 && at + 1 < characters.len();
            let folds = inside && (character == ' ' || escaped.is_some());
            match indent.filter(|_| folds && self.column + pending.chars().count() > WIDTH) {
                Some(indent) => {
                    self.push(&std::mem::take(&mut pending));
                    self.push("\\");
                    self.new_line(indent);
                    let next = if escaped.is_some() { characters[at + 1] } else { character };
                    self.push(if next == ' ' { "\\" } else { "" });
                    if escaped.is_none() {
                        pending.push(character);
                    }
                }
                None if escaped.is_none() => pending.push(character),
                None => {}
            }
        }
        self.push(&pending);
        self.push("\"");
    }
}

#[derive(PartialEq)]
enum Kind {
    Space,
    Break,
    Word,
}

fn kind(character: char) -> Kind {
    match character {
        ' ' => Kind::Space,
        '\n' => Kind::Break,
        _ => Kind::Word,
    }
}

fn number_text(number: &serde_json::Number) -> String {
    let text = python::to_repr(&Value::Number(number.clone()));
    if number.is_f64() && !text.contains('.') { text.replacen('e', ".0e", 1) } else { text }
}

/// Whether the text can stand without quotes and is still that text when it is read.
fn is_plain(text: &str) -> bool {
    let starts_document = text.starts_with("---") || text.starts_with("...");
    let first = text.chars().next().unwrap_or(' ');
    let after_first = text.chars().nth(1).is_none_or(|c| c.is_ascii_whitespace() || c == '\0');
    let indicator = "#,[]{}&*!|>'\"%@`".contains(first) || "?:-".contains(first) && after_first;
    let inner = text.contains(": ") || text.ends_with(':') || text.contains(" #");
    let ascii = text.chars().all(|c| matches!(c, ' '..='~'));
    let bare = ascii && !text.starts_with(' ') && !text.ends_with(' ');
    bare && !starts_document && !indicator && !inner && means_text(text)
}

fn means_text(text: &str) -> bool {
    let same = matches!(yaml_scalar::resolve(text), Ok(None));
    same && !yaml_scalar::is_moment(text) && !matches!(text, "=" | "<<")
}

/// Whether single quotes can hold the text: no escapes, no spaces around line breaks.
fn single_quotable(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' '..='~' | '\n')) && !text.contains(" \n") && !text.contains("\n ")
}

/// The escape of a character that has to have one.
fn escaped(character: char) -> Option<String> {
    Some(match character {
        '"' | '\\' => format!("\\{character}"),
        ' '..='~' => return None,
        '\0' => "\\0".to_owned(),
        '\x07' => "\\a".to_owned(),
        '\x08' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\x0b' => "\\v".to_owned(),
        '\x0c' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\x1b' => "\\e".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{a0}' => "\\_".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c if c <= '\u{ff}' => format!("\\x{:02X}", c as u32),
        c if c <= '\u{ffff}' => format!("\\u{:04X}", c as u32),
        c => format!("\\U{:08X}", c as u32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use serde_json::json;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn writes_blocks_with_sorted_keys() {
        let value = json!({"b": [1, [2, {}], {"d": [], "c": null}], "a": "yes", "": "x\ny"});
        insta::assert_snapshot!(to_yaml(&value), @r#"
        ? ''
        : 'x

          y'
        a: 'yes'
        b:
        - 1
        - - 2
          - {}
        - c: null
          d: []
        "#);
        assert_eq!(to_yaml(&json!("plain")), "plain\n...\n");
    }

    #[test]
    fn writes_as_pyyaml_does() {
        let text = prop_oneof![
            "[a-z:#?' -]{0,12}",
            "[a-zA-Z0-9_.:+~<=-]{1,10}",
            "[a-z \n\"é\u{2028}\u{1f600}\t]{0,14}",
            "([a-z]{1,30}[ é]{1,2}){3,9}",
            "(20|1)[0-9]{2}-1?[0-9]-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.5)?(Z| ?[+]1)?)?",
            "(no|Yes|null|~|0x1f|1:30|1_0|017|1e3|1\\.|\\.5|off|0b1|-|---|\\.\\.\\.x)",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|float| json!(float)),
            text.prop_map(Value::from),
        ];
        let key = "[a-zé '0-9]{0,6}|[a-z]{121,124}|a\nb";
        let value = leaf.prop_recursive(4, 20, 4, move |inner| {
            let map =
                vec((key, inner.clone()), 0..4).prop_map(|map| Value::Object(map.into_iter().collect()));
            prop_oneof![vec(inner, 0..4).prop_map(Value::Array), map]
        });
        let mut runner = TestRunner::deterministic();
        let values: Vec<Value> = (0..1500).map(|_| value.new_tree(&mut runner).unwrap().current()).collect();
        for (value, expected) in values.iter().zip(pyyaml(&values)) {
            assert_eq!(to_yaml(value), expected, "{value}");
        }
    }

    fn pyyaml(values: &[Value]) -> Vec<String> {
        let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
        let script = "import json,sys,yaml; print(json.dumps([yaml.dump(v) for v in json.load(sys.stdin)]))";
        let mut child = Command::new(python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(values).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        let texts: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(texts.len(), values.len());
        texts
    }
}
