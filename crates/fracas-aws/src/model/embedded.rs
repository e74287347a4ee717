//! The service models inside the binary.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Service;
use super::pack::Pack;

static MODELS: &[u8] = include_bytes!("../../models/models.bin");

fn pack() -> &'static Pack<'static> {
    static PACK: OnceLock<Pack<'static>> = OnceLock::new();
    // A test opens every frame of this build's pack, so it cannot be corrupt.
    PACK.get_or_init(|| Pack::open(MODELS).expect("the embedded models are a pack"))
}

/// The names of all services, sorted, as boto3 lists them.
pub fn services() -> impl Iterator<Item = &'static str> {
    pack().names()
}

/// The service that boto3 knows under this name.
///
/// The first call for a service unpacks it and leaks the buffer on purpose: a run uses a
/// handful of services, until its end, and borrowing from the buffer is what makes opening
/// one fast. Later calls give the same reference.
pub fn service(name: &str) -> Option<&'static Service<'static>> {
    static OPENED: Opened<Service<'static>> = Opened::new();
    OPENED.get(name, || decode(name))
}

/// As [`service`], but unpacks and leaks anew at each call: for measuring.
pub fn open(name: &str) -> Option<&'static Service<'static>> {
    decode(name).map(|service| &*Box::leak(Box::new(service)))
}

fn decode(name: &str) -> Option<Service<'static>> {
    let bytes = pack().unpack(name)?.expect("the embedded models are readable");
    Some(bitcode::decode(bytes.leak()).expect("the embedded models are of this build"))
}

/// What was opened so far, by name, and stays to the end of the program.
pub(crate) struct Opened<T: 'static>(OnceLock<Mutex<HashMap<String, &'static T>>>);

impl<T> Opened<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// What is open under this name, else what `open` gives, which is kept.
    pub(crate) fn get(&self, name: &str, open: impl FnOnce() -> Option<T>) -> Option<&'static T> {
        let mut opened = self.0.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(name) {
            return Some(known);
        }
        let new: &'static T = Box::leak(Box::new(open()?));
        opened.insert(name.to_owned(), new);
        Some(new)
    }
}
