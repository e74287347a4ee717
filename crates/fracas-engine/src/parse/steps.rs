//! The hypothesis, the method and the rollbacks, and what their references stand for.

use std::sync::Arc;

use fracas_model::*;
use indexmap::IndexMap;
use serde_json::Value;

use super::{Reader, describe, error_at, is_true, nearest};

/// The hypothesis, the method and the rollbacks of an experiment.
pub(super) struct Steps {
    pub(super) hypothesis: Option<Hypothesis>,
    pub(super) method: Vec<Step>,
    pub(super) rollbacks: Vec<Step>,
}

/// An entry of the method, the hypothesis or the rollbacks, before references are resolved.
struct Declared {
    what: What,
    background: bool,
    turn: Turn,
}

enum What {
    Activity(Arc<Activity>),
    /// The name of an activity, and the tolerance beside it.
    Reference(String, Span, Box<Option<Tolerance>>),
}

/// How many unknown names are compared with all known ones, which takes its time.
const MAX_COMPARED: usize = 20;

impl Reader {
    pub(super) fn all_steps(&mut self, experiment: &Node) -> Steps {
        let probes = self.hypothesis_probes(experiment);
        let method = self.method(experiment);
        let rollbacks = self.rollbacks(experiment);
        // A probe of the hypothesis wins over an activity of the method with the same name.
        self.remember(&method);
        self.remember(&probes);
        let probes = self.steps(probes);
        Steps {
            hypothesis: hypothesis(experiment, probes),
            method: self.steps(method),
            rollbacks: self.steps(rollbacks),
        }
    }

    fn hypothesis_probes(&mut self, experiment: &Node) -> Vec<Declared> {
        self.turn = Turn { section: Section::Hypothesis, ..Turn::default() };
        let what = "an object with a title and probes";
        let Some(hypothesis) = self.given(experiment, "steady-state-hypothesis", what) else {
            return Vec::new();
        };
        if hypothesis.as_map().is_none() {
            self.tell(error_at(hypothesis, format!("a hypothesis is {what}, not {}", describe(hypothesis))));
            return Vec::new();
        }
        self.required_text(hypothesis, "title", "a hypothesis", "hypothesis requires a title");
        let probes = self.optional_list(hypothesis, "probes");
        self.in_turn(probes, Reader::hypothesis_probe)
    }

    fn hypothesis_probe(&mut self, node: &Node) -> Option<Declared> {
        let declared = self.declared(node)?;
        if node.get("tolerance").is_none() {
            self.turn.look = Look::Rest;
            let problem = error_at(node, "a probe of a hypothesis needs a tolerance")
                .help("say what its output has to be, such as `\"tolerance\": 200`");
            self.tell(problem.words("hypothesis probe must have a tolerance entry").playable());
        }
        Some(declared)
    }

    fn method(&mut self, experiment: &Node) -> Vec<Declared> {
        self.turn = Turn { section: Section::Method, ..Turn::default() };
        let Some(method) = experiment.get("method").filter(|method| !method.is_null()) else {
            let problem = error_at(experiment, "an experiment needs a method")
                .help("add `\"method\": []` to check nothing but the steady-state hypothesis");
            let words = "an experiment requires a method, which can be empty for only checking steady state hypothesis ";
            self.tell(problem.words(words));
            return Vec::new();
        };
        if method.as_list().is_none() {
            self.tell(error_at(
                method,
                format!("a method is a list of activities, not {}", describe(method)),
            ));
        }
        self.in_turn(method.as_list().unwrap_or_default(), Reader::declared)
    }

    fn rollbacks(&mut self, experiment: &Node) -> Vec<Declared> {
        self.turn = Turn { section: Section::Rollbacks, ..Turn::default() };
        let items = self.optional_list(experiment, "rollbacks");
        self.in_turn(items, Reader::declared)
    }

    /// Reads each item, in the turn of its place.
    fn in_turn(&mut self, items: &[Node], read: fn(&mut Reader, &Node) -> Option<Declared>) -> Vec<Declared> {
        let section = self.turn.section;
        let read = |(index, item)| {
            self.turn = Turn { section, index, ..Turn::default() };
            read(self, item)
        };
        items.iter().enumerate().filter_map(read).collect()
    }

    fn remember(&mut self, declared: &[Declared]) {
        for item in declared {
            if let What::Activity(activity) = &item.what {
                self.named.insert(activity.name.clone(), activity.clone());
            }
        }
    }

