//! JMESPath over JSON as boto3 and the AWS CLI know it: keys keep their order, and texts can be
//! compared.
//!
//! The crate of that name parses, and carries out the functions whose results are plain values; its
//! own values would sort the keys of objects and copy whole answers.

use std::borrow::Cow;
use std::cmp::Ordering;

use jmespath::ast::{Ast, Comparator};
use jmespath::{Context, ErrorReason, JmespathError, Rcvar, Runtime, Variable};
use serde_json::{Map, Value};

/// What is wrong with a JMESPath expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadExpression {
    /// What is wrong.
    pub reason: String,
    /// The place, counted in characters.
    pub offset: usize,
}

/// Whether a text is JMESPath.
///
/// # Errors
/// Tells the first mistake.
pub fn check_jmespath(expression: &str) -> Result<(), BadExpression> {
    jmespath::parse(expression)
        .map(drop)
        .map_err(|error| BadExpression { offset: error.offset, reason: reason(error) })
}

/// What a JMESPath expression finds in a value.
///
/// # Errors
/// Tells what is wrong with the expression, or with calling its functions.
pub fn jmespath(expression: &str, data: &Value) -> Result<Value, String> {
    let ast = jmespath::parse(expression).map_err(reason)?;
    evaluate(&ast, Found::Part(data)).map(Found::into_value)
}

fn reason(error: JmespathError) -> String {
    match error.reason {
        ErrorReason::Parse(reason) => reason,
        other => other.to_string(),
    }
}

/// A value on the way: a part of what is searched, or one that was made.
#[derive(Clone)]
enum Found<'v> {
    Part(&'v Value),
    Made(Value),
    List(Vec<Found<'v>>),
}

const NULL: Found = Found::Made(Value::Null);

impl<'v> Found<'v> {
    fn into_value(self) -> Value {
        match self {
            Found::Part(value) => value.clone(),
            Found::Made(value) => value,
            Found::List(items) => items.into_iter().map(Found::into_value).collect(),
        }
    }

    fn value(&self) -> Cow<'_, Value> {
        match self {
            Found::Part(value) => Cow::Borrowed(value),
            Found::Made(value) => Cow::Borrowed(value),
            Found::List(_) => Cow::Owned(self.clone().into_value()),
        }
    }

    /// The value, unless it is a list of parts.
    fn plain(&self) -> Option<&Value> {
        match self {
            Found::Part(value) => Some(value),
            Found::Made(value) => Some(value),
            Found::List(_) => None,
        }
    }

    fn is_null(&self) -> bool {
        self.plain().is_some_and(Value::is_null)
    }

    fn is_true(&self) -> bool {
        match self.plain() {
            None => !matches!(self, Found::List(items) if items.is_empty()),
            Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(entries)) => !entries.is_empty(),
            Some(_) => true,
        }
    }

    fn field(self, name: &str) -> Found<'v> {
        match self {
            Found::Part(value) => value.get(name).map_or(NULL, Found::Part),
            Found::Made(mut value) => value.get_mut(name).map_or(NULL, |value| Found::Made(value.take())),
            Found::List(_) => NULL,
        }
    }

    fn items(self) -> Option<Vec<Found<'v>>> {
        match self {
            Found::Part(Value::Array(items)) => Some(items.iter().map(Found::Part).collect()),
            Found::Made(Value::Array(items)) => Some(items.into_iter().map(Found::Made).collect()),
            Found::List(items) => Some(items),
            _ => None,
        }
    }

    fn entries(self) -> Option<Vec<(Cow<'v, str>, Found<'v>)>> {
        let part = |(key, value): (&'v String, &'v Value)| (key.as_str().into(), Found::Part(value));
        match self {
            Found::Part(Value::Object(entries)) => Some(entries.iter().map(part).collect()),
            Found::Made(Value::Object(entries)) => {
                Some(entries.into_iter().map(|(key, value)| (key.into(), Found::Made(value))).collect())
            }
            _ => None,
        }
    }
}

