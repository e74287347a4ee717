//! Against servers that answer byte for byte what a test says.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;

use fracas_model::ActivityKind::{Action, Probe};
use fracas_model::Policy;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{Ears, activity, carry_out, problems, problems_with};

/// A server that gives each connection the next of these answers and keeps the requests.
struct Server {
    port: u16,
    requests: Rc<RefCell<Vec<String>>>,
}

/// What a server does with a connection once it has a request.
#[derive(Clone)]
enum Reply {
    Bytes(Vec<u8>),
    Silence,
}

fn text(reply: &str) -> Reply {
    Reply::Bytes(reply.replace('\n', "\r\n").into_bytes())
}

async fn serve(replies: Vec<Reply>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { port: listener.local_addr().unwrap().port(), requests: Rc::default() };
    let requests = server.requests.clone();
    tokio::task::spawn_local(async move {
        let mut held = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            requests.borrow_mut().push(request);
            match reply {
                Reply::Bytes(bytes) => stream.write_all(&bytes).await.unwrap(),
                Reply::Silence => held.push(stream),
            }
        }
        std::future::pending::<()>().await;
    });
    server
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if count == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert!(count > 0, "the connection ended in the middle of a request");
    }
}

/// Runs a test on the kind of runtime that a run uses.
fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

async fn call(server: &Server, mut provider: Value) -> Result<Value, Failure> {
    provider["url"] =
        json!(format!("http://127.0.0.1:{}{}", server.port, provider["url"].as_str().unwrap_or("/")));
    let kind = if provider["method"].is_null() { Probe } else { Action };
    let failure = carry_out(&Http::new(), &activity(kind, &provider)).await;
    failure.map_err(|failure| Failure {
        error: failure.error.replace(&server.port.to_string(), "PORT"),
        ..failure
    })
}

fn request_of(server: &Server, index: usize) -> String {
    server.requests.borrow()[index].replace(&server.port.to_string(), "PORT").replace("\r\n", "\n")
}

