//! The least-privilege policy of an experiment: every call that its activities may make, on the
//! resources that their arguments name.

mod answers;
mod conditions;
mod further;
mod resources;
mod roles;

use std::rc::Rc;

use fracas_aws::Aws;
use fracas_aws::endpoint::{partition, partitions};
use fracas_aws::iam::IamAction;
use fracas_aws::model::{Kind, Service};
use fracas_engine::{Values, nearest};
use fracas_model::{Activity, Experiment, Node, Problem, Problems};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::aws::{self, Calls, Native, Own, What, arguments, as_map, called_span, no_region};
use crate::catalogue::arguments::bind;
use crate::catalogue::foresee::{Foreseen, OPEN};
use crate::catalogue::{self, Catalogue, Target};
use crate::python::{Unresolved, resolve, upload_calls};
use crate::text::is_open;
use further::{further, needed, parts};
use resources::resources;

/// What a name becomes that is not known before the run.
const ANY: &str = "*";

/// The policy that lets an identity run an experiment, as IAM takes it: one statement for each
/// set of resources, in it the actions that change something before those that look. Without
/// `account` it is that of the role that the experiment assumes, else `*`.
///
/// # Errors
///
/// When an activity cannot be understood, no region is known, or nobody knows what permission a
/// call needs.
pub fn policy(experiment: &Experiment, values: &Values, account: Option<&str>) -> Result<Value, Problems> {
    let mut permissions = Vec::new();
    let mut problems = Problems::default();
    let native = Native::new(Aws::new(), |name| std::env::var(name).ok());
    let of_activities = in_order(experiment).map(|activity| of_activity(&native, activity, values, account));
    let of_controls = experiment.controls.iter().map(|control| of_control(&native, control, values, account));
    for needed in of_activities.chain(of_controls) {
        match needed {
            Ok(needed) => permissions.extend(needed),
            // One region serves all activities.
            Err(found) => {
                let is_new =
                    |problem: &Problem| !problems.0.iter().any(|known| known.message == problem.message);
                let found: Vec<Problem> = found.0.into_iter().filter(is_new).collect();
                problems.0.extend(found);
            }
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(json!({"Version": "2012-10-17", "Statement": statements(permissions)}))
}

/// An action on some resources.
#[derive(Debug, Clone)]
struct Permission {
    action: String,
    reads: bool,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// What has to hold for an action to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Condition {
    operator: &'static str,
    key: String,
    values: Vec<String>,
}

/// What changes the system comes first: method, rollbacks, hypothesis.
fn in_order(experiment: &Experiment) -> impl Iterator<Item = &Activity> {
    let probes = experiment.hypothesis.iter().flat_map(|hypothesis| &hypothesis.probes);
    experiment.method.iter().chain(&experiment.rollbacks).chain(probes).map(|step| step.activity.as_ref())
}

fn of_activity(
    native: &Native,
    activity: &Activity,
    values: &Values,
    account: Option<&str>,
) -> Result<Vec<Permission>, Problems> {
    let provider = &activity.provider;
    let Some((own, what)) = what(native, activity, values)? else { return Ok(Vec::new()) };
    let requests = match &what {
        What::Calls(calls) => of_calls(calls),
        What::Activity(target) => {
            let given = as_map(values.substitute_arguments(&arguments(provider)));
            let region = native.region(&own, values).unwrap_or_default();
            let requests = of_target(&native.aws, target, &given, &region);
            requests.map_err(|error| Problem::error(provider.span, error.to_string()))?
        }
    };
    permissions(native, provider, &own, &requests, values, account)
}

/// What the one control needs that is carried out without Python.
fn of_control(
    native: &Native,
    control: &Node,
    values: &Values,
    account: Option<&str>,
) -> Result<Vec<Permission>, Problems> {
    let Some(provider) = control.get("provider") else { return Ok(Vec::new()) };
    let mut requests = Vec::new();
    for (operation, parameters) in upload_calls(&control.to_json(), values) {
        let service =
            native.aws.service("s3").map_err(|error| Problem::error(provider.span, error.to_string()))?;
        requests.push(Request::new(service, operation, parameters));
    }
    match requests.is_empty() {
        true => Ok(Vec::new()),
        false => permissions(native, provider, &Own::default(), &requests, values, account),
    }
}

/// The permissions for requests of one caller.
fn permissions(
    native: &Native,
    provider: &Node,
    own: &Own,
    requests: &[Request<'_>],
    values: &Values,
    account: Option<&str>,
) -> Result<Vec<Permission>, Problems> {
    let region = native.region(own, values).ok_or_else(|| no_region(provider))?;
    if !partitions().iter().any(|partition| partition.holds(&region)) {
        return Err(unknown_region(provider, &region).into());
    }
    let role = own.role_arn_of(values);
    let of_role = role.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty());
    let place = Place { region: &region, account: account.or(of_role).unwrap_or(ANY) };
    let problem = |message: String| Problem::error(provider.span, message);
    let mut permissions = Vec::new();
    for request in requests {
        permissions.extend(of_request(request, &place).map_err(problem)?);
    }
    Ok(permissions)
}

/// What an activity does with AWS, and who calls where; none when it does nothing there.
pub(crate) fn what(
    native: &Native,
    activity: &Activity,
    values: &Values,
) -> Result<Option<(Own, What)>, Problems> {
    let provider = &activity.provider;
    match activity.provider_type.as_str() {
        "python" => match resolve(provider) {
            Ok(target) => Ok(Some((Own::default(), What::Activity(target)))),
            Err(Unresolved::Incomplete(problem) | Unresolved::Foreign(Some(problem))) => {
                Err((*problem).into())
            }
            // It may call anything, but nobody else's function is known to call AWS.
            Err(Unresolved::Foreign(None)) => Ok(None),
        },
        "aws" => match aws::read(&native.aws, provider, activity.kind, values, is_open) {
            (_, problems) if problems.has_errors() => Err(problems),
            (Some(asked), _) => Ok(Some((asked.own, asked.what))),
            (None, _) => {
                let message = "it is not known before a run what this activity calls";
                Err(Problem::error(called_span(provider), message).into())
            }
        },
        _ => Ok(None),
    }
}

/// A call, as far as it is known before a run.
struct Request<'a> {
    service: &'a Service<'a>,
    operation: &'a str,
    parameters: Value,
    /// The parameters that it may have.
    names: Vec<&'a str>,
    catalogue: Option<&'a Catalogue>,
    /// All that is asked before it, which its parameters may come from.
    before: Rc<[Asked<'a>]>,
}

/// What an answer may come from.
struct Asked<'a> {
    service: &'a Service<'a>,
    operation: &'a str,
    parameters: Value,
}

impl<'a> Request<'a> {
    /// A call of an operation, which may have any of its parameters.
    fn new(service: &'static Service<'static>, operation: &'a str, parameters: Value) -> Request<'a> {
        let (names, catalogue) = (members(service, operation), catalogue::of_prefix(service));
        Request { service, operation, parameters, names, catalogue, before: Rc::new([]) }
    }
}

/// The calls of an activity of the catalogue.
fn of_target(
    aws: &Aws,
    target: &Target,
    given: &Map<String, Value>,
    region: &str,
) -> Result<Vec<Request<'static>>, fracas_aws::Error> {
    // A check before this has told all that is wrong with them.
    let arguments = bind(target.declaration, given, &is_open).unwrap_or_default();
    let surroundings = json!({"region": region, "partition": partition(region).id, "run": OPEN});
    let own = &target.catalogue.service;
    let foreseen = target.declaration.foresee(arguments, surroundings);
    let operation = |request: &'static catalogue::Request| {
        let service = aws.service(request.service.as_deref().unwrap_or(own))?;
        let waiter = service.waiter(&request.name);
        Ok((service, waiter.map_or(request.name.as_str(), |waiter| waiter.operation)))
    };
    let asked = |Foreseen { request, parameters, .. }: &Foreseen<'static>| {
        let (service, operation) = operation(request)?;
        Ok(Asked { service, operation, parameters: parameters.clone() })
    };
    let before: Rc<[Asked<'static>]> =
        foreseen.iter().map(asked).collect::<Result<_, fracas_aws::Error>>()?;
    let request = |Foreseen { request, parameters, .. }: Foreseen<'static>| {
        let (service, operation) = operation(request)?;
        let keys = request.parameters.entries().iter().map(|(key, ..)| key.as_str());
        let names = match request.parameters.is_object() {
            true => keys.collect(),
            false => members(service, operation),
        };
        let parameters = match parameters {
            Value::Object(_) => parameters,
            _ => names.iter().map(|name| ((*name).to_owned(), Value::from(OPEN))).collect(),
        };
        let catalogue = catalogue::of_prefix(service);
        Ok(Request { service, operation, parameters, names, catalogue, before: before.clone() })
    };
    foreseen.into_iter().map(request).collect()
}

