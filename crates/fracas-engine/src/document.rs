//! Texts to documents: JSON and YAML, with the place of every key and value.

mod json;
mod write_yaml;
mod yaml;
mod yaml_indent;
mod yaml_scalar;
mod yaml_tags;

use fracas_model::{Entry, Format, Map, Node, Problem, Problems, Source, Span};

pub use write_yaml::{to_yaml, to_yaml_as_it_is};
pub use yaml::parse_yaml;

/// Nesting beyond this is refused, so that no document can exhaust the stack.
const MAX_DEPTH: usize = 200;

/// An integer that would silently lose digits.
fn too_many_digits(text: &str, span: Span) -> Problem {
    Problem::error(span, format!("the integer {text} needs more than 64 bits"))
        .help("write it in quotes, or as a float when its last digits do not matter")
}

/// Puts an entry into a mapping. One that has its key already is a problem: JSON and YAML would
/// silently drop the first value.
fn insert(map: &mut Map, key: String, entry: Entry, duplicates: &mut Problems) {
    let span = entry.key_span;
    let (index, replaced) = map.insert_full(key, entry);
    if replaced.is_some() {
        let key = map.get_index(index).map_or("", |(key, _)| key);
        let problem = Problem::error(span, format!("the key `{key}` is given twice"));
        let help = "keep one of the two; the other would be ignored";
        duplicates.push(problem.label("given again here").help(help).playable());
    }
}

/// Reads a document in its format. With duplicate keys there are both a document and problems, so
/// that whatever else is wrong can be found too; text that is no JSON or YAML gives one problem.
pub fn parse_document(source: &Source) -> (Option<Node>, Problems) {
    if source.text.trim().is_empty() {
        let problem = Problem::general(format!("`{}` is empty", source.name));
        let problem = problem.help("write an experiment: an object with a title and a method");
        return (None, problem.words("an empty experiment is not an experiment").into());
    }
    match source.format {
        Format::Json => json::parse(&source.text),
        Format::Yaml => match yaml::parse(&source.text) {
            (None, mut problems) => {
                problems.0 = problems.0.into_iter().map(|problem| in_python(problem, source)).collect();
                (None, problems)
            }
            read => read,
        },
    }
}

/// A problem of a YAML text with what Chaos Toolkit and PyYAML say of one, at least in their form.
fn in_python(problem: Problem, source: &Source) -> Problem {
    let at = problem.span.map_or(0, |span| span.start.min(source.text.len()));
    let before = source.text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let what = if problem.said().is_empty() { problem.message.clone() } else { problem.said().to_owned() };
    let place = format!("  in \"{}\", line {line}, column {column}", source.name);
    problem.words(format!("Failed parsing YAML experiment: {what}\n{place}"))
}
