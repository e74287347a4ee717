//! Endpoint rules: the cases of botocore's source distribution, and botocore itself over every region.

use std::path::PathBuf;
use std::process::Command;

use fracas_aws::endpoint::{self, Builtins, Endpoint, ParamValue, Params, S3Settings};
use fracas_aws::model::rules::ParameterKind;
use fracas_aws::model::{Kind, Service, embedded};
use proptest::prelude::*;
use serde_json::Value;

fn set_up(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value.unwrap_or_else(|| panic!("{variable} is not set: run through `cargo xtask test`")).into()
}

fn param(value: &Value) -> ParamValue {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(texts) => {
            ParamValue::List(texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
        }
        other => panic!("no parameter is {other}"),
    }
}

fn params(values: &Value) -> Params {
    let mut params = Params::default();
    for (name, value) in values.as_object().into_iter().flatten() {
        params.set(name, param(value));
    }
    params
}

/// The outcome in the form of botocore's test cases.
fn shown(outcome: Result<Endpoint, endpoint::EndpointError>) -> Value {
    match outcome {
        Ok(found) => {
            let headers: serde_json::Map<String, Value> =
                found.headers.into_iter().map(|(name, values)| (name, values.into())).collect();
            serde_json::json!({"url": found.url, "properties": found.properties, "headers": headers})
        }
        Err(error) => error.to_string().into(),
    }
}

fn expected(expect: &Value) -> Value {
    let Some(endpoint) = expect.get("endpoint") else { return expect["error"].clone() };
    let part = |name: &str| endpoint.get(name).cloned().unwrap_or_else(|| serde_json::json!({}));
    serde_json::json!({"url": endpoint["url"], "properties": part("properties"), "headers": part("headers")})
}

/// Each service with botocore's cases for it.
fn suites() -> impl Iterator<Item = (&'static Service<'static>, Value)> {
    let folder = set_up("FRACAS_BOTOCORE_TESTS").join("functional/endpoint-rules");
    embedded::services().map(move |name| {
        let text = std::fs::read(folder.join(name).join("endpoint-tests-1.json")).unwrap();
        (embedded::service(name).unwrap(), serde_json::from_slice(&text).unwrap())
    })
}

#[test]
fn botocores_endpoint_cases() {
    let (mut total, mut failed) = (0, Vec::new());
    for (service, cases) in suites() {
        let name = service.name;
        for case in cases["testCases"].as_array().unwrap() {
            total += 1;
            let found = shown(endpoint::resolve(service, &params(&case["params"])));
            let expected = expected(&case["expect"]);
            if found != expected {
                failed.push(format!(
                    "{name}: {}\n  expected {expected}\n  found    {found}",
                    case["documentation"]
                ));
            }
        }
    }
    println!("conformance: endpoint cases: {} of {total} passed", total - failed.len());
    assert!(total > 14_000, "{total} cases are fewer than there were");
    assert!(failed.is_empty(), "{} of {total} failed:\n{}", failed.len(), failed.join("\n"));
}

/// The cases that start from an operation: its parameters reach the rules by the model's traits.
#[test]
fn botocores_operation_cases() {
    let (mut total, mut failed) = (0, Vec::new());
    for (service, cases) in suites() {
        let name = service.name;
        for case in cases["testCases"].as_array().unwrap() {
            for input in case["operationInputs"].as_array().into_iter().flatten() {
                total += 1;
                let found = shown(endpoint::resolve(service, &operation_params(service, input)));
                if found != expected(&case["expect"]) {
                    failed.push(format!("{name}: {}: {input}\n  found {found}", case["documentation"]));
                }
            }
        }
    }
    println!("conformance: endpoint cases of operations: {} of {total} passed", total - failed.len());
    assert!(total > 500, "{total} cases are fewer than there were");
    assert!(failed.is_empty(), "{} of {total} failed:\n{}", failed.len(), failed.join("\n"));
}

/// What the operation's static parameters, its input and the client's settings tell the rules.
fn operation_params(service: &Service, input: &Value) -> Params {
    let operation = service.operation(input["operationName"].as_str().unwrap()).unwrap();
    let mut params = Params::default();
    for (name, value) in &operation.static_context_params {
        params.set(name, value);
    }
    if let Some(Kind::Structure(structure)) = operation.input.map(|id| &service.shape(id).kind) {
        for member in structure.members.iter().filter(|member| !member.context_param.is_empty()) {
            if let Some(value) = input["operationParams"].get(member.name) {
                params.set(member.context_param, param(value));
            }
        }
    }
    for (name, path) in &operation.operation_context_params {
        let found = fracas_jmespath::search(path, &input["operationParams"]).unwrap();
        if !found.is_null() {
            params.set(name, param(&found));
        }
    }
    for parameter in &service.rules.parameters {
        if let Some(value) = input["builtInParams"].get(parameter.built_in) {
            params.set(parameter.name, param(value));
        }
        if let Some(value) = input["clientParams"].get(parameter.name) {
            params.set(parameter.name, param(value));
        }
    }
    params
}

