//! Runs experiments on a host without a world: its clock ticks by itself, its waits are over at
//! once, and its signals come when an activity asks for them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use fracas_engine::*;
use fracas_model::*;
use futures_util::future::{FutureExt, LocalBoxFuture, pending, poll_fn};
use serde_json::{Map, Value, json};

/// Carries out `{"type": "script", ...}`: `gives` a value, maybe after some `turns`, `fails` with a text, or `waits` for
/// a signal.
struct Script;

/// A host without a world.
struct Stage {
    ticks: Cell<i64>,
    signal: Cell<Option<&'static str>>,
    /// Comes once the activity that asks for it has ended.
    signal_after: Cell<Option<&'static str>>,
    /// What was carried out, in order.
    effects: RefCell<Vec<String>>,
    /// How often each activity was carried out.
    tries: RefCell<BTreeMap<String, usize>>,
    controls: Option<Scripted>,
    /// Whether others have their turns while something waits.
    takes_turns: bool,
}

/// A control that answers the functions it is given answers for.
struct Scripted {
    answers: fn(Hook, &str, Option<Value>) -> Answer,
    calls: RefCell<Vec<String>>,
}

impl Controls for Scripted {
    fn check<'a>(&'a self, _: &'a Node, _: &'a mut Problems) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn begin<'a>(&'a self, _: &'a World<'a>) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn call<'a>(&'a self, call: Call<'a>, _: &'a Values) -> LocalBoxFuture<'a, Answer> {
        let answer = match call {
            Call::Apply { hook, context, state, .. } => {
                self.calls.borrow_mut().push(format!("{} {context}", hook.function()));
                (self.answers)(hook, context, state)
            }
            Call::Configure { .. } | Call::Cleanup { .. } | Call::Event { .. } => Answer::default(),
        };
        Box::pin(async { answer })
    }

    fn handles(&self, _: &str) -> bool {
        false
    }
}

impl Stage {
    fn new() -> Stage {
        let ticks = Cell::new(1_691_922_293_000_000);
        Stage {
            ticks,
            signal: Cell::new(None),
            signal_after: Cell::new(None),
            effects: RefCell::default(),
            tries: RefCell::default(),
            controls: None,
            takes_turns: false,
        }
    }

    fn effects(&self) -> String {
        self.effects.borrow().join(" ")
    }

    /// What an activity gives; `in-turn` is a list of what it gives in one try after the other.
    fn given<'a>(&self, activity: &Activity, script: &'a Value) -> &'a Value {
        let mut tries = self.tries.borrow_mut();
        let tries = tries.entry(activity.name.clone()).or_default();
        *tries += 1;
        script["in-turn"].get(*tries - 1).unwrap_or(&script["gives"])
    }
}

impl Provider for Script {
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        _: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        if activity.provider.get("wrong").is_some() {
            problems.push(Problem::error(activity.provider.span, "wrong"));
        }
        Box::pin(async {})
    }

    fn carry_out<'a>(
        &'a self,
        _: &'a Activity,
        _: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        unreachable!("the stage carries out")
    }
}

impl Host for Stage {
    fn now(&self) -> Moment {
        self.ticks.set(self.ticks.get() + 1000);
        if let Some(signal) = self.signal_after.take() {
            self.signal.set(Some(signal));
        }
        Moment::from_micros(self.ticks.get())
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        self.ticks.set(self.ticks.get() + duration.as_micros() as i64);
        Box::pin(turns(if self.takes_turns { duration.as_secs() } else { 0 }))
    }