#[test]
fn output_keeps_the_servers_header_names() {
    local(async {
        let interim = "HTTP/1.1 103 Early Hints\nLink: </a>\n\n";
        let reply = "HTTP/1.1 200 OK\nX-CaSe: a\ncontent-type: text/plain; charset=utf-8\nset-cookie: a=1\n\
                     Set-Cookie: b=2\nContent-Length: 4\n\néo!";
        let server = serve(vec![text(&format!("{interim}{reply}"))]).await;
        let output =
            call(&server, json!({"url": "/a?b=1", "arguments": {"q": "x y", "n": 1}})).await.unwrap();
        assert_eq!(
            output,
            json!({"status": 200, "headers": {
                "X-CaSe": "a", "content-type": "text/plain; charset=utf-8", "set-cookie": "a=1, b=2",
                "Content-Length": "4",
            }, "body": "éo!"})
        );
        let names: Vec<&String> = output["headers"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["X-CaSe", "content-type", "set-cookie", "Content-Length"]);
        insta::assert_snapshot!(request_of(&server, 0).replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r"
        GET /a?b=1&q=x+y&n=1 HTTP/1.1
        Host: 127.0.0.1:PORT
        User-Agent: fracas/VERSION
        Accept-Encoding: gzip, deflate
        Accept: */*
        Connection: keep-alive
        ");
    });
}

#[test]
fn json_only_with_exactly_that_content_type() {
    local(async {
        let with = |content_type: &str| {
            text(&format!(
                "HTTP/1.1 201 Created\nContent-Type: {content_type}\nContent-Length: 8\n\n{{\"b\": 1}}"
            ))
        };
        let server = serve(vec![with("application/json"), with("application/json; charset=utf-8")]).await;
        let post = json!({"method": "post", "arguments": {"a": [1, "é"]}, "headers": {"Content-Type": "application/json"}});
        assert_eq!(call(&server, post).await.unwrap()["body"], json!({"b": 1}));
        let form = json!({"method": "PUT", "arguments": {"a": [1, "é"]}});
        assert_eq!(call(&server, form).await.unwrap()["body"], json!("{\"b\": 1}"));
        assert!(
            request_of(&server, 0).ends_with("Content-Length: 20\n\n{\"a\": [1, \"\\u00e9\"]}"),
            "{}",
            request_of(&server, 0)
        );
        let form = request_of(&server, 1);
        assert!(form.starts_with("PUT / HTTP/1.1\n"));
        assert!(form.contains("\nContent-Type: application/x-www-form-urlencoded\n"), "{form}");
        assert!(form.ends_with("\n\na=1&a=%C3%A9"), "{form}");
    });
}

#[test]
fn redirects_change_methods_and_drop_credentials() {
    local(async {
        let other = serve(vec![text("HTTP/1.1 204 No Content\n\n")]).await;
        let away =
            format!("HTTP/1.1 307 Temporary Redirect\nLocation: http://127.0.0.1:{}/end#x\n\n", other.port);
        let hop = text("HTTP/1.1 302 Found\nLocation: /next\nContent-Length: 0\n\n");
        let server = serve(vec![hop, text(&away)]).await;
        let headers = json!({"Authorization": "Bearer t", "X-Mine": "1"});
        let post = json!({"method": "POST", "arguments": {"a": 1}, "headers": headers});
        let output = call(&server, post).await.unwrap();
        assert_eq!(output, json!({"status": 204, "headers": {}, "body": ""}));
        let second = request_of(&server, 1);
        assert!(second.starts_with("GET /next HTTP/1.1\n") && second.contains("\nAuthorization: Bearer t\n"));
        assert!(!second.contains("Content-"), "{second}");
        let last = request_of(&other, 0);
        assert!(last.starts_with("GET /end HTTP/1.1\n") && last.contains("X-Mine: 1"));
        assert!(!last.contains("Authorization"), "{last}");
    });
}

#[test]
fn redirects_end() {
    local(async {
        let server = serve(vec![text("HTTP/1.1 301 Moved\nLocation: /\nContent-Length: 0\n\n"); 31]).await;
        let failure = call(&server, json!({})).await.unwrap_err();
        assert_eq!(
            failure.error,
            "the call to http://127.0.0.1:PORT/ failed: it redirects more than 30 times"
        );
        assert_eq!(server.requests.borrow().len(), 31);
    });
}

#[test]
fn bodies_are_unpacked() {
    local(async {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all("packed".as_bytes()).unwrap();
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all("packed".as_bytes()).unwrap();
        let packed = |encoding: &str, body: Vec<u8>| {
            let head = format!("HTTP/1.0 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
            Reply::Bytes([head.into_bytes(), body].concat())
        };
        let gzip = gzip.finish().unwrap();
        let replies = [
            packed("gzip", gzip.clone()),
            packed("deflate", deflate.finish().unwrap()),
            packed("gzip", [&gzip[..10], b"\xff\xff\xff\xff"].concat()),
        ];
        let server = serve(replies.to_vec()).await;
        for _ in 0..2 {
            assert_eq!(call(&server, json!({})).await.unwrap()["body"], "packed");
        }
        let error = call(&server, json!({})).await.unwrap_err().error;
        assert!(error.contains("body cannot be unpacked"), "{error}");
    });
}

#[test]
fn failures_say_whether_the_request_may_have_arrived() {
    local(async {
        let replies = vec![
            text("not http at all\n\n"),
            text("HTTP/1.1 200 OK\nContent-Length: 10\n\nshort"),
            Reply::Bytes(Vec::new()),
            text("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 1\n\n{"),
            text("HTTP/1.1 302 Found\nLocation: ftp://x/\nContent-Length: 0\n\n"),
            Reply::Silence,
        ];
        let count = replies.len();
        let server = serve(replies).await;
        let mut lines = Vec::new();
        for _ in 0..count {
            let failure = call(&server, json!({"method": "POST", "timeout": [5, 0.2]})).await.unwrap_err();
            lines.push(format!("{:?} {}", failure.happened, failure.error));
        }
        drop(server);
        insta::assert_snapshot!(lines.join("\n"));
    });
}

#[test]
fn a_refused_connection_changed_nothing() {
    local(async {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://me:secret@127.0.0.1:{port}/x");
        let failure = carry_out(&Http::new(), &activity(Action, &json!({"url": url, "method": "POST"})))
            .await
            .unwrap_err();
        assert_eq!(
            failure.error,
            format!("failed to connect to http://me@127.0.0.1:{port}/x: connection refused")
        );
        assert_eq!(failure.happened, Happened::No);
    });
}

#[test]
fn get_is_tried_again_and_post_is_not() {
    local(async {
        let (lost, cut) = (Reply::Bytes(Vec::new()), text("HTTP/1.1 200 OK\nContent-Length: 10\n\nshort"));
        let whole = text("HTTP/1.1 200 OK\nContent-Length: 2\n\nok");
        let server = serve(vec![lost.clone(), whole, lost, cut]).await;
        assert_eq!(call(&server, json!({"max_retries": 1})).await.unwrap()["body"], "ok");
        let failure = call(&server, json!({"max_retries": 1, "method": "POST"})).await.unwrap_err();
        assert_eq!(failure.happened, Happened::Maybe);
        // An answer that has begun is not asked for again.
        let failure = call(&server, json!({"max_retries": 1})).await.unwrap_err();
        assert!(
            failure.error.ends_with("closed the connection before its answer was complete"),
            "{failure:?}"
        );
    });
}

#[test]
fn a_busy_server_says_when_to_come_back() {
    local(async {
        let busy =
            |when: &str| text(&format!("HTTP/1.1 503 Busy\nRetry-After: {when}\nContent-Length: 0\n\n"));
        let whole = text("HTTP/1.1 200 OK\nContent-Length: 2\n\nok");
        let past = "Wed, 21 Oct 2015 07:28:00 GMT";
        let server =
            serve(vec![busy("0"), busy(past), whole, busy("0"), busy("0"), busy("0"), busy("soon")]).await;
        assert_eq!(call(&server, json!({"max_retries": 2})).await.unwrap()["body"], "ok");
        assert_eq!(call(&server, json!({"max_retries": 1})).await.unwrap()["status"], 503);
        assert_eq!(call(&server, json!({"max_retries": 1, "method": "POST"})).await.unwrap()["status"], 503);
        let failure = call(&server, json!({"max_retries": 1})).await.unwrap_err();
        assert!(
            failure.error.ends_with("the answer's Retry-After is neither seconds nor a date"),
            "{failure:?}"
        );
    });
}

#[test]
fn cookies_follow_redirects() {
    local(async {
        let set = "HTTP/1.1 302 Found\nSet-Cookie: a=1; Path=/\nSet-Cookie: b=2; Path=/in\nLocation: /in/x\nContent-Length: 0\n\n";
        let unset =
            "HTTP/1.1 302 Found\nSet-Cookie: a=; Path=/; Max-Age=0\nLocation: /in/y\nContent-Length: 0\n\n";
        let server = serve(vec![text(set), text(unset), text("HTTP/1.1 204 No Content\n\n")]).await;
        call(&server, json!({"headers": {"Cookie": "own=0"}})).await.unwrap();
        let cookie = |index| {
            request_of(&server, index).lines().find(|line| line.starts_with("Cookie")).map(str::to_owned)
        };
        assert_eq!(
            [cookie(0), cookie(1), cookie(2)].map(Option::unwrap),
            ["Cookie: own=0", "Cookie: b=2; a=1", "Cookie: b=2"]
        );
    });
}

#[test]
fn a_body_without_end_is_refused() {
    local(async {
        let endless = text("HTTP/1.1 200 OK\n\n0123456789");
        let server = serve(vec![endless]).await;
        let url = Address::parse(&format!("http://127.0.0.1:{}/", server.port), "").unwrap();
        let provider = activity(Probe, &json!({"url": url.to_string()})).provider;
        let request = Request { limit: 9, ..request(&provider, &Values::default()).unwrap() };
        let trouble = Http::new().client.send(request).await.map(drop).unwrap_err();
        assert_eq!(trouble.text, "the answer's body is larger than 9 bytes");
        assert_eq!(trouble.stage, Stage::Unexpected);
    });
}

#[test]
fn a_refusal_without_tolerance_is_worth_a_warning() {
    local(async {
        let server = serve(vec![text("HTTP/1.1 503 Busy\nContent-Length: 0\n\n"); 2]).await;
        let (values, ears) = (Values::default(), Ears::default());
        let context = Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" };
        let url = format!("http://127.0.0.1:{}/", server.port);
        let mut activity = activity(Probe, &json!({"url": url}));
        let output = Http::new().carry_out(&activity, &context).await.unwrap();
        assert_eq!(output["status"], 503);
        activity.document["tolerance"] = json!(503);
        Http::new().carry_out(&activity, &context).await.unwrap();
        let line = "the server answered with status 503, which may mean that it refused";
        assert_eq!(*ears.lines.borrow(), [(Level::Warning, line.to_owned())]);
        assert!(refusal(503, &Policy::CHAOS_TOOLKIT).starts_with("This HTTP call returned a response"));
    });
}

#[test]
fn values_reach_the_request() {
    local(async {
        let server = serve(vec![text("HTTP/1.1 200 OK\nContent-Length: 0\n\n")]).await;
        let configuration = json!({"port": server.port, "wait": 5, "user": "ann"});
        let secrets = [("api".to_owned(), json!({"token": "t0p"}))].into_iter().collect();
        let values = Values {
            configuration: configuration.as_object().unwrap().clone(),
            secrets,
            ..Values::default()
        };
        let provider = json!({
            "url": "http://127.0.0.1:${port}/$user", "headers": {"X-Token": "${token}", "Accept": null},
            "timeout": "${wait}", "method": "DELETE", "arguments": {"u": "${user}"},
        });
        let context = Context { values: &values, policy: &Policy::FRACAS, tell: &Ears::default(), place: "" };
        Http::new().carry_out(&activity(Action, &provider), &context).await.unwrap();
        insta::assert_snapshot!(request_of(&server, 0).replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r"
        DELETE /ann HTTP/1.1
        Host: 127.0.0.1:PORT
        User-Agent: fracas/VERSION
        Accept-Encoding: gzip, deflate
        X-Token: t0p
        Connection: keep-alive
        Content-Type: application/x-www-form-urlencoded
        Content-Length: 5

        u=ann
        ");
    });
}

#[test]
fn fetches_a_document() {
    local(async {
        let found = text("HTTP/1.1 404 No\nContent-Type: text/html; charset=utf-8\nContent-Length: 3\n\né!");
        let server = serve(vec![found]).await;
        let url = format!("http://127.0.0.1:{}/e.json", server.port);
        let fetched = fetch(&url, true, &[("X-A".into(), "b".into())]).await.unwrap();
        let content_type = "text/html; charset=utf-8".to_owned();
        assert_eq!(fetched, Fetched { status: 404, content_type, text: "é!".into() });
        assert!(request_of(&server, 0).contains("\nX-A: b\n"));
        assert_eq!(fetch("nowhere", true, &[]).await.unwrap_err().happened, Happened::No);
    });
}

#[test]
fn check_finds_every_mistake() {
    let text = r#"{"type": "http", "url": "localhost:8000", "metod": "GET", "method": 5, "headers": {"X": 1},
        "timeout": [1], "arguments": [1], "verify_tls": 3, "max_retries": -1}"#;
    insta::assert_snapshot!(problems(&Http::new(), Probe, text));
    assert!(problems(&Http::new(), Probe, r#"{"type": "http"}"#).contains("needs a `url`"));
    let open = r#"{"type": "http", "url": "${base}/x", "timeout": "${t}", "method": "POST",
        "headers": {"Content-Type": "${x}"}, "arguments": 5}"#;
    assert_eq!(problems(&Http::new(), Probe, open), "");
}

#[test]
fn check_judges_what_values_become() {
    let configuration = json!({"port": 99999, "seconds": "3", "none": 5, "method": "GET"});
    let values = Values { configuration: configuration.as_object().unwrap().clone(), ..Values::default() };
    let text = r#"{"type": "http", "url": "http://localhost:${port}/", "timeout": "${seconds}",
        "headers": {"X": "${none}"}, "arguments": "${none}", "method": "${method}"}"#;
    insta::assert_snapshot!(problems_with(&Http::new(), Probe, text, &values));
}

/// The port of a server that answers `ok` over TLS, once for each connection.
async fn serve_tls(connections: usize) -> u16 {
    let certificates = CertificateDer::pem_slice_iter(include_bytes!("testdata/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(certificates.map(Result::unwrap).collect(), key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn_local(async move {
        for _ in 0..connections {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            // The smallest request is longer than this.
            stream.read_exact(&mut [0; 16]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    port
}

#[test]
fn servers_have_to_prove_who_they_are() {
    local(async {
        let port = serve_tls(5).await;
        let call = async |host: &str, verify: Value| {
            let provider = json!({"url": format!("https://{host}:{port}/"), "verify_tls": verify});
            carry_out(&Http::new(), &activity(Probe, &provider)).await
        };
        let bundle = json!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/testdata/ca.pem"));
        assert_eq!(call("localhost", bundle.clone()).await.unwrap()["body"], "ok");
        assert_eq!(call("127.0.0.1", bundle).await.unwrap()["body"], "ok");
        assert_eq!(call("127.0.0.1", json!(false)).await.unwrap()["body"], "ok");
        let failure = call("127.0.0.1", json!("/dev/null")).await.unwrap_err();
        assert!(failure.error.ends_with("no TLS root certificates found in /dev/null"), "{}", failure.error);
        // A folder of other roots would do as well; the server's own certificate is no root here.
        let other = json!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/testdata/server.pem"));
        let failure = call("127.0.0.1", other).await.unwrap_err();
        assert!(failure.error.contains("invalid peer certificate"), "{}", failure.error);
    });
}

/// All through one proxy, but some hosts.
fn proxied(address: &str, direct: &str) -> Proxies {
    Proxies::of(|name| match name {
        "all_proxy" => Some(address.to_owned()),
        "no_proxy" => Some(direct.to_owned()),
        _ => None,
    })
}

#[test]
fn proxies_pass_requests_on() {
    local(async {
        let ok = text("HTTP/1.1 200 OK\nContent-Length: 2\n\nok");
        let proxy = serve(vec![ok, text("HTTP/1.1 407 Proxy Authentication Required\n\n")]).await;
        let address = format!("http://me:pw@127.0.0.1:{}", proxy.port);
        let proxies = proxied(&address, "direct.invalid");
        let http = Http { client: Client::new(proxies) };
        let plain = activity(Probe, &json!({"url": "http://user@far.invalid/x?y=1"}));
        assert_eq!(carry_out(&http, &plain).await.unwrap()["body"], "ok");
        let request = request_of(&proxy, 0);
        assert!(
            request.starts_with("GET http://far.invalid/x?y=1 HTTP/1.1\nHost: far.invalid\n"),
            "{request}"
        );
        assert!(request.contains("\nProxy-Authorization: Basic bWU6cHc=\n"), "{request}");
        let secure = activity(Probe, &json!({"url": "https://far.invalid/x"}));
        let failure = carry_out(&http, &secure).await.unwrap_err();
        let refusal =
            "the proxy refused to connect to far.invalid:443: HTTP/1.1 407 Proxy Authentication Required";
        assert!(failure.error.ends_with(refusal), "{}", failure.error);
        let request = request_of(&proxy, 1);
        assert!(
            request.starts_with("CONNECT far.invalid:443 HTTP/1.1\nHost: far.invalid:443\n"),
            "{request}"
        );
        let direct = activity(Probe, &json!({"url": "http://direct.invalid/"}));
        let failure = carry_out(&http, &direct).await.unwrap_err();
        assert!(failure.error.contains("failed to lookup address"), "{}", failure.error);
    });
}

#[test]
fn a_tunnel_through_a_proxy_is_secure() {
    local(async {
        let port = serve_tls(1).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::task::spawn_local(async move {
            let (mut near, _) = listener.accept().await.unwrap();
            read_request(&mut near).await;
            let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            near.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
        let http = Http { client: Client::new(proxied(&address, "")) };
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/testdata/ca.pem");
        let provider = json!({"url": "https://localhost:1/", "verify_tls": bundle});
        assert_eq!(carry_out(&http, &activity(Probe, &provider)).await.unwrap()["body"], "ok");
    });
}

#[test]
fn a_proxy_that_refuses_is_named() {
    local(async {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let address = format!("http://me:pw@127.0.0.1:{closed}");
        let proxies = proxied(&address, "");
        let http = Http { client: Client::new(proxies) };
        for url in ["http://far.invalid/", "https://far.invalid/"] {
            let activity = activity(Probe, &json!({"type": "http", "url": url}));
            let failure = carry_out(&http, &activity).await.unwrap_err();
            let start = format!("failed to connect to {url}: cannot connect to the proxy 127.0.0.1:{closed}");
            assert!(failure.error.starts_with(&start), "{}", failure.error);
            assert!(failure.error.ends_with(": connection refused"), "{}", failure.error);
            assert_eq!(failure.happened, Happened::No);
        }
    });
}

#[test]
fn a_fetch_ends_when_nobody_answers() {
    local(async {
        let server = serve(vec![Reply::Silence]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Nobody accepts here, so TLS is never completed.
        let silent = listener.local_addr().unwrap().port();
        for url in [format!("http://127.0.0.1:{}/", server.port), format!("https://127.0.0.1:{silent}/")] {
            let failure = fetch_within(Duration::from_millis(300), &url, false, &[]).await.unwrap_err();
            assert_eq!(failure.error, format!("{url} did not answer within 0 seconds"));
        }
    });
}

#[test]
fn json_with_nan_stays_text() {
    local(async {
        let reply = "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 10\n\n{\"a\": NaN}";
        let server = serve(vec![text(reply)]).await;
        let provider = json!({"type": "http", "url": format!("http://127.0.0.1:{}/", server.port)});
        let (values, ears) = (Values::default(), Ears::default());
        let activity = activity(Probe, &provider);
        let context = Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" };
        let output = Http::new().carry_out(&activity, &context).await.unwrap();
        assert_eq!(output["body"], json!("{\"a\": NaN}"));
        let line = "the answer's body is kept as a text: it holds NaN or Infinity, which JSON does not have";
        assert_eq!(ears.lines.into_inner(), [(Level::Warning, line.to_owned())]);
    });
}
