//! The `process` provider: a program on this machine, its status and texts as the output.
//!
//! Source: `chaoslib.provider.process`, which builds on Python's `subprocess`.

mod watchdog;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use fracas_engine::{Context, Provider, Stop, Surroundings, Tell};
use fracas_model::{
    Activity, ActivityKind, Failure, Happened, Level, Node, NodeValue, Policy, Problem, Problems, python,
};
use futures_util::future::{LocalBoxFuture, ready};
use rustix::fs::{Access, access, fstat};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use crate::inherited::Inherited;
use crate::{Python, text};
pub(crate) use watchdog::Watchdog;
pub use watchdog::{REAP, reap_main};

const KEYS: [&str; 5] = ["type", "path", "arguments", "timeout", "secrets"];

/// Carries out `process` activities.
///
/// Each program leads a process group of its own, which is killed as a whole when the activity is
/// cancelled, when its time is over, and when fracas itself is killed: see [`reap_main`].
pub struct Process {
    watchdog: Watchdog,
    /// The files of programs that were looked up, for many activities run the same one; a program
    /// that was missing may be there later.
    programs: RefCell<HashMap<String, Result<PathBuf, String>>>,
    /// Whether somebody sits at this side's standard input.
    has_terminal: bool,
    inherited: Rc<Inherited>,
}

impl Process {
    /// A provider that has not started anything yet.
    pub fn new() -> Process {
        Process {
            watchdog: Watchdog::default(),
            programs: RefCell::default(),
            has_terminal: io::stdin().is_terminal(),
            inherited: Rc::default(),
        }
    }

    /// The same, with programs that inherit what these functions have changed of the environment.
    pub fn after(mut self, python: &Python) -> Process {
        self.inherited = python.inherited();
        self
    }
}

impl Process {
    /// The program, what it writes, and the inode by which the watchdog knows that pipe.
    fn start(&self, mut command: Command, tell: &dyn Tell) -> io::Result<(Child, pipe::Receiver, u64)> {
        let (reader, writer) = io::pipe()?;
        let output = fstat(&reader)?.st_ino;
        let stdout = pipe::Receiver::from_owned_fd(reader.into())?;
        if let Err(error) = self.watchdog.expect(output) {
            let message = format!("this program may outlive fracas if fracas is killed: {error}");
            tell.log(Level::Warning, message);
        }
        self.inherited.pass_on(command.as_std_mut());
        let child = command.stdout(writer).spawn();
        if child.is_err() {
            // Without a watchdog there is nothing to take back.
            let _ = self.watchdog.forget(output);
        }
        Ok((child?, stdout, output))
        // The command goes here, and with it this side's writing end: else the text had no end.
    }
}

impl Default for Process {
    fn default() -> Process {
        Process::new()
    }
}

impl Process {
    /// Looks for mistakes, without waiting for anything.
    fn look(&self, activity: &Activity, surroundings: &Surroundings<'_>, problems: &mut Problems) {
        let provider = &activity.provider;
        text::check_keys(provider, "a process", &KEYS, problems);
        self.check_path(activity, surroundings.policy, problems);
        if let Some(node) = provider.get("arguments") {
            let arguments = surroundings.values.substitute_arguments(&node.to_json());
            let judged =
                if text::is_open(&arguments) { Ok(()) } else { parse_arguments(&arguments).map(drop) };
            let problem = |message| Problem::error(node.span, message).playable();
            problems.0.extend(judged.err().map(problem));
        }
        if let Some(node) = provider.get("timeout")
            && let Err(message) = parse_timeout(&node.to_json())
        {
            problems.push(Problem::error(node.span, message).playable());
        }
    }

    fn check_path(&self, activity: &Activity, policy: &Policy, problems: &mut Problems) {
        let provider = &activity.provider;
        match provider.get("path").map(|node| (node, &node.value)) {
            Some((node, NodeValue::String(path))) if !path.is_empty() => {
                let unknown = "Chaos Toolkit's validation does not know `~`";
                let found = match path.starts_with('~') && !policy.check_ahead {
                    true => Err(unknown.to_owned()),
                    false => self.known_program(path),
                };
                if let Err(message) = found {
                    let help = match path.contains('$') {
                        true => "configuration is not put into `path`: write the program itself",
                        false => "`path` is a program's file, or its name in one of the folders of PATH",
                    };
                    let words = format!("path '{path}' cannot be found, in activity '{}'", activity.name);
                    problems.push(Problem::error(node.span, message).help(help).words(words));
                }
            }
            place => {
                let span = place.map_or(text::place(provider), |(node, _)| node.span);
                let problem = Problem::error(span, "a process activity needs a `path`");
                let problem = problem.words("a process activity must have a path");
                problems.push(problem.help("add the program to run: \"path\": \"curl\""));
            }
        }
    }

