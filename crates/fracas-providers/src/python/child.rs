//! The python3 process that calls the functions of the user's modules.
//!
//! It is asked over a socket of its own, one line a question, and answers with lines that begin
//! with the question's number, so that whatever its functions print does no harm. The other half
//! is `child.py`, which is sent over the same socket first.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fracas_engine::Mask;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::output::pass_on;
use crate::inherited::Inherited;
use crate::process::Watchdog;
use crate::text;

/// What runs in the process.
const PROGRAM: &str = include_str!("child.py");

/// What any Python understands, before it reads [`PROGRAM`].
const TOO_OLD: &str = "import os,sys
if sys.version_info<(3,8): sys.exit('Python 3.8 or newer is needed, and this is %d.%d'%sys.version_info[:2])";

/// How long the process may take to begin.
const START: Duration = Duration::from_secs(60);

/// How long a function that is cut may take to end, and the process to end with the run.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How long outputs may take to end after the process.
const SILENCE: Duration = Duration::from_millis(200);

/// How much of what the process wrote last is told when it dies.
const LAST_WORDS: usize = 2000;

/// An answer: an object.
pub(super) type Answer = Map<String, Value>;

/// A running process. When this is dropped it ends, with all that it has started.
pub(super) struct Child {
    group: Pid,
    watchdog: Arc<Watchdog>,
    socket: UnixStream,
    /// To its main thread.
    questions: UnboundedSender<String>,
    /// To the thread that sees to everything while the main thread is busy.
    aside: UnboundedSender<String>,
    asked: Arc<Asked>,
    ending: Arc<Ending>,
}

/// How the process ended.
#[derive(Default)]
struct Ending {
    state: Mutex<Ended>,
    changed: Condvar,
}

#[derive(Default)]
struct Ended {
    status: Option<ExitStatus>,
    last_words: Vec<u8>,
    /// How many of its outputs are open.
    outputs: usize,
}

/// The questions that wait for answers.
#[derive(Default)]
struct Asked {
    state: Mutex<State>,
    /// Told when a question that was cut has been answered.
    settled: Notify,
}

#[derive(Default)]
struct State {
    last: u64,
    /// What the main thread is asked for.
    on_main: Option<u64>,
    /// How many messages went over each socket.
    to_main: u64,
    to_aside: u64,
    waiting: HashMap<u64, UnboundedSender<Answer>>,
    cut: HashSet<u64>,
    /// What was logged while nobody listened.
    untold: Vec<Answer>,
    /// Why no more answers come.
    gone: Option<String>,
}

impl Child {
    /// Starts this Python, and waits until it is ready. What is hidden is masked in its outputs.
    ///
    /// # Errors
    ///
    /// Why it did not start, with its last words.
    pub(super) async fn start(
        program: &Path,
        inherited: &Inherited,
        watchdog: Arc<Watchdog>,
        hidden: Option<Arc<Mutex<Mask>>>,
    ) -> Result<Child, String> {
        let shown = program.display();
        let child = Child::spawn(program, inherited, watchdog, hidden)
            .map_err(|error| format!("`{shown}` does not start: {error}"))?;
        let ready = child.expect(0).answer(|_, _| {});
        match tokio::time::timeout(START, ready).await {
            Ok(Ok(_)) => Ok(child),
            Ok(Err(error)) => Err(format!("`{shown}` does not start: {error}")),
            Err(_) => Err(format!("`{shown}` does not start: it has not answered for {} s", START.as_secs())),
        }
    }

