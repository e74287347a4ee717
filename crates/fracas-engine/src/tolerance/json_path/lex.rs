//! The words of a path.

/// A word of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// a sign or a reserved word
    Sign(&'static str),
    /// a name
    Name(String),
    /// what stands between double quotes; escapes stay as they are
    Text(String),
    /// a number as it is written
    Number(String),
}

/// Longer signs come first.
const SIGNS: [&str; 19] =
    ["..", ">=", "<=", "!=", "@", "$", ".", "*", "=", ">", "<", "{", "}", "[", "]", ":", ",", "(", ")"];

const WORDS: [&str; 6] = ["and", "not", "or", "true", "false", "null"];

/// The words of a text, without the space between them.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(rest, first)?;
        tokens.push(token);
        rest = rest[length..].trim_start_matches(is_space);
    }
    Ok(tokens)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

fn token(rest: &str, first: char) -> Result<(Token, usize), String> {
    if first == '"' {
        return text(rest);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let reserved = WORDS.iter().find(|word| **word == &rest[..end]);
        return Ok((
            reserved.map_or_else(|| Token::Name(rest[..end].to_owned()), |word| Token::Sign(word)),
            end,
        ));
    }
    if let Some(length) = number(rest.as_bytes()) {
        return Ok((Token::Number(rest[..length].to_owned()), length));
    }
    let sign = SIGNS.iter().chain(&["?"]).find(|sign| rest.starts_with(**sign));
    sign.map(|sign| (Token::Sign(sign), sign.len()))
        .ok_or_else(|| format!("`{first}` means nothing in a path"))
}

/// A text in double quotes, with JSON's escapes.
fn text(rest: &str) -> Result<(Token, usize), String> {
    let mut at = 1;
    let bytes = rest.as_bytes();
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok((Token::Text(rest[1..at].to_owned()), at + 1)),
            Some(b'\\') => at += escape(&bytes[at..]).ok_or("an escape in it is not one of JSON's")?,
            Some(0x20..) => at += 1,
            Some(_) => return Err("a control character stands in a text".to_owned()),
            None => return Err("a text in it is never closed".to_owned()),
        }
    }
}

fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'/' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// How long the number at the start is, as JSON writes numbers.
fn number(bytes: &[u8]) -> Option<usize> {
    let mut at = integer(bytes, usize::from(bytes.first() == Some(&b'-')))?;
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = digits(bytes, at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = integer(bytes, at + 1 + sign).unwrap_or(at);
    }
    Some(at)
}

/// A whole number has no zeros before it.
fn integer(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'0' => Some(at + 1),
        b'1'..=b'9' => Some(digits(bytes, at)),
        _ => None,
    }
}

fn digits(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}
