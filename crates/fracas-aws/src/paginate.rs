//! Listings over all their pages (botocore's `paginate.py`).

use crate::client::{Aws, Reply, Scope};
use crate::error::{Error, Sent};
use crate::model::Paginator;
use crate::protocol::xml::Shaped;
use crate::protocol::{Call, Object};
use crate::value::python_repr;
use fracas_jmespath::Expression;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

/// The pages of a listing, fetched one by one.
pub struct Pages<'a> {
    aws: &'a Aws,
    scope: &'a Scope,
    call: Call<'static>,
    rules: &'static Paginator<'static>,
    params: Value,
    last_token: Option<Object>,
    kept: Option<Value>,
    done: bool,
}

/// The list of one page. It serializes as in the page, and is not built in memory for that where
/// the protocol allows it; what is broken in it is only found on the way then.
pub struct Items<'a>(Form<'a>);

enum Form<'a> {
    Built(Value),
    Unbuilt(&'a Shaped<'a, 'static, 'a>),
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Built(value) => value.serialize(serializer),
            Form::Unbuilt(shaped) => shaped.serialize(serializer),
        }
    }
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        aws: &'a Aws,
        scope: &'a Scope,
        call: Call<'static>,
        params: &Value,
    ) -> Result<Self, Error> {
        let name = call.operation.name;
        let rules = call.service.paginator(name).ok_or_else(|| {
            Error::unsent("OperationNotPageableError", format!("Operation cannot be paginated: {name}"))
        })?;
        Ok(Self {
            aws,
            scope,
            call,
            rules,
            params: params.clone(),
            last_token: None,
            kept: None,
            done: false,
        })
    }

    /// The next page as the call gives it; none after the last one or after an error.
    pub async fn next(&mut self) -> Option<Result<Value, Error>> {
        if self.done {
            return None;
        }
        let page = self.aws.call_operation(self.scope, self.call, &self.params).await;
        let page = page.and_then(|page| self.turn(&page).map(|()| page));
        self.done |= page.is_err();
        Some(page)
    }

    /// What the next page adds to the whole: what the paginator collects.
    pub async fn next_part(&mut self) -> Option<Result<Value, Error>> {
        let page = self.next().await?;
        Some(page.map(|page| self.part_of(page)))
    }

    /// As [`Pages::next_part`], without the list at [`Pages::main_key`]: a function is given that,
    /// and what it makes of it comes back, too.
    pub async fn next_split<R>(
        &mut self,
        see: impl FnOnce(&Items<'_>) -> R,
    ) -> Option<Result<(Value, Option<R>), Error>> {
        if self.done {
            return None;
        }
        let split = self.split(see).await;
        self.done |= split.is_err();
        Some(split)
    }

    async fn split<R>(&mut self, see: impl FnOnce(&Items<'_>) -> R) -> Result<(Value, Option<R>), Error> {
        let (key, call) = (self.main_key(), self.call);
        let reply = self.aws.reply_to(self.scope, call, &self.params).await?;
        if Reply::splits(call) && !self.looks_into(key) {
            let (rest, seen) = reply.split(key, |list| see(&Items(Form::Unbuilt(list))))?;
            let rest = Value::Object(rest);
            self.turn(&rest)?;
            return Ok((self.part_of(rest), seen));
        }
        let page = reply.into_value()?;
        self.turn(&page)?;
        let mut part = self.part_of(page);
        let list = match part.get(key) {
            Some(Value::Array(_)) => part.as_object_mut().and_then(|part| part.shift_remove(key)),
            _ => None,
        };
        Ok((part, list.map(|list| see(&Items(Form::Built(list))))))
    }

    /// Whether a member tells more than what is collected, such as the next token.
    fn looks_into(&self, key: &str) -> bool {
        let rules = self.rules;
        let texts = [&rules.output_tokens[..], &rules.non_aggregate_keys, &[rules.more_results]].concat();
        let names = texts.iter().filter_map(|text| Some(Expression::new(text).ok()?.names()));
        names.flatten().any(|name| name == key)
    }

    /// What a page adds to the whole.
    fn part_of(&mut self, mut page: Value) -> Value {
        if self.kept.is_none() {
            self.kept = Some(self.kept_of(&page));
        }
        let mut part = Value::Object(Object::new());
        for key in &self.rules.result_keys {
            match take(key, &mut page) {
                Value::Null => {}
                found => set(&mut part, key, found),
            }
        }
        part
    }

    /// Where the list stands that the pages are for; JMESPath.
    pub fn main_key(&self) -> &'static str {
        self.rules.result_keys.first().copied().unwrap_or_default()
    }

    /// Adds a page's part to those before it.
    pub fn add(&self, whole: &mut Value, mut part: Value) {
        for key in &self.rules.result_keys {
            merge(whole, key, find_mut(key, &mut part).map(Value::take).unwrap_or_default());
        }
    }

    /// Adds what is kept of the first page, once it was there.
    pub fn complete(&self, whole: &mut Value) {
        overlay(whole, self.kept.clone().unwrap_or_default());
    }

    /// All pages merged into one result, as boto3's `build_full_result`: what the paginator
    /// collects, and what it keeps of the first page.
    pub async fn all(mut self) -> Result<Value, Error> {
        let mut whole = Value::Object(Object::new());
        while let Some(part) = self.next_part().await {
            self.add(&mut whole, part?);
        }
        self.complete(&mut whole);
        Ok(whole)
    }

    /// Puts the next page's token into the parameters, or notes that there is none.
    fn turn(&mut self, page: &Value) -> Result<(), Error> {
        let token = self.next_token(page);
        if token.values().all(Value::is_null) {
            self.done = true;
            return Ok(());
        }
        if self.last_token.as_ref() == Some(&token) {
            return Err(same_token(&token));
        }
        if let Value::Object(params) = &mut self.params {
            inject(params, &token);
        }
        self.last_token = Some(token);
        Ok(())
    }

    fn next_token(&self, page: &Value) -> Object {
        next_token(self.rules, page)
    }

    /// What counts of the first page only.
    fn kept_of(&self, page: &Value) -> Value {
        let mut kept = Value::Object(Object::new());
        for key in &self.rules.non_aggregate_keys {
            set(&mut kept, key, search(key, page));
        }
        kept
    }
}