    fn spawn(
        program: &Path,
        inherited: &Inherited,
        watchdog: Arc<Watchdog>,
        hidden: Option<Arc<Mutex<Mask>>>,
    ) -> io::Result<Child> {
        let (here, there) = UnixStream::pair()?;
        let (here_aside, there_aside) = UnixStream::pair()?;
        let mut start = &here;
        start.write_all(PROGRAM.as_bytes())?;
        let begin = format!(
            "{TOO_OLD}\nexec(compile(os.read({0},{1}),'<fracas>','exec'),{{'SOCKET':{0},'ASIDE':{2},'LINES':{3}}})",
            there.as_raw_fd(),
            PROGRAM.len(),
            there_aside.as_raw_fd(),
            u8::from(hidden.is_some() && io::stdout().is_terminal())
        );
        // A program in a group of its own is stopped when it reads the terminal.
        let stdin = if io::stdin().is_terminal() { Stdio::null() } else { Stdio::inherit() };
        let mut command = Command::new(program);
        command.arg("-c").arg(begin).stdin(stdin).stderr(Stdio::piped()).process_group(0);
        if hidden.is_some() {
            command.stdout(Stdio::piped());
        }
        // Its modules are found where they were: it does not inherit the folder.
        inherited.pass_variables_on(&mut command);
        // Nothing else is started before these sides of them are closed again.
        fcntl_setfd(&there, FdFlags::empty())?;
        fcntl_setfd(&there_aside, FdFlags::empty())?;
        let mut process = command.spawn()?;
        drop((there, there_aside));
        let group = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("it has no process id"))?;
        // Without a watchdog it still ends by itself when the socket does, unless it is stuck.
        let _ = watchdog.watch_group(group);
        let ending = Arc::new(Ending::default());
        ending.listen(process.stdout.take(), process.stderr.take(), &hidden.unwrap_or_default());
        std::thread::spawn({
            let ending = Arc::clone(&ending);
            move || ending.wait_for(process, group)
        });
        let socket = here.try_clone()?;
        let ((reader, writer), (_, writer_aside)) = (halves(here)?, halves(here_aside)?);
        let asked = Arc::new(Asked::default());
        let (questions, to_ask) = unbounded_channel();
        let (aside, to_ask_aside) = unbounded_channel();
        tokio::spawn(send(writer, to_ask));
        tokio::spawn(send(writer_aside, to_ask_aside));
        tokio::spawn(receive(reader, group, Arc::clone(&asked), Arc::clone(&ending)));
        Ok(Child { group, watchdog, socket, questions, aside, asked, ending })
    }

    /// The process group that it leads.
    pub(super) fn group(&self) -> u32 {
        self.group.as_raw_pid().cast_unsigned()
    }

    /// Whether it still answers.
    pub(super) fn is_alive(&self) -> bool {
        lock(&self.asked.state).gone.is_none()
    }

    /// Waits until every function that was cut has ended, or the process has.
    pub(super) async fn settled(&self) {
        loop {
            let settled = self.asked.settled.notified();
            if self.asked.is_settled() {
                return;
            }
            settled.await;
        }
    }

    /// Tells something that has no answer, before the next question.
    pub(super) fn tell(&self, operation: &str, message: Answer) {
        self.send(0, operation, message, false);
    }

    /// Asks for an operation.
    pub(super) fn ask(&self, operation: &str, message: Answer) -> Question<'_> {
        let mut state = lock(&self.asked.state);
        state.last += 1;
        let number = state.last;
        drop(state);
        let question = self.expect(number);
        let background = message.get("background") == Some(&Value::Bool(true));
        self.send(number, operation, message, background);
        question
    }

    fn send(&self, number: u64, operation: &str, mut message: Answer, background: bool) {
        let mut state = lock(&self.asked.state);
        let aside = background || state.on_main.is_some();
        // Each socket waits for what was sent before on the other.
        let after = if aside { state.to_main } else { state.to_aside };
        if aside {
            state.to_aside += 1;
        } else {
            state.to_main += 1;
            state.on_main = Some(number).filter(|number| *number > 0);
        }
        drop(state);
        message.insert("after".to_owned(), after.into());
        message.insert("id".to_owned(), number.into());
        message.insert("op".to_owned(), operation.into());
        let way = if aside { &self.aside } else { &self.questions };
        // When it is gone, the answer says so.
        let _ = way.send(format!("{}\n", Value::Object(message)));
    }

    fn expect(&self, number: u64) -> Question<'_> {
        let (answer, answers) = unbounded_channel();
        let mut state = lock(&self.asked.state);
        if state.gone.is_none() {
            state.untold.drain(..).for_each(|untold| drop(answer.send(untold)));
            state.waiting.insert(number, answer);
        }
        Question { child: self, number, answers, is_answered: false }
    }

    /// Has the function end that carries a question out, by force if it takes too long.
    fn cut(&self, number: u64) {
        let mut state = lock(&self.asked.state);
        if state.gone.is_some() || state.waiting.remove(&number).is_none() {
            return;
        }
        state.cut.insert(number);
        drop(state);
        self.send(0, "cut", as_object(json!({"of": number})), true);
        let (asked, group) = (Arc::clone(&self.asked), self.group);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            let state = lock(&asked.state);
            if state.cut.contains(&number) && state.gone.is_none() {
                kill(group);
            }
        });
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Modules may have to write down or take away something as Python ends.
        let asked = (&self.socket).write_all(b"{\"id\":0,\"op\":\"end\"}\n");
        if asked.is_ok() {
            self.ending.within(GRACE, |ended| ended.status.is_some());
        }
        kill(self.group);
        self.ending.within(GRACE, |ended| ended.outputs == 0);
        // Without a watchdog there is no list either.
        let _ = self.watchdog.release(self.group);
    }
}

