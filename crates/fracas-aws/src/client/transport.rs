//! Sends requests and reads whole answers, and says which way sending failed.
//!
//! Nothing of TLS is set up before the first https request: reading the system's roots takes
//! longer than a whole call over http.

use super::save::Save;
use super::settings::Authorities;
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
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// boto3's default for connecting and for each read. The SDK's own is 3.1 s for connecting.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of an answer that are made room for before they come.
const LARGE: usize = 64 * 1024 * 1024;

/// What the length of an answer is called whose body is shorter, or went elsewhere: the runtime would
/// refuse it otherwise.
pub(super) const ANNOUNCED: &str = "fracas-announced-length";

/// The connections of a run, shared by all scopes. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Transport {
    connectors: Arc<Mutex<HashMap<Kind, SharedHttpConnector>>>,
    authorities: Option<Authorities>,
    /// Where the body of an answer goes, if not into memory.
    save: Option<Save>,
}

/// What connections have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    /// None for plain http, else whom to trust: the system's authorities or others.
    tls: Option<Option<Authorities>>,
    connect: Duration,
    read: Duration,
    /// The environment's proxies are used.
    proxied: bool,
}

impl Kind {
    /// The runtime counts the time for an answer from the start of connecting: where both times are
    /// the same, that for connecting is to end first, since it tells that nothing was sent.
    fn answer_by(&self) -> Duration {
        if self.read == self.connect { self.read + Duration::from_secs(1) } else { self.read }
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Sender {
            transport: self.clone(),
            connect: settings.connect_timeout().unwrap_or(TIMEOUT),
            read: settings.read_timeout().unwrap_or(TIMEOUT),
            proxied: true,
        })
    }
}

#[derive(Debug, Clone)]
struct Sender {
    transport: Transport,
    connect: Duration,
    read: Duration,
    proxied: bool,
}

impl HttpConnector for Sender {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sender = self.clone();
        HttpConnectorFuture::new(async move { Ok(sender.exchange(request).await?) })
    }
}

impl Sender {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let url = request.uri().to_owned();
        let Self { transport, connect, read, proxied } = self.clone();
        let tls = url.starts_with("https:").then(|| transport.authorities.clone());
        let fail = |way| Failure { way, url: url.clone() };
        let connector = transport.connector(Kind { tls, connect, read, proxied }).map_err(fail)?;
        let answer = connector.call(request).await.map_err(|error| fail(way(&error)))?;
        whole(answer, read, transport.save.as_ref()).await.map_err(fail)
    }
}

impl Transport {
    /// The same connections for those who trust these authorities, or the system's.
    pub(super) fn trusting(&self, authorities: Option<Authorities>) -> Self {
        Self { authorities, ..self.clone() }
    }

    /// The same connections for an answer whose body goes to a file.
    pub(super) fn saving(&self, save: Option<Save>) -> Self {
        Self { save, ..self.clone() }
    }

    /// Sends one request as it is.
    pub(super) async fn ask(
        &self,
        request: HttpRequest,
        patience: Duration,
        proxied: bool,
    ) -> Result<HttpResponse, Failure> {
        let transport = self.clone();
        Sender { transport, connect: patience, read: patience, proxied }.exchange(request).await
    }

    fn connector(&self, kind: Kind) -> Result<SharedHttpConnector, Way> {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = connectors.get(&kind) {
            return Ok(known.clone());
        }
        let connector = SharedHttpConnector::new(build(&kind)?);
        connectors.insert(kind, connector.clone());
        Ok(connector)
    }
}

fn build(kind: &Kind) -> Result<Connector, Way> {
    let settings =
        HttpConnectorSettings::builder().connect_timeout(kind.connect).read_timeout(kind.answer_by()).build();
    let proxies = if kind.proxied { proxies(kind.tls.is_some())? } else { ProxyConfig::disabled() };
    let builder: ConnectorBuilder = Connector::builder().connector_settings(settings).proxy_config(proxies);
    let Some(authorities) = &kind.tls else { return Ok(builder.build_http()) };
    let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    Ok(match authorities {
        Some(authorities) => builder.tls_context(roots(authorities)?).build(),
        None => builder.build(),
    })
}

/// The proxy for one scheme, from the environment as Python's `urllib.request.getproxies` reads it: small
/// letters count before capitals, and what is empty is unset.
fn proxies(tls: bool) -> Result<ProxyConfig, Way> {
    let scheme = if tls { "https" } else { "http" };
    let Some(url) = proxy_variable(scheme) else { return Ok(ProxyConfig::disabled()) };
    let url = if url.contains("://") { url } else { format!("http://{}", url.trim_start_matches("//")) };
    let made = if tls { ProxyConfig::https(&url) } else { ProxyConfig::http(&url) };
    let proxies = made.map_err(|_| Way::Proxy(masked(&url)))?;
    Ok(proxies.no_proxy(proxy_variable("no").unwrap_or_default()))
}

/// A proxy without the name and the password to log in with.
fn masked(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***:***@{host}"),
        _ => url.to_owned(),
    }
}

fn proxy_variable(name: &str) -> Option<String> {
    let value = |name: String| std::env::var(name).ok();
    // A server that runs CGI programs sets HTTP_PROXY to what a client sent it.
    let is_sent = name == "http" && value("REQUEST_METHOD".to_owned()).is_some();
    let capitals = || value(format!("{}_PROXY", name.to_uppercase())).filter(|_| !is_sent);
    value(format!("{name}_proxy")).or_else(capitals).filter(|value| !value.is_empty())
}

