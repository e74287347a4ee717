//! What the channels of the settings are told, and that they never change a run.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};
use support::{fracas, python};

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request said: its first line, its headers in lower case, and its body.
struct Request {
    line: String,
    headers: String,
    body: Value,
}

/// A server that takes requests and answers with this status; without one, it never answers.
fn server(status: Option<u16>) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let stream = take(stream, &sender);
            match status {
                Some(status) => answer(stream, status),
                None => held.push(stream),
            }
        }
    });
    (address, requests)
}

fn take(stream: TcpStream, sender: &Sender<Request>) -> TcpStream {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request has lines");
        line.trim_end().to_owned()
    };
    let line = next();
    let headers: Vec<String> = std::iter::from_fn(|| Some(next()).filter(|line| !line.is_empty())).collect();
    let headers = headers.join("\n").to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).expect("a request has its body");
    let body = serde_json::from_slice(&body).unwrap_or_default();
    // A test that has seen enough listens no more.
    let _ = sender.send(Request { line, headers, body });
    reader.into_inner()
}

fn answer(mut stream: TcpStream, status: u16) {
    let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

fn run(folder: &Path, settings: &Value, arguments: &[&str]) -> Output {
    fs::write(folder.join("settings.yaml"), settings.to_string()).expect("the folder is ours");
    let mut command = Command::new(fracas());
    command.args(["--settings", "settings.yaml", "--verbose"]).args(arguments).current_dir(folder);
    command
        .env("HOME", folder)
        .env_remove("XDG_STATE_HOME")
        .env("PYTHONPATH", folder)
        .arg("--python")
        .arg(python());
    command.output().expect("fracas starts")
}

fn experiment(folder: &Path) {
    let echo = json!({"type": "process", "path": "echo", "arguments": "${token}", "secrets": ["group"]});
    let experiment = json!({
        "title": "t", "description": "d", "secrets": {"group": {"token": "my-secret-token"}},
        "method": [{"type": "action", "name": "a", "provider": echo}],
    });
    fs::write(folder.join("experiment.json"), experiment.to_string()).expect("the folder is ours");
}

#[test]
fn servers_are_told_what_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    experiment(folder.path());
    let (all, requests) = server(Some(200));
    let (some, ended) = server(Some(500));
    let channels = json!({"notifications": [
        {"type": "http", "url": format!("http://{all}/all"), "headers": {"Authorization": "Bearer $$t"}},
        {"type": "http", "url": format!("http://{some}/"), "forward_event_payload": false, "events": ["run-completed"]},
        {"type": "http"},
        {"type": "pigeon"},
    ]});
    let output = run(folder.path(), &channels, &["run", "experiment.json"]);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("WARNING] missing url in notification channel"), "{shown}");
    assert!(
        shown.contains(&format!("WARNING] notification sent to http://{some}/ failed with: 500")),
        "{shown}"
    );

    let started = requests.recv_timeout(PATIENCE).expect("a start is told");
    assert_eq!(started.line, "POST /all HTTP/1.1");
    assert!(started.headers.contains("authorization: bearer $$t"), "{}", started.headers);
    assert!(started.headers.contains("content-type: application/json"), "{}", started.headers);
    assert_eq!((&started.body["name"], &started.body["phase"]), (&json!("run-started"), &json!("run")));
    assert_eq!(started.body["payload"]["title"], "t");
    let completed = requests.recv_timeout(PATIENCE).expect("an end is told");
    assert_eq!(completed.body["name"], "run-completed");
    assert_eq!(completed.body["payload"]["run"][0]["output"]["stdout"], "*****\n");
    assert!(![started.body, completed.body].iter().any(|body| body.to_string().contains("my-secret")));
    let ended = ended.recv_timeout(PATIENCE).expect("an end is told");
    assert_eq!((ended.line.as_str(), ended.body), ("GET / HTTP/1.1", Value::Null));
}

