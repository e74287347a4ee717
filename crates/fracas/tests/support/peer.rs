//! The AWS of scenarios, and chaosaws.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::python;

/// chaosaws, and the AWS of both.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub endpoint: String,
}

impl Peer {
    pub fn start() -> Peer {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/activities/peer.py");
        let mut child = Command::new(python())
            .args(["-B", "-W", "ignore"])
            .arg(script)
            .env("TZ", "UTC")
            // What chaosaws makes of a set has the same order each time.
            .env("PYTHONHASHSEED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut peer = Peer { child, input, output, endpoint: String::new() };
        peer.endpoint = peer.read()["endpoint"].as_str().expect("an address").to_owned();
        peer
    }

    pub fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input.as_mut().expect("it is open"), "{question}").expect("Python reads");
        self.read()
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("Python answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("Python answered {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
