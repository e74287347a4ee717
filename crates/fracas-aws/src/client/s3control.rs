//! ARNs in place of names in calls of S3 Control (botocore's `S3ControlArnParamHandlerv2`).

use super::settings::Settings;
use crate::error::Error;
use crate::protocol::{Call, Object};
use serde_json::Value;

/// Refuses what these calls cannot be made with.
pub(super) fn check(settings: &Settings, call: Call, params: &Object) -> Result<(), Error> {
    let is_arn = |member: &&(&str, &str)| params.get(member.0).is_some_and(|value| parts(value).is_some());
    match settings.s3.use_accelerate_endpoint && places(call).iter().any(|place| is_arn(&place)) {
        true => Err(Error::unsent(
            "UnsupportedS3ControlConfigurationError",
            "Unsupported configuration when using S3 Control: S3 control client does not support accelerate endpoints",
        )),
        false => Ok(()),
    }
}

/// The members that may hold an ARN, and of what.
fn places(call: Call) -> &'static [(&'static str, &'static str)] {
    match (call.service.name, call.operation.name) {
        ("s3control", "CreateBucket" | "ListRegionalBuckets") => &[],
        ("s3control", "CreateAccessPoint") => &[("Bucket", "bucket")],
        ("s3control", _) => &[("Name", "accesspoint"), ("Bucket", "bucket")],
        _ => &[],
    }
}

/// The parts of an ARN.
fn parts(value: &Value) -> Option<[&str; 6]> {
    value.as_str()?.splitn(6, ':').collect::<Vec<_>>().try_into().ok()
}

/// Takes the account from the ARN of a bucket or access point on an outpost, before parameters are checked.
pub(super) fn before(call: Call, params: &mut Object) -> Result<(), Error> {
    places(call).iter().try_for_each(|(member, kind)| take_account(params, member, kind))
}

fn take_account(params: &mut Object, member: &str, kind: &str) -> Result<(), Error> {
    let given = params.get(member).cloned().unwrap_or_default();
    let Some([_, _, service, region, account, resource]) = parts(&given) else { return Ok(()) };
    let unfit = |what: &str| Err(unfit(given.as_str().unwrap_or_default(), what));
    if region.starts_with("fips-") || region.ends_with("fips-") {
        return unfit("Invalid ARN, FIPS region not allowed in ARN.");
    }
    match resource.split(['/', ':']).collect::<Vec<_>>()[..] {
        ["outpost", _, found, _] if service == "s3-outposts" && found == kind => {}
        _ => return unfit(&format!("The {member} parameter does not support the provided ARN")),
    }
    match params.get("AccountId").and_then(|value| value.as_str()) {
        Some(other) if other != account => {
            unfit(&format!("Account ID in arn does not match the AccountId parameter provided: \"{other}\""))
        }
        _ => {
            params.insert("AccountId".to_owned(), account.into());
            Ok(())
        }
    }
}

fn unfit(arn: &str, what: &str) -> Error {
    let text = format!("S3 ARN \"{arn}\" provided is invalid for this operation. {what}");
    Error::unsent("UnsupportedS3ControlArnError", text)
}
