//! botocore's own protocol cases, from the tests of its source distribution.
//!
//! They are not part of this project: `FRACAS_BOTOCORE_TESTS` names the folder, and a case that
//! botocore itself leaves out is left out here, from the list that comes with them.

use super::{Answer, Call, Request, cbor, xml};
use crate::model::botocore::{Texts, distil};
use crate::model::{Kind, Protocol, Service, ShapeId};
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

/// Runs every case of a kind; tells how many passed of all, by file.
fn run(kind: &str, check: fn(&Value, &Value) -> Result<(), String>) {
    let ignored = read(&folder().join("protocol-tests-ignore-list.json"));
    let (mut total, mut passed, mut left_out, mut failed) = (0, 0, Vec::new(), Vec::new());
    for file in files(kind) {
        let protocol = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let suites = read(&file);
        for (suite, case) in suites.as_array().expect("suites").iter().flat_map(cases) {
            total += 1;
            let name = format!("{protocol}: {}: {}", text(&suite["description"]), text(&case["id"]));
            if is_ignored(&ignored, &protocol, kind, suite, case) {
                left_out.push(name);
                continue;
            }
            match check(suite, case) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{name}\n  {why}")),
            }
        }
    }
    let ignored = left_out.len();
    println!(
        "conformance: protocol cases, {kind}: {passed} of {total} passed; botocore leaves out {ignored}"
    );
    println!("{left_out:#?}");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 0, "there are cases");
}

fn files(kind: &str) -> Vec<PathBuf> {
    let folders = [folder().join(kind), folder().join("legacy").join(kind)];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
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
    let mut shapes = suite["shapes"].clone();
    // Old cases name the payload where the shape is used, as no model does.
    if let (Some(shape), Some(_)) = (given["input"]["shape"].as_str(), given["input"]["payload"].as_str()) {
        shapes[shape]["payload"] = given["input"]["payload"].clone();
    }
    let model = json!({"metadata": metadata, "operations": {name: given}, "shapes": shapes});
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
        (Kind::Structure(structure), value) if structure.document => value.clone(),
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

fn check_input(suite: &Value, case: &Value) -> Result<(), String> {
    let service = service(suite, case);
    let call = call(service);
    let params = match call.operation.input {
        Some(input) => with_base64(service, input, &case["params"]),
        None => json!({}),
    };
    let params = params.as_object().expect("an object");
    let wire = super::wire(service);
    let request = wire.request(call, params).map_err(|error| error.to_string())?;
    let expected = &case["serialized"];
    let host = super::host_prefix(call, params).map_err(|error| error.to_string())?
        + text(&suite["clientEndpoint"]).trim_start_matches("https://");
    same_body(service.metadata.protocol, &request, expected)?;
    same_headers(service, call, &request, expected)?;
    let methods = [request.method.as_str(), expected["method"].as_str().unwrap_or(&request.method)];
    let hosts = [host.as_str(), expected["host"].as_str().unwrap_or(&host)];
    match [methods, [&request.target, text(&expected["uri"])], hosts].iter().find(|[one, other]| one != other)
    {
        None => Ok(()),
        Some([actual, expected]) => Err(format!("expected {expected}\n  got      {actual}")),
    }
}

/// Bodies are compared by what they mean: the cases are indented for their readers.
fn same_body(protocol: Protocol, request: &Request, expected: &Value) -> Result<(), String> {
    let Some(expected) = expected["body"].as_str() else { return Ok(()) };
    let body = &request.body;
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let same = match protocol {
        Protocol::Query | Protocol::Ec2 => form(&String::from_utf8_lossy(body)) == form(expected),
        Protocol::RestXml if xml::parse(body).is_ok() => canonical(body) == canonical(expected.as_bytes()),
        Protocol::RpcV2Cbor => {
            cbor::testing::json(body) == cbor::testing::json(&base64::decode(expected).expect("base64"))
        }
        _ => match (json(body), json(expected.as_bytes())) {
            (Some(one), Some(other)) => same(&one, &other),
            _ => body == expected.as_bytes(),
        },
    };
    if same { Ok(()) } else { Err(format!("expected {expected}\n  got      {}", body.escape_ascii())) }
}

fn form(body: &str) -> Vec<&str> {
    let mut pairs: Vec<_> = body.split('&').collect();
    pairs.sort();
    pairs
}

/// Python's `ElementTree.canonicalize(strip_text=True)`, as far as these cases need it.
fn canonical(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).replace(" />", "/>");
    let tags = text.replace('>', ">\n").replace('<', "\n<");
    tags.lines().map(str::trim).filter(|line| !line.is_empty()).map(expanded).collect::<Vec<_>>().join("\n")
}

