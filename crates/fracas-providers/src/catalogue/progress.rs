//! How far an activity came that ends in the middle: what its calls named, and what would have followed.

use fracas_model::Calls;
use serde_json::Value;

use super::Request;
use super::foresee::{Foreseen, is_unknown};

/// Parameters that name something, though nothing in what they are called says so.
const NAMING: [&str; 10] = [
    "bucket",
    "cluster",
    "containerinstance",
    "containerinstances",
    "key",
    "queueurl",
    "resources",
    "service",
    "task",
    "values",
];

/// How the parameters end that name something.
const ENDINGS: [&str; 9] = ["identifiers", "identifier", "names", "name", "arns", "arn", "ids", "id", "url"];

/// The calls that were not tried, of these requests that follow: those that may change something.
/// `changing` gives the operation of such a request.
pub(super) fn not_tried(
    ahead: Vec<Foreseen<'_>>,
    changing: &dyn Fn(&Request) -> Option<String>,
) -> Vec<Calls> {
    let mut calls = Vec::new();
    for Foreseen { request, parameters, item } in ahead {
        let Some(operation) = changing(request) else { continue };
        let of = named(&operation, &parameters);
        let doubtful = if of.is_empty() { parameters } else { of.clone().into() };
        add(&mut calls, &operation, if is_unknown(&doubtful) { label(&item) } else { of });
    }
    calls
}

/// Takes a call in, with others of its operation.
pub(super) fn add(all: &mut Vec<Calls>, operation: &str, of: Vec<String>) {
    match all.iter_mut().find(|calls| calls.call == operation) {
        Some(calls) if calls.of.ends_with(&of) => {}
        Some(calls) => calls.of.extend(of),
        None => all.push(Calls { call: operation.to_owned(), of }),
    }
}

/// What the parameters of a call name: what the operation is called after, such as the task for
/// `StopTask`, or all there is.
pub(super) fn named(operation: &str, parameters: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(parameters, &mut found);
    let operation = operation.to_lowercase();
    let is_after = |(what, _): &(String, &str)| operation.contains(what.trim_end_matches('s'));
    if found.iter().any(is_after) {
        found.retain(is_after);
    }
    found.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// The texts of parameters that name something, each with what it names in lower case.
fn collect<'v>(value: &'v Value, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("tags")) {
                match thing(key) {
                    Some(what) if !texts(value).is_empty() => {
                        found.extend(texts(value).into_iter().map(|text| (what.clone(), text)));
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// What a parameter names, in lower case: `instance` for `InstanceIds`; none for one that names nothing.
fn thing(key: &str) -> Option<String> {
    let key = key.to_lowercase();
    if NAMING.contains(&key.as_str()) {
        return Some(key);
    }
    ENDINGS.iter().find_map(|ending| key.strip_suffix(ending)).map(str::to_owned)
}

fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str).collect()
}

/// What an item of a list is called.
fn label(item: &Value) -> Vec<String> {
    let names = |(key, value): (&String, &Value)| thing(key).and(value.as_str()).map(str::to_owned);
    match item {
        Value::Object(entries) => entries.iter().find_map(names).into_iter().collect(),
        item => texts(item).into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_are_told_by_what_they_are_called_after() {
        let cases = [
            ("StopTask", json!({"cluster": "web", "task": "t-1", "reason": "x"}), "t-1"),
            ("TerminateInstances", json!({"InstanceIds": ["i-1", "i-2"]}), "i-1 i-2"),
            ("CreateTags", json!({"Resources": ["i-1"], "Tags": [{"Key": "a", "Value": "b"}]}), "i-1"),
            ("DeleteObject", json!({"Bucket": "b", "Key": "k"}), "b k"),
            ("DetachVolume", json!({"Device": "/dev/sdf", "InstanceId": "i-1", "VolumeId": "v-1"}), "v-1"),
            (
                "DeregisterTargets",
                json!({"TargetGroupArn": "g", "Targets": [{"Id": "i-1", "Port": 5}]}),
                "i-1",
            ),
            ("PutRule", json!({"Name": "r", "RoleArn": "a"}), "r"),
            (
                "ModifyInstanceGroups",
                json!({"ClusterId": "c", "InstanceGroups": [{"InstanceGroupId": "g"}]}),
                "g",
            ),
            ("Unnamed", json!({"Count": 5}), ""),
        ];
        for (operation, parameters, expected) in cases {
            assert_eq!(named(operation, &parameters).join(" "), expected, "{operation}");
        }
    }

    #[test]
    fn items_are_called_by_the_first_name_in_them() {
        let group = json!({"Count": 5, "AutoScalingGroupName": "web", "LaunchTemplateId": "lt"});
        for (item, expected) in
            [(group, "web"), (json!("a"), "a"), (json!(["a", "b"]), "a b"), (json!(5), "")]
        {
            assert_eq!(label(&item).join(" "), expected);
        }
    }
}
