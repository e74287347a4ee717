//! The commands beside `run`, and the command line itself, beside Chaos Toolkit's with `--compat`: exit codes, what is
//! printed, and what is left in files.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use regex_lite::Regex;
use serde_json::Value;
use support::{fracas, python};
use tempfile::TempDir;

const SETTINGS: &str = "# a comment
auths:
  example.com:
    type: bearer
    value: abc
list: [1, {a: 2}, 'x']
text: some text
number: 1.5
";

const EXPERIMENT: &str = r#"{"title": "t", "description": "d", "method": [
    {"type": "action", "name": "a", "provider": {"type": "process", "path": "echo", "arguments": "hi"}}]}"#;

const DISCOVERY: &str = r#"{"activities": [
    {"type": "action", "name": "stop", "mod": "m.actions", "doc": "Stop it.", "arguments": [
        {"name": "id", "type": "string"}, {"name": "count", "type": "integer", "default": 2},
        {"name": "force", "type": "boolean", "default": false}, {"name": "share", "type": "number", "default": 0.5},
        {"name": "why", "type": "string", "default": null}, {"name": "secrets", "type": "mapping", "default": null}]},
    {"type": "probe", "name": "look", "mod": "m.probes", "doc": null, "arguments": []}]}"#;

/// What a command gave and left.
#[derive(Debug, PartialEq)]
struct Gave {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
    /// The settings afterwards.
    settings: String,
    /// The experiment that was written.
    written: Option<String>,
}

/// A folder with everything that the commands use.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the folder is ours");
    write("settings.yaml", SETTINGS);
    write("experiment.json", EXPERIMENT);
    write("bad.json", r#"{"title": "t"}"#);
    write("discovery.json", DISCOVERY);
    folder
}

