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
    let step = json!({
        "type": "action", "name": "failover",
        "provider": {
            "type": "python", "module": "chaosaws.docdb.actions", "func": "failover_docdb_cluster",
            "arguments": {"docdb_cluster_identifier": "orders"},
        },
    });
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
    let expected = format!(
        "arn:aws:iam::{ACCOUNT}:user/me lacks\nrds:FailoverDBCluster on {cluster}: allowed by no policy\n\
         rds:FailoverDBCluster on {cluster}: denied by a policy\n"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
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
