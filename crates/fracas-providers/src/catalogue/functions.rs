//! The functions of declarations, besides those of JMESPath's standard.
//!
//! Where the community edition of JMESPath (<https://jmespath.site>) has a function for something, it
//! has that name here. Numbers, texts and lists are written and rounded as Python does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fracas_engine::matches;
use fracas_jmespath::{Function, Takes};
use fracas_model::{Moment, python};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

const ANY: &[Takes] = &[Takes::Any];
const ARRAY: &[Takes] = &[Takes::Array];
const NUMBER: &[Takes] = &[Takes::Number];
const OBJECT: &[Takes] = &[Takes::Object];
const STRING: &[Takes] = &[Takes::String];

type Call = fn(&[Value]) -> Result<Value, String>;

const fn function(name: &'static str, takes: &'static [&'static [Takes]], call: Call) -> Function {
    Function { name, takes, variadic: false, call }
}

/// All of them, by name.
pub(super) static FUNCTIONS: [Function; 25] = [
    function("ago", &[NUMBER], ago),
    function("base64", &[STRING], base64),
    function("chunks", &[ARRAY, NUMBER], chunks),
    function("file", &[STRING], file),
    Function { name: "format", takes: &[STRING, ANY], variadic: true, call: format },
    function("from_base64", &[STRING], from_base64),
    function("from_items", &[ARRAY], from_items),
    function("from_json", &[STRING], from_json),
    function("items", &[OBJECT], items),
    function("last", &[ARRAY, NUMBER], last),
    function("lower", &[STRING], lower),
    function("matches", &[STRING, STRING], is_match),
    function("missing", &[ARRAY, ARRAY], missing),
    function("moment", &[ANY, ANY], moment),
    function("now", &[], now),
    function("one_or_all", &[ARRAY], one_or_all),
    function("percent", &[NUMBER, ANY], percent),
    function("percent_rounded", &[NUMBER, ANY], percent_rounded),
    function("round", &[NUMBER, NUMBER], round),
    function("split", &[STRING, STRING], split),
    function("tag_list", &[ANY], tag_list),
    function("tag_map", &[ANY], tag_map),
    function("to_json", &[ANY], to_json),
    function("unique", &[ARRAY], unique),
    function("without", &[OBJECT, ARRAY], without),
];

fn list(arguments: &[Value], place: usize) -> &[Value] {
    arguments.get(place).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(arguments: &[Value], place: usize) -> &str {
    arguments.get(place).and_then(Value::as_str).unwrap_or_default()
}

fn number(arguments: &[Value], place: usize) -> Result<f64, String> {
    let value = arguments.get(place).unwrap_or(&Value::Null);
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => python::number(value),
    };
    number.ok_or_else(|| format!("could not convert string to float: {}", python::to_repr(value)))
}

fn count(arguments: &[Value], place: usize) -> usize {
    arguments.get(place).and_then(Value::as_u64).and_then(|count| count.try_into().ok()).unwrap_or_default()
}

/// `format('{} of {}', a, b)`: the values in place of each `{}`, as Python prints them.
fn format(arguments: &[Value]) -> Result<Value, String> {
    let mut values = arguments.iter().skip(1);
    let mut pieces = text(arguments, 0).split("{}");
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        result.push_str(&python::to_str(values.next().unwrap_or(&Value::Null)));
        result.push_str(piece);
    }
    Ok(result.into())
}

/// The one value of a list whose items are all equal, else its different values, sorted.
fn one_or_all(arguments: &[Value]) -> Result<Value, String> {
    let mut items = list(arguments, 0).to_vec();
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Ok(match items.as_slice() {
        [one] => one.clone(),
        _ => Value::Array(items),
    })
}

/// The items of a list, each once, where it first comes.
fn unique(arguments: &[Value]) -> Result<Value, String> {
    let mut found: Vec<Value> = Vec::new();
    for item in list(arguments, 0) {
        if !found.contains(item) {
            found.push(item.clone());
        }
    }
    Ok(found.into())
}

