//! Sets of characters, in brackets.

use super::{Item, Read, Reader, Unusable};

/// One entry of a set.
enum Member {
    Character(u32),
    /// Any of several, as it stands within brackets.
    Category(String),
}

/// A set without members, within brackets. Halves of surrogate pairs are no characters here, and
/// no text has them.
const NOTHING: &str = r"[^\x{0}-\x{10ffff}]";

impl Reader {
    /// What follows `[`. Nothing but `]`, `^`, `-` and `\` means anything in it.
    pub(super) fn class(&mut self) -> Read<Item> {
        let negated = self.take('^');
        let mut members = String::new();
        loop {
            let start = self.at;
            let next = self.next().ok_or("unterminated character set")?;
            if next == ']' && !members.is_empty() {
                break;
            }
            let low = self.member(next)?;
            members.push_str(&match self.end_of_range()? {
                None => written(&low),
                Some(high) => range(&low, &high).ok_or_else(|| self.bad_range(start))?,
            });
        }
        let set = format!("[{}{members}]", if negated { "^" } else { "" });
        Ok(Item::new(if self.flags.ignore_case { format!("(?i:{set})") } else { set }, (1, 1)))
    }

    /// What follows a `-`, unless the set ends there.
    fn end_of_range(&mut self) -> Read<Option<Member>> {
        if self.peek() != Some('-') || self.pattern.get(self.at + 1) == Some(&']') {
            return Ok(None);
        }
        self.at += 1;
        let end = self.next().ok_or("unterminated character set")?;
        self.member(end).map(Some)
    }

    fn member(&mut self, next: char) -> Read<Member> {
        if next != '\\' {
            return Ok(Member::Character(next as u32));
        }
        let escaped = self.next().ok_or("bad escape (end of pattern)")?;
        if let Some(category) = self.category(escaped) {
            return Ok(Member::Category(category));
        }
        match escaped {
            'b' => Ok(Member::Character(8)),
            '0'..='7' => {
                let digits = self.take_while(2, |c| c.is_digit(8));
                self.octal(&format!("{escaped}{digits}")).map(Member::Character)
            }
            _ => self.code(escaped).map(Member::Character),
        }
    }

    fn bad_range(&self, start: usize) -> Unusable {
        let range: String = self.pattern[start..self.at].iter().collect();
        Unusable::Invalid(format!("bad character range {range}"))
    }

    /// `\d` and the like, as it stands within brackets.
    pub(super) fn category(&self, letter: char) -> Option<String> {
        let members = match (letter.to_ascii_lowercase(), self.flags.ascii) {
            ('d', true) => "0-9",
            ('d', false) => r"\p{Nd}",
            ('s', true) => r" \t\n\r\x0b\x0c",
            ('s', false) => r"\s\x1c-\x1f",
            ('w', true) => "a-zA-Z0-9_",
            ('w', false) => r"\p{L}\p{N}_",
            _ => return None,
        };
        Some(if letter.is_ascii_uppercase() { format!("[^{members}]") } else { members.to_owned() })
    }
}

fn range(low: &Member, high: &Member) -> Option<String> {
    let (Member::Character(low), Member::Character(high)) = (low, high) else { return None };
    if low > high {
        return None;
    }
    let low = if is_half(*low) { 0xe000 } else { *low };
    let high = if is_half(*high) { 0xd7ff } else { *high };
    Some(if low <= high { format!("\\x{{{low:x}}}-\\x{{{high:x}}}") } else { NOTHING.to_owned() })
}

fn written(member: &Member) -> String {
    match member {
        Member::Character(code) if is_half(*code) => NOTHING.to_owned(),
        Member::Character(code) => format!("\\x{{{code:x}}}"),
        Member::Category(members) => members.clone(),
    }
}

/// Whether it is half of a surrogate pair.
fn is_half(code: u32) -> bool {
    (0xd800..0xe000).contains(&code)
}
