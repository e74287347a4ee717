//! Reads botocore's model files (`service-2.json` and its companions) into a [`Service`].
//!
//! In go JSON texts, out come the bytes that [`super::Service`] decodes from. Documentation,
//! patterns and all else that boto3 never acts on stay behind.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    Acceptor, Bound, Checksum, ContextValue, ErrorTrait, Expected, Kind, List, Location, Matcher, Member,
    Metadata, Operation, Paginator, Protocol, Service, Shape, ShapeId, Structure, TimestampFormat, WaitState,
    Waiter, Wire, XmlNamespace,
};

#[cfg(feature = "pack")]
mod partitions;
mod rules;

#[cfg(feature = "pack")]
pub use partitions::distil_partitions;

/// The model files of one API version of a service, as text. What a service lacks is absent.
#[derive(Debug, Default, Clone)]
pub struct Texts {
    /// `service-2.json`
    pub service: String,
    /// `service-2.sdk-extras.json`
    pub service_extras: Option<String>,
    /// `paginators-1.json`
    pub paginators: Option<String>,
    /// `paginators-1.sdk-extras.json`
    pub paginators_extras: Option<String>,
    /// `waiters-2.json`
    pub waiters: Option<String>,
    /// `endpoint-rule-set-1.json`
    pub rules: Option<String>,
}

/// A model file is not what botocore could read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub(crate) String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

fn unreadable<T>(what: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable(what.into()))
}

/// Distils the model files of the service that boto3 knows as `name`.
pub fn distil(name: &str, texts: &Texts) -> Result<Vec<u8>, Unreadable> {
    let model = merged("service-2", Some(&texts.service), texts.service_extras.as_deref())?;
    let paginators = merged("paginators-1", texts.paginators.as_deref(), texts.paginators_extras.as_deref())?;
    let waiters = merged("waiters-2", texts.waiters.as_deref(), None)?;
    let rules = merged("endpoint-rule-set-1", texts.rules.as_deref(), None)?;
    let names = ShapeNames::reachable(&model)?;
    let service = Service {
        name,
        metadata: metadata(&model)?,
        operations: operations(&model, &names)?,
        shapes: names.0.iter().map(|name| shape(&model, name, &names)).collect::<Result<_, _>>()?,
        paginators: sorted(&paginators["pagination"]).map(paginator).collect(),
        waiters: sorted(&waiters["waiters"]).map(waiter).collect::<Result<_, _>>()?,
        rules: if rules.is_null() { Default::default() } else { rules::rule_set(&rules)? },
    };
    Ok(bitcode::encode(&service))
}

/// A file with the `merge` of its extras laid over it.
fn merged(file: &str, text: Option<&str>, extras: Option<&str>) -> Result<Value, Unreadable> {
    let parse = |text: &str| {
        serde_json::from_str(text).map_err(|error| Unreadable(format!("{file}.json is no JSON: {error}")))
    };
    let mut value = text.map_or(Ok(Value::Null), parse)?;
    if let Some(extras) = extras {
        let mut extras = parse(extras)?;
        lay_over(&mut value, extras["merge"].take());
    }
    Ok(value)
}

