//! Activities of the catalogue against an AWS of canned answers, from arguments to output.
//!
//! The binary serves the answers itself and runs the tests in a child of its own, whose
//! environment names that server.

#[path = "../src/testing.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod testing;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};

use fracas_aws::Aws;
use fracas_engine::{Context, Provider, Values};
use fracas_model::ActivityKind::{Action, Probe};
use fracas_model::{ActivityKind, Failure, Happened, Policy};
use fracas_providers::Python;
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use testing::{Ears, activity};

fn main() -> ExitCode {
    if std::env::var_os("FRACAS_TEST_CHILD").is_none() {
        return in_child();
    }
    let tests: [(&str, fn()); 5] = [
        ("a_failover_gives_the_whole_answer", a_failover_gives_the_whole_answer),
        ("absent_arguments_are_not_sent", absent_arguments_are_not_sent),
        ("errors_say_what_happened", errors_say_what_happened),
        ("statuses_are_one_or_all", statuses_are_one_or_all),
        ("nothing_is_called_with_wrong_arguments", nothing_is_called_with_wrong_arguments),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn in_child() -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(std::env::args_os().skip(1)).env("FRACAS_TEST_CHILD", "1").env("AWS_ENDPOINT_URL", url);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ] {
        child.env(name, value);
    }
    if child.status().unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Answers one request by its operation and by the cluster that it names.
fn answer(mut stream: TcpStream) {
    let body = read_body(&stream);
    let parameter = |name: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let operation = parameter("Action");
    let (status, xml) = match (operation, parameter("DBClusterIdentifier"), parameter("Marker")) {
        (_, "silent", _) => return,
        (_, "missing", _) => (404, fault("DBClusterNotFoundFault", "DBCluster missing not found.")),
        (_, "broken", _) => (500, fault("InternalFailure", "We broke.")),
        ("DescribeDBClusters", "none", _) => (200, result(operation, "<DBClusters/>")),
        ("DescribeDBClusters", "", "") => {
            let page =
                format!("<DBClusters>{}</DBClusters><Marker>next</Marker>", cluster("b", "backing-up", ""));
            (200, result(operation, &page))
        }
        ("DescribeDBClusters", ..) => {
            let page = format!("<DBClusters>{}{0}</DBClusters>", cluster("a", "available", ""));
            (200, result(operation, &page))
        }
        // What was sent comes back where a name is due.
        _ => (200, result(operation, &cluster("chaos", "available", &body.replace('&', " ")))),
    };
    let length = xml.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nConnection: close\r\n"
    );
    // The client may have gone.
    let _ = stream.write_all(format!("{head}x-amzn-RequestId: r-1\r\n\r\n{xml}").as_bytes());
}

fn read_body(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn cluster(name: &str, status: &str, group: &str) -> String {
    format!(
        "<DBCluster><DBClusterParameterGroup>{group}</DBClusterParameterGroup>\
         <DBClusterIdentifier>{name}</DBClusterIdentifier><Status>{status}</Status></DBCluster>"
    )
}

fn result(operation: &str, xml: &str) -> String {
    format!(
        "<{operation}Response><{operation}Result>{xml}</{operation}Result>\
         <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn fault(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>"
    )
}

/// What an activity gives, and the lines that it told.
fn carry_out(kind: ActivityKind, func: &str, arguments: Value) -> (Result<Value, Failure>, Vec<String>) {
    let module = format!("chaosaws.docdb.{}s", kind.title().to_lowercase());
    let provider = json!({"type": "python", "module": module, "func": func, "arguments": arguments});
    let configuration = json!({"aws_region": "cn-north-1", "cluster": "chaos"});
    let values = Values { configuration: configuration.as_object().unwrap().clone(), ..Values::default() };
    let ears = Ears::default();
    let python = Python::new(Aws::new(), |_| None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let activity = activity(kind, &provider);
    let result =
        runtime.block_on(python.carry_out(
            &activity,
            &Context { values: &values, policy: &Policy::FRACAS, tell: &ears, place: "" },
        ));
    (result, ears.lines.into_inner().into_iter().map(|(_, line)| line).collect())
}

fn a_failover_gives_the_whole_answer() {
    let arguments =
        json!({"docdb_cluster_identifier": "${cluster}", "target_docdb_instance_identifier": "chaos2"});
    let (output, lines) = carry_out(Action, "failover_docdb_cluster", arguments);
    let mut output = output.unwrap();
    output["ResponseMetadata"]["HTTPHeaders"]["content-length"] = json!("LENGTH");
    insta::assert_snapshot!(serde_json::to_string_pretty(&output).unwrap());
    assert!(lines.is_empty());
}

fn absent_arguments_are_not_sent() {
    let sent = |func: &str, arguments: Value| {
        let (output, _) = carry_out(Action, func, arguments);
        output.unwrap_or_else(|failure| json!(failure.error))["DBCluster"]["DBClusterParameterGroup"].clone()
    };
    let arguments = json!({"db_cluster_identifier": "chaos", "target_db_instance_identifier": null});
    let body = sent("failover_docdb_cluster", arguments);
    assert_eq!(body, "Action=FailoverDBCluster Version=2014-10-31 DBClusterIdentifier=chaos");
    let body = sent("stop_db_cluster", json!({"docdb_cluster_identifier": "chaos"}));
    assert_eq!(body, "Action=StopDBCluster Version=2014-10-31 DBClusterIdentifier=chaos");
}

fn errors_say_what_happened() {
    let line = |kind: ActivityKind, func: &str, cluster: &str| {
        let (result, _) = carry_out(kind, func, json!({"docdb_cluster_identifier": cluster}));
        let failure = result.unwrap_err();
        let port = std::env::var("AWS_ENDPOINT_URL").unwrap();
        format!("{cluster}: {:?} {}\n", failure.happened, failure.error.replace(&port, "http://HOST"))
    };
    let actions = ["missing", "broken", "silent", "bad name"].map(|cluster| match cluster {
        "bad name" => line(Action, "stop_db_cluster", "missing"),
        cluster => line(Action, "failover_docdb_cluster", cluster),
    });
    let probes = ["missing", "silent", "none"].map(|cluster| line(Probe, "cluster_status", cluster));
    insta::assert_snapshot!(actions.concat() + &probes.concat());
}

fn statuses_are_one_or_all() {
    let status = |arguments: Value| {
        let (output, lines) = carry_out(Probe, "cluster_status", arguments);
        (output.unwrap(), lines)
    };
    let one = status(json!({"cluster_id": "chaos"}));
    assert_eq!(one, (json!("available"), vec!["found 2 clusters".to_owned()]));
    let all = status(json!({"filters": [{"Name": "db-cluster-id", "Values": ["x"]}]}));
    assert_eq!(all, (json!(["available", "backing-up"]), vec!["found 3 clusters".to_owned()]));
}

fn nothing_is_called_with_wrong_arguments() {
    for arguments in [
        json!({}),
        json!({"docdb_cluster_identifier": "${empty}", "x": 1}),
        json!({"docdb_cluster_identifier": 5}),
    ] {
        let (result, _) = carry_out(Action, "failover_docdb_cluster", arguments);
        let failure = result.unwrap_err();
        assert_eq!(failure.happened, Happened::No);
        assert!(failure.error.starts_with("chaoslib.exceptions.ActivityFailed: `"), "{}", failure.error);
    }
}
