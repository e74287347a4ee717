//! One request, its retries and redirects, and the whole answer.
//!
//! Source: `requests.Session`, whose redirects and headers this follows.

use std::io;
use std::pin::pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use url::Url;

use super::body;
use super::connect::{Connection, Connector, Verify};
use super::tap::{Heard, Tap};

/// As many as `requests` follows.
const MAX_REDIRECTS: usize = 30;

/// A bound on each wait for the other side, in seconds; none waits for ever.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seconds(pub(super) Option<Duration>);

impl Seconds {
    /// What the future gives.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when the bound is over first.
    pub(super) async fn bound<T>(self, future: impl Future<Output = T>) -> io::Result<T> {
        match self.0 {
            Some(duration) => Ok(tokio::time::timeout(duration, future).await?),
            None => Ok(future.await),
        }
    }
}

/// What is asked of a server.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) verify: Verify,
    /// For each step of opening a connection.
    pub(super) connect_timeout: Seconds,
    /// For each wait while an answer comes in.
    pub(super) read_timeout: Seconds,
    /// How often a failed exchange is tried again.
    pub(super) retries: u64,
    /// Bytes of a body beyond which it is refused.
    pub(super) limit: u64,
}

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Named as the server named them.
    pub(super) headers: Map<String, Value>,
    /// Without its content encodings.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What went wrong.
    pub(super) text: String,
    /// Whether the server may have got the request.
    pub(super) sent: bool,
    /// Whether patience ended.
    pub(super) timed_out: bool,
}

impl Trouble {
    fn of(error: &io::Error, sent: bool) -> Trouble {
        Trouble { text: words(error), sent, timed_out: error.kind() == io::ErrorKind::TimedOut }
    }

    fn broken(error: &hyper::Error) -> Trouble {
        let source = std::error::Error::source(error);
        let text = match source.and_then(|source| source.downcast_ref::<io::Error>()) {
            _ if error.is_incomplete_message() => CLOSED_EARLY.to_owned(),
            Some(source) if source.kind() == io::ErrorKind::UnexpectedEof => CLOSED_EARLY.to_owned(),
            Some(source) => words(source),
            None if error.is_parse() => format!("the answer is not HTTP: {error}"),
            None => error.to_string(),
        };
        Trouble { text, sent: true, timed_out: false }
    }

    fn refused(text: impl Into<String>) -> Trouble {
        Trouble { text: text.into(), sent: true, timed_out: false }
    }
}

const CLOSED_EARLY: &str = "the server closed the connection before its answer was complete";

/// What the operating system says, as a fragment, without the error's number.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let starts_a_sentence = text.chars().nth(1).is_some_and(char::is_lowercase);
    match text.split_at_checked(1) {
        Some((first, rest)) if starts_a_sentence => first.to_lowercase() + rest,
        _ => text.to_owned(),
    }
}

/// Sends requests, each on a connection of its own: a connection that is kept would stay with one
/// server behind a load balancer, and a probe would not see the others.
pub(super) struct Client(Connector);

impl Client {
    /// A client that has not connected to anything yet.
    pub(super) fn new(proxies: Matcher) -> Client {
        Client(Connector::new(proxies))
    }