/// The calls of an activity that names its operation or waiter.
fn of_calls(calls: &Calls) -> Vec<Request<'static>> {
    let service = calls.service;
    let call = calls.call.iter().map(|(operation, parameters)| (operation.name, parameters));
    let wait = calls.wait.iter().map(|(waiter, parameters)| (waiter.operation, parameters));
    call.chain(wait)
        .map(|(operation, parameters)| Request::new(service, operation, parameters.clone()))
        .collect()
}

fn members(service: &'static Service<'static>, operation: &str) -> Vec<&'static str> {
    let input = service.operation(operation).and_then(|operation| operation.input);
    match input.map(|input| &service.shape(input).kind) {
        Some(Kind::Structure(input)) => input.members.iter().map(|member| member.name).collect(),
        _ => Vec::new(),
    }
}

/// Its partition, and so the beginning of every ARN, would be a guess.
fn unknown_region(provider: &Node, region: &str) -> Problem {
    let known = partitions().iter().flat_map(|partition| partition.regions.iter().copied());
    let help = match nearest(region, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a region such as `eu-west-1`".to_owned(),
    };
    Problem::error(called_span(provider), format!("AWS has no region `{region}`")).help(help)
}

/// Where the resources are.
#[derive(Clone, Copy)]
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

fn of_request(request: &Request<'_>, place: &Place<'_>) -> Result<Vec<Permission>, String> {
    if let Some(parts) = parts(request) {
        return parts
            .iter()
            .map(|part| of_request(part, place))
            .collect::<Result<Vec<_>, _>>()
            .map(|all| all.concat());
    }
    let needed = needed(request);
    if needed.is_empty() {
        return Err(format!(
            "nobody knows what permission {} of {} needs",
            request.operation, request.service.name
        ));
    }
    let mut permissions = of_actions(&needed, request, place);
    permissions.extend(further(&needed, request, place));
    Ok(permissions)
}

