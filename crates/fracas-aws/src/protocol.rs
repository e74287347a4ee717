//! How calls are written as HTTP requests and their answers read: one file per protocol.
//!
//! To add a protocol: implement [`WireFormat`] in a file of its own and name it in [`wire`].

mod cbor;
#[cfg(test)]
mod conformance;
mod ec2;
mod event_stream;
mod json;
mod query;
mod rest;
mod rest_json;
mod rest_xml;
#[cfg(test)]
mod robustness;
pub(crate) mod xml;

use crate::error::Error;
use crate::model::{ContextValue, Kind, Operation, Protocol, Service, ShapeId, TimestampFormat, Wire};
use crate::time::Moment;
use crate::validate;
use crate::value::python_bytes;
use aws_smithy_types::base64;
use bytes::Bytes;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashSet;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// What is called.
#[derive(Clone, Copy)]
pub(crate) struct Call<'s> {
    pub(crate) service: &'s Service<'s>,
    pub(crate) operation: &'s Operation<'s>,
}

/// A request before it has an address and a signature.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query string, appended to the endpoint.
    pub(crate) target: String,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Adds a header that is not there yet.
    pub(crate) fn header(&mut self, name: &'static str, value: impl FnOnce() -> String) {
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.headers.push((name.into(), value()));
        }
    }
}

/// A whole HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The value of a header. Several of one name become one.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// All headers, their names in lower case; several of one name become one, as urllib3 joins them.
    pub(crate) fn joined_headers(&self) -> Object {
        let mut headers = Object::new();
        for (name, value) in &self.headers {
            match headers.entry(name.to_lowercase()).or_insert(Value::Null) {
                Value::String(known) => *known = format!("{known}, {value}"),
                new => *new = value.clone().into(),
            }
        }
        headers
    }
}

/// Why an answer could not be read, in botocore's words where it has some.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unreadable(pub(crate) String);

/// One wire format.
pub(crate) trait WireFormat: Sync {
    /// Writes a call whose parameters were checked.
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error>;
    /// Reads the answer to a call that went well: boto3's result, where the protocol carries
    /// a request id with `ResponseMetadata`.
    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable>;
    /// Reads an error answer: `Error` with code and message, and `ResponseMetadata`.
    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable>;
    /// Whether an answer that came with a good status is an error all the same.
    fn is_error(&self, answer: &Answer) -> bool;
}

/// The wire format of a service.
pub(crate) fn wire(service: &Service) -> &'static dyn WireFormat {
    match service.metadata.protocol {
        Protocol::Query => &query::Query,
        Protocol::Ec2 => &ec2::Ec2,
        Protocol::Json => &json::Json,
        Protocol::RestJson => &rest::Rest(rest_json::JsonBodies),
        Protocol::RestXml => &rest::Rest(rest_xml::XmlBodies),
        Protocol::RpcV2Cbor => &cbor::Cbor,
    }
}

/// The error that an answer holds, with `ResponseMetadata`; none when the call went well.
pub(crate) fn failure(
    wire: &dyn WireFormat,
    call: Call,
    answer: &Answer,
) -> Option<Result<Object, Unreadable>> {
    if answer.status < 301 && !wire.is_error(answer) {
        return None;
    }
    let parsed = match is_generic_error(answer) {
        true => Ok(generic_error(answer.status)),
        // A gateway's page says no more than the status does.
        false => match wire.error(call, answer) {
            Err(_) if answer.status >= 500 => Ok(generic_error(answer.status)),
            Ok(read) if answer.status >= 500 && !read.contains_key("Error") => {
                Ok(generic_error(answer.status))
            }
            read => read,
        },
    };
    Some(parsed.map(|parsed| with_metadata(parsed, answer)))
}

/// The result of a call that went well, with `ResponseMetadata`: last, but first in REST protocols as in botocore.
pub(crate) fn result(wire: &dyn WireFormat, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
    Ok(with_metadata(wire.result(call, answer)?, answer))
}

/// Writes the members of a result, without building it in memory where the protocol allows that.
pub(crate) fn serialize_result<S: Serializer>(
    call: Call,
    answer: &Answer,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let failed = |unreadable: Unreadable| S::Error::custom(unreadable.0);
    if let (Some(output), true) = (call.operation.output, query::is_form(call)) {
        let document = query::result_document(call, answer).map_err(failed)?;
        let element = query::unwrap(document.root(), call, answer).map_err(failed)?;
        return xml::Reader::new(call.service).serialize(output, element, serializer);
    }
    let mut members = wire(call.service).result(call, answer).map_err(failed)?;
    members.shift_remove("ResponseMetadata");
    members.serialize(serializer)
}

/// Whether [`split_result`] can take an answer to a call apart.
pub(crate) fn splits(call: Call) -> bool {
    query::is_form(call) && call.operation.output.is_some()
}

/// The members of a result without one of them, which a function is given as it stands in the answer.
pub(crate) fn split_result<R>(
    call: Call<'static>,
    answer: &Answer,
    apart: &str,
    see: impl FnOnce(&xml::Shaped<'_, 'static, '_>) -> R,
) -> Result<(Object, Option<R>), Unreadable> {
    let Some(output) = call.operation.output else { return Ok((Object::new(), None)) };
    let document = query::result_document(call, answer)?;
    let element = query::unwrap(document.root(), call, answer)?;
    xml::Reader::new(call.service).split(output, element, apart, see)
}

/// What a proxy or gateway says rather than the service.
fn is_generic_error(answer: &Answer) -> bool {
    let body = answer.body.trim_ascii();
    answer.status >= 500 && (body.is_empty() || body.starts_with(b"<html>"))
}

fn generic_error(status: u16) -> Object {
    let mut parsed = Object::new();
    parsed.insert("Error".into(), json!({"Code": status.to_string(), "Message": reason(status)}));
    parsed
}

/// What a status is called in Python's `http.client.responses`, or nothing.
pub(crate) fn reason(status: u16) -> &'static str {
    let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.unwrap_or_default()
}

