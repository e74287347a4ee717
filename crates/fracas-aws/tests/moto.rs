//! The same calls as boto3, on the same moto: the same results and the same errors.

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use support::Child;

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

/// What differs from call to call, whoever makes it. The checksum is of a body with a request id.
const CHANCE: [&str; 7] = [
    "RequestId",
    "date",
    "last-modified",
    "x-amzn-requestid",
    "x-amz-crc32",
    "EarliestRestorableTime",
    "LatestRestorableTime",
];

fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let chance = |key: &str| CHANCE.contains(&key);
            let plain = |(key, value): (&String, &Value)| match chance(key) {
                true => (key.clone(), Value::from(format!("some {key}"))),
                false => (key.clone(), without_chance(value)),
            };
            Value::Object(entries.iter().map(plain).collect())
        }
        Value::Array(items) => items.iter().map(without_chance).collect(),
        other => other.clone(),
    }
}

/// As text, so that the order of the keys counts as well; moto does not always send headers in the same one.
fn written(result: &Value) -> String {
    let mut result = without_chance(result);
    if let Some(headers) = result.pointer_mut("/ResponseMetadata/HTTPHeaders").and_then(Value::as_object_mut)
    {
        headers.sort_keys();
    }
    result.to_string()
}

#[test]
fn calls_end_as_boto3s() {
    let mut python = support::python()
        .arg(support::support("moto_calls.py"))
        .env("AWS_ACCESS_KEY_ID", "AKIDENV")
        .env("AWS_SECRET_ACCESS_KEY", "s")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Python runs");
    let lines = BufReader::new(python.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let lines = lines.map(|line| serde_json::from_str::<Value>(&line).expect("a JSON line"));
    let mut lines: Vec<Value> = lines.take_while(|line| line["done"] != true).collect();
    assert!(lines.len() > 100, "moto_calls.py failed");
    let address = lines.remove(0)["address"].as_str().expect("an address").to_owned();
    let child = Child::new("moto").with("AWS_ENDPOINT_URL", &address).with("AWS_REGION", "us-east-1");
    let outcomes = child.run(&lines);
    drop(python.stdin.take());
    _ = python.wait();
    let mut different = Vec::new();
    for (line, outcome) in lines.iter().zip(&outcomes) {
        let same = match line.get("result") {
            Some(result) => written(result) == written(&outcome["ok"]),
            None => line["error"] == outcome["error"] && line["class"] == outcome["class"],
        };
        if !same {
            different.push(format!("{line}\n{outcome}"));
        }
    }
    let services: BTreeSet<_> = lines.iter().filter_map(|line| line["service"].as_str()).collect();
    println!(
        "conformance: moto: {} of {} calls of {} services as boto3's",
        lines.len() - different.len(),
        lines.len(),
        services.len()
    );
    assert!(services.len() > 60, "{} services are fewer than there were", services.len());
    assert_eq!(lines.len(), outcomes.len());
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
