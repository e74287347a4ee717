//! Controls: code of the user's that is called around the parts of a run, and may change them.
//!
//! Source: chaoslib's `control` package, <https://chaostoolkit.org/reference/api/experiment/#controls>.

use std::collections::HashSet;
use std::sync::Arc;

use fracas_model::{Level, Node, Problems, python};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::{Stop, Values};

/// Calls the functions of controls. The engine decides which control is called when.
pub trait Controls {
    /// Looks for mistakes in a declared control, as its own module may do too.
    fn check<'a>(&'a self, control: &'a Node, problems: &'a mut Problems) -> LocalBoxFuture<'a, ()>;

    /// Gives controls and activities what they share with the run, before any call.
    fn begin<'a>(&'a self, world: &'a World<'a>) -> LocalBoxFuture<'a, ()>;

    /// Makes a call, with configuration and secrets as they are now.
    fn call<'a>(&'a self, call: Call<'a>, values: &'a Values) -> LocalBoxFuture<'a, Answer>;

    /// Whether some control has registered an event handler that has this function.
    fn handles(&self, event: &str) -> bool;
}

/// What controls and activities share with the run.
pub struct World<'a> {
    /// The experiment's document.
    pub experiment: Arc<Value>,
    /// Resolved configuration and secrets.
    pub values: &'a Values,
    /// The user's settings.
    pub settings: &'a Value,
}

/// A call of controls.
pub enum Call<'a> {
    /// The control's `configure_control`.
    Configure {
        /// The control's declaration.
        control: &'a Value,
        /// Whether it is declared in the settings, and so is given them.
        global: bool,
    },
    /// The same function of several controls, in order, until one interrupts.
    Apply {
        /// Which function.
        hook: Hook,
        /// The controls' declarations.
        controls: &'a [Value],
        /// Where the thing stands that it is called for: a JSON pointer into the experiment. For
        /// [`ControlLevel::Loader`], the experiment's path or address.
        context: &'a str,
        /// What that thing has come to, in scope [`ControlScope::After`].
        state: Option<Value>,
    },
    /// The control's `cleanup_control`.
    Cleanup {
        /// The control's declaration.
        control: &'a Value,
    },
    /// A function of the event handlers that controls have registered.
    /// Source: `chaoslib.run.RunEventHandler`.
    Event {
        /// The function's name.
        name: &'static str,
        /// Its arguments by name, besides those of the world.
        arguments: Map<String, Value>,
    },
}

/// Which function of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// What it is called around.
    pub level: ControlLevel,
    /// Before it or after it.
    pub scope: ControlScope,
}

/// What controls are called around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlLevel {
    /// loading the experiment
    Loader,
    /// the whole run
    Experiment,
    /// a check of the hypothesis
    Hypothesis,
    /// the method
    Method,
    /// the rollbacks
    Rollback,
    /// one activity
    Activity,
}

/// Before something or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlScope {
    /// before
    Before,
    /// after
    After,
}

impl Hook {
    /// Whether a control is to be called in this scope.
    pub fn wants(self, control: &Value) -> bool {
        let scope = match self.scope {
            ControlScope::Before => "before",
            ControlScope::After => "after",
        };
        control.get("scope").filter(|wanted| python::truth(wanted)).is_none_or(|wanted| wanted == scope)
    }

    /// The function's name.
    pub fn function(self) -> &'static str {
        use ControlLevel::*;
        match (self.scope, self.level) {
            (ControlScope::Before, Loader) => "before_loading_experiment_control",
            (ControlScope::Before, Experiment) => "before_experiment_control",
            (ControlScope::Before, Hypothesis) => "before_hypothesis_control",
            (ControlScope::Before, Method) => "before_method_control",
            (ControlScope::Before, Rollback) => "before_rollback_control",
            (ControlScope::Before, Activity) => "before_activity_control",
            (ControlScope::After, Loader) => "after_loading_experiment_control",
            (ControlScope::After, Experiment) => "after_experiment_control",
            (ControlScope::After, Hypothesis) => "after_hypothesis_control",
            (ControlScope::After, Method) => "after_method_control",
            (ControlScope::After, Rollback) => "after_rollback_control",
            (ControlScope::After, Activity) => "after_activity_control",
        }
    }
}

