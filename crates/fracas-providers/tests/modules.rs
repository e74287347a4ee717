//! Functions and controls of the user's modules in a real Python, and what becomes of them when
//! things go wrong.
//!
//! The modules are in `modules/given`; the binary runs the tests in a child of its own, whose
//! `PYTHONPATH` leads there.

#[path = "../src/testing.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod testing;

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use fracas_aws::Aws;
use fracas_engine::{
    Answer, Call, Changes, Context, ControlLevel, ControlScope, Controls, Hook, Provider, Stop, Surroundings,
    Values, World, parse_document,
};
use fracas_model::ActivityKind::Action;
use fracas_model::{Failure, Format, Happened, Level, Policy, Problems, Source};
use fracas_providers::{Process, Python, PythonChoice, REAP, reap_main};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use testing::{Ears, activity};

const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/modules");

/// One case a line: the provider, and maybe configuration and secrets.
const CASES: &str = include_str!("modules/cases.json");

/// Makes the binary call a function that never ends, and that writes its id to the file named next.
const PARENT: &str = "__parent";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == REAP) {
        reap_main();
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("PYTHONPATH").is_none_or(|path| path != MODULES) {
        let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
        let status = command.args(&arguments[1..]).env("PYTHONPATH", MODULES).status();
        return if status.expect("the test runs itself").success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    if let [_, role, func, file] = arguments.as_slice()
        && role == PARENT
    {
        // It is killed before this ends.
        block_on(async { drop(run(&modules(), func, json!({"path": file})).await) });
        return ExitCode::FAILURE;
    }
    let tests: Vec<(&str, fn())> = TESTS.to_vec();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    let compared = Trial::test("results_are_those_of_chaos_toolkit", compare);
    libtest_mimic::run(&Arguments::from_args(), trials.chain([compared]).collect()).exit_code()
}

const TESTS: &[(&str, fn())] = &[
    ("all_calls_share_a_process", all_calls_share_a_process),
    ("what_json_cannot_carry_is_told", what_json_cannot_carry_is_told),
    ("lines_are_told_in_order", lines_are_told_in_order),
    ("activities_stop_runs", activities_stop_runs),
    ("changes_are_told", changes_are_told),
    ("programs_inherit_what_functions_change", programs_inherit_what_functions_change),
    ("a_dead_python_fails_its_activity_only", a_dead_python_fails_its_activity_only),
    ("a_python_that_does_not_start_is_told", a_python_that_does_not_start_is_told),
    ("calls_go_on_side_by_side", calls_go_on_side_by_side),
    ("a_cut_call_ends_where_it_is", a_cut_call_ends_where_it_is),
    ("a_call_that_does_not_end_is_killed", a_call_that_does_not_end_is_killed),
    ("nothing_outlives_a_killed_fracas", nothing_outlives_a_killed_fracas),
    ("nothing_outlives_the_provider", nothing_outlives_the_provider),
    ("what_is_left_to_the_end_is_done_then", what_is_left_to_the_end_is_done_then),
    ("check_finds_every_mistake", check_finds_every_mistake),
    ("controls_are_given_what_they_ask_for", controls_are_given_what_they_ask_for),
    ("controls_change_what_is_shared", controls_change_what_is_shared),
    (
        "what_a_control_changes_is_kept_beside_other_changes",
        what_a_control_changes_is_kept_beside_other_changes,
    ),
    ("controls_change_the_experiment_as_a_whole", controls_change_the_experiment_as_a_whole),
    ("controls_change_what_they_are_told", controls_change_what_they_are_told),
    ("controls_fail_interrupt_and_exit", controls_fail_interrupt_and_exit),
    ("controls_apply_to_loading", controls_apply_to_loading),
    ("handlers_are_told_of_what_they_handle", handlers_are_told_of_what_they_handle),
    ("a_restarted_python_knows_the_experiment_as_it_is", a_restarted_python_knows_the_experiment_as_it_is),
    ("mistakes_in_controls_are_found", mistakes_in_controls_are_found),
];

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The Python that has Chaos Toolkit.
fn program() -> String {
    std::env::var("FRACAS_PYTHON").expect("FRACAS_PYTHON is not set: run through `cargo xtask test`")
}

fn python(program: &str) -> Python {
    let choice = PythonChoice { program: Some(program.into()), native: true, hides: true };
    Python::new(Aws::new(), |_| None).chosen(&choice)
}

fn modules() -> Python {
    python(&program())
}

fn provider(func: &str, arguments: Value) -> Value {
    json!({"type": "python", "module": "given.activities", "func": func, "arguments": arguments})
}

async fn run(python: &Python, func: &str, arguments: Value) -> Result<Value, Failure> {
    testing::carry_out(python, &activity(Action, &provider(func, arguments))).await
}

/// What becomes of an activity, and what it told meanwhile.
async fn hear(
    python: &Python,
    provider: &Value,
    values: &Values,
    policy: &Policy,
) -> (Result<Value, Failure>, Ears) {
    let ears = Ears::default();
    let result = python
        .carry_out(&activity(Action, provider), &Context { values, policy, tell: &ears, place: "" })
        .await;
    (result, ears)
}

fn values(case: &Value) -> Values {
    let map = |key: &str| case[key].as_object().cloned().unwrap_or_default();
    Values {
        configuration: map("configuration"),
        secrets: map("secrets").into_iter().collect(),
        ..Values::default()
    }
}

fn compare() -> Result<(), Failed> {
    let mut reference = Command::new(program());
    reference.arg(format!("{MODULES}/reference.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reference = reference.spawn()?;
    reference.stdin.take().ok_or("no pipe")?.write_all(CASES.as_bytes())?;
    let expected = String::from_utf8(reference.wait_with_output()?.stdout)?;
    let expected: Vec<Value> = expected.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let cases: Vec<Value> = CASES.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(cases.len(), expected.len());
    println!("{} cases of the python provider", cases.len());
    let ours = block_on(async {
        let (python, mut ours) = (modules(), Vec::new());
        for case in &cases {
            let (result, ears) =
                hear(&python, &case["provider"], &values(case), &Policy::CHAOS_TOOLKIT).await;
            ours.push(as_reference(result, &ears.stops.into_inner()));
        }
        ours
    });
    let differences = cases.iter().zip(&expected).zip(&ours).filter(|((_, expected), ours)| expected != ours);
    let told: String = differences
        .map(|((case, expected), ours)| format!("{case}\n  reference: {expected}\n  fracas:    {ours}\n"))
        .collect();
    if told.is_empty() { Ok(()) } else { Err(told.into()) }
}

/// A result in the words of `modules/reference.py`.
fn as_reference(result: Result<Value, Failure>, stops: &[Stop]) -> Value {
    match (result, stops) {
        (Ok(output), []) => json!({"output": output}),
        (Err(failure), []) => json!({"failed": failure.error}),
        (Err(_), [Stop::Exit(code)]) => json!({"exit": code}),
        (Err(failure), [Stop::Abort]) => {
            let class = failure.error.split(':').next().unwrap_or_default();
            json!({"unexpected": class})
        }
        other => json!(format!("{other:?}")),
    }
}

fn all_calls_share_a_process() {
    let counts = block_on(async {
        let python = modules();
        let ears = [run(&python, "count", json!({})).await, run(&python, "count", json!({})).await];
        ears.map(Result::unwrap)
    });
    assert_eq!(counts, [1, 2]);
}

fn what_json_cannot_carry_is_told() {
    let kinds = ["set", "bytes", "nan", "surrogate", "key", "circle", "deep", "huge", "object"];
    let mut told = String::new();
    block_on(async {
        let python = modules();
        for kind in kinds {
            let provider = provider("unclear", json!({"kind": kind}));
            let (result, ears) = hear(&python, &provider, &Values::default(), &Policy::FRACAS).await;
            let output = result.unwrap().to_string();
            let output: String = output.chars().filter(|character| *character != '[').take(60).collect();
            told += &format!("{kind}: {output}\n  {:?}\n", ears.lines.into_inner());
        }
    });
    let without_addresses = told.split("0x").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.trim_start_matches(|character: char| character.is_ascii_hexdigit()),
    });
    insta::assert_snapshot!(without_addresses.collect::<Vec<_>>().join("ADDRESS"));
}

fn lines_are_told_in_order() {
    let lines = block_on(async {
        let python = modules();
        let mut lines = Vec::new();
        for func in ["log_lines", "log_by_logzero"] {
            let (result, ears) =
                hear(&python, &provider(func, json!({})), &Values::default(), &Policy::FRACAS).await;
            assert_eq!(result, Ok(Value::Null));
            lines.extend(ears.lines.into_inner());
        }
        lines
    });
    let lines: Vec<(Level, &str)> =
        lines.iter().map(|(level, line)| (*level, line.lines().next().unwrap_or_default())).collect();
    let expected = [
        (Level::Debug, "for the file"),
        (Level::Info, "told plainly"),
        (Level::Warning, "worrying"),
        (Level::Error, "bad"),
        (Level::Info, "through logzero"),
    ];
    assert_eq!(lines, expected);
}

fn activities_stop_runs() {
    let interrupt = json!({"module": "chaoslib.exceptions", "name": "InterruptExecution", "text": "enough"});
    let cases = [
        (
            "fail_as",
            interrupt,
            "chaoslib.exceptions.InterruptExecution: enough",
            Some(Stop::Interrupt("enough".into())),
        ),
        ("leave", json!({"code": 7}), "the function has exited with code 7", Some(Stop::Exit(7))),
        ("leave", json!({"code": "why"}), "the function has exited with code 1", Some(Stop::Exit(1))),
        (
            "leave_by_signal",
            json!({"name": "SIGUSR1"}),
            "the function has exited with code 20",
            Some(Stop::Exit(20)),
        ),
        (
            "leave_by_signal",
            json!({"name": "SIGUSR2"}),
            "the function has exited with code 30",
            Some(Stop::Exit(30)),
        ),
        (
            "leave_by_signal",
            json!({"name": "SIGTERM"}),
            "chaoslib.exceptions.InterruptExecution: SIGTERM signal received",
            Some(Stop::Interrupt("SIGTERM signal received".into())),
        ),
    ];
    block_on(async {
        let python = modules();
        for (func, arguments, error, stop) in cases {
            let provider = provider(func, arguments);
            let (result, ears) = hear(&python, &provider, &Values::default(), &Policy::FRACAS).await;
            let expected = Failure {
                error: error.to_owned(),
                help: String::new(),
                happened: Happened::Maybe,
                progress: None,
            };
            assert_eq!(result, Err(expected), "{provider}");
            assert_eq!(ears.stops.into_inner(), Vec::from_iter(stop), "{provider}");
        }
    });
}

fn changes_are_told() {
    let case = json!({"configuration": {"deep": [1], "plain": 1}, "secrets": {"group": {"key": "k"}}});
    block_on(async {
        let python = modules();
        let (result, ears) =
            hear(&python, &provider("changes", json!({})), &values(&case), &Policy::FRACAS).await;
        assert_eq!(result.unwrap(), json!({"deep": [1, "more"], "plain": 1, "new": 1}));
        let changes =
            Changes { configuration: vec![("deep".into(), Some(json!([1, "more"])))], ..Changes::default() };
        assert_eq!(ears.changes.into_inner(), [changes]);
        // What the run makes of it is what the next call sees.
        let case = json!({"configuration": {"deep": [5]}});
        let (result, ears) =
            hear(&python, &provider("run_values", json!({})), &values(&case), &Policy::FRACAS).await;
        assert_eq!(result.unwrap(), json!([{"deep": [5]}, null]));
        assert_eq!(ears.changes.into_inner(), []);
    });
}

fn programs_inherit_what_functions_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let script = json!({"path": "sh", "arguments": ["-c", "echo $GIVEN; pwd"]});
    block_on(async {
        let python = modules();
        let process = Process::new().after(&python);
        let printed = async || {
            let ended = testing::carry_out(&process, &activity(Action, &script)).await.unwrap();
            ended["stdout"].as_str().unwrap().to_owned()
        };
        assert_ne!(printed().await, format!("by a function\n{}\n", path.display()));
        run(&python, "change_surroundings", json!({"folder": path})).await.unwrap();
        assert_eq!(printed().await, format!("by a function\n{}\n", path.display()));
        // So does the next Python, but it begins where the first one did.
        assert!(run(&python, "die", json!({})).await.is_err());
        let call = async |func: &str, arguments: Value| {
            let provider = json!({"type": "python", "module": "os", "func": func, "arguments": arguments});
            hear(&python, &provider, &Values::default(), &Policy::FRACAS).await.0.unwrap()
        };
        assert_eq!(call("getenv", json!({"key": "GIVEN"})).await, json!("by a function"));
        assert_ne!(call("getcwd", json!({})).await, json!(path));
    });
}

