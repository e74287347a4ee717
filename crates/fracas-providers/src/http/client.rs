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
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION, SET_COOKIE,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822;
use serde_json::{Map, Value};

use super::address::Address;
use super::connect::{Connection, Connector, NotOpen, Verify};
use super::cookies::Jar;
use super::proxies::Proxies;
use super::tap::{Heard, Tap, latin1};
use super::{body, netrc};

/// As many as `requests` follows.
const MAX_REDIRECTS: usize = 30;

/// The longest that `urllib3` waits for a server, in seconds.
const MAX_RETRY_AFTER: f64 = 21_600.0;

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
    pub(super) url: Address,
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
    /// What it sets as cookies.
    cookies: Vec<String>,
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
    /// How far the exchange came.
    pub(super) stage: Stage,
    /// What Python's libraries raise for it, where that is known.
    pub(super) raised: Option<Raised>,
    /// Their words for it, once the request is known.
    pub(super) python: Option<String>,
}

/// What `requests` and `urllib3` raise when there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raised {
    /// The server is not there: what the system says.
    NotConnected(String),
    /// Nobody knows the name: what the system says.
    NotResolved(String),
    /// The connection ended before an answer: the error within, as Python shows it.
    Aborted(&'static str),
}

impl Raised {
    /// For an error while a connection was to be opened.
    fn while_connecting(error: &io::Error) -> Option<Raised> {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        if let Some(number) = error.raw_os_error().filter(|number| UNREACHABLE.contains(number)) {
            return Some(Raised::NotConnected(format!("[Errno {number}] {text}")));
        }
        let words = text.strip_prefix("failed to lookup address information: ")?;
        let (_, number) = UNRESOLVED.iter().find(|(known, _)| *known == words)?;
        Some(Raised::NotResolved(format!("[Errno {number}] {words}")))
    }

    fn words(&self, request: &Request) -> String {
        let url = &request.url;
        let connection = if url.secure { "HTTPSConnection" } else { "HTTPConnection" };
        let place = format!("(host='{}', port={})", url.host, url.port());
        let given_up = |cause: String| {
            let target = url.target();
            format!("{connection}Pool{place}: Max retries exceeded with url: {target} (Caused by {cause})")
        };
        match self {
            Raised::NotConnected(why) => given_up(format!(
                "NewConnectionError(\"{connection}{place}: Failed to establish a new connection: {why}\")"
            )),
            Raised::NotResolved(why) => given_up(format!(
                "NameResolutionError(\"{connection}{place}: Failed to resolve '{}' ({why})\")",
                url.host
            )),
            Raised::Aborted(why) if request.retries > 0 && may_repeat(&request.method) => {
                given_up(format!("ProtocolError('Connection aborted.', {why})"))
            }
            Raised::Aborted(why) => format!("('Connection aborted.', {why})"),
        }
    }
}

/// The system's numbers for a server that cannot be reached.
const UNREACHABLE: [i32; 4] = [99, 101, 111, 113];

/// What the system says of names, and its numbers for that.
const UNRESOLVED: [(&str, i32); 3] = [
    ("Name or service not known", -2),
    ("Temporary failure in name resolution", -3),
    ("No address associated with hostname", -5),
];

const DISCONNECTED: Raised =
    Raised::Aborted("RemoteDisconnected('Remote end closed connection without response')");
const RESET: Raised = Raised::Aborted("ConnectionResetError(104, 'Connection reset by peer')");

/// How far an exchange came, for its trouble is told and tried again by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no connection.
    Connecting,
    /// The connection broke before an answer.
    Waiting,
    /// Patience ended before an answer.
    TooLong,
    /// Patience ended while the answer's body came in.
    Reading,
    /// It is none of the errors that a call is expected to have.
    Unexpected,
}

impl Trouble {
    fn not_open(not_open: NotOpen) -> Trouble {
        let stage = match not_open {
            NotOpen { hopeless: true, .. } => Stage::Unexpected,
            NotOpen { silent: true, .. } => Stage::TooLong,
            _ => Stage::Connecting,
        };
        let raised = Raised::while_connecting(&not_open.error);
        Trouble { text: words(&not_open.error), sent: false, stage, raised, python: None }
    }

    fn late(error: &io::Error, stage: Stage) -> Trouble {
        Trouble { text: words(error), sent: true, stage, raised: None, python: None }
    }

    fn broken(error: &hyper::Error, stage: Stage) -> Trouble {
        let source = std::error::Error::source(error);
        let text = match source.and_then(|source| source.downcast_ref::<io::Error>()) {
            _ if error.is_incomplete_message() => CLOSED_EARLY.to_owned(),
            Some(source) if source.kind() == io::ErrorKind::UnexpectedEof => CLOSED_EARLY.to_owned(),
            Some(source) => words(source),
            None if error.is_parse() => format!("the answer is not HTTP: {error}"),
            None => error.to_string(),
        };
        let raised = match source.and_then(|source| source.downcast_ref::<io::Error>()) {
            _ if text == CLOSED_EARLY => Some(DISCONNECTED),
            Some(source) if source.kind() == io::ErrorKind::ConnectionReset => Some(RESET),
            _ => None,
        };
        Trouble { text, sent: true, stage, raised, python: None }
    }

