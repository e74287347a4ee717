//! Where a call goes, and for which service and region it is signed.

use super::send::Signing;
use super::settings::Settings;
use crate::error::Error;
use crate::protocol::{Call, Object};

/// Where a call goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    pub(super) url: String,
    /// Headers that the endpoint asks for.
    pub(super) headers: Vec<(String, String)>,
    pub(super) signing: Signing,
}

/// The address by the service's endpoint rules.
pub(super) fn resolve(settings: &Settings, call: Call, _params: &Object) -> Result<Address, Error> {
    let region = settings.region.clone().ok_or_else(no_region)?;
    let url = settings.endpoint_url(call.service.metadata.service_id).ok_or_else(no_region)?;
    let signing =
        Signing { name: call.service.metadata.signing_name.to_owned(), region, double_encode: true };
    Ok(Address { url, headers: Vec::new(), signing })
}

fn no_region() -> Error {
    Error::unsent("NoRegionError", "You must specify a region.")
        .with_help("set AWS_REGION, or region in the profile or the experiment's configuration (aws_region)")
}