fn a_dead_python_fails_its_activity_only() {
    let cases = [
        ("die", "python3 ended with status 3; its last words: the last words"),
        ("garbage", "python3 sent what cannot be understood: `garbage`"),
        ("deaf", "python3 ended with status 1; its last words: a function has closed the way back to fracas"),
    ];
    block_on(async {
        let python = modules();
        for (func, error) in cases {
            let (result, ears) =
                hear(&python, &provider(func, json!({})), &Values::default(), &Policy::FRACAS).await;
            assert_eq!(result.unwrap_err().error, error);
            assert_eq!(ears.stops.into_inner(), []);
            assert_eq!(run(&python, "count", json!({})).await, Ok(json!(1)), "after {func}");
        }
    });
}

fn a_python_that_does_not_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
        path.to_string_lossy().into_owned()
    };
    let old = script("old", "echo 'Python 3.8 or newer is needed, and this is 3.6' >&2; exit 1");
    let silent = script("silent", "exit 0");
    let programs = ["no-such-python".to_owned(), "/dev/null".to_owned(), old, silent];
    let mut told = String::new();
    block_on(async {
        for program in programs {
            let failure = run(&python(&program), "count", json!({})).await.unwrap_err();
            assert_eq!(failure.happened, Happened::No);
            told += &format!("{}\n  {}\n", failure.error, failure.help);
        }
    });
    insta::assert_snapshot!(told.replace(&folder.path().display().to_string(), "FOLDER"));
}

