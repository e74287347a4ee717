//! The resources that a call concerns, as far as its parameters name them.

use fracas_aws::endpoint::partition;
use fracas_aws::iam::{IamAction, ResourceType, prefix_name};
use indexmap::IndexMap;
use indexmap::map::Entry;
use serde_json::Value;

use super::{ANY, Place, Request, answers};
use crate::catalogue::foresee;

/// Variables of ARNs, and the parameters that name them where the two are not called alike.
const PARAMETERS: &[(&str, &str, &[&str])] = &[
    ("autoscaling", "GroupFriendlyName", &["AutoScalingGroupName", "AutoScalingGroupNames"]),
    ("ec2", "SecurityGroupId", &["GroupId"]),
    ("ecs", "TaskDefinitionFamilyName", &["family", "taskDefinition"]),
    ("events", "RuleName", &["Name", "Rule"]),
    ("iam", "GroupNameWithPath", &["GroupName"]),
    ("iam", "InstanceProfileNameWithPath", &["InstanceProfileName"]),
    ("iam", "PolicyNameWithPath", &["PolicyName"]),
    ("iam", "RoleNameWithPath", &["RoleName"]),
    ("iam", "UserNameWithPath", &["UserName"]),
    ("sqs", "QueueName", &["QueueUrl"]),
    ("ssm", "DocumentName", &["Name"]),
    ("ssm", "ParameterNameWithoutLeadingSlash", &["Name", "Names"]),
];

/// The resources that an action concerns: of the types that it always concerns, and of others
/// that the parameters name. Where there are none, of types of which the parameters name a part, and
/// then of any type that they could name. What changes something concerns one of its types at least.
pub(super) fn resources(action: &IamAction, request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    if action.name.starts_with("events:") && action.resources.iter().any(is_rule) {
        return rules(request, place);
    }
    let rules: [&dyn Fn(&ResourceType) -> bool; 3] = [
        &|kind| kind.required || is_named(kind, request),
        &|kind| variables(kind.arn_template).any(|variable| is_given(variable, request)),
        &|kind| own_parameter(kind, request).is_some(),
    ];
    let chosen = rules.iter().find_map(|rule| {
        let chosen: Vec<_> = action.resources.iter().filter(|kind| rule(kind)).collect();
        (!chosen.is_empty()).then_some(chosen)
    });
    let mut found: Vec<String> = match chosen {
        Some(chosen) => chosen.into_iter().flat_map(|kind| of_kind(kind, request, place)).collect(),
        None if !action.access.is_reading() => of_all(&action.resources, place),
        None => vec![ANY.to_owned()],
    };
    let mut known = Vec::new();
    found.retain(|arn| {
        let new = !known.contains(arn);
        known.push(arn.clone());
        new
    });
    found
}

/// What the ARNs of all these types begin with, for each way of saying where they are.
pub(super) fn of_all(kinds: &[ResourceType], place: &Place<'_>) -> Vec<String> {
    let mut common: IndexMap<String, String> = IndexMap::new();
    for kind in kinds {
        let arn = arn(kind.arn_template, place, &|_| ANY.to_owned());
        let place = arn.splitn(6, ':').take(5).collect::<Vec<_>>().join(":");
        match common.entry(place) {
            Entry::Occupied(mut one) => truncate_to_same(one.get_mut(), &arn),
            Entry::Vacant(none) => {
                none.insert(arn);
            }
        }
    }
    let beginning = |place: &String, arn: &String| {
        let name = arn.get(place.len() + 1..).and_then(|name| name.split(ANY).next()).unwrap_or_default();
        format!("{place}:{name}{ANY}")
    };
    match common.is_empty() {
        true => vec![ANY.to_owned()],
        false => common.iter().map(|(place, arn)| beginning(place, arn)).collect(),
    }
}

fn truncate_to_same(one: &mut String, other: &str) {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    let length = same.map(|(one, _)| one.len_utf8()).sum();
    one.truncate(length);
}

/// The resources of a type that the parameters name, or all of them.
fn of_kind(kind: &ResourceType, request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    let whole = whole_arns(kind, request);
    if !whole.is_empty() {
        return whole;
    }
    let own = variables(kind.arn_template).last().unwrap_or_default();
    let mut names = own_names(kind, request);
    if names.is_empty() {
        names.push(ANY.to_owned());
    }
    let parent = |variable: &str| match parents(variable, request) {
        Some(mut names) if names.len() == 1 => last_part(&names.remove(0)).to_owned(),
        _ => ANY.to_owned(),
    };
    let of_name = |name: &str, answered: Option<(&str, &str)>| {
        // AWS's own documents are no account's.
        let account = if is_of_aws(kind, name) { ANY } else { place.account };
        arn(kind.arn_template, &Place { account, ..*place }, &|variable| match answered {
            Some((of, name)) if of == variable => name.to_owned(),
            _ if variable == own => name.to_owned(),
            _ => parent(variable),
        })
    };
    if let Some((variable, answered)) = answered(kind, request) {
        return answered.iter().map(|name| of_name(ANY, Some((variable, name)))).collect();
    }
    names.iter().flat_map(|name| with_paths(kind, name, request)).map(|name| of_name(&name, None)).collect()
}

