//! What settings make of a request, beside boto3.

mod support;

use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};
use std::io::Read;
use support::{Child, Server};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

/// Headers that change from call to call, or name the caller.
const CHANGING: [&str; 5] =
    ["x-amz-date", "authorization", "user-agent", "amz-sdk-invocation-id", "amz-sdk-request"];

/// A request without what changes, as `sent.py` shows it.
fn shown(request: &Value) -> Value {
    let mut headers: Map<String, Value> = request["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|header| (header[0].as_str().expect("a name").to_owned(), header[1].clone()))
        .collect();
    let authorization =
        headers.get("authorization").and_then(Value::as_str).unwrap_or_default().replace(',', "");
    let mut parts = authorization.split(' ').skip(1);
    let scope: Vec<_> = parts.next().unwrap_or_default().splitn(3, '/').skip(2).collect();
    let signed = parts.next().unwrap_or_default().trim_start_matches("SignedHeaders=");
    let bytes: Vec<u8> = serde_json::from_value(request["body"].clone()).expect("bytes");
    let mut body = String::from_utf8_lossy(&bytes).into_owned();
    if headers.get("content-encoding") == Some(&"gzip".into()) {
        body.clear();
        GzDecoder::new(&bytes[..]).read_to_string(&mut body).expect("a compressed text");
        headers.remove("content-length");
    }
    headers.retain(|name, _| !CHANGING.contains(&name.as_str()));
    json!({
        "method": request["method"], "url": request["url"], "scope": scope.join("/"), "signed": signed,
        "headers": headers, "body": body,
    })
}

/// Sorts headers, so that equal requests are equal texts.
fn sorted(mut request: Value) -> Value {
    if let Some(headers) = request.get_mut("headers").and_then(Value::as_object_mut) {
        headers.sort_keys();
    }
    request
}

type Case<'a> = (Vec<(&'a str, &'a str)>, &'static str, (&'static str, &'static str), Value);

