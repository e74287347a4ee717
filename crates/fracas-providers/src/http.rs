//! The `http` provider: one request to a server, its answer as the output.
//!
//! Source: `chaoslib.provider.http`, which builds on `requests`.

mod address;
mod body;
mod client;
mod connect;
mod cookies;
mod netrc;
mod proxies;
mod tap;

use std::time::Duration;

use bytes::Bytes;
use fracas_engine::{Context, MAX_SOURCE_BYTES, Provider, Stop, Surroundings, Tell, Values};
use fracas_model::{
    Activity, ActivityKind, Failure, Happened, Level, Node, Policy, Problem, Problems, python,
};
use futures_util::future::{LocalBoxFuture, ready};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

use crate::text;
use address::Address;
use client::{Answer, Client, Request, Seconds, Stage, Trouble};
use connect::Verify;
use proxies::Proxies;

const KEYS: [&str; 9] =
    ["type", "url", "method", "headers", "timeout", "arguments", "verify_tls", "max_retries", "secrets"];

const USER_AGENT_TEXT: &str = concat!("fracas/", env!("CARGO_PKG_VERSION"));

/// Carries out `http` activities.
pub struct Http {
    client: Client,
}

impl Http {
    /// A provider that has not connected to anything yet. It goes through the proxies that
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    pub fn new() -> Http {
        Http { client: Client::new(proxies()) }
    }
}

fn proxies() -> Proxies {
    Proxies::of(|name| std::env::var(name).ok())
}

impl Default for Http {
    fn default() -> Http {
        Http::new()
    }
}

impl Http {
    /// Looks for mistakes, without waiting for anything.
    fn look(&self, activity: &Activity, surroundings: &Surroundings<'_>, problems: &mut Problems) {
        let provider = &activity.provider;
        text::check_keys(provider, "an http", &KEYS, problems);
        if provider.get("url").is_none_or(Node::is_null) {
            let problem = Problem::error(text::place(provider), "an http activity needs a `url`");
            let problem = problem.words("a HTTP activity must have a URL");
            problems.push(problem.help("add the address to call: \"url\": \"http://...\""));
        }
        for (key, rule) in RULES {
            if let Some(node) = provider.get(key).filter(|node| !node.is_null()) {
                check_key(node, key, *rule, surroundings.values, problems);
            }
        }
        check_arguments(provider, surroundings.values, problems);
    }
}

impl Provider for Http {
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        surroundings: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        self.look(activity, surroundings, problems);
        Box::pin(ready(()))
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let request = request(&activity.provider, context.values).map_err(|error| {
                context.tell.stop(Stop::Abort);
                not_sent(error)
            })?;
            let sent = self.client.send(request).await;
            let answer = sent.map_err(|trouble| failure(trouble, activity, context))?;
            if activity.document.get("tolerance").is_none() && answer.status.as_u16() > 399 {
                context.tell.log(Level::Warning, refusal(answer.status.as_u16(), context.policy));
            }
            output(answer, context.tell).map_err(|error| {
                context.tell.stop(Stop::Abort);
                let help = "the answer's Content-Type says application/json".to_owned();
                Failure { error, help, happened: happened(activity, Happened::Yes), progress: None }
            })
        })
    }
}

/// A warning about a status that may be no success.
fn refusal(status: u16, policy: &Policy) -> String {
    if policy.own_warnings {
        return format!("the server answered with status {status}, which may mean that it refused");
    }
    "This HTTP call returned a response with a HTTP status code above 400. This may indicate some error \
     and not what you expected. Please have a look at the logs."
        .to_owned()
}

/// A document fetched over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The status of the answer.
    pub status: u16,
    /// Its `Content-Type`, or empty.
    pub content_type: String,
    /// Its body, decoded by its charset.
    pub text: String,
}

/// How long a document may take, redirects included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches a document of at most [`MAX_SOURCE_BYTES`], following redirects.
///
/// # Errors
///
/// When the URL is none or no complete answer comes within 30 seconds; any status is an answer.
pub async fn fetch(url: &str, verify_tls: bool, headers: &[(String, String)]) -> Result<Fetched, Failure> {
    fetch_within(FETCH_TIMEOUT, url, verify_tls, headers).await
}