/// A question, to be answered. When this is dropped before, what it asks for is cut.
pub(super) struct Question<'a> {
    child: &'a Child,
    number: u64,
    answers: UnboundedReceiver<Answer>,
    is_answered: bool,
}

impl Question<'_> {
    /// The answer; what is logged until then goes to `log`, with Python's number of its level.
    ///
    /// # Errors
    ///
    /// How the process ended.
    pub(super) async fn answer(mut self, log: impl Fn(i64, String)) -> Result<Answer, String> {
        loop {
            let Some(mut answer) = self.answers.recv().await else {
                return Err(lock(&self.child.asked.state).gone.clone().unwrap_or_default());
            };
            match answer.remove("log") {
                Some(Value::String(line)) => log(answer["level"].as_i64().unwrap_or_default(), line),
                _ => {
                    self.is_answered = true;
                    return Ok(answer);
                }
            }
        }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.child.cut(self.number);
        }
    }
}

impl Ending {
    /// Hands on what the process writes, and keeps the end of its standard error.
    fn listen(
        self: &Arc<Ending>,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        hidden: &Arc<Mutex<Mask>>,
    ) {
        self.change(|ended| ended.outputs = usize::from(stdout.is_some()) + usize::from(stderr.is_some()));
        if let Some(stdout) = stdout {
            self.hand_on(stdout, io::stdout(), hidden, |_, _| {});
        }
        if let Some(stderr) = stderr {
            self.hand_on(stderr, io::stderr(), hidden, |ending, bytes| ending.remember(bytes));
        }
    }

    fn hand_on(
        self: &Arc<Ending>,
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
        hidden: &Arc<Mutex<Mask>>,
        hear: fn(&Ending, &[u8]),
    ) {
        let (ending, hidden) = (Arc::clone(self), Arc::clone(hidden));
        std::thread::spawn(move || {
            pass_on(from, to, &hidden, |bytes| hear(&ending, bytes));
            ending.change(|ended| ended.outputs -= 1);
        });
    }

    fn remember(&self, bytes: &[u8]) {
        let words = &mut lock(&self.state).last_words;
        words.extend_from_slice(bytes);
        words.drain(..words.len().saturating_sub(LAST_WORDS));
    }

    /// Waits for the end of the process, and ends what it has started.
    fn wait_for(&self, mut process: std::process::Child, group: Pid) {
        let status = process.wait();
        kill(group);
        self.change(|ended| ended.status = status.ok());
    }

    fn change(&self, change: impl FnOnce(&mut Ended)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    /// Waits, for some time, until it has come to this.
    fn within(&self, time: Duration, condition: impl Fn(&Ended) -> bool) {
        let waited = self.changed.wait_timeout_while(lock(&self.state), time, |ended| !condition(ended));
        drop(waited);
    }

    /// How it ended, in words.
    fn describe(&self) -> String {
        let ended = lock(&self.state);
        let how = match ended.status {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("python3 ended with status {code}"),
                (None, signal) => format!("python3 was killed by signal {}", signal.unwrap_or_default()),
            },
            None => "python3 closed its socket".to_owned(),
        };
        match text::guessed(ended.last_words.clone()).trim() {
            "" => how,
            words => format!("{how}; its last words: {words}"),
        }
    }
}

fn halves(socket: UnixStream) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    socket.set_nonblocking(true)?;
    Ok(tokio::net::UnixStream::from_std(socket)?.into_split())
}

/// Sends every message, until there is nobody left to send any or to receive any.
async fn send(mut socket: OwnedWriteHalf, mut messages: UnboundedReceiver<String>) {
    while let Some(message) = messages.recv().await {
        if socket.write_all(message.as_bytes()).await.is_err() {
            return;
        }
    }
    // The socket has to stay open for the last word, which is said as the child is dropped.
    socket.forget();
}

/// Hands every answer to whoever waits for it, until there are none any more.
async fn receive(socket: OwnedReadHalf, group: Pid, asked: Arc<Asked>, ending: Arc<Ending>) {
    let mut lines = BufReader::new(socket);
    let mut line = Vec::new();
    let nonsense = loop {
        line.clear();
        if !matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
            break None;
        }
        if let Err(error) = asked.hand_on(&line) {
            break Some(format!("python3 sent what cannot be understood: {error}"));
        }
    };
    for _ in 0..40 {
        if nonsense.is_some() || lock(&ending.state).status.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill(group);
    ending.within(SILENCE, |ended| ended.outputs == 0);
    let mut state = lock(&asked.state);
    state.gone = Some(nonsense.unwrap_or_else(|| ending.describe()));
    state.waiting.clear();
    state.cut.clear();
    drop(state);
    asked.settled.notify_waiters();
}

