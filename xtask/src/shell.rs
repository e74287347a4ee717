//! Running other programs: where the repository is, how a child is started, waited for and stopped.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap_or_else(|_| PathBuf::from("."))
}

/// The build folder: `CARGO_TARGET_DIR`, or `target` in the repository.
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A command that runs in the repository's root.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// A cargo command in the repository's root, with the cargo that runs this program.
///
/// What `cargo run` says about this package is taken out of the environment: build scripts look at it, and would
/// build again whenever a plain `cargo build` and an xtask take turns.
pub fn cargo(args: &str) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args.split_whitespace());
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|part| name.as_encoded_bytes().starts_with(part.as_bytes()))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `command` starts and succeeds; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The standard output of `command`, which must succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(output.status.success(), "{} ended with {}", shown(command), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn pass_through(source: Option<impl Read>, wanted: fn(&str) -> bool) -> Vec<String> {
    let Some(source) = source else { return Vec::new() };
    let lines = BufReader::new(source).split(b'\n').map_while(Result::ok);
    lines
        .filter_map(|line| {
            let line = String::from_utf8_lossy(&line).into_owned();
            eprintln!("{line}");
            wanted(&line).then(|| line.trim().to_owned())
        })
        .collect()
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether Ctrl-C or SIGTERM asked this program to stop. Once one of these exists, the first signal no longer ends the
/// program: whoever waits must look here. A second signal ends it at once.
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Starts to listen.
    pub fn listen() -> Result<Stop> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: what was set by the first signal makes the second one final.
            flag::register_conditional_shutdown(signal, 128 + signal, flag.clone())?;
            flag::register(signal, flag.clone())?;
        }
        Ok(Stop(flag))
    }

    /// Runs `command`, which must succeed.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        let status = self.status(command)?;
        ensure!(status.success(), "{} ended with {status}", shown(command));
        Ok(())
    }

    /// Runs `command` to its end. When a signal comes, the child is asked to stop (SIGTERM), then killed after ten
    /// seconds, and the answer is an error.
    pub fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        self.check()?;
        let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
        self.wait(&mut child)
    }

    /// Runs `command` with its output passed through to standard error. Gives the lines for which `wanted` holds, and
    /// whether it succeeded.
    pub fn watch(
        &self,
        command: &mut Command,
        wanted: fn(&str) -> bool,
    ) -> Result<(Vec<String>, ExitStatus)> {
        self.check()?;
        if std::io::stderr().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let from_stdout = std::thread::spawn(move || pass_through(stdout, wanted));
        let from_stderr = std::thread::spawn(move || pass_through(stderr, wanted));
        let status = self.wait(&mut child)?;
        let mut lines = from_stdout.join().unwrap_or_default();
        lines.extend(from_stderr.join().unwrap_or_default());
        Ok((lines, status))
    }

    /// Fails when a signal came.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.asked(), "stopped by a signal");
        Ok(())
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                self.check()?;
                return Ok(status);
            }
            if self.asked() {
                end(child)?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn end(child: &mut Child) -> Result<()> {
    kill(Pid::from_raw(child.id().try_into()?), Signal::SIGTERM)?;
    let patience = Instant::now() + Duration::from_secs(10);
    while child.try_wait()?.is_none() {
        if Instant::now() > patience {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
