//! The least-privilege policy of an experiment: every call that its activities may make, on the
//! resources that their arguments name.

use fracas_aws::Aws;
use fracas_aws::endpoint::{partition, partitions};
use fracas_aws::iam::{IamAction, ResourceType, actions};
use fracas_aws::model::Service;
use fracas_engine::{Values, nearest};
use fracas_model::{Activity, Experiment, Node, Problem, Problems};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::catalogue::arguments::bind;
use crate::catalogue::{Catalogue, Request, Verb};
use crate::python::{Unresolved, arguments, as_map, module_span, no_region, region, resolve, setting};

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
    for activity in in_order(experiment).filter(|activity| activity.provider_type == "python") {
        match of_activity(activity, values, account) {
            Ok(needed) => permissions.extend(needed),
            // One region serves all activities.
            Err(problem) if problems.0.iter().any(|known| known.message == problem.message) => {}
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(json!({"Version": "2012-10-17", "Statement": statements(permissions)}))
}

/// An action on some resources.
struct Permission {
    action: String,
    reads: bool,
    resources: Vec<String>,
}

/// What changes the system comes first: method, rollbacks, hypothesis.
fn in_order(experiment: &Experiment) -> impl Iterator<Item = &Activity> {
    let probes = experiment.hypothesis.iter().flat_map(|hypothesis| &hypothesis.probes);
    experiment.method.iter().chain(&experiment.rollbacks).chain(probes).map(|step| step.activity.as_ref())
}

fn of_activity(
    activity: &Activity,
    values: &Values,
    account: Option<&str>,
) -> Result<Vec<Permission>, Box<Problem>> {
    let provider = &activity.provider;
    let problem = |message: String| Box::new(Problem::error(provider.span, message));
    let target = match resolve(provider) {
        Ok(target) => target,
        Err(Unresolved::Incomplete(problem) | Unresolved::Foreign(Some(problem))) => return Err(problem),
        // It may call anything, but nobody else's function is known to call AWS.
        Err(Unresolved::Foreign(None)) => return Ok(Vec::new()),
    };
    let given = as_map(values.substitute_arguments(&arguments(provider)));
    // A check before this has told all that is wrong with them.
    let names = bind(target.declaration, &given, &crate::text::is_open).unwrap_or_default();
    let region = region(values, |name| std::env::var(name).ok()).ok_or_else(|| no_region(provider))?;
    if !partitions().iter().any(|partition| partition.holds(&region)) {
        return Err(Box::new(unknown_region(provider, &region)));
    }
    let role = setting(values, "aws_assume_role_arn");
    let of_role = role.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty());
    let place = Place { region: &region, account: account.or(of_role).unwrap_or(ANY) };
    let service =
        Aws::new().service(&target.catalogue.service).map_err(|error| problem(error.to_string()))?;
    let mut permissions = Vec::new();
    for step in &target.declaration.steps {
        if let Verb::Call(request) | Verb::Find(request) | Verb::Wait(request) = &step.verb {
            let needed = of_request(service, target.catalogue, request, &names, &place);
            permissions.extend(needed.map_err(problem)?);
        }
    }
    Ok(permissions)
}

/// Its partition, and so the beginning of every ARN, would be a guess.
fn unknown_region(provider: &Node, region: &str) -> Problem {
    let known = partitions().iter().flat_map(|partition| partition.regions.iter().copied());
    let help = match nearest(region, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a region such as `eu-west-1`".to_owned(),
    };
    Problem::error(module_span(provider), format!("AWS has no region `{region}`")).help(help)
}

/// Where the resources are.
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

fn of_request(
    service: &Service<'_>,
    catalogue: &Catalogue,
    request: &Request,
    names: &Map<String, Value>,
    place: &Place<'_>,
) -> Result<Vec<Permission>, String> {
    let operation = service.waiter(&request.name).map_or(request.name.as_str(), |waiter| waiter.operation);
    let needed = actions(service, operation);
    if needed.is_empty() {
        return Err(format!("nobody knows what permission {operation} of {} needs", service.name));
    }
    // What refers to the results of earlier steps becomes null here, and so anything.
    let parameters = request.parameters.evaluate(names).unwrap_or_default();
    let permission = |action: IamAction| Permission {
        reads: action.access.is_reading(),
        resources: resources(&action, catalogue, request, &parameters, place),
        action: action.name,
    };
    Ok(needed.into_iter().map(permission).collect())
}

/// The resources that an action concerns: of the types that it always concerns, and of others
/// that the parameters name. Where there are none, of any type that the parameters could name.
fn resources(
    action: &IamAction,
    catalogue: &Catalogue,
    request: &Request,
    parameters: &Value,
    place: &Place<'_>,
) -> Vec<String> {
    let declared = |kind: &ResourceType| catalogue.resources.get(kind.name);
    let named = |kind: &ResourceType| {
        let resource = declared(kind)?;
        let name = parameters.get(&resource.parameter).and_then(Value::as_str);
        let name = name.filter(|name| !name.is_empty() && !name.contains('$'))?;
        Some(if resource.lower_case { name.to_lowercase() } else { name.to_owned() })
    };
    let nameable = |kind: &ResourceType| {
        declared(kind).is_some_and(|resource| {
            request.parameters.entries().iter().any(|(key, ..)| *key == resource.parameter)
        })
    };
    let arns = |chosen: &dyn Fn(&ResourceType) -> bool| -> Vec<String> {
        let chosen = action.resources.iter().filter(|kind| chosen(kind));
        chosen.map(|kind| arn(kind.arn_template, named(kind).as_deref(), place)).collect()
    };
    let concerned = arns(&|kind| kind.required || named(kind).is_some());
    let possible = if concerned.is_empty() { arns(&nameable) } else { concerned };
    if possible.is_empty() { vec![ANY.to_owned()] } else { possible }
}

/// The template with what is known in it; what is not becomes a wildcard. A name may be an ARN
/// itself.
fn arn(template: &str, name: Option<&str>, place: &Place<'_>) -> String {
    if let Some(whole) = name.filter(|name| name.starts_with("arn:")) {
        return whole.to_owned();
    }
    let mut arn = String::new();
    let mut rest = template;
    while let Some((before, (variable, after))) =
        rest.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        arn.push_str(before);
        arn.push_str(match variable {
            "Partition" => partition(place.region).id,
            "Region" => place.region,
            "Account" => place.account,
            _ => name.unwrap_or(ANY),
        });
        rest = after;
    }
    arn + rest
}

/// One statement for each set of resources, in order of first appearance.
fn statements(permissions: Vec<Permission>) -> Vec<Value> {
    let mut groups: IndexMap<Vec<String>, Vec<(bool, String)>> = IndexMap::new();
    for Permission { action, reads, resources } in permissions {
        let actions = groups.entry(resources).or_default();
        if !actions.iter().any(|(_, known)| *known == action) {
            actions.push((reads, action));
        }
    }
    groups
        .into_iter()
        .enumerate()
        .map(|(index, (resources, actions))| statement(index, resources, actions))
        .collect()
}

fn statement(index: usize, mut resources: Vec<String>, mut actions: Vec<(bool, String)>) -> Value {
    actions.sort_by_key(|(reads, _)| *reads);
    let actions: Vec<String> = actions.into_iter().map(|(_, action)| action).collect();
    let resource = if resources.len() == 1 { Value::String(resources.remove(0)) } else { json!(resources) };
    json!({"Sid": format!("VisualEditor{index}"), "Effect": "Allow", "Action": actions, "Resource": resource})
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_engine::parse;
    use fracas_model::{Format, Source};

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
}
