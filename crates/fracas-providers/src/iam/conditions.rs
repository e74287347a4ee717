//! Conditions, where they narrow what resources alone leave open.
//!
//! There are few, and only where AWS documents the key for the action: a condition that does not hold
//! makes an experiment fail halfway. See `docs/decisions/0011-few-conditions.md`.

use serde_json::Value;

use super::answers::origins;
use super::resources::{arn, known, names_in, texts};
use super::{ANY, Asked, Condition, Permission, Place, Request};

/// A permission for a call, with what limits it beside its resources.
pub(super) fn of_call(permission: Permission, request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    match permission.action.as_str() {
        "ecs:ListServices" | "ecs:ListTasks" => vec![in_cluster(permission, request, place)],
        "lambda:GetFunction" | "lambda:GetFunctionConfiguration" | "lambda:InvokeFunction" => {
            vec![qualified(permission, request)]
        }
        "ssm:SendCommand" => commands(permission, request, place),
        name if name.starts_with("ec2:") => of_tagged(permission, request),
        _ => vec![permission],
    }
}

/// Lists of a cluster's own: AWS asks for `*`, and tells the cluster as a condition.
fn in_cluster(permission: Permission, request: &Request<'_>, place: &Place<'_>) -> Permission {
    if !names_in("containerInstance", request).is_empty() {
        return permission;
    }
    let template = "arn:${Partition}:ecs:${Region}:${Account}:cluster/${Cluster}";
    let cluster = names_in("cluster", request).pop().unwrap_or_else(|| "default".to_owned());
    let condition = (cluster != ANY).then(|| Condition {
        operator: "ArnEquals",
        key: "ecs:cluster".to_owned(),
        values: vec![arn(template, place, &|_| cluster.clone())],
    });
    Permission { resources: vec![ANY.to_owned()], conditions: condition.into_iter().collect(), ..permission }
}

/// A version or an alias of a function has an ARN of its own.
fn qualified(mut permission: Permission, request: &Request<'_>) -> Permission {
    let qualifiers = names_in("Qualifier", request);
    for qualifier in qualifiers {
        let with: Vec<String> = permission.resources.iter().map(|arn| format!("{arn}:{qualifier}")).collect();
        permission.resources.extend(with);
    }
    permission
}

/// A command needs its document, and the machines that it is sent to, which may be chosen by their tags.
fn commands(document: Permission, request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    let named = names_in("InstanceIds", request);
    let targets: Vec<&Value> = request.parameters["Targets"].as_array().into_iter().flatten().collect();
    let of_ids = targets.iter().filter(|target| target["Key"] == "InstanceIds");
    let ids = of_ids.flat_map(|target| texts(&target["Values"]).map(known));
    let mut ids: Vec<String> = named.into_iter().chain(ids).collect();
    let conditions: Vec<Condition> = match ids.is_empty() {
        true => targets
            .iter()
            .filter_map(|target| of_tag(&target["Key"], &target["Values"], "ssm:resourceTag"))
            .collect(),
        false => Vec::new(),
    };
    if ids.is_empty() {
        ids.push(ANY.to_owned());
    }
    let machine = |id: &String| {
        let ec2 = "arn:${Partition}:ec2:${Region}:${Account}:instance/${Id}";
        let managed = "arn:${Partition}:ssm:${Region}:${Account}:managed-instance/${Id}";
        let templates: &[&str] = match id {
            id if id.starts_with("i-") => &[ec2],
            id if id.starts_with("mi-") => &[managed],
            _ => &[ec2, managed],
        };
        templates.iter().map(|template| arn(template, place, &|_| id.clone())).collect::<Vec<_>>()
    };
    let resources: Vec<String> = ids.iter().flat_map(machine).collect();
    // One that is named already is not also any other.
    let own = document.resources.iter().filter(|arn| arn.contains(":document/")).cloned().collect();
    let machines = Permission { resources, conditions, ..document.clone() };
    vec![Permission { resources: own, ..document }, machines]
}

/// Instances that are found by their tags have these tags when something is done to them.
fn of_tagged(permission: Permission, request: &Request<'_>) -> Vec<Permission> {
    let conditions = tags_of_instances(request).filter(|_| !permission.reads).unwrap_or_default();
    let of_instances = |arn: &String| arn.ends_with(":instance/*");
    if conditions.is_empty() || !permission.resources.iter().any(of_instances) {
        return vec![permission];
    }
    let (tagged, others): (Vec<String>, Vec<String>) =
        permission.resources.iter().cloned().partition(of_instances);
    let limited = Permission { resources: tagged, conditions, ..permission.clone() };
    match others.is_empty() {
        true => vec![limited],
        false => vec![limited, Permission { resources: others, ..permission }],
    }
}

/// The tags of the instances of a request, where they were found by tags and nothing else.
fn tags_of_instances(request: &Request<'_>) -> Option<Vec<Condition>> {
    let parameter = ["InstanceIds", "InstanceId"].iter().find_map(|name| request.parameters.get(*name))?;
    let tags = |asked: &Asked<'_>| {
        (asked.service.name == "ec2" && asked.operation == "DescribeInstances").then_some(())?;
        let filters = asked.parameters.get("Filters")?.as_array()?;
        let tags =
            filters.iter().filter_map(|filter| of_tag(&filter["Name"], &filter["Values"], "aws:ResourceTag"));
        Some(tags.collect::<Vec<_>>())
    };
    let all: Vec<Vec<Condition>> =
        origins(parameter, request)?.into_iter().map(tags).collect::<Option<_>>()?;
    let first = all.first()?;
    all.iter().all(|one| one == first).then(|| first.clone())
}

/// The condition for a filter such as `tag:Team`; its wildcards mean the same in both.
fn of_tag(name: &Value, values: &Value, key: &str) -> Option<Condition> {
    let tag = name.as_str()?.strip_prefix("tag:").filter(|tag| !tag.is_empty() && !tag.contains('$'))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let values: Vec<String> = values.as_array()?.iter().map(text).collect::<Option<_>>()?;
    // What is open may be anything, and escapes and empty values mean something of their own.
    let is_plain = |value: &String| !value.is_empty() && !value.contains(['$', '\\']);
    let key = format!("{key}/{tag}");
    let is_known = !values.is_empty() && values.iter().all(is_plain);
    is_known.then_some(Condition { operator: "StringLike", key, values })
}
