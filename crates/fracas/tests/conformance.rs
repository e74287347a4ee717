//! Operations beside botocore: the requests that are made of generated parameters, and what is read out of generated
//! answers.
//!
//! A sample of the services runs with the tests, see `conformance.toml`. `FRACAS_CONFORMANCE` names others, with commas
//! between them, or `all`, as `cargo xtask conformance` does. Known differences stand in the same file, each with its
//! reason: one that is not there fails, and so does one that no longer differs.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use support::fracas;

/// `conformance.toml`.
#[derive(Deserialize)]
struct Plan {
    /// Services of the sample, each with why it is in.
    sample: BTreeMap<String, String>,
    difference: Vec<Known>,
}

/// What is known to differ, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// `requests` or `answers`.
    kind: String,
    services: Vec<String>,
    /// All of them where none is named.
    #[serde(default)]
    operations: Vec<String>,
    /// What differs: `url`, `header NAME`, `body`, `error`, `code`, the path of a result.
    parts: BTreeSet<String>,
    reason: String,
}

impl Known {
    fn covers(&self, kind: &str, call: &Call, parts: &BTreeSet<String>) -> bool {
        self.kind == kind
            && self.services.contains(&call.service)
            && (self.operations.is_empty() || self.operations.contains(&call.operation))
            && self.parts == *parts
    }

    /// What of this was seen: each service and operation it names has to.
    fn seen(&self, call: &Call) -> [String; 2] {
        let operation = match self.operations.is_empty() {
            true => "any operation",
            false => &call.operation,
        };
        [call.service.clone(), operation.to_owned()]
    }
}

/// A call, and what came of it with botocore.
struct Call {
    service: String,
    operation: String,
    line: Value,
}

fn plan() -> Plan {
    toml::from_str(include_str!("conformance.toml")).expect("the plan is TOML")
}

/// What differs between botocore's outcome and that of fracas: parts, each with both sides.
type Differences = BTreeMap<String, String>;

/// Makes the calls that a script prints, and compares.
fn compare(kind: &str, script: &str, options: &[&str], differences: fn(&Value, &Value) -> Differences) {
    let plan = plan();
    let wanted = std::env::var("FRACAS_CONFORMANCE").ok();
    let (services, least): (Vec<&str>, _) = match wanted.as_deref() {
        None => (plan.sample.keys().map(String::as_str).collect(), 2_000),
        Some("all") => (Vec::new(), 19_000),
        Some(names) => (names.split(',').collect(), 1),
    };
    let script = scripts().join(script);
    let (proxy, answers) = proxy();
    let mut python = start(Command::new(support::python()).arg("-B").arg(script).args(services), &proxy);
    let botocore = lines(&mut python);
    let mut program = start(Command::new(fracas()).args(["aws", "--batch", "-"]).args(options), &proxy);
    let fracas = lines(&mut program);
    let (calls, fed) = feed(botocore, program.stdin.take().expect("it is piped"), answers);
    let mut tally = Tally::default();
    for found in fracas {
        let call = calls.recv().expect("there is a call for each line");
        let differences = differences(&call.line, &found);
        tally.count(kind, &plan, &call, &found, differences);
    }
    assert!(calls.recv().is_err(), "{kind}: there is a line for each call");
    tally.left_out = fed.join().expect("no thread panicked");
    assert!(python.wait().expect("it ends").success(), "Python failed");
    assert!(program.wait().expect("it ends").success(), "fracas failed");
    tally.tell(kind, &plan, least);
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/botocore")
}

