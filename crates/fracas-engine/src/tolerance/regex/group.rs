//! What stands in parentheses: groups, looks around, conditions, comments.

use super::{Item, Read, Reader, Unusable};

impl Reader {
    /// What follows `(`. None for flags and comments, which match nothing.
    pub(super) fn group(&mut self, can_set_flags: bool) -> Read<Option<Item>> {
        if !self.take('?') {
            return self.capture(None).map(Some);
        }
        let kind = self.next().ok_or("unexpected end of pattern")?;
        match kind {
            'P' => self.named().map(Some),
            ':' => self.within("(?:").map(Some),
            '>' => self.within("(?>").map(Some),
            '#' => self.comment().map(|()| None),
            '=' | '!' => self.look(&format!("(?{kind}"), false).map(Some),
            '<' => {
                let look = self.next().ok_or("unexpected end of pattern")?;
                match look {
                    '=' | '!' => self.look(&format!("(?<{look}"), true).map(Some),
                    _ => Err(Unusable::Invalid(format!("unknown extension ?<{look}"))),
                }
            }
            '(' => self.condition().map(Some),
            'a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x' | 't' | '-' => self.flagged(kind, can_set_flags),
            _ => Err(Unusable::Invalid(format!("unknown extension ?{kind}"))),
        }
    }

    /// The rest of a group that is opened so.
    pub(super) fn within(&mut self, open: &str) -> Read<Item> {
        let inner = self.alternatives(false)?;
        self.close()?;
        Ok(Item::new(format!("{open}{})", inner.text), inner.width))
    }

    fn close(&mut self) -> Read<()> {
        if self.take(')') { Ok(()) } else { Err("missing ), unterminated subpattern".into()) }
    }

    fn capture(&mut self, name: Option<String>) -> Read<Item> {
        let number = self.groups.len();
        self.groups.push(None);
        if let Some(name) = name
            && let Some(other) = self.names.insert(name.clone(), number)
        {
            let words = format!("redefinition of group name '{name}' as group {number}; was group {other}");
            return Err(Unusable::Invalid(words));
        }
        let group = self.within("(")?;
        self.groups[number] = Some(group.width);
        Ok(group)
    }

    /// `(?P<name>...)` and `(?P=name)`.
    fn named(&mut self) -> Read<Item> {
        match self.next() {
            Some('<') => {
                let name = self.name('>')?;
                self.capture(Some(name))
            }
            Some('=') => {
                let name = self.name(')')?;
                self.reference(self.group_named(&name)?)
            }
            Some(other) => Err(Unusable::Invalid(format!("unknown extension ?P{other}"))),
            None => Err("unexpected end of pattern".into()),
        }
    }

    fn name(&mut self, end: char) -> Read<String> {
        let name = self.until(end)?;
        let is_good = is_name_start(&name) && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_good { Ok(name) } else { Err(bad_name(&name)) }
    }

    fn until(&mut self, end: char) -> Read<String> {
        let rest = &self.pattern[self.at..];
        match rest.iter().position(|c| *c == end) {
            Some(0) => Err("missing group name".into()),
            Some(length) => Ok(self.take_while(length, |_| true)).inspect(|_| self.at += 1),
            None if rest.is_empty() => Err("missing group name".into()),
            None => Err(Unusable::Invalid(format!("missing {end}, unterminated name"))),
        }
    }

    fn group_named(&self, name: &str) -> Read<usize> {
        let group = self.names.get(name).copied();
        group.ok_or_else(|| Unusable::Invalid(format!("unknown group name '{name}'")))
    }

    /// What a group has matched, once more.
    pub(super) fn reference(&self, group: usize) -> Read<Item> {
        let width = self.groups[group].ok_or("cannot refer to an open group")?;
        self.check_behind(group)?;
        let flags = if self.flags.ignore_case { "i" } else { "" };
        Ok(Item::new(format!("(?{flags}:\\{group})"), width))
    }

    /// A look-behind may only refer to groups before it.
    fn check_behind(&self, group: usize) -> Read<()> {
        match self.behind {
            Some(_) if self.groups.get(group).copied().flatten().is_none() => {
                Err("cannot refer to an open group".into())
            }
            Some(first) if group >= first => {
                Err("cannot refer to group defined in the same lookbehind subpattern".into())
            }
            _ => Ok(()),
        }
    }

    fn comment(&mut self) -> Read<()> {
        let length = self.pattern[self.at..].iter().position(|c| *c == ')');
        self.at += length.ok_or("missing ), unterminated comment")? + 1;
        Ok(())
    }

    fn look(&mut self, open: &str, is_behind: bool) -> Read<Item> {
        let outer = self.behind;
        if is_behind {
            self.behind = outer.or(Some(self.groups.len()));
        }
        let look = self.within(open)?;
        self.behind = outer;
        if is_behind && look.width.0 != look.width.1 {
            return Err("look-behind requires fixed-width pattern".into());
        }
        Ok(Item { width: (0, 0), ..look })
    }

    /// `(?(group)yes|no)`.
    fn condition(&mut self) -> Read<Item> {
        let name = self.until(')')?;
        let group = match name.parse::<usize>() {
            Ok(0) => return Err("bad group number".into()),
            Ok(group) => group,
            Err(_) if is_name_start(&name) => self.group_named(&name)?,
            Err(_) => return Err(bad_name(&name)),
        };
        self.farthest_condition = self.farthest_condition.max(group);
        self.check_behind(group)?;
        let yes = self.sequence(false)?;
        let no = if self.take('|') { self.sequence(false)? } else { Item::new("", (0, 0)) };
        if self.peek() == Some('|') {
            return Err("conditional backref with more than two branches".into());
        }
        self.close()?;
        let width = (yes.width.0.min(no.width.0), yes.width.1.max(no.width.1));
        Ok(Item::new(format!("(?({group})(?:{})|(?:{}))", yes.text, no.text), width))
    }
}

fn is_name_start(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn bad_name(name: &str) -> Unusable {
    Unusable::Invalid(format!("bad character in group name '{name}'"))
}
