//! Flags within an expression.

use super::{Item, Read, Reader};

/// Flags as they are in force at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multiline: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
}

impl Flags {
    fn set(&mut self, letter: char, on: bool) {
        match letter {
            'a' => self.ascii = true,
            'u' => self.ascii = false,
            'i' => self.ignore_case = on,
            'm' => self.multiline = on,
            's' => self.dot_all = on,
            'x' => self.verbose = on,
            // `t` has meant nothing for long.
            _ => {}
        }
    }
}

impl Reader {
    /// Flags: for the whole expression, or for what follows a colon.
    pub(super) fn flagged(&mut self, first: char, can_set_flags: bool) -> Read<Option<Item>> {
        let outer = self.flags;
        let mut inner = self.flags;
        let end = self.read_flags(first, &mut inner)?;
        self.flags = inner;
        if end == ')' {
            let misplaced = || "global flags not at the start of the expression".into();
            return if can_set_flags { Ok(None) } else { Err(misplaced()) };
        }
        let group = self.within("(?:")?;
        self.flags = outer;
        Ok(Some(group))
    }

    /// Reads flags up to `)` or `:`, which it gives.
    fn read_flags(&mut self, first: char, flags: &mut Flags) -> Read<char> {
        let (mut letter, mut on) = (first, String::new());
        while letter != '-' {
            if letter == 'L' {
                return Err("bad inline flags: cannot use 'L' flag with a str pattern".into());
            }
            on.push(letter);
            if on.contains('a') && on.contains('u') {
                return Err("bad inline flags: flags 'a', 'u' and 'L' are incompatible".into());
            }
            flags.set(letter, true);
            letter = self.flag("missing -, : or )", "-:)")?;
            if letter == ')' || letter == ':' {
                return Ok(letter);
            }
        }
        letter = self.flag("missing flag", "")?;
        while letter != ':' {
            if "aLu".contains(letter) {
                return Err("bad inline flags: cannot turn off flags 'a', 'u' and 'L'".into());
            }
            if on.contains(letter) {
                return Err("bad inline flags: flag turned on and off".into());
            }
            flags.set(letter, false);
            letter = self.flag("missing :", ":")?;
        }
        Ok(letter)
    }

    /// The next flag, or one of the signs that may follow.
    fn flag(&mut self, missing: &str, ends: &str) -> Read<char> {
        match self.next() {
            Some(next) if "aiLmstux".contains(next) || ends.contains(next) => Ok(next),
            Some(next) if next.is_alphabetic() => Err("unknown flag".into()),
            _ => Err(missing.into()),
        }
    }
}
