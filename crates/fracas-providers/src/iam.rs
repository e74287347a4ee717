//! The least-privilege policy of an experiment: every call that its activities may make, on the
//! resources that their arguments name.

use fracas_aws::Aws;
use fracas_aws::endpoint::{partition, partitions};
use fracas_aws::iam::{IamAction, ResourceType, actions, prefix_name};
use fracas_aws::model::{Kind, Service};
use fracas_engine::{Values, nearest};
use fracas_model::{Activity, Experiment, Node, Problem, Problems};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::aws::{self, Calls, Native, Own, What, arguments, as_map, called_span, no_region};
use crate::catalogue::arguments::bind;
use crate::catalogue::{self, Catalogue, Target};
use crate::python::{Unresolved, resolve, upload_calls};
use crate::text::is_open;

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
struct Permission {
    action: String,
    reads: bool,
    resources: Vec<String>,
    /// The service that a role may be passed to.
    passed_to: Option<&'static str>,
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
            let requests = of_target(&native.aws, target, &given);
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
}

impl<'a> Request<'a> {
    /// A call of an operation, which may have any of its parameters.
    fn new(service: &'static Service<'static>, operation: &'a str, parameters: Value) -> Request<'a> {
        let (names, catalogue) = (members(service, operation), catalogue::of_prefix(service));
        Request { service, operation, parameters, names, catalogue }
    }
}

/// The calls of an activity of the catalogue.
fn of_target(
    aws: &Aws,
    target: &Target,
    given: &Map<String, Value>,
) -> Result<Vec<Request<'static>>, fracas_aws::Error> {
    // A check before this has told all that is wrong with them.
    let names = bind(target.declaration, given, &is_open).unwrap_or_default();
    let own = &target.catalogue.service;
    let request = |request: &'static catalogue::Request| {
        let service = aws.service(request.service.as_deref().unwrap_or(own))?;
        let waiter = service.waiter(&request.name);
        Ok(Request {
            service,
            operation: waiter.map_or(request.name.as_str(), |waiter| waiter.operation),
            // What refers to the results of earlier steps becomes null here, and so anything.
            parameters: request.parameters.evaluate(&names).unwrap_or_default(),
            names: request.parameters.entries().iter().map(|(key, ..)| key.as_str()).collect(),
            catalogue: catalogue::of_prefix(service),
        })
    };
    target.declaration.requests(&names, &is_open).into_iter().map(request).collect()
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
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

fn of_request(request: &Request<'_>, place: &Place<'_>) -> Result<Vec<Permission>, String> {
    let needed = actions(request.service, request.operation);
    if needed.is_empty() {
        return Err(format!(
            "nobody knows what permission {} of {} needs",
            request.operation, request.service.name
        ));
    }
    let passes = |action: &IamAction| {
        action.dependent_actions.contains(&PASS_ROLE) || UNTOLD.contains(&action.name.as_str())
    };
    let passes = needed.iter().any(passes);
    let permission = |action: IamAction| Permission {
        reads: action.access.is_reading(),
        resources: resources(&action, request, place),
        action: action.name,
        passed_to: None,
    };
    let mut permissions: Vec<Permission> = needed.into_iter().map(permission).collect();
    if passes {
        permissions.extend(of_roles(request, place));
    }
    permissions.extend(of_tags(request, place));
    Ok(permissions)
}

/// The permission to tag what a call of EC2 creates, where it has tags for it.
fn of_tags(request: &Request<'_>, place: &Place<'_>) -> Option<Permission> {
    let specifications = request.parameters.get("TagSpecifications")?.as_array()?;
    let kinds = specifications.iter().map(|one| one["ResourceType"].as_str().unwrap_or(ANY));
    let template = "arn:${Partition}:ec2:${Region}:${Account}:${Kind}/*";
    let resources = kinds.map(|kind| arn(template, place, &|_| kind.to_owned())).collect();
    Some(Permission { action: "ec2:CreateTags".to_owned(), reads: false, resources, passed_to: None })
}

const PASS_ROLE: &str = "iam:PassRole";

/// Actions that need it with a role, though the reference does not say so.
const UNTOLD: [&str; 3] = ["eks:CreateCluster", "events:PutRule", "fis:CreateExperimentTemplate"];

/// The permission to hand over the roles that the parameters name.
fn of_roles(request: &Request<'_>, place: &Place<'_>) -> Option<Permission> {
    let mut found = Vec::new();
    roles(&request.parameters, &mut found);
    if found.is_empty() {
        return None;
    }
    let template = "arn:${Partition}:iam::${Account}:role/${Role}";
    let resource = |role: &str| match known(role).as_str() {
        // Made during the run, or named by a variable.
        "" | ANY => arn(template, place, &|_| ANY.to_owned()),
        name => arn(template, place, &|_| name.to_owned()),
    };
    let mut resources: Vec<String> = found.into_iter().map(resource).collect();
    resources.dedup();
    let passed_to = prefix_name(request.service).and_then(principal);
    Some(Permission { action: PASS_ROLE.to_owned(), reads: false, resources, passed_to })
}

