//! Reads elements by the shapes of a service (botocore's `BaseXMLResponseParser`).

use super::{Children, Element};
use crate::model::{Kind, List, Location, Map, Member, Service, Shape, ShapeId, Structure, Wire};
use crate::protocol::{Object, Unreadable, named};
use crate::time::Moment;
use aws_smithy_types::base64;
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// What a member that the model does not know is called in a union.
pub(crate) const UNKNOWN_MEMBER: &str = "SDK_UNKNOWN_MEMBER";

/// Reads the elements of one answer.
pub(crate) struct Reader<'s> {
    service: &'s Service<'s>,
    names: RefCell<HashMap<ShapeId, Names<'s>>>,
}

/// The names of a structure's elements with the index of their member, sorted.
type Names<'s> = Rc<[(&'s str, usize)]>;

impl<'s> Reader<'s> {
    pub(crate) fn new(service: &'s Service<'s>) -> Self {
        Self { service, names: RefCell::default() }
    }

    /// The members of a structure that an element holds.
    pub(crate) fn structure(&self, shape: ShapeId, element: Element) -> Result<Object, Unreadable> {
        match self.value(shape, element)? {
            Value::Object(entries) => Ok(entries),
            other => Err(Unreadable(format!("no structure: {other}"))),
        }
    }

    /// What an element holds, in the model's order.
    pub(crate) fn value(&self, shape: ShapeId, element: Element) -> Result<Value, Unreadable> {
        let value = self.serialize(shape, element, serde_json::value::Serializer);
        value.map_err(|error| Unreadable(error.to_string()))
    }

    /// Writes what an element holds, as [`Reader::value`] gives it.
    pub(crate) fn serialize<S: Serializer>(
        &self,
        shape: ShapeId,
        element: Element,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let nodes = Nodes::One(element);
        Shaped { reader: self, shape, wire: &Wire::default(), nodes }.serialize(serializer)
    }

    /// The members of a structure that an element holds, without a list, which a function is given
    /// as it stands in the answer.
    pub(crate) fn split<R>(
        &self,
        shape: ShapeId,
        element: Element,
        apart: &str,
        see: impl FnOnce(&Shaped<'_, 's, '_>) -> R,
    ) -> Result<(Object, Option<R>), Unreadable> {
        let whole = Shaped { reader: self, shape, wire: &Wire::default(), nodes: Nodes::One(element) };
        let Kind::Structure(structure) = &self.service.shape(shape).kind else {
            return Ok((self.structure(shape, element)?, None));
        };
        let (mut rest, mut see, mut seen) = (Object::new(), Some(see), None);
        for (member, child) in structure.members.iter().zip(self.first_elements(shape, structure, element)) {
            let Some(child) = child else { continue };
            let found = whole.member(member, element, child);
            let is_list = matches!(self.service.shape(member.shape).kind, Kind::List(_));
            if member.name == apart && is_list {
                seen = see.take().map(|see| see(&found));
            } else {
                let value = found.serialize(serde_json::value::Serializer);
                rest.insert(member.name.into(), value.map_err(|error| Unreadable(error.to_string()))?);
            }
        }
        Ok((rest, seen))
    }

    fn names(&self, id: ShapeId, structure: &'s Structure<'s>) -> Names<'s> {
        let mut known = self.names.borrow_mut();
        let names = known.entry(id).or_insert_with(|| {
            let members = structure.members.iter().enumerate();
            let mut names: Vec<_> = members
                .filter(|(_, member)| is_in_body(member))
                .map(|(index, member)| (self.element_name(member), index))
                .collect();
            names.sort();
            names.into()
        });
        names.clone()
    }

