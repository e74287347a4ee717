//! The functions of JMESPath: what they take, and what they give.

use std::cmp::Ordering;

use jmespath::ast::Ast;
use serde_json::{Map, Number, Value};

use crate::Error;
use crate::evaluate::Evaluation;
use crate::found::{Found, NULL, equal, ordering};
use crate::parse::walk;

/// A function besides those of the standard.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What its arguments may be.
    pub takes: &'static [&'static [Takes]],
    /// Whether the last argument can come more than once.
    pub variadic: bool,
    /// What it gives for arguments that it takes, or what is wrong with them.
    pub call: fn(&[Value]) -> Result<Value, String>,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any value.
    Any,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list of anything.
    Array,
    /// An object.
    Object,
    /// A list of numbers.
    Numbers,
    /// A list of texts.
    Strings,
    /// An expression that is applied to each item, such as `&name`.
    Expression,
}

use Takes::{Any, Array, Expression, Numbers, Object, Strings};

const NUMBER: &[Takes] = &[Takes::Number];
const STRING: &[Takes] = &[Takes::String];
const SORTABLE: &[Takes] = &[Numbers, Strings];

/// What a function takes: its arguments, and whether the last can come more than once.
type Signature = (&'static [&'static [Takes]], bool);

/// The functions of the standard.
const FUNCTIONS: [(&str, Signature); 26] = [
    ("abs", (&[NUMBER], false)),
    ("avg", (&[&[Numbers]], false)),
    ("ceil", (&[NUMBER], false)),
    ("contains", (&[&[Array, Takes::String], &[Any]], false)),
    ("ends_with", (&[STRING, STRING], false)),
    ("floor", (&[NUMBER], false)),
    ("join", (&[STRING, &[Strings]], false)),
    ("keys", (&[&[Object]], false)),
    ("length", (&[&[Takes::String, Array, Object]], false)),
    ("map", (&[&[Expression], &[Array]], false)),
    ("max", (&[SORTABLE], false)),
    ("max_by", (&[&[Array], &[Expression]], false)),
    ("merge", (&[&[Object]], true)),
    ("min", (&[SORTABLE], false)),
    ("min_by", (&[&[Array], &[Expression]], false)),
    ("not_null", (&[&[Any]], true)),
    ("reverse", (&[&[Array, Takes::String]], false)),
    ("sort", (&[SORTABLE], false)),
    ("sort_by", (&[&[Array], &[Expression]], false)),
    ("starts_with", (&[STRING, STRING], false)),
    ("sum", (&[&[Numbers]], false)),
    ("to_array", (&[&[Any]], false)),
    ("to_number", (&[&[Any]], false)),
    ("to_string", (&[&[Any]], false)),
    ("type", (&[&[Any]], false)),
    ("values", (&[&[Object]], false)),
];

fn signature(name: &str, own: &'static [Function]) -> Option<Signature> {
    let own = own.iter().find(|function| function.name == name);
    let standard = || FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, signature)| *signature);
    own.map(|function| (function.takes, function.variadic)).or_else(standard)
}

/// Checks all that can be wrong with the calls of a tree before there are values.
pub fn check(ast: &Ast, own: &'static [Function]) -> Result<(), Error> {
    walk(ast, &mut |node| match node {
        Ast::Function { name, args, offset } => {
            check_call(name, args, own).map_err(|reason| at_name(reason, name, *offset))
        }
        Ast::Slice { step: 0, offset, .. } => {
            Err(Error { reason: "the step of a slice cannot be 0".to_owned(), offset: *offset })
        }
        _ => Ok(()),
    })
}

/// The parser notes where the bracket is.
pub fn at_name(reason: String, name: &str, bracket: usize) -> Error {
    Error { reason, offset: bracket.saturating_sub(name.len()) }
}

