//! Where an experiment does otherwise than Chaos Toolkit, or than its author may think, though
//! nothing in it is wrong. Each has a row in `docs/differences.md` with the subject that it names.

use std::collections::HashSet;

use fracas_model::*;
use indexmap::IndexMap;
use serde_json::Value;

/// A warning for each row that an experiment meets, at the first place where it does, the ones about
/// the whole experiment first.
pub fn differences(experiment: &Experiment, policy: &Policy) -> Problems {
    let mut rows: IndexMap<String, (Problem, usize)> = IndexMap::new();
    for problem in all(experiment, policy).0 {
        let subject = problem.message.split(": ").next().unwrap_or_default().to_owned();
        rows.entry(subject).or_insert((problem, 0)).1 += 1;
    }
    let told = |(problem, count): (Problem, usize)| match count {
        1 => problem,
        _ => Problem { message: format!("{}, and {} more like it", problem.message, count - 1), ..problem },
    };
    Problems(rows.into_values().map(told).collect())
}

fn all(experiment: &Experiment, policy: &Policy) -> Problems {
    let mut found = Problems::default();
    found.0.extend(of_hypothesis(experiment, policy));
    found.0.extend(of_controls(experiment, policy));
    let names = declared_names(experiment);
    for step in checked(experiment) {
        found.0.extend(
            step.activity.tolerance.as_ref().and_then(|tolerance| of_tolerance(&step.activity, tolerance)),
        );
    }
    for step in experiment.method.iter().chain(&experiment.rollbacks) {
        found.0.extend(of_uncounted_tolerance(experiment, step));
    }
    for step in crate::steps(experiment).filter(|step| step.declared_name.is_some()) {
        found.0.extend(of_activity(&step.activity, policy));
        found.0.extend(of_names(&step.activity, &names));
    }
    found
}

/// The probes whose tolerances count.
fn checked(experiment: &Experiment) -> impl Iterator<Item = &Step> {
    let strict = experiment.runtime.strict_probes;
    let probes = experiment.hypothesis.iter().flat_map(|hypothesis| &hypothesis.probes);
    probes.chain(experiment.method.iter().filter(move |_| strict))
}

fn of_hypothesis(experiment: &Experiment, policy: &Policy) -> Vec<Problem> {
    let probes = experiment.hypothesis.as_ref().map_or(0, |hypothesis| hypothesis.probes.len());
    let strategy = experiment.runtime.hypothesis.unwrap_or_default();
    let mut found = Vec::new();
    if probes > 0 && strategy.before() && policy.unmet_gate_fails && !experiment.rollbacks.is_empty() {
        found.push(
            general(
                "steady state not met before the method: the rollbacks are left out, and the exit code is 5",
            )
            .help("Chaos Toolkit plays them, and exits with 0"),
        );
    }
    if probes > 0 && strategy.during() && policy.deviation_during_counts {
        found.push(
            general("steady state not met during the method: this is a deviation, and the exit code is 1")
                .help("Chaos Toolkit only logs it, and exits with 0 if the state is back at the end"),
        );
    }
    found
}

/// Controls of the experiment beside others are called too often, or not at all.
fn of_controls(experiment: &Experiment, policy: &Policy) -> Option<Problem> {
    if !policy.controls_once || experiment.controls.is_empty() {
        return None;
    }
    let own = experiment.document.get("controls").and_then(Value::as_array).map_or(0, Vec::len);
    if own == 0 || experiment.controls.len() == own {
        return None;
    }
    let problem =
        general("controls of the experiment: each is called once, whatever controls stand beside it");
    Some(problem.help("Chaos Toolkit calls those of the experiment once for each control beside them"))
}

fn of_tolerance(activity: &Activity, tolerance: &Tolerance) -> Option<Problem> {
    let gives_object = matches!(activity.provider_type.as_str(), "http" | "process");
    let name = &activity.name;
    match tolerance {
        Tolerance::OneOf(items) if items.len() == 2 && !gives_object => {
            let message = format!(
                "a tolerance of two values: that of `{name}` is a range, from the first to the second"
            );
            Some(
                at(activity, message).help(
                    "to allow nothing but these two, give one of them twice: three values are no range",
                ),
            )
        }
        Tolerance::Equal(Value::Bool(_) | Value::String(_)) if gives_object => {
            let message =
                format!("a tolerance that is never met: the output of `{name}` is an object with a status");
            let help =
                "give the status as an integer, or {\"type\": \"regex\", \"target\": ..., \"pattern\": ...}";
            Some(at(activity, message).help(help))
        }
        Tolerance::Regex { target: None, .. } | Tolerance::Range { target: None, .. } if gives_object => {
            let message = format!("a tolerance that is never met: the output of `{name}` is an object");
            let help = "say with \"target\" which of its keys to look at, such as `body` or `stdout`";
            Some(at(activity, message).help(help))
        }
        _ => None,
    }
}

/// Outside of the hypothesis, a tolerance counts only when the experiment asks for it.
fn of_uncounted_tolerance(experiment: &Experiment, step: &Step) -> Option<Problem> {
    let activity = &step.activity;
    if activity.tolerance.is_none() || activity.retry.is_some() || experiment.runtime.strict_probes {
        return None;
    }
    let is_own = step.declared_name.is_some();
    let message = format!("a tolerance outside the hypothesis: that of `{}` does not count", activity.name);
    let help = "to let it count in the method, add \"runtime\": {\"strict-probes\": true}";
    is_own.then(|| at(activity, message).help(help))
}

