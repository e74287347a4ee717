//! Any answer is read or refused, in every protocol: nothing panics, and a refusal says why.

use super::{Answer, Call, failure, result, wire};
use crate::model::{Kind, ShapeId, embedded};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An operation of each protocol, and two whose answers are streams of events.
const CALLS: [(&str, &str); 8] = [
    ("docdb", "DescribeDBClusters"),
    ("ec2", "DescribeInstances"),
    ("dynamodb", "GetItem"),
    ("lambda", "GetFunction"),
    ("s3", "ListObjectVersions"),
    ("arc-region-switch", "GetPlan"),
    ("s3", "SelectObjectContent"),
    ("kinesis", "SubscribeToShard"),
];

fn call(index: usize) -> Call<'static> {
    let (service, operation) = CALLS[index];
    let service = embedded::service(service).expect("a service");
    Call { service, operation: service.operation(operation).expect("an operation") }
}

/// The names that answers of a call may hold.
fn names(call: Call) -> Vec<String> {
    let mut names = vec!["Error".to_owned(), "Code".to_owned(), "__type".to_owned(), "member".to_owned()];
    let mut left: Vec<ShapeId> = call.operation.output.into_iter().collect();
    let mut seen = std::collections::HashSet::new();
    while let Some(id) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        match &call.service.shape(id).kind {
            Kind::Structure(structure) => {
                names.extend(
                    structure.members.iter().map(|member| super::named(&member.wire, member.name).into()),
                );
                left.extend(structure.members.iter().map(|member| member.shape));
            }
            Kind::List(list) => left.push(list.member),
            Kind::Map(map) => left.push(map.value),
            _ => {}
        }
    }
    names
}

/// A tree of any values under names that the model knows, or does not.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é\u{1F600}]{0,12}".prop_map(Value::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00Z".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<prop::sample::Index>(), inner), 0..5).prop_map(|entries| {
                // The index stands for a name, which is put in once the call is known.
                let named =
                    entries.into_iter().map(|(index, value)| (index.index(1 << 16).to_string(), value));
                Value::Object(named.collect())
            }),
        ]
    })
}

fn named(value: &Value, names: &[String]) -> Value {
    match value {
        Value::Object(entries) => {
            let name = |key: &str| names[key.parse::<usize>().unwrap_or(0) % names.len()].clone();
            Value::Object(entries.iter().map(|(key, value)| (name(key), named(value, names))).collect())
        }
        Value::Array(items) => items.iter().map(|item| named(item, names)).collect(),
        other => other.clone(),
    }
}

fn xml(value: &Value, name: &str) -> String {
    let inner = match value {
        Value::Object(entries) => entries.iter().map(|(key, value)| xml(value, key)).collect(),
        Value::Array(items) => items.iter().map(|item| xml(item, "item")).collect(),
        Value::String(text) => quick_xml::escape::escape(text.as_str()).into_owned(),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

/// Reads an answer as a call does.
fn read(call: Call, status: u16, body: Vec<u8>) -> Result<(), TestCaseError> {
    let headers =
        vec![("x-amzn-RequestId".to_owned(), "r".to_owned()), ("X-Amz-Meta-a".to_owned(), "é".into())];
    let answer = Answer { status, headers, body: body.into() };
    let wire = wire(call.service);
    let read = failure(wire, call, &answer).unwrap_or_else(|| result(wire, call, &answer));
    match read {
        Ok(read) => prop_assert_eq!(&read["ResponseMetadata"]["HTTPStatusCode"], &json!(status)),
        Err(unreadable) => prop_assert!(!unreadable.0.is_empty()),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_tree_is_read(index in 0..CALLS.len(), tree in tree(), status in 200u16..600, cut in 0usize..2000) {
        let call = call(index);
        let tree = named(&tree, &names(call));
        for mut body in [tree.to_string().into_bytes(), xml(&tree, "Response").into_bytes()] {
            read(call, status, body.clone())?;
            body.truncate(cut);
            read(call, status, body)?;
        }
    }

    #[test]
    fn any_bytes_are_read(index in 0..CALLS.len(), body in prop::collection::vec(any::<u8>(), 0..300), status in 200u16..600) {
        read(call(index), status, body)?;
    }
}

#[test]
fn deep_and_endless_answers_are_refused() {
    for index in 0..CALLS.len() {
        let call = call(index);
        let deep = [
            "[".repeat(200_000),
            format!("{}{}", "{\"a\":".repeat(200_000), "1"),
            "<a>".repeat(200_000),
            "\u{1}".repeat(200_000),
        ];
        for body in deep {
            let answer = Answer { status: 200, headers: Vec::new(), body: body.into_bytes().into() };
            let read = result(wire(call.service), call, &answer);
            let name = call.operation.name;
            assert!(read.is_err(), "{name} took it: {read:?}");
        }
    }
}