    fn unexpected(text: impl Into<String>) -> Trouble {
        Trouble { text: text.into(), sent: true, stage: Stage::Unexpected, raised: None, python: None }
    }

    /// The same with what Python's libraries say of it.
    fn of(self, request: &Request) -> Trouble {
        let python = self.raised.as_ref().map(|raised| raised.words(request));
        Trouble { python, ..self }
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
    pub(super) fn new(proxies: Proxies) -> Client {
        Client(Connector::new(proxies))
    }

    /// Sends a request and follows redirects to the final answer.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer, Trouble> {
        let mut jar = Jar::default();
        let mut hops = 0;
        loop {
            let answer = self.retried(&request).await.map_err(|trouble| trouble.of(&request))?;
            let Some(location) = redirect(&answer) else { return Ok(answer) };
            hops += 1;
            if hops > MAX_REDIRECTS {
                return Err(Trouble::unexpected(format!("it redirects more than {MAX_REDIRECTS} times")));
            }
            jar.keep(&request.url, answer.cookies.iter().map(String::as_str));
            follow(&mut request, answer.status, &location, &jar)?;
        }
    }

    /// Tries again as `urllib3.util.Retry` does with a number: whatever failed before the server
    /// got the request, and what may be repeated until there is an answer, or while the answer
    /// asks for it by `Retry-After`.
    async fn retried(&self, request: &Request) -> Result<Answer, Trouble> {
        let may_repeat = may_repeat(&request.method);
        let mut left = request.retries;
        loop {
            let pause = match self.exchange(request).await {
                Ok(answer) if left == 0 || !may_repeat => return Ok(answer),
                Ok(answer) => match retry_after(&answer)? {
                    Some(pause) => pause,
                    None => return Ok(answer),
                },
                Err(trouble) if !trouble.is_tried_again(may_repeat) => return Err(trouble),
                // Only an exchange that is not to be tried again took too long by itself.
                Err(trouble) if left == 0 && request.retries > 0 => {
                    return Err(Trouble { stage: Stage::Connecting, ..trouble });
                }
                Err(trouble) if left == 0 => return Err(trouble),
                Err(_) => Duration::ZERO,
            };
            left -= 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Trouble> {
        let connecting = self.0.connect(&request.url, &request.verify, request.connect_timeout);
        let connection = connecting.await.map_err(Trouble::not_open)?;
        let message = message(request, &connection)
            .map_err(|error| Trouble { sent: false, ..Trouble::unexpected(words(&error)) })?;
        let (tap, heard) = Tap::new(connection.stream);
        let mut builder = http1::Builder::new();
        let handshake = builder.title_case_headers(true).handshake(TokioIo::new(tap));
        let (sender, connection) =
            handshake.await.map_err(|error| Trouble::broken(&error, Stage::Waiting))?;
        // Both in this one future: dropping it closes the connection at once.
        match select(pin!(converse(sender, message, request, &heard)), pin!(connection)).await {
            Either::Left((result, _)) => result,
            Either::Right((_, conversation)) => conversation.await,
        }
    }
}

impl Trouble {
    fn is_tried_again(&self, may_repeat: bool) -> bool {
        match self.stage {
            Stage::Connecting => true,
            Stage::Waiting | Stage::TooLong => may_repeat,
            Stage::Reading | Stage::Unexpected => false,
        }
    }
}

async fn converse(
    mut sender: http1::SendRequest<Full<Bytes>>,
    message: http::Request<Full<Bytes>>,
    request: &Request,
    heard: &Heard,
) -> Result<Answer, Trouble> {
    let answering = request.read_timeout.bound(sender.send_request(message));
    let response = answering.await.map_err(|error| Trouble::late(&error, Stage::TooLong))?;
    let response = response.map_err(|error| Trouble::broken(&error, Stage::Waiting))?;
    let headers = heard.headers();
    let (parts, incoming) = response.into_parts();
    let cookies = parts.headers.get_all(SET_COOKIE).iter().map(|value| latin1(value.as_bytes())).collect();
    let mut answer = Answer { status: parts.status, headers, cookies, body: Vec::new() };
    let body = read(incoming, request).await.and_then(|bytes| {
        let encoding = answer.header("content-encoding").unwrap_or_default();
        let unpacked = body::unpacked(encoding, bytes, request.limit);
        unpacked
            .map_err(|error| Trouble::unexpected(format!("the answer's body cannot be unpacked: {error}")))
    });
    answer.body = match body {
        // Nobody reads the body of a redirect.
        Err(trouble) if trouble.stage == Stage::Unexpected && redirect(&answer).is_some() => Vec::new(),
        body => body?,
    };
    Ok(answer)
}

async fn read(mut incoming: Incoming, request: &Request) -> Result<Vec<u8>, Trouble> {
    let late = |error: io::Error| Trouble::late(&error, Stage::Reading);
    let mut bytes = Vec::new();
    while let Some(frame) = request.read_timeout.bound(incoming.frame()).await.map_err(late)? {
        let frame = frame.map_err(|error| Trouble::broken(&error, Stage::Unexpected))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if bytes.len() as u64 > request.limit {
            return Err(Trouble::unexpected(format!(
                "the answer's body is larger than {} bytes",
                request.limit
            )));
        }
    }
    Ok(bytes)
}

/// The request as it goes over the wire.
fn message(request: &Request, connection: &Connection) -> io::Result<http::Request<Full<Bytes>>> {
    let address = &request.url;
    let target = match connection.through_proxy {
        Some(_) => format!("{}://{}{}", address.scheme(), address.host_header(), address.target()),
        None => address.target(),
    };
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.parse().map_err(io::Error::other)?;
    let host = HeaderValue::from_str(&address.host_header()).map_err(io::Error::other)?;
    message.headers_mut().insert(HOST, host);
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

/// Methods that `urllib3` sends again after a failure in the middle.
fn may_repeat(method: &Method) -> bool {
    matches!(method.as_str(), "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PUT" | "TRACE")
}

/// How long an answer asks to wait before another try, at most six hours.
fn retry_after(answer: &Answer) -> Result<Option<Duration>, Trouble> {
    let asks = matches!(answer.status.as_u16(), 413 | 429 | 503);
    let Some(text) = answer.header("retry-after").filter(|_| asks).map(str::trim) else { return Ok(None) };
    let seconds = match rfc2822::DateTimeParser::new().parse_timestamp(text) {
        Ok(moment) => moment.duration_since(jiff::Timestamp::now()).as_secs_f64(),
        Err(_) => {
            let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let seconds = digits.and_then(|digits| digits.parse().ok());
            seconds.ok_or_else(|| {
                Trouble::unexpected("the answer's Retry-After is neither seconds nor a date")
            })?
        }
    };
    Ok(Some(Duration::from_secs_f64(seconds.clamp(0.0, MAX_RETRY_AFTER))))
}

fn redirect(answer: &Answer) -> Option<String> {
    let redirects = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = answer.header(LOCATION.as_str()).filter(|location| redirects && !location.is_empty())?;
    // Servers that write more than ASCII here mean UTF-8.
    let bytes: Vec<u8> = location.chars().map(|character| character as u8).collect();
    Some(String::from_utf8(bytes).unwrap_or_else(|_| location.to_owned()))
}

/// Turns the request into the one that the redirect asks for.
fn follow(request: &mut Request, status: StatusCode, location: &str, jar: &Jar) -> Result<(), Trouble> {
    let target = request.url.redirected(location);
    let target = target
        .map_err(|_| Trouble::unexpected(format!("it redirects to {location}, which is no HTTP URL")))?;
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
    if let Some(cookies) = jar.header(&target).and_then(|cookies| header_value(&cookies)) {
        request.headers.insert(COOKIE, cookies);
    }
    if leaves(&request.url, &target) {
        request.headers.remove(AUTHORIZATION);
    }
    if let Some(auth) = netrc::login(&target.host).and_then(|(user, password)| basic_auth(&user, &password)) {
        request.headers.insert(AUTHORIZATION, auth);
    }
    request.url = target;
    Ok(())
}

/// Whether credentials must not go along: another host, or another port or scheme, other than
/// from plain to secure on the usual ports.
fn leaves(from: &Address, to: &Address) -> bool {
    let usual = |address: &Address| address.port() == address.usual_port();
    let upgraded = !from.secure && to.secure && usual(from) && usual(to);
    from.host != to.host || (!upgraded && (from.secure != to.secure || from.port() != to.port()))
}

/// The value of a header, in the bytes of [`header_bytes`].
pub(super) fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&header_bytes(text)).ok()
}

/// A text in ISO-8859-1, or in UTF-8 where that cannot hold it.
fn header_bytes(text: &str) -> Vec<u8> {
    let latin1: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
    latin1.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// The header for a user and password.
pub(super) fn basic_auth(user: &str, password: &str) -> Option<HeaderValue> {
    let pair = header_bytes(&format!("{user}:{password}"));
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
            let address = |text| Address::parse(text, "").unwrap();
            let leaves = leaves(&address(from), &address(to));
            assert_eq!(leaves, expected, "{from} {to}");
        }
    }

    #[test]
    fn operating_system_errors_become_fragments() {
        assert_eq!(words(&io::Error::from_raw_os_error(111)), "connection refused");
        assert_eq!(words(&io::Error::other("TLS is off")), "TLS is off");
    }
}
