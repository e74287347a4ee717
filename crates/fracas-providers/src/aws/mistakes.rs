//! What is wrong with the parameters of a call, at the very place in the experiment.

use fracas_aws::{Fault, Mistake, Part};
use fracas_model::{Node, Problem, Span};
use serde_json::Value;

/// Where parameters stand in an experiment.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The object as it was written, and its key's place; none when none was written.
    pub(super) written: Option<(&'a Node, Span)>,
    /// Where to point when nothing was written.
    pub(super) otherwise: Span,
}

/// A mistake as a problem. Values are not shown: they may come from the secrets.
pub(super) fn problem(mistake: &Mistake, operation: &str, parameters: &Value, place: &Place<'_>) -> Problem {
    let found = found(parameters, &mistake.path).map_or("null", |value| Node::from(value).kind());
    let message = message(mistake, operation, found);
    Problem::error(span(mistake, place), message).help(mistake.help().unwrap_or_default())
}

/// The value that a mistake is about.
pub(super) fn found<'v>(parameters: &'v Value, path: &[Part]) -> Option<&'v Value> {
    path.iter().try_fold(parameters, |value, part| match part {
        Part::Key(key) => value.get(key),
        Part::Index(index) => value.get(index),
        Part::Name(_) => None,
    })
}

fn message(mistake: &Mistake, operation: &str, found: &str) -> String {
    let (name, around) = match mistake.path.split_last() {
        Some((Part::Name(name), around)) => (name.clone(), shown(around)),
        _ => (shown(&mistake.path), shown(&mistake.path)),
    };
    match &mistake.fault {
        Fault::Missing(member) if around.is_empty() => {
            format!("`{operation}` needs the parameter `{member}`")
        }
        Fault::Missing(member) => format!("`{around}` needs `{member}`"),
        Fault::Unknown(_) if around.is_empty() => format!("`{operation}` has no parameter `{name}`"),
        Fault::Unknown(_) => format!("`{around}` has no member `{name}`"),
        Fault::Type(words) => format!("`{name}` must be {words}, got {found}"),
        Fault::Short(min) => format!("`{name}` must have a length of at least {min}"),
        Fault::Small(min) => format!("`{name}` must be at least {min}"),
        Fault::Union(members) => format!("`{name}` must have exactly one of {}", members.join(", ")),
        Fault::Base64 => format!("`{name}` must be a string of base64"),
    }
}

fn shown(path: &[Part]) -> String {
    let whole: String = path.iter().map(Part::to_string).collect();
    whole.strip_prefix('.').map(str::to_owned).unwrap_or(whole)
}

/// The place of the value, or of the key that should not be there. An object that lacks something is
/// shown by its key, since it may go over many lines. What comes from a `${name}` is shown by that.
fn span(mistake: &Mistake, place: &Place<'_>) -> Span {
    let Some((mut node, key_span)) = place.written else { return place.otherwise };
    let mut key_span = Some(key_span);
    for part in &mistake.path {
        let below = match part {
            Part::Key(key) => {
                node.as_map().and_then(|map| map.get(key)).map(|entry| (&entry.value, Some(entry.key_span)))
            }
            Part::Index(index) => node.as_list().and_then(|items| items.get(*index)).map(|item| (item, None)),
            Part::Name(name) => {
                return node.as_map().and_then(|map| map.get(name)).map_or(node.span, |entry| entry.key_span);
            }
        };
        let Some(below) = below else { return node.span };
        (node, key_span) = below;
    }
    match mistake.fault {
        Fault::Missing(_) | Fault::Union(_) if node.as_map().is_some() => {
            key_span.unwrap_or(Span::new(node.span.start, node.span.start + 1))
        }
        _ => node.span,
    }
}
