//! IAM actions: those behind the operations that Chaos Toolkit's AWS extension calls, and what is not known.

use std::collections::BTreeMap;

use fracas_aws::iam::{self, Access};
use fracas_aws::model::embedded;

fn names(service: &str, operation: &str) -> Vec<String> {
    let service = embedded::service(service).unwrap();
    iam::actions(service, operation).into_iter().map(|action| action.name).collect()
}

#[test]
fn documentdb_is_allowed_under_rds() {
    let docdb = embedded::service("docdb").unwrap();
    assert_eq!(iam::prefix_name(docdb), Some("rds"));
    let actions = iam::actions(docdb, "FailoverDBCluster");
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0].name, "rds:FailoverDBCluster");
    assert_eq!(actions[0].access, Access::Write);
    assert!(!actions[0].access.is_reading());
    let cluster = actions[0].resources[0];
    assert!(cluster.required);
    assert_eq!(
        cluster.arn_template,
        "arn:${Partition}:rds:${Region}:${Account}:cluster:${DbClusterInstanceName}"
    );
}

#[test]
fn names_of_operations_and_actions_may_differ() {
    assert_eq!(names("cloudwatch", "PutMetricData"), ["cloudwatch:PutMetricData"]);
    assert_eq!(names("elbv2", "SetSubnets"), ["elasticloadbalancing:SetSubnets"]);
    assert_eq!(names("kafka", "RebootBroker"), ["kafka:RebootBroker"]);
    assert_eq!(names("lambda", "Invoke"), ["lambda:InvokeFunction"]);
    assert_eq!(names("s3", "ListObjectsV2"), ["s3:ListBucket"]);
    assert_eq!(names("s3", "CopyObject"), ["s3:GetObject", "s3:PutObject"]);
    assert_eq!(names("s3", "PutBucketCors"), ["s3:PutBucketCORS"]);
    assert_eq!(names("apigateway", "DeleteRestApi"), ["apigateway:DELETE"]);
}

#[test]
fn an_action_brings_those_it_depends_on() {
    let actions = iam::actions(embedded::service("ec2").unwrap(), "RunInstances");
    assert!(actions[0].dependent_actions.contains(&"iam:PassRole"));
}

#[test]
fn unknown_operations_have_no_actions() {
    assert_eq!(names("docdb", "BringDownDBCluster"), [""; 0]);
    assert!(iam::action("rds:BringDownDBCluster").is_none());
    assert!(iam::action("no-prefix").is_none());
}

/// Opens every prefix.
#[test]
fn every_prefix_opens() {
    assert_eq!(iam::prefixes().count(), 445);
    for prefix in iam::prefixes() {
        assert!(iam::action(&format!("{prefix}:NoSuchAction")).is_none());
    }
}

/// The file lists what is not known, so that a newer reference or model shows here.
#[test]
fn gaps_are_the_known_ones() {
    let known = include_str!("iam_gaps.txt").lines().filter(|line| !line.starts_with('#'));
    let known: BTreeMap<&str, Vec<&str>> = known
        .filter_map(|line| line.split_once(':'))
        .map(|(service, operations)| (service, operations.split_whitespace().collect()))
        .collect();
    for (service, expected) in known {
        let service = embedded::service(service).unwrap();
        let operations = service.operations.iter().map(|operation| operation.name);
        let found: Vec<&str> =
            operations.filter(|operation| iam::actions(service, operation).is_empty()).collect();
        assert_eq!(found, expected, "{}", service.name);
    }
}
