//! Parameters that are read from files: bytes given as `@path`.
//!
//! A large file that is the body of a request is sent piece by piece and is never whole in memory.

use crate::error::Error;
use crate::model::{Kind, Service, ShapeId};
use crate::protocol::Call;
use crate::validate;
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes from which on a body is not read into memory, and bytes that are read at once.
pub(super) const PIECE: u64 = 1024 * 1024;

/// A large file that is sent as the body of a request.
#[derive(Debug, Clone)]
pub(super) struct BodyFile {
    pub(super) path: PathBuf,
    /// Its length when the call was made ready; what is sent is as long.
    pub(super) length: u64,
    /// Its SHA-256 in hexadecimal, when the signature needs it.
    pub(super) sha256: Option<String>,
    /// What follows the pieces, each of which then begins with its length (`aws-chunked`).
    pub(super) trailer: Option<String>,
}

/// Puts the contents of files in place of their names, but for large ones that are the body.
pub(super) fn fill(call: Call, params: &mut Value) -> Result<(), Error> {
    let (Some(input), Value::Object(entries)) = (call.operation.input, &mut *params) else { return Ok(()) };
    let body = call.service.body_member(input).and_then(|body| Some((body, entries.get_mut(body)?.take())));
    let mut wrong = Vec::new();
    fill_shape(call.service, input, params, "", &mut wrong);
    if let (Some((name, mut value)), Value::Object(entries)) = (body, params) {
        if large(&value).is_none() {
            fill_text(&mut value, name, &mut wrong);
        }
        entries.insert(name.to_owned(), value);
    }
    if wrong.is_empty() { Ok(()) } else { Err(validate::failed(&wrong.join("\n"))) }
}

/// The large file that is the body of a call.
pub(super) fn body(call: Call, params: &serde_json::Map<String, Value>) -> Option<BodyFile> {
    let name = call.service.body_member(call.operation.input?)?;
    large(params.get(name)?)
}

fn large(value: &Value) -> Option<BodyFile> {
    let path = PathBuf::from(value.as_str()?.strip_prefix('@')?);
    let metadata = path.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() > PIECE)?;
    Some(BodyFile { path, length: metadata.len(), sha256: None, trailer: None })
}

fn fill_shape(service: &Service, id: ShapeId, value: &mut Value, name: &str, wrong: &mut Vec<String>) {
    match (&service.shape(id).kind, value) {
        (Kind::Structure(structure), Value::Object(entries)) => {
            for member in &structure.members {
                if let Some(value) = entries.get_mut(member.name) {
                    let dot = if name.is_empty() { "" } else { "." };
                    fill_shape(service, member.shape, value, &format!("{name}{dot}{}", member.name), wrong);
                }
            }
        }
        (Kind::List(list), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill_shape(service, list.member, item, &format!("{name}[{index}]"), wrong);
            }
        }
        (Kind::Map(map), Value::Object(entries)) => {
            for (key, value) in entries {
                fill_shape(service, map.value, value, &format!("{name}.{key}"), wrong);
            }
        }
        (Kind::Blob { .. }, value) => fill_text(value, name, wrong),
        _ => {}
    }
}

/// No base64 begins with `@`.
fn fill_text(value: &mut Value, name: &str, wrong: &mut Vec<String>) {
    let Some(path) = value.as_str().and_then(|text| text.strip_prefix('@')) else { return };
    match std::fs::read(path) {
        Ok(bytes) => *value = base64::encode(bytes).into(),
        Err(error) => {
            wrong.push(format!("Invalid value for parameter {name}: cannot read {path}: {}", reason(&error)));
            *value = Value::String(String::new());
        }
    }
}

/// What the system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl BodyFile {
    /// Gives the file to a function piece by piece.
    pub(super) fn read(&self, mut piece: impl FnMut(&[u8])) -> Result<(), Error> {
        let mut reader = Reader::open(self).map_err(|error| unreadable(&self.path, &error))?;
        while let Some(bytes) = reader.next().map_err(|error| unreadable(&self.path, &error))? {
            piece(&bytes);
        }
        Ok(())
    }

    /// A body that reads the file anew each time that it is sent.
    pub(super) fn body(&self) -> SdkBody {
        let file = self.clone();
        SdkBody::retryable(move || SdkBody::from_body_1_x(Sending::new(&file)))
    }

    /// Bytes that are sent.
    fn sent_length(&self) -> u64 {
        let Some(trailer) = &self.trailer else { return self.length };
        let framed = |piece: u64| format!("{piece:x}").len() as u64 + 4 + piece;
        let rest = self.length % PIECE;
        let pieces = self.length / PIECE * framed(PIECE) + if rest > 0 { framed(rest) } else { 0 };
        pieces + trailer.len() as u64
    }
}

