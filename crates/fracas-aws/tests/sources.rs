//! Every source of credentials in boto3's chain, each at a server that speaks it.

mod support;

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
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

/// A cached token that will expire at once, with all that renews it.
fn old_token() -> Value {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    json!({
        "accessToken": "old", "expiresAt": soon.to_string(), "refreshToken": "once", "clientId": "id",
        "clientSecret": "secret", "registrationExpiresAt": "2099-01-01T00:00:00Z",
    })
}

#[test]
fn a_signed_in_session_is_renewed_and_kept() {
    let server = world();
    let child = complete("sso-renewed", &server).with("AWS_PROFILE", "sso");
    let file = cache(&child, ".aws/sso/cache", &SHA1_FOR_LEGACY_USE_ONLY, "corp", &old_token());
    assert!(child.describe()["ok"].is_object());
    assert_eq!(signers(&server), ["/token", "/federation/credentials", "AKIDSSO"]);
    let received = server.received();
    let asked: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!((&asked["grantType"], &asked["refreshToken"]), (&json!("refresh_token"), &json!("once")));
    assert_eq!(received[1].header("x-amz-sso_bearer_token"), "fresh");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    assert_eq!((&kept["accessToken"], &kept["refreshToken"]), (&json!("fresh"), &json!("again")));
    assert!(child.describe()["ok"].is_object());
    assert_eq!(signers(&server)[3..], ["/federation/credentials", "AKIDSSO"]);
}

/// Calls of these profiles at the same time.
fn together(profiles: [&str; 2]) -> Value {
    let mut step = support::describe();
    step["do"] = "together".into();
    step["scopes"] = profiles.map(|profile| json!({"profile": profile})).into_iter().collect();
    step
}

#[test]
fn profiles_that_share_a_session_renew_it_once() {
    let server = world();
    let part = "sso_session = corp\nsso_account_id = 2\nsso_role_name";
    let child = nobody("sso-together", &server).config(&format!(
        "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = cn-north-1\n\
         [profile one]\n{part} = dev\n[profile other]\n{part} = ops\n"
    ));
    cache(&child, ".aws/sso/cache", &SHA1_FOR_LEGACY_USE_ONLY, "corp", &old_token());
    let outcome = child.step(together(["one", "other"]));
    assert!(outcome["ok"].is_array(), "{outcome}");
    let renewed = signers(&server).iter().filter(|signer| *signer == "/token").count();
    assert_eq!(renewed, 1, "{:?}", signers(&server));
}

#[test]
fn a_session_that_cannot_be_renewed_says_how_to_sign_in() {
    let server = Server::answering(400, "{\"error\": \"invalid_grant\"}");
    let child = complete("sso-expired", &server).with("AWS_PROFILE", "sso");
    let token = json!({"accessToken": "old", "expiresAt": "2020-01-01T00:00:00Z"});
    cache(&child, ".aws/sso/cache", &SHA1_FOR_LEGACY_USE_ONLY, "corp", &token);
    let outcome = child.describe();
    assert_eq!(
        outcome["error"],
        "Error when retrieving token from sso: Token has expired and refresh failed"
    );
    assert_eq!(
        (&outcome["help"], &outcome["sent"]),
        (&json!("run `aws sso login --profile sso`"), &json!("No"))
    );
}

#[test]
fn services_that_take_tokens_get_that_of_the_session() {
    let server = Server::answering(200, "{\"userId\": \"u\"}");
    let child = complete("bearer", &server).with("AWS_PROFILE", "sso");
    let step =
        |way: &str| json!({"do": way, "service": "codecatalyst", "operation": "VerifySession", "params": {}});
    let in_the_open = child.step(step("call"));
    let class = "botocore.exceptions.InvalidEndpointConfigurationError";
    assert_eq!((&in_the_open["class"], &in_the_open["sent"]), (&json!(class), &json!("No")));
    let child = child.with("AWS_ENDPOINT_URL_CODECATALYST", "https://localhost");
    let headers = child.step(step("request"))["ok"]["headers"].to_string();
    assert!(headers.contains("[\"authorization\",\"Bearer sso-token\"]"), "{headers}");
    let without = child.with("AWS_PROFILE", "keys").step(step("request"));
    assert_eq!(without["class"], "botocore.exceptions.NoAuthTokenError", "{without}");
    assert_eq!(server.received().len(), 0);
}

/// A P-256 key as `aws login` writes it.
const DPOP_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEICJOHq+qCd955y86xFMaOQh5BwJLa9eshRDzRbpqi+PAoAoGCCqGSM49AwEHoUQDQgAEKfvqRIzN5G1hQC2nILOviQcUzC8grMlg7zYeynv4HCdUMPTxeMi57587RyMPQxNy7k9pDsPIMs3m/atGGiJPHQ==\n-----END EC PRIVATE KEY-----\n";