fn evaluate<'v>(ast: &Ast, data: Found<'v>) -> Result<Found<'v>, String> {
    Ok(match ast {
        Ast::Identity { .. } => data,
        Ast::Field { name, .. } => data.field(name),
        Ast::Literal { value, .. } => Found::Made(value_of(value)?),
        Ast::Subexpr { lhs, rhs, .. } => evaluate(rhs, evaluate(lhs, data)?)?,
        Ast::Index { idx, .. } => data.items().and_then(|items| at(items, *idx)).unwrap_or(NULL),
        Ast::Slice { start, stop, step, .. } => slice(data, *start, *stop, *step)?,
        Ast::Flatten { node, .. } => evaluate(node, data)?.items().map_or(NULL, flat),
        Ast::ObjectValues { node, .. } => evaluate(node, data)?.entries().map_or(NULL, values),
        Ast::Projection { lhs, rhs, .. } => match evaluate(lhs, data)?.items() {
            Some(items) => project(rhs, items)?,
            None => NULL,
        },
        Ast::Condition { predicate, then, .. } => match evaluate(predicate, data.clone())?.is_true() {
            true => evaluate(then, data)?,
            false => NULL,
        },
        Ast::Or { lhs, rhs, .. } => {
            let left = evaluate(lhs, data.clone())?;
            if left.is_true() { left } else { evaluate(rhs, data)? }
        }
        Ast::And { lhs, rhs, .. } => {
            let left = evaluate(lhs, data.clone())?;
            if left.is_true() { evaluate(rhs, data)? } else { left }
        }
        Ast::Not { node, .. } => Found::Made((!evaluate(node, data)?.is_true()).into()),
        Ast::Comparison { comparator, lhs, rhs, .. } => {
            let (left, right) = (evaluate(lhs, data.clone())?, evaluate(rhs, data)?);
            Found::Made(compared(comparator, &left.value(), &right.value()).into())
        }
        Ast::MultiList { .. } | Ast::MultiHash { .. } if data.is_null() => NULL,
        Ast::MultiList { elements, .. } => {
            let found = elements.iter().map(|element| evaluate(element, data.clone()));
            Found::List(found.collect::<Result<_, _>>()?)
        }
        Ast::MultiHash { elements, .. } => {
            let entry = |pair: &jmespath::ast::KeyValuePair| {
                Ok((pair.key.clone(), evaluate(&pair.value, data.clone())?.into_value()))
            };
            Found::Made(Value::Object(elements.iter().map(entry).collect::<Result<_, String>>()?))
        }
        Ast::Function { name, args, .. } => function(name, args, data)?,
        // Functions take these unevaluated; elsewhere there is nothing they could be.
        Ast::Expref { .. } => NULL,
    })
}

fn project<'v>(ast: &Ast, items: Vec<Found<'v>>) -> Result<Found<'v>, String> {
    let found = items.into_iter().map(|item| evaluate(ast, item));
    let found = found.filter(|found| !found.as_ref().is_ok_and(Found::is_null));
    Ok(Found::List(found.collect::<Result<_, _>>()?))
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
fn slice(data: Found, start: Option<i32>, stop: Option<i32>, step: i32) -> Result<Found, String> {
    if step == 0 {
        return Err("the step of a slice cannot be 0".to_owned());
    }
    let Some(items) = data.items() else { return Ok(NULL) };
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
    Ok(Found::List(found))
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

fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// 1 and 1.0 are equal.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => ordering(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same =
                |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        (left, right) => left == right,
    }
}

fn function<'v>(name: &str, args: &[Ast], data: Found<'v>) -> Result<Found<'v>, String> {
    match (name, args) {
        ("sort_by", [list, Ast::Expref { ast, .. }]) => {
            let list = evaluate(list, data.clone())?;
            if let Some(sorted) = keyed(list, ast)?.and_then(sorted) {
                return Ok(Found::List(sorted));
            }
        }
        ("max_by" | "min_by", [list, Ast::Expref { ast, .. }]) => {
            let list = evaluate(list, data.clone())?;
            if let Some(mut sorted) = keyed(list, ast)?.and_then(|keyed| extreme(keyed, name == "max_by")) {
                return Ok(sorted.pop().unwrap_or(NULL));
            }
        }
        ("map", [Ast::Expref { ast, .. }, list]) => {
            if let Some(items) = evaluate(list, data.clone())?.items() {
                let found = items.into_iter().map(|item| evaluate(ast, item));
                return Ok(Found::List(found.collect::<Result<_, _>>()?));
            }
        }
        _ => {
            let found: Vec<Found> =
                args.iter().map(|arg| evaluate(arg, data.clone())).collect::<Result<_, _>>()?;
            if let Some(result) = keeping_order(name, &found) {
                return Ok(result);
            }
        }
    }
    plain_function(name, args, data)
}

/// The items with what an expression finds in each; none when it is no list.
fn keyed<'v>(list: Found<'v>, ast: &Ast) -> Result<Option<Vec<(Value, Found<'v>)>>, String> {
    let Some(items) = list.items() else { return Ok(None) };
    let key = |item: Found<'v>| Ok((evaluate(ast, item.clone())?.into_value(), item));
    items.into_iter().map(key).collect::<Result<_, String>>().map(Some)
}

/// The items in the order of their keys; none when these have no order.
fn sorted<'v>(mut keyed: Vec<(Value, Found<'v>)>) -> Option<Vec<Found<'v>>> {
    if keyed.iter().any(|(key, _)| ordering(&keyed[0].0, key).is_none()) {
        return None;
    }
    keyed.sort_by(|one, other| ordering(&one.0, &other.0).unwrap_or(Ordering::Equal));
    Some(keyed.into_iter().map(|(_, item)| item).collect())
}

