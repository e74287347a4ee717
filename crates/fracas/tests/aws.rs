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
    server_of(status, vec![body])
}

/// A server that answers every request with this, as it is, and closes.
fn server_of_text(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 8192]);
            let _ = socket.write_all(text.as_bytes());
        }
    });
    url
}

/// As [`server`], with these answers in turn.
fn server_of(status: u16, bodies: Vec<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for (mut socket, body) in listener.incoming().flatten().zip(bodies.into_iter().cycle()) {
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
        (vec!["docdb", "failover-cluster"], "did you mean failover-db-cluster"),
        (vec!["docdb", "failover_cluster"], "did you mean failover_db_cluster"),
        (vec!["s3", "ls"], "list-objects-v2"),
        (vec!["ec2", "describe-instances", "--instance-ids", "i-1"], r#"--params '{"InstanceIds": ...}'"#),
        (vec!["s3api", "get-objct"], "s3 has no operation get-objct"),
        (vec!["docdb", "wait", "db-instance-avail"], "did you mean db-instance-available"),
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

const SERVICES: &str = r#"{"services": [
    {"serviceArn": "arn:1", "serviceName": "日本", "createdAt": 1700000000, "desiredCount": 2,
     "loadBalancers": [{"targetGroupArn": "t1", "containerPort": 80}, {"targetGroupArn": "t2"}],
     "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s1", "s2"], "assignPublicIp": "ENABLED"}}},
    {"serviceArn": "arn:2", "serviceName": "two", "enableExecuteCommand": true, "events": []}],
    "failures": [{"arn": "q", "reason": "MISSING"}]}"#;

fn text_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn results_are_laid_out_as_by_the_aws_cli() {
    let url = server(200, SERVICES);
    let call = [
        "ecs",
        "describe-services",
        "--params",
        r#"{"services": ["x"]}"#,
        "--endpoint-url",
        &url,
        "--output",
    ];
    let mut all = String::new();
    for (layout, query) in [
        ("json", "@"),
        ("text", "@"),
        ("table", "@"),
        ("table", "services[].[serviceName,desiredCount]"),
        ("table", "services[].{name: serviceName, arn: serviceArn}"),
        ("table", "services[0].desiredCount"),
        ("table", "services[1].events"),
        ("text", "services[].[serviceName,desiredCount]"),
        ("text", "services[].serviceName"),
        ("text", "nothing"),
        ("json", "services[].{name: serviceName, arn: serviceArn}"),
        ("json", "nothing"),
    ] {
        let shown = text_of(&run(&[&call[..], &[layout, "--query", query]].concat()));
        all.push_str(&format!("# --output {layout} --query {query}\n{shown}\n"));
    }
    insta::assert_snapshot!("layouts", all);
}

#[test]
fn the_layout_is_that_of_the_environment_or_the_profile() {
    let url = server(200, r#"{"clusterArns": ["one"]}"#);
    let call = ["ecs", "list-clusters", "--endpoint-url", &url];
    let from_variable = command(&call).env("AWS_DEFAULT_OUTPUT", "text").output().expect("it runs");
    assert_eq!(text_of(&from_variable), "CLUSTERARNS\tone\n");
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    fs::write(&config, "[default]\noutput = text\n[profile odd]\noutput = xml\n")
        .expect("the folder is ours");
    let from_profile = command(&call).env("AWS_CONFIG_FILE", &config).output().expect("it runs");
    assert_eq!(text_of(&from_profile), "CLUSTERARNS\tone\n");
    let odd =
        command(&call).env("AWS_CONFIG_FILE", &config).env("AWS_PROFILE", "odd").output().expect("it runs");
    let said = String::from_utf8_lossy(&odd.stderr);
    assert_eq!(odd.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no output format \"xml\""), "{said}");
}

