//! From a text to its tree, with mistakes in words.

use jmespath::ast::Ast;
use jmespath::{ErrorReason, JmespathError};

use crate::Error;

/// Trees are walked by recursion: this keeps them low enough for any stack.
const MOST_OPERATORS: usize = 500;

/// The tree of an expression.
pub fn parse(text: &str) -> Result<Ast, Error> {
    if let Some((offset, _)) = operators(text).nth(MOST_OPERATORS) {
        let reason = format!("an expression has at most {MOST_OPERATORS} operators and brackets");
        return Err(Error { reason, offset });
    }
    jmespath::parse(&with_raw_strings(text)).map_err(|error| explained(&error, text))
}

/// Python takes a literal that is no JSON for a text, as in ``Key == `Name` ``. It becomes a raw
/// string of the same length, so that all places stay.
fn with_raw_strings(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let quote = &rest[start..=start];
        let Some(length) = quoted_length(&rest[start + 1..], quote) else { break };
        let inner = &rest[start + 1..start + 1 + length];
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&inner.replace("\\`", "`")).is_ok();
        result.push_str(&rest[..start]);
        match quote == "`" && !is_json && !inner.contains(['\\', '\'', '"', '\n', '\r', '\t']) {
            true => {
                let word = inner.trim_start();
                result.push_str(&" ".repeat(inner.len() - word.len()));
                result.extend(["'", word, "'"]);
            }
            false => result.extend([quote, inner, quote]),
        }
        rest = &rest[start + length + 2..];
    }
    result + rest
}

/// The length of a text up to its closing quote.
fn quoted_length(text: &str, quote: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices()
        .find(|(_, c)| {
            let ends = !escaped && quote.starts_with(*c);
            escaped = !escaped && *c == '\\';
            ends
        })
        .map(|(place, _)| place)
}

/// An expression with each `$name` in double quotes, and the places in it where one ends.
pub fn quote_variables(text: &str) -> (String, Vec<usize>) {
    let (mut quoted, mut places, mut rest) = (String::new(), Vec::new(), 0);
    let starts: Vec<usize> =
        outside_quotes(text).filter(|(_, sign)| *sign == '$').map(|(start, _)| start).collect();
    for start in starts {
        let word = text[start + 1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let end = word.map_or(text.len(), |length| start + 1 + length);
        quoted.push_str(&text[rest..start]);
        quoted.push('"');
        quoted.push_str(&text[start..end]);
        quoted.push('"');
        places.push(quoted.len());
        rest = end;
    }
    quoted.push_str(&text[rest..]);
    (quoted, places)
}

/// A mistake in an expression, at its place before [`quote_variables`].
pub fn unquoted(error: Error, places: &[usize]) -> Error {
    let before = places.iter().filter(|place| **place <= error.offset).count();
    Error { offset: error.offset.saturating_sub(2 * before), ..error }
}

/// The names that an expression looks up by `$name`.
pub fn variables(ast: &Ast) -> Vec<String> {
    let mut found = Vec::new();
    let _ = walk(ast, &mut |node| {
        if let Ast::Field { name, .. } = node {
            found.extend(name.strip_prefix('$').map(str::to_owned));
        }
        Ok(())
    });
    found
}

/// Signs outside of quotes that can make the tree higher, with their places.
fn operators(text: &str) -> impl Iterator<Item = (usize, char)> {
    outside_quotes(text).filter(|(_, c)| "([{!&|.=<>*".contains(*c))
}

fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    text.char_indices().filter(move |(_, c)| {
        let is_plain = quote.is_none();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if *c == '\\' => escaped = true,
            Some(open) if open == *c => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(*c),
            _ => {}
        }
        is_plain
    })
}

fn explained(error: &JmespathError, text: &str) -> Error {
    let reason = match &error.reason {
        ErrorReason::Parse(reason) => reason.clone(),
        other => other.to_string(),
    };
    let offset = error.offset.min(text.len());
    let reason = match reason.split_once(" -- found ") {
        Some((expected, _)) => {
            let expected = match expected {
                "Unexpected nud token" => "Expected an expression",
                "Unexpected led token" | "Did not parse the complete expression" => "Expected an operator",
                expected => expected,
            };
            format!("{expected}, found {}", found(&text[offset..]))
        }
        None if reason.starts_with("'-'") => {
            "'-' only begins a number; put a name that has it in double quotes".to_owned()
        }
        None => reason,
    };
    Error { reason: lower_first(&reason), offset }
}

