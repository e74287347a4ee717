//! What the environment and the configuration files say, read once per scope.

use super::Scope;
use super::address::is_url;
use super::transport::TIMEOUT;
use crate::endpoint::S3Settings;
use crate::error::Error;
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};
use std::path::PathBuf;
use std::time::Duration;

/// The settings that a scope's calls share.
#[derive(Clone)]
pub(super) struct Settings {
    env: Env,
    /// Both files in one, as botocore puts them together.
    pub(super) sections: EnvConfigSections,
    /// The file of credentials alone.
    pub(super) shared: EnvConfigSections,
    /// The region, when one was given anywhere; never a pseudo region such as `fips-us-east-1`.
    pub(super) region: Option<String>,
    /// The region was given as a FIPS pseudo region.
    is_fips_region: bool,
    /// The authorities to trust instead of the system's.
    pub(super) authorities: Option<Authorities>,
    pub(super) retries: Retries,
    defaults: Defaults,
    /// What endpoints and signatures of S3 depend on.
    pub(super) s3: S3Settings,
    /// Whether accounts have endpoints of their own: `preferred`, `disabled` or `required`.
    pub(super) account_id_mode: String,
    /// The bytes from which on a body is compressed; None when none is.
    pub(super) compress_from: Option<usize>,
    /// Where instances of EC2 learn about themselves; it ends with a slash.
    pub(super) instance_url: String,
    /// The endpoint that the scope names for all services.
    given_endpoint: Option<String>,
}

/// A bundle of certificates that was configured, and the setting that named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Authorities {
    pub(super) setting: &'static str,
    pub(super) path: PathBuf,
}

/// What holds where nothing is configured (botocore's `sdk-default-configuration.json`).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Defaults {
    Legacy,
    Standard,
    InRegion,
    CrossRegion,
    Mobile,
    /// As `Standard` until it is known where the code runs.
    Auto,
}

impl Defaults {
    fn connect_timeout(self) -> Duration {
        Duration::from_millis(match self {
            Self::Legacy => return TIMEOUT,
            Self::InRegion => 1100,
            Self::Standard | Self::CrossRegion | Self::Auto => 3100,
            Self::Mobile => 30000,
        })
    }
}

/// How often a call is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Retries {
    pub(super) mode: RetryMode,
    /// Tries in all, 0 when the mode's default counts.
    attempts: u32,
}

/// botocore's retry modes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RetryMode {
    Legacy,
    Standard,
    Adaptive,
}

impl Retries {
    /// Tries in all.
    pub(super) fn attempts(&self, service: &str) -> u32 {
        match (self.attempts, self.mode, service) {
            (0, RetryMode::Legacy, "dynamodb") => 10,
            (0, RetryMode::Legacy, _) => 5,
            (0, _, "dynamodb" | "dynamodbstreams") => 4,
            (0, _, _) => 3,
            (given, _, _) => given,
        }
    }
}

impl Settings {
    /// Reads the files. A profile that was asked for has to exist.
    pub(super) async fn load(scope: &Scope) -> Result<Self, Error> {
        Self::read(scope, Env::real(), Fs::real()).await
    }

    async fn read(scope: &Scope, env: Env, fs: Fs) -> Result<Self, Error> {
        let mut source = source::load(&env, &fs, &EnvConfigFiles::default()).await.map_err(unreadable)?;
        // AWS_DEFAULT_PROFILE comes first in botocore.
        let by_env = || env.get("AWS_DEFAULT_PROFILE").or_else(|_| env.get("AWS_PROFILE")).ok();
        let asked = scope.profile.clone().or_else(by_env).filter(|name| !name.is_empty());
        if let Some(asked) = &asked {
            source.profile = asked.clone().into();
        }
        let sections = EnvConfigSections::parse(source).map_err(unreadable)?;
        let files = EnvConfigFiles::builder().include_default_credentials_file(true).build();
        let shared = source::load(&env, &fs, &files).await.map_err(unreadable)?;
        let shared = EnvConfigSections::parse(shared).map_err(unreadable)?;
        match asked {
            Some(name) if name != "default" && sections.get_profile(&name).is_none() => {
                Err(no_profile(&name))
            }
            _ => Self::new(scope, env, sections, shared),
        }
    }