fn calls_go_on_side_by_side() {
    block_on(async {
        let python = modules();
        let mut background = provider("where", json!({}));
        let long = run(&python, "sleep", json!({"seconds": 1.5}));
        let short = run(&python, "where", json!({}));
        assert_eq!(futures_util::future::join(long, short).await, (Ok(json!(1.5)), Ok(json!(false))));
        assert_eq!(run(&python, "where", json!({})).await, Ok(json!(true)));
        background = json!({"name": "test", "background": true, "provider": background});
        let mut activity = activity(Action, &background["provider"]);
        activity.document = background.into();
        assert_eq!(testing::carry_out(&python, &activity).await, Ok(json!(false)));
    });
}

/// Calls a function that writes to a file when it begins, and drops the call then.
async fn cut(python: &Python, func: &str, file: &Path, background: bool) {
    let mut activity = activity(Action, &provider(func, json!({"path": file})));
    activity.document["background"] = json!(background);
    let call = testing::carry_out(python, &activity);
    let begun = async {
        // What is there, but empty, is still being written.
        while std::fs::read_to_string(file).unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (call, begun) = (std::pin::pin!(call), std::pin::pin!(begun));
    let first = futures_util::future::select(call, begun).await;
    assert!(matches!(first, futures_util::future::Either::Right(_)), "the call has ended by itself");
}

fn a_cut_call_ends_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let python = modules();
        for (func, background, error) in
            [("wait_for_cut", false, "KeyboardInterrupt"), ("wait_in_steps", true, "KeyboardInterrupt")]
        {
            let file = folder.path().join(func);
            cut(&python, func, &file, background).await;
            // The same process goes on.
            assert!(run(&python, "count", json!({})).await.is_ok());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("waiting\n{error}\n"));
        }
        assert_eq!(run(&python, "count", json!({})).await, Ok(json!(3)));
    });
}

