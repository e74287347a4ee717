//! Who calls, where the call goes, and how it is signed.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use support::{Child, Received, Reply, Server, describe, error_answer, no_clusters};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

fn server() -> Server {
    Server::answering(200, &no_clusters())
}

/// Key, region and service of each signature.
fn signers(server: &Server) -> Vec<String> {
    let signer = |request: &Received| {
        let header = request.header("authorization");
        let parts: Vec<_> = header.split("Credential=").nth(1).unwrap_or("").split(['/', ',']).collect();
        match parts[..] {
            [key, _, region, service, ..] => format!("{key} {region} {service}"),
            _ => "unsigned".to_owned(),
        }
    };
    server.received().iter().map(signer).collect()
}

fn scoped(scope: Value) -> Value {
    let mut step = describe();
    step["scope"] = scope;
    step
}

#[test]
fn the_environment_signs_for_the_services_signing_name() {
    let server = server();
    let child = Child::new("environment").at(&server).with("AWS_SESSION_TOKEN", "token");
    assert!(child.describe()["ok"].is_object());
    assert_eq!(signers(&server), ["AKIDENV cn-north-1 rds"]);
    let request = &server.received()[0];
    assert_eq!(request.header("x-amz-security-token"), "token");
    assert!(request.head.starts_with("POST / HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.body, "Action=DescribeDBClusters&Version=2014-10-31");
    assert!(request.header("user-agent").contains("api/DocDB"), "{}", request.header("user-agent"));
}

#[test]
fn a_profile_that_was_named_beats_the_environment() {
    let server = server();
    let child = Child::new("profile").at(&server).config(
        "[profile one]\naws_access_key_id = AKIDONE\naws_secret_access_key = x\nregion = eu-west-1\n",
    );
    let steps = [scoped(json!({"profile": "one"})), describe()];
    let region_of_profile = child.run(&steps);
    assert!(region_of_profile.iter().all(|outcome| outcome["ok"].is_object()), "{region_of_profile:?}");
    // The region of the environment counts for both: a profile's comes last.
    assert_eq!(signers(&server), ["AKIDONE cn-north-1 rds", "AKIDENV cn-north-1 rds"]);
    child.without("AWS_REGION").with("AWS_PROFILE", "one").describe();
    assert_eq!(signers(&server).last().map(String::as_str), Some("AKIDENV eu-west-1 rds"));
}

#[test]
fn scopes_do_not_mix() {
    let server = server();
    let keys = |id: &str| json!({"access_key_id": id, "secret_access_key": "x"});
    let steps = [
        scoped(json!({"credentials": keys("AKIDA"), "region": "us-east-1"})),
        scoped(json!({"credentials": keys("AKIDB")})),
        describe(),
        scoped(json!({"credentials": keys("AKIDA"), "region": "us-east-1"})),
    ];
    Child::new("scopes").at(&server).run(&steps);
    let expected =
        ["AKIDA us-east-1 rds", "AKIDB cn-north-1 rds", "AKIDENV cn-north-1 rds", "AKIDA us-east-1 rds"];
    assert_eq!(signers(&server), expected);
}

#[test]
fn a_process_gives_credentials_once() {
    let server = server();
    let child = Child::new("process").at(&server);
    let count = child.path("count");
    let script = child.path("keys.sh");
    let keys = r#"{"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s", "SessionToken": "t"}"#;
    std::fs::write(&script, format!("echo x >> {count}\necho '{keys}'\n")).expect("a file");
    let child = child
        .config(&format!("[profile p]\ncredential_process = /bin/sh {script}\n"))
        .with("PATH", "/usr/bin:/bin");
    let step = scoped(json!({"profile": "p"}));
    let outcomes = child.run(&[step.clone(), step]);
    assert!(outcomes[0]["ok"].is_object(), "{outcomes:?}");
    assert_eq!(signers(&server), ["AKIDPROC cn-north-1 rds"; 2]);
    assert_eq!(std::fs::read_to_string(count).expect("a file"), "x\n");
}

#[test]
fn what_is_missing_is_named() {
    let nobody = || Child::new("nobody").without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let none = nobody().describe();
    assert_eq!(none["error"], "Unable to locate credentials");
    assert_eq!(
        (&none["class"], &none["sent"]),
        (&json!("botocore.exceptions.NoCredentialsError"), &json!("No"))
    );
    assert!(none["help"].as_str().is_some_and(|help| help.contains("AWS_ACCESS_KEY_ID")), "{none}");
    let half = Child::new("half").without("AWS_SECRET_ACCESS_KEY").describe();
    assert_eq!(half["error"], "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY");
    let profile = nobody().step(scoped(json!({"profile": "nope"})));
    assert_eq!(profile["error"], "The config profile (nope) could not be found");
    let region = Child::new("nowhere").without("AWS_REGION").describe();
    assert_eq!(region["error"], "You must specify a region.");
    assert_eq!(region["class"], "botocore.exceptions.NoRegionError");
    let bad = Child::new("bad-region").with("AWS_REGION", "cn north").describe();
    assert_eq!(bad["error"], "Provided region_name 'cn north' doesn't match a supported format.");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"] {
        let broken = Child::new("broken-key").with(name, "AK\nID").describe();
        assert_eq!((&broken["sent"], &broken["help"]), (&json!("No"), &json!("copy the credentials anew")));
    }
    let url = Child::new("bad-url").with("AWS_ENDPOINT_URL", "localhost:5000").describe();
    assert_eq!(url["error"], "Invalid endpoint: localhost:5000");
}

#[test]
fn a_service_without_regions_needs_none() {
    let server = Server::answering(
        200,
        "<ListAccountAliasesResponse><ListAccountAliasesResult><AccountAliases/><IsTruncated>false</IsTruncated>\
         </ListAccountAliasesResult></ListAccountAliasesResponse>",
    );
    let child = Child::new("global").at(&server).without("AWS_REGION");
    let outcome = child.step(json!({"service": "iam", "operation": "ListAccountAliases", "params": {}}));
    assert_eq!(outcome["ok"]["IsTruncated"], false, "{outcome}");
    assert_eq!(signers(&server), ["AKIDENV us-east-1 iam"]);
}

/// An STS that gives keys `AKIDROLE0`, `AKIDROLE1` and so on, good for so many seconds, and a docdb.
fn sts(seconds: i64) -> Server {
    Server::start(move |request, before| {
        if !request.body.starts_with("Action=AssumeRole&") {
            return Reply::Answer(200, no_clusters());
        }
        let expiry = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        Reply::Answer(
            200,
            format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE{before}</AccessKeyId>\
                 <SecretAccessKey>s</SecretAccessKey><SessionToken>role-token</SessionToken>\
                 <Expiration>{expiry}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            ),
        )
    })
}