impl Asked {
    /// Whether nothing that was cut goes on.
    fn is_settled(&self) -> bool {
        let state = lock(&self.state);
        state.cut.is_empty() || state.gone.is_some()
    }

    /// Takes in one line.
    fn hand_on(&self, line: &[u8]) -> Result<(), String> {
        let line = str::from_utf8(line).map_err(|error| error.to_string())?;
        let (number, answer) = line.split_once(' ').unwrap_or_default();
        let number = number.parse().map_err(|_| shortened(line))?;
        let answer =
            serde_json::from_str(answer).or_else(|_| serde_json::from_str(&flattened(&quoted(answer))));
        let answer = answer.map_err(|_| shortened(line))?;
        self.answered(number, answer);
        Ok(())
    }

    fn answered(&self, number: u64, answer: Answer) {
        let mut state = lock(&self.state);
        if !answer.contains_key("done") {
            // A thread that a call has left behind may log at any time.
            match state.waiting.get(&number).or_else(|| state.waiting.values().next()) {
                Some(waiting) => drop(waiting.send(answer)),
                None => state.untold.push(answer),
            }
            return;
        }
        state.on_main = state.on_main.filter(|on_main| *on_main != number);
        if let Some(waiting) = state.waiting.remove(&number) {
            // A call that was dropped just now wants no answer.
            let _ = waiting.send(answer);
        }
        if state.cut.remove(&number) {
            self.settled.notify_waiters();
        }
    }
}

/// The same JSON with numbers that are too large for any machine as texts.
fn quoted(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(|character: char| character == '"' || character.is_ascii_digit()) {
        let length = match rest.as_bytes()[at] {
            b'"' => text_length(&rest[at..]),
            _ => rest[at..].bytes().take_while(u8::is_ascii_digit).count(),
        };
        let is_large = rest.as_bytes()[at] != b'"' && length > 300;
        let quote = if is_large { "\"" } else { "" };
        quoted.extend([&rest[..at], quote, &rest[at..at + length], quote]);
        rest = &rest[at + length..];
    }
    quoted + rest
}

/// How deep answers may be nested: a journal deeper than that few programs read.
pub(super) const MAX_DEPTH: usize = 100;

/// The same JSON with whatever is nested too deep as its own text.
fn flattened(json: &str) -> String {
    let mut flattened = String::with_capacity(json.len());
    let (mut taken, mut at, mut depth) = (0, 0, 0_usize);
    while let Some(next) = json[at..].find(['"', '[', '{', ']', '}']) {
        at += next;
        match json.as_bytes()[at] {
            b'"' => at += text_length(&json[at..]) - 1,
            b'[' | b'{' => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    flattened += &json[taken..at];
                    taken = at;
                }
            }
            _ => {
                if depth == MAX_DEPTH + 1 {
                    flattened += &Value::from(&json[taken..=at]).to_string();
                    taken = at + 1;
                }
                depth = depth.saturating_sub(1);
            }
        }
        at += 1;
    }
    flattened + &json[taken..]
}

/// How long the quoted text is that JSON begins with.
fn text_length(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

fn shortened(line: &str) -> String {
    let line: String = line.trim_end().chars().take(80).collect();
    format!("`{line}`")
}

pub(super) fn as_object(value: Value) -> Answer {
    match value {
        Value::Object(map) => map,
        _ => Answer::new(),
    }
}

fn kill(group: Pid) {
    // It may have ended by itself.
    let _ = kill_process_group(group, Signal::KILL);
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_all_machines_become_texts() {
        let digits = "9".repeat(400);
        let json = format!(r#"{{"a\\\"1{digits}": [{digits}, 1.5, "{digits}"], "é": 12}}"#);
        let expected = json!({format!("a\\\"1{digits}"): [digits, 1.5, digits], "é": 12});
        assert_eq!(serde_json::from_str::<Value>(&quoted(&json)).unwrap(), expected);
    }

    #[test]
    fn what_is_nested_too_deep_becomes_a_text() {
        let deep = |levels: usize| "[\"]\",".repeat(levels) + "{}" + &"]".repeat(levels);
        assert_eq!(flattened(&deep(MAX_DEPTH - 1)), deep(MAX_DEPTH - 1));
        let mut value: Value = serde_json::from_str(&flattened(&deep(5000))).unwrap();
        for _ in 0..MAX_DEPTH {
            value = value[1].take();
        }
        assert_eq!(value, json!(deep(5000 - MAX_DEPTH)));
        assert_eq!(flattened("\"[]"), "\"[]");
    }
}
