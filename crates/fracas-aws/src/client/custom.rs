//! What boto3 does for single operations, beside what their models say (botocore's `handlers.py`).

use super::files::{BodyFile, PIECE};
use super::settings::Settings;
use super::{s3, s3control};
use crate::error::{Error, Sent};
use crate::model::{Kind, Service, ShapeId};
use crate::protocol::{Answer, Call, Object, Request, quote};
use aws_smithy_types::base64;
use ring::digest::{Context, SHA256, digest};
use serde_json::Value;
use std::fmt::Write;

/// The name that a service has now.
pub(super) fn service_name(name: &str) -> &str {
    if name == "runtime.sagemaker" { "sagemaker-runtime" } else { name }
}

/// The name that an operation has now, where it is known by one that differs in more than its case.
pub(super) fn operation_name<'n>(service: &str, name: &'n str) -> &'n str {
    match (service, name) {
        ("socialmessaging", "delete_whatsapp_media_message") => "DeleteWhatsAppMessageMedia",
        _ => name,
    }
}

/// Changes parameters before they are checked.
pub(super) fn before(call: Call, params: &mut Value) -> Result<(), Error> {
    let Value::Object(params) = params else { return Ok(()) };
    rename(call, params)?;
    match (call.service.name, call.operation.name) {
        ("autoscaling", "CreateLaunchConfiguration") | ("ec2", "RunInstances") => {
            if let Some(Value::String(data)) = params.get_mut("UserData") {
                *data = base64::encode(&*data);
            }
        }
        ("glacier", _) => {
            let account = params.entry("accountId").or_insert(Value::Null);
            if account.is_null() {
                *account = "-".into();
            }
        }
        ("route53", _) => shorten_ids(call, params),
        ("s3", _) => s3::before(call, params)?,
        ("s3control", _) => s3control::before(call, params)?,
        _ => {}
    }
    Ok(())
}

/// Names that Python code cannot use have others there.
fn rename(call: Call, params: &mut Object) -> Result<(), Error> {
    let (own, other) = match (call.service.name, call.operation.name) {
        ("ec2", _) => ("Filter", "Filters"),
        ("logs", "CreateExportTask") => ("from", "fromTime"),
        ("cloudsearchdomain", "Search") => ("return", "returnFields"),
        _ => return Ok(()),
    };
    if !params.contains_key(other) || !members(call).any(|(name, _)| name == own) {
        return Ok(());
    }
    if params.contains_key(own) {
        let operation = call.operation.name;
        let text = format!(
            "Parameter '{own}' and its alias '{other}' cannot both be provided for the '{operation}' operation"
        );
        return Err(Error::unsent("AliasConflictParameterError", text));
    }
    let value = params.shift_remove(other).unwrap_or_default();
    params.insert(own.to_owned(), value);
    Ok(())
}

/// The members of the input, with the names of their shapes.
fn members<'s>(call: Call<'s>) -> impl Iterator<Item = (&'s str, &'s str)> {
    let input = call.operation.input.map(|input| &call.service.shape(input).kind);
    let members = match input {
        Some(Kind::Structure(input)) => input.members.as_slice(),
        _ => &[],
    };
    members.iter().map(move |member| (member.name, call.service.shape(member.shape).name))
}

/// An answer's `/hostedzone/Z1` is asked for as `Z1`.
fn shorten_ids(call: Call, params: &mut Object) {
    for (name, shape) in members(call) {
        if let ("ResourceId" | "DelegationSetId" | "ChangeId", Some(Value::String(id))) =
            (shape, params.get_mut(name))
        {
            *id = id.rsplit('/').next().unwrap_or_default().to_owned();
        }
    }
}

/// Changes a request that is written.
pub(super) fn request(
    call: Call,
    params: &Object,
    request: &mut Request,
    file: Option<&BodyFile>,
) -> Result<(), Error> {
    let metadata = &call.service.metadata;
    match (call.service.name, call.operation.name) {
        ("apigateway", _) => request.header("accept", || "application/json".to_owned()),
        ("glacier", operation) => {
            request.header("x-amz-glacier-version", || metadata.api_version.to_owned());
            if matches!(operation, "UploadArchive" | "UploadMultipartPart") {
                let mut hashes = Hashes::default();
                match file {
                    Some(file) => file.read(|piece| hashes.add(piece))?,
                    None => request.body.chunks(LEAF).for_each(|piece| hashes.add(piece)),
                }
                request.header("x-amz-content-sha256", || hashes.whole());
                request.header("x-amz-sha256-tree-hash", || hashes.tree());
            }
        }
        ("cloudsearchdomain", "Search") => post_instead_of_get(request),
        ("s3", _) => s3::request(call, params, request),
        _ => {}
    }
    if call.operation.endpoint_operation {
        request.header("x-amz-api-version", || metadata.api_version.to_owned());
    }
    Ok(())
}

/// Within a Lambda function a request carries the function's trace, by which endless loops are found.
pub(super) fn add_trace(settings: &Settings, request: &mut Request) {
    let is_function = settings.variable("AWS_LAMBDA_FUNCTION_NAME").is_some();
    if let Some(trace) = settings.variable("_X_AMZN_TRACE_ID").filter(|_| is_function) {
        request.header("x-amzn-trace-id", || quote(&trace, "-=;:+&[]{}\"',"));
    }
}

