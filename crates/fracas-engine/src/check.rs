//! Holds every activity of an experiment against the provider that would carry it out.

use fracas_model::{Activity, Experiment, Problem, Problems, Step};
use serde_json::Value;

use crate::{Providers, Surroundings, Values, nearest};

/// Looks for mistakes in every activity, once each, without touching anything outside.
pub async fn check(
    experiment: &Experiment,
    providers: &Providers,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) {
    for step in steps(experiment).filter(|step| step.declared_name.is_some()) {
        check_provider(&step.activity, providers, surroundings, problems).await;
        check_pauses(&step.activity, surroundings.values, problems);
    }
}

/// Every entry of the hypothesis, the method and the rollbacks, in this order.
pub fn steps(experiment: &Experiment) -> impl Iterator<Item = &Step> {
    let probes = experiment.hypothesis.iter().flat_map(|hypothesis| &hypothesis.probes);
    probes.chain(&experiment.method).chain(&experiment.rollbacks)
}

async fn check_provider(
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
    problems.push(Problem::error(at, message).help(help));
}

/// A pause may come from the configuration; what it becomes must be a number of seconds.
fn check_pauses(activity: &Activity, values: &Values, problems: &mut Problems) {
    for pause in [&activity.pauses.before, &activity.pauses.after] {
        let resolved = values.substitute(pause);
        if pause.is_string() && pause_seconds(&resolved).is_none() {
            let message = format!(
                "the pause {pause} of `{}` becomes {resolved}, which is no number of seconds",
                activity.name
            );
            let help = "declare the value under `configuration`, with \"env_var_type\": \"float\" when it comes from the environment";
            problems.push(Problem::error(activity.span_start(), message).help(help));
        }
    }
}

/// How long a pause takes, in seconds: none for no pause. A text counts when it is a number.
pub fn pause_seconds(pause: &Value) -> Option<f64> {
    let seconds = match pause {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}
