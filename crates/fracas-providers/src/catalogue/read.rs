//! Files of the catalogue to declarations, with every mistake at its place.

use std::mem::ManuallyDrop;
use std::ops::Range;

use fracas_engine::{nearest, parse_document, parse_yaml};
use fracas_model::{ActivityKind, Entry, Format, Node, Problem, Problems, Source, Span};
use indexmap::IndexMap;

use super::{
    Argument, ArgumentKind, Body, Catalogue, Choose, Declaration, Each, Pick, Request, ResourceName, Step,
    Steps, Tagged, Template, Until, Verb, targets,
};

/// The verbs, one of which a step has, and the keys that belong to each.
pub(super) const VERBS: [(&str, &[&str]); 12] = [
    ("call", &["with", "pages", "fails_with", "catch"]),
    ("find", &["with", "or_fail", "fails_with", "catch"]),
    ("wait", &["with", "fails_with", "catch"]),
    ("pick", &["count", "percent", "or_fail"]),
    ("choose", &["kind", "ids", "by", "id", "tags", "tagged", "arn", "zone", "all"]),
    ("each", &["item", "steps", "give", "or_fail"]),
    ("until", &["every", "timeout", "steps"]),
    ("pause", &[]),
    ("check", &["or_fail"]),
    ("set", &["or_fail"]),
    ("warn", &[]),
    ("return", &[]),
];

/// The keys of an activity.
const ACTIVITY_KEYS: [&str; 9] =
    ["kind", "summary", "undo", "replaces", "exported", "returns", "args", "steps", "fails_with"];

/// The keys of an argument.
const ARGUMENT_KEYS: [&str; 10] = [
    "type",
    "accepts",
    "required",
    "unless",
    "keep_empty",
    "or_fail",
    "default",
    "aliases",
    "doc",
    "exported",
];

/// The keys of any step.
pub(super) const STEP_KEYS: [&str; 3] = ["when", "as", "log"];

/// Types of outputs as discoveries name them. Source: `chaoslib.discovery.discover.portable_type_name`.
pub(super) const RETURNS: [&str; 8] =
    ["boolean", "integer", "list", "mapping", "null", "number", "object", "string"];

/// Reads a file inside the binary, which `build.rs` has turned into JSON: its head, and the steps apart.
///
/// # Errors
///
/// Every key that is unknown, missing or of the wrong kind.
pub fn inside(head: &str, steps: &'static str) -> Result<Catalogue, Problems> {
    let mut reader = Reader { problems: Problems::default(), steps: Some(steps) };
    // A file is read once, and taking its tree apart costs half as much as making it.
    let node = ManuallyDrop::new(reader.json(head));
    let catalogue = node.as_ref().map(|node| reader.catalogue(node)).unwrap_or_default();
    if reader.problems.has_errors() { Err(reader.problems) } else { Ok(catalogue) }
}

/// Reads the steps of an activity inside the binary, which tests have held against the models.
pub fn body(text: &'static str) -> Body {
    let mut reader = Reader { problems: Problems::default(), steps: None };
    reader.json(text).map(|node| reader.body(&node)).unwrap_or_default()
}

/// Reads the activities of a file that are well formed, and what is wrong with the others: every key that is
/// unknown, missing or of the wrong kind.
///
/// # Errors
///
/// It is no YAML.
pub fn read(text: &str) -> Result<(Catalogue, Problems), Problems> {
    let node = parse_yaml(text)?;
    let mut reader = Reader { problems: Problems::default(), steps: None };
    let catalogue = reader.catalogue(&node);
    Ok((catalogue, reader.problems))
}

struct Reader {
    problems: Problems,
    /// The steps of a file inside the binary, whose activities have their places in it.
    steps: Option<&'static str>,
}

impl Reader {
    fn json(&mut self, text: &str) -> Option<Node> {
        let source = Source { name: String::new(), text: text.to_owned(), format: Format::Json };
        let (node, problems) = parse_document(&source);
        self.problems.0.extend(problems.0);
        node
    }

    fn catalogue(&mut self, node: &Node) -> Catalogue {
        // `parts` holds steps that activities share by YAML's anchors.
        self.known_keys(node, &["service", "resources", "parts", "activities"]);
        if node.as_map().is_none() {
            return Catalogue::default();
        }
        let resources = self.object(node, "resources");
        let resources = resources
            .map(|(key, entry)| (key.clone(), self.resource_name(&entry.value)))
            .collect::<IndexMap<_, _>>();
        if node.get("activities").is_none() {
            self.error(node.span, "`activities` is missing");
        }
        let activities = self.object(node, "activities");
        Catalogue {
            service: self.required_text(node, "service"),
            service_span: node.get("service").map_or(node.span, |service| service.span),
            resources,
            activities: activities.filter_map(|(name, entry)| self.sound_activity(name, entry)).collect(),
        }
    }

