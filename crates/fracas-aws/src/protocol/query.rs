//! The `query` protocol: parameters as a form, answers as XML (botocore's `QuerySerializer` and
//! `QueryParser`).

use super::xml::{self, Element};
use super::{Answer, Call, Object, Request, Unreadable, WireFormat, has_secrets};
use crate::error::Error;
use crate::model::{
    Kind, List, Map, Member, Service, Shape, ShapeId, Structure, TimestampFormat, Wire as Names,
};
use crate::time::Moment;
use crate::value::{python_bytes, python_str};
use aws_smithy_types::base64;
use serde_json::Value;

/// How much of an unreadable body an error shows.
const SHOWN: usize = 2000;

/// The `query` protocol.
pub(super) struct Query;

impl WireFormat for Query {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        let mut form = Form { service: call.service, pairs: Vec::new() };
        form.put("Action", call.operation.name);
        form.put("Version", call.service.metadata.api_version);
        if let Some(Kind::Structure(input)) =
            call.operation.input.map(|input| &call.service.shape(input).kind)
        {
            form.structure(input, params, "");
        }
        Ok(Request {
            method: call.operation.method.to_owned(),
            target: "/".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
            body: form.encode().into_bytes(),
        })
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let root = document(call, answer)?;
        let mut parsed = match call.operation.output.map(|output| &call.service.shape(output).kind) {
            Some(Kind::Structure(output)) => {
                let start = unwrap(&root, call, answer)?;
                Reader { service: call.service }.structure(output, start)?
            }
            // A page of some gateway is no answer of AWS.
            _ if root.name.eq_ignore_ascii_case("html") => {
                return Err(unreadable(call, answer, "it is a web page"));
            }
            _ => Object::new(),
        };
        if let Some(metadata) = root.child("ResponseMetadata") {
            let texts = metadata.children.iter().map(|child| (child.name.to_owned(), leaf_text(child)));
            parsed.insert("ResponseMetadata".into(), Value::Object(texts.collect()));
        }
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let root = document(call, answer)?;
        let mut parsed = loose_object(&root);
        if let Some(Value::Object(errors)) = parsed.shift_remove("Errors") {
            parsed.extend(errors);
        }
        if let Some(id) = parsed.shift_remove("RequestId") {
            parsed.insert("ResponseMetadata".into(), serde_json::json!({"RequestId": id}));
        }
        let code = parsed.get("Error").and_then(|error| error.get("Code")).and_then(Value::as_str);
        if let Some(shape) = code.and_then(|code| call.service.error(code))
            && let Kind::Structure(structure) = &shape.kind
        {
            let own = root.child("Error").unwrap_or(&root);
            parsed.extend(Reader { service: call.service }.structure(structure, own)?);
        }
        Ok(parsed)
    }

    fn is_error(&self, answer: &Answer) -> bool {
        xml::root_name(&answer.body) == Some("ErrorResponse")
    }
}

fn document<'b>(call: Call, answer: &'b Answer) -> Result<Element<'b>, Unreadable> {
    xml::parse(&answer.body).map_err(|what| unreadable(call, answer, &what))
}

fn unreadable(call: Call, answer: &Answer, what: &str) -> Unreadable {
    let body = match has_secrets(call) {
        true => format!("{} bytes, not shown since such answers hold secrets", answer.body.len()),
        false => python_bytes(&answer.body, SHOWN),
    };
    Unreadable(format!(
        "Unable to parse response ({what}), invalid XML received. Further retries may succeed:\n{body}"
    ))
}

fn unwrap<'e, 'b>(root: &'e Element<'b>, call: Call, answer: &Answer) -> Result<&'e Element<'b>, Unreadable> {
    let wrapper = call.operation.result_wrapper;
    if wrapper.is_empty() {
        return Ok(root);
    }
    root.child(wrapper).ok_or_else(|| unreadable(call, answer, &format!("no element {wrapper} found")))
}

/// A form that is being filled in.
struct Form<'s> {
    service: &'s Service<'s>,
    pairs: Vec<(String, String)>,
}

