//! The `json` protocol, and JSON bodies as the REST protocol has them too (botocore's
//! `JSONSerializer` and `BaseJSONParser`).

use super::xml::{UNKNOWN_MEMBER, blob, from_float, scalar};
use super::{
    Answer, Call, Object, Request, Unreadable, WireFormat, canonical_base64, event_stream, inject_request_id,
    moment_text, named, query_compatible_code, unreadable_body,
};
use crate::error::Error;
use crate::model::{Kind, Service, Shape, ShapeId, Structure, TimestampFormat, Wire};
use crate::time::Moment;
use crate::value::{python_json, python_str};
use serde_json::{Value, json};

/// The `json` protocol, 1.0 and 1.1.
pub(super) struct Json;

impl WireFormat for Json {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        let metadata = &call.service.metadata;
        let mut headers = vec![
            ("x-amz-target".into(), format!("{}.{}", metadata.target_prefix, call.operation.name)),
            ("content-type".into(), format!("application/x-amz-json-{}", metadata.json_version)),
        ];
        if metadata.query_compatible {
            headers.push(("x-amzn-query-mode".into(), "true".to_owned()));
        }
        let body = match call.operation.input {
            Some(input) => write(call.service, input, params),
            None => "{}".to_owned(),
        };
        let method = call.operation.method.to_owned();
        Ok(Request { method, target: "/".to_owned(), headers, body: body.into_bytes() })
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let mut parsed = match call.operation.output.map(|id| (id, &call.service.shape(id).kind)) {
            Some((output, Kind::Structure(structure))) if event_stream::is_stream(call, structure) => {
                event_stream::read_with_start(call, (output, structure), &answer.body, |shape, body| {
                    read_bytes(call, shape, body, Scalars::AsTheyAre)
                })?
            }
            Some((output, _)) => read_body(call, output, answer, Scalars::AsTheyAre)?,
            None => Object::new(),
        };
        inject_request_id(&mut parsed, answer);
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let body = loose_body(answer)?;
        let mut parsed = loose_error(&body, answer);
        let code = parsed["Error"]["Code"].as_str().unwrap_or_default();
        if let Some(shape) = call.service.error_id(code) {
            let reader = Reader { service: call.service, scalars: Scalars::AsTheyAre };
            parsed.extend(reader.object(shape, Value::Object(body))?);
        }
        Ok(parsed)
    }

    fn is_error(&self, _: &Answer) -> bool {
        false
    }
}

/// A body that holds the members of a structure, as Python's `json.dumps` writes it.
pub(super) fn write(service: &Service, shape: ShapeId, entries: &Object) -> String {
    let mut writer = Writer { service, out: String::new() };
    match &service.shape(shape).kind {
        Kind::Structure(structure) if !structure.document => writer.structure(structure, entries),
        _ => writer.value(shape, &Wire::default(), &Value::Object(entries.clone())),
    }
    writer.out
}

/// A body that holds one value.
pub(super) fn write_value(service: &Service, shape: ShapeId, value: &Value) -> String {
    let mut writer = Writer { service, out: String::new() };
    writer.value(shape, &Wire::default(), value);
    writer.out
}

struct Writer<'s> {
    service: &'s Service<'s>,
    out: String,
}

