//! Sends requests and reads whole answers, and says which way sending failed.
//!
//! Nothing of TLS is set up before the first https request: reading the system's roots takes
//! longer than a whole call over http.

use crate::error::{Error, Sent};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// boto3's default for connecting and for each read.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The connections of a run, shared by all scopes. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Transport(Arc<Mutex<HashMap<Kind, SharedHttpConnector>>>);

/// What connections have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    tls: bool,
    connect: Duration,
    read: Duration,
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Sender {
            transport: self.clone(),
            connect: settings.connect_timeout().unwrap_or(TIMEOUT),
            read: settings.read_timeout().unwrap_or(TIMEOUT),
        })
    }
}

#[derive(Debug)]
struct Sender {
    transport: Transport,
    connect: Duration,
    read: Duration,
}

impl HttpConnector for Sender {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = request.uri().to_owned();
        let kind = Kind { tls: url.starts_with("https:"), connect: self.connect, read: self.read };
        let transport = self.transport.clone();
        HttpConnectorFuture::new(async move {
            let connector = transport.connector(kind).map_err(|way| Failure { way, url: url.clone() })?;
            let fail = |way| Failure { way, url: url.clone() };
            let answer = connector.call(request).await.map_err(|error| fail(way(&error)))?;
            Ok(whole(answer, kind.read).await.map_err(fail)?)
        })
    }
}

impl Transport {
    fn connector(&self, kind: Kind) -> Result<SharedHttpConnector, Way> {
        let mut connectors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = connectors.get(&kind) {
            return Ok(known.clone());
        }
        let connector = SharedHttpConnector::new(build(kind)?);
        connectors.insert(kind, connector.clone());
        Ok(connector)
    }
}

fn build(kind: Kind) -> Result<Connector, Way> {
    let settings =
        HttpConnectorSettings::builder().connect_timeout(kind.connect).read_timeout(kind.read).build();
    let builder: ConnectorBuilder =
        Connector::builder().connector_settings(settings).proxy_config(ProxyConfig::from_env());
    if !kind.tls {
        return Ok(builder.build_http());
    }
    let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    Ok(match authorities()? {
        Some(roots) => builder.tls_context(roots).build(),
        None => builder.build(),
    })
}

/// The authorities that `AWS_CA_BUNDLE` names instead of the system's.
fn authorities() -> Result<Option<TlsContext>, Way> {
    let Ok(path) = std::env::var("AWS_CA_BUNDLE") else { return Ok(None) };
    let pem = std::fs::read(&path).map_err(|error| Way::Tls(format!("AWS_CA_BUNDLE {path}: {error}")))?;
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map(Some).map_err(|error| Way::Tls(format!("AWS_CA_BUNDLE {path}: {error}")))
}

/// Reads the body. One that ends before its announced length stays as it is, and is parsed as far
/// as it goes, as botocore does.
async fn whole(mut answer: HttpResponse, patience: Duration) -> Result<HttpResponse, Way> {
    let mut stream = ByteStream::new(answer.take_body());
    let mut body = Vec::new();
    loop {
        match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Err(Way::ReadTimeout),
            Ok(None) => break,
            Ok(Some(Ok(bytes))) => body.extend_from_slice(&bytes),
            Ok(Some(Err(_))) if answer.headers_mut().remove("content-length").is_some() => break,
            Ok(Some(Err(_))) => return Err(Way::Closed),
        }
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

/// The way in which sending failed.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Connect,
    ConnectTimeout,
    ReadTimeout,
    Closed,
    Tls(String),
    Other(String),
}

/// A request that got no whole answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    way: Way,
    url: String,
}

impl Failure {
    /// In botocore's words.
    pub(super) fn error(&self) -> Error {
        let url = &self.url;
        let (class, sent, text) = match &self.way {
            Way::Connect => (
                "EndpointConnectionError",
                Sent::No,
                format!("Could not connect to the endpoint URL: \"{url}\""),
            ),
            Way::ConnectTimeout => {
                ("ConnectTimeoutError", Sent::No, format!("Connect timeout on endpoint URL: \"{url}\""))
            }
            Way::Tls(what) => ("SSLError", Sent::No, format!("SSL validation failed for {url} {what}")),
            Way::ReadTimeout => {
                ("ReadTimeoutError", Sent::Maybe, format!("Read timeout on endpoint URL: \"{url}\""))
            }
            Way::Closed => (
                "ConnectionClosedError",
                Sent::Maybe,
                format!(
                    "Connection was closed before we received a valid response from endpoint URL: \"{url}\"."
                ),
            ),
            Way::Other(what) => (
                "HTTPClientError",
                Sent::Maybe,
                format!("An HTTP Client raised an unhandled exception: {what}"),
            ),
        };
        Error::new(format!("botocore.exceptions.{class}"), sent, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        Self::io(failure.into())
    }
}

/// Finds the way in the error's chain. The stack below has no public types for most of these, only
/// texts; the tests of this crate meet each of them.
fn way(error: &ConnectorError) -> Way {
    let mut chain = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    let says = |what: &str| chain.iter().any(|text| text.contains(what));
    let last = || chain.last().cloned().unwrap_or_default();
    match () {
        () if says("HTTP connect timeout") => Way::ConnectTimeout,
        () if says("HTTP read timeout") => Way::ReadTimeout,
        () if says("certificate") || says("received fatal alert") || says("InvalidMessage") => {
            Way::Tls(last())
        }
        () if says("(Connect)") => Way::Connect,
        () if says("connection closed")
            || says("Connection reset")
            || says("Broken pipe")
            || says("channel closed") =>
        {
            Way::Closed
        }
        () => Way::Other(last()),
    }
}