/// What stands where a role is expected.
fn roles<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    let is_role = |name: &str| {
        let name = name.to_lowercase();
        name == "role" || name.ends_with("rolearn")
    };
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                match value.as_str() {
                    Some(text) if is_role(name) => found.push(text),
                    _ => roles(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| roles(item, found)),
        _ => {}
    }
}

/// The name under which a service takes roles on, for those that do so under one.
fn principal(prefix: &str) -> Option<&'static str> {
    Some(match prefix {
        "eks" => "eks.amazonaws.com",
        "events" => "events.amazonaws.com",
        "fis" => "fis.amazonaws.com",
        "lambda" => "lambda.amazonaws.com",
        "states" => "states.amazonaws.com",
        _ => return None,
    })
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
    for permission in of_request(&request, &place).unwrap_or_default() {
        let new = permission.resources.into_iter().filter(|arn| !resources.contains(arn)).collect::<Vec<_>>();
        resources.extend(new);
    }
    resources
}

/// The resources that an action concerns: of the types that it always concerns, and of others
/// that the parameters name. Where there are none, of types of which the parameters name a part, and
/// then of any type that they could name.
fn resources(action: &IamAction, request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    let rules: [&dyn Fn(&ResourceType) -> bool; 3] = [
        &|kind| kind.required || is_named(kind, request),
        &|kind| variables(kind.arn_template).any(|variable| is_given(variable, request)),
        &|kind| own_parameter(kind, request).is_some(),
    ];
    let chosen = rules.iter().find_map(|rule| {
        let chosen: Vec<_> = action.resources.iter().filter(|kind| rule(kind)).collect();
        (!chosen.is_empty()).then_some(chosen)
    });
    let Some(chosen) = chosen else { return vec![ANY.to_owned()] };
    chosen.into_iter().flat_map(|kind| of_kind(kind, request, place)).collect()
}

/// The resources of a type that the parameters name, or all of them.
fn of_kind(kind: &ResourceType, request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    let whole = whole_arns(kind, request);
    if !whole.is_empty() {
        return whole;
    }
    let variables: Vec<&str> = variables(kind.arn_template).collect();
    if let [_] = variables.as_slice() {
        let names = own_names(kind, request);
        let names = if names.is_empty() { vec![ANY.to_owned()] } else { names };
        return names.iter().map(|name| arn(kind.arn_template, place, &|_| name.clone())).collect();
    }
    let name = |variable: &str| match variables.last() {
        Some(own) if *own == variable => only(own_names(kind, request)),
        _ => only(alike(variable, request).map(|name| names(name, request)).unwrap_or_default()),
    };
    vec![arn(kind.arn_template, place, &name)]
}

/// The one name, else all.
fn only(mut names: Vec<String>) -> String {
    if names.len() == 1 { names.remove(0) } else { ANY.to_owned() }
}

fn is_named(kind: &ResourceType, request: &Request<'_>) -> bool {
    !own_names(kind, request).is_empty() || !whole_arns(kind, request).is_empty()
}

fn is_given(variable: &str, request: &Request<'_>) -> bool {
    alike(variable, request).is_some_and(|parameter| !names(parameter, request).is_empty())
}

/// The names that the parameters have for resources of a type: what stands last in their ARNs.
fn own_names(kind: &ResourceType, request: &Request<'_>) -> Vec<String> {
    let Some((parameter, lower_case)) = own_parameter(kind, request) else { return Vec::new() };
    let names = names(parameter, request).into_iter();
    names.map(|name| if lower_case { name.to_lowercase() } else { name }).collect()
}

/// The parameter that names resources of a type, and whether AWS keeps the names in lower case.
fn own_parameter<'a>(kind: &ResourceType, request: &Request<'a>) -> Option<(&'a str, bool)> {
    let declared = request.catalogue.and_then(|catalogue| catalogue.resources.get(kind.name));
    let Some(resource) = declared else {
        return Some((alike(variables(kind.arn_template).last()?, request)?, false));
    };
    let parameter = request.names.iter().find(|name| **name == resource.parameter);
    parameter.map(|name| (*name, resource.lower_case))
}

