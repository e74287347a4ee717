//! The keys of an experiment itself.

use std::sync::Arc;

use fracas_model::*;
use indexmap::IndexMap;

use super::{Reader, describe, error_at, is_true};

/// Keys that an experiment may have; others are ignored, as the reference ignores them.
const KEYS: [&str; 14] = [
    "version",
    "id",
    "title",
    "description",
    "tags",
    "configuration",
    "secrets",
    "extensions",
    "contributions",
    "controls",
    "steady-state-hypothesis",
    "method",
    "rollbacks",
    "runtime",
];

impl Reader {
    pub(super) fn experiment(&mut self, node: &Arc<Node>) -> Option<Experiment> {
        self.turn.section = Section::Head;
        let Some(map) = node.as_map().filter(|map| !map.is_empty()) else {
            let message =
                format!("an experiment is an object with a title and a method, not {}", describe(node));
            let words = if is_true(node) { "" } else { "an empty experiment is not an experiment" };
            self.tell(error_at(node, message).words(words));
            return None;
        };
        self.near_misses(map, &KEYS);
        let title = self.required_text(node, "title", "an experiment", "experiment requires a title");
        self.required_text(node, "description", "an experiment", "experiment requires a description");
        self.tags(node);
        self.extensions(node);
        let runtime = self.runtime(node);
        self.turn.section = Section::Values;
        let configuration = self.declarations(node, "configuration");
        let secrets = self.declarations(node, "secrets");
        self.groups(&secrets);
        let steps = self.all_steps(node);
        self.turn = Turn { section: Section::Controls, ..Turn::default() };
        let controls = self.controls(node);
        Some(Experiment {
            title: title.unwrap_or_default(),
            configuration,
            secrets,
            hypothesis: steps.hypothesis,
            method: steps.method,
            rollbacks: steps.rollbacks,
            controls,
            runtime,
            document: Declared::at(node, Place::Whole),
        })
    }

    fn tags(&mut self, node: &Node) {
        for tag in self.lenient_list(node, "tags") {
            if tag.as_str().is_none_or(str::is_empty) {
                let message = format!("a tag is a text that is not empty, not {}", describe(tag));
                self.tell(error_at(tag, message).words("experiment tags must be a non-empty string"));
            }
        }
    }

    fn extensions(&mut self, node: &Node) {
        for extension in self.lenient_list(node, "extensions") {
            if extension.get("name").and_then(Node::as_str).is_none_or(|name| name.trim().is_empty()) {
                let problem = error_at(extension, "an extension needs a name");
                self.tell(problem.words("All extensions require a non-empty name"));
            }
        }
    }

    /// The items of a list in whose place anything empty may stand.
    fn lenient_list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        if node.get(key).is_some_and(is_true) { self.optional_list(node, key) } else { &[] }
    }

    fn declarations(&mut self, node: &Node, key: &str) -> IndexMap<String, Node> {
        let Some(declared) = self.given(node, key, "an object of values by name") else {
            return IndexMap::new();
        };
        let Some(map) = declared.as_map() else {
            let message = format!("`{key}` is an object of values by name, not {}", describe(declared));
            self.tell(error_at(declared, message));
            return IndexMap::new();
        };
        map.iter().map(|(name, entry)| (name.clone(), entry.value.clone())).collect()
    }

    /// Secrets come in groups: a value outside of one would never be found by its name.
    fn groups(&mut self, secrets: &IndexMap<String, Node>) {
        for (name, group) in secrets {
            let lone = match group.get("type").and_then(Node::as_str) {
                Some("vault") => group.get("key").is_some_and(|key| !key.is_null()),
                kind => kind == Some("env") || group.as_map().is_none(),
            };
            if lone {
                let problem =
                    error_at(group, format!("`{name}` is a group of secrets: an object of values by name"));
                let help =
                    format!("write `\"{name}\": {{\"NAME\": ...}}`, and name the group where it is used");
                self.tell(problem.help(help));
            }
        }
    }
}
