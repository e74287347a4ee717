//! `fracas iam`: the least-privilege policy of an experiment.

use fracas_model::ExitCode;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::{check, prepare};
use crate::args;
use crate::surroundings::Surroundings;
use crate::terminal::Terminal;

/// Prints the policy, indented as the AWS console indents policies.
pub fn iam(args: &args::Iam, _: &Surroundings, terminal: &Terminal) -> ExitCode {
    let Some(mut ready) = prepare(&args.source, &args.values, &args.fetching, terminal) else {
        return ExitCode::Invalid;
    };
    // A policy is written where the experiment does not run, so its environment may be missing:
    // resources that depend on it are named by wildcards.
    ready.unresolved.0.clear();
    if !check(&mut ready, &fracas_providers::all(), false, terminal) {
        return ExitCode::Invalid;
    }
    match fracas_providers::policy(&ready.experiment, &ready.values, args.account.as_deref()) {
        Ok(policy) => {
            let written = terminal.data(&pretty(&policy));
            if written { ExitCode::Ok } else { ExitCode::Deviated }
        }
        Err(problems) => {
            terminal.problems(Some(&ready.source), &problems);
            ExitCode::Invalid
        }
    }
}

fn pretty(policy: &serde_json::Value) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // Writing a value into memory cannot fail.
    let _ = policy.serialize(&mut serializer);
    text.push(b'\n');
    String::from_utf8_lossy(&text).into_owned()
}
