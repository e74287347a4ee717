//! The settings of a client that endpoint rules read.

use super::ParamValue;
use crate::model::rules::Parameter;

/// A client's settings as far as they matter for endpoints.
///
/// botocore's `compute_endpoint_resolver_builtin_defaults` is what [`Builtins::value`] follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Builtins {
    /// The region.
    pub region: Option<String>,
    /// Ask for FIPS endpoints; not together with a custom one, which wins silently.
    pub use_fips: bool,
    /// Ask for endpoints that speak IPv6 also; not together with a custom one, which wins silently.
    pub use_dual_stack: bool,
    /// A custom endpoint.
    pub endpoint: Option<String>,
    /// The account of the credentials.
    pub account_id: Option<String>,
    /// `preferred` (also when absent), `disabled` or `required`.
    pub account_id_endpoint_mode: Option<String>,
    /// `sts_regional_endpoints = legacy`: the older regions go to the global endpoint of STS.
    pub sts_legacy: bool,
    /// What concerns S3 and S3 Control only.
    pub s3: S3Settings,
}

/// The `s3` section of an AWS profile, as far as it matters for endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Settings {
    /// `addressing_style`: `auto` (also when absent), `path` or `virtual`.
    pub addressing_style: Option<String>,
    /// Decided for one call, whatever the style; see [`Builtins::for_s3_call`].
    pub path_style: Option<bool>,
    /// `use_accelerate_endpoint`
    pub use_accelerate_endpoint: bool,
    /// `use_arn_region`: a bucket's ARN, not the client, decides on the region.
    pub use_arn_region: Option<bool>,
    /// `us_east_1_regional_endpoint = regional`: us-east-1 is a region like any other.
    pub us_east_1_regional: bool,
    /// `s3_disable_multiregion_access_points`
    pub disable_multi_region_access_points: bool,
    /// `s3_disable_express_session_auth`
    pub disable_express_session_auth: bool,
}

/// The regions that `sts_regional_endpoints = legacy` sends to the global endpoint of STS.
const LEGACY_STS_REGIONS: [&str; 16] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "aws-global",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The one setting that the rules of S3 have as a parameter without a `builtIn` name.
const EXPRESS_SESSION: &str = "AWS::S3::DisableS3ExpressSessionAuth";

/// The name of the setting that fills a parameter, or empty.
pub(super) fn setting<'a>(parameter: &Parameter<'a>) -> &'a str {
    if parameter.name == "DisableS3ExpressSessionAuth" { EXPRESS_SESSION } else { parameter.built_in }
}

impl Builtins {
    /// The value behind one of the rules' `builtIn` names; nothing for one that is not set.
    pub fn value(&self, name: &str) -> Option<ParamValue> {
        let text = |text: &Option<String>| text.as_deref().map(ParamValue::from);
        match name {
            "AWS::Region" => text(&self.region),
            "AWS::UseFIPS" => Some((self.use_fips && self.endpoint.is_none()).into()),
            "AWS::UseDualStack" => Some((self.use_dual_stack && self.endpoint.is_none()).into()),
            "SDK::Endpoint" => text(&self.endpoint),
            "AWS::Auth::AccountId" => text(&self.account_id),
            "AWS::Auth::AccountIdEndpointMode" => {
                Some(self.account_id_endpoint_mode.as_deref().unwrap_or("preferred").into())
            }
            "AWS::STS::UseGlobalEndpoint" => Some((self.sts_legacy && self.is_legacy_sts_region()).into()),
            "AWS::S3::UseGlobalEndpoint" => Some(self.uses_global_s3().into()),
            "AWS::S3::Accelerate" => Some(self.s3.use_accelerate_endpoint.into()),
            "AWS::S3::ForcePathStyle" => Some(self.forces_path_style().into()),
            "AWS::S3::UseArnRegion" => Some(self.s3.use_arn_region.unwrap_or(true).into()),
            "AWS::S3Control::UseArnRegion" => Some(self.s3.use_arn_region.unwrap_or(false).into()),
            "AWS::S3::DisableMultiRegionAccessPoints" => {
                Some(self.s3.disable_multi_region_access_points.into())
            }
            EXPRESS_SESSION => Some(self.s3.disable_express_session_auth.into()),
            _ => None,
        }
    }

