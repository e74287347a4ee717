//! `fracas init` on a real terminal.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use support::{fracas, python};

/// Longer than any machine takes for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a program whose terminal is its own, as in a session, so that what is typed may interrupt it.
const OWN_TERMINAL: &str = "import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])";

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
        let mut command = Command::new(python());
        command.args(["-c", OWN_TERMINAL]).arg(fracas()).args(arguments);
        command.current_dir(folder).env_clear().env("HOME", folder);
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let fracas = command.spawn().unwrap();
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
    terminal.answer(": ", number_of("failover_docdb_cluster  (chaosaws.docdb.actions)", &listed));
    terminal.answer("use this action?\x1b[0m [y/N]: ", "y");
    terminal.answer("'docdb_cluster_identifier'\x1b[0m: ", "chaos");
    terminal.answer("'target_docdb_instance_identifier'\x1b[0m []: ", "");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "");
    terminal.answer("add some rollbacks now?\x1b[0m [y/N]: ", "n");
    terminal.wait_for("Experiment created and saved in 'e.yaml'");
    assert!(terminal.fracas.wait().unwrap().success());

    let written = std::fs::read_to_string(folder.path().join("e.yaml")).unwrap();
    assert!(written.starts_with("title: The cluster survives\n"), "{written}");
    let mut validate = Command::new(fracas());
    validate.args(["validate", "e.yaml", "--var", "aws_region=eu-west-1"]);
    let validated =
        validate.current_dir(folder.path()).env_clear().env("AWS_REGION", "eu-west-1").output().unwrap();
    assert!(validated.status.success(), "{}", String::from_utf8_lossy(&validated.stderr));
}

/// The number in front of an activity.
fn number_of<'l>(activity: &str, listed: &'l str) -> &'l str {
    let numbered = listed.lines().find_map(|line| line.trim().strip_suffix(activity)?.strip_suffix(") "));
    numbered.unwrap_or_else(|| panic!("no `{activity}` in: {listed}"))
}

#[test]
fn activities_of_the_users_own_are_offered_with_what_undoes_them() {
    let folder = tempfile::tempdir().unwrap();
    let activities = "service: redshift
activities:
  pause_cluster: {kind: action, undo: resume_cluster, summary: Pause., args: &args {id: {type: string, required: true, doc: It.}},
    steps: [{call: PauseCluster, with: {ClusterIdentifier: $id}}]}
  resume_cluster: {kind: action, summary: Resume., args: *args,
    steps: [{call: ResumeCluster, with: {ClusterIdentifier: $id}}]}
";
    std::fs::create_dir_all(folder.path().join("fracas/aws")).unwrap();
    std::fs::write(folder.path().join("fracas/aws/redshift.yaml"), activities).unwrap();
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.answer("Experiment's title", "Pause");
    terminal.answer("define a steady state hypothesis now?", "n");
    terminal.answer("define an experimental method?", "y");
    let listed = terminal.wait_for("Activity (0 to escape)");
    terminal.answer(": ", number_of("pause_cluster  (chaosaws.redshift.actions)", &listed));
    terminal.answer("use this action?", "y");
    terminal.answer("'id'", "chaos");
    terminal.answer("select another activity?", "n");
    terminal.answer("resume_cluster undoes pause_cluster. Do you want it as a rollback?", "y");
    terminal.answer("'id'\x1b[0m [chaos]: ", "");
    terminal.answer("add some rollbacks now?", "n");
    terminal.wait_for("Experiment created and saved in './experiment.json'");
    let written = std::fs::read_to_string(folder.path().join("experiment.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    let provider = json!({"type": "python", "module": "chaosaws.redshift.actions", "func": "resume_cluster",
        "arguments": {"id": "chaos"}});
    assert_eq!(written["rollbacks"][0]["provider"], provider);
}

/// What packages can do, with every kind of argument.
fn discovery() -> Value {
    let argument = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let optional =
        |name: &str, kind: &str, default: Value| json!({"name": name, "type": kind, "default": default});
    json!({"activities": [
        {"type": "action", "name": "stop", "mod": "m.actions", "doc": "Stop it.\nFor good.", "arguments": [
            argument("id", "string"), optional("count", "integer", json!(2)),
            optional("force", "boolean", json!(false)), optional("share", "number", json!(0.5)),
            optional("why", "string", Value::Null), optional("tags", "list", Value::Null),
            optional("filter", "mapping", json!({"a": 1})), optional("configuration", "mapping", Value::Null)]},
        {"type": "probe", "name": "look", "mod": "m.probes", "doc": null, "arguments": [argument("at", "string")]},
        {"type": "action", "name": "start", "mod": "m.actions", "doc": "Start it.", "arguments": []},
    ]})
}