/// The actions of a call, each on its resources.
fn of_actions(needed: &[IamAction], request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    let permission = |action: &IamAction| Permission {
        action: action.name.clone(),
        reads: action.access.is_reading(),
        resources: resources(action, request, place),
        conditions: Vec::new(),
    };
    needed
        .iter()
        .map(permission)
        .flat_map(|permission| conditions::of_call(permission, request, place))
        .collect()
}

/// The resources that a call concerns, as far as its parameters name them.
pub(crate) fn resources_of(
    service: &'static Service<'static>,
    operation: &str,
    parameters: &Value,
    region: &str,
) -> Vec<String> {
    let request = Request::new(service, operation, parameters.clone());
    let place = Place { region, account: ANY };
    let mut resources: Vec<String> = Vec::new();
    for permission in of_actions(&needed(&request), &request, &place) {
        let new = permission.resources.into_iter().filter(|arn| !resources.contains(arn)).collect::<Vec<_>>();
        resources.extend(new);
    }
    resources
}

/// One statement for each set of resources, in order of first appearance; what is allowed on several
/// of them is told once.
fn statements(permissions: Vec<Permission>) -> Vec<Value> {
    type Actions = Vec<(bool, String)>;
    let mut groups: IndexMap<(Vec<String>, Vec<Condition>), Actions> = IndexMap::new();
    for Permission { action, reads, resources, conditions } in permissions {
        let actions = groups.entry((resources, conditions)).or_default();
        if !actions.iter().any(|(_, known)| *known == action) {
            actions.push((reads, action));
        }
    }
    let mut same: IndexMap<(Vec<String>, Vec<Condition>), Vec<String>> = IndexMap::new();
    for ((resources, conditions), mut actions) in groups {
        actions.sort_by_key(|(reads, _)| *reads);
        let actions = actions.into_iter().map(|(_, action)| action).collect();
        let known = same.entry((actions, conditions)).or_default();
        let new: Vec<String> = resources.into_iter().filter(|arn| !known.contains(arn)).collect();
        known.extend(new);
    }
    // What was told apart may be on the same resources by now.
    let mut merged: IndexMap<(Vec<String>, Vec<Condition>), Vec<String>> = IndexMap::new();
    for ((actions, conditions), resources) in same {
        let known = merged.entry((resources, conditions)).or_default();
        let new: Vec<String> = actions.into_iter().filter(|action| !known.contains(action)).collect();
        known.extend(new);
    }
    let numbered = merged.into_iter().enumerate();
    numbered
        .map(|(index, ((resources, conditions), actions))| statement(index, resources, &conditions, &actions))
        .collect()
}

