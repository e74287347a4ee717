//! The user's settings: what `~/.chaostoolkit/settings.yaml` says, and how it is changed.
//!
//! Source: `chaoslib.settings` and `chaostoolkit.commands.settings`.

use std::io;
use std::path::{Path, PathBuf};

use fracas_engine::{io_words, parse_document, to_yaml};
use fracas_model::{
    HypothesisStrategy, Problem, Problems, RollbackStrategy, Severity, Source, python, write_python_json,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The settings of a user.
#[derive(Debug, Clone)]
pub struct Settings {
    /// All of them: an object.
    pub value: Value,
    /// The file they are kept in, be it there or not.
    pub path: PathBuf,
    /// Whether the file is there.
    pub exists: bool,
    /// A key that is given twice; the last one counts.
    pub repeated: Option<Problem>,
}

/// How a value of the settings is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// As Python's `str` has it.
    String,
    /// JSON, indented by two.
    Json,
    /// YAML, with sorted keys.
    Yaml,
}

/// One step of a path through the settings.
#[derive(Debug, PartialEq)]
enum Part {
    Key(String),
    Index(usize),
}

impl Settings {
    /// The file that is read when no other one is named.
    pub fn default_path() -> PathBuf {
        std::env::home_dir().unwrap_or_default().join(".chaostoolkit/settings.yaml")
    }

    /// No settings, to be kept in this file.
    pub fn empty(path: &Path) -> Settings {
        Settings { value: Value::Object(Map::new()), path: path.to_owned(), exists: false, repeated: None }
    }

    /// Reads a file of settings. A file that is not there, or empty, holds none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no YAML, or holds something else than an object.
    pub fn load(path: &Path) -> Result<Settings, Problem> {
        let unreadable = |why: &str| unreadable(path, why);
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8"))?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Settings::empty(path));
            }
            Err(error) => return Err(unreadable(&io_words(&error))),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        let source = Source { name: path.display().to_string(), text, format: fracas_model::Format::Yaml };
        if source.text.trim().is_empty() {
            return Ok(Settings { exists: true, ..Settings::empty(path) });
        }
        let (node, problems) = parse_document(&source);
        let wrong = first_error(&source, problems);
        let Some(node) = node else {
            let why = wrong.unwrap_or_default();
            return Err(unreadable(&why).words(format!("Failed parsing YAML settings: {why}")));
        };
        let value = match node.to_json() {
            Value::Null => Value::Object(Map::new()),
            Value::Object(map) => Value::Object(map),
            _ => return Err(unreadable(&format!("expected an object, got {}", node.kind()))),
        };
        let repeated = wrong.map(|why| unreadable(&why));
        Ok(Settings { value, path: path.to_owned(), exists: true, repeated })
    }

    /// When rollbacks are played, if the settings say so.
    ///
    /// # Errors
    ///
    /// There is no such strategy.
    pub fn rollback_strategy(&self) -> Result<Option<RollbackStrategy>, Problem> {
        self.strategy("rollbacks", RollbackStrategy::from_name, RollbackStrategy::NAMES.map(|(name, _)| name))
    }

    /// When the hypothesis is checked, if the settings say so.
    ///
    /// # Errors
    ///
    /// There is no such strategy.
    pub fn hypothesis_strategy(&self) -> Result<Option<HypothesisStrategy>, Problem> {
        let names = HypothesisStrategy::NAMES.map(|(name, _)| name);
        self.strategy("hypothesis", HypothesisStrategy::from_name, names)
    }

    fn strategy<T, const N: usize>(
        &self,
        whose: &str,
        from_name: fn(&str) -> Option<T>,
        names: [&str; N],
    ) -> Result<Option<T>, Problem> {
        for (name, part) in [("runtime", self.at(&["runtime"])), (whose, self.at(&["runtime", whose]))] {
            if let Some(part) = part.filter(|part| !part.is_object() && !part.is_null()) {
                let what = format!("`{name}` is {}, no object", python::to_repr(part));
                return Err(self.wrong(&what).help("write runtime: {rollbacks: {strategy: always}}"));
            }
        }
        let Some(value) = self.at(&["runtime", whose, "strategy"]) else { return Ok(None) };
        value.as_str().and_then(from_name).map(Some).ok_or_else(|| {
            self.wrong(&format!("`runtime.{whose}.strategy` is {}", python::to_repr(value)))
                .help(format!("use one of: {}", names.join(", ")))
        })
    }

    /// Whether `runtime.compat` asks for Chaos Toolkit's ways.
    ///
    /// # Errors
    ///
    /// It asks for something else.
    pub fn compat(&self) -> Result<bool, Problem> {
        match self.at(&["runtime", "compat"]) {
            None | Some(Value::Null) => Ok(false),
            Some(value) if value == "chaostoolkit" => Ok(true),
            Some(value) => Err(self
                .wrong(&format!("`runtime.compat` is {}", python::to_repr(value)))
                .help("the only value is: chaostoolkit")),
        }
    }

    /// The controls that apply to every experiment, each with its name under `name`.
    ///
    /// # Errors
    ///
    /// They are no objects by name.
    pub fn controls(&self) -> Result<Vec<Value>, Problem> {
        let Some(controls) = self.value.get("controls") else { return Ok(Vec::new()) };
        named_controls(controls).map_err(|why| self.wrong(&format!("`controls` {why}")))
    }

    /// Where the user wants to be told of runs, in order.
    ///
    /// # Errors
    ///
    /// They are no list of objects.
    pub fn notifications(&self) -> Result<Vec<Map<String, Value>>, Problem> {
        let channels = match self.value.get("notifications") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(channels) => channels,
        };
        let wrong = || self.wrong("`notifications` is no list of objects");
        let channels = channels.as_array().ok_or_else(wrong)?.iter();
        channels.map(|channel| channel.as_object().cloned().ok_or_else(wrong)).collect()
    }

    /// The `Authorization` header for a server, by its host and, where it has one, its port.
    ///
    /// # Errors
    ///
    /// The entry has no `type` or no `value`.
    pub fn authorization(&self, host: &str) -> Result<Option<String>, Problem> {
        let auths = self.value.get("auths").filter(|auths| !auths.is_null());
        if auths.is_some_and(|auths| !auths.is_object()) {
            return Err(self.wrong("`auths` is no object of servers"));
        }
        let Some(auth) = auths.and_then(|auths| auths.get(host)) else { return Ok(None) };
        match (auth.get("type"), auth.get("value")) {
            (Some(kind), Some(value)) => {
                Ok(Some(format!("{} {}", python::to_str(kind), python::to_str(value))))
            }
            _ => Err(self.wrong(&format!("`auths` for {host} needs a `type` and a `value`"))),
        }
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, key| value.get(key))
    }

    fn wrong(&self, what: &str) -> Problem {
        Problem::general(format!("{what}, in the settings in `{}`", self.path.display()))
    }
}

