//! Reads `endpoint-rule-set-1.json`.

use std::collections::HashMap;

use serde_json::Value;

use super::super::rules::{
    Condition, EndpointTemplate, Expr, ExprId, Function, Outcome, Parameter, ParameterKind, Part, Rule,
    RuleSet, Step, VariableId,
};
use super::{Unreadable, context_value, entries, flag, text, unreadable};

/// Flattens a rule set.
pub fn rule_set(value: &Value) -> Result<RuleSet<'_>, Unreadable> {
    let mut builder = Builder::default();
    for (name, spec) in entries(&value["parameters"]) {
        builder.variable(name);
        builder.set.parameters.push(parameter(name, spec)?);
    }
    builder.rules(&value["rules"])?;
    builder.set.assigned = builder.names.split_off(builder.set.parameters.len());
    Ok(builder.set)
}

fn parameter<'v>(name: &'v str, spec: &'v Value) -> Result<Parameter<'v>, Unreadable> {
    let kind = match text(spec, "type").to_ascii_lowercase().as_str() {
        "boolean" => ParameterKind::Bool,
        "string" => ParameterKind::Text,
        "stringarray" => ParameterKind::TextList,
        other => return unreadable(format!("unknown parameter type `{other}` of `{name}`")),
    };
    let default = spec.get("default").map(context_value).transpose()?;
    Ok(Parameter { name, kind, built_in: text(spec, "builtIn"), default, required: flag(spec, "required") })
}

#[derive(Default)]
struct Builder<'v> {
    set: RuleSet<'v>,
    names: Vec<&'v str>,
    /// Where an expression is, by its JSON, so that equal ones are kept once.
    known: HashMap<String, ExprId>,
}

impl<'v> Builder<'v> {
    fn variable(&mut self, name: &'v str) -> VariableId {
        let place = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        VariableId(place as u32)
    }

    fn rules(&mut self, rules: &'v Value) -> Result<(), Unreadable> {
        rules.as_array().into_iter().flatten().try_for_each(|rule| self.rule(rule))
    }

    fn rule(&mut self, value: &'v Value) -> Result<(), Unreadable> {
        let conditions = value["conditions"].as_array().into_iter().flatten();
        let conditions = conditions.map(|value| self.condition(value)).collect::<Result<_, _>>()?;
        let outcome = match text(value, "type") {
            "tree" => Outcome::Children,
            "endpoint" => Outcome::Endpoint(self.endpoint(&value["endpoint"])?),
            "error" => Outcome::Error(self.expr(&value["error"])?),
            other => return unreadable(format!("unknown type `{other}` of an endpoint rule")),
        };
        let place = self.set.rules.len();
        self.set.rules.push(Rule { conditions, outcome, end: 0 });
        self.rules(&value["rules"])?;
        self.set.rules[place].end = self.set.rules.len() as u32;
        Ok(())
    }

    fn condition(&mut self, value: &'v Value) -> Result<Condition, Unreadable> {
        let expr = self.call(value)?;
        let assign = value["assign"].as_str().map(|name| self.variable(name));
        Ok(Condition { value: self.keep(without_assignment(value), expr), assign })
    }