    /// A flattened list's elements carry the name of its items.
    fn element_name(&self, member: &'s Member<'s>) -> &'s str {
        match &self.service.shape(member.shape).kind {
            Kind::List(list) if member.wire.flattened && !list.member_wire.name.is_empty() => {
                list.member_wire.name
            }
            _ => named(&member.wire, member.name),
        }
    }

    /// The first element of each member, in the model's order.
    fn first_elements<'d>(
        &self,
        id: ShapeId,
        structure: &'s Structure<'s>,
        element: Element<'d>,
    ) -> Vec<Option<Element<'d>>> {
        let names = self.names(id, structure);
        let mut found = vec![None; structure.members.len()];
        for child in element.children() {
            let name = child.name();
            let start = names.partition_point(|(known, _)| *known < name);
            for (_, index) in names[start..].iter().take_while(|(known, _)| *known == name) {
                found[*index].get_or_insert(child);
            }
        }
        found
    }
}

/// botocore looks for all in the body that travels neither in headers nor in the status.
fn is_in_body(member: &Member) -> bool {
    let elsewhere =
        matches!(member.wire.location, Location::Header | Location::Headers | Location::StatusCode);
    !elsewhere && !member.event_header
}

/// The elements that hold one value.
#[derive(Clone, Copy)]
enum Nodes<'d> {
    One(Element<'d>),
    /// Each child of this name, for a flattened list or map.
    Each(Element<'d>, &'d str),
}

impl<'d> Nodes<'d> {
    fn first(self) -> Option<Element<'d>> {
        match self {
            Self::One(element) => Some(element),
            Self::Each(parent, name) => parent.child(name),
        }
    }

    /// The items of a list or the entries of a map.
    fn items(self, flattened: bool) -> Items<'d> {
        match self {
            Self::One(element) if flattened => Items { one: Some(element), children: None, name: None },
            Self::One(element) => Items { one: None, children: Some(element.children()), name: None },
            Self::Each(parent, name) => {
                Items { one: None, children: Some(parent.children()), name: Some(name) }
            }
        }
    }
}

struct Items<'d> {
    one: Option<Element<'d>>,
    children: Option<Children<'d>>,
    name: Option<&'d str>,
}

impl<'d> Iterator for Items<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let name = self.name;
        self.one
            .take()
            .or_else(|| self.children.as_mut()?.find(|child| name.is_none_or(|name| child.name() == name)))
    }
}

/// A value of a shape where it stands in the answer; it serializes as boto3's result.
pub(crate) struct Shaped<'r, 's, 'd> {
    reader: &'r Reader<'s>,
    shape: ShapeId,
    wire: &'r Wire<'r>,
    nodes: Nodes<'d>,
}

impl Serialize for Shaped<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = self.reader.service.shape(self.shape);
        match (&shape.kind, self.nodes.first()) {
            (Kind::List(list), _) => self.list(list, serializer),
            (Kind::Map(map), _) => self.map(map, serializer),
            (_, None) => serializer.serialize_unit(),
            (Kind::Structure(structure), Some(element)) => self.structure(structure, element, serializer),
            (Kind::String, Some(element)) => serializer.serialize_str(&element.text()),
            (_, Some(element)) => match scalar(shape, &element.text()) {
                Ok(value) => value.serialize(serializer),
                Err(unreadable) => Err(S::Error::custom(unreadable.0)),
            },
        }
    }
}

impl<'s> Shaped<'_, 's, '_> {
    fn structure<S: Serializer>(
        &self,
        structure: &'s Structure<'s>,
        element: Element,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(None)?;
        if let Some(unknown) = unknown_union_member(structure, element).map_err(S::Error::custom)? {
            entries.serialize_entry(UNKNOWN_MEMBER, &serde_json::json!({"name": unknown}))?;
            return entries.end();
        }
        let found = self.reader.first_elements(self.shape, structure, element);
        for (member, child) in structure.members.iter().zip(found) {
            match child {
                Some(child) => entries.serialize_entry(member.name, &self.member(member, element, child))?,
                None if member.wire.xml_attribute => {
                    if let Some(text) = element.attribute(member.wire.name) {
                        entries.serialize_entry(member.name, &text)?;
                    }
                }
                None => {}
            }
        }
        entries.end()
    }