    fn resource_name(&mut self, node: &Node) -> ResourceName {
        self.known_keys(node, &["parameter", "lower_case"]);
        ResourceName {
            parameter: self.required_text(node, "parameter"),
            lower_case: self.flag(node, "lower_case", false),
        }
    }

    /// An activity, unless there is something wrong with it.
    fn sound_activity(&mut self, name: &str, entry: &Entry) -> Option<Declaration> {
        let before = self.problems.0.len();
        let activity = self.activity(name, entry);
        (self.problems.0.len() == before).then_some(activity)
    }

    fn activity(&mut self, name: &str, entry: &Entry) -> Declaration {
        let node = &entry.value;
        if self.steps.is_none() {
            self.known_keys(node, &ACTIVITY_KEYS);
        }
        self.snake_case(name, entry.key_span);
        let arguments = self.object(node, "args");
        let mut arguments: Vec<_> = arguments.map(|(name, entry)| self.argument(name, entry)).collect();
        let (steps, added) = self.steps_or_text(node);
        let is_new = |argument: &Argument| !arguments.iter().any(|known| known.name == argument.name);
        let added: Vec<_> = added.into_iter().filter(is_new).collect();
        arguments.extend(added);
        let has_steps = node.get("steps").is_some_and(|steps| steps.as_list() != Some(&[]));
        if self.steps.is_none() && !has_steps {
            self.error(entry.key_span, format!("`{name}` has no `steps`"));
        }
        Declaration {
            name: name.to_owned(),
            kind: self.kind(node),
            summary: self.required_text(node, "summary"),
            undo: node.get("undo").map(|undo| self.text(undo)),
            replaces: self.flag(node, "replaces", false),
            exported: self.flag(node, "exported", true),
            returns: node.get("returns").map(|returns| self.returns(returns)),
            arguments,
            steps,
            span: entry.key_span,
        }
    }

    fn returns(&mut self, node: &Node) -> String {
        let name = node.as_str().unwrap_or_default();
        if !RETURNS.contains(&name) {
            self.error(node.span, format!("`returns` must be one of {}", RETURNS.join(", ")));
        }
        name.to_owned()
    }

    fn kind(&mut self, node: &Node) -> ActivityKind {
        match node.get("kind").map(|kind| (kind.as_str(), kind.span)) {
            Some((Some("action"), _)) => return ActivityKind::Action,
            Some((Some("probe"), _)) => return ActivityKind::Probe,
            Some((_, span)) => self.error(span, "`kind` must be action or probe"),
            None => self.error(node.span, "`kind` is missing: action or probe"),
        }
        ActivityKind::Action
    }

    fn argument(&mut self, name: &str, entry: &Entry) -> Argument {
        let node = &entry.value;
        self.known_keys(node, &ARGUMENT_KEYS);
        self.snake_case(name, entry.key_span);
        Argument {
            name: name.to_owned(),
            aliases: self.texts(node, "aliases"),
            kinds: self.kinds(node),
            accepts: node.get("accepts").map(|kinds| self.kinds_of(kinds)).unwrap_or_default(),
            required: self.flag(node, "required", false),
            unless: self.texts(node, "unless"),
            keep_empty: self.flag(node, "keep_empty", false),
            or_fail: node.get("or_fail").map(|words| self.text(words)),
            default: node.get("default").map(Node::to_json),
            doc: self.required_text(node, "doc"),
            exported: self.flag(node, "exported", true),
            added: false,
            span: entry.key_span,
        }
    }

    fn texts(&mut self, node: &Node, key: &str) -> Vec<String> {
        let list = node.get(key);
        if let Some(other) = list.filter(|list| list.as_list().is_none()) {
            self.error(other.span, format!("`{key}` must be a list, got {}", other.kind()));
        }
        let items = list.and_then(Node::as_list).unwrap_or_default();
        items.iter().map(|item| self.text(item)).collect()
    }

    /// One type, or a list of those that will do.
    fn kinds(&mut self, node: &Node) -> Vec<ArgumentKind> {
        let Some(kind) = node.get("type") else {
            self.error(node.span, "`type` is missing");
            return Vec::new();
        };
        self.kinds_of(kind)
    }

    fn kinds_of(&mut self, kind: &Node) -> Vec<ArgumentKind> {
        let names = kind.as_list().unwrap_or(std::slice::from_ref(kind));
        let known = names.iter().map(|name| name.as_str().and_then(ArgumentKind::from_name));
        known.collect::<Option<_>>().unwrap_or_else(|| {
            let names = ArgumentKind::ALL.map(|(_, name, _)| name);
            self.error(kind.span, format!("`type` must be one of {}", names.join(", ")));
            Vec::new()
        })
    }

