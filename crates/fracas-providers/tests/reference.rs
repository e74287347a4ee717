//! The http and process providers beside Chaos Toolkit's own: the same cases, the same results.

#[path = "../src/testing.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod testing;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use fracas_engine::{Context, Provider, Stop, Values};
use fracas_model::ActivityKind::Probe;
use fracas_model::Policy;
use fracas_providers::{Http, Process, REAP, reap_main};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use testing::{Ears, activity};

/// One case a line: the provider, and maybe configuration and secrets. `BASE` is the server's
/// address, `USERBASE` the same with a user in it, `LOCALBASE` its host and port by another name.
const CASES: &str = include_str!("reference/cases.json");

const NETRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/netrc");

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == REAP) {
        reap_main();
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("NETRC").is_none_or(|path| path != NETRC) {
        return with_environment();
    }
    let test = Trial::test("results_are_those_of_chaos_toolkit", compare);
    libtest_mimic::run(&Arguments::from_args(), vec![test]).exit_code()
}

/// The same test in an environment of its own.
fn with_environment() -> ExitCode {
    let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let status = command.args(std::env::args_os().skip(1)).env("NETRC", NETRC).status();
    if status.expect("the test runs itself").success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compare() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("127.0.0.1:{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    // Takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let local = base.replace("127.0.0.1", "localhost");
    let cases =
        CASES.replace("LOCALBASE", &local).replace("TLSBASE", &format!("https://{}", silent.local_addr()?));
    let cases = cases.replace("USERBASE", &format!("http://me:pa%20ss@{base}"));
    let cases: Vec<Value> = serde_json::from_str(&cases.replace("BASE", &format!("http://{base}")))?;
    let expected = reference(&cases)?;
    println!("{} cases of the http and process providers", cases.len());
    let mut differences = String::new();
    for (case, expected) in cases.iter().zip(&expected) {
        let ours = ours(case);
        if comparable(expected) != comparable(&ours) {
            differences += &format!("{case}\n  reference: {expected}\n  fracas:    {ours}\n");
        }
    }
    if expected.len() != cases.len() {
        Err("the reference left cases out".into())
    } else if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.into())
    }
}

/// A result as text, for the order of headers counts; of a failure to connect only the part that
/// is not the library's own words, and of an error that aborts a run only that it is one.
fn comparable(result: &Value) -> String {
    if result.get("unexpected").is_some() {
        return "unexpected".to_owned();
    }
    match result["failed"].as_str() {
        Some(text) if text.starts_with("failed to connect to ") => text.split(": ").take(1).collect(),
        _ => result.to_string(),
    }
}

