//! What a call says when things go wrong, how often it tries, and whether it may have happened.

mod support;

use serde_json::{Value, json};
use support::{Child, Reply, Server, describe, error_answer, no_clusters};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

/// One line about an outcome: how it ended, what may have happened, and what was said.
fn told(outcome: &Value) -> String {
    let text = |key: &str| outcome[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}: {}", text("class"), text("sent"), text("error"))
}

#[test]
fn a_busy_service_is_asked_again() {
    let server = Server::start(|_, before| match before {
        0 | 1 => Reply::Answer(503, "<html><body>busy</body></html>".into()),
        _ => Reply::Answer(200, no_clusters()),
    });
    let outcome = Child::new("busy").at(&server).describe();
    assert_eq!(server.received().len(), 3);
    let metadata = &outcome["ok"]["ResponseMetadata"];
    assert_eq!(metadata["RetryAttempts"], 2);
    // botocore notes the last attempt even when it went well.
    assert_eq!(metadata["MaxAttemptsReached"], true);
    // Before it stands how long the client will wait for the answer.
    let attempt = |header: &str| header[header.find("attempt").unwrap_or_default()..].to_owned();
    let attempts: Vec<_> = server.received().iter().map(|r| attempt(r.header("amz-sdk-request"))).collect();
    assert_eq!(attempts, ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]);
    let ids: std::collections::BTreeSet<_> =
        server.received().iter().map(|r| r.header("amz-sdk-invocation-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "one call, one id");
}

#[test]
fn a_call_that_was_turned_away_before_did_not_happen() {
    for (code, sent) in [("RequestLimitExceeded", "Yes"), ("InternalError", "Maybe")] {
        let server = Server::start(move |_, before| match before {
            0 => Reply::Answer(503, error_answer(code, "x")),
            _ => Reply::Answer(400, error_answer("InvalidDBClusterStateFault", "x")),
        });
        let outcome = Child::new("turned-away").at(&server).describe();
        assert_eq!(
            (&outcome["code"], &outcome["sent"]),
            (&json!("InvalidDBClusterStateFault"), &json!(sent))
        );
    }
}

#[test]
fn throttling_is_retried_and_counted() {
    let server = Server::answering(400, &error_answer("Throttling", "Rate exceeded"));
    let outcome = Child::new("throttled").at(&server).describe();
    assert_eq!(server.received().len(), 3);
    assert_eq!(
        told(&outcome),
        "botocore.exceptions.ClientError Yes: An error occurred (Throttling) when calling the \
         DescribeDBClusters operation (reached max retries: 2): Rate exceeded"
    );
    assert_eq!(outcome["request_id"], "error-id");
}

#[test]
fn attempts_are_configured_as_for_boto3() {
    let server = Server::answering(500, "<html/>");
    let child =
        Child::new("attempts").at(&server).config("[default]\nmax_attempts = 2\nretry_mode = standard\n");
    let outcome = child.describe();
    assert_eq!(
        told(&outcome),
        "botocore.exceptions.ClientError Yes: An error occurred (500) when calling the DescribeDBClusters \
         operation (reached max retries: 1): Internal Server Error"
    );
    let outcome = child.with("AWS_MAX_ATTEMPTS", "1").describe();
    assert!(told(&outcome).contains("(reached max retries: 0)"), "{outcome}");
    assert_eq!(server.received().len(), 3);
    let wrong = Child::new("mode").with("AWS_RETRY_MODE", "often").describe();
    assert_eq!(
        told(&wrong),
        "botocore.exceptions.InvalidRetryModeError No: Invalid value provided to \"mode\": often must be one of: \
         legacy, standard, adaptive"
    );
}

#[test]
fn legacy_and_adaptive_modes_count_as_botocores() {
    let server = Server::answering(503, "");
    let outcome = Child::new("adaptive").at(&server).with("AWS_RETRY_MODE", "adaptive").describe();
    assert!(told(&outcome).contains("(reached max retries: 2)"), "{outcome}");
    let outcome = Child::new("legacy").at(&server).with("AWS_RETRY_MODE", "legacy").describe();
    assert!(told(&outcome).contains("(reached max retries: 4)"), "{outcome}");
    assert_eq!(server.received().len(), 3 + 5);
    let refusing = Server::answering(400, &error_answer("InvalidParameterValue", "x"));
    let child = Child::new("once").at(&refusing).with("AWS_MAX_ATTEMPTS", "1");
    assert!(!told(&child.with("AWS_RETRY_MODE", "legacy").describe()).contains("reached"));
}

#[test]
fn an_error_of_the_caller_is_not_retried() {
    let server = Server::answering(
        404,
        &error_answer(
            "DBClusterNotFoundFault",
            "no <x> & y".replace('<', "&lt;").replace("& ", "&amp; ").as_str(),
        ),
    );
    let outcome = Child::new("caller").at(&server).describe();
    assert_eq!(server.received().len(), 1);
    assert_eq!(
        told(&outcome),
        "botocore.errorfactory.DBClusterNotFoundFault Yes: An error occurred (DBClusterNotFoundFault) when \
         calling the DescribeDBClusters operation: no <x> & y"
    );
    assert_eq!((&outcome["code"], &outcome["status"]), (&json!("DBClusterNotFoundFault"), &json!(404)));
    assert_eq!(outcome["message"], "no <x> & y");
}

#[test]
fn an_error_without_code_or_message_is_unknown() {
    let server = Server::answering(403, "<ErrorResponse><RequestId>x</RequestId></ErrorResponse>");
    let outcome = Child::new("codeless").at(&server).describe();
    assert_eq!(
        told(&outcome),
        "botocore.exceptions.ClientError Yes: An error occurred (Unknown) when calling the DescribeDBClusters \
         operation: Unknown"
    );
}

#[test]
fn errors_of_sqs_are_known_by_their_own_codes() {
    let code = "AWS.SimpleQueueService.NonExistentQueue";
    let body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"none\"}";
    let length = body.len();
    let server = Server::start(move |_, _| {
        Reply::Raw(format!(
            "HTTP/1.1 400 Bad Request\r\nx-amzn-query-error: {code};Sender\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    });
    let step = json!({"service": "sqs", "operation": "GetQueueUrl", "params": {"QueueName": "q"}});
    let outcome = Child::new("sqs").at(&server).step(step);
    assert_eq!(
        told(&outcome),
        format!(
            "botocore.errorfactory.QueueDoesNotExist Yes: An error occurred ({code}) when calling the GetQueueUrl \
             operation: none"
        )
    );
}

#[test]
fn an_error_answer_counts_whatever_its_status() {
    let server = Server::answering(200, &error_answer("AccessDenied", "no"));
    let outcome = Child::new("error-200").at(&server).describe();
    assert_eq!(outcome["code"], "AccessDenied", "{outcome}");
}

#[test]
fn where_nobody_listens_nothing_was_sent() {
    let outcome = Child::new("refused").with("AWS_ENDPOINT_URL", "http://127.0.0.1:1").describe();
    assert_eq!(
        told(&outcome),
        "botocore.exceptions.EndpointConnectionError No: Could not connect to the endpoint URL: \
         \"http://127.0.0.1:1/\""
    );
}

#[test]
fn a_lost_connection_may_have_done_it() {
    let server = Server::start(|_, _| Reply::Close);
    let outcome = Child::new("closed").at(&server).describe();
    assert_eq!(server.received().len(), 3);
    assert_eq!(
        told(&outcome),
        format!(
            "botocore.exceptions.ConnectionClosedError Maybe: Connection was closed before we received a valid \
             response from endpoint URL: \"{}/\".",
            server.url
        )
    );
}

#[test]
fn an_answer_that_cannot_be_read_is_not_retried() {
    let bodies = [
        ("<html><body>log in</body></html>", "it is a web page"),
        ("not XML", "syntax error: line 1, column 0"),
        ("<DescribeDBClustersResponse><DescribeDB", "unclosed token: line 1, column 28"),
        ("", "no element found: line 1, column 0"),
    ];
    for (body, what) in bodies {
        let server = Server::answering(200, body);
        let outcome = Child::new("garbage").at(&server).describe();
        assert_eq!(
            told(&outcome),
            format!(
                "botocore.parsers.ResponseParserError Yes: Unable to parse response ({what}), invalid XML \
                 received. Further retries may succeed:\nb'{body}'"
            )
        );
        assert_eq!(server.received().len(), 1);
        let help = outcome["help"].as_str().unwrap_or_default();
        assert!(help.contains("status 200 and request id req-0: check"), "{help}");
    }
}

#[test]
fn a_web_page_is_no_success_even_where_no_result_is_expected() {
    let server = Server::answering(200, "<html><body>log in</body></html>");
    let step = json!({"service": "rds", "operation": "DeleteDBParameterGroup", "params": {"DBParameterGroupName": "x"}});
    let outcome = Child::new("page").at(&server).step(step);
    assert_eq!(outcome["class"], "botocore.parsers.ResponseParserError", "{outcome}");
}

#[test]
fn half_an_answer_is_unreadable() {
    let server = Server::start(|_, _| {
        Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<Describe".to_owned())
    });
    let outcome = Child::new("half").at(&server).describe();
    assert_eq!(outcome["class"], "botocore.parsers.ResponseParserError", "{outcome}");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn an_unreadable_answer_with_keys_is_not_shown() {
    let server = Server::answering(200, "<AssumeRoleResponse><SecretAccessKey>hidden</SecretAccessKey>");
    let params = json!({"RoleArn": "arn:aws-cn:iam::123456789012:role/x", "RoleSessionName": "xx"});
    let step = json!({"service": "sts", "operation": "AssumeRole", "params": params});
    let text = told(&Child::new("keys").at(&server).step(step));
    assert!(text.ends_with("61 bytes, not shown since such answers hold secrets"), "{text}");
}

/// A call of another protocol, and an answer to it with this head and body.
fn answered(call: (&str, &str), head: &str, body: &str) -> Value {
    let answer = format!("HTTP/1.1 {head}\r\nX-Amzn-RequestId: id-1\r\nConnection: close\r\n\r\n{body}");
    let server = Server::start(move |_, _| Reply::Raw(answer.clone()));
    let child = Child::new(&format!("bad-{}", server.url.rsplit(':').next().unwrap_or_default()));
    let step = json!({"service": call.0, "operation": call.1, "params": {}});
    child.at(&server).with("AWS_MAX_ATTEMPTS", "1").step(step)
}

#[test]
fn what_no_reader_takes_is_told_with_the_request() {
    let (list, functions) = (("dynamodb", "ListTables"), ("lambda", "ListFunctions"));
    let (clusters, metrics) = (("docdb", "DescribeDBClusters"), ("cloudwatch", "ListMetrics"));
    let ok = "200 OK";
    let cbor = "200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor";
    let deep = |text: &str| text.repeat(100_000);
    let huge = |number: &str| format!("{{\"Functions\": [{{\"CodeSize\": {number}}}]}}");
    let cases = [
        (clusters, ok, "<a><b></a>".to_owned(), "mismatched tag"),
        (clusters, ok, deep("<a>"), "too many levels"),
        (clusters, ok, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), "undefined entity"),
        (list, ok, "{\"TableNames\": [".to_owned(), "EOF while parsing a list"),
        (list, ok, deep("["), "recursion limit exceeded"),
        (list, ok, "<html>log in</html>".to_owned(), "expected value"),
        (list, ok, "[1]".to_owned(), "sent a list where"),
        (functions, ok, huge("1e999999"), "number out of range"),
        (functions, ok, huge(&"9".repeat(400)), "number out of range"),
        (metrics, cbor, deep("["), ""),
        (metrics, cbor, "<html>log in</html>".to_owned(), ""),
    ];
    for (call, head, body, what) in cases {
        let outcome = answered(call, head, &body);
        let told = outcome["error"].as_str().unwrap_or_default();
        assert_eq!(outcome["class"], "botocore.parsers.ResponseParserError", "{call:?} {outcome}");
        assert!(told.contains(what) && told.len() < 10_000, "{told}");
        assert_eq!((&outcome["request_id"], &outcome["sent"]), (&json!("id-1"), &json!("Yes")), "{outcome}");
        let help = outcome["help"].as_str().unwrap_or_default();
        assert!(help.contains(&format!("{} {} was called, which changes nothing", call.0, call.1)), "{help}");
    }
}

#[test]
fn lengths_that_are_none_may_have_done_it() {
    for length in ["-5", "abc", "99999999999999999999999", "2\r\nContent-Length: 5"] {
        let head = format!("200 OK\r\nContent-Length: {length}");
        let outcome = answered(("docdb", "DescribeDBClusters"), &head, "<a/>");
        assert_eq!(outcome["class"], "botocore.exceptions.HTTPClientError", "{outcome}");
        assert_eq!(outcome["sent"], "Maybe");
        let help = outcome["help"].as_str().unwrap_or_default();
        assert!(help.contains("docdb DescribeDBClusters was called, which changes nothing"), "{help}");
    }
}

#[test]
fn a_body_that_is_shorter_or_longer_than_it_says_is_read_as_by_boto3() {
    let call = ("docdb", "DescribeDBClusters");
    let longer = answered(call, "200 OK\r\nContent-Length: 9999", &no_clusters());
    assert_eq!(longer["ok"]["DBClusters"], json!([]), "{longer}");
    let shorter = answered(call, "200 OK\r\nContent-Length: 20", &no_clusters());
    assert_eq!(shorter["class"], "botocore.parsers.ResponseParserError", "{shorter}");
}

#[test]
fn a_bucket_that_is_always_elsewhere_is_not_looked_for_without_end() {
    let moved = "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-1\r\nx-amz-request-id: id-1\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(move |_, _| Reply::Raw(moved.to_owned()));
    let step = json!({"service": "s3", "operation": "ListObjectsV2", "params": {"Bucket": "a-bucket"}});
    let outcome = Child::new("elsewhere").at(&server).step(step);
    assert_eq!((&outcome["code"], &outcome["request_id"]), (&json!("301"), &json!("id-1")), "{outcome}");
    assert!(server.received().len() <= 3);
}

#[test]
fn expired_keys_are_told_with_the_way_out() {
    for (status, code) in [(403, "ExpiredToken"), (400, "RequestExpired")] {
        let server = Server::answering(status, &error_answer(code, "too late"));
        let outcome = Child::new("expired").at(&server).describe();
        let help = outcome["help"].as_str().unwrap_or_default();
        assert!(help.starts_with("renew the credentials"), "{help}");
        assert!(help.ends_with("docdb DescribeDBClusters was refused; request id error-id"), "{help}");
    }
}

#[test]
fn redirects_are_not_followed() {
    let server = Server::start(|_, _| {
        Reply::Raw(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        )
    });
    let outcome = Child::new("redirect").at(&server).describe();
    assert_eq!(outcome["class"], "botocore.parsers.ResponseParserError", "{outcome}");
    assert_eq!(outcome["status"], 302);
}

#[test]
fn a_gateways_page_is_told_by_its_status() {
    for body in ["<html><body>x</body></html>", "<!DOCTYPE html><p>x", ""] {
        let server = Server::answering(502, body);
        let outcome = Child::new("gateway").at(&server).with("AWS_MAX_ATTEMPTS", "1").describe();
        assert_eq!(
            (&outcome["code"], &outcome["message"]),
            (&json!("502"), &json!("Bad Gateway")),
            "{outcome}"
        );
    }
}

#[test]
fn an_earlier_attempt_counts_for_what_may_have_happened() {
    // The first attempt gets through and dies; then nobody listens any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || drop(listener.accept()));
    let outcome = Child::new("earlier").with("AWS_ENDPOINT_URL", &url).describe();
    assert_eq!(outcome["class"], "botocore.exceptions.EndpointConnectionError", "{outcome}");
    assert_eq!(outcome["sent"], "Maybe");
}

#[test]
fn a_refusal_after_a_lost_attempt_settles_nothing() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Close,
        _ => Reply::Answer(400, error_answer("InvalidDBClusterStateFault", "it is failing over")),
    });
    let step = json!({"service": "docdb", "operation": "FailoverDBCluster", "params": {}});
    let outcome = Child::new("refused-later").at(&server).step(step);
    assert_eq!((&outcome["code"], &outcome["sent"]), (&json!("InvalidDBClusterStateFault"), &json!("Maybe")));
}

#[test]
fn what_cannot_be_called_says_so() {
    let child = Child::new("wrong");
    let step =
        |service: &str, operation: &str| json!({"service": service, "operation": operation, "params": {}});
    let steps = [step("docdbs", "X"), step("docdb", "FailoverCluster")];
    let said: Vec<_> = child.run(&steps).iter().map(|o| format!("{} / {}", told(o), o["help"])).collect();
    assert_eq!(
        said,
        [
            "botocore.exceptions.UnknownServiceError No: Unknown service: 'docdbs' / \"did you mean docdb, docdb-elastic?\"",
            "AttributeError No: docdb has no operation FailoverCluster / \"did you mean FailoverDBCluster, FailoverGlobalCluster?\"",
        ]
    );
}

#[test]
fn names_are_found_in_any_case() {
    let server = Server::answering(200, &no_clusters());
    let step = |name: &str| json!({"service": "docdb", "operation": name, "params": {}});
    let child = Child::new("case").at(&server);
    for outcome in child.run(&[step("describe_db_clusters"), step("describe-db-clusters"), describe()]) {
        assert_eq!(outcome["ok"]["DBClusters"], json!([]), "{outcome}");
    }
}

#[test]
fn failures_read_as_boto3s() {
    let raw = |text: &str| Reply::Raw(text.to_owned());
    let answer = |status, body: &str| Reply::Answer(status, body.to_owned());
    let nested =
        "<Response><Errors><Error><Code>Nested</Code><Message>m</Message></Error></Errors></Response>";
    let replies = [
        answer(400, &error_answer("Throttling", "Rate exceeded")),
        answer(404, &error_answer("DBClusterNotFoundFault", "no x &lt;y&gt; &#x41;")),
        answer(409, &error_answer("Conflict", "").replace("<Message></Message>", "")),
        answer(409, &error_answer("Conflict", "")),
        answer(429, &error_answer("Slow", "down")),
        answer(400, nested),
        answer(403, "<html><body>Forbidden</body></html>"),
        answer(500, "<html><body>x</body></html>"),
        answer(503, ""),
        answer(504, &error_answer("Late", "very")),
        answer(302, ""),
        answer(200, ""),
        answer(200, "no XML"),
        answer(200, "it is <no> \"XML's\"\n"),
        answer(200, "<a>\n  <b></c></a>"),
        answer(200, "<a>&nope;</a>"),
        answer(200, "<a/>junk"),
        answer(200, "<a/><b/>"),
        answer(200, "<a><b>"),
        answer(200, "<a>1 < 2</a>"),
        raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<Describe><a>"),
        raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        Reply::Close,
    ];
    let play = |reply: &Reply| {
        let reply = reply.clone();
        Server::start(move |_, _| reply.clone())
    };
    let servers: Vec<_> = replies.iter().map(play).collect();
    let mut urls: Vec<_> = servers.iter().map(|server| server.url.clone()).collect();
    urls.push("http://127.0.0.1:1".to_owned());
    let output =
        support::python().arg(support::support("failures.py")).args(&urls).output().expect("Python runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let expected: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(expected.len(), urls.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut different = Vec::new();
    for (url, expected) in urls.iter().zip(expected) {
        let outcome = Child::new("as-boto3").with("AWS_ENDPOINT_URL", url).describe();
        if (&outcome["class"], &outcome["error"]) != (&expected["class"], &expected["error"]) {
            different.push(format!("boto3:  {expected}\nfracas: {outcome}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
