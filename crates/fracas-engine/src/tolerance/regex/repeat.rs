//! Quantifiers.

use super::{ENDLESS, Item, Kind, Read, Reader};

impl Reader {
    /// Repeats the last item. A `{` that begins no quantifier is itself.
    pub(super) fn repeat(&mut self, sign: char, items: &mut Vec<Item>) -> Read<()> {
        let counts = match sign {
            '*' => Some((0, ENDLESS)),
            '+' => Some((1, ENDLESS)),
            '?' => Some((0, 1)),
            _ => self.counts()?,
        };
        let Some((least, most)) = counts else {
            items.push(self.literal('{'));
            return Ok(());
        };
        let item = items.pop().filter(|item| item.kind != Kind::Place).ok_or("nothing to repeat")?;
        if item.kind == Kind::Repeated {
            return Err("multiple repeat".into());
        }
        let is_lazy = self.take('?');
        let text = repeated(&item, least, most, is_lazy);
        let text = if !is_lazy && self.take('+') { format!("(?>{text})") } else { text };
        let width = (item.width.0.saturating_mul(least), item.width.1.saturating_mul(most));
        items.push(Item { text, width, kind: Kind::Repeated });
        Ok(())
    }

    /// What follows `{`, if it is a quantifier: `m}`, `m,}`, `,n}` or `m,n}`.
    fn counts(&mut self) -> Read<Option<(u64, u64)>> {
        let start = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let least = self.take_while(usize::MAX, |c| c.is_ascii_digit());
        let most = match self.take(',') {
            true => self.take_while(usize::MAX, |c| c.is_ascii_digit()),
            false => least.clone(),
        };
        if !self.take('}') {
            self.at = start;
            return Ok(None);
        }
        let (least, most) = (count(&least, 0)?, count(&most, ENDLESS)?);
        if most < least {
            return Err("min repeat greater than max repeat".into());
        }
        Ok(Some((least, most)))
    }
}

fn repeated(item: &Item, least: u64, most: u64, is_lazy: bool) -> String {
    let (text, lazy) = (&item.text, if is_lazy { "?" } else { "" });
    match (item.width.1, least, most) {
        // Something without a width is found once or not at all, and cannot be repeated here.
        (0, 0, _) if is_lazy => format!("(?:|{text})"),
        (0, 0, _) => format!("(?:{text}|)"),
        (0, ..) => format!("(?:{text})"),
        (.., ENDLESS) => format!("(?:{text}){{{least},}}{lazy}"),
        _ => format!("(?:{text}){{{least},{most}}}{lazy}"),
    }
}

fn count(digits: &str, otherwise: u64) -> Read<u64> {
    if digits.is_empty() {
        return Ok(otherwise);
    }
    let count = digits.parse().ok().filter(|count| *count < u64::from(u32::MAX));
    count.ok_or_else(|| "the repetition number is too large".into())
}