fn roots(Authorities { setting, path }: &Authorities) -> Result<TlsContext, Way> {
    let bad = |what: &dyn fmt::Display| Way::Tls(format!("{setting} {}: {what}", path.display()));
    let text = std::fs::read(path).map_err(|error| bad(&error))?;
    let pem = usable(&text);
    if pem.is_empty() {
        return Err(bad(&"it holds no certificate in PEM"));
    }
    let store = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(store).build().map_err(|error| bad(&error))
}

/// The certificates of a bundle that rustls can use: any other would make the connector panic.
fn usable(bundle: &[u8]) -> Vec<u8> {
    let certificates = CertificateDer::pem_slice_iter(bundle).filter_map(Result::ok);
    let fits =
        |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    let pem = |certificate: CertificateDer| {
        let text = base64::encode(&certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    certificates.filter(fits).map(pem).collect::<String>().into_bytes()
}

/// Reads the body. One that ends before its announced length stays as it is, and is parsed as far
/// as it goes, as botocore does.
async fn whole(
    mut answer: HttpResponse,
    patience: Duration,
    save: Option<&Save>,
) -> Result<HttpResponse, Way> {
    let unwritten = |error| Way::Unwritten(save.map(|save| save.unwritten(&error)).unwrap_or_default());
    let mut saving = save.map(|save| save.begin(&answer)).transpose().map_err(unwritten)?.flatten();
    let length: Option<usize> = answer.headers().get("content-length").and_then(|length| length.parse().ok());
    let mut stream = ByteStream::new(answer.take_body());
    // What is announced is not trusted with more memory than a large answer takes.
    let room = if saving.is_some() { 0 } else { length.unwrap_or(0).min(LARGE) };
    let mut body = Vec::with_capacity(room);
    loop {
        match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Err(Way::ReadTimeout),
            Ok(None) => break,
            Ok(Some(Ok(bytes))) => match &mut saving {
                Some(saving) => saving.add(&bytes).map_err(unwritten)?,
                None => body.extend_from_slice(&bytes),
            },
            Ok(Some(Err(_))) if length.is_some() => break,
            Ok(Some(Err(_))) => return Err(Way::Closed),
        }
    }
    if length.is_some_and(|length| length != body.len())
        && let Some(announced) = answer.headers_mut().remove("content-length")
    {
        answer.headers_mut().insert(ANNOUNCED, announced);
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
    /// The proxy that is configured can be none.
    Proxy(String),
    /// There is an answer, but the file for its body cannot be written.
    Unwritten(String),
    Other(String),
}

/// A request that got no whole answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    way: Way,
    url: String,
}

impl Failure {
    /// Whether another try would fail as well.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.way, Way::Unwritten(_) | Way::Proxy(_))
    }

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
            Way::Proxy(proxy) => {
                ("ProxyConnectionError", Sent::No, format!("Failed to connect to proxy URL: \"{proxy}\""))
            }
            Way::Unwritten(what) => return Error::new("OSError", Sent::Yes, what.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that reads once, writes its answer, and then closes or stays silent.
    async fn server(answer: &'static str, closes: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                _ = socket.read(&mut [0; 4096]).await;
                _ = socket.write_all(answer.as_bytes()).await;
                if !closes {
                    open.push(socket);
                }
            }
        });
        url
    }

    async fn get(url: &str, connect: Duration) -> Result<HttpResponse, (String, Sent)> {
        let sender = Sender {
            transport: Transport::default(),
            connect,
            read: Duration::from_millis(80),
            proxied: true,
        };
        let request = HttpRequest::get(url).expect("a request");
        sender.call(request).await.map_err(|error| {
            let source = error.into_source();
            let error = source.downcast_ref::<Failure>().expect("a failure").error();
            (error.to_string(), error.sent())
        })
    }

    #[tokio::test]
    async fn silence_is_a_read_timeout() {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"] {
            let url = server(answer, false).await;
            let expected = (format!("Read timeout on endpoint URL: \"{url}\""), Sent::Maybe);
            assert_eq!(get(&url, TIMEOUT).await.err(), Some(expected));
        }
    }

    #[tokio::test]
    async fn a_broken_connection_may_have_done_it() {
        for answer in ["", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"] {
            let url = server(answer, true).await;
            let text = "Connection was closed before we received a valid response from endpoint URL:";
            let expected = (format!("{text} \"{url}\"."), Sent::Maybe);
            assert_eq!(get(&url, TIMEOUT).await.err(), Some(expected), "{answer}");
        }
    }

    #[tokio::test]
    async fn half_a_body_is_given_as_it_is() {
        let url = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", true).await;
        let answer = get(&url, TIMEOUT).await.expect("an answer");
        assert_eq!(answer.body().bytes(), Some(&b"ab"[..]));
    }

    #[tokio::test]
    async fn what_never_connected_was_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        drop(listener);
        for url in [url, "http://no-such-host.invalid/".to_owned()] {
            let expected = (format!("Could not connect to the endpoint URL: \"{url}\""), Sent::No);
            assert_eq!(get(&url, TIMEOUT).await.err(), Some(expected));
        }
    }

    #[tokio::test]
    async fn a_connect_timeout_was_not_sent() {
        // A listener whose queue is full drops what comes in.
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let patience = Duration::from_millis(80);
        let mut queued = Vec::new();
        while let Ok(connected) =
            tokio::time::timeout(patience, tokio::net::TcpStream::connect(address)).await
        {
            queued.push(connected.expect("a connection"));
        }
        let url = format!("http://{address}/");
        let expected = (format!("Connect timeout on endpoint URL: \"{url}\""), Sent::No);
        assert_eq!(get(&url, patience).await.err(), Some(expected));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_http_may_have_done_it() {
        let url = server("SSH-2.0-OpenSSH_9.2\r\n", true).await;
        let (text, sent) = get(&url, TIMEOUT).await.expect_err("no HTTP");
        assert_eq!(sent, Sent::Maybe, "{text}");
    }
}
