//! What an activity may ask for beyond what Chaos Toolkit does: it ignores these keys, or takes
//! them for something else.

use fracas_jmespath::Expression;
use fracas_model::*;
use indexmap::IndexMap;

use super::{Reader, describe, error_at, number};
use crate::values::is_name;

impl Reader {
    pub(super) fn dry(&mut self, activity: &Node) -> Option<Dry> {
        let dry = activity.get("dry").filter(|dry| !dry.is_null())?;
        // As a control of chaostoolkit-addons sets it.
        if let NodeValue::Bool(pretended) = dry.value {
            return pretended.then_some(Dry::Activities);
        }
        self.one_of(dry, "value of `dry`", &Dry::NAMES)
    }

    pub(super) fn on_failure(&mut self, activity: &Node) -> OnFailure {
        let names = [("continue", OnFailure::Continue), ("abort", OnFailure::Abort)];
        let named =
            activity.get("on-failure").and_then(|node| self.one_of(node, "value of `on-failure`", &names));
        named.unwrap_or_default()
    }

    pub(super) fn retry(&mut self, activity: &Node) -> Option<Retry> {
        let retry = activity.get("retry")?;
        self.block(retry, "retry", &["every", "for"]);
        retry.as_map()?;
        if activity.get("tolerance").is_none() {
            let problem = error_at(retry, "`retry` needs a tolerance");
            self.tell(problem.help("say what the output has to become, such as `\"tolerance\": 200`"));
        }
        let (every, within) = (self.seconds(retry, "every"), self.seconds(retry, "for"));
        Some(Retry { every: every?, within: within? })
    }

    fn seconds(&mut self, retry: &Node, key: &str) -> Option<f64> {
        let node = retry.get(key).unwrap_or(retry);
        let seconds = number(node).filter(|seconds| *seconds > 0.0);
        if seconds.is_none() {
            let problem = error_at(node, format!("`retry` needs `{key}`: a number of seconds above 0"));
            self.tell(problem.help("write `\"retry\": {\"every\": 1, \"for\": 30}`"));
        }
        seconds
    }

    pub(super) fn save(&mut self, activity: &Node) -> IndexMap<String, String> {
        let Some(save) = activity.get("save") else { return IndexMap::new() };
        let Some(map) = save.as_map() else {
            let problem =
                error_at(save, format!("`save` is an object of expressions by name, not {}", describe(save)));
            self.tell(problem.help("write `\"save\": {\"id\": \"Instances[0].InstanceId\"}`"));
            return IndexMap::new();
        };
        map.iter().filter_map(|(name, entry)| Some((name.clone(), self.saved(name, entry)?))).collect()
    }

    /// The expression of a name, if both are right.
    fn saved(&mut self, name: &str, entry: &Entry) -> Option<String> {
        if !is_name(name) {
            let problem =
                Problem::error(entry.key_span, format!("`{name}` is no name that `${{...}}` can have"));
            self.tell(problem.help("use letters, digits and `_`"));
        }
        let Some(expression) = entry.value.as_str() else {
            let message = format!("what is saved is a JMESPath expression, not {}", describe(&entry.value));
            self.tell(error_at(&entry.value, message).help("write \"@\" for the whole output"));
            return None;
        };
        if let Err(error) = Expression::new(expression) {
            self.tell(error_at(&entry.value, format!("this is no JMESPath: {error}")));
        }
        Some(expression.to_owned())
    }
}