#[test]
fn a_server_that_never_answers_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    experiment(folder.path());
    let (address, _requests) = server(None);
    let events = ["run-completed"];
    let channels =
        json!({"notifications": [{"type": "http", "url": format!("http://{address}/"), "events": events}]});
    let output = run(folder.path(), &channels, &["run", "experiment.json"]);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("WARNING] failed calling notification endpoint"), "{shown}");
    assert!(folder.path().join("journal.json").exists());
}

#[test]
fn functions_are_told_what_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugin = "import logging\n\
        def notify(channel, note):\n    logging.getLogger('chaostoolkit').info('told: ' + note['name'])\n\
        def fail(channel, note):\n    error = note.get('error')\n    \
        raise RuntimeError(f'{type(error).__name__}: {error}')\n";
    fs::write(folder.path().join("plugin.py"), plugin).expect("the folder is ours");
    fs::write(folder.path().join("bad.json"), r#"{"title": "t"}"#).expect("the folder is ours");
    let channels = json!({"notifications": [
        {"type": "plugin", "module": "plugin"},
        {"type": "plugin", "module": "plugin", "func": "fail"},
        {"type": "plugin", "module": "plugin", "func": "nothing"},
        {"type": "plugin", "module": "no_such_plugin"},
    ]});
    let output = run(folder.path(), &channels, &["validate", "bad.json"]);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{shown}");
    for line in [
        "INFO] told: validate-started",
        "INFO] told: validate-failed",
        "RuntimeError: InvalidExperiment: experiment requires a description",
        "WARNING] could not find function 'nothing' in plugin 'plugin' for notification",
        "WARNING] could not find Python plugin 'no_such_plugin' for notification",
    ] {
        assert!(shown.contains(line), "no `{line}` in {shown}");
    }
}

#[test]
fn discoveries_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (address, requests) = server(Some(200));
    let channels = json!({"notifications": [{"type": "http", "url": format!("http://{address}/")}]});
    let told = |package: &str, exit: i32| {
        let output = run(folder.path(), &channels, &["discover", package]);
        assert_eq!(output.status.code(), Some(exit), "{}", String::from_utf8_lossy(&output.stderr));
        [(); 2].map(|()| requests.recv_timeout(PATIENCE).expect("it is told").body)
    };
    let [started, completed] = told("chaostoolkit-aws", 0);
    assert_eq!(
        (&started["name"], &started["payload"]),
        (&json!("discovery-started"), &json!("chaostoolkit-aws"))
    );
    assert_eq!(
        (&completed["name"], &completed["phase"]),
        (&json!("discovery-completed"), &json!("discovery"))
    );
    assert_eq!(completed["payload"]["extension"]["name"], "chaostoolkit-aws");
    let [_, failed] = told("no-such-package", 2);
    assert_eq!(failed["name"], "discovery-failed");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("no-such-package")));
}

/// Two runs that share a folder, a log file and the name of the journal.
#[test]
fn two_runs_at_once_do_not_hurt_each_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    experiment(folder.path());
    let run = || run(folder.path(), &json!({}), &["run", "experiment.json", "--log-file", "run.log"]);
    let codes = std::thread::scope(|scope| {
        let runs = [(); 4].map(|()| scope.spawn(run));
        runs.map(|run| run.join().expect("it ends").status.code())
    });
    assert_eq!(codes, [Some(0); 4]);
    let journal = fs::read(folder.path().join("journal.json")).expect("there is a journal");
    let journal: Value = serde_json::from_slice(&journal).expect("the journal is whole");
    assert_eq!(journal["status"], "completed");
    let kept = fs::read_dir(folder.path().join(".local/state/fracas/runs")).expect("there are runs").count();
    assert_eq!(kept, 4);
    let log = fs::read_to_string(folder.path().join("run.log")).expect("there is a log file");
    assert_eq!(log.matches("Experiment ended with status: completed").count(), 4);
    assert!(log.lines().all(|line| line.starts_with('[') || line.starts_with("    ")), "{log}");
}
