//! Mistakes in activities that call functions of the user's modules, found before a run.
//!
//! Source: `validate_python_activity` in `chaoslib.provider.python`.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use fracas_engine::{Surroundings, Values};
use fracas_model::{Activity, Node, NodeValue, Problem, Problems, python};
use serde::Deserialize;
use serde_json::{Value, json};

use super::child::as_object;
use super::modules::{GET_PYTHON, Modules};
use crate::text;

/// How long a module may take to be imported before a run.
const IMPORT: Duration = Duration::from_secs(60);

/// What a module has under a name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    /// Why the module is not found.
    missing: Option<String>,
    /// What the module raised when it was imported.
    raised: Option<String>,
    /// What functions the module has instead.
    functions: Option<Vec<String>>,
    /// What the function takes; none when nobody can tell.
    parameters: Option<Vec<Parameter>>,
}

/// A parameter: its name, its kind as Python counts them, and whether it must be given.
#[derive(Debug, Deserialize)]
struct Parameter(String, u8, bool);

/// A parameter that takes no keyword.
const POSITIONAL: u8 = 0;
/// Further positional arguments.
const REST: u8 = 2;
/// Further keywords.
const KEYWORDS: u8 = 4;

/// What a run gives functions besides their arguments.
const GIVEN: [&str; 2] = ["configuration", "secrets"];

impl Modules {
    /// Looks for mistakes in an activity. `meant` is what is wrong with it when it should be one
    /// of the catalogue.
    pub(super) async fn check(
        &self,
        activity: &Activity,
        surroundings: &Surroundings<'_>,
        meant: Option<Box<Problem>>,
        problems: &mut Problems,
    ) {
        let provider = &activity.provider;
        match self.look(provider).await {
            Ok(look) => {
                let unknown = look.missing.is_some() || look.functions.is_some();
                match meant.filter(|_| unknown) {
                    Some(problem) => problems.push(problem.words(look.words(activity))),
                    None => look.judge(activity, &self.python, problems),
                }
                check_groups(provider, surroundings.values, problems);
            }
            // One Python serves them all.
            Err(error) if problems.0.iter().any(|problem| problem.message == error) => {}
            Err(error) => problems.push(Problem::error(place(provider, "module"), error).help(GET_PYTHON)),
        }
    }

    /// What the module has of an activity's function.
    async fn look(&self, provider: &Node) -> Result<Rc<Look>, String> {
        let (module, func) = (named(provider, "module"), named(provider, "func"));
        let key = (module.to_owned(), func.to_owned());
        let known = self.looks.borrow().get(&key).cloned();
        if let Some(look) = known {
            return Ok(look);
        }
        let running = self.running().await?;
        let question = running.child.ask("look", as_object(json!({"module": module, "func": func})));
        let answer = tokio::time::timeout(IMPORT, question.answer(|_, _| {})).await;
        let look = match answer {
            Ok(Ok(answer)) => {
                serde_json::from_value(Value::Object(answer)).map_err(|error| error.to_string())?
            }
            Ok(Err(died)) => Look { raised: Some(died), ..Look::default() },
            Err(_) => {
                Look { raised: Some(format!("it takes more than {} s", IMPORT.as_secs())), ..Look::default() }
            }
        };
        let look = Rc::new(look);
        self.looks.borrow_mut().insert(key, Rc::clone(&look));
        Ok(look)
    }
}

impl Look {
    fn judge(&self, activity: &Activity, python: &Path, problems: &mut Problems) {
        let provider = &activity.provider;
        let (module, func) = (named(provider, "module"), named(provider, "func"));
        if let Some(why) = self.missing.as_ref().or(self.raised.as_ref()) {
            let message = format!("Python cannot import `{module}`: {why}");
            let help = if self.missing.is_some() { find_module(module, why, python) } else { String::new() };
            let problem = Problem::error(place(provider, "module"), message).help(help);
            problems.push(problem.words(self.words(activity)));
        } else if let Some(functions) = &self.functions {
            let message = format!("`{module}` has no function `{func}`");
            let help = text::did_you_mean(func, functions.iter().map(String::as_str));
            let problem = Problem::error(place(provider, "func"), message).help(help);
            problems.push(problem.words(self.words(activity)));
        } else if let Some(parameters) = &self.parameters {
            check_arguments(activity, parameters, problems);
        }
    }

