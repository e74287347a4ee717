//! A case: a folder of data under `tests/cases` with a `case.toml`, its input files, and what is expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use super::process::{self, Ended};
use super::stage::Stage;
use super::{fracas, normal, python, root};

/// What `case.toml` says. `{NAME}` in `args` and `env` is the address of the server NAME.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What this case holds fracas to, in a sentence.
    pub why: String,
    /// The arguments, separated by spaces.
    pub args: String,
    /// The exit code.
    #[serde(default)]
    pub exit: i32,
    /// The servers of the stage, see `tests/stage/stage.py`.
    #[serde(default)]
    pub servers: Vec<String>,
    /// Set in the environment, which otherwise holds little more than PATH.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// A shell command that makes inputs too odd to store.
    pub before: Option<String>,
    /// A signal to send during the run.
    pub signal: Option<SignalAfter>,
    /// The reference runs the same, and only what is said here differs.
    pub reference: Option<Reference>,
}

/// Sends the signal `name` once a line of standard error contains `after`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalAfter {
    pub name: String,
    pub after: String,
}

/// How the reference's run of a case differs, on purpose. See docs/differences.md.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Its experiment where that cannot be the same, for instance because it knows no DocumentDB.
    pub experiment: Option<String>,
    /// Its exit code where it is another one.
    pub exit: Option<i32>,
    /// The status in its journal where it is another one.
    pub status: Option<String>,
    /// Keys of the journal, wherever they are, that are not compared.
    #[serde(default)]
    pub journal_but: Vec<String>,
    /// Console lines that contain one of these are not compared.
    #[serde(default)]
    pub lines_but: Vec<String>,
}

/// One folder.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub says: Description,
}

/// What a run gave, made comparable. A journal only if one was written.
pub struct Outcome {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub journal: Option<String>,
}

/// The files of a case that say what is expected; all others are inputs.
const EXPECTED: [&str; 4] = ["case.toml", "stdout", "stderr", "journal.json"];

/// All cases, by name.
pub fn all() -> Vec<Case> {
    let folders = fs::read_dir(root().join("tests/cases")).expect("tests/cases can be listed");
    let mut cases: Vec<_> = folders.map(|entry| Case::load(entry.expect("an entry").path())).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    fn load(folder: PathBuf) -> Case {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join("case.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let says = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Case { name, folder, says }
    }

    /// Runs the program under test as the case says.
    pub fn run(&self) -> Outcome {
        self.run_with(Command::new(fracas()), &self.says.args)
    }

    /// Runs the reference's `chaos` on the same inputs.
    pub fn run_reference(&self, reference: &Reference) -> Outcome {
        let chaos = python().with_file_name("chaos");
        let args = match &reference.experiment {
            Some(experiment) => self.says.args.replace("experiment.json", experiment),
            None => self.says.args.clone(),
        };
        self.run_with(Command::new(chaos), &format!("--no-version-check --no-log-file {args}"))
    }

    fn run_with(&self, mut command: Command, args: &str) -> Outcome {
        let dir = self.inputs();
        let stage = self.stage(dir.path());
        let fill = |text: &str| stage.as_ref().map_or(text.to_owned(), |stage| stage.fill(text));
        command.args(fill(args).split_whitespace()).current_dir(dir.path());
        self.set_environment(&mut command, dir.path(), fill);
        let ended = process::run(command, self.signal());
        normal_outcome(ended, dir.path(), stage.as_ref())
    }

    /// A fresh folder with the case's input files.
    fn inputs(&self) -> TempDir {
        let dir = tempfile::Builder::new().prefix("fracas-case-").tempdir().expect("a temporary folder");
        for entry in fs::read_dir(&self.folder).expect("the case can be listed") {
            let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
            if !EXPECTED.iter().any(|expected| *expected == name) {
                fs::copy(&from, dir.path().join(name)).expect("inputs are plain files");
            }
        }
        if let Some(before) = &self.says.before {
            let made = Command::new("sh").args(["-c", before]).current_dir(dir.path()).status();
            assert!(made.is_ok_and(|status| status.success()), "the command before the run failed: {before}");
        }
        dir
    }

    fn stage(&self, dir: &Path) -> Option<Stage> {
        (!self.says.servers.is_empty())
            .then(|| Stage::start(&python(), &root(), dir, &self.says.servers).expect("the stage starts"))
    }

    /// Little beside what the case says, so that nothing of the machine or its user gets in.
    fn set_environment(&self, command: &mut Command, dir: &Path, fill: impl Fn(&str) -> String) {
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", dir).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.envs(self.says.env.iter().map(|(key, value)| (key, fill(value))));
    }

    fn signal(&self) -> Option<(Signal, &str)> {
        let SignalAfter { name, after } = self.says.signal.as_ref()?;
        let signal = format!("SIG{name}").parse().unwrap_or_else(|_| panic!("there is no signal {name}"));
        Some((signal, after))
    }
}

fn normal_outcome(ended: Ended, dir: &Path, stage: Option<&Stage>) -> Outcome {
    let text = |text: &str| normal::text(text, dir, stage);
    let journal = fs::read_to_string(dir.join("journal.json")).ok();
    Outcome {
        exit: ended.exit,
        stdout: text(&ended.stdout),
        stderr: text(&ended.stderr),
        journal: journal.map(|journal| normal::journal(&journal, dir, stage)),
    }
}