/// Puts a token's parts where the next call looks for them.
fn inject(params: &mut Object, token: &Object) {
    for (name, value) in token {
        match value {
            Value::Null => _ = params.shift_remove(name),
            value if value == "None" => _ = params.shift_remove(name),
            value => _ = params.insert(name.clone(), value.clone()),
        }
    }
}

fn same_token(token: &Object) -> Error {
    let token = python_repr(&Value::Object(token.clone()));
    let text = format!("Error during pagination: The same next token was received twice: {token}");
    Error::new("botocore.exceptions.PaginationError", Sent::Yes, text)
}

/// A JMESPath over a page; what cannot be searched is null.
pub(crate) fn search(expression: &str, data: &Value) -> Value {
    // Names and dots need no machinery, which would copy the whole page.
    if is_dotted(expression) {
        return expression
            .split('.')
            .try_fold(data, |data, name| data.get(name))
            .cloned()
            .unwrap_or_default();
    }
    fracas_jmespath::search(expression, data).unwrap_or_default()
}

/// As [`search`], from a page that is not needed any more.
fn take(expression: &str, data: &mut Value) -> Value {
    match is_dotted(expression) {
        true => find_mut(expression, data).map(Value::take).unwrap_or_default(),
        false => search(expression, data),
    }
}

fn is_dotted(expression: &str) -> bool {
    expression.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

fn find_mut<'v>(path: &str, data: &'v mut Value) -> Option<&'v mut Value> {
    path.split('.').try_fold(data, |data, name| data.get_mut(name))
}

/// Python's truth.
/// The parameters that ask for the page after this one; none of them has a value when it is the last.
fn next_token(rules: &Paginator<'_>, page: &Value) -> Object {
    if !rules.more_results.is_empty() && !is_true(&search(rules.more_results, page)) {
        return Object::new();
    }
    let tokens = rules.input_tokens.iter().zip(&rules.output_tokens);
    tokens
        .map(|(input, output)| {
            let found = search(output, page);
            ((*input).to_owned(), if is_true(&found) { found } else { Value::Null })
        })
        .collect()
}

impl Paginator<'_> {
    /// Whether there are pages after this answer.
    pub fn has_more(&self, answer: &Value) -> bool {
        next_token(self, answer).values().any(|token| !token.is_null())
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// Adds a page's value to what came before: lists grow, numbers add up, texts are joined.
fn merge(whole: &mut Value, key: &str, new: Value) {
    match (find_mut(key, whole), new) {
        (_, Value::Null) => {}
        (None | Some(Value::Null), new) => set(whole, key, new),
        (Some(Value::Array(known)), Value::Array(items)) => known.extend(items),
        (Some(Value::Number(known)), Value::Number(more)) => *known = sum(known, &more),
        (Some(Value::String(known)), Value::String(more)) => known.push_str(&more),
        (Some(_), _) => {}
    }
}

fn sum(one: &Number, other: &Number) -> Number {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.saturating_add(other).into(),
        _ => {
            let sum = one.as_f64().unwrap_or_default() + other.as_f64().unwrap_or_default();
            Number::from_f64(sum).unwrap_or_else(|| one.clone())
        }
    }
}

/// Sets a value by its dotted path.
fn set(target: &mut Value, path: &str, value: Value) {
    let Value::Object(entries) = target else { return };
    match path.split_once('.') {
        None => _ = entries.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let inner = entries.entry(first).or_insert_with(|| Value::Object(Object::new()));
            set(inner, rest, value);
        }
    }
}

/// Lays one object over another, deeply.
fn overlay(target: &mut Value, over: Value) {
    match (target, over) {
        (Value::Object(target), Value::Object(over)) => {
            for (key, value) in over {
                match target.get_mut(&key) {
                    Some(known) if known.is_object() && value.is_object() => overlay(known, value),
                    _ => _ = target.insert(key, value),
                }
            }
        }
        (_, Value::Null) => {}
        (target, over) => *target = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_pages_add_up() {
        let mut whole = json!({});
        for page in [json!({"a": {"l": [1], "n": 1, "t": "x"}}), json!({"a": {"l": [2], "n": 2.5, "t": "y"}})]
        {
            for key in ["a.l", "a.n", "a.t", "a.none"] {
                merge(&mut whole, key, search(key, &page));
            }
        }
        assert_eq!(whole, json!({"a": {"l": [1, 2], "n": 3.5, "t": "xy"}}));
    }

    #[test]
    fn what_is_kept_lies_over_what_was_collected() {
        let mut whole = json!({"a": {"items": [1]}, "b": 1});
        overlay(&mut whole, json!({"a": {"name": "x"}, "b": null}));
        assert_eq!(whole, json!({"a": {"items": [1], "name": "x"}, "b": null}));
    }

    #[test]
    fn paths_are_jmespath() {
        let page = json!({"a": [{"b": 1}, {"b": 2}], "c": {"d": "e"}});
        assert_eq!(search("a[-1].b", &page), json!(2));
        assert_eq!(search("c.d", &page), json!("e"));
        assert_eq!(search("a.b", &page), Value::Null);
        assert_eq!(search("[broken", &page), Value::Null);
    }
}