fn with_metadata(mut parsed: Object, answer: &Answer) -> Object {
    let mut metadata = match parsed.get_mut("ResponseMetadata").map(Value::take) {
        Some(Value::Object(metadata)) => metadata,
        _ => Object::new(),
    };
    metadata.insert("HTTPStatusCode".into(), answer.status.into());
    metadata.insert("HTTPHeaders".into(), Value::Object(answer.joined_headers()));
    parsed.insert("ResponseMetadata".into(), Value::Object(metadata));
    parsed
}

/// The request's id, where the answer's headers tell it.
fn inject_request_id(parsed: &mut Object, answer: &Answer) {
    if let Some(id) = answer.header("x-amzn-requestid") {
        let metadata = parsed.entry("ResponseMetadata").or_insert_with(|| json!({}));
        metadata["RequestId"] = id.into();
    }
}

/// The code that a service which once spoke query goes on to use; the new one is kept beside it.
fn query_compatible_code(code: &str, answer: &Answer, error: &mut Object) -> String {
    let header = answer.header("x-amzn-query-error").unwrap_or_default();
    match header.split(';').collect::<Vec<_>>()[..] {
        [known, kind] if !known.is_empty() => {
            error.insert("QueryErrorCode".into(), code.into());
            error.insert("Type".into(), kind.into());
            known.to_owned()
        }
        _ => code.to_owned(),
    }
}

/// How much of an unreadable body an error shows.
const SHOWN: usize = 2000;

/// The error for a body that is not what it should be.
fn unreadable_body(call: Call, body: &[u8], what: &str, format: &str) -> Unreadable {
    let body = match has_secrets(call) {
        true => format!("{} bytes, not shown since such answers hold secrets", body.len()),
        false => python_bytes(body, SHOWN),
    };
    Unreadable(format!(
        "Unable to parse response ({what}), invalid {format} received. Further retries may succeed:\n{body}"
    ))
}

/// The name on the wire, or the model's.
fn named<'n>(wire: &Wire<'n>, default: &'n str) -> &'n str {
    if wire.name.is_empty() { default } else { wire.name }
}

/// A moment as it goes on the wire. Parameters were checked: what is no moment does not get here.
fn moment_text(value: &Value, format: TimestampFormat) -> String {
    Moment::from_value(value).and_then(|moment| moment.wire(format)).unwrap_or_default()
}

/// The bytes that base64 text stands for.
fn bytes_of(text: &str) -> Vec<u8> {
    base64::decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn canonical_base64(text: &str) -> String {
    base64::encode(bytes_of(text))
}

/// A name and its value as a query string holds them.
pub(crate) fn query_pair(name: &str, value: &str) -> String {
    quote(name, "") + "=" + &quote(value, "")
}

/// A name and its value as a form holds them, blanks as `+`.
pub(crate) fn form_pair(name: &str, value: &str) -> String {
    query_pair(name, value).replace("%20", "+")
}

/// Percent-encodes all but letters, digits, `-._~` and what is safe.
pub(crate) fn quote(text: &str, safe: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(byte as char),
            byte if safe.as_bytes().contains(&byte) => out.push(byte as char),
            _ => {
                let digit = |nibble: u8| HEX[usize::from(nibble)] as char;
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}

/// Whether an answer to a call may hold what must not be shown: keys of STS, say.
fn has_secrets(call: Call) -> bool {
    let mut seen = HashSet::new();
    let mut left: Vec<ShapeId> = call.operation.output.into_iter().collect();
    while let Some(id) = left.pop() {
        let shape = call.service.shape(id);
        if shape.sensitive {
            return true;
        }
        if seen.insert(id) {
            match &shape.kind {
                Kind::Structure(structure) => {
                    left.extend(structure.members.iter().map(|member| member.shape))
                }
                Kind::List(list) => left.push(list.member),
                Kind::Map(map) => left.extend([map.key, map.value]),
                _ => {}
            }
        }
    }
    false
}

/// The host prefix of a call with its labels filled in, such as `123456789012.`.
pub(crate) fn host_prefix(call: Call, params: &Object) -> Result<String, Error> {
    if rules_add_account(call) {
        return Ok(String::new());
    }
    let mut prefix = call.operation.host_prefix.to_owned();
    let Some(Kind::Structure(input)) = call.operation.input.map(|input| &call.service.shape(input).kind)
    else {
        return Ok(prefix);
    };
    let mut bad = Vec::new();
    for label in input.members.iter().filter(|member| member.host_label) {
        let value = params.get(label.name).and_then(Value::as_str).unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if value.is_empty() || !value.chars().all(fits) {
            bad.push(label.name);
        }
        prefix = prefix.replace(&format!("{{{}}}", label.name), value);
    }
    if bad.is_empty() { Ok(prefix) } else { Err(bad_labels(&bad)) }
}

/// The endpoint rules of S3 Control put the account before the host, as the model does.
fn rules_add_account(call: Call) -> bool {
    let asked = ("RequiresAccountId", ContextValue::Bool(true));
    call.service.name == "s3control" && call.operation.static_context_params.contains(&asked)
}

fn bad_labels(names: &[&str]) -> Error {
    validate::failed(&format!(
        "Invalid value for parameter(s): {}. Must contain only alphanumeric characters, hyphen, or period.",
        names.join(", ")
    ))
}
