//! What programs inherit from functions of the user's modules that ran before them: variables of
//! the environment and the working folder. Under Chaos Toolkit all of them share one process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Map, Value};

/// What was changed so far.
#[derive(Default)]
pub(crate) struct Inherited {
    variables: RefCell<BTreeMap<String, Option<String>>>,
    folder: RefCell<Option<String>>,
}

impl Inherited {
    /// Takes over what an answer of Python says of it: variables under `environment`, null for those
    /// that were removed, and the `folder`.
    pub(crate) fn learn(&self, answer: &mut Map<String, Value>) {
        if let Some(Value::Object(variables)) = answer.remove("environment") {
            let variables =
                variables.into_iter().map(|(name, value)| (name, value.as_str().map(str::to_owned)));
            self.variables.borrow_mut().extend(variables);
        }
        if let Some(Value::String(folder)) = answer.remove("folder") {
            *self.folder.borrow_mut() = Some(folder);
        }
    }

    /// Has a program start with all of it.
    pub(crate) fn pass_on(&self, command: &mut Command) {
        self.pass_variables_on(command);
        if let Some(folder) = &*self.folder.borrow() {
            command.current_dir(folder);
        }
    }

    /// Has a program start with the variables.
    pub(crate) fn pass_variables_on(&self, command: &mut Command) {
        for (name, value) in &*self.variables.borrow() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}
