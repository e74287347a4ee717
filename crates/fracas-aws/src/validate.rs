//! Checks parameters against a service model, in boto3's words, before anything is sent.
//!
//! Parameters are JSON, so JSON stands for Python's types: a moment is ISO 8601 text or the seconds
//! since 1970, and bytes are base64 text (the one check here that boto3 does not make).
//! All that is wrong with one call is reported at once (botocore's `validate.py`).

use crate::error::Error;
use crate::model::{Bound, Kind, Location, Member, Operation, Service, Shape, ShapeId, Structure};
use crate::time::Moment;
use crate::value::{python_class, python_str};
use serde_json::{Map, Value};

const TEXT: &[&str] = &["<class 'str'>"];
const FLAG: &[&str] = &["<class 'bool'>"];
const INTEGER: &[&str] = &["<class 'int'>"];
const FLOAT: &[&str] = &["<class 'float'>", "<class 'decimal.Decimal'>", "<class 'int'>"];
const DICT: &[&str] = &["<class 'dict'>"];
const LIST: &[&str] = &["<class 'list'>", "<class 'tuple'>"];
const MOMENT: &[&str] = &["<class 'datetime.datetime'>", "timestamp-string"];
const BYTES: &[&str] = &["<class 'bytes'>", "<class 'bytearray'>", "file-like object"];

/// Checks the parameters of one call.
pub(crate) fn parameters(service: &Service, operation: &Operation, params: &Value) -> Result<(), Error> {
    let report = match operation.input {
        Some(input) => report(service, input, params),
        None => unexpected(params),
    };
    if report.is_empty() { Ok(()) } else { Err(failed(&report.join("\n"))) }
}

/// The error that boto3 raises for a report.
pub(crate) fn failed(report: &str) -> Error {
    Error::unsent("ParamValidationError", format!("Parameter validation failed:\n{report}"))
}

/// All that is wrong with a value of a shape, one line each.
fn report(service: &Service, shape: ShapeId, value: &Value) -> Vec<String> {
    let mut check = Check { service, report: Vec::new() };
    check.value(service.shape(shape), None, value, "");
    check.report
}

/// botocore ignores the parameters of an operation that takes none; here they are an error, since
/// what the user asked for would not happen.
fn unexpected(params: &Value) -> Vec<String> {
    match params {
        Value::Object(entries) => {
            let unknown = |name| format!("Unknown parameter in input: \"{name}\", must be one of: ");
            entries.keys().map(unknown).collect()
        }
        other => vec![wrong_type("", other, DICT)],
    }
}