fn statement(
    index: usize,
    mut resources: Vec<String>,
    conditions: &[Condition],
    actions: &[String],
) -> Value {
    let resource = if resources.len() == 1 { Value::String(resources.remove(0)) } else { json!(resources) };
    let mut statement = json!({"Sid": format!("VisualEditor{index}"), "Effect": "Allow", "Action": actions, "Resource": resource});
    for Condition { operator, key, values } in conditions {
        let value = if let [one] = values.as_slice() { json!(one) } else { json!(values) };
        statement["Condition"][operator][key] = value;
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_engine::parse;
    use fracas_model::{ActivityKind, Format, Source};

    fn step(kind: &str, module: &str, func: &str, arguments: Value) -> Value {
        let provider = json!({"type": "python", "module": module, "func": func, "arguments": arguments});
        json!({"type": kind, "name": func, "provider": provider})
    }

    fn action(func: &str, arguments: Value) -> Value {
        step("action", "chaosaws.docdb.actions", func, arguments)
    }

    fn status(arguments: Value) -> Value {
        let mut probe = step("probe", "chaosaws.docdb.probes", "cluster_status", arguments);
        probe["tolerance"] = json!("available");
        probe
    }

    /// The policy of an experiment with these parts, as the binary prints it.
    fn printed(configuration: Value, probe: Value, method: Value, account: Option<&str>) -> String {
        let experiment = json!({
            "title": "t", "description": "d", "configuration": configuration, "method": method,
            "steady-state-hypothesis": {"title": "h", "probes": [probe]},
        });
        let source = Source { name: "e.json".into(), text: experiment.to_string(), format: Format::Json };
        let (experiment, problems) = parse(&source);
        let experiment = experiment.unwrap_or_else(|| panic!("{problems:?}"));
        let configuration = configuration.as_object().unwrap().clone();
        let values = Values { configuration, ..Values::default() };
        let policy = policy(&experiment, &values, account);
        policy.map_or_else(
            |problems| format!("{problems:#?}"),
            |policy| serde_json::to_string_pretty(&policy).unwrap(),
        )
    }

    #[test]
    fn the_walkthroughs_policy() {
        let failover = action(
            "failover_docdb_cluster",
            json!({"docdb_cluster_identifier": "chaos", "target_docdb_instance_identifier": "chaos2"}),
        );
        let configuration = json!({"aws_region": "cn-north-1"});
        let probe = status(json!({"docdb_cluster_identifier": "chaos"}));
        insta::assert_snapshot!(printed(configuration, probe, json!([failover]), Some("123456789012")));
    }

    #[test]
    fn each_set_of_resources_has_a_statement() {
        let method = json!([
            action("reboot_db_instance", json!({"db_instance_identifier": "one"})),
            action("delete_db_instance", json!({"docdb_instance_identifier": "${name}"})),
            action("stop_db_cluster", json!({"db_cluster_identifier": "${unknown}"})),
            action("start_db_cluster", json!({"docdb_cluster_identifier": "chaos"})),
        ]);
        let configuration = json!({
            "aws_region": "us-gov-west-1", "name": "two",
            "aws_assume_role_arn": "arn:aws-us-gov:iam::210987654321:role/chaos",
        });
        let probe = status(json!({"filters": [{"Name": "engine", "Values": ["docdb"]}]}));
        insta::assert_snapshot!(printed(configuration, probe, method, None));
    }

    #[test]
    fn what_is_on_the_same_resources_is_in_one_statement() {
        let on = |action: &str, table: &str| Permission {
            action: action.to_owned(),
            reads: action.starts_with("Describe"),
            resources: vec![table.to_owned()],
            conditions: Vec::new(),
        };
        let told = statements(vec![
            on("Describe", "a"),
            on("Update", "b"),
            on("Describe", "b"),
            on("Update", "a"),
            on("Describe", "c"),
        ]);
        let parts = |statement: &Value| (statement["Action"].clone(), statement["Resource"].clone());
        let expected =
            [(json!(["Update", "Describe"]), json!(["a", "b"])), (json!(["Describe"]), json!("c"))];
        assert_eq!(told.iter().map(parts).collect::<Vec<_>>(), expected);
        // Sets that come to be the same.
        let all = |action: &str, tables: &[&str]| Permission {
            resources: tables.iter().map(|table| (*table).to_owned()).collect(),
            ..on(action, "")
        };
        let told = statements(vec![all("Describe", &["a", "b"]), on("Update", "a"), on("Update", "b")]);
        assert_eq!(
            told.iter().map(parts).collect::<Vec<_>>(),
            [(json!(["Describe", "Update"]), json!(["a", "b"]))]
        );
    }

    #[test]
    fn an_unknown_account_is_a_wildcard() {
        let probe = status(json!({"cluster_id": "chaos"}));
        insta::assert_snapshot!(printed(json!({"aws_region": "eu-west-1"}), probe, json!([]), None));
    }

    #[test]
    fn names_are_lower_case_and_arns_stay_whole() {
        let method = json!([
            action("stop_db_cluster", json!({"db_cluster_identifier": "Chaos-ONE"})),
            action(
                "start_db_cluster",
                json!({"db_cluster_identifier": "arn:aws:rds:eu-west-1:1:cluster:two"})
            ),
        ]);
        let configuration = json!({"aws_region": "eu-west-1"});
        let probe = status(json!({"cluster_id": "chaos-one", "filters": []}));
        insta::assert_snapshot!(printed(configuration, probe, method, Some("123456789012")));
    }

    #[test]
    fn the_journals_upload_is_allowed() {
        let upload = |arguments: Value| {
            let module = "chaosaws.s3.controls.upload";
            let provider = json!({"type": "python", "module": module, "arguments": arguments});
            let control = Node::from(&json!({"name": "up", "provider": provider}));
            let native = Native::new(Aws::new(), |_| Some("cn-north-1".to_owned()));
            lines(of_control(&native, &control, &Values::default(), None))
        };
        let once = upload(json!({"bucket_name": "b", "dirpath": "runs/"}));
        assert_eq!(once, ["s3:ListAllMyBuckets *", "s3:PutObject arn:aws-cn:s3:::b/runs/journal.json"]);
        let often = upload(json!({"bucket_name": "b", "dirpath": "runs", "suffix_with_timestamp": true}));
        assert_eq!(often[1], "s3:PutObject arn:aws-cn:s3:::b/runs/journal-*.json");
    }

    #[test]
    fn an_unknown_region_is_told_once() {
        let method = json!([action("stop_db_cluster", json!({"db_cluster_identifier": "a"}))]);
        let probe = status(json!({"cluster_id": "a"}));
        insta::assert_snapshot!(printed(
            json!({"aws_region": "eu-wst-1x"}),
            probe.clone(),
            method.clone(),
            None
        ));
        let found = printed(json!({"aws_region": "xx-mars-1"}), probe, method, None);
        assert!(found.contains("AWS has no region `xx-mars-1`"), "{found}");
    }

    /// The statements for one call, without what is the same for all.
    fn allowed(service: &str, operation: &str, parameters: Value) -> Vec<String> {
        let provider =
            json!({"type": "aws", "service": service, "operation": operation, "parameters": parameters});
        let activity = crate::testing::activity(ActivityKind::Action, &provider);
        let native = Native::new(Aws::new(), |_| None);
        let configuration = as_map(json!({"aws_region": "eu-west-1"}));
        let values = Values { configuration, ..Values::default() };
        lines(of_activity(&native, &activity, &values, Some("1")))
    }

    fn lines(permissions: Result<Vec<Permission>, Problems>) -> Vec<String> {
        let condition =
            |one: &Condition| format!(" if {} {} {}", one.key, one.operator, one.values.join(" "));
        let line = |permission: &Permission| {
            let conditions: String = permission.conditions.iter().map(condition).collect();
            format!("{} {}{conditions}", permission.action, permission.resources.join(" "))
        };
        permissions.unwrap_or_else(|problems| panic!("{problems:?}")).iter().map(line).collect()
    }

    #[test]
    fn parameters_name_the_resources_of_any_operation() {
        let cases = [
            ("rds", "failover_db_cluster", json!({"DBClusterIdentifier": "Orders"})),
            ("ec2", "terminate_instances", json!({"InstanceIds": ["i-1", "i-2"]})),
            ("ec2", "describe_instances", json!({})),
            ("s3", "get_object", json!({"Bucket": "logs", "Key": "a/b"})),
            ("s3", "delete_bucket", json!({"Bucket": "${later}"})),
            ("dynamodb", "query", json!({"TableName": "orders"})),
            ("dynamodb", "query", json!({"TableName": "orders", "IndexName": "by-day"})),
            ("sns", "publish", json!({"TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": "m"})),
            ("sns", "publish", json!({"TopicArn": "${later}", "Message": "m"})),
            ("lambda", "invoke", json!({"FunctionName": "pay"})),
            ("ecs", "describe_services", json!({"cluster": "c", "services": ["s", "t"]})),
            ("ecs", "update_service", json!({"cluster": "c", "service": "s", "desiredCount": 0})),
            ("kms", "disable_key", json!({"KeyId": "arn:aws:kms:eu-west-1:1:key/k"})),
            ("eks", "delete_cluster", json!({"name": "c"})),
            ("events", "disable_rule", json!({"Name": "nightly"})),
            ("events", "enable_rule", json!({"Name": "nightly", "EventBusName": "default"})),
            ("events", "delete_rule", json!({"Name": "nightly", "EventBusName": "orders"})),
            (
                "events",
                "put_targets",
                json!({"Rule": "n", "EventBusName": "arn:aws:events:eu-west-1:1:event-bus/orders", "Targets": [{"Id": "1", "Arn": "a"}]}),
            ),
            ("events", "delete_rule", json!({"Name": "nightly", "EventBusName": "${later}"})),
            ("events", "delete_rule", json!({"Name": "${later}", "EventBusName": "orders"})),
            ("events", "delete_rule", json!({"Name": "nightly-${stage}"})),
            ("s3", "get_object", json!({"Bucket": "logs", "Key": "a", "VersionId": "1"})),
            ("s3", "delete_object", json!({"Bucket": "logs", "Key": "a", "VersionId": "${later}"})),
            ("s3", "copy_object", json!({"Bucket": "new", "Key": "b", "CopySource": "old/a/b?versionId=1"})),
            (
                "s3",
                "copy_object",
                json!({"Bucket": "new", "Key": "b", "CopySource": {"Bucket": "old", "Key": "${later}"}}),
            ),
            ("sqs", "purge_queue", json!({"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/orders"})),
            ("lambda", "invoke", json!({"FunctionName": "pay", "Qualifier": "live"})),
            (
                "lambda",
                "update_function_configuration",
                json!({"FunctionName": "pay", "Layers": ["${later}"]}),
            ),
            ("ecs", "list_tasks", json!({"cluster": "c"})),
            ("ecs", "list_tasks", json!({})),
            ("ecs", "list_tasks", json!({"cluster": "${later}"})),
            ("ecs", "stop_task", json!({"cluster": "arn:aws:ecs:eu-west-1:1:cluster/c", "task": "t"})),
            ("elbv2", "delete_load_balancer", json!({"LoadBalancerArn": "${later}"})),
            ("ec2", "create_tags", json!({"Resources": ["${later}"], "Tags": []})),
            ("autoscaling", "suspend_processes", json!({"AutoScalingGroupName": "web"})),
            ("route53", "get_hosted_zone", json!({"Id": "/hostedzone/Z1"})),
            ("iam", "delete_role", json!({"RoleName": "r"})),
            ("iam", "create_role", json!({"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": []})),
            (
                "ssm",
                "send_command",
                json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1", "mi-2"]}),
            ),
            (
                "ssm",
                "send_command",
                json!({"DocumentName": "own", "Targets": [{"Key": "tag:team", "Values": ["a", "b"]}]}),
            ),
            ("ssm", "put_parameter", json!({"Name": "/a/b", "Value": "v", "KeyId": "alias/k"})),
            (
                "fis",
                "start_experiment",
                json!({"experimentTemplateId": "EXT1", "clientToken": "t", "tags": {"k": "v"}}),
            ),
            ("rds", "delete_db_cluster", json!({"DBClusterIdentifier": "c", "SkipFinalSnapshot": true})),
            (
                "rds",
                "delete_db_instance",
                json!({"DBInstanceIdentifier": "d", "FinalDBSnapshotIdentifier": "s"}),
            ),
            (
                "docdb",
                "delete_db_cluster",
                json!({"DBClusterIdentifier": "c", "FinalDBSnapshotIdentifier": "s"}),
            ),
            ("memorydb", "failover_shard", json!({"ClusterName": "c", "ShardName": "1"})),
        ];
        let line = |(service, operation, parameters): (&str, &str, Value)| {
            format!(
                "{service} {operation} {parameters}\n  {}\n",
                allowed(service, operation, parameters.clone()).join("\n  ")
            )
        };
        insta::assert_snapshot!(cases.map(line).concat());
    }

    #[test]
    fn roles_are_passed_to_who_takes_them_on() {
        let role = "arn:aws:iam::1:role/r";
        let cases = [
            (
                "events",
                "put_rule",
                json!({"Name": "n", "ScheduleExpression": "rate(1 day)", "RoleArn": role}),
            ),
            ("events", "put_rule", json!({"Name": "n", "ScheduleExpression": "rate(1 day)"})),
            ("lambda", "create_function", json!({"FunctionName": "f", "Code": {}, "Role": "${later}"})),
            (
                "fis",
                "create_experiment_template",
                json!({"description": "d", "roleArn": "${made_before}", "actions": {}, "clientToken": "t",
                "stopConditions": []}),
            ),
            ("eks", "create_cluster", json!({"name": "c", "roleArn": role, "resourcesVpcConfig": {}})),
            (
                "eks",
                "create_nodegroup",
                json!({"clusterName": "c", "nodegroupName": "n", "subnets": [], "nodeRole": role}),
            ),
            ("ecs", "run_task", json!({"cluster": "c", "taskDefinition": "t"})),
            (
                "ecs",
                "register_task_definition",
                json!({"family": "f", "containerDefinitions": [], "taskRoleArn": role}),
            ),
            ("ecs", "update_service", json!({"cluster": "c", "service": "s", "desiredCount": 1})),
            ("ec2", "run_instances", json!({"MinCount": 1, "MaxCount": 1, "ImageId": "ami-1"})),
            (
                "ec2",
                "associate_iam_instance_profile",
                json!({"InstanceId": "i-1", "IamInstanceProfile": {"Name": "p"}}),
            ),
            ("autoscaling", "update_auto_scaling_group", json!({"AutoScalingGroupName": "g", "MaxSize": 1})),
            (
                "autoscaling",
                "update_auto_scaling_group",
                json!({"AutoScalingGroupName": "g", "LaunchTemplate": {"LaunchTemplateName": "web"}}),
            ),
            (
                "emr",
                "run_job_flow",
                json!({"Name": "n", "Instances": {}, "ServiceRole": "emr", "JobFlowRole": "profile"}),
            ),
            (
                "ssm",
                "send_command",
                json!({"DocumentName": "d", "InstanceIds": ["i-1"], "ServiceRoleArn": role}),
            ),
            (
                "stepfunctions",
                "create_state_machine",
                json!({"name": "m", "definition": "{}", "roleArn": role}),
            ),
        ];
        let line = |(service, operation, parameters): (&str, &str, Value)| {
            let lines = allowed(service, operation, parameters.clone());
            format!("{service} {operation} {parameters}\n  {}\n", lines.join("\n  "))
        };
        insta::assert_snapshot!(cases.map(line).concat());
    }

    /// The statements for one activity of the catalogue.
    fn of_declared(region: &str, module: &str, func: &str, arguments: Value) -> Vec<String> {
        let provider = json!({"type": "python", "module": module, "func": func, "arguments": arguments});
        let activity = crate::testing::activity(ActivityKind::Action, &provider);
        let native = Native::new(Aws::new(), |_| None);
        let values = Values { configuration: as_map(json!({"aws_region": region})), ..Values::default() };
        lines(of_activity(&native, &activity, &values, Some("1")))
    }

    #[test]
    fn steps_are_followed_as_far_as_arguments_tell() {
        let ec2 = "chaosaws.ec2.actions";
        let tag = json!([{"Name": "tag:Team", "Values": ["shop", "pay*"]}]);
        let cases = [
            // Each item of a list, and what follows from a name.
            ("chaosaws.elasticache.probes", "describe_cache_cluster", json!({"cluster_id": "a"})),
            ("chaosaws.elasticache.actions", "reboot_cache_clusters", json!({"cluster_ids": ["a", "b"]})),
            ("chaosaws.elasticache.actions", "reboot_cache_clusters", json!({"cluster_ids": "${later}"})),
            ("chaosaws.sqs.actions", "purge_queues", json!({"queue_names": ["orders", "bills"]})),
            ("chaosaws.sqs.actions", "purge_queues", json!({"queue_names": "${later}"})),
            ("chaosaws.sqs.probes", "message_count", json!({"queue": "orders"})),
            (
                "chaosaws.sqs.probes",
                "message_count",
                json!({"queue": "https://sqs.eu-west-1.amazonaws.com/1/orders"}),
            ),
            ("chaosaws.awslambda.actions", "add_error", json!({"function_name": "pay"})),
            ("chaosaws.ecs.actions", "stop_random_tasks", json!({"cluster": "c", "service": "s"})),
            // What is looked up by name, and then by what the answer says.
            (
                "chaosaws.neptune.actions",
                "reboot_db_instances",
                json!({"db_instance_identifiers": ["one", "Two"]}),
            ),
            ("chaosaws.asg.actions", "suspend_processes", json!({"asg_names": ["web", "api"]})),
            ("chaosaws.asg.actions", "suspend_processes", json!({"tags": [{"Key": "k", "Value": "v"}]})),
            ("chaosaws.elbv2.actions", "deregister_target", json!({"tg_name": "web"})),
            ("chaosaws.elbv2.actions", "delete_load_balancer", json!({"load_balancer_names": ["web"]})),
            ("chaosaws.dynamodb.actions", "block_tables", json!({"table_names": ["carts"], "count": 1})),
            ("chaosaws.kinesis.actions", "deregister_consumers", json!({"stream_name": "clicks"})),
            (
                "chaosaws.stepfunctions.actions",
                "stop_executions",
                json!({"state_machine_arn": "arn:aws:states:eu-west-1:1:stateMachine:orders"}),
            ),
            // A name around what only the run knows.
            (
                "chaosaws.fis.actions",
                "start_availability_zone_power_interruption_scenario",
                json!({"az": "eu-west-1a", "autocreate_necessary_role": true}),
            ),
            // Instances that are found by tags, in full, in part, and not at all.
            (ec2, "stop_instances", json!({"filters": tag})),
            (ec2, "attach_volume", json!({"filters": tag})),
            (ec2, "stop_instances", json!({"filters": [{"Name": "tag:Team", "Values": ["${later}"]}]})),
            (ec2, "stop_instances", json!({"filters": "${later}"})),
            (ec2, "stop_instances", json!({"instance_ids": ["i-1"]})),
            (ec2, "stop_instances", json!({"instance_ids": "${later}"})),
        ];
        let line = |(module, func, arguments): (&str, &str, Value)| {
            let lines = of_declared("eu-west-1", module, func, arguments.clone());
            format!("{module} {func} {arguments}\n  {}\n", lines.join("\n  "))
        };
        insta::assert_snapshot!(cases.map(line).concat());
    }

    #[test]
    fn partitions_have_arns_and_principals_of_their_own() {
        let rule = json!({"rule_name": "n", "schedule_expression": "rate(1 day)", "role_arn": "r"});
        let china = of_declared("cn-north-1", "chaosaws.cloudwatch.actions", "put_rule", rule);
        assert_eq!(china[0], "events:PutRule arn:aws-cn:events:cn-north-1:1:rule/n");
        assert_eq!(
            china[1],
            "iam:PassRole arn:aws-cn:iam::1:role/*/r arn:aws-cn:iam::1:role/r if iam:PassedToService \
             StringEquals events.amazonaws.com events.amazonaws.com.cn"
        );
        let zone = json!({"zone_id": "Z1", "vpc_id": "vpc-1", "vpc_region": "us-gov-west-1"});
        let route53 = "chaosaws.route53.actions";
        let government = of_declared("us-gov-west-1", route53, "associate_vpc_with_zone", zone);
        let zone = "route53:AssociateVPCWithHostedZone arn:aws-us-gov:route53:::hostedzone/Z1";
        assert_eq!(government, [zone, "ec2:DescribeVpcs *"]);
    }

    #[test]
    fn what_is_created_with_tags_is_tagged() {
        let tags = json!([{"ResourceType": "network-acl", "Tags": [{"Key": "k", "Value": "v"}]}]);
        let with = allowed("ec2", "create_network_acl", json!({"VpcId": "vpc-1", "TagSpecifications": tags}));
        let tagging = with.iter().find(|line| line.contains("ec2:CreateTags"));
        assert!(tagging.is_some_and(|line| line.contains(":network-acl/*")), "{with:?}");
        let without = allowed("ec2", "create_network_acl", json!({"VpcId": "vpc-1"}));
        assert!(!without.iter().any(|line| line.contains("CreateTags")), "{without:?}");
    }

    #[test]
    fn what_is_allowed_on_several_resources_is_told_once() {
        let stop = |name: &str| action("stop_db_cluster", json!({"db_cluster_identifier": name}));
        let method = json!([stop("one"), stop("two"), stop("one")]);
        let probe = status(json!({"cluster_id": "three"}));
        let policy = printed(json!({"aws_region": "eu-west-1"}), probe, method, Some("1"));
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let arn = |name: &str| format!("arn:aws:rds:eu-west-1:1:cluster:{name}");
        assert_eq!(policy["Statement"][0]["Action"], json!(["rds:StopDBCluster"]));
        assert_eq!(policy["Statement"][0]["Resource"], json!([arn("one"), arn("two")]));
        assert_eq!(policy["Statement"][1]["Resource"], json!(arn("three")));
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(2));
    }

    /// Whatever the arguments: each of them is a variable here.
    #[test]
    fn every_activity_has_a_policy_of_known_actions() {
        let native = Native::new(Aws::new(), |_| None);
        let configuration = as_map(json!({"aws_region": "eu-west-1"}));
        let values = Values { configuration, ..Values::default() };
        let mut names = std::collections::BTreeSet::new();
        let all = catalogue::all();
        for target in &all {
            let declaration = target.declaration;
            let open = |argument: &catalogue::Argument| {
                (argument.name.clone(), json!(format!("${{{}}}", argument.name)))
            };
            let arguments: Map<String, Value> = declaration.arguments.iter().map(open).collect();
            let provider = json!({"type": "python", "module": target.module(), "func": declaration.name,
                "arguments": arguments});
            let activity = crate::testing::activity(declaration.kind, &provider);
            let permissions = of_activity(&native, &activity, &values, Some("1"));
            let permissions =
                permissions.unwrap_or_else(|problems| panic!("{}: {problems:?}", target.name()));
            assert!(!permissions.is_empty(), "{} needs no permission", target.name());
            names.extend(permissions.into_iter().map(|permission| permission.action));
        }
        for name in &names {
            let known = fracas_aws::iam::action(name);
            assert_eq!(
                known.map(|action| action.name).as_ref(),
                Some(name),
                "the reference does not have it"
            );
        }
        println!("iam: {} activities need {} actions, all of them known", all.len(), names.len());
    }
}
