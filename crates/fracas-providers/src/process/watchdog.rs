//! Kills what a run started when fracas itself is killed and cannot.
//!
//! The watchdog is a second process of the same binary that reads the process groups of a run
//! from a pipe. The pipe ends when fracas ends, however it ends; groups that are still on the
//! list then are killed.
//!
//! A program runs before anybody can know its group. So the watchdog first learns which pipe the
//! program's output will go to, and when fracas dies before it could name the group, the watchdog
//! looks for whoever holds that pipe.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, kill_process_group};

/// The argument that makes a binary a watchdog: see [`reap_main`].
pub const REAP: &str = "__reap";

/// What the watchdog is called among processes: whoever kills fracas by its name means the run, not
/// what cleans up after it.
const NAME: &str = "chaos-watchdog";

/// The way to a watchdog, which starts with the first group.
#[derive(Default)]
pub(crate) struct Watchdog {
    pipe: Mutex<Option<ChildStdin>>,
}

impl Watchdog {
    /// Announces a program whose output will go to the pipe of this inode.
    pub(super) fn expect(&self, output: u64) -> io::Result<()> {
        self.tell(&format!("?{output}\n"))
    }

    /// Puts the process group of the announced program on the list.
    pub(super) fn watch(&self, output: u64, group: Pid) -> io::Result<()> {
        self.tell(&format!("+{}\n!{output}\n", group.as_raw_pid()))
    }

    /// Puts a process group on the list whose program was not announced.
    pub(crate) fn watch_group(&self, group: Pid) -> io::Result<()> {
        self.tell(&format!("+{}\n", group.as_raw_pid()))
    }

    /// Takes the announcement back: the program did not start.
    pub(super) fn forget(&self, output: u64) -> io::Result<()> {
        self.tell(&format!("!{output}\n"))
    }

    /// Takes a process group off the list.
    pub(crate) fn release(&self, group: Pid) -> io::Result<()> {
        self.tell(&format!("-{}\n", group.as_raw_pid()))
    }

    /// One write for all lines, so that no part of them can be missing.
    fn tell(&self, lines: &str) -> io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = match pipe.as_mut() {
            Some(pipe) => pipe,
            None => pipe.insert(start()?),
        };
        pipe.write_all(lines.as_bytes())
    }
}

fn start() -> io::Result<ChildStdin> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg0(NAME).arg(REAP).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut watchdog = command.spawn()?;
    watchdog.stdin.take().ok_or_else(|| io::Error::other("the watchdog has no pipe"))
}

/// Keeps watch over the process groups that come in over standard input until it ends, and kills
/// those that are left. A binary that runs `process` activities calls this, and ends, when its
/// first argument is [`REAP`].
pub fn reap_main() {
    // A session of its own: no signal of a terminal comes here. It fails only for a group's
    // leader, which this is not unless somebody types the argument by hand.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"chaos-watchdog");
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // Without a handler the watchdog still works until somebody signals it by name.
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
    let left = LeftOver::read(io::stdin().lock());
    left.groups.into_iter().filter_map(Pid::from_raw).for_each(kill);
    // A program that was just being started may take a moment to hold its pipe.
    for _ in 0..5 {
        left.outputs.iter().flat_map(|output| holders(*output)).for_each(kill);
        std::thread::sleep(Duration::from_millis(if left.outputs.is_empty() { 0 } else { 20 }));
    }
}

fn kill(group: Pid) {
    // It may have ended by itself since.
    let _ = kill_process_group(group, Signal::KILL);
}

/// The process groups of those whose standard output is the pipe of this inode.
fn holders(output: u64) -> Vec<Pid> {
    let pipe = PathBuf::from(format!("pipe:[{output}]"));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let holding =
        processes.filter(|process| fs::read_link(process.path().join("fd/1")).is_ok_and(|to| to == pipe));
    let ids =
        holding.filter_map(|process| process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    ids.filter_map(|id| getpgid(Some(id)).ok()).collect()
}

/// What is on the list when it ends.
#[derive(Debug, Default, PartialEq)]
struct LeftOver {
    groups: BTreeSet<i32>,
    /// The outputs of programs whose groups nobody named.
    outputs: BTreeSet<u64>,
}

impl LeftOver {
    fn read(list: impl BufRead) -> LeftOver {
        let mut left = LeftOver::default();
        for line in list.lines().map_while(Result::ok) {
            let Some((sign, number)) = line.split_at_checked(1) else { continue };
            match (sign, number.parse(), number.parse()) {
                ("+", Ok(group), _) => left.groups.insert(group),
                ("-", Ok(group), _) => left.groups.remove(&group),
                ("?", _, Ok(output)) => left.outputs.insert(output),
                ("!", _, Ok(output)) => left.outputs.remove(&output),
                _ => false,
            };
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_released_is_left_over() {
        let list = "?7\n+10\n!7\n?8\n!8\n+20\n-10\n\n+x\n+30\n-30\n?99999999999\n";
        let expected = LeftOver { groups: BTreeSet::from([20]), outputs: BTreeSet::from([99_999_999_999]) };
        assert_eq!(LeftOver::read(list.as_bytes()), expected);
    }

    #[test]
    fn finds_who_holds_a_pipe() {
        let (reader, writer) = io::pipe().unwrap();
        let output = rustix::fs::fstat(&reader).unwrap().st_ino;
        let mut command = Command::new("sleep");
        let mut child = command.arg("1000").stdout(writer).process_group(0).spawn().unwrap();
        assert_eq!(holders(output), [Pid::from_child(&child)]);
        holders(output).into_iter().for_each(kill);
        child.wait().unwrap();
        assert_eq!(holders(output), []);
    }
}