struct Check<'s> {
    service: &'s Service<'s>,
    report: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, shape: &Shape, member: Option<&Member>, value: &Value, name: &str) {
        if member.is_some_and(|m| m.json_value && m.wire.location == Location::Header) {
            return;
        }
        match &shape.kind {
            Kind::Structure(structure) if structure.document => {}
            Kind::Structure(structure) => self.structure(structure, value, name),
            Kind::List(list) => self.list(shape, list.member, value, name),
            Kind::Map(map) => self.map(map.key, map.value, value, name),
            Kind::String => self.text(shape, member, value, name),
            Kind::Boolean => self.expect(value.is_boolean(), name, value, FLAG),
            Kind::Integer | Kind::Long => self.number(shape, member, value, name, INTEGER),
            Kind::Float | Kind::Double => self.number(shape, member, value, name, FLOAT),
            Kind::Timestamp => self.expect(Moment::from_value(value).is_some(), name, value, MOMENT),
            Kind::Blob { .. } => self.blob(value, name),
        }
    }

    fn expect(&mut self, right: bool, name: &str, value: &Value, valid: &[&str]) {
        if !right {
            self.report.push(wrong_type(name, value, valid));
        }
    }

    fn structure(&mut self, structure: &Structure, value: &Value, name: &str) {
        let Value::Object(entries) = value else { return self.expect(false, name, value, DICT) };
        if structure.union {
            self.union(structure, entries, name);
        }
        for member in structure.members.iter().filter(|m| m.required && !entries.contains_key(m.name)) {
            self.report.push(format!("Missing required parameter in {}: \"{}\"", shown(name), member.name));
        }
        let known: Vec<_> = entries
            .iter()
            .filter_map(|(key, value)| Some((self.known(structure, key, name)?, value)))
            .collect();
        for (member, value) in known {
            let name = format!("{name}.{}", member.name);
            self.value(self.service.shape(member.shape), Some(member), value, &name);
        }
    }

    fn known<'m>(&mut self, structure: &'m Structure<'m>, key: &str, name: &str) -> Option<&'m Member<'m>> {
        let member = structure.members.iter().find(|member| member.name == key);
        if member.is_none() {
            let valid = names(structure);
            self.report
                .push(format!("Unknown parameter in {}: \"{key}\", must be one of: {valid}", shown(name)));
        }
        member
    }

    fn union(&mut self, structure: &Structure, entries: &Map<String, Value>, name: &str) {
        let (name, members) = (shown(name), names(structure));
        match entries.len() {
            // The missing blank is botocore's.
            0 => self.report.push(format!(
                "Must set one of the following keys for tagged unionstructure {name}: {members}."
            )),
            1 => {}
            _ => self.report.push(format!(
                "Invalid number of parameters set for tagged union structure {name}. \
                 Can only set one of the following keys: {members}."
            )),
        }
    }

    fn list(&mut self, shape: &Shape, member: ShapeId, value: &Value, name: &str) {
        let Value::Array(items) = value else { return self.expect(false, name, value, LIST) };
        self.length(shape, None, items.len(), name);
        for (index, item) in items.iter().enumerate() {
            self.value(self.service.shape(member), None, item, &format!("{name}[{index}]"));
        }
    }

    fn map(&mut self, key_shape: ShapeId, value_shape: ShapeId, value: &Value, name: &str) {
        let Value::Object(entries) = value else { return self.expect(false, name, value, DICT) };
        for (key, item) in entries {
            let key_value = Value::String(key.clone());
            self.value(self.service.shape(key_shape), None, &key_value, &format!("{name} (key: {key})"));
            self.value(self.service.shape(value_shape), None, item, &format!("{name}.{key}"));
        }
    }

    fn text(&mut self, shape: &Shape, member: Option<&Member>, value: &Value, name: &str) {
        let Value::String(text) = value else { return self.expect(false, name, value, TEXT) };
        self.length(shape, member, text.chars().count(), name);
    }

    fn length(&mut self, shape: &Shape, member: Option<&Member>, length: usize, name: &str) {
        if let Some(min) = least(shape, member)
            && (length as f64) < min.value()
        {
            self.report.push(format!(
                "Invalid length for parameter {}, value: {length}, valid min length: {min}",
                shown(name)
            ));
        }
    }

    fn number(&mut self, shape: &Shape, member: Option<&Member>, value: &Value, name: &str, valid: &[&str]) {
        let number = match value {
            // True is 1 in Python.
            Value::Bool(flag) => f64::from(u8::from(*flag)),
            Value::Number(number) if valid == FLOAT || !number.is_f64() => number.as_f64().unwrap_or(0.0),
            _ => return self.expect(false, name, value, valid),
        };
        if let Some(min) = least(shape, member)
            && number < min.value()
        {
            let (name, value) = (shown(name), python_str(value));
            self.report
                .push(format!("Invalid value for parameter {name}, value: {value}, valid min value: {min}"));
        }
    }

    fn blob(&mut self, value: &Value, name: &str) {
        let Value::String(text) = value else { return self.expect(false, name, value, BYTES) };
        if aws_smithy_types::base64::decode(text).is_err() {
            self.report
                .push(format!("Invalid value for parameter {}: bytes are given as base64 text", shown(name)));
        }
    }
}

/// The least value or length, 1 for what becomes part of the host name.
fn least(shape: &Shape, member: Option<&Member>) -> Option<Bound> {
    shape.min.or(member.filter(|m| m.host_label).map(|_| Bound::Integer(1)))
}

fn names(structure: &Structure) -> String {
    structure.members.iter().map(|member| member.name).collect::<Vec<_>>().join(", ")
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "input" } else { name.strip_prefix('.').unwrap_or(name) }
}

fn wrong_type(name: &str, value: &Value, valid: &[&str]) -> String {
    let (name, class, valid) = (shown(name), python_class(value), valid.join(", "));
    format!(
        "Invalid type for parameter {name}, value: {}, type: {class}, valid types: {valid}",
        python_str(value)
    )
}