    /// Sends a request and follows redirects to the final answer.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer, Trouble> {
        let mut hops = 0;
        loop {
            let answer = self.retried(&request).await?;
            let Some(location) = redirect(&answer) else { return Ok(answer) };
            hops += 1;
            if hops > MAX_REDIRECTS {
                return Err(Trouble::refused(format!("more than {MAX_REDIRECTS} redirects")));
            }
            follow(&mut request, answer.status, &location)?;
        }
    }

    async fn retried(&self, request: &Request) -> Result<Answer, Trouble> {
        let mut left = request.retries;
        loop {
            match self.exchange(request).await {
                Err(trouble) if left > 0 && (!trouble.sent || may_repeat(&request.method)) => left -= 1,
                result => return result,
            }
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Trouble> {
        let connecting = self.0.connect(&request.url, &request.verify, request.connect_timeout);
        let connection = connecting.await.map_err(|error| Trouble::of(&error, false))?;
        let message = message(request, &connection).map_err(|error| Trouble::of(&error, false))?;
        let (tap, heard) = Tap::new(connection.stream);
        let mut builder = http1::Builder::new();
        let handshake = builder.title_case_headers(true).handshake(TokioIo::new(tap));
        let (sender, connection) = handshake.await.map_err(|error| Trouble::broken(&error))?;
        // Both in this one future: dropping it closes the connection at once.
        match select(pin!(converse(sender, message, request, &heard)), pin!(connection)).await {
            Either::Left((result, _)) => result,
            Either::Right((_, conversation)) => conversation.await,
        }
    }
}

async fn converse(
    mut sender: http1::SendRequest<Full<Bytes>>,
    message: http::Request<Full<Bytes>>,
    request: &Request,
    heard: &Heard,
) -> Result<Answer, Trouble> {
    let late = |error: io::Error| Trouble::of(&error, true);
    let answering = request.read_timeout.bound(sender.send_request(message));
    let response = answering.await.map_err(late)?.map_err(|error| Trouble::broken(&error))?;
    let headers = heard.headers();
    let (parts, mut incoming) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = request.read_timeout.bound(incoming.frame()).await.map_err(late)? {
        let frame = frame.map_err(|error| Trouble::broken(&error))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() as u64 > request.limit {
            return Err(Trouble::refused(format!("the body is larger than {} bytes", request.limit)));
        }
    }
    let mut answer = Answer { status: parts.status, headers, body: Vec::new() };
    let encoding = answer.header("content-encoding").unwrap_or_default();
    let unpacked = body::unpacked(encoding, bytes, request.limit);
    answer.body =
        unpacked.map_err(|error| Trouble::refused(format!("the body cannot be unpacked: {error}")))?;
    Ok(answer)
}

/// The request as it goes over the wire.
fn message(request: &Request, connection: &Connection) -> io::Result<http::Request<Full<Bytes>>> {
    let url = &request.url;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let target = if connection.through_proxy.is_some() { without_user(url) } else { path.to_owned() };
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.parse().map_err(io::Error::other)?;
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    message.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(io::Error::other)?);
    if request.body.is_empty() && !matches!(request.method, Method::GET | Method::HEAD) {
        message.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    for (name, value) in &request.headers {
        message.headers_mut().insert(name, value.clone());
    }
    if let Some(Some(auth)) = &connection.through_proxy {
        message.headers_mut().insert(PROXY_AUTHORIZATION, auth.clone());
    }
    Ok(message)
}

/// The whole URL, without what is for the client alone.
fn without_user(url: &Url) -> String {
    let mut bare = url.clone();
    // Both fail only for URLs without a host.
    let _ = bare.set_username("").and_then(|()| bare.set_password(None));
    bare.set_fragment(None);
    bare.into()
}

/// Methods that `urllib3` sends again after a failure in the middle.
fn may_repeat(method: &Method) -> bool {
    matches!(method.as_str(), "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PUT" | "TRACE")
}

fn redirect(answer: &Answer) -> Option<String> {
    let redirects = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = answer.header(LOCATION.as_str()).filter(|_| redirects)?;
    // Servers that write more than ASCII here mean UTF-8.
    let bytes: Vec<u8> = location.chars().map(|character| character as u8).collect();
    Some(String::from_utf8(bytes).unwrap_or_else(|_| location.to_owned()))
}

/// Turns the request into the one that the redirect asks for.
fn follow(request: &mut Request, status: StatusCode, location: &str) -> Result<(), Trouble> {
    let target = request.url.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let target =
        target.ok_or_else(|| Trouble::refused(format!("redirected to {location}, which is no HTTP URL")))?;
    let to_get = match status.as_u16() {
        302 | 303 => request.method != Method::HEAD,
        301 => request.method == Method::POST,
        _ => false,
    };
    if to_get {
        request.method = Method::GET;
    }
    if !matches!(status.as_u16(), 307 | 308) {
        request.body = Bytes::new();
        for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
            request.headers.remove(name);
        }
    }
    request.headers.remove(COOKIE);
    if leaves(&request.url, &target) {
        request.headers.remove(AUTHORIZATION);
    }
    request.url = target;
    Ok(())
}

/// Whether credentials must not go along: another host, or another port or scheme, other than
/// from plain to secure on the usual ports.
fn leaves(from: &Url, to: &Url) -> bool {
    if from.host_str() != to.host_str() {
        return true;
    }
    let upgraded =
        from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    !upgraded && (from.scheme() != to.scheme() || from.port_or_known_default() != to.port_or_known_default())
}

/// The header for a user and password, if the URL names a user.
pub(super) fn basic_auth(url: &Url) -> Option<HeaderValue> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = Some(decode(url.username())).filter(|user| !user.is_empty())?;
    let pair = format!("{user}:{}", decode(url.password().unwrap_or_default()));
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_with_their_host() {
        let cases = [
            ("http://a/x", "http://a/y", false),
            ("http://a/", "https://a/", false),
            ("https://a/", "http://a/", true),
            ("http://a/", "http://a:81/", true),
            ("http://a/", "http://b/", true),
            ("http://a:80/", "http://a/", false),
        ];
        for (from, to, expected) in cases {
            let leaves = leaves(&from.parse().unwrap(), &to.parse().unwrap());
            assert_eq!(leaves, expected, "{from} {to}");
        }
    }

    #[test]
    fn operating_system_errors_become_fragments() {
        assert_eq!(words(&io::Error::from_raw_os_error(111)), "connection refused");
        assert_eq!(words(&io::Error::other("TLS is off")), "TLS is off");
    }
}