/// A variable of the ARNs whose names follow from what the answers that a parameter comes from are about.
fn answered<'k>(kind: &'k ResourceType, request: &Request<'_>) -> Option<(&'k str, Vec<String>)> {
    let own = own_parameter(kind, request);
    let is_arn = |name: &&&str| ["arn", "arns"].iter().any(|end| name.to_lowercase().ends_with(end));
    let parameter = own.map(|(name, _)| name).or_else(|| request.names.iter().find(is_arn).copied())?;
    let value = request.parameters.get(parameter)?;
    let lower_case = own.is_some_and(|(_, lower_case)| lower_case);
    let of = |variable| Some((variable, answers::names(variable, value, request)?));
    let (variable, mut names) = variables(kind.arn_template).find_map(of)?;
    if lower_case {
        names.iter_mut().for_each(|name| *name = name.to_lowercase());
    }
    Some((variable, names))
}

/// Whether it names a document that Systems Manager comes with.
fn is_of_aws(kind: &ResourceType, name: &str) -> bool {
    let name = name.to_lowercase();
    kind.name == "document" && ["amazon", "amzn", "aws"].iter().any(|prefix| name.starts_with(prefix))
}

/// Those who name a role need not tell its path, which its ARN has; those who create it do.
fn with_paths(kind: &ResourceType, name: &str, request: &Request<'_>) -> Vec<String> {
    let is_whole = !kind.arn_template.ends_with("WithPath}") || name == ANY || name.contains(':');
    let has_no_path = request.operation.starts_with("Create") && request.parameters.get("Path").is_none();
    match is_whole || has_no_path {
        true => vec![name.to_owned()],
        false => vec![name.to_owned(), format!("*/{name}")],
    }
}

/// The names of what has the resources.
fn parents(variable: &str, request: &Request<'_>) -> Option<Vec<String>> {
    let parameter = listed(variable, request).or_else(|| alike(variable, request))?;
    let mut names = names_in(parameter, request);
    if variable == "TaskDefinitionFamilyName" {
        // Its revision comes after it.
        names = names.iter().map(|name| name.split(':').next().unwrap_or_default().to_owned()).collect();
    }
    Some(names)
}

/// What an ARN or a path ends with.
pub(super) fn last_part(name: &str) -> &str {
    match name.starts_with("arn:") {
        true => name.rsplit(['/', ':']).next().unwrap_or(name),
        false => name,
    }
}

fn is_rule(kind: &ResourceType) -> bool {
    kind.name.starts_with("rule-on-")
}

/// Rules of EventBridge: those of a bus of one's own have its name in their ARNs.
fn rules(request: &Request<'_>, place: &Place<'_>) -> Vec<String> {
    let names = ["Rule", "Name"].into_iter().flat_map(|parameter| names_in(parameter, request)).next();
    let name = names.unwrap_or_else(|| ANY.to_owned());
    if name.starts_with("arn:") {
        return vec![name];
    }
    let bus = names_in("EventBusName", request).into_iter().next();
    let paths = match bus.as_deref().map(last_part) {
        None | Some("default") => vec![name],
        Some(bus) if bus.contains(ANY) && name != ANY => vec![format!("{bus}/{name}"), name],
        Some(bus) if bus.contains(ANY) => vec![name],
        Some(bus) => vec![format!("{bus}/{name}")],
    };
    let template = "arn:${Partition}:events:${Region}:${Account}:rule/${Rule}";
    paths.into_iter().map(|path| arn(template, place, &|_| path.clone())).collect()
}

fn is_named(kind: &ResourceType, request: &Request<'_>) -> bool {
    let named = !own_names(kind, request).is_empty() || !whole_arns(kind, request).is_empty();
    named || answered(kind, request).is_some()
}

fn is_given(variable: &str, request: &Request<'_>) -> bool {
    alike(variable, request).is_some_and(|parameter| !names_in(parameter, request).is_empty())
}

/// The names that the parameters have for resources of a type: what stands last in their ARNs.
fn own_names(kind: &ResourceType, request: &Request<'_>) -> Vec<String> {
    let Some((parameter, lower_case)) = own_parameter(kind, request) else { return Vec::new() };
    let names = names_in(parameter, request).into_iter();
    let names = names.map(|name| if lower_case { name.to_lowercase() } else { name });
    names.map(|name| plain(kind, &name)).collect()
}