    /// The steps of an activity, and the arguments that it takes for what it draws.
    fn steps_or_text(&mut self, node: &Node) -> (Steps, Vec<Argument>) {
        match self.steps.and_then(|steps| steps.get(place(node)?)) {
            Some(text) => {
                let draws = node.get("draws").map(|draws| self.flat(draws)).unwrap_or_default();
                (Steps::later(text), targets::arguments(&draws))
            }
            None => {
                let body = self.body(node);
                let added = targets::arguments(&body.steps);
                (Steps::now(body), added)
            }
        }
    }

    fn body(&mut self, node: &Node) -> Body {
        Body { steps: targets::checked(self.steps(node)), fails_with: self.template(node, "fails_with") }
    }

    fn steps(&mut self, node: &Node) -> Vec<Step> {
        let Some(steps) = node.get("steps") else { return Vec::new() };
        if steps.as_list().is_none() {
            self.error(steps.span, format!("`steps` must be a list, got {}", steps.kind()));
            return Vec::new();
        }
        self.flat(steps)
    }

    /// The steps of a list; a list among them stands for its own steps, so that activities can
    /// share some by YAML's anchors.
    fn flat(&mut self, node: &Node) -> Vec<Step> {
        match node.as_list() {
            Some(items) => items.iter().flat_map(|item| self.flat(item)).collect(),
            None => targets::with_tags(self.step(node)),
        }
    }

    fn step(&mut self, node: &Node) -> Step {
        let (verb, keys) = self.verb(node);
        self.known_keys(node, &keys);
        let codes = node.get("catch");
        let codes = codes.map_or(&[][..], |codes| codes.as_list().unwrap_or(std::slice::from_ref(codes)));
        Step {
            verb,
            when: self.template(node, "when"),
            result: node.get("as").map(|name| self.text(name)),
            log: self.template(node, "log"),
            or_fail: self.template(node, "or_fail"),
            fails_with: self.template(node, "fails_with"),
            catch: codes.iter().map(|code| self.text(code)).collect(),
            span: node.span,
        }
    }

    /// The verb of a step, and the keys that the step may have.
    fn verb(&mut self, step: &Node) -> (Verb, Vec<&'static str>) {
        let verbs = VERBS.iter().filter_map(|(verb, keys)| Some((*verb, *keys, step.get(verb)?)));
        let verbs: Vec<_> = verbs.collect();
        if let [(verb, keys, value)] = verbs[..] {
            return (self.verb_of(verb, value, step), [&[verb], keys, &STEP_KEYS].concat());
        }
        let names: Vec<&str> = verbs.iter().map(|(verb, ..)| *verb).collect();
        let message = match names.is_empty() {
            true => format!("a step has one of {}", VERBS.map(|(verb, _)| verb).join(", ")),
            false => format!("a step has one verb, not {}", names.join(" and ")),
        };
        self.error(step.span, message);
        let known = VERBS.iter().flat_map(|(verb, keys)| [&[*verb], *keys].concat());
        (Verb::Return(Template::empty_object(step.span)), known.chain(STEP_KEYS).collect())
    }

    fn verb_of(&mut self, verb: &str, value: &Node, step: &Node) -> Verb {
        match verb {
            "call" => Verb::Call(self.request(value, step)),
            "find" => Verb::Find(self.request(value, step)),
            "wait" => Verb::Wait(self.request(value, step)),
            "pick" => Verb::Pick(self.pick(step)),
            "choose" => Verb::Choose(self.choose(step)),
            "each" => Verb::Each(Each {
                list: self.required_template(step, verb),
                item: self.required_text(step, "item"),
                steps: self.steps(step),
                give: self.template(step, "give"),
            }),
            "until" => Verb::Until(Until {
                condition: self.required_template(step, verb),
                steps: self.steps(step),
                every: self.required_template(step, "every"),
                timeout: self.required_template(step, "timeout"),
            }),
            "check" => {
                if step.get("or_fail").is_none() {
                    self.error(step.span, "a check needs `or_fail`, the reason it gives");
                }
                Verb::Check(self.required_template(step, verb))
            }
            "set" => Verb::Set(self.required_template(step, verb)),
            "pause" => Verb::Pause(self.required_template(step, verb)),
            "warn" => Verb::Warn(self.required_template(step, verb)),
            _ => Verb::Return(self.required_template(step, verb)),
        }
    }