/// With nothing of this machine's.
fn start(command: &mut Command, proxy: &str) -> Child {
    command
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("HTTP_PROXY", proxy),
            ("TZ", "UTC"),
        ])
        .env("HOME", scripts().join("home"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn lines(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let output: ChildStdout = child.stdout.take().expect("it is piped");
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.map(|line| serde_json::from_str(&line).expect("a JSON line"))
}

/// How many calls a script left out, by the reason.
type LeftOut = BTreeMap<String, usize>;

/// Hands the calls on to fracas as they come.
fn feed(
    botocore: impl Iterator<Item = Value> + Send + 'static,
    mut fracas: ChildStdin,
    answers: mpsc::Sender<Value>,
) -> (mpsc::Receiver<Call>, JoinHandle<LeftOut>) {
    let (sender, calls) = mpsc::channel();
    let fed = thread::spawn(move || {
        let mut left_out = LeftOut::new();
        for line in botocore {
            if let Some(reason) = line["left_out"].as_str() {
                *left_out.entry(reason.to_owned()).or_default() += 1;
                continue;
            }
            let mut call = line.clone();
            let fields = call.as_object_mut().expect("an object");
            for outcome in ["request", "result", "error"] {
                fields.remove(outcome);
            }
            if let Some(answer) = fields.remove("answer") {
                answers.send(answer).expect("the proxy waits for answers");
            }
            let text = |name: &str| line[name].as_str().expect("text").to_owned();
            let told = Call { service: text("service"), operation: text("operation"), line };
            if sender.send(told).is_err() || writeln!(fracas, "{call}").is_err() {
                break;
            }
        }
        left_out
    });
    (calls, fed)
}

/// A proxy that gives each call the next of the answers that are sent to it, whatever host is asked for.
fn proxy() -> (String, mpsc::Sender<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, answers) = mpsc::channel();
    let answers = Arc::new(Mutex::new(Answers { answers, invocation: String::new(), last: Vec::new() }));
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answers = answers.clone();
            // The client may go away at any time.
            thread::spawn(move || _ = serve(&socket, &answers));
        }
    });
    (format!("http://{address}"), sender)
}

/// What is still to be answered.
struct Answers {
    answers: mpsc::Receiver<Value>,
    /// The call that was answered last: when it is tried again, it gets the same answer.
    invocation: String,
    last: Vec<u8>,
}

impl Answers {
    fn to(&mut self, invocation: String) -> &[u8] {
        if self.invocation != invocation {
            let answer = self.answers.recv().expect("there is an answer for each call");
            (self.invocation, self.last) = (invocation, written(&answer));
        }
        &self.last
    }
}

/// An answer as it goes over the wire.
fn written(answer: &Value) -> Vec<u8> {
    let headers = answer["headers"].as_object().expect("headers");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let headers = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", text(value)));
    let head = format!("HTTP/1.1 {} Some\r\n{}\r\n", answer["status"], headers.collect::<String>());
    [head.into_bytes(), STANDARD.decode(text(&answer["body_base64"])).expect("base64")].concat()
}

/// Answers the requests of one connection.
fn serve(mut socket: &TcpStream, answers: &Mutex<Answers>) -> io::Result<()> {
    let mut requests = BufReader::new(socket);
    loop {
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                // The line of the request, or the end of the head.
                if line.trim_end().is_empty() { break } else { continue }
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        io::copy(&mut requests.by_ref().take(length.unwrap_or(0)), &mut io::sink())?;
        let invocation = headers.remove("amz-sdk-invocation-id").expect("calls have an id");
        socket.write_all(answers.lock().expect("no thread panicked").to(invocation))?;
    }
}

/// What was counted.
#[derive(Default)]
struct Tally {
    calls: usize,
    same: usize,
    services: BTreeSet<String>,
    operations: BTreeSet<[String; 2]>,
    differing: BTreeSet<[String; 2]>,
    /// How many calls each known difference covers, by its place in the plan.
    known: BTreeMap<usize, usize>,
    seen: BTreeSet<(usize, [String; 2])>,
    left_out: LeftOut,
    unknown: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn count(&mut self, kind: &str, plan: &Plan, call: &Call, found: &Value, differences: Differences) {
        let operation = [call.service.clone(), call.operation.clone()];
        self.calls += 1;
        self.services.insert(call.service.clone());
        self.operations.insert(operation.clone());
        if differences.is_empty() {
            self.same += 1;
            return;
        }
        self.differing.insert(operation);
        let parts = differences.keys().cloned().collect();
        match plan.difference.iter().position(|known| known.covers(kind, call, &parts)) {
            Some(place) => {
                *self.known.entry(place).or_default() += 1;
                self.seen.insert((place, plan.difference[place].seen(call)));
            }
            None => {
                let class = format!("{} {:?}", call.service, parts);
                self.unknown.entry(class).or_default().push(example(call, found, &differences));
            }
        }
    }