fn unreadable(path: &Path, why: &str) -> Problem {
    Problem::general(format!("cannot read the settings in `{}`: {why}", path.display()))
        .help("correct the file, or name another one with --settings")
}

/// What is wrong first, with its line.
fn first_error(source: &Source, problems: Problems) -> Option<String> {
    let problem = problems.0.into_iter().find(|problem| problem.severity == Severity::Error)?;
    let line = problem.span.map(|span| format!(", in line {}", source.line(span)));
    Some(format!("{}{}", problem.message, line.unwrap_or_default()))
}

/// What `fracas settings` does.
impl Settings {
    /// These settings, whose file has to be there.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn present(self) -> Result<Settings, Problem> {
        match self.exists {
            true => Ok(self),
            false => {
                let message = format!("there is no file of settings at `{}`", self.path.display());
                Err(Problem::general(message).help("create it, or name another one with --settings"))
            }
        }
    }

    /// The value at a key such as `auths.example\.com.type` or `list[0].name`, where `\.` is a dot
    /// in a name.
    ///
    /// # Errors
    ///
    /// There is none, and why.
    pub fn get(&self, key: &str) -> Result<&Value, Problem> {
        let mut value = &self.value;
        for part in self.parts(key)? {
            let inner = match &part {
                Part::Key(name) => value.as_object().and_then(|map| map.get(name)),
                Part::Index(index) => value.as_array().and_then(|items| items.get(*index)),
            };
            value = inner.ok_or_else(|| self.missing(key))?;
        }
        Ok(value)
    }

    /// Gives the entry at a key, which has to be there, the value of a JSON text.
    ///
    /// # Errors
    ///
    /// There is no such entry, or the text is no JSON.
    pub fn set(&mut self, key: &str, json: &str) -> Result<(), Problem> {
        let entry = self.entry(key)?;
        *entry = serde_json::from_str(json).map_err(|error| {
            Problem::general(format!("the value is no JSON: {error}"))
                .help("write a text in quotes within the shell's, as in '\"text\"'")
        })?;
        Ok(())
    }

    /// Removes the entry at a key, with all that is in it.
    ///
    /// # Errors
    ///
    /// There is no such entry.
    pub fn remove(&mut self, key: &str) -> Result<(), Problem> {
        self.entry(key)?;
        let mut parts = self.parts(key)?;
        let Some(last) = parts.pop() else { return Ok(()) };
        let parent = parts.iter().try_fold(&mut self.value, step);
        match (parent, last) {
            (Some(Value::Object(map)), Part::Key(name)) => drop(map.shift_remove(&name)),
            (Some(Value::Array(items)), Part::Index(index)) => drop(items.remove(index)),
            _ => {}
        }
        Ok(())
    }

    /// Writes the settings to their file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), Problem> {
        std::fs::write(&self.path, to_yaml(&self.value)).map_err(|error| {
            let path = self.path.display();
            Problem::general(format!("cannot write the settings to `{path}`: {}", io_words(&error)))
        })
    }

    fn entry(&mut self, key: &str) -> Result<&mut Value, Problem> {
        let parts = self.parts(key)?;
        let missing = self.missing(key);
        parts.iter().try_fold(&mut self.value, step).ok_or(missing)
    }

    fn parts(&self, key: &str) -> Result<Vec<Part>, Problem> {
        let mut parts = Vec::new();
        for name in split(key) {
            let indexed = name.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
            match indexed.filter(|(_, index)| index.bytes().all(|byte| byte.is_ascii_digit())) {
                Some((name, index)) => {
                    let index = index.parse().map_err(|_| self.missing(key))?;
                    parts.extend([Part::Key(name.to_owned()), Part::Index(index)]);
                }
                None => parts.push(Part::Key(name)),
            }
        }
        Ok(parts)
    }

    fn missing(&self, key: &str) -> Problem {
        self.wrong(&format!("there is no `{key}`"))
            .help("separate names with dots, write a dot in a name as `\\.`, and an item as `list[0]`")
    }
}

