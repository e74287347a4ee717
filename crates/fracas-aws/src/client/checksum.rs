//! Checksums of requests and answers (botocore's `httpchecksum.py`).

use super::address::Address;
use super::custom::hex;
use super::files::BodyFile;
use super::save::Saved;
use super::settings::Settings;
use crate::error::{Error, Sent};
use crate::model::{Checksum, Kind, Operation};
use crate::protocol::{Answer, Call, Object, Request};
use aws_smithy_types::base64;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use serde_json::Value;

const PREFIX: &str = "x-amz-checksum-";

/// Bytes in a chunk of a body whose checksum follows it.
const CHUNK: usize = 1024 * 1024;

/// How the body takes part in the signature.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Payload {
    #[default]
    Signed,
    /// TLS and a checksum are enough.
    Unsigned,
    /// As [`Payload::Unsigned`], the checksum follows the body.
    UnsignedTrailer,
}

/// The algorithms that botocore knows without AWS's own C library, the quickest first.
const ALGORITHMS: [&str; 4] = ["crc32", "sha1", "sha256", "sha512"];

/// A checksum that is taken piece by piece.
pub(super) enum Sum {
    Crc32(crc32fast::Hasher),
    Sha(Box<Context>),
}

impl Sum {
    pub(super) fn new(algorithm: &str) -> Self {
        Self::Sha(Box::new(Context::new(match algorithm {
            "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => &SHA256,
            "sha512" => &SHA512,
            _ => return Self::Crc32(crc32fast::Hasher::new()),
        })))
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Sha(context) => context.update(bytes),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Self::Sha(context) => context.finish().as_ref().to_vec(),
        }
    }

    /// In base64.
    pub(super) fn text(self) -> String {
        base64::encode(self.bytes())
    }
}

fn checksum(algorithm: &str, bytes: &[u8]) -> String {
    let mut sum = Sum::new(algorithm);
    sum.add(bytes);
    sum.text()
}

/// The checksum of what is sent.
fn of_body(algorithm: &str, request: &Request, file: Option<&BodyFile>) -> Result<String, Error> {
    let Some(file) = file else { return Ok(checksum(algorithm, &request.body)) };
    let mut sum = Sum::new(algorithm);
    file.read(|piece| sum.add(piece))?;
    Ok(sum.text())
}

/// Adds the checksum that the model asks for, and says how the body is signed.
pub(super) fn add(
    settings: &Settings,
    call: Call,
    params: &Object,
    address: &Address,
    request: &mut Request,
    file: &mut Option<BodyFile>,
) -> Result<Payload, Error> {
    let is_https = address.url.starts_with("https:");
    let wanted = match &call.operation.checksum {
        Some(modelled) if !has_checksum(request) => algorithm(settings, call, modelled, params, request)?,
        _ => None,
    };
    match wanted {
        Some(algorithm) if is_https && has_streaming_input(call) => {
            append(&algorithm, request, file.as_mut())?;
            return Ok(Payload::UnsignedTrailer);
        }
        Some(algorithm) => {
            let value = of_body(&algorithm, request, file.as_ref())?;
            request.headers.push((format!("{PREFIX}{algorithm}").into(), value));
        }
        None => {}
    }
    let Operation { unsigned_payload, auth_type, .. } = call.operation;
    let is_s3 = call.service.metadata.signature_version.starts_with("s3");
    // The signer of S3 does not look at the model.
    let by_model = !is_s3 && (*unsigned_payload || *auth_type == "v4-unsigned-body");
    let is_unsigned = by_model || is_unsigned_upload(call, request);
    let is_signed = settings.signs_payload().filter(|_| is_s3).unwrap_or(!is_https || !is_unsigned);
    if !is_signed {
        return Ok(Payload::Unsigned);
    }
    if let Some(file) = file {
        let mut sum = Sum::new("sha256");
        file.read(|piece| sum.add(piece))?;
        file.sha256 = Some(hex(&sum.bytes()));
    }
    Ok(Payload::Signed)
}

/// S3 takes TLS and an MD5 of the caller's for enough.
fn is_unsigned_upload(call: Call, request: &Request) -> bool {
    let has_md5 = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-md5"));
    call.service.name == "s3" && has_md5 && has_streaming_input(call)
}

/// Whether the caller gave a checksum of any algorithm.
fn has_checksum(request: &Request) -> bool {
    let is_algorithm = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    request.headers.iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name.strip_prefix(PREFIX).is_some_and(is_algorithm)
    })
}

/// The body is sent as it comes.
pub(super) fn has_streaming_input(call: Call) -> bool {
    let input = call.operation.input.map(|input| &call.service.shape(input).kind);
    let Some(Kind::Structure(input)) = input else { return false };
    let payload = input.members.iter().find(|member| member.name == input.payload);
    payload.is_some_and(|member| matches!(call.service.shape(member.shape).kind, Kind::Blob { .. }))
}