/// Variables, the lines of the profile, the operation and its parameters.
fn cases<'a>(server: &'a str) -> Vec<Case<'a>> {
    let list = || ("s3", "ListObjectsV2");
    let put = || ("s3", "PutObject");
    let bucket = || json!({"Bucket": "a-bucket"});
    let object = || json!({"Bucket": "a-bucket", "Key": "k", "Body": "dGV4dA=="});
    let arn = || json!({"Bucket": "arn:aws:s3:eu-west-1:123456789012:accesspoint/point"});
    let table = || ("dynamodb", "DescribeTable");
    let name = || json!({"TableName": "t"});
    let clusters = || ("docdb", "DescribeDBClusters");
    let east = ("AWS_REGION", "us-east-1");
    let mut cases = Vec::new();
    let mut add = |variables: &[(&'a str, &'a str)], profile, call, params| {
        cases.push((variables.to_vec(), profile, call, params));
    };
    add(&[], "", list(), bucket());
    add(&[], "s3 =\n  addressing_style = path\n", list(), bucket());
    add(&[], "s3 =\n  addressing_style = virtual\n", list(), bucket());
    add(
        &[("AWS_ENDPOINT_URL", "http://localhost:9000")],
        "s3 =\n  addressing_style = virtual\n",
        list(),
        bucket(),
    );
    add(&[], "s3 =\n  use_accelerate_endpoint = true\n", list(), bucket());
    add(&[], "s3 =\n  use_accelerate_endpoint = true\n  use_dualstack_endpoint = true\n", list(), bucket());
    add(&[], "s3 =\n  use_dualstack_endpoint = true\n", list(), bucket());
    add(&[], "s3 =\n  use_dualstack_endpoint = true\n", clusters(), json!({}));
    add(&[], "s3 =\n  payload_signing_enabled = true\n", put(), object());
    add(&[], "s3 =\n  payload_signing_enabled = false\n", list(), bucket());
    add(
        &[("AWS_ENDPOINT_URL", "http://localhost:9000")],
        "s3 =\n  payload_signing_enabled = false\n",
        put(),
        object(),
    );
    add(&[], "", put(), object());
    add(&[], "", list(), arn());
    add(&[], "s3 =\n  use_arn_region = false\n", list(), arn());
    add(&[("AWS_S3_USE_ARN_REGION", "false")], "s3 =\n  use_arn_region = true\n", list(), arn());
    add(&[], "s3_use_arn_region = false\n", list(), arn());
    add(&[east], "", list(), bucket());
    add(&[east], "s3 =\n  us_east_1_regional_endpoint = regional\n", list(), bucket());
    add(&[east, ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "regional")], "", list(), bucket());
    add(&[east, ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "odd")], "", list(), bucket());
    add(&[east, ("AWS_DEFAULTS_MODE", "standard")], "", list(), bucket());
    add(&[east], "defaults_mode = in-region\n", list(), bucket());
    add(&[("AWS_DEFAULTS_MODE", "odd")], "", list(), bucket());
    add(&[("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "odd")], "", list(), bucket());
    add(&[("AWS_USE_FIPS_ENDPOINT", "true")], "", clusters(), json!({}));
    add(&[("AWS_USE_DUALSTACK_ENDPOINT", "true")], "", list(), bucket());
    add(&[], "use_fips_endpoint = true\nuse_dualstack_endpoint = true\n", table(), name());
    add(&[("AWS_STS_REGIONAL_ENDPOINTS", "legacy")], "", ("sts", "GetCallerIdentity"), json!({}));
    add(&[], "", table(), name());
    add(&[("AWS_ACCOUNT_ID", "123456789012")], "", table(), name());
    add(&[("AWS_ACCOUNT_ID", "123456789012")], "account_id_endpoint_mode = disabled\n", table(), name());
    add(&[("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required")], "", table(), name());
    add(&[("AWS_ACCOUNT_ID_ENDPOINT_MODE", "odd")], "", table(), name());
    add(
        &[("AWS_ACCOUNT_ID", "123456789012"), ("AWS_ENDPOINT_URL", "http://localhost:1")],
        "",
        table(),
        name(),
    );
    add(&[("AWS_SDK_UA_APP_ID", "mine")], "", clusters(), json!({}));
    let metrics = |many: usize| json!({"Namespace": "n", "MetricData": vec![json!({"MetricName": "m", "Value": 1.0}); many]});
    let measure = || ("cloudwatch", "PutMetricData");
    add(&[], "", measure(), metrics(1));
    add(&[], "", measure(), metrics(400));
    add(&[], "request_min_compression_size_bytes = 10\n", measure(), metrics(1));
    add(&[("AWS_DISABLE_REQUEST_COMPRESSION", "true")], "", measure(), metrics(400));
    add(&[("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "0")], "", measure(), metrics(1));
    add(&[("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "x")], "", measure(), metrics(1));
    add(&[("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")], "", put(), object());
    add(
        &[("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")],
        "",
        ("s3control", "ListJobs"),
        json!({"AccountId": "1"}),
    );
    let converse = || ("bedrock-runtime", "InvokeModel");
    let model = || json!({"modelId": "m"});
    let prefers = |names: &'static str| ("AWS_AUTH_SCHEME_PREFERENCE", names);
    let token = ("AWS_BEARER_TOKEN_BEDROCK", "t");
    add(&[prefers("sigv4, httpBearerAuth"), token], "", converse(), model());
    add(&[prefers("sigv4")], "", converse(), model());
    add(&[prefers("odd")], "", list(), bucket());
    add(&[], "auth_scheme_preference = sigv4\n", list(), bucket());
    add(&[prefers("sigv4"), ("AWS_SESSION_TOKEN", "base")], "", clusters(), json!({}));
    add(&[prefers("httpBearerAuth")], "", clusters(), json!({}));
    add(&[prefers("noAuth")], "", ("cognito-identity", "GetId"), json!({"IdentityPoolId": "us-east-1:1"}));
    add(&[east, prefers("sigv4")], "", list(), json!({"Bucket": "fast--use1-az4--x-s3"}));
    let mode = |mode: &'static str| ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode);
    add(&[mode("IPv6")], "", clusters(), json!({}));
    add(&[mode("ipv5")], "", clusters(), json!({}));
    add(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "odd")], "", clusters(), json!({}));
    let input = json!({"tokenInput": {"clientId": "c", "grantType": "authorization_code"}});
    add(&[], "", ("signin", "CreateOAuth2Token"), input);
    let trace = ("_X_AMZN_TRACE_ID", "Root=1-2;Sampled=1 é");
    add(&[trace], "", clusters(), json!({}));
    add(&[trace, ("AWS_LAMBDA_FUNCTION_NAME", "f")], "", clusters(), json!({}));
    let point = |arn: &str| json!({"Name": format!("arn:aws:{arn}")});
    let get_point = || ("s3control", "GetAccessPoint");
    add(&[], "", get_point(), point("s3-outposts:eu-central-1:123456789012:outpost/op-1/accesspoint/mine"));
    add(&[], "", get_point(), point("s3-outposts:eu-central-1:123456789012:outpost:op-1:accesspoint:mine"));
    add(&[], "", get_point(), point("s3:eu-central-1:123456789012:accesspoint/mine"));
    add(
        &[],
        "",
        get_point(),
        point("s3-outposts:fips-us-gov-west-1:123456789012:outpost/op-1/accesspoint/mine"),
    );
    add(
        &[],
        "s3 =\n  use_accelerate_endpoint = true\n",
        get_point(),
        point("s3-outposts:eu-central-1:123456789012:outpost/op-1/accesspoint/mine"),
    );
    let on_outpost = "arn:aws:s3-outposts:eu-central-1:123456789012:outpost/op-1/bucket/b";
    let get_bucket = || ("s3control", "GetBucket");
    add(&[], "", get_bucket(), json!({"Bucket": on_outpost}));
    add(&[], "", get_bucket(), json!({"Bucket": on_outpost, "AccountId": "123456789012"}));
    add(&[], "", get_bucket(), json!({"Bucket": on_outpost, "AccountId": "1"}));
    add(&[], "", ("s3control", "CreateBucket"), json!({"Bucket": "b", "OutpostId": "op-1"}));
    add(&[], "", ("runtime.sagemaker", "InvokeEndpoint"), json!({"EndpointName": "e", "Body": "eA=="}));
    // Sessions are begun at the same server; the bucket's own name goes before the host's.
    let express = || json!({"Bucket": "fast--use1-az4--x-s3"});
    let at_server = ("AWS_ENDPOINT_URL", server);
    add(&[east, at_server], "", list(), express());
    add(
        &[east, at_server, ("AWS_SESSION_TOKEN", "base")],
        "",
        ("s3", "GetObject"),
        json!({"Bucket": "fast--use1-az4--x-s3", "Key": "a b"}),
    );
    add(&[east, at_server, ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true")], "", list(), express());
    add(&[east], "", ("s3", "CreateSession"), express());
    add(&[("AWS_UNKNOWN", "x")], "unknown = y\n", clusters(), json!({}));
    cases
}

#[test]
fn settings_make_the_requests_of_boto3() {
    let session = "<CreateSessionResult><Credentials><AccessKeyId>AKIDFAST</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                   <SessionToken>fast-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                   </CreateSessionResult>";
    let server = Server::answering(200, session);
    let cases = cases(&server.url);
    let child = |(variables, profile, ..): &Case, index: usize| {
        let child = Child::new(&format!("request-{index}")).config(&format!("[default]\n{profile}"));
        let child = child.with("AWS_REGION", "eu-central-1");
        variables.iter().fold(child, |child, (name, value)| child.with(name, value))
    };
    let children: Vec<_> = cases.iter().enumerate().map(|(index, case)| child(case, index)).collect();
    let told = cases.iter().zip(&children).map(|((_, _, (service, operation), params), child)| {
        json!({"variables": child.variables_with(&[]), "service": service, "operation": operation, "params": params})
    });
    let path = children[0].path("cases.json");
    std::fs::write(&path, Value::from(told.collect::<Vec<_>>()).to_string()).expect("a file");
    let output = support::python().arg(support::support("sent.py")).arg(path).output().expect("Python runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), cases.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut different = Vec::new();
    for ((case, child), line) in cases.iter().zip(&children).zip(text.lines()) {
        let expected = sorted(serde_json::from_str(line).expect("JSON"));
        let (variables, profile, (service, operation), params) = case;
        let outcome = child
            .step(json!({"do": "request", "service": service, "operation": operation, "params": params}));
        let found = match outcome.get("ok") {
            Some(request) => sorted(shown(request)),
            None => json!({"class": outcome["class"], "error": outcome["error"]}),
        };
        if found != expected {
            different
                .push(format!("{variables:?} {profile:?} {operation}\nboto3:  {expected}\nfracas: {found}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