fn step<'a>(value: &'a mut Value, part: &Part) -> Option<&'a mut Value> {
    match part {
        Part::Key(name) => value.as_object_mut()?.get_mut(name),
        Part::Index(index) => value.as_array_mut()?.get_mut(*index),
    }
}

/// The names between dots, without the backslashes of dots that do not separate.
fn split(key: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut escaped = false;
    for character in key.chars() {
        match character {
            '.' if !escaped => names.push(String::new()),
            '\\' => {}
            other => names.iter_mut().last().into_iter().for_each(|name| name.push(other)),
        }
        escaped = character == '\\';
    }
    names
}

/// Controls by name as a list, each with its name under `name`.
///
/// # Errors
///
/// What they are instead, as the rest of a sentence.
pub fn named_controls(controls: &Value) -> Result<Vec<Value>, String> {
    let by_name = controls.as_object().ok_or("is no object of controls by name")?;
    let named = |(name, control): (&String, &Value)| {
        let mut control = control.as_object().cloned().ok_or(format!("has no object under `{name}`"))?;
        control.insert("name".to_owned(), name.as_str().into());
        Ok(Value::Object(control))
    };
    by_name.iter().map(named).collect()
}

impl Format {
    /// How all of the settings can be printed.
    pub const OF_ALL: [(&str, Format); 2] = [("json", Format::Json), ("yaml", Format::Yaml)];

    /// The value as a text that ends in a line break.
    pub fn print(self, value: &Value) -> String {
        let text = match self {
            Format::String => python::to_str(value),
            Format::Json => python_json(value),
            Format::Yaml => to_yaml(value),
        };
        text + "\n"
    }
}

/// JSON as Python's `json.dumps(value, indent=2)` writes it: only ASCII.
pub fn python_json(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // Memory takes whatever is written.
    let _ = write_python_json(&mut bytes, value);
    let text = String::from_utf8(bytes).unwrap_or_default();
    if text.bytes().all(|byte| byte <= b'~') { text } else { as_ascii(&text) }
}