/// The items of the first list that are not in the second.
fn missing(arguments: &[Value]) -> Result<Value, String> {
    let known = list(arguments, 1);
    Ok(list(arguments, 0).iter().filter(|item| !known.contains(item)).cloned().collect())
}

/// The list in lists of at most so many items.
fn chunks(arguments: &[Value]) -> Result<Value, String> {
    Ok(list(arguments, 0).chunks(count(arguments, 1).max(1)).map(<[Value]>::to_vec).collect())
}

/// The last items of a list, at most so many.
fn last(arguments: &[Value]) -> Result<Value, String> {
    let items = list(arguments, 0);
    Ok(items[items.len().saturating_sub(count(arguments, 1))..].to_vec().into())
}

/// The keys and values of an object, as lists of two.
fn items(arguments: &[Value]) -> Result<Value, String> {
    let entries = arguments.first().and_then(Value::as_object).into_iter().flatten();
    Ok(entries.map(|(key, value)| json!([key, value])).collect())
}

/// The object of these lists of key and value.
fn from_items(arguments: &[Value]) -> Result<Value, String> {
    let entry = |item: &Value| Some((item.get(0)?.as_str()?.to_owned(), item.get(1)?.clone()));
    let entries = list(arguments, 0).iter().map(entry).collect::<Option<Map<_, _>>>();
    entries.map(Value::Object).ok_or_else(|| "from_items takes lists of a text and a value".to_owned())
}

