//! The questions of `fracas init`, in the words and the order of Chaos Toolkit's.
//!
//! Source: `chaostoolkit/commands/init.py`, and click for how a question looks.

use std::io::{self, BufRead, Write};

use fracas_model::{ActivityKind, python};
use fracas_providers::catalogue;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::settings::as_ascii;

/// Asks questions and takes answers.
pub struct Wizard<'a> {
    /// Where answers come from.
    pub input: &'a mut dyn BufRead,
    /// Where questions go.
    pub output: &'a mut dyn Write,
    /// Whether they are colored.
    pub color: bool,
    /// Whether answers are taken as JSON where they can be, and what was declined is left out.
    pub lenient: bool,
}

/// How a text looks.
#[derive(Clone, Copy)]
enum Style {
    /// as it is
    Plain,
    /// an explanation
    Blue,
    /// a question of its own
    Green,
    /// a question about an argument
    Yellow,
    /// a mistake
    Red,
    /// a question to be answered by yes or no
    Dim,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Blue => "\x1b[34m",
            Style::Green => "\x1b[32m",
            Style::Yellow => "\x1b[33m",
            Style::Red => "\x1b[31m",
            Style::Dim => "\x1b[2m",
        }
    }
}

const WELCOME: &str =
    "These questions lead to an experiment. It has a method: what is done to the system and what is
looked at meanwhile. It may have a hypothesis, which says how to know that the system is well, and
rollbacks, which undo what the method did.";

const HYPOTHESIS: &str = "
The hypothesis is a list of probes, each with the answer that a healthy system gives. They are
asked before the method, which is only played if all is well, and again after it, to learn what
the method did to the system. It can be left out, and written later.";

const PROBES: &str = "
Which probes tell whether the system is well?";

const METHOD: &str = "
The method is played in order: actions do something to the system, probes note what they see.";

const ROLLBACKS: &str = "
Rollbacks are actions that bring the system back to where it was.";

const TOLERANCE: &str = "
A probe of the hypothesis needs its tolerance: the answer that a healthy system gives.";

const ARGUMENTS: &str = "
Now the arguments. What is between brackets is taken when you only press return.";

