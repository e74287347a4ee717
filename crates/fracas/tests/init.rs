//! `fracas init` on a real terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Longer than any machine takes for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and fracas on it.
struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    fracas: Child,
}

impl Terminal {
    fn with_fracas(arguments: &[&str], folder: &std::path::Path) -> Terminal {
        let pty = openpty(None, None).unwrap();
        let stdio = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fracas"));
        command.args(arguments).current_dir(folder).env_clear().env("HOME", folder);
        let fracas = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        drop((command, pty.slave));
        let keyboard = File::from(pty.master);
        let (mut reader, (sender, screen)) = (keyboard.try_clone().unwrap(), channel());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose program has ended gives an error.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        Terminal { keyboard, screen, shown: String::new(), fracas }
    }

    /// Waits for a question, and types the answer.
    fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        writeln!(self.keyboard, "{answer}").unwrap();
    }

    /// Waits for a text, and forgets all up to its end.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let more = self.screen.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("no `{text}` in: {}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
    }
}

#[test]
fn an_experiment_is_written_from_answers_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::with_fracas(&["init", "--experiment-path", "e.yaml"], folder.path());
    terminal.answer("\x1b[32mExperiment's title\x1b[0m: ", "The cluster survives");
    terminal.answer("define a steady state hypothesis now?\x1b[0m [y/N]: ", "n");
    terminal.answer("define an experimental method?\x1b[0m [y/N]: ", "y");
    let listed = terminal.wait_for("Activity (0 to escape)");
    let number = listed.lines().find_map(|line| line.trim().strip_suffix(") failover_docdb_cluster"));
    terminal.answer(": ", number.expect("the failover is listed"));
    terminal.answer("use this action?\x1b[0m [y/N]: ", "y");
    terminal.answer("'docdb_cluster_identifier'\x1b[0m: ", "chaos");
    terminal.answer("'target_docdb_instance_identifier'\x1b[0m []: ", "");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "");
    terminal.answer("add some rollbacks now?\x1b[0m [y/N]: ", "n");
    terminal.wait_for("Experiment created and saved in 'e.yaml'");
    assert!(terminal.fracas.wait().unwrap().success());

    let written = std::fs::read_to_string(folder.path().join("e.yaml")).unwrap();
    assert!(written.starts_with("title: The cluster survives\n"), "{written}");
    let mut validate = Command::new(env!("CARGO_BIN_EXE_fracas"));
    validate.args(["validate", "e.yaml", "--var", "aws_region=eu-west-1"]);
    let validated =
        validate.current_dir(folder.path()).env_clear().env("AWS_REGION", "eu-west-1").output().unwrap();
    assert!(validated.status.success(), "{}", String::from_utf8_lossy(&validated.stderr));
}

#[test]
fn an_interruption_aborts() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.wait_for("Experiment's title\x1b[0m: ");
    let id = Pid::from_raw(terminal.fracas.id().try_into().unwrap());
    kill(id, Signal::SIGINT).unwrap();
    terminal.wait_for("Aborted!");
    assert_eq!(terminal.fracas.wait().unwrap().code(), Some(1));
}

#[test]
fn the_end_of_the_input_aborts() {
    let folder = tempfile::tempdir().unwrap();
    let discovery: Value = json!({"activities": []});
    std::fs::write(folder.path().join("discovery.json"), discovery.to_string()).unwrap();
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.answer("Experiment's title\x1b[0m: ", "x\n\x04");
    terminal.wait_for("Aborted!");
    assert_eq!(terminal.fracas.wait().unwrap().code(), Some(1));
    assert!(!folder.path().join("experiment.json").exists());
}
