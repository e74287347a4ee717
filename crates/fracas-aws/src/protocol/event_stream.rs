//! Answers that are streams of events, read to their end (botocore's `eventstream.py` and
//! `BaseEventStreamParser`).

use super::{Call, Object, Unreadable};
use crate::model::{Kind, Member, ShapeId, Structure};
use crate::protocol::xml::from_float;
use crate::time::Moment;
use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::base64;
use aws_smithy_types::event_stream::{HeaderValue, Message};
use serde_json::Value;

/// Reads the payload of an event as a value of a shape.
type Read<'r> = &'r dyn Fn(ShapeId, &[u8]) -> Result<Value, Unreadable>;

/// The events of a body, each an object with its type as the one key.
pub(super) fn read(
    call: Call,
    events: &Structure,
    body: &[u8],
    read: impl Fn(ShapeId, &[u8]) -> Result<Value, Unreadable>,
) -> Result<Value, Unreadable> {
    let messages = messages(body)?;
    let parsed = messages.iter().filter_map(|message| event(call, events, message, &read).transpose());
    parsed.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// The events, and before them what the first message says of the call's other members.
pub(super) fn read_with_start(
    call: Call,
    (output, structure): (ShapeId, &Structure),
    body: &[u8],
    read: impl Fn(ShapeId, &[u8]) -> Result<Value, Unreadable>,
) -> Result<Object, Unreadable> {
    let messages = messages(body)?;
    let (first, rest) = match messages.split_first() {
        Some((first, rest)) if text(first, ":event-type") == Some("initial-response") => (first, rest),
        _ => return Err(Unreadable("First event was not of type initial-response".to_owned())),
    };
    let mut parsed = match read(output, first.payload())? {
        Value::Object(members) => members,
        _ => Object::new(),
    };
    for member in &structure.members {
        if let Kind::Structure(events) = &call.service.shape(member.shape).kind
            && events.eventstream
        {
            let events = rest.iter().filter_map(|message| event(call, events, message, &read).transpose());
            parsed.insert(member.name.to_owned(), events.collect::<Result<Vec<_>, _>>()?.into());
        }
    }
    Ok(parsed)
}

/// Whether an answer of this shape is a stream.
pub(super) fn is_stream(call: Call, structure: &Structure) -> bool {
    structure.members.iter().any(|member| {
        matches!(&call.service.shape(member.shape).kind, Kind::Structure(inner) if inner.eventstream)
    })
}

fn messages(mut body: &[u8]) -> Result<Vec<Message>, Unreadable> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let message = read_message_from(&mut body);
        messages.push(message.map_err(|error| {
            Unreadable(format!("Unable to parse response: the stream of events breaks off: {error}"))
        })?);
    }
    Ok(messages)
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m HeaderValue> {
    message.headers().iter().find(|header| header.name().as_str() == name).map(|header| header.value())
}

fn text<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    header(message, name)?.as_string().ok().map(|text| text.as_str())
}

/// An event of a type that the model knows; the service may send others.
fn event(call: Call, events: &Structure, message: &Message, read: Read) -> Result<Option<Value>, Unreadable> {
    if let Some("error" | "exception") = text(message, ":message-type") {
        return Err(failure(call, events, message, read)?);
    }
    let kind = text(message, ":event-type").unwrap_or_default();
    let Some(member) = events.members.iter().find(|member| member.name == kind) else { return Ok(None) };
    let parsed = members(call, member.shape, message, read)?;
    Ok(Some(Value::Object(Object::from_iter([(kind.to_owned(), Value::Object(parsed))]))))
}

fn members(call: Call, shape: ShapeId, message: &Message, read: Read) -> Result<Object, Unreadable> {
    let mut parsed = Object::new();
    let Kind::Structure(structure) = &call.service.shape(shape).kind else { return Ok(parsed) };
    for member in structure.members.iter().filter(|member| member.event_header) {
        if let Some(value) = header(message, member.name) {
            parsed.insert(member.name.to_owned(), header_value(value));
        }
    }
    match structure.members.iter().find(|member| member.event_payload) {
        Some(member) => {
            parsed.insert(member.name.to_owned(), payload(call, member, message, read)?);
        }
        None => {
            if let Value::Object(members) = read(shape, message.payload())? {
                parsed.extend(members);
            }
        }
    }
    Ok(parsed)
}

fn payload(call: Call, member: &Member, message: &Message, read: Read) -> Result<Value, Unreadable> {
    let body = message.payload();
    Ok(match call.service.shape(member.shape).kind {
        Kind::Blob { .. } => base64::encode(body).into(),
        Kind::String => String::from_utf8_lossy(body).into(),
        _ => read(member.shape, body)?,
    })
}

fn header_value(value: &HeaderValue) -> Value {
    match value {
        HeaderValue::Bool(flag) => (*flag).into(),
        HeaderValue::Byte(number) => (*number).into(),
        HeaderValue::Int16(number) => (*number).into(),
        HeaderValue::Int32(number) => (*number).into(),
        HeaderValue::Int64(number) => (*number).into(),
        HeaderValue::ByteArray(bytes) => base64::encode(bytes).into(),
        HeaderValue::String(text) => text.as_str().into(),
        HeaderValue::Timestamp(moment) => {
            let moment = Moment::from_value(&from_float(moment.as_secs_f64()));
            moment.map_or(Value::Null, |moment| moment.isoformat().into())
        }
        _ => Value::Null,
    }
}

/// An error that the service put into the stream, in boto3's words.
fn failure(call: Call, events: &Structure, message: &Message, read: Read) -> Result<Unreadable, Unreadable> {
    let kind = text(message, ":exception-type").unwrap_or_default();
    let own = |name: &str| text(message, name).unwrap_or_default().to_owned();
    let (code, what) = match events.members.iter().find(|member| member.name == kind) {
        None => (own(":error-code"), own(":error-message")),
        Some(member) => {
            let body = read(member.shape, message.payload())?;
            let what = ["Message", "message"].iter().find_map(|name| body[*name].as_str());
            (kind.to_owned(), what.unwrap_or_default().to_owned())
        }
    };
    let name = call.operation.name;
    Ok(Unreadable(format!("An error occurred ({code}) when calling the {name} operation: {what}")))
}
