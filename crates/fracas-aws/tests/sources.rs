//! Every source of credentials in boto3's chain, each at a server that speaks it.

mod support;

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};
use support::{Child, Received, Reply, Server, no_clusters};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

/// STS, the sign-in services, a container's and an instance's server, and docdb, all at one address.
fn world() -> Server {
    Server::start(|request, _| match (path(request), request.body.as_str()) {
        ("/", body) if body.contains("Action=AssumeRoleWith") => role("AssumeRoleWithWebIdentity", "AKIDWEB"),
        ("/", body) if body.contains("Action=AssumeRole") => role("AssumeRole", "AKIDROLE"),
        ("/", _) => Reply::Answer(200, no_clusters()),
        ("/federation/credentials", _) => answer(json!({"roleCredentials": {
            "accessKeyId": "AKIDSSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4_102_444_800_000_i64,
        }})),
        ("/token", _) => answer(json!({"accessToken": "fresh", "expiresIn": 3600, "refreshToken": "again"})),
        ("/v1/token", _) => answer(json!({
            "accessToken": {"accessKeyId": "AKIDNEW", "secretAccessKey": "s", "sessionToken": "t"},
            "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
            "expiresIn": 900,
            "refreshToken": "again",
        })),
        ("/container", _) => answer(served("AKIDBOX")),
        ("/latest/api/token", _) => text("instance-token"),
        ("/latest/meta-data/iam/security-credentials/", _) => text("the-role"),
        ("/latest/meta-data/iam/security-credentials/the-role", _) => answer(served("AKIDINST")),
        _ => Reply::Answer(404, String::new()),
    })
}

