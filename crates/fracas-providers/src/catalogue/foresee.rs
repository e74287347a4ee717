//! What a declaration will ask AWS, as far as its arguments tell before a run, or what is known in the midst of it.
//!
//! Its steps are followed with what is known. What is not becomes a text that stands for it: `OPEN`, or, where it
//! can only come from the answers to certain requests, one that says so (`answers`).

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::play::AWS;
use super::{Choose, Declaration, Each, Request, Step, Template, Verb};
use crate::text::is_open;

/// Stands for what only the run knows, as a variable without a value does.
pub(crate) const OPEN: &str = "${}";

/// Begins what stands for a part of the answers to some requests.
const ANSWERS: &str = "${answers:";

/// Begins what stands for one or some of the texts of a list that is known.
const SOME_OF: &str = "${some of:";

/// Begins what stands for one or some objects of which one key is known.
const SOME_WITH: &str = "${some with ";

/// A request, and what is known of its parameters.
pub(crate) struct Foreseen<'d> {
    pub request: &'d Request,
    /// Those that are not left out, with texts that stand for what is not known of them.
    pub parameters: Value,
    /// What it does something to, within `each`.
    pub item: Value,
}

/// What follows in the midst of an activity.
pub(super) enum Ahead<'d> {
    /// The other steps of a list, after this one, of which no result is known.
    Steps(&'d Step, &'d [Step]),
    /// The items from this place on, within what is done for another item.
    Items(&'d Each, Rc<[Value]>, usize, Value),
}

/// Whether something stands for what is not known, or is around it.
pub(super) fn is_unknown(value: &Value) -> bool {
    any_text(value, &|text| text.contains(OPEN) || is_mark(text))
}

/// The requests whose answers a text stands for, by their place among all.
pub(crate) fn answers(text: &str) -> Option<BTreeSet<usize>> {
    let places = text.strip_prefix(ANSWERS)?.strip_suffix('}')?;
    places.split(',').map(|place| place.parse().ok()).collect()
}

/// The texts of which a text stands for some.
pub(crate) fn some_of(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text.strip_prefix(SOME_OF)?.strip_suffix('}')?).ok()
}

/// The text for a part of these answers.
fn of_answers(places: &BTreeSet<usize>) -> Value {
    let places: Vec<String> = places.iter().map(usize::to_string).collect();
    format!("{ANSWERS}{}}}", places.join(",")).into()
}

/// The requests that are ahead, the innermost last, in the midst of what is done for an item.
pub(super) fn ahead<'d>(names: Map<String, Value>, item: Value, ahead: &[Ahead<'d>]) -> Vec<Foreseen<'d>> {
    // There are no variables any more: a dollar is nothing but a dollar.
    let mut scene = Scene { names, item, is_open: is_unknown, found: Vec::new(), output: Value::Null };
    for ahead in ahead.iter().rev() {
        let has_ended = match ahead {
            Ahead::Steps(step, steps) => {
                scene.names.extend(step.result.iter().map(|name| (name.clone(), OPEN.into())));
                scene.steps(steps)
            }
            Ahead::Items(each, items, from, around) => {
                let (has_ended, _) = scene.items(each, &items[*from..]);
                scene.item = around.clone();
                has_ended
            }
        };
        if has_ended {
            break;
        }
    }
    scene.found
}

/// What is known at a step.
struct Scene<'d> {
    names: Map<String, Value>,
    /// What something is done to, within `each`.
    item: Value,
    /// Whether a value is not known, or not all of it.
    is_open: fn(&Value) -> bool,
    found: Vec<Foreseen<'d>>,
    /// What the last step gave.
    output: Value,
}

