//! Quoted texts that go on at a lower indentation than they began at, which PyYAML reads. The
//! parser does not, so it is shown a text in which they are indented: space at the start of their
//! lines means nothing.

/// How many such texts a document may have: each costs one more reading.
const MAX_INDENTED: usize = 100;

/// A text with more space at the start of some lines.
pub(super) struct Indented {
    /// The text as the parser is shown it.
    pub(super) text: String,
    /// Where space was put, and how much there is up to there, in bytes.
    put: Vec<(usize, usize)>,
    times: usize,
}

impl Indented {
    /// A text as it is.
    pub(super) fn of(text: &str) -> Indented {
        Indented { text: text.to_owned(), put: Vec::new(), times: 0 }
    }

    /// Indents the lines of the quoted text that begins at this byte. False when that is no help.
    pub(super) fn indent(&mut self, quote: usize) -> bool {
        let Some(end) = self.end_of_quoted(quote).filter(|_| self.times < MAX_INDENTED) else { return false };
        let line = self.text[..quote].rfind('\n').map_or(0, |at| at + 1);
        let space = " ".repeat(quote - line + 1);
        let mut result = self.text[..quote].to_owned();
        for part in self.text[quote..end].split_inclusive('\n') {
            result.push_str(part);
            if part.ends_with('\n') {
                let before = self.put.last().map_or(0, |(_, total)| *total);
                self.put.push((result.len(), before + space.len()));
                result.push_str(&space);
            }
        }
        result.push_str(&self.text[end..]);
        self.text = result;
        self.times += 1;
        true
    }

    /// One past the closing quote of the text that begins here.
    fn end_of_quoted(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let quote = *bytes.get(start).filter(|quote| matches!(quote, b'"' | b'\''))?;
        let mut at = start + 1;
        loop {
            match *bytes.get(at)? {
                b'\\' if quote == b'"' => at += 2,
                b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// Where a byte of the text stood in the first one.
    pub(super) fn origin(&self, at: usize) -> usize {
        let before = self.put.partition_point(|(place, _)| *place < at);
        match before.checked_sub(1).and_then(|last| self.put.get(last)) {
            Some((place, total)) => {
                let own = total - before.checked_sub(2).map_or(0, |last| self.put[last].1);
                at - total + own.saturating_sub(at - place)
            }
            None => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_everything_stood() {
        let text = "k: \"a\nb\n c\"\nd: 1";
        let mut indented = Indented::of(text);
        assert!(indented.indent(3));
        assert_eq!(indented.text, "k: \"a\n    b\n     c\"\nd: 1");
        for character in ['k', 'a', 'b', 'c', 'd', '1'] {
            let at = indented.text.find(character).unwrap();
            assert_eq!(indented.origin(at), text.find(character).unwrap(), "{character}");
        }
        assert!(!indented.indent(0));
    }
}
