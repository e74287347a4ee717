//! `cargo xtask bench`: what fracas costs beside the reference and beside the floor, measured in one run.
//!
//! ```text
//! one AWS call                 CPU ms   wall ms   RSS MiB    (median of 15)
//!   floor                         1.1       2.3       2.2
//!   fracas                        5.9       8.0      12.1    x5.4 of the floor's CPU
//!   reference                   640.2     701.9      74.0    x108.5 of fracas's CPU
//!   CPU 5.90 <= 7 ms: target reached, RSS 12.10 <= 15 MiB: target reached
//! ```
//!
//! CPU is user and system time, that of the children included; the largest resident size is of one process. The
//! three sides take turns, so that a slow moment of the machine meets all of them. A target that is not reached is
//! told and nothing more: the machine may be busy.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::iter::repeat_n;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::shell::{Stop, cargo, output, root, target};
use crate::{demo, python};

/// Builds and prepares all sides, measures, prints the tables and saves them as JSON.
pub fn run(stop: &Stop) -> Result<()> {
    eprintln!("==> building fracas (release), the meter, and the reference's environment");
    stop.run(&mut cargo("build --release --package fracas"))?;
    stop.run(&mut cargo("build --release --package fracas-aws --example load_model"))?;
    stop.run(&mut cargo("build --quiet --package xtask --bin meter"))?;
    let chaos = python::environment(stop)?.with_file_name("chaos");
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    // What `python3` names may be the shim of a version manager, which would cost more than what is measured.
    let python = output(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]))?;
    let python = PathBuf::from(python.trim());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = python.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders)?;
    let bench = Bench { stop, folder, chaos, python, path };

    let mut results = Vec::new();
    for contest in bench.contests()? {
        eprintln!("==> {}", contest.name);
        let result = bench.measure(&contest)?;
        print!("{}", table(&result));
        results.push(result.to_json());
    }
    print!("{}", bench.iterations()?);
    print!("{}", bench.growth()?);
    print!("{}", model_loads()?);
    let path = bench.folder.join("results.json");
    fs::write(&path, serde_json::to_string_pretty(&results)? + "\n")?;
    println!("saved in {}", path.display());
    Ok(())
}

/// What is measured: the same work done by the least program that can do it, by fracas and by the reference.
struct Contest {
    name: &'static str,
    rounds: usize,
    floor: Vec<String>,
    fracas: Vec<String>,
    reference: Vec<String>,
    targets: &'static [Target],
}

/// What fracas aims at.
#[derive(Clone, Copy)]
enum Target {
    /// At most so many CPU milliseconds.
    Cpu(f64),
    /// At most so many times the floor's CPU time.
    CpuOfFloor(f64),
    /// At most so many milliseconds.
    Wall(f64),
    /// At most so many resident MiB.
    Rss(f64),
}

use Target::{Cpu, CpuOfFloor, Rss, Wall};

struct Bench<'a> {
    stop: &'a Stop,
    folder: PathBuf,
    chaos: PathBuf,
    /// The interpreter that both the floor and fracas start.
    python: PathBuf,
    /// `PATH` with the interpreter's folder first.
    path: OsString,
}

