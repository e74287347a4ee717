//! `cargo xtask demo`: the walkthrough's experiment, run for real against a local AWS, and what came of it.
//!
//! ```text
//! ==> the stage                        where the local AWS and the web API listen, and what stands in for what
//! ==> fracas run demo/experiment.json  the run's own lines
//! ==> the journal                      status, steady states, each activity with its output in short
//! ```

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{self, Stop, cargo, command};
use crate::stage::Stage;
use crate::{python, shell::target};

/// The walkthrough's experiment, with the port of its web API to be given.
pub const EXPERIMENT: &str = "demo/experiment.json";

/// Builds what is missing, runs the experiment and shows the journal. Everything started here ends with it.
pub fn run(stop: &Stop) -> Result<()> {
    title("fracas, release build");
    stop.run(&mut cargo("build --release --package fracas"))?;
    title("Python with moto");
    let python = python::environment(stop)?;
    let folder = target().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("cannot clear the last demo's folder")?;
    }
    std::fs::create_dir_all(&folder)?;

    title("the stage");
    let stage = Stage::start(&python, &shell::root(), &folder, &["moto".into(), "movies".into()])?;
    let aws = stage.address("moto").context("moto has no address")?;
    let movies = stage.address("movies").context("the movies service has no address")?;
    introduce(&aws, &movies, &writer(&python, &aws)?);

    title(&format!("fracas run {EXPERIMENT}"));
    let start = Instant::now();
    let journal = folder.join("journal.json");
    let status = stop.status(&mut fracas_run(&aws, &movies, &folder, &journal))?;
    eprintln!("    exit code {}, {:.1} s", status.code().unwrap_or(-1), start.elapsed().as_secs_f64());

    title("the journal");
    show(&journal)?;
    let writer = writer(&python, &aws)?;
    println!("    asked again   the writer is now {writer}");
    println!("    whole         {}", journal.display());
    ensure!(status.success(), "the run failed");
    ensure!(writer == "chaos2", "the cluster did not fail over to chaos2");
    Ok(())
}

fn title(text: &str) {
    eprintln!("==> {text}");
}

fn introduce(aws: &str, movies: &str, writer: &str) {
    eprintln!("    http://{aws}  moto, in place of AWS in cn-north-1");
    eprintln!("    http://{movies}  the web API of the walkthrough, with the same answer");
    eprintln!("    cluster chaos: instances chaos and chaos2, the writer is {writer}");
    eprintln!(
        "    its engine is neptune: moto refuses to create docdb clusters, but DocumentDB and Neptune share"
    );
    eprintln!(
        "    one API, so the docdb calls of the experiment are served and the failover does move the writer"
    );
}

fn fracas_run(aws: &str, movies: &str, folder: &Path, journal: &Path) -> Command {
    let mut run = command(target().join("release/fracas"));
    run.args(["run", EXPERIMENT, "--journal-path"]).arg(journal).arg("--runs-dir").arg(folder.join("runs"));
    run.env("AWS_ENDPOINT_URL", format!("http://{aws}"));
    run.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
    run.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
    run.env("MOVIES_PORT", movies.rsplit(':').next().unwrap_or_default());
    run
}

/// Who writes, asked with boto3, so that fracas does not vouch for itself.
fn writer(python: &Path, aws: &str) -> Result<String> {
    let answer = shell::output(Command::new(python).args(["-c", ASK_WRITER, &format!("http://{aws}")]))?;
    Ok(answer.trim().to_owned())
}

const ASK_WRITER: &str = "
import boto3, sys
docdb = boto3.client('docdb', 'cn-north-1', endpoint_url=sys.argv[1], aws_access_key_id='-', aws_secret_access_key='-')
cluster, = docdb.describe_db_clusters(DBClusterIdentifier='chaos')['DBClusters']
print(*(m['DBInstanceIdentifier'] for m in cluster['DBClusterMembers'] if m['IsClusterWriter']))
";

/// Prints the main points of the journal, one line each.
fn show(path: &Path) -> Result<()> {
    let text = std::fs::read(path).with_context(|| format!("there is no journal at {}", path.display()))?;
    let journal: Value = serde_json::from_slice(&text).context("the journal is not JSON")?;
    println!("    status        {}, deviated: {}", word(&journal["status"]), word(&journal["deviated"]));
    for when in ["before", "after"] {
        let state = &journal["steady_states"][when];
        println!("    {when:<14}steady state met: {}", word(&state["steady_state_met"]));
        show_activities(&state["probes"]);
    }
    println!("    method");
    show_activities(&journal["run"]);
    println!("    rollbacks     {}", journal["rollbacks"].as_array().map_or(0, Vec::len));
    show_activities(&journal["rollbacks"]);
    Ok(())
}

fn show_activities(runs: &Value) {
    for run in runs.as_array().into_iter().flatten() {
        println!(
            "      {:<30} {:<10} {:>6.3} s  {}",
            word(&run["activity"]["name"]),
            word(&run["status"]),
            run["duration"].as_f64().unwrap_or_default(),
            in_short(&run["output"])
        );
    }
}

/// The telling part of an output: a cluster's writer, a web answer's status, a short value itself.
fn in_short(output: &Value) -> String {
    let members = output["DBCluster"]["DBClusterMembers"].as_array().into_iter().flatten();
    let writers: Vec<_> = members.filter(|member| member["IsClusterWriter"] == true).collect();
    if let [writer] = writers[..] {
        return format!("writer {}", word(&writer["DBInstanceIdentifier"]));
    }
    if let Some(status) = output["status"].as_u64() {
        return format!("{status}, {} bytes", word(&output["headers"]["Content-Length"]));
    }
    word(output).chars().take(60).collect()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_runs_the_walkthrough_with_another_port() {
        let read = |path: &str| -> Value {
            serde_json::from_slice(&std::fs::read(shell::root().join(path)).unwrap()).unwrap()
        };
        let mut demo = read(EXPERIMENT);
        let port = demo["configuration"].as_object_mut().unwrap().shift_remove("movies_port").unwrap();
        assert_eq!(port["key"], "MOVIES_PORT");
        let url = &mut demo["steady-state-hypothesis"]["probes"][1]["provider"]["url"];
        *url = url.as_str().unwrap().replace("${movies_port}", "8000").into();
        assert_eq!(demo, read("tests/cases/walkthrough/experiment.json"));
    }

    #[test]
    fn outputs_in_short_name_the_writer_the_status_or_the_value() {
        let cluster = serde_json::json!({"DBCluster": {"DBClusterMembers": [
            {"DBInstanceIdentifier": "a", "IsClusterWriter": false},
            {"DBInstanceIdentifier": "b", "IsClusterWriter": true}]}});
        assert_eq!(in_short(&cluster), "writer b");
        let web = serde_json::json!({"status": 200, "headers": {"Content-Length": "217"}, "body": "x"});
        assert_eq!(in_short(&web), "200, 217 bytes");
        assert_eq!(in_short(&serde_json::json!("available")), "available");
        assert_eq!(in_short(&Value::Null), "null");
    }
}
