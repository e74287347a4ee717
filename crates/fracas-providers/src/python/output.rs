//! What functions write to standard output and standard error: it goes on without secrets.

use std::io::{Read, Write};
use std::sync::Mutex;

use fracas_engine::Mask;

use super::child::lock;

/// How much is held back at most until its line ends.
const LONGEST_LINE: usize = 1 << 20;

/// Hands on what is read, until it ends. Where there are secrets, whole lines go on. `hear` is
/// given everything as it comes.
pub(super) fn pass_on(
    mut from: impl Read,
    mut to: impl Write,
    hidden: &Mutex<Mask>,
    mut hear: impl FnMut(&[u8]),
) {
    let mut buffer = [0; 8192];
    let mut held = Vec::new();
    // There may be nobody to read it.
    let mut write =
        |bytes: &[u8]| drop(to.write_all(&masked(&lock(hidden), bytes)).and_then(|()| to.flush()));
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        hear(&buffer[..count]);
        held.extend_from_slice(&buffer[..count]);
        let is_free = held.len() > LONGEST_LINE || lock(hidden).is_empty();
        let whole = held.iter().rposition(|byte| is_free || matches!(byte, b'\n' | b'\r'));
        write(&held[..whole.map_or(0, |last| last + 1)]);
        held.drain(..whole.map_or(0, |last| last + 1));
    }
    write(&held);
}

/// The same without secrets. Bytes that are no text stay as they are, unless secrets are among them.
fn masked(mask: &Mask, bytes: &[u8]) -> Vec<u8> {
    if mask.is_empty() {
        return bytes.to_vec();
    }
    let text = String::from_utf8_lossy(bytes);
    let line = mask.line(&text);
    if line == text { bytes.to_vec() } else { line.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_engine::Values;
    use serde_json::json;

    /// Gives what it has piece by piece.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn passed_on(mask: Mask, pieces: &[&'static [u8]]) -> (Vec<u8>, Vec<u8>) {
        let (mut written, mut heard) = (Vec::new(), Vec::new());
        let hear = |bytes: &[u8]| heard.extend_from_slice(bytes);
        pass_on(Pieces(pieces.to_vec()), &mut written, &Mutex::new(mask), hear);
        (written, heard)
    }

    #[test]
    fn secrets_are_masked_also_where_they_come_in_pieces() {
        let secrets = [("g".to_owned(), json!({"a": "hunter22"}))].into_iter().collect();
        let mask = Mask::of(&Values { secrets, ..Values::default() });
        let (written, heard) = passed_on(mask, &[b"a hun", b"ter22\n\xff", b"\nhunter", b"22"]);
        assert_eq!(written, b"a *****\n\xff\n*****".to_vec());
        assert_eq!(heard, b"a hunter22\n\xff\nhunter22".to_vec());
    }

    #[test]
    fn without_secrets_everything_stays() {
        assert_eq!(passed_on(Mask::default(), &[b"\xffa", b"b"]).0, b"\xffab".to_vec());
    }
}