impl Bench<'_> {
    fn contests(&self) -> Result<Vec<Contest>> {
        let walkthrough = root().join(demo::EXPERIMENT).display().to_string();
        let call = self.write("call", &aws_call("chaosaws.docdb.probes", "docdb_cluster_identifier"))?;
        let call_reference = self.write("call-reference", &aws_call("chaosaws.rds.probes", "cluster_id"))?;
        let (server, request) = self.canned_server(&call)?;
        fs::write(self.folder.join("get"), format!("GET / HTTP/1.1\r\nHost: {server}\r\n\r\n"))?;
        fs::write(self.folder.join("megabyte"), "x".repeat(1_000_000))?;
        fs::write(self.folder.join("benched.py"), "def nothing():\n    return 1\n")?;
        let get = json!({"type": "http", "url": format!("http://{server}/")});
        let slow = json!({"type": "http", "url": format!("http://{server}/slow")});
        let python = json!({"type": "python", "module": "benched", "func": "nothing"});
        let process = json!({"type": "process", "path": "true"});
        let cat = json!({"type": "process", "path": "cat", "arguments": ["megabyte"]});
        let many: Value = (0..1000).flat_map(|_| [get.clone(), process.clone()]).collect();
        let (json, yaml) =
            self.write_both("many", &activities(many.as_array().into_iter().flatten(), json!({})))?;
        let same = |name: &'static str, rounds, floor, args: &[&str], targets| Contest {
            name,
            rounds,
            floor,
            fracas: fracas(args),
            reference: self.chaos(args),
            targets,
        };
        let run = |name: &'static str, rounds, floor, experiment: Value, targets| -> Result<Contest> {
            let path = self.write(&name.replace(' ', "-"), &experiment)?;
            Ok(same(name, rounds, floor, &["run", &path], targets))
        };
        Ok(vec![
            same("start (--version)", 25, meter(&[]), &["--version"], &[Cpu(2.5), Rss(6.0)]),
            Contest {
                name: "validate",
                rounds: 15,
                floor: meter(&[]),
                fracas: fracas(&["validate", &walkthrough]),
                reference: self.chaos(&["validate", &call_reference]),
                targets: &[],
            },
            same("validate 2,000 activities, JSON", 9, meter(&[]), &["validate", &json], &[Wall(10.0)]),
            same("validate 2,000 activities, YAML", 9, meter(&[]), &["validate", &yaml], &[Wall(15.0)]),
            same(
                "validate ten AWS activities",
                15,
                meter(&[]),
                &["validate", &self.write("ten", &ten_of_aws())?],
                &[Cpu(4.0)],
            ),
            same(
                "discover chaostoolkit-aws",
                9,
                meter(&[]),
                &["discover", "--no-install", "chaostoolkit-aws"],
                &[Cpu(6.0)],
            ),
            Contest {
                name: "one AWS call",
                rounds: 15,
                floor: meter(&["replay", &server, &request]),
                fracas: fracas(&["run", &call]),
                reference: self.chaos(&["run", &call_reference]),
                targets: &[Cpu(7.0), Rss(15.0)],
            },
            self.shell_call(&server, "one AWS call from the shell, ec2", 15, SHORT, &[Cpu(10.0), Rss(15.0)])?,
            self.shell_call(&server, "20,000 instances, 40 MB", 3, INSTANCES, &[Cpu(400.0), Rss(80.0)])?,
            self.shell_call(&server, "200 pages of clusters, 22 MB", 3, PAGES, &[Cpu(200.0), Rss(20.0)])?,
            self.many_calls(&server)?,
            run(
                "1,000 process activities",
                5,
                meter(&["spawn", "1000", "true"]),
                activities(repeat_n(&process, 1000), json!({})),
                &[CpuOfFloor(1.25)],
            )?,
            run(
                "2,000 http probes",
                5,
                meter(&["replay", &server, "get", "2000"]),
                activities(repeat_n(&get, 2000), json!({})),
                &[Cpu(250.0)],
            )?,
            run(
                "200 background http activities of 1 s",
                3,
                meter(&["replay", &server, "get", "200"]),
                activities(repeat_n(&slow, 200), json!({"background": true})),
                &[Wall(1050.0), Rss(15.0)],
            )?,
            run(
                "100 MB of outputs",
                3,
                meter(&["collect", "100", "cat", "megabyte"]),
                activities(repeat_n(&cat, 100), json!({})),
                &[Wall(2000.0), Rss(150.0)],
            )?,
            run(
                "one python activity",
                9,
                words(&self.python, &["-c", "pass"]),
                activities([&python], json!({})),
                &[Wall(25.0)],
            )?,
            run(
                "500 python activities",
                9,
                words(&self.python, &["-c", "pass"]),
                activities(repeat_n(&python, 500), json!({})),
                &[Wall(50.0)],
            )?,
        ])
    }

    /// A call of `fracas aws`, beside the bytes alone and beside boto3.
    fn shell_call(
        &self,
        server: &str,
        name: &'static str,
        rounds: usize,
        call: ShellCall,
        targets: &'static [Target],
    ) -> Result<Contest> {
        let url = format!("http://{server}{}", call.path);
        let request = format!("POST {} HTTP/1.1\r\nHost: {server}\r\n\r\n", call.path);
        fs::write(self.folder.join(call.service), request)?;
        let client =
            format!("boto3.client({:?}, endpoint_url={url:?}, region_name='us-east-1')", call.service);
        let script = format!("import boto3; c = {client}; {}", call.boto3);
        let mut args =
            vec!["aws", call.service, call.operation, "--region", "us-east-1", "--endpoint-url", &url];
        args.extend(call.flags);
        Ok(Contest {
            name,
            rounds,
            floor: meter(&["replay", server, call.service, call.requests]),
            fracas: fracas(&args),
            reference: words(&self.chaos.with_file_name("python"), &["-c", &script]),
            targets,
        })
    }

    /// 200 calls, made by 120 activities.
    fn many_calls(&self, server: &str) -> Result<Contest> {
        let call = |path: &str, paginate: bool| {
            json!({
                "type": "aws", "service": "docdb", "operation": "describe_db_clusters", "paginate": paginate,
                "region": "us-east-1", "endpoint_url": format!("http://{server}{path}"),
            })
        };
        let (one, two) = (call("/", false), call("/two-pages", true));
        let path =
            self.write("calls", &activities(repeat_n(&one, 40).chain(repeat_n(&two, 80)), json!({})))?;
        let client =
            format!("boto3.client('docdb', endpoint_url='http://{server}', region_name='us-east-1')");
        let script = format!("import boto3; c = {client}; [c.describe_db_clusters() for _ in range(200)]");
        Ok(Contest {
            name: "200 calls in 120 activities",
            rounds: 5,
            floor: meter(&["replay", server, "docdb", "200"]),
            fracas: fracas(&["run", &path]),
            reference: words(&self.chaos.with_file_name("python"), &["-c", &script]),
            targets: &[Cpu(90.0), Rss(15.0)],
        })
    }

    /// How often a hypothesis is checked every 10 ms during 3 s, beside a program that does nothing else.
    fn iterations(&self) -> Result<String> {
        let probe = json!({
            "type": "probe", "name": "probe", "tolerance": 0, "provider": {"type": "process", "path": "true"},
        });
        let mut experiment =
            activities([&json!({"type": "process", "path": "true"})], json!({"pauses": {"after": 3}}));
        experiment["steady-state-hypothesis"] = json!({"title": "true", "probes": [probe]});
        let path = self.write("continuous", &experiment)?;
        let mut shares = Vec::new();
        for _ in 0..3 {
            self.stop.check()?;
            let floor: f64 =
                output(&mut self.command(&meter(&["every", "0.01", "3", "true"])))?.trim().parse()?;
            let args =
                ["run", &path, "--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.01"];
            self.sample(&fracas(&args))?;
            let journal: Value = serde_json::from_slice(&fs::read(self.folder.join("journal.json"))?)?;
            let during = journal["steady_states"]["during"].as_array().map_or(0, Vec::len);
            shares.push(during as f64 / floor * 100.0);
        }
        shares.sort_by(f64::total_cmp);
        let reached = if shares[1] >= 95.0 { "target reached" } else { "target NOT reached" };
        Ok(format!(
            "a hypothesis every 10 ms\n  {:.1} % >= 95 % of the floor's iterations: {reached}\n",
            shares[1]
        ))
    }

    /// What one more activity costs, from few to many, and with as many variables and controls: it stays the same
    /// where nothing grows faster than the experiment. The activities are only pretended.
    fn growth(&self) -> Result<String> {
        let mut text = "CPU microseconds per activity, by their number\n".to_owned();
        for (what, counts) in [
            ("activities", &[10, 1000, 10_000, 50_000][..]),
            ("variables", &[10, 1000, 5000]),
            ("secrets", &[10, 1000, 5000]),
        ] {
            let mut costs = Vec::new();
            for count in counts {
                let path = self.write("growth", &growing(*count, what))?;
                let samples: Result<Vec<Sample>> =
                    (0..3).map(|_| self.sample(&fracas(&["run", &path, "--dry", "activities"]))).collect();
                costs.push((count, median(samples?).cpu_ms));
            }
            let empty = costs[0].1;
            for (count, cost) in &costs[1..] {
                text += &format!("  {what:<16}{count:>8}{:>10.1}\n", (cost - empty) * 1e3 / **count as f64);
            }
        }
        Ok(text)
    }

    fn chaos(&self, args: &[&str]) -> Vec<String> {
        let program = self.chaos.display().to_string();
        [&[&program, "--no-version-check", "--no-log-file"], args]
            .concat()
            .into_iter()
            .map(String::from)
            .collect()
    }

    fn write(&self, name: &str, experiment: &Value) -> Result<String> {
        let path = self.folder.join(format!("{name}.json"));
        fs::write(&path, experiment.to_string())?;
        Ok(path.display().to_string())
    }

    /// The same experiment as JSON and, its activities as blocks, as YAML.
    fn write_both(&self, name: &str, experiment: &Value) -> Result<(String, String)> {
        let path = self.folder.join(format!("{name}.yaml"));
        fs::write(&path, yaml(experiment, 0))?;
        Ok((self.write(name, experiment)?, path.display().to_string()))
    }

    /// Starts the server that answers both sides' AWS calls, and lets fracas call it once to learn the bytes that
    /// the floor replays. Gives its address and the file with the bytes.
    fn canned_server(&self, experiment: &str) -> Result<(String, String)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (seen, requests) = mpsc::channel();
        std::thread::spawn(move || serve(&listener, &seen));
        fs::write(self.folder.join("address"), &address)?;
        self.sample(&fracas(&["run", experiment]))?;
        let request = requests.try_recv().context("fracas did not call the AWS endpoint")?;
        let path = self.folder.join("request");
        fs::write(&path, request)?;
        Ok((address, path.display().to_string()))
    }

    /// The command of one side, in the bench's folder and with the canned server as AWS.
    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        let endpoint = fs::read_to_string(self.folder.join("address")).unwrap_or_default();
        command.args(&words[1..]).current_dir(&self.folder);
        command.env("AWS_ENDPOINT_URL", format!("http://{endpoint}"));
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
        command.env("XDG_STATE_HOME", self.folder.join("state")).env_remove("AWS_PROFILE");
        command.env("PATH", &self.path).env("PYTHONPATH", &self.folder).env("NO_PROXY", "127.0.0.1");
        command
    }

    fn measure(&self, contest: &Contest) -> Result<Measured> {
        let sides =
            [("floor", &contest.floor), ("fracas", &contest.fracas), ("reference", &contest.reference)];
        let mut samples = sides.map(|_| Vec::new());
        for _ in 0..contest.rounds {
            for ((name, words), samples) in sides.iter().zip(&mut samples) {
                self.stop.check()?;
                let sample = self.sample(words).with_context(|| format!("{}, {name}", contest.name))?;
                samples.push(sample);
            }
        }
        let [floor, fracas, reference] = samples.map(median);
        let Contest { name, rounds, targets, .. } = *contest;
        Ok(Measured { name, rounds, targets, floor, fracas, reference })
    }

    fn sample(&self, words: &[String]) -> Result<Sample> {
        let metered = [meter(&["run"]), words.to_vec()].concat();
        let line = output(&mut self.command(&metered))?;
        ensure!(line.trim().ends_with("exit status: 0"), "{} failed: {line}", words.join(" "));
        let numbers: Vec<f64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let [user, system, wall, rss] = numbers[..] else { anyhow::bail!("the meter said {line}") };
        Ok(Sample { cpu_ms: (user + system) * 1e3, wall_ms: wall * 1e3, rss_mib: rss / 1024.0 })
    }
}