    fn signal(&self) -> LocalBoxFuture<'_, &'static str> {
        Box::pin(poll_fn(|context| match self.signal.take() {
            Some(signal) => Poll::Ready(signal),
            None => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }))
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        self.effects.borrow_mut().push(activity.name.clone());
        let script = activity.provider.to_json();
        if script["waits"].is_string() {
            self.signal.set(Some("SIGTERM"));
            return Box::pin(pending());
        }
        if script["hangs"].is_string() {
            return Box::pin(pending());
        }
        let signal = script["signals"].is_string().then_some("SIGTERM");
        context.tell.log(Level::Info, format!("playing {}", activity.name));
        let failure = |error: &str| Failure {
            error: error.to_owned(),
            help: String::new(),
            happened: Happened::Maybe,
            progress: None,
        };
        let result = match script["fails"].as_str() {
            Some(error) => Err(failure(error)),
            None => Ok(context.values.substitute(self.given(activity, &script))),
        };
        let turns = turns(script["turns"].as_u64().unwrap_or_default());
        Box::pin(turns.map(move |()| {
            self.signal_after.set(signal);
            result
        }))
    }

    fn controls(&self) -> Option<&dyn Controls> {
        self.controls.as_ref().map(|controls| controls as &dyn Controls)
    }
}

