//! Regular expressions in Python's dialect: read as Python reads them, and written again so that
//! the engine used here finds the same.
//!
//! Source: <https://docs.python.org/3.11/library/re.html>; errors have its words, for users know them.

mod class;
mod escape;
mod flags;
mod group;
mod repeat;

use std::collections::HashMap;

use fancy_regex::{Regex, RegexBuilder};
use flags::Flags;

/// Steps that a search may take back before it is given up.
const MAX_BACKTRACKS: usize = 10_000_000;

/// Bytes that a compiled expression may take.
const MAX_SIZE: usize = 64 << 20;

/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 50;

/// What goes wrong when an expression is compiled.
#[derive(Debug, PartialEq)]
pub(crate) enum Unusable {
    /// It is none in Python either: Python's words.
    Invalid(String),
    /// It is one in Python, but cannot be used here, for this reason.
    Unsupported(String),
}

impl From<&str> for Unusable {
    fn from(words: &str) -> Unusable {
        Unusable::Invalid(words.to_owned())
    }
}

type Read<T> = Result<T, Unusable>;

/// Compiles an expression of Python's.
///
/// # Errors
///
/// Why it cannot be used.
pub(crate) fn compile(pattern: &str) -> Read<Regex> {
    let translated = translate(pattern)?;
    let mut builder = RegexBuilder::new(&translated);
    builder.backtrack_limit(MAX_BACKTRACKS).delegate_size_limit(MAX_SIZE);
    builder.build().map_err(|error| Unusable::Unsupported(error.to_string()))
}

fn translate(pattern: &str) -> Read<String> {
    let mut reader = Reader {
        pattern: pattern.chars().collect(),
        at: 0,
        flags: Flags::default(),
        groups: vec![None],
        names: HashMap::new(),
        behind: None,
        farthest_condition: 0,
        depth: 0,
    };
    let whole = reader.alternatives(true)?;
    if reader.peek().is_some() {
        return Err("unbalanced parenthesis".into());
    }
    if reader.farthest_condition >= reader.groups.len() {
        return Err(Unusable::Invalid(format!("invalid group reference {}", reader.farthest_condition)));
    }
    Ok(whole.text)
}

/// How many characters something matches: at least and at most. More than can be counted is all one.
type Width = (u64, u64);

const ENDLESS: u64 = u64::MAX;

/// A part of an expression, written again.
#[derive(Debug)]
struct Item {
    text: String,
    width: Width,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// a place, which cannot be repeated
    Place,
    /// repeated already
    Repeated,
    Other,
}

impl Item {
    fn new(text: impl Into<String>, width: Width) -> Item {
        Item { text: text.into(), width, kind: Kind::Other }
    }

    fn place(text: &str) -> Item {
        Item { text: text.to_owned(), width: (0, 0), kind: Kind::Place }
    }
}

struct Reader {
    pattern: Vec<char>,
    at: usize,
    flags: Flags,
    /// The width of each group that is closed, by number; 0 is the whole.
    groups: Vec<Option<Width>>,
    names: HashMap<String, usize>,
    /// How many groups there were where the outermost look-behind begins.
    behind: Option<usize>,
    /// The last group that a condition names.
    farthest_condition: usize,
    depth: usize,
}

