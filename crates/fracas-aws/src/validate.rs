//! Checks parameters against a service model, in boto3's words, before anything is sent.
//!
//! Parameters are JSON, so JSON stands for Python's types: a moment is ISO 8601 text or the seconds
//! since 1970, and bytes are base64 text (the one check here that boto3 does not make).
//! All that is wrong with one call is reported at once (botocore's `validate.py`).

use crate::client::near;
use crate::error::Error;
use crate::model::{Bound, Kind, Location, Member, Operation, Service, Shape, ShapeId, Structure};
use crate::time::Moment;
use crate::value::{python_class, python_str};
use serde_json::{Map, Value};
use std::fmt;

/// Types that a value may have.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Valid {
    /// As boto3 lists them.
    classes: &'static str,
    /// As a user of JSON would say it.
    words: &'static str,
}

const TEXT: Valid = Valid { classes: "<class 'str'>", words: "a string" };
const FLAG: Valid = Valid { classes: "<class 'bool'>", words: "a boolean" };
const INTEGER: Valid = Valid { classes: "<class 'int'>", words: "an integer" };
const FLOAT: Valid =
    Valid { classes: "<class 'float'>, <class 'decimal.Decimal'>, <class 'int'>", words: "a number" };
const DICT: Valid = Valid { classes: "<class 'dict'>", words: "an object" };
const LIST: Valid = Valid { classes: "<class 'list'>, <class 'tuple'>", words: "a list" };
const MOMENT: Valid = Valid {
    classes: "<class 'datetime.datetime'>, timestamp-string",
    words: "a moment such as \"2030-01-31T12:00:00Z\", or seconds since 1970",
};
const BYTES: Valid =
    Valid { classes: "<class 'bytes'>, <class 'bytearray'>, file-like object", words: "a string of base64" };

