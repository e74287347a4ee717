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
    let url = presigned(request, address, source, keys, SystemTime::now())
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
    now: SystemTime,
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
        .time(now)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::send::Signing;

    /// botocore's own case, of its `test_ec2.py`.
    #[test]
    fn a_copy_is_presigned_as_botocore_does() {
        let form =
            "Action=CopySnapshot&Version=2016-11-15&SourceRegion=us-west-2&SourceSnapshotId=snap-0123abc";
        let (method, target) = ("POST".to_owned(), "/".to_owned());
        let request = Request { method, target, headers: Vec::new(), body: form.into() };
        let signing = Signing { name: "ec2".into(), region: "us-east-1".into(), ..Signing::default() };
        let address =
            Address { url: "https://ec2.us-east-1.amazonaws.com".into(), headers: Vec::new(), signing };
        let keys = Credentials::new("access_key", "secret_key", None, None, "test");
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_315_611_360);
        let url = presigned(&request, &address, "us-west-2", &keys, moment).expect("a URL");
        let signature = "a94a6b52afdf3daa34c2e2a38a62b72c8dac129c9904c61aa1a5d86e38628537";
        assert!(url.starts_with("https://ec2.us-west-2.amazonaws.com/?Action="), "{url}");
        assert!(url.ends_with(&format!("X-Amz-Signature={signature}")), "{url}");
    }
}
