//! A document becomes an experiment, or a list of everything that keeps it from being one.
//!
//! The rules are chaoslib's (`ensure_experiment_is_valid` and what it calls); here they report
//! all that is wrong at once, each with its place.

mod activity;
mod controls;
mod experiment;
mod extras;
mod runtime;
mod steps;
mod tolerance;

use std::collections::HashMap;
use std::sync::Arc;

use fracas_model::*;

use crate::parse_document;

/// Reads an experiment: as much of it as can be understood, so that more problems can be found in
/// it, and the problems so far. It may only be run when none of them is an error.
pub fn parse(source: &Source) -> (Option<Experiment>, Problems) {
    let (node, mut problems) = parse_document(source);
    let Some(node) = node else { return (None, problems) };
    let (experiment, mut found) = experiment_of(&Arc::new(node));
    problems.0.append(&mut found.0);
    (experiment, problems)
}

/// As [`parse`], of a document that has been read already.
pub fn experiment_of(document: &Arc<Node>) -> (Option<Experiment>, Problems) {
    let mut reader = Reader { root: Some(document.clone()), ..Reader::default() };
    let experiment = reader.experiment(document);
    (experiment, reader.problems)
}

/// Reads an activity that stands for itself, such as one that a control has changed or one that
/// gives a value of the configuration. A reference is none.
pub fn activity_of(node: &Node) -> (Option<Activity>, Problems) {
    let mut reader = Reader::default();
    let activity = reader.lone_activity(node);
    (activity, reader.problems)
}

/// What has been found so far.
#[derive(Default)]
struct Reader {
    problems: Problems,
    /// The experiment that is read; none for an activity that stands for itself.
    root: Option<Arc<Node>>,
    /// Activities that can be referred to.
    named: HashMap<String, Arc<Activity>>,
    /// Names that nothing has and that were looked for among all the others.
    strangers: usize,
    /// Where problems are found now.
    turn: Turn,
}

impl Reader {
    fn tell(&mut self, problem: Problem) {
        let turn = Turn { nth: self.problems.0.len(), ..self.turn };
        self.problems.push(problem.in_turn(turn));
    }

    /// The value under a key; one that is null is a problem, for Chaos Toolkit crashes on it.
    fn given<'n>(&mut self, node: &'n Node, key: &str, instead: &str) -> Option<&'n Node> {
        let value = node.get(key)?;
        if value.is_null() {
            let message = format!("`{key}` is {instead}, not null");
            self.tell(
                error_at(value, message).help(format!("leave `{key}` out when there is nothing to say")),
            );
            return None;
        }
        Some(value)
    }

    /// The items of a list that need not be there.
    fn optional_list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        let Some(list) = self.given(node, key, "a list") else { return &[] };
        if list.as_list().is_none() {
            self.tell(error_at(list, format!("`{key}` is a list, not {}", describe(list))));
        }
        list.as_list().unwrap_or_default()
    }

    /// A text that has to be there. `words` are Chaos Toolkit's when there is nothing; it takes any
    /// other value for a text.
    fn required_text(&mut self, node: &Node, key: &str, whose: &str, words: &str) -> Option<String> {
        let value = node.get(key).filter(|value| !value.is_null());
        match value.map(|value| (value, value.as_str())) {
            Some((_, Some(text))) if !text.is_empty() => return Some(text.to_owned()),
            Some((value, _)) => {
                let message =
                    format!("the {key} of {whose} is a text that is not empty, not {}", describe(value));
                let words = if is_true(value) { "" } else { words };
                self.tell(error_at(value, message).words(words));
            }
            None => {
                let problem = error_at(node, format!("{whose} needs a {key}"));
                self.tell(problem.help(format!("add `\"{key}\": \"...\"`")).words(words));
            }
        }
        None
    }

    /// An object with known keys; a near miss among them is worth a warning.
    fn block(&mut self, node: &Node, name: &str, known: &[&str]) {
        match node.as_map() {
            Some(map) => self.near_misses(map, known),
            None => self.tell(
                error_at(node, format!("`{name}` is an object, not {}", describe(node)))
                    .help(format!("it may have: {}", known.join(", "))),
            ),
        }
    }

    /// The value that a name stands for; another name is a problem.
    fn one_of<T: Copy>(&mut self, node: &Node, what: &str, known: &[(&str, T)]) -> Option<T> {
        let found = node.as_str().and_then(|name| from_name(known, name));
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let problem = error_at(node, format!("unknown {what}"));
            self.tell(problem.help(format!("use one of: {}", names.join(", "))));
        }
        found
    }

    /// A key that is ignored but looks like one that would not be is worth a warning.
    fn near_misses(&mut self, map: &Map, known: &[&str]) {
        for (key, entry) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            if let Some(near) = nearest(key, known.iter().copied()) {
                let message = format!("the key `{key}` means nothing here and is ignored");
                let problem = Problem::warning(entry.key_span, message);
                self.tell(problem.help(format!("did you mean `{near}`?")));
            }
        }
    }
}

/// Something that stops a run, at a value.
fn error_at(node: &Node, message: impl Into<String>) -> Problem {
    Problem::error(head(node), message)
}

/// Where to put the caret for a value: at an object's or list's first byte rather than under all
/// of it.
pub(crate) fn head(node: &Node) -> Span {
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

/// Whether Python takes a value for true.
fn is_true(node: &Node) -> bool {
    match &node.value {
        NodeValue::Map(map) => !map.is_empty(),
        NodeValue::List(items) => !items.is_empty(),
        _ => python::truth(&node.to_json()),
    }
}

/// The number that Python takes a value for, if it is one.
fn number(node: &Node) -> Option<f64> {
    match node.value {
        NodeValue::Bool(flag) => Some(f64::from(u8::from(flag))),
        _ => node.as_f64(),
    }
}

/// The known name that a wrong one was most likely meant to be.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(score, _)| *score > 0.85).map(|(_, name)| name)
}
