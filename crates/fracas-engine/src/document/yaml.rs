//! YAML 1.1 as PyYAML's `safe_load` reads it, with places.
//!
//! The scanner and parser are saphyr's; what a plain scalar means, merge keys, aliases and
//! duplicate keys are decided here, since YAML 1.2 libraries decide them differently.

use std::collections::HashMap;

use fracas_model::{Entry, Map, Node, NodeValue, Problem, Problems, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Range, Tag};
use serde_json::Number;

use super::{MAX_DEPTH, yaml_scalar};

/// More values from aliases than this are refused: they can multiply without end.
const MAX_ALIASED: usize = 200_000;

type Parsed<T> = Result<T, Box<Problem>>;

/// Reads the one document of a YAML text. An empty text is null.
///
/// # Errors
///
/// Every duplicate key, or the one place where the text stops being YAML that `safe_load` takes.
pub fn parse_yaml(text: &str) -> Result<Node, Problems> {
    match parse(text) {
        (Some(node), problems) if !problems.has_errors() => Ok(node),
        (_, problems) => Err(problems),
    }
}

/// As [`parse_yaml`], but duplicate keys do not keep the document back.
pub(super) fn parse(text: &str) -> (Option<Node>, Problems) {
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        places: Places::of(text),
        anchors: HashMap::new(),
        aliased: 0,
        duplicates: Problems::default(),
    };
    match composer.stream() {
        Ok(node) => (Some(node), composer.duplicates),
        Err(problem) => (None, (*problem).into()),
    }
}

/// A key that stands twice in one mapping: JSON and YAML would silently drop the first value.
pub(super) fn duplicate_key(key: &str, span: Span) -> Problem {
    Problem::error(span, format!("the key `{key}` is given twice"))
        .label("given again here")
        .help("keep one of the two; the other would be ignored")
}

struct Composer<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    places: Places,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    duplicates: Problems,
}

impl<'a> Composer<'a> {
    fn stream(&mut self) -> Parsed<Node> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if document.is_some() => {
                    let problem = Problem::error(span, "a second document begins here");
                    return Err(Box::new(problem.help("keep one experiment in a file")));
                }
                Event::DocumentStart(_) => document = Some(self.node(0)?),
                _ => {}
            }
        }
        Ok(document.unwrap_or(Node::new(Span::default(), NodeValue::Null)))
    }

    fn next(&mut self) -> Parsed<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok((event, range))) => Ok((event, self.places.span(range))),
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, depth: usize) -> Parsed<Node> {
        let (event, span) = self.next()?;
        self.node_of(event, span, depth)
    }

    fn node_of(&mut self, event: Event<'a>, span: Span, depth: usize) -> Parsed<Node> {
        check_depth(depth, span)?;
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, Node::new(span, scalar(&text, style, tag.as_deref(), span)?))
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", span)?;
                (anchor, self.sequence(span, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", span)?;
                (anchor, self.mapping(span, depth)?)
            }
            _ => return Err(Box::new(Problem::error(span, "expected a value"))),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Parsed<Node> {
        let message = "this alias stands inside the value that it names";
        let node = self.anchors.get(&anchor).cloned();
        let node = node.ok_or_else(|| Box::new(Problem::error(span, message)))?;
        check_depth(depth + height(&node), span)?;
        self.aliased += size(&node);
        if self.aliased > MAX_ALIASED {
            let problem = Problem::error(span, format!("aliases unfold to more than {MAX_ALIASED} values"));
            return Err(Box::new(problem.help("use fewer aliases")));
        }
        Ok(Node { span, ..node })
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Parsed<Node> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node::new(
                    Span::new(start.start, span.end.max(start.end)),
                    NodeValue::List(items),
                ));
            }
            items.push(self.node_of(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Parsed<Node> {
        let mut own = Map::new();
        let mut merged = Vec::new();
        let end = loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                break key_span.end.max(start.end);
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node_of(event, key_span, depth + 1)?;
            let value = self.node(depth + 1)?;
            if is_merge {
                merged.push(value);
                continue;
            }
            let key = key_text(&key)?;
            if own.contains_key(&key) {
                self.duplicates.push(duplicate_key(&key, key_span));
            }
            own.insert(key, Entry { key_span, value });
        };
        Ok(Node::new(Span::new(start.start, end), NodeValue::Map(merge(own, merged)?)))
    }

    fn scan_error(&self, error: &ScanError) -> Box<Problem> {
        let at = self.places.byte(error.marker().index());
        Box::new(Problem::error(Span::new(at, at + 1), format!("this is no YAML: {}", error.info())))
    }
}