impl Writer<'_> {
    fn value(&mut self, shape: ShapeId, wire: &Wire, value: &Value) {
        match (&self.service.shape(shape).kind, value) {
            (Kind::Structure(structure), Value::Object(entries)) if !structure.document => {
                self.structure(structure, entries);
            }
            (Kind::List(list), Value::Array(items)) => {
                self.items("[]", items, |writer, item| writer.value(list.member, &list.member_wire, item));
            }
            (Kind::Map(map), Value::Object(entries)) => self.items("{}", entries, |writer, (key, item)| {
                writer.key(key);
                writer.value(map.value, &map.value_wire, item);
            }),
            (Kind::Timestamp, value) => self.moment(wire.timestamp_format, value),
            (Kind::Blob { .. }, Value::String(text)) => self.text(&canonical_base64(text)),
            (_, value) => python_json(&mut self.out, value),
        }
    }

    fn structure(&mut self, structure: &Structure, entries: &Object) {
        let known = |key: &str| structure.members.iter().find(|member| member.name == key);
        let members: Vec<_> =
            entries.iter().filter_map(|(key, value)| known(key).map(|member| (member, value))).collect();
        self.items("{}", members, |writer, (member, value)| {
            writer.key(named(&member.wire, member.name));
            writer.value(member.shape, &member.wire, value);
        });
    }

    fn items<T>(
        &mut self,
        brackets: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let (open, close) = brackets.split_at(1);
        self.out.push_str(open);
        for (index, item) in items.into_iter().enumerate() {
            self.out.push_str(if index > 0 { ", " } else { "" });
            write(self, item);
        }
        self.out.push_str(close);
    }

    fn key(&mut self, key: &str) {
        self.text(key);
        self.out.push_str(": ");
    }

    fn text(&mut self, text: &str) {
        python_json(&mut self.out, &Value::String(text.to_owned()));
    }

    fn moment(&mut self, format: Option<TimestampFormat>, value: &Value) {
        match format.unwrap_or(TimestampFormat::UnixTimestamp) {
            TimestampFormat::UnixTimestamp => {
                self.out.push_str(&moment_text(value, TimestampFormat::UnixTimestamp));
            }
            format => self.text(&moment_text(value, format)),
        }
    }
}

/// How numbers and booleans of an answer are taken.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scalars {
    /// As JSON has them: the `json` protocol.
    AsTheyAre,
    /// Turned into the model's type, from text too: the REST protocol.
    Converted,
}

/// The members that a body holds.
pub(super) fn read_body(
    call: Call,
    shape: ShapeId,
    answer: &Answer,
    scalars: Scalars,
) -> Result<Object, Unreadable> {
    let value = read_value(call, shape, answer, scalars)?;
    match value {
        Value::Object(entries) => Ok(entries),
        _ => Err(unreadable_body(call, &answer.body, "it is no object", "JSON")),
    }
}

/// The value that a body holds; an empty one holds no members.
pub(super) fn read_value(
    call: Call,
    shape: ShapeId,
    answer: &Answer,
    scalars: Scalars,
) -> Result<Value, Unreadable> {
    read_bytes(call, shape, &answer.body, scalars)
}

fn read_bytes(call: Call, shape: ShapeId, body: &[u8], scalars: Scalars) -> Result<Value, Unreadable> {
    let value = match body {
        [] => json!({}),
        body => serde_json::from_slice(body)
            .map_err(|error| unreadable_body(call, body, &error.to_string(), "JSON"))?,
    };
    Reader { service: call.service, scalars }.value(shape, value)
}

/// The body of an error, which may be anything: what is no JSON is the message.
pub(super) fn loose_body(answer: &Answer) -> Result<Object, Unreadable> {
    match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(entries)) => Ok(entries),
        _ if answer.body.is_empty() => Ok(Object::new()),
        _ => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            Ok(Object::from_iter([("message".to_owned(), text.into())]))
        }
    }
}

/// What an error answer says without its model.
pub(super) fn loose_error(body: &Object, answer: &Answer) -> Object {
    let message = body.get("message").or_else(|| body.get("Message")).cloned().unwrap_or_else(|| "".into());
    let mut error = Object::from_iter([("Message".to_owned(), message), ("Code".to_owned(), "".into())]);
    let status = answer.status.to_string();
    let code = body.get("__type").map(python_str).unwrap_or(status);
    error["Code"] = query_compatible_code(bare_code(&code), answer, &mut error).into();
    let mut parsed = Object::from_iter([
        ("Error".to_owned(), Value::Object(error)),
        ("ResponseMetadata".to_owned(), json!({})),
    ]);
    inject_request_id(&mut parsed, answer);
    parsed
}

/// A code without the namespace before and the address behind it.
pub(super) fn bare_code(code: &str) -> &str {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code)
}