fn reference(cases: &[Value]) -> Result<Vec<Value>, Failed> {
    let python = std::env::var("FRACAS_PYTHON")
        .map_err(|_| "FRACAS_PYTHON is not set: run through `cargo xtask test`")?;
    let mut command = Command::new(python);
    command.args(["-c", include_str!("reference/run.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    serde_json::to_writer(&mut stdin, cases)?;
    drop(stdin);
    let output = child.wait_with_output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn ours(case: &Value) -> Value {
    let as_map = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let values = Values {
        configuration: as_map(&case["configuration"]),
        secrets: as_map(&case["secrets"]).into_iter().collect(),
        ..Values::default()
    };
    let (http, process) = (Http::new(), Process::new());
    let provider: &dyn Provider = if case["provider"]["type"] == "http" { &http } else { &process };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let activity = activity(Probe, &case["provider"]);
    let ears = Ears::default();
    let context = Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" };
    match runtime.block_on(provider.carry_out(&activity, &context)) {
        Ok(output) => json!({"output": output}),
        Err(failure) if ears.stops.borrow().contains(&Stop::Abort) => json!({"unexpected": failure.error}),
        Err(failure) => json!({"failed": failure.error}),
    }
}

/// Answers one request by its path.
fn answer(mut stream: TcpStream) {
    let Some((head, body)) = read_request(&stream) else { return };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let reply: Vec<u8> = match path {
        "/json" => plain("200 OK\r\nContent-Type: application/json", b"{\"a\": [1, 1.5, null, \"\\u00e9\"]}"),
        "/json-charset" => plain("200 OK\r\nContent-Type: application/json; charset=utf-8", b"{\"a\": 1}"),
        "/latin" => plain("200 OK\r\nContent-Type: text/plain", b"\xe9t\xe9 \x80"),
        "/utf8-html" => plain("200 OK\r\nContent-Type: text/html; charset=UTF-8", "été \u{1f600}".as_bytes()),
        "/gbk" => plain("200 OK\r\nContent-Type: text/html; charset=GBK", b"\xc4\xe3\xba\xc3"),
        "/gzip" => plain("200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip", &gzip(b"packed")),
        "/gzip-cut" => plain("200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip", &gzip(b"packed")[..15]),
        "/gzip-broken" => plain("200 OK\r\nContent-Encoding: gzip", b"not gzip"),
        "/gzip-more" => plain("200 OK\r\nContent-Encoding: gzip", &[gzip(b"packed"), b"trailing".to_vec()].concat()),
        "/gzip-twice" => plain("200 OK\r\nContent-Encoding: gzip", &[gzip(b"one "), gzip(b"two")].concat()),
        "/gzip-gzip" => plain("200 OK\r\nContent-Encoding: gzip, gzip", &gzip(&gzip(b"packed"))),
        "/br" => plain("200 OK\r\nContent-Encoding: br\r\nContent-Type: text/plain", b"left as it is"),
        "/json-latin" => plain("200 OK\r\nContent-Type: application/json", b"{\"a\": \"\xe9\"}"),
        "/json-broken" => plain("200 OK\r\nContent-Type: application/json", b"{\"a\": "),
        "/json-empty" => plain("200 OK\r\nContent-Type: application/json", b""),
        "/json-upper" => plain("200 OK\r\nContent-Type: Application/JSON", b"[1]"),
        "/json-number" => plain("200 OK\r\nContent-Type: application/json", b" 1.50 "),
        "/json-twice" => plain("200 OK\r\nContent-Type: application/json", b"{\"a\": 1, \"b\": 2, \"a\": 3}"),
        "/bom" => plain("200 OK\r\nContent-Type: application/xml", "\u{feff}<a>\u{e9}</a>".as_bytes()),
        "/bom-text" => plain("200 OK\r\nContent-Type: text/xml; charset=utf-8", "\u{feff}<a/>".as_bytes()),
        "/utf16" => plain("200 OK\r\nContent-Type: application/xml", b"\xff\xfeh\0i\0"),
        "/utf16-named" => plain("200 OK\r\nContent-Type: text/xml; charset=UTF-16", b"\xff\xfeh\0i\0"),
        "/ascii" => plain("200 OK\r\nContent-Type: text/plain; charset=us-ascii", b"a\xe9b"),
        "/charset-empty" => plain("200 OK\r\nContent-Type: text/plain; charset=", "\u{e9}".as_bytes()),
        "/charset-unknown" => plain("200 OK\r\nContent-Type: text/plain; charset=no-such", "\u{e9}".as_bytes()),
        "/charset-odd" => plain("200 OK\r\nContent-Type: text/plain; a; CharSet = 'utf-8' ; b=c", "\u{e9}".as_bytes()),
        "/utf8" => plain("200 OK\r\nContent-Type: application/octet-stream", "été, naïve, garçon".as_bytes()),
        "/json-suffix" => plain("200 OK\r\nContent-Type: application/json;x=y", "{\"é\": 1}".as_bytes()),
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_vec(),
        "/chunked-short" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_vec(),
        "/chunked-broken" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab".to_vec(),
        "/slow-body" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow");
            return std::thread::sleep(Duration::from_secs(600));
        }
        "/continue" => b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
        "/loop" => plain("302 Found\r\nLocation: /loop", b""),
        "/to-ftp" => plain("302 Found\r\nLocation: ftp://x/", b""),
        "/to-short" => b"HTTP/1.1 302 Found\r\nLocation: /json\r\nContent-Length: 10\r\n\r\nshort".to_vec(),
        "/to-nowhere" => plain("302 Found\r\nLocation: ", b"stays"),
        "/busy" => plain("503 Busy\r\nRetry-After: 0", b"later"),
        "/busy-garbage" => plain("429 Busy\r\nRetry-After: soon", b"later"),
        "/cookies" => plain("302 Found\r\nSet-Cookie: a=1\r\nSet-Cookie: b=\"x\"; Path=/echo; HttpOnly\r\nSet-Cookie: c=3; Path=/no\r\nSet-Cookie: d; Secure\r\nSet-Cookie: e=5; Max-Age=0\r\nSet-Cookie: f=6; Expires=Wed, 21-Oct-2015 07:28:00 GMT\r\nSet-Cookie: g=7; Domain=example.com\r\nLocation: /echo/x?a=[1] 2", b""),
        "/no-type" => plain("200 OK", b"only ascii here"),
        "/headers" => plain("200 OK\r\nX-oDD: 1\r\nx-twice: a\r\nX-Twice: b\r\nX-Empty:\r\nX-Byte: é\r\nX-Spaces:   s", b""),
        "/chunked" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n".to_vec(),
        "/until-close" => b"HTTP/1.0 200 Fine\r\nServer: old\r\n\r\nall of it".to_vec(),
        "/empty" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/status/503" => plain("503 Busy", b"later"),
        "/close" => return,
        "/garbage" => b"what is this\r\n\r\n".to_vec(),
        "/silent" => return std::thread::sleep(Duration::from_secs(600)),
        _ if path.starts_with("/to?") => plain(&format!("302 Found\r\nLocation: {}", &path[4..]), b""),
        _ if path.starts_with("/redirect/") => {
            plain(&format!("{} Moved\r\nLocation: ../echo?to=1#part", &path["/redirect/".len()..]), b"gone")
        }
        _ => plain("200 OK\r\nContent-Type: text/plain; charset=utf-8", echo(&head, &body).as_bytes()),
    };
    // The client may have gone.
    let _ = stream.write_all(&reply);
}

/// What was asked, with the headers sorted, but those that differ for a reason.
fn echo(head: &str, body: &str) -> String {
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default();
    let own = |line: &&str| !["User-Agent", "Accept-Encoding"].iter().any(|name| line.starts_with(name));
    let mut headers: Vec<String> = lines.filter(own).map(lower_name).collect();
    headers.sort();
    format!("{first}\n{}\n{body}", headers.join("\n"))
}

/// Names of headers in requests may be written in any case.
fn lower_name(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    format!("{}:{value}", name.to_lowercase())
}

fn plain(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length =
        head.lines().find_map(|line| lower_name(line).strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}
