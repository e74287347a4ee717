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
    use super::super::Step;
    use super::super::foresee::{Ahead, ahead};
    use super::super::read::read;
    use super::*;
    use crate::aws::as_map;
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

    /// What is not tried of these steps once the first one has ended the activity.
    fn told(steps: &str, names: Value) -> Vec<String> {
        let head = "service: docdb\nactivities:\n  a:\n    kind: action\n    summary: s\n    steps:\n";
        let catalogue = read(&format!("{head}{steps}")).unwrap().0;
        let steps: &[Step] = &catalogue.activities[0].steps;
        let ahead = ahead(as_map(names), Value::Null, &[Ahead::Steps(&steps[0], &steps[1..])]);
        let calls = not_tried(ahead, &|request| Some(request.name.clone()));
        calls.into_iter().map(|Calls { call, of }| format!("{call} of {}", of.join(" "))).collect()
    }

    #[test]
    fn what_is_not_tried_ends_where_the_activity_would() {
        let steps = r#"
      - {call: First, as: answer}
      - each: $ids
        item: id
        steps:
          - {call: Stop, with: {Id: $id}}
          - {call: Tag, with: {Id: $answer.Id}, when: $answer}
          - {call: Never, when: $none}
          - {return: null, when: "$id == '$b'"}
      - {call: Last}
"#;
        let names = json!({"ids": ["a", "$b", "c"], "none": null});
        assert_eq!(told(steps, names), ["Stop of a $b", "Tag of a $b"]);
        let names = json!({"ids": ["a"], "none": null});
        assert_eq!(told(steps, names), ["Stop of a", "Tag of a", "Last of "]);
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
