//! Profiles that take roles, followed to where their keys come from.
//!
//! Source: botocore's `AssumeRoleProvider`, whose words these are.

use super::settings::Settings;
use crate::error::Error;
use aws_runtime::env_config::section::Profile;

/// The sources that `credential_source` may name.
pub(super) const NAMED_SOURCES: [&str; 3] = ["Environment", "EcsContainer", "Ec2InstanceMetadata"];

/// A role that a profile takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Role<'s> {
    pub(super) profile: &'s str,
    pub(super) arn: &'s str,
    pub(super) session_name: Option<&'s str>,
    pub(super) external_id: Option<&'s str>,
    /// The device whose code has to be given.
    pub(super) mfa_serial: Option<&'s str>,
    /// In seconds.
    pub(super) duration: Option<i64>,
}

/// Whose keys the first role is taken with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Base<'s> {
    /// Those that a profile has of its own.
    Profile(&'s str),
    /// Those of one of [`NAMED_SOURCES`].
    Source(&'s str),
}

/// Roles to take one after the other, the last one first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain<'s> {
    pub(super) roles: Vec<Role<'s>>,
    pub(super) base: Base<'s>,
}

/// Follows a profile to the one that holds keys. None when it takes no role.
///
/// # Errors
///
/// A profile on the way names no source or too many, or one that does not exist, or leads back to
/// one that was passed.
pub(super) fn chain<'s>(settings: &'s Settings, first: &'s str) -> Result<Option<Chain<'s>>, Error> {
    let (mut roles, mut visited) = (Vec::new(), vec![first]);
    let mut name = first;
    loop {
        let profile = settings.sections.get_profile(name);
        // Only the first profile takes a role in spite of keys of its own.
        let role = profile.filter(|profile| visited.len() == 1 || !has_keys(profile));
        let Some((profile, role)) = role.and_then(|profile| Some((profile, role_of(name, profile)?))) else {
            let base = Base::Profile(name);
            return Ok((!roles.is_empty()).then_some(Chain { roles, base }));
        };
        roles.push(role);
        let base = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => return Err(two_sources(name)),
            (None, None) => return Err(no_source(name)),
            (None, Some(source)) if NAMED_SOURCES.contains(&source) => Base::Source(source),
            (None, Some(source)) => return Err(unknown_source(source, name)),
            (Some(source), None) => match settings.sections.get_profile(source) {
                None => return Err(absent_source(source, name)),
                Some(own) if source == name && has_keys(own) => Base::Profile(source),
                Some(_) if visited.contains(&source) => return Err(loops(source, &visited)),
                Some(_) => {
                    visited.push(source);
                    name = source;
                    continue;
                }
            },
        };
        return Ok(Some(Chain { roles, base }));
    }
}

fn role_of<'s>(name: &'s str, profile: &'s Profile) -> Option<Role<'s>> {
    let arn = profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none())?;
    Some(Role {
        profile: name,
        arn,
        session_name: profile.get("role_session_name"),
        external_id: profile.get("external_id"),
        mfa_serial: profile.get("mfa_serial"),
        // One that is no number counts for nothing, as in botocore.
        duration: profile.get("duration_seconds").and_then(|text| text.trim().parse().ok()),
    })
}

fn has_keys(profile: &Profile) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"].iter().any(|key| profile.get(key).is_some())
}

fn two_sources(name: &str) -> Error {
    let text = format!("The profile \"{name}\" contains both source_profile and credential_source.");
    Error::unsent("InvalidConfigError", text).with_help("keep one of them in ~/.aws/config")
}

fn no_source(name: &str) -> Error {
    let text = "Partial credentials found in assume-role, missing: source_profile or credential_source";
    Error::unsent("PartialCredentialsError", text)
        .with_help(format!("say in [profile {name}] of ~/.aws/config whose credentials take its role"))
}

fn unknown_source(source: &str, name: &str) -> Error {
    let text = format!("The credential source \"{source}\" referenced in profile \"{name}\" is not valid.");
    Error::unsent("InvalidConfigError", text).with_help(format!("use one of {}", NAMED_SOURCES.join(", ")))
}

