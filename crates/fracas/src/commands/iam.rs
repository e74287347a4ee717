//! `fracas iam`: the least-privilege policy of an experiment.

use fracas_engine::Values;
use fracas_model::{ExitCode, Problem};
use fracas_providers::{Denied, Simulation, Why};
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
    warn_of_length(&policy, session);
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

/// Prints what IAM would refuse, and what would have to be added.
async fn check(policy: &Value, values: &Values, session: &Session) -> ExitCode {
    let Simulation { who, denied } = match fracas_providers::simulate(policy, values).await {
        Ok(answered) => answered,
        Err(why) => {
            session.refuse(Problem::general(format!("cannot ask IAM: {why}")));
            return ExitCode::Deviated;
        }
    };
    let Some(denied) = denied else {
        session.warn("IAM is not asked about the root user, whom no policy of the account limits");
        return printed(&format!("{who} may do all of it\n"), true, session);
    };
    if denied.is_empty() {
        return printed(&format!("{who} may do all of it\n"), true, session);
    }
    let mut text = format!("{who} lacks\n{}", denied.iter().map(line).collect::<String>());
    if let Some(missing) = fracas_providers::missing(policy, &denied) {
        text += &format!("These statements would allow what no policy allows:\n{}", pretty(&missing));
    }
    printed(&text, false, session)
}

fn printed(text: &str, is_fine: bool, session: &Session) -> ExitCode {
    if session.terminal.data(text) && is_fine { ExitCode::Ok } else { ExitCode::Deviated }
}

fn line(denied: &Denied) -> String {
    let why = match denied.why {
        Why::Nothing => "allowed by no policy",
        Why::Policy => "denied by a policy",
        Why::Boundary => "not allowed by the permissions boundary",
        Why::Organization => "not allowed by the organization",
    };
    let keys = match denied.open_keys.as_slice() {
        [] => String::new(),
        keys => format!("; policies ask for {}, which only the call has", keys.join(", ")),
    };
    format!("{} on {}: {why} ({}){keys}\n", denied.action, denied.resource, denied.statement)
}

/// How long a policy may be: one of its own, and all inline policies of a role together. Spaces do not
/// count. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
const LENGTHS: (usize, usize) = (6144, 10_240);

/// Tells when IAM would not take the policy for its length.
fn warn_of_length(policy: &Value, session: &Session) {
    let length = policy.to_string().chars().filter(|character| !character.is_whitespace()).count();
    let (managed, inline) = LENGTHS;
    if length > inline {
        session.warn(&format!(
            "The policy has {length} characters, more than IAM takes in a managed policy ({managed}) or in a role's \
             inline policies ({inline}): attach its statements as several managed policies"
        ));
    } else if length > managed {
        session.warn(&format!(
            "The policy has {length} characters, more than IAM takes in a managed policy ({managed}): attach its \
             statements as several, or put it into a role ({inline})"
        ));
    }
}

fn pretty(policy: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // Writing a value into memory cannot fail.
    let _ = policy.serialize(&mut serializer);
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}
