//! A JSON or YAML document in which every key and value knows its place in the text.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde_json::{Number, Value};

/// A text as it was loaded, kept whole so that errors can show the line they are about.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path or URL it came from, as the user wrote it.
    pub name: String,
    /// The text, without a byte order mark.
    pub text: String,
    /// How the text is written.
    pub format: Format,
}

impl Source {
    /// The line that a span begins in, from 1.
    pub fn line(&self, span: Span) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, as Python's `json` reads it
    Json,
    /// YAML 1.1, as PyYAML's `safe_load` reads it
    Yaml,
}

impl Format {
    /// The file name extension that stands for it.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Yaml => "yaml",
        }
    }
}

/// A range of bytes of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes it was written in.
    pub span: Span,
    /// What it is.
    pub value: NodeValue,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// an integer or a float
    Number(Number),
    /// a text
    String(String),
    /// a sequence
    List(Vec<Node>),
    /// a mapping, which copies of the value share
    Map(Arc<Map>),
}

/// A mapping in the order it was written.
pub type Map = IndexMap<String, Entry, RandomState>;

/// A mapping's value, with the place of its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A value at a place.
    pub fn new(span: Span, value: NodeValue) -> Node {
        Node { span, value }
    }

    /// The value under a key, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.value)
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            NodeValue::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The sequence, if it is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number as a float, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.value {
            NodeValue::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.value == NodeValue::Null
    }

    /// What a user would call this kind of value.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "null",
            NodeValue::Bool(_) => "a boolean",
            NodeValue::Number(number) if number.is_f64() => "a float",
            NodeValue::Number(_) => "an integer",
            NodeValue::String(_) => "a string",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "an object",
        }
    }

    /// The same value without places.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(flag) => Value::Bool(*flag),
            NodeValue::Number(number) => Value::Number(number.clone()),
            NodeValue::String(text) => Value::String(text.clone()),
            NodeValue::List(items) => items.iter().map(Node::to_json).collect(),
            NodeValue::Map(map) => {
                Value::Object(map.iter().map(|(key, entry)| (key.clone(), entry.value.to_json())).collect())
            }
        }
    }
}

/// A value that stands in no text: all its places are empty.
impl From<&Value> for Node {
    fn from(value: &Value) -> Node {
        let value = match value {
            Value::Null => NodeValue::Null,
            Value::Bool(flag) => NodeValue::Bool(*flag),
            Value::Number(number) => NodeValue::Number(number.clone()),
            Value::String(text) => NodeValue::String(text.clone()),
            Value::Array(items) => NodeValue::List(items.iter().map(Node::from).collect()),
            Value::Object(map) => NodeValue::Map(Arc::new(map.iter().map(entry_of).collect())),
        };
        Node::new(Span::default(), value)
    }
}

fn entry_of((key, value): (&String, &Value)) -> (String, Entry) {
    (key.clone(), Entry { key_span: Span::default(), value: Node::from(value) })
}