    fn steps(&mut self, declared: Vec<Declared>) -> Vec<Step> {
        declared.into_iter().filter_map(|item| self.step(item)).collect()
    }

    fn step(&mut self, declared: Declared) -> Option<Step> {
        self.turn = Turn { look: Look::Rest, ..declared.turn };
        let background = declared.background;
        match declared.what {
            What::Activity(activity) => {
                let declared_name = Some(activity.name.clone());
                Some(Step { activity, declared_name, background, is_missing: false })
            }
            What::Reference(name, span, tolerance) => {
                let Some(activity) = self.referred(&name, span) else {
                    return Some(missing(name, span, background));
                };
                let activity = match self.turn.section {
                    // What its output has to be is said where it is checked.
                    Section::Hypothesis => {
                        Arc::new(Activity { tolerance: *tolerance, ..(*activity).clone() })
                    }
                    _ => activity,
                };
                Some(Step { activity, declared_name: None, background, is_missing: false })
            }
        }
    }

    fn referred(&mut self, name: &str, span: Span) -> Option<Arc<Activity>> {
        if let Some(activity) = self.named.get(name) {
            return Some(activity.clone());
        }
        let problem = Problem::error(span, format!("no activity is named `{name}`"));
        self.strangers += 1;
        let known = self.named.keys().map(String::as_str);
        let near = if self.strangers > MAX_COMPARED { None } else { nearest(name, known) };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a reference names an activity of the method or a probe of the hypothesis".to_owned(),
        };
        let words = match self.turn.section {
            Section::Method => format!("referenced activity '{name}' could not be found in the experiment"),
            _ => String::new(),
        };
        self.tell(problem.help(help).words(words).playable());
        None
    }

    /// An activity or a reference to one. None when it is neither: the reason has been noted.
    fn declared(&mut self, node: &Node) -> Option<Declared> {
        if node.as_map().is_none_or(Map::is_empty) {
            let message = format!(
                "an activity is an object with a name, a type and a provider, not {}",
                describe(node)
            );
            let words = if is_true(node) { "" } else { "empty activity is no activity" };
            self.tell(error_at(node, message).words(words));
            return None;
        }
        let turn = self.turn;
        let what = match node.get("ref").filter(|reference| !reference.is_null()) {
            Some(reference) => self.reference(reference, node),
            None => self.activity(node).map(|activity| What::Activity(Arc::new(activity))),
        };
        let background = node.get("background").is_some_and(|background| self.background(background));
        Some(Declared { what: what?, background, turn })
    }

    fn reference(&mut self, reference: &Node, beside: &Node) -> Option<What> {
        let Some(name) = reference.as_str().filter(|name| !name.is_empty()) else {
            let message = format!("a reference is the name of an activity, not {}", describe(reference));
            let words = "reference to activity must be non-empty strings";
            self.tell(error_at(reference, message).words(words));
            return None;
        };
        let is_checked = self.turn.section == Section::Hypothesis;
        let tolerance = beside.get("tolerance").filter(|_| is_checked);
        let tolerance = tolerance.and_then(|tolerance| self.tolerance_of(tolerance));
        Some(What::Reference(name.to_owned(), reference.span, Box::new(tolerance)))
    }

    fn background(&mut self, node: &Node) -> bool {
        if let NodeValue::Bool(background) = node.value {
            return background;
        }
        let message = format!("`background` is true or false, not {}", describe(node));
        self.tell(error_at(node, message).words("activity background must be a boolean"));
        false
    }
}

/// A reference to an activity that is not there.
fn missing(name: String, span: Span, background: bool) -> Step {
    let activity = Activity {
        name,
        kind: ActivityKind::Action,
        provider: Node::new(span, NodeValue::Null),
        provider_type: String::new(),
        pauses: Pauses::default(),
        tolerance: None,
        dry: None,
        timeout: None,
        on_failure: OnFailure::default(),
        retry: None,
        save: IndexMap::default(),
        span,
        document: Value::Null.into(),
    };
    Step { activity: Arc::new(activity), declared_name: None, background, is_missing: true }
}

fn hypothesis(experiment: &Node, probes: Vec<Step>) -> Option<Hypothesis> {
    let hypothesis = experiment.get("steady-state-hypothesis")?;
    let title = hypothesis.get("title").and_then(Node::as_str)?.to_owned();
    Some(Hypothesis { title, probes })
}
