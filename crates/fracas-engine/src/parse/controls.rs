//! Controls as they are declared, at whatever level.
//!
//! Source: chaoslib's `validate_controls`.

use std::collections::HashSet;

use fracas_model::*;

use super::{Reader, describe, error_at};

/// Keys that a control may have.
const KEYS: [&str; 6] = ["name", "ref", "provider", "scope", "automatic", "contributions"];

/// What Chaos Toolkit says about a control without a name.
const NAMELESS: &str = "A control must have a `name` property";

impl Reader {
    /// All controls of an experiment: its own, those of the hypothesis, those of activities.
    pub(super) fn controls(&mut self, experiment: &Node) -> Vec<Node> {
        let mut found: Vec<&Node> = self.controls_of(experiment);
        let hypothesis = experiment.get("steady-state-hypothesis");
        found.extend(hypothesis.into_iter().flat_map(|hypothesis| self.controls_of(hypothesis)));
        let lists = [
            hypothesis.and_then(|node| node.get("probes")),
            experiment.get("method"),
            experiment.get("rollbacks"),
        ];
        for activity in lists.into_iter().flatten().filter_map(Node::as_list).flatten() {
            found.extend(self.controls_of(activity));
        }
        let names: HashSet<&str> = found
            .iter()
            .filter(|control| control.get("ref").is_none())
            .filter_map(|control| control.get("name")?.as_str())
            .collect();
        for (index, control) in found.iter().enumerate() {
            self.turn.index = index;
            self.control(control, &names);
        }
        found.into_iter().cloned().collect()
    }

    fn controls_of<'n>(&mut self, node: &'n Node) -> Vec<&'n Node> {
        self.optional_list(node, "controls").iter().collect()
    }

    fn control(&mut self, control: &Node, names: &HashSet<&str>) {
        let Some(map) = control.as_map() else {
            let message =
                format!("a control is an object with a name and a provider, not {}", describe(control));
            let words = if matches!(control.value, NodeValue::String(_) | NodeValue::List(_)) {
                NAMELESS
            } else {
                ""
            };
            return self.tell(error_at(control, message).words(words));
        };
        self.near_misses(map, &KEYS);
        self.control_reference(control, names);
        let words = if map.contains_key("name") { "" } else { NAMELESS };
        let before = self.problems.0.len();
        let name = self.required_text(control, "name", "a control", words).unwrap_or_default();
        self.problems.0[before..].iter_mut().for_each(|problem| problem.playable = true);
        self.control_provider(control, &name);
        self.control_scope(control, &name);
        if let Some(automatic) = control.get("automatic") {
            self.flag(automatic, "automatic");
        }
    }

    fn control_reference(&mut self, control: &Node, names: &HashSet<&str>) {
        let Some(reference) = control.get("ref") else { return };
        if reference.as_str().is_none_or(|name| !names.contains(name)) {
            let problem = error_at(reference, format!("no control is named {}", describe(reference)));
            let help = "a reference names a control that is declared in this experiment";
            self.tell(problem.help(help).words("Control reference '{}' declaration cannot be found"));
        }
    }

    fn control_provider(&mut self, control: &Node, name: &str) {
        let Some(provider) = control.get("provider") else {
            let problem = error_at(control, "a control needs a provider").help(
                "say which module has its functions, such as `\"provider\": {\"type\": \"python\", \"module\": ...}`",
            );
            return self.tell(problem.words(format!("Control '{name}' must have a `provider` property")));
        };
        if provider.as_map().is_none() {
            let message =
                format!("a control's provider is an object with a type, not {}", describe(provider));
            return self.tell(error_at(provider, message));
        }
        let is_python = provider.get("type").and_then(Node::as_str) == Some("python");
        if is_python && provider.get("module").and_then(Node::as_str).is_none_or(str::is_empty) {
            let problem = error_at(provider, "the control's provider needs a `module`");
            let words = format!("Control '{name}' must have a module path");
            self.tell(problem.help("name the Python module that has its functions").words(words));
        }
    }

    fn control_scope(&mut self, control: &Node, name: &str) {
        let Some(scope) = control.get("scope").filter(|scope| super::is_true(scope)) else { return };
        if !matches!(scope.as_str(), Some("before" | "after")) {
            let problem = error_at(scope, format!("unknown scope {}", describe(scope)));
            let words = format!("Control '{name}' scope property must be 'before' or 'after' only");
            self.tell(problem.help("use `before` or `after`, or leave it out for both").words(words));
        }
    }
}
