//! JMESPath over JSON as boto3 and the AWS CLI know it: what Python's jmespath finds is found.
//!
//! The crate of that name parses. It does not search, since its own values would sort the keys of
//! objects, copy whole answers and leave texts without an order.

mod evaluate;
mod foresee;
mod found;
mod functions;
mod parse;

use std::fmt;

use jmespath::ast::Ast;
use serde_json::Value;

pub use foresee::{Kind, Missing, Shape};
pub use functions::{Function, Takes};

/// A JMESPath expression.
#[derive(Debug, Clone)]
pub struct Expression {
    ast: Ast,
    own: &'static [Function],
    /// Whether `$name` means what is so called where the expression begins.
    has_variables: bool,
}

impl Expression {
    /// The expression that a text is.
    ///
    /// # Errors
    /// The first mistake: what is no JMESPath, or calls a function that there is not, or with the
    /// wrong number of arguments.
    pub fn new(text: &str) -> Result<Self, Error> {
        let ast = parse::parse(text)?;
        functions::check(&ast, &[])?;
        Ok(Self { ast, own: &[], has_variables: false })
    }

    /// As [`Expression::new`], with functions besides those of the standard. `$name` means, wherever
    /// it stands, what `name` means where the expression begins, as in JEP 18
    /// (<https://github.com/jmespath/jmespath.jep>).
    ///
    /// # Errors
    /// See [`Expression::new`].
    pub fn with(text: &str, own: &'static [Function]) -> Result<Self, Error> {
        let (quoted, places) = parse::quote_variables(text);
        let ast = parse::parse(&quoted);
        let ast = ast.and_then(|ast| functions::check(&ast, own).map(|()| ast));
        let ast = ast.map_err(|error| parse::unquoted(error, &places))?;
        Ok(Self { ast, own, has_variables: true })
    }

    /// What it finds in a value.
    ///
    /// # Errors
    /// A function was given what it does not take.
    pub fn search(&self, data: &Value) -> Result<Value, Error> {
        evaluate::search(&self.ast, data, self.own, self.has_variables)
    }

    /// Its keys, when it is nothing but keys.
    pub fn keys(&self) -> Option<Vec<String>> {
        parse::keys(&self.ast)
    }

    /// The names that it looks up where it begins, not below other values, and its variables.
    pub fn names(&self) -> Vec<String> {
        let mut names = parse::names(&self.ast);
        if self.has_variables {
            names.extend(parse::variables(&self.ast));
            names.retain(|name| !name.starts_with('$'));
        }
        names
    }
}

/// What an expression finds in a value.
///
/// # Errors
/// As [`Expression::new`] and [`Expression::search`].
pub fn search(expression: &str, data: &Value) -> Result<Value, Error> {
    Expression::new(expression)?.search(data)
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub reason: String,
    /// The place in the expression, in bytes.
    pub offset: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Error {}