/// botocore's `deep_merge`: objects are merged, all else is replaced.
fn lay_over(base: &mut Value, extra: Value) {
    match (base, extra) {
        (Value::Object(base), Value::Object(extra)) => {
            for (key, value) in extra {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (base, extra) => *base = extra,
    }
}

/// A text, or empty.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// True only where it says so.
pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value[key].as_bool().unwrap_or_default()
}

/// The texts of a list; a single text counts as a list of one.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The fields of an object in its order.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// The fields of an object by name.
pub(crate) fn sorted(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let mut all: Vec<_> = entries(value).collect();
    all.sort_by_key(|(name, _)| *name);
    all.into_iter()
}

/// The names of the shapes that are kept; a shape's place is its id.
struct ShapeNames<'v>(Vec<&'v str>, HashMap<&'v str, ShapeId>);

impl<'v> ShapeNames<'v> {
    /// What operations reach, and all errors: clients map error codes service-wide.
    fn reachable(model: &'v Value) -> Result<Self, Unreadable> {
        let Some(shapes) = model["shapes"].as_object() else { return unreadable("the model has no shapes") };
        let mut seen = HashSet::new();
        let mut open: Vec<&str> = entries(&model["operations"])
            .flat_map(|(_, operation)| {
                [&operation["input"], &operation["output"]].map(|end| text(end, "shape"))
            })
            .filter(|name| !name.is_empty())
            .chain(shapes.iter().filter(|(_, shape)| flag(shape, "exception")).map(|(name, _)| name.as_str()))
            .chain(modelled_errors(model))
            .collect();
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                open.extend(references(shape_value(shapes, name)?));
            }
        }
        let names: Vec<_> = shapes.keys().map(String::as_str).filter(|name| seen.contains(name)).collect();
        let ids = names.iter().zip(0..).map(|(name, id)| (*name, ShapeId(id))).collect();
        Ok(Self(names, ids))
    }

    fn id(&self, name: &str) -> Result<ShapeId, Unreadable> {
        self.1.get(name).copied().ok_or_else(|| Unreadable(format!("the model has no shape `{name}`")))
    }

    /// The shape that a reference such as `{"shape": "String"}` points at, if there is one.
    fn reference(&self, value: &Value) -> Result<Option<ShapeId>, Unreadable> {
        if value.is_null() { Ok(None) } else { self.id(text(value, "shape")).map(Some) }
    }
}

fn modelled_errors(model: &Value) -> impl Iterator<Item = &str> {
    entries(&model["operations"])
        .flat_map(|(_, operation)| operation["errors"].as_array().into_iter().flatten())
        .map(|error| text(error, "shape"))
}

fn shape_value<'v>(shapes: &'v Map<String, Value>, name: &str) -> Result<&'v Value, Unreadable> {
    shapes.get(name).ok_or_else(|| Unreadable(format!("the model has no shape `{name}`")))
}

/// The names of the shapes that a shape points at.
fn references(shape: &Value) -> impl Iterator<Item = &str> {
    let members = entries(&shape["members"]).map(|(_, member)| member);
    members
        .chain(["member", "key", "value"].iter().map(|part| &shape[part]))
        .filter_map(|reference| reference["shape"].as_str())
}

fn metadata(model: &Value) -> Result<Metadata<'_>, Unreadable> {
    let metadata = &model["metadata"];
    let endpoint_prefix = text(metadata, "endpointPrefix");
    let params = entries(&model["clientContextParams"]).map(|(name, param)| (name, text(param, "type")));
    Ok(Metadata {
        api_version: text(metadata, "apiVersion"),
        full_name: text(metadata, "serviceFullName"),
        service_id: text(metadata, "serviceId"),
        endpoint_prefix,
        signing_name: metadata["signingName"].as_str().unwrap_or(endpoint_prefix),
        signature_version: text(metadata, "signatureVersion"),
        auth: texts(&metadata["auth"]),
        protocol: protocol(metadata)?,
        json_version: text(metadata, "jsonVersion"),
        target_prefix: text(metadata, "targetPrefix"),
        xml_namespace: text(metadata, "xmlNamespace"),
        query_compatible: !metadata["awsQueryCompatible"].is_null(),
        client_context_params: params.collect(),
    })
}

/// botocore's `ServiceModel.resolved_protocol`.
fn protocol(metadata: &Value) -> Result<Protocol, Unreadable> {
    const PREFERRED: [(&str, Protocol); 6] = [
        ("json", Protocol::Json),
        ("rest-json", Protocol::RestJson),
        ("rest-xml", Protocol::RestXml),
        ("smithy-rpc-v2-cbor", Protocol::RpcV2Cbor),
        ("query", Protocol::Query),
        ("ec2", Protocol::Ec2),
    ];
    let mut spoken = texts(&metadata["protocols"]);
    if spoken.is_empty() {
        spoken = texts(&metadata["protocol"]);
    }
    let found = PREFERRED.iter().find(|(name, _)| spoken.contains(name));
    found.map(|(_, protocol)| *protocol).ok_or_else(|| {
        let known = PREFERRED.map(|(name, _)| name).join(", ");
        Unreadable(format!("the service speaks {}; the client speaks {known}", spoken.join(", ")))
    })
}

