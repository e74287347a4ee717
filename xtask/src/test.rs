//! `cargo xtask test` and `cargo xtask check`: every check of the project, one named and timed step each.
//!
//! ```text
//! ==> clippy
//!     clippy passed in 12.3 s
//! ...
//! format passed       0.8 s
//! clippy passed      12.3 s
//! tests  FAILED      40.1 s
//! ```

use std::process::ExitStatus;
use std::time::Instant;

use anyhow::{Result, anyhow, bail, ensure};

use crate::shell::{self, Stop, cargo, command, succeeds};
use crate::{models, python};

/// All checks, slow ones included. Sets up the Python environment and the tools that are missing.
pub fn everything(stop: &Stop) -> Result<()> {
    let mut steps = Steps::new(stop);
    steps.step("set-up", || set_up(stop));
    steps.quick();
    steps.step("models", || models::run(&["--check".into()]));
    steps.step("dependencies", || dependencies(stop));
    steps.step("doc tests", || stop.run(&mut cargo("test --workspace --doc --quiet")));
    let mut closing = Vec::new();
    steps.step("tests", || {
        let (lines, status) = tests(stop)?;
        closing = lines;
        ensure!(status.success(), "the test runner ended with {status}");
        Ok(())
    });
    steps.finish(&closing)
}

/// The checks that need no run: format, lints, docs and the names of paths.
pub fn quick(stop: &Stop) -> Result<()> {
    let mut steps = Steps::new(stop);
    steps.quick();
    steps.finish(&[])
}

/// Asks the public advisory database about every dependency.
pub fn advisories(stop: &Stop) -> Result<()> {
    install_cargo_deny(stop)?;
    stop.run(&mut cargo("deny check advisories"))
}

struct Steps<'a> {
    stop: &'a Stop,
    /// What ran so far: each step's name, whether it passed, and its seconds.
    done: Vec<(&'static str, bool, f64)>,
}

impl<'a> Steps<'a> {
    fn new(stop: &'a Stop) -> Self {
        Steps { stop, done: Vec::new() }
    }

    fn quick(&mut self) {
        let stop = self.stop;
        self.step("format", || stop.run(&mut cargo("fmt --all --check")));
        self.step("clippy", || {
            stop.run(&mut cargo(
                "clippy --workspace --all-targets --features fracas-aws/pack --quiet -- -D warnings",
            ))
        });
        self.step("docs", || {
            stop.run(cargo("doc --workspace --no-deps --quiet").env("RUSTDOCFLAGS", "-D warnings"))
        });
        self.step("paths", no_machine_paths);
    }

    /// Runs one step. A failure is told at once and does not keep the later steps from running.
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        eprintln!("==> {name}");
        let start = Instant::now();
        let outcome = self.stop.check().and_then(|()| work());
        let seconds = start.elapsed().as_secs_f64();
        match &outcome {
            Ok(()) => eprintln!("    {name} passed in {seconds:.1} s"),
            Err(error) => eprintln!("    {name} FAILED in {seconds:.1} s: {error:#}"),
        }
        self.done.push((name, outcome.is_ok(), seconds));
    }

    /// Prints the table of steps, then the test runner's own closing lines, and fails if any step did.
    fn finish(self, closing: &[String]) -> Result<()> {
        eprintln!();
        for (name, passed, seconds) in &self.done {
            eprintln!("{name:<14}{} {seconds:>8.1} s", if *passed { "passed" } else { "FAILED" });
        }
        for line in closing {
            eprintln!("{line}");
        }
        let failed: Vec<_> =
            self.done.iter().filter(|(_, passed, _)| !passed).map(|(name, ..)| *name).collect();
        ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
        eprintln!("all {} steps passed", self.done.len());
        Ok(())
    }
}

/// Makes what the tests need beside Rust.
pub fn set_up(stop: &Stop) -> Result<()> {
    let python = python::environment(stop)?;
    python::botocore_tests(stop, &python)?;
    Ok(())
}

/// All tests but the doc tests, by nextest where it is installed. Gives the runners' closing lines. The differential
/// suite counts its comparisons, for which it has to be one process.
fn tests(stop: &Stop) -> Result<(Vec<String>, ExitStatus)> {
    let mut runs = vec!["test --workspace --all-targets"];
    if succeeds(&mut cargo("nextest --version")) {
        runs = vec![
            "nextest run --workspace -E !binary(differential)",
            "test --package fracas --test differential",
        ];
    }
    let target = shell::target();
    let mut closing = Vec::new();
    let mut ended = ExitStatus::default();
    for run in runs {
        let mut run = cargo(run);
        run.env("FRACAS_PYTHON", target.join("venv/bin/python"));
        run.env("FRACAS_BOTOCORE_TESTS", target.join("botocore/tests"));
        let (lines, status) = stop.watch(&mut run, is_closing)?;
        closing.extend(lines);
        if !status.success() {
            ended = status;
        }
    }
    Ok((closing, ended))
}

fn is_closing(line: &str) -> bool {
    ["Summary [", "test result:", "differential:"].iter().any(|part| line.contains(part))
}

/// Licences, bans and sources of the dependencies: all that can be told without the advisory database.
fn dependencies(stop: &Stop) -> Result<()> {
    install_cargo_deny(stop)?;
    stop.run(&mut cargo("deny --log-level error check licenses bans sources"))
}

fn install_cargo_deny(stop: &Stop) -> Result<()> {
    if succeeds(&mut cargo("deny --version")) {
        return Ok(());
    }
    eprintln!("installing cargo-deny (several minutes, once)");
    stop.run(&mut cargo("install --locked --quiet cargo-deny@0.20.2"))
}

/// A tracked file that names a folder of one machine would work there only.
fn no_machine_paths() -> Result<()> {
    if !succeeds(&mut git(&["rev-parse"])) {
        eprintln!("    not a git checkout: nothing is tracked");
        return Ok(());
    }
    let here = shell::root().display().to_string();
    let home = std::env::var("HOME").map_err(|_| anyhow!("HOME is not set"))?;
    let mut grep = git(&["grep", "--line-number", "-I", "--fixed-strings"]);
    for path in [&here, &home].into_iter().chain(&["work", "root", "Users"].map(|top| format!("/{top}/"))) {
        grep.args(["-e", path]);
    }
    // Found is 0, nothing found is 1.
    match grep.status()?.code() {
        Some(1) => Ok(()),
        _ => bail!("tracked files name paths of a machine"),
    }
}

fn git(args: &[&str]) -> std::process::Command {
    let mut git = command("git");
    git.args(args);
    git
}