impl Declaration {
    /// The requests that it makes with these arguments, in order: all but those that are surely left
    /// out. `surroundings` are what every declaration knows of where it is carried out.
    pub(crate) fn foresee(&self, arguments: Map<String, Value>, surroundings: Value) -> Vec<Foreseen<'_>> {
        let mut names = arguments;
        names.insert(AWS.to_owned(), surroundings);
        let mut scene = Scene { names, item: Value::Null, is_open, found: Vec::new(), output: Value::Null };
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
        let mut ended = false;
        let result = match &step.verb {
            Verb::Return(_) => return true,
            Verb::Set(value) => self.value(value),
            Verb::Pick(pick) => opened(self.value(&pick.from)),
            Verb::Choose(choose) => self.chosen(choose),
            Verb::Each(each) => {
                let (has_ended, result) = self.each(each, sure);
                ended = has_ended;
                result
            }
            verb => {
                let answer = verb.request().map(|request| self.request(request));
                self.again_and_again(verb.steps());
                answer.unwrap_or_else(|| OPEN.into())
            }
        };
        if let Some(name) = &step.result {
            let before = self.names.get(name).filter(|_| !sure).cloned().unwrap_or_default();
            self.names.insert(name.clone(), one_of(vec![before, result.clone()]));
        }
        if !matches!(step.verb, Verb::Check(_) | Verb::Pause(_) | Verb::Warn(_)) {
            self.output = if sure { result } else { OPEN.into() };
        }
        ended
    }

    /// Adds a request; what stands for its answer.
    fn request(&mut self, request: &'d Request) -> Value {
        let parameters = self.parameters(&request.parameters);
        self.found.push(Foreseen { request, parameters, item: self.item.clone() });
        of_answers(&BTreeSet::from([self.found.len() - 1]))
    }

    /// The targets: those that an argument names, or some of all.
    fn chosen(&self, choose: &Choose) -> Value {
        let ids = choose.ids.as_ref().and_then(|name| self.names.get(name)).filter(|ids| !ids.is_null());
        let Some(ids) = ids else { return opened(self.value(&choose.from)) };
        let list = if ids.is_string() { Value::Array(vec![ids.clone()]) } else { ids.clone() };
        match choose.id.path() {
            _ if (self.is_open)(&list) || !is_texts(&list) => OPEN.into(),
            Some([_, key]) => format!("{SOME_WITH}{key}:{list}}}").into(),
            Some([_, _, ..]) => OPEN.into(),
            // The item is its id, or has it at its end.
            _ => opened(list),
        }
    }

    /// Each item of a list that is known, else steps that are done any number of times. Tells whether they
    /// surely end the activity, and what they give.
    fn each(&mut self, each: &'d Each, sure: bool) -> (bool, Value) {
        let list = self.value(&each.list);
        let sure = sure && list.is_array();
        let around = self.item.clone();
        let (has_ended, given) = match list {
            Value::Array(items) => self.items(each, &items),
            list if (self.is_open)(&list) => {
                self.forget(&each.steps);
                self.items(each, &[opened(list)])
            }
            _ => (false, Value::Null),
        };
        self.item = around;
        if !sure {
            self.forget(&each.steps);
        }
        (has_ended && sure, opened(given))
    }

    /// What is done for these items, as [`Scene::each`].
    fn items(&mut self, each: &'d Each, items: &[Value]) -> (bool, Value) {
        let mut given = Vec::new();
        for item in items {
            if !(self.is_open)(item) {
                self.item = item.clone();
            }
            self.names.insert(each.item.clone(), item.clone());
            if self.steps(&each.steps) {
                return (true, OPEN.into());
            }
            given.push(opened(self.given(each)));
        }
        (false, one_of(given))
    }

    fn given(&self, each: &Each) -> Value {
        each.give.as_ref().map_or_else(|| self.output.clone(), |give| self.value(give))
    }

    /// What one turn sets is there in the next one, and may be there after the last.
    fn again_and_again(&mut self, steps: &'d [Step]) {
        self.forget(steps);
        self.steps(steps);
        self.forget(steps);
    }

    fn forget(&mut self, steps: &[Step]) {
        for step in steps {
            let item = match &step.verb {
                Verb::Each(each) => Some(&each.item),
                _ => None,
            };
            for name in step.result.iter().chain(item) {
                self.names.insert(name.clone(), OPEN.into());
            }
            self.forget(step.verb.steps());
        }
    }

    /// Whether a condition holds, when that is known.
    fn holds(&self, condition: &Template) -> Option<bool> {
        let is_known = |name: &str| !self.names.get(name).is_some_and(self.is_open);
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

    /// What a template becomes, with texts that stand for what is not known of it.
    fn value(&self, template: &Template) -> Value {
        if template.is_object() {
            return self.parameters(template);
        }
        if let Some(items) = template.items() {
            return Value::Array(items.iter().map(|item| self.value(item)).collect());
        }
        if let Some(name) = template.name() {
            return self.names.get(name).cloned().unwrap_or_default();
        }
        let names = template.names().into_iter().filter(|name| *name != AWS);
        let open: Vec<&str> = names.filter(|name| self.names.get(*name).is_some_and(self.is_open)).collect();
        let unknown: Vec<&str> = open.iter().copied().filter(|name| stands_for(&self.names[*name])).collect();
        let value = template.evaluate(&self.names).unwrap_or_else(|_| OPEN.into());
        match (unknown.is_empty(), open.is_empty() || (self.is_open)(&value)) {
            (true, true) => value,
            // A variable stood in a text that was taken apart or counted.
            (true, false) => OPEN.into(),
            (false, _) if open.len() > unknown.len() => OPEN.into(),
            (false, _) => self.around(template, &unknown).unwrap_or_else(|| self.part(template, &unknown)),
        }
    }

    /// What stands for a part of what is not known, where nothing else can be in it.
    fn part(&self, template: &Template, unknown: &[&str]) -> Value {
        if let [name] = unknown
            && let Some((key, ids)) = self.names[*name].as_str().and_then(some_with)
        {
            let objects = ids.iter().map(|id| json!({&key: id})).collect();
            let each = self.with(template, unknown, Value::Array(objects)) == Some(json!(ids));
            let one = self.with(template, unknown, json!({key: ids[0]})) == Some(json!(ids[0]));
            return if each || one { opened(json!(ids)) } else { OPEN.into() };
        }
        let origins = unknown.iter().map(|name| origin(&self.names[*name]));
        let Some(origins) = origins.collect::<Option<Vec<_>>>() else { return OPEN.into() };
        let nothing = self.with(template, unknown, Value::Null);
        let nothing = nothing.or_else(|| self.with(template, unknown, Value::Array(Vec::new())));
        match nothing.is_some_and(|rest| is_nothing(&rest)) {
            true => of_answers(&origins.into_iter().flatten().collect()),
            false => OPEN.into(),
        }
    }

    /// A text with what is not known in it, whatever that is.
    fn around(&self, template: &Template, unknown: &[&str]) -> Option<Value> {
        let value = self.with(template, unknown, OPEN.into())?;
        let text = value.as_str().filter(|text| *text != OPEN && text.contains(OPEN))?;
        let any = ["", "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 -_./:"];
        let fits =
            |one: &&str| self.with(template, unknown, (*one).into()) == Some(text.replace(OPEN, one).into());
        any.iter().all(fits).then(|| value.clone())
    }

    /// What a template becomes with this value in place of what is not known.
    fn with(&self, template: &Template, unknown: &[&str], value: Value) -> Option<Value> {
        let of = |name: &str| if unknown.contains(&name) { Some(&value) } else { self.names.get(name) };
        let names = template.names().into_iter();
        let names = names.filter_map(|name| Some((name.to_owned(), of(name)?.clone()))).collect();
        template.evaluate(&names).ok()
    }
}

