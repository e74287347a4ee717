//! Texts without what may stand in the middle of a secret: breaks of lines, and escapes.

use std::borrow::Cow;
use std::ops::Range;

/// A text without breaks of lines and backslashes, of which JSON within JSON has any number, and
/// perhaps with its percent escapes resolved: encoders differ in what they escape.
pub(super) struct Folded<'a> {
    text: &'a [u8],
    pub(super) bytes: Cow<'a, [u8]>,
    unescaped: bool,
    /// Where the fold and the text go on together after a difference.
    resumed: Vec<(usize, usize)>,
}

impl<'a> Folded<'a> {
    pub(super) fn new(text: &'a str, unescape: bool) -> Folded<'a> {
        let text = text.as_bytes();
        let mut folded =
            Folded { text, bytes: Cow::Borrowed(text), unescaped: unescape, resumed: vec![(0, 0)] };
        if text.iter().any(|byte| is_left_out(*byte) || (unescape && *byte == b'%')) {
            folded.fold();
        }
        folded
    }

    fn fold(&mut self) {
        let mut bytes = Vec::with_capacity(self.text.len());
        let mut at = 0;
        while at < self.text.len() {
            let (byte, length) = self.byte(at);
            at += length;
            if is_left_out(byte) {
                self.resumed.push((bytes.len(), at));
                continue;
            }
            bytes.push(byte);
            if length > 1 {
                self.resumed.push((bytes.len(), at));
            }
        }
        self.bytes = Cow::Owned(bytes);
    }

    /// The byte that stands at a place of the text, and in how many bytes.
    fn byte(&self, at: usize) -> (u8, usize) {
        let escaped = || u8::from_str_radix(str::from_utf8(self.text.get(at + 1..at + 3)?).ok()?, 16).ok();
        match self.text[at] {
            b'%' if self.unescaped => escaped().map_or((b'%', 1), |byte| (byte, 3)),
            byte => (byte, 1),
        }
    }

    /// Where a part of the fold stands in the text.
    pub(super) fn place(&self, part: Range<usize>) -> Range<usize> {
        let last = self.place_of(part.end - 1);
        self.place_of(part.start)..last + self.byte(last).1
    }

    fn place_of(&self, at: usize) -> usize {
        let before = self.resumed.partition_point(|(folded, _)| *folded <= at);
        let (folded, text) = self.resumed[before - 1];
        text + (at - folded)
    }
}

fn is_left_out(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_fold_are_found_in_the_text() {
        let text = "a\n\\b%43%0adé%zz";
        let folded = Folded::new(text, true);
        assert_eq!(folded.bytes, "abCdé%zz".as_bytes());
        let place = |part| &text[folded.place(part)];
        assert_eq!([place(0..1), place(0..2), place(2..3)], ["a", "a\n\\b", "%43"]);
        assert_eq!([place(1..4), place(4..6), place(6..9)], ["b%43%0ad", "é", "%zz"]);
    }
}