/// Reads JSON by the shapes of a service.
pub(super) struct Reader<'s> {
    pub(super) service: &'s Service<'s>,
    pub(super) scalars: Scalars,
}

impl Reader<'_> {
    /// The members of a structure.
    pub(super) fn object(&self, shape: ShapeId, value: Value) -> Result<Object, Unreadable> {
        match self.value(shape, value)? {
            Value::Object(entries) => Ok(entries),
            _ => Ok(Object::new()),
        }
    }

    pub(super) fn value(&self, id: ShapeId, value: Value) -> Result<Value, Unreadable> {
        let shape = self.service.shape(id);
        match (&shape.kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Kind::Structure(structure), value) if structure.document => Ok(value),
            (Kind::Structure(structure), Value::Object(entries)) => self.structure(shape, structure, entries),
            (Kind::List(list), Value::Array(items)) => {
                items.into_iter().map(|item| self.value(list.member, item)).collect()
            }
            (Kind::Map(map), Value::Object(entries)) => {
                let read = |(key, value)| Ok((key, self.value(map.value, value)?));
                entries.into_iter().map(read).collect::<Result<Object, _>>().map(Value::Object)
            }
            (Kind::Structure(_) | Kind::List(_) | Kind::Map(_), value) => Err(misfit(shape, &value)),
            (_, value) => self.scalar(shape, value),
        }
    }

    fn structure(
        &self,
        shape: &Shape,
        structure: &Structure,
        mut entries: Object,
    ) -> Result<Value, Unreadable> {
        if structure.union
            && let Some(unknown) = unknown_union_member(shape, structure, &entries)?
        {
            return Ok(json!({UNKNOWN_MEMBER: {"name": unknown}}));
        }
        let mut parsed = Object::new();
        for member in &structure.members {
            if let Some(value) = entries.get_mut(named(&member.wire, member.name)).filter(|v| !v.is_null()) {
                parsed.insert(member.name.to_owned(), self.value(member.shape, value.take())?);
            }
        }
        Ok(Value::Object(parsed))
    }

    fn scalar(&self, shape: &Shape, value: Value) -> Result<Value, Unreadable> {
        let read = match (&shape.kind, &value) {
            (Kind::Timestamp, _) => Moment::from_value(&value).map(|moment| moment.isoformat().into()),
            (Kind::Blob { .. }, Value::String(text)) => blob(text),
            (Kind::Blob { .. }, _) => None,
            _ if self.scalars == Scalars::AsTheyAre => Some(value.clone()),
            (Kind::Integer | Kind::Long, Value::Number(number)) if number.is_f64() => {
                number.as_f64().map(|float| Value::from(float as i64))
            }
            (Kind::Float | Kind::Double, Value::Number(number)) => number.as_f64().map(from_float),
            (Kind::String, _) | (Kind::Boolean, Value::Bool(_)) | (_, Value::Number(_)) => {
                Some(value.clone())
            }
            (_, Value::String(text)) => return scalar(shape, text),
            _ => None,
        };
        read.ok_or_else(|| misfit(shape, &value))
    }
}

fn misfit(shape: &Shape, value: &Value) -> Unreadable {
    let what = match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        Value::String(_) => "text",
        Value::Number(_) => "a number",
        Value::Bool(_) | Value::Null => "a boolean",
    };
    let text = format!("Unable to parse response: the service sent {what} where {} stands", shape.name);
    Unreadable(text)
}

/// A tagged union has one member; one that the model does not know is named in the result.
fn unknown_union_member(
    shape: &Shape,
    structure: &Structure,
    entries: &Object,
) -> Result<Option<String>, Unreadable> {
    let mut set = entries.iter().filter(|(key, value)| *key != "__type" && !value.is_null());
    let (Some((tag, _)), None) = (set.next(), set.next()) else {
        return Err(Unreadable(format!(
            "Invalid service response: {} must have one and only one member set.",
            shape.name
        )));
    };
    let known = structure.members.iter().any(|member| named(&member.wire, member.name) == tag);
    Ok((!known).then(|| tag.clone()))
}
