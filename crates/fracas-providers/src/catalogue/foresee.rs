//! What a declaration will ask AWS, as far as its arguments tell before a run.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::play::AWS;
use super::{Declaration, Each, Request, Step, Template, Verb};
use crate::text::is_open;

/// Stands for what only the run knows, as a variable without a value does.
pub(crate) const OPEN: &str = "${}";

/// A request, and what is known of its parameters.
pub(crate) struct Foreseen<'d> {
    pub request: &'d Request,
    /// Those that are not left out; `OPEN` stands for what is not known of them.
    pub parameters: Value,
}

/// What is known at a step.
struct Scene<'d> {
    names: Map<String, Value>,
    /// Names whose values only the run knows.
    unknown: BTreeSet<&'d str>,
    found: Vec<Foreseen<'d>>,
}

impl Declaration {
    /// The requests that it makes with these arguments, in order: all but those that are surely left
    /// out. `surroundings` are what every declaration knows of where it is carried out.
    pub(crate) fn foresee(&self, arguments: Map<String, Value>, surroundings: Value) -> Vec<Foreseen<'_>> {
        let mut names = arguments;
        names.insert(AWS.to_owned(), surroundings);
        let mut scene = Scene { names, unknown: BTreeSet::new(), found: Vec::new() };
        scene.steps(&self.steps);
        scene.found
    }
}

impl<'d> Scene<'d> {
    /// Goes through steps; whether they surely end the activity.
    fn steps(&mut self, steps: &'d [Step]) -> bool {
        for step in steps {
            let when = step.when.as_ref().map_or(Some(true), |when| self.holds(when));
            if when == Some(false) {
                continue;
            }
            let sure = when == Some(true);
            if self.step(step, sure) && sure {
                return true;
            }
        }
        false
    }

    fn step(&mut self, step: &'d Step, sure: bool) -> bool {
        let mut result = None;
        let mut ended = false;
        match &step.verb {
            Verb::Return(_) => return true,
            Verb::Set(value) => result = Some(self.value(value)).filter(|_| sure),
            Verb::Each(each) => ended = self.each(each, sure),
            verb => {
                if let Some(request) = verb.request() {
                    let parameters = self.parameters(&request.parameters);
                    result = answer(request, &parameters).filter(|_| sure && step.catch.is_empty());
                    self.found.push(Foreseen { request, parameters });
                }
                self.again_and_again(verb.steps());
            }
        }
        if let Some(name) = &step.result {
            self.bind(name, result);
        }
        ended
    }

    /// Each item of a list that is known, else steps that are done any number of times.
    fn each(&mut self, each: &'d Each, sure: bool) -> bool {
        let list = self.value(&each.list);
        match list.as_array() {
            Some(items) if sure => {
                for item in items.clone() {
                    self.bind(&each.item, Some(item));
                    if self.steps(&each.steps) {
                        return true;
                    }
                }
            }
            _ => {
                self.bind(&each.item, None);
                self.again_and_again(&each.steps);
            }
        }
        false
    }

    /// What one turn sets is there in the next one, and may be there after the last.
    fn again_and_again(&mut self, steps: &'d [Step]) {
        self.forget(steps);
        self.steps(steps);
        self.forget(steps);
    }

    fn forget(&mut self, steps: &'d [Step]) {
        for step in steps {
            if let Some(name) = &step.result {
                self.bind(name, None);
            }
            if let Verb::Each(each) = &step.verb {
                self.bind(&each.item, None);
            }
            self.forget(step.verb.steps());
        }
    }

    fn bind(&mut self, name: &'d str, value: Option<Value>) {
        match value {
            Some(value) => {
                self.names.insert(name.to_owned(), value);
                self.unknown.remove(name);
            }
            None => {
                self.names.insert(name.to_owned(), OPEN.into());
                self.unknown.insert(name);
            }
        }
    }

    /// Whether a condition holds, when that is known.
    fn holds(&self, condition: &Template) -> Option<bool> {
        let is_known = |name: &str| !self.names.get(name).is_some_and(is_open);
        condition.names().into_iter().all(is_known).then(|| condition.holds(&self.names).ok())?
    }

    fn parameters(&self, template: &Template) -> Value {
        if template.is_object() {
            let entry = |(key, _, value): &(String, _, Template)| (key.clone(), self.value(value));
            let entries = template.entries().iter().map(entry);
            return Value::Object(entries.filter(|(_, value)| !value.is_null()).collect());
        }
        self.value(template)
    }

    /// What a template becomes, with `OPEN` for what is not known of it.
    fn value(&self, template: &Template) -> Value {
        if template.is_object() {
            return self.parameters(template);
        }
        if let Some(items) = template.items() {
            return Value::Array(items.iter().map(|item| self.value(item)).collect());
        }
        let names = template.names();
        let value = template.evaluate(&self.names).unwrap_or_else(|_| OPEN.into());
        // A variable may stand in a text that is taken apart or counted.
        let open = |name: &&str| *name != AWS && self.names.get(*name).is_some_and(is_open);
        let lost = names.iter().any(open) && (self.is_unknown(&names) || !is_open(&value));
        if lost { OPEN.into() } else { value }
    }

    fn is_unknown(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.unknown.contains(name))
    }
}

/// The answer to a request, where the parameters tell all of it.
fn answer(request: &Request, parameters: &Value) -> Option<Value> {
    let name = (request.name == "GetQueueUrl").then(|| parameters["QueueName"].as_str())??;
    // Its last part is all that anybody looks at.
    Some(serde_json::json!({"QueueUrl": format!("https://sqs/{name}")}))
}
