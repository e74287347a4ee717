//! The `query` protocol: parameters as a form, answers as XML (botocore's `QuerySerializer` and
//! `QueryParser`).

use super::xml::{self, Document, Element, Reader};
use super::{
    Answer, Call, Object, Request, Unreadable, WireFormat, canonical_base64, form_pair, moment_text, named,
    unreadable_body,
};
use crate::error::Error;
use crate::model::{Kind, List, Map, Protocol, Service, ShapeId, Structure, TimestampFormat, Wire};
use crate::value::python_str;
use serde_json::Value;

/// The `query` protocol.
pub(super) struct Query;

impl WireFormat for Query {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        Ok(form_request(call, params, Dialect::Query))
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let document = result_document(call, answer)?;
        let root = document.root();
        let mut parsed = match call.operation.output {
            Some(output) => Reader::new(call.service).structure(output, unwrap(root, call, answer)?)?,
            None => Object::new(),
        };
        if let Some(metadata) = root.child("ResponseMetadata") {
            let texts = metadata.children().map(|child| (child.name().to_owned(), leaf_text(child)));
            parsed.insert("ResponseMetadata".into(), Value::Object(texts.collect()));
        }
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let document = document(call, answer)?;
        let root = document.root();
        let mut parsed = loose_error(root);
        add_modelled(call, &mut parsed, root.child("Error").unwrap_or(root))?;
        Ok(parsed)
    }

    fn is_error(&self, answer: &Answer) -> bool {
        xml::root_name(&answer.body) == Some("ErrorResponse")
    }
}

/// A call as a form.
pub(super) fn form_request(call: Call, params: &Object, dialect: Dialect) -> Request {
    let mut form = Form { service: call.service, dialect, pairs: Vec::new() };
    form.put("Action", call.operation.name);
    form.put("Version", call.service.metadata.api_version);
    if let Some(Kind::Structure(input)) = call.operation.input.map(|input| &call.service.shape(input).kind) {
        form.structure(input, params, "");
    }
    Request {
        method: call.operation.method.to_owned(),
        target: "/".to_owned(),
        headers: vec![("content-type".into(), "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
        body: form.encode().into_bytes(),
    }
}

/// What an error answer says without its model.
pub(super) fn loose_error(root: Element) -> Object {
    let mut parsed = loose_object(root);
    if let Some(Value::Object(errors)) = parsed.shift_remove("Errors") {
        parsed.extend(errors);
    }
    if let Some(id) = parsed.shift_remove("RequestId") {
        parsed.insert("ResponseMetadata".into(), serde_json::json!({"RequestId": id}));
    }
    parsed
}

/// Adds what the model knows of an error that has been read; its members are in one element.
pub(super) fn add_modelled(call: Call, parsed: &mut Object, element: Element) -> Result<(), Unreadable> {
    let code = parsed.get("Error").and_then(|error| error.get("Code")).and_then(Value::as_str);
    if let Some(shape) = code.and_then(|code| call.service.error_id(code)) {
        parsed.extend(Reader::new(call.service).structure(shape, element)?);
    }
    Ok(())
}

/// Whether a call is made in a form and answered in a document.
pub(super) fn is_form(call: Call) -> bool {
    matches!(call.service.metadata.protocol, Protocol::Query | Protocol::Ec2)
}

/// The body as a document.
pub(super) fn document<'b>(call: Call, answer: &'b Answer) -> Result<Document<'b>, Unreadable> {
    xml::parse(&answer.body).map_err(|what| unreadable(call, answer, &what))
}

/// As [`document`], of an answer that means success: a page of some gateway is none.
pub(super) fn result_document<'b>(call: Call, answer: &'b Answer) -> Result<Document<'b>, Unreadable> {
    let document = document(call, answer)?;
    match document.root().name().eq_ignore_ascii_case("html") {
        true => Err(unreadable(call, answer, "it is a web page")),
        false => Ok(document),
    }
}

fn unreadable(call: Call, answer: &Answer, what: &str) -> Unreadable {
    unreadable_body(call, &answer.body, what, "XML")
}

/// The element that holds the members of a result.
pub(super) fn unwrap<'d>(root: Element<'d>, call: Call, answer: &Answer) -> Result<Element<'d>, Unreadable> {
    let wrapper = call.operation.result_wrapper;
    if wrapper.is_empty() {
        return Ok(root);
    }
    root.child(wrapper).ok_or_else(|| unreadable(call, answer, &format!("no element {wrapper} found")))
}

/// What tells forms of the two protocols apart.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dialect {
    Query,
    Ec2,
}

/// A form that is being filled in.
struct Form<'s> {
    service: &'s Service<'s>,
    dialect: Dialect,
    pairs: Vec<(String, String)>,
}

