//! What the environment and the configuration files say, read once per scope.

use super::Scope;
use crate::error::Error;
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};

/// The settings that a scope's calls share.
pub(super) struct Settings {
    env: Env,
    sections: EnvConfigSections,
    /// The region, when one was given anywhere.
    pub(super) region: Option<String>,
    pub(super) retries: Retries,
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
        let env = Env::real();
        let files = EnvConfigFiles::default();
        let mut source = source::load(&env, &Fs::real(), &files).await.map_err(unreadable)?;
        // AWS_DEFAULT_PROFILE comes first in botocore.
        let by_env = || env.get("AWS_DEFAULT_PROFILE").or_else(|_| env.get("AWS_PROFILE")).ok();
        let asked = scope.profile.clone().or_else(by_env).filter(|name| !name.is_empty());
        if let Some(asked) = &asked {
            source.profile = asked.clone().into();
        }
        let sections = EnvConfigSections::parse(source).map_err(unreadable)?;
        match asked {
            Some(name) if name != "default" && sections.get_profile(&name).is_none() => {
                Err(no_profile(&name))
            }
            _ => Self::new(scope, env, sections),
        }
    }

    fn new(scope: &Scope, env: Env, sections: EnvConfigSections) -> Result<Self, Error> {
        let retries = Retries { mode: RetryMode::Standard, attempts: 0 };
        let mut settings = Self { env, sections, region: None, retries };
        settings.region = scope.region.clone().or_else(|| settings.configured_region());
        settings.retries = settings.configured_retries()?;
        Ok(settings)
    }

    /// A setting by its environment variable, then by its key in the profile.
    fn get(&self, variable: &str, key: &str) -> Option<String> {
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

    /// The endpoint that was configured for a service: its own variable, the one for all, then
    /// the profile's `services` section, then the profile itself.
    pub(super) fn endpoint_url(&self, service_id: &str) -> Option<String> {
        if self.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") {
            return None;
        }
        let value =
            EnvConfigValue::new().env("AWS_ENDPOINT_URL").profile("endpoint_url").service_id(service_id);
        value
            .load(&self.env, Some(&self.sections))
            .map(|(url, _)| url.into_owned())
            .filter(|url| !url.is_empty())
    }

    fn configured_region(&self) -> Option<String> {
        self.variable("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION", "region"))
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