fn operations<'v>(model: &'v Value, names: &ShapeNames) -> Result<Vec<Operation<'v>>, Unreadable> {
    sorted(&model["operations"]).map(|(name, value)| operation(model, name, value, names)).collect()
}

fn operation<'v>(
    model: &'v Value,
    name: &'v str,
    value: &'v Value,
    names: &ShapeNames,
) -> Result<Operation<'v>, Unreadable> {
    let errors = value["errors"].as_array().into_iter().flatten();
    let statics = entries(&value["staticContextParams"]);
    let paths = entries(&value["operationContextParams"]).map(|(name, param)| (name, text(param, "path")));
    Ok(Operation {
        name,
        method: text(&value["http"], "method"),
        uri: text(&value["http"], "requestUri"),
        response_code: value["http"]["responseCode"].as_u64().unwrap_or_default() as u16,
        input: names.reference(&value["input"])?,
        input_xml: input_xml(model, &value["input"]),
        output: names.reference(&value["output"])?,
        result_wrapper: text(&value["output"], "resultWrapper"),
        errors: errors.map(|error| names.id(text(error, "shape"))).collect::<Result<_, _>>()?,
        auth: texts(&value["auth"]),
        auth_type: text(value, "authtype"),
        unsigned_payload: flag(value, "unsignedPayload"),
        host_prefix: text(&value["endpoint"], "hostPrefix"),
        static_context_params: statics
            .map(|(name, param)| Ok((name, context_value(&param["value"])?)))
            .collect::<Result<_, _>>()?,
        operation_context_params: paths.collect(),
        checksum: checksum(value),
        request_compression: texts(&value["requestcompression"]["encodings"]),
        endpoint_discovery: endpoint_discovery(&value["endpointdiscovery"]),
        endpoint_operation: flag(value, "endpointoperation"),
        idempotent: flag(value, "idempotent"),
        readonly: flag(value, "readonly"),
        deprecated: flag(value, "deprecated"),
    })
}

fn input_xml<'v>(model: &'v Value, input: &'v Value) -> Option<(&'v str, &'v str)> {
    let traits = Traits::of(model, input);
    let name = traits.text("locationName");
    (!name.is_empty()).then(|| (name, xml_namespace(traits.get("xmlNamespace")).uri))
}

fn context_value(value: &Value) -> Result<ContextValue<'_>, Unreadable> {
    match value {
        Value::Bool(value) => Ok(ContextValue::Bool(*value)),
        Value::String(value) => Ok(ContextValue::Text(value)),
        Value::Array(_) => Ok(ContextValue::List(texts(value))),
        other => unreadable(format!("an endpoint parameter cannot be {other}")),
    }
}

fn checksum(operation: &Value) -> Option<Checksum<'_>> {
    let checksum = &operation["httpChecksum"];
    let required = flag(operation, "httpChecksumRequired");
    (required || !checksum.is_null()).then(|| Checksum {
        required: required || flag(checksum, "requestChecksumRequired"),
        algorithm_member: text(checksum, "requestAlgorithmMember"),
        validation_mode_member: text(checksum, "requestValidationModeMember"),
        response_algorithms: texts(&checksum["responseAlgorithms"]),
    })
}

fn endpoint_discovery(value: &Value) -> u8 {
    match (value.is_null(), flag(value, "required")) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

/// What a reference says about its shape, laid over what the shape says about itself.
struct Traits<'v> {
    reference: &'v Value,
    shape: &'v Value,
}

impl<'v> Traits<'v> {
    fn of(model: &'v Value, reference: &'v Value) -> Self {
        Self { reference, shape: &model["shapes"][text(reference, "shape")] }
    }

