//! A file of many small frames that are opened one at a time.
//!
//! ```text
//! length of the index, 4 bytes, little endian
//! index       names and lengths, bitcode
//! dictionary  what the frames have in common
//! frames      one after the other in the order of the index, zstd
//! ```
//!
//! One stream over all services would be smaller, but opening one service would cost as much
//! as opening all; the dictionary gives most of that back.

use bitcode::{Decode, Encode};

/// An opened pack: the index is read, the frames are not.
#[derive(Debug)]
pub struct Pack<'a> {
    dictionary: &'a [u8],
    frames: Vec<Frame<'a>>,
}

#[derive(Debug)]
struct Frame<'a> {
    name: &'a str,
    packed: &'a [u8],
    unpacked: usize,
}

#[derive(Encode, Decode)]
struct Index<'a> {
    dictionary: u32,
    frames: Vec<Entry<'a>>,
}

#[derive(Encode, Decode)]
struct Entry<'a> {
    name: &'a str,
    packed: u32,
    unpacked: u32,
}

/// The bytes are not a pack, or are cut short.
#[derive(Debug)]
pub struct Corrupt(&'static str);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt pack: {}", self.0)
    }
}

impl std::error::Error for Corrupt {}

impl<'a> Pack<'a> {
    /// Reads the index of a pack.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Corrupt("no index"))?;
        let mut rest = rest;
        let mut take = |length: u32| {
            let (head, tail) = rest.split_at_checked(length as usize).ok_or(Corrupt("cut short"))?;
            rest = tail;
            Ok(head)
        };
        let index = take(u32::from_le_bytes(*length))?;
        let index: Index<'a> = bitcode::decode(index).map_err(|_| Corrupt("unreadable index"))?;
        let dictionary = take(index.dictionary)?;
        let frame = |entry: Entry<'a>| {
            let packed = take(entry.packed)?;
            Ok(Frame { name: entry.name, packed, unpacked: entry.unpacked as usize })
        };
        let frames = index.frames.into_iter().map(frame).collect::<Result<_, _>>()?;
        Ok(Self { dictionary, frames })
    }

    /// The frames' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.frames.iter().map(|frame| frame.name)
    }

    /// The content of the frame of this name, if there is one.
    pub fn unpack(&self, name: &str) -> Option<Result<Vec<u8>, Corrupt>> {
        let found = self.frames.binary_search_by(|frame| frame.name.cmp(name)).ok()?;
        Some(self.unpack_frame(&self.frames[found]))
    }

    fn unpack_frame(&self, frame: &Frame) -> Result<Vec<u8>, Corrupt> {
        zstd::bulk::Decompressor::with_dictionary(self.dictionary)
            .and_then(|mut decompressor| decompressor.decompress(frame.packed, frame.unpacked))
            .map_err(|_| Corrupt("unreadable frame"))
    }
}

/// Packs frames, given sorted by name, with a dictionary of at most `dictionary` bytes.
///
/// The same frames give the same bytes. Fails when zstd finds too little to learn from.
#[cfg(any(test, feature = "pack"))]
pub fn write(frames: &[(String, Vec<u8>)], dictionary: usize) -> std::io::Result<Vec<u8>> {
    const LEVEL: i32 = 19;
    let contents: Vec<&[u8]> = frames.iter().map(|(_, content)| content.as_slice()).collect();
    let dictionary = zstd::dict::from_samples(&contents, dictionary)?;
    let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, &dictionary)?;
    let packed =
        contents.iter().map(|content| compressor.compress(content)).collect::<Result<Vec<_>, _>>()?;
    let entries = frames.iter().zip(&packed).map(|((name, content), packed)| Entry {
        name,
        packed: packed.len() as u32,
        unpacked: content.len() as u32,
    });
    let index = Index { dictionary: dictionary.len() as u32, frames: entries.collect() };
    let index = bitcode::encode(&index);
    let length = (index.len() as u32).to_le_bytes();
    Ok([length.as_slice(), &index, &dictionary, &packed.concat()].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_packing_repeats_itself() {
        let frames: Vec<(String, Vec<u8>)> = (100..300u32)
            .map(|n| (format!("{n}"), format!("{n} and some words of {n}").repeat(n as usize).into_bytes()))
            .collect();
        let packed = write(&frames, 4096).unwrap();
        assert_eq!(packed, write(&frames, 4096).unwrap());
        let pack = Pack::open(&packed).unwrap();
        assert!(pack.names().eq(frames.iter().map(|(name, _)| name)));
        for (name, content) in &frames {
            assert_eq!(pack.unpack(name).unwrap().unwrap(), *content);
        }
        assert!(pack.unpack("99").is_none());
        assert_eq!(
            Pack::open(&packed[..packed.len() - 1]).unwrap_err().to_string(),
            "corrupt pack: cut short"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(pack) = Pack::open(&bytes) {
                for name in pack.names() {
                    let _ = pack.unpack(name);
                }
            }
        }
    }
}
