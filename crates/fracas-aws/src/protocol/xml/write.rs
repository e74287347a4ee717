//! Writes parameters as a document, byte by byte as botocore does with Python's ElementTree.

use crate::model::{Kind, List, Map, Service, ShapeId, Structure, TimestampFormat, Wire, XmlNamespace};
use crate::protocol::{Object, canonical_base64, moment_text, named};
use crate::value::python_str;
use serde_json::Value;

/// The element around a value.
#[derive(Clone, Copy)]
pub(crate) struct Root<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: Option<&'a XmlNamespace<'a>>,
}

/// A document that holds one value of a shape.
pub(crate) fn write(service: &Service, shape: ShapeId, root: Root, value: &Value) -> String {
    let mut writer = Writer { service, out: String::new() };
    writer.value(shape, &Wire { name: root.name, ..Wire::default() }, root, value);
    writer.out
}

struct Writer<'s> {
    service: &'s Service<'s>,
    out: String,
}

impl Writer<'_> {
    fn value(&mut self, shape: ShapeId, wire: &Wire, tag: Root, value: &Value) {
        match (&self.service.shape(shape).kind, value) {
            (Kind::Structure(structure), Value::Object(entries)) => self.structure(structure, tag, entries),
            (Kind::List(list), Value::Array(items)) => self.list(list, wire, tag, items),
            (Kind::Map(map), Value::Object(entries)) => self.map(map, wire, tag, entries),
            (Kind::Timestamp, _) => {
                let format = wire.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
                self.leaf(tag, &moment_text(value, format));
            }
            (Kind::Blob { .. }, Value::String(text)) => self.leaf(tag, &canonical_base64(text)),
            (Kind::Boolean, _) => self.leaf(tag, if *value == Value::Bool(true) { "true" } else { "false" }),
            (_, value) => self.leaf(tag, &python_str(value)),
        }
    }

    fn structure(&mut self, structure: &Structure, tag: Root, entries: &Object) {
        let known = |key: &str| structure.members.iter().find(|member| member.name == key);
        let entries = entries.iter().filter(|(_, value)| !value.is_null());
        let members: Vec<_> =
            entries.filter_map(|(key, value)| known(key).map(|member| (member, value))).collect();
        let (attributes, elements): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|(member, _)| member.wire.xml_attribute);
        let attributes: String = attributes
            .iter()
            .map(|(member, value)| attribute(member.wire.name, &python_str(value)))
            .collect();
        self.element(tag, &attributes, |writer| {
            for (member, value) in elements {
                writer.value(member.shape, &member.wire, element_of(&member.wire, member.name), value);
            }
        });
    }

    fn list(&mut self, list: &List, wire: &Wire, tag: Root, items: &[Value]) {
        let namespace = list.member_wire.xml_namespace.as_deref();
        let name = if wire.flattened { tag.name } else { named(&list.member_wire, "member") };
        let write = |writer: &mut Self| {
            for item in items {
                writer.value(list.member, &list.member_wire, Root { name, namespace }, item);
            }
        };
        if wire.flattened { write(self) } else { self.element(tag, "", write) }
    }

    fn map(&mut self, map: &Map, wire: &Wire, tag: Root, entries: &Object) {
        let entry = if wire.flattened { tag.name } else { "entry" };
        let write = |writer: &mut Self| {
            for (key, value) in entries {
                writer.element(Root { name: entry, namespace: None }, "", |writer| {
                    writer.entry(map, key, value);
                });
            }
        };
        if wire.flattened { write(self) } else { self.element(tag, "", write) }
    }

    fn entry(&mut self, map: &Map, key: &str, value: &Value) {
        self.leaf(element_of(&map.key_wire, "key"), key);
        self.value(map.value, &map.value_wire, element_of(&map.value_wire, "value"), value);
    }

    fn leaf(&mut self, tag: Root, text: &str) {
        self.element(tag, "", |writer| writer.out.push_str(&escape_text(text)));
    }

    /// An element that nothing was written into closes itself.
    fn element(&mut self, tag: Root, attributes: &str, content: impl FnOnce(&mut Self)) {
        self.out.push('<');
        self.out.push_str(tag.name);
        if let Some(XmlNamespace { prefix, uri }) = tag.namespace {
            let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            self.out.push_str(&attribute(&name, uri));
        }
        self.out.push_str(attributes);
        self.out.push('>');
        let start = self.out.len();
        content(self);
        if self.out.len() == start {
            self.out.truncate(start - 1);
            self.out.push_str(" />");
        } else {
            self.out.extend(["</", tag.name, ">"]);
        }
    }
}

fn element_of<'w>(wire: &'w Wire<'w>, default: &'w str) -> Root<'w> {
    Root { name: named(wire, default), namespace: wire.xml_namespace.as_deref() }
}

fn attribute(name: &str, value: &str) -> String {
    let value = escape_text(value).replace('"', "&quot;");
    let value = value.replace('\r', "&#13;").replace('\n', "&#10;").replace('\t', "&#09;");
    format!(" {name}=\"{value}\"")
}

fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
