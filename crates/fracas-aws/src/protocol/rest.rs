//! What the two REST protocols share: where members travel, in requests and answers (botocore's
//! `BaseRestSerializer` and `BaseRestParser`).

use super::xml::{Root, scalar};
use super::{Answer, Call, Object, Request, Unreadable, WireFormat, event_stream, moment_text, named};
use crate::error::Error;
use crate::model::{Kind, Location, Member, Shape, ShapeId, Structure, TimestampFormat, Wire};
use crate::protocol::{bytes_of, canonical_base64, query_pair, quote};
use crate::value::{python_json_compact, python_str};
use aws_smithy_types::base64;
use bytes::Bytes;
use serde_json::{Value, json};

/// What the REST protocols differ in: their bodies.
pub(super) trait Bodies: Sync {
    /// Writes a value; `root` names it where the format has names for that.
    fn write(&self, call: Call, shape: ShapeId, root: Root, value: &Value) -> Vec<u8>;
    /// What is sent when the payload is not given.
    fn empty(&self) -> &'static [u8];
    /// Whether members that are all unset make a body all the same.
    fn writes_nothing(&self) -> bool;
    /// The type of such bodies, where botocore says it.
    fn content_type(&self) -> Option<&'static str>;
    /// Reads a value.
    fn read(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Value, Unreadable>;
    /// Reads an error without its model.
    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable>;
    /// Reads the members that an error's body holds.
    fn modelled_error(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Object, Unreadable>;
}

/// A REST protocol.
pub(super) struct Rest<B>(pub(super) B);

impl<B: Bodies> WireFormat for Rest<B> {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        let mut request = Request {
            method: call.operation.method.to_owned(),
            target: call.operation.uri.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        if let Some(input) = call.operation.input
            && let Kind::Structure(structure) = &call.service.shape(input).kind
        {
            let parts = Parts::of(call, structure, params);
            request.target = parts.target(path(call));
            self.body(call, (input, structure), params, &parts.body, &mut request);
            self.headers(call, structure, parts.headers, &mut request);
        }
        Ok(request)
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let mut parsed = Object::new();
        parsed.insert("ResponseMetadata".into(), request_ids(answer));
        if let Some(output) = call.operation.output {
            self.modelled(call, output, answer, &mut parsed, |shape| self.0.read(call, shape, answer))?;
        }
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let mut parsed = self.0.error(call, answer)?;
        let code = parsed.get("Error").and_then(|error| error.get("Code")).map(python_str);
        if let Some(shape) = code.and_then(|code| call.service.error_id(&code)) {
            self.modelled(call, shape, answer, &mut parsed, |shape| {
                self.0.modelled_error(call, shape, answer).map(Value::Object)
            })?;
        }
        Ok(parsed)
    }

    fn is_error(&self, _: &Answer) -> bool {
        false
    }
}

impl<B: Bodies> Rest<B> {
    fn body(
        &self,
        call: Call,
        (shape, input): (ShapeId, &Structure),
        params: &Object,
        rest: &Object,
        request: &mut Request,
    ) {
        let payload = input.members.iter().find(|member| member.name == input.payload);
        let value = payload.and_then(|member| params.get(member.name)).filter(|value| !value.is_null());
        request.body = match (payload, value) {
            (Some(member), value) if is_raw(call, member) => raw(call, member, value),
            (Some(member), Some(value)) => {
                let namespace = member.wire.xml_namespace.as_deref();
                let root = Root { name: named(&member.wire, member.name), namespace };
                self.0.write(call, member.shape, root, value)
            }
            (Some(_), None) => self.0.empty().to_vec(),
            (None, _) if !rest.is_empty() => self.whole(call, shape, rest),
            (None, _) if self.0.writes_nothing() && has_body_members(input) => self.0.empty().to_vec(),
            (None, _) => Vec::new(),
        };
    }

    fn whole(&self, call: Call, shape: ShapeId, rest: &Object) -> Vec<u8> {
        let (name, uri) = call.operation.input_xml.unwrap_or((call.service.shape(shape).name, ""));
        let namespace = crate::model::XmlNamespace { prefix: "", uri };
        let root = Root { name, namespace: Some(&namespace).filter(|namespace| !namespace.uri.is_empty()) };
        self.0.write(call, shape, root, &Value::Object(rest.clone()))
    }

    fn headers(&self, call: Call, input: &Structure, headers: Vec<(String, String)>, request: &mut Request) {
        let payload = input.members.iter().find(|member| member.name == input.payload);
        let is_raw = payload.is_some_and(|member| is_raw(call, member));
        let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(content_type) = self.0.content_type()
            && !is_raw
            && !has_type
            && !request.body.is_empty()
        {
            request.headers.push(("content-type".into(), content_type.to_owned()));
        }
        request.headers.extend(headers.into_iter().map(|(name, value)| (name.into(), value)));
    }

    /// Adds the members of a structure to a result, from wherever they travel.
    fn modelled(
        &self,
        call: Call,
        shape: ShapeId,
        answer: &Answer,
        parsed: &mut Object,
        read: impl Fn(ShapeId) -> Result<Value, Unreadable>,
    ) -> Result<(), Unreadable> {
        let Kind::Structure(structure) = &call.service.shape(shape).kind else { return Ok(()) };
        for member in &structure.members {
            if let Some(value) = outside_body(call, member, answer)? {
                parsed.insert(member.name.to_owned(), value);
            }
        }
        let Some(payload) = structure.members.iter().find(|member| member.name == structure.payload) else {
            if let Value::Object(members) = read(shape)? {
                parsed.extend(members);
            }
            return Ok(());
        };
        let value = match &call.service.shape(payload.shape).kind {
            Kind::Structure(events) if events.eventstream => {
                event_stream::read(call, events, &answer.body, |shape, body| {
                    let headers = Vec::new();
                    self.0.read(
                        call,
                        shape,
                        &Answer { status: 200, headers, body: Bytes::copy_from_slice(body) },
                    )
                })?
            }
            Kind::Blob { .. } => base64::encode(&answer.body).into(),
            Kind::String => text_body(answer)?.into(),
            _ => read(payload.shape)?,
        };
        parsed.insert(payload.name.to_owned(), value);
        Ok(())
    }
}

fn text_body(answer: &Answer) -> Result<&str, Unreadable> {
    std::str::from_utf8(&answer.body)
        .map_err(|_| Unreadable("Unable to parse response: the text is not UTF-8".to_owned()))
}

/// What names a request in the headers of its answer.
pub(super) fn request_ids(answer: &Answer) -> Value {
    match (answer.header("x-amzn-requestid"), answer.header("x-amz-request-id")) {
        (Some(id), _) => json!({"RequestId": id}),
        (None, Some(id)) => {
            json!({"RequestId": id, "HostId": answer.header("x-amz-id-2").unwrap_or_default()})
        }
        (None, None) => json!({}),
    }
}

/// The template of the path. The endpoint rules of S3 put the bucket where it belongs.
fn path<'s>(call: Call<'s>) -> &'s str {
    let uri = call.operation.uri;
    match call.service.name {
        "s3" => uri.strip_prefix("/{Bucket}").unwrap_or(uri),
        _ => uri,
    }
}