    fn new(
        scope: &Scope,
        env: Env,
        sections: EnvConfigSections,
        shared: EnvConfigSections,
    ) -> Result<Self, Error> {
        let retries = Retries { mode: RetryMode::Standard, attempts: 0 };
        let mut settings = Self {
            env,
            sections,
            shared,
            region: None,
            is_fips_region: false,
            authorities: None,
            retries,
            defaults: Defaults::Legacy,
            s3: S3Settings::default(),
            account_id_mode: "preferred".to_owned(),
            compress_from: None,
            instance_url: String::new(),
            given_endpoint: scope.endpoint_url.clone(),
        };
        if let Some(region) = scope.region.clone().or_else(|| settings.configured_region()) {
            // As botocore, which knows these names from before there was a setting for FIPS.
            let plain = region.replace("fips-", "").replace("-fips", "");
            settings.is_fips_region = plain != region;
            settings.region = Some(plain);
        }
        settings.authorities = settings.configured_authorities()?;
        settings.retries = settings.configured_retries()?;
        settings.defaults = settings.configured_defaults()?;
        settings.s3 = settings.configured_s3()?;
        settings.account_id_mode = settings.configured_account_id_mode()?;
        settings.compress_from = settings.configured_compression()?;
        settings.instance_url = settings.configured_instance_url()?;
        Ok(settings)
    }

    /// The same for calls on the way to credentials, which go nowhere that the scope names.
    pub(super) fn for_sources(&self, region: Option<&str>) -> Self {
        let region = region.map(str::to_owned).or_else(|| self.region.clone());
        Self { region, given_endpoint: None, ..self.clone() }
    }

    /// The same for a bucket that was found in another region: one in us-east-1 is asked for there.
    pub(super) fn for_bucket_in(&self, region: &str) -> Self {
        let s3 = S3Settings { us_east_1_regional: true, ..self.s3.clone() };
        Self { region: Some(region.to_owned()), s3, ..self.clone() }
    }

    /// A path whose `~` stands for the home folder, which stays as it is where there is none.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        let home = self.variable("HOME").or_else(|| self.variable("USERPROFILE"));
        match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// A setting by its environment variable, then by its key in the profile.
    pub(super) fn get(&self, variable: &str, key: &str) -> Option<String> {
        let value = EnvConfigValue::new().env(variable).profile(key);
        let found = value.load(&self.env, Some(&self.sections)).map(|(text, _)| text.into_owned());
        found.filter(|text| !text.is_empty())
    }

    /// A switch, off when not set.
    pub(super) fn flag(&self, variable: &str, key: &str) -> bool {
        self.is(variable, key, "true")
    }

    /// Whether a setting has this value, in any case.
    pub(super) fn is(&self, variable: &str, key: &str, value: &str) -> bool {
        self.get(variable, key).is_some_and(|text| text.eq_ignore_ascii_case(value))
    }

