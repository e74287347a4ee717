//! Files of the catalogue to declarations, with every mistake at its place.

use fracas_engine::{nearest, parse_yaml};
use fracas_model::{ActivityKind, Entry, Node, Problem, Problems, Span};
use indexmap::IndexMap;

use super::{Argument, ArgumentKind, Catalogue, Declaration, Request, ResourceName, Step, Template, Verb};

/// The verbs, one of which a step has.
const VERBS: [&str; 5] = ["call", "find", "wait", "check", "return"];

/// Reads a file.
///
/// # Errors
///
/// Every key that is unknown, missing or of the wrong kind.
pub fn read(text: &str) -> Result<Catalogue, Problems> {
    let node = parse_yaml(text)?;
    let mut reader = Reader { problems: Problems::default() };
    let catalogue = reader.catalogue(&node);
    if reader.problems.has_errors() { Err(reader.problems) } else { Ok(catalogue) }
}

struct Reader {
    problems: Problems,
}

impl Reader {
    fn catalogue(&mut self, node: &Node) -> Catalogue {
        self.known_keys(node, &["service", "resources", "activities"]);
        let resources = entries(node.get("resources"));
        let resources = resources
            .map(|(key, entry)| (key.clone(), self.resource_name(&entry.value)))
            .collect::<IndexMap<_, _>>();
        let activities = entries(node.get("activities"));
        Catalogue {
            service: self.required_text(node, "service"),
            resources,
            activities: activities.map(|(name, entry)| self.activity(name, entry)).collect(),
        }
    }

    fn resource_name(&mut self, node: &Node) -> ResourceName {
        self.known_keys(node, &["parameter", "lower_case"]);
        ResourceName {
            parameter: self.required_text(node, "parameter"),
            lower_case: node.get("lower_case").is_some_and(|lower_case| lower_case.to_json() == true),
        }
    }

    fn activity(&mut self, name: &str, entry: &Entry) -> Declaration {
        let node = &entry.value;
        self.known_keys(node, &["kind", "summary", "args", "steps", "fails_with"]);
        self.snake_case(name, entry.key_span);
        let arguments = entries(node.get("args"));
        let arguments = arguments.map(|(name, entry)| self.argument(name, entry)).collect();
        let steps = node.get("steps").and_then(Node::as_list).unwrap_or_default();
        if steps.is_empty() {
            self.error(entry.key_span, format!("`{name}` has no `steps`"));
        }
        Declaration {
            name: name.to_owned(),
            kind: self.kind(node),
            summary: self.required_text(node, "summary"),
            arguments,
            steps: steps.iter().map(|step| self.step(step)).collect(),
            fails_with: self.template(node, "fails_with"),
            span: entry.key_span,
        }
    }

    fn kind(&mut self, node: &Node) -> ActivityKind {
        match self.required_text(node, "kind").as_str() {
            "action" => ActivityKind::Action,
            "probe" => ActivityKind::Probe,
            _ => {
                self.error(
                    node.get("kind").map_or(node.span, |kind| kind.span),
                    "`kind` must be action or probe",
                );
                ActivityKind::Action
            }
        }
    }

    fn argument(&mut self, name: &str, entry: &Entry) -> Argument {
        let node = &entry.value;
        self.known_keys(node, &["type", "required", "aliases", "doc"]);
        self.snake_case(name, entry.key_span);
        let kind = self.required_text(node, "type");
        let known = ArgumentKind::from_name(&kind);
        if known.is_none() {
            let names = ArgumentKind::ALL.map(|(_, name, _)| name);
            self.error(node.span, format!("`type` must be one of {}", names.join(", ")));
        }
        let aliases = node.get("aliases").and_then(Node::as_list).unwrap_or_default();
        Argument {
            name: name.to_owned(),
            aliases: aliases.iter().map(|alias| self.text(alias)).collect(),
            kind: known.unwrap_or(ArgumentKind::String),
            required: node.get("required").is_some_and(|required| required.to_json() == true),
            doc: self.required_text(node, "doc"),
        }
    }

    fn step(&mut self, node: &Node) -> Step {
        self.known_keys(node, &[&VERBS[..], &["with", "when", "as", "log", "or_fail"]].concat());
        let mut verbs = entries(Some(node)).filter(|(key, _)| VERBS.contains(&key.as_str()));
        let verb = match (verbs.next(), verbs.next()) {
            (Some((verb, entry)), None) => self.verb(verb, &entry.value, node),
            _ => {
                self.error(node.span, format!("a step has one of {}", VERBS.join(", ")));
                Verb::Return(Template::empty_object(node.span))
            }
        };
        Step {
            verb,
            when: self.template(node, "when"),
            result: node.get("as").map(|name| self.text(name)),
            log: self.template(node, "log"),
            or_fail: self.template(node, "or_fail"),
            span: node.span,
        }
    }

    fn verb(&mut self, verb: &str, value: &Node, step: &Node) -> Verb {
        let request = |reader: &mut Reader| Request {
            name: reader.text(value),
            parameters: reader.template(step, "with").unwrap_or_else(|| Template::empty_object(value.span)),
            span: value.span,
        };
        match verb {
            "call" => Verb::Call(request(self)),
            "find" => Verb::Find(request(self)),
            "wait" => Verb::Wait(request(self)),
            "check" => {
                if step.get("or_fail").is_none() {
                    self.error(step.span, "a check needs `or_fail`, the reason it gives");
                }
                Verb::Check(self.required_template(step, verb))
            }
            _ => Verb::Return(self.required_template(step, verb)),
        }
    }

    fn required_template(&mut self, node: &Node, key: &str) -> Template {
        self.template(node, key).unwrap_or_else(|| Template::empty_object(node.span))
    }

    fn template(&mut self, node: &Node, key: &str) -> Option<Template> {
        match Template::read(node.get(key)?) {
            Ok(template) => Some(template),
            Err((span, message)) => {
                self.error(span, message);
                None
            }
        }
    }

    fn required_text(&mut self, node: &Node, key: &str) -> String {
        match node.get(key) {
            Some(value) => self.text(value),
            None => {
                self.error(node.span, format!("`{key}` is missing"));
                String::new()
            }
        }
    }

    fn text(&mut self, node: &Node) -> String {
        if node.as_str().is_none_or(str::is_empty) {
            self.error(node.span, format!("expected a text, got {}", node.kind()));
        }
        node.as_str().unwrap_or_default().to_owned()
    }

    fn snake_case(&mut self, name: &str, span: Span) {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
            self.error(span, format!("`{name}` must be in snake_case"));
        }
    }

    fn known_keys(&mut self, node: &Node, known: &[&str]) {
        if node.as_map().is_none() {
            self.error(node.span, format!("expected an object, got {}", node.kind()));
        }
        for (key, entry) in entries(Some(node)).filter(|(key, _)| !known.contains(&key.as_str())) {
            let near = nearest(key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let problem = Problem::error(entry.key_span, format!("`{key}` is not known here"));
            self.problems.push(problem.help(near.unwrap_or_default()));
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::error(span, message));
    }
}

fn entries(node: Option<&Node>) -> impl Iterator<Item = (&String, &Entry)> {
    node.and_then(Node::as_map).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_has_its_place() {
        let text = "service: docdb\nactivites: {}\nactivities:\n  Bad:\n    kind: verb\n    args:\n      a: {type: text}\n    \
                    steps:\n      - with: {}\n      - check: $x[\n  none: {kind: probe, summary: s}\n";
        let problems = read(text).unwrap_err().sorted();
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
    }
}
