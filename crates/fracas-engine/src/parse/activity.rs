//! What an activity is, by whom it is carried out, and the waits around it.
//!
//! Source: chaoslib's `ensure_activity_is_valid`.

use fracas_model::*;
use serde_json::Value;

use super::{Reader, describe, error_at, is_true, number};

/// Keys that an activity may have.
const KEYS: [&str; 15] = [
    "name",
    "type",
    "provider",
    "tolerance",
    "pauses",
    "background",
    "controls",
    "configuration",
    "secrets",
    "ref",
    "timeout",
    "dry",
    "on-failure",
    "retry",
    "save",
];

/// A pause beyond this is a mistake of units: a year, in seconds.
const MAX_PAUSE_SECONDS: f64 = 366.0 * 86_400.0;

impl Reader {
    /// An activity that stands outside the lists of the experiment.
    pub(super) fn lone_activity(&mut self, node: &Node) -> Option<Activity> {
        if node.as_map().is_none() {
            let message = format!(
                "an activity is an object with a name, a type and a provider, not {}",
                describe(node)
            );
            self.tell(error_at(node, message));
            return None;
        }
        self.activity(node)
    }

    pub(super) fn activity(&mut self, node: &Node) -> Option<Activity> {
        self.near_misses(node.as_map()?, &KEYS);
        let kind = self.activity_kind(node);
        let name = self.required_text(node, "name", "an activity", "an activity must have a name");
        let provider = self.provider(node);
        let timeout = self.timeout(node);
        let pauses = self.pauses(node);
        let tolerance = node.get("tolerance").and_then(|tolerance| self.tolerance_of(tolerance));
        let dry = self.dry(node);
        let on_failure = self.on_failure(node);
        let retry = self.retry(node);
        let save = self.save(node);
        let (provider, provider_type) = provider?;
        Some(Activity {
            name: name.unwrap_or_default(),
            kind: kind.unwrap_or(ActivityKind::Action),
            provider,
            provider_type,
            pauses,
            tolerance,
            dry,
            timeout,
            on_failure,
            retry,
            save,
            span: node.span,
            document: self.declared_activity(node),
        })
    }

    /// The activity as it is written, at the place where it is found now.
    fn declared_activity(&self, node: &Node) -> Declared {
        let list: &[&str] = match self.turn.section {
            Section::Hypothesis => &["steady-state-hypothesis", "probes"],
            Section::Method => &["method"],
            Section::Rollbacks => &["rollbacks"],
            Section::Head | Section::Values | Section::Controls => &[],
        };
        match &self.root {
            // The probe of a tolerance stands within an activity.
            Some(root) if self.turn.look == Look::Activity => {
                Declared::at(root, Place::Item(list, self.turn.index))
            }
            _ => node.to_json().into(),
        }
    }

    /// A tolerance, which counts only in the hypothesis and with strict probes, so that Chaos
    /// Toolkit looks at it only there.
    pub(super) fn tolerance_of(&mut self, node: &Node) -> Option<Tolerance> {
        let before = self.problems.0.len();
        let turn = self.turn;
        self.turn.look = Look::Rest;
        let tolerance = self.tolerance(node);
        self.turn = turn;
        if turn.section != Section::Hypothesis {
            self.problems.0[before..].iter_mut().for_each(|problem| problem.rule = None);
        }
        tolerance
    }

    fn activity_kind(&mut self, node: &Node) -> Option<ActivityKind> {
        let help = "write \"type\": \"action\" for what changes the system, \"probe\" for what only looks";
        let missing = "an activity must have a type";
        let Some(kind) = node.get("type") else {
            self.tell(error_at(node, "an activity needs a type").help(help).words(missing));
            return None;
        };
        match kind.as_str() {
            Some("action") => return Some(ActivityKind::Action),
            Some("probe") => return Some(ActivityKind::Probe),
            _ => {}
        }
        let words = match is_true(kind) {
            true => format!("'{}' is not a supported activity type", python::to_str(&kind.to_json())),
            false => missing.to_owned(),
        };
        let message = format!("an activity's type is `action` or `probe`, not {}", describe(kind));
        self.tell(error_at(kind, message).help(help).words(words));
        None
    }

    fn provider(&mut self, node: &Node) -> Option<(Node, String)> {
        let missing = "an activity requires a provider";
        let Some(provider) = node.get("provider") else {
            let help = "say what carries it out, such as `\"provider\": {\"type\": \"http\", \"url\": ...}`";
            self.tell(error_at(node, "an activity needs a provider").help(help).words(missing));
            return None;
        };
        if provider.as_map().is_none_or(Map::is_empty) {
            let message = format!("a provider is an object with a type, not {}", describe(provider));
            let words = if is_true(provider) { "" } else { missing };
            self.tell(error_at(provider, message).words(words));
            return None;
        }
        if let Some(kind) = provider.get("type").filter(|kind| kind.as_str().is_none() && is_true(kind)) {
            let message = format!("the type of a provider is a text, not {}", describe(kind));
            let words = format!("unknown provider type '{}'", python::to_str(&kind.to_json()));
            self.tell(error_at(kind, message).words(words));
            return None;
        }
        let kind = self.required_text(provider, "type", "a provider", "a provider must have a type")?;
        Some((provider.clone(), kind))
    }

    fn timeout(&mut self, node: &Node) -> Option<f64> {
        let timeout = node.get("timeout").filter(|timeout| !timeout.is_null())?;
        let seconds = number(timeout);
        if seconds.is_none() {
            let message = format!("a timeout is a number of seconds, not {}", describe(timeout));
            self.tell(error_at(timeout, message).words("activity timeout must be a number"));
        } else if seconds.is_some_and(|seconds| seconds <= 0.0) {
            let message = format!("a timeout of {} seconds means nothing and is ignored", describe(timeout));
            self.tell(Problem::warning(timeout.span, message).help("give a number of seconds above 0"));
        }
        seconds.filter(|seconds| *seconds > 0.0)
    }

    fn pauses(&mut self, node: &Node) -> Pauses {
        let what = "an object with `before` or `after`";
        let Some(pauses) = self.given(node, "pauses", what) else { return Pauses::default() };
        if pauses.as_map().is_none() {
            self.tell(error_at(pauses, format!("pauses are {what}, not {}", describe(pauses))));
        }
        Pauses { before: self.pause(pauses, "before"), after: self.pause(pauses, "after") }
    }

    fn pause(&mut self, pauses: &Node, key: &str) -> Value {
        let Some(pause) = pauses.get(key) else { return Value::Null };
        let is_pattern = pause.as_str().is_some_and(|text| text.starts_with("${") && text.ends_with('}'));
        let is_seconds = number(pause).is_some_and(|seconds| (0.0..=MAX_PAUSE_SECONDS).contains(&seconds));
        if !(is_pattern || is_seconds || pause.is_null()) {
            let message = format!("a pause is a number of seconds, not {}", describe(pause));
            let words = match pause.as_str() {
                Some(_) => format!(
                    "activity {key} pause must be a number or a pattern to a variable from the configuration or secrets"
                ),
                None => String::new(),
            };
            let help = "give a number of seconds from 0, or \"${name}\" of a configuration value";
            self.tell(error_at(pause, message).help(help).words(words).playable());
        }
        pause.to_json()
    }
}
