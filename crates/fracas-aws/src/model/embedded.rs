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
    static OPENED: OnceLock<Mutex<HashMap<String, &'static Service<'static>>>> = OnceLock::new();
    let opened = OPENED.get_or_init(Mutex::default);
    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(service) = opened.get(name) {
        return Some(service);
    }
    let service = open(name)?;
    opened.insert(name.to_owned(), service);
    Some(service)
}

/// As [`service`], but unpacks and leaks anew at each call: for measuring.
pub fn open(name: &str) -> Option<&'static Service<'static>> {
    let bytes = pack().unpack(name)?.expect("the embedded models are readable");
    let service = bitcode::decode(bytes.leak()).expect("the embedded models are of this build");
    Some(Box::leak(Box::new(service)))
}
