//! The experiment and its values while they are played: controls and activities may change them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use fracas_model::*;
use serde_json::Value;

use crate::{Changes, Values, activity_of, experiment_of};

/// What is played, as it is now.
pub struct Live {
    experiment: RefCell<Experiment>,
    values: RefCell<Rc<Values>>,
    policy: Policy,
    /// Where each activity that a reference can name is declared; none until somebody asks.
    declared: RefCell<Option<HashMap<String, String>>>,
}

impl Live {
    /// An experiment that nobody has changed yet.
    pub fn new(experiment: Experiment, values: Values, policy: Policy) -> Live {
        let (experiment, values) = (RefCell::new(experiment), RefCell::new(Rc::new(values)));
        Live { experiment, values, policy, declared: RefCell::default() }
    }

    /// Configuration and secrets.
    pub fn values(&self) -> Rc<Values> {
        self.values.borrow().clone()
    }

    /// Looks at the experiment.
    pub fn with<T>(&self, look: impl FnOnce(&Experiment) -> T) -> T {
        look(&self.experiment.borrow())
    }

    /// The step in this place of a part of the run, if there is one.
    pub fn step(&self, phase: Phase, index: usize) -> Option<Step> {
        self.with(|experiment| steps(experiment, phase).get(index).cloned())
    }

    /// How many steps a part of the run has.
    pub fn count(&self, phase: Phase) -> usize {
        self.with(|experiment| steps(experiment, phase).len())
    }

    /// Where the activity of a step is declared: a JSON pointer. That of a reference is another
    /// place than its own.
    pub fn place(&self, phase: Phase, index: usize, step: &Step) -> String {
        if step.declared_name.is_some() {
            return place(phase, index);
        }
        let mut declared = self.declared.borrow_mut();
        let declared = declared.get_or_insert_with(|| self.with(places));
        declared.get(&step.activity.name).cloned().unwrap_or_default()
    }

    /// Takes in changes, and gives those of the experiment's document that could not be understood.
    pub fn change(&self, changes: &Changes) -> Vec<String> {
        if !(changes.configuration.is_empty() && changes.secrets.is_empty()) {
            self.change_values(changes);
        }
        let parts = changes.experiment.iter();
        parts
            .filter(|(pointer, value)| !self.change_part(pointer, value))
            .map(|(pointer, _)| pointer.clone())
            .collect()
    }

    /// Takes in changes of the values alone. They are copied when somebody still holds them.
    pub fn change_values(&self, changes: &Changes) {
        let mut values = self.values.borrow_mut();
        let values = Rc::make_mut(&mut values);
        for (name, value) in &changes.configuration {
            match value {
                Some(value) => drop(values.configuration.insert(name.clone(), value.clone())),
                None => drop(values.configuration.shift_remove(name)),
            }
        }
        for (name, group) in &changes.secrets {
            match group {
                Some(group) => drop(values.secrets.insert(name.clone(), group.clone())),
                None => drop(values.secrets.shift_remove(name)),
            }
        }
    }

    /// False when the part is no longer what the experiment needs there: what is played stays.
    fn change_part(&self, pointer: &str, value: &Value) -> bool {
        let mut experiment = self.experiment.borrow_mut();
        set(&mut experiment.document, pointer, value.clone());
        match activity_place(pointer) {
            Some((phase, index)) => {
                let changed = self.understood(activity_of(&Node::from(value)));
                changed.is_some_and(|changed| replace(&mut experiment, phase, index, changed, value))
            }
            None => {
                self.declared.take();
                let changed = self.understood(experiment_of(&Arc::new(Node::from(&*experiment.document))));
                let understood = changed.is_some();
                *experiment = changed.unwrap_or_else(|| experiment.clone());
                understood
            }
        }
    }

    /// What was read, if it can be played.
    fn understood<T>(&self, (read, mut problems): (Option<T>, Problems)) -> Option<T> {
        if !self.policy.check_ahead {
            problems.leave_to_run(false);
        }
        read.filter(|_| !problems.has_errors())
    }
}

/// Puts a changed activity in its place, and in the place of each reference to it.
fn replace(
    experiment: &mut Experiment,
    phase: Phase,
    index: usize,
    changed: Activity,
    value: &Value,
) -> bool {
    let changed = Arc::new(changed);
    let Some(old) = steps(experiment, phase).get(index).map(|step| step.activity.clone()) else {
        return false;
    };
    let Experiment { hypothesis, method, rollbacks, .. } = experiment;
    let probes = hypothesis.iter_mut().flat_map(|hypothesis| &mut hypothesis.probes);
    for step in probes.chain(method).chain(rollbacks).filter(|step| Arc::ptr_eq(&step.activity, &old)) {
        step.activity = changed.clone();
        if let Some(name) = &mut step.declared_name {
            name.clone_from(&changed.name);
            step.background = value.get("background") == Some(&Value::Bool(true));
        }
    }
    true
}

/// The steps of a part of the run.
pub fn steps(experiment: &Experiment, phase: Phase) -> &[Step] {
    match phase {
        Phase::Before | Phase::During | Phase::After => {
            experiment.hypothesis.as_ref().map_or(&[], |hypothesis| &hypothesis.probes)
        }
        Phase::Method => &experiment.method,
        Phase::Rollbacks => &experiment.rollbacks,
    }
}

fn place(phase: Phase, index: usize) -> String {
    match phase {
        Phase::Before | Phase::During | Phase::After => format!("/steady-state-hypothesis/probes/{index}"),
        Phase::Method => format!("/method/{index}"),
        Phase::Rollbacks => format!("/rollbacks/{index}"),
    }
}

/// The part of a document in a place of a run, which has nothing to unescape.
pub fn part<'a>(document: &'a Value, place: &str) -> Option<&'a Value> {
    place.split('/').skip(1).try_fold(document, |part, key| match part {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        part => part.get(key),
    })
}

/// The step that a JSON pointer names, if it names one.
fn activity_place(pointer: &str) -> Option<(Phase, usize)> {
    let (parent, index) = pointer.rsplit_once('/')?;
    let phase = match parent {
        "/steady-state-hypothesis/probes" => Phase::Before,
        "/method" => Phase::Method,
        "/rollbacks" => Phase::Rollbacks,
        _ => return None,
    };
    Some((phase, index.parse().ok()?))
}

/// A probe of the hypothesis wins over an activity of the method with the same name.
fn places(experiment: &Experiment) -> HashMap<String, String> {
    let mut places = HashMap::new();
    for phase in [Phase::Method, Phase::Before] {
        for (index, step) in steps(experiment, phase).iter().enumerate() {
            if let Some(name) = &step.declared_name {
                places.insert(name.clone(), place(phase, index));
            }
        }
    }
    places
}