    /// As boto3 changes the settings for one call of S3: a bucket's ARN excludes path style, and
    /// `GetBucketLocation`, which may be asked in the wrong region, needs it.
    pub fn for_s3_call(mut self, operation: &str, bucket: Option<&str>) -> Self {
        let is_arn =
            bucket.is_some_and(|bucket| bucket.starts_with("arn:") && bucket.splitn(6, ':').count() == 6);
        match operation {
            "GetBucketLocation" => self.s3.path_style = Some(true),
            _ if is_arn => self.s3.path_style = Some(false),
            _ => {}
        }
        self
    }

    fn is_legacy_sts_region(&self) -> bool {
        self.region.as_deref().is_some_and(|region| LEGACY_STS_REGIONS.contains(&region))
    }

    fn uses_global_s3(&self) -> bool {
        !self.s3.us_east_1_regional && self.region.as_deref().is_none_or(|region| region == "us-east-1")
    }

    /// A custom endpoint is addressed by path unless it is one of S3 Transfer Acceleration.
    fn forces_path_style(&self) -> bool {
        let style = self.s3.addressing_style.as_deref();
        match &self.endpoint {
            _ if self.s3.path_style.is_some() => self.s3.path_style == Some(true),
            _ if self.s3.use_accelerate_endpoint => false,
            Some(url) if !is_s3_accelerate_url(url) => style != Some("virtual"),
            _ => style == Some("path"),
        }
    }
}

/// `https://s3-accelerate.amazonaws.com` and its variants, such as `s3-accelerate.dualstack`.
fn is_s3_accelerate_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some(features) = host.strip_suffix(".amazonaws.com") else { return false };
    let mut parts = features.split('.');
    let first = parts.next();
    let rest: Vec<&str> = parts.collect();
    matches!(scheme, "http" | "https")
        && first == Some("s3-accelerate")
        && matches!(rest[..], [] | ["dualstack"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(builtins: &Builtins, name: &str) -> ParamValue {
        builtins.value(name).unwrap()
    }

    fn at(endpoint: &str) -> Builtins {
        Builtins { endpoint: Some(endpoint.to_owned()), ..Builtins::default() }
    }

    #[test]
    fn a_custom_endpoint_drops_fips_and_dual_stack() {
        let asked = Builtins { use_fips: true, use_dual_stack: true, ..Builtins::default() };
        let custom = Builtins { use_fips: true, use_dual_stack: true, ..at("http://localhost:5000") };
        for name in ["AWS::UseFIPS", "AWS::UseDualStack"] {
            assert_eq!(value(&asked, name), true.into());
            assert_eq!(value(&custom, name), false.into());
        }
    }

    #[test]
    fn a_custom_endpoint_is_addressed_by_path_unless_it_is_accelerate() {
        const NAME: &str = "AWS::S3::ForcePathStyle";
        assert_eq!(value(&Builtins::default(), NAME), false.into());
        assert_eq!(value(&at("http://localhost:5000"), NAME), true.into());
        assert_eq!(value(&at("https://s3-accelerate.dualstack.amazonaws.com"), NAME), false.into());
        assert_eq!(value(&at("https://s3-accelerate.dualstack.dualstack.amazonaws.com"), NAME), true.into());
        let mut asked = at("http://localhost:5000");
        asked.s3.addressing_style = Some("virtual".to_owned());
        assert_eq!(value(&asked, NAME), false.into());
        asked.s3.addressing_style = Some("path".to_owned());
        let arn = "arn:aws:s3:us-west-2:123456789012:accesspoint/name";
        assert_eq!(value(&asked.clone().for_s3_call("GetObject", Some(arn)), NAME), false.into());
        assert_eq!(value(&Builtins::default().for_s3_call("GetBucketLocation", None), NAME), true.into());
    }

    #[test]
    fn us_east_1_is_global_for_s3_and_where_asked_for_sts() {
        let east = Builtins { region: Some("us-east-1".to_owned()), ..Builtins::default() };
        assert_eq!(value(&east, "AWS::S3::UseGlobalEndpoint"), true.into());
        assert_eq!(value(&east, "AWS::STS::UseGlobalEndpoint"), false.into());
        let legacy = Builtins { sts_legacy: true, ..east };
        assert_eq!(value(&legacy, "AWS::STS::UseGlobalEndpoint"), true.into());
        let china = Builtins { region: Some("cn-north-1".to_owned()), ..legacy };
        assert_eq!(value(&china, "AWS::S3::UseGlobalEndpoint"), false.into());
        assert_eq!(value(&china, "AWS::STS::UseGlobalEndpoint"), false.into());
    }
}
