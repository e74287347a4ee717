//! What a killed run leaves, and what `fracas recover` makes of it.
//!
//! The experiment appends a line to a file of effects in each action (`break-N`) and each rollback (`mend-N`), so that
//! what really happened can be counted, whatever the run log says.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::process::{self, Ended, Outside};
use tempfile::TempDir;

/// A rollback in Python.
const MENDING: &str = "
import os, time
def mend(what):
    with open(os.environ['EFFECTS'], 'a') as effects:
        effects.write(what + chr(10))
    time.sleep(0.05)
";

const ROLLBACKS: [&str; 2] = ["mend-1", "mend-2"];

#[test]
fn a_run_killed_at_any_event_is_recovered_once() {
    let whole = Run::new();
    whole.complete();
    for events in 1..whole.log().lines().count() {
        let run = Run::new();
        let log = run.killed_after(events);
        run.assert_no_process_left();
        let before = run.effects();
        run.recover_and_check(&log, &before, &format!("killed after {events} events"));
    }
}

#[test]
fn a_log_cut_anywhere_is_recovered_once() {
    let whole = Run::new();
    whole.complete();
    let log = whole.log();
    for (end, what) in cuts(&log) {
        let run = Run::new();
        run.take_over(&whole, &log[..end]);
        run.recover_and_check(&log[..end], &[], &what);
    }
}

#[test]
fn a_killed_run_leaves_no_process() {
    let run = Run::new();
    let mut experiment = experiment();
    experiment["method"][0]["provider"]["arguments"] = json!(["-c", "sleep 600 & sleep 600"]);
    run.write(&experiment);
    run.killed_when(|log| {
        log.lines().any(|line| line.contains("process-started") && line.contains("method"))
    });
    run.assert_no_process_left();
}

/// Every line boundary but the file's start and end, and the middle of every line.
fn cuts(log: &str) -> Vec<(usize, String)> {
    let mut cuts = Vec::new();
    let mut start = 0;
    for (number, line) in log.split_inclusive('\n').enumerate() {
        if number > 0 {
            cuts.push((start, format!("cut before line {}", number + 1)));
            let middle = (start + line.len() / 2..).find(|at| log.is_char_boundary(*at)).expect("a boundary");
            cuts.push((middle, format!("cut inside line {}", number + 1)));
        }
        start += line.len();
    }
    cuts
}

fn experiment() -> Value {
    let step = |kind: &str, name: &str, script: &str| {
        json!({"type": kind, "name": name, "pauses": {"after": 0.05},
               "provider": {"type": "process", "path": "sh", "arguments": ["-c", script]}})
    };
    let effect = |name: &str| step("action", name, &format!("echo {name} >> \"$EFFECTS\"; sleep 0.05"));
    let mut probe = step("probe", "well", "exit 0");
    probe["tolerance"] = json!(0);
    // What the rollbacks need is found by the run.
    let mut look = step("probe", "look", "printf mend");
    look["save"] = json!({"word": "stdout"});
    let mut background = effect("break-1");
    background["background"] = json!(true);
    let mut meanwhile = effect("break-2");
    meanwhile["pauses"] = json!({"before": 0.05});
    let mend_1 = step("action", "mend-1", "echo ${word}-1 >> \"$EFFECTS\"; sleep 0.05");
    let mend_2 = json!({"type": "action", "name": "mend-2",
        "provider": {"type": "python", "module": "mending", "func": "mend", "arguments": {"what": "${word}-2"}}});
    json!({
        "title": "Killed", "description": "An experiment that is killed.",
        "steady-state-hypothesis": {"title": "All is well", "probes": [probe]},
        "method": [look, background, meanwhile],
        "rollbacks": [mend_1, mend_2],
    })
}

/// A folder with the experiment, the runs and the effects. Its path marks all processes that belong to it.
struct Run(TempDir);

impl Run {
    fn new() -> Run {
        let run = Run(tempfile::Builder::new().prefix("fracas-kill-").tempdir().expect("a temporary folder"));
        run.write(&experiment());
        fs::write(run.path("mending.py"), MENDING).expect("the folder is ours");
        run
    }

    fn write(&self, experiment: &Value) {
        fs::write(self.path("experiment.json"), experiment.to_string()).expect("the folder is ours");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(support::fracas());
        command.args(args).args(["--runs-dir", "runs"]).current_dir(self.0.path());
        command.env("EFFECTS", self.path("effects")).env("PYTHONPATH", self.0.path());
        command
    }

    fn complete(&self) {
        let ended = process::run(self.command(&["run", "experiment.json"]), &Outside::default());
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        assert_eq!(self.effects(), ["break-1", "break-2", "mend-1", "mend-2"]);
    }

    fn recover(&self) -> Ended {
        process::run(self.command(&["recover", "last"]), &Outside::default())
    }

    /// Kills a run once its log has `events` whole lines; gives the log as it then is.
    fn killed_after(&self, events: usize) -> String {
        self.killed_when(|log| log.matches('\n').count() >= events)
    }

    fn killed_when(&self, reached: impl Fn(&str) -> bool) -> String {
        let mut command = self.command(&["run", "experiment.json"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("fracas starts");
        let start = Instant::now();
        while !self.try_log().is_some_and(|log| reached(&log)) {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the log never came so far: {:?}",
                self.try_log()
            );
            thread::sleep(Duration::from_micros(200));
        }
        child.kill().expect("the run can be killed");
        child.wait().expect("the run can be waited for");
        self.log()
    }

    fn folder(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.path("runs")).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        // A name that starts with a dot is a run that has not begun: its first event is not on disk.
        let begun =
            |path: &PathBuf| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        entries.filter(begun).max()
    }