    /// The command, ready to start, and how long it may take.
    fn prepare(&self, provider: &Node, context: &Context<'_>) -> Result<(Command, Option<Duration>), String> {
        let raw = |key: &str| provider.get(key).map_or(Value::Null, Node::to_json);
        let aborting = |error: String| {
            context.tell.stop(Stop::Abort);
            error
        };
        let timeout = parse_timeout(&raw("timeout")).map_err(aborting)?;
        let arguments =
            parse_arguments(&context.values.substitute_arguments(&raw("arguments"))).map_err(aborting)?;
        let path = match self.program(raw("path").as_str().unwrap_or_default()) {
            // A shell says by itself that there is no such program.
            Err(error) if matches!(arguments, Arguments::Shell(_)) => return Err(error),
            found => found.map_err(aborting)?,
        };
        let mut command = match arguments {
            Arguments::Shell(line) => {
                let mut whole = path.into_os_string();
                whole.push(" ");
                whole.push(line);
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(whole);
                shell
            }
            Arguments::List(arguments) => {
                let mut command = Command::new(path);
                command.args(arguments);
                command
            }
        };
        // A program in a group of its own is stopped when it reads the terminal.
        let stdin = if self.has_terminal { Stdio::null() } else { Stdio::inherit() };
        command.stdin(stdin).stderr(Stdio::piped()).process_group(0);
        Ok((command, timeout))
    }

    /// The file of a program, as it was when somebody looked first.
    fn known_program(&self, path: &str) -> Result<PathBuf, String> {
        let known = self.programs.borrow().get(path).cloned();
        known.unwrap_or_else(|| {
            let found = find(path);
            self.programs.borrow_mut().insert(path.to_owned(), found.clone());
            found
        })
    }

    /// The file of a program, as it is now.
    fn program(&self, path: &str) -> Result<PathBuf, String> {
        match self.known_program(path) {
            Ok(file) if is_executable(&file) => Ok(file),
            _ => find(path),
        }
    }
}

impl Provider for Process {
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        surroundings: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        self.look(activity, surroundings, problems);
        Box::pin(ready(()))
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let prepared = self.prepare(&activity.provider, context);
            let (command, timeout) = prepared.map_err(not_started)?;
            let started = self.start(command, context.tell);
            let (child, stdout, output) = started.map_err(|error| {
                context.tell.stop(Stop::Abort);
                not_started(format!("the program cannot be started: {error}"))
            })?;
            let group = Group::lead_by(&child, output, &self.watchdog, context.tell)
                .map_err(|error| failure(activity, format!("the program was killed: {error}"), ""))?;
            let ending = finish(child, stdout);
            let ended = match timeout {
                Some(timeout) => {
                    tokio::time::timeout(timeout, ending).await.map_err(|_| too_long(activity))?
                }
                None => ending.await,
            };
            let ended =
                ended.map_err(|error| failure(activity, format!("the program was killed: {error}"), ""))?;
            group.release();
            warn_of_status(activity, &ended.status, context);
            Ok(text::object([
                ("status", status_number(ended.status).into()),
                ("stdout", text::guessed(ended.stdout).into()),
                ("stderr", text::guessed(ended.stderr).into()),
            ]))
        })
    }
}

/// What a program is given.
#[derive(Debug, PartialEq)]
enum Arguments {
    /// The rest of a line for the shell.
    Shell(String),
    /// One argument each.
    List(Vec<String>),
}

/// A text goes through the shell; lists and objects, flattened, are written as Python prints
/// them, without nulls and empty texts.
fn parse_arguments(value: &Value) -> Result<Arguments, String> {
    let flat: Vec<Value> = match value {
        Value::String(line) => return Ok(Arguments::Shell(line.clone())),
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| [Value::String(key.clone()), value.clone()]).collect()
        }
        other => {
            return Err(format!(
                "`arguments` must be a text, a list or an object, got {}",
                python::to_repr(other)
            ));
        }
    };
    let given = flat.iter().filter(|item| !item.is_null() && item.as_str() != Some(""));
    Ok(Arguments::List(given.map(python::to_str).collect()))
}

fn parse_timeout(value: &Value) -> Result<Option<Duration>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0).map(Duration::try_from_secs_f64);
    match seconds {
        Some(Ok(duration)) => Ok(Some(duration)),
        _ => Err(format!("`timeout` must be a number of seconds, got {}", python::to_repr(value))),
    }
}

/// The file of a program: a path is taken as it is, a name is looked up in `PATH`.
fn find(path: &str) -> Result<PathBuf, String> {
    let expanded = text::expand_user(path);
    if expanded.parent().is_some_and(|folder| folder != Path::new("")) {
        return match (expanded.is_file(), is_executable(&expanded)) {
            (true, true) => Ok(expanded),
            (true, false) => Err(format!("`{path}` is not executable")),
            (false, _) => Err(format!("`{path}` is not a file")),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(&expanded));
    let found = places.find(|file| file.is_file() && is_executable(file));
    found.ok_or_else(|| format!("`{path}` is not in PATH"))
}

fn is_executable(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok()
}

/// A running program's process group: killed when dropped, unless it was released.
struct Group<'a> {
    group: Pid,
    watchdog: &'a Watchdog,
    killed_on_drop: bool,
}

