//! Values of a declaration that become known when an activity is carried out.
//!
//! Texts that start with `$` are JMESPath over the names that are bound. `$name` within one means what
//! is so called, wherever it stands, such as in `$instances[?Zone == $az]`. `functions.rs` has the
//! functions besides those of the standard.

use fracas_jmespath::{Expression, Kind, Missing, Shape};
use fracas_model::{Node, NodeValue, Span, python};
use serde_json::{Map, Value};

use super::functions::FUNCTIONS;

/// A value, or how to get it.
#[derive(Debug, Clone)]
pub struct Template {
    form: Form,
    /// Where it stands.
    pub span: Span,
}

#[derive(Debug, Clone)]
enum Form {
    Literal(Value),
    /// A name and the keys below it.
    Path(Vec<String>),
    /// JMESPath, and the names that it begins at.
    Expression(Box<Expression>, Vec<String>),
    List(Vec<Template>),
    Object(Vec<(String, Span, Template)>),
}

impl Template {
    /// The template that a node declares.
    ///
    /// # Errors
    ///
    /// The place of a text that is no JMESPath, and why.
    pub fn read(node: &Node) -> Result<Template, (Span, String)> {
        let form = match &node.value {
            NodeValue::String(text) => read_text(text).map_err(|message| (node.span, message))?,
            NodeValue::List(items) => Form::List(items.iter().map(Template::read).collect::<Result<_, _>>()?),
            NodeValue::Map(map) => {
                let entry = |(key, entry): (&String, &fracas_model::Entry)| {
                    Ok((key.clone(), entry.key_span, Template::read(&entry.value)?))
                };
                Form::Object(map.iter().map(entry).collect::<Result<_, _>>()?)
            }
            _ => Form::Literal(node.to_json()),
        };
        Ok(Template { form, span: node.span })
    }

    /// What a text stands for; one that is no JMESPath is only a text.
    pub(super) fn of(text: &str, span: Span) -> Template {
        let form = read_text(text).unwrap_or_else(|_| Form::Literal(text.into()));
        Template { form, span }
    }

    /// A list of these.
    pub(super) fn list(items: Vec<Template>, span: Span) -> Template {
        Template { form: Form::List(items), span }
    }

    /// An object with these keys.
    pub(super) fn object<const N: usize>(entries: [(&str, Template); N], span: Span) -> Template {
        let entries = entries.map(|(key, value)| (key.to_owned(), span, value));
        Template { form: Form::Object(entries.into()), span }
    }

    /// An object without keys.
    pub fn empty_object(span: Span) -> Template {
        Template::object([], span)
    }

    /// What it becomes with these names bound. Names that are not bound are null.
    ///
    /// # Errors
    ///
    /// What JMESPath has against the values, such as a function given the wrong type.
    pub fn evaluate(&self, names: &Map<String, Value>) -> Result<Value, String> {
        match &self.form {
            Form::Literal(value) => Ok(value.clone()),
            Form::Path(path) => Ok(follow(path, names)),
            Form::Expression(expression, asked) => {
                let asked = asked.iter().filter_map(|name| Some((name.clone(), names.get(name)?.clone())));
                expression.search(&asked.collect()).map_err(|error| error.to_string())
            }
            Form::List(items) => items.iter().map(|item| item.evaluate(names)).collect(),
            Form::Object(entries) => {
                let values = entries.iter().map(|(key, _, value)| Ok((key.clone(), value.evaluate(names)?)));
                let values: Result<Vec<(String, Value)>, String> = values.collect();
                Ok(Value::Object(values?.into_iter().filter(|(_, value)| !value.is_null()).collect()))
            }
        }
    }

    /// What is known of what it becomes with names of such kinds; members that are never there are told.
    pub(super) fn foresee<S: Shape>(&self, names: Kind<S>, missing: &mut Vec<Missing>) -> Kind<S> {
        match &self.form {
            Form::Path(path) => path.iter().fold(names, |kind, key| kind.member(key, missing)),
            Form::Expression(expression, _) => expression.foresee(&names, missing),
            _ => Kind::Anything,
        }
    }

    /// What it becomes as a text.
    ///
    /// # Errors
    ///
    /// See [`Template::evaluate`].
    pub fn text(&self, names: &Map<String, Value>) -> Result<String, String> {
        Ok(python::to_str(&self.evaluate(names)?))
    }

    /// Whether it becomes something: not false, null or empty.
    ///
    /// # Errors
    ///
    /// See [`Template::evaluate`].
    pub fn holds(&self, names: &Map<String, Value>) -> Result<bool, String> {
        Ok(match self.evaluate(names)? {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        })
    }

