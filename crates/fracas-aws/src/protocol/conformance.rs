//! botocore's own protocol cases, from the tests of its source distribution.
//!
//! They are not part of this project: `FRACAS_BOTOCORE_TESTS` names the folder, and a case that
//! botocore itself leaves out is left out here, from the list that comes with them.

use super::{Answer, Call, Parsed};
use crate::model::botocore::{Texts, distil};
use crate::model::{Kind, Service, ShapeId};
use crate::time::Moment;
use aws_smithy_types::base64;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    let tests = std::env::var("FRACAS_BOTOCORE_TESTS").expect("run through `cargo xtask test`");
    Path::new(&tests).join("unit/protocols")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Runs the cases of one file, new and legacy; gives what failed, and how many passed of all.
fn run(protocol: &str, kind: &str, check: fn(&Value, &Value) -> Result<(), String>) {
    let ignored = read(&folder().join("protocol-tests-ignore-list.json"));
    let (mut passed, mut left_out, mut failed) = (0, Vec::new(), Vec::new());
    for file in [folder().join(kind), folder().join("legacy").join(kind)] {
        let suites = read(&file.join(format!("{protocol}.json")));
        for (suite, case) in suites.as_array().expect("suites").iter().flat_map(cases) {
            let name = format!("{}: {}", text(&suite["description"]), text(&case["id"]));
            if is_ignored(&ignored, protocol, kind, suite, case) {
                left_out.push(name);
                continue;
            }
            match check(suite, case) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{name}\n  {why}")),
            }
        }
    }
    let total = passed + left_out.len() + failed.len();
    println!("{protocol} {kind}: {passed} of {total} passed, botocore leaves out {left_out:#?}");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 0, "there are cases");
}

fn cases(suite: &Value) -> Vec<(&Value, &Value)> {
    suite["cases"].as_array().expect("cases").iter().map(|case| (suite, case)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_ignored(ignored: &Value, protocol: &str, kind: &str, suite: &Value, case: &Value) -> bool {
    let lists = |value: &Value, name: &Value| value.as_array().is_some_and(|known| known.contains(name));
    [&ignored["general"][kind], &ignored["protocols"][protocol][kind]]
        .iter()
        .any(|list| lists(&list["suites"], &suite["description"]) || lists(&list["cases"], &case["id"]))
}

/// The service that a case describes, with its one operation.
fn service(suite: &Value, case: &Value) -> &'static Service<'static> {
    let mut given = case["given"].clone();
    let name = given["name"].as_str().unwrap_or("OperationName").to_owned();
    given["name"] = name.clone().into();
    let output = given["output"]["shape"].as_str().map(|shape| suite["shapes"][shape]["members"].clone());
    let has_members = output.and_then(|members| members.as_object().map(|m| !m.is_empty())) == Some(true);
    if has_members && suite["metadata"]["protocol"] == "query" && case["error"].is_null() {
        given["output"]["resultWrapper"] = format!("{name}Result").into();
    }
    if given["http"].is_null() {
        given["http"] = json!({"method": "POST", "requestUri": "/"});
    }
    let mut metadata = suite["metadata"].clone();
    for (key, default) in [("endpointPrefix", "case"), ("serviceId", "Case"), ("apiVersion", "2014-01-01")] {
        if metadata[key].is_null() {
            metadata[key] = default.into();
        }
    }
    let model = json!({"metadata": metadata, "operations": {name: given}, "shapes": suite["shapes"]});
    let texts = Texts { service: model.to_string(), ..Texts::default() };
    let bytes = distil("case", &texts).unwrap_or_else(|error| panic!("{error}: {model}"));
    Box::leak(Box::new(bitcode::decode(bytes.leak()).expect("just encoded")))
}

fn call(service: &'static Service<'static>) -> Call<'static> {
    Call { service, operation: &service.operations[0] }
}

/// Cases give bytes as they are; parameters hold them in base64.
fn with_base64(service: &Service, shape: ShapeId, value: &Value) -> Value {
    match (&service.shape(shape).kind, value) {
        (Kind::Blob { .. }, Value::String(text)) => base64::encode(text).into(),
        (Kind::Structure(structure), Value::Object(entries)) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| {
                    let member =
                        structure.members.iter().find(|member| member.name == key).expect("a member");
                    (key.clone(), with_base64(service, member.shape, value))
                })
                .collect(),
        ),
        (Kind::List(list), Value::Array(items)) => {
            items.iter().map(|item| with_base64(service, list.member, item)).collect()
        }
        (Kind::Map(map), Value::Object(entries)) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), with_base64(service, map.value, value)))
                .collect(),
        ),
        (_, value) => value.clone(),
    }
}