#[test]
fn a_login_is_renewed_with_proof_of_its_key() {
    let server = world();
    let child = nobody("login", &server).config("[profile in]\nlogin_session = arn:aws-cn:iam::1:user/me\n");
    let child = child.with("AWS_PROFILE", "in");
    let absent = child.describe();
    assert_eq!(absent["class"], "botocore.exceptions.LoginTokenLoadError", "{absent}");
    assert_eq!(absent["help"], "run `aws login --profile in`");
    let keys = |until: &str| {
        json!({"accessToken": {"accessKeyId": "AKIDOLD", "secretAccessKey": "s", "sessionToken": "t",
               "accountId": "1", "expiresAt": until},
               "refreshToken": "once", "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": DPOP_KEY})
    };
    let key = "arn:aws-cn:iam::1:user/me";
    cache(&child, ".aws/login/cache", &SHA256, key, &keys("2099-01-01T00:00:00Z"));
    assert!(child.describe()["ok"].is_object());
    let file = cache(&child, ".aws/login/cache", &SHA256, key, &keys("2020-01-01T00:00:00Z"));
    let outcome = child.describe();
    assert!(outcome["ok"].is_object(), "{outcome}");
    assert_eq!(signers(&server), ["AKIDOLD", "/v1/token", "AKIDNEW"]);
    let proof = server.received()[1].header("dpop").to_owned();
    let output =
        support::python().arg(support::support("proof.py")).arg(&proof).output().expect("Python runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["htm"], "POST");
    assert_eq!(told["htu"], format!("{}/v1/token", server.url));
    let public_key: Vec<u8> = serde_json::from_value(told["key"].clone()).expect("bytes");
    let signature: Vec<u8> = serde_json::from_value(told["signature"].clone()).expect("bytes");
    let (signed, _) = proof.rsplit_once('.').expect("a signature");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key)
        .verify(signed.as_bytes(), &signature)
        .expect("a good signature");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
    assert_eq!(
        (&kept["accessToken"]["accessKeyId"], &kept["refreshToken"]),
        (&json!("AKIDNEW"), &json!("again"))
    );
}

#[test]
fn profiles_that_share_a_login_renew_it_once() {
    let (server, key) = (world(), "arn:aws-cn:iam::1:user/me");
    let child = nobody("login-together", &server)
        .config(&format!("[profile one]\nlogin_session = {key}\n[profile other]\nlogin_session = {key}\n"));
    let old = json!({"accessToken": {"accessKeyId": "AKIDOLD", "secretAccessKey": "s", "sessionToken": "t",
        "accountId": "1", "expiresAt": "2020-01-01T00:00:00Z"},
        "refreshToken": "once", "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": DPOP_KEY});
    cache(&child, ".aws/login/cache", &SHA256, key, &old);
    let outcome = child.step(together(["one", "other"]));
    assert!(outcome["ok"].is_array(), "{outcome}");
    let renewed = signers(&server).iter().filter(|signer| *signer == "/v1/token").count();
    assert_eq!(renewed, 1, "{:?}", signers(&server));
}

#[test]
fn profiles_that_need_the_same_code_ask_for_it_once() {
    let server = world();
    let role =
        "role_arn = arn:aws-cn:iam::123456789012:role/x\nsource_profile = base\nmfa_serial = my-device\n";
    let child = nobody("code-together", &server).config(&format!(
        "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n\
         [profile one]\n{role}[profile other]\n{role}"
    ));
    let words = child.command_line(&[together(["one", "other"])]);
    let terminal = support::support("terminal.py");
    let output = support::python().arg(terminal).args(words).output().expect("Python runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.matches("Enter MFA code for my-device: ").count(), 1, "{text}");
    assert_eq!(signers(&server), ["AKIDBASE", "AKIDROLE", "AKIDROLE"], "{text}");
}

#[test]
fn a_session_that_a_code_was_given_for_is_not_asked_for_again() {
    let server = world();
    let child = nobody("code", &server).config(
        "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n\
         [profile code]\nrole_arn = arn:aws-cn:iam::123456789012:role/x\nsource_profile = base\nmfa_serial = my-device\n",
    );
    let child = child.with("AWS_PROFILE", "code");
    let words = child.command_line(&[support::describe()]);
    let terminal = support::support("terminal.py");
    let output = support::python().arg(terminal).args(words).output().expect("Python runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Enter MFA code for my-device: "), "{text}");
    assert_eq!(signers(&server), ["AKIDBASE", "AKIDROLE"], "{text}");
    let asked = &server.received()[0].body;
    assert!(asked.contains("&SerialNumber=my-device&") && asked.ends_with("&TokenCode=123456"), "{asked}");
    // Under the name that the AWS CLI gives it.
    let name = "{\"RoleArn\": \"arn:aws-cn:iam::123456789012:role/x\", \"SerialNumber\": \"my-device\"}";
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    let name: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(std::path::Path::new(&child.path(&format!("home/.aws/cli/cache/{name}.json"))).exists());
    assert!(child.describe()["ok"].is_object());
    assert_eq!(signers(&server)[2..], ["AKIDROLE"]);
}