/// An element that closes itself as one with two tags.
fn expanded(tag: &str) -> String {
    let sorted = |tag: &str| {
        let mut words: Vec<_> = tag.split(' ').map(|word| word.replace('\'', "\"")).collect();
        words[1..].sort();
        words.join(" ")
    };
    match tag.strip_suffix("/>").and_then(|tag| tag.strip_prefix('<')) {
        Some(inner) => {
            let name = inner.split(' ').next().unwrap_or(inner);
            format!("<{}>\n</{name}>", sorted(inner))
        }
        None => match tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>')) {
            Some(inner) => format!("<{}>", sorted(inner)),
            None => tag.to_owned(),
        },
    }
}

fn same_headers(service: &Service, call: Call, request: &Request, expected: &Value) -> Result<(), String> {
    let actual = |name: &str| {
        let found = request.headers.iter().rfind(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let (actual, value) = (actual(name), text(value));
        // What botocore's own runner does not compare either.
        let is_type = name.eq_ignore_ascii_case("content-type");
        let open = match service.metadata.protocol {
            Protocol::RestXml => is_type,
            Protocol::RestJson => is_type && value != "application/json",
            _ => false,
        };
        let is_form = !value.contains("charset")
            && matches!(service.metadata.protocol, Protocol::Query | Protocol::Ec2)
            && is_type;
        let value = if is_form { format!("{value}; charset=utf-8") } else { value.to_owned() };
        let list = is_list_header(service, call, name);
        let plain = |text: String| if list { text.replace(", ", ",") } else { text };
        if !open && actual.clone().map(plain) != Some(plain(value.clone())) {
            return Err(format!("header {name}: expected {value}\n  got {actual:?}"));
        }
    }
    let forbidden = expected["forbidHeaders"].as_array().into_iter().flatten().map(text);
    match forbidden.into_iter().find(|name| actual(name).is_some()) {
        Some(name) => Err(format!("header {name} is there")),
        None => Ok(()),
    }
}

fn is_list_header(service: &Service, call: Call, name: &str) -> bool {
    let input = call.operation.input.map(|input| &service.shape(input).kind);
    let Some(Kind::Structure(input)) = input else { return false };
    input.members.iter().any(|member| {
        member.wire.name.eq_ignore_ascii_case(name)
            && matches!(service.shape(member.shape).kind, Kind::List(_))
    })
}

fn check_output(suite: &Value, case: &Value) -> Result<(), String> {
    let service = service(suite, case);
    let response = &case["response"];
    let headers = response["headers"].as_object().cloned().unwrap_or_default();
    let body = response["body"].as_str();
    let protocol = service.metadata.protocol;
    let is_encoded = protocol == Protocol::RpcV2Cbor || streams(service);
    let body = match body {
        Some(body) if is_encoded => base64::decode(body).map_err(|error| error.to_string())?,
        Some(body) => body.as_bytes().to_vec(),
        None if protocol == Protocol::Query => b"<xml/>".to_vec(),
        None => Vec::new(),
    };
    let answer = Answer {
        status: response["status_code"].as_u64().unwrap_or(200) as u16,
        headers: headers.iter().map(|(name, value)| (name.clone(), text(value).to_owned())).collect(),
        body: body.into(),
    };
    let wire = super::wire(service);
    let call = call(service);
    let (parsed, expected) = match super::failure(wire, call, &answer) {
        None => (super::result(wire, call, &answer), case["result"].clone()),
        Some(error) => (error, expected_error(case)),
    };
    let mut actual = Value::Object(parsed.map_err(|error| error.0)?);
    let entries = actual.as_object_mut().expect("an object");
    entries.shift_remove("ResponseMetadata");
    if let Some(error) = entries.get_mut("Error").and_then(Value::as_object_mut) {
        error.retain(|key, _| key == "Code" || key == "Message");
    }
    if same(&actual, &expected) { Ok(()) } else { Err(format!("expected {expected}\n  got      {actual}")) }
}

fn streams(service: &Service) -> bool {
    service.shapes.iter().any(|shape| matches!(&shape.kind, Kind::Structure(inner) if inner.eventstream))
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
fn requests_are_written_as_botocore_writes_them() {
    run("input", check_input);
}

#[test]
fn answers_are_read_as_botocore_reads_them() {
    run("output", check_output);
}