impl Form<'_> {
    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.pairs.push((name.to_owned(), value.into()));
    }

    fn value(&mut self, shape: ShapeId, names: &Names, value: &Value, prefix: &str) {
        match (&self.service.shape(shape).kind, value) {
            (Kind::Structure(structure), Value::Object(entries)) => {
                self.structure(structure, entries, prefix)
            }
            (Kind::List(list), Value::Array(items)) => self.list(list, names, items, prefix),
            (Kind::Map(map), Value::Object(entries)) => self.map(map, names, entries, prefix),
            (Kind::Timestamp, _) => self.moment(names.timestamp_format, value, prefix),
            // Python's truth: 0 and "" would be false, but only booleans pass the check.
            (Kind::Boolean, _) => self.put(prefix, (*value == Value::Bool(true)).to_string()),
            (Kind::Blob { .. }, Value::String(text)) => self.put(prefix, canonical_base64(text)),
            (_, value) => self.put(prefix, python_str(value)),
        }
    }

    fn structure(&mut self, structure: &Structure, entries: &Object, prefix: &str) {
        for (key, value) in entries {
            let Some(member) = structure.members.iter().find(|member| member.name == key) else { continue };
            let name = named(&member.wire, member.name);
            let prefix = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            self.value(member.shape, &member.wire, value, &prefix);
        }
    }

    fn list(&mut self, list: &List, names: &Names, items: &[Value], prefix: &str) {
        if items.is_empty() {
            return self.put(prefix, "");
        }
        let stem = list_stem(list, names, prefix);
        for (index, item) in items.iter().enumerate() {
            self.value(list.member, &list.member_wire, item, &format!("{stem}.{}", index + 1));
        }
    }

    fn map(&mut self, map: &Map, names: &Names, entries: &Object, prefix: &str) {
        let stem = if names.flattened { prefix.to_owned() } else { format!("{prefix}.entry") };
        let (key_name, value_name) = (named(&map.key_wire, "key"), named(&map.value_wire, "value"));
        for (index, (key, value)) in entries.iter().enumerate() {
            let entry = format!("{stem}.{}", index + 1);
            self.put(&format!("{entry}.{key_name}"), key.as_str());
            self.value(map.value, &map.value_wire, value, &format!("{entry}.{value_name}"));
        }
    }

    fn moment(&mut self, format: Option<TimestampFormat>, value: &Value, prefix: &str) {
        let format = format.unwrap_or(TimestampFormat::Iso8601);
        if let Some(text) = Moment::from_value(value).and_then(|moment| moment.wire(format)) {
            self.put(prefix, text);
        }
    }

    /// `application/x-www-form-urlencoded`, as Python's `urlencode` writes it.
    fn encode(&self) -> String {
        self.pairs.iter().map(|(name, value)| query_pair(name, value)).collect::<Vec<_>>().join("&")
    }
}

/// A name and its value as a form or a query string holds them.
pub(crate) fn query_pair(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + 1);
    quote_plus(&mut out, name);
    out.push('=');
    quote_plus(&mut out, value);
    out
}

/// Where a list's items are written. A flattened list takes its items' name instead of its own.
fn list_stem(list: &List, names: &Names, prefix: &str) -> String {
    match (names.flattened, list.member_wire.name) {
        (true, "") => prefix.to_owned(),
        (true, item) => match prefix.rsplit_once('.') {
            Some((parent, _)) => format!("{parent}.{item}"),
            None => item.to_owned(),
        },
        (false, "") => format!("{prefix}.member"),
        (false, item) => format!("{prefix}.{item}"),
    }
}

fn named<'n>(names: &Names<'n>, default: &'n str) -> &'n str {
    if names.name.is_empty() { default } else { names.name }
}

fn canonical_base64(text: &str) -> String {
    base64::decode(text).map(base64::encode).unwrap_or_else(|_| text.to_owned())
}