/// Lets others have their turns.
async fn turns(mut left: u64) {
    poll_fn(|context| {
        left = left.saturating_sub(1);
        context.waker().wake_by_ref();
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Keeps the names of events.
#[derive(Clone, Default)]
struct Names(Rc<RefCell<Vec<String>>>);

impl Observer for Names {
    fn see(&mut self, event: &Stamped) {
        let event = serde_json::to_value(event).unwrap();
        let step = event["step"]
            .as_object()
            .map(|step| format!(" {}/{}", step["phase"].as_str().unwrap(), step["index"]));
        self.0.borrow_mut().push(event["event"].as_str().unwrap().to_owned() + &step.unwrap_or_default());
    }
}

/// A folder of runs, gone when dropped.
struct Runs(tempfile::TempDir);

impl Runs {
    fn new() -> Runs {
        Runs(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("runs")
    }

    fn journal_path(&self) -> PathBuf {
        self.0.path().join("journal.json")
    }

    fn journal(&self) -> Value {
        serde_json::from_slice(&fs::read(self.journal_path()).unwrap()).unwrap()
    }

    fn run(&self, experiment: &Value, strategy: RollbackStrategy) -> (Ended, String) {
        self.run_on(Stage::new(), experiment, |plan| Plan { rollback_strategy: strategy, ..plan })
    }

    fn run_on(&self, stage: Stage, experiment: &Value, change: impl FnOnce(Plan) -> Plan) -> (Ended, String) {
        let (source, plan) = plan(experiment, RollbackStrategy::Default);
        let plan = change(plan);
        let options = RunOptions {
            runs_dir: &self.dir(),
            journal_path: self.journal_path(),
            version: "0.0.0",
            platform: "Test-1.0".to_owned(),
            node: "stage".to_owned(),
            working_folder: "/".to_owned(),
            environment: serde_json::Map::new(),
        };
        let ended = block_on(run(&source, &plan, &stage, &options, Vec::new())).unwrap();
        (ended, stage.effects())
    }

    fn recover(&self, name: &str) -> (Result<Recovered, Recovery>, String) {
        self.recover_with(name, false)
    }

    fn recover_with(&self, name: &str, retry_failed: bool) -> (Result<Recovered, Recovery>, String) {
        let folder = RunFolder::find(&self.dir(), name).unwrap();
        let stage = Stage::new();
        let providers = Providers::new().with("script", Script);
        let options = RecoverOptions {
            environment: &|_| None,
            secrets: &Map::new(),
            providers: &providers,
            version: "0.0.0",
            retry_failed,
        };
        let recovered = block_on(recover(folder, &options, &stage, Vec::new()));
        (recovered, stage.effects())
    }
}

fn plan(experiment: &Value, rollback_strategy: RollbackStrategy) -> (Source, Plan) {
    let text = experiment.to_string();
    let source = Source { name: "experiment.json".to_owned(), text, format: Format::Json };
    let (parsed, mut problems) = parse(&source);
    let experiment = parsed.filter(|_| !problems.has_errors()).unwrap_or_else(|| panic!("{problems:?}"));
    let values = resolve(&experiment, &|_| None, &Given::default(), &Policy::FRACAS, &mut problems);
    assert!(!problems.has_errors(), "{problems:?}");
    (source, Plan { rollback_strategy, ..Plan::new(experiment, values, Policy::FRACAS) })
}

/// The stage never really waits, so polling again and again comes to an end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn activity(kind: &str, name: &str, script: Value) -> Value {
    let mut provider = json!({"type": "script"});
    provider.as_object_mut().unwrap().extend(script.as_object().unwrap().clone());
    json!({"type": kind, "name": name, "provider": provider})
}

fn probe(name: &str, script: Value) -> Value {
    let mut probe = activity("probe", name, script);
    probe["tolerance"] = json!(1);
    probe
}

fn action(name: &str) -> Value {
    activity("action", name, json!({"gives": name}))
}

fn experiment(probes: Value, method: Value) -> Value {
    json!({
        "title": "On stage",
        "description": "An experiment.",
        "steady-state-hypothesis": {"title": "All is well", "probes": probes},
        "method": method,
        "rollbacks": [action("mend"), action("polish")],
    })
}

#[test]
fn a_whole_run_in_events_and_journal() {
    let mut break_it = action("break");
    break_it["pauses"] = json!({"before": 1.5, "after": "${rest}"});
    let mut whole =
        experiment(json!([probe("well", json!({"gives": "${one}"}))]), json!([break_it, {"ref": "well"}]));
    whole["configuration"] = json!({"one": 1, "rest": 2});
    let runs = Runs::new();
    let (source, plan) = plan(&whole, RollbackStrategy::Default);
    let (stage, names) = (Stage::new(), Names::default());
    let options = RunOptions {
        runs_dir: &runs.dir(),
        journal_path: runs.journal_path(),
        version: "0.0.0",
        platform: "Test-1.0".to_owned(),
        node: "stage".to_owned(),
        working_folder: "/".to_owned(),
        environment: serde_json::Map::new(),
    };
    let ended = block_on(run(&source, &plan, &stage, &options, vec![Box::new(names.clone())])).unwrap();
    assert_eq!(ended.outcome.exit_code, ExitCode::Ok);
    assert_eq!(stage.effects(), "well break well well mend polish");
    insta::assert_snapshot!("events", names.0.borrow().join("\n"));
    insta::assert_snapshot!("journal", fs::read_to_string(runs.journal_path()).unwrap());
    assert_eq!(fs::read(ended.folder.journal_path()).unwrap(), fs::read(runs.journal_path()).unwrap());
}

#[test]
fn every_ending_has_its_status_code_and_rollbacks() {
    use RollbackStrategy::*;
    let well = || json!([probe("well", json!({"gives": 1}))]);
    let ill = || json!([probe("well", json!({"gives": 2}))]);
    let broken = || json!([probe("well", json!({"fails": "no answer"}))]);
    let fails = || json!([activity("action", "break", json!({"fails": "denied"}))]);
    let waits = || json!([activity("action", "break", json!({"waits": "for ever"})), action("never")]);
    let cases = [
        ("all is well", well(), json!([action("break")]), Default),
        ("nothing but a hypothesis", well(), json!([]), Default),
        ("not met", ill(), json!([action("break")]), Default),
        ("not met, always", ill(), json!([action("break")]), Always),
        ("probe fails", broken(), json!([action("break")]), Default),
        ("action fails", well(), fails(), Default),
        ("never", well(), json!([action("break")]), Never),
        ("not deviated", well(), json!([action("break")]), Deviated),
        ("interrupted", well(), waits(), Default),
        ("interrupted, always", well(), waits(), Always),
    ];
    let lines = cases.map(|(name, probes, method, strategy)| {
        let runs = Runs::new();
        let (ended, effects) = runs.run(&experiment(probes, method), strategy);
        let Outcome { status, deviated, exit_code } = ended.outcome;
        let journal = runs.journal();
        assert_eq!(journal["status"], status.name());
        assert_eq!(journal["deviated"], deviated);
        let live = ended.live.join(",");
        format!(
            "{name:25} {:11} {deviated:5} {:14} live [{live}] effects: {effects}",
            status.name(),
            format!("{exit_code:?}")
        )
    });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_failed_or_cut_rollback_is_unproven() {
    let mut whole = experiment(json!([]), json!([action("break")]));
    whole["rollbacks"] = json!([activity("action", "mend", json!({"fails": "denied"})), action("polish")]);
    let (ended, effects) = Runs::new().run(&whole, RollbackStrategy::Default);
    assert_eq!(ended.outcome.exit_code, ExitCode::RollbackFailed);
    assert_eq!(effects, "break mend polish");

    whole["rollbacks"] = json!([activity("action", "mend", json!({"waits": "x"})), action("polish")]);
    let runs = Runs::new();
    let (ended, effects) = runs.run(&whole, RollbackStrategy::Default);
    assert_eq!(ended.outcome.exit_code, ExitCode::RollbackFailed);
    assert_eq!((effects.as_str(), ended.live), ("break mend", vec!["break".to_owned()]));
    assert_eq!(runs.journal()["status"], "interrupted");
}

#[test]
fn a_signal_between_two_actions_leaves_the_second_untouched() {
    let signals = activity("action", "break", json!({"gives": 1, "signals": "after"}));
    let runs = Runs::new();
    let (ended, effects) =
        runs.run(&experiment(json!([]), json!([signals, action("never")])), RollbackStrategy::Default);
    assert_eq!((effects.as_str(), ended.outcome.exit_code), ("break", ExitCode::Interrupted));
    assert_eq!(runs.journal()["run"].as_array().unwrap().len(), 1);
}

#[test]
fn secrets_are_masked_wherever_they_show() {
    let mut whole = experiment(
        json!([]),
        json!([activity("action", "log-in", json!({"gives": "password=${password}"}))]),
    );
    whole["secrets"] = json!({"db": {"password": "hunter22"}});
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Never);
    assert_eq!(runs.journal()["run"][0]["output"], "password=*****");
    for file in ["events.jsonl", "journal.json"] {
        let text = fs::read_to_string(ended.folder.path().join(file)).unwrap();
        assert!(!text.contains("hunter22"), "{file}");
    }
}

#[test]
fn a_run_log_cut_anywhere_is_recovered_once() {
    let mut whole = experiment(
        json!([probe("well", json!({"gives": 1}))]),
        json!([action("break"), action("break-more")]),
    );
    whole["runtime"] = json!({"durability": "os"});
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Default);
    let log = fs::read(ended.folder.path().join("events.jsonl")).unwrap();
    let first = log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in (first..log.len()).step_by(23).chain([log.len()]) {
        let cut_runs = cut_copy(&ended, &log[..cut]);
        assert_recovers_once(&cut_runs, &log[..cut]);
    }
}

/// A folder of runs with one run, whose log ends where it was cut.
fn cut_copy(ended: &Ended, log: &[u8]) -> Runs {
    let runs = Runs::new();
    let folder = runs.dir().join(ended.folder.id());
    fs::create_dir_all(&folder).unwrap();
    for file in ["experiment.json", "configuration.json"] {
        fs::copy(ended.folder.path().join(file), folder.join(file)).unwrap();
    }
    fs::write(folder.join("events.jsonl"), log).unwrap();
    runs
}

fn assert_recovers_once(runs: &Runs, log: &[u8]) {
    let what_was = String::from_utf8_lossy(&log[..log.iter().rposition(|byte| *byte == b'\n').unwrap() + 1]);
    let line_with =
        |parts: [&str; 2]| what_was.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let started = |name: &str| line_with(["activity-started", &format!("\"name\":\"{name}\"")]);
    let has_result = |index: usize| {
        let step = format!("\"phase\":\"rollbacks\",\"index\":{index}}}");
        line_with(["activity-finished", &step])
    };
    let wanted: Vec<&str> = [(0, "mend"), (1, "polish")]
        .into_iter()
        .filter(|(index, _)| started("break") && !has_result(*index))
        .map(|(_, name)| name)
        .collect();
    let (recovered, effects) = runs.recover("last");
    assert!(recovered.is_ok());
    assert_eq!(effects, wanted.join(" "), "after {what_was}");
    let before = contents(&runs.dir());
    let (again, effects) = runs.recover("last");
    assert!(matches!(again, Ok(Recovered::Nothing { .. })));
    assert_eq!((effects.as_str(), contents(&runs.dir())), ("", before));
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(contents(&entry));
        } else {
            files.insert(entry.clone(), fs::read(&entry).unwrap());
        }
    }
    files
}