/// The algorithm the caller named, else the default one where a checksum is wanted, which the
/// request then names.
fn algorithm(
    settings: &Settings,
    call: Call,
    modelled: &Checksum,
    params: &Object,
    request: &mut Request,
) -> Result<Option<String>, Error> {
    let member = modelled.algorithm_member;
    if let Some(named) = params.get(member).and_then(Value::as_str) {
        let named = named.to_lowercase();
        let unsupported = || {
            Error::unsent("FlexibleChecksumError", format!("Unsupported checksum algorithm: {named}"))
                .with_help(format!("use one of {}", ALGORITHMS.join(", ").to_uppercase()))
        };
        return ALGORITHMS.contains(&named.as_str()).then_some(Some(named.clone())).ok_or_else(unsupported);
    }
    let when_supported =
        !settings.is("AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation", "when_required");
    if !modelled.required && (member.is_empty() || !when_supported) {
        return Ok(None);
    }
    if let Some(name) = header_of(call, member) {
        request.headers.push((name.to_owned().into(), "CRC32".to_owned()));
    }
    Ok(Some("crc32".to_owned()))
}

fn header_of<'s>(call: Call<'s>, member: &str) -> Option<&'s str> {
    let Kind::Structure(input) = &call.service.shape(call.operation.input?).kind else { return None };
    let member = input.members.iter().find(|known| known.name == member)?;
    Some(member.wire.name).filter(|name| !name.is_empty())
}

/// Writes the body in chunks, its checksum behind them.
fn append(algorithm: &str, request: &mut Request, file: Option<&mut BodyFile>) -> Result<(), Error> {
    let name = format!("{PREFIX}{algorithm}");
    let trailer = format!("0\r\n{name}:{}\r\n\r\n", of_body(algorithm, request, file.as_deref())?);
    let length = match file {
        Some(file) => {
            file.trailer = Some(trailer);
            file.length
        }
        None => {
            let length = request.body.len();
            request.body = in_chunks(&request.body, &trailer);
            length as u64
        }
    };
    let encoding = request.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    match encoding {
        Some((_, encoding)) => encoding.push_str(",aws-chunked"),
        None => request.headers.push(("content-encoding".into(), "aws-chunked".to_owned())),
    }
    request.headers.push(("transfer-encoding".into(), "chunked".to_owned()));
    request.headers.push(("x-amz-trailer".into(), name));
    request.headers.push(("x-amz-decoded-content-length".into(), length.to_string()));
    Ok(())
}

fn in_chunks(body: &[u8], trailer: &str) -> Vec<u8> {
    let mut chunks = Vec::with_capacity(body.len() + body.len() / CHUNK * 12 + trailer.len() + 12);
    for chunk in body.chunks(CHUNK) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(trailer.bytes());
    chunks
}

/// Asks for a checksum of the answer, where the caller did not say whether.
pub(super) fn ask_for_validation(settings: &Settings, call: Call, params: &mut Object) {
    let member = call.operation.checksum.as_ref().map_or("", |modelled| modelled.validation_mode_member);
    let when_required =
        settings.is("AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation", "when_required");
    if !member.is_empty() && !when_required {
        params.entry(member).or_insert_with(|| "ENABLED".into());
    }
}

/// The checksum that an answer names, and its algorithm, if it can be compared. That of a multipart
/// upload, which has a hyphen, cannot.
pub(super) fn expected(
    call: Call,
    header: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let known = &call.operation.checksum.as_ref()?.response_algorithms;
    let usable =
        ALGORITHMS.into_iter().filter(|name| known.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let mut named = usable.filter_map(|name| Some((name, header(&format!("{PREFIX}{name}"))?)));
    named.find(|(_, checksum)| !checksum.contains('-'))
}

/// Checks an answer against the checksum that came with it; gives the algorithm, if there was one
/// that can be checked. What was saved to a file has its sum already.
pub(super) fn validate(
    call: Call,
    answer: &Answer,
    saved: Option<&Saved>,
) -> Result<Option<&'static str>, Error> {
    let Some((algorithm, expected)) = expected(call, |name| answer.header(name)) else { return Ok(None) };
    let saved = saved.and_then(|saved| saved.checksum.clone());
    let actual = saved.unwrap_or_else(|| checksum(algorithm, &answer.body));
    if actual == expected {
        return Ok(Some(algorithm));
    }
    let text = format!("Expected checksum {expected} did not match calculated checksum: {actual}");
    Err(Error::new("botocore.exceptions.FlexibleChecksumError", Sent::Yes, text))
}
