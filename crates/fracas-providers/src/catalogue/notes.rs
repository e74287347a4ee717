//! What a preview notes on its way through the steps: the calls that it does not make, and what hangs on their answers.

use std::collections::HashMap;

use super::{PlannedCall, Step, Template, Verb};

/// What an activity would do.
#[derive(Default)]
pub(crate) struct Notes {
    /// Operations that read, and were called.
    pub(crate) looks: Vec<String>,
    /// Calls that were not made.
    pub(crate) calls: Vec<PlannedCall>,
    /// What could not be found out.
    pub(crate) unknown: Vec<String>,
    /// By name of a value: the call that was not made, and whose answer it hangs on.
    hanging: HashMap<String, String>,
}

impl Notes {
    /// The call that was not made and whose answer decides what one of these becomes.
    pub(super) fn hangs<'t>(&self, on: impl IntoIterator<Item = &'t Template>) -> Option<String> {
        on.into_iter().flat_map(Template::names).find_map(|name| self.hanging.get(name).cloned())
    }

    /// Something that could not be found out, told once.
    pub(super) fn miss(&mut self, what: String) {
        if !self.unknown.contains(&what) {
            self.unknown.push(what);
        }
    }

    /// A step is left out, which may be for want of an answer.
    pub(super) fn leave_out(&mut self, step: &Step) {
        if let (Some(call), Some(request)) = (self.hangs(&step.when), step.verb.request()) {
            self.miss(format!("whether {} follows: that hangs on the answer of {call}", request.name));
        }
    }

    /// Keeps in mind what the result of a step hangs on: a change that was not made, or an earlier one.
    pub(super) fn follow(&mut self, step: &Step, change: Option<String>) {
        let hangs = self.hangs(step.verb.templates());
        if let (Verb::Each(_), Some(call)) = (&step.verb, &hangs) {
            self.miss(format!("what is done with the answer of {call}"));
        }
        let gives = match &step.verb {
            Verb::Each(each) => self.hangs(&each.give),
            _ => None,
        };
        let Some(name) = &step.result else { return };
        match change.or(hangs).or(gives) {
            Some(call) => self.hanging.insert(name.clone(), call),
            None => self.hanging.remove(name),
        };
    }
}