fn as_role() -> Value {
    scoped(json!({"assume_role": {
        "arn": "arn:aws-cn:iam::123456789012:role/chaos",
        "session_name": "fracas",
        "external_id": "between us",
    }}))
}

#[test]
fn a_role_is_taken_once_while_its_keys_are_good() {
    let server = sts(3600);
    Child::new("role").at(&server).run(&[as_role(), as_role(), describe()]);
    let expected = [
        "AKIDENV cn-north-1 sts",
        "AKIDROLE0 cn-north-1 rds",
        "AKIDROLE0 cn-north-1 rds",
        "AKIDENV cn-north-1 rds",
    ];
    assert_eq!(signers(&server), expected);
    let received = server.received();
    assert_eq!(
        received[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws-cn%3Aiam%3A%3A123456789012%3Arole%2Fchaos\
         &RoleSessionName=fracas&ExternalId=between+us"
    );
    assert_eq!(received[1].header("x-amz-security-token"), "role-token");
}

#[test]
fn calls_at_the_same_time_take_a_role_once() {
    let server = sts(3600);
    let mut step = as_role();
    step["do"] = "together".into();
    let outcome = Child::new("together").at(&server).step(step);
    assert_eq!(outcome["ok"].as_array().map(Vec::len), Some(2), "{outcome}");
    let mut signers = signers(&server);
    signers.sort();
    assert_eq!(signers, ["AKIDENV cn-north-1 sts", "AKIDROLE0 cn-north-1 rds", "AKIDROLE0 cn-north-1 rds"]);
}

#[test]
fn a_role_is_taken_anew_before_its_keys_expire() {
    // Five minutes are less than the margin.
    let server = sts(300);
    Child::new("renewed").at(&server).run(&[as_role(), as_role()]);
    let expected = [
        "AKIDENV cn-north-1 sts",
        "AKIDROLE0 cn-north-1 rds",
        "AKIDENV cn-north-1 sts",
        "AKIDROLE2 cn-north-1 rds",
    ];
    assert_eq!(signers(&server), expected);
}

#[test]
fn keys_that_cannot_be_renewed_serve_while_they_are_good() {
    let server = Server::start({
        let sts = sts(300);
        move |request, before| match (request.body.starts_with("Action=AssumeRole&"), before) {
            (true, 0) => {
                let expiry = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(300);
                Reply::Answer(
                    200,
                    format!(
                        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>\
                         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                         <Expiration>{expiry}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
                    ),
                )
            }
            (true, _) => Reply::Answer(403, error_answer("AccessDenied", &sts.url)),
            (false, _) => Reply::Answer(200, no_clusters()),
        }
    });
    let outcomes = Child::new("kept").at(&server).run(&[as_role(), as_role()]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"].is_object()), "{outcomes:?}");
    assert_eq!(signers(&server).last().map(String::as_str), Some("AKIDROLE cn-north-1 rds"));
}

#[test]
fn a_role_that_is_refused_means_nothing_was_sent() {
    let server = Server::answering(403, &error_answer("AccessDenied", "not you"));
    let outcome = Child::new("refused-role").at(&server).step(as_role());
    assert_eq!(
        outcome["error"],
        "An error occurred (AccessDenied) when calling the AssumeRole operation: not you"
    );
    assert_eq!(outcome["sent"], "No");
}

#[test]
fn a_profile_can_take_a_role() {
    let server = sts(3600);
    let child = Child::new("role-profile").at(&server).config(ROLE_PROFILE);
    let outcome = child.step(scoped(json!({"profile": "chaos"})));
    assert!(outcome["ok"].is_object(), "{outcome}");
    assert_eq!(signers(&server), ["AKIDBASE cn-north-1 sts", "AKIDROLE0 cn-north-1 rds"]);
}

#[test]
fn an_external_id_is_never_shown() {
    let config = format!("{ROLE_PROFILE}external_id = hidden\n");
    let child = Child::new("external-id").with("AWS_ENDPOINT_URL_STS", "http://[").config(&config);
    let outcome = child.step(scoped(json!({"profile": "chaos"})));
    assert!(!outcome.to_string().contains("hidden"), "{outcome}");
    assert_eq!(outcome["error"], "Invalid endpoint: http://[");
}

const ROLE_PROFILE: &str = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n\n\
    [profile chaos]\nrole_arn = arn:aws-cn:iam::123456789012:role/chaos\nsource_profile = base\n";

#[test]
fn roles_are_taken_in_the_regions_partition() {
    // A proxy stands in for a network, so that the host name that was asked for is seen.
    let proxy =
        Server::start(|_, _| Reply::Raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned()));
    let child = Child::new("partition").with("HTTPS_PROXY", &proxy.url).with("AWS_MAX_ATTEMPTS", "1");
    let outcome = child.step(as_role());
    assert_eq!(outcome["sent"], "No", "{outcome}");
    let outcome = child.config(ROLE_PROFILE).step(scoped(json!({"profile": "chaos"})));
    assert_eq!(
        (&outcome["class"], &outcome["sent"], &outcome["help"]),
        (
            &json!("botocore.exceptions.EndpointConnectionError"),
            &json!("No"),
            &json!("AssumeRole was called for the credentials of the profile chaos")
        )
    );
    let hosts: std::collections::BTreeSet<_> =
        proxy.received().iter().map(|r| r.head.split(' ').nth(1).unwrap_or("").to_owned()).collect();
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["sts.cn-north-1.amazonaws.com.cn:443"]);
}

