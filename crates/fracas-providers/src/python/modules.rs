//! Functions of the user's own modules, called in the python3 child.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use fracas_engine::{Changes, Context, Mask, Stop, Tell, Values};
use fracas_model::{Activity, ActivityKind, Failure, Happened, Level, Node, NodeValue};
use serde_json::{Value, json};

use super::check::Look;
use super::child::{Answer, Child, MAX_DEPTH, as_object, lock};
use super::controls::{self, Shared};
use super::in_place;
use crate::inherited::Inherited;
use crate::process::Watchdog;

pub(super) const GET_PYTHON: &str = "install Python 3.8 or newer, or name one with --python";

/// What is sent after `child.py` when controls are called.
const CONTROLS: &str = include_str!("controls.py");

/// The user's modules: a python3 child that starts when it is first needed, and again when it died.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) python: PathBuf,
    watchdog: Arc<Watchdog>,
    child: RefCell<Option<Rc<Running>>>,
    /// Held while it starts, so that calls at the same time share one.
    starting: tokio::sync::Mutex<()>,
    /// What modules have, by module and function.
    pub(super) looks: RefCell<HashMap<(String, String), Rc<Look>>>,
    /// What controls have, by module.
    pub(super) controls: RefCell<HashMap<String, Rc<controls::Look>>>,
    /// What controls share with the run, once it has begun.
    pub(super) shared: RefCell<Option<Shared>>,
    /// What functions have changed of what programs inherit.
    pub(super) inherited: Rc<Inherited>,
    /// The functions of the event handlers that controls have registered.
    pub(super) events: RefCell<Vec<String>>,
    /// What is masked in what functions write; none where nothing is to be.
    hidden: Option<Arc<Mutex<Mask>>>,
    /// How the controls were configured, in order: a Python that starts anew is told all of it.
    pub(super) configured: RefCell<Vec<Value>>,
}

/// A child, and what it has been told.
pub(super) struct Running {
    pub(super) child: Child,
    /// Configuration and secrets as it knows them.
    values: RefCell<Values>,
    /// Whether the run log knows of it.
    is_recorded: Cell<bool>,
    /// Whether it can call controls.
    is_extended: Cell<bool>,
    /// Whether it knows the experiment.
    has_experiment: Cell<bool>,
    /// Whether the controls are configured in it, as far as they are.
    is_configured: Cell<bool>,
}

impl Modules {
    /// Modules as this Python finds them; whether what they write goes on without secrets.
    pub(super) fn new(python: PathBuf, hides: bool) -> Modules {
        Modules { python, hidden: hides.then(Arc::default), ..Modules::default() }
    }

    /// Calls the function that an activity names.
    pub(super) async fn call(&self, activity: &Activity, context: &Context<'_>) -> Result<Value, Failure> {
        let running = self.running().await.map_err(|error| not_called(error, GET_PYTHON))?;
        running.record(context.tell).map_err(|error| not_called(error, ""))?;
        self.share(&running, context.values);
        let question = running.child.ask("call", message(activity, context.values));
        let mut answer = question.answer(|number, line| context.tell.log(level(number), line)).await;
        if let Ok(answer) = &mut answer {
            let own = in_place::changed(answer, context.place);
            self.change_parts(&running, &own);
            let mut changes = self.changes(&running, answer);
            changes.experiment.extend(own);
            if changes != Changes::default() {
                context.tell.changed(changes);
            }
        }
        outcome(activity, context, answer)
    }

    /// The child, if there is one.
    pub(super) fn known(&self) -> Option<Rc<Running>> {
        self.child.borrow().clone()
    }

    /// The child, started if there is none that answers.
    pub(super) async fn running(&self) -> Result<Rc<Running>, String> {
        let _starting = self.starting.lock().await;
        if let Some(running) = self.known() {
            running.child.settled().await;
            if running.child.is_alive() {
                return Ok(running);
            }
        }
        let child =
            Child::start(&self.python, &self.inherited, Arc::clone(&self.watchdog), self.hidden.clone())
                .await?;
        let running = Rc::new(Running {
            child,
            values: RefCell::default(),
            is_recorded: Cell::default(),
            is_extended: Cell::default(),
            has_experiment: Cell::default(),
            is_configured: Cell::new(self.configured.borrow().is_empty()),
        });
        *self.child.borrow_mut() = Some(Rc::clone(&running));
        Ok(running)
    }

    /// Tells the child configuration and secrets, and one that has taken the place of another what
    /// that one's controls knew.
    pub(super) fn share(&self, running: &Running, values: &Values) {
        if running.share(values)
            && let Some(hidden) = &self.hidden
        {
            lock(hidden).learn(values);
        }
        if !running.is_configured.replace(true) {
            running.extend();
            running.share_experiment(self.shared.borrow().as_ref());
            let configured = self.configured.borrow().clone();
            running.child.tell("configure_again", as_object(json!({"controls": configured})));
        }
    }
}