/// Whether some text in a value stands for what is not known; variables do not, nor what is a part of a text.
fn stands_for(value: &Value) -> bool {
    any_text(value, &is_mark)
}

fn is_mark(text: &str) -> bool {
    text == OPEN || [ANSWERS, SOME_OF, SOME_WITH].iter().any(|mark| text.starts_with(mark))
}

fn any_text(value: &Value, holds: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, holds)),
        Value::Object(entries) => entries.values().any(|value| any_text(value, holds)),
        _ => false,
    }
}

/// The requests whose answers all of a value comes from.
fn origin(value: &Value) -> Option<BTreeSet<usize>> {
    let all = |parts: Vec<Option<BTreeSet<usize>>>| {
        let parts: Option<Vec<_>> = parts.into_iter().collect();
        parts.map(|parts| parts.into_iter().flatten().collect())
    };
    match value {
        Value::String(text) => answers(text),
        Value::Array(items) => all(items.iter().map(origin).collect()),
        Value::Object(entries) => all(entries.values().map(origin).collect()),
        _ => None,
    }
}

/// What stands for a part of a value.
fn opened(value: Value) -> Value {
    let stays = |text: &str| text.starts_with(SOME_OF) || text.starts_with(SOME_WITH);
    if value.as_str().is_some_and(stays) {
        return value;
    }
    if is_texts(&value) && !is_open(&value) {
        return format!("{SOME_OF}{value}}}").into();
    }
    match origin(&value) {
        Some(places) if !places.is_empty() => of_answers(&places),
        _ => OPEN.into(),
    }
}

/// Whether it is a list of texts, not an empty one.
fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_string))
}

/// The key of the objects that a text stands for, and its values.
fn some_with(text: &str) -> Option<(String, Vec<String>)> {
    let (key, ids) = text.strip_prefix(SOME_WITH)?.strip_suffix('}')?.split_once(':')?;
    Some((key.to_owned(), serde_json::from_str(ids).ok()?))
}

/// What stands for one of these values, of which the first ones may be missing.
fn one_of(values: Vec<Value>) -> Value {
    let mut values = values.into_iter().skip_while(Value::is_null);
    let Some(first) = values.next() else { return Value::Null };
    let others: Vec<Value> = values.filter(|value| *value != first).collect();
    if others.is_empty() {
        return first;
    }
    let origins: Option<Vec<_>> = std::iter::once(&first).chain(&others).map(origin).collect();
    origins.map_or_else(|| OPEN.into(), |origins| of_answers(&origins.into_iter().flatten().collect()))
}

/// Whether there is nothing in a value that could name anything.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(entries) => entries.values().all(is_nothing),
        _ => false,
    }
}
