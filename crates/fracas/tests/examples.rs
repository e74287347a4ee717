//! The experiments of `examples/` from validation to the end of a run, against AWS as `tests/examples/NAME.yaml` has it:
//! what it answers, by service and operation, as in the scenarios of the activities; and against moto. Pauses are left out.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::peer::Peer;
use support::stage::Stage;
use support::{fracas, python, root};

/// What a file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Surroundings {
    answers: Map<String, Value>,
    /// The calls of a run that change something, in order.
    changes: Vec<String>,
    /// Where moto has what the example needs, it runs there, too: what is there before, as `{SERVICE OPERATION: parameters}`.
    #[serde(default)]
    moto: Vec<Map<String, Value>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut examples: Vec<PathBuf> = fs::read_dir(root().join("examples"))
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    examples.sort();
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let trial = |path: PathBuf| Trial::test(name(&path), move || play(&path, &name(&path)));
    libtest_mimic::run(&arguments, examples.into_iter().map(trial).collect()).exit_code()
}

fn play(example: &Path, name: &str) -> Result<(), Failed> {
    let path = root().join("tests/examples").join(name).with_extension("yaml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let node = fracas_engine::parse_yaml(&text).map_err(|problems| format!("{problems:?}"))?;
    let surroundings: Surroundings = serde_json::from_value(node.to_json())?;
    let mut peer = Peer::start();
    let folder = tempfile::tempdir()?;
    let endpoint = peer.endpoint.clone();
    let fracas = |args: &[&str]| succeed(args, Some(example), folder.path(), &endpoint);
    let anew = json!({"answers": {"answers": surroundings.answers}});

    fracas(&["validate"])?;
    fracas(&["iam"])?;
    peer.ask(&anew);
    fracas(&["plan"])?;
    let (planned, changes) = calls(&mut peer);
    if !changes.is_empty() {
        return Err(format!("a plan calls {changes:?}").into());
    }
    peer.ask(&anew);
    fracas(&["run", "--dry", "pause"])?;
    let (called, changes) = calls(&mut peer);
    let journal = fs::read_to_string(folder.path().join("journal.json"))?;
    let journal: Value = serde_json::from_str(&journal)?;
    let steps =
        ["run", "rollbacks"].map(|part| journal[part].as_array().cloned().unwrap_or_default()).concat();
    let failed: Vec<&Value> = steps.iter().filter(|step| step["status"] != "succeeded").collect();
    println!(
        "examples: {name}: {}, {} steps and {} calls, {planned} for the plan",
        journal["status"],
        steps.len(),
        called
    );
    if journal["status"] != "completed" || !failed.is_empty() || changes != surroundings.changes {
        return Err(format!("changes {changes:#?}\nfailed {failed:#?}").into());
    }
    if surroundings.moto.is_empty() { Ok(()) } else { play_on_moto(example, name, &surroundings.moto) }
}

/// The same where the state of AWS changes with what is done.
fn play_on_moto(example: &Path, name: &str, prepared: &[Map<String, Value>]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let stage = Stage::start(&python(), &root(), folder.path(), &["moto".to_owned()])?;
    let endpoint = format!("http://{}", stage.address("moto").expect("it has started"));
    let experiment: Value = serde_json::from_str(&fs::read_to_string(example)?)?;
    let region = experiment["configuration"]["aws_region"].as_str().expect("a region");
    for (call, parameters) in prepared.iter().flatten() {
        let (service, operation) = call.split_once(' ').expect("SERVICE OPERATION");
        let parameters = parameters.to_string();
        let call = ["aws", service, operation, "--region", region, "--params", &parameters];
        succeed(&call, None, folder.path(), &endpoint)?;
    }
    succeed(&["plan"], Some(example), folder.path(), &endpoint)?;
    succeed(&["run", "--dry", "pause"], Some(example), folder.path(), &endpoint)?;
    println!("examples: {name}: on moto, too");
    Ok(())
}

/// How many calls there are since the answers are there, and those that change something.
fn calls(peer: &mut Peer) -> (usize, Vec<String>) {
    let calls = peer.ask(&json!({"calls": true}));
    let calls = calls["calls"].as_array().expect("a list");
    let names = calls.iter().map(|call| call["operation"].as_str().expect("a name").to_owned());
    let reads = |name: &String| {
        let operation = name.split_once('.').map_or("", |(_, operation)| operation);
        ["BatchGet", "Describe", "Get", "Head", "List"].iter().any(|verb| operation.starts_with(verb))
    };
    (calls.len(), names.filter(|name| !reads(name)).collect())
}

/// What a command that has to succeed says. Where there is no Python, nothing is left to it.
fn succeed(args: &[&str], example: Option<&Path>, folder: &Path, endpoint: &str) -> Result<String, Failed> {
    let output = Command::new(fracas())
        .args(["--python", "/nonexistent/python3"])
        .args(args)
        .args(example)
        .current_dir(folder)
        .env_clear()
        .envs([
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ])
        .env("HOME", folder)
        .output()?;
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{args:?}: {}\n{said}", output.status).into())
    }
}
