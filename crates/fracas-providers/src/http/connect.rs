//! Opens connections: addresses, proxies, TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::Seconds;
use super::address::Address;
use super::client::{basic_auth, words};
use super::proxies::{Named, Proxies};

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
    pub(super) through_proxy: Option<Option<HeaderValue>>,
}

/// Why a connection did not open.
#[derive(Debug)]
pub(super) struct NotOpen {
    pub(super) error: io::Error,
    /// Whether the server was there, but its side of TLS took too long.
    pub(super) silent: bool,
    /// Whether no server can help it: what would prove who it is, or the proxy's name, is no good.
    pub(super) hopeless: bool,
}

impl From<io::Error> for NotOpen {
    fn from(error: io::Error) -> NotOpen {
        NotOpen { error, silent: false, hopeless: false }
    }
}

impl NotOpen {
    fn hopeless(error: io::Error) -> NotOpen {
        NotOpen { error, silent: false, hopeless: true }
    }
}

/// Opens connections; TLS is set up when the first one needs it.
pub(super) struct Connector {
    proxies: Proxies,
    verified: OnceCell<Arc<ClientConfig>>,
    unverified: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    /// A connector that goes through these proxies.
    pub(super) fn new(proxies: Proxies) -> Connector {
        Connector { proxies, verified: OnceCell::new(), unverified: OnceCell::new() }
    }

    /// A connection that is ready for a request to the address; `patience` bounds each wait for
    /// the other side.
    pub(super) async fn connect(
        &self,
        address: &Address,
        verify: &Verify,
        patience: Seconds,
    ) -> Result<Connection, NotOpen> {
        if address.secure {
            check_bundle(verify).map_err(NotOpen::hopeless)?;
        }
        let Some(named) = self.proxies.get(address) else {
            let stream = Box::new(open(&address.host, address.port(), patience).await?);
            let stream = self.secured(stream, address, verify, patience).await?;
            return Ok(Connection { stream, through_proxy: None });
        };
        let (proxy, auth) = proxy(named).map_err(NotOpen::hopeless)?;
        let opened = open(&proxy.host, proxy.port(), patience).await;
        let stream = Box::new(opened.map_err(|error| no_proxy(&error, &proxy, &named.by))?);
        let mut stream = self.secured(stream, &proxy, verify, patience).await?;
        if !address.secure {
            return Ok(Connection { stream, through_proxy: Some(auth) });
        }
        patience.bound(tunnel(&mut stream, address, auth.as_ref())).await??;
        let stream = self.secured(stream, address, verify, patience).await?;
        Ok(Connection { stream, through_proxy: None })
    }

    /// The same way, with TLS on it if the address wants it.
    async fn secured(
        &self,
        stream: Box<dyn Stream>,
        address: &Address,
        verify: &Verify,
        patience: Seconds,
    ) -> Result<Box<dyn Stream>, NotOpen> {
        if !address.secure {
            return Ok(stream);
        }
        let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
        let config = self.tls(verify).await?;
        let shaking = patience.bound(TlsConnector::from(config).connect(name, stream));
        let late = |error| NotOpen { error, silent: true, hopeless: false };
        Ok(Box::new(shaking.await.map_err(late)??))
    }

    async fn tls(&self, verify: &Verify) -> Result<Arc<ClientConfig>, NotOpen> {
        let config = match verify {
            Verify::Roots => self.verified.get_or_try_init(async || verified(roots()?)).await.cloned()?,
            Verify::Nothing => self.unverified.get_or_try_init(async || unverified()).await.cloned()?,
            Verify::Bundle(path) => verified(bundle(path)?)?,
        };
        Ok(config)
    }
}

/// A proxy's own address, and the header that names its user.
fn proxy(named: &Named) -> io::Result<(Address, Option<HeaderValue>)> {
    let whole = if named.address.contains("://") {
        named.address.clone()
    } else {
        format!("http://{}", named.address)
    };
    let address = Address::parse(&whole, "").map_err(|_| {
        io::Error::other(format!(
            "{} names no proxy that speaks HTTP: only http:// and https:// are supported",
            named.by
        ))
    })?;
    let auth = address.user_and_password().and_then(|(user, password)| basic_auth(&user, &password));
    Ok((address, auth))
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
fn no_proxy(error: &io::Error, proxy: &Address, by: &str) -> io::Error {
    let place = proxy.host_and_port();
    io::Error::new(
        error.kind(),
        format!("cannot connect to the proxy {place}, which {by} names: {}", words(error)),
    )
}

/// Asks a proxy to pass bytes on to the address's host.
async fn tunnel(
    stream: &mut Box<dyn Stream>,
    address: &Address,
    auth: Option<&HeaderValue>,
) -> io::Result<()> {
    let target = address.host_and_port();
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

/// The roots of the machine, if the environment names no others. `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` are honoured by the loader itself.
fn roots() -> io::Result<RootCertStore> {
    match named_bundle() {
        Some(path) => bundle(&path),
        None => store(rustls_native_certs::load_native_certs(), "this machine"),
    }
}

/// The roots that the environment names.
fn named_bundle() -> Option<String> {
    let named = |name: &&str| std::env::var(name).ok().filter(|path| !path.is_empty());
    ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].iter().find_map(named)
}

fn check_bundle(verify: &Verify) -> io::Result<()> {
    let path = match verify {
        Verify::Roots => named_bundle(),
        Verify::Bundle(path) => Some(path.clone()),
        Verify::Nothing => None,
    };
    match path.filter(|path| !Path::new(path).exists()) {
        Some(path) => {
            Err(io::Error::other(format!("there is no file or folder {path} of TLS root certificates")))
        }
        None => Ok(()),
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
