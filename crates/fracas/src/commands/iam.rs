//! `fracas iam`: the least-privilege policy of an experiment.

use fracas_engine::Values;
use fracas_model::{ExitCode, Problem};
use fracas_providers::Denied;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::given;
use super::ready::{Ready, load};
use crate::args;
use crate::session::Session;

/// Prints the policy, indented as the AWS console indents policies.
pub async fn iam(args: &args::Iam, session: &Session) -> ExitCode {
    let Ok(given) = given::values(&args.values, session) else { return ExitCode::Invalid };
    let Ok(source) = load(&args.source, &args.fetching, session).await else { return ExitCode::Invalid };
    let Ok(mut ready) = Ready::of(source, &given, false, session) else { return ExitCode::Invalid };
    // A policy is written where the experiment does not run, so its environment may be missing:
    // resources that depend on it are named by wildcards.
    ready.unresolved.0.clear();
    if let Some(region) = &args.region {
        ready.values.configuration.insert("aws_region".to_owned(), region.as_str().into());
    }
    let policy = fracas_providers::policy(&ready.experiment, &ready.values, args.account.as_deref());
    let policy = policy.map_err(|mut problems| ready.problems.0.append(&mut problems.0)).ok();
    let sound = ready.check(&fracas_providers::all(&session.python), false, session).await;
    let Some(policy) = policy.filter(|_| sound.is_ok()) else {
        return ExitCode::Invalid;
    };
    if args.check {
        return check(&policy, &ready.values, session).await;
    }
    let policy = match args.role {
        true => match fracas_providers::role(policy, &ready.values, args.account.as_deref()) {
            Some(role) => role,
            None => {
                let problem = Problem::general("nobody knows whose account the role is for");
                return session.refuse(problem.help("say so with --account ID")).code;
            }
        },
        false => policy,
    };
    if let Some(role) = ready.values.configuration.get("aws_assume_role_arn").and_then(Value::as_str) {
        let line = format!(
            "This is the policy of the role {role}; whoever runs the experiment needs sts:AssumeRole on it"
        );
        session.info(&line);
    }
    let written = session.terminal.data(&pretty(&policy));
    if written { ExitCode::Ok } else { ExitCode::Deviated }
}

/// Prints what IAM would refuse.
async fn check(policy: &Value, values: &Values, session: &Session) -> ExitCode {
    let (who, denied) = match fracas_providers::denied(policy, values).await {
        Ok(answered) => answered,
        Err(why) => {
            session.refuse(Problem::general(format!("cannot ask IAM: {why}")));
            return ExitCode::Deviated;
        }
    };
    let line = |denied: &Denied| {
        let why = if denied.explicitly { "denied by a policy" } else { "allowed by no policy" };
        format!("{} on {}: {why}\n", denied.action, denied.resource)
    };
    let text = match denied.is_empty() {
        true => format!("{who} may do all of it\n"),
        false => format!("{who} lacks\n{}", denied.iter().map(line).collect::<String>()),
    };
    let written = session.terminal.data(&text);
    if written && denied.is_empty() { ExitCode::Ok } else { ExitCode::Deviated }
}

fn pretty(policy: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // Writing a value into memory cannot fail.
    let _ = policy.serialize(&mut serializer);
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}
