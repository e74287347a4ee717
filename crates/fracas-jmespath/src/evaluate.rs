//! What a tree finds in a value.

use std::borrow::Cow;
use std::cmp::Ordering;

use jmespath::Variable;
use jmespath::ast::{Ast, Comparator, KeyValuePair};
use serde_json::Value;

use crate::found::{Found, NULL, equal, ordering};
use crate::{Error, Function, functions};

/// What a tree finds, which [`functions::check`] has seen.
pub fn search(
    ast: &Ast,
    data: &Value,
    own: &'static [Function],
    has_variables: bool,
) -> Result<Value, Error> {
    let variables = Some(data).filter(|_| has_variables);
    Evaluation { own, variables }.evaluate(ast, Found::Part(data)).map(Found::into_value)
}

/// A search, with the functions that it has besides those of the standard.
#[derive(Clone, Copy)]
pub struct Evaluation<'v> {
    pub own: &'static [Function],
    /// What `$name` looks into.
    pub variables: Option<&'v Value>,
}

impl<'v> Evaluation<'v> {
    pub fn evaluate(self, ast: &Ast, data: Found<'v>) -> Result<Found<'v>, Error> {
        Ok(match ast {
            Ast::Identity { .. } => data,
            Ast::Field { name, .. } => match (name.strip_prefix('$'), self.variables) {
                (Some(name), Some(variables)) => Found::Part(variables).field(name),
                _ => data.field(name),
            },
            Ast::Literal { value, .. } => Found::Made(literal(value)),
            Ast::Subexpr { lhs, rhs, .. } => self.evaluate(rhs, self.evaluate(lhs, data)?)?,
            Ast::Index { idx, .. } => data.items().and_then(|items| at(items, *idx)).unwrap_or(NULL),
            Ast::Slice { start, stop, step, .. } => slice(data, *start, *stop, *step),
            Ast::Flatten { node, .. } => self.evaluate(node, data)?.items().map_or(NULL, flat),
            Ast::ObjectValues { node, .. } => self.evaluate(node, data)?.entries().map_or(NULL, values),
            Ast::Projection { lhs, rhs, .. } => match self.evaluate(lhs, data)?.items() {
                Some(items) => self.project(rhs, items)?,
                None => NULL,
            },
            Ast::Condition { predicate, then, .. } => match self.evaluate(predicate, data.clone())?.is_true()
            {
                true => self.evaluate(then, data)?,
                false => NULL,
            },
            Ast::Or { lhs, rhs, .. } => {
                let left = self.evaluate(lhs, data.clone())?;
                if left.is_true() { left } else { self.evaluate(rhs, data)? }
            }
            Ast::And { lhs, rhs, .. } => {
                let left = self.evaluate(lhs, data.clone())?;
                if left.is_true() { self.evaluate(rhs, data)? } else { left }
            }
            Ast::Not { node, .. } => Found::Made((!self.evaluate(node, data)?.is_true()).into()),
            Ast::Comparison { comparator, lhs, rhs, .. } => {
                let (left, right) = (self.evaluate(lhs, data.clone())?, self.evaluate(rhs, data)?);
                Found::Made(compared(comparator, &left.value(), &right.value()).into())
            }
            Ast::MultiList { .. } | Ast::MultiHash { .. } if data.is_null() => NULL,
            Ast::MultiList { elements, .. } => {
                let found = elements.iter().map(|element| self.evaluate(element, data.clone()));
                Found::List(found.collect::<Result<_, _>>()?)
            }
            Ast::MultiHash { elements, .. } => {
                let entry = |pair: &KeyValuePair| {
                    Ok((pair.key.clone(), self.evaluate(&pair.value, data.clone())?.into_value()))
                };
                Found::Made(Value::Object(elements.iter().map(entry).collect::<Result<_, Error>>()?))
            }
            Ast::Function { name, args, offset } => functions::call(self, name, args, &data, *offset)?,
            // Functions take these unevaluated; elsewhere there is nothing they could be.
            Ast::Expref { .. } => NULL,
        })
    }

    fn project(self, ast: &Ast, items: Vec<Found<'v>>) -> Result<Found<'v>, Error> {
        let found = items.into_iter().map(|item| self.evaluate(ast, item));
        let found = found.filter(|found| !found.as_ref().is_ok_and(Found::is_null));
        Ok(Found::List(found.collect::<Result<_, _>>()?))
    }
}

fn flat(items: Vec<Found>) -> Found {
    Found::List(items.into_iter().flat_map(unpacked).collect())
}

/// The items of a list, or what is no list.
fn unpacked(item: Found) -> Vec<Found> {
    match item.plain().is_none_or(Value::is_array) {
        true => item.items().unwrap_or_default(),
        false => vec![item],
    }
}

fn values<'v>(entries: Vec<(Cow<'v, str>, Found<'v>)>) -> Found<'v> {
    Found::List(entries.into_iter().map(|(_, value)| value).collect())
}

fn at<'v>(mut items: Vec<Found<'v>>, index: i32) -> Option<Found<'v>> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    let place = if index < 0 { items.len().checked_sub(distance)? } else { distance };
    (place < items.len()).then(|| items.swap_remove(place))
}

