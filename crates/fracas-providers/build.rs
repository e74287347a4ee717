//! Lists the files of the catalogue, so that adding one needs no other change, and turns them into JSON, which
//! is read much faster than YAML.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::{Map, Value};

fn main() -> io::Result<()> {
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../catalogue/aws").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let out = PathBuf::from(variable("OUT_DIR")?);
    let lines: String = paths.iter().map(|path| line(path, &out)).collect::<io::Result<_>>()?;
    let text = format!("static FILES: [File; {}] = [\n{lines}];\n", paths.len());
    fs::write(out.join("files.rs"), text)
}

/// What cargo tells build scripts.
fn variable(name: &str) -> io::Result<OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo sets {name}")))
}

/// Writes a file as JSON, and gives its line of the list.
fn line(path: &Path, out: &Path) -> io::Result<String> {
    let package = path.file_stem().unwrap_or_default().to_string_lossy();
    let node = fracas_engine::parse_yaml(&fs::read_to_string(path)?);
    let node = node.map_err(|problems| io::Error::other(format!("{}: {problems:?}", path.display())))?;
    let (head, steps) = apart(node.to_json());
    let [head, steps] = [("json", head.to_string()), ("steps", steps)].map(|(kind, text)| {
        let path = out.join(format!("{package}.{kind}"));
        fs::write(&path, text).map(|()| path.to_string_lossy().into_owned())
    });
    Ok(format!("    File::new({package:?}, include_str!({:?}), include_str!({:?})),\n", head?, steps?))
}

/// The file with the place of each activity's steps where they were, and all steps, with what errors are wrapped
/// in, as texts of JSON, so that they are only read where they are needed; without the parts, which have gone where they are used. Steps that
/// draw also stay, under `draws`: they tell of arguments.
fn apart(mut file: Value) -> (Value, String) {
    let mut texts = String::new();
    if let Some(file) = file.as_object_mut() {
        file.shift_remove("parts");
    }
    let activities = file.get_mut("activities").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, activity) in activities {
        let draws: Vec<Value> = drawing(&activity["steps"]).into_iter().map(unsaid).collect();
        if !draws.is_empty() {
            activity["draws"] = draws.into();
        }
        let mut body = Map::from_iter([("steps".to_owned(), activity["steps"].take())]);
        let fails_with = activity.as_object_mut().and_then(|activity| activity.shift_remove("fails_with"));
        body.extend(fails_with.map(|words| ("fails_with".to_owned(), words)));
        let begin = texts.len();
        texts += &Value::Object(body).to_string();
        activity["steps"] = vec![begin, texts.len()].into();
    }
    (file, texts)
}

/// Those of the steps, and of the steps within them, that draw.
fn drawing(steps: &Value) -> Vec<&Value> {
    match steps {
        Value::Array(items) => items.iter().flat_map(drawing).collect(),
        step if step.get("pick").is_some() || step.get("choose").is_some() => vec![step],
        step => step.get("steps").map(drawing).unwrap_or_default(),
    }
}

/// A step without what its expressions say.
fn unsaid(step: &Value) -> Value {
    let is_expression = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('$'));
    let entries = step.as_object().into_iter().flatten();
    let entry = |(key, value): (&String, &Value)| {
        (key.clone(), if is_expression(value) { Value::Bool(true) } else { value.clone() })
    };
    Value::Object(entries.map(entry).collect())
}
