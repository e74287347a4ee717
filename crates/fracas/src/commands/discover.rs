//! `fracas discover`: what a package can do.

use std::fs;

use fracas_engine::io_words;
use fracas_model::{ActivityKind, ExitCode, Problem};
use fracas_providers::catalogue::{self, Argument, ArgumentKind, Declaration};
use fracas_report::Importance;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::info::CHAOS_TOOLKIT_LIB;
use crate::args;
use crate::notifications::Raised;
use crate::python::Unanswered;
use crate::session::Session;
use crate::settings::python_json;
use crate::surroundings::Surroundings;
use crate::terminal::{now, random_uuid};

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

/// The package whose activities fracas carries out by itself.
const NATIVE: &str = "chaostoolkit-aws";

/// Finds out, and writes it into a file.
pub async fn discover(args: &args::Discover, session: &Session) -> ExitCode {
    let package = || Value::from(args.package.as_str());
    session.notify("discovery-started", package, None).await;
    let discovery = match discovered(args, session) {
        Ok(discovery) => discovery,
        Err(unanswered) => {
            let raised = Raised { class: "DiscoveryFailed", message: unanswered.message() };
            session.notify("discovery-failed", package, Some(raised)).await;
            return failed(unanswered, session);
        }
    };
    let path = args.discovery_path.display();
    if let Err(error) = fs::write(&args.discovery_path, python_json(&discovery)) {
        let problem = Problem::general(format!("cannot write the discovery to {path}: {}", io_words(&error)));
        return session.refuse(problem.help("name another file with --discovery-path")).code;
    }
    session.info(&format!("Discovery outcome saved in {path}"));
    session.notify("discovery-completed", || discovery, None).await;
    ExitCode::Ok
}

fn discovered(args: &args::Discover, session: &Session) -> Result<Value, Unanswered> {
    let installs = !session.policy.discover_without_installing;
    if installs && !args.no_install {
        session.install(&args.package)?;
    }
    if args.package == NATIVE && session.python.native && !installs {
        return Ok(native());
    }
    let system = !args.no_system_info;
    session.ask_python(&json!({"op": "discover", "package": args.package, "system": system}))
}

fn failed(unanswered: Unanswered, session: &Session) -> ExitCode {
    match unanswered {
        Unanswered::Broken(problem) => session.refuse(problem).code,
        Unanswered::Refused(why, help) if session.policy.telling_exit_codes => {
            session.refuse(Problem::general(why).help(help)).code
        }
        Unanswered::Refused(why, _) => {
            session.terminal.line(Importance::Critical, &why);
            ExitCode::Ok
        }
    }
}

/// What fracas does by itself, as a discovery of Chaos Toolkit's.
pub fn native() -> Value {
    let date =
        TimeZone::UTC.to_datetime(now().timestamp()).strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string();
    json!({
        "chaoslib_version": CHAOS_TOOLKIT_LIB,
        "id": random_uuid(),
        "target": "aws",
        "date": date,
        "platform": Surroundings::platform_parts(),
        "extension": {"name": NATIVE, "version": format!("fracas {}", env!("CARGO_PKG_VERSION"))},
        "activities": native_activities(),
        "system": null,
    })
}

/// What stands for functions of chaosaws.
fn native_activities() -> Vec<Value> {
    let exported = catalogue::all().into_iter().filter(|found| found.declaration.exported);
    exported.map(|found| described(found.package, found.declaration)).chain([upload_control()]).collect()
}

/// The one control of chaosaws.
fn upload_control() -> Value {
    let required = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let flag = |name: &str| json!({"name": name, "default": false, "type": "boolean"});
    json!({
        "type": "control",
        "name": "after_experiment_control",
        "mod": "chaosaws.s3.controls.upload",
        "doc": "Upload the journal to a bucket of S3 after the run.\n\n\
                bucket_name: The bucket.\ndirpath: The folder within it.\n\
                as_yaml: Whether the journal is written as YAML.\n\
                suffix_with_timestamp: Whether the time is part of the name.",
        "arguments": [
            required("bucket_name", "string"),
            required("dirpath", "string"),
            required("context", "mapping"),
            required("state", "mapping"),
            flag("as_yaml"),
            flag("suffix_with_timestamp"),
            {"name": "configuration", "default": null, "type": "mapping"},
            {"name": "secrets", "default": null, "type": "mapping"},
        ],
        "return_type": "null",
    })
}

fn described(package: &str, activity: &Declaration) -> Value {
    let (kind, module) = match activity.kind {
        ActivityKind::Action => ("action", "actions"),
        ActivityKind::Probe => ("probe", "probes"),
    };
    let shared =
        ["configuration", "secrets"].map(|name| json!({"name": name, "default": null, "type": "mapping"}));
    let is_like_the_reference = REFERENCE_PACKAGES.contains(&package);
    let own = activity.arguments.iter().filter(|argument| !(argument.added && is_like_the_reference));
    let arguments = own.map(argument).chain(shared).collect::<Vec<Value>>();
    let mut described = json!({
        "type": kind,
        "name": activity.name,
        "mod": format!("chaosaws.{package}.{module}"),
        "doc": doc(activity),
        "arguments": arguments,
    });
    if let Some(returns) = &activity.returns {
        described["return_type"] = returns.as_str().into();
    }
    described
}

/// What the activity does, and what its arguments are for.
fn doc(activity: &Declaration) -> String {
    let arguments =
        activity.arguments.iter().map(|argument| format!("\n{}: {}", argument.name, argument.doc));
    let arguments: String = arguments.collect();
    format!("{}{}{arguments}", activity.summary, if arguments.is_empty() { "" } else { "\n" })
}

fn argument(argument: &Argument) -> Value {
    let mut described = json!({"name": argument.name, "type": type_name(&argument.kinds)});
    if !argument.required {
        described["default"] = argument.default.clone().unwrap_or_default();
    }
    described
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
