//! How calls are written as HTTP requests and their answers read: one file per protocol.
//!
//! To add a protocol: implement [`WireFormat`] in a file of its own and name it in [`wire`].

#[cfg(test)]
mod conformance;
mod query;
mod xml;

pub(crate) use query::query_pair;

use crate::error::Error;
use crate::model::{Kind, Operation, Protocol, Service, ShapeId};
use crate::validate;
use serde_json::{Map, Value, json};
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
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A whole HTTP answer. Header names are in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
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
pub(crate) fn wire(service: &Service) -> Result<&'static dyn WireFormat, Error> {
    let name = match service.metadata.protocol {
        Protocol::Query => return Ok(&query::Query),
        Protocol::Ec2 => "ec2",
        Protocol::Json => "json",
        Protocol::RestJson => "rest-json",
        Protocol::RestXml => "rest-xml",
        Protocol::RpcV2Cbor => "smithy-rpc-v2-cbor",
    };
    let text = format!("the {name} protocol, which {} speaks, is not supported yet", service.name);
    Err(Error::unsent("UnsupportedServiceProtocolsError", text))
}

/// An answer as boto3 gives it, `ResponseMetadata` last.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// The call went well.
    Result(Object),
    /// The service refused it.
    Error(Object),
}

/// Reads an answer.
pub(crate) fn parse(wire: &dyn WireFormat, call: Call, answer: &Answer) -> Result<Parsed, Unreadable> {
    let failed = answer.status >= 301 || wire.is_error(answer);
    let mut parsed = match failed {
        false => wire.result(call, answer)?,
        true if is_generic_error(answer) => generic_error(answer.status),
        // A gateway's page says no more than the status does.
        true => match wire.error(call, answer) {
            Err(_) if answer.status >= 500 => generic_error(answer.status),
            Ok(read) if answer.status >= 500 && !read.contains_key("Error") => generic_error(answer.status),
            read => read?,
        },
    };
    add_metadata(&mut parsed, answer);
    Ok(if failed { Parsed::Error(parsed) } else { Parsed::Result(parsed) })
}

/// What a proxy or gateway says rather than the service.
fn is_generic_error(answer: &Answer) -> bool {
    let body = answer.body.trim_ascii();
    answer.status >= 500 && (body.is_empty() || body.starts_with(b"<html>"))
}

fn generic_error(status: u16) -> Object {
    let message = match status {
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    };
    let mut parsed = Object::new();
    parsed.insert("Error".into(), json!({"Code": status.to_string(), "Message": message}));
    parsed
}

fn add_metadata(parsed: &mut Object, answer: &Answer) {
    let mut metadata = match parsed.shift_remove("ResponseMetadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Object::new(),
    };
    metadata.insert("HTTPStatusCode".into(), answer.status.into());
    metadata.insert("HTTPHeaders".into(), Value::Object(joined_headers(answer)));
    parsed.insert("ResponseMetadata".into(), Value::Object(metadata));
}

/// Headers of one name become one, as urllib3 joins them.
fn joined_headers(answer: &Answer) -> Object {
    let mut headers = Object::new();
    for (name, value) in &answer.headers {
        match headers.get_mut(name) {
            Some(Value::String(known)) => *known = format!("{known}, {value}"),
            _ => _ = headers.insert(name.clone(), value.clone().into()),
        }
    }
    headers
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

fn bad_labels(names: &[&str]) -> Error {
    validate::failed(&format!(
        "Invalid value for parameter(s): {}. Must contain only alphanumeric characters, hyphen, or period.",
        names.join(", ")
    ))
}
