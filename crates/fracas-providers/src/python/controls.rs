//! Controls and event handlers of the user's modules.
//!
//! Source: `chaoslib.control.python` and `chaoslib.run.RunEventHandler`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use fracas_engine::{Answer, Call, Changes, ControlLevel, Controls, Hook, Stop, Values, World};
use fracas_model::{Level, Node, Problem, Problems};
use futures_util::future::LocalBoxFuture;

use serde::Deserialize;
use serde_json::{Value, json};

use super::child::{self, as_object};
use super::modules::{GET_PYTHON, Modules, Running, level};
use super::{Python, upload};

/// What a control's module has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    /// Why the module is not found.
    missing: Option<String>,
    /// What the module raised when it was imported.
    raised: Option<String>,
    /// The names of the parameters of each of its functions.
    hooks: HashMap<String, Vec<String>>,
}

/// What the child needs to be told before it calls controls.
#[derive(Default)]
pub(super) struct Shared {
    experiment: Arc<Value>,
    settings: Value,
}

impl Controls for Python {
    fn check<'a>(&'a self, control: &'a Node, problems: &'a mut Problems) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            match self.uploads(&control.to_json()) {
                true => upload::check(control, problems),
                false => self.modules.check_control(control, problems).await,
            }
        })
    }

    fn begin<'a>(&'a self, world: &'a World<'a>) -> LocalBoxFuture<'a, ()> {
        let shared = Shared { experiment: world.experiment.clone(), settings: world.settings.clone() };
        *self.modules.shared.borrow_mut() = Some(shared);
        if let Some(running) = self.modules.known() {
            running.forget_experiment();
        }
        Box::pin(async {})
    }

    fn call<'a>(&'a self, call: Call<'a>, values: &'a Values) -> LocalBoxFuture<'a, Answer> {
        Box::pin(async move {
            match call {
                Call::Configure { control, .. } | Call::Cleanup { control } if self.uploads(control) => {
                    Answer::default()
                }
                Call::Configure { control, global } => self.modules.configure(control, global, values).await,
                Call::Cleanup { control } => {
                    let message = single("cleanup_control", control, false);
                    self.modules.single("clean_up", message, control, values).await
                }
                Call::Apply { hook, controls, context, state } => {
                    self.apply(hook, controls, context, state, values).await
                }
                Call::Event { name, arguments } => {
                    let message = as_object(json!({"name": name, "arguments": arguments}));
                    self.modules.ask("event", message, name, values).await
                }
            }
        })
    }

    fn handles(&self, event: &str) -> bool {
        self.modules.events.borrow().iter().any(|known| known == event)
    }
}

impl Python {
    /// Whether a control is carried out without Python.
    pub(super) fn uploads(&self, control: &Value) -> bool {
        self.is_native && upload::is_upload(control)
    }

    /// Calls the same function of several controls, those of modules that follow each other in one go.
    async fn apply(
        &self,
        hook: Hook,
        controls: &[Value],
        context: &str,
        mut state: Option<Value>,
        values: &Values,
    ) -> Answer {
        let mut whole = Answer::default();
        let alike = |one: &Value, other: &Value| !self.uploads(one) && !self.uploads(other);
        let mut left = controls.chunk_by(alike).peekable();
        while let Some(some) = left.next() {
            let answer = match some {
                [one] if self.uploads(one) => {
                    upload::apply(&self.native, hook, one, state.as_ref(), values).await
                }
                _ => {
                    let given = if left.peek().is_some() { state.clone() } else { state.take() };
                    self.modules.apply(hook, some, context, given, values).await
                }
            };
            if answer.changes.state.is_some() {
                state.clone_from(&answer.changes.state);
            }
            add(&mut whole, answer);
            if whole.stop.is_some() {
                break;
            }
        }
        whole
    }
}

/// Adds what came of a later call.
fn add(whole: &mut Answer, answer: Answer) {
    let (changes, later) = (&mut whole.changes, answer.changes);
    changes.experiment.extend(later.experiment);
    changes.replaced.extend(later.replaced);
    changes.configuration.extend(later.configuration);
    changes.secrets.extend(later.secrets);
    changes.state = later.state.or(changes.state.take());
    whole.failures.extend(answer.failures);
    whole.lines.extend(answer.lines);
    whole.stop = answer.stop;
}