#[test]
fn a_container_is_served_with_its_token() {
    let server = world();
    let child = nobody("box", &server);
    let token = write(&child, "token", "box-token");
    let child = child
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container", server.url))
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "other")
        // Its server is asked without a proxy.
        .with("HTTP_PROXY", "http://127.0.0.1:1")
        .with("NO_PROXY", "127.0.0.1:2");
    let by_variable = child.clone().with("NO_PROXY", "127.0.0.1").describe();
    assert!(by_variable["ok"].is_object(), "{by_variable}");
    child.with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token).describe();
    let received = server.received();
    let tokens: Vec<_> =
        received.iter().filter(|r| path(r) == "/container").map(|r| r.header("authorization")).collect();
    assert_eq!(tokens, ["other", "box-token"]);
}

#[test]
fn automatic_defaults_ask_the_instance_where_it_is() {
    let server = Server::start(|request, _| match path(request) {
        "/" => Reply::Answer(200, no_clusters()),
        "/latest/api/token" => text("the-token"),
        "/latest/meta-data/placement/availability-zone/" => text("cn-north-1b"),
        _ => Reply::Answer(404, String::new()),
    });
    let child = Child::new("auto")
        .at(&server)
        .with("AWS_DEFAULTS_MODE", "auto")
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url);
    assert!(child.describe()["ok"].is_object());
    let received = server.received();
    let paths: Vec<_> = received.iter().map(path).collect();
    assert_eq!(paths, ["/latest/api/token", "/latest/meta-data/placement/availability-zone/", "/"]);
    assert_eq!(received[1].header("x-aws-ec2-metadata-token"), "the-token");
    // The environment tells, so that nobody is asked.
    child.with("AWS_EXECUTION_ENV", "AWS_Lambda").describe();
    assert_eq!(server.received().len(), 4);
}

#[test]
fn proxies_are_those_that_boto3_takes() {
    let (server, proxy) = (Server::answering(200, &no_clusters()), Server::answering(200, &no_clusters()));
    let child = Child::new("proxies").at(&server).with("AWS_MAX_ATTEMPTS", "1");
    child.clone().with("ALL_PROXY", &proxy.url).with("HTTPS_PROXY", &proxy.url).describe();
    child.clone().with("HTTP_PROXY", &proxy.url).with("http_proxy", "").describe();
    child.clone().with("HTTP_PROXY", &proxy.url).with("REQUEST_METHOD", "GET").describe();
    assert_eq!((server.received().len(), proxy.received().len()), (3, 0));
    child.clone().with("HTTP_PROXY", "http://127.0.0.1:1").with("http_proxy", &proxy.url).describe();
    child.clone().with("HTTP_PROXY", proxy.url.trim_start_matches("http://")).describe();
    assert_eq!((server.received().len(), proxy.received().len()), (3, 2));
    let outcome = child.with("HTTP_PROXY", "odd://me:hidden@host").describe();
    assert_eq!(outcome["error"], "Failed to connect to proxy URL: \"odd://***:***@host\"");
    assert_eq!(outcome["sent"], "No");
}

#[test]
fn the_first_version_of_instance_metadata_can_be_ruled_out() {
    let server = Server::start(|request, _| match path(request) {
        "/" => Reply::Answer(200, no_clusters()),
        "/latest/meta-data/iam/security-credentials/" => text("the-role"),
        "/latest/meta-data/iam/security-credentials/the-role" => answer(served("AKIDINST")),
        _ => Reply::Answer(404, String::new()),
    });
    let child = nobody("first-version", &server)
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url);
    let outcome = child.describe();
    assert!(outcome["ok"].is_object(), "{outcome}");
    let outcome = child.with("AWS_EC2_METADATA_V1_DISABLED", "true").describe();
    assert_eq!(
        outcome["error"],
        "Error retrieving metadata: Unable to retrieve token for use in IMDSv2 call and IMDSv1 has been disabled"
    );
}

#[test]
fn keys_are_asked_for_again_before_they_expire_and_shared_by_regions() {
    let soon = |minutes: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes)).to_string();
    let server = Server::start(move |request, before| match path(request) {
        "/" => Reply::Answer(200, no_clusters()),
        // The first keys will expire within the margin, the others will not.
        _ => {
            let mut keys = served(&format!("AKIDBOX{before}"));
            keys["Expiration"] = soon(if before == 0 { 5 } else { 60 }).into();
            answer(keys)
        }
    });
    let child = nobody("again", &server);
    let child = child.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container", server.url));
    let mut elsewhere = support::describe();
    elsewhere["scope"] = json!({"region": "cn-northwest-1"});
    let outcomes = child.run(&[support::describe(), support::describe(), elsewhere]);
    assert!(outcomes.iter().all(|outcome| outcome["ok"].is_object()), "{outcomes:?}");
    assert_eq!(signers(&server), ["/container", "AKIDBOX0", "/container", "AKIDBOX2", "AKIDBOX2"]);
}