#[test]
fn roles_are_taken_at_the_configured_sts() {
    let (sts, docdb) = (sts(3600), server());
    let child = Child::new("own-sts")
        .with("AWS_ENDPOINT_URL_STS", &sts.url)
        .with("AWS_ENDPOINT_URL_DOCDB", &docdb.url)
        .config(ROLE_PROFILE);
    let outcomes = child.run(&[as_role(), scoped(json!({"profile": "chaos"}))]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"].is_object()), "{outcomes:?}");
    assert_eq!(signers(&sts), ["AKIDENV cn-north-1 sts", "AKIDBASE cn-north-1 sts"]);
    assert_eq!(signers(&docdb), ["AKIDROLE0 cn-north-1 rds", "AKIDROLE1 cn-north-1 rds"]);
}

#[test]
fn a_metadata_service_gives_the_instances_role() {
    let server = Server::start(|request, _| {
        let path = request.head.split(' ').nth(1).unwrap_or("").to_owned();
        let keys = "{\"Code\": \"Success\", \"AccessKeyId\": \"AKIDINST\", \"SecretAccessKey\": \"s\", \
                    \"Token\": \"t\", \"Expiration\": \"2099-01-01T00:00:00Z\"}";
        let text = |body: &str| {
            let length = body.len();
            Reply::Raw(format!(
                "HTTP/1.1 200 OK\r\nx-aws-ec2-metadata-token-ttl-seconds: 600\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ))
        };
        match path.as_str() {
            "/" => Reply::Answer(200, no_clusters()),
            "/latest/api/token" => text("token"),
            path if path.ends_with("/role") => text(keys),
            _ => text("role"),
        }
    });
    let child = Child::new("instance")
        .at(&server)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .without("AWS_EC2_METADATA_DISABLED")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url);
    let outcome = child.describe();
    assert!(outcome["ok"].is_object(), "{outcome}");
    assert_eq!(signers(&server).last().map(String::as_str), Some("AKIDINST cn-north-1 rds"));
}

#[test]
fn endpoints_are_configured_as_for_boto3() {
    let (all, own, section) = (server(), server(), server());
    let config = format!(
        "[default]\nendpoint_url = {}\nservices = mine\n\n[services mine]\ndocdb =\n  endpoint_url = {}\n",
        all.url, section.url
    );
    let counts = || [all.received().len(), own.received().len(), section.received().len()];
    let child = || Child::new("endpoints").config(&config);
    child().describe();
    assert_eq!(counts(), [0, 0, 1], "the profile's section");
    child().at(&all).describe();
    assert_eq!(counts(), [1, 0, 1], "the variable for all");
    child().at(&all).with("AWS_ENDPOINT_URL_DOCDB", &own.url).describe();
    assert_eq!(counts(), [1, 1, 1], "the service's own variable");
    Child::new("endpoints").config(&format!("[default]\nendpoint_url = {}\n", all.url)).describe();
    assert_eq!(counts(), [2, 1, 1], "the profile");
}

#[test]
fn configured_endpoints_can_be_ignored() {
    let server = server();
    let child = Child::new("ignored").at(&server).with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    // Proxies stand in for a network, so that the host name that was asked for is seen.
    let proxy =
        Server::start(|_, _| Reply::Raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned()));
    let outcome = child.with("HTTPS_PROXY", &proxy.url).with("AWS_MAX_ATTEMPTS", "1").describe();
    assert!(
        outcome["error"]
            .as_str()
            .is_some_and(|text| text.contains("https://rds.cn-north-1.amazonaws.com.cn/")),
        "{outcome}"
    );
    assert!(proxy.received()[0].head.starts_with("CONNECT rds.cn-north-1.amazonaws.com.cn:443"), "{outcome}");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn fips_and_dual_stack_are_asked_for() {
    let proxy =
        Server::start(|_, _| Reply::Raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned()));
    let child = |name: &str| {
        Child::new(name)
            .with("HTTPS_PROXY", &proxy.url)
            .with("AWS_MAX_ATTEMPTS", "1")
            .with("AWS_REGION", "us-east-1")
    };
    child("fips").with("AWS_USE_FIPS_ENDPOINT", "true").describe();
    child("dual").config("[default]\nuse_dualstack_endpoint = true\n").describe();
    let hosts: Vec<_> =
        proxy.received().iter().map(|r| r.head.split(' ').nth(1).unwrap_or("").to_owned()).collect();
    assert_eq!(hosts, ["rds-fips.us-east-1.amazonaws.com:443", "rds.us-east-1.api.aws:443"]);
}

/// What botocore signs a case with.
fn signature(script: &str, case: &Value) -> String {
    let mut python = support::python()
        .arg(support::support(script))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("Python runs");
    python.stdin.take().expect("piped").write_all(case.to_string().as_bytes()).expect("it reads");
    let output = python.wait_with_output().expect("Python ends");
    let signature = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(!signature.is_empty(), "{script} failed");
    signature
}

#[test]
fn copies_from_another_region_carry_a_presigned_url() {
    let server = Server::answering(
        200,
        "<CopyDBClusterSnapshotResponse><CopyDBClusterSnapshotResult/></CopyDBClusterSnapshotResponse>",
    );
    let step = |url: Option<&str>| {
        let mut params = json!({
            "SourceDBClusterSnapshotIdentifier": "arn:aws-cn:rds:cn-northwest-1:123456789012:cluster-snapshot:a b",
            "TargetDBClusterSnapshotIdentifier": "copy",
            "SourceRegion": "cn-northwest-1",
        });
        if let Some(url) = url {
            params["PreSignedUrl"] = url.into();
        }
        json!({"service": "docdb", "operation": "CopyDBClusterSnapshot", "params": params})
    };
    let child = Child::new("presigned").at(&server).with("AWS_SESSION_TOKEN", "to/ken");
    let outcomes = child.run(&[step(None), step(Some("https://mine"))]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"].is_object()), "{outcomes:?}");
    let received = server.received();
    assert!(received[1].body.ends_with("&PreSignedUrl=https%3A%2F%2Fmine"), "{}", received[1].body);
    assert!(!received[1].body.contains("SourceRegion"), "{}", received[1].body);
    let (_, quoted) = received[0].body.split_once("&PreSignedUrl=").expect("a URL");
    let url: String = unquoted(quoted);
    assert!(url.contains("&DestinationRegion=cn-north-1&X-Amz-"), "{url}");
    let (_, signed) = url.rsplit_once("X-Amz-Signature=").expect("a signature");
    let case = json!({"url": url, "secret": "secret-of-the-environment"});
    let signed = signed.split('&').next().unwrap_or_default();
    assert_eq!(signed, signature("presigned.py", &case), "{url}");
}

fn unquoted(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        out.push(u8::from_str_radix(hex, 16).expect("ASCII in hex") as char);
        out.push_str(rest);
    }
    out
}

#[test]
fn signatures_are_botocores() {
    let server = server();
    let child = Child::new("signature").at(&server).with("AWS_SESSION_TOKEN", "to/ken+=");
    let mut step = describe();
    step["params"] = json!({"Filters": [{"Name": "engine é&=", "Values": ["doc db", "*~"]}]});
    child.step(step);
    let request = &server.received()[0];
    let expected = signature("signature.py", &captured(&server.url, request));
    let header = request.header("authorization");
    assert!(header.ends_with(&expected), "{expected}\n{header}");
}

fn captured(url: &str, request: &Received) -> Value {
    json!({
        "url": format!("{url}/"),
        "headers": request.head.lines().skip(1).filter_map(|l| l.split_once(": ")).collect::<Vec<_>>(),
        "body": request.body,
        "secret": "secret-of-the-environment",
    })
}

#[test]
fn simpledb_is_signed_with_version_2() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Answer(503, String::new()),
        _ => Reply::Answer(200, "<PutAttributesResponse/>".into()),
    });
    let child = Child::new("signature-2").at(&server).with("AWS_SESSION_TOKEN", "to/ken+=");
    let attributes = json!([{"Name": "a é&=", "Value": "*~ +/"}, {"Name": "b", "Value": ""}]);
    let params = json!({"DomainName": "d", "ItemName": "i", "Attributes": attributes});
    let outcome = child.step(json!({"service": "sdb", "operation": "PutAttributes", "params": params}));
    assert!(outcome["ok"].is_object(), "{outcome}");
    let received = server.received();
    assert_eq!(received.len(), 2);
    for request in &received {
        assert_eq!((request.header("authorization"), request.body.matches("Signature=").count()), ("", 1));
        let (_, signed) = request.body.rsplit_once("&Signature=").expect("a signature");
        assert_eq!(unquoted(signed), signature("signature.py", &captured(&server.url, request)));
    }
}