impl Wizard<'_> {
    /// Asks for a whole experiment. What was not discovered before may be discovered now.
    ///
    /// # Errors
    ///
    /// There are no more answers.
    pub fn experiment(&mut self, discovery: Option<Value>, discover: fn() -> Value) -> io::Result<Value> {
        self.say(WELCOME, Style::Blue)?;
        let discovery = match discovery {
            None if self.lenient => {
                self.say("No discovery was found, here is what fracas does by itself", Style::Plain)?;
                Some(discover())
            }
            None => {
                self.say("No discovery was found, let's create an empty experiment", Style::Plain)?;
                None
            }
            known => known,
        };
        let activities = discovery.as_ref().and_then(|discovery| discovery.get("activities")?.as_array());
        let mut experiment = super::blank();
        experiment["title"] = self.text("Experiment's title")?.into();
        self.say(HYPOTHESIS, Style::Blue)?;
        if self.confirm("Do you want to define a steady state hypothesis now?")? {
            experiment["steady-state-hypothesis"] = self.hypothesis(activities)?;
        }
        if let Some(activities) = activities {
            self.method(activities, &mut experiment)?;
        }
        Ok(experiment)
    }

    fn hypothesis(&mut self, activities: Option<&Vec<Value>>) -> io::Result<Value> {
        let title = self.text("Hypothesis's title")?;
        let mut probes = Vec::new();
        if let Some(activities) = activities {
            self.say(PROBES, Style::Blue)?;
            self.pick(&of_kind(activities, "probe"), true, &mut probes)?;
        }
        Ok(json!({"title": title, "probes": probes}))
    }

    fn method(&mut self, activities: &[Value], experiment: &mut Value) -> io::Result<()> {
        let mut method = Vec::new();
        self.say(METHOD, Style::Blue)?;
        if self.confirm("Do you want to define an experimental method?")? {
            // A control is no step, though the reference offers it.
            let is_step = |it: &&Value| !self.lenient || it["type"] != "control";
            self.pick(&activities.iter().filter(is_step).collect::<Vec<_>>(), false, &mut method)?;
        }
        self.say(ROLLBACKS, Style::Blue)?;
        let mut rollbacks = if self.lenient { self.undoing(&method, activities)? } else { Vec::new() };
        experiment["method"] = method.into();
        let has_some = !rollbacks.is_empty();
        let wants_more = self.confirm("Do you want to add some rollbacks now?")?;
        if wants_more {
            self.pick(&of_kind(activities, "action"), false, &mut rollbacks)?;
        }
        if wants_more || has_some {
            experiment["rollbacks"] = rollbacks.into();
        }
        Ok(())
    }

    /// Offers what undoes the actions of the method, where the catalogue says what does.
    fn undoing(&mut self, method: &[Value], activities: &[Value]) -> io::Result<Vec<Value>> {
        let mut rollbacks = Vec::new();
        for action in method {
            let Some((module, name)) = undo_of(action) else { continue };
            let is_it = |it: &&Value| it["mod"] == module.as_str() && it["name"] == name.as_str();
            let Some(undo) = activities.iter().find(is_it) else { continue };
            let question =
                format!("{name} undoes {}. Do you want it as a rollback?", text_of(action, "name"));
            if self.confirm(&question)? {
                rollbacks.push(self.activity(&with_defaults_of(action, undo), false)?);
            }
        }
        Ok(rollbacks)
    }

    /// Asks for activities until there are enough.
    fn pick(&mut self, activities: &[&Value], tolerances: bool, pool: &mut Vec<Value>) -> io::Result<()> {
        let mut tolerances = tolerances;
        loop {
            let Some(chosen) = self.choose(activities)? else { return Ok(()) };
            if self.wants(chosen)? {
                pool.push(self.activity(chosen, tolerances)?);
            } else if !self.lenient {
                // What is declined for another one comes after it.
                if !self.confirm("Do you want to select another activity?")? {
                    return Ok(());
                }
                self.pick(activities, false, pool)?;
                pool.push(self.activity(chosen, tolerances)?);
            }
            if !self.confirm("Do you want to select another activity?")? {
                return Ok(());
            }
            tolerances &= self.lenient;
        }
    }

    /// Asks which activity; none to escape.
    fn choose<'v>(&mut self, activities: &[&'v Value]) -> io::Result<Option<&'v Value>> {
        loop {
            self.say("Add an activity", Style::Green)?;
            let named =
                activities.iter().enumerate().map(|(at, it)| format!("{}) {}", at + 1, self.called(it)));
            self.say(&named.collect::<Vec<_>>().join("\n"), Style::Plain)?;
            let number = self.integer("Activity (0 to escape)", Style::Green, None)?.as_i64();
            match number.and_then(|number| usize::try_from(number).ok()) {
                Some(0) => return Ok(None),
                Some(number) if number <= activities.len() => return Ok(Some(activities[number - 1])),
                _ => self.say("Please pick up a valid activity", Style::Red)?,
            }
        }
    }

    /// What a list of activities calls one. Packages have some of the same name.
    fn called(&self, activity: &Value) -> String {
        match (text_of(activity, "name"), text_of(activity, "mod")) {
            (name, module) if self.lenient && !module.is_empty() => format!("{name}  ({module})"),
            (name, _) => name.to_owned(),
        }
    }

    fn wants(&mut self, chosen: &Value) -> io::Result<bool> {
        let doc = text_of(chosen, "doc");
        if !doc.is_empty() {
            self.say(&format!("\n{doc}"), Style::Blue)?;
        }
        self.confirm(&format!("Do you want to use this {}?", text_of(chosen, "type")))
    }

    fn activity(&mut self, chosen: &Value, tolerance: bool) -> io::Result<Value> {
        let mut activity = json!({"type": chosen["type"], "name": chosen["name"]});
        activity["provider"] = json!({"type": "python", "module": chosen["mod"], "func": chosen["name"]});
        if tolerance {
            self.say(TOLERANCE, Style::Blue)?;
            let answer = self.text("What is the tolerance for this probe?")?;
            activity["tolerance"] = if self.lenient { as_json(answer) } else { answer.into() };
        }
        self.say(ARGUMENTS, Style::Blue)?;
        let mut arguments = Map::new();
        for argument in chosen.get("arguments").and_then(Value::as_array).into_iter().flatten() {
            let name = text_of(argument, "name");
            if !matches!(name, "secrets" | "configuration") {
                arguments.insert(name.to_owned(), self.argument(name, argument)?);
            }
        }
        if self.lenient {
            let default = |name: &str| {
                chosen["arguments"].as_array()?.iter().find(|it| it["name"] == name)?.get("default").cloned()
            };
            arguments.retain(|name, value| !(value.is_null() && default(name) == Some(Value::Null)));
        }
        activity["provider"]["arguments"] = arguments.into();
        Ok(activity)
    }

    fn argument(&mut self, name: &str, argument: &Value) -> io::Result<Value> {
        let question = format!("Argument's value for '{name}'");
        let default = argument.get("default");
        match text_of(argument, "type") {
            "integer" => self.integer(&question, Style::Yellow, default),
            "number" => self.converted(&question, default, "is not a valid float.", |text| {
                text.trim().parse::<f64>().ok().filter(|it| it.is_finite()).map(Value::from)
            }),
            "boolean" => self.converted(&question, default, "is not a valid boolean.", boolean),
            "string" | "byte" => self.converted(&question, default, "", |text| Some(text.into())),
            _ => self.converted(&question, default, "", |text| Some(as_json(text.to_owned()))),
        }
    }

    fn integer(&mut self, question: &str, style: Style, default: Option<&Value>) -> io::Result<Value> {
        let integer = |text: &str| text.trim().parse::<i64>().ok().map(Value::from);
        self.answered(question, style, default, "is not a valid integer.", integer)
    }

    fn converted(
        &mut self,
        question: &str,
        default: Option<&Value>,
        wrong: &str,
        convert: fn(&str) -> Option<Value>,
    ) -> io::Result<Value> {
        self.answered(question, Style::Yellow, default, wrong, convert)
    }

    /// Asks until there is an answer that can be converted; no answer is the default.
    fn answered(
        &mut self,
        question: &str,
        style: Style,
        default: Option<&Value>,
        wrong: &str,
        convert: impl Fn(&str) -> Option<Value>,
    ) -> io::Result<Value> {
        let shown = default.map(|value| if value.is_null() { String::new() } else { python::to_str(value) });
        let shown = shown.map(|value| format!(" [{value}]")).unwrap_or_default();
        loop {
            let answer = self.ask(&format!("{}{shown}: ", self.styled(question, style)))?;
            match (answer.as_str(), default) {
                ("", Some(default)) => return Ok(default.clone()),
                ("", None) => {}
                (answer, _) => match convert(answer) {
                    Some(value) => return Ok(value),
                    None => self.say(&format!("Error: '{answer}' {wrong}"), Style::Plain)?,
                },
            }
        }
    }

    fn text(&mut self, question: &str) -> io::Result<String> {
        let answer = self.answered(question, Style::Green, None, "", |text| Some(text.into()))?;
        Ok(python::to_str(&answer))
    }

    /// Asks for a yes or a no; no answer is a no.
    ///
    /// # Errors
    ///
    /// There are no more answers.
    pub fn confirm(&mut self, question: &str) -> io::Result<bool> {
        loop {
            let answer = self.ask(&format!("{} [y/N]: ", self.styled(question, Style::Dim)))?;
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "" | "n" | "no" => return Ok(false),
                _ => self.say("Error: invalid input", Style::Plain)?,
            }
        }
    }

    /// Shows a text, and ends its line.
    fn say(&mut self, text: &str, style: Style) -> io::Result<()> {
        let text = self.styled(text, style);
        writeln!(self.output, "{text}")
    }

    fn styled(&self, text: &str, style: Style) -> String {
        match style.code() {
            code if self.color && !code.is_empty() => format!("{code}{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        self.output.write_all(question.as_bytes())?;
        self.output.flush()?;
        let mut line = String::new();
        match self.input.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }
}

/// The module and the name of the activity that undoes this one.
fn undo_of(action: &Value) -> Option<(String, String)> {
    let provider = &action["provider"];
    let package = provider["module"].as_str()?.strip_prefix("chaosaws.")?.strip_suffix(".actions")?;
    let undo = catalogue::find(package, provider["func"].as_str()?, ActivityKind::Action)?.undo()?;
    let (package, name) = undo.split_once('.')?;
    Some((format!("chaosaws.{package}.actions"), name.to_owned()))
}

/// An activity whose arguments are by default what another one was given.
fn with_defaults_of(given: &Value, activity: &Value) -> Value {
    let mut activity = activity.clone();
    for argument in activity["arguments"].as_array_mut().into_iter().flatten() {
        let known = given["provider"]["arguments"].get(text_of(argument, "name")).cloned();
        if let Some(known) = known {
            argument["default"] = known;
        }
    }
    activity
}

fn of_kind<'v>(activities: &'v [Value], kind: &str) -> Vec<&'v Value> {
    activities.iter().filter(|activity| activity["type"] == kind).collect()
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// As click takes a boolean.
fn boolean(text: &str) -> Option<Value> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true.into()),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false.into()),
        _ => None,
    }
}

