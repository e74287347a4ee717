//! What follows a backslash.

use super::{Item, Read, Reader, Unusable};

impl Reader {
    /// An escape outside of brackets.
    pub(super) fn escape(&mut self) -> Read<Item> {
        let letter = self.next().ok_or("bad escape (end of pattern)")?;
        if let Some(category) = self.category(letter) {
            return Ok(Item::new(format!("[{category}]"), (1, 1)));
        }
        match letter {
            'A' => Ok(Item::place(r"\A")),
            'Z' => Ok(Item::place(r"\z")),
            'b' => Ok(Item::place(&self.boundary(false))),
            'B' => Ok(Item::place(&self.boundary(true))),
            '0' => {
                let digits = self.take_while(2, |c| c.is_digit(8));
                let code = self.octal(&format!("0{digits}"))?;
                Ok(self.character(code))
            }
            '1'..='9' => self.octal_or_reference(letter),
            _ => {
                let code = self.code(letter)?;
                Ok(self.character(code))
            }
        }
    }

    /// Where a word ends or begins. Where none does, an empty text is no such place to Python.
    fn boundary(&self, negated: bool) -> String {
        let word = if self.flags.ascii { "[a-zA-Z0-9_]" } else { r"[\p{L}\p{N}_]" };
        match negated {
            false => format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"),
            true => format!(r"(?:(?!\A\z)(?:(?<={word})(?={word})|(?<!{word})(?!{word})))"),
        }
    }

    fn character(&self, code: u32) -> Item {
        // Half of a surrogate pair is found nowhere.
        char::from_u32(code).map_or_else(|| Item::new("(?!)", (1, 1)), |character| self.literal(character))
    }

    /// The character that an escape stands for, in brackets or not.
    pub(super) fn code(&mut self, letter: char) -> Read<u32> {
        match letter {
            'a' => Ok(7),
            'f' => Ok(12),
            'n' => Ok(10),
            'r' => Ok(13),
            't' => Ok(9),
            'v' => Ok(11),
            'x' => self.hexadecimal(letter, 2),
            'u' => self.hexadecimal(letter, 4),
            'U' => self.hexadecimal(letter, 8),
            'N' => Err(Unusable::Unsupported("it names characters with \\N{...}".to_owned())),
            _ if letter.is_ascii_alphanumeric() => Err(Unusable::Invalid(format!("bad escape \\{letter}"))),
            _ => Ok(letter as u32),
        }
    }

    fn hexadecimal(&mut self, letter: char, length: usize) -> Read<u32> {
        let digits = self.take_while(length, |c| c.is_ascii_hexdigit());
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
        let code = code.ok_or_else(|| Unusable::Invalid(format!("incomplete escape \\{letter}{digits}")))?;
        if code > char::MAX as u32 {
            return Err(Unusable::Invalid(format!("bad escape \\{letter}{digits}")));
        }
        Ok(code)
    }

    pub(super) fn octal(&self, digits: &str) -> Read<u32> {
        let code = u32::from_str_radix(digits, 8).ok().filter(|code| *code <= 0o377);
        let words = || format!("octal escape value \\{digits} outside of range 0-0o377");
        code.ok_or_else(|| Unusable::Invalid(words()))
    }

    /// Three octal digits are a character, anything else is the number of a group.
    fn octal_or_reference(&mut self, first: char) -> Read<Item> {
        let mut digits = first.to_string() + &self.take_while(1, |c| c.is_ascii_digit());
        if digits.len() == 2 && digits.chars().all(|c| c.is_digit(8)) {
            digits += &self.take_while(1, |c| c.is_digit(8));
        }
        if digits.len() == 3 {
            let code = self.octal(&digits)?;
            return Ok(self.character(code));
        }
        let group = digits.parse().unwrap_or(usize::MAX);
        if group >= self.groups.len() {
            return Err(Unusable::Invalid(format!("invalid group reference {digits}")));
        }
        self.reference(group)
    }
}
