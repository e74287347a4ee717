//! What the command line gives beside the experiment: variables, var files and control files.
//!
//! Source: `chaoslib.merge_vars` and `chaoslib.control.load_global_controls`.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fracas_engine::{Given, load_text, parse_document};
use fracas_model::{Format, Node, Policy, Problem, Problems, Severity, Source};
use serde_json::{Map, Value};

use super::ready::{Told, told};
use crate::args;
use crate::session::Session;
use crate::settings::named_controls;

/// What a var file holds.
#[derive(Debug, PartialEq)]
enum VarFile {
    /// Values for the configuration and the secrets.
    Values(Given),
    /// Variables for the environment, in order.
    Environment(Vec<(String, String)>),
}

/// The values of the variables and var files, later ones over earlier ones and variables over
/// files.
///
/// # Errors
///
/// A file cannot be read.
pub fn values(args: &args::Values, session: &Session) -> Result<Given, Told> {
    let mut given = of_files(&args.files, session)?;
    given.configuration.extend(args.variables.iter().cloned());
    Ok(given)
}

/// The values of var files, later ones over earlier ones.
///
/// # Errors
///
/// A file cannot be read.
pub fn of_files(files: &[PathBuf], session: &Session) -> Result<Given, Told> {
    let mut given = Given::default();
    let read = |path: &Path| var_file(path, &session.policy);
    // Chaos Toolkit's library has no logger of its own here.
    let tell = |line: &str| session.terminal.plain(line);
    for file in all(files.iter().map(|path| read(path)), tell, session)? {
        if let VarFile::Values(values) = file {
            given.configuration.extend(values.configuration);
            given.secrets.extend(values.secrets);
        }
    }
    Ok(given)
}

/// The controls of control files, in order, each with its name.
///
/// # Errors
///
/// A file cannot be read.
pub fn controls(files: &[PathBuf], session: &Session) -> Result<Vec<Value>, Told> {
    let read = |path: &PathBuf| control_file(path, &session.policy);
    Ok(all(files.iter().map(read), |line| session.error(line), session)?.concat())
}