fn check_depth(depth: usize, span: Span) -> Parsed<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Box::new(Problem::error(span, format!("nested more than {MAX_DEPTH} levels deep"))))
}

/// Where each character begins, since the parser counts characters and spans count bytes.
struct Places {
    starts: Option<Vec<usize>>,
    length: usize,
}

impl Places {
    fn of(text: &str) -> Places {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Places { starts, length: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.starts {
            Some(starts) => starts.get(character).copied().unwrap_or(self.length),
            None => character.min(self.length),
        }
    }

    fn span(&self, range: Range) -> Span {
        Span::new(self.byte(range.start.index()), self.byte(range.end.index()))
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Parsed<NodeValue> {
    match tag {
        None if style == ScalarStyle::Plain => resolved(text, span),
        None => Ok(NodeValue::String(text.to_owned())),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
            Ok(NodeValue::String(text.to_owned()))
        }
        Some(tag) if tag.is_yaml_core_schema() => tagged(text, tag, span),
        Some(tag) => Err(unknown_tag(tag, span)),
    }
}

/// A scalar that says of which type it is.
fn tagged(text: &str, tag: &Tag, span: Span) -> Parsed<NodeValue> {
    let value = resolved(text, span)?;
    let float = |number: &Number| number.as_f64().and_then(Number::from_f64).map(NodeValue::Number);
    let typed = match (tag.suffix.as_str(), &value) {
        ("int", NodeValue::Number(number)) if !number.is_f64() => Some(value),
        ("float", NodeValue::Number(number)) => float(number),
        ("bool", NodeValue::Bool(_)) | ("null", NodeValue::Null) => Some(value),
        ("int" | "float" | "bool" | "null", _) => None,
        _ => return Err(unknown_tag(tag, span)),
    };
    typed.ok_or_else(|| Box::new(Problem::error(span, format!("`{text}` is not of the type {}", tag.suffix))))
}

fn resolved(text: &str, span: Span) -> Parsed<NodeValue> {
    let value = yaml_scalar::resolve(text).map_err(|message| Problem::error(span, message))?;
    let is_whole = || text.bytes().all(|byte| byte.is_ascii_digit() || b"+-_".contains(&byte));
    match &value {
        NodeValue::Number(number) if number.is_f64() && is_whole() => {
            Err(Box::new(super::too_many_digits(text, span)))
        }
        _ => Ok(value),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str, span: Span) -> Parsed<()> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => Err(unknown_tag(tag, span)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, span: Span) -> Box<Problem> {
    let problem = Problem::error(
        span,
        format!("the tag `{}{}` is not one that experiments may use", tag.handle, tag.suffix),
    );
    Box::new(problem.help("write plain values, lists and mappings"))
}

/// A key as `json.dumps` would write it: numbers, booleans and null become text.
fn key_text(key: &Node) -> Parsed<String> {
    match &key.value {
        NodeValue::String(text) => Ok(text.clone()),
        NodeValue::List(_) | NodeValue::Map(_) => {
            Err(Box::new(Problem::error(key.span, format!("a key cannot be {}", key.kind()))))
        }
        _ => Ok(key.to_json().to_string()),
    }
}

/// Merged mappings come first, as in PyYAML; a mapping's own keys win over them, and earlier
/// merged ones over later ones.
fn merge(own: Map, merged: Vec<Node>) -> Parsed<Map> {
    if merged.is_empty() {
        return Ok(own);
    }
    let mut result = Map::new();
    for node in merged.iter().rev() {
        let maps: Vec<&Node> =
            node.as_list().map_or_else(|| vec![node], |items| items.iter().rev().collect());
        for map in maps {
            let message = format!("`<<` takes mappings, not {}", map.kind());
            let map = map.as_map().ok_or_else(|| Box::new(Problem::error(map.span, message)))?;
            result.extend(map.iter().map(|(key, entry)| (key.clone(), entry.clone())));
        }
    }
    result.extend(own);
    Ok(result)
}

fn size(node: &Node) -> usize {
    match &node.value {
        NodeValue::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        NodeValue::Map(map) => 1 + map.values().map(|entry| size(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

fn height(node: &Node) -> usize {
    match &node.value {
        NodeValue::List(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        NodeValue::Map(map) => 1 + map.values().map(|entry| height(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn value(text: &str) -> serde_json::Value {
        parse_yaml(text).unwrap().to_json()
    }

    fn messages(text: &str) -> Vec<String> {
        parse_yaml(text).unwrap_err().0.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn knows_the_place_of_keys_and_values() {
        let text = "title: ünï\nmethod:\n  - name: x\n    pauses: {after: 5}\n";
        let node = parse_yaml(text).unwrap();
        let title = node.get("title").unwrap().span;
        assert_eq!(&text[title.start..title.end], "ünï");
        let method = &node.get("method").unwrap().as_list().unwrap()[0];
        let key = method.as_map().unwrap()["pauses"].key_span;
        assert_eq!(&text[key.start..key.end], "pauses");
    }

    #[test]
    fn merges_and_aliases_as_pyyaml_does() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {x: 9, z: 3}\nc: {<<: [*a, *b], y: 5}\nd: *a";
        assert_eq!(
            value(text),
            json!({"a": {"x": 1, "y": 2}, "b": {"x": 9, "z": 3}, "c": {"x": 1, "z": 3, "y": 5}, "d": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn keys_become_text() {
        assert_eq!(value("1: a\ntrue: b\nnull: c"), json!({"1": "a", "true": "b", "null": "c"}));
    }

    #[test]
    fn names_each_mistake() {
        let bomb = format!(
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n{}",
            ('b'..='h')
                .map(|c| {
                    let last = (c as u8 - 1) as char;
                    format!("{c}: &{c} [{}]\n", vec![format!("*{last}"); 10].join(", "))
                })
                .collect::<String>()
        );
        assert_eq!(messages("a: 1\nb: 2\na: 3\nb: 4").len(), 2);
        assert!(messages(&bomb)[0].contains("aliases unfold to more than"));
        assert!(messages("a: &a [*a]")[0].contains("inside the value"));
        assert!(messages("a: 1\n---\nb: 2")[0].contains("second document"));
        assert!(messages("a: !!python/object:os.system x")[0].contains("tag"));
        assert!(messages("a: !!int x")[0].contains("not of the type int"));
        assert!(messages("a: 123456789012345678901234567890")[0].contains("64 bits"));
        assert_eq!(value("a: !!float 5\nb: !!str 5"), json!({"a": 5.0, "b": "5"}));
        assert!(messages("a: [1, 2")[0].contains("no YAML"));
        assert!(messages("a: b: c")[0].contains("no YAML"));
        assert!(messages(&("[".repeat(250) + &"]".repeat(250)))[0].contains("nested more than"));
        assert!(messages(&"[".repeat(100_000))[0].contains("no YAML"));
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse_yaml(&text);
        }

        #[test]
        fn reads_what_serde_json_writes(text in "[ -~]{0,20}", number in any::<i32>()) {
            let json = json!({"text": text, "list": [number, true, null]});
            prop_assert_eq!(value(&json.to_string()), json);
        }
    }
}