fn a_call_that_does_not_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    block_on(async {
        let python = modules();
        assert_eq!(run(&python, "count", json!({})).await, Ok(json!(1)));
        cut(&python, "never_end", &file, false).await;
        assert_eq!(run(&python, "count", json!({})).await, Ok(json!(1)));
    });
    assert!(!is_alive(std::fs::read_to_string(&file).unwrap().trim()));
}

fn is_alive(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ids(file: &Path) -> Vec<String> {
    let text = || std::fs::read_to_string(file).unwrap_or_default();
    wait_until(|| text().ends_with('\n'));
    text().split_whitespace().map(str::to_owned).collect()
}

fn nothing_outlives_a_killed_fracas() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids");
    let mut parent = Command::new(std::env::current_exe().unwrap());
    let mut parent = parent.arg(PARENT).arg("never_end").arg(&file).spawn().unwrap();
    let ids = ids(&file);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until(|| ids.iter().all(|id| !is_alive(id)));
}

fn nothing_outlives_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids");
    block_on(async {
        let python = modules();
        run(&python, "start_program", json!({"path": file})).await.unwrap();
        assert!(ids(&file).iter().all(|id| is_alive(id)));
    });
    let ids = ids(&file);
    assert_eq!(ids.len(), 2);
    wait_until(|| ids.iter().all(|id| !is_alive(id)));
}

