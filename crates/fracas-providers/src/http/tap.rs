//! Listens in on a connection to learn how the server wrote its header names.
//!
//! hyper lower-cases header names and keeps the original to itself; outputs have to show them as
//! the server sent them.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More headers than hyper lets through.
const MAX_HEADERS: usize = 128;

/// Bytes of an answer, from its start until they are taken.
#[derive(Clone)]
pub(super) struct Heard(Rc<RefCell<Option<Vec<u8>>>>);

/// A connection whose first incoming bytes are kept.
pub(super) struct Tap<S> {
    stream: S,
    heard: Heard,
}

impl<S> Tap<S> {
    /// The same connection, and where its incoming bytes are kept.
    pub(super) fn new(stream: S) -> (Tap<S>, Heard) {
        let heard = Heard(Rc::new(RefCell::new(Some(Vec::new()))));
        (Tap { stream, heard: heard.clone() }, heard)
    }
}

impl Heard {
    /// The headers of the answer, named as the server named them; values of equal names are
    /// joined. Nothing is kept from here on.
    pub(super) fn headers(&self) -> Map<String, Value> {
        let bytes = self.0.take().unwrap_or_default();
        let mut rest = bytes.as_slice();
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            match response.parse(rest) {
                // An interim answer such as 100 comes before the real one.
                Ok(httparse::Status::Complete(length)) if response.code.is_some_and(|code| code < 200) => {
                    rest = &rest[length..];
                }
                Ok(httparse::Status::Complete(_)) => return merged(response.headers),
                _ => return Map::new(),
            }
        }
    }
}

fn merged(headers: &[httparse::Header<'_>]) -> Map<String, Value> {
    let mut merged: Map<String, Value> = Map::new();
    for header in headers {
        let text = latin1(header.value);
        let known = merged.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(header.name));
        match known {
            Some((_, Value::String(value))) => value.extend([", ", &text]),
            _ => drop(merged.insert(header.name.to_owned(), Value::String(text))),
        }
    }
    merged
}

/// Each byte as the character of that number.
pub(super) fn latin1(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(heard) = self.heard.0.borrow_mut().as_mut() {
            heard.extend_from_slice(&buf.filled()[before..]);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closing the connection, which follows, says as much, and is all that `urllib3` does.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