impl Modules {
    async fn check_control(&self, control: &Node, problems: &mut Problems) {
        let provider = control.get("provider");
        let Some(node) = provider.and_then(|provider| provider.get("module")) else { return };
        let name = control.get("name").and_then(Node::as_str).unwrap_or_default();
        let module = node.as_str().unwrap_or_default();
        if module.is_empty() || !is_python(&control.to_json()) {
            return;
        }
        let look = match self.look_at_control(module).await {
            Ok(look) => look,
            Err(error) if problems.0.iter().any(|problem| problem.message == error) => return,
            Err(error) => return problems.push(Problem::error(node.span, error).help(GET_PYTHON)),
        };
        if let Some(why) = &look.missing {
            let words = format!(
                "Could not find Python module '{module}' in control '{name}'. Did you install the Python module? \
                 The experiment will carry on running nonetheless."
            );
            let problem = Problem::warning(node.span, format!("Python cannot import `{module}`: {why}"));
            problems.push(problem.label("does nothing").words(words));
        } else if let Some(why) = &look.raised {
            problems.push(Problem::error(node.span, format!("Python cannot import `{module}`: {why}")));
        } else if look.hooks.contains_key("validate_control") {
            let message = as_object(json!({"module": module, "control": control.to_json()}));
            let answer = match self.running().await {
                Ok(running) => running.child.ask("vet", message).answer(|_, _| {}).await,
                Err(error) => Err(error),
            };
            let answer = answer.unwrap_or_else(|error| as_object(json!({"error": error})));
            if let Some(error) = refusal(&answer) {
                problems.push(Problem::error(control.span, error.as_str()).words(error));
            }
        }
    }

    /// What a control's module has.
    async fn look_at_control(&self, module: &str) -> Result<Rc<Look>, String> {
        let known = self.controls.borrow().get(module).cloned();
        if let Some(look) = known {
            return Ok(look);
        }
        let running = self.running().await?;
        running.extend();
        let answer =
            running.child.ask("control", as_object(json!({"module": module}))).answer(|_, _| {}).await?;
        let look = serde_json::from_value(Value::Object(answer)).map_err(|error| error.to_string())?;
        let look = Rc::new(look);
        self.controls.borrow_mut().insert(module.to_owned(), Rc::clone(&look));
        Ok(look)
    }

    /// The parameters of a control's function: none when it does not have it.
    async fn parameters(&self, control: &Value, function: &str) -> Result<Option<Vec<String>>, String> {
        if !is_python(control) {
            return Ok(None);
        }
        let look = self.look_at_control(module(control)).await?;
        match &look.raised {
            Some(why) => Err(why.clone()),
            None => Ok(look.hooks.get(function).cloned()),
        }
    }

    /// Configures a control. If that works, it is configured again in each Python that starts later.
    async fn configure(&self, control: &Value, global: bool, values: &Values) -> Answer {
        let message = single("configure_control", control, global);
        let is_there = matches!(self.parameters(control, "configure_control").await, Ok(Some(_)));
        let answer = self.single("configure", message.clone(), control, values).await;
        if is_there && answer.failures.is_empty() && answer.stop.is_none() {
            self.configured.borrow_mut().push(Value::Object(message));
        }
        answer
    }

    /// Calls the function of one control that the message names, if the control has it.
    async fn single(
        &self,
        operation: &str,
        message: child::Answer,
        control: &Value,
        values: &Values,
    ) -> Answer {
        match self.parameters(control, message["function"].as_str().unwrap_or_default()).await {
            Ok(None) => Answer::default(),
            Err(why) => failed(name(control), why),
            Ok(Some(_)) => self.ask(operation, message, name(control), values).await,
        }
    }