/// An object without these keys.
fn without(arguments: &[Value]) -> Result<Value, String> {
    let keys = list(arguments, 1);
    let entries = arguments.first().and_then(Value::as_object).into_iter().flatten();
    let kept = entries.filter(|(key, _)| !keys.iter().any(|known| known == key.as_str()));
    Ok(Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn lower(arguments: &[Value]) -> Result<Value, String> {
    Ok(text(arguments, 0).to_lowercase().into())
}

/// The parts of a text between occurrences of another.
fn split(arguments: &[Value]) -> Result<Value, String> {
    Ok(text(arguments, 0).split(text(arguments, 1)).map(Value::from).collect())
}

/// Whether a pattern of Python's is found in a text.
fn is_match(arguments: &[Value]) -> Result<Value, String> {
    matches(text(arguments, 0), text(arguments, 1)).map(Value::from)
}

/// So many percent of a number, without the fraction.
fn percent(arguments: &[Value]) -> Result<Value, String> {
    Ok(((number(arguments, 0)? * number(arguments, 1)? / 100.0).trunc() as i64).into())
}

/// So many percent of a number, a half to the even neighbor.
fn percent_rounded(arguments: &[Value]) -> Result<Value, String> {
    Ok(((number(arguments, 0)? * number(arguments, 1)? / 100.0).round_ties_even() as i64).into())
}

/// A number with at most so many digits after the point; an integer stays one.
fn round(arguments: &[Value]) -> Result<Value, String> {
    match &arguments[0] {
        whole if whole.is_i64() || whole.is_u64() => Ok(whole.clone()),
        // What is printed is correctly rounded from the exact value, as Python's round is.
        _ => format!("{:.*}", count(arguments, 1), number(arguments, 0)?)
            .parse::<f64>()
            .map(Value::from)
            .map_err(|error| error.to_string()),
    }
}

/// JSON as Python's `json.dumps` writes it.
fn to_json(arguments: &[Value]) -> Result<Value, String> {
    Ok(python::to_json(&arguments[0]).into())
}

/// What a text of JSON says; a text that is none stays as it is.
fn from_json(arguments: &[Value]) -> Result<Value, String> {
    let text = text(arguments, 0);
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

fn base64(arguments: &[Value]) -> Result<Value, String> {
    Ok(STANDARD.encode(text(arguments, 0)).into())
}

/// The text that is in base64; what is no text of UTF-8 stays as it is.
fn from_base64(arguments: &[Value]) -> Result<Value, String> {
    let encoded = text(arguments, 0);
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(decoded.map_or_else(|| encoded.into(), Value::from))
}

/// The text of a file of this machine.
fn file(arguments: &[Value]) -> Result<Value, String> {
    let path = text(arguments, 0);
    let read = std::fs::read_to_string(path);
    read.map(Value::from).map_err(|error| format!("cannot read {path}: {}", fracas_engine::io_words(&error)))
}

/// Tags as an object. They may be a text such as `a=1,b=2`, or a list of keys and values.
fn tag_map(arguments: &[Value]) -> Result<Value, String> {
    let tags = tags_of(&arguments[0])?.into_iter();
    Ok(Value::Object(tags.collect()))
}

/// Tags as a list of keys and values. They may be a text such as `a=1,b=2`, or an object.
fn tag_list(arguments: &[Value]) -> Result<Value, String> {
    let tags = tags_of(&arguments[0])?.into_iter();
    Ok(tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect())
}

/// The keys and values of tags. Source: `convert_tags` of `chaosaws/__init__.py`.
///
/// # Errors
///
/// They are no tags.
pub(super) fn tags_of(value: &Value) -> Result<Vec<(String, Value)>, String> {
    match value {
        Value::String(text) if !text.is_empty() => text
            .split(',')
            .map(|tag| {
                let pair = tag.split_once('=').map(|(key, value)| (key.to_owned(), value.into()));
                pair.ok_or_else(|| format!("a tag is written as key=value, not `{tag}`"))
            })
            .collect(),
        Value::Object(tags) => Ok(tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        Value::Array(tags) => {
            let tag = |tag: &Value| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.clone()));
            let tags: Option<_> = tags.iter().map(tag).collect();
            tags.ok_or_else(|| "a tag has a Key and a Value".to_owned())
        }
        _ => Ok(Vec::new()),
    }
}

/// The present, as a text.
fn now(_: &[Value]) -> Result<Value, String> {
    Ok(moment_text(Timestamp::now()))
}

/// So many seconds before now.
fn ago(arguments: &[Value]) -> Result<Value, String> {
    Ok(moment_text(before(Timestamp::now(), number(arguments, 0)?)?))
}

/// The moment that is meant by a number (seconds since 1970), by `now`, or by a text such as
/// `3 minutes`: so long before the second argument.
///
/// Source: `time_to_datetime` of `chaosaws/__init__.py`.
fn moment(arguments: &[Value]) -> Result<Value, String> {
    match &arguments[0] {
        Value::String(text) if text == "now" => now(&[]),
        Value::String(text) => {
            let end: Timestamp = match arguments.get(1) {
                Some(Value::String(end)) => end.parse().map_err(|error: jiff::Error| error.to_string())?,
                _ => Timestamp::now(),
            };
            Ok(moment_text(before(end, seconds(text)?)?))
        }
        _ => {
            let seconds = number(arguments, 0)?;
            let moment = SignedDuration::try_from_secs_f64(seconds).ok();
            let moment = moment.and_then(|moment| Timestamp::from_duration(moment).ok());
            moment.map(moment_text).ok_or_else(|| format!("{seconds} is no moment"))
        }
    }
}

/// `3 minutes` in seconds. Unknown units count as 5 minutes, as they do for chaosaws.
fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || format!("a time is written as `3 minutes`, `now` or seconds since 1970, not `{text}`");
    let (quantity, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let quantity: f64 = quantity.parse().map_err(|_| wrong())?;
    let unit = match unit.strip_suffix('s').unwrap_or(unit) {
        "second" => 1.0,
        "minute" => 60.0,
        "hour" => 3600.0,
        "day" => 86_400.0,
        "month" => 30.0 * 86_400.0,
        "year" => 365.0 * 86_400.0,
        _ => 300.0,
    };
    Ok(quantity * unit)
}

fn before(end: Timestamp, seconds: f64) -> Result<Timestamp, String> {
    let duration = SignedDuration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    end.checked_sub(duration).map_err(|error| error.to_string())
}

fn moment_text(moment: Timestamp) -> Value {
    Moment::from_micros(moment.as_microsecond()).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_jmespath::Expression;

    fn of(expression: &str) -> Result<Value, String> {
        let names = json!({"ids": ["b", "a", "b"], "tags": [{"Key": "k", "Value": "v"}], "n": 7,
            "object": {"z": 1, "a": 2.5}, "none": null});
        let expression = Expression::with(expression, &FUNCTIONS).map_err(|error| error.to_string())?;
        expression.search(&names).map_err(|error| error.to_string())
    }

    #[test]
    fn functions_give_what_they_say() {
        let cases = [
            ("format('{} is {}{}', n, ids, none)", json!("7 is ['b', 'a', 'b']None")),
            ("one_or_all(ids)", json!(["a", "b"])),
            ("one_or_all(ids[:1])", json!("b")),
            ("unique(ids)", json!(["b", "a"])),
            ("missing(ids, ['a'])", json!(["b", "b"])),
            ("chunks(ids, `2`)", json!([["b", "a"], ["b"]])),
            ("last(ids, `2`)", json!(["a", "b"])),
            ("items(object)", json!([["z", 1], ["a", 2.5]])),
            ("from_items([['a', n], ['b', none]])", json!({"a": 7, "b": null})),
            ("without(object, ['z'])", json!({"a": 2.5})),
            ("lower('AbC')", json!("abc")),
            ("split('a/b/c', '/')[-1]", json!("c")),
            ("matches('^a.c$', 'abc')", json!(true)),
            ("matches('x', 'abc')", json!(false)),
            ("percent(n, `50`)", json!(3)),
            ("percent(n, '50')", json!(3)),
            ("percent_rounded(`5`, `50`)", json!(2)),
            ("percent_rounded(n, `50`)", json!(4)),
            ("round(`2.675`, `2`)", json!(2.67)),
            ("round(n, `2`)", json!(7)),
            ("to_json({a: [n, `true`], b: 'é'})", json!(r#"{"a": [7, true], "b": "\u00e9"}"#)),
            ("from_json('{\"a\": 1}').a", json!(1)),
            ("from_json('no')", json!("no")),
            ("base64('ab')", json!("YWI=")),
            ("from_base64('YWI=')", json!("ab")),
            ("from_base64('/w==')", json!("/w==")),
            ("tag_map('a=1,b=x=y')", json!({"a": "1", "b": "x=y"})),
            ("tag_map(tags)", json!({"k": "v"})),
            ("tag_map(none)", json!({})),
            ("tag_list(object)", json!([{"Key": "z", "Value": 1}, {"Key": "a", "Value": 2.5}])),
            ("moment(`1.5`, none)", json!("1970-01-01T00:00:01.500000+00:00")),
            ("moment('1 hour', '2020-01-01T00:00:00Z')", json!("2019-12-31T23:00:00+00:00")),
            ("moment('2 fortnights', '2020-01-01T00:00:00Z')", json!("2019-12-31T23:50:00+00:00")),
            ("now() > ago(`5`)", json!(true)),
        ];
        for (expression, expected) in cases {
            assert_eq!(of(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        let cases = [
            ("tag_map('a')", "a tag is written as key=value, not `a`"),
            ("percent(n, 'x')", "could not convert string to float: 'x'"),
            (
                "moment('soon', none)",
                "a time is written as `3 minutes`, `now` or seconds since 1970, not `soon`",
            ),
            ("file('/nonexistent/file')", "cannot read /nonexistent/file: no such file or directory"),
            ("matches('(', 'a')", "`(` is no regular expression: missing ), unterminated subpattern"),
        ];
        for (expression, expected) in cases {
            assert_eq!(of(expression), Err(expected.to_owned()), "{expression}");
        }
    }

    #[test]
    fn they_are_in_order() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    }
}