impl Form<'_> {
    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.pairs.push((name.to_owned(), value.into()));
    }

    /// The name on the wire. ec2 has a name of its own for it, or begins it with a capital.
    fn name(&self, wire: &Wire, default: &str) -> String {
        let mut chars = wire.name.chars();
        match (self.dialect, wire.query_name, chars.next()) {
            (Dialect::Ec2, "", Some(first)) => first.to_uppercase().chain(chars).collect(),
            (Dialect::Ec2, query_name, _) if !query_name.is_empty() => query_name.to_owned(),
            _ => named(wire, default).to_owned(),
        }
    }

    fn value(&mut self, shape: ShapeId, wire: &Wire, value: &Value, prefix: &str) {
        match (&self.service.shape(shape).kind, value) {
            (Kind::Structure(structure), Value::Object(entries)) => {
                self.structure(structure, entries, prefix)
            }
            (Kind::List(list), Value::Array(items)) => self.list(list, wire, items, prefix),
            (Kind::Map(map), Value::Object(entries)) => self.map(map, wire, entries, prefix),
            (Kind::Timestamp, _) => {
                let format = wire.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
                self.put(prefix, moment_text(value, format));
            }
            // Python's truth: 0 and "" would be false, but only booleans pass the check.
            (Kind::Boolean, _) => self.put(prefix, (*value == Value::Bool(true)).to_string()),
            (Kind::Blob { .. }, Value::String(text)) => self.put(prefix, canonical_base64(text)),
            (_, value) => self.put(prefix, python_str(value)),
        }
    }

    fn structure(&mut self, structure: &Structure, entries: &Object, prefix: &str) {
        for (key, value) in entries {
            let Some(member) = structure.members.iter().find(|member| member.name == key) else { continue };
            let name = self.name(&member.wire, member.name);
            let prefix = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            self.value(member.shape, &member.wire, value, &prefix);
        }
    }

    fn list(&mut self, list: &List, wire: &Wire, items: &[Value], prefix: &str) {
        let stem = match (self.dialect, items) {
            (Dialect::Ec2, _) => prefix.to_owned(),
            (Dialect::Query, []) => return self.put(prefix, ""),
            (Dialect::Query, _) => list_stem(list, wire, prefix),
        };
        for (index, item) in items.iter().enumerate() {
            self.value(list.member, &list.member_wire, item, &format!("{stem}.{}", index + 1));
        }
    }

    fn map(&mut self, map: &Map, wire: &Wire, entries: &Object, prefix: &str) {
        let stem = if wire.flattened { prefix.to_owned() } else { format!("{prefix}.entry") };
        let (key_name, value_name) = (self.name(&map.key_wire, "key"), self.name(&map.value_wire, "value"));
        for (index, (key, value)) in entries.iter().enumerate() {
            let entry = format!("{stem}.{}", index + 1);
            self.put(&format!("{entry}.{key_name}"), key.as_str());
            self.value(map.value, &map.value_wire, value, &format!("{entry}.{value_name}"));
        }
    }

    /// `application/x-www-form-urlencoded`, as Python's `urlencode` writes it.
    fn encode(&self) -> String {
        self.pairs.iter().map(|(name, value)| form_pair(name, value)).collect::<Vec<_>>().join("&")
    }
}

/// Where a list's items are written. A flattened list takes its items' name instead of its own.
fn list_stem(list: &List, wire: &Wire, prefix: &str) -> String {
    match (wire.flattened, list.member_wire.name) {
        (true, "") => prefix.to_owned(),
        (true, item) => match prefix.rsplit_once('.') {
            Some((parent, _)) => format!("{parent}.{item}"),
            None => item.to_owned(),
        },
        (false, "") => format!("{prefix}.member"),
        (false, item) => format!("{prefix}.{item}"),
    }
}

/// An element of an error answer, read without a model.
pub(super) fn loose_object(element: Element) -> Object {
    let mut parsed = Object::new();
    for child in element.children() {
        // Of repeated elements the first counts.
        if !parsed.contains_key(child.name()) {
            parsed.insert(child.name().to_owned(), loose(child));
        }
    }
    parsed
}

fn loose(element: Element) -> Value {
    if element.is_leaf() { leaf_text(element) } else { Value::Object(loose_object(element)) }
}

/// Text, or null when there is none: ElementTree's `text`.
pub(super) fn leaf_text(element: Element) -> Value {
    let text = element.text();
    if text.is_empty() { Value::Null } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::embedded;
    use crate::protocol::{failure, result};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(
            tags in prop::collection::vec("[a-zA-Z]{0,3}|DBClusters|DBCluster|AvailabilityZones|Port|MultiAZ|ClusterCreateTime", 0..12),
            text in "[ -~]{0,20}",
            status in 200u16..600,
            cut in 0usize..400,
        ) {
            let service = embedded::service("docdb").expect("docdb");
            let operation = service.operation("DescribeDBClusters").expect("an operation");
            let inner = tags.iter().fold(text, |inner, tag| format!("<{tag}>{inner}</{tag}><{tag}/>"));
            let body = format!("<R><DescribeDBClustersResult>{inner}</DescribeDBClustersResult></R>");
            let body = body.as_bytes()[..cut.min(body.len())].to_vec();
            let answer = Answer { status, headers: Vec::new(), body: body.into() };
            let call = Call { service, operation };
            let read = failure(&Query, call, &answer).unwrap_or_else(|| result(&Query, call, &answer));
            if let Err(unreadable) = read {
                prop_assert!(!unreadable.0.is_empty());
            }
        }
    }
}
