//! Walks the rules.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::functions::{self, Arguments};
use super::partition::Partition;
use super::{Endpoint, EndpointError, ParamValue};
use crate::model::rules::{EndpointTemplate, Expr, ExprId, Outcome, Part, Rule, RuleSet, Step, VariableId};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'v> {
    /// not set
    #[default]
    Nothing,
    /// true or false
    Bool(bool),
    /// a whole number
    Number(i64),
    /// a text
    Text(Cow<'v, str>),
    /// several values
    List(Vec<Value<'v>>),
    /// values by name
    Object(Vec<(&'v str, Value<'v>)>),
    /// the facts of a partition, which rules read as an object
    Partition(&'static Partition<'static>),
}

impl<'v> Value<'v> {
    /// A text that outlives the evaluation.
    pub fn text(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    fn step(&self, step: Step) -> Value<'v> {
        match (self, step) {
            (Self::List(items), Step::Index(index)) => items.get(index as usize).cloned().unwrap_or_default(),
            (Self::Object(fields), Step::Key(key)) => {
                let found = fields.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            }
            (Self::Partition(partition), Step::Key(key)) => partition.attribute(key),
            _ => Self::Nothing,
        }
    }

    fn into_json(self) -> Json {
        match self {
            Self::Nothing | Self::Partition(_) => Json::Null,
            Self::Bool(value) => value.into(),
            Self::Number(number) => number.into(),
            Self::Text(text) => text.into_owned().into(),
            Self::List(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Object(fields) => Json::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value.into_json())).collect(),
            ),
        }
    }
}

/// The first endpoint or error that the rules come to; none where no rule applies.
pub fn evaluate(rules: &RuleSet, params: &[Option<ParamValue>]) -> Result<Option<Endpoint>, EndpointError> {
    let mut scope: Vec<Value> = params.iter().map(variable).collect();
    scope.resize(params.len() + rules.assigned.len(), Value::Nothing);
    let end = rules.rules.len() as u32;
    Evaluation { rules, scope, assigned: Vec::new() }.first(0, end)
}

fn variable(param: &Option<ParamValue>) -> Value<'_> {
    match param {
        None => Value::Nothing,
        Some(ParamValue::Bool(value)) => Value::Bool(*value),
        Some(ParamValue::Text(text)) => Value::text(text),
        Some(ParamValue::List(texts)) => Value::List(texts.iter().map(|text| Value::text(text)).collect()),
    }
}

struct Evaluation<'r, 'v> {
    rules: &'r RuleSet<'r>,
    /// The value of each variable.
    scope: Vec<Value<'v>>,
    /// What conditions have set, in order: a rule that comes to nothing takes its own back.
    assigned: Vec<VariableId>,
}

impl<'r: 'v, 'v> Evaluation<'r, 'v> {
    /// The outcome of the first rule in a range of siblings that has one.
    fn first(&mut self, start: u32, end: u32) -> Result<Option<Endpoint>, EndpointError> {
        let mut next = start;
        while next < end {
            let rule = &self.rules.rules[next as usize];
            let before = self.assigned.len();
            let found = self.rule(rule, next)?;
            if found.is_some() {
                return Ok(found);
            }
            for variable in self.assigned.drain(before..) {
                self.scope[variable.0 as usize] = Value::Nothing;
            }
            next = rule.end;
        }
        Ok(None)
    }

    fn rule(&mut self, rule: &'r Rule<'r>, place: u32) -> Result<Option<Endpoint>, EndpointError> {
        for condition in &rule.conditions {
            let value = self.value(condition.value)?;
            let holds = !matches!(value, Value::Nothing | Value::Bool(false));
            if let Some(variable) = condition.assign {
                self.assign(variable, value)?;
            }
            if !holds {
                return Ok(None);
            }
        }
        match &rule.outcome {
            Outcome::Children => self.first(place + 1, rule.end),
            Outcome::Endpoint(template) => self.endpoint(template).map(Some),
            Outcome::Error(text) => Err(EndpointError(self.string(*text)?)),
        }
    }

    fn assign(&mut self, variable: VariableId, value: Value<'v>) -> Result<(), EndpointError> {
        let place = variable.0 as usize;
        if self.scope[place] != Value::Nothing {
            let name = self.name(variable);
            return Err(EndpointError(format!(
                "Assignment {name} already exists in scoped variables and cannot be overwritten"
            )));
        }
        self.scope[place] = value;
        self.assigned.push(variable);
        Ok(())
    }

    fn name(&self, variable: VariableId) -> &'r str {
        let parameters = self.rules.parameters.iter().map(|parameter| parameter.name);
        let mut names = parameters.chain(self.rules.assigned.iter().copied());
        names.nth(variable.0 as usize).unwrap_or_default()
    }

    fn endpoint(&self, template: &'r EndpointTemplate<'r>) -> Result<Endpoint, EndpointError> {
        let properties = template
            .properties
            .iter()
            .map(|(name, value)| Ok(((*name).to_owned(), self.value(*value)?.into_json())));
        let headers = template.headers.iter().map(|(name, values)| {
            let values = values.iter().map(|value| self.string(*value)).collect::<Result<_, _>>()?;
            Ok(((*name).to_owned(), values))
        });
        Ok(Endpoint {
            url: self.string(template.url)?,
            properties: properties.collect::<Result<_, _>>()?,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }

    fn string(&self, expr: ExprId) -> Result<String, EndpointError> {
        match self.value(expr)? {
            Value::Text(text) => Ok(text.into_owned()),
            _ => Err(EndpointError("an endpoint rule gives no text where one is due".to_owned())),
        }
    }

    fn value(&self, expr: ExprId) -> Result<Value<'v>, EndpointError> {
        let rules = self.rules;
        Ok(match &rules.expressions[expr.0 as usize] {
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::text(text),
            Expr::Template(parts) => Value::Text(Cow::Owned(self.template(parts)?)),
            Expr::Variable(variable) => self.scope[variable.0 as usize].clone(),
            Expr::Attribute(value, steps) => self.attribute(*value, steps)?,
            Expr::Call(function, arguments) => {
                functions::call(*function, Arguments(self.values(arguments)?)).map_err(EndpointError)?
            }
            Expr::List(items) => Value::List(self.values(items)?),
            Expr::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| Ok((*name, self.value(*value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    fn values(&self, exprs: &[ExprId]) -> Result<Vec<Value<'v>>, EndpointError> {
        exprs.iter().map(|expr| self.value(*expr)).collect()
    }

    fn attribute(&self, value: ExprId, steps: &[Step]) -> Result<Value<'v>, EndpointError> {
        let value = self.value(value)?;
        Ok(steps.iter().fold(value, |value, step| value.step(*step)))
    }

    fn template(&self, parts: &[Part]) -> Result<String, EndpointError> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Variable(variable, path) => {
                    let start = self.scope[variable.0 as usize].clone();
                    let value = path.iter().fold(start, |value, key| value.step(Step::Key(key)));
                    let Value::Text(piece) = value else {
                        let name = self.name(*variable);
                        return Err(EndpointError(format!(
                            "an endpoint rule needs `{name}`, which is not set"
                        )));
                    };
                    text.push_str(&piece);
                }
            }
        }
        Ok(text)
    }
}