/// Whether a payload is the body as it is.
fn is_raw(call: Call, member: &Member) -> bool {
    matches!(call.service.shape(member.shape).kind, Kind::Blob { .. } | Kind::String)
}

fn raw(call: Call, member: &Member, value: Option<&Value>) -> Vec<u8> {
    match (&call.service.shape(member.shape).kind, value) {
        (_, None) => Vec::new(),
        (Kind::Blob { .. }, Some(Value::String(text))) => bytes_of(text),
        (_, Some(value)) => python_str(value).into_bytes(),
    }
}

fn has_body_members(input: &Structure) -> bool {
    input.members.iter().any(|member| member.wire.location == Location::Body)
}

/// Parameters by where they travel.
#[derive(Default)]
struct Parts {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Object,
}

impl Parts {
    fn of(call: Call, input: &Structure, params: &Object) -> Self {
        let mut parts = Self::default();
        for (key, value) in params.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(member) = input.members.iter().find(|member| member.name == key) {
                parts.put(call, member, value);
            }
        }
        parts
    }

    fn put(&mut self, call: Call, member: &Member, value: &Value) {
        let name = named(&member.wire, member.name).to_owned();
        let shape = call.service.shape(member.shape);
        match (member.wire.location, &shape.kind, value) {
            (Location::Uri, ..) => self.path.push((name, query_text(shape, &member.wire, value))),
            (Location::QueryString, _, Value::Object(entries)) => {
                for (key, value) in entries {
                    self.query_map_entry(key, value);
                }
            }
            (Location::QueryString, Kind::List(list), Value::Array(items)) => {
                let item = call.service.shape(list.member);
                let texts = items.iter().map(|value| query_text(item, &list.member_wire, value));
                self.query.extend(texts.map(|text| (name.clone(), text)));
            }
            (Location::QueryString, ..) => self.query.push((name, query_text(shape, &member.wire, value))),
            (Location::Header, Kind::List(_), Value::Array(items)) if items.is_empty() => {}
            (Location::Header, ..) => self.headers.push((name, header_text(call, member, value))),
            (Location::Headers, _, Value::Object(entries)) => {
                let texts = entries.iter().map(|(key, value)| (name.clone() + key, python_str(value)));
                self.headers.extend(texts);
            }
            _ => _ = self.body.insert(member.name.to_owned(), value.clone()),
        }
    }

    /// A map's entries are parameters of their own; what the model names itself counts more.
    fn query_map_entry(&mut self, key: &str, value: &Value) {
        self.query.retain(|(known, _)| known != key);
        match value {
            Value::Array(items) => {
                self.query.extend(items.iter().map(|item| (key.to_owned(), python_str(item))));
            }
            value => self.query.push((key.to_owned(), python_str(value))),
        }
    }

    /// The path and the query string.
    fn target(&self, template: &str) -> String {
        let mut target = template.to_owned();
        for (name, value) in &self.path {
            target = target.replace(&format!("{{{name}}}"), &quote(value, ""));
            target = target.replace(&format!("{{{name}+}}"), &quote(value, "/"));
        }
        let pairs: Vec<_> = self.query.iter().map(|(name, value)| query_pair(name, value)).collect();
        if !pairs.is_empty() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&pairs.join("&"));
        }
        target
    }
}