fn quote_plus(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            _ => {
                let digit = |nibble: u8| HEX[usize::from(nibble)] as char;
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// An element of an error answer, read without a model.
fn loose_object(element: &Element) -> Object {
    let mut parsed = Object::new();
    for child in &element.children {
        // Of repeated elements the first counts.
        if !parsed.contains_key(child.name) {
            parsed.insert(child.name.to_owned(), loose(child));
        }
    }
    parsed
}

fn loose(element: &Element) -> Value {
    if element.children.is_empty() { leaf_text(element) } else { Value::Object(loose_object(element)) }
}

/// Text, or null when there is none: ElementTree's `text`.
fn leaf_text(element: &Element) -> Value {
    if element.text().is_empty() { Value::Null } else { element.text().into() }
}

/// Reads elements by the shapes of a service.
struct Reader<'s> {
    service: &'s Service<'s>,
}

/// The elements that hold one value: more than one only for a flattened list or map, or by mistake.
type Nodes<'e, 'b> = &'e [&'e Element<'b>];

impl Reader<'_> {
    fn structure(&self, structure: &Structure, element: &Element) -> Result<Object, Unreadable> {
        let mut parsed = Object::new();
        if let Some(unknown) = self.unknown_union_member(structure, element)? {
            parsed.insert("SDK_UNKNOWN_MEMBER".into(), serde_json::json!({"name": unknown}));
            return Ok(parsed);
        }
        for member in &structure.members {
            let name = self.element_name(member);
            let nodes: Vec<_> = element.children.iter().filter(|child| child.name == name).collect();
            if !nodes.is_empty() {
                parsed.insert(member.name.to_owned(), self.value(member.shape, &member.wire, &nodes)?);
            }
        }
        Ok(parsed)
    }

    /// A tagged union has one member; one that the model does not know is named in the result.
    fn unknown_union_member(
        &self,
        structure: &Structure,
        element: &Element,
    ) -> Result<Option<String>, Unreadable> {
        if !structure.union {
            return Ok(None);
        }
        let tags: std::collections::BTreeSet<_> = element.children.iter().map(|child| child.name).collect();
        let (Some(tag), 1) = (tags.first(), tags.len()) else {
            let text = "Invalid service response: a union must have one and only one member set.";
            return Err(Unreadable(text.to_owned()));
        };
        let known = structure.members.iter().any(|member| named(&member.wire, member.name) == *tag);
        Ok((!known).then(|| (*tag).to_owned()))
    }

    /// A flattened list's elements carry the name of its items.
    fn element_name<'m>(&'m self, member: &'m Member) -> &'m str {
        match &self.service.shape(member.shape).kind {
            Kind::List(list) if member.wire.flattened && !list.member_wire.name.is_empty() => {
                list.member_wire.name
            }
            _ => named(&member.wire, member.name),
        }
    }

    fn value(&self, id: ShapeId, names: &Names, nodes: Nodes) -> Result<Value, Unreadable> {
        let shape = self.service.shape(id);
        match (&shape.kind, nodes) {
            (Kind::List(list), nodes) => self.list(list, names, nodes),
            (Kind::Map(map), nodes) => self.map(map, names, nodes),
            (Kind::Structure(structure), [first, ..]) => self.structure(structure, first).map(Value::Object),
            (_, [first, ..]) => scalar(shape, first.text()),
            (_, []) => Ok(Value::Null),
        }
    }

    fn list(&self, list: &List, names: &Names, nodes: Nodes) -> Result<Value, Unreadable> {
        let flattened = names.flattened;
        let item = |node: &Element| self.value(list.member, &list.member_wire, &[node]);
        let items: Result<Vec<_>, _> = match (flattened, nodes) {
            (true, nodes) => nodes.iter().map(|node| item(node)).collect(),
            (false, [first, ..]) => first.children.iter().map(item).collect(),
            (false, []) => Ok(Vec::new()),
        };
        items.map(Value::Array)
    }

    fn map(&self, map: &Map, names: &Names, nodes: Nodes) -> Result<Value, Unreadable> {
        let entries: Vec<&Element> = match (names.flattened, nodes) {
            (true, nodes) => nodes.to_vec(),
            (false, [first, ..]) => first.children.iter().collect(),
            (false, []) => Vec::new(),
        };
        let mut parsed = Object::new();
        for entry in entries {
            let (key, value) = self.entry(map, entry)?;
            parsed.insert(key, value);
        }
        Ok(Value::Object(parsed))
    }

    fn entry(&self, map: &Map, entry: &Element) -> Result<(String, Value), Unreadable> {
        let (key_name, value_name) = (named(&map.key_wire, "key"), named(&map.value_wire, "value"));
        let strange = entry.children.iter().find(|child| child.name != key_name && child.name != value_name);
        if let Some(child) = strange {
            return Err(Unreadable(format!("Unknown tag: {}", child.name)));
        }
        match (entry.child(key_name), entry.child(value_name)) {
            (Some(key), Some(value)) => {
                Ok((key.text().to_owned(), self.value(map.value, &map.value_wire, &[value])?))
            }
            _ => Err(Unreadable(format!("a map entry lacks its {key_name} or {value_name}"))),
        }
    }
}

fn scalar(shape: &Shape, text: &str) -> Result<Value, Unreadable> {
    let read = match shape.kind {
        Kind::Boolean => Some(Value::Bool(text == "true")),
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

/// JSON has no NaN and no infinities: they stay text.
fn float(text: &str) -> Option<Value> {
    let float: f64 = text.parse().ok()?;
    Some(match serde_json::Number::from_f64(float) {
        Some(number) => Value::Number(number),
        None if float.is_nan() => "NaN".into(),
        None if float > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    })
}

/// Bytes stay base64 text, without what does not belong to it.
fn blob(text: &str) -> Option<Value> {
    let clean: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')).collect();
    base64::decode(&clean).ok().map(|bytes| base64::encode(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::embedded;
    use crate::protocol::parse;
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
            let answer = Answer { status, headers: Vec::new(), body };
            if let Err(unreadable) = parse(&Query, Call { service, operation }, &answer) {
                prop_assert!(!unreadable.0.is_empty());
            }
        }
    }
}