fn absent_source(source: &str, name: &str) -> Error {
    let text =
        format!("The source_profile \"{source}\" referenced in the profile \"{name}\" does not exist.");
    Error::unsent("InvalidConfigError", text)
        .with_help(format!("add [profile {source}] to ~/.aws/config, or name another source_profile"))
}

fn loops(source: &str, visited: &[&str]) -> Error {
    let visited: Vec<_> = visited.iter().map(|name| format!("'{name}'")).collect();
    let text = format!(
        "Infinite loop in credential configuration detected. Attempting to load from profile {source} which has \
         already been visited. Visited profiles: [{}]",
        visited.join(", ")
    );
    Error::unsent("InfiniteLoopConfigError", text)
        .with_help("end the chain of source_profile with a profile that has keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Scope;

    const CONFIG: &str = "
[profile keys]
aws_access_key_id = a
aws_secret_access_key = b
[profile good]
role_arn = r
source_profile = keys
[profile nowhere]
role_arn = r
source_profile = gone
[profile one]
role_arn = r
source_profile = two
[profile two]
role_arn = r
source_profile = one
[profile itself]
role_arn = r
source_profile = itself
[profile own]
role_arn = r
source_profile = own
aws_access_key_id = a
aws_secret_access_key = b
[profile service]
role_arn = r
credential_source = Environment
[profile elsewhere]
role_arn = r
credential_source = Elsewhere
[profile both]
role_arn = r
source_profile = keys
credential_source = Environment
[profile none]
role_arn = r
";

    async fn checked(profile: &str, variables: &[(&str, &str)]) -> String {
        let scope =
            Scope { profile: Some(profile.to_owned()).filter(|name| !name.is_empty()), ..Scope::default() };
        let settings = Settings::of(&scope, variables, CONFIG).await.expect("settings");
        super::super::credentials::check(&scope, &settings)
            .err()
            .map(|error| format!("{} {error}", error.python_class()))
            .unwrap_or_default()
    }

    #[tokio::test]
    async fn chains_of_profiles_end_with_keys() {
        for profile in ["keys", "good", "own", "service", ""] {
            assert_eq!(checked(profile, &[]).await, "", "{profile}");
        }
        assert_eq!(
            checked("nowhere", &[]).await,
            "botocore.exceptions.InvalidConfigError The source_profile \"gone\" referenced in the profile \"nowhere\" \
             does not exist."
        );
        assert_eq!(
            checked("elsewhere", &[]).await,
            "botocore.exceptions.InvalidConfigError The credential source \"Elsewhere\" referenced in profile \"elsewhere\" \
             is not valid."
        );
        assert_eq!(
            checked("both", &[]).await,
            "botocore.exceptions.InvalidConfigError The profile \"both\" contains both source_profile and \
             credential_source."
        );
        assert_eq!(
            checked("none", &[]).await,
            "botocore.exceptions.PartialCredentialsError Partial credentials found in assume-role, missing: \
             source_profile or credential_source"
        );
        let looped = |source: &str, visited: &str| {
            format!(
                "botocore.exceptions.InfiniteLoopConfigError Infinite loop in credential configuration detected. \
                 Attempting to load from profile {source} which has already been visited. Visited profiles: [{visited}]"
            )
        };
        assert_eq!(checked("one", &[]).await, looped("one", "'one', 'two'"));
        assert_eq!(checked("itself", &[]).await, looped("itself", "'itself'"));
    }

    #[tokio::test]
    async fn keys_of_the_environment_come_before_a_profile_that_was_not_named_outright() {
        let profile = ("AWS_PROFILE", "none");
        assert!(!checked("", &[profile]).await.is_empty());
        assert_eq!(checked("", &[profile, ("AWS_ACCESS_KEY_ID", "a")]).await, "");
        assert!(!checked("none", &[("AWS_ACCESS_KEY_ID", "a")]).await.is_empty());
    }
}