/// A text as the JSON that it is, or as text.
fn as_json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// JSON as Python's `json.dumps(value, indent=4)` writes it.
pub fn indented(value: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // Memory takes whatever is written.
    let _ = value.serialize(&mut serializer);
    as_ascii(&String::from_utf8_lossy(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery() -> Value {
        json!({"activities": [
            {"type": "action", "name": "stop", "mod": "m.actions", "doc": "Stop it.", "arguments": [
                {"name": "id", "type": "string"},
                {"name": "count", "type": "integer", "default": 2},
                {"name": "force", "type": "boolean", "default": false},
                {"name": "filters", "type": "list", "default": null},
                {"name": "secrets", "type": "mapping", "default": null},
            ]},
            {"type": "probe", "name": "look", "mod": "m.probes", "arguments": []},
        ]})
    }

    fn wizard(answers: &str, discovery: Option<Value>, lenient: bool) -> (io::Result<Value>, String) {
        let mut output = Vec::new();
        let mut input = answers.as_bytes();
        let mut wizard = Wizard { input: &mut input, output: &mut output, color: false, lenient };
        let experiment = wizard.experiment(discovery, || json!({"activities": []}));
        (experiment, String::from_utf8(output).unwrap())
    }

    #[test]
    fn an_experiment_is_asked_for_in_order() {
        let answers =
            "\nMy title\ny\nAll is well\n1\ny\n200\nn\nyes\n1\ny\nx-1\nthree\n3\nmaybe\nyes\n[1]\nno\nN\n";
        let (experiment, shown) = wizard(answers, Some(discovery()), true);
        let provider = |module: &str, func: &str, arguments: Value| json!({"type": "python", "module": module, "func": func, "arguments": arguments});
        let expected = json!({
            "title": "My title", "description": "N/A", "tags": [],
            "steady-state-hypothesis": {"title": "All is well", "probes": [
                {"type": "probe", "name": "look", "provider": provider("m.probes", "look", json!({})), "tolerance": 200},
            ]},
            "method": [{"type": "action", "name": "stop", "provider": provider("m.actions", "stop",
                json!({"id": "x-1", "count": 3, "force": true, "filters": [1]}))}],
        });
        assert_eq!(experiment.unwrap(), expected);
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn what_undoes_an_action_is_offered_with_its_arguments() {
        let action = |name: &str| {
            json!({"type": "action", "name": name, "mod": "chaosaws.docdb.actions",
            "arguments": [{"name": "docdb_cluster_identifier", "type": "string"}]})
        };
        let discovery = json!({"activities": [action("stop_db_cluster"), action("start_db_cluster")]});
        let answers = |rollbacks: &str| format!("t\nn\ny\n1\ny\norders\nn\n{rollbacks}");
        let (experiment, shown) = wizard(&answers("y\n\nn\n"), Some(discovery.clone()), true);
        let rollbacks = json!([{"type": "action", "name": "start_db_cluster", "provider": {
            "type": "python", "module": "chaosaws.docdb.actions", "func": "start_db_cluster",
            "arguments": {"docdb_cluster_identifier": "orders"}}}]);
        assert_eq!(experiment.unwrap()["rollbacks"], rollbacks);
        assert!(
            shown.contains("start_db_cluster undoes stop_db_cluster. Do you want it as a rollback?"),
            "{shown}"
        );
        let (experiment, _) = wizard(&answers("n\nn\n"), Some(discovery), true);
        assert_eq!(experiment.unwrap().get("rollbacks"), None);
    }

    #[test]
    fn nothing_but_return_takes_the_defaults() {
        let answers = "t\n\ny\n9\n1\ny\nx\n\n\n\ny\n0\n";
        let (experiment, _) = wizard(&(answers.to_owned() + "n\n"), Some(discovery()), true);
        let arguments = experiment.unwrap()["method"][0]["provider"]["arguments"].clone();
        assert_eq!(arguments, json!({"id": "x", "count": 2, "force": false}));
    }

    #[test]
    fn what_is_declined_comes_only_in_chaos_toolkits_ways() {
        let answers = |rest: &str| format!("t\nn\ny\n2\nn\ny\n2\ny\nn\n{rest}n\n");
        let names = |experiment: io::Result<Value>| experiment.unwrap()["method"].as_array().unwrap().len();
        assert_eq!(names(wizard(&answers(""), Some(discovery()), true).0), 1);
        assert_eq!(names(wizard(&answers("n\n"), Some(discovery()), false).0), 2);
    }

    #[test]
    fn without_a_discovery_there_is_what_fracas_does_or_nothing() {
        let (experiment, shown) = wizard("t\nn\nn\nn\n", None, true);
        assert_eq!(experiment.unwrap()["method"], json!([]));
        assert!(shown.contains("here is what fracas does by itself"));
        let (experiment, _) = wizard("t\nn\n", None, false);
        assert_eq!(experiment.unwrap(), json!({"title": "t", "description": "N/A", "tags": []}));
    }

    #[test]
    fn controls_are_offered_as_chaos_toolkit_does_or_not_at_all() {
        let control = json!({"type": "control", "name": "upload", "mod": "m.controls", "arguments": []});
        let discovery = json!({"activities": [control]});
        let (_, shown) = wizard("t\nn\ny\n0\nn\n", Some(discovery.clone()), true);
        assert!(!shown.contains("upload"), "{shown}");
        let (_, shown) = wizard("t\nn\ny\n0\nn\n", Some(discovery), false);
        assert!(shown.contains("1) upload\n"), "{shown}");
    }

    #[test]
    fn the_end_of_the_answers_ends_it() {
        assert!(wizard("t\ny\n", Some(discovery()), true).0.is_err());
    }

    #[test]
    fn colors_are_those_of_click() {
        let (mut input, mut output) = ("x\n".as_bytes(), Vec::new());
        let mut wizard = Wizard { input: &mut input, output: &mut output, color: true, lenient: true };
        assert_eq!(wizard.text("Title").unwrap(), "x");
        assert_eq!(String::from_utf8(output).unwrap(), "\x1b[32mTitle\x1b[0m: ");
    }
}