/// A name as ARNs have it.
fn plain(kind: &ResourceType, name: &str) -> String {
    let service = kind.arn_template.split(':').nth(2).unwrap_or_default();
    let last = || name.rsplit('/').next().unwrap_or(name);
    match service {
        "sqs" | "route53" => last(),
        "ssm" if !name.starts_with("arn:") => name.strip_prefix('/').unwrap_or(name),
        "lambda" if !name.starts_with("arn:") => name.rsplit_once("function:").map_or(name, |(_, name)| name),
        // The ARN is the key's, whatever names it.
        "kms" if name.contains("alias/") => ANY,
        _ => name,
    }
    .to_owned()
}

/// The parameter that names resources of a type, and whether AWS keeps the names in lower case.
fn own_parameter<'a>(kind: &ResourceType, request: &Request<'a>) -> Option<(&'a str, bool)> {
    let declared = request.catalogue.and_then(|catalogue| catalogue.resources.get(kind.name));
    let of_declared = |name: &&'a str| declared.is_some_and(|declared| declared.parameter == **name);
    if let Some(name) = request.names.iter().find(|name| of_declared(name)) {
        return Some((name, declared.is_some_and(|declared| declared.lower_case)));
    }
    let own = variables(kind.arn_template).last()?;
    let parameter = listed(own, request).or_else(|| of_type(kind, own, request));
    Some((parameter.or_else(|| alike(own, request))?, false))
}

/// The parameter that the table has for a variable.
fn listed<'a>(variable: &str, request: &Request<'a>) -> Option<&'a str> {
    let service = prefix_name(request.service)?;
    let row = |(prefix, own, _): &&(&str, &str, &[&str])| *prefix == service && *own == variable;
    let (_, _, parameters) = PARAMETERS.iter().find(row)?;
    request.names.iter().copied().find(|name| parameters.contains(name))
}

/// The parameter that is called as a type, such as `experimentTemplateId` for an `experiment-template`.
fn of_type<'a>(kind: &ResourceType, variable: &str, request: &Request<'a>) -> Option<&'a str> {
    let suffix = ["id", "name"].into_iter().find(|suffix| variable.to_lowercase().ends_with(suffix))?;
    let expected = format!("{}{suffix}", kind.name.replace('-', "").to_lowercase());
    request.names.iter().copied().find(|name| name.to_lowercase() == expected)
}

/// The parameter that is called as a variable of an ARN: `InstanceIds` for `${InstanceId}`, `Bucket`,
/// `buckets` or `BucketIdentifier` for `${BucketName}`, `task` for `${TaskId}`.
fn alike<'a>(variable: &str, request: &Request<'a>) -> Option<&'a str> {
    let variable = variable.to_lowercase();
    let bare = variable.strip_suffix("name").or_else(|| variable.strip_suffix("id")).unwrap_or(&variable);
    let called = |expected: &str, name: &str| {
        let name = name.to_lowercase();
        let one = name.strip_suffix('s').unwrap_or(&name);
        // Where ARNs have names, identifiers are names.
        let identified = name.strip_suffix("identifier").filter(|_| variable.ends_with("name"));
        [Some(name.as_str()), Some(one), identified].contains(&Some(expected))
    };
    let find = |expected: &str| request.names.iter().copied().find(|name| called(expected, name));
    find(&variable).or_else(|| find(bare))
}

/// What names a resource in its ARN, beside where it is.
fn variables(template: &str) -> impl Iterator<Item = &str> {
    let all = template.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    all.map(|(variable, _)| variable).filter(|name| !["Partition", "Region", "Account"].contains(name))
}

/// The names in a parameter, with `*` for what is not known yet.
pub(super) fn names_in(parameter: &str, request: &Request<'_>) -> Vec<String> {
    expanded(request.parameters.get(parameter).unwrap_or(&Value::Null))
}

/// The texts of a value, and those that some stand for, with `*` for what is not known yet.
pub(super) fn expanded(value: &Value) -> Vec<String> {
    let some = |text: &str| foresee::some_of(text).unwrap_or_else(|| vec![known(text)]);
    texts(value).flat_map(some).collect()
}

/// A text with `*` in place of each variable.
pub(super) fn known(name: &str) -> String {
    let mut found = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, after)) = after.split_once('}') else { return ANY.to_owned() };
        found.push_str(before);
        if !found.ends_with(ANY) {
            found.push_str(ANY);
        }
        rest = after;
    }
    found.push_str(rest);
    // Where an ARN begins is known only when all of it is.
    let is_open = found.contains('$') || (name.contains('$') && (found.contains(':') || found.contains('/')));
    if is_open { ANY.to_owned() } else { found }
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
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
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
pub(super) fn arn(template: &str, place: &Place<'_>, name: &dyn Fn(&str) -> String) -> String {
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