    fn try_log(&self) -> Option<String> {
        fs::read_to_string(self.folder()?.join("events.jsonl")).ok()
    }

    fn log(&self) -> String {
        self.try_log().expect("there is a log")
    }

    fn effects(&self) -> Vec<String> {
        fs::read_to_string(self.path("effects")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Makes this the folder of `other`'s run, as if the log had ended with `log`.
    fn take_over(&self, other: &Run, log: &str) {
        let from = other.folder().expect("the other has run");
        let to = self.path("runs").join(from.file_name().expect("a run has a name"));
        fs::create_dir_all(&to).expect("the folder is ours");
        for entry in fs::read_dir(&from).expect("the run can be listed") {
            let entry = entry.expect("an entry");
            if entry.file_name() != "journal.json" {
                fs::copy(entry.path(), to.join(entry.file_name())).expect("a run holds plain files");
            }
        }
        fs::write(to.join("events.jsonl"), log).expect("the folder is ours");
    }

    /// Recovers and checks that each rollback that `log` leaves open happened, and no other; then that a second
    /// recovery changes nothing.
    fn recover_and_check(&self, log: &str, before: &[String], what: &str) {
        let ended = self.recover();
        let said = format!("{what}: {ended:?}\nlog:\n{log}");
        let added = self.effects()[before.len()..].to_vec();
        let logged = Logged::read(log);
        assert_eq!(added, logged.open_rollbacks(), "effects of the recovery, {said}");
        self.check_repeats(&logged, &said);
        let folder = self.folder().expect("there is a run");
        let journal =
            fs::read_to_string(folder.join("journal.json")).unwrap_or_else(|_| panic!("no journal, {said}"));
        let journal: Value =
            serde_json::from_str(&journal).unwrap_or_else(|_| panic!("a broken journal, {said}"));
        assert!(journal["status"].is_string(), "a journal without status, {said}");
        if logged.may_have_acted() {
            for name in ROLLBACKS {
                let mut tries = journal["rollbacks"].as_array().into_iter().flatten();
                let last = tries.rfind(|run| run["activity"]["name"] == name);
                assert!(last.is_some_and(|run| run["status"] == "succeeded"), "{name} is unproven, {said}");
            }
        }
        let (files, effects) = (contents(&folder), self.effects());
        self.recover();
        assert_eq!(contents(&folder), files, "a second recovery wrote, {said}");
        assert_eq!(self.effects(), effects, "a second recovery did something, {said}");
    }

    /// A rollback that was cut in the middle is played again, and the log says that it is.
    fn check_repeats(&self, logged: &Logged, said: &str) {
        let now = self.log();
        for name in logged.cut_rollbacks() {
            let again =
                now.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|event| {
                    event["event"] == "activity-started"
                        && event["name"] == name.as_str()
                        && event["again"] == true
                });
            assert!(again, "{name} was cut, but its repetition is not marked, {said}");
        }
    }

    /// No process that has this run's folder in its environment lives, after a moment to die.
    fn assert_no_process_left(&self) {
        let start = Instant::now();
        while let Some(process) = self.some_process() {
            assert!(start.elapsed() < Duration::from_secs(5), "still there: {process}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn some_process(&self) -> Option<String> {
        let mark = format!("EFFECTS={}", self.path("effects").display());
        let processes = fs::read_dir("/proc").expect("Linux").filter_map(|entry| Some(entry.ok()?.path()));
        processes
            .filter(|path| {
                fs::read(path.join("environ")).is_ok_and(|environ| contains(&environ, mark.as_bytes()))
            })
            .find_map(|path| fs::read_to_string(path.join("cmdline")).ok())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the run can be listed");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), fs::read(path).expect("a run holds plain files"))).collect()
}

/// What the whole lines of a log tell.
struct Logged(Vec<Value>);

impl Logged {
    fn read(log: &str) -> Logged {
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        Logged(whole.map(|line| serde_json::from_str(line).expect("a whole line is JSON")).collect())
    }

    fn has(&self, event: &str) -> bool {
        self.0.iter().any(|line| line["event"] == event)
    }

    /// Whether an action of the method has started, so that something may have happened.
    fn may_have_acted(&self) -> bool {
        self.0.iter().any(|line| {
            line["event"] == "activity-started"
                && line["step"]["phase"] == "method"
                && line["kind"] == "action"
        })
    }

    /// The rollbacks that a recovery has to play.
    fn open_rollbacks(&self) -> Vec<&'static str> {
        if !self.may_have_acted() || self.has("run-finished") {
            return Vec::new();
        }
        (0..)
            .zip(ROLLBACKS)
            .filter(|(index, _)| !self.rollback("activity-finished", *index))
            .map(|(_, name)| name)
            .collect()
    }

    /// The rollbacks that started and have no end.
    fn cut_rollbacks(&self) -> Vec<String> {
        let cut =
            |index| self.rollback("activity-started", index) && !self.rollback("activity-finished", index);
        (0..).zip(ROLLBACKS).filter(|(index, _)| cut(*index)).map(|(_, name)| name.to_owned()).collect()
    }

    fn rollback(&self, event: &str, index: u64) -> bool {
        self.0.iter().any(|line| {
            line["event"] == event && line["step"]["phase"] == "rollbacks" && line["step"]["index"] == index
        })
    }
}