fn form(body: &str) -> Vec<&str> {
    let mut pairs: Vec<_> = body.split('&').collect();
    pairs.sort();
    pairs
}

fn check_input(suite: &Value, case: &Value) -> Result<(), String> {
    let service = service(suite, case);
    let call = call(service);
    let params = match call.operation.input {
        Some(input) => with_base64(service, input, &case["params"]),
        None => json!({}),
    };
    let wire = super::wire(service).map_err(|error| error.to_string())?;
    let request =
        wire.request(call, params.as_object().expect("an object")).map_err(|error| error.to_string())?;
    let expected = &case["serialized"];
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let prefix =
        super::host_prefix(call, params.as_object().expect("an object")).map_err(|e| e.to_string())?;
    let host = prefix + text(&suite["clientEndpoint"]).trim_start_matches("https://");
    let expected_host = expected["host"].as_str().unwrap_or(&host);
    if form(&body) != form(text(&expected["body"])) {
        return Err(format!("expected {}\n  got      {body}", text(&expected["body"])));
    }
    match (request.target.as_str() == text(&expected["uri"]), host == expected_host) {
        (true, true) => Ok(()),
        _ => Err(format!("{} {host}: {expected}", request.target)),
    }
}

fn check_output(suite: &Value, case: &Value) -> Result<(), String> {
    let service = service(suite, case);
    let response = &case["response"];
    let headers = response["headers"].as_object().cloned().unwrap_or_default();
    let answer = Answer {
        status: response["status_code"].as_u64().unwrap_or(200) as u16,
        headers: headers.iter().map(|(name, value)| (name.to_lowercase(), text(value).to_owned())).collect(),
        body: response["body"].as_str().unwrap_or("<xml/>").as_bytes().to_vec(),
    };
    let wire = super::wire(service).map_err(|error| error.to_string())?;
    let parsed = super::parse(wire, call(service), &answer).map_err(|error| error.0)?;
    let (mut actual, expected) = match parsed {
        Parsed::Result(parsed) => (Value::Object(parsed), case["result"].clone()),
        Parsed::Error(parsed) => (Value::Object(parsed), expected_error(case)),
    };
    let entries = actual.as_object_mut().expect("an object");
    entries.shift_remove("ResponseMetadata");
    if let Some(error) = entries.get_mut("Error").and_then(Value::as_object_mut) {
        error.retain(|key, _| key == "Code" || key == "Message");
    }
    if same(&actual, &expected) { Ok(()) } else { Err(format!("expected {expected}\n  got      {actual}")) }
}

fn expected_error(case: &Value) -> Value {
    let mut expected =
        json!({"Error": {"Code": text(&case["errorCode"]), "Message": text(&case["errorMessage"])}});
    for (key, value) in case["error"].as_object().into_iter().flatten() {
        expected[key] = value.clone();
    }
    expected
}

/// Cases show moments as epoch seconds and bytes as text.
fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::String(text), Value::Number(_)) => {
            // Both printed in UTC, so that moments with different offsets compare.
            let utc = |moment: Moment| moment.wire(crate::model::TimestampFormat::Iso8601);
            Moment::parse(text).and_then(utc) == Moment::from_value(expected).and_then(utc)
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::String(one), Value::String(other)) => {
            one == other || base64::decode(one).is_ok_and(|bytes| bytes == other.as_bytes())
        }
        (one, other) => one == other,
    }
}

#[test]
fn query_requests_are_written_as_botocore_writes_them() {
    run("query", "input", check_input);
}

#[test]
fn query_answers_are_read_as_botocore_reads_them() {
    run("query", "output", check_output);
}