/// A call from the shell, and what the canned server gives for it.
struct ShellCall {
    service: &'static str,
    operation: &'static str,
    flags: &'static [&'static str],
    path: &'static str,
    /// How many requests it takes.
    requests: &'static str,
    /// The same in Python, of the client `c`.
    boto3: &'static str,
}

const SHORT: ShellCall = ShellCall {
    service: "ec2",
    operation: "describe-instances",
    flags: &[],
    path: "/no-instances",
    requests: "1",
    boto3: "c.describe_instances()",
};

const INSTANCES: ShellCall = ShellCall { path: "/instances", ..SHORT };

const PAGES: ShellCall = ShellCall {
    service: "docdb",
    operation: "describe-db-clusters",
    flags: &["--paginate"],
    path: "/pages",
    requests: "200",
    boto3: "c.get_paginator('describe_db_clusters').paginate().build_full_result()",
};

#[derive(Clone, Copy)]
struct Sample {
    cpu_ms: f64,
    wall_ms: f64,
    rss_mib: f64,
}

struct Measured {
    name: &'static str,
    rounds: usize,
    targets: &'static [Target],
    floor: Sample,
    fracas: Sample,
    reference: Sample,
}

impl Measured {
    fn verdicts(&self) -> Vec<String> {
        let Sample { cpu_ms, wall_ms, rss_mib } = self.fracas;
        let verdict = |target: &Target| match *target {
            Cpu(most) => format!("CPU {}", against(cpu_ms, most, "ms")),
            CpuOfFloor(most) => format!("CPU x{}", against(cpu_ms / self.floor.cpu_ms, most, "of the floor")),
            Wall(most) => format!("wall {}", against(wall_ms, most, "ms")),
            Rss(most) => format!("RSS {}", against(rss_mib, most, "MiB")),
        };
        self.targets.iter().map(verdict).collect()
    }