/// Something wrong with the parameters of a call. `Display` gives boto3's line about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The way to the value that is wrong, from the parameters on.
    pub path: Vec<Part>,
    /// What is wrong with it.
    pub fault: Fault,
    line: String,
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Into the value of this name.
    Key(String),
    /// The name itself.
    Name(String),
    /// Into the item at this place, from 0.
    Index(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Key(key) => write!(f, ".{key}"),
            Part::Name(key) => write!(f, " (key: {key})"),
            Part::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// An object without a member that it must have.
    Missing(&'static str),
    /// A member that the object around it does not know; it knows these.
    Unknown(Vec<&'static str>),
    /// A value of another type than this.
    Type(&'static str),
    /// A text or list that is shorter than this.
    Short(Bound),
    /// A number below this.
    Small(Bound),
    /// An object that must have exactly one of these members.
    Union(Vec<&'static str>),
    /// Bytes that are not in base64.
    Base64,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl Mistake {
    /// A way out, when there is one.
    pub fn help(&self) -> Option<String> {
        let (Fault::Unknown(known), Some(Part::Name(name))) = (&self.fault, self.path.last()) else {
            return None;
        };
        near(name, known.iter().copied()).or_else(|| {
            let listed: Vec<_> = known.iter().copied().take(LISTED).collect();
            Some(match known.len() - listed.len() {
                0 if listed.is_empty() => "it takes none".to_owned(),
                0 => format!("it takes {}", listed.join(", ")),
                more => format!("it takes {} and {more} more", listed.join(", ")),
            })
        })
    }
}

/// How many names a way out lists.
const LISTED: usize = 12;

/// Checks the parameters of one call.
pub(crate) fn parameters(
    service: &'static Service<'static>,
    operation: &Operation,
    params: &Value,
) -> Result<(), Error> {
    let report: Vec<String> = mistakes(service, operation, params).iter().map(Mistake::to_string).collect();
    if report.is_empty() { Ok(()) } else { Err(failed(&report.join("\n"))) }
}

/// All that is wrong with the parameters of one call.
pub(crate) fn mistakes(
    service: &'static Service<'static>,
    operation: &Operation,
    params: &Value,
) -> Vec<Mistake> {
    match operation.input {
        Some(input) => report(service, input, params),
        None => unexpected(params),
    }
}

/// The error that boto3 raises for a report.
pub(crate) fn failed(report: &str) -> Error {
    Error::unsent("ParamValidationError", format!("Parameter validation failed:\n{report}"))
}

/// All that is wrong with a value of a shape.
fn report(service: &'static Service<'static>, shape: ShapeId, value: &Value) -> Vec<Mistake> {
    let mut check = Check { service, path: Vec::new(), report: Vec::new() };
    check.value(service.shape(shape), None, value);
    check.report
}

/// botocore ignores the parameters of an operation that takes none; here they are an error, since
/// what the user asked for would not happen.
fn unexpected(params: &Value) -> Vec<Mistake> {
    match params {
        Value::Object(entries) => entries.keys().map(|key| unknown(&[], key, Vec::new())).collect(),
        other => vec![wrong_type(&[], other, DICT)],
    }
}

struct Check {
    service: &'static Service<'static>,
    /// The way to the value that is looked at.
    path: Vec<Part>,
    report: Vec<Mistake>,
}

impl Check {
    /// Looks at a value below this one.
    fn below(&mut self, part: Part, look: impl FnOnce(&mut Self)) {
        self.path.push(part);
        look(self);
        self.path.pop();
    }

    fn value(&mut self, shape: &Shape<'static>, member: Option<&Member>, value: &Value) {
        if member.is_some_and(|m| m.json_value && m.wire.location == Location::Header) {
            return;
        }
        match &shape.kind {
            Kind::Structure(structure) if structure.document => {}
            Kind::Structure(structure) => self.structure(structure, value),
            Kind::List(list) => self.list(shape, list.member, value),
            Kind::Map(map) => self.map(map.key, map.value, value),
            Kind::String => self.text(shape, member, value),
            Kind::Boolean => self.expect(value.is_boolean(), value, FLAG),
            Kind::Integer | Kind::Long => self.number(shape, member, value, INTEGER),
            Kind::Float | Kind::Double => self.number(shape, member, value, FLOAT),
            Kind::Timestamp => self.expect(Moment::from_value(value).is_some(), value, MOMENT),
            Kind::Blob { .. } => self.blob(value),
        }
    }

    fn expect(&mut self, right: bool, value: &Value, valid: Valid) {
        if !right {
            self.report.push(wrong_type(&self.path, value, valid));
        }
    }

    fn tell(&mut self, fault: Fault, line: String) {
        self.report.push(Mistake { path: self.path.clone(), fault, line });
    }

    fn structure(&mut self, structure: &Structure<'static>, value: &Value) {
        let Value::Object(entries) = value else { return self.expect(false, value, DICT) };
        if structure.union {
            self.union(structure, entries);
        }
        for member in structure.members.iter().filter(|m| m.required && !entries.contains_key(m.name)) {
            let line = format!("Missing required parameter in {}: \"{}\"", shown(&self.path), member.name);
            self.tell(Fault::Missing(member.name), line);
        }
        let mut known = Vec::new();
        for (key, value) in entries {
            match structure.members.iter().find(|member| member.name == key) {
                Some(member) => known.push((member, value)),
                None => self.report.push(unknown(&self.path, key, names(structure))),
            }
        }
        for (member, value) in known {
            let shape = self.service.shape(member.shape);
            self.below(Part::Key(member.name.to_owned()), |check| check.value(shape, Some(member), value));
        }
    }

    fn union(&mut self, structure: &Structure<'static>, entries: &Map<String, Value>) {
        let (name, members) = (shown(&self.path), names(structure).join(", "));
        let line = match entries.len() {
            // The missing blank is botocore's.
            0 => {
                format!("Must set one of the following keys for tagged unionstructure {name}: {members}.")
            }
            1 => return,
            _ => format!(
                "Invalid number of parameters set for tagged union structure {name}. \
                 Can only set one of the following keys: {members}."
            ),
        };
        self.tell(Fault::Union(names(structure)), line);
    }

    fn list(&mut self, shape: &Shape, member: ShapeId, value: &Value) {
        let Value::Array(items) = value else { return self.expect(false, value, LIST) };
        self.length(shape, None, items.len());
        let member = self.service.shape(member);
        for (index, item) in items.iter().enumerate() {
            self.below(Part::Index(index), |check| check.value(member, None, item));
        }
    }

    fn map(&mut self, key_shape: ShapeId, value_shape: ShapeId, value: &Value) {
        let Value::Object(entries) = value else { return self.expect(false, value, DICT) };
        let (key_shape, value_shape) = (self.service.shape(key_shape), self.service.shape(value_shape));
        for (key, item) in entries {
            let key_value = Value::String(key.clone());
            self.below(Part::Name(key.clone()), |check| check.value(key_shape, None, &key_value));
            self.below(Part::Key(key.clone()), |check| check.value(value_shape, None, item));
        }
    }

    fn text(&mut self, shape: &Shape, member: Option<&Member>, value: &Value) {
        let Value::String(text) = value else { return self.expect(false, value, TEXT) };
        self.length(shape, member, text.chars().count());
    }

    fn length(&mut self, shape: &Shape, member: Option<&Member>, length: usize) {
        if let Some(min) = least(shape, member)
            && (length as f64) < min.value()
        {
            let name = shown(&self.path);
            let line =
                format!("Invalid length for parameter {name}, value: {length}, valid min length: {min}");
            self.tell(Fault::Short(min), line);
        }
    }

    fn number(&mut self, shape: &Shape, member: Option<&Member>, value: &Value, valid: Valid) {
        let number = match value {
            // True is 1 in Python.
            Value::Bool(flag) => f64::from(u8::from(*flag)),
            Value::Number(number) if valid == FLOAT || !number.is_f64() => number.as_f64().unwrap_or(0.0),
            _ => return self.expect(false, value, valid),
        };
        if let Some(min) = least(shape, member)
            && number < min.value()
        {
            let (name, value) = (shown(&self.path), python_str(value));
            let line = format!("Invalid value for parameter {name}, value: {value}, valid min value: {min}");
            self.tell(Fault::Small(min), line);
        }
    }

    fn blob(&mut self, value: &Value) {
        let Value::String(text) = value else { return self.expect(false, value, BYTES) };
        // What still names a file is a large one.
        if !text.starts_with('@') && aws_smithy_types::base64::decode(text).is_err() {
            let name = shown(&self.path);
            let line = format!("Invalid value for parameter {name}: bytes are given as base64 text");
            self.tell(Fault::Base64, line);
        }
    }
}

/// The least value or length, 1 for what becomes part of the host name.
fn least(shape: &Shape, member: Option<&Member>) -> Option<Bound> {
    shape.min.or(member.filter(|m| m.host_label).map(|_| Bound::Integer(1)))
}

fn names(structure: &Structure<'static>) -> Vec<&'static str> {
    structure.members.iter().map(|member| member.name).collect()
}

/// How boto3 writes the way to a value.
fn shown(path: &[Part]) -> String {
    let whole: String = path.iter().map(Part::to_string).collect();
    match whole.strip_prefix('.') {
        Some(name) => name.to_owned(),
        None if whole.is_empty() => "input".to_owned(),
        None => whole,
    }
}

fn unknown(path: &[Part], key: &str, known: Vec<&'static str>) -> Mistake {
    let (name, valid) = (shown(path), known.join(", "));
    let line = format!("Unknown parameter in {name}: \"{key}\", must be one of: {valid}");
    let path = path.iter().cloned().chain([Part::Name(key.to_owned())]).collect();
    Mistake { path, fault: Fault::Unknown(known), line }
}

fn wrong_type(path: &[Part], value: &Value, valid: Valid) -> Mistake {
    let (name, class, valid_types) = (shown(path), python_class(value), valid.classes);
    let line = format!(
        "Invalid type for parameter {name}, value: {}, type: {class}, valid types: {valid_types}",
        python_str(value)
    );
    Mistake { path: path.to_vec(), fault: Fault::Type(valid.words), line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aws;
    use serde_json::json;

    #[test]
    fn mistakes_say_where_they_are() {
        let params = json!({
            "db_cluster_identifier": "a",
            "Filters": [{"Name": "x", "Values": ["y"]}, {"Name": 5, "Vales": []}],
            "MaxRecords": "many",
        });
        let mistakes = Aws::new().mistakes("docdb", "describe_db_clusters", &params).expect("an operation");
        let key = |name: &str| Part::Key(name.to_owned());
        let name = |name: &str| Part::Name(name.to_owned());
        let second = || vec![key("Filters"), Part::Index(1)];
        let found: Vec<_> = mistakes.iter().map(|mistake| (mistake.path.clone(), mistake.help())).collect();
        let help = |text: &str| Some(text.to_owned());
        let expected = [
            (vec![name("db_cluster_identifier")], help("did you mean DBClusterIdentifier?")),
            (second(), None),
            ([second(), vec![name("Vales")]].concat(), help("did you mean Values?")),
            ([second(), vec![key("Name")]].concat(), None),
            (vec![key("MaxRecords")], None),
        ];
        assert_eq!(found, expected);
        assert_eq!(mistakes[1].fault, Fault::Missing("Values"));
        assert_eq!(mistakes[4].fault, Fault::Type("an integer"));
    }

    #[test]
    fn help_lists_no_endless_names() {
        let help = |operation: &str| {
            let mistakes = Aws::new().mistakes("ec2", operation, &json!({"Qqq": 1})).expect("an operation");
            let unknown = mistakes.iter().find(|mistake| matches!(mistake.fault, Fault::Unknown(_)));
            unknown.and_then(Mistake::help).unwrap_or_default()
        };
        assert_eq!(help("stop_instances"), "it takes InstanceIds, Hibernate, SkipOsShutdown, DryRun, Force");
        let many = help("run_instances");
        assert!(many.starts_with("it takes BlockDeviceMappings, ") && many.ends_with(" more"), "{many}");
    }
}
