//! `fracas iam` beside the policy itself: the role that has it, and what IAM says of it.

mod support;

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::fracas;
use support::peer::Peer;

const ACCOUNT: &str = "123456789012";

/// Runs `fracas iam` for an experiment that fails a cluster over, with this configuration.
fn iam(args: &[&str], configuration: Value, endpoint: &str) -> Output {
    let provider = json!({
        "type": "python", "module": "chaosaws.docdb.actions", "func": "failover_docdb_cluster",
        "arguments": {"docdb_cluster_identifier": "orders"},
    });
    of_step(args, configuration, provider, endpoint)
}

/// Runs `fracas iam` for an experiment with one action.
fn of_step(args: &[&str], configuration: Value, provider: Value, endpoint: &str) -> Output {
    let step = json!({"type": "action", "name": "act", "provider": provider});
    let experiment =
        json!({"title": "t", "description": "d", "configuration": configuration, "method": [step]});
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("experiment.json"), experiment.to_string()).expect("it is written");
    Command::new(fracas())
        .args(["iam", "experiment.json"])
        .args(args)
        .current_dir(&folder)
        .env_clear()
        .env("HOME", folder.path())
        .envs([("AWS_ENDPOINT_URL", endpoint), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s")])
        .output()
        .expect("fracas starts")
}

fn printed(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

fn answers(peer: &mut Peer, answers: Value) {
    peer.ask(&json!({"answers": {"answers": answers}}));
}

#[test]
fn a_region_takes_the_place_of_the_configurations() {
    let policy = printed(&iam(&["--region", "cn-north-1"], json!({"aws_region": "eu-west-1"}), ""));
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws-cn:rds:cn-north-1:*:cluster:orders");
    let policy = printed(&iam(&["--region", "eu-west-1"], json!({}), ""));
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:rds:eu-west-1:*:cluster:orders");
    let output = iam(&["--region", "xx-mars-1"], json!({}), "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("AWS has no region `xx-mars-1`"), "{said}");
}

#[test]
fn a_role_is_trusted_by_its_account() {
    let configuration = json!({"aws_region": "us-gov-west-1"});
    let role = printed(&iam(&["--role", "--account", ACCOUNT], configuration.clone(), ""));
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["AWS"], format!("arn:aws-us-gov:iam::{ACCOUNT}:root"));
    assert_eq!(trust["Action"], "sts:AssumeRole");
    assert_eq!(role["PolicyDocument"], printed(&iam(&["--account", ACCOUNT], configuration.clone(), "")));
    assert_eq!(role.get("RoleName"), None);

    let output = iam(&["--role"], configuration, "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("--account ID"), "{said}");

    let assumed = format!("arn:aws:iam::{ACCOUNT}:role/team/chaos");
    let role =
        printed(&iam(&["--role"], json!({"aws_region": "eu-west-1", "aws_assume_role_arn": assumed}), ""));
    assert_eq!(role["RoleName"], "chaos");
}

#[test]
fn iam_is_asked_about_the_caller() {
    let mut peer = Peer::start();
    let endpoint = peer.endpoint.clone();
    let configuration = json!({"aws_region": "eu-west-1"});
    let cluster = "arn:aws:rds:eu-west-1:*:cluster:orders";
    let result = |decision: &str| json!({"EvalActionName": "rds:FailoverDBCluster", "EvalResourceName": cluster, "EvalDecision": decision});
    let caller = |arn: &str| json!([{"Account": ACCOUNT, "UserId": "U", "Arn": arn}]);
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/chaos/me");

    answers(
        &mut peer,
        json!({
            "sts.GetCallerIdentity": caller(&session),
            "iam.GetRole": [{"Role": {"Arn": format!("arn:aws:iam::{ACCOUNT}:role/team/chaos"), "Path": "/team/",
                "RoleName": "chaos", "RoleId": "AROA00000000000000", "CreateDate": {"$time": "2020-01-01T00:00:00Z"}}}],
            "iam.SimulatePrincipalPolicy": [{"EvaluationResults": [result("allowed")], "IsTruncated": false}],
        }),
    );
    let output = iam(&["--check"], configuration.clone(), &endpoint);
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{printed}");
    assert_eq!(printed, format!("arn:aws:iam::{ACCOUNT}:role/team/chaos may do all of it\n"));
    let calls = peer.ask(&json!({"calls": true}));
    let body = calls["calls"][2]["body"].as_str().expect("a body");
    assert!(body.contains("ActionNames.member.1=rds%3AFailoverDBCluster"), "{body}");
    assert!(body.contains("cluster%3Aorders"), "{body}");

    // What stands on the second page counts, too.
    answers(
        &mut peer,
        json!({
            "sts.GetCallerIdentity": caller(&format!("arn:aws:iam::{ACCOUNT}:user/me")),
            "iam.SimulatePrincipalPolicy": [
                {"EvaluationResults": [result("implicitDeny")], "IsTruncated": true, "Marker": "more"},
                {"EvaluationResults": [result("explicitDeny")], "IsTruncated": false},
            ],
        }),
    );
    let output = iam(&["--check"], configuration.clone(), &endpoint);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let (told, missing) =
        printed.split_once("These statements would allow what no policy allows:\n").unwrap();
    let expected = format!(
        "arn:aws:iam::{ACCOUNT}:user/me lacks\n\
         rds:FailoverDBCluster on {cluster}: allowed by no policy (VisualEditor0)\n\
         rds:FailoverDBCluster on {cluster}: denied by a policy (VisualEditor0)\n"
    );
    assert_eq!(told, expected);
    let missing: Value = serde_json::from_str(missing).expect("a policy");
    assert_eq!(missing["Statement"][0]["Action"], json!(["rds:FailoverDBCluster"]));
    assert_eq!(output.status.code(), Some(1));

    // The role that the experiment assumes is asked about, not who runs it.
    let refusal = json!({"error": {"code": "AccessDenied", "message": "not you", "status": 403}});
    answers(&mut peer, json!({"iam.SimulatePrincipalPolicy": [refusal]}));
    let assumed = format!("arn:aws:iam::{ACCOUNT}:role/chaos");
    let configuration = json!({"aws_region": "eu-west-1", "aws_assume_role_arn": assumed});
    let output = iam(&["--check"], configuration, &endpoint);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && said.contains("cannot ask IAM") && said.contains("not you"),
        "{said}"
    );
    let calls = peer.ask(&json!({"calls": true}));
    let body = calls["calls"][0]["body"].as_str().expect("a body");
    assert!(body.contains("role%2Fchaos"), "{body}");
}

/// Runs `fracas iam --check` for this one call of AWS, as this caller.
fn checked(peer: &mut Peer, caller: &str, call: Value, simulated: Value) -> (String, String, Vec<String>) {
    let caller = json!([{"Account": ACCOUNT, "UserId": "U", "Arn": caller}]);
    let mut all = json!({"sts.GetCallerIdentity": caller});
    all["iam.SimulatePrincipalPolicy"] = simulated;
    answers(peer, all);
    let provider = json!({"type": "aws", "region": "eu-west-1", "service": call[0], "operation": call[1],
        "parameters": call[2]});
    let output = of_step(&["--check", "--account", ACCOUNT], json!({}), provider, &peer.endpoint);
    let calls = peer.ask(&json!({"calls": true}));
    let bodies = calls["calls"].as_array().expect("calls").iter().filter_map(|call| call["body"].as_str());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{:?} {}", output.status.code(), text(&output.stderr));
    (text(&output.stdout), said, bodies.map(str::to_owned).collect())
}

#[test]
fn iam_tells_resources_apart_and_who_refuses_them() {
    let mut peer = Peer::start();
    let me = format!("arn:aws:iam::{ACCOUNT}:user/me");
    let arn = |id: &str| format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{id}");
    let call = json!(["ec2", "terminate_instances", {"InstanceIds": ["i-1", "i-2", "i-3"]}]);
    let each = json!([
        {"EvalResourceName": arn("i-1"), "EvalResourceDecision": "allowed"},
        {"EvalResourceName": arn("i-2"), "EvalResourceDecision": "implicitDeny", "MissingContextValues": ["aws:MultiFactorAuthPresent"]},
        {"EvalResourceName": arn("i-3"), "EvalResourceDecision": "implicitDeny",
            "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": false}},
    ]);
    let template = "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}";
    let result = json!({"EvalActionName": "ec2:TerminateInstances", "EvalResourceName": template,
        "EvalDecision": "implicitDeny", "ResourceSpecificResults": each});
    let answer = json!([{"EvaluationResults": [result], "IsTruncated": false}]);
    let (printed, said, _) = checked(&mut peer, &me, call.clone(), answer);
    assert!(said.starts_with("Some(1)"), "{said}");
    let lines: Vec<&str> = printed.lines().take(4).collect();
    assert_eq!(lines[0], format!("{me} lacks"));
    let second = format!(
        "ec2:TerminateInstances on {}: allowed by no policy (VisualEditor0); policies ask for \
        aws:MultiFactorAuthPresent, which only the call has",
        arn("i-2")
    );
    assert_eq!(lines[1], second);
    let third = format!(
        "ec2:TerminateInstances on {}: not allowed by the permissions boundary (VisualEditor0)",
        arn("i-3")
    );
    assert_eq!(lines[2], third);
    // Only what a statement would help is in the one to add.
    assert!(printed.contains(&format!("\"Resource\": \"{}\"", arn("i-2"))), "{printed}");

    let result = json!({"EvalActionName": "ec2:TerminateInstances", "EvalResourceName": "*", "EvalDecision": "implicitDeny",
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": false}});
    let answer = json!([{"EvaluationResults": [result], "IsTruncated": false}]);
    let (printed, ..) = checked(&mut peer, &me, call, answer);
    let expected =
        format!("{me} lacks\nec2:TerminateInstances on *: not allowed by the organization (VisualEditor0)\n");
    assert_eq!(printed, expected);
}

#[test]
fn iam_is_asked_in_each_context_and_for_a_hundred_resources_at_a_time() {
    let mut peer = Peer::start();
    let me = format!("arn:aws:iam::{ACCOUNT}:user/me");
    let fine = || json!({"EvaluationResults": [], "IsTruncated": false});
    let ids: Vec<String> = (0..250).map(|id| format!("i-{id}")).collect();
    let call = json!(["ec2", "terminate_instances", {"InstanceIds": ids}]);
    let (printed, said, bodies) = checked(&mut peer, &me, call, json!([fine(), fine(), fine()]));
    assert_eq!(printed, format!("{me} may do all of it\n"), "{said}");
    let counts: Vec<usize> =
        bodies.iter().skip(1).map(|body| body.matches("ResourceArns.member").count()).collect();
    assert_eq!(counts, [100, 100, 50]);

    let targets = json!([{"Key": "tag:team", "Values": ["shop", "pay"]}]);
    let call = json!(["ssm", "send_command", {"DocumentName": "d", "Targets": targets}]);
    let (_, said, bodies) = checked(&mut peer, &me, call, json!([fine(), fine(), fine()]));
    assert!(said.starts_with("Some(0)"), "{said}");
    let context = |body: &String| {
        let found = body
            .split('&')
            .find_map(|part| part.strip_prefix("ContextEntries.member.1.ContextKeyValues.member.1="));
        found.unwrap_or_default().to_owned()
    };
    assert_eq!(bodies.iter().skip(1).map(context).collect::<Vec<_>>(), ["", "shop", "pay"]);
    assert!(bodies[2].contains("ContextKeyName=ssm%3AresourceTag%2Fteam"), "{}", bodies[2]);
}

#[test]
fn iam_cannot_be_asked_about_everybody() {
    let mut peer = Peer::start();
    let call = json!(["ec2", "terminate_instances", {"InstanceIds": ["i-1"]}]);
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let (printed, said, bodies) = checked(&mut peer, &root, call.clone(), json!([]));
    assert_eq!(printed, format!("{root} may do all of it\n"));
    assert!(said.starts_with("Some(0)") && said.contains("root user"), "{said}");
    assert_eq!(bodies.len(), 1);

    let federated = format!("arn:aws:sts::{ACCOUNT}:federated-user/me");
    let (printed, said, bodies) = checked(&mut peer, &federated, call.clone(), json!([]));
    assert!(said.starts_with("Some(1)") && said.contains("federated user"), "{said}");
    assert_eq!((printed.as_str(), bodies.len()), ("", 1));

    // Without iam:GetRole the role's path is a guess.
    let session = format!("arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/chaos/me");
    let unknown = json!([{"error": {"code": "NoSuchEntity", "message": "no such role", "status": 404}}]);
    let (_, said, bodies) = checked(&mut peer, &session, call.clone(), unknown);
    assert!(said.starts_with("Some(1)") && said.contains("iam:GetRole is missing"), "{said}");
    let last = bodies.last().expect("a question");
    assert!(last.contains(&format!("arn%3Aaws-us-gov%3Aiam%3A%3A{ACCOUNT}%3Arole%2Fchaos")), "{last}");

    let me = format!("arn:aws:iam::{ACCOUNT}:user/me");
    let refusal = json!([{"error": {"code": "AccessDenied", "message": "not you", "status": 403}}]);
    let (_, said, _) = checked(&mut peer, &me, call, refusal);
    assert!(said.contains(&format!("asking needs iam:SimulatePrincipalPolicy on {me}")), "{said}");
}

#[test]
fn a_policy_that_iam_would_not_take_is_told() {
    let of = |count: usize| {
        let ids: Vec<String> = (0..count).map(|id| format!("i-{id}")).collect();
        let provider = json!({"type": "aws", "region": "eu-west-1", "service": "ec2",
            "operation": "terminate_instances", "parameters": {"InstanceIds": ids}});
        let output = of_step(&[], json!({}), provider, "");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!of(100).contains("characters"));
    assert!(of(150).contains("put it into a role (10240)"));
    assert!(of(300).contains("as several managed policies"));
}
