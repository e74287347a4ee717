//! What a tag makes of a YAML value, as PyYAML's `safe_load` does.

use fracas_model::{Node, NodeValue, Problem, Span};
use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Number;

use super::yaml::Parsed;
use super::yaml_scalar;

/// Tags of YAML itself begin so.
const YAML: &str = "tag:yaml.org,2002:";

/// The name of a tag: that of YAML's own, `!` for none at all, or the whole of another.
fn name(tag: &Tag) -> String {
    let whole = format!("{}{}", tag.handle, tag.suffix);
    whole.strip_prefix(YAML).map_or(whole.clone(), str::to_owned)
}

/// The value of a scalar.
pub(super) fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Parsed<NodeValue> {
    match tag.map(name).as_deref() {
        None | Some("!") if style == ScalarStyle::Plain => resolved(text, span),
        None | Some("!" | "str") => Ok(NodeValue::String(text)),
        Some(name) => tagged(&text, name, span),
    }
}

fn tagged(text: &str, name: &str, span: Span) -> Parsed<NodeValue> {
    let resolved = |text: String| resolved(text, span);
    let typed = match name {
        "null" => return Ok(NodeValue::Null),
        "int" => match resolved(text.to_owned())? {
            NodeValue::Number(number) if !number.is_f64() => Some(NodeValue::Number(number)),
            _ => None,
        },
        "float" => float(text).and_then(Number::from_f64).map(NodeValue::Number),
        "bool" => match resolved(text.to_lowercase())? {
            NodeValue::Bool(flag) => Some(NodeValue::Bool(flag)),
            _ => None,
        },
        "timestamp" => yaml_scalar::timestamp(text).map(NodeValue::String),
        other => return Err(unknown(other, span)),
    };
    typed.ok_or_else(|| Box::new(Problem::error(span, format!("`{text}` is not of the type {name}"))))
}

fn resolved(text: String, span: Span) -> Parsed<NodeValue> {
    if matches!(text.as_str(), "=" | "<<") {
        let problem = Problem::error(span, format!("`{text}` alone is no value in YAML 1.1"));
        return Err(Box::new(problem.help("put it in quotes")));
    }
    let value = yaml_scalar::resolve(&text).map_err(|message| {
        Box::new(Problem::error(span, message).help("put it in quotes if it is meant as a text"))
    })?;
    let is_whole = || text.bytes().all(|byte| byte.is_ascii_digit() || b"+-_".contains(&byte));
    match value {
        Some(NodeValue::Number(number)) if number.is_f64() && is_whole() => {
            Err(Box::new(super::too_many_digits(&text, span)))
        }
        value => Ok(value.unwrap_or(NodeValue::String(text))),
    }
}

/// What `!!float` takes: Python's floats too, such as `1e3`.
fn float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    match yaml_scalar::resolve(text) {
        Ok(Some(NodeValue::Number(number))) if number.is_f64() || text.contains(':') => number.as_f64(),
        _ if plain.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            plain.parse().ok()
        }
        _ => None,
    }
}

/// A sequence by its tag: `!!omap` and `!!pairs` are lists of pairs.
pub(super) fn sequence(sequence: Node, tag: Option<&Tag>, span: Span) -> Parsed<Node> {
    match tag.map(name).as_deref() {
        None | Some("!" | "seq") => Ok(sequence),
        Some("omap" | "pairs") => {
            let items = sequence.as_list().unwrap_or_default().iter().map(pair);
            Ok(Node::new(sequence.span, NodeValue::List(items.collect::<Parsed<_>>()?)))
        }
        Some(other) => Err(unknown(other, span)),
    }
}

fn pair(item: &Node) -> Parsed<Node> {
    let entry = item.as_map().filter(|map| map.len() == 1).and_then(|map| map.first());
    let message = format!("a pair is a mapping with one key, not {}", item.kind());
    let (key, entry) = entry.ok_or_else(|| Box::new(Problem::error(item.span, message)))?;
    let key = Node::new(entry.key_span, NodeValue::String(key.clone()));
    Ok(Node::new(item.span, NodeValue::List(vec![key, entry.value.clone()])))
}

/// A mapping may have no other tag than its own.
pub(super) fn check_mapping(tag: Option<&Tag>, span: Span) -> Parsed<()> {
    match tag.map(name).as_deref() {
        None | Some("!" | "map") => Ok(()),
        Some(other) => Err(unknown(other, span)),
    }
}

fn unknown(name: &str, span: Span) -> Box<Problem> {
    let problem = |message: &str| Problem::error(span, message);
    Box::new(match name {
        "set" => problem("a set cannot be kept in a journal").help("write a list"),
        "binary" => problem("bytes cannot be kept in a journal").help("write a text, in base64 if need be"),
        _ => problem(&format!("the tag `{name}` is not one that experiments may use"))
            .help("write plain values, lists and mappings")
            .words(format!("could not determine a constructor for the tag '{name}'")),
    })
}