    /// Prints the numbers, and fails where the plan and they are not the same.
    fn tell(&self, kind: &str, plan: &Plan, least: usize) {
        let operations = self.operations.len();
        println!(
            "conformance: {kind}: {} of {} calls; {} of {operations} operations of {} services wholly",
            self.same,
            self.calls,
            operations - self.differing.len(),
            self.services.len()
        );
        for (place, count) in &self.known {
            let known = &plan.difference[*place];
            println!("conformance:   {count} {kind} of {}: {}", known.services.join(", "), known.reason);
        }
        for (reason, count) in &self.left_out {
            println!("conformance:   {count} {kind} left out: {reason}");
        }
        let gone = self.gone(kind, plan);
        assert!(gone.is_empty(), "known differences that no longer differ: {gone:#?}");
        let unknown: Vec<_> = self
            .unknown
            .iter()
            .map(|(class, found)| format!("{} x {class}\n{}", found.len(), found[0]))
            .collect();
        assert!(unknown.is_empty(), "{kind} that differ:\n{}", unknown.join("\n"));
        assert!(operations >= least, "{operations} operations are fewer than there were");
    }

    fn gone(&self, kind: &str, plan: &Plan) -> Vec<String> {
        let mut gone = Vec::new();
        for (place, known) in plan.difference.iter().enumerate().filter(|(_, known)| known.kind == kind) {
            let any = [String::from("any operation")];
            let operations = if known.operations.is_empty() { &any[..] } else { &known.operations };
            for service in known.services.iter().filter(|service| self.services.contains(*service)) {
                for operation in operations {
                    if !self.seen.contains(&(place, [service.clone(), operation.clone()])) {
                        gone.push(format!("{service} {operation} {:?}", known.parts));
                    }
                }
            }
        }
        gone
    }
}

fn example(call: &Call, found: &Value, differences: &Differences) -> String {
    let cut = |text: String| text.chars().take(700).collect::<String>();
    let lines = differences.iter().map(|(part, sides)| cut(format!("  {part}: {sides}")));
    let params = format!("  {} {}", call.operation, call.line["params"]);
    let error = found.get("error").map(|error| cut(format!("  {error}")));
    std::iter::once(cut(params)).chain(lines).chain(error).collect::<Vec<_>>().join("\n")
}

/// Notes a part whose sides are not the same.
fn note(differences: &mut Differences, part: &str, botocore: &str, fracas: &str) {
    if botocore != fracas {
        differences.insert(part.to_owned(), format!("botocore {botocore:?}\n    fracas   {fracas:?}"));
    }
}

/// Where one side failed: whether both did, with the same words and the service's same code.
fn errors(botocore: &Value, fracas: &Value) -> Option<Differences> {
    let mut differences = Differences::new();
    let (theirs, ours) = (&botocore["error"], &fracas["error"]);
    if theirs.is_null() && ours.is_null() {
        return None;
    }
    let text = |error: &Value| error["message"].as_str().unwrap_or("no error").to_owned();
    note(&mut differences, "error", &text(theirs), &text(ours));
    if let Some(code) = theirs["code"].as_str() {
        note(&mut differences, "code", code, ours["code"].as_str().unwrap_or("no code"));
    }
    Some(differences)
}

/// Headers that tell of the client, of the moment, or follow from the rest.
const OWN_HEADERS: [&str; 7] = [
    "user-agent",
    "x-amz-user-agent",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "x-amz-date",
    "host",
];