/// The controls that apply to a thing, in order.
///
/// `global` are those of the settings, `experiment` is the document, and `context` the part of it
/// that the thing is declared in. With `once`, each control applies once: those of the experiment
/// that are automatic, unless the thing declares one of the same name, those of the settings, and
/// the thing's own. Otherwise they apply as in Chaos Toolkit, which drops those of the settings
/// around the method and the rollbacks, and repeats those of the experiment for each other one.
///
/// Source: `get_context_controls` of chaoslib's `control` package.
pub fn applicable(
    level: ControlLevel,
    global: &[Value],
    experiment: &Value,
    context: Option<&Value>,
    once: bool,
) -> Vec<Value> {
    let of_all = declared(Some(experiment));
    let own = declared(context);
    if of_all.is_empty() {
        return global.iter().chain(own).cloned().collect();
    }
    let automatic = || of_all.iter().filter(|control| control.get("automatic") != Some(&Value::Bool(false)));
    if matches!(level, ControlLevel::Method | ControlLevel::Rollback) {
        let global = if once { global } else { &[] };
        return global.iter().chain(automatic()).cloned().collect();
    }
    if !once && global.is_empty() && own.is_empty() {
        return automatic().cloned().collect();
    }
    let mut found: Vec<Value> = global.iter().chain(own).cloned().collect();
    if level == ControlLevel::Experiment {
        return found;
    }
    if once {
        let is_own = |control: &&Value| own.iter().any(|own| same_name(own, control));
        found.splice(0..0, automatic().filter(|control| !is_own(control)).cloned());
    }
    for control in global.iter().chain(own) {
        match control.get("ref") {
            Some(name) => {
                found.extend(of_all.iter().find(|control| control.get("name") == Some(name)).cloned())
            }
            None if once => {}
            None => {
                let others = automatic().filter(|other| !same_name(other, control));
                found.splice(0..0, others.cloned());
            }
        }
    }
    found
}

/// The controls declared in a part of an experiment.
pub fn declared(part: Option<&Value>) -> &[Value] {
    part.and_then(|part| part.get("controls")?.as_array()).map_or(&[], Vec::as_slice)
}

fn same_name(left: &Value, right: &Value) -> bool {
    left.get("name") == right.get("name")
}

/// Every control that an experiment declares, once for each name: its own, the hypothesis's, and
/// those of activities. Source: `get_controls` of chaoslib's `control` package.
pub fn all_declared(experiment: &Value) -> Vec<Value> {
    let hypothesis = experiment.get("steady-state-hypothesis");
    let probes = hypothesis.and_then(|hypothesis| hypothesis.get("probes"));
    let activities = [probes, experiment.get("method"), experiment.get("rollbacks")];
    let activities = activities.into_iter().flatten().filter_map(Value::as_array).flatten();
    let parts = [Some(experiment), hypothesis].into_iter().chain(activities.map(Some));
    let mut seen = HashSet::new();
    let named = parts.flat_map(declared).filter(|control| control.get("name").is_some_and(python::truth));
    named.filter(|control| seen.insert(control["name"].to_string())).cloned().collect()
}

/// What came of a call.
#[derive(Debug, Default)]
pub struct Answer {
    /// What was changed.
    pub changes: Changes,
    /// Controls that failed: the name of each and why. The run goes on without them.
    pub failures: Vec<(String, String)>,
    /// Lines that were told meanwhile, in order.
    pub lines: Vec<(Level, String)>,
    /// That the run is to stop.
    pub stop: Option<Stop>,
}

/// Changes to what controls and activities share with the run.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Parts of the experiment's document, each with the JSON pointer of its place, in order.
    pub experiment: Vec<(String, Value)>,
    /// The pointers of those that are entries of the experiment itself and were given another value
    /// as a whole.
    pub replaced: Vec<String>,
    /// Values of the configuration; none for those that were removed.
    pub configuration: Vec<(String, Option<Value>)>,
    /// Groups of secrets; none for those that were removed.
    pub secrets: Vec<(String, Option<Value>)>,
    /// The state that the call was given, if it was changed.
    pub state: Option<Value>,
}
