//! Finds the URL of a service by its endpoint rules, as botocore's `EndpointProvider` does.
//!
//! ```text
//! Builtins + parameters of the call -> Params -> the service's rules -> Endpoint or EndpointError
//! ```
//!
//! The rules' language: <https://smithy.io/2.0/additional-specs/rules-engine/specification.html>

mod builtins;
mod evaluate;
mod functions;
mod partition;
mod wording;

pub use builtins::{Builtins, S3Settings};
pub(crate) use functions::is_valid_host_label;
pub use partition::{Partition, partition, partitions};

use serde_json::{Map, Value};

use crate::model::rules::{Parameter, ParameterKind, RuleSet};
use crate::model::{ContextValue, Service};

/// Where a call goes, and what the rules tell the client about it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Endpoint {
    /// Scheme, host, and at times a path; no `/` at the end unless a custom endpoint has one.
    pub url: String,
    /// Everything the rules say beside the URL, `authSchemes` above all.
    pub properties: Map<String, Value>,
    /// Headers to send, each with its values. botocore sends only the first value of each.
    pub headers: Vec<(String, Vec<String>)>,
}

/// A way to sign that the rules offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthScheme {
    /// `sigv4`, `sigv4a`, `sigv4-s3express`, ...
    pub name: String,
    /// The service to sign for, where it differs from the model's.
    pub signing_name: Option<String>,
    /// The region to sign for, or the set of them with commas between, where it differs from the client's.
    pub signing_region: Option<String>,
    /// The path is encoded once, not twice, before it is signed.
    pub disable_double_encoding: bool,
}

impl Endpoint {
    /// The ways to sign, the best first; none where the rules leave it to the model.
    pub fn auth_schemes(&self) -> Vec<AuthScheme> {
        let schemes = self.properties.get("authSchemes").and_then(Value::as_array);
        schemes.into_iter().flatten().map(auth_scheme).collect()
    }
}

fn auth_scheme(scheme: &Value) -> AuthScheme {
    let text = |key: &str| scheme[key].as_str().map(str::to_owned);
    let region_set = || {
        let regions: Vec<&str> =
            scheme["signingRegionSet"].as_array()?.iter().filter_map(Value::as_str).collect();
        (!regions.is_empty()).then(|| regions.join(","))
    };
    AuthScheme {
        name: text("name").unwrap_or_default(),
        signing_name: text("signingName"),
        signing_region: text("signingRegion").or_else(region_set),
        disable_double_encoding: scheme["disableDoubleEncoding"].as_bool().unwrap_or_default(),
    }
}

/// The rules give no endpoint for these parameters. Nothing was sent.
///
/// It reads as the rules' own text; [`EndpointError::as_botocore`] says how boto3 words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError(String);

impl std::fmt::Display for EndpointError {
    /// The rules' own text, or botocore's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

/// What the rules are asked with, by name and in the order in which it was set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params(Vec<(String, ParamValue)>);

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// true or false
    Bool(bool),
    /// a text
    Text(String),
    /// a list of texts
    List(Vec<String>),
}

impl From<bool> for ParamValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for ParamValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&ContextValue<'_>> for ParamValue {
    fn from(value: &ContextValue) -> Self {
        match value {
            ContextValue::Bool(value) => Self::Bool(*value),
            ContextValue::Text(value) => Self::Text((*value).to_owned()),
            ContextValue::List(values) => Self::List(values.iter().map(|text| (*text).to_owned()).collect()),
        }
    }
}

impl ParamValue {
    fn is(&self, kind: ParameterKind) -> bool {
        matches!(
            (self, kind),
            (Self::Bool(_), ParameterKind::Bool)
                | (Self::Text(_), ParameterKind::Text)
                | (Self::List(_), ParameterKind::TextList)
        )
    }

    /// As Python's `str()` writes it.
    fn python(&self) -> String {
        match self {
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Text(text) => text.clone(),
            Self::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

impl Params {
    /// Sets a parameter, over what it had.
    pub fn set(&mut self, name: &str, value: impl Into<ParamValue>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The value of a parameter, if it is set.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Fills the parameters that a client setting stands behind and that are not set yet.
    pub fn bind(&mut self, rules: &RuleSet, builtins: &Builtins) {
        for parameter in &rules.parameters {
            if self.get(parameter.name).is_none()
                && let Some(value) = builtins.value(builtins::setting(parameter))
            {
                self.set(parameter.name, value);
            }
        }
    }

    /// The values of a rule set's parameters in its order, with its defaults.
    fn complete(&self, rules: &RuleSet) -> Result<Vec<Option<ParamValue>>, EndpointError> {
        rules.parameters.iter().map(|parameter| self.complete_one(parameter)).collect()
    }

    fn complete_one(&self, parameter: &Parameter) -> Result<Option<ParamValue>, EndpointError> {
        let name = parameter.name;
        match (self.get(name), &parameter.default) {
            (Some(value), _) if !value.is(parameter.kind) => {
                let kind = match parameter.kind {
                    ParameterKind::Bool => "bool",
                    ParameterKind::Text => "str",
                    ParameterKind::TextList => "tuple",
                };
                Err(EndpointError(format!("Value ({name}) is the wrong type. Must be <class '{kind}'>.")))
            }
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(default)) => Ok(Some(default.into())),
            (None, None) if parameter.required => {
                Err(EndpointError(format!("Cannot find value for required parameter {name}")))
            }
            (None, None) => Ok(None),
        }
    }

    fn not_found(&self) -> EndpointError {
        let lines: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}: {}", value.python())).collect();
        EndpointError(format!("No endpoint found for parameters:\n{}", lines.join("\n")))
    }
}

/// The endpoint that a service's rules give for these parameters; its defaults are added.
pub fn resolve(service: &Service, params: &Params) -> Result<Endpoint, EndpointError> {
    let values = params.complete(&service.rules)?;
    let found = evaluate::evaluate(&service.rules, &values)?;
    found.ok_or_else(|| params.not_found())
}