    /// The names that have to be bound.
    pub fn names(&self) -> Vec<&str> {
        match &self.form {
            Form::Literal(_) => Vec::new(),
            Form::Path(path) => path.iter().take(1).map(String::as_str).collect(),
            Form::Expression(_, names) => names.iter().map(String::as_str).collect(),
            Form::List(items) => items.iter().flat_map(Template::names).collect(),
            Form::Object(entries) => entries.iter().flat_map(|(_, _, value)| value.names()).collect(),
        }
    }

    /// The keys and values of an object, with the place of each key.
    pub fn entries(&self) -> &[(String, Span, Template)] {
        match &self.form {
            Form::Object(entries) => entries,
            _ => &[],
        }
    }
}

impl Template {
    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[Template]> {
        match &self.form {
            Form::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value, when it is known without any names.
    pub(super) fn literal(&self) -> Option<&Value> {
        match &self.form {
            Form::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The name that it is the value of.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.form {
            Form::Path(path) => Some(path).filter(|path| path.len() == 1).map(|path| path[0].as_str()),
            _ => None,
        }
    }

    /// The name and the keys below it that it is the value of.
    pub(super) fn path(&self) -> Option<&[String]> {
        match &self.form {
            Form::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.form, Form::Object(_))
    }
}

fn read_text(text: &str) -> Result<Form, String> {
    let Some(expression) = text.strip_prefix('$') else {
        return Ok(Form::Literal(Value::String(text.to_owned())));
    };
    if expression.starts_with('$') {
        return Ok(Form::Literal(Value::String(expression.to_owned())));
    }
    // Most are names, which need no parser.
    if is_path(expression) {
        return Ok(Form::Path(expression.split('.').map(str::to_owned).collect()));
    }
    let expression = Expression::with(expression, &FUNCTIONS)
        .map_err(|error| format!("this is no JMESPath: {error}, at character {}", error.offset + 1))?;
    Ok(match expression.keys() {
        Some(path) => Form::Path(path),
        None => {
            let names = expression.names();
            Form::Expression(Box::new(expression), names)
        }
    })
}

/// Whether an expression is a name and keys below it, without quotes.
fn is_path(expression: &str) -> bool {
    expression.split('.').all(|key| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn follow(path: &[String], names: &Map<String, Value>) -> Value {
    let Some((first, keys)) = path.split_first() else { return Value::Null };
    let found = names.get(first).and_then(|value| keys.iter().try_fold(value, |value, key| value.get(key)));
    found.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(yaml: &str) -> Template {
        Template::read(&fracas_engine::parse_yaml(yaml).unwrap()).unwrap()
    }

    fn evaluate(yaml: &str) -> Value {
        let names = json!({"id": "chaos", "none": null, "answer": {"z": 1, "a": {"y": 2, "b": 3}},
            "found": [{"S": "b"}, {"S": "a"}, {"S": "b"}]});
        template(yaml).evaluate(names.as_object().unwrap()).unwrap()
    }

    #[test]
    fn evaluates_what_starts_with_a_dollar() {
        let cases = [
            ("plain", json!("plain")),
            ("$$id", json!("$id")),
            ("$id", json!("chaos")),
            ("$unknown", json!(null)),
            ("$answer.a.b", json!(3)),
            (
                "{A: $id, B: $none, C: {D: $none, E: [$id, 5]}}",
                json!({"A": "chaos", "C": {"E": ["chaos", 5]}}),
            ),
            ("$format('{} is {}{}', id, found[0], none)", json!("chaos is {'S': 'b'}None")),
            ("$one_or_all(found[].S)", json!(["a", "b"])),
            ("$one_or_all(found[:1].S)", json!("b")),
            ("$one_or_all(found[?S=='x'].S)", json!([])),
            ("$length(found) > `2` && !none", json!(true)),
        ];
        for (yaml, expected) in cases {
            assert_eq!(evaluate(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn a_path_keeps_the_order_of_keys() {
        assert_eq!(evaluate("$answer").to_string(), r#"{"z":1,"a":{"y":2,"b":3}}"#);
    }

    #[test]
    fn names_are_those_at_the_beginning() {
        let cases: [(&str, &[&str]); 5] = [
            ("$a.b[?c == 'd'].e", &["a"]),
            ("$format('{}', a) || b && !c", &["a", "b", "c"]),
            ("'$sort_by(a, &b)[].{c: d}'", &["a"]),
            ("[$a, {k: $b.c}, d]", &["a", "b"]),
            ("'$[a, {k: b}]'", &["a", "b"]),
        ];
        for (yaml, names) in cases {
            assert_eq!(template(yaml).names(), names, "{yaml}");
        }
    }

    #[test]
    fn says_where_an_expression_is_wrong() {
        let node = fracas_engine::parse_yaml("a: $b[").unwrap();
        let (span, message) = Template::read(&node).unwrap_err();
        assert_eq!(span, Span::new(3, 6));
        assert!(message.starts_with("this is no JMESPath"), "{message}");
    }
}
