//! Bodies that are sent compressed (botocore's `compress.py`).

use super::checksum::has_streaming_input;
use super::settings::Settings;
use crate::protocol::{Call, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Compresses a body where the operation allows it and it is worth the while.
pub(super) fn body(settings: &Settings, call: Call, request: &mut Request) {
    let is_known = call.operation.request_compression.contains(&"gzip");
    let is_large = settings.compress_from.is_some_and(|least| request.body.len() >= least);
    if !is_known || !is_large || has_streaming_input(call) || call.service.metadata.signature_version == "v2"
    {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the body goes as it is.
    let Ok(body) = encoder.write_all(&request.body).and_then(|()| encoder.finish()) else { return };
    request.body = body;
    let encoding = request.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    match encoding {
        Some((_, encoding)) => encoding.push_str(",gzip"),
        None => request.headers.push(("content-encoding".into(), "gzip".to_owned())),
    }
}
