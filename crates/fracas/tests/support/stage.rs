//! The servers around a test or the demo: moto as the local AWS, the movies service, endpoints that misbehave.
//! All of them live in one Python child, `tests/stage/stage.py`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running stage. It ends when this is dropped, and also when this process dies, because its standard input closes.
pub struct Stage {
    child: Child,
    ports: BTreeMap<String, u16>,
}

impl Stage {
    /// Starts `servers` (each `NAME` or `NAME:PORT`) with `python`, a Python that has moto; `dir` is what the `files`
    /// server serves. `root` is the root of the repository.
    pub fn start(python: &Path, root: &Path, dir: &Path, servers: &[String]) -> io::Result<Stage> {
        let mut child = Command::new(python)
            .arg(root.join("tests/stage/stage.py"))
            .args(servers)
            .current_dir(dir)
            // Out of the terminal's group: a Ctrl-C is for the run, the stage goes when the run is over.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match serde_json::from_str(&line) {
            Ok(ports) => Ok(Stage { child, ports }),
            Err(_) => {
                Err(io::Error::other(format!("the servers {servers:?} did not start: {}", child.wait()?)))
            }
        }
    }

    /// The address of the server `name`, as `127.0.0.1:PORT`.
    pub fn address(&self, name: &str) -> Option<String> {
        self.ports.get(name).map(|port| format!("127.0.0.1:{port}"))
    }

    /// `text` with every `{NAME}` of a server replaced by its address.
    #[allow(dead_code, reason = "the demo needs the addresses only")]
    pub fn fill(&self, text: &str) -> String {
        self.names().fold(text.to_owned(), |text, (name, address)| text.replace(&name, &address))
    }

    /// The reverse of [`Stage::fill`].
    #[allow(dead_code, reason = "the demo shows the addresses")]
    pub fn hide(&self, text: &str) -> String {
        self.names().fold(text.to_owned(), |text, (name, address)| text.replace(&address, &name))
    }

    fn names(&self) -> impl Iterator<Item = (String, String)> {
        self.ports.keys().map(|name| (format!("{{{name}}}"), self.address(name).unwrap_or_default()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