/// The parameter that is called as a variable of an ARN: `InstanceIds` for `${InstanceId}`, `Bucket`,
/// `buckets` or `BucketIdentifier` for `${BucketName}`.
fn alike<'a>(variable: &str, request: &Request<'a>) -> Option<&'a str> {
    let variable = variable.to_lowercase();
    let bare = variable.strip_suffix("name").unwrap_or(&variable);
    request.names.iter().copied().find(|name| {
        let name = name.to_lowercase();
        let one = name.strip_suffix('s').unwrap_or(&name);
        // Where ARNs have names, identifiers are names.
        let identified = name.strip_suffix("identifier").filter(|_| variable.ends_with("name"));
        let names = [Some(name.as_str()), Some(one), identified];
        names.contains(&Some(variable.as_str())) || names.contains(&Some(bare))
    })
}

/// What names a resource in its ARN, beside where it is.
fn variables(template: &str) -> impl Iterator<Item = &str> {
    let all = template.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    all.map(|(variable, _)| variable).filter(|name| !["Partition", "Region", "Account"].contains(name))
}

/// The names in a parameter; `*` for one that is not known yet.
fn names(parameter: &str, request: &Request<'_>) -> Vec<String> {
    texts(request.parameters.get(parameter).unwrap_or(&Value::Null)).map(known).collect()
}

fn known(name: &str) -> String {
    if name.contains('$') { ANY.to_owned() } else { name.to_owned() }
}

/// The ARNs of resources of a type that any of the parameters has.
fn whole_arns(kind: &ResourceType, request: &Request<'_>) -> Vec<String> {
    let all = request.parameters.as_object().into_iter().flatten();
    all.flat_map(|(_, value)| texts(value))
        .filter(|text| fits(kind.arn_template, text))
        .map(str::to_owned)
        .collect()
}

/// A text, or the texts of a list, but for empty ones.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str).filter(|text| !text.is_empty())
}

/// Whether a text is an ARN of this template, as far as its service and the beginning of its resource
/// tell.
fn fits(template: &str, text: &str) -> bool {
    if text.contains('$') {
        return false;
    }
    let parts = |arn: &str| {
        let mut parts = arn.splitn(6, ':');
        let (prefix, service) = (parts.next().map(str::to_owned), parts.nth(1).map(str::to_owned));
        (prefix, service, parts.nth(2).unwrap_or_default().to_owned())
    };
    let (expected, found) = (parts(template), parts(text));
    let beginning = expected.2.split("${").next().unwrap_or_default();
    expected.0 == found.0 && expected.1 == found.1 && !found.2.is_empty() && found.2.starts_with(beginning)
}

/// The template with what is known in it; what is not becomes a wildcard. A name may be an ARN
/// itself.
fn arn(template: &str, place: &Place<'_>, name: &dyn Fn(&str) -> String) -> String {
    let mut arn = String::new();
    let mut rest = template;
    while let Some((before, (variable, after))) =
        rest.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        arn.push_str(before);
        match variable {
            "Partition" => arn.push_str(partition(place.region).id),
            "Region" => arn.push_str(place.region),
            "Account" => arn.push_str(place.account),
            _ => match name(variable) {
                whole if whole.starts_with("arn:") => return whole,
                name => arn.push_str(&name),
            },
        }
        rest = after;
    }
    arn + rest
}

/// One statement for each set of resources, in order of first appearance.
fn statements(permissions: Vec<Permission>) -> Vec<Value> {
    type Actions = Vec<(bool, String)>;
    let mut groups: IndexMap<(Vec<String>, Option<&str>), Actions> = IndexMap::new();
    for Permission { action, reads, resources, passed_to } in permissions {
        let actions = groups.entry((resources, passed_to)).or_default();
        if !actions.iter().any(|(_, known)| *known == action) {
            actions.push((reads, action));
        }
    }
    groups
        .into_iter()
        .enumerate()
        .map(|(index, ((resources, passed_to), actions))| statement(index, resources, passed_to, actions))
        .collect()
}

fn statement(
    index: usize,
    mut resources: Vec<String>,
    passed_to: Option<&str>,
    mut actions: Vec<(bool, String)>,
) -> Value {
    actions.sort_by_key(|(reads, _)| *reads);
    let actions: Vec<String> = actions.into_iter().map(|(_, action)| action).collect();
    let resource = if resources.len() == 1 { Value::String(resources.remove(0)) } else { json!(resources) };
    let mut statement = json!({"Sid": format!("VisualEditor{index}"), "Effect": "Allow", "Action": actions, "Resource": resource});
    if let Some(service) = passed_to {
        statement["Condition"] = json!({"StringEquals": {"iam:PassedToService": service}});
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
        let line =
            |permission: &Permission| format!("{} {}", permission.action, permission.resources.join(" "));
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
        ];
        let line = |(service, operation, parameters): (&str, &str, Value)| {
            let lines = allowed(service, operation, parameters.clone());
            format!("{service} {operation} {parameters}\n  {}\n", lines.join("\n  "))
        };
        insta::assert_snapshot!(cases.map(line).concat());
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