fn of_activity(activity: &Activity, policy: &Policy) -> Vec<Problem> {
    let name = &activity.name;
    let mut found = Vec::new();
    if activity.dry.is_some() && policy.dry_of_activities {
        let message = format!("`dry` of an activity: `{name}` is only pretended, as the flag would have it");
        let help = "Chaos Toolkit carries it out, even with the flag";
        found.push(at(activity, message).help(help));
    }
    if activity.timeout.is_some() && policy.activity_timeouts {
        let message = format!("`timeout` of an activity: `{name}` is cut when its time is over");
        found.push(
            at(activity, message).help("Chaos Toolkit lets it go on; only providers have timeouts there"),
        );
    }
    found.extend(of_content_type(activity));
    found
}

/// Arguments are sent as JSON only with exactly this content type.
fn of_content_type(activity: &Activity) -> Option<Problem> {
    let headers = activity.provider.get("headers")?.as_map()?;
    activity.provider.get("arguments")?;
    let is_type = |(name, _): &(&String, &Entry)| name.eq_ignore_ascii_case("content-type");
    let given = headers.iter().find(is_type)?.1;
    let text = given.value.as_str()?;
    if activity.provider_type != "http" || text == "application/json" || !text.starts_with("application/json")
    {
        return None;
    }
    let message = format!("JSON by content type: the arguments of `{}` are sent as a form", activity.name);
    let help = "they are sent as JSON with exactly \"application/json\", as with Chaos Toolkit";
    Some(Problem::warning(given.value.span, message).help(help))
}

/// Every name that stands for a value.
fn declared_names(experiment: &Experiment) -> HashSet<&str> {
    let configured = experiment.configuration.keys();
    let grouped = experiment.secrets.values().filter_map(Node::as_map).flat_map(|group| group.keys());
    let saved = crate::steps(experiment).flat_map(|step| step.activity.save.keys());
    configured.chain(grouped).chain(saved).map(String::as_str).collect()
}

/// A `$NAME` for the shell, which the configuration knows too.
fn of_names(activity: &Activity, names: &HashSet<&str>) -> Option<Problem> {
    let arguments = activity.provider.get("arguments").filter(|_| activity.provider_type == "process")?;
    let text = arguments.as_str()?;
    let after_dollars = text.match_indices('$').map(|(at, _)| &text[at + 1..]);
    let taken = after_dollars.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        names.get(&rest[..end])
    });
    let name = taken.into_iter().next()?;
    let message =
        format!("`$NAME` in arguments: `${name}` is the value of the configuration, not the shell's");
    Some(Problem::warning(arguments.span, message).help(format!("write `$${name}` for the shell's variable")))
}

fn at(activity: &Activity, message: String) -> Problem {
    Problem::warning(activity.span_start(), message)
}

/// About the experiment as a whole.
fn general(message: &str) -> Problem {
    Problem { severity: Severity::Warning, ..Problem::general(message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use serde_json::json;

    fn messages(document: &Value, policy: &Policy) -> String {
        let (experiment, problems) = crate::experiment_of(&Arc::new(Node::from(document)));
        assert!(!problems.has_errors(), "{problems:?}");
        let found = differences(&experiment.unwrap(), policy);
        found.0.iter().map(|problem| format!("{}\n  {}\n", problem.message, problem.help)).collect()
    }

    fn probe(name: &str, kind: &str, tolerance: Value) -> Value {
        let provider = json!({"type": kind, "module": "m", "func": "f", "path": "x", "url": "x"});
        json!({"name": name, "type": "probe", "tolerance": tolerance, "provider": provider})
    }

    #[test]
    fn every_difference_has_its_warning() {
        let mut posting = probe("posting", "http", json!(200));
        posting["provider"]["headers"] = json!({"content-type": "application/json; charset=utf-8"});
        posting["provider"]["arguments"] = json!({"a": 1});
        let mut shell = probe("shell", "process", json!(0));
        shell["provider"]["arguments"] = json!("-c 'echo $USER $HOME'");
        shell["timeout"] = json!(5);
        shell["dry"] = json!("probes");
        shell.as_object_mut().unwrap().remove("tolerance");
        shell["controls"] = json!([{"name": "b", "provider": {"type": "python", "module": "m"}}]);
        let document = json!({
            "title": "t",
            "description": "d",
            "configuration": {"HOME": "/"},
            "controls": [{"name": "a", "provider": {"type": "python", "module": "m"}}],
            "runtime": {"hypothesis": {"strategy": "continuously"}},
            "steady-state-hypothesis": {"title": "h", "probes": [
                probe("between", "python", json!([1, 5])),
                probe("either", "http", json!([200, 404])),
                probe("never", "process", json!("done")),
                probe("searched", "http", json!({"type": "regex", "pattern": "x"})),
                posting,
            ]},
            "method": [shell, probe("uncounted", "python", json!(1))],
            "rollbacks": [probe("back", "python", json!(1))],
        });
        insta::assert_snapshot!(messages(&document, &Policy::FRACAS));
        let compat = messages(&document, &Policy::CHAOS_TOOLKIT);
        assert!(!compat.contains("exit code"), "{compat}");
    }

    #[test]
    fn a_plain_experiment_has_none() {
        let document = json!({
            "title": "t",
            "description": "d",
            "steady-state-hypothesis": {"title": "h", "probes": [probe("p", "http", json!(200))]},
            "method": [],
        });
        assert_eq!(messages(&document, &Policy::FRACAS), "");
    }
}