async fn fetch_within(
    patience: Duration,
    url: &str,
    verify_tls: bool,
    headers: &[(String, String)],
) -> Result<Fetched, Failure> {
    let map = headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    let url = Address::parse(url, "").map_err(not_sent)?;
    let request = Request {
        method: Method::GET,
        headers: with_auth(parse_headers(&Value::Object(map)).map_err(not_sent)?, &url),
        url,
        body: Bytes::new(),
        verify: if verify_tls { Verify::Roots } else { Verify::Nothing },
        connect_timeout: Seconds(None),
        read_timeout: Seconds(None),
        retries: 0,
        limit: MAX_SOURCE_BYTES,
    };
    let name = request.url.shown();
    let client = Client::new(proxies());
    let sent = tokio::time::timeout(patience, client.send(request)).await;
    let sent = sent.map_err(|_| Failure {
        error: format!("{name} did not answer within {} seconds", patience.as_secs()),
        help: "check the address, and that the server answers this machine".to_owned(),
        happened: Happened::No,
        progress: None,
    })?;
    let answer = sent.map_err(|trouble| {
        let failed = if trouble.sent { "cannot fetch" } else { "failed to connect to" };
        not_sent(format!("{failed} {name}: {}", trouble.text))
    })?;
    let content_type = answer.header("content-type").unwrap_or_default().to_owned();
    Ok(Fetched {
        status: answer.status.as_u16(),
        text: body::text(Some(&content_type), answer.body),
        content_type,
    })
}

/// Checks the value of one key.
type Rule = fn(&Value) -> Result<(), String>;

const RULES: &[(&str, Rule)] = &[
    ("url", |value| parse_url(value, "").map(drop)),
    ("method", |value| parse_method(value).map(drop)),
    ("headers", |value| parse_headers(value).map(drop)),
    ("timeout", |value| parse_timeout(value).map(drop)),
    ("verify_tls", |value| parse_verify(value).map(drop)),
    ("max_retries", |value| parse_retries(value).map(drop)),
];

/// What may hold a `${name}`; the other keys are taken as they are.
const SUBSTITUTED: [&str; 3] = ["url", "headers", "timeout"];

/// What Chaos Toolkit says of headers that are no object.
const HEADERS_ARE_NONE: &str = "a HTTP activities expect headers as a mapping";

fn check_key(node: &Node, key: &str, rule: Rule, values: &Values, problems: &mut Problems) {
    let mut value = node.to_json();
    if SUBSTITUTED.contains(&key) {
        value = values.substitute(&value);
        if text::is_open(&value) {
            return;
        }
    }
    if let Err(message) = rule(&value) {
        let words = if key == "headers" && !value.is_object() { HEADERS_ARE_NONE } else { "" };
        problems.push(Problem::error(node.span, message).words(words).playable());
    }
}

fn check_arguments(provider: &Node, values: &Values, problems: &mut Problems) {
    let Some(node) = provider.get("arguments") else { return };
    let arguments = values.substitute_arguments(&node.to_json());
    let headers = provider.get("headers").map(|headers| values.substitute(&headers.to_json()));
    let unsettled = text::is_open(&arguments) || headers.as_ref().is_some_and(text::is_open);
    if unsettled || sends_json(provider.get("method").and_then(Node::as_str), headers) {
        return;
    }
    if let Err(error) = body::pairs(&arguments) {
        let message = format!("`arguments` cannot be sent as they are: {error}");
        let help = "only requests whose Content-Type is application/json can carry any JSON";
        problems.push(Problem::error(node.span, message).help(help).playable());
    }
}

/// Whether arguments go as a JSON body.
fn sends_json(method: Option<&str>, headers: Option<Value>) -> bool {
    let get = method.is_none_or(|method| method.eq_ignore_ascii_case("GET"));
    let content_type = headers.as_ref().and_then(|headers| headers.get("Content-Type"));
    !get && content_type.and_then(Value::as_str) == Some("application/json")
}