#[test]
fn a_failed_rollback_is_played_again_only_on_demand() {
    let mut whole = experiment(json!([]), json!([action("break")]));
    whole["rollbacks"] = json!([activity("action", "mend", json!({"fails": "denied"})), action("polish")]);
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Default);
    assert_eq!(ended.live, ["break"]);
    assert_eq!(ended.failed_rollbacks, ["mend"]);
    assert_eq!(runs.recover("last").1, "");
    let (recovered, effects) = runs.recover_with("last", true);
    assert_eq!(effects, "mend");
    assert!(
        matches!(recovered, Ok(Recovered::Done(ended)) if ended.outcome.exit_code == ExitCode::RollbackFailed)
    );
}

#[test]
fn an_interrupted_run_without_rollbacks_is_live_until_it_was_recovered() {
    let mut whole =
        experiment(json!([]), json!([action("break"), activity("action", "hang", json!({"waits": "x"}))]));
    whole["rollbacks"] = json!([]);
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Default);
    assert_eq!(ended.live, ["break", "hang"]);
    assert!(matches!(runs.recover("last").0, Ok(Recovered::Done(ended)) if ended.live.is_empty()));
    assert!(matches!(runs.recover("last").0, Ok(Recovered::Nothing { .. })));
}

#[test]
fn what_was_only_pretended_has_no_effect_to_undo() {
    let mut pretended = action("pretend");
    pretended["dry"] = json!(true);
    let mut whole =
        experiment(json!([]), json!([pretended, activity("action", "hang", json!({"waits": "x"}))]));
    whole["rollbacks"] = json!([]);
    let (ended, effects) = Runs::new().run(&whole, RollbackStrategy::Default);
    assert_eq!((ended.live, effects.as_str()), (vec!["hang".to_owned()], "hang"));
}