impl Running {
    /// Writes down that the process runs.
    fn record(&self, tell: &dyn Tell) -> Result<(), String> {
        if !self.is_recorded.replace(true) {
            tell.process_started(self.child.group()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets the child call controls.
    pub(super) fn extend(&self) {
        if !self.is_extended.replace(true) {
            self.child.tell("extend", as_object(json!({"source": CONTROLS})));
        }
    }

    /// Has the child told the experiment again.
    pub(super) fn forget_experiment(&self) {
        self.has_experiment.set(false);
    }

    /// Tells the child the experiment, once.
    pub(super) fn share_experiment(&self, shared: Option<&Shared>) {
        if let Some(shared) = shared.filter(|_| !self.has_experiment.replace(true)) {
            self.child.tell("world", shared.message());
        }
    }

    /// Tells the child what stands in parts of the experiment now, if it knows it.
    pub(super) fn tell_parts(&self, parts: &[(String, Value)]) {
        if self.has_experiment.get() {
            self.child.tell("parts", as_object(json!({"parts": parts})));
        }
    }

    /// A value of the configuration as the child knew it last.
    pub(super) fn configured(&self, name: &str) -> Option<Value> {
        self.values.borrow().configuration.get(name).cloned()
    }

    /// Tells the child configuration and secrets. False when it knows them.
    fn share(&self, values: &Values) -> bool {
        let mut known = self.values.borrow_mut();
        if known.configuration == values.configuration && known.secrets == values.secrets {
            return false;
        }
        *known = values.clone();
        drop(known);
        // What functions change within a value has to be noticed.
        let is_deep = |value: &Value| value.is_object() || value.is_array();
        if values.configuration.values().any(is_deep) {
            self.extend();
        }
        let secrets: Answer = values.secrets.clone().into_iter().collect();
        let message = json!({"configuration": values.configuration, "secrets": secrets});
        self.child.tell("values", as_object(message));
        true
    }

    /// The child has changed these itself.
    pub(super) fn knows(&self, changes: &Changes) {
        let mut known = self.values.borrow_mut();
        for (name, value) in &changes.configuration {
            match value {
                Some(value) => drop(known.configuration.insert(name.clone(), value.clone())),
                None => drop(known.configuration.shift_remove(name)),
            }
        }
        for (name, group) in &changes.secrets {
            match group {
                Some(group) => drop(known.secrets.insert(name.clone(), group.clone())),
                None => drop(known.secrets.shift_remove(name)),
            }
        }
    }
}

fn message(activity: &Activity, values: &Values) -> Answer {
    let raw = |key: &str| activity.provider.get(key).map_or(Value::Null, Node::to_json);
    let declared = raw("arguments");
    let mut arguments = values.substitute_arguments(&declared);
    if arguments.is_null() {
        arguments = json!({});
    }
    let background = activity.document.get("background") == Some(&Value::Bool(true));
    let mut message = as_object(json!({
        "module": raw("module"), "func": raw("func"), "arguments": arguments, "background": background,
    }));
    in_place::tell(&declared, values, &mut message);
    if let Some(groups) = groups(&activity.provider) {
        message.insert("secrets".to_owned(), groups);
    }
    message
}

/// The names of the groups of secrets that a provider asks for.
fn groups(provider: &Node) -> Option<Value> {
    match &provider.get("secrets")?.value {
        NodeValue::Map(groups) => Some(groups.keys().cloned().collect()),
        NodeValue::List(names) => Some(names.iter().map(Node::to_json).collect()),
        _ => Some(json!([])),
    }
}

/// What became of a call.
fn outcome(
    activity: &Activity,
    context: &Context<'_>,
    answer: Result<Answer, String>,
) -> Result<Value, Failure> {
    let mut answer = answer.map_err(|error| failure(activity, error, ""))?;
    if let Some(Value::String(kind)) = answer.get("unclear") {
        let line =
            format!("the output has a `{kind}`, which JSON cannot carry: it is kept as Python shows it");
        context.tell.log(Level::Warning, line);
        if kind != "float" {
            // Chaos Toolkit dies of it when it writes the journal.
            context.tell.stop(Stop::Abort);
        }
    }
    if answer.contains_key("deep") {
        let line =
            format!("the output is nested more than {MAX_DEPTH} levels deep: what is below is kept as text");
        context.tell.log(Level::Warning, line);
    }
    if let Some(output) = answer.remove("output") {
        return Ok(output);
    }
    if let Some(Value::String(trace)) = answer.remove("trace") {
        context.tell.log(Level::Debug, trace);
    }
    if let Some(code) = answer.get("exit").and_then(Value::as_i64) {
        context.tell.stop(Stop::Exit(i32::try_from(code).unwrap_or(1)));
        return Err(failure(activity, format!("the function has exited with code {code}"), ""));
    }
    if answer.contains_key("keyboard") {
        context.tell.stop(Stop::KeyboardInterrupt);
        return Err(failure(activity, "KeyboardInterrupt".to_owned(), ""));
    }
    if let Some(Value::String(reason)) =
        answer.get("interrupt").filter(|_| context.policy.activities_interrupt)
    {
        context.tell.stop(Stop::Interrupt(reason.clone()));
    }
    let unexpected = answer.contains_key("unexpected");
    if unexpected {
        context.tell.stop(Stop::Abort);
    }
    let error = answer.get("error").and_then(Value::as_str).unwrap_or("the function was cut").to_owned();
    Err(failure(activity, error, ""))
}

/// The failure of a function that was called.
fn failure(activity: &Activity, error: String, help: &str) -> Failure {
    let happened = match activity.kind {
        ActivityKind::Action => Happened::Maybe,
        ActivityKind::Probe => Happened::No,
    };
    Failure { error, help: help.to_owned(), happened, progress: None }
}

fn not_called(error: String, help: &str) -> Failure {
    Failure { error, help: help.to_owned(), happened: Happened::No, progress: None }
}

/// One of Python's levels, by its number.
pub(super) fn level(number: i64) -> Level {
    match number {
        50.. => Level::Critical,
        40.. => Level::Error,
        30.. => Level::Warning,
        20.. => Level::Info,
        _ => Level::Debug,
    }
}
