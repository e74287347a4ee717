//! Runs a program to its end, with a limit, with text on its standard input and with signals at chosen moments.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take before its test fails.
const LIMIT: Duration = Duration::from_secs(120);

/// What a program left behind: its exit code (128 and the signal's number where one ended it) and its output.
#[derive(Debug)]
pub struct Ended {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

/// What comes to a program from outside while it runs.
#[derive(Default)]
pub struct Outside<'a> {
    /// Its standard input, which is empty where there is none.
    pub stdin: &'a str,
    /// Each signal is sent once a line of standard error contains the text, one after the other.
    pub signals: Vec<(Signal, &'a str)>,
}

/// Runs `command` to its end while `outside` happens to it.
pub fn run(mut command: Command, outside: &Outside) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let (lines, seen) = mpsc::channel();
    let stderr = collect_lines(child.stderr.take().expect("stderr is piped"), lines);
    // A program that reads nothing may be gone by now.
    let _ = child.stdin.take().expect("stdin is piped").write_all(outside.stdin.as_bytes());
    let mut not_sent = String::new();
    for (signal, text) in &outside.signals {
        if !seen.iter().any(|line| line.contains(text)) {
            not_sent += &format!("({signal} was not sent: no line with {text:?} came)\n");
        }
        // The line is printed just before the step starts; give the step a moment to be under way.
        thread::sleep(Duration::from_millis(300));
        // A program that ended without that line is gone.
        let _ = kill(pid(&child), *signal);
    }
    let exit = wait(&mut child, &command);
    let stderr = stderr.join().expect("read") + &not_sent;
    Ended { exit, stdout: stdout.join().expect("read"), stderr }
}

/// The process id of `child` as signals want it.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("process ids are small"))
}

fn wait(child: &mut Child, command: &Command) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status.code().or_else(|| status.signal().map(|number| 128 + number)).unwrap_or(-1);
        }
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("{command:?} did not end within {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn collect(mut source: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn collect_lines(
    source: impl Read + Send + 'static,
    lines: mpsc::Sender<String>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            text.push_str(&line);
            text.push('\n');
            let _ = lines.send(line);
        }
        text
    })
}