/// Starts this program anew in its place when var files have variables that its environment lacks,
/// so that they reach everything that reads the environment.
///
/// # Errors
///
/// The program cannot be started again.
pub fn enter_environment(args: &args::Args) -> io::Result<()> {
    let folder = args.global.change_dir.as_deref().unwrap_or(Path::new(""));
    let mut variables = BTreeMap::new();
    for file in args.command.var_files() {
        // What is wrong with a file is told where its values are used.
        if let Ok(VarFile::Environment(lines)) = var_file(&folder.join(file), &Policy::FRACAS) {
            variables.extend(lines);
        }
    }
    let is_set = |(name, value): (&String, &String)| std::env::var_os(name).is_some_and(|set| set == **value);
    if variables.iter().all(is_set) {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    Err(command.args(arguments).envs(variables).exec())
}

/// What all of the files hold. A file that Chaos Toolkit would only complain about is left out
/// where the policy says so; any other problem is shown, and is an error.
fn all<T>(
    read: impl Iterator<Item = Result<T, Problem>>,
    tell: impl Fn(&str),
    session: &Session,
) -> Result<Vec<T>, Told> {
    let mut held = Vec::new();
    let mut problems = Problems::default();
    for result in read {
        match result {
            Ok(content) => held.push(content),
            Err(problem) if !session.policy.var_files_required && !problem.said().is_empty() => {
                tell(problem.said());
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.has_errors() {
        session.terminal.problems(None, &problems);
        return Err(told(&problems));
    }
    Ok(held)
}

fn var_file(path: &Path, policy: &Policy) -> Result<VarFile, Problem> {
    let shown = path.display();
    let text = load_text(path).map_err(|problem| problem.words(format!("Cannot read var file '{shown}'")))?;
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Some(Format::Yaml),
        Some("json") => Some(Format::Json),
        _ => None,
    };
    let node = match format {
        Some(format) => document(path, &text, format, policy, "variable file")?,
        None => None,
    };
    match node.filter(|node| !node.is_null()) {
        Some(node) => Ok(VarFile::Values(given_of(path, &node)?)),
        None if format == Some(Format::Json) => Ok(VarFile::Values(Given::default())),
        None => lines(path, &text).map(VarFile::Environment),
    }
}

fn control_file(path: &Path, policy: &Policy) -> Result<Vec<Value>, Problem> {
    let text = load_text(path)?;
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Format::Yaml,
        Some("json") | None => Format::Json,
        Some(_) => {
            let problem = Problem::general(format!("`{}` is no file of controls", path.display()));
            return Err(problem.help("name it .json, .yaml or .yml"));
        }
    };
    let Some(node) = document(path, &text, format, policy, "control file")? else { return Ok(Vec::new()) };
    named_controls(&node.to_json()).map_err(|why| {
        Problem::general(format!("the control file `{}` {why}", path.display()))
            .help("write an object of controls, as under `controls` in the settings")
    })
}

/// The document in a file; none if it is empty. Problems tell the line, but draw nothing: the file
/// may hold secrets.
fn document(
    path: &Path,
    text: &str,
    format: Format,
    policy: &Policy,
    what: &str,
) -> Result<Option<Node>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let source = Source { name: path.display().to_string(), text: text.to_owned(), format };
    let (node, problems) = parse_document(&source);
    let wrong = problems.0.into_iter().find(|problem| problem.severity == Severity::Error);
    match wrong {
        // Keys that stand twice: the last one counts.
        Some(_) if node.is_some() && !policy.var_files_required => Ok(node),
        Some(problem) => {
            let line = source.line(problem.span.unwrap_or_default());
            // What is said of broken text names parts of it.
            let why = match (&node, format) {
                (Some(_), _) => problem.message,
                (None, Format::Json) => "it is no JSON".to_owned(),
                (None, Format::Yaml) => "it is no YAML".to_owned(),
            };
            let why = format!("{why}, in line {line}");
            let words = format!("Failed to parse {what} '{}': {why}", path.display());
            let message = format!("cannot read the {what} `{}`: {why}", path.display());
            Err(Problem::general(message).help("correct the file").words(words))
        }
        None => Ok(node),
    }
}

fn given_of(path: &Path, node: &Node) -> Result<Given, Problem> {
    let wrong = |what: &str, kind: &str| {
        Problem::general(format!("{what} in the var file `{}` is {kind}, not an object", path.display()))
            .help("write {\"configuration\": {\"NAME\": ...}, \"secrets\": {\"GROUP\": {\"NAME\": ...}}}")
    };
    if node.as_map().is_none() {
        return Err(wrong("what is written", node.kind()));
    }
    let part = |key: &str| match node.get(key) {
        None => Ok(Map::new()),
        Some(part) => match part.to_json() {
            Value::Object(map) => Ok(map),
            _ => Err(wrong(&format!("`{key}`"), part.kind())),
        },
    };
    let given = Given { configuration: part("configuration")?, secrets: part("secrets")? };
    let mut groups = node.get("secrets").and_then(Node::as_map).into_iter().flatten();
    let lone = groups.find(|(_, entry)| entry.value.as_map().is_none() && !entry.value.is_null());
    if let Some((name, entry)) = lone {
        return Err(wrong(&format!("the group `{name}` of secrets"), entry.value.kind()));
    }
    Ok(given)
}

/// Lines `NAME=VALUE`, taken as they are: without quotes, and without spaces around the line only.
fn lines(path: &Path, text: &str) -> Result<Vec<(String, String)>, Problem> {
    let written = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let variable = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let valid = !name.is_empty() && !line.contains('\0');
        valid.then(|| (name.to_owned(), value.to_owned()))
    };
    let lines = text.split('\n').map(str::trim).enumerate();
    lines
        .filter(|(_, line)| written(line))
        .map(|(index, line)| {
            variable(line).ok_or_else(|| {
                let at = index + 1;
                let message = format!("line {at} of the var file `{}` sets no variable", path.display());
                Problem::general(message).help("write NAME=VALUE, or name the file .json or .yaml")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn read(name: &str, text: &str) -> Result<VarFile, Problem> {
        let (_folder, path) = file(name, text);
        var_file(&path, &Policy::FRACAS)
    }

    fn values(value: Value) -> Result<VarFile, Problem> {
        let part = |key: &str| value.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(VarFile::Values(Given { configuration: part("configuration"), secrets: part("secrets") }))
    }

    #[test]
    fn var_files_hold_values_or_variables() {
        let both = json!({"configuration": {"a": [1]}, "secrets": {"g": {"k": "v"}}});
        assert_eq!(read("v.json", &both.to_string()), values(both.clone()));
        assert_eq!(
            read("v.yml", "\u{feff}configuration: {a: yes}"),
            values(json!({"configuration": {"a": true}}))
        );
        assert_eq!(read("v.json", " \n"), values(json!({})));
        assert_eq!(read("v.yaml", "{}"), values(json!({})));
        let variables = |pairs: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Ok(VarFile::Environment(pairs.iter().map(own).collect()))
        };
        let text = "# first\n\n A=b=c \nB=\r\nexport C=\"d\"";
        assert_eq!(read("x.env", text), variables(&[("A", "b=c"), ("B", ""), ("export C", "\"d\"")]));
        assert_eq!(read("v.yaml", "# nothing yet"), variables(&[]));
    }

    #[test]
    fn what_is_wrong_with_a_var_file_is_told_without_its_values() {
        let cases = [
            ("v.json", "{\"configuration\":\n {\"a\": hunter2}}", "in line 2", true),
            ("v.json", "[1]", "what is written in the var file", false),
            ("v.json", "{\"configuration\": null}", "`configuration` in the var file", false),
            ("v.yaml", "secrets: {g: hunter2}", "the group `g` of secrets", false),
            ("v.yaml", "configuration: {a: 1, a: 2}", "the key `a` is given twice, in line 1", true),
            ("x.env", "A=1\nhunter2", "line 2 of the var file", false),
            ("x.env", "=hunter2", "line 1 of the var file", false),
        ];
        for (name, text, expected, goes_on) in cases {
            let problem = read(name, text).unwrap_err();
            assert!(problem.message.contains(expected), "{}", problem.message);
            assert!(!problem.message.contains("hunter2"), "{}", problem.message);
            assert_eq!(!problem.said().is_empty(), goes_on, "{}", problem.said());
        }
        let folder = tempfile::tempdir().unwrap();
        let problem = var_file(folder.path(), &Policy::FRACAS).unwrap_err();
        assert_eq!(problem.said(), format!("Cannot read var file '{}'", folder.path().display()));
    }

    #[test]
    fn control_files_hold_controls_by_name() {
        let read = |name: &str, text: &str| {
            let (_folder, path) = file(name, text);
            control_file(&path, &Policy::FRACAS)
        };
        let expected = json!([{"provider": {"type": "python"}, "name": "b"}, {"name": "a"}]);
        let text = "{\"b\": {\"provider\": {\"type\": \"python\"}}, \"a\": {\"name\": \"other\"}}";
        assert_eq!(Value::from(read("c.json", text).unwrap()), expected);
        assert_eq!(Value::from(read("c", text).unwrap()), expected);
        assert_eq!(read("c.yaml", ""), Ok(Vec::new()));
        assert!(read("c.txt", text).unwrap_err().help.contains(".json"));
        assert!(read("c.yaml", "- a").unwrap_err().message.contains("is no object of controls by name"));
        assert!(read("c.json", "{").unwrap_err().said().starts_with("Failed to parse control file '"));
    }
}