fn unreadable(path: &Path, error: &dyn Display) -> Error {
    Error::unsent("HTTPClientError", format!("cannot read {}: {error}", path.display()))
}

/// Reads a file whose length is known.
struct Reader {
    file: File,
    left: u64,
}

impl Reader {
    fn open(file: &BodyFile) -> io::Result<Self> {
        Ok(Self { file: File::open(&file.path)?, left: file.length })
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = self.left.min(PIECE);
        if length == 0 {
            return Ok(None);
        }
        // At most a piece, which fits.
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        self.left -= length;
        Ok(Some(bytes))
    }
}

/// A file on its way. Regular files give their bytes without delay, so they are read in place.
struct Sending {
    reader: Option<io::Result<Reader>>,
    is_framed: bool,
    trailer: Option<String>,
    left: u64,
}

impl Sending {
    fn new(file: &BodyFile) -> Self {
        Self {
            reader: Some(Reader::open(file)),
            is_framed: file.trailer.is_some(),
            trailer: file.trailer.clone(),
            left: file.sent_length(),
        }
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let read = match &mut self.reader {
            Some(Ok(reader)) => reader.next()?,
            Some(Err(_)) => match self.reader.take() {
                Some(Err(error)) => return Err(error),
                _ => None,
            },
            None => None,
        };
        Ok(match read {
            Some(bytes) if self.is_framed => {
                let head = format!("{:x}\r\n", bytes.len()).into_bytes();
                Some([head.as_slice(), &bytes, b"\r\n"].concat().into())
            }
            Some(bytes) => Some(bytes.into()),
            None => self.trailer.take().map(Bytes::from),
        })
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = self.next();
        if let Ok(Some(bytes)) = &next {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::embedded;
    use serde_json::json;

    fn call(service: &str, operation: &str) -> Call<'static> {
        let service = embedded::service(service).expect("a service");
        Call { service, operation: service.operation(operation).expect("an operation") }
    }

    fn file(length: usize) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), vec![b'x'; length]).expect("it is ours");
        let name = format!("@{}", file.path().display());
        (file, name)
    }

    #[test]
    fn small_files_and_inner_ones_are_read() {
        let (_file, name) = file(2);
        let mut params = json!({"Bucket": "b", "Key": "@k", "Body": name});
        fill(call("s3", "PutObject"), &mut params).expect("the file is there");
        assert_eq!(params, json!({"Bucket": "b", "Key": "@k", "Body": "eHg="}));
        let mut params = json!({"Records": [{"Data": name, "PartitionKey": name}]});
        fill(call("kinesis", "PutRecords"), &mut params).expect("the file is there");
        assert_eq!(params["Records"][0], json!({"Data": "eHg=", "PartitionKey": name}));
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut params = json!({"Body": "@/no/such"});
        let error = fill(call("s3", "PutObject"), &mut params).expect_err("no file").to_string();
        assert!(
            error.ends_with(
                "Invalid value for parameter Body: cannot read /no/such: No such file or directory"
            ),
            "{error}"
        );
    }

    #[test]
    fn large_bodies_stay_files() {
        let length = PIECE as usize + 3;
        let (_file, name) = file(length);
        let mut params = json!({"Body": name});
        fill(call("s3", "PutObject"), &mut params).expect("the file is there");
        assert_eq!(params["Body"], json!(name));
        let found = body(call("s3", "PutObject"), params.as_object().expect("an object"));
        let mut found = found.expect("a large body");
        for trailer in [None, Some("0\r\na:b\r\n\r\n".to_owned())] {
            found.trailer = trailer.clone();
            let mut sending = Sending::new(&found);
            let mut sent = Vec::new();
            while let Some(bytes) = sending.next().expect("it is readable") {
                sent.extend(bytes);
            }
            assert_eq!(sent.len() as u64, found.sent_length());
            let framing = trailer.map_or(0, |trailer| "100000\r\n\r\n3\r\n\r\n".len() + trailer.len());
            assert_eq!(sent.len(), length + framing);
        }
    }
}
