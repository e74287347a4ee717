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

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

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
    let bench = Bench { stop, folder, chaos };

    let mut results = Vec::new();
    for contest in bench.contests()? {
        eprintln!("==> {}", contest.name);
        let result = bench.measure(&contest)?;
        print!("{}", table(&result));
        results.push(result.to_json());
    }
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
    /// CPU milliseconds and resident MiB that fracas aims at.
    target: Option<(f64, f64)>,
}

struct Bench<'a> {
    stop: &'a Stop,
    folder: PathBuf,
    chaos: PathBuf,
}

impl Bench<'_> {
    fn contests(&self) -> Result<Vec<Contest>> {
        let walkthrough = root().join(demo::EXPERIMENT).display().to_string();
        let call = self.write("call", &aws_call("chaosaws.docdb.probes", "docdb_cluster_identifier"))?;
        let call_reference = self.write("call-reference", &aws_call("chaosaws.rds.probes", "cluster_id"))?;
        let processes = self.write("processes", &processes())?;
        let (server, request) = self.canned_server(&call)?;
        Ok(vec![
            Contest {
                name: "start (--version)",
                rounds: 25,
                floor: meter(&[]),
                fracas: fracas(&["--version"]),
                reference: self.chaos(&["--version"]),
                target: Some((2.5, 6.0)),
            },
            Contest {
                name: "validate",
                rounds: 15,
                floor: meter(&[]),
                fracas: fracas(&["validate", &walkthrough]),
                reference: self.chaos(&["validate", &call_reference]),
                target: None,
            },
            Contest {
                name: "one AWS call",
                rounds: 15,
                floor: meter(&["replay", &server, &request]),
                fracas: fracas(&["run", &call]),
                reference: self.chaos(&["run", &call_reference]),
                target: Some((7.0, 15.0)),
            },
            Contest {
                name: "1,000 process activities",
                rounds: 3,
                floor: meter(&["spawn", "1000", "true"]),
                fracas: fracas(&["run", &processes]),
                reference: self.chaos(&["run", &processes]),
                target: None,
            },
        ])
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
        let Contest { name, rounds, target, .. } = *contest;
        Ok(Measured { name, rounds, target, floor, fracas, reference })
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

#[derive(Clone, Copy)]
struct Sample {
    cpu_ms: f64,
    wall_ms: f64,
    rss_mib: f64,
}

struct Measured {
    name: &'static str,
    rounds: usize,
    target: Option<(f64, f64)>,
    floor: Sample,
    fracas: Sample,
    reference: Sample,
}

impl Measured {
    fn to_json(&self) -> Value {
        let side =
            |side: Sample| json!({"cpu_ms": side.cpu_ms, "wall_ms": side.wall_ms, "rss_mib": side.rss_mib});
        json!({
            "name": self.name, "rounds": self.rounds, "target": self.target,
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
    let Measured { name, rounds, target, floor, fracas, reference } = measured;
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
    if let Some((cpu, rss)) = target {
        text += &format!(
            "  CPU {}, RSS {}\n",
            against(fracas.cpu_ms, *cpu, "ms"),
            against(fracas.rss_mib, *rss, "MiB")
        );
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

fn processes() -> Value {
    let process = |number: usize| json!({"type": "action", "name": format!("true {number}"), "provider": {"type": "process", "path": "true"}});
    json!({
        "title": "Processes", "description": "1,000 processes",
        "method": (1..=1000).map(process).collect::<Vec<_>>(), "rollbacks": [],
    })
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
        let _ = seen.send(request);
        write!(
            connection,
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{CLUSTER}",
            CLUSTER.len()
        )?;
    }
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
            target: Some((7.0, 6.0)),
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