fn what_is_left_to_the_end_is_done_then() {
    let folder = tempfile::tempdir().unwrap();
    for (func, text) in
        [("leave_something_to_the_end", "thread\nat exit\n"), ("keep_a_file_open", "not flushed")]
    {
        let file = folder.path().join(func);
        block_on(async { run(&modules(), func, json!({"path": file})).await.unwrap() });
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

fn check_finds_every_mistake() {
    let cases = [
        ("given.activities", "needs", json!({"first": 1, "third": 3})),
        ("given.activities", "needs", json!({"frist": 1, "fifth": 5})),
        ("given.activities", "wrapped", json!({"first": 1})),
        ("given.activities", "only_by_position", json!({"value": 1})),
        ("given.activities", "echo", json!({"value": 1, "other": 2})),
        ("given.activities", "fial", json!({})),
        ("given.activities", "Broken", json!({})),
        ("given.activities", "echo", json!([])),
        ("given.activities", "run_values", json!({"more": 1})),
        ("given.missing", "echo", json!({})),
        ("given.lacking", "echo", json!({})),
        ("given.raising", "echo", json!({})),
        ("given.leaving", "echo", json!({})),
        ("modules", "echo", json!({})),
        ("chaosaws.docbd.actions", "failover_docdb_cluster", json!({})),
        ("chaosaws.docdb.actions", "failover_docdb_clusterz", json!({})),
    ];
    let mut found = String::new();
    block_on(async {
        let python = modules();
        for (module, func, arguments) in cases {
            let node = json!({"type": "python", "module": module, "func": func, "arguments": arguments});
            let text = node.to_string();
            let values = Values::default();
            let mut problems = Problems::default();
            let surroundings = Surroundings { values: &values, running: false, policy: &Policy::FRACAS };
            let activity = testing::activity_of(Action, &text);
            Provider::check(&python, &activity, &surroundings, &mut problems).await;
            found += &format!("{text}\n{}", testing::told(&text, &problems));
            let rules = problems.0.iter().filter_map(|problem| problem.rule.as_ref());
            found += &rules.map(|rule| format!("  chaos: {}\n", rule.words)).collect::<String>();
        }
    });
    insta::assert_snapshot!(found.replace(&program(), "PYTHON"));
}

/// A run's beginning: an experiment, its values, and settings.
struct Stage {
    python: Python,
    values: Values,
}

impl Stage {
    async fn set() -> Stage {
        let case = json!({
            "configuration": {"name": "value", "gone": 1},
            "secrets": {"group": {"key": "secret"}},
        });
        let (python, values) = (modules(), values(&case));
        let experiment = json!({
            "title": "title", "extensions": [{"name": "x"}],
            "steady-state-hypothesis": {"title": "h", "probes": [{"name": "p", "tolerance": 1}]},
            "method": [{"name": "a", "provider": {"arguments": {"value": 1}}}, {"name": "b"}],
        });
        let settings = json!({"setting": 1});
        python.begin(&World { experiment: experiment.into(), values: &values, settings: &settings }).await;
        Stage { python, values }
    }

    async fn call(&self, call: Call<'_>) -> Answer {
        self.python.call(call, &self.values).await
    }

    async fn apply(
        &self,
        level: ControlLevel,
        scope: ControlScope,
        context: &str,
        change: &str,
        state: Option<Value>,
    ) -> Answer {
        let controls = [control("one", json!({"change": change}))];
        self.call(Call::Apply { hook: Hook { level, scope }, controls: &controls, context, state }).await
    }

    async fn before_activity(&self, change: &str) -> Answer {
        self.apply(ControlLevel::Activity, ControlScope::Before, "/method/0", change, None).await
    }

    async fn before_method(&self, change: &str) -> Changes {
        let answer = self.apply(ControlLevel::Method, ControlScope::Before, "", change, None).await;
        assert_eq!(answer.failures, []);
        answer.changes
    }

    /// What the control has written down since the last time.
    async fn seen(&self) -> Value {
        let take = json!({"type": "python", "module": "given.control", "func": "take_seen"});
        let (result, _) = hear(&self.python, &take, &self.values, &Policy::FRACAS).await;
        result.unwrap()
    }
}

fn control(name: &str, arguments: Value) -> Value {
    json!({"name": name, "provider": {"type": "python", "module": "given.control", "arguments": arguments}})
}

fn controls_are_given_what_they_ask_for() {
    block_on(async {
        let stage = Stage::set().await;
        for global in [false, true] {
            let control = control("one", json!({}));
            let answer = stage.call(Call::Configure { control: &control, global }).await;
            assert_eq!((answer.failures, answer.stop), (vec![], None));
        }
        stage.apply(ControlLevel::Experiment, ControlScope::Before, "", "$name", None).await;
        stage.apply(ControlLevel::Activity, ControlScope::Before, "/method/1", "", None).await;
        let state = Some(json!({"output": 1}));
        stage.apply(ControlLevel::Activity, ControlScope::After, "/method/1", "", state).await;
        // It has no such function.
        stage
            .apply(ControlLevel::Hypothesis, ControlScope::Before, "/steady-state-hypothesis", "", None)
            .await;
        stage.call(Call::Cleanup { control: &control("one", json!({})) }).await;
        let values = [json!({"name": "value", "gone": 1}), json!({"group": {"key": "secret"}})];
        let configured = |settings: Value| json!(["configure", "title", values[0], values[1], settings]);
        let expected = json!([
            configured(Value::Null),
            configured(json!({"setting": 1})),
            ["before experiment", true, [{"name": "x"}], ["change"]],
            ["before activity", "b", {"setting": 1}],
            ["after activity", {"output": 1}],
            ["cleanup"],
        ]);
        assert_eq!(stage.seen().await, expected);
    });
}

fn controls_change_what_is_shared() {
    block_on(async {
        let stage = Stage::set().await;
        let answer = stage.before_activity("argument").await;
        let changed = json!({"name": "a", "provider": {"arguments": {"value": "value"}}});
        let expected = Changes { experiment: vec![("/method/0".into(), changed)], ..Changes::default() };
        assert_eq!(answer.changes, expected);
        assert_eq!(stage.before_activity("").await.changes, Changes::default());
        let changes = stage.before_activity("configuration").await.changes;
        let mut configuration = changes.configuration;
        configuration.sort_by(|(left, _), (right, _)| left.cmp(right));
        let expected = [
            ("gone".to_owned(), None),
            ("name".to_owned(), Some(json!(["new"]))),
            ("other".to_owned(), Some(json!(1))),
        ];
        assert_eq!(configuration, expected);
        assert_eq!(changes.secrets, [("group".to_owned(), Some(json!({"key": "changed"})))]);
        assert_eq!(changes.experiment, []);
    });
}

fn what_a_control_changes_is_kept_beside_other_changes() {
    block_on(async {
        let stage = Stage::set().await;
        stage.before_activity("").await;
        let mut saved = stage.values.clone();
        saved.configuration.insert("saved".to_owned(), json!(2));
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            hear(&stage.python, &provider("run_values", json!({})), &saved, &Policy::FRACAS).await
        };
        let (answer, (seen, ears)) =
            futures_util::future::join(stage.before_activity("slowly"), meanwhile).await;
        assert_eq!(seen.unwrap()[0], json!({"name": "value", "other": 1, "saved": 2}));
        // The answer that comes first tells it.
        let told = ears.changes.take().into_iter().chain([answer.changes]);
        let told: Vec<_> = told.flat_map(|changes| changes.configuration).collect();
        assert_eq!(told, [("other".to_owned(), Some(json!(1))), ("gone".to_owned(), None)]);
    });
}

fn controls_change_the_experiment_as_a_whole() {
    block_on(async {
        let stage = Stage::set().await;
        let method = |changes: Changes, at: usize| {
            let (pointer, value) = changes.experiment[at].clone();
            assert_eq!(pointer, "/method");
            value.as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Value>()
        };
        let changes = stage.before_method("append").await;
        assert_eq!(changes.experiment[1], ("/title".to_owned(), json!("another")));
        assert_eq!(changes.replaced, ["/title"]);
        assert_eq!(method(changes, 0), json!(["a", "b", "new"]));
        // What came in as a plain object is noted as well from now on.
        let changes = stage.before_method("later").await;
        assert_eq!(changes.experiment, [("/method/2".to_owned(), json!({"name": "newer"}))]);
        assert_eq!(method(stage.before_method("insert").await, 0), json!(["first", "a", "b", "newer"]));
        let changes = stage.before_method("deep").await;
        let expected = [
            ("/method/0".to_owned(), json!({"name": "first", "deep": {"list": [1]}})),
            ("/steady-state-hypothesis/probes/0".to_owned(), json!({"name": "p", "tolerance": 2})),
        ];
        assert_eq!(changes.experiment, expected);
        let changes = stage.before_method("remove").await;
        assert_eq!(changes.experiment.len(), 1);
        let (pointer, whole) = &changes.experiment[0];
        assert_eq!(
            (pointer.as_str(), whole.get("extensions"), &whole["title"]),
            ("", None, &json!("another"))
        );
        assert_eq!(stage.before_method("deep").await.experiment.len(), 2);
        let copied = stage.apply(ControlLevel::Method, ControlScope::After, "", "", Some(json!([]))).await;
        assert_eq!((copied.failures, copied.changes), (vec![], Changes::default()));
    });
}

fn controls_change_what_they_are_told() {
    block_on(async {
        let stage = Stage::set().await;
        let state = json!({"output": {"list": [1]}, "status": "succeeded"});
        let cases = [
            ("", None),
            ("state", Some(json!({"output": {"changed": [1]}, "status": "succeeded"}))),
            ("in steps", Some(json!({"output": {"list": [1, 2]}, "status": "succeeded"}))),
        ];
        for (change, expected) in cases {
            let (level, scope) = (ControlLevel::Activity, ControlScope::After);
            let answer = stage.apply(level, scope, "/method/0", change, Some(state.clone())).await;
            assert_eq!(answer.changes, Changes { state: expected, ..Changes::default() }, "{change}");
        }
    });
}

fn controls_fail_interrupt_and_exit() {
    block_on(async {
        let stage = Stage::set().await;
        let failed = |name: &str, why: &str| (name.to_owned(), why.to_owned());
        let failing = control("one", json!({"fail": true}));
        let answer = stage.call(Call::Configure { control: &failing, global: false }).await;
        assert_eq!(answer.failures, [failed("one", "ValueError: cannot be configured")]);
        let raising = json!({"name": "three", "provider": {"type": "python", "module": "given.raising"}});
        let lacking = json!({"name": "four", "provider": {"type": "python", "module": "given.lacking"}});
        let controls = ["fail", "", "interrupt", ""].map(|change| control(change, json!({"change": change})));
        let controls = [&controls[..], &[raising, lacking]].concat();
        let hook = Hook { level: ControlLevel::Activity, scope: ControlScope::Before };
        stage.seen().await;
        let answer =
            stage.call(Call::Apply { hook, controls: &controls, context: "/method/0", state: None }).await;
        let expected = [
            failed("three", "RuntimeError: this module cannot be imported"),
            failed("fail", "ValueError: a control that fails"),
        ];
        assert_eq!(answer.failures, expected);
        assert_eq!(answer.stop, Some(Stop::Interrupt("enough".into())));
        // Nothing is applied after an interruption.
        assert_eq!(stage.seen().await.as_array().unwrap().len(), 3);
        assert_eq!(stage.before_activity("exit").await.stop, Some(Stop::Exit(30)));
        assert_eq!(
            stage
                .apply(ControlLevel::Activity, ControlScope::Before, "/method/9", "", None)
                .await
                .failures
                .len(),
            1
        );
    });
}

fn controls_apply_to_loading() {
    block_on(async {
        let python = modules();
        let controls = [control("one", json!({}))];
        let values = Values::default();
        let apply = async |scope, state| {
            let hook = Hook { level: ControlLevel::Loader, scope };
            let answer = python
                .call(Call::Apply { hook, controls: &controls, context: "file.json", state }, &values)
                .await;
            assert_eq!(answer.failures, []);
            answer.changes.state
        };
        assert_eq!(apply(ControlScope::Before, None).await, None);
        let loaded = apply(ControlScope::After, Some(json!({"title": "old"}))).await;
        assert_eq!(loaded, Some(json!({"title": "loaded from file.json"})));
        let take = json!({"type": "python", "module": "given.control", "func": "take_seen"});
        let (seen, _) = hear(&python, &take, &values, &Policy::FRACAS).await;
        assert_eq!(seen.unwrap(), json!([["before loading", "file.json", null]]));
    });
}

fn handlers_are_told_of_what_they_handle() {
    block_on(async {
        let stage = Stage::set().await;
        let handled =
            || ["started", "running", "start_activity", "finish"].map(|name| stage.python.handles(name));
        assert_eq!(handled(), [false; 4]);
        stage.call(Call::Configure { control: &control("one", json!({})), global: false }).await;
        assert_eq!(handled(), [true, true, true, false]);
        stage.seen().await;
        let arguments = |value: Value| value.as_object().unwrap().clone();
        let journal = arguments(json!({"journal": {"status": null}}));
        stage.call(Call::Event { name: "started", arguments: journal }).await;
        let schedule =
            arguments(json!({"journal": {}, "schedule": {"continuous_hypothesis_frequency": 2.0}}));
        stage.call(Call::Event { name: "running", arguments: schedule }).await;
        let activity = arguments(json!({"activity": {"name": "a"}}));
        let answer = stage.call(Call::Event { name: "start_activity", arguments: activity }).await;
        let failed = [("Handler".to_owned(), "ValueError: a handler that fails".to_owned())];
        assert_eq!(answer.failures, failed);
        let expected = json!([["started", "title", {"status": null}], ["Schedule", 2.0, {"setting": 1}]]);
        assert_eq!(stage.seen().await, expected);
    });
}

fn a_restarted_python_knows_the_experiment_as_it_is() {
    block_on(async {
        let stage = Stage::set().await;
        stage.before_method("append").await;
        assert!(run(&stage.python, "die", json!({})).await.is_err());
        let changes = stage.before_method("later").await;
        assert_eq!(changes.experiment, [("/method/2".to_owned(), json!({"name": "newer"}))]);
    });
}

fn mistakes_in_controls_are_found() {
    let texts = [
        r#"{"name": "c", "provider": {"type": "python", "module": "given.control"}}"#,
        r#"{"name": "c", "provider": {"type": "python", "module": "given.control"}, "wrong": 1}"#,
        r#"{"name": "c", "provider": {"type": "python", "module": "given.missing"}}"#,
        r#"{"name": "c", "provider": {"type": "python", "module": "given.raising"}}"#,
        r#"{"name": "c", "provider": {"type": "other", "module": "given.raising"}}"#,
        r#"{"name": "c"}"#,
    ];
    let mut found = String::new();
    block_on(async {
        let python = modules();
        for text in texts {
            let source = Source { name: "test.json".into(), text: text.into(), format: Format::Json };
            let node = parse_document(&source).0.unwrap();
            let mut problems = Problems::default();
            Controls::check(&python, &node, &mut problems).await;
            found += &format!("{text}\n{}", testing::told(text, &problems));
            let rules = problems.0.iter().filter_map(|problem| problem.rule.as_ref());
            found += &rules.map(|rule| format!("  chaos: {}\n", rule.words)).collect::<String>();
        }
    });
    insta::assert_snapshot!(found);
}
