//! Kills what a run started when fracas itself is killed and cannot.
//!
//! The watchdog is a second process of the same binary that reads the process groups of a run
//! from a pipe. The pipe ends when fracas ends, however it ends; groups that are still on the
//! list then are killed.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The argument that makes a binary a watchdog: see [`reap_main`].
pub const REAP: &str = "__reap";

/// What the watchdog is called among processes: whoever kills fracas by its name means the run, not
/// what cleans up after it.
const NAME: &str = "chaos-watchdog";

/// The way to a watchdog, which starts with the first group.
pub(super) struct Watchdog {
    pipe: Mutex<Option<ChildStdin>>,
}

impl Watchdog {
    pub(super) fn new() -> Watchdog {
        Watchdog { pipe: Mutex::new(None) }
    }

    /// Puts a process group on the list.
    pub(super) fn watch(&self, group: Pid) -> io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = match pipe.as_mut() {
            Some(pipe) => pipe,
            None => pipe.insert(start()?),
        };
        tell(pipe, '+', group)
    }

    /// Takes a process group off the list.
    pub(super) fn release(&self, group: Pid) {
        if let Some(pipe) = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Without a watchdog there is no list either.
            let _ = tell(pipe, '-', group);
        }
    }
}

/// One write for the whole line, so that no part of it can be missing.
fn tell(pipe: &mut ChildStdin, sign: char, group: Pid) -> io::Result<()> {
    pipe.write_all(format!("{sign}{}\n", group.as_raw_pid()).as_bytes())
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
    for group in left_over(io::stdin().lock()).into_iter().filter_map(Pid::from_raw) {
        // It may have ended by itself since.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The groups that are on the list when it ends.
fn left_over(list: impl BufRead) -> BTreeSet<i32> {
    let mut groups = BTreeSet::new();
    for line in list.lines().map_while(Result::ok) {
        match line.split_at_checked(1).map(|(sign, group)| (sign, group.parse())) {
            Some(("+", Ok(group))) => groups.insert(group),
            Some(("-", Ok(group))) => groups.remove(&group),
            _ => false,
        };
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_were_not_released_are_left_over() {
        let list = "+10\n+20\n-10\n\n+x\n+30\n-30\n";
        assert_eq!(left_over(list.as_bytes()), BTreeSet::from([20]));
    }
}
