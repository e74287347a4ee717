//! The process provider with real programs, and what becomes of them when things go wrong.

#[path = "../src/testing.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod testing;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use fracas_engine::{Context, Provider, Values};
use fracas_model::ActivityKind::{Action, Probe};
use fracas_model::{Failure, Happened, Level, Policy};
use fracas_providers::{Process, REAP, reap_main};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::{Ears, activity, carry_out};

/// Makes the binary run a program that writes to the file named next, and sleeps.
const PARENT: &str = "__parent";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == REAP) {
        reap_main();
        return ExitCode::SUCCESS;
    }
    if let [_, role, file] = arguments.as_slice()
        && role == PARENT
    {
        // It is killed before this ends.
        let _ = run(&sleeper(Path::new(file)));
        return ExitCode::FAILURE;
    }
    let tests: [(&str, fn()); 10] = [
        ("outputs_are_the_programs_texts", outputs_are_the_programs_texts),
        ("signals_are_negative", signals_are_negative),
        ("long_texts_on_both_pipes", long_texts_on_both_pipes),
        ("a_status_without_tolerance_is_worth_a_warning", a_status_without_tolerance_is_worth_a_warning),
        ("a_timeout_kills_the_whole_group", a_timeout_kills_the_whole_group),
        ("cancelling_kills_the_whole_group", cancelling_kills_the_whole_group),
        ("a_daemon_without_pipes_is_left_alone", a_daemon_without_pipes_is_left_alone),
        ("nothing_runs_that_is_not_written_down", nothing_runs_that_is_not_written_down),
        ("a_missing_program_changed_nothing", a_missing_program_changed_nothing),
        ("nothing_outlives_a_killed_fracas", nothing_outlives_a_killed_fracas),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn run(provider: &Value) -> Result<Value, Failure> {
    block_on(carry_out(&Process::new(), &activity(Action, provider)))
}

/// A program that starts another, writes both ids to a file, and waits.
fn sleeper(file: &Path) -> Value {
    let script = format!("sleep 1000 & echo $$ $! > {0}.part; mv {0}.part {0}; wait", file.display());
    json!({"path": "sh", "arguments": ["-c", script]})
}

/// The ids in a sleeper's file, once it is there.
fn ids(file: &Path) -> Vec<String> {
    wait_until(|| file.exists());
    fs::read_to_string(file).unwrap().split_whitespace().map(str::to_owned).collect()
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process exists and is more than a zombie.
fn alive(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    !matches!(state, None | Some('Z' | 'X'))
}

fn outputs_are_the_programs_texts() {
    let list =
        json!({"path": "sh", "arguments": ["-c", "echo $0 $1; echo err >&2; exit 3", "a b", true, null]});
    assert_eq!(run(&list).unwrap(), json!({"status": 3, "stdout": "a b True\n", "stderr": "err\n"}));
    let object = json!({"path": "echo", "arguments": {"-n": "x", "y": null}});
    assert_eq!(run(&object).unwrap()["stdout"], "x y");
    let shell = json!({"path": "echo", "arguments": "a 'b  c' | tr a-c A-C"});
    assert_eq!(run(&shell).unwrap()["stdout"], "A B  C\n");
    let bytes = json!({"path": "printf", "arguments": ["\\351\\200"]});
    assert_eq!(run(&bytes).unwrap()["stdout"], "é\u{80}");
}

fn signals_are_negative() {
    let output = run(&json!({"path": "sh", "arguments": ["-c", "kill -TERM $$"]})).unwrap();
    assert_eq!(output["status"], -15);
}

fn long_texts_on_both_pipes() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 3000000 /dev/zero | tr '\\0' o";
    let output = run(&json!({"path": "sh", "arguments": ["-c", script]})).unwrap();
    let length = |key: &str| output[key].as_str().unwrap().len();
    assert_eq!((length("stdout"), length("stderr")), (3_000_000, 3_000_000));
}

fn a_status_without_tolerance_is_worth_a_warning() {
    let (values, ears) = (Values::default(), Ears::default());
    let context = Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" };
    let mut activity = activity(Probe, &json!({"path": "false"}));
    block_on(Process::new().carry_out(&activity, &context)).unwrap();
    activity.document["tolerance"] = json!(1);
    block_on(Process::new().carry_out(&activity, &context)).unwrap();
    let line = "the program ended with status 1, which may mean that it failed";
    assert_eq!(*ears.lines.borrow(), [(Level::Warning, line.to_owned())]);
}

fn a_timeout_kills_the_whole_group() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ids");
    let mut provider = sleeper(&file);
    provider["timeout"] = json!(0.5);
    let failure = run(&provider).unwrap_err();
    assert_eq!(failure.error, "process activity took too long to complete");
    assert_eq!(failure.happened, Happened::Maybe);
    if file.exists() {
        let ids = ids(&file);
        wait_until(|| !ids.iter().any(|id| alive(id)));
    }
}

fn cancelling_kills_the_whole_group() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ids");
    let (process, activity) = (Process::new(), activity(Action, &sleeper(&file)));
    let started = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    block_on(async {
        tokio::select! {
            result = carry_out(&process, &activity) => panic!("it ended: {result:?}"),
            () = started => {}
        }
    });
    let ids = ids(&file);
    wait_until(|| !ids.iter().any(|id| alive(id)));
}

fn a_daemon_without_pipes_is_left_alone() {
    let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
    let output = run(&json!({"path": "sh", "arguments": ["-c", script]})).unwrap();
    let id = output["stdout"].as_str().unwrap().trim().to_owned();
    assert!(alive(&id));
    Command::new("kill").args(["-9", &id]).status().unwrap();
}

fn nothing_runs_that_is_not_written_down() {
    let (values, ears) = (Values::default(), Ears { deaf: true, ..Ears::default() });
    let context = Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" };
    let activity = activity(Action, &json!({"path": "sleep", "arguments": ["1000"]}));
    let failure = block_on(Process::new().carry_out(&activity, &context)).unwrap_err();
    assert_eq!(failure.error, "the program was killed: no space left on device");
    let group = ears.groups.borrow()[0].to_string();
    wait_until(|| !alive(&group));
}

fn a_missing_program_changed_nothing() {
    let failure = run(&json!({"path": "no-such-program", "arguments": "in a shell"})).unwrap_err();
    assert_eq!(failure.error, "`no-such-program` is not in PATH");
    assert_eq!(failure.happened, Happened::No);
}

fn nothing_outlives_a_killed_fracas() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ids");
    let mut parent = Command::new(std::env::current_exe().unwrap());
    let mut parent = parent.arg(PARENT).arg(&file).spawn().unwrap();
    let ids = ids(&file);
    assert!(ids.iter().all(|id| alive(id)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until(|| !ids.iter().any(|id| alive(id)));
}