    fn to_json(&self) -> Value {
        let side =
            |side: Sample| json!({"cpu_ms": side.cpu_ms, "wall_ms": side.wall_ms, "rss_mib": side.rss_mib});
        json!({
            "name": self.name, "rounds": self.rounds, "targets": self.verdicts(),
            "floor": side(self.floor), "fracas": side(self.fracas), "reference": side(self.reference),
        })
    }
}

/// The median of each figure by itself.
fn median(samples: Vec<Sample>) -> Sample {
    let middle = |figure: fn(&Sample) -> f64| {
        let mut figures: Vec<f64> = samples.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Sample { cpu_ms: middle(|s| s.cpu_ms), wall_ms: middle(|s| s.wall_ms), rss_mib: middle(|s| s.rss_mib) }
}

fn table(measured: &Measured) -> String {
    let Measured { name, rounds, floor, fracas, reference, .. } = measured;
    let row = |side: &str, sample: &Sample| {
        format!("  {side:<24}{:>10.1}{:>10.1}{:>10.1}", sample.cpu_ms, sample.wall_ms, sample.rss_mib)
    };
    let mut text = format!("{name:<26}    CPU ms   wall ms   RSS MiB    (median of {rounds})\n");
    text += &format!("{}\n", row("floor", floor));
    text +=
        &format!("{}    x{:.1} of the floor's CPU\n", row("fracas", fracas), fracas.cpu_ms / floor.cpu_ms);
    text += &format!(
        "{}    x{:.1} of fracas's CPU\n",
        row("reference", reference),
        reference.cpu_ms / fracas.cpu_ms
    );
    if !measured.targets.is_empty() {
        text += &format!("  {}\n", measured.verdicts().join(", "));
    }
    text
}

/// `5.90 <= 7 ms: target reached`
fn against(value: f64, target: f64, unit: &str) -> String {
    if value <= target {
        format!("{value:.2} <= {target} {unit}: target reached")
    } else {
        format!("{value:.2} > {target} {unit}: target NOT reached")
    }
}

/// How long it takes to open the model of a small and of a large service, by the example of fracas-aws.
fn model_loads() -> Result<String> {
    let mut text = "opening a service's model\n".to_owned();
    for (service, target_ms) in [("docdb", 0.2), ("ec2", 3.0)] {
        let micros = output(Command::new(target().join("release/examples/load_model")).arg(service))?;
        let millis = micros.trim().parse::<f64>().context("load_model prints microseconds")? / 1e3;
        text += &format!("  {service:<8}{}\n", against(millis, target_ms, "ms"));
    }
    Ok(text)
}

fn meter(args: &[&str]) -> Vec<String> {
    words(&target().join("debug/meter"), args)
}

fn fracas(args: &[&str]) -> Vec<String> {
    words(&target().join("release/fracas"), args)
}

fn words(program: &Path, args: &[&str]) -> Vec<String> {
    std::iter::once(program.display().to_string()).chain(args.iter().map(|arg| (*arg).to_owned())).collect()
}

fn aws_call(module: &str, argument: &str) -> Value {
    let mut probe = json!({
        "type": "probe", "name": "status",
        "provider": {"type": "python", "module": module, "func": "cluster_status", "arguments": {}},
    });
    probe["provider"]["arguments"][argument] = "chaos".into();
    json!({
        "title": "One AWS call", "description": "One AWS call", "configuration": {"aws_region": "cn-north-1"},
        "method": [probe], "rollbacks": [],
    })
}

/// An experiment of one activity for each provider, with more keys. Its run log is not synced: what is measured is
/// not the disk.
fn activities<'a>(providers: impl IntoIterator<Item = &'a Value>, more: Value) -> Value {
    let activity = |(number, provider): (usize, &Value)| {
        let mut activity =
            json!({"type": "action", "name": format!("activity {number}"), "provider": provider});
        for (key, value) in more.as_object().into_iter().flatten() {
            activity[key] = value.clone();
        }
        activity
    };
    json!({
        "title": "Many", "description": "Many activities", "runtime": {"durability": "os"},
        "method": providers.into_iter().enumerate().map(activity).collect::<Vec<_>>(), "rollbacks": [],
    })
}