impl Reader {
    fn alternatives(&mut self, is_whole: bool) -> Read<Item> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unusable::Unsupported(format!("it is nested more than {MAX_DEPTH} levels deep")));
        }
        let mut found = self.sequence(is_whole)?;
        while self.take('|') {
            let other = self.sequence(false)?;
            found.text = format!("{}|{}", found.text, other.text);
            found.width = (found.width.0.min(other.width.0), found.width.1.max(other.width.1));
        }
        self.depth -= 1;
        Ok(found)
    }

    /// Up to `|`, `)` or the end. Flags for the whole expression may only stand at its start.
    fn sequence(&mut self, is_first: bool) -> Read<Item> {
        let mut items: Vec<Item> = Vec::new();
        while let Some(next) = self.peek().filter(|next| !matches!(next, '|' | ')')) {
            if self.flags.verbose && self.skip_space(next) {
                continue;
            }
            self.at += 1;
            match next {
                '*' | '+' | '?' | '{' => self.repeat(next, &mut items)?,
                '(' => {
                    let can_set_flags = is_first && items.is_empty();
                    items.extend(self.group(can_set_flags)?);
                }
                _ => items.push(self.single(next)?),
            }
        }
        let width = items.iter().fold((0, 0), |sum: Width, item| {
            (sum.0.saturating_add(item.width.0), sum.1.saturating_add(item.width.1))
        });
        Ok(Item::new(items.into_iter().map(|item| item.text).collect::<String>(), width))
    }

    /// Space and comments mean nothing in a verbose expression.
    fn skip_space(&mut self, next: char) -> bool {
        match next {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => self.at += 1,
            '#' => while self.next().is_some_and(|skipped| skipped != '\n') {},
            _ => return false,
        }
        true
    }

    fn single(&mut self, next: char) -> Read<Item> {
        let flags = self.flags;
        Ok(match next {
            '.' => Item::new(if flags.dot_all { "(?s:.)" } else { r"[^\n]" }, (1, 1)),
            '^' => Item::place(if flags.multiline { "(?m:^)" } else { r"\A" }),
            '$' => Item::place(if flags.multiline { "(?m:$)" } else { r"(?=\n?\z)" }),
            '[' => self.class()?,
            '\\' => self.escape()?,
            literal => self.literal(literal),
        })
    }

    fn literal(&self, literal: char) -> Item {
        let plain = fancy_regex::escape(literal.encode_utf8(&mut [0; 4])).into_owned();
        let text = match (self.flags.ignore_case, self.flags.ascii) {
            (false, _) => plain,
            (true, true) if literal.is_ascii_alphabetic() => {
                format!("[{}{}]", literal.to_ascii_lowercase(), literal.to_ascii_uppercase())
            }
            (true, true) => plain,
            // To Python the dotless i and the I with a dot are i, too.
            (true, false) if matches!(literal, 'i' | 'I' | 'ı' | 'İ') => "[iIıİ]".to_owned(),
            (true, false) => format!("(?i:{plain})"),
        };
        Item::new(text, (1, 1))
    }

    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    /// At most this many characters of a kind.
    fn take_while(&mut self, most: usize, is_wanted: fn(char) -> bool) -> String {
        let taken: String =
            self.pattern[self.at..].iter().copied().take(most).take_while(|c| is_wanted(*c)).collect();
        self.at += taken.chars().count();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_what_python_finds() {
        let cases = [
            (r"a$", "a\n", true),
            (r"a\Z", "a\n", false),
            (r"(?m)^b$", "a\nb\nc", true),
            (r"(?P<q>['x]).*(?P=q)", "'hello'", true),
            (r"(\d+)-\1", "12-12", true),
            (r"^\w+$", "naïve²", true),
            (r"(?a)^\w+$", "naïve", false),
            (r"[[]", "[", true),
            (r"[a&&b]", "&", true),
            (r"[]a]", "]", true),
            (r"a{,2}b", "b", true),
            (r"${name}", "${name}", false),
            (r"x{y}", "x{y}", true),
            (r"(?<=ab)c", "abc", true),
            (r"(?<!ab)c", "abc", false),
            (r"(a)?(?(1)b|c)$", "c", true),
            (r"(?>a+)ab", "aaab", false),
            (r"a++b", "aab", true),
            (r"(?i:STRASSE)x", "strassex", true),
            (r"(?x) a b # comment", "ab", true),
            (r"(?i)KELVIN", "\u{212a}elvin", true),
            (r"\bword\b", "a word.", true),
            (r"\B", "", false),
            (r"\x41\101\u0042", "AAB", true),
            (r"(?:(?=a))*b", "b", true),
            (r"(?s).a", "\na", true),
            (r".a", "\na", false),
        ];
        for (pattern, text, expected) in cases {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
            assert_eq!(regex.is_match(text).unwrap(), expected, "{pattern} {text:?}");
        }
    }

    #[test]
    fn refuses_what_python_refuses() {
        let cases = [
            ("(", "missing ), unterminated subpattern"),
            (")", "unbalanced parenthesis"),
            ("*", "nothing to repeat"),
            ("a**", "multiple repeat"),
            ("^*", "nothing to repeat"),
            ("[a", "unterminated character set"),
            ("[z-a]", "bad character range z-a"),
            (r"\q", r"bad escape \q"),
            ("\\", "bad escape (end of pattern)"),
            (r"\1", "invalid group reference 1"),
            (r"(\1)", "cannot refer to an open group"),
            ("(?<=a+)b", "look-behind requires fixed-width pattern"),
            ("a{2,1}", "min repeat greater than max repeat"),
            ("a(?i)", "global flags not at the start of the expression"),
            ("(?P<a>x)(?P<a>y)", "redefinition of group name 'a' as group 2; was group 1"),
            ("(?P=a)", "unknown group name 'a'"),
            ("(?(2)a)", "invalid group reference 2"),
            ("(?~a)", "unknown extension ?~"),
            ("(?L)a", "bad inline flags: cannot use 'L' flag with a str pattern"),
        ];
        for (pattern, words) in cases {
            assert_eq!(compile(pattern).unwrap_err(), Unusable::from(words), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in r"[\[\]()|*+?{},^$.a-c0-2\\bBdDwWsSZ:=!<>#P&~i-]{0,20}", text in "[a-c0-2 ]{0,8}") {
            if let Ok(regex) = compile(&pattern) {
                let _ = regex.is_match(&text);
            }
        }
    }
}