    /// Calls the same function of several controls in one go.
    async fn apply(
        &self,
        hook: Hook,
        controls: &[Value],
        context: &str,
        state: Option<Value>,
        values: &Values,
    ) -> Answer {
        let function = hook.function();
        let mut failures = Vec::new();
        let mut wanted = Vec::new();
        let mut wants_state = false;
        for control in controls {
            match self.parameters(control, function).await {
                Ok(None) => {}
                Err(why) => failures.push((name(control).to_owned(), why)),
                Ok(Some(parameters)) => {
                    wants_state |= parameters.iter().any(|name| name == "state");
                    let arguments = values.substitute_arguments(&arguments(control));
                    wanted.push(
                        json!({"name": name(control), "module": module(control), "arguments": arguments}),
                    );
                }
            }
        }
        let mut answer = Answer::default();
        let names: Vec<&str> = wanted.iter().map(name).collect();
        let names = names.join("`, `");
        if !wanted.is_empty() {
            let loading = hook.level == ControlLevel::Loader;
            let state = state.filter(|_| wants_state);
            let message = as_object(json!({
                "function": function, "controls": wanted, "context": context, "loading": loading, "state": state,
            }));
            answer = self.ask("apply", message, &names, values).await;
        }
        answer.failures.splice(0..0, failures);
        answer
    }

    /// Asks the child for an operation; if it dies, `who` has failed.
    async fn ask(&self, operation: &str, message: child::Answer, who: &str, values: &Values) -> Answer {
        let running = match self.running().await {
            Ok(running) => running,
            Err(error) => return failed(who, error),
        };
        running.extend();
        running.share_experiment(self.shared.borrow().as_ref());
        self.share(&running, values);
        let lines: RefCell<Vec<(Level, String)>> = RefCell::default();
        let question = running.child.ask(operation, message);
        let answered = question.answer(|number, line| lines.borrow_mut().push((level(number), line))).await;
        let lines = lines.into_inner();
        match answered {
            Ok(answer) => Answer { lines, ..self.understand(&running, answer, who) },
            Err(error) => Answer { lines, ..failed(who, error) },
        }
    }

    /// What an answer of the child means for the run.
    fn understand(&self, running: &Running, mut answer: child::Answer, who: &str) -> Answer {
        let changes = Changes { state: answer.remove("state"), ..self.changes(running, &mut answer) };
        let failures = answer.remove("failures").unwrap_or_default();
        let mut failures: Vec<(String, String)> = serde_json::from_value(failures).unwrap_or_default();
        if let Some(Value::String(error)) = answer.remove("error") {
            failures.push((who.to_owned(), error));
        }
        let exit = answer.get("exit").and_then(Value::as_i64).map(|code| i32::try_from(code).unwrap_or(1));
        let stop = match answer.remove("interrupt") {
            Some(Value::String(reason)) => Some(Stop::Interrupt(reason)),
            _ if answer.contains_key("keyboard") => Some(Stop::KeyboardInterrupt),
            _ => exit.map(Stop::Exit),
        };
        Answer { changes, failures, stop, lines: Vec::new() }
    }

    /// What was changed until an answer. The child and whoever starts it anew know it as well.
    pub(super) fn changes(&self, running: &Running, answer: &mut child::Answer) -> Changes {
        self.inherited.learn(answer);
        if let Some(events) = answer.remove("events") {
            *self.events.borrow_mut() = serde_json::from_value(events).unwrap_or_default();
        }
        let Some(told) = answer.remove("changes") else { return Changes::default() };
        let told: Told = serde_json::from_value(told).unwrap_or_default();
        let configured = self.configured(running, &told);
        self.change_parts(running, &configured);
        let changes = Changes {
            experiment: [told.experiment, configured].concat(),
            replaced: told.replaced,
            configuration: told.configuration.into_iter().map(named).collect(),
            secrets: told.secrets.into_iter().map(named).collect(),
            state: None,
        };
        running.knows(&changes);
        if let Some(shared) = self.shared.borrow_mut().as_mut() {
            shared.change(&changes.experiment);
        }
        changes
    }

