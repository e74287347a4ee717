//! What boto3 does for S3 beside what its model says (botocore's `handlers.py` and `auth.py`).

use crate::error::Error;
use crate::model::Kind;
use crate::protocol::{Answer, Call, Object, Request, quote, xml};
use crate::time::Moment;
use crate::validate;
use aws_smithy_types::base64;
use md5::{Digest, Md5};
use regex_lite::Regex;
use serde_json::Value;

const BUCKET: &str = r"^[a-zA-Z0-9.\-_]{1,255}$";
const ARN: &str = concat!(
    r"^arn:(aws).*:(s3|s3-object-lambda):[a-z\-0-9]*:[0-9]{12}:accesspoint[/:][a-zA-Z0-9\-.]{1,63}$|",
    r"^arn:(aws).*:s3-outposts:[a-z\-0-9]+:[0-9]{12}:outpost[/:][a-zA-Z0-9\-]{1,63}[/:]accesspoint[/:]",
    r"[a-zA-Z0-9\-]{1,63}$"
);

/// Changes parameters before they are checked.
pub(super) fn before(call: Call, params: &mut Object) -> Result<(), Error> {
    check_bucket(params)?;
    if has_member(call, "CopySource") {
        quote_copy_source(params)?;
    }
    if matches!(call.operation.name, "CopyObject" | "PutObject" | "CreateMultipartUpload") {
        check_metadata(params)?;
    }
    for prefix in ["SSECustomer", "CopySourceSSECustomer"] {
        if has_member(call, &format!("{prefix}KeyMD5")) {
            encode_key(params, prefix);
        }
    }
    if lists_encoded(call) {
        params.entry("EncodingType").or_insert_with(|| "url".into());
    }
    Ok(())
}

