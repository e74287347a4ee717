//! Paths into JSON in the dialect of jsonpath2, which is its own: `=` compares, a filter tests the
//! value that it stands behind, and some subscripts are functions.
//!
//! Source: <https://pypi.org/project/jsonpath2/>, its grammar and its classes.

mod evaluate;
mod lex;
mod parse;

use serde_json::Value;

/// A path as it was read.
#[derive(Debug)]
pub(crate) struct JsonPath(Node);

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// Where it stops being one, as a fragment.
    pub(crate) fn parse(text: &str) -> Result<JsonPath, String> {
        parse::path(text).map(JsonPath)
    }

    /// All values that the path leads to, in its order.
    ///
    /// # Errors
    ///
    /// A slice whose step is zero, as a fragment.
    pub(crate) fn find(&self, root: &Value) -> Result<Vec<Value>, String> {
        evaluate::matches(&self.0, root, root)
    }
}

/// One step of a path, and those behind it.
#[derive(Debug)]
enum Node {
    /// the end: the value reached
    End,
    /// `$`: begins anew at the root
    Root(Box<Node>),
    /// `@`: begins at the value reached
    Current(Box<Node>),
    /// `[...]` or `.name`: each subscript in order
    Subscripts(Vec<Subscript>, Box<Node>),
    /// `..`: the value reached and all within it
    Descent(Box<Node>),
}

#[derive(Debug)]
enum Subscript {
    /// `"key"` or `key`
    Key(String),
    /// `0`, or `-1` from the end
    Index(i64),
    /// `start:end:step`
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// `*`
    Wildcard,
    /// `?(...)`
    Filter(Expression),
    /// a path whose values are keys and indices
    Path(Node),
    /// `length()` and the like
    Call(Function, Vec<Operand>),
}

#[derive(Debug, Clone, Copy)]
enum Function {
    CharAt,
    Entries,
    Keys,
    Length,
    Substring,
    Values,
}

#[derive(Debug)]
enum Operand {
    Path(Node),
    Value(Value),
}

#[derive(Debug)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Comparison, Operand, Operand),
    Some(Operand),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
