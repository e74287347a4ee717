//! Faults that an experiment injects and does not take back.

use fracas_aws::Aws;
use fracas_engine::Values;
use fracas_model::{Activity, Experiment, Problem, Problems, Severity};

use crate::aws::{Native, What, called_span};
use crate::catalogue::Target;
use crate::iam;

/// A warning for each action of the method that another activity undoes, which is not among the
/// rollbacks, nor later in the method.
pub fn left_behind(experiment: &Experiment, values: &Values) -> Problems {
    let native = Native::new(Aws::new(), |_| None);
    let target = |activity: &Activity| match iam::what(&native, activity, values) {
        Ok(Some((_, What::Activity(target)))) => Some(target),
        _ => None,
    };
    let method: Vec<_> = experiment.method.iter().map(|step| step.activity.as_ref()).collect();
    let rollbacks = experiment.rollbacks.iter().map(|step| step.activity.as_ref());
    let undoing: Vec<(usize, String)> = (0..)
        .zip(method.iter().copied().chain(rollbacks))
        .filter_map(|(place, activity)| Some((place, target(activity)?.name())))
        .collect();
    let mut problems = Problems::default();
    for (place, activity) in method.into_iter().enumerate() {
        let Some((target, undo)) = target(activity).and_then(|target| Some((target, target.undo()?))) else {
            continue;
        };
        if !undoing.iter().any(|(later, name)| *later > place && *name == undo) {
            problems.push(warning(activity, &target, &undo));
        }
    }
    problems
}

fn warning(activity: &Activity, target: &Target, undo: &str) -> Problem {
    let message = format!("nothing undoes `{}`", target.name());
    let problem = Problem::error(called_span(&activity.provider), message);
    let help = format!("add a rollback that calls {undo}; fracas activity show {undo} tells what it takes");
    Problem { severity: Severity::Warning, ..problem.help(help) }
}
