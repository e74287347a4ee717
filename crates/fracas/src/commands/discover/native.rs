//! What fracas does by itself, as a discovery of Chaos Toolkit's.

use fracas_model::ActivityKind;
use fracas_providers::catalogue::{self, ArgumentKind, Declaration};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::info::CHAOS_TOOLKIT_LIB;
use crate::surroundings::Surroundings;
use crate::terminal::{now, random_uuid};

/// The package whose activities fracas carries out by itself.
pub const PACKAGE: &str = "chaostoolkit-aws";

/// The packages of chaosaws. Their discovery is like its, without arguments that fracas adds.
const REFERENCE_PACKAGES: [&str; 18] = [
    "asg",
    "awslambda",
    "cloudwatch",
    "ec2",
    "ecs",
    "eks",
    "elasticache",
    "elbv2",
    "emr",
    "fis",
    "iam",
    "incidents",
    "msk",
    "rds",
    "route53",
    "s3",
    "ssm",
    "xray",
];

/// A discovery. Source: `chaoslib.discovery.discover.initialize_discovery_result`.
#[derive(Serialize)]
pub struct Discovery {
    chaoslib_version: &'static str,
    id: String,
    target: &'static str,
    date: String,
    platform: Value,
    extension: Value,
    activities: Vec<Activity>,
    system: (),
}

/// An activity, or a control.
#[derive(Serialize)]
struct Activity {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    #[serde(rename = "mod")]
    module: String,
    doc: String,
    arguments: Vec<Argument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_type: Option<&'static str>,
}

#[derive(Serialize)]
struct Argument {
    name: &'static str,
    /// Nothing where the argument is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'static Value>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What fracas does by itself.
pub fn native() -> Discovery {
    let date = TimeZone::UTC.to_datetime(now().timestamp());
    let exported = catalogue::all().into_iter().filter(|found| found.declaration.exported);
    let activities = exported.map(|found| described(found.package, found.declaration));
    Discovery {
        chaoslib_version: CHAOS_TOOLKIT_LIB,
        id: random_uuid(),
        target: "aws",
        date: date.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
        platform: Surroundings::platform_parts(),
        extension: json!({"name": PACKAGE, "version": format!("fracas {}", env!("CARGO_PKG_VERSION"))}),
        activities: activities.chain([upload_control()]).collect(),
        system: (),
    }
}

/// The one control of chaosaws.
fn upload_control() -> Activity {
    let required = |name, kind| Argument { name, default: None, kind };
    let flag = |name| Argument { name, default: Some(&Value::Bool(false)), kind: "boolean" };
    Activity {
        kind: "control",
        name: "after_experiment_control",
        module: "chaosaws.s3.controls.upload".to_owned(),
        doc: "Upload the journal to a bucket of S3 after the run.\n\n\
              bucket_name: The bucket.\ndirpath: The folder within it.\n\
              as_yaml: Whether the journal is written as YAML.\n\
              suffix_with_timestamp: Whether the time is part of the name."
            .to_owned(),
        arguments: [
            required("bucket_name", "string"),
            required("dirpath", "string"),
            required("context", "mapping"),
            required("state", "mapping"),
            flag("as_yaml"),
            flag("suffix_with_timestamp"),
        ]
        .into_iter()
        .chain(shared())
        .collect(),
        return_type: Some("null"),
    }
}

fn described(package: &str, activity: &'static Declaration) -> Activity {
    let (kind, module) = match activity.kind {
        ActivityKind::Action => ("action", "actions"),
        ActivityKind::Probe => ("probe", "probes"),
    };
    let is_like_the_reference = REFERENCE_PACKAGES.contains(&package);
    let is_told =
        |argument: &&catalogue::Argument| argument.exported && !(argument.added && is_like_the_reference);
    let own = activity.arguments.iter().filter(is_told);
    let own = own.map(|argument| Argument {
        name: &argument.name,
        default: (!argument.required).then(|| argument.default.as_ref().unwrap_or(&Value::Null)),
        kind: type_name(&argument.kinds),
    });
    Activity {
        kind,
        name: &activity.name,
        module: format!("chaosaws.{package}.{module}"),
        doc: doc(activity),
        arguments: own.chain(shared()).collect(),
        return_type: activity.returns.as_deref(),
    }
}

/// What every function of chaosaws takes.
fn shared() -> impl Iterator<Item = Argument> {
    let names = ["configuration", "secrets"].into_iter();
    names.map(|name| Argument { name, default: Some(&Value::Null), kind: "mapping" })
}

/// What the activity does, and what its arguments are for.
fn doc(activity: &Declaration) -> String {
    let arguments =
        activity.arguments.iter().map(|argument| format!("\n{}: {}", argument.name, argument.doc));
    let arguments: String = arguments.collect();
    format!("{}{}{arguments}", activity.summary, if arguments.is_empty() { "" } else { "\n" })
}

/// How discoveries name types. Source: `chaoslib.discovery.discover.portable_type_name`.
fn type_name(kinds: &[ArgumentKind]) -> &'static str {
    match kinds {
        [ArgumentKind::String] => "string",
        [ArgumentKind::Integer] => "integer",
        // A percentage that may be a text, too.
        [ArgumentKind::Integer, ArgumentKind::Number, ArgumentKind::String] => "integer",
        [ArgumentKind::Number] => "number",
        [ArgumentKind::Boolean] => "boolean",
        [ArgumentKind::List] => "list",
        [ArgumentKind::Object] => "mapping",
        _ => "object",
    }
}