/// The whole dialogue: each question, what is not understood and asked for again, and each kind of
/// argument.
#[test]
fn every_question_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.json"), discovery().to_string()).unwrap();
    let mut terminal = Terminal::with_fracas(&["init", "--discovery-path", "d.json"], folder.path());
    terminal.answer("Experiment's title\x1b[0m: ", "");
    terminal.answer("Experiment's title\x1b[0m: ", "Größe");
    terminal.answer("define a steady state hypothesis now?\x1b[0m [y/N]: ", "perhaps");
    terminal.wait_for("Error: invalid input");
    terminal.answer("define a steady state hypothesis now?\x1b[0m [y/N]: ", "YES");
    terminal.answer("Hypothesis's title\x1b[0m: ", "All is well");
    let probes = terminal.wait_for("Activity (0 to escape)");
    assert!(probes.contains("1) look") && !probes.contains("stop"), "{probes}");
    terminal.answer("\x1b[0m: ", "7");
    terminal.wait_for("Please pick up a valid activity");
    terminal.answer("Activity (0 to escape)\x1b[0m: ", "1");
    terminal.answer("use this probe?\x1b[0m [y/N]: ", "y");
    terminal.answer("What is the tolerance for this probe?\x1b[0m: ", "[200, 299]");
    terminal.answer("'at'\x1b[0m: ", "");
    terminal.answer("'at'\x1b[0m: ", "here");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "n");

    terminal.answer("define an experimental method?\x1b[0m [y/N]: ", "y");
    let all = terminal.wait_for("Activity (0 to escape)");
    assert!(all.contains("1) stop") && all.contains("2) look") && all.contains("3) start"), "{all}");
    terminal.answer("\x1b[0m: ", "one");
    terminal.wait_for("Error: 'one' is not a valid integer.");
    terminal.answer("Activity (0 to escape)\x1b[0m: ", "1");
    terminal.wait_for("Stop it.");
    terminal.answer("use this action?\x1b[0m [y/N]: ", "y");
    terminal.answer("'id'\x1b[0m: ", "5");
    terminal.answer("'count'\x1b[0m [2]: ", "many");
    terminal.wait_for("Error: 'many' is not a valid integer.");
    terminal.answer("'count'\x1b[0m [2]: ", "3");
    terminal.answer("'force'\x1b[0m [False]: ", "on");
    terminal.answer("'share'\x1b[0m [0.5]: ", "");
    terminal.answer("'why'\x1b[0m []: ", "");
    terminal.answer("'tags'\x1b[0m []: ", "[\"a\"]");
    terminal.answer("'filter'\x1b[0m [{'a': 1}]: ", "");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "y");
    terminal.answer("Activity (0 to escape)\x1b[0m: ", "0");

    terminal.answer("add some rollbacks now?\x1b[0m [y/N]: ", "y");
    let actions = terminal.wait_for("Activity (0 to escape)");
    assert!(actions.contains("2) start") && !actions.contains("look"), "{actions}");
    terminal.answer("\x1b[0m: ", "1");
    terminal.answer("use this action?\x1b[0m [y/N]: ", "n");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "y");
    terminal.answer("Activity (0 to escape)\x1b[0m: ", "2");
    terminal.answer("use this action?\x1b[0m [y/N]: ", "y");
    terminal.answer("select another activity?\x1b[0m [y/N]: ", "n");
    terminal.wait_for("Experiment created and saved in './experiment.json'");
    assert!(terminal.fracas.wait().unwrap().success());

    let written = std::fs::read(folder.path().join("experiment.json")).unwrap();
    let provider = |module: &str, func: &str, arguments: Value| json!({"type": "python", "module": module, "func": func, "arguments": arguments});
    let arguments =
        json!({"id": "5", "count": 3, "force": true, "share": 0.5, "tags": ["a"], "filter": {"a": 1}});
    let expected = json!({
        "title": "Größe", "description": "N/A", "tags": [],
        "steady-state-hypothesis": {"title": "All is well", "probes": [{"type": "probe", "name": "look",
            "tolerance": [200, 299], "provider": provider("m.probes", "look", json!({"at": "here"}))}]},
        "method": [{"type": "action", "name": "stop", "provider": provider("m.actions", "stop", arguments)}],
        "rollbacks": [{"type": "action", "name": "start", "provider": provider("m.actions", "start", json!({}))}],
    });
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("experiment.json");
    std::fs::write(&path, "mine").unwrap();
    let question = "'./experiment.json' is there already. Do you want to replace it?\x1b[0m [y/N]: ";
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.answer(question, "");
    terminal.wait_for("Aborted!");
    assert_eq!(terminal.fracas.wait().unwrap().code(), Some(1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.answer(question, "y");
    terminal.answer("Experiment's title\x1b[0m: ", "new");
    for _ in 0..3 {
        terminal.answer("[y/N]: ", "");
    }
    assert!(terminal.fracas.wait().unwrap().success());
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"title\": \"new\""));
}

/// No answers are asked for in vain.
#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_first_question() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["missing/e.json", "e.txt", "e"] {
        let mut terminal = Terminal::with_fracas(&["init", "--experiment-path", path], folder.path());
        terminal.wait_for("name another file with --experiment-path");
        assert_eq!(terminal.fracas.wait().unwrap().code(), Some(2), "{path}");
    }
}

/// Ctrl-C as the terminal sends it, in the midst of the questions.
#[test]
fn a_typed_interruption_aborts() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::with_fracas(&["init"], folder.path());
    terminal.answer("Experiment's title\x1b[0m: ", "x");
    terminal.answer("hypothesis now?\x1b[0m [y/N]: ", "y");
    terminal.wait_for("Hypothesis's title\x1b[0m: ");
    terminal.keyboard.write_all(b"half\x03").unwrap();
    terminal.wait_for("Aborted!");
    assert_eq!(terminal.fracas.wait().unwrap().code(), Some(1));
    assert!(!folder.path().join("experiment.json").exists());
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
