//! Where a path leads in a value.

use std::cmp::Ordering;

use fracas_model::python;
use serde_json::Value;

use super::{Comparison, Expression, Function, Node, Operand, Subscript};

type Found = Result<Vec<Value>, String>;

/// The values that a step and those behind it lead to, from the current one.
pub(super) fn matches(node: &Node, root: &Value, current: &Value) -> Found {
    match node {
        Node::End => Ok(vec![current.clone()]),
        Node::Root(next) => matches(next, root, root),
        Node::Current(next) => matches(next, root, current),
        Node::Subscripts(subscripts, next) => {
            let mut found = Vec::new();
            for subscript in subscripts {
                for value in within(subscript, root, current)? {
                    found.append(&mut matches(next, root, &value)?);
                }
            }
            Ok(found)
        }
        Node::Descent(next) => {
            let mut found = matches(next, root, current)?;
            for child in children(current) {
                found.append(&mut matches(node, root, child)?);
            }
            Ok(found)
        }
    }
}

/// The values that a subscript names in the current one.
fn within(subscript: &Subscript, root: &Value, current: &Value) -> Found {
    Ok(match subscript {
        Subscript::Key(key) => by_key(key, current),
        Subscript::Index(index) => by_index(*index, current),
        Subscript::Slice(start, end, step) => slice(*start, *end, *step, current)?,
        Subscript::Wildcard => children(current).cloned().collect(),
        Subscript::Filter(expression) if is_true(expression, root, current)? => vec![current.clone()],
        Subscript::Filter(_) => Vec::new(),
        Subscript::Path(path) => {
            let named = matches(path, root, current)?;
            named.iter().flat_map(|name| by_name(name, current)).collect()
        }
        Subscript::Call(function, arguments) => {
            let arguments = arguments.iter().map(|argument| values(argument, root, current));
            let choices = product(arguments.collect::<Result<_, _>>()?);
            choices.iter().filter_map(|chosen| call(*function, chosen, current)).collect()
        }
    })
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn by_key(key: &str, current: &Value) -> Vec<Value> {
    current.as_object().and_then(|map| map.get(key)).cloned().into_iter().collect()
}

fn by_index(index: i64, current: &Value) -> Vec<Value> {
    let Value::Array(items) = current else { return Vec::new() };
    let index = if index < 0 { index + items.len() as i64 } else { index };
    usize::try_from(index).ok().and_then(|index| items.get(index)).cloned().into_iter().collect()
}

/// A text is a key, an integer an index; booleans are the integers 0 and 1.
fn by_name(name: &Value, current: &Value) -> Vec<Value> {
    match name {
        Value::String(key) => by_key(key, current),
        other => integer(other).map_or(Vec::new(), |index| by_index(index, current)),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        other => other.as_i64(),
    }
}

/// As Python's `range(start, end, step)` over the indices, each of which may count from the end.
fn slice(start: Option<i64>, end: Option<i64>, step: Option<i64>, current: &Value) -> Found {
    let Value::Array(items) = current else { return Ok(Vec::new()) };
    let length = items.len() as i64;
    let from = match start.unwrap_or(0) {
        start if start < 0 => {
            if -start < length {
                start + length
            } else {
                0
            }
        }
        start => start,
    };
    let to = match end.unwrap_or(length) {
        end if end < 0 => end + length,
        end => end,
    };
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err("the step of a slice is zero".to_owned());
    }
    // Indices outside the list name nothing, so they are passed at once.
    let beyond = if step < 0 { (from - length + 1).max(0) } else { 0 };
    let mut index = if beyond > 0 { from + (beyond - step - 1) / -step * step } else { from };
    let to = to.clamp(-length - 1, length);
    let mut found = Vec::new();
    while if step > 0 { index < to } else { index > to } {
        found.append(&mut by_index(index, current));
        index = index.saturating_add(step);
    }
    Ok(found)
}