    /// Chaos Toolkit's words for a function that cannot be had.
    fn words(&self, activity: &Activity) -> String {
        let (module, func) = (named(&activity.provider, "module"), named(&activity.provider, "func"));
        let name = &activity.name;
        if self.missing.is_some() {
            return format!("could not find Python module '{module}' in activity '{name}'");
        }
        if self.functions.is_none() {
            return String::new();
        }
        let kind = activity.kind.title().to_lowercase();
        format!("The python module '{module}' does not expose a function called '{func}' in {kind} '{name}'")
    }
}

fn find_module(module: &str, why: &str, python: &Path) -> String {
    let first = module.split('.').next().unwrap_or_default();
    let is_here = Path::new(&format!("{first}.py")).exists() || Path::new(first).is_dir();
    if is_here && why.contains(first) {
        return "Python does not look into the working folder by itself: set PYTHONPATH=.".to_owned();
    }
    format!(
        "install the package that has it for `{}`, or name another Python with --python",
        python.display()
    )
}

fn check_arguments(activity: &Activity, parameters: &[Parameter], problems: &mut Problems) {
    let provider = &activity.provider;
    let given = provider.get("arguments");
    if let Some(node) = given.filter(|node| node.as_map().is_none() && !node.is_null()) {
        let message = format!("`arguments` must be an object, got {}", node.kind());
        return problems.push(Problem::error(node.span, message));
    }
    let keys = given.and_then(Node::as_map);
    let func = named(provider, "func");
    for Parameter(name, kind, needed) in parameters {
        let is_given = keys.is_some_and(|keys| keys.contains_key(name));
        if is_given && *kind == POSITIONAL {
            let message = format!("`{func}` does not take `{name}` by its name");
            problems.push(Problem::error(place(provider, "func"), message).help("call another function"));
        } else if *needed && !is_given && !GIVEN.contains(&name.as_str()) {
            problems.push(lacking(activity, name));
        } else if name == "secrets" && *needed && provider.get("secrets").is_none() {
            let message = format!("`{func}` needs secrets, and the provider names no group of them");
            let problem = Problem::warning(place(provider, "func"), message);
            problems.push(problem.help("add \"secrets\": [\"group\"] to the provider"));
        }
    }
    if parameters.iter().any(|Parameter(_, kind, _)| *kind == KEYWORDS) {
        return;
    }
    let names: Vec<&str> = parameters
        .iter()
        .filter(|Parameter(_, kind, _)| *kind != REST)
        .map(|Parameter(name, ..)| name.as_str())
        .collect();
    for (key, entry) in keys.into_iter().flatten().filter(|(key, _)| !names.contains(&key.as_str())) {
        let message = format!("`{func}` has no argument `{key}`");
        // It means the function, whatever it says.
        let words = format!("argument '{key}' is not part of the function signature in activity '{func}'");
        let taken: Vec<&str> = names.iter().copied().filter(|name| !GIVEN.contains(name)).collect();
        let help = match text::did_you_mean(key, taken.iter().copied()) {
            help if !help.is_empty() => help,
            _ if taken.is_empty() => format!("`{func}` takes none"),
            _ => format!("it takes {}", taken.join(", ")),
        };
        problems.push(Problem::error(entry.key_span, message).help(help).words(words));
    }
}

fn lacking(activity: &Activity, name: &str) -> Problem {
    let provider = &activity.provider;
    let span = provider.get("arguments").map_or(place(provider, "func"), |node| node.span);
    let func = named(provider, "func");
    let message = format!("`{func}` needs the argument `{name}`");
    let words = format!("required argument '{name}' is missing from activity '{func}'");
    Problem::error(span, message)
        .help(format!("add it to the provider's `arguments`: \"{name}\": ..."))
        .words(words)
}

/// Groups that do not exist count as empty.
fn check_groups(provider: &Node, values: &Values, problems: &mut Problems) {
    let Some(NodeValue::List(names)) = provider.get("secrets").map(|node| &node.value) else { return };
    let unknown = |name: &&Node| name.as_str().is_none_or(|name| !values.secrets.contains_key(name));
    for name in names.iter().filter(unknown) {
        let message = format!("there is no group of secrets `{}`", python::to_str(&name.to_json()));
        let known = values.secrets.keys().map(String::as_str);
        let help = text::did_you_mean(name.as_str().unwrap_or_default(), known);
        problems.push(Problem::warning(name.span, message).label("counts as empty").help(help));
    }
}

fn named<'a>(provider: &'a Node, key: &str) -> &'a str {
    provider.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn place(provider: &Node, key: &str) -> fracas_model::Span {
    provider.get(key).map_or(provider.span, |node| node.span)
}