fn check_call(name: &str, args: &[Ast], own: &'static [Function]) -> Result<(), String> {
    let (takes, variadic) = signature(name, own).ok_or_else(|| unknown(name, own))?;
    let fits = if variadic { args.len() >= takes.len() } else { args.len() == takes.len() };
    if !fits {
        let least = if variadic { "at least " } else { "" };
        let plural = if takes.len() == 1 { "" } else { "s" };
        return Err(format!("{name}() takes {least}{} argument{plural}, not {}", takes.len(), args.len()));
    }
    for (place, arg) in args.iter().enumerate() {
        let takes_expression = takes.get(place).is_some_and(|takes| takes.contains(&Expression));
        match (takes_expression, matches!(arg, Ast::Expref { .. })) {
            (true, false) => {
                return Err(format!(
                    "{name}() takes an expression such as &name as its argument {}",
                    place + 1
                ));
            }
            (false, true) => {
                return Err(format!(
                    "{name}() takes a value as its argument {}, not an expression",
                    place + 1
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(name: &str, own: &'static [Function]) -> String {
    let known = FUNCTIONS.iter().map(|(known, _)| *known).chain(own.iter().map(|function| function.name));
    let near = known
        .map(|known| (strsim::damerau_levenshtein(known, &name.to_lowercase()), known))
        .filter(|(distance, known)| *distance * 3 <= known.len())
        .min();
    match near {
        Some((_, near)) => format!("there is no function {name}; did you mean {near}?"),
        None => format!("there is no function {name}"),
    }
}

/// Calls a function, whose call was checked.
pub fn call<'v>(
    evaluation: Evaluation<'v>,
    name: &str,
    args: &[Ast],
    data: &Found<'v>,
    bracket: usize,
) -> Result<Found<'v>, Error> {
    let mut values = Vec::new();
    let mut expression = None;
    for arg in args {
        match arg {
            Ast::Expref { ast, .. } => expression = Some(&**ast),
            arg => values.push(evaluation.evaluate(arg, data.clone())?),
        }
    }
    let wrong = |reason| at_name(reason, name, bracket);
    fits(name, &values, evaluation.own).map_err(wrong)?;
    match expression {
        Some(expression) => {
            let items = values.pop().and_then(Found::items).unwrap_or_default();
            let found =
                items.into_iter().map(|item| Ok((evaluation.evaluate(expression, item.clone())?, item)));
            by_expression(name, found.collect::<Result<_, Error>>()?).map_err(wrong)
        }
        None => match evaluation.own.iter().find(|function| function.name == name) {
            Some(own) => {
                let values: Vec<Value> = values.into_iter().map(Found::into_value).collect();
                (own.call)(&values).map(Found::Made).map_err(wrong)
            }
            None => standard(name, values).map_err(wrong),
        },
    }
}

/// Whether a function takes these values.
fn fits(name: &str, values: &[Found], own: &'static [Function]) -> Result<(), String> {
    let Some((takes, _)) = signature(name, own) else { return Err(unknown(name, own)) };
    let takes = takes.iter().filter(|takes| !takes.contains(&Expression));
    // The last one stands for all that may follow.
    let rest = takes.clone().next_back().into_iter().cycle();
    for (value, takes) in values.iter().zip(takes.chain(rest)) {
        if !takes.iter().any(|takes| takes.fits(value)) {
            let takes: Vec<&str> = takes.iter().map(|takes| takes.words()).collect();
            let given = match value.type_name() {
                "array" if takes.iter().any(|takes| takes.starts_with("array of")) => "an array with others",
                name => name,
            };
            return Err(format!("{name}() takes {}, not {given}", takes.join(" or ")));
        }
    }
    Ok(())
}

impl Takes {
    fn fits(self, value: &Found) -> bool {
        let all = |name: &str| match value {
            Found::List(items) => items.iter().all(|item| item.type_name() == name),
            other => {
                let items = other.plain().and_then(Value::as_array);
                items.is_some_and(|items| items.iter().all(|item| Found::Part(item).type_name() == name))
            }
        };
        match self {
            Any => true,
            Numbers => all("number"),
            Strings => all("string"),
            Expression => false,
            Takes::Number | Takes::String | Array | Object => value.type_name() == self.words(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Any => "value",
            Takes::Number => "number",
            Takes::String => "string",
            Array => "array",
            Object => "object",
            Numbers => "array of numbers",
            Strings => "array of strings",
            Expression => "expression",
        }
    }
}

/// `map` and its like, of what was found in each item, and the item.
fn by_expression<'v>(name: &str, found: Vec<(Found<'v>, Found<'v>)>) -> Result<Found<'v>, String> {
    if name == "map" {
        return Ok(Found::List(found.into_iter().map(|(found, _)| found).collect()));
    }
    let mut keyed: Vec<(Value, Found)> =
        found.into_iter().map(|(key, item)| (key.into_value(), item)).collect();
    if let Some((key, _)) = keyed.iter().find(|(key, _)| ordering(&keyed[0].0, key).is_none()) {
        let (first, other) = (Found::Part(&keyed[0].0).type_name(), Found::Part(key).type_name());
        return Err(match first == other {
            true => format!("{name}() takes an expression that finds numbers or strings, not {other}"),
            false => {
                format!("{name}() takes an expression that finds values of one type, not {first} and {other}")
            }
        });
    }
    let compare =
        |one: &(Value, Found), other: &(Value, Found)| ordering(&one.0, &other.0).unwrap_or(Ordering::Equal);
    Ok(match name {
        "sort_by" => {
            keyed.sort_by(compare);
            Found::List(keyed.into_iter().map(|(_, item)| item).collect())
        }
        // Of equal ones the first counts.
        "max_by" => keyed.into_iter().rev().max_by(compare).map_or(NULL, |(_, item)| item),
        _ => keyed.into_iter().min_by(compare).map_or(NULL, |(_, item)| item),
    })
}

/// All others of the standard, given what they take.
fn standard<'v>(name: &str, values: Vec<Found<'v>>) -> Result<Found<'v>, String> {
    if name == "not_null" {
        return Ok(values.into_iter().find(|value| !value.is_null()).unwrap_or(NULL));
    }
    if name == "merge" {
        return Ok(merged(values));
    }
    let mut values = values.into_iter();
    let (first, second) = (values.next().unwrap_or(NULL), values.next());
    let text = |value: &Found| value.text().unwrap_or_default().to_owned();
    let other = || second.as_ref().map(text).unwrap_or_default();
    Ok(match name {
        "abs" => absolute(&first.value()),
        "ceil" => rounded(&first.value(), f64::ceil),
        "floor" => rounded(&first.value(), f64::floor),
        "avg" => average(&floats(&first)),
        "sum" => sum(&first.value()),
        "contains" => contains(&first, &second.unwrap_or(NULL))?,
        "starts_with" => Found::made(text(&first).starts_with(&other())),
        "ends_with" => Found::made(text(&first).ends_with(&other())),
        "join" => {
            let items = second.and_then(Found::items).unwrap_or_default();
            Found::made(items.iter().map(text).collect::<Vec<_>>().join(&text(&first)))
        }
        "keys" => {
            let keys = first.entries().unwrap_or_default().into_iter();
            Found::Made(keys.map(|(key, _)| Value::from(key.into_owned())).collect())
        }
        "values" => {
            Found::List(first.entries().unwrap_or_default().into_iter().map(|(_, value)| value).collect())
        }
        "length" => Found::made(length(&first)),
        "reverse" => match first.text() {
            Some(text) => Found::made(text.chars().rev().collect::<String>()),
            None => Found::List(first.items().unwrap_or_default().into_iter().rev().collect()),
        },
        "sort" => {
            let mut items = first.items().unwrap_or_default();
            items.sort_by(in_order);
            Found::List(items)
        }
        // Of equal ones the first counts.
        "max" => first.items().unwrap_or_default().into_iter().rev().max_by(in_order).unwrap_or(NULL),
        "min" => first.items().unwrap_or_default().into_iter().min_by(in_order).unwrap_or(NULL),
        "to_array" if first.type_name() == "array" => first,
        "to_array" => Found::List(vec![first]),
        "to_number" => to_number(first),
        "to_string" if first.text().is_some() => first,
        "to_string" => Found::made(ascii(&first.value().to_string())),
        _ => Found::made(first.type_name()),
    })
}

fn merged<'v>(values: Vec<Found<'v>>) -> Found<'v> {
    let entries = values.into_iter().filter_map(Found::entries).flatten();
    let merged: Map<String, Value> =
        entries.map(|(key, value)| (key.into_owned(), value.into_value())).collect();
    Found::made(merged)
}

fn in_order(one: &Found, other: &Found) -> Ordering {
    ordering(&one.value(), &other.value()).unwrap_or(Ordering::Equal)
}

fn length(value: &Found) -> usize {
    match value {
        Found::List(items) => items.len(),
        other => match other.plain() {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(entries)) => entries.len(),
            Some(Value::String(text)) => text.chars().count(),
            _ => 0,
        },
    }
}