    fn endpoint(&mut self, value: &'v Value) -> Result<EndpointTemplate<'v>, Unreadable> {
        let headers = entries(&value["headers"]).map(|(name, values)| {
            let values = values.as_array().into_iter().flatten();
            Ok((name, values.map(|value| self.expr(value)).collect::<Result<_, _>>()?))
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let properties = self.fields(&value["properties"])?;
        Ok(EndpointTemplate { url: self.expr(&value["url"])?, properties, headers })
    }

    fn fields(&mut self, value: &'v Value) -> Result<Vec<(&'v str, ExprId)>, Unreadable> {
        entries(value).map(|(name, value)| Ok((name, self.expr(value)?))).collect()
    }

    fn list(&mut self, values: &'v [Value]) -> Result<Vec<ExprId>, Unreadable> {
        values.iter().map(|value| self.expr(value)).collect()
    }

    fn expr(&mut self, value: &'v Value) -> Result<ExprId, Unreadable> {
        let expr = match value {
            Value::Bool(value) => Expr::Bool(*value),
            Value::String(value) => self.template(value)?,
            Value::Number(number) => match number.as_i64() {
                Some(number) => Expr::Number(number),
                None => return unreadable(format!("endpoint rules know no number {number}")),
            },
            Value::Array(values) => Expr::List(self.list(values)?),
            Value::Object(object) if object.contains_key("ref") => {
                Expr::Variable(self.variable(text(value, "ref")))
            }
            Value::Object(object) if object.contains_key("assign") => {
                return unreadable("only a condition may assign");
            }
            Value::Object(object) if object.contains_key("fn") => self.call(value)?,
            Value::Object(_) => Expr::Object(self.fields(value)?),
            Value::Null => return unreadable("endpoint rules know no null"),
        };
        Ok(self.keep(value.to_string(), expr))
    }

    fn keep(&mut self, json: String, expr: Expr<'v>) -> ExprId {
        let expressions = &mut self.set.expressions;
        *self.known.entry(json).or_insert_with(|| {
            expressions.push(expr);
            ExprId(expressions.len() as u32 - 1)
        })
    }

    fn call(&mut self, value: &'v Value) -> Result<Expr<'v>, Unreadable> {
        let arguments = value["argv"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (function, arity) = match text(value, "fn") {
            "getAttr" => return self.attribute(arguments),
            "isSet" => (Function::IsSet, 1),
            "not" => (Function::Not, 1),
            "booleanEquals" => (Function::BooleanEquals, 2),
            "stringEquals" => (Function::StringEquals, 2),
            "parseURL" => (Function::ParseUrl, 1),
            "substring" => (Function::Substring, 4),
            "uriEncode" => (Function::UriEncode, 1),
            "isValidHostLabel" => (Function::IsValidHostLabel, 2),
            "aws.partition" => (Function::Partition, 1),
            "aws.parseArn" => (Function::ParseArn, 1),
            "aws.isVirtualHostableS3Bucket" => (Function::IsVirtualHostableS3Bucket, 2),
            other => return unreadable(format!("unknown function `{other}` in an endpoint rule")),
        };
        if arguments.len() != arity {
            let (name, given) = (text(value, "fn"), arguments.len());
            return unreadable(format!("`{name}` wants {arity} in `argv`, not {given}"));
        }
        Ok(Expr::Call(function, self.list(arguments)?))
    }

    fn attribute(&mut self, arguments: &'v [Value]) -> Result<Expr<'v>, Unreadable> {
        let [value, Value::String(path)] = arguments else {
            return unreadable("`getAttr` takes a value and a path");
        };
        let mut steps = Vec::new();
        for part in path.split('.') {
            let (name, index) = part.split_once('[').unwrap_or((part, ""));
            if !name.is_empty() {
                steps.push(Step::Key(name));
            }
            if let Ok(index) = index.trim_end_matches(']').parse() {
                steps.push(Step::Index(index));
            }
        }
        Ok(Expr::Attribute(self.expr(value)?, steps))
    }

    /// `https://{Region}.{PartitionResult#dnsSuffix}`; `{{` and `}}` stand for braces.
    fn template(&mut self, text: &'v str) -> Result<Expr<'v>, Unreadable> {
        let mut parts = Vec::new();
        let (mut rest, mut found) = (text, false);
        while let Some(at) = rest.find(['{', '}']) {
            let (head, tail) = rest.split_at(at + 1);
            let doubled = tail.starts_with(&head[at..]);
            let close = if doubled { None } else { tail.find('}') };
            let literal = if close.is_some() && head.ends_with('{') { &head[..at] } else { head };
            if !literal.is_empty() {
                parts.push(Part::Text(literal));
            }
            rest = match close {
                Some(close) if head.ends_with('{') => {
                    found |= is_reference(&tail[..close]);
                    parts.push(self.path(&tail[..close]));
                    &tail[close + 1..]
                }
                _ => &tail[usize::from(doubled)..],
            };
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        // As in botocore, a text without a variable is no template, whatever its braces.
        Ok(if found { Expr::Template(parts) } else { Expr::Text(text) })
    }

    fn path(&mut self, reference: &'v str) -> Part<'v> {
        let mut names = reference.split('#');
        let variable = self.variable(names.next().unwrap_or_default());
        Part::Variable(variable, names.collect())
    }
}

fn is_reference(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'#')
}

/// The JSON of a condition's value: what is assigned to does not change it.
fn without_assignment(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.shift_remove("assign");
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Value {
        json!({"parameters": {"Region": {"type": "string"}},
               "rules": [{"type": "error", "conditions": [], "error": text}]})
    }

    #[test]
    fn templates_are_taken_apart() {
        let value = template("in {Region}.{P#suffix} of {{it}}");
        let rules = rule_set(&value).unwrap();
        assert_eq!(rules.assigned, ["P"]);
        let expected = vec![
            Part::Text("in "),
            Part::Variable(VariableId(0), vec![]),
            Part::Text("."),
            Part::Variable(VariableId(1), vec!["suffix"]),
            Part::Text(" of {"),
            Part::Text("it}"),
        ];
        assert_eq!(rules.expressions, [Expr::Template(expected)]);
    }

    #[test]
    fn a_text_without_variables_is_no_template() {
        for text in ["plain", "{", "}", "{{}}", "{ }", "a } b", ""] {
            let value = template(text);
            assert_eq!(rule_set(&value).unwrap().expressions, [Expr::Text(text)]);
        }
    }

    #[test]
    fn equal_expressions_are_kept_once() {
        let is_set = json!({"fn": "isSet", "argv": [{"ref": "Region"}]});
        let tree = json!({"type": "tree", "conditions": [is_set, is_set], "rules": []});
        let value = json!({"parameters": {"Region": {"type": "String"}}, "rules": [tree, tree]});
        let rules = rule_set(&value).unwrap();
        assert_eq!(rules.expressions.len(), 2);
        assert_eq!(rules.rules.iter().map(|rule| rule.end).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn unknown_functions_and_wrong_counts_are_refused() {
        let condition = |condition: Value| {
            let value = json!({"rules": [{"type": "tree", "conditions": [condition], "rules": []}]});
            rule_set(&value).unwrap_err().to_string()
        };
        let unknown = condition(json!({"fn": "guess", "argv": []}));
        assert_eq!(unknown, "unknown function `guess` in an endpoint rule");
        assert_eq!(condition(json!({"fn": "not", "argv": []})), "`not` wants 1 in `argv`, not 0");
    }
}
