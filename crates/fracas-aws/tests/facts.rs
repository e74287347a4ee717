//! Every fact of the embedded models against botocore's own model objects.

use std::process::Command;

use fracas_aws::model::{
    ContextValue, Expected, Kind, Location, Matcher, Member, Operation, Paginator, Protocol, Service, Shape,
    ShapeId, TimestampFormat, WaitState, Waiter, Wire, embedded,
};
use serde_json::{Value, json};

#[test]
fn models_say_what_botocores_say() {
    let python = std::env::var_os("FRACAS_PYTHON");
    let python = python.expect("FRACAS_PYTHON is not set: run through `cargo xtask test`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/facts.py");
    let output = Command::new(python).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut services, mut total) = (0, 0);
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (name, expected): (String, Vec<Value>) = serde_json::from_str(line).unwrap();
        let found = facts(embedded::service(&name).unwrap());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        (services, total) = (services + 1, total + found.len());
    }
    println!("conformance: model facts: {total} facts of {services} services as botocore has them");
    assert_eq!(services, embedded::services().count());
}

fn facts(service: &Service) -> Vec<Value> {
    let mut facts = vec![metadata(service)];
    facts.extend(service.operations.iter().map(|found| operation(service, found)));
    facts.extend(service.shapes.iter().flat_map(|found| shape(service, found)));
    facts.extend(service.paginators.iter().map(paginator));
    facts.extend(service.waiters.iter().map(waiter));
    facts
}

fn metadata(service: &Service) -> Value {
    let facts = &service.metadata;
    let protocol = match facts.protocol {
        Protocol::Json => "json",
        Protocol::RestJson => "rest-json",
        Protocol::RestXml => "rest-xml",
        Protocol::RpcV2Cbor => "smithy-rpc-v2-cbor",
        Protocol::Query => "query",
        Protocol::Ec2 => "ec2",
    };
    json!([
        "metadata",
        service.name,
        facts.api_version,
        facts.service_id,
        facts.endpoint_prefix,
        facts.signing_name,
        facts.signature_version,
        facts.auth,
        protocol,
        facts.json_version,
        facts.target_prefix,
        facts.xml_namespace,
        facts.query_compatible,
    ])
}

fn operation(service: &Service, op: &Operation) -> Value {
    let name = |id: Option<ShapeId>| id.map(|id| service.shape(id).name);
    let errors: Vec<&str> = op.errors.iter().map(|id| service.shape(*id).name).collect();
    let statics: Vec<Value> =
        op.static_context_params.iter().map(|(name, value)| json!([name, context(value)])).collect();
    let checksum = op.checksum.as_ref();
    json!([
        "operation",
        op.name,
        op.method,
        op.uri,
        op.response_code,
        name(op.input),
        op.input_xml,
        name(op.output),
        op.result_wrapper,
        errors,
        op.auth,
        op.auth_type,
        op.unsigned_payload,
        op.host_prefix,
        statics,
        checksum.is_some_and(|checksum| checksum.required),
        checksum.map_or("", |checksum| checksum.algorithm_member),
        checksum.map(|checksum| checksum.response_algorithms.clone()).unwrap_or_default(),
        op.request_compression,
        op.endpoint_discovery,
        op.deprecated,
    ])
}

fn context(value: &ContextValue) -> Value {
    match value {
        ContextValue::Bool(value) => json!(value),
        ContextValue::Text(text) => json!(text),
        ContextValue::List(texts) => json!(texts),
    }
}

fn shape(service: &Service, shape: &Shape) -> Vec<Value> {
    let part = |id: ShapeId, found: &Wire| json!(["part", service.shape(id).name, wire(found)]);
    let least = shape.min.map(|bound| bound.to_string());
    let plain = |kind: &str| json!(["shape", shape.name, kind, least, shape.sensitive]);
    match &shape.kind {
        Kind::Structure(found) => {
            let mut first = plain("structure");
            let more = json!([
                found.payload,
                shape.error_code(),
                found.document,
                found.union,
                found.eventstream,
                found.event
            ]);
            first.as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
            std::iter::once(first).chain(found.members.iter().map(|found| member(service, found))).collect()
        }
        Kind::List(list) => vec![plain("list"), part(list.member, &list.member_wire)],
        Kind::Map(map) => vec![plain("map"), part(map.key, &map.key_wire), part(map.value, &map.value_wire)],
        Kind::String => vec![plain("string")],
        Kind::Boolean => vec![plain("boolean")],
        Kind::Integer => vec![plain("integer")],
        Kind::Long => vec![plain("long")],
        Kind::Float => vec![plain("float")],
        Kind::Double => vec![plain("double")],
        Kind::Timestamp => vec![plain("timestamp")],
        Kind::Blob { .. } => vec![plain("blob")],
    }
}

fn member(service: &Service, member: &Member) -> Value {
    json!([
        "member",
        member.name,
        service.shape(member.shape).name,
        member.required,
        wire(&member.wire),
        member.context_param,
        member.idempotency_token,
        member.host_label,
        member.json_value,
        member.streaming,
        member.event_payload,
    ])
}

fn wire(wire: &Wire) -> Value {
    let location = match wire.location {
        Location::Body => None,
        Location::Header => Some("header"),
        Location::Headers => Some("headers"),
        Location::Uri => Some("uri"),
        Location::QueryString => Some("querystring"),
        Location::StatusCode => Some("statusCode"),
    };
    let format = wire.timestamp_format.map(|format| match format {
        TimestampFormat::Iso8601 => "iso8601",
        TimestampFormat::Rfc822 => "rfc822",
        TimestampFormat::UnixTimestamp => "unixTimestamp",
    });
    let namespace = wire.xml_namespace.as_ref().map(|namespace| (namespace.prefix, namespace.uri));
    json!([location, wire.name, wire.query_name, wire.flattened, wire.xml_attribute, namespace, format])
}

fn paginator(found: &Paginator) -> Value {
    json!([
        "paginator",
        found.operation,
        found.input_tokens,
        found.output_tokens,
        found.result_keys,
        found.non_aggregate_keys,
        found.limit_key,
        found.more_results,
    ])
}

fn waiter(found: &Waiter) -> Value {
    let acceptors: Vec<Value> = found
        .acceptors
        .iter()
        .map(|acceptor| {
            let state = match acceptor.state {
                WaitState::Success => "success",
                WaitState::Failure => "failure",
                WaitState::Retry => "retry",
            };
            let (matcher, argument) = match acceptor.matcher {
                Matcher::Path(path) => ("path", Some(path)),
                Matcher::PathAll(path) => ("pathAll", Some(path)),
                Matcher::PathAny(path) => ("pathAny", Some(path)),
                Matcher::Status => ("status", None),
                Matcher::Error => ("error", None),
            };
            let expected = match acceptor.expected {
                Expected::Text(text) => json!(text),
                Expected::Number(number) => json!(number),
                Expected::Bool(value) => json!(value),
            };
            json!([state, matcher, argument, expected])
        })
        .collect();
    json!(["waiter", found.name, found.operation, found.delay, found.max_attempts, acceptors])
}