/// As Python slices.
fn slice(data: Found, start: Option<i32>, stop: Option<i32>, step: i32) -> Found {
    let Some(items) = data.items().filter(|_| step != 0) else { return NULL };
    let (length, step) = (items.len() as i64, i64::from(step));
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |given: Option<i32>, default: i64| match given.map(i64::from) {
        None => default,
        Some(place) => (if place < 0 { place + length } else { place }).clamp(lowest, highest),
    };
    let (first, last) = if step > 0 { (0, length) } else { (length - 1, -1) };
    let (mut place, stop) = (bound(start, first), bound(stop, last));
    let mut found = Vec::new();
    while (step > 0 && place < stop) || (step < 0 && place > stop) {
        found.extend(usize::try_from(place).ok().and_then(|place| items.get(place)).cloned());
        place += step;
    }
    Found::List(found)
}

/// Numbers and texts have an order among themselves; for others there is none, and null.
fn compared(comparator: &Comparator, left: &Value, right: &Value) -> Option<bool> {
    let ordering = ordering(left, right);
    match comparator {
        Comparator::Equal => Some(equal(left, right)),
        Comparator::NotEqual => Some(!equal(left, right)),
        Comparator::LessThan => ordering.map(Ordering::is_lt),
        Comparator::LessThanEqual => ordering.map(Ordering::is_le),
        Comparator::GreaterThan => ordering.map(Ordering::is_gt),
        Comparator::GreaterThanEqual => ordering.map(Ordering::is_ge),
    }
}

/// What stands in an expression as it is.
fn literal(literal: &Variable) -> Value {
    serde_json::to_value(literal).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::search;
    use serde_json::json;

    fn of(expression: &str) -> String {
        let data =
            json!({"z": [{"n": "b", "s": 2}, {"n": "a", "s": 1}, {"n": "c"}], "a": {"y": 1, "x": [[1], 2]}});
        search(expression, &data)
            .map_or_else(|error| format!("{error} at {}", error.offset), |found| found.to_string())
    }

    #[test]
    fn keys_keep_their_order() {
        assert_eq!(of("a"), r#"{"y":1,"x":[[1],2]}"#);
        assert_eq!(of("z[1]"), r#"{"n":"a","s":1}"#);
        assert_eq!(of("z[:1].{two: s, one: n}"), r#"[{"two":2,"one":"b"}]"#);
        assert_eq!(of("sort_by(z, &n)[0]"), r#"{"n":"a","s":1}"#);
        assert_eq!(of("keys(a)"), r#"["y","x"]"#);
    }

    #[test]
    fn texts_can_be_compared() {
        assert_eq!(of("z[?n >= 'b'].n"), r#"["b","c"]"#);
        assert_eq!(of("z[?n > `1`]"), "[]");
    }

    #[test]
    fn values_that_do_not_fit_are_told_with_their_place() {
        let cases = [
            ("length(`1`)", "length() takes string or array or object, not number at 0"),
            ("a | abs(x)", "abs() takes number, not array at 4"),
            ("join(',', z)", "join() takes array of strings, not an array with others at 0"),
            (
                "sort_by(z, &s)",
                "sort_by() takes an expression that finds values of one type, not number and null at 0",
            ),
            ("max_by(z, &q)", "max_by() takes an expression that finds numbers or strings, not null at 0"),
            ("contains('a', `1`)", "contains() looks for a string in a string, not number at 0"),
        ];
        for (expression, expected) in cases {
            assert_eq!(of(expression), expected);
        }
    }
}
