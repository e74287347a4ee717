//! YAML 1.1 as PyYAML's `safe_load` reads it, with places.
//!
//! The scanner and parser are saphyr's; what a plain scalar means, merge keys, aliases and
//! duplicate keys are decided here, since YAML 1.2 libraries decide them differently.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use fracas_model::{Entry, Map, Node, NodeValue, Problem, Problems, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Range};

use super::yaml_indent::Indented;
use super::{MAX_DEPTH, yaml_tags};

/// More values from aliases than this are refused: they can multiply without end.
const MAX_ALIASED: usize = 200_000;

pub(super) type Parsed<T> = Result<T, Box<Problem>>;

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
    let mut shown = Indented::of(text);
    loop {
        let mut composer = Composer::of(&shown);
        let result = composer.stream();
        let (duplicates, low_quote) = (composer.duplicates, composer.low_quote);
        match result {
            Ok(node) => return (Some(node), duplicates),
            Err(problem) if !low_quote.is_some_and(|quote| shown.indent(quote)) => {
                return (None, (*problem).into());
            }
            Err(_) => {}
        }
    }
}

struct Composer<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    places: Places<'a>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    duplicates: Problems,
    /// Where a quoted text begins that goes on at too low an indentation for the parser.
    low_quote: Option<usize>,
}

impl<'a> Composer<'a> {
    fn of(shown: &'a Indented) -> Composer<'a> {
        Composer {
            parser: Parser::new_from_str(&shown.text),
            places: Places::of(shown),
            anchors: HashMap::new(),
            aliased: 0,
            duplicates: Problems::default(),
            low_quote: None,
        }
    }

    fn stream(&mut self) -> Parsed<Node> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if document.is_some() => {
                    let problem = Problem::error(span, "a second document begins here");
                    return Err(Box::new(problem.help("keep one document in a file")));
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
                let text = self.without_added_break(text, style, span);
                (anchor, Node::new(span, yaml_tags::scalar(text, style, tag.as_deref(), span)?))
            }
            Event::SequenceStart(anchor, tag) => {
                let sequence = self.sequence(span, depth)?;
                (anchor, yaml_tags::sequence(sequence, tag.as_deref(), span)?)
            }
            Event::MappingStart(anchor, tag) => {
                yaml_tags::check_mapping(tag.as_deref(), span)?;
                (anchor, self.mapping(span, depth)?)
            }
            _ => return Err(Box::new(Problem::error(span, "expected a value"))),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The parser ends a block at the end of the file with a line break, even if there is none.
    fn without_added_break(&self, text: Cow<'a, str>, style: ScalarStyle, span: Span) -> String {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let is_last = span.end >= self.places.length && !self.places.ends_with_break;
        let mut text = text.into_owned();
        if is_block && is_last && text.ends_with('\n') {
            text.pop();
        }
        text
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
        let mut own = Map::default();
        let mut merged = Vec::new();
        let end = loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                break key_span.end.max(start.end);
            }
            if matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<") {
                merged.push(self.node(depth + 1)?);
                continue;
            }
            let key = self.key(event, key_span, depth)?;
            let value = self.node(depth + 1)?;
            super::insert(&mut own, key, Entry { key_span, value }, &mut self.duplicates);
        };
        Ok(Node::new(Span::new(start.start, end), NodeValue::Map(Arc::new(merge(own, merged)?))))
    }

    /// The text of a key. `=` is one, though it is no value.
    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Parsed<String> {
        if matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "=") {
            return Ok("=".to_owned());
        }
        key_text(self.node_of(event, span, depth + 1)?)
    }

    fn scan_error(&mut self, error: &ScanError) -> Box<Problem> {
        if error.info() == "invalid indentation in quoted scalar" {
            self.low_quote = Some(self.places.shown_byte(error.marker().index()));
        }
        let at = self.places.byte(error.marker().index());
        let span = Span::new(at, at + 1);
        Box::new(match error.info() {
            // The parser's own limit is beyond this one.
            "recursion limit exceeded" => too_deep(span),
            why => Problem::error(span, format!("this is no YAML: {why}")),
        })
    }
}

fn check_depth(depth: usize, span: Span) -> Parsed<()> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Box::new(too_deep(span)))
}

fn too_deep(span: Span) -> Problem {
    Problem::error(span, format!("nested more than {MAX_DEPTH} levels deep"))
}

/// Where each character begins, since the parser counts characters and spans count bytes.
struct Places<'a> {
    starts: Option<Vec<usize>>,
    shown: &'a Indented,
    /// The length of the text as it was given.
    length: usize,
    ends_with_break: bool,
}

impl Places<'_> {
    fn of(shown: &Indented) -> Places<'_> {
        let text = &shown.text;
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        let ends_with_break = text.ends_with(['\n', '\r']);
        Places { starts, shown, length: shown.origin(text.len()), ends_with_break }
    }

    fn byte(&self, character: usize) -> usize {
        self.shown.origin(self.shown_byte(character))
    }

    fn shown_byte(&self, character: usize) -> usize {
        match &self.starts {
            Some(starts) => starts.get(character).copied().unwrap_or(self.shown.text.len()),
            None => character.min(self.shown.text.len()),
        }
    }

    fn span(&self, range: Range) -> Span {
        Span::new(self.byte(range.start.index()), self.byte(range.end.index()))
    }
}

/// A key as `json.dumps` would write it: numbers, booleans and null become text.
fn key_text(key: Node) -> Parsed<String> {
    match key.value {
        NodeValue::String(text) => Ok(text),
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
    let mut result = Map::default();
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
        assert!(messages(&"[".repeat(100_000))[0].contains("nested more than"));
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
