//! What answers can name: those who look something up by name learn of nothing else.

use std::collections::BTreeSet;

use fracas_aws::iam::prefix_name;
use serde_json::Value;

use super::resources::{expanded, last_part, texts};
use super::{ANY, Asked, Request};
use crate::catalogue::foresee;

/// Operations that look up what a parameter names, and the variable of ARNs that has the name.
const LOOKUPS: &[(&str, &str, &str, &str)] = &[
    ("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroupNames", "GroupFriendlyName"),
    ("dynamodb", "DescribeTable", "TableName", "TableName"),
    ("ec2", "DescribeInstances", "InstanceIds", "InstanceId"),
    ("elasticache", "DescribeCacheClusters", "CacheClusterId", "CacheClusterId"),
    ("elasticache", "DescribeReplicationGroups", "ReplicationGroupId", "ReplicationGroupId"),
    ("elasticloadbalancing", "DescribeLoadBalancers", "Names", "LoadBalancerName"),
    ("elasticloadbalancing", "DescribeTargetGroups", "Names", "TargetGroupName"),
    ("elasticloadbalancing", "DescribeTargetHealth", "TargetGroupArn", "TargetGroupName"),
    ("kinesis", "DescribeStreamSummary", "StreamName", "StreamName"),
    ("kinesis", "ListStreamConsumers", "StreamARN", "StreamName"),
    ("sqs", "GetQueueUrl", "QueueName", "QueueName"),
    ("states", "ListExecutions", "stateMachineArn", "StateMachineName"),
];

/// The names that a variable of ARNs can have where a parameter comes from answers.
pub(super) fn names(variable: &str, parameter: &Value, request: &Request<'_>) -> Option<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut all = texts(parameter).peekable();
    all.peek()?;
    for text in all {
        for place in foresee::answers(text)? {
            found.extend(of_answer(variable, request.before.get(place)?, request)?);
        }
    }
    Some(found.into_iter().collect())
}

/// The names that an answer can have.
fn of_answer(variable: &str, asked: &Asked<'_>, request: &Request<'_>) -> Option<Vec<String>> {
    let prefix = prefix_name(asked.service).filter(|prefix| prefix_name(request.service) == Some(prefix))?;
    let row = |(service, operation, _, of): &&(&str, &str, &str, &str)| {
        (*service, *operation, *of) == (prefix, asked.operation, variable)
    };
    let (_, _, parameter, _) = LOOKUPS.iter().find(row)?;
    let value = asked.parameters.get(parameter)?;
    if let Some(names) = names(variable, value, request) {
        return Some(names);
    }
    let whole = expanded(value);
    let names: Vec<String> = whole.iter().map(|name| last_part(name).to_owned()).collect();
    let is_name = |name: &String| !name.contains(ANY) && !name.is_empty();
    // In an ARN with more parts, of an alias or a target group, the name is not the last one.
    let ends_with_name = |arn: &String| arn.matches(':').count() <= 6 && arn.matches('/').count() <= 1;
    let is_plain = whole.iter().all(|name| !name.starts_with("arn:") || ends_with_name(name));
    (is_plain && !names.is_empty() && names.iter().all(is_name)).then_some(names)
}

/// The requests whose answers a parameter comes from.
pub(super) fn origins<'r, 'a>(parameter: &Value, request: &'r Request<'a>) -> Option<Vec<&'r Asked<'a>>> {
    let places = texts(parameter).map(foresee::answers).collect::<Option<Vec<_>>>()?;
    places.into_iter().flatten().map(|place| request.before.get(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_aws::Aws;

    #[test]
    fn every_row_is_an_operation_with_that_parameter() {
        assert!(LOOKUPS.is_sorted());
        let services = [("elasticloadbalancing", "elbv2"), ("states", "stepfunctions")];
        for (prefix, operation, parameter, _) in LOOKUPS {
            let name = services.iter().find(|(known, _)| known == prefix).map_or(*prefix, |(_, name)| *name);
            let service = Aws::new().service(name).unwrap();
            assert!(
                super::super::members(service, operation).contains(parameter),
                "{operation}: {parameter}"
            );
        }
    }
}