fn has_member(call: Call, name: &str) -> bool {
    let input = call.operation.input.map(|input| &call.service.shape(input).kind);
    matches!(input, Some(Kind::Structure(input)) if input.members.iter().any(|member| member.name == name))
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

fn check_bucket(params: &Object) -> Result<(), Error> {
    match params.get("Bucket").and_then(Value::as_str) {
        Some(bucket) if !matches(BUCKET, bucket) && !matches(ARN, bucket) => Err(validate::failed(&format!(
            "Invalid bucket name \"{bucket}\": Bucket name must match the regex \"{BUCKET}\" or be an \
                 ARN matching the regex \"{ARN}\""
        ))),
        _ => Ok(()),
    }
}

fn quote_copy_source(params: &mut Object) -> Result<(), Error> {
    let quoted = match params.get("CopySource") {
        Some(Value::String(source)) => {
            let version = source.rfind("?versionId=");
            let version = version.filter(|at| !source[*at..].contains(char::is_whitespace));
            let (path, version) = source.split_at(version.unwrap_or(source.len()));
            quote(path, "/") + version
        }
        Some(Value::Object(source)) => copy_source(source)?,
        _ => return Ok(()),
    };
    params.insert("CopySource".into(), quoted.into());
    Ok(())
}

fn copy_source(source: &Object) -> Result<String, Error> {
    let part = |name: &str| {
        let missing = || validate::failed(&format!("Missing required parameter: '{name}'"));
        source.get(name).and_then(Value::as_str).ok_or_else(missing)
    };
    let (bucket, key) = (part("Bucket")?, part("Key")?);
    let path =
        if matches(ARN, bucket) { format!("{bucket}/object/{key}") } else { format!("{bucket}/{key}") };
    let version = source.get("VersionId").and_then(Value::as_str);
    Ok(quote(&path, "/") + &version.map(|version| format!("?versionId={version}")).unwrap_or_default())
}

/// Headers carry ASCII only.
fn check_metadata(params: &Object) -> Result<(), Error> {
    let metadata = params.get("Metadata").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in metadata {
        if let Some(value) = value.as_str().filter(|value| !key.is_ascii() || !value.is_ascii()) {
            return Err(validate::failed(&format!(
                "Non ascii characters found in S3 metadata for key \"{key}\", value: \"{value}\".  \n\
                 S3 metadata can only contain ASCII characters. "
            )));
        }
    }
    Ok(())
}

/// A key of the customer's own travels in base64, with its MD5.
fn encode_key(params: &mut Object, prefix: &str) {
    let (key, md5) = (format!("{prefix}Key"), format!("{prefix}KeyMD5"));
    if let Some(Value::String(secret)) = params.get(&key)
        && !params.contains_key(&md5)
    {
        let (secret, digest) = (base64::encode(secret), base64::encode(Md5::digest(secret)));
        params.insert(key, secret.into());
        params.insert(md5, digest.into());
    }
}

/// Names in these lists may hold what XML cannot, so they are asked for in percent encoding.
fn lists_encoded(call: Call) -> bool {
    matches!(call.operation.name, "ListObjects" | "ListObjectsV2" | "ListObjectVersions")
}

/// Changes a request that is written.
pub(super) fn request(call: Call, params: &Object, request: &mut Request) {
    match call.operation.name {
        // Line ends would be taken for others when the document is read.
        "DeleteObjects" | "PutBucketLifecycleConfiguration" => {
            let body = String::from_utf8_lossy(&request.body);
            request.body = body.replace('\r', "&#xD;").replace('\n', "&#xA;").into_bytes();
        }
        "PutObject" | "UploadPart" if params.contains_key("Body") => {
            request.headers.push(("expect".into(), "100-continue".to_owned()));
        }
        _ => {}
    }
}

/// The status that an answer really has: S3 begins some answers before it knows how they end.
pub(super) fn status(call: Call, answer: &Answer) -> u16 {
    let is_error = || xml::parse(&answer.body).map_or(true, |document| document.root().name() == "Error");
    match answer.status == 200 && !answer.body.is_empty() && is_document(call) && is_error() {
        true => 500,
        false => answer.status,
    }
}

fn is_document(call: Call) -> bool {
    let output = call.operation.output.map(|output| &call.service.shape(output).kind);
    let Some(Kind::Structure(output)) = output else { return false };
    let payload = output.members.iter().find(|member| member.name == output.payload);
    payload.is_none_or(|member| match &call.service.shape(member.shape).kind {
        Kind::Blob { .. } | Kind::String => false,
        Kind::Structure(payload) => !payload.eventstream,
        _ => true,
    })
}

/// A moment in `Expires` may be any text; what the header said is kept beside it.
pub(super) fn take_bad_expiry(call: Call, answer: &mut Answer) -> Option<String> {
    let output = call.operation.output.map(|output| &call.service.shape(output).kind);
    let Some(Kind::Structure(output)) = output else { return None };
    output.members.iter().find(|member| member.wire.name == "Expires")?;
    let text = answer.header("expires")?;
    if Moment::parse(&text).is_none() {
        answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("expires"));
    }
    Some(text)
}

/// The one answer whose value is the text of the document itself.
pub(super) fn add_location(call: Call, answer: &Answer, result: &mut Object) {
    if call.operation.name == "GetBucketLocation"
        && let Ok(document) = xml::parse(&answer.body)
    {
        let region = document.root().text().into_owned();
        let region = Some(region).filter(|region| !region.is_empty());
        result.insert("LocationConstraint".into(), region.into());
    }
}

/// Changes a result before it is given back; `given` are the caller's own parameters.
pub(super) fn after(call: Call, given: &Value, result: &mut Object) {
    let is_ours = given.get("EncodingType").is_none();
    if lists_encoded(call) && is_ours && result.get("EncodingType").is_some_and(|kind| kind == "url") {
        decode_names(call, result);
    }
}

fn decode_names(call: Call, result: &mut Object) {
    let own: &[&str] = match call.operation.name {
        "ListObjects" => &["Delimiter", "Marker", "NextMarker"],
        "ListObjectsV2" => &["Delimiter", "Prefix", "StartAfter"],
        _ => &["KeyMarker", "NextKeyMarker", "Prefix", "Delimiter"],
    };
    for name in own {
        decode(result.get_mut(*name));
    }
    let lists =
        [("Contents", "Key"), ("Versions", "Key"), ("DeleteMarkers", "Key"), ("CommonPrefixes", "Prefix")];
    for (list, name) in lists {
        for item in result.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            decode(item.get_mut(name));
        }
    }
}

/// Python's `unquote_plus`.
fn decode(value: Option<&mut Value>) {
    if let Some(Value::String(text)) = value {
        *text = super::custom::unquote(&text.replace('+', " "));
    }
}