    fn pick(&mut self, step: &Node) -> Pick {
        let (count, percent) = (self.template(step, "count"), self.template(step, "percent"));
        if count.is_some() && percent.is_some() {
            self.error(step.span, "`count` and `percent` cannot be given both");
        }
        Pick { from: self.required_template(step, "pick"), count, percent }
    }

    fn choose(&mut self, step: &Node) -> Choose {
        let by = step.get("by");
        let by = by.map_or(&[][..], |by| by.as_list().unwrap_or(std::slice::from_ref(by)));
        Choose {
            from: self.required_template(step, "choose"),
            kind: self.required_text(step, "kind"),
            ids: step.get("ids").map(|ids| self.text(ids)),
            by: by.iter().map(|name| self.text(name)).collect(),
            id: self.template(step, "id").unwrap_or_else(|| targets::item(step.span)),
            tagged: self.tagged(step),
            zone: self.template(step, "zone"),
            all: self.flag(step, "all", false),
            span: step.span,
        }
    }

    /// Either the tags of an item, or what the tagging API calls its like, and its ARN.
    fn tagged(&mut self, step: &Node) -> Option<Tagged> {
        if let Some(tags) = self.template(step, "tags") {
            return Some(Tagged::Inside(tags));
        }
        let kind = step.get("tagged").map(|kind| self.text(kind))?;
        Some(Tagged::Listed { kind, arn: self.required_template(step, "arn") })
    }

    /// `Operation`, or `service.Operation`, with its parameters.
    fn request(&mut self, value: &Node, step: &Node) -> Request {
        let text = self.text(value);
        let (service, name) = match text.split_once('.') {
            Some((service, name)) => (Some(service.to_owned()), name.to_owned()),
            None => (None, text),
        };
        let all_pages = match step.get("pages").map(|pages| (pages.as_str(), pages.span)) {
            None => false,
            Some((Some("all"), _)) => true,
            Some((_, span)) => {
                self.error(span, "`pages` can only be all");
                false
            }
        };
        let parameters = self.template(step, "with").unwrap_or_else(|| Template::empty_object(value.span));
        Request { service, name, parameters, all_pages, span: value.span }
    }

    fn required_template(&mut self, node: &Node, key: &str) -> Template {
        if node.get(key).is_none() {
            self.error(node.span, format!("`{key}` is missing"));
        }
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

    fn flag(&mut self, node: &Node, key: &str, otherwise: bool) -> bool {
        let Some(flag) = node.get(key) else { return otherwise };
        flag.to_json().as_bool().unwrap_or_else(|| {
            self.error(flag.span, format!("`{key}` must be true or false"));
            otherwise
        })
    }

    /// What stands in the object under a key, if there is one.
    fn object<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
    ) -> impl Iterator<Item = (&'n String, &'n Entry)> + use<'n> {
        let object = node.get(key);
        if let Some(other) = object.filter(|object| object.as_map().is_none()) {
            self.error(other.span, format!("`{key}` must be an object, got {}", other.kind()));
        }
        entries(object)
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

/// Where the steps of an activity stand among those of its file.
fn place(activity: &Node) -> Option<Range<usize>> {
    let numbers: [usize; 2] = serde_json::from_value(activity.get("steps")?.to_json()).ok()?;
    Some(numbers[0]..numbers[1])
}

fn entries(node: Option<&Node>) -> impl Iterator<Item = (&String, &Entry)> {
    node.and_then(Node::as_map).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_the_wrong_kind_is_not_taken_for_nothing() {
        let text = "service: docdb\nresources: []\nactivities:\n  a:\n    kind: probe\n    summary: s\n    exported: 1\n    \
                    args:\n      a: {type: string, required: 'yes', aliases: b, doc: d}\n    steps: {call: DescribeDBClusters}\n  \
                    b:\n    kind: probe\n    summary: s\n    args: [a]\n    steps:\n      - {pick: $b, count: 1, percent: 2}\n      \
                    - {set: 1, warn: a}\n";
        let problems = read(text).unwrap().1.sorted();
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
        for other in ["", "- a", "hello", "service: docdb\nactivities:", "service: docdb"] {
            assert_eq!(read(other).unwrap().1.0.len(), 1, "{other}");
        }
    }

    #[test]
    fn every_mistake_has_its_place() {
        let text = "service: docdb\nactivites: {}\nactivities:\n  Bad:\n    kind: verb\n    args:\n      a: {type: text}\n    \
                    steps:\n      - with: {}\n      - check: $x[\n  none: {kind: probe, summary: s}\n";
        let problems = read(text).unwrap().1.sorted();
        insta::assert_snapshot!(crate::testing::lines(text, &problems));
    }
}