    /// Values of the configuration that were changed within, and stand in the experiment itself.
    fn configured(&self, running: &Running, told: &Told) -> Vec<(String, Value)> {
        let shared = self.shared.borrow();
        let changed = told.configuration.iter().cloned().map(named);
        let within = changed.filter(|(name, _)| told.within.contains(name));
        let part = |(name, value): (String, Option<Value>)| {
            Some((shared.as_ref()?.declares(&name, &running.configured(&name)?)?, value?))
        };
        within.filter_map(part).collect()
    }

    /// Lets the child know of parts of the experiment that it does not see change.
    pub(super) fn change_parts(&self, running: &Running, parts: &[(String, Value)]) {
        if parts.is_empty() {
            return;
        }
        running.tell_parts(parts);
        if let Some(shared) = self.shared.borrow_mut().as_mut() {
            shared.change(parts);
        }
    }
}

/// The JSON pointer of an entry.
pub(super) fn pointer(above: &str, key: &str) -> String {
    format!("{above}/{}", key.replace('~', "~0").replace('/', "~1"))
}

impl Shared {
    /// What the child is told.
    pub(super) fn message(&self) -> child::Answer {
        as_object(json!({"experiment": self.experiment, "settings": self.settings}))
    }

    /// Where the experiment has this very value of the configuration: a JSON pointer.
    fn declares(&self, name: &str, value: &Value) -> Option<String> {
        let entry = pointer("/configuration", name);
        let default = format!("{entry}/default");
        [entry, default].into_iter().find(|place| self.experiment.pointer(place) == Some(value))
    }

    fn change(&mut self, parts: &[(String, Value)]) {
        let experiment = Arc::make_mut(&mut self.experiment);
        for (pointer, value) in parts {
            let (above, key) = pointer.rsplit_once('/').unwrap_or_default();
            match experiment.pointer_mut(pointer) {
                Some(part) => *part = value.clone(),
                None => {
                    if let Some(Value::Object(above)) = experiment.pointer_mut(above) {
                        above.insert(key.replace("~1", "/").replace("~0", "~"), value.clone());
                    }
                }
            }
        }
    }
}

/// Changes as the child tells them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    experiment: Vec<(String, Value)>,
    replaced: Vec<String>,
    configuration: Vec<Vec<Value>>,
    /// Names of configuration whose values are the same objects, with something else in them.
    within: Vec<String>,
    secrets: Vec<Vec<Value>>,
}

/// A name with its value, or a name alone, whose value went.
fn named(mut pair: Vec<Value>) -> (String, Option<Value>) {
    let value = (pair.len() > 1).then(|| pair.swap_remove(1));
    (pair.first().and_then(Value::as_str).unwrap_or_default().to_owned(), value)
}

fn failed(who: &str, why: String) -> Answer {
    Answer { failures: vec![(who.to_owned(), why)], ..Answer::default() }
}

/// Why a control's own module refuses it.
fn refusal(answer: &child::Answer) -> Option<String> {
    match answer.get("error").and_then(Value::as_str) {
        Some("") => Some("the module of this control refuses it without a reason".to_owned()),
        Some(error) => Some(error.to_owned()),
        None if answer.contains_key("keyboard") => {
            Some("`validate_control` raised KeyboardInterrupt".to_owned())
        }
        None => answer.get("exit").map(|code| format!("`validate_control` exited with code {code}")),
    }
}

/// What asks for a function of one control.
fn single(function: &str, control: &Value, global: bool) -> child::Answer {
    as_object(json!({
        "name": name(control), "module": module(control), "function": function, "global": global,
        "arguments": arguments(control),
    }))
}

pub(super) fn is_python(control: &Value) -> bool {
    control["provider"]["type"] == "python"
}

pub(super) fn module(control: &Value) -> &str {
    control["provider"]["module"].as_str().unwrap_or_default()
}

pub(super) fn name(control: &Value) -> &str {
    control["name"].as_str().unwrap_or_default()
}

pub(super) fn arguments(control: &Value) -> Value {
    let arguments = control["provider"]["arguments"].clone();
    if arguments.is_null() { json!({}) } else { arguments }
}