/// Changes an answer before it is read.
pub(super) fn answer(call: Call, answer: &mut Answer) {
    if call.service.name == "sso-oidc" && answer.status >= 400 {
        name_message(answer);
    }
}

/// OAuth 2.0 (RFC 6749, section 5.2) has a name of its own for the message of an error.
fn name_message(answer: &mut Answer) {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) else { return };
    let is_empty =
        |name: &str| body.get(name).is_none_or(|message| message.as_str().is_some_and(str::is_empty));
    if let Some(description) = body.get("error_description").cloned()
        && is_empty("Message")
        && is_empty("message")
    {
        body.insert("Message".to_owned(), description);
        answer.body = Value::Object(body).to_string().into();
    }
}

/// A search may be longer than an address.
fn post_instead_of_get(request: &mut Request) {
    if let Some((path, query)) = request.target.clone().split_once('?') {
        request.method = "POST".to_owned();
        request.header("content-type", || "application/x-www-form-urlencoded".to_owned());
        request.body = query.as_bytes().to_vec();
        request.target = path.to_owned();
    }
}

/// Bytes in a leaf of Glacier's hash of a tree: files are read in pieces of that length.
const LEAF: usize = PIECE as usize;

/// The hashes of a body that Glacier wants, taken leaf by leaf.
struct Hashes {
    all: Context,
    leaves: Vec<Vec<u8>>,
}

impl Default for Hashes {
    fn default() -> Self {
        Self { all: Context::new(&SHA256), leaves: Vec::new() }
    }
}

impl Hashes {
    fn add(&mut self, leaf: &[u8]) {
        self.all.update(leaf);
        self.leaves.push(digest(&SHA256, leaf).as_ref().to_vec());
    }

    fn whole(&self) -> String {
        hex(self.all.clone().finish().as_ref())
    }

    /// The SHA-256 of a tree whose leaves are the body's mebibytes.
    fn tree(&self) -> String {
        let hash = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
        let mut level = self.leaves.clone();
        if level.is_empty() {
            level.push(hash(b""));
        }
        while level.len() > 1 {
            let join = |pair: &[Vec<u8>]| match pair {
                [one, other] => hash(&[one.as_slice(), other].concat()),
                rest => rest.concat(),
            };
            level = level.chunks(2).map(join).collect();
        }
        hex(&level.concat())
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The host that a call names in its own parameters.
pub(super) fn host(call: Call, params: &Object) -> Result<Option<String>, Error> {
    if (call.service.name, call.operation.name) != ("machinelearning", "Predict") {
        return Ok(None);
    }
    let Some(url) = params.get("PredictEndpoint").and_then(Value::as_str) else { return Ok(None) };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(_) => Ok(Some(url.trim_end_matches('/').to_owned())),
        None => Err(Error::new("ValueError", Sent::No, format!("Invalid endpoint: {url}"))),
    }
}

/// Whether [`after`] may change results of this call, or their reader does.
pub(super) fn changes_results(call: Call) -> bool {
    matches!(call.service.name, "iam" | "s3")
        || matches!(call.operation.name, "GetTemplate" | "GetConsoleOutput")
}

/// Changes results before they are given back; `given` are the caller's own parameters.
pub(super) fn after(call: Call, given: &Value, result: &mut Object) {
    match (call.service.name, call.operation.name) {
        ("iam", _) => {
            if let Some(output) = call.operation.output {
                let mut value = Value::Object(std::mem::take(result));
                decode_policies(call.service, output, &mut value);
                if let Value::Object(decoded) = value {
                    *result = decoded;
                }
            }
        }
        ("cloudformation", "GetTemplate") => {
            if let Some(template) = result.get_mut("TemplateBody") {
                decode(template, str::to_owned);
            }
        }
        ("ec2", "GetConsoleOutput") => {
            if let Some(Value::String(text)) = result.get_mut("Output")
                && let Ok(bytes) = base64::decode(&*text)
            {
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        ("s3", _) => s3::after(call, given, result),
        _ => {}
    }
}
/// IAM answers with policy documents as JSON in percent encoding; boto3 gives the documents.
fn decode_policies(service: &Service, shape: ShapeId, value: &mut Value) {
    match (&service.shape(shape).kind, value) {
        (Kind::Structure(structure), Value::Object(entries)) => {
            for member in &structure.members {
                if let Some(value) = entries.get_mut(member.name) {
                    decode_policies(service, member.shape, value);
                }
            }
        }
        (Kind::List(list), Value::Array(items)) => {
            items.iter_mut().for_each(|item| decode_policies(service, list.member, item));
        }
        (Kind::String, value) if service.shape(shape).name == "policyDocumentType" => {
            decode(value, unquote);
        }
        _ => {}
    }
}

/// Puts what a text holds in its place, if it is JSON.
fn decode(value: &mut Value, plain: fn(&str) -> String) {
    let decoded = value.as_str().map(plain).and_then(|text| serde_json::from_str(&text).ok());
    if let Some(decoded) = decoded {
        *value = decoded;
    }
}

/// Python's `urllib.parse.unquote`.
pub(super) fn unquote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_escapes_are_read() {
        assert_eq!(unquote("%7B%22a%22%3A %C3%A9%7D%zz%"), "{\"a\": é}%zz%");
    }

    proptest! {
        #[test]
        fn any_text_is_unquoted_without_panic(text in ".{0,20}%.{0,3}") {
            let plain = unquote(&text);
            prop_assert!(plain.len() <= text.len() * 3);
        }
    }
}