    fn get(&self, key: &str) -> &'v Value {
        self.reference.get(key).unwrap_or(&self.shape[key])
    }

    fn text(&self, key: &str) -> &'v str {
        self.get(key).as_str().unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key).as_bool().unwrap_or_default()
    }

    fn wire(&self) -> Result<Wire<'v>, Unreadable> {
        let namespace = self.get("xmlNamespace");
        Ok(Wire {
            location: location(self.text("location"))?,
            name: self.text("locationName"),
            query_name: self.text("queryName"),
            flattened: self.flag("flattened"),
            xml_attribute: self.flag("xmlAttribute"),
            xml_namespace: (!namespace.is_null()).then(|| Box::new(xml_namespace(namespace))),
            timestamp_format: timestamp_format(self.text("timestampFormat"))?,
        })
    }
}

fn xml_namespace(value: &Value) -> XmlNamespace<'_> {
    // The default namespace may be given without its name.
    let uri = value.as_str().unwrap_or_else(|| text(value, "uri"));
    XmlNamespace { prefix: text(value, "prefix"), uri }
}

fn location(name: &str) -> Result<Location, Unreadable> {
    Ok(match name {
        "" => Location::Body,
        "header" => Location::Header,
        "headers" => Location::Headers,
        "uri" => Location::Uri,
        "querystring" => Location::QueryString,
        "statusCode" => Location::StatusCode,
        other => return unreadable(format!("unknown location `{other}`")),
    })
}

fn timestamp_format(name: &str) -> Result<Option<TimestampFormat>, Unreadable> {
    Ok(match name {
        "" => None,
        "iso8601" => Some(TimestampFormat::Iso8601),
        "rfc822" => Some(TimestampFormat::Rfc822),
        "unixTimestamp" => Some(TimestampFormat::UnixTimestamp),
        other => return unreadable(format!("unknown timestamp format `{other}`")),
    })
}

fn shape<'v>(model: &'v Value, name: &'v str, names: &ShapeNames) -> Result<Shape<'v>, Unreadable> {
    let value = &model["shapes"][name];
    let kind = match text(value, "type") {
        "structure" => Kind::Structure(structure(model, value, names)?),
        "list" => Kind::List(Box::new(list(model, value, names)?)),
        "map" => Kind::Map(Box::new(map(model, value, names)?)),
        "string" | "character" => Kind::String,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob { requires_length: flag(value, "requiresLength") },
        other => return unreadable(format!("shape `{name}` is of unknown type `{other}`")),
    };
    Ok(Shape { name, kind, min: bound(&value["min"]), sensitive: flag(value, "sensitive") })
}

fn bound(value: &Value) -> Option<Bound> {
    value.as_i64().map(Bound::Integer).or_else(|| value.as_f64().map(Bound::Float))
}

fn structure<'v>(
    model: &'v Value,
    value: &'v Value,
    names: &ShapeNames,
) -> Result<Structure<'v>, Unreadable> {
    let required: HashSet<&str> = texts(&value["required"]).into_iter().collect();
    let members = entries(&value["members"]).map(|(name, reference)| {
        let member = member(name, &Traits::of(model, reference), names)?;
        Ok(Member { required: required.contains(name), ..member })
    });
    Ok(Structure {
        members: members.collect::<Result<_, _>>()?,
        payload: text(value, "payload"),
        document: flag(value, "document"),
        union: flag(value, "union"),
        eventstream: flag(value, "eventstream"),
        event: flag(value, "event"),
        error: flag(value, "exception").then(|| Box::new(error(value))),
    })
}

fn error(value: &Value) -> ErrorTrait<'_> {
    let error = &value["error"];
    ErrorTrait {
        code: text(error, "code"),
        status: error["httpStatusCode"].as_u64().unwrap_or_default() as u16,
        sender_fault: flag(error, "senderFault"),
        retryable: !value["retryable"].is_null(),
        throttling: flag(&value["retryable"], "throttling"),
    }
}

fn member<'v>(name: &'v str, traits: &Traits<'v>, names: &ShapeNames) -> Result<Member<'v>, Unreadable> {
    Ok(Member {
        name,
        shape: names.id(text(traits.reference, "shape"))?,
        required: false,
        wire: traits.wire()?,
        idempotency_token: traits.flag("idempotencyToken"),
        host_label: traits.flag("hostLabel"),
        context_param: text(traits.get("contextParam"), "name"),
        json_value: traits.flag("jsonvalue"),
        streaming: traits.flag("streaming"),
        event_payload: traits.flag("eventpayload"),
        event_header: traits.flag("eventheader"),
        deprecated: flag(traits.reference, "deprecated"),
    })
}