    fn member<'a>(
        &'a self,
        member: &'a Member<'s>,
        parent: Element<'a>,
        child: Element<'a>,
    ) -> Shaped<'a, 's, 'a> {
        let flattened = member.wire.flattened;
        let nodes = if flattened { Nodes::Each(parent, child.name()) } else { Nodes::One(child) };
        Shaped { reader: self.reader, shape: member.shape, wire: &member.wire, nodes }
    }

    fn list<S: Serializer>(&self, list: &List, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        for item in self.nodes.items(self.wire.flattened) {
            items.serialize_element(&self.inner(list.member, &list.member_wire, item))?;
        }
        items.end()
    }

    fn map<S: Serializer>(&self, map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(None)?;
        for entry in self.nodes.items(self.wire.flattened) {
            let (key, value) = parts(map, entry).map_err(S::Error::custom)?;
            entries.serialize_entry(&key.text(), &self.inner(map.value, &map.value_wire, value))?;
        }
        entries.end()
    }

    fn inner<'a>(&'a self, shape: ShapeId, wire: &'a Wire<'a>, element: Element<'a>) -> Shaped<'a, 's, 'a> {
        Shaped { reader: self.reader, shape, wire, nodes: Nodes::One(element) }
    }
}

/// The key and the value of a map's entry.
fn parts<'d>(map: &Map, entry: Element<'d>) -> Result<(Element<'d>, Element<'d>), String> {
    let (key_name, value_name) = (named(&map.key_wire, "key"), named(&map.value_wire, "value"));
    let strange = entry.children().find(|child| child.name() != key_name && child.name() != value_name);
    match (strange, entry.child(key_name), entry.child(value_name)) {
        (Some(child), ..) => Err(format!("Unknown tag: {}", child.name())),
        (None, Some(key), Some(value)) => Ok((key, value)),
        _ => Err(format!("a map entry lacks its {key_name} or {value_name}")),
    }
}

/// A tagged union has one member; one that the model does not know is named in the result.
fn unknown_union_member(structure: &Structure, element: Element) -> Result<Option<String>, &'static str> {
    if !structure.union {
        return Ok(None);
    }
    let tags: BTreeSet<_> = element.children().map(Element::name).collect();
    let (Some(tag), 1) = (tags.first(), tags.len()) else {
        return Err("Invalid service response: a union must have one and only one member set.");
    };
    let known = structure.members.iter().any(|member| named(&member.wire, member.name) == *tag);
    Ok((!known).then(|| (*tag).to_owned()))
}

/// A single value from the text of an element or a header.
pub(crate) fn scalar(shape: &Shape, text: &str) -> Result<Value, Unreadable> {
    let read = match shape.kind {
        Kind::Boolean => Some(Value::Bool(text.eq_ignore_ascii_case("true"))),
        Kind::Integer | Kind::Long => integer(text.trim()),
        Kind::Float | Kind::Double => float(text.trim()),
        Kind::Timestamp => Moment::parse(text).map(|moment| moment.isoformat().into()),
        Kind::Blob { .. } => blob(text),
        _ => Some(text.into()),
    };
    read.ok_or_else(|| Unreadable(format!("invalid value for {}: {text:?}", shape.name)))
}

fn integer(text: &str) -> Option<Value> {
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

fn float(text: &str) -> Option<Value> {
    text.parse().ok().map(from_float)
}

/// JSON has no NaN and no infinities: they become text.
pub(crate) fn from_float(float: f64) -> Value {
    match serde_json::Number::from_f64(float) {
        Some(number) => Value::Number(number),
        None if float.is_nan() => "NaN".into(),
        None if float > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Bytes stay base64 text, without what does not belong to it.
pub(crate) fn blob(text: &str) -> Option<Value> {
    let clean: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')).collect();
    base64::decode(&clean).ok().map(|bytes| base64::encode(bytes).into())
}