fn request_differences(botocore: &Value, fracas: &Value) -> Differences {
    if let Some(differences) = errors(botocore, fracas) {
        return differences;
    }
    let (botocore, fracas) = (&botocore["request"], &fracas["request"]);
    let mut differences = Differences::new();
    let text = |value: &Value| value.as_str().unwrap_or("nothing").to_owned();
    for part in ["method", "url"] {
        note(
            &mut differences,
            part,
            &without_chance(&text(&botocore[part])),
            &without_chance(&text(&fracas[part])),
        );
    }
    let headers = |request: &Value| request["headers"].as_object().cloned().unwrap_or_default();
    let (ours, theirs) = (headers(fracas), headers(botocore));
    let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let (their_body, our_body) = (body(botocore), body(fracas));
    // The signature in a body is as long as its escapes are.
    let own_length = our_body.contains("SignatureVersion=2").then_some("content-length");
    let own = |name: &str| OWN_HEADERS.contains(&name) || own_length == Some(name);
    for name in names.into_iter().filter(|name| !own(name)) {
        let [theirs, ours] = [&theirs, &ours]
            .map(|headers| without_chance(&text(&headers.get(name).cloned().unwrap_or_default())));
        note(&mut differences, &format!("header {name}"), &theirs, &ours);
    }
    note(&mut differences, "signature", &signature(&theirs), &signature(&ours));
    note(&mut differences, "body", &without_chance(&their_body), &without_chance(&our_body));
    differences
}

/// A byte becomes a character, so that every body is text.
fn body(request: &Value) -> String {
    match request["body_base64"].as_str() {
        Some(body) => STANDARD.decode(body).expect("base64").into_iter().map(char::from).collect(),
        None => request["body"].as_str().expect("a body").bytes().map(char::from).collect(),
    }
}

/// Tokens that are drawn, and what a presigned URL tells of the moment.
fn without_chance(text: &str) -> String {
    thread_local! {
        static CHANCE: [Regex; 3] = [
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "&(Timestamp|Signature)=[^&]*",
            "X-Amz-(Date|Signature|Credential)(%3D[^%&]*|=[^&]*)",
        ].map(|pattern| Regex::new(pattern).expect("a pattern"));
    }
    CHANCE.with(|chance| {
        chance.iter().fold(text.to_owned(), |text, part| part.replace_all(&text, "CHANCE").into_owned())
    })
}

/// The algorithm and the scope: region, service.
fn signature(headers: &serde_json::Map<String, Value>) -> String {
    let Some(text) = headers.get("authorization").and_then(Value::as_str) else { return "none".to_owned() };
    let (algorithm, rest) = text.split_once(' ').unwrap_or((text, ""));
    let scope = rest.split(',').next().unwrap_or_default().splitn(3, '/').nth(2).unwrap_or_default();
    format!("{algorithm} {scope}")
}

fn answer_differences(botocore: &Value, fracas: &Value) -> Differences {
    errors(botocore, fracas).unwrap_or_else(|| {
        let mut differences = Differences::new();
        differing(&mut differences, "", &botocore["result"], &fracas["result"]);
        differences
    })
}

/// Notes the paths at which two results differ.
fn differing(differences: &mut Differences, path: &str, botocore: &Value, fracas: &Value) {
    match (botocore, fracas) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let names: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
            for name in names {
                let [theirs, ours] = [theirs, ours].map(|side| side.get(name).unwrap_or(&Value::Null));
                let dot = if path.is_empty() { "" } else { "." };
                differing(differences, &format!("{path}{dot}{name}"), theirs, ours);
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (theirs, ours) in theirs.iter().zip(ours) {
                differing(differences, &format!("{path}[]"), theirs, ours);
            }
        }
        _ => note(differences, path, &botocore.to_string(), &fracas.to_string()),
    }
}

#[test]
fn requests_are_made_as_botocore_makes_them() {
    compare("requests", "sent_requests.py", &["--print-request"], request_differences);
}

#[test]
fn answers_are_read_as_botocore_reads_them() {
    compare("answers", "read_answers.py", &[], answer_differences);
}