fn list<'v>(model: &'v Value, value: &'v Value, names: &ShapeNames) -> Result<List<'v>, Unreadable> {
    Ok(List {
        member: names.id(text(&value["member"], "shape"))?,
        member_wire: Traits::of(model, &value["member"]).wire()?,
        sparse: flag(value, "sparse"),
    })
}

fn map<'v>(model: &'v Value, value: &'v Value, names: &ShapeNames) -> Result<super::Map<'v>, Unreadable> {
    Ok(super::Map {
        key: names.id(text(&value["key"], "shape"))?,
        key_wire: Traits::of(model, &value["key"]).wire()?,
        value: names.id(text(&value["value"], "shape"))?,
        value_wire: Traits::of(model, &value["value"]).wire()?,
        sparse: flag(value, "sparse"),
    })
}

fn paginator<'v>((operation, value): (&'v str, &'v Value)) -> Paginator<'v> {
    Paginator {
        operation,
        input_tokens: texts(&value["input_token"]),
        output_tokens: texts(&value["output_token"]),
        result_keys: texts(&value["result_key"]),
        limit_key: text(value, "limit_key"),
        more_results: text(value, "more_results"),
        non_aggregate_keys: texts(&value["non_aggregate_keys"]),
    }
}

fn waiter<'v>((name, value): (&'v str, &'v Value)) -> Result<Waiter<'v>, Unreadable> {
    let acceptors = value["acceptors"].as_array().into_iter().flatten();
    Ok(Waiter {
        name,
        operation: text(value, "operation"),
        delay: value["delay"].as_u64().unwrap_or_default() as u32,
        max_attempts: value["maxAttempts"].as_u64().unwrap_or_default() as u32,
        acceptors: acceptors.map(acceptor).collect::<Result<_, _>>()?,
    })
}

fn acceptor(value: &Value) -> Result<Acceptor<'_>, Unreadable> {
    let argument = text(value, "argument");
    Ok(Acceptor {
        state: match text(value, "state") {
            "success" => WaitState::Success,
            "failure" => WaitState::Failure,
            "retry" => WaitState::Retry,
            other => return unreadable(format!("a waiter knows no state `{other}`")),
        },
        matcher: match text(value, "matcher") {
            "path" => Matcher::Path(argument),
            "pathAll" => Matcher::PathAll(argument),
            "pathAny" => Matcher::PathAny(argument),
            "status" => Matcher::Status,
            "error" => Matcher::Error,
            other => return unreadable(format!("a waiter knows no matcher `{other}`")),
        },
        expected: expected(&value["expected"])?,
    })
}