/// JSON whose characters beyond ASCII are escaped, as Python writes it.
pub fn as_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\x00'..='~' => text.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: Value) -> Settings {
        Settings { value, ..Settings::empty(Path::new("settings.yaml")) }
    }

    fn some() -> Settings {
        settings(json!({
            "auths": {"example.com": {"type": "basic", "value": "eHl6"}, "localhost:8081": {"type": "bearer"}},
            "list": ["a", {"name": "b"}, "a"],
            "n": 5,
            "runtime": {"compat": "chaostoolkit", "rollbacks": {"strategy": "deviated"}},
            "controls": {"first": {"provider": {"type": "python", "module": "m"}}},
        }))
    }

    #[test]
    fn entries_are_found_by_their_keys() {
        let found = [
            ("n", json!(5)),
            ("auths.example\\.com.type", json!("basic")),
            ("list[1].name", json!("b")),
            ("list[1]", json!({"name": "b"})),
        ];
        for (key, value) in found {
            assert_eq!(some().get(key), Ok(&value), "{key}");
        }
        for key in
            ["", "nope", "auths.example.com", "list[3]", "list[]", "list[x]", "n[0]", "n.x", "list.0", "n."]
        {
            let problem = some().get(key).unwrap_err();
            assert!(problem.message.starts_with(&format!("there is no `{key}`")), "{}", problem.message);
        }
    }

    #[test]
    fn entries_are_set_and_removed() {
        let mut settings = some();
        settings.set("list[1].name", "{\"x\": 1}").unwrap();
        settings.set("n", "\"six\"").unwrap();
        settings.remove("list[2]").unwrap();
        settings.remove("auths.example\\.com").unwrap();
        assert_eq!(settings.get("list"), Ok(&json!(["a", {"name": {"x": 1}}])));
        assert_eq!(settings.get("n"), Ok(&json!("six")));
        assert_eq!(settings.get("auths"), Ok(&json!({"localhost:8081": {"type": "bearer"}})));
        assert!(settings.set("n", "six").unwrap_err().message.starts_with("the value is no JSON"));
        assert!(settings.set("new", "1").is_err());
        assert!(settings.remove("list[2]").is_err());
    }

    #[test]
    fn what_runs_need_has_its_types() {
        let settings = some();
        assert_eq!(settings.rollback_strategy(), Ok(Some(RollbackStrategy::Deviated)));
        assert_eq!(settings.hypothesis_strategy(), Ok(None));
        assert_eq!(settings.compat(), Ok(true));
        assert_eq!(settings.authorization("example.com"), Ok(Some("basic eHl6".to_owned())));
        assert_eq!(settings.authorization("example.com:80"), Ok(None));
        assert!(settings.authorization("localhost:8081").is_err());
        let control = json!({"provider": {"type": "python", "module": "m"}, "name": "first"});
        assert_eq!(settings.controls(), Ok(vec![control]));
        assert_eq!(settings.notifications(), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let wrong = json!({
            "runtime": {"compat": "yes", "hypothesis": {"strategy": 5}}, "controls": ["a"], "notifications": {},
        });
        let settings = settings(wrong);
        let message = settings.hypothesis_strategy().unwrap_err().message;
        assert_eq!(message, "`runtime.hypothesis.strategy` is 5, in the settings in `settings.yaml`");
        assert!(settings.compat().unwrap_err().help.contains("chaostoolkit"));
        assert!(settings.controls().unwrap_err().message.contains("no object of controls by name"));
        assert!(settings.notifications().unwrap_err().message.contains("no list of objects"));
        let flat = Settings { value: json!({"runtime": {"rollbacks": 5}, "auths": 5}), ..settings };
        assert!(flat.authorization("x.org").unwrap_err().message.contains("no object of servers"));
        assert!(flat.rollback_strategy().unwrap_err().message.starts_with("`rollbacks` is 5, no object"));
    }

    #[test]
    fn files_are_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.yaml");
        assert!(!Settings::load(&path).unwrap().exists);
        assert!(Settings::load(&path).unwrap().present().unwrap_err().message.contains("there is no file"));
        std::fs::write(&path, "\u{feff}b: 1\na: [x, 'yes']\n").unwrap();
        let settings = Settings::load(&path).unwrap().present().unwrap();
        assert_eq!(settings.value, json!({"b": 1, "a": ["x", "yes"]}));
        settings.save().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a:\n- x\n- 'yes'\nb: 1\n");
        let wrong = [("- a", "expected an object, got a list"), ("a: 1\nb: [", "in line")];
        for (text, expected) in wrong {
            std::fs::write(&path, text).unwrap();
            let message = Settings::load(&path).unwrap_err().message;
            assert!(message.contains(expected), "{message}");
        }
        std::fs::write(&path, "a: 1\na: 2").unwrap();
        let settings = Settings::load(&path).unwrap();
        assert_eq!(settings.value, json!({"a": 2}));
        assert!(settings.repeated.unwrap().message.ends_with("the key `a` is given twice, in line 2"));
        std::fs::write(&path, "").unwrap();
        assert_eq!(Settings::load(&path).unwrap().value, json!({}));
    }

    #[test]
    fn values_are_printed_in_each_format() {
        let value = json!({"b": [1.0, "é\u{7f}"], "a": true});
        assert_eq!(Format::String.print(&value), "{'b': [1.0, 'é\\x7f'], 'a': True}\n");
        assert_eq!(
            Format::Json.print(&value),
            "{\n  \"b\": [\n    1.0,\n    \"\\u00e9\\u007f\"\n  ],\n  \"a\": true\n}\n"
        );
        assert_eq!(Format::Yaml.print(&json!(5)), "5\n...\n\n");
    }
}