#[test]
fn rollbacks_use_the_configuration_of_the_run_unmasked() {
    let mut whole = experiment(json!([]), json!([action("break")]));
    whole["configuration"] = json!({"cluster": "prod-db"});
    whole["secrets"] = json!({"g": {"stage": "prod"}});
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Never);
    assert_eq!(ended.folder.configuration().unwrap()["cluster"], "prod-db");
    assert!(matches!(runs.recover("last").0, Ok(Recovered::Done(_))));
}

#[test]
fn a_running_run_is_not_recovered() {
    let runs = Runs::new();
    let (ended, _) = runs.run(&experiment(json!([]), json!([action("break")])), RollbackStrategy::Never);
    let log = fs::File::open(ended.folder.path().join("events.jsonl")).unwrap();
    log.lock().unwrap();
    let (recovered, effects) = runs.recover("last");
    let problems = recovered.err().unwrap().problems;
    assert!(problems.0[0].message.contains("still going on"));
    assert_eq!(effects, "");
    log.unlock().unwrap();
    assert_eq!(runs.recover("last").1, "mend polish");
}

#[test]
fn a_run_is_found_by_a_unique_beginning() {
    let runs = Runs::new();
    let nothing = experiment(json!([]), json!([]));
    let first = runs.run(&nothing, RollbackStrategy::Never).0.folder.id();
    let second = runs.run(&nothing, RollbackStrategy::Never).0.folder.id();
    assert_eq!(RunFolder::find(&runs.dir(), "last").unwrap().id(), second);
    assert_eq!(RunFolder::find(&runs.dir(), &first).unwrap().id(), first);
    let message = |name: &str| RunFolder::find(&runs.dir(), name).unwrap_err().message;
    assert!(message("2023").contains("2 runs begin with"));
    assert!(message("1999").contains("no run in"));
    assert!(message("").contains("no run in"));
}