/// The word or the sign that a text begins with.
fn found(rest: &str) -> String {
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    match rest[word..].chars().next() {
        _ if word > 0 => format!("`{}`", &rest[..word]),
        Some(sign) => format!("`{sign}`"),
        None => "the end".to_owned(),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The keys of an expression that is nothing but keys.
pub fn keys(ast: &Ast) -> Option<Vec<String>> {
    match ast {
        Ast::Field { name, .. } => Some(vec![name.clone()]),
        Ast::Subexpr { lhs, rhs, .. } => Some([keys(lhs)?, keys(rhs)?].concat()),
        _ => None,
    }
}

/// The names that an expression looks up where it begins, not below other values.
pub fn names(ast: &Ast) -> Vec<String> {
    match ast {
        Ast::Field { name, .. } => vec![name.clone()],
        Ast::Subexpr { lhs, .. } | Ast::Projection { lhs, .. } => names(lhs),
        Ast::Flatten { node, .. } | Ast::ObjectValues { node, .. } | Ast::Not { node, .. } => names(node),
        Ast::And { lhs, rhs, .. } | Ast::Or { lhs, rhs, .. } | Ast::Comparison { lhs, rhs, .. } => {
            [names(lhs), names(rhs)].concat()
        }
        Ast::Function { args: items, .. } | Ast::MultiList { elements: items, .. } => {
            items.iter().flat_map(names).collect()
        }
        Ast::MultiHash { elements, .. } => elements.iter().flat_map(|pair| names(&pair.value)).collect(),
        // The others look at the value before them, or at nothing.
        _ => Vec::new(),
    }
}

/// Calls a function with each node below a node, and with itself.
pub fn walk<'a>(ast: &'a Ast, see: &mut impl FnMut(&'a Ast) -> Result<(), Error>) -> Result<(), Error> {
    see(ast)?;
    match ast {
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => Ok(()),
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => walk(node, see),
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Condition { predicate: lhs, then: rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => {
            walk(lhs, see)?;
            walk(rhs, see)
        }
        Ast::Function { args: items, .. } | Ast::MultiList { elements: items, .. } => {
            items.iter().try_for_each(|item| walk(item, see))
        }
        Ast::MultiHash { elements, .. } => elements.iter().try_for_each(|pair| walk(&pair.value, see)),
    }
}

#[cfg(test)]
mod tests {
    use crate::Expression;
    use proptest::prelude::*;

    fn mistake(text: &str) -> String {
        let error = Expression::new(text).expect_err(text);
        format!("{} at {}", error.reason, error.offset)
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let cases = [
            ("z[?n", "expected ']', found the end at 4"),
            ("", "expected an expression, found the end at 0"),
            ("a b", "expected an operator, found `b` at 2"),
            ("a.", "expected identifier, '*', '{', '[', '&', or '[?', found the end at 2"),
            ("é", "invalid character: é at 0"),
            ("a-b", "'-' only begins a number; put a name that has it in double quotes at 1"),
            ("a[?b = 'c']", "'=' is not valid. Did you mean '=='? at 5"),
            ("\"é\".a b", "expected an operator, found `b` at 7"),
            ("z[::0]", "the step of a slice cannot be 0 at 5"),
            ("nothing(z)", "there is no function nothing at 0"),
            ("a.lenght(z)", "there is no function lenght; did you mean length? at 2"),
            ("length(a, b)", "length() takes 1 argument, not 2 at 0"),
            ("merge()", "merge() takes at least 1 argument, not 0 at 0"),
            ("sort_by(a, b)", "sort_by() takes an expression such as &name as its argument 2 at 0"),
            ("a[?b==`x`].abs()", "abs() takes 1 argument, not 0 at 11"),
            ("`\\\"x`", "unable to parse literal JSON \\\"x: expected value at line 1 column 1 at 0"),
            ("length(&a)", "length() takes a value as its argument 1, not an expression at 0"),
        ];
        for (text, expected) in cases {
            assert_eq!(mistake(text), expected, "{text}");
        }
    }

    #[test]
    fn high_trees_are_refused_before_the_stack_is_gone() {
        // As much as a program's first thread has.
        let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(high_trees).unwrap();
        thread.join().unwrap();
    }

    fn high_trees() {
        for sign in ["!", "(", "[", "{a:", "&", "a.", "a|", "a||", "a&&", "a[].", "a[0]", "a==", "abs(", "*."]
        {
            let whole = sign.repeat(100_000);
            assert!(mistake(&whole).starts_with("an expression has at most"), "{sign}");
            let count = super::MOST_OPERATORS / super::operators(sign).count();
            let highest = Expression::new(&(sign.repeat(count) + "a"));
            _ = highest.and_then(|found| found.search(&serde_json::json!({"a": 1})));
        }
        assert!(Expression::new(&format!("'{}'", "!".repeat(100_000))).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_a_mistake_in_it(text in r#"([a-c&!@.*|,:=<>(){}\[\]?0-3'`"\\ é-]|sort_by\(|length\(){0,24}"#) {
            match Expression::new(&text) {
                Ok(found) => _ = found.search(&serde_json::json!({"a": [1, "b", {"c": null}], "b": {"a": "é"}})),
                Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{error:?}"),
            }
        }
    }
}
