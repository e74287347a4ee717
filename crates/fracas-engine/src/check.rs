//! Holds every activity of an experiment against the provider that would carry it out, and every
//! control against its module.

use std::collections::HashSet;

use fracas_model::{Activity, Experiment, Look, Node, Problem, Problems, Section, Step, Tolerance, Turn};
use serde_json::Value;

use crate::{Controls, Providers, Surroundings, Values, nearest};

/// Looks for mistakes in every activity and every control, once each, without touching anything
/// outside.
pub async fn check(
    experiment: &Experiment,
    providers: &Providers,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) {
    for (turn, step) in turns(experiment).filter(|(_, step)| step.declared_name.is_some()) {
        let before = problems.0.len();
        check_activity(&step.activity, providers, surroundings, problems).await;
        take_turn(problems, before, turn);
        if let Some(Tolerance::Probe(probe)) = &step.activity.tolerance {
            let before = problems.0.len();
            check_activity(probe, providers, surroundings, problems).await;
            take_turn(problems, before, Turn { look: Look::Rest, ..turn });
        }
    }
    if !problems.has_errors() {
        problems.0.extend(ordered_arguments(experiment));
        problems.0.extend(experiment.secrets.values().flat_map(vault_paths));
    }
    if let Some(controls) = providers.controls() {
        check_controls(experiment, controls, problems).await;
    }
}

/// The first program whose arguments are an object, which Chaos Toolkit may stop to take.
fn ordered_arguments(experiment: &Experiment) -> Option<Problem> {
    let activities = steps(experiment).filter(|step| step.declared_name.is_some()).map(|step| &step.activity);
    let mut arguments = activities
        .filter(|activity| activity.provider_type == "process")
        .filter_map(|activity| activity.provider.as_map()?.get("arguments"));
    let first = arguments.find(|arguments| arguments.value.as_map().is_some())?;
    let problem = Problem::warning(first.key_span, "arguments as an object are deprecated");
    Some(problem.help("write them as a list, which keeps their order").words(
        "Process arguments should now be a list to keep the ordering of the arguments. Dictionary \
         arguments are deprecated for process activities.",
    ))
}

/// Secrets of Vault that name a key alone, which once was the path.
fn vault_paths(group: &Node) -> impl Iterator<Item = Problem> {
    let is_old = |secret: &&Node| {
        let is_vault = secret.get("type").and_then(Node::as_str) == Some("vault");
        is_vault && secret.get("key").is_some() && secret.get("path").is_none()
    };
    let secrets = group.as_map().into_iter().flat_map(|group| group.values().map(|entry| &entry.value));
    secrets.filter(is_old).map(|secret| {
        let problem = Problem::warning(secret.span, "a secret of Vault needs a path");
        problem.help("write the path under `path`; `key` names a value of the secret there").words(
            "Vault secrets must now specify the `path` property. The `key` property is now a key of a \
             Vault secret rather than the actual path. For instance: {'my-key': {'type': 'vault', 'key': \
             'foo'}} now becomes: {'my-key': {'type': 'vault', 'path': 'foo'}}",
        )
    })
}

async fn check_activity(
    activity: &Activity,
    providers: &Providers,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) {
    check_provider(activity, providers, surroundings, problems).await;
    check_pauses(activity, surroundings.values, problems);
}

/// Says of the problems from `before` on when Chaos Toolkit would come upon them.
fn take_turn(problems: &mut Problems, before: usize, turn: Turn) {
    for (nth, problem) in problems.0.iter_mut().enumerate().skip(before) {
        if let Some(rule) = &mut problem.rule {
            rule.turn = Turn { nth, ..turn };
        }
    }
}

/// Each control once, however often it is declared.
async fn check_controls(experiment: &Experiment, controls: &dyn Controls, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, control) in experiment.controls.iter().enumerate() {
        if seen.insert(control.to_json().to_string()) {
            let before = problems.0.len();
            controls.check(control, problems).await;
            let turn = Turn { section: Section::Controls, index, look: Look::Provider, ..Turn::default() };
            take_turn(problems, before, turn);
        }
    }
}

/// Every entry with the turn in which its provider is asked.
fn turns(experiment: &Experiment) -> impl Iterator<Item = (Turn, &Step)> {
    let probes = experiment.hypothesis.as_ref().map_or(&[][..], |hypothesis| &hypothesis.probes);
    let sections = [
        (Section::Hypothesis, probes),
        (Section::Method, &experiment.method),
        (Section::Rollbacks, &experiment.rollbacks),
    ];
    sections.into_iter().flat_map(|(section, steps)| {
        let turn = move |index| Turn { section, index, look: Look::Provider, ..Turn::default() };
        steps.iter().enumerate().map(move |(index, step)| (turn(index), step))
    })
}

/// Every entry of the hypothesis, the method and the rollbacks, in this order.
pub fn steps(experiment: &Experiment) -> impl Iterator<Item = &Step> {
    turns(experiment).map(|(_, step)| step)
}

pub(crate) async fn check_provider(
    activity: &Activity,
    providers: &Providers,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) {
    if let Some(provider) = providers.get(&activity.provider_type) {
        return provider.check(activity, surroundings, problems).await;
    }
    let at = activity.provider.get("type").map_or(activity.provider.span, |node| node.span);
    let known: Vec<&str> = providers.types().collect();
    let near = nearest(&activity.provider_type, known.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of: {}", known.join(", ")),
    };
    let message = format!("no provider is called `{}`", activity.provider_type);
    let words = format!("unknown provider type '{}'", activity.provider_type);
    problems.push(Problem::error(at, message).help(help).words(words));
}

/// A pause may come from the configuration; what it becomes must be a number of seconds.
fn check_pauses(activity: &Activity, values: &Values, problems: &mut Problems) {
    for pause in [&activity.pauses.before, &activity.pauses.after] {
        let resolved = values.substitute(pause);
        if pause.is_string() && !values.await_in(pause) && pause_seconds(&resolved).is_none() {
            let message = format!(
                "the pause {pause} of `{}` becomes {resolved}, which is no number of seconds",
                activity.name
            );
            let help = "declare the value under `configuration`, with \"env_var_type\": \"float\" when it comes from the environment";
            problems.push(Problem::error(activity.span_start(), message).help(help).playable());
        }
    }
}

/// How long a pause takes, in seconds: none for no pause. A text counts when it is a number.
pub fn pause_seconds(pause: &Value) -> Option<f64> {
    let seconds = match pause {
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        other => other.as_f64(),
    };
    seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}