fn expected(value: &Value) -> Result<Expected<'_>, Unreadable> {
    match value {
        Value::String(text) => Ok(Expected::Text(text)),
        Value::Bool(value) => Ok(Expected::Bool(*value)),
        Value::Number(number) if number.is_i64() => Ok(Expected::Number(number.as_i64().unwrap_or_default())),
        other => unreadable(format!("a waiter cannot expect {other}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn texts_of(service: Value) -> Texts {
        Texts { service: service.to_string(), ..Texts::default() }
    }

    fn small() -> Value {
        json!({
            "metadata": {"endpointPrefix": "tiny", "protocol": "query"},
            "operations": {"Get": {"name": "Get", "input": {"shape": "In"}, "errors": [{"shape": "Gone"}]}},
            "shapes": {
                "Unused": {"type": "string"},
                "In": {"type": "structure", "members": {"Names": {"shape": "Names", "locationName": "n"}}},
                "Names": {"type": "list", "member": {"shape": "Name"}, "flattened": true, "min": 1},
                "Name": {"type": "string", "min": 0.5, "locationName": "name"},
                "Gone": {"type": "structure", "exception": true, "error": {"code": "GoneAway"}},
            },
        })
    }

    fn refusal(model: Value) -> String {
        distil("tiny", &texts_of(model)).unwrap_err().to_string()
    }

    #[test]
    fn only_what_is_reached_is_kept() {
        let bytes = distil("tiny", &texts_of(small())).unwrap();
        let service: Service = bitcode::decode(&bytes).unwrap();
        let names: Vec<&str> = service.shapes.iter().map(|shape| shape.name).collect();
        assert_eq!(names, ["In", "Names", "Name", "Gone"]);
        assert_eq!(service.error("GoneAway").unwrap().name, "Gone");
        assert_eq!(service.metadata.signing_name, "tiny");
    }

    #[test]
    fn a_reference_counts_before_its_shape() {
        let bytes = distil("tiny", &texts_of(small())).unwrap();
        let service: Service = bitcode::decode(&bytes).unwrap();
        let Kind::Structure(input) = &service.shapes[0].kind else { panic!() };
        assert_eq!(input.members[0].wire.name, "n");
        assert!(input.members[0].wire.flattened, "said by the shape only");
        let Kind::List(list) = &service.shapes[1].kind else { panic!() };
        assert_eq!(list.member_wire.name, "name");
    }

    #[test]
    fn bounds_read_as_in_the_model() {
        let bytes = distil("tiny", &texts_of(small())).unwrap();
        let service: Service = bitcode::decode(&bytes).unwrap();
        assert_eq!(service.shapes[1].min.unwrap().to_string(), "1");
        assert_eq!(service.shapes[2].min.unwrap().to_string(), "0.5");
        assert_eq!(Bound::Float(1e-7).to_string(), "1e-07");
        assert_eq!(Bound::Float(0.0).to_string(), "0.0");
    }

    #[test]
    fn extras_are_laid_over() {
        let extras =
            json!({"merge": {"metadata": {"serviceId": "Tiny"}, "shapes": {"Name": {"type": "blob"}}}});
        let texts = Texts { service_extras: Some(extras.to_string()), ..texts_of(small()) };
        let bytes = distil("tiny", &texts).unwrap();
        let service: Service = bitcode::decode(&bytes).unwrap();
        assert_eq!(service.metadata.service_id, "Tiny");
        assert_eq!(service.metadata.endpoint_prefix, "tiny");
        assert_eq!(service.shapes[2].kind, Kind::Blob { requires_length: false });
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut unknown_type = small();
        unknown_type["shapes"]["Name"]["type"] = "colour".into();
        assert_eq!(refusal(unknown_type), "shape `Name` is of unknown type `colour`");
        let mut dangling = small();
        dangling["shapes"]["Names"]["member"]["shape"] = "Nome".into();
        assert_eq!(refusal(dangling), "the model has no shape `Nome`");
        let mut protocol = small();
        protocol["metadata"]["protocol"] = "soap".into();
        assert_eq!(
            refusal(protocol),
            "the service speaks soap; the client speaks json, rest-json, rest-xml, smithy-rpc-v2-cbor, query, ec2"
        );
        let no_json = Texts { service: "{".to_owned(), ..Texts::default() };
        assert!(distil("tiny", &no_json).unwrap_err().to_string().starts_with("service-2.json is no JSON: "));
    }

    /// JSON with the keys of models, in places where they may make no sense.
    fn odd_json() -> impl Strategy<Value = Value> {
        const KEYS: [&str; 12] = [
            "shapes",
            "operations",
            "metadata",
            "members",
            "shape",
            "type",
            "input",
            "errors",
            "member",
            "rules",
            "argv",
            "conditions",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["structure", "list", "A", "{A}}", "tree", "query", ""])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let keys = prop::sample::select([&KEYS[..], &["A"]].concat());
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((keys, inner), 0..6).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_model_makes_the_distiller_panic(model in odd_json(), rules in odd_json(), waiters in odd_json()) {
            let mut service = small();
            lay_over(&mut service, model);
            let texts = Texts {
                rules: Some(rules.to_string()),
                waiters: Some(waiters.to_string()),
                ..texts_of(service)
            };
            if let Ok(bytes) = distil("odd", &texts) {
                prop_assert!(bitcode::decode::<Service>(&bytes).is_ok());
            }
        }
    }
}