fn run(mut command: Command, args: &[&str], answers: &str) -> Gave {
    let folder = folder();
    command.args(["--no-log-file", "--settings", "./settings.yaml"]).args(args).current_dir(folder.path());
    command.env_clear().env("HOME", folder.path()).env("LANG", "C.UTF-8");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A command that asks nothing may have ended already.
    let _ = child.stdin.take().expect("it is piped").write_all(answers.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let read = |name: &str| fs::read_to_string(folder.path().join(name));
    Gave {
        exit: output.status.code(),
        stdout: text(&output.stdout),
        stderr: lines(&text(&output.stderr)),
        settings: read("settings.yaml").expect("the settings stay"),
        written: read("experiment.yaml").or_else(|_| read("written.json")).ok(),
    }
}

/// Console lines without times and colors; what is said about usage is each program's own.
fn lines(stderr: &str) -> String {
    let color = Regex::new("\x1b\\[[0-9;]*m").expect("the pattern is right");
    let time = Regex::new(r"^\[[-0-9]+ [:0-9]+ ").expect("the pattern is right");
    let plain = color.replace_all(stderr, "");
    let lines = plain.lines().filter(|line| line.starts_with('[') || line.starts_with("Aborted"));
    lines.map(|line| time.replace(line, "[").into_owned() + "\n").collect()
}

fn reference(args: &[&str], answers: &str) -> Gave {
    let mut command = Command::new(python().with_file_name("chaos"));
    command.arg("--no-version-check");
    run(command, args, answers)
}

fn compat(args: &[&str], answers: &str) -> Gave {
    let mut command = Command::new(fracas());
    command.arg("--compat").arg("--python").arg(python());
    run(command, args, answers)
}

#[test]
fn commands_do_what_chaos_toolkit_does() {
    let commands = [
        "settings show",
        "settings show --format json",
        "settings get text",
        "settings get --format string list",
        "settings get --format json list[1]",
        "settings get list[1].a",
        "settings get auths.example\\.com.type",
        "settings get number",
        "settings set text \"other\"",
        "settings set list[0] {\"b\":[true,null,1.0]}",
        "settings remove text",
        "settings remove list[2]",
        "settings remove auths.example\\.com",
        "settings",
        "info settings",
        "info extensions",
        "info nothing",
        "validate experiment.json",
        "validate bad.json",
        "validate missing.json",
        "validate ftp://x/experiment.json",
        "run experiment.json",
        "run bad.json",
        "run missing.json",
        "run --dry actions experiment.json",
        "run --journal-path a.json --dry probes --journal-path b.json --dry actions experiment.json",
        "run --dry nothing experiment.json",
        "run --hypothesis-strategy skip experiment.json",
        "run --hypothesis-strategy continously experiment.json",
        "run --rollback-strategy always experiment.json",
        "run --rollback-strategy sometimes experiment.json",
        "run --var-file missing.yaml experiment.json",
        "run --control-file missing.yaml experiment.json",
        "run --hypothesis-frequency often experiment.json",
        "run",
        "discover --no-install no-such-package",
        "discover --no-install requests",
        "discover --no-install chaostoolkit-aws",
        "discover --no-install --no-system-info chaostoolkit-prometheus",
        "discover",
        "--log-format xml run experiment.json",
        "--change-dir . validate experiment.json",
        "nothing",
        "",
    ];
    let mut differences = Vec::new();
    for line in commands {
        let args: Vec<&str> = line.split_whitespace().collect();
        let (ours, theirs) = (compat(&args, ""), reference(&args, ""));
        if ours != theirs {
            differences.push(format!("of `{line}`:\n  {ours:?}\n  {theirs:?}\n"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.concat());
}

/// Where Chaos Toolkit says nothing, fracas says why.
#[test]
fn refusals_have_the_same_exit_codes() {
    for line in
        ["settings get nothing", "settings set new 5", "settings remove list[9]", "settings set text bad"]
    {
        let args: Vec<&str> = line.split_whitespace().collect();
        let (ours, theirs) = (compat(&args, ""), reference(&args, ""));
        assert_eq!((ours.exit, &ours.settings), (theirs.exit, &theirs.settings), "of `{line}`");
        assert!(ours.stderr.contains("ERROR"), "{}", ours.stderr);
    }
}

#[test]
fn the_wizard_writes_what_chaos_toolkits_writes() {
    let answers = [
        "t\nn\nn\nn\n",
        "Ein Titel für alles\ny\nhypo\n1\ny\n200\nn\ny\n1\ny\nx-1\nthree\n3\nmaybe\nyes\n\n\ny\n2\ny\nn\ny\n1\ny\ny\n\n\nno\n1e3\nwhy\nn\n",
        "t\nn\ny\n2\nn\ny\n2\ny\nn\nn\nn\n",
        "t\nn\ny\n0\nn\n",
        "t\ny\n",
        "",
    ];
    for answers in answers {
        for name in ["written.json", "experiment.yaml"] {
            let args = ["init", "--experiment-path", name];
            let (ours, theirs) = (compat(&args, answers), reference(&args, answers));
            assert_eq!((ours.exit, ours.written), (theirs.exit, theirs.written), "of {answers:?}");
            assert_eq!(ours.stderr, theirs.stderr, "of {answers:?}");
        }
    }
}

/// Lines for machines have the same keys, each with the same type.
#[test]
fn lines_for_machines_are_those_of_chaos_toolkit() {
    let shapes = |mut command: Command| -> Vec<Vec<String>> {
        let folder = folder();
        let args = ["--no-log-file", "--verbose", "--log-format", "json", "run", "experiment.json"];
        let output = command.args(args).current_dir(folder.path()).env("HOME", folder.path()).output();
        let text = String::from_utf8(output.expect("the program starts").stderr).expect("lines are UTF-8");
        let known = |line: &&str| line.contains("\"INFO\"") || line.contains("=> succeeded");
        text.lines().filter(known).map(shape).collect()
    };
    let mut reference = Command::new(python().with_file_name("chaos"));
    reference.arg("--no-version-check");
    assert_eq!(shapes(Command::new(fracas())), shapes(reference));
}

/// The keys of an object, with the types of their values, and its level and message.
fn shape(line: &str) -> Vec<String> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(line).expect("a line is an object");
    let numbers = Regex::new("[0-9]").expect("the pattern is right");
    let shape = |(key, value): (&String, &Value)| match value {
        Value::Number(_) => format!("{key}: number"),
        Value::String(text) if ["levelname", "message"].contains(&key.as_str()) => format!("{key}: {text}"),
        Value::String(text) if ["asctime", "timestamp"].contains(&key.as_str()) => {
            format!("{key}: {}", numbers.replace_all(text, "0"))
        }
        _ => format!("{key}: text"),
    };
    object.iter().map(shape).collect()
}

#[test]
fn the_name_and_the_settings_choose_chaos_toolkits_ways() {
    let folder = folder();
    let exit = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(["--no-log-file"]).args(args).current_dir(folder.path()).env("HOME", folder.path());
        command.output().expect("the program starts").status.code()
    };
    assert_eq!(exit(fracas(), &["validate", "bad.json"]), Some(2));
    assert_eq!(exit(fracas(), &["validate", "bad.json", "--compat"]), Some(1));
    let chaos = folder.path().join("chaos");
    std::os::unix::fs::symlink(fracas(), &chaos).expect("the folder is ours");
    assert_eq!(exit(&chaos, &["validate", "bad.json"]), Some(1));
    fs::write(folder.path().join("compat.yaml"), "runtime: {compat: chaostoolkit}")
        .expect("the folder is ours");
    assert_eq!(exit(fracas(), &["--settings", "compat.yaml", "validate", "bad.json"]), Some(1));
}
