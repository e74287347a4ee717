//! A document becomes an experiment, or a list of everything that keeps it from being one.
//!
//! The rules are chaoslib's (`ensure_experiment_is_valid` and what it calls); here they report
//! all that is wrong at once, each with its place.

use std::collections::HashMap;
use std::sync::Arc;

use fracas_model::*;
use indexmap::IndexMap;
use serde_json::Value;

use crate::parse_document;

/// Reads an experiment: as much of it as can be understood, so that more problems can be found in
/// it, and the problems so far. It may only be run when none of them is an error.
pub fn parse(source: &Source) -> (Option<Experiment>, Problems) {
    let (node, problems) = parse_document(source);
    let mut reader = Reader { problems, named: HashMap::new() };
    let experiment = node.and_then(|node| reader.experiment(&node));
    (experiment, reader.problems)
}

/// Keys that an experiment may have; others are ignored, as the reference ignores them.
const EXPERIMENT_KEYS: [&str; 14] = [
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

const ACTIVITY_KEYS: [&str; 12] = [
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
];

struct Reader {
    problems: Problems,
    named: HashMap<String, Arc<Activity>>,
}

impl Reader {
    fn experiment(&mut self, node: &Node) -> Option<Experiment> {
        let Some(map) = node.as_map().filter(|map| !map.is_empty()) else {
            self.error(
                node,
                format!("an experiment is an object with a title and a method, not {}", describe(node)),
            );
            return None;
        };
        self.near_misses(map, &EXPERIMENT_KEYS);
        let title = self.required_text(node, "title", "an experiment");
        self.required_text(node, "description", "an experiment");
        self.tags(node);
        self.extensions(node);
        self.unsupported_controls(node);
        let configuration = self.declarations(node, "configuration");
        let secrets = self.declarations(node, "secrets");
        self.groups(&secrets);
        let runtime = self.runtime(node);
        let probes = self.hypothesis_probes(node);
        let method = self.method(node);
        // A probe of the hypothesis wins over an activity of the method with the same name.
        self.remember(&method);
        self.remember(&probes);
        let hypothesis = self.hypothesis(node, probes);
        let method = self.steps(method);
        let rollbacks = self.rollbacks(node);
        Some(Experiment {
            title: title.unwrap_or_default(),
            configuration,
            secrets,
            hypothesis,
            method,
            rollbacks,
            runtime,
            document: node.to_json(),
        })
    }

    fn tags(&mut self, node: &Node) {
        for tag in self.optional_list(node, "tags") {
            if tag.as_str().is_none_or(str::is_empty) {
                self.error(tag, format!("a tag is a text that is not empty, not {}", describe(tag)));
            }
        }
    }

    fn extensions(&mut self, node: &Node) {
        for extension in self.optional_list(node, "extensions") {
            if extension.get("name").and_then(Node::as_str).is_none_or(|name| name.trim().is_empty()) {
                self.error(extension, "an extension needs a name");
            }
        }
    }

    fn declarations(&mut self, node: &Node, key: &str) -> IndexMap<String, Node> {
        let Some(declared) = node.get(key).filter(|declared| !declared.is_null()) else {
            return IndexMap::new();
        };
        let Some(map) = declared.as_map() else {
            self.error(
                declared,
                format!("`{key}` is an object of values by name, not {}", describe(declared)),
            );
            return IndexMap::new();
        };
        map.iter().map(|(name, entry)| (name.clone(), entry.value.clone())).collect()
    }

    /// Secrets come in groups: a value outside of one would never be found by its name.
    fn groups(&mut self, secrets: &IndexMap<String, Node>) {
        for (name, group) in secrets {
            if group.as_map().is_none() || group.get("type").is_some_and(|kind| kind.as_str().is_some()) {
                let help =
                    format!("write `\"{name}\": {{\"NAME\": ...}}`, and name the group where it is used");
                self.error_help(
                    group,
                    format!("`{name}` is a group of secrets: an object of values by name"),
                    help,
                );
            }
        }
    }

    fn runtime(&mut self, node: &Node) -> Runtime {
        let Some(runtime) = node.get("runtime").filter(|runtime| !runtime.is_null()) else {
            return Runtime::default();
        };
        self.block(runtime, "runtime", &["hypothesis", "rollbacks", "durability"]);
        for name in ["hypothesis", "rollbacks"] {
            if let Some(block) = runtime.get(name) {
                self.block(block, name, &["strategy"]);
            }
        }
        if let Some(strategy) = runtime.get("hypothesis").and_then(|block| block.get("strategy"))
            && strategy.as_str() != Some("default")
        {
            self.unsupported(strategy, "only the default hypothesis strategy");
        }
        let strategy = runtime.get("rollbacks").and_then(|block| block.get("strategy"));
        Runtime {
            hypothesis: None,
            strict_probes: false,
            rollbacks: strategy
                .and_then(|node| self.one_of(node, "rollback strategy", &RollbackStrategy::NAMES)),
            durability: runtime
                .get("durability")
                .and_then(|node| {
                    self.one_of(node, "durability", &[("disk", Durability::Disk), ("os", Durability::Os)])
                })
                .unwrap_or_default(),
        }
    }

    /// An object with known keys; a near miss among them is worth a warning.
    fn block(&mut self, node: &Node, name: &str, known: &[&str]) {
        match node.as_map() {
            Some(map) => self.near_misses(map, known),
            None => self.error_help(
                node,
                format!("`{name}` is an object, not {}", describe(node)),
                format!("it may have: {}", known.join(", ")),
            ),
        }
    }

    fn one_of<T: Copy>(&mut self, node: &Node, what: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| node.as_str() == Some(name));
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.error_help(node, format!("unknown {what}"), format!("use one of: {}", names.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    fn hypothesis_probes(&mut self, node: &Node) -> Vec<Declared> {
        let Some(hypothesis) = node.get("steady-state-hypothesis").filter(|node| !node.is_null()) else {
            return Vec::new();
        };
        if hypothesis.as_map().is_none() {
            self.error(
                hypothesis,
                format!("a hypothesis is an object with a title and probes, not {}", describe(hypothesis)),
            );
            return Vec::new();
        }
        self.required_text(hypothesis, "title", "a hypothesis");
        self.unsupported_controls(hypothesis);
        let probes = self.optional_list(hypothesis, "probes");
        probes.iter().filter_map(|probe| self.hypothesis_probe(probe)).collect()
    }

    fn hypothesis_probe(&mut self, node: &Node) -> Option<Declared> {
        let declared = self.declared(node)?;
        if node.get("tolerance").is_none() {
            self.error_help(
                node,
                "a probe of a hypothesis needs a tolerance",
                "say what its output has to be, such as `\"tolerance\": 200`",
            );
        }
        Some(declared)
    }

    fn hypothesis(&mut self, node: &Node, probes: Vec<Declared>) -> Option<Hypothesis> {
        let hypothesis = node.get("steady-state-hypothesis")?;
        let title = hypothesis.get("title").and_then(Node::as_str)?.to_owned();
        Some(Hypothesis { title, probes: self.steps(probes) })
    }

    fn method(&mut self, node: &Node) -> Vec<Declared> {
        let Some(method) = node.get("method").filter(|method| !method.is_null()) else {
            let help = "add `\"method\": []` to check nothing but the steady-state hypothesis";
            self.error_help(node, "an experiment needs a method", help);
            return Vec::new();
        };
        let Some(items) = method.as_list() else {
            self.error(method, format!("a method is a list of activities, not {}", describe(method)));
            return Vec::new();
        };
        items.iter().filter_map(|item| self.declared(item)).collect()
    }

    fn rollbacks(&mut self, node: &Node) -> Vec<Step> {
        let items = self.optional_list(node, "rollbacks");
        let declared = items.iter().filter_map(|item| self.declared(item)).collect();
        self.steps(declared)
    }

    fn remember(&mut self, declared: &[Declared]) {
        for item in declared {
            if let Declared::Activity(activity) = item {
                self.named.insert(activity.name.clone(), activity.clone());
            }
        }
    }

    fn steps(&mut self, declared: Vec<Declared>) -> Vec<Step> {
        declared.into_iter().filter_map(|item| self.step(item)).collect()
    }

    fn step(&mut self, declared: Declared) -> Option<Step> {
        match declared {
            Declared::Activity(activity) => {
                let declared_name = Some(activity.name.clone());
                Some(Step { activity, declared_name, background: false })
            }
            Declared::Reference(name, span) => {
                let activity = self.named.get(&name).cloned();
                if activity.is_none() {
                    let problem = Problem::error(span, format!("no activity is named `{name}`"));
                    let help = "a reference names an activity of the method or a probe of the hypothesis";
                    let near = nearest(&name, self.named.keys().map(String::as_str));
                    self.problems.push(
                        problem.help(near.map_or(help.to_owned(), |near| format!("did you mean `{near}`?"))),
                    );
                }
                activity.map(|activity| Step { activity, declared_name: None, background: false })
            }
        }
    }

    /// An activity or a reference to one. None when it is neither: the reason has been noted.
    fn declared(&mut self, node: &Node) -> Option<Declared> {
        let Some(map) = node.as_map().filter(|map| !map.is_empty()) else {
            self.error(
                node,
                format!(
                    "an activity is an object with a name, a type and a provider, not {}",
                    describe(node)
                ),
            );
            return None;
        };
        if let Some(reference) = node.get("ref").filter(|reference| !reference.is_null()) {
            return self.reference(reference);
        }
        self.near_misses(map, &ACTIVITY_KEYS);
        self.activity(node).map(|activity| Declared::Activity(Arc::new(activity)))
    }

    fn reference(&mut self, reference: &Node) -> Option<Declared> {
        let name = reference.as_str().filter(|name| !name.is_empty());
        if name.is_none() {
            self.error(
                reference,
                format!("a reference is the name of an activity, not {}", describe(reference)),
            );
        }
        name.map(|name| Declared::Reference(name.to_owned(), reference.span))
    }

    fn activity(&mut self, node: &Node) -> Option<Activity> {
        let name = self.required_text(node, "name", "an activity");
        let kind = self.activity_kind(node);
        let provider = self.provider(node);
        let pauses = self.pauses(node);
        let tolerance = node.get("tolerance").and_then(|tolerance| self.tolerance(tolerance));
        self.unsupported_controls(node);
        self.unsupported_activity_keys(node);
        let (provider, provider_type) = provider?;
        Some(Activity {
            name: name.unwrap_or_default(),
            kind: kind.unwrap_or(ActivityKind::Action),
            provider,
            provider_type,
            pauses,
            tolerance,
            dry: None,
            timeout: None,
            on_failure: OnFailure::default(),
            retry: None,
            save: IndexMap::new(),
            span: node.span,
            document: node.to_json(),
        })
    }

    fn activity_kind(&mut self, node: &Node) -> Option<ActivityKind> {
        let help = "write \"type\": \"action\" for what changes the system, \"probe\" for what only looks";
        match node.get("type") {
            None => self.error_help(node, "an activity needs a type", help),
            Some(kind) => match kind.as_str() {
                Some("action") => return Some(ActivityKind::Action),
                Some("probe") => return Some(ActivityKind::Probe),
                _ => self.error_help(
                    kind,
                    format!("an activity's type is `action` or `probe`, not {}", describe(kind)),
                    help,
                ),
            },
        }
        None
    }

    fn provider(&mut self, node: &Node) -> Option<(Node, String)> {
        let Some(provider) = node.get("provider") else {
            self.error_help(
                node,
                "an activity needs a provider",
                "say what carries it out, such as `\"provider\": {\"type\": \"http\", \"url\": ...}`",
            );
            return None;
        };
        if provider.as_map().is_none() {
            self.error(provider, format!("a provider is an object with a type, not {}", describe(provider)));
            return None;
        }
        let kind = self.required_text(provider, "type", "a provider")?;
        Some((provider.clone(), kind))
    }

    fn pauses(&mut self, node: &Node) -> Pauses {
        let Some(pauses) = node.get("pauses").filter(|pauses| !pauses.is_null()) else {
            return Pauses::default();
        };
        if pauses.as_map().is_none() {
            self.error(
                pauses,
                format!("pauses are an object with `before` or `after`, not {}", describe(pauses)),
            );
        }
        Pauses { before: self.pause(pauses, "before"), after: self.pause(pauses, "after") }
    }

    fn pause(&mut self, pauses: &Node, key: &str) -> Value {
        let Some(pause) = pauses.get(key) else { return Value::Null };
        let is_pattern = pause.as_str().is_some_and(|text| text.starts_with("${") && text.ends_with('}'));
        let is_seconds = pause.as_f64().is_some_and(|seconds| (0.0..=MAX_PAUSE_SECONDS).contains(&seconds));
        if !(is_pattern || is_seconds || pause.is_null()) {
            let help = "give a number of seconds from 0, or \"${name}\" of a configuration value";
            self.error_help(pause, format!("a pause is a number of seconds, not {}", describe(pause)), help);
        }
        pause.to_json()
    }

    fn tolerance(&mut self, node: &Node) -> Option<Tolerance> {
        match &node.value {
            NodeValue::Bool(_) | NodeValue::String(_) => Some(Tolerance::Equal(node.to_json())),
            NodeValue::Number(number) if !number.is_f64() => Some(Tolerance::Equal(node.to_json())),
            NodeValue::List(items) => Some(Tolerance::OneOf(items.iter().map(Node::to_json).collect())),
            NodeValue::Map(_) => self.typed_tolerance(node),
            NodeValue::Number(_) | NodeValue::Null => {
                let help = "give a boolean, an integer, a text, a list, or {\"type\": \"range\", \"range\": [0.1, 0.5]}";
                self.error_help(node, format!("a tolerance cannot be {}", describe(node)), help);
                None
            }
        }
    }

    fn typed_tolerance(&mut self, node: &Node) -> Option<Tolerance> {
        match node.get("type").and_then(Node::as_str) {
            Some("range") => self.range(node),
            Some(kind @ ("regex" | "jsonpath" | "probe")) => {
                self.unsupported(node, &format!("no {kind} tolerances"));
                None
            }
            _ => {
                let at = node.get("type").unwrap_or(node);
                self.error_help(at, "unknown type of tolerance", "use one of: range, regex, jsonpath, probe");
                None
            }
        }
    }

    fn range(&mut self, node: &Node) -> Option<Tolerance> {
        let bounds = node.get("range").and_then(Node::as_list);
        let numbers =
            bounds.filter(|bounds| bounds.len() == 2 && bounds.iter().all(|bound| bound.as_f64().is_some()));
        let Some([low, high]) = numbers else {
            let at = node.get("range").unwrap_or(node);
            self.error_help(at, "a range is a list of two numbers", "write \"range\": [low, high]");
            return None;
        };
        let target = node.get("target").and_then(Node::as_str).map(str::to_owned);
        Some(Tolerance::Range { low: low.to_json(), high: high.to_json(), target })
    }

    fn unsupported_controls(&mut self, node: &Node) {
        if let Some(controls) =
            node.get("controls").filter(|controls| controls.as_list().is_none_or(|list| !list.is_empty()))
        {
            self.unsupported(controls, "no controls");
        }
    }

    fn unsupported_activity_keys(&mut self, node: &Node) {
        if let Some(background) = node.get("background") {
            match background.value {
                NodeValue::Bool(false) => {}
                NodeValue::Bool(true) => self.unsupported(background, "no background activities"),
                _ => self.error(
                    background,
                    format!("`background` is true or false, not {}", describe(background)),
                ),
            }
        }
        if let Some(dry) = node.get("dry").filter(|dry| !dry.is_null()) {
            self.unsupported(dry, "no dry activities");
        }
        if let Some(timeout) =
            node.get("timeout").filter(|timeout| !timeout.is_null() && timeout.as_f64().is_none())
        {
            self.error(timeout, format!("a timeout is a number of seconds, not {}", describe(timeout)));
        }
    }

    fn optional_list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        let Some(list) = node.get(key).filter(|list| !list.is_null()) else { return &[] };
        if list.as_list().is_none() {
            self.error(list, format!("`{key}` is a list, not {}", describe(list)));
        }
        list.as_list().unwrap_or_default()
    }

    fn required_text(&mut self, node: &Node, key: &str, whose: &str) -> Option<String> {
        let value = node.get(key).filter(|value| !value.is_null());
        match value.map(|value| (value, value.as_str())) {
            Some((_, Some(text))) if !text.is_empty() => return Some(text.to_owned()),
            Some((value, _)) => self.error(
                value,
                format!("the {key} of {whose} is a text that is not empty, not {}", describe(value)),
            ),
            None => {
                self.error_help(node, format!("{whose} needs a {key}"), format!("add `\"{key}\": \"...\"`"))
            }
        }
        None
    }

    /// A key that is ignored but looks like one that would not be is worth a warning.
    fn near_misses(&mut self, map: &Map, known: &[&str]) {
        for (key, entry) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            if let Some(near) = nearest(key, known.iter().copied()) {
                let problem = Problem::warning(
                    entry.key_span,
                    format!("the key `{key}` means nothing here and is ignored"),
                );
                self.problems.push(problem.help(format!("did you mean `{near}`?")));
            }
        }
    }

    fn unsupported(&mut self, node: &Node, what: &str) {
        let help = "nothing was run; take it out, or run this experiment with Chaos Toolkit";
        self.error_help(node, format!("this version of fracas supports {what}"), help);
    }

    fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(Problem::error(head(node), message));
    }

    fn error_help(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::error(head(node), message).help(help));
    }
}

/// A pause beyond this is a mistake of units: a year, in seconds.
const MAX_PAUSE_SECONDS: f64 = 366.0 * 86_400.0;

/// An entry of the method, the hypothesis or the rollbacks, before references are resolved.
enum Declared {
    Activity(Arc<Activity>),
    Reference(String, Span),
}

/// Where to put the caret for a value: at an object's or list's first byte rather than under all
/// of it.
fn head(node: &Node) -> Span {
    match node.value {
        NodeValue::Map(_) | NodeValue::List(_) => Span::new(node.span.start, node.span.start + 1),
        _ => node.span,
    }
}

/// What a user would call a value that stands in the wrong place.
fn describe(node: &Node) -> String {
    match &node.value {
        NodeValue::String(text) if text.is_empty() => "an empty text".to_owned(),
        NodeValue::Map(map) if map.is_empty() => "an empty object".to_owned(),
        NodeValue::Number(number) => number.to_string(),
        NodeValue::String(text) if text.chars().count() <= 40 => format!("`{text}`"),
        _ => node.kind().to_owned(),
    }
}

/// The known name that a wrong one was most likely meant to be.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(score, _)| *score > 0.85).map(|(_, name)| name)
}