#[test]
fn buckets_are_followed_to_their_region() {
    let server = Server::start(|request, _| {
        let here = request.header("authorization").contains("/eu-west-3/s3/");
        let answer = |status: &str, headers: &str, body: &str| {
            let length = body.len();
            Reply::Raw(format!(
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ))
        };
        match request.head.split(' ').next() {
            Some("HEAD") => answer("301 Moved Permanently", "x-amz-bucket-region: eu-west-3\r\n", ""),
            _ if here => answer("200 OK", "", "<ListBucketResult><Name>far</Name></ListBucketResult>"),
            _ => answer("301 Moved Permanently", "", "<Error><Code>PermanentRedirect</Code></Error>"),
        }
    });
    let step = json!({"service": "s3", "operation": "ListObjectsV2", "params": {"Bucket": "far-away"}});
    let child = Child::new("redirected").at(&server).with("AWS_REGION", "eu-central-1");
    let outcomes = child.run(&[step.clone(), step]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"]["Name"] == "far"), "{outcomes:?}");
    let expected = [
        "AKIDENV eu-central-1 s3",
        "AKIDENV eu-central-1 s3",
        "AKIDENV eu-west-3 s3",
        "AKIDENV eu-west-3 s3",
    ];
    assert_eq!(signers(&server), expected);
    let endless =
        Server::answering(301, "<Error><Code>PermanentRedirect</Code><Region>eu-west-3</Region></Error>");
    let outcome = Child::new("endless").at(&endless).step(
        json!({"service": "s3", "operation": "GetObject", "params": {"Bucket": "far-away", "Key": "k"}}),
    );
    assert_eq!((&outcome["code"], endless.received().len()), (&json!("PermanentRedirect"), 2), "{outcome}");
}

#[test]
fn services_tell_where_their_calls_go() {
    let cell = Server::start(|_, before| match before {
        1 => Reply::Answer(400, "{\"__type\": \"InvalidEndpointException\", \"message\": \"m\"}".to_owned()),
        _ => Reply::Answer(200, "{\"Databases\": []}".to_owned()),
    });
    let told = json!({"Endpoints": [{"Address": cell.url, "CachePeriodInMinutes": 60}]}).to_string();
    let service = Server::answering(200, &told);
    let step = json!({"service": "timestream-write", "operation": "ListDatabases", "params": {}});
    let child = Child::new("discovery").at(&service).with("AWS_REGION", "eu-central-1");
    let outcomes = child.run(&[step.clone(), step.clone(), step.clone()]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"]["Databases"] == json!([])), "{outcomes:?}");
    // It is asked again after the endpoint that it told turned out to be the wrong one.
    assert_eq!((service.received().len(), cell.received().len()), (2, 4));
    assert_eq!(service.received()[0].header("x-amz-target"), "Timestream_20181101.DescribeEndpoints");
    assert_eq!(signers(&cell)[0], "AKIDENV eu-central-1 timestream");
    let off = child.clone().with("AWS_ENDPOINT_DISCOVERY_ENABLED", "false").step(step.clone());
    assert_eq!(off["class"], "botocore.discovery.EndpointDiscoveryRequired", "{off}");
    let lost = child.with("AWS_ENDPOINT_URL", "http://127.0.0.1:1").with("AWS_MAX_ATTEMPTS", "1").step(step);
    assert_eq!(lost["class"], "botocore.discovery.EndpointDiscoveryRefreshFailed", "{lost}");
}

#[test]
fn calls_at_the_same_time_that_go_to_the_wrong_place_both_find_the_right_one() {
    let (answered, answers) = std::sync::mpsc::channel();
    let cell = Server::start(move |_, before| {
        answered.send(()).expect("somebody listens");
        match before {
            1 | 2 => Reply::Answer(400, "{\"__type\": \"InvalidEndpointException\"}".to_owned()),
            _ => Reply::Answer(200, "{\"Databases\": []}".to_owned()),
        }
    });
    let told = json!({"Endpoints": [{"Address": cell.url, "CachePeriodInMinutes": 60}]}).to_string();
    let service = Server::start(move |_, before| {
        if before == 1 {
            // Both calls have been told that it is the wrong place before either is told another.
            (0..3).for_each(|_| answers.recv().expect("a call"));
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        Reply::Answer(200, told.clone())
    });
    let step = |way: &str| json!({"do": way, "service": "timestream-write", "operation": "ListDatabases", "params": {}});
    let child = Child::new("discovery-together").at(&service).with("AWS_REGION", "eu-central-1");
    let outcomes = child.run(&[step("call"), step("together")]);
    assert!(
        outcomes.iter().all(|outcome| outcome["ok"].is_array() || outcome["ok"].is_object()),
        "{outcomes:?}"
    );
    assert_eq!(cell.received().len(), 5);
}

#[test]
fn calls_for_several_regions_are_signed_for_all_of_them() {
    let bucket = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap";
    let step =
        json!({"do": "request", "service": "s3", "operation": "ListObjectsV2", "params": {"Bucket": bucket}});
    let child = Child::new("several").with("AWS_REGION", "eu-central-1");
    let signed = |child: &Child, step: &Value| {
        let outcome = child.step(step.clone());
        let headers = outcome["ok"]["headers"].as_array().cloned().unwrap_or_default();
        let header = |name: &str| {
            let found = headers.iter().find(|header| header[0] == name).map(|header| header[1].clone());
            found.unwrap_or_default().as_str().unwrap_or_default().to_owned()
        };
        let scope = header("authorization").split([' ', ',']).take(2).collect::<Vec<_>>().join(" ");
        let scope =
            scope.split('/').filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join("/");
        format!("{} {scope} {}", outcome["ok"]["url"], header("x-amz-region-set"))
    };
    assert_eq!(
        signed(&child, &step),
        "\"https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/?list-type=2&encoding-type=url\" \
         AWS4-ECDSA-P256-SHA256 Credential=AKIDENV/s3/aws4_request *"
    );
    let child = child.with("AWS_SIGV4A_SIGNING_REGION_SET", "eu-west-1,us-east-1");
    assert!(signed(&child, &step).ends_with(" eu-west-1,us-east-1"));
    let params = json!({"EndpointId": "abc.def", "Entries": [{"Source": "x"}]});
    let step = json!({"do": "request", "service": "events", "operation": "PutEvents", "params": params});
    let child = child.without("AWS_SIGV4A_SIGNING_REGION_SET");
    assert_eq!(
        signed(&child, &step),
        "\"https://abc.def.endpoint.events.amazonaws.com/\" \
         AWS4-ECDSA-P256-SHA256 Credential=AKIDENV/events/aws4_request *"
    );
}

/// Derived and verified by others: a key and signatures.
#[test]
fn signatures_for_several_regions_hold() {
    let bucket = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap";
    let steps = [
        ("s3", "ListObjectsV2", json!({"Bucket": bucket, "Prefix": "a b/é+*~"})),
        ("s3", "PutObject", json!({"Bucket": bucket, "Key": "a b/./é+", "Body": "dGV4dA=="})),
        ("events", "PutEvents", json!({"EndpointId": "abc.def", "Entries": [{"Source": "é"}]})),
    ]
    .map(|(service, operation, params)| {
        json!({"do": "request", "service": service, "operation": operation, "params": params})
    });
    let child = Child::new("several-hold").with("AWS_REGION", "eu-central-1");
    let named = child.clone().with("AWS_SIGV4A_SIGNING_REGION_SET", "eu-west-1,us-east-1");
    let session = child.clone().with("AWS_SESSION_TOKEN", "to/ken+=");
    let mut verified = Vec::new();
    for outcome in [child, named, session].iter().flat_map(|child| child.run(&steps)) {
        let mut case = outcome["ok"].clone();
        assert!(case.is_object(), "{outcome}");
        case["secret"] = "secret-of-the-environment".into();
        verified.push(signature("several_regions.py", &case));
    }
    let (all, two) = (["s3 in *", "s3 in *", "events in *"], "in eu-west-1,us-east-1");
    let two = [format!("s3 {two}"), format!("s3 {two}"), format!("events {two}")];
    assert_eq!(verified, [all.map(str::to_owned), two, all.map(str::to_owned)].concat());
    println!("conformance: SigV4a: {} signatures verified with the key derived in Python", verified.len());
}