/// An experiment with so many activities and, if asked for, as many variables or secrets, which they use.
fn growing(count: usize, more: &str) -> Value {
    let process =
        |number| json!({"type": "process", "path": "true", "arguments": [format!("${{v{number}}}")]});
    let providers: Vec<Value> = (0..count).map(process).collect();
    let mut experiment = activities(&providers, json!({}));
    let named = (0..count).map(|number| (format!("v{number}"), json!(format!("value of {number}"))));
    match more {
        "variables" => experiment["configuration"] = named.collect(),
        "secrets" => experiment["secrets"] = json!({"all": named.collect::<Value>()}),
        _ => {}
    }
    experiment
}

/// A value as YAML in blocks.
fn yaml(value: &Value, depth: usize) -> String {
    let indent = " ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().map(|(key, value)| format!("\n{indent}{key}: {}", yaml(value, depth + 2))).collect()
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("\n{indent}-{}", yaml(item, depth + 2))).collect()
        }
        other => other.to_string(),
    }
}

/// Answers every request with the same cluster, and passes the request's bytes on.
fn serve(listener: &TcpListener, seen: &mpsc::Sender<Vec<u8>>) {
    for connection in listener.incoming().flatten() {
        let seen = seen.clone();
        std::thread::spawn(move || answer_all(connection, &seen));
    }
}