/// The request that an activity asks for.
fn request(provider: &Node, values: &Values) -> Result<Request, String> {
    let raw = |key: &str| provider.get(key).map_or(Value::Null, Node::to_json);
    let resolved = |key: &str| values.substitute(&raw(key));
    let method = parse_method(&raw("method"))?;
    let headers = resolved("headers");
    let (connect_timeout, read_timeout) = parse_timeout(&resolved("timeout"))?;
    let arguments = values.substitute_arguments(&raw("arguments"));
    let query = if method == Method::GET { body::pairs(&arguments)? } else { String::new() };
    let url = parse_url(&resolved("url"), &query)?;
    let as_json = sends_json(Some(method.as_str()), Some(headers.clone()));
    let mut headers = with_auth(parse_headers(&headers)?, &url);
    let body = if method == Method::GET { Bytes::new() } else { encode(&arguments, as_json, &mut headers)? };
    Ok(Request {
        method,
        url,
        headers,
        body,
        verify: parse_verify(&raw("verify_tls"))?,
        connect_timeout,
        read_timeout,
        retries: provider.get("max_retries").map_or(Ok(0), |node| parse_retries(&node.to_json()))?,
        limit: text::MAX_BYTES,
    })
}

fn encode(arguments: &Value, as_json: bool, headers: &mut HeaderMap) -> Result<Bytes, String> {
    if as_json && !arguments.is_null() {
        return Ok(Bytes::from(python::to_json(arguments)));
    }
    let form = body::pairs(arguments)?;
    if !form.is_empty() && !arguments.is_string() {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.entry(CONTENT_TYPE).or_insert(form_type);
    }
    Ok(Bytes::from(form))
}

fn parse_url(value: &Value, query: &str) -> Result<Address, String> {
    let text =
        value.as_str().ok_or_else(|| format!("`url` must be a text, got {}", python::to_repr(value)))?;
    Address::parse(text, query)
}

fn parse_method(value: &Value) -> Result<Method, String> {
    let name = match value {
        Value::Null => "GET",
        Value::String(name) => name,
        _ => "",
    };
    let method = Method::from_bytes(name.to_uppercase().as_bytes());
    method.map_err(|_| "`method` must be the name of an HTTP method, such as GET".to_owned())
}

/// The headers that are sent: the usual ones, and over them the activity's. A null takes a usual
/// one away, but those that no request goes without.
fn parse_headers(value: &Value) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
    let given = match value {
        Value::Null => &Map::new(),
        Value::Object(map) => map,
        _ => return Err("`headers` must be an object of names and texts".to_owned()),
    };
    for (key, value) in given {
        let name =
            HeaderName::from_bytes(key.as_bytes()).map_err(|_| format!("`{key}` cannot name a header"))?;
        match value {
            Value::Null if name == ACCEPT_ENCODING => {
                drop(headers.insert(name, HeaderValue::from_static("identity")));
            }
            Value::Null if name == USER_AGENT => {}
            Value::Null => drop(headers.remove(name)),
            Value::String(text) => drop(headers.insert(name, header_value(key, text)?)),
            _ => return Err(format!("the header `{key}` must be a text: write its value in quotes")),
        }
    }
    // It is that of the body, whatever somebody thought.
    headers.remove(CONTENT_LENGTH);
    Ok(headers)
}

/// The value itself is never shown: it may be a password.
fn header_value(name: &str, text: &str) -> Result<HeaderValue, String> {
    let value = client::header_value(text).filter(|_| !text.starts_with(char::is_whitespace));
    value.ok_or_else(|| format!("the value of the header `{name}` has characters no header may have"))
}

/// The user and password of `.netrc`, else of the URL, win over a header, as in `requests`.
fn with_auth(mut headers: HeaderMap, url: &Address) -> HeaderMap {
    let login = netrc::login(&url.host).or_else(|| url.user_and_password());
    if let Some(auth) = login.and_then(|(user, password)| client::basic_auth(&user, &password)) {
        headers.insert(AUTHORIZATION, auth);
    }
    headers
}

