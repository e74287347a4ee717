//! Copies between regions: the source region's permission travels as a presigned URL in the call to
//! the destination (botocore's `inject_presigned_url_rds`).

use super::address::Address;
use crate::error::Error;
use crate::protocol::{Call, Object, Request, form_pair, query_pair};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// As botocore's presigned URLs.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// The region to copy from, taken out of the parameters: the API knows no such parameter. None where
/// the URL is given as well.
pub(super) fn source_region(call: Call, params: &mut Object) -> Option<String> {
    if is_snapshot_copy(call) {
        let given = params.contains_key("PresignedUrl");
        return params.get("SourceRegion").and_then(Value::as_str).filter(|_| !given).map(str::to_owned);
    }
    if !matches!(call.service.name, "rds" | "docdb" | "neptune") {
        return None;
    }
    let source = params.shift_remove("SourceRegion")?;
    let source = source.as_str().filter(|_| !params.contains_key("PreSignedUrl"));
    source.map(str::to_owned)
}

/// EC2's own copy, which knows the source region as a parameter and wants the destination's.
fn is_snapshot_copy(call: Call) -> bool {
    (call.service.name, call.operation.name) == ("ec2", "CopySnapshot")
}

/// Adds to a form the same call, presigned for the source region.
pub(super) fn add(
    call: Call,
    request: &mut Request,
    address: &Address,
    source: &str,
    keys: &Credentials,
) -> Result<(), Error> {
    let url = presigned(request, address, source, keys)
        .map_err(|error| Error::unsent("BotoCoreError", format!("cannot sign for {source}: {error}")))?;
    let mut put = |name, value| request.body.extend(format!("&{}", form_pair(name, value)).into_bytes());
    if is_snapshot_copy(call) {
        put("PresignedUrl", &url);
        put("DestinationRegion", &address.signing.region);
    } else {
        put("PreSignedUrl", &url);
    }
    Ok(())
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn presigned(
    request: &Request,
    address: &Address,
    source: &str,
    keys: &Credentials,
) -> Result<String, BoxError> {
    let destination = &address.signing.region;
    let host = address.url.replace(destination, source);
    // A form writes a blank as +, which in a URL is a plus sign to some.
    let form = std::str::from_utf8(&request.body)?.replace('+', "%20");
    let mut url =
        format!("{}/?{form}&{}", host.trim_end_matches('/'), query_pair("DestinationRegion", destination));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(GOOD_FOR);
    let identity = Identity::from(keys.clone());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(source)
        .name(&address.signing.name)
        .time(SystemTime::now())
        .settings(settings)
        .build()?;
    let signable = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (signature, _) = sign(signable, &params.into())?.into_parts();
    for (name, value) in signature.params() {
        url.push('&');
        url.push_str(&query_pair(name, value));
    }
    Ok(url)
}