fn answer_all(mut connection: TcpStream, seen: &mpsc::Sender<Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let request = read_request(&mut reader)?;
        if request.is_empty() {
            return Ok(());
        }
        if request.starts_with(b"GET /slow ") {
            std::thread::sleep(Duration::from_secs(1));
        }
        let body = body(&String::from_utf8_lossy(&request));
        let _ = seen.send(request);
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n");
        // In one piece, or the other side's system would wait before it acknowledges the first.
        connection.write_all((head + &body).as_bytes())?;
    }
}

/// What the server answers, by the path it is asked at.
fn body(request: &str) -> Cow<'static, str> {
    static INSTANCES: LazyLock<String> = LazyLock::new(|| instances(20_000));
    match request.split(' ').nth(1) {
        Some("/instances") => INSTANCES.as_str().into(),
        Some("/no-instances") => instances(0).into(),
        Some("/pages") => page(request, 200, 110).into(),
        Some("/two-pages") => page(request, 2, 1).into(),
        _ => CLUSTER.into(),
    }
}

/// Instances of 2 KB each, as EC2 describes them.
fn instances(count: usize) -> String {
    let tags: String = (0..13)
        .map(|tag| format!("<item><key>key-{tag:02}</key><value>some value of tag {tag:02}</value></item>"))
        .collect();
    let item = |number| {
        format!(
            "<item><reservationId>r-{number:08}</reservationId><instancesSet><item><instanceId>i-{number:017}\
             </instanceId><imageId>ami-0123456789</imageId><instanceState><code>16</code><name>running</name>\
             </instanceState><instanceType>m5.large</instanceType><launchTime>2026-01-02T03:04:05.000Z</launchTime>\
             <placement><availabilityZone>us-east-1a</availabilityZone><tenancy>default</tenancy></placement>\
             <privateIpAddress>10.0.0.1</privateIpAddress><ebsOptimized>true</ebsOptimized><blockDeviceMapping>\
             <item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-{number:017}</volumeId><status>attached\
             </status><attachTime>2026-01-02T03:04:05.000Z</attachTime><deleteOnTermination>true\
             </deleteOnTermination></ebs></item></blockDeviceMapping><tagSet>{tags}</tagSet></item></instancesSet>\
             </item>"
        )
    };
    let items: String = (0..count).map(item).collect();
    format!(
        "<DescribeInstancesResponse><requestId>r</requestId><reservationSet>{items}</reservationSet>\
         </DescribeInstancesResponse>"
    )
}

