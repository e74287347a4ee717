//! `fracas aws`: calls from the shell, against a server of the test's own.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};
use support::fracas;

/// A server that answers every request with the same status and JSON.
fn server(status: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut request = [0; 8192];
            let _ = socket.read(&mut request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} S\r\ncontent-length: {length}\r\nx-amzn-requestid: id\r\nconnection: close\r\n\r\n"
            );
            let _ = socket.write_all((head + body).as_bytes());
        }
    });
    url
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(fracas());
    command.arg("aws").args(args).env_clear().envs([
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "cn-north-1"),
        ("HOME", "/nonexistent"),
    ]);
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().expect("it runs")
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_result_is_printed_or_what_is_asked_of_it() {
    let url = server(200, r#"{"clusterArns": ["one", "two"], "nextToken": null}"#);
    let call = ["ecs", "list-clusters", "--params", r#"{"maxResults": 2}"#, "--endpoint-url", &url];
    let whole = json_of(&run(&call));
    assert_eq!(whole["clusterArns"], json!(["one", "two"]));
    assert_eq!(whole.get("ResponseMetadata"), None, "the AWS CLI does not show it");
    let part = json_of(&run(&[&call[..], &["--query", "clusterArns[1]"]].concat()));
    assert_eq!(part, "two");
}

#[test]
fn errors_are_told_in_boto3s_words() {
    let url = server(400, r#"{"__type": "ClusterNotFoundException", "message": "Cluster not found."}"#);
    let output = run(&["ecs", "DescribeClusters", "--endpoint-url", &url]);
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = "An error occurred (ClusterNotFoundException) when calling the DescribeClusters operation: Cluster \
                    not found.";
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(expected), "{said}");
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let cases = [
        (vec!["docdbs", "x"], "did you mean docdb"),
        (vec!["docdb", "failover-cluster"], "did you mean FailoverDBCluster"),
        (vec!["ecs", "create_service", "--params", "{\"a\": 1}"], "Unknown parameter in input: \"a\""),
        (vec!["ecs", "list_clusters", "--params", "{"], "--params is no JSON"),
        (vec!["ecs", "list_clusters", "--params", "@/none/such"], "cannot read /none/such"),
        (vec!["ecs", "list_clusters", "--query", "[", "--print-request"], "cannot be used with"),
    ];
    for (args, expected) in cases {
        let output = run(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn a_request_is_built_and_signed_without_being_sent() {
    let params = r#"{"Bucket": "some.bucket", "Key": "a b/ü", "Body": "/w=="}"#;
    let shown = json_of(&run(&["s3", "put-object", "--params", params, "--print-request"]));
    assert_eq!(shown["method"], "PUT");
    assert_eq!(shown["url"], "https://s3.cn-north-1.amazonaws.com.cn/some.bucket/a%20b/%C3%BC");
    assert_eq!(shown["headers"]["x-amz-content-sha256"], "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let signature = shown["headers"]["authorization"].as_str().expect("a signature");
    assert!(signature.contains("/cn-north-1/s3/aws4_request"), "{signature}");
    assert_eq!(shown["body"], Value::Null);
    assert_eq!(shown["body_base64"], "MQ0K/w0KMA0KeC1hbXotY2hlY2tzdW0tY3JjMzI6L3dBQUFBPT0NCg0K");
}

#[test]
fn a_batch_answers_line_by_line() {
    let url = server(200, r#"{"clusterArns": []}"#);
    let lines = format!(
        "{}\n\n{}\nno JSON\n{}\n",
        json!({"service": "ecs", "operation": "ListClusters", "params": {}, "endpoint_url": url}),
        json!({"service": "ecs", "operation": "ListCluster"}),
        json!({"service": "ecs", "operation": "list-clusters", "endpoint_url": "nowhere"}),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("calls.jsonl");
    fs::write(&path, &lines).expect("the folder is ours");
    let from_file = run(&["--batch", path.to_str().expect("UTF-8")]);
    let mut child =
        command(&["--batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it reads");
    let from_stdin = child.wait_with_output().expect("it ends");
    assert_eq!(from_file.stdout, from_stdin.stdout);
    let answers: Vec<Value> = String::from_utf8_lossy(&from_stdin.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert_eq!(answers[0]["result"]["clusterArns"], json!([]));
    assert_eq!(answers[1]["error"]["code"], "AttributeError");
    assert_eq!(answers[2]["error"]["code"], "InvalidLine");
    assert_eq!(answers[3]["error"]["message"], "Invalid endpoint: nowhere");
}

/// A model of a service that AWS does not have, in botocore's format.
fn private_model(operation: &str) -> String {
    json!({
        "metadata": {
            "apiVersion": "2030-01-02", "endpointPrefix": "inhouse", "protocol": "json", "protocols": ["json"],
            "jsonVersion": "1.1", "serviceFullName": "In-house", "serviceId": "Inhouse", "signatureVersion": "v4",
            "targetPrefix": "Inhouse", "uid": "inhouse-2030-01-02", "auth": ["aws.auth#sigv4"]
        },
        "operations": {
            operation: {
                "name": operation, "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}
            }
        },
        "shapes": {
            "In": {"type": "structure", "members": {"Name": {"shape": "Text"}}, "required": ["Name"]},
            "Text": {"type": "string"}
        }
    })
    .to_string()
}

#[test]
fn models_of_the_users_own_are_found_where_boto3_finds_them() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("the folder is ours");
        fs::write(path, text).expect("the folder is ours");
    };
    write(".aws/models/inhouse/2030-01-01/service-2.json", &private_model("OldCall"));
    write(".aws/models/inhouse/2030-01-02/service-2.json", &private_model("NewCall"));
    write("more/docdb/2014-10-31/service-2.json", "{");
    write("more/ecs/2001-01-01/service-2.json", &private_model("TooOld"));
    let call = |args: &[&str]| {
        let mut command = command(args);
        command.env("HOME", home.path()).env("AWS_DATA_PATH", home.path().join("more"));
        command.output().expect("it runs")
    };
    let given = ["--params", r#"{"Name": "x"}"#, "--print-request"];
    let shown = json_of(&call(&[&["inhouse", "new-call"][..], &given].concat()));
    assert_eq!(shown["url"], "https://inhouse.cn-north-1.amazonaws.com.cn/");
    assert_eq!(shown["headers"]["x-amz-target"], "Inhouse.NewCall");
    assert_eq!(shown["body"], r#"{"Name": "x"}"#);
    for (args, expected) in [
        (["inhouse", "old-call"], "inhouse has no operation old-call"),
        (["inhouse", "new-call"], "Missing required parameter in input: \"Name\""),
        (["inhose", "new-call"], "did you mean inhouse?"),
        (["docdb", "describe-db-clusters"], "more/docdb/2014-10-31: service-2.json is no JSON"),
        (["ecs", "too-old"], "ecs has no operation too-old"),
    ] {
        let said = call(&args).stderr;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}