#[test]
fn pages_are_printed_as_they_come() {
    let pages = || {
        server_of(200, vec![r#"{"clusterArns": ["a", "b"], "nextToken": "1"}"#, r#"{"clusterArns": ["c"]}"#])
    };
    let call = |more: &[&str]| {
        let url = pages();
        let call = ["ecs", "list-clusters", "--paginate", "--endpoint-url", &url];
        text_of(&run(&[&call[..], more].concat()))
    };
    let merged = "{\n    \"clusterArns\": [\n        \"a\",\n        \"b\",\n        \"c\"\n    ]\n}\n";
    assert_eq!(call(&[]), merged);
    assert_eq!(call(&["--query", "@"]), merged);
    assert_eq!(call(&["--query", "length(clusterArns)"]), "3\n");
    assert_eq!(call(&["--output", "text"]), "CLUSTERARNS\ta\nCLUSTERARNS\tb\nCLUSTERARNS\tc\n");
    // As with the AWS CLI, of each page.
    assert_eq!(call(&["--output", "text", "--query", "clusterArns[0]"]), "a\nc\n");
}

#[test]
fn a_first_page_is_not_taken_for_all() {
    let said = |page: &'static str, more: &[&str]| {
        let url = server_of(200, vec![page]);
        let output = run(&[&["ecs", "list-clusters", "--endpoint-url", &url], more].concat());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (first, last) = (r#"{"clusterArns": ["a"], "nextToken": "1"}"#, r#"{"clusterArns": ["a"]}"#);
    assert!(said(first, &["--query", "clusterArns"]).contains("--paginate reads all of them"));
    assert!(said(first, &["--output", "text"]).contains("--paginate reads all of them"));
    // The token is there to be seen.
    assert_eq!(said(first, &[]), "");
    assert_eq!(said(last, &["--query", "clusterArns"]), "");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let mut all = String::new();
    for args in [
        &["ecs", "list-clusters", "--query", "clusterArns[?@ == 'a'"][..],
        &["ecs", "list-clusters", "--params", r#"{"maxResults": 1,}"#],
        &["ecs", "list-clusters", "--params", "@/none/such"],
        &["ecs", "list-clusters", "--output", "xml"],
        &["docdb"],
        &["docdb", "describe-db-clusters", "--wait", "db-instance-available"],
        &["docdb", "--wait", "db-instance-avail"],
        &["ecs", "list-clusters", "out"],
        &["s3", "put-object", "--params", r#"{"Bucket": "b", "Key": "k", "Body": "@/none/such"}"#],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        all.push_str(&format!(
            "$ fracas aws {}\n{}\n",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    insta::assert_snapshot!("mistakes", all);
}

#[test]
fn without_a_region_or_credentials_there_is_a_way_out() {
    let output = command(&["ecs", "list-clusters"]).env_remove("AWS_REGION").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("give --region"), "{said}");
}

#[test]
fn help_comes_from_the_models() {
    insta::assert_snapshot!("help-operation", text_of(&run(&["docdb", "failover-db-cluster", "help"])));
    insta::assert_snapshot!("help-tree", text_of(&run(&["kinesis", "PutRecords", "--help"])));
    let service = text_of(&run(&["docdb", "help"]));
    assert!(service.contains("  describe-db-clusters  ") && service.contains("reads, pages"), "{service}");
    assert!(service.contains("db-instance-available  asks describe-db-instances every 30 s"), "{service}");
    let all = text_of(&run(&["help"]));
    assert!(all.contains("--print-request") && all.contains("  docdb  "), "{all}");
    assert_eq!(all, text_of(&run(&["--help"])));
}

#[test]
fn a_skeleton_can_be_filled_in() {
    let skeleton = json_of(&run(&["docdb", "describe_db_clusters", "--generate-skeleton"]));
    let filters = json!([{"Name": "", "Values": [""]}]);
    assert_eq!(
        skeleton,
        json!({"DBClusterIdentifier": "", "Filters": filters, "MaxRecords": 0, "Marker": ""})
    );
}

#[test]
fn a_body_is_written_to_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object");
    let url = server(200, "the object");
    let params = r#"{"Bucket": "b", "Key": "k"}"#;
    let path_text = path.to_str().expect("UTF-8");
    let answer = json_of(&run(&["s3", "get-object", path_text, "--params", params, "--endpoint-url", &url]));
    assert_eq!(fs::read_to_string(&path).expect("it was written"), "the object");
    assert_eq!(answer.get("Body"), None);
    assert_eq!(answer["ContentLength"], 10);
}

#[test]
fn half_an_object_is_no_success() {
    let url = server_of_text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nx-amz-request-id: id-1\r\n\r\nhalf");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object");
    let (path_text, params) = (path.to_str().expect("UTF-8"), r#"{"Bucket": "b", "Key": "k"}"#);
    let call = ["s3", "get-object", "--params", params, "--endpoint-url", &url];
    for output in [run(&call), run(&[&call[..], &[path_text]].concat())] {
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.starts_with("error: 4 read, but total bytes expected is 10."), "{told}");
        assert!(told.contains("s3 GetObject was called, which changes nothing; request id id-1"), "{told}");
    }
    // As with the AWS CLI, what came is there.
    assert_eq!(fs::read_to_string(&path).expect("it was written"), "half");
}

#[test]
fn a_wrong_object_and_a_file_that_cannot_be_written_are_told() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\nhalf";
    let url = server_of_text(head);
    let folder = tempfile::tempdir().expect("a folder");
    let call = |path: &str| {
        let path = folder.path().join(path);
        let params = r#"{"Bucket": "b", "Key": "k"}"#;
        let output = run(&[
            "s3",
            "get-object",
            path.to_str().expect("UTF-8"),
            "--params",
            params,
            "--endpoint-url",
            &url,
        ]);
        String::from_utf8_lossy(&output.stderr).replace(&folder.path().display().to_string(), "FOLDER")
    };
    let told = call("object");
    assert!(told.contains("Expected checksum AAAAAA== did not match calculated checksum: "), "{told}");
    assert!(told.contains("FOLDER/object holds the 4 bytes that came, and is not to be relied on"), "{told}");
    let told = call("none/object");
    assert!(told.starts_with("error: cannot write FOLDER/none/object: No such file or directory"), "{told}");
}

#[test]
fn an_error_leaves_the_file_alone() {
    let url = server(404, "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object");
    fs::write(&path, "older").expect("the folder is ours");
    let params = r#"{"Bucket": "b", "Key": "k"}"#;
    let output =
        run(&["s3", "get-object", path.to_str().expect("UTF-8"), "--params", params, "--endpoint-url", &url]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("(NoSuchKey)") && told.contains("request id id"), "{told}");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "older");
}

#[test]
fn parameters_come_from_yaml_and_bytes_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (params, body) = (folder.path().join("params.yaml"), folder.path().join("body"));
    fs::write(&body, "some text").expect("the folder is ours");
    let yaml = format!("Bucket: some-bucket\nKey: k\nBody: '@{}'\n", body.display());
    fs::write(&params, &yaml).expect("the folder is ours");
    let file = format!("@{}", params.display());
    let url = ["--endpoint-url", "http://127.0.0.1:1", "--print-request"];
    let shown = json_of(&run(&[&["s3", "put-object", "--params", &file][..], &url].concat()));
    assert_eq!(shown["body"], "some text");
    let mut child = command(&[&["s3", "put-object", "--params", "@-"][..], &url].concat());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("it is piped").write_all(yaml.as_bytes()).expect("it reads");
    assert_eq!(json_of(&child.wait_with_output().expect("it ends"))["body"], "some text");
}