/// One of many pages of clusters; the marker in the request tells which.
fn page(request: &str, pages: usize, clusters: usize) -> String {
    let marker = request.split("Marker=").nth(1).and_then(|marker| marker.trim().parse().ok());
    let number: usize = marker.unwrap_or(0);
    let next = if number + 1 < pages { format!("<Marker>{}</Marker>", number + 1) } else { String::new() };
    let clusters: String = (0..clusters).map(|cluster| described(number * clusters + cluster)).collect();
    format!(
        "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters>{clusters}</DBClusters>{next}\
         </DescribeDBClustersResult></DescribeDBClustersResponse>"
    )
}

/// Ten activities of chaosaws, of three packages.
fn ten_of_aws() -> Value {
    let rds = |func: &str, kind: &str, argument: &str| json!({"type": "python", "module": format!("chaosaws.rds.{kind}"), "func": func, "arguments": {argument: "orders"}});
    let ecs = |func: &str, kind: &str| {
        json!({"type": "python", "module": format!("chaosaws.ecs.{kind}"), "func": func,
            "arguments": {"cluster": "orders", "service": "pay"}})
    };
    let route53 = |func: &str, argument: &str| json!({"type": "python", "module": "chaosaws.route53.probes", "func": func, "arguments": {argument: "orders"}});
    let all = [
        rds("stop_db_cluster", "actions", "db_cluster_identifier"),
        rds("reboot_db_instance", "actions", "db_instance_identifier"),
        rds("instance_status", "probes", "instance_id"),
        rds("cluster_status", "probes", "cluster_id"),
        ecs("service_is_deploying", "probes"),
        ecs("are_all_desired_tasks_running", "probes"),
        ecs("describe_service", "probes"),
        ecs("delete_service", "actions"),
        route53("get_hosted_zone", "zone_id"),
        route53("get_health_check_status", "check_id"),
    ];
    let mut experiment = activities(&all, json!({}));
    experiment["configuration"] = json!({"aws_region": "us-east-1"});
    experiment
}