/// A value in a path or a query string.
fn query_text(shape: &Shape, wire: &Wire, value: &Value) -> String {
    match shape.kind {
        Kind::Boolean => python_str(value).to_lowercase(),
        Kind::Timestamp => moment_text(value, wire.timestamp_format.unwrap_or(TimestampFormat::Iso8601)),
        _ => python_str(value),
    }
}

fn header_text(call: Call, member: &Member, value: &Value) -> String {
    let shape = call.service.shape(member.shape);
    match (&shape.kind, value) {
        (Kind::List(list), Value::Array(items)) => {
            let item = call.service.shape(list.member);
            let texts = items.iter().filter(|item| !item.is_null());
            texts.map(|value| list_item_text(item, &list.member_wire, value)).collect::<Vec<_>>().join(",")
        }
        (Kind::String, value) if member.json_value => base64::encode(python_json_compact(value)),
        _ => header_scalar(shape, &member.wire, value),
    }
}

/// Items with a comma or a quote inside are quoted.
fn list_item_text(shape: &Shape, wire: &Wire, value: &Value) -> String {
    let text = header_scalar(shape, wire, value);
    match shape.kind {
        Kind::String if text.contains(['"', ',']) => format!("\"{}\"", text.replace('"', "\\\"")),
        _ => text,
    }
}

fn header_scalar(shape: &Shape, wire: &Wire, value: &Value) -> String {
    match (&shape.kind, value) {
        (Kind::Boolean, _) => python_str(value).to_lowercase(),
        // Headers carry whole seconds.
        (Kind::Timestamp, value) => {
            let format = wire.timestamp_format.unwrap_or(TimestampFormat::Rfc822);
            let text = moment_text(value, TimestampFormat::UnixTimestamp);
            let seconds = text.parse::<f64>().map(f64::floor).unwrap_or_default();
            moment_text(&json!(seconds), format)
        }
        (Kind::Blob { .. }, Value::String(text)) => canonical_base64(text),
        _ => python_str(value),
    }
}

/// A member that travels in the status or the headers of an answer.
fn outside_body(call: Call, member: &Member, answer: &Answer) -> Result<Option<Value>, Unreadable> {
    let name = named(&member.wire, member.name);
    match member.wire.location {
        Location::StatusCode => Ok(Some(answer.status.into())),
        Location::Headers => Ok(Some(Value::Object(header_map(member.wire.name, answer)))),
        Location::Header => answer.header(name).map(|text| from_header(call, member, &text)).transpose(),
        _ => Ok(None),
    }
}

fn header_map(prefix: &str, answer: &Answer) -> Object {
    let bare = |name: &str| {
        let (start, rest) = name.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| rest.to_owned())
    };
    let headers = answer.headers.iter();
    headers.filter_map(|(name, value)| Some((bare(name)?, value.clone().into()))).collect()
}

fn from_header(call: Call, member: &Member, text: &str) -> Result<Value, Unreadable> {
    let shape = call.service.shape(member.shape);
    match &shape.kind {
        Kind::List(list) => {
            let item = call.service.shape(list.member);
            text.split(',').map(|text| scalar(item, text.trim())).collect()
        }
        Kind::String if member.json_value => {
            let json = base64::decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            json.ok_or_else(|| Unreadable(format!("invalid value for {}: {text:?}", shape.name)))
        }
        _ => scalar(shape, text),
    }
}