#[test]
fn shells_complete_services_operations_and_waiters() {
    let complete = |words: &[&str]| {
        let output = Command::new(fracas())
            .env("FRACAS_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_IFS", "\n")
            .arg("--")
            .args(words)
            .output()
            .expect("it runs");
        text_of(&output)
    };
    assert_eq!(complete(&["fracas", "aws", "docdb"]), "docdb\ndocdb-elastic");
    assert_eq!(complete(&["fracas", "aws", "docdb", "fail"]), "failover-db-cluster\nfailover-global-cluster");
    assert_eq!(complete(&["fracas", "aws", "docdb", "--wait", "db-instance-d"]), "db-instance-deleted");
    assert_eq!(complete(&["fracas", "rec"]), "recover");
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(fracas()).args(["completions", shell]).output().expect("it runs");
        assert!(text_of(&output).contains("FRACAS_COMPLETE"), "{shell}");
    }
}

#[test]
fn a_wait_ends_with_the_interrupt() {
    let url = server(200, r#"{"services": [{"status": "ACTIVE", "deployments": []}]}"#);
    let params = r#"{"services": ["x"]}"#;
    let mut child =
        command(&["ecs", "--wait", "services-stable", "--params", params, "--endpoint-url", &url]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    // The waiter asks every 15 s.
    thread::sleep(std::time::Duration::from_millis(500));
    let process = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).expect("it runs still");
    let status = child.wait().expect("it ends");
    // A shell shows both as 130.
    let code =
        status.code().or_else(|| std::os::unix::process::ExitStatusExt::signal(&status).map(|n| 128 + n));
    assert_eq!(code, Some(130));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = command(&["ec2", "help"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn large_answers_are_printed_as_small_ones_are() {
    let item = "<item><reservationId>r-é&amp;1</reservationId><ownerId>1</ownerId><groupSet/></item>";
    let body = |count: usize| {
        let items = item.repeat(count);
        format!("<R><requestId>r</requestId><reservationSet>{items}</reservationSet></R>")
    };
    let printed = |count: usize| {
        let url = server(200, body(count).leak());
        let output = run(&["ec2", "describe-instances", "--endpoint-url", &url]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let (small, large) = (printed(2), printed(20_000));
    let lines: Vec<&str> = small.lines().collect();
    let large_lines: Vec<&str> = large.lines().collect();
    assert_eq!(large_lines[..7], lines[..7], "{small}");
    assert_eq!(large_lines[large_lines.len() - 7..], lines[lines.len() - 7..]);
    assert_eq!(large_lines.len() - 4, (lines.len() - 4) * 10_000);
}