fn is_true(expression: &Expression, root: &Value, current: &Value) -> Result<bool, String> {
    let test = |part: &Expression| is_true(part, root, current);
    Ok(match expression {
        Expression::And(parts) => {
            for part in parts {
                if !test(part)? {
                    return Ok(false);
                }
            }
            true
        }
        Expression::Or(parts) => {
            for part in parts {
                if test(part)? {
                    return Ok(true);
                }
            }
            false
        }
        Expression::Not(part) => !test(part)?,
        Expression::Some(Operand::Path(path)) => !matches(path, root, current)?.is_empty(),
        Expression::Some(Operand::Value(value)) => python::truth(value),
        Expression::Compare(comparison, left, right) => {
            let mut lefts = values(left, root, current)?;
            if matches!(right, Operand::Path(_)) {
                // The reference reads the values of a path on the right only once.
                lefts.truncate(1);
            }
            let rights = values(right, root, current)?;
            lefts.iter().any(|left| rights.iter().any(|right| compare(*comparison, left, right)))
        }
    })
}

fn values(operand: &Operand, root: &Value, current: &Value) -> Found {
    match operand {
        Operand::Path(path) => matches(path, root, current),
        Operand::Value(value) => Ok(vec![value.clone()]),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let order = || python::compare_numbers(left, right);
    match comparison {
        Comparison::Equal => python::equal(left, right),
        Comparison::NotEqual => !python::equal(left, right),
        Comparison::Less => order() == Some(Ordering::Less),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order() == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
    }
}

/// Every choice of one value from each list, the last list's fastest.
fn product(lists: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let none = vec![Vec::new()];
    lists.into_iter().fold(none, |choices, list| {
        let longer = |chosen: &Vec<Value>| -> Vec<Vec<Value>> {
            list.iter().map(|value| chosen.iter().chain([value]).cloned().collect()).collect()
        };
        choices.iter().flat_map(longer).collect()
    })
}

/// What a function gives for the current value, if it is for such values and arguments.
fn call(function: Function, arguments: &[Value], current: &Value) -> Option<Value> {
    match (function, current) {
        (Function::CharAt, Value::String(text)) => match arguments {
            [at] => char_at(text, integer(at)?),
            _ => None,
        },
        (Function::Substring, Value::String(text)) => match arguments {
            [start] => Some(substring(text, integer(start)?, i64::MAX)),
            [start, end] => Some(substring(text, integer(start)?, integer(end)?)),
            _ => None,
        },
        _ if !arguments.is_empty() => None,
        (Function::Length, Value::String(text)) => Some(text.chars().count().into()),
        (Function::Length, Value::Array(items)) => Some(items.len().into()),
        (Function::Keys, Value::Object(map)) => Some(map.keys().map(String::as_str).collect()),
        (Function::Keys, Value::Array(items)) => Some((0..items.len()).collect()),
        (Function::Values, Value::Object(map)) => Some(map.values().cloned().collect()),
        (Function::Values, Value::Array(_)) => Some(current.clone()),
        (Function::Entries, Value::Object(map)) => Some(
            map.iter().map(|(key, value)| Value::from(vec![key.as_str().into(), value.clone()])).collect(),
        ),
        (Function::Entries, Value::Array(items)) => {
            let entry = |(index, value): (usize, &Value)| Value::from(vec![index.into(), value.clone()]);
            Some(items.iter().enumerate().map(entry).collect())
        }
        _ => None,
    }
}

fn char_at(text: &str, at: i64) -> Option<Value> {
    let length = text.chars().count() as i64;
    let at = usize::try_from(if at < 0 { at.saturating_add(length) } else { at }).ok()?;
    text.chars().nth(at).map(|character| character.to_string().into())
}

/// `text[start:end]`, where negative places count from the end.
fn substring(text: &str, start: i64, end: i64) -> Value {
    let length = text.chars().count() as i64;
    let place = |at: i64| if at < 0 { (at.saturating_add(length)).max(0) } else { at.min(length) };
    let (start, end) = (place(start), place(end));
    let taken: String = text.chars().skip(start as usize).take((end - start).max(0) as usize).collect();
    taken.into()
}