/// A cluster of 1 KB, as DocumentDB describes it.
fn described(number: usize) -> String {
    let member = |instance| {
        format!(
            "<DBClusterMember><DBInstanceIdentifier>orders-{number:05}-{instance}</DBInstanceIdentifier>\
             <IsClusterWriter>false</IsClusterWriter><PromotionTier>1</PromotionTier></DBClusterMember>"
        )
    };
    let members: String = (0..3).map(member).collect();
    let host = format!("orders-{number:05}.cluster-abcdefghijkl.us-east-1.docdb.amazonaws.com");
    format!(
        "<DBCluster><DBClusterIdentifier>orders-{number:05}</DBClusterIdentifier><DBClusterArn>\
         arn:aws:rds:us-east-1:123456789012:cluster:orders-{number:05}</DBClusterArn><Status>available</Status>\
         <Endpoint>{host}</Endpoint><ReaderEndpoint>{host}</ReaderEndpoint><Engine>docdb</Engine><Port>27017</Port>\
         <MultiAZ>true</MultiAZ><ClusterCreateTime>2026-01-02T03:04:05.678Z</ClusterCreateTime><AvailabilityZones>\
         <AvailabilityZone>us-east-1a</AvailabilityZone><AvailabilityZone>us-east-1b</AvailabilityZone>\
         </AvailabilityZones><DBClusterMembers>{members}</DBClusterMembers></DBCluster>"
    )
}

/// The bytes of the next request: none when there is no more.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let start = request.len();
        if reader.read_until(b'\n', &mut request)? <= 2 {
            break;
        }
        let header = String::from_utf8_lossy(&request[start..]).to_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    reader.take(length).read_to_end(&mut request)?;
    Ok(request)
}

const CLUSTER: &str = "<DescribeDBClustersResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
<DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>chaos</DBClusterIdentifier>\
<Status>available</Status><Engine>docdb</Engine></DBCluster></DBClusters></DescribeDBClustersResult>\
<ResponseMetadata><RequestId>c091aae4-a954-4225-b868-f17b4a172486</RequestId></ResponseMetadata>\
</DescribeDBClustersResponse>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_by_one_with_their_bodies() {
        let mut bytes: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
        assert_eq!(read_request(&mut bytes).unwrap(), b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(read_request(&mut bytes).unwrap(), b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(read_request(&mut bytes).unwrap(), b"");
    }

    #[test]
    fn the_table_shows_all_sides_and_the_target() {
        let sample = |cpu_ms| Sample { cpu_ms, wall_ms: 2.0 * cpu_ms, rss_mib: 8.0 };
        let measured = Measured {
            name: "one AWS call",
            rounds: 15,
            targets: &[Cpu(7.0), Rss(6.0)],
            floor: sample(1.0),
            fracas: sample(5.0),
            reference: median(vec![sample(600.0), sample(100.0), sample(500.0)]),
        };
        let expected = "\
one AWS call                  CPU ms   wall ms   RSS MiB    (median of 15)
  floor                          1.0       2.0       8.0
  fracas                         5.0      10.0       8.0    x5.0 of the floor's CPU
  reference                    500.0    1000.0       8.0    x100.0 of fracas's CPU
  CPU 5.00 <= 7 ms: target reached, RSS 8.00 > 6 MiB: target NOT reached
";
        assert_eq!(table(&measured), expected);
    }
}