#[test]
fn background_activities_are_awaited_before_the_hypothesis_is_checked_again() {
    let mut slow = action("slow");
    slow["background"] = json!(true);
    slow["pauses"] = json!({"before": 1});
    let whole = experiment(json!([probe("well", json!({"gives": 1}))]), json!([slow, action("fast")]));
    let runs = Runs::new();
    let (ended, effects) = runs.run(&whole, RollbackStrategy::Default);
    assert_eq!(ended.outcome.exit_code, ExitCode::Ok);
    assert_eq!(effects, "well slow fast well mend polish");
    assert_eq!(runs.journal()["run"].as_array().unwrap().len(), 2);
}

#[test]
fn an_interruption_cuts_what_goes_on_in_the_background() {
    let mut hangs = activity("action", "hang", json!({"hangs": "x"}));
    hangs["background"] = json!(true);
    let method = json!([hangs, activity("action", "wait", json!({"waits": "x"})), action("never")]);
    let runs = Runs::new();
    let (ended, effects) = runs.run(&experiment(json!([]), method.clone()), RollbackStrategy::Default);
    assert_eq!((effects.as_str(), ended.outcome.exit_code), ("hang wait", ExitCode::Interrupted));
    let journal = runs.journal();
    assert_eq!(journal["run"][0]["exception"][0], "chaoslib.exceptions.ActivityFailed: cut by SIGTERM\n");
    assert_eq!(ended.live, ["hang", "wait"]);
}

#[test]
fn a_check_that_fails_fast_as_the_method_ends_is_followed_by_the_one_after_it() {
    let look = probe("look", json!({"in-turn": [1, 2], "gives": 1, "turns": 3}));
    let runs = Runs::new();
    let stage = Stage { takes_turns: true, ..Stage::new() };
    let whole = experiment(json!([look]), json!([action("break")]));
    let (ended, effects) = runs.run_on(stage, &whole, |plan| Plan {
        hypothesis_strategy: HypothesisStrategy::Continuously,
        fail_fast: true,
        ..plan
    });
    // The method ends while the second check goes on, which is not met.
    assert_eq!(effects, "look look break look");
    let journal = runs.journal();
    assert_eq!(journal["steady_states"]["after"]["steady_state_met"], true);
    assert_eq!((ended.outcome.status, ended.outcome.deviated), (Status::Failed, true));
}

#[test]
fn a_signal_during_the_last_check_interrupts_a_run_whose_method_has_ended() {
    let look = probe("look", json!({"gives": 1, "turns": 20}));
    let mut last = action("break");
    last["provider"]["signals"] = json!("x");
    let runs = Runs::new();
    let stage = Stage { takes_turns: true, ..Stage::new() };
    let (ended, effects) = runs.run_on(stage, &experiment(json!([look]), json!([last])), |plan| Plan {
        hypothesis_strategy: HypothesisStrategy::DuringMethodOnly,
        ..plan
    });
    assert_eq!((effects.as_str(), ended.outcome.exit_code), ("look break", ExitCode::Interrupted));
}