fn contains(subject: &Found, search: &Found) -> Result<Found<'static>, String> {
    let search = search.value();
    match (subject.text(), &*search) {
        (None, search) => {
            let items = subject.clone().items().unwrap_or_default();
            Ok(Found::made(items.iter().any(|item| equal(&item.value(), search))))
        }
        (Some(text), Value::String(part)) => Ok(Found::made(text.contains(part))),
        (Some(_), other) => {
            Err(format!("contains() looks for a string in a string, not {}", Found::Part(other).type_name()))
        }
    }
}

fn to_number(value: Found) -> Found {
    let Some(text) = value.text().map(str::trim) else {
        return if value.type_name() == "number" { value } else { NULL };
    };
    let whole = text.parse::<i64>().map(Number::from).ok();
    let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64));
    number.map_or(NULL, |number| Found::Made(Value::Number(number)))
}

fn floats(list: &Found) -> Vec<f64> {
    list.value().as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn average(numbers: &[f64]) -> Found<'static> {
    match numbers.len() {
        0 => NULL,
        count => Found::made(numbers.iter().sum::<f64>() / count as f64),
    }
}

/// Whole when all of them are.
fn sum(list: &Value) -> Found<'static> {
    let items = || list.as_array().into_iter().flatten();
    let whole = items().try_fold(0_i64, |sum, item| sum.checked_add(item.as_i64()?));
    match whole {
        Some(whole) => Found::made(whole),
        None => Found::made(items().filter_map(Value::as_f64).sum::<f64>()),
    }
}

fn absolute(number: &Value) -> Found<'static> {
    match number.as_i64().and_then(i64::checked_abs) {
        Some(whole) => Found::made(whole),
        None => Found::made(number.as_f64().map(f64::abs)),
    }
}

/// A number made whole; beyond what floats can tell apart, it is one already.
fn rounded(number: &Value, round: fn(f64) -> f64) -> Found<'static> {
    match number.as_f64().map(round) {
        Some(float) if number.is_f64() && float.abs() < 9e15 => Found::made(float as i64),
        _ => Found::made(number.clone()),
    }
}

/// JSON as Python prints it by default.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c.is_ascii() {
            true => text.push(c),
            false => {
                c.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")))
            }
        }
    }
    text
}
