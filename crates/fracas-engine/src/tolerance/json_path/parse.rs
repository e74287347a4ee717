//! From the words of a path to its steps, by jsonpath2's grammar.

use serde_json::{Map, Number, Value};

use super::lex::{Token, tokens};
use super::{Comparison, Expression, Function, Node, Operand, Subscript};

/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 100;

type Parsed<T> = Result<T, String>;

/// A whole path: `$`, and what follows it.
pub(super) fn path(text: &str) -> Parsed<Node> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if !parser.take("$") {
        return Err("a path begins with `$`".to_owned());
    }
    let next = parser.steps()?;
    match parser.peek() {
        None => Ok(Node::Root(Box::new(next))),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    /// What follows `$` or `@`, if anything.
    fn steps(&mut self) -> Parsed<Node> {
        let (subscripts, is_descent) = if self.take("..") {
            let bracketed = self.is_next("[");
            (if bracketed { self.bracketed()? } else { vec![self.bareword()?] }, true)
        } else if self.take(".") {
            (vec![self.bareword()?], false)
        } else if self.is_next("[") {
            (self.bracketed()?, false)
        } else {
            return Ok(Node::End);
        };
        let next = self.deeper(Parser::steps)?;
        let node = Node::Subscripts(subscripts, Box::new(next));
        Ok(if is_descent { Node::Descent(Box::new(node)) } else { node })
    }

    /// A name, a call, or `*`.
    fn bareword(&mut self) -> Parsed<Subscript> {
        if self.take("*") {
            return Ok(Subscript::Wildcard);
        }
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(self.unexpected("a name or `*`"));
        };
        self.at += 1;
        if self.is_next("(") { self.call(&name) } else { Ok(Subscript::Key(name)) }
    }

    fn call(&mut self, name: &str) -> Parsed<Subscript> {
        let function = match name {
            "charAt" => Function::CharAt,
            "entries" => Function::Entries,
            "keys" => Function::Keys,
            "length" => Function::Length,
            "substring" => Function::Substring,
            "values" => Function::Values,
            _ => {
                let known = "charAt, entries, keys, length, substring, values";
                return Err(format!("there is no function `{name}`; there are: {known}"));
            }
        };
        Ok(Subscript::Call(function, self.list("(", ")", Parser::operand)?))
    }

    /// Items between brackets, perhaps none.
    fn list<T>(
        &mut self,
        open: &'static str,
        close: &'static str,
        item: fn(&mut Parser) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(open)?;
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(self.deeper(item)?);
            if self.take(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn bracketed(&mut self) -> Parsed<Vec<Subscript>> {
        let subscripts = self.list("[", "]", Parser::subscript)?;
        if subscripts.is_empty() { Err("`[]` names nothing".to_owned()) } else { Ok(subscripts) }
    }

    fn subscript(&mut self) -> Parsed<Subscript> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(Subscript::Key(text))
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                if self.is_next("(") {
                    self.call(&name)
                } else {
                    Err(format!("`{name}` needs double quotes here"))
                }
            }
            Some(Token::Number(_)) => {
                let start = self.integer()?;
                match self.is_next(":") {
                    true => self.slice(Some(start)),
                    false => Ok(Subscript::Index(start)),
                }
            }
            Some(Token::Sign(":")) => self.slice(None),
            Some(Token::Sign("*")) => {
                self.at += 1;
                Ok(Subscript::Wildcard)
            }
            Some(Token::Sign("?")) => self.filter(),
            Some(Token::Sign("$" | "@")) => Ok(Subscript::Path(self.inner_path()?)),
            _ => Err(self.unexpected("a key, an index, a slice, `*` or a filter")),
        }
    }

    fn slice(&mut self, start: Option<i64>) -> Parsed<Subscript> {
        self.expect(":")?;
        let end = self.optional_integer()?;
        let step = if self.take(":") { self.optional_integer()? } else { None };
        Ok(Subscript::Slice(start, end, step))
    }

    fn optional_integer(&mut self) -> Parsed<Option<i64>> {
        if matches!(self.peek(), Some(Token::Number(_))) { self.integer().map(Some) } else { Ok(None) }
    }

    /// An index; one beyond what lists can have stays beyond it.
    fn integer(&mut self) -> Parsed<i64> {
        let Some(Token::Number(text)) = self.peek().cloned() else {
            return Err(self.unexpected("an integer"));
        };
        self.at += 1;
        if text.contains(['.', 'e', 'E']) {
            return Err(format!("`{text}` is no integer"));
        }
        let far = if text.starts_with('-') { FAR.saturating_neg() } else { FAR };
        Ok(text.parse().ok().filter(|index: &i64| index.abs() <= FAR).unwrap_or(far))
    }

    fn filter(&mut self) -> Parsed<Subscript> {
        self.expect("?")?;
        self.expect("(")?;
        let expression = self.deeper(Parser::all_of)?;
        self.expect(")")?;
        Ok(Subscript::Filter(expression))
    }

    /// `... and ...`, which binds less than `or`.
    fn all_of(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.any_of()?];
        while self.take("and") {
            parts.push(self.any_of()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn any_of(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.condition()?];
        while self.take("or") {
            parts.push(self.condition()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn condition(&mut self) -> Parsed<Expression> {
        if self.take("not") {
            return Ok(Expression::Not(Box::new(self.deeper(Parser::condition)?)));
        }
        if self.take("(") {
            let expression = self.deeper(Parser::all_of)?;
            self.expect(")")?;
            return Ok(expression);
        }
        let left = self.operand()?;
        match self.comparison() {
            Some(comparison) => Ok(Expression::Compare(comparison, left, self.operand()?)),
            None => Ok(Expression::Some(left)),
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.peek()? {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        match self.peek() {
            Some(Token::Sign("$" | "@")) => self.inner_path().map(Operand::Path),
            _ => self.value().map(Operand::Value),
        }
    }

    fn inner_path(&mut self) -> Parsed<Node> {
        if self.take("$") {
            return Ok(Node::Root(Box::new(self.deeper(Parser::steps)?)));
        }
        self.expect("@")?;
        Ok(Node::Current(Box::new(self.deeper(Parser::steps)?)))
    }

    fn value(&mut self) -> Parsed<Value> {
        let value = match self.peek().cloned() {
            Some(Token::Text(text)) => Value::String(text),
            Some(Token::Number(text)) => number(&text)?,
            Some(Token::Sign("true")) => Value::Bool(true),
            Some(Token::Sign("false")) => Value::Bool(false),
            Some(Token::Sign("null")) => Value::Null,
            Some(Token::Sign("[")) => return self.list("[", "]", Parser::value).map(Value::Array),
            Some(Token::Sign("{")) => {
                let members = self.list("{", "}", Parser::member)?;
                return Ok(Value::Object(members.into_iter().collect::<Map<_, _>>()));
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(value)
    }

    fn member(&mut self) -> Parsed<(String, Value)> {
        let Some(Token::Text(key)) = self.peek().cloned() else {
            return Err(self.unexpected("a key in double quotes"));
        };
        self.at += 1;
        self.expect(":")?;
        Ok((key, self.value()?))
    }

    fn deeper<T>(&mut self, read: fn(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_next(&self, sign: &'static str) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    fn take(&mut self, sign: &'static str) -> bool {
        let found = self.is_next(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, expected: &str) -> String {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Sign(sign)) => format!("`{sign}`"),
            Some(Token::Name(text) | Token::Number(text)) => format!("`{text}`"),
            Some(Token::Text(text)) => format!("`\"{text}\"`"),
        };
        format!("expected {expected}, found {found}")
    }
}

/// Indices beyond this name nothing in any list.
const FAR: i64 = 1 << 60;

fn number(text: &str) -> Parsed<Value> {
    let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    let float = || text.parse::<f64>().ok().and_then(Number::from_f64);
    let number = number.ok().or_else(float);
    number.map(Value::Number).ok_or_else(|| format!("`{text}` is too large a number"))
}