impl<'a> Group<'a> {
    /// The group that the child leads. If that cannot be written down, it is killed.
    ///
    /// The child already runs when its group is written down: holding it back until then would
    /// take a second program between, for each activity. In the moment between, the watchdog
    /// knows the child by its output.
    fn lead_by(child: &Child, output: u64, watchdog: &'a Watchdog, tell: &dyn Tell) -> io::Result<Group<'a>> {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = id.ok_or_else(|| io::Error::other("it has no process id"))?;
        let group = Group { group, watchdog, killed_on_drop: true };
        // When there is no watchdog, the user has been told so before the program started.
        let _ = watchdog.watch(output, group.group);
        tell.process_started(group.group.as_raw_pid().cast_unsigned())?;
        Ok(group)
    }

    /// Lets what the program left in the background go on, as after any command.
    fn release(mut self) {
        self.killed_on_drop = false;
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.killed_on_drop {
            // It may have ended by itself.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        // Without a watchdog there is no list either.
        let _ = self.watchdog.release(self.group);
    }
}

/// How a program ended, and what it wrote.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Waits until both texts are complete, then for the program.
async fn finish(mut child: Child, stdout: pipe::Receiver) -> io::Result<Ended> {
    let stderr = child.stderr.take();
    let (stdout, stderr) = tokio::try_join!(read_all(Some(stdout)), read_all(stderr))?;
    Ok(Ended { status: child.wait().await?, stdout, stderr })
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(text::MAX_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > text::MAX_BYTES {
        return Err(io::Error::other(format!("it wrote more than {} MiB", text::MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// The exit code, or a signal's number below zero.
fn status_number(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or_default())
}

fn warn_of_status(activity: &Activity, status: &ExitStatus, context: &Context<'_>) {
    if let Some(code) = status.code().filter(|code| *code > 0)
        && activity.document.get("tolerance").is_none()
    {
        let message = if context.policy.own_warnings {
            format!("the program ended with status {code}, which may mean that it failed")
        } else {
            "This process returned a non-zero exit code. This may indicate some error and not what you \
             expected. Please have a look at the logs."
                .to_owned()
        };
        context.tell.log(Level::Warning, message);
    }
}

fn too_long(activity: &Activity) -> Failure {
    let help = "raise the provider's `timeout`, or look at why the program is slow";
    failure(activity, "process activity took too long to complete".to_owned(), help)
}

/// The failure of a program that was running.
fn failure(activity: &Activity, error: String, help: &str) -> Failure {
    let happened = match activity.kind {
        ActivityKind::Action => Happened::Maybe,
        ActivityKind::Probe => Happened::No,
    };
    Failure { error, help: help.to_owned(), happened, progress: None }
}

fn not_started(error: String) -> Failure {
    Failure { error, help: String::new(), happened: Happened::No, progress: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::problems;

    #[test]
    fn arguments_are_written_as_python_prints_them() {
        let list = |items: &[&str]| Arguments::List(items.iter().map(|item| (*item).to_owned()).collect());
        let cases = [
            (
                json!(["a b", true, 1.0, null, "", 0, ["b", 1]]),
                list(&["a b", "True", "1.0", "0", "['b', 1]"]),
            ),
            (json!({"-a": 1, "-b": null, "": "c"}), list(&["-a", "1", "-b", "c"])),
            (json!("-x $HOME"), Arguments::Shell("-x $HOME".to_owned())),
            (Value::Null, list(&[])),
        ];
        for (value, expected) in cases {
            assert_eq!(parse_arguments(&value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn check_finds_every_mistake() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let texts = [
            r#"{"type": "process", "argument": 1}"#,
            r#"{"type": "process", "path": "no-such-program", "arguments": 5, "timeout": "3"}"#,
            r#"{"type": "process", "path": "/no/such/program"}"#,
            &format!(r#"{{"type": "process", "path": "{}"}}"#, file.path().display()),
            r#"{"type": "process", "path": ""}"#,
            r#"{"type": "process", "path": "sh", "arguments": "${any}"}"#,
            r#"{"type": "process", "path": "${program}"}"#,
            r#"{"type": "process", "path": "/opt/$any/program"}"#,
        ];
        let found: String =
            texts.iter().map(|text| problems(&Process::new(), ActivityKind::Action, text)).collect();
        insta::assert_snapshot!(found.replace(&file.path().display().to_string(), "FILE"));
    }
}
