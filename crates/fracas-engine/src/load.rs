//! Gets the text of an experiment from a file or from what a server answered.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use fracas_model::{Format, Problem, Source};
use serde::de::IgnoredAny;

use crate::parse_yaml;

/// The largest experiment that is read, in bytes: far above any that was ever written, and small
/// enough that a wrong file is refused at once.
pub const MAX_SOURCE_BYTES: u64 = 40 * 1024 * 1024;

/// Whether a source names something to fetch rather than a file.
pub fn is_url(source: &str) -> bool {
    let scheme = source.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    !Path::new(source).exists() && matches!(scheme.as_deref(), Some("http" | "https"))
}

/// Reads an experiment from a file, whose extension says how it is written.
///
/// # Errors
///
/// The file is missing, unreadable, too large, not UTF-8 or of another kind.
pub fn load_file(name: &str) -> Result<Source, Problem> {
    let path = Path::new(name);
    if name.contains("://") && !path.exists() {
        let scheme = name.split("://").next().unwrap_or_default();
        let problem = Problem::general(format!("`{name}` is neither a file nor an http address"))
            .words(format!("'{scheme}' is not a supported source scheme."));
        let scheme = name.split("://").next().unwrap_or_default();
        let problem = problem.words(format!("'{scheme}' is not a supported source scheme."));
        return Err(problem.help("give a path, or an http:// or https:// address"));
    }
    let text = load_text(path)?;
    let format = format_of(path).ok_or_else(|| {
        Problem::general(format!("`{name}` has no extension that says how it is written"))
            .help("name the file .json, .yaml or .yml")
    })?;
    Ok(Source { name: name.to_owned(), text, format })
}

/// Reads the text of a file, without a byte order mark.
///
/// # Errors
///
/// The file is missing, unreadable, too large, or not UTF-8.
pub fn load_text(path: &Path) -> Result<String, Problem> {
    let name = path.to_string_lossy();
    let bytes = read(path).map_err(|error| unreadable(&name, &error))??;
    text(&name, bytes)
}

/// Takes an experiment from the answer of a server, whose content type says how it is written.
///
/// # Errors
///
/// The content type is none that an experiment comes in.
pub fn load_fetched(url: &str, content_type: &str, text: String) -> Result<Source, Problem> {
    let format = match content_type.to_ascii_lowercase() {
        kind if kind.contains("application/json") => Format::Json,
        kind if kind.contains("yaml") => Format::Yaml,
        kind if kind.contains("text/plain") => guessed(&text),
        _ => {
            let shown = if content_type.is_empty() { "no content type" } else { content_type };
            let problem = Problem::general(format!("{url} answered with {shown}, which is no experiment"));
            return Err(problem.help("serve it as application/json, application/x-yaml or text/plain"));
        }
    };
    Ok(Source { name: url.to_owned(), text: without_mark(text), format })
}

fn read(path: &Path) -> io::Result<Result<Vec<u8>, Problem>> {
    // Before it is opened: opening a pipe waits until somebody writes.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        let problem = Problem::general(format!("`{}` is a folder", path.display()));
        return Ok(Err(problem.help("name a file in it")));
    }
    if !metadata.is_file() {
        let problem = Problem::general(format!("`{}` is no plain file", path.display()));
        return Ok(Err(problem.help("write it to a file first")));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::with_capacity(metadata.len().min(MAX_SOURCE_BYTES) as usize);
    file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Ok(Err(too_large(&path.display().to_string())));
    }
    Ok(Ok(bytes))
}

fn too_large(name: &str) -> Problem {
    let limit = MAX_SOURCE_BYTES / 1024 / 1024;
    Problem::general(format!("`{name}` is larger than {limit} MiB, which is too much"))
        .help("check that it is the right file")
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    let problem = Problem::general(format!("cannot read `{name}`: {}", io_words(error)));
    match error.kind() {
        io::ErrorKind::NotFound => problem
            .help("check the path; it is relative to the current folder")
            .words(format!("Path \"{name}\" does not exist.")),
        io::ErrorKind::PermissionDenied => problem.help("ask for the right to read it"),
        _ => problem,
    }
}

/// The system's words without Rust's `(os error 2)`.
pub fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "json" => Some(Format::Json),
        "yaml" | "yml" => Some(Format::Yaml),
        _ => None,
    }
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        let byte = error.as_bytes()[at];
        Problem::general(format!("`{name}` is not UTF-8: byte 0x{byte:02x} at line {line}, column {column}"))
            .help("save the file as UTF-8")
    })?;
    Ok(without_mark(text))
}

fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// How a plain text is written: JSON if it is that, or if it looks so and is no YAML either.
fn guessed(text: &str) -> Format {
    let text = text.trim_start_matches('\u{feff}');
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_json || looks_like_json && parse_yaml(text).is_err() { Format::Json } else { Format::Yaml }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_are_written() {
        let cases = [
            ("application/json; charset=utf-8", "", Some(Format::Json)),
            ("Application/JSON", "", Some(Format::Json)),
            ("text/yaml", "", Some(Format::Yaml)),
            ("application/x-yaml", "", Some(Format::Yaml)),
            ("text/plain", "\u{feff}{\"title\": 1}", Some(Format::Json)),
            ("text/plain", "{title: 1}", Some(Format::Yaml)),
            ("text/plain", "title: 1", Some(Format::Yaml)),
            ("text/plain", "{\"title\": ", Some(Format::Json)),
            ("text/html", "title: 1", None),
            ("", "{}", None),
        ];
        for (content_type, text, expected) in cases {
            let source = load_fetched("http://x/", content_type, text.to_owned());
            assert_eq!(source.ok().map(|source| source.format), expected, "{content_type} {text}");
        }
    }
}
