//! A case: a folder of data with a `case.toml`, its input files, and what is expected. Those in `tests/cases` store what
//! is expected; those in `tests/parity`, in a folder for each area, expect what the reference does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use super::process::{self, Ended, Outside};
use super::stage::Stage;
use super::{fracas, normal, python, root};

/// What `case.toml` says. `{NAME}` in `args` and `env` is the address of the server NAME.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What this case holds fracas to, in a sentence.
    pub why: String,
    /// The source file of the reference whose behaviour this is.
    pub source: Option<String>,
    /// The arguments, separated by spaces.
    #[serde(default = "run_the_experiment")]
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
    /// Signals to send during the run, in this order.
    #[serde(default)]
    pub signals: Vec<SignalAfter>,
    /// The standard input.
    #[serde(default)]
    pub stdin: String,
    /// Files that are written beside the journal and belong to the outcome.
    #[serde(default)]
    pub files: Vec<String>,
    /// Several things happen at once: the order of lines, on the console and in `files`, is a matter of chance.
    #[serde(default)]
    pub unordered: bool,
    /// Arguments of fracas in the same folder, once the run is over.
    pub then: Option<String>,
    /// The reference runs the same, and only what is said here differs.
    pub reference: Option<Reference>,
    /// What differs from the reference even under `--compat`.
    #[serde(default)]
    pub compat: Compat,
}

fn run_the_experiment() -> String {
    "run experiment.json".into()
}

/// Sends the signal `name` once a line of standard error contains `after`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalAfter {
    pub name: String,
    pub after: String,
}

/// How the default preset differs from the reference, on purpose. See docs/differences.md.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Its experiment where that cannot be the same, for instance because it knows no DocumentDB.
    pub experiment: Option<String>,
    /// Why it dies with a traceback: only what it printed before is compared, and the journal must be there.
    pub crash: Option<String>,
    /// What fracas does instead where nothing but its exit code can be compared.
    pub instead: Option<String>,
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

/// How `--compat` differs from the reference; each with its reason in a comment.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Compat {
    /// What fracas does instead where nothing but its exit code can be compared.
    pub instead: Option<String>,
    /// The exit code where it is another one.
    pub exit: Option<i32>,
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
#[derive(Clone)]
pub struct Outcome {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub journal: Option<String>,
    /// The texts of the case's `files`, by name.
    pub files: BTreeMap<String, String>,
}

/// The files of a case that say what is expected, beside `NAME.expected` for each of its `files`; others are inputs.
const EXPECTED: [&str; 4] = ["case.toml", "stdout", "stderr", "journal.json"];

/// The cases that store what is expected.
pub fn stored() -> Vec<Case> {
    folders(&root().join("tests/cases")).into_iter().map(|(name, folder)| Case::load(name, folder)).collect()
}

/// All cases that the reference runs, too.
pub fn compared() -> Vec<Case> {
    let mut cases: Vec<_> = stored().into_iter().filter(|case| case.says.reference.is_some()).collect();
    for (area, folder) in folders(&root().join("tests/parity")) {
        let of_area = folders(&folder).into_iter();
        cases.extend(of_area.map(|(name, folder)| Case::load(format!("{area}/{name}"), folder)));
    }
    cases
}

/// The folders in `folder` and their names, sorted; what starts with `_` is shared by cases and is none.
fn folders(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let named = entries.map(|entry| {
        let entry = entry.expect("an entry");
        (entry.file_name().to_string_lossy().into_owned(), entry.path())
    });
    named.filter(|(name, _)| !name.starts_with('_')).collect()
}