fn path(request: &Received) -> &str {
    let target = request.head.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

fn text(body: &str) -> Reply {
    let length = body.len();
    Reply::Raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
}

fn answer(body: Value) -> Reply {
    text(&body.to_string())
}

/// Keys as metadata services serve them.
fn served(id: &str) -> Value {
    json!({"AccessKeyId": id, "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"})
}

fn role(operation: &str, id: &str) -> Reply {
    let keys = format!(
        "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><Arn>arn:aws-cn:sts::123456789012:assumed-role/x/y</Arn></AssumedRoleUser>"
    );
    Reply::Answer(
        200,
        format!("<{operation}Response><{operation}Result>{keys}</{operation}Result></{operation}Response>"),
    )
}

/// A child without keys whose services are all at one server.
fn nobody(name: &str, server: &Server) -> Child {
    let child = Child::new(name).at(server).without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let home = child.path("home");
    child.with("HOME", &home)
}

/// What signed each request, or where it went when nothing did.
fn signers(server: &Server) -> Vec<String> {
    let signer = |request: &Received| {
        let header = request.header("authorization");
        let key = header.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        key.map_or_else(|| path(request).to_owned(), str::to_owned)
    };
    server.received().iter().map(signer).collect()
}

/// Puts a file into a cache below the home folder.
fn cache(child: &Child, folder: &str, algorithm: &'static Algorithm, key: &str, value: &Value) -> String {
    let folder = child.path(&format!("home/{folder}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let hash = digest(algorithm, key.as_bytes());
    let name: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("{folder}/{name}.json");
    std::fs::write(&path, value.to_string()).expect("a file");
    path
}

fn write(child: &Child, name: &str, text: &str) -> String {
    let path = child.path(name);
    std::fs::write(&path, text).expect("a file");
    path
}

/// The profiles of all tests; `@` stands for the test's folder.
const CONFIG: &str = "
[profile keys]
aws_access_key_id = AKIDCONFIG
aws_secret_access_key = s
aws_account_id = 111111111111
[profile half]
aws_access_key_id = AKIDHALF
[profile role]
role_arn = arn:aws-cn:iam::123456789012:role/one
source_profile = keys
external_id = between us
duration_seconds = 900
role_session_name = mine
[profile above]
role_arn = arn:aws-cn:iam::123456789012:role/two
source_profile = role
[profile one]
role_arn = r
source_profile = two
[profile two]
role_arn = r
source_profile = one
[profile empty]
region = cn-north-1
[profile over-nothing]
role_arn = arn:aws-cn:iam::123456789012:role/x
source_profile = empty
[profile by-env]
role_arn = arn:aws-cn:iam::123456789012:role/x
credential_source = Environment
[profile by-box]
role_arn = arn:aws-cn:iam::123456789012:role/x
credential_source = EcsContainer
[profile by-instance]
role_arn = arn:aws-cn:iam::123456789012:role/x
credential_source = Ec2InstanceMetadata
[profile by-none]
role_arn = arn:aws-cn:iam::123456789012:role/x
credential_source = Elsewhere
[profile web]
role_arn = arn:aws-cn:iam::123456789012:role/web
web_identity_token_file = @/token
[profile above-web]
role_arn = arn:aws-cn:iam::123456789012:role/x
source_profile = web
[profile no-web]
web_identity_token_file = @/token
[profile process]
credential_process = /bin/cat '@/printed.json'
aws_access_key_id = AKIDUNDER
aws_secret_access_key = s
[profile failing-process]
credential_process = /bin/ls @/absent
[profile old-process]
credential_process = /bin/cat @/old.json
[profile odd-process]
credential_process = /bin/cat @/odd.json
[profile shared]
credential_process = /bin/cat @/printed.json
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = cn-north-1
[profile sso]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = dev
[profile above-sso]
role_arn = arn:aws-cn:iam::123456789012:role/x
source_profile = sso
[profile old-sso]
sso_start_url = https://old.awsapps.com/start
sso_region = cn-north-1
sso_account_id = 222222222222
sso_role_name = dev
[profile expired-sso]
sso_start_url = https://expired.awsapps.com/start
sso_region = cn-north-1
sso_account_id = 222222222222
sso_role_name = dev
[profile absent-sso]
sso_start_url = https://absent.awsapps.com/start
sso_region = cn-north-1
sso_account_id = 222222222222
sso_role_name = dev
[profile half-sso]
sso_session = corp
sso_role_name = dev
[profile no-session]
sso_session = gone
sso_account_id = 222222222222
sso_role_name = dev
[profile odd-sso]
sso_session = corp
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = dev
";

/// A child with all the profiles and all that they name.
fn complete(name: &str, server: &Server) -> Child {
    let child = nobody(name, server);
    let folder = child.path("");
    let child = child.config(&CONFIG.replace('@', folder.trim_end_matches('/')));
    write(&child, "credentials", "[shared]\naws_access_key_id = AKIDSHARED\naws_secret_access_key = s\n");
    write(&child, "token", "web-token");
    let printed = json!({"Version": 1, "AccessKeyId": "AKIDPROC", "SecretAccessKey": "s", "AccountId": "3"});
    write(&child, "printed.json", &printed.to_string());
    write(&child, "old.json", "{\"Version\": 2}");
    write(&child, "odd.json", "{\"Version\": 1, \"AccessKeyId\": \"x\"}");
    let token = |until: &str| json!({"accessToken": "sso-token", "expiresAt": until});
    let sso = |key: &str, until: &str| {
        cache(&child, ".aws/sso/cache", &SHA1_FOR_LEGACY_USE_ONLY, key, &token(until));
    };
    sso("corp", "2099-01-01T00:00:00Z");
    sso("https://old.awsapps.com/start", "2099-01-01T00:00:00UTC");
    sso("https://expired.awsapps.com/start", "2020-01-01T00:00:00Z");
    child
}

/// Environments beside the complete one, each with what is set.
fn environments(server: &Server) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let profiles = CONFIG.lines().filter_map(|line| line.strip_prefix("[profile ")?.strip_suffix(']'));
    let mut cases: Vec<_> =
        profiles.chain(["shared"]).map(|name| (name, vec![("AWS_PROFILE", name.to_owned())])).collect();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV".to_owned()), ("AWS_SECRET_ACCESS_KEY", "s".to_owned())];
    let profile = |name: &str| ("AWS_PROFILE", name.to_owned());
    let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", server.url));
    let instance = [
        ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url.clone()),
    ];
    let arn = "arn:aws-cn:iam::123456789012:role/env".to_owned();
    let mut add = |name, variables: Vec<_>| cases.push((name, variables));
    add("nothing", vec![]);
    add("env before profile", [keys.to_vec(), vec![profile("role")]].concat());
    add("env by source", [keys.to_vec(), vec![profile("by-env")]].concat());
    add("half an environment", keys[..1].to_vec());
    add(
        "a newer token",
        [
            keys.to_vec(),
            vec![("AWS_SECURITY_TOKEN", "old".to_owned()), ("AWS_SESSION_TOKEN", "t".to_owned())],
        ]
        .concat(),
    );
    add("an account", [keys.to_vec(), vec![("AWS_ACCOUNT_ID", "4".to_owned())]].concat());
    add(
        "expired",
        [keys.to_vec(), vec![("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z".to_owned())]].concat(),
    );
    add("web identity without role", vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/none".to_owned())]);
    add("container", vec![container.clone()]);
    add("container by source", vec![container.clone(), profile("by-box")]);
    add(
        "container on a strange host",
        vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x".to_owned())],
    );
    add("instance", instance.to_vec());
    add("instance by source", [instance.to_vec(), vec![profile("by-instance")]].concat());
    add("container before instance", [instance.to_vec(), vec![container.clone()]].concat());
    add("profile before container", vec![container.clone(), profile("keys")]);
    add("role of the environment without token file", vec![("AWS_ROLE_ARN", arn), profile("web")]);
    cases
}

#[test]
fn credentials_are_found_as_by_boto3() {
    let (server, mut different) = (world(), Vec::new());
    let cases = environments(&server);
    let child = complete("as-boto3-sources", &server);
    let lines: Vec<_> = cases.iter().map(|(_, variables)| json!(child.variables_with(variables))).collect();
    let path = write(&child, "cases.json", &Value::from(lines).to_string());
    let output =
        support::python().arg(support::support("sources.py")).arg(path).output().expect("Python runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), cases.len(), "{}", String::from_utf8_lossy(&output.stderr));
    for ((name, variables), line) in cases.iter().zip(text.lines()) {
        let expected: Value = serde_json::from_str(line).expect("JSON");
        let before = server.received().len();
        let child = variables.iter().fold(child.clone(), |child, (name, value)| child.with(name, value));
        let outcome = child.describe();
        let found = match outcome["ok"].is_object() {
            true => {
                let received = server.received();
                let last = received[before..].last().expect("a request");
                let key = signers(&server).pop();
                json!({"key": key, "token": last.header("x-amz-security-token")})
            }
            false => json!({"class": outcome["class"], "error": outcome["error"]}),
        };
        if found != expected {
            different.push(format!("{name}\nboto3:  {expected}\nfracas: {found}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