    /// The profile in use.
    pub(super) fn profile(&self) -> &str {
        self.sections.selected_profile()
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).ok().filter(|text| !text.is_empty())
    }

    /// Whether FIPS endpoints are asked for.
    pub(super) fn use_fips(&self) -> bool {
        self.is_fips_region || self.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
    }

    /// Whether the scope itself says where calls go.
    pub(super) fn is_endpoint_given(&self) -> bool {
        self.given_endpoint.is_some()
    }

    /// Whether endpoints that speak IPv6 also are asked for; S3 has a setting of its own.
    pub(super) fn use_dual_stack(&self, service: &str) -> bool {
        let of_s3 =
            matches!(service, "s3" | "s3control") && self.s3_flag("use_dualstack_endpoint") == Some(true);
        of_s3 || self.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
    }

    /// Whether bodies for S3 are signed, where that was decided.
    pub(super) fn signs_payload(&self) -> Option<bool> {
        self.s3_flag("payload_signing_enabled")
    }

    /// The regions in which signatures of version 4a hold, over what the rules say.
    pub(super) fn signing_regions(&self) -> Option<String> {
        self.get("AWS_SIGV4A_SIGNING_REGION_SET", "sigv4a_signing_region_set")
    }

    /// How long connecting may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.defaults.connect_timeout()
    }

    /// A key in the `s3` section of the profile.
    fn s3_option(&self, key: &str) -> Option<String> {
        let section = self.sections.get("s3")?;
        let mut pairs = section.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    }

    fn s3_flag(&self, key: &str) -> Option<bool> {
        self.s3_option(key).map(|text| is_true(&text))
    }

    fn configured_s3(&self) -> Result<S3Settings, Error> {
        let or_section = |found: Option<String>, key| found.or_else(|| self.s3_option(key));
        let arn = self.get("AWS_S3_USE_ARN_REGION", "s3_use_arn_region");
        let east = self.get("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "s3_us_east_1_regional_endpoint");
        let east = or_section(east, "us_east_1_regional_endpoint");
        let points = self.variable("AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS");
        let points = or_section(points, "s3_disable_multiregion_access_points");
        let express = self.get("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "s3_disable_express_session_auth");
        if let Some(wrong) = east.as_deref().filter(|text| !["legacy", "regional"].contains(text)) {
            return Err(bad_s3_east(wrong));
        }
        if let Some(wrong) =
            express.as_deref().filter(|text| !is_true(text) && !text.eq_ignore_ascii_case("false"))
        {
            return Err(bad_setting(&format!(
                "Invalid value \"{wrong}\" for s3_disable_express_session_auth. Value must be a boolean"
            )));
        }
        Ok(S3Settings {
            addressing_style: self.s3_option("addressing_style"),
            path_style: None,
            use_accelerate_endpoint: self.s3_flag("use_accelerate_endpoint").unwrap_or_default(),
            use_arn_region: or_section(arn, "use_arn_region").map(|text| is_true(&text)),
            us_east_1_regional: east.map_or(self.defaults != Defaults::Legacy, |text| text == "regional"),
            disable_multi_region_access_points: points.is_some_and(|text| is_true(&text)),
            disable_express_session_auth: express.is_some_and(|text| is_true(&text)),
        })
    }

    fn configured_defaults(&self) -> Result<Defaults, Error> {
        let mode = self.get("AWS_DEFAULTS_MODE", "defaults_mode").unwrap_or_default().to_lowercase();
        Ok(match mode.as_str() {
            "" | "legacy" => Defaults::Legacy,
            "standard" => Defaults::Standard,
            "in-region" => Defaults::InRegion,
            "cross-region" => Defaults::CrossRegion,
            "mobile" => Defaults::Mobile,
            "auto" => self.automatic_defaults(),
            other => return Err(bad_defaults_mode(other)),
        })
    }

    /// Where the code runs decides, as far as the environment tells.
    fn automatic_defaults(&self) -> Defaults {
        let own = self.variable("AWS_REGION").or_else(|| self.variable("AWS_DEFAULT_REGION"));
        match own.filter(|_| self.variable("AWS_EXECUTION_ENV").is_some()) {
            None => Defaults::Auto,
            Some(own) => self.defaults_in(&own),
        }
    }

    fn defaults_in(&self, region: &str) -> Defaults {
        if self.region.as_deref() == Some(region) { Defaults::InRegion } else { Defaults::CrossRegion }
    }

    /// Whether the defaults depend on where the code runs, and the environment does not tell.
    pub(super) fn asks_where_it_runs(&self) -> bool {
        self.defaults == Defaults::Auto
    }

    /// Settles the defaults for code that runs in this region, or outside of AWS.
    pub(super) fn runs_in(&mut self, region: Option<&str>) {
        self.defaults = region.map_or(Defaults::Standard, |region| self.defaults_in(region));
    }

    /// Ways to prove who calls, the preferred one first.
    pub(super) fn preferred_auth(&self) -> Vec<String> {
        let text = self.get("AWS_AUTH_SCHEME_PREFERENCE", "auth_scheme_preference").unwrap_or_default();
        let names = text.split(',').map(|name| name.replace([' ', '\t'], ""));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Where instances of EC2 learn about themselves.
    fn configured_instance_url(&self) -> Result<String, Error> {
        let mode = self.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        let is_v6 = match mode.map(|mode| (mode.to_lowercase(), mode)) {
            None => self.flag("AWS_IMDS_USE_IPV6", "imds_use_ipv6"),
            Some((known, mode)) => match known.as_str() {
                "ipv4" => false,
                "ipv6" => true,
                _ => return Err(bad_instance_mode(&mode)),
            },
        };
        let usual = if is_v6 { "http://[fd00:ec2::254]/" } else { "http://169.254.169.254/" };
        let own = self.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
        match own.unwrap_or_else(|| usual.to_owned()) {
            url if !is_url(&url) => Err(bad_instance_url(&url)),
            url if url.ends_with('/') => Ok(url),
            url => Ok(url + "/"),
        }
    }

    fn configured_account_id_mode(&self) -> Result<String, Error> {
        let mode = self.get("AWS_ACCOUNT_ID_ENDPOINT_MODE", "account_id_endpoint_mode");
        let mode = mode.unwrap_or_else(|| "preferred".to_owned()).to_lowercase();
        match mode.as_str() {
            "preferred" | "disabled" | "required" => Ok(mode),
            _ => Err(bad_setting(&format!(
                "The configured value '{mode}' for 'account_id_endpoint_mode' is invalid. Valid values are: \
                 ('preferred', 'disabled', 'required')."
            ))),
        }
    }

    fn configured_compression(&self) -> Result<Option<usize>, Error> {
        let key = "request_min_compression_size_bytes";
        let text = self.get("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", key);
        let text = text.unwrap_or_else(|| "10240".to_owned());
        let wrong =
            |what: &str| bad_setting(&format!("Invalid value \"{text}\" for {key}. Value must be {what}"));
        let size: i64 =
            text.trim().parse().map_err(|_| wrong("an integer. Received <class 'str'> instead."))?;
        if !(1..=1_048_576).contains(&size) {
            return Err(wrong("between 1 and 1048576."));
        }
        let is_off = self.flag("AWS_DISABLE_REQUEST_COMPRESSION", "disable_request_compression");
        Ok(if is_off { None } else { usize::try_from(size).ok() })
    }

    /// The endpoint of a service: the scope's, else the configured one from its own variable, the one for all, then
    /// the profile's `services` section, then the profile itself. An empty variable counts as unset.
    pub(super) fn endpoint_url(&self, service_id: &str) -> Option<String> {
        if self.given_endpoint.is_some() {
            return self.given_endpoint.clone();
        }
        if self.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") {
            return None;
        }
        // The crate's own key in the file would have hyphens instead.
        let own = service_id.replace([' ', '-'], "_");
        let by_env = || {
            let variable = format!("AWS_ENDPOINT_URL_{}", own.to_uppercase());
            self.variable(&variable).or_else(|| self.variable("AWS_ENDPOINT_URL"))
        };
        let by_profile = || {
            let value = EnvConfigValue::new().profile("endpoint_url").service_id(&own);
            value.load(&self.env, Some(&self.sections)).map(|(url, _)| url.into_owned())
        };
        by_env().or_else(by_profile).filter(|url| !url.is_empty())
    }

    fn configured_region(&self) -> Option<String> {
        self.variable("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION", "region"))
    }

    /// botocore's `ca_bundle`, and what it has from the requests library where that is not set.
    fn configured_authorities(&self) -> Result<Option<Authorities>, Error> {
        let by_env = |name| self.env.get(name).ok().map(|path| (name, path));
        let by_profile =
            || Some(("ca_bundle", self.sections.get_profile(self.profile())?.get("ca_bundle")?.to_owned()));
        let found = by_env("AWS_CA_BUNDLE").or_else(by_profile).or_else(|| by_env("REQUESTS_CA_BUNDLE"));
        let Some((setting, path)) = found else { return Ok(None) };
        if path.trim().is_empty() {
            return Err(empty_bundle(setting));
        }
        Ok(Some(Authorities { setting, path: self.expanded(&path) }))
    }

    fn configured_retries(&self) -> Result<Retries, Error> {
        let mode = match self.get("AWS_RETRY_MODE", "retry_mode").as_deref() {
            None | Some("standard") => RetryMode::Standard,
            Some("legacy") => RetryMode::Legacy,
            Some("adaptive") => RetryMode::Adaptive,
            Some(other) => return Err(bad_retry_mode(other)),
        };
        let attempts = match self.get("AWS_MAX_ATTEMPTS", "max_attempts") {
            None => 0,
            Some(text) => match text.trim().parse() {
                Ok(attempts) if attempts > 0 => attempts,
                _ => return Err(bad_attempts(&text)),
            },
        };
        Ok(Retries { mode, attempts })
    }
}