#[test]
fn dry_runs_touch_nothing_they_should_not() {
    let whole = experiment(
        json!([probe("well", json!({"gives": 1}))]),
        json!([action("break"), activity("probe", "look", json!({"gives": 1}))]),
    );
    let lines = Dry::NAMES.map(|(name, dry)| {
        let runs = Runs::new();
        let (ended, effects) = runs.run_on(Stage::new(), &whole, |plan| Plan { dry: Some(dry), ..plan });
        assert_eq!(runs.journal()["experiment"]["dry"], name);
        format!("{name}: {:?} [{effects}] live [{}]", ended.outcome.exit_code, ended.live.join(","))
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
    probes: Ok [break mend polish] live []
    actions: Ok [well look well] live []
    activities: Ok [] live []
    pause: Ok [well break look well mend polish] live []
    ");
}

#[test]
fn a_probe_is_tried_until_it_is_within_its_tolerance() {
    let mut heals = probe("heals", json!({"in-turn": [3, 2], "gives": 1}));
    heals["retry"] = json!({"every": 1, "for": 10});
    let mut never = probe("never", json!({"gives": 5}));
    never["retry"] = json!({"every": 1, "for": 2.5});
    let runs = Runs::new();
    let (ended, effects) =
        runs.run(&experiment(json!([heals, never]), json!([action("break")])), RollbackStrategy::Default);
    assert_eq!(
        (effects.as_str(), ended.outcome.exit_code),
        ("heals heals heals never never never", ExitCode::NotRun)
    );
    let probes = &runs.journal()["steady_states"]["before"]["probes"];
    assert_eq!((&probes[0]["tries"], &probes[0]["tolerance_met"]), (&json!(3), &json!(true)));
    assert_eq!((&probes[1]["tries"], &probes[1]["tolerance_met"]), (&json!(3), &json!(false)));
}

#[test]
fn outputs_are_saved_for_later_activities_and_for_recoveries() {
    let mut finds = activity("probe", "find", json!({"gives": {"items": [{"id": "i-1"}, {"id": "i-2"}]}}));
    finds["save"] = json!({"first": "items[0].id", "count": "length(items)"});
    let uses = activity("action", "break", json!({"gives": ["${first}", "${count}"]}));
    let runs = Runs::new();
    let (ended, _) = runs.run(&experiment(json!([]), json!([finds, uses])), RollbackStrategy::Never);
    let journal = runs.journal();
    assert_eq!(journal["run"][0]["saved"], json!({"first": "i-1", "count": 2}));
    assert_eq!(journal["run"][1]["output"], json!(["i-1", 2]));
    assert_eq!(ended.folder.configuration().unwrap()["first"], "i-1");
}

#[test]
fn what_is_saved_during_a_pause_or_between_two_tries_is_known() {
    let finds = |name: &str| {
        let mut finds = activity("probe", name, json!({"gives": 1, "turns": 3}));
        finds["background"] = json!(true);
        finds["save"] = json!({name: "@"});
        finds
    };
    let mut pauses = activity("action", "break", json!({"gives": "${first}"}));
    pauses["pauses"] = json!({"before": 10});
    let mut tries = probe("tries", json!({"gives": "${second}"}));
    tries["retry"] = json!({"every": 5, "for": 20});
    let mut whole = experiment(json!([]), json!([finds("first"), pauses, finds("second"), tries]));
    whole["configuration"] = json!({"first": 0, "second": 0});
    let runs = Runs::new();
    let stage = Stage { takes_turns: true, ..Stage::new() };
    runs.run_on(stage, &whole, |plan| plan);
    let journal = runs.journal();
    assert_eq!(journal["run"][1]["output"], 1);
    assert_eq!((&journal["run"][3]["output"], &journal["run"][3]["tries"]), (&json!(1), &json!(2)));
}

#[test]
fn changes_of_the_configuration_survive_a_death_in_the_middle_of_one() {
    let runs = Runs::new();
    let mut whole = experiment(json!([]), json!([]));
    whole["configuration"] = json!({"kept": 1, "gone": 2});
    let folder = runs.run(&whole, RollbackStrategy::Never).0.folder;
    let changes = |changes: &[(&str, Option<Value>)]| {
        let changes: Vec<_> =
            changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        folder.keep_configuration(&changes).unwrap();
    };
    changes(&[("new", Some(Value::Null)), ("gone", None)]);
    let log = fs::OpenOptions::new().append(true).open(folder.path().join("configuration.jsonl"));
    log.unwrap().write_all(b"[[\"kept\",[2").unwrap();
    let expected = json!({"kept": 1, "new": null});
    assert_eq!(Value::from(folder.configuration().unwrap()), expected);
    changes(&[("new", Some(json!(3)))]);
    assert_eq!(Value::from(folder.configuration().unwrap()), json!({"kept": 1, "new": 3}));
}

#[test]
fn timeouts_and_failures_may_end_the_method() {
    let mut slow = activity("action", "slow", json!({"hangs": "x"}));
    slow["timeout"] = json!(2);
    let mut fails = activity("action", "fails", json!({"fails": "denied"}));
    fails["on-failure"] = json!("abort");
    let runs = Runs::new();
    let (ended, effects) =
        runs.run(&experiment(json!([]), json!([slow, fails, action("never")])), RollbackStrategy::Default);
    assert_eq!(effects, "slow fails mend polish");
    assert_eq!((ended.outcome.status, ended.outcome.exit_code), (Status::Aborted, ExitCode::Deviated));
    let journal = runs.journal();
    assert_eq!(
        journal["run"][0]["exception"][0],
        "chaoslib.exceptions.ActivityFailed: the activity's timeout of 2.0s is over\n"
    );
    assert_eq!(journal["run"][0]["happened"], "maybe");
}

#[test]
fn tolerances_in_the_method_count_when_probes_are_strict() {
    let mut whole = experiment(json!([]), json!([probe("look", json!({"gives": 2}))]));
    assert_eq!(Runs::new().run(&whole, RollbackStrategy::Default).0.outcome.exit_code, ExitCode::Ok);
    whole["runtime"] = json!({"strict-probes": true});
    let runs = Runs::new();
    let (ended, _) = runs.run(&whole, RollbackStrategy::Default);
    assert_eq!((ended.outcome.exit_code, ended.outcome.deviated), (ExitCode::Deviated, true));
    assert_eq!(runs.journal()["run"][0]["tolerance_met"], false);
}

#[test]
fn controls_are_called_around_everything_and_may_change_it() {
    fn answers(hook: Hook, context: &str, state: Option<Value>) -> Answer {
        let mut changes = Changes::default();
        match (hook.function(), context) {
            ("before_activity_control", "/method/0") => {
                let changed = activity("action", "changed", json!({"gives": "${new}"}));
                changes.experiment.push(("/method/0".to_owned(), changed));
                changes.configuration.push(("new".to_owned(), Some(json!("from a control"))));
            }
            ("after_activity_control", "/method/0") => {
                let mut run = state.unwrap();
                run["note"] = json!("seen");
                changes.state = Some(run);
            }
            ("after_experiment_control", _) => {
                let mut journal = state.unwrap();
                journal["deviated"] = json!(true);
                changes.state = Some(journal);
            }
            _ => {}
        }
        Answer { changes, ..Answer::default() }
    }
    let mut whole = experiment(json!([probe("well", json!({"gives": 1}))]), json!([action("break")]));
    whole["controls"] = json!([{"name": "audit", "provider": {"type": "python", "module": "audit"}}]);
    let runs = Runs::new();
    let controls = Some(Scripted { answers, calls: RefCell::default() });
    let (ended, effects) = runs.run_on(Stage { controls, ..Stage::new() }, &whole, |plan| plan);
    assert_eq!(effects, "well changed well mend polish");
    assert_eq!((ended.outcome.deviated, ended.outcome.exit_code), (true, ExitCode::Deviated));
    let journal = runs.journal();
    assert_eq!(journal["run"][0]["output"], "from a control");
    assert_eq!((&journal["run"][0]["note"], &journal["deviated"]), (&json!("seen"), &json!(true)));
    assert_eq!(journal["experiment"]["method"][0]["name"], "changed");
}

#[test]
fn a_control_that_interrupts_stops_the_run_and_is_followed_by_the_others() {
    fn answers(hook: Hook, context: &str, _: Option<Value>) -> Answer {
        let interrupts = (hook.function(), context) == ("before_activity_control", "/method/0");
        let stop = interrupts.then(|| Stop::Interrupt("not today".to_owned()));
        Answer { stop, ..Answer::default() }
    }
    let mut whole = experiment(json!([]), json!([action("break"), action("never")]));
    whole["controls"] = json!([{"name": "guard", "provider": {"type": "python", "module": "guard"}}]);
    let runs = Runs::new();
    let controls = Some(Scripted { answers, calls: RefCell::default() });
    let (ended, effects) = runs.run_on(Stage { controls, ..Stage::new() }, &whole, |plan| plan);
    assert_eq!((effects.as_str(), ended.outcome.exit_code), ("", ExitCode::Interrupted));
    assert_eq!(runs.journal()["status"], "interrupted");
}