/// The first item with the greatest or the least key, if there is any.
fn extreme<'v>(keyed: Vec<(Value, Found<'v>)>, greatest: bool) -> Option<Vec<Found<'v>>> {
    let mut best: Option<(Value, Found)> = None;
    for (key, item) in keyed {
        let beats = match &best {
            None => ordering(&key, &key).is_some(),
            Some((known, _)) => {
                ordering(&key, known)? == if greatest { Ordering::Greater } else { Ordering::Less }
            }
        };
        match (beats, &best) {
            (true, _) => best = Some((key, item)),
            (false, None) => return None,
            (false, Some(_)) => {}
        }
    }
    Some(best.into_iter().map(|(_, item)| item).collect())
}

/// Functions that give back what they were given, or parts of it; none when the arguments are wrong.
fn keeping_order<'v>(name: &str, args: &[Found<'v>]) -> Option<Found<'v>> {
    match (name, args) {
        ("not_null", [_, ..]) => Some(args.iter().find(|arg| !arg.is_null()).cloned().unwrap_or(NULL)),
        ("to_array", [arg]) => Some(Found::List(arg.clone().items().unwrap_or_else(|| vec![arg.clone()]))),
        ("reverse", [arg]) => arg.clone().items().map(|items| Found::List(items.into_iter().rev().collect())),
        ("keys", [arg]) => {
            let keys = arg.clone().entries()?.into_iter().map(|(key, _)| Value::from(key.into_owned()));
            Some(Found::Made(keys.collect()))
        }
        ("values", [arg]) => arg.clone().entries().map(values),
        ("merge", [_, ..]) => {
            let mut merged = Map::new();
            for arg in args {
                let entries = arg.clone().entries()?.into_iter();
                merged.extend(entries.map(|(key, value)| (key.into_owned(), value.into_value())));
            }
            Some(Found::Made(Value::Object(merged)))
        }
        ("length", [Found::List(items)]) => Some(Found::Made(items.len().into())),
        ("length", [Found::Part(Value::Array(items))]) => Some(Found::Made(items.len().into())),
        ("to_string", [arg]) => match arg.value().as_ref() {
            Value::String(text) => Some(Found::Made(text.as_str().into())),
            value => Some(Found::Made(value.to_string().into())),
        },
        _ => None,
    }
}

/// All other functions, and the errors of all.
fn plain_function<'v>(name: &str, args: &[Ast], data: Found<'v>) -> Result<Found<'v>, String> {
    thread_local! {
        static RUNTIME: Runtime = runtime();
    }
    let variable = |arg: &Ast| match arg {
        Ast::Expref { ast, .. } => Ok(Rcvar::new(Variable::Expref(*ast.clone()))),
        arg => {
            let value = evaluate(arg, data.clone())?.into_value();
            Variable::try_from(value).map(Rcvar::new).map_err(reason)
        }
    };
    let args: Vec<_> = args.iter().map(variable).collect::<Result<Vec<_>, _>>()?;
    RUNTIME.with(|runtime| {
        let Some(function) = runtime.get_function(name) else {
            return Err(format!("there is no function {name}"));
        };
        let found = function.evaluate(&args, &mut Context::new(name, runtime)).map_err(reason)?;
        let found = value_of(&found)?;
        Ok(Found::Made(if stays_whole(name, &args) { whole(found) } else { found }))
    })
}

/// Whether a function gives an integer in Python, where the crate makes every number a float.
fn stays_whole(name: &str, args: &[Rcvar]) -> bool {
    let is_whole = |value: &Rcvar| matches!(&**value, Variable::Number(number) if !number.is_f64());
    match name {
        "ceil" | "floor" => true,
        "abs" => args.iter().all(is_whole),
        "sum" => args.iter().filter_map(|list| list.as_array()).flatten().all(is_whole),
        _ => false,
    }
}

fn whole(number: Value) -> Value {
    match number.as_f64() {
        // Beyond this, floats have no fraction to lose.
        Some(float) if float.abs() < 9e15 => Value::from(float as i64),
        _ => number,
    }
}

fn runtime() -> Runtime {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    runtime
}

fn value_of(variable: &Variable) -> Result<Value, String> {
    serde_json::to_value(variable).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(expression: &str) -> String {
        let data =
            json!({"z": [{"n": "b", "s": 2}, {"n": "a", "s": 1}, {"n": "c"}], "a": {"y": 1, "x": [[1], 2]}});
        jmespath(expression, &data).map_or_else(|error| format!("error: {error}"), |found| found.to_string())
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
    fn mistakes_are_told_with_their_place() {
        let bad = check_jmespath("z[?n").expect_err("it does not end");
        assert_eq!((bad.offset, bad.reason.as_str()), (4, "Expected ']' -- found Eof"));
        assert_eq!(of("nothing(z)"), "error: there is no function nothing");
        assert!(of("sort_by(z, &s)").starts_with("error: "), "{}", of("sort_by(z, &s)"));
        assert!(of("length(`1`)").starts_with("error: "));
        assert!(of("z[::0]").starts_with("error: "));
    }
}