fn unreadable(error: impl std::error::Error) -> Error {
    Error::unsent("ConfigParseError", format!("Unable to parse config file: {error}"))
}

fn no_profile(name: &str) -> Error {
    let text = format!("The config profile ({name}) could not be found");
    Error::unsent("ProfileNotFound", text)
        .with_help(format!("add [profile {name}] to ~/.aws/config, or name another profile"))
}

fn empty_bundle(setting: &str) -> Error {
    let text = "Invalid CA bundle: the configured value (ca_bundle, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or verify) \
                resolved to an empty or whitespace-only string. Provide a valid path to a CA bundle file.";
    Error::unsent("InvalidConfigError", text).with_help(format!("set {setting} to a file, or unset it"))
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn bad_setting(text: &str) -> Error {
    Error::unsent("InvalidConfigError", text)
}

fn bad_instance_mode(mode: &str) -> Error {
    let text = format!(
        "Invalid EC2 Instance Metadata endpoint mode: {mode} Valid endpoint modes (case-insensitive): ('ipv4', 'ipv6')."
    );
    Error::unsent("InvalidIMDSEndpointModeError", text)
}

fn bad_instance_url(url: &str) -> Error {
    let text = format!("Invalid endpoint EC2 Instance Metadata endpoint: {url}");
    Error::unsent("InvalidIMDSEndpointError", text)
}

fn bad_s3_east(value: &str) -> Error {
    let text = format!(
        "S3 us-east-1 regional endpoint option {value} is invalid. Valid options are: \"legacy\", \"regional\""
    );
    Error::unsent("InvalidS3UsEast1RegionalEndpointConfigError", text)
}

fn bad_defaults_mode(mode: &str) -> Error {
    let text = format!(
        "Client configured with invalid defaults mode: {mode}. Valid defaults modes include: legacy, auto, standard, \
         in-region, cross-region, mobile."
    );
    Error::unsent("InvalidDefaultsMode", text)
        .with_help("see AWS_DEFAULTS_MODE, or defaults_mode in the profile")
}

fn bad_retry_mode(mode: &str) -> Error {
    let text =
        format!("Invalid value provided to \"mode\": {mode} must be one of: legacy, standard, adaptive");
    Error::unsent("InvalidRetryModeError", text).with_help("see AWS_RETRY_MODE, or retry_mode in the profile")
}

fn bad_attempts(text: &str) -> Error {
    let text =
        format!("Value provided to \"max_attempts\": {text} must be an integer greater than or equal to 1.");
    Error::unsent("InvalidRetryConfigurationError", text)
        .with_help("see AWS_MAX_ATTEMPTS, or max_attempts in the profile")
}

#[cfg(test)]
impl Settings {
    /// What these variables and this `~/.aws/config` say.
    pub(super) async fn of(scope: &Scope, variables: &[(&str, &str)], config: &str) -> Result<Self, Error> {
        let variables = [variables, &[("HOME", "/home")]].concat();
        Self::read(scope, Env::from_slice(&variables), Fs::from_slice(&[("/home/.aws/config", config)])).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn authorities(variables: &[(&str, &str)], config: &str) -> Option<(&'static str, String)> {
        let settings = Settings::of(&Scope::default(), variables, config).await.expect("settings");
        settings.authorities.map(|found| (found.setting, found.path.display().to_string()))
    }

    #[tokio::test]
    async fn authorities_are_found_as_by_botocore() {
        let config = "[default]\nca_bundle = ~/bundle.pem\n";
        let requests = ("REQUESTS_CA_BUNDLE", "/requests");
        let found = |setting, path: &str| Some((setting, path.to_owned()));
        assert_eq!(
            authorities(&[("AWS_CA_BUNDLE", "/own"), requests], config).await,
            found("AWS_CA_BUNDLE", "/own")
        );
        assert_eq!(authorities(&[requests], config).await, found("ca_bundle", "/home/bundle.pem"));
        assert_eq!(authorities(&[requests], "").await, found("REQUESTS_CA_BUNDLE", "/requests"));
        assert_eq!(authorities(&[], "").await, None);
    }

    #[tokio::test]
    async fn endpoints_are_found_as_by_botocore() {
        let config = "[default]\nendpoint_url = http://profile\nservices = own\n\
                      [services own]\ncloudwatch_logs =\n  endpoint_url = http://own\n";
        let (own, all) = ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL");
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[(own, "http://a"), (all, "http://b")], "http://a"),
            (&[(own, ""), (all, "http://b")], "http://b"),
            (&[(all, "http://b")], "http://b"),
            (&[(own, ""), (all, "")], "http://own"),
            (&[], "http://own"),
            (&[(own, "http://a"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True")], "none"),
        ];
        for (variables, expected) in cases {
            let settings = Settings::of(&Scope::default(), variables, config).await.expect("settings");
            let found = settings.endpoint_url("CloudWatch Logs");
            assert_eq!(found.as_deref().unwrap_or("none"), expected, "{variables:?}");
        }
        let settings = Settings::of(&Scope::default(), &[], config).await.expect("settings");
        assert_eq!(settings.endpoint_url("DocDB").as_deref(), Some("http://profile"));
    }

    #[tokio::test]
    async fn an_empty_bundle_is_a_mistake() {
        let refused = Settings::of(&Scope::default(), &[("AWS_CA_BUNDLE", " ")], "").await;
        let error = refused.err().expect("an error");
        assert_eq!(error.python_class(), "botocore.exceptions.InvalidConfigError");
        assert_eq!(error.help().as_deref(), Some("set AWS_CA_BUNDLE to a file, or unset it"));
    }
}