/// The bounds on connecting and on each wait for an answer.
fn parse_timeout(value: &Value) -> Result<(Seconds, Seconds), String> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [connect, read] => Ok((parse_seconds(connect)?, parse_seconds(read)?)),
            _ => Err("`timeout` must be seconds, or a list of two: to connect and to read".to_owned()),
        },
        value => parse_seconds(value).map(|seconds| (seconds, seconds)),
    }
}

fn parse_seconds(value: &Value) -> Result<Seconds, String> {
    if value.is_null() {
        return Ok(Seconds(None));
    }
    let seconds = value.as_f64().filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64);
    match seconds {
        Some(Ok(duration)) => Ok(Seconds(Some(duration))),
        _ => Err(format!("`timeout` must be a number of seconds above 0, got {}", python::to_repr(value))),
    }
}

fn parse_verify(value: &Value) -> Result<Verify, String> {
    match value {
        Value::Null | Value::Bool(true) => Ok(Verify::Roots),
        Value::Bool(false) => Ok(Verify::Nothing),
        Value::String(path) => Ok(Verify::Bundle(path.clone())),
        _ => Err("`verify_tls` must be true, false or the path of a bundle of certificates".to_owned()),
    }
}

/// How often to try again; null means `urllib3`'s own default.
fn parse_retries(value: &Value) -> Result<u64, String> {
    let retries = match value {
        Value::Null => Some(3),
        Value::Bool(on) => Some(u64::from(*on)),
        value => value.as_u64(),
    };
    retries.ok_or_else(|| "`max_retries` must be a whole number from 0".to_owned())
}

fn output(answer: Answer, tell: &dyn Tell) -> Result<Value, String> {
    let status = answer.status.as_u16();
    let content_type = answer.header("content-type").map(str::to_owned);
    let body = if content_type.as_deref() == Some("application/json") {
        match body::from_json(answer.body) {
            Ok(value) => value,
            Err(body::NotJson::Broken(error)) => {
                return Err(format!("the server's answer is not JSON: {error}"));
            }
            Err(body::NotJson::Beyond(why, text)) => {
                tell.log(Level::Warning, format!("the answer's body is kept as a text: {why}"));
                Value::String(text)
            }
        }
    } else {
        Value::String(body::text(content_type.as_deref(), answer.body))
    };
    Ok(text::object([("status", status.into()), ("headers", answer.headers.into()), ("body", body)]))
}

fn failure(trouble: Trouble, activity: &Activity, context: &Context<'_>) -> Failure {
    let happened = happened(activity, if trouble.sent { Happened::Maybe } else { Happened::No });
    let name = named(&activity.provider, context.values);
    let text = match trouble.python {
        Some(words) if !context.policy.own_warnings => words,
        _ => trouble.text,
    };
    let (error, help) = match trouble.stage {
        Stage::TooLong => (
            "activity took too long to complete".to_owned(),
            "raise the provider's `timeout`, or look at why the server is slow",
        ),
        Stage::Connecting | Stage::Waiting | Stage::Reading => (
            format!("failed to connect to {name}: {text}"),
            "check that the server runs and that this machine reaches it",
        ),
        Stage::Unexpected => {
            context.tell.stop(Stop::Abort);
            (format!("the call to {name} failed: {text}"), "")
        }
    };
    Failure { error, help: help.to_owned(), happened, progress: None }
}

/// The activity's URL with its configuration filled in, but not its secrets, nor a password.
fn named(provider: &Node, values: &Values) -> String {
    let public = Values { configuration: values.configuration.clone(), ..Values::default() };
    let text = python::to_str(&public.substitute(&provider.get("url").map_or(Value::Null, Node::to_json)));
    match Address::parse(&text, "") {
        Ok(address) if !address.auth.is_empty() => address.shown(),
        _ => text,
    }
}

/// A probe changes nothing, whatever becomes of its request.
fn happened(activity: &Activity, of_an_action: Happened) -> Happened {
    match activity.kind {
        ActivityKind::Probe => Happened::No,
        ActivityKind::Action => of_an_action,
    }
}

fn not_sent(error: String) -> Failure {
    Failure { error, help: String::new(), happened: Happened::No, progress: None }
}

#[cfg(test)]
mod tests;