fn botocore(what: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/endpoints.py");
    let output = Command::new(set_up("FRACAS_PYTHON")).args([script, what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Buckets, ARNs and custom endpoints of every sort, for the services whose rules look at them.
#[test]
fn botocore_agrees_on_odd_parameters() {
    let (mut total, mut failed) = (0, Vec::new());
    for line in botocore("odd").lines() {
        let (name, values, expected): (String, Value, Value) = serde_json::from_str(line).unwrap();
        total += 1;
        let found = compact(embedded::service(&name).unwrap(), &params(&values));
        if found != expected {
            failed.push(format!("{name} {values}\n  expected {expected}\n  found    {found}"));
        }
    }
    println!("conformance: odd endpoints: {} of {total} as botocore", total - failed.len());
    assert!(total > 5_000, "{total} cases are fewer than there were");
    assert!(failed.is_empty(), "{} of {total} differ:\n{}", failed.len(), failed.join("\n"));
}

/// What a client's settings tell the rules.
#[test]
fn botocore_binds_the_same_settings() {
    let text = botocore("settings");
    let mut seen = 0;
    for line in text.lines() {
        let (given, expected): (Value, serde_json::Map<String, Value>) = serde_json::from_str(line).unwrap();
        let builtins = builtins(&given);
        for (name, expected) in expected {
            seen += 1;
            let expected = (!expected.is_null()).then(|| param(&expected));
            assert_eq!(builtins.value(&name), expected, "{name} of {given}");
        }
    }
    assert!(seen > 1_000, "{seen} settings are fewer than there were");
}

fn builtins(given: &Value) -> Builtins {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let s3 = &given["s3"];
    Builtins {
        region: text(&given["region"]),
        use_fips: given["fips"] == true,
        use_dual_stack: given["dual"] == true,
        endpoint: text(&given["endpoint"]),
        account_id: Some("123456789012".to_owned()),
        account_id_endpoint_mode: text(&given["mode"]),
        sts_legacy: given["mode"] == "disabled",
        s3: S3Settings {
            addressing_style: text(&s3["addressing_style"]),
            use_accelerate_endpoint: s3["use_accelerate_endpoint"] == true,
            use_arn_region: s3["use_arn_region"].as_bool(),
            us_east_1_regional: s3["us_east_1_regional_endpoint"] == "regional",
            ..S3Settings::default()
        },
    }
}

/// Every service in every region, with and without FIPS and dual-stack, as botocore resolves it.
#[test]
fn botocore_agrees_in_every_region() {
    let text = botocore("regions");
    let (mut total, mut failed) = (0, Vec::new());
    for line in text.lines() {
        let (name, outcomes): (String, Vec<Value>) = serde_json::from_str(line).unwrap();
        let service = embedded::service(&name).unwrap();
        for (builtins, expected) in matrix().zip(outcomes) {
            total += 1;
            let mut params = Params::default();
            params.bind(&service.rules, &builtins);
            let found = compact(service, &params);
            if found != expected {
                failed.push(format!("{name} {builtins:?}\n  expected {expected}\n  found    {found}"));
            }
        }
    }
    println!("conformance: endpoint matrix: {} of {total} as botocore", total - failed.len());
    assert_eq!(total, 439 * matrix().count());
    assert!(failed.is_empty(), "{} of {total} differ:\n{}", failed.len(), failed.join("\n"));
}

/// All regions of all partitions, pseudo regions, one unknown region and none.
fn matrix() -> impl Iterator<Item = Builtins> {
    let regions = endpoint::partitions().iter().flat_map(|partition| partition.regions.iter().copied());
    regions.map(Some).chain([Some("xx-north-9"), None]).flat_map(|region| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(use_fips, use_dual_stack)| {
            Builtins { region: region.map(str::to_owned), use_fips, use_dual_stack, ..Builtins::default() }
        })
    })
}

/// URL and auth schemes, or the error: what the script prints.
fn compact(service: &Service, params: &Params) -> Value {
    match endpoint::resolve(service, params) {
        Ok(mut found) => {
            let schemes = found.properties.shift_remove("authSchemes").unwrap_or_default();
            serde_json::json!([found.url, schemes])
        }
        Err(error) => error.to_string().into(),
    }
}

proptest! {
    /// Whatever the parameters are, there is an endpoint or an error.
    #[test]
    fn no_parameters_make_the_rules_panic(
        name in prop::sample::select(vec!["s3", "s3control", "dynamodb", "kinesis", "events", "sts", "docdb"]),
        texts in prop::collection::vec(prop::option::of("(arn:)?[a-z:/.{}#é-]{0,40}|https?://[a-z\\[\\]:@/?]{0,20}"), 20),
        flags in prop::collection::vec(prop::option::of(any::<bool>()), 20),
    ) {
        let service = embedded::service(name).unwrap();
        let mut params = Params::default();
        for (place, parameter) in service.rules.parameters.iter().enumerate() {
            match parameter.kind {
                ParameterKind::Bool => flags[place % 20].into_iter().for_each(|flag| params.set(parameter.name, flag)),
                _ => texts[place % 20].iter().for_each(|text| params.set(parameter.name, text.as_str())),
            }
        }
        match endpoint::resolve(service, &params) {
            Ok(found) => prop_assert!(!found.url.is_empty() || params.get("Endpoint").is_some()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