impl Case {
    fn load(name: String, folder: PathBuf) -> Case {
        let path = folder.join("case.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let says = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Case { name, folder, says }
    }

    /// Runs the program under test as the case says.
    pub fn run(&self) -> Outcome {
        self.run_with(fracas(), &self.says.args, self.says.then.as_deref())
    }

    /// Runs the program under test as the reference's stand-in.
    pub fn run_compat(&self) -> Outcome {
        self.run_with(fracas(), &format!("--compat {}", quiet(&self.says.args)), None)
    }

    /// Runs the reference's `chaos` on the same inputs.
    pub fn run_reference(&self, reference: &Reference) -> Outcome {
        let chaos = python().with_file_name("chaos");
        let args = match &reference.experiment {
            Some(experiment) => self.says.args.replace("experiment.json", experiment),
            None => self.says.args.clone(),
        };
        self.run_with(&chaos, &quiet(&args), None)
    }

    fn run_with(&self, program: &Path, args: &str, then: Option<&str>) -> Outcome {
        let dir = self.inputs();
        let stage = self.stage(dir.path());
        let command = |args: &str| {
            let fill = |text: &str| stage.as_ref().map_or(text.to_owned(), |stage| stage.fill(text));
            let mut command = Command::new(program);
            command.args(fill(args).split_whitespace()).current_dir(dir.path());
            self.set_environment(&mut command, dir.path(), fill);
            command
        };
        let mut ended = process::run(command(args), &self.outside());
        if let Some(args) = then {
            let after = process::run(command(args), &Outside::default());
            ended.stderr += &format!("$ fracas {args}\n{}", after.stderr);
            ended.stdout += &after.stdout;
            ended.exit = after.exit;
        }
        self.outcome(ended, dir.path(), stage.as_ref())
    }

    /// A fresh folder with the case's input files.
    fn inputs(&self) -> TempDir {
        let dir = tempfile::Builder::new().prefix("fracas-case-").tempdir().expect("a temporary folder");
        copy(&self.folder, dir.path());
        let of_files = self.says.files.iter().map(|name| format!("{name}.expected"));
        for name in EXPECTED.map(String::from).into_iter().chain(of_files) {
            let _ = fs::remove_file(dir.path().join(name));
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

    /// Little beside what the case says, so that nothing of the machine or its user gets in. `python3` is the one
    /// that has the reference, and finds the modules that cases share.
    fn set_environment(&self, command: &mut Command, dir: &Path, fill: impl Fn(&str) -> String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = python().parent().map(|folder| format!("{}:{path}", folder.display()));
        command.env_clear().env("PATH", programs.unwrap_or(path));
        command.env("HOME", dir).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env(
            "PYTHONPATH",
            format!("{}:{}", dir.display(), root().join("tests/parity/_modules").display()),
        );
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.envs(self.says.env.iter().map(|(key, value)| (key, fill(value))));
    }

    fn outside(&self) -> Outside<'_> {
        let signals = self.says.signals.iter().map(|SignalAfter { name, after }| {
            let signal = format!("SIG{name}").parse();
            (signal.unwrap_or_else(|_| panic!("there is no signal {name}")), after.as_str())
        });
        Outside { stdin: &self.says.stdin, signals: signals.collect() }
    }

    fn outcome(&self, ended: Ended, dir: &Path, stage: Option<&Stage>) -> Outcome {
        let text = |text: &str| normal::text(text, dir, stage);
        let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
        let files = self.says.files.iter();
        Outcome {
            exit: ended.exit,
            stdout: text(&ended.stdout),
            stderr: text(&ended.stderr),
            journal: read("journal.json").map(|journal| normal::journal(&journal, dir, stage)),
            files: files.map(|name| (name.clone(), text(&read(name).unwrap_or_default()))).collect(),
        }
    }
}

/// Without the reference's check for a new version and its log file, unless the case is about that.
fn quiet(args: &str) -> String {
    let log_file = if args.contains("--log-file") { "" } else { "--no-log-file " };
    format!("--no-version-check {log_file}{args}")
}

/// Copies what is in the folder `from`, folders in it included, into the folder `to`.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the case can be listed") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).expect("the folder is fresh");
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("inputs are plain files");
        }
    }
}
