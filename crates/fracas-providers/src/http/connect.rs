//! Opens connections: addresses, proxies, TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use http::uri::Scheme;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use url::Url;

use super::Seconds;
use super::client::words;

/// How a server has to prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verify {
    /// By the machine's roots, or those that `REQUESTS_CA_BUNDLE` names.
    Roots,
    /// By the roots in this file or folder.
    Bundle(String),
    /// Not at all.
    Nothing,
}

/// An open way to a server.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// An open way to a server, and how requests on it name their target.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    /// Set when a proxy reads the requests: they name the whole URL and carry this header.
    pub(super) through_proxy: Option<Option<http::HeaderValue>>,
}

/// Opens connections; TLS is set up when the first one needs it.
pub(super) struct Connector {
    proxies: Matcher,
    verified: OnceCell<Arc<ClientConfig>>,
    unverified: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    /// A connector that goes through these proxies.
    pub(super) fn new(proxies: Matcher) -> Connector {
        Connector { proxies, verified: OnceCell::new(), unverified: OnceCell::new() }
    }

    /// A connection that is ready for a request to the URL; `patience` bounds each wait for the
    /// other side.
    pub(super) async fn connect(
        &self,
        url: &Url,
        verify: &Verify,
        patience: Seconds,
    ) -> io::Result<Connection> {
        let uri: http::Uri = url.as_str().parse().map_err(io::Error::other)?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let Some(proxy) = self.proxies.intercept(&uri) else {
            let stream = open(host(url), port(url), patience).await?;
            return self.finish(stream, url, verify, patience).await;
        };
        let (proxy_host, proxy_port) =
            (proxy.uri().host().unwrap_or_default(), proxy.uri().port_u16().unwrap_or(80));
        let opened = open(proxy_host, proxy_port, patience).await;
        let mut stream = opened.map_err(|error| no_proxy(&error, proxy_host, proxy_port, secure))?;
        if secure {
            let tunnel = tunnel(&mut stream, url, proxy.basic_auth());
            patience.bound(tunnel).await??;
            return self.finish(stream, url, verify, patience).await;
        }
        Ok(Connection { stream: Box::new(stream), through_proxy: Some(proxy.basic_auth().cloned()) })
    }

    async fn finish(
        &self,
        stream: TcpStream,
        url: &Url,
        verify: &Verify,
        patience: Seconds,
    ) -> io::Result<Connection> {
        if url.scheme() != "https" {
            return Ok(Connection { stream: Box::new(stream), through_proxy: None });
        }
        let name = ServerName::try_from(host(url).to_owned()).map_err(io::Error::other)?;
        let config = self.tls(verify).await?;
        let stream = patience.bound(TlsConnector::from(config).connect(name, stream)).await??;
        Ok(Connection { stream: Box::new(stream), through_proxy: None })
    }

    async fn tls(&self, verify: &Verify) -> io::Result<Arc<ClientConfig>> {
        match verify {
            Verify::Roots => self.verified.get_or_try_init(async || verified(roots()?)).await.cloned(),
            Verify::Nothing => self.unverified.get_or_try_init(async || unverified()).await.cloned(),
            Verify::Bundle(path) => verified(bundle(path)?),
        }
    }
}

/// Tries each address of the host in turn, as long as patience lasts for each.
async fn open(host: &str, port: u16, patience: Seconds) -> io::Result<TcpStream> {
    let mut last = None;
    for address in tokio::net::lookup_host((host, port)).await? {
        match patience.bound(TcpStream::connect(address)).await.and_then(|connected| connected) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
}

/// Users forget that they have a proxy, so the error names it and what named it.
fn no_proxy(error: &io::Error, host: &str, port: u16, secure: bool) -> io::Error {
    let own = if secure { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let mut variables = own.into_iter().chain(["ALL_PROXY", "all_proxy"]);
    let named = variables.find(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()));
    let by = named.map(|name| format!(", which {name} names")).unwrap_or_default();
    io::Error::new(error.kind(), format!("cannot connect to the proxy {host}:{port}{by}: {}", words(error)))
}

/// Asks a proxy to pass bytes on to the URL's host.
async fn tunnel(stream: &mut TcpStream, url: &Url, auth: Option<&http::HeaderValue>) -> io::Result<()> {
    let target = format!("{}:{}", url.host_str().unwrap_or_default(), port(url));
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(auth) = auth {
        request.extend([b"Proxy-Authorization: ", auth.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await?;
    // Byte by byte, for what follows the head belongs to TLS.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65536 {
        head.push(stream.read_u8().await?);
    }
    let line =
        String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    if line.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        return Ok(());
    }
    Err(io::Error::other(format!("the proxy refused to connect to {target}: {line}")))
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn port(url: &Url) -> u16 {
    // Only http and https URLs come here, and both have a default.
    url.port_or_known_default().unwrap_or(80)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verified(roots: RootCertStore) -> io::Result<Arc<ClientConfig>> {
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = versions.map_err(io::Error::other)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn unverified() -> io::Result<Arc<ClientConfig>> {
    let versions = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = versions.map_err(io::Error::other)?.dangerous();
    let verifier = Arc::new(AcceptAnything(provider().signature_verification_algorithms));
    Ok(Arc::new(builder.with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// The roots of the machine; `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` name others, and
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured by the loader itself.
fn roots() -> io::Result<RootCertStore> {
    let named = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].iter().find_map(|name| std::env::var(name).ok());
    match named.filter(|path| !path.is_empty()) {
        Some(path) => bundle(&path),
        None => store(rustls_native_certs::load_native_certs(), "this machine"),
    }
}

fn bundle(path: &str) -> io::Result<RootCertStore> {
    let path = Path::new(path);
    let (file, folder) = if path.is_dir() { (None, Some(path)) } else { (Some(path), None) };
    store(rustls_native_certs::load_certs_from_paths(file, folder), &path.display().to_string())
}

fn store(loaded: rustls_native_certs::CertificateResult, place: &str) -> io::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(loaded.certs);
    if !store.is_empty() {
        return Ok(store);
    }
    let why = loaded.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
    Err(io::Error::other(format!("no TLS root certificates found in {place}{why}")))
}

/// For `verify_tls: false`.
#[derive(Debug)]
struct AcceptAnything(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
