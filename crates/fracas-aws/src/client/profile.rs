//! What profiles that take roles may say, checked before anything is asked of AWS.
//!
//! Source: botocore's `AssumeRoleProvider`, whose words these are.

use super::Scope;
use super::settings::Settings;
use crate::error::Error;
use aws_runtime::env_config::section::Profile;

/// Follows the profile in use to the one that holds credentials.
///
/// # Errors
///
/// A profile on the way asks for an MFA code, names no profile that exists, or leads back to one
/// that was passed.
pub(super) fn check(scope: &Scope, settings: &Settings) -> Result<(), Error> {
    let keys_come_first = scope.profile.is_none() && settings.variable("AWS_ACCESS_KEY_ID").is_some();
    let mut visited = vec![settings.profile()];
    while let Some(name) = visited.last().copied().filter(|_| !keys_come_first) {
        let Some(profile) = settings.sections.get_profile(name).filter(|profile| takes_role(profile)) else {
            break;
        };
        // Only the first profile takes a role in spite of keys of its own.
        if visited.len() > 1 && has_keys(profile) {
            break;
        }
        if profile.get("mfa_serial").is_some() {
            return Err(asks_for_code(name));
        }
        let Some(source) = profile.get("source_profile") else { break };
        match settings.sections.get_profile(source) {
            None => return Err(no_source(source, name)),
            Some(own) if source == name && has_keys(own) => break,
            Some(_) if visited.contains(&source) => return Err(loops(source, &visited)),
            Some(_) => visited.push(source),
        }
    }
    Ok(())
}

fn takes_role(profile: &Profile) -> bool {
    profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none()
}

fn has_keys(profile: &Profile) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"].iter().any(|key| profile.get(key).is_some())
}

fn asks_for_code(name: &str) -> Error {
    let text =
        format!("the profile {name} asks for an MFA code (mfa_serial), which cannot be asked for here");
    Error::unsent("CredentialRetrievalError", text).with_help(
        "get temporary credentials first, for example with aws sts get-session-token, and put them into the environment",
    )
}

fn no_source(source: &str, name: &str) -> Error {
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

    const CONFIG: &str = "
[profile keys]
aws_access_key_id = a
aws_secret_access_key = b
[profile good]
role_arn = r
source_profile = keys
[profile code]
role_arn = r
mfa_serial = m
source_profile = keys
[profile above]
role_arn = r
source_profile = code
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
";

    async fn checked(profile: &str, variables: &[(&str, &str)]) -> String {
        let scope =
            Scope { profile: Some(profile.to_owned()).filter(|name| !name.is_empty()), ..Scope::default() };
        let settings = Settings::of(&scope, variables, CONFIG).await.expect("settings");
        check(&scope, &settings)
            .err()
            .map(|error| format!("{} {error}", error.python_class()))
            .unwrap_or_default()
    }

    #[tokio::test]
    async fn chains_of_profiles_end_with_keys() {
        for profile in ["keys", "good", "own", "service", ""] {
            assert_eq!(checked(profile, &[]).await, "", "{profile}");
        }
        let mfa = "botocore.exceptions.CredentialRetrievalError the profile code asks for an MFA code";
        assert!(checked("code", &[]).await.starts_with(mfa));
        assert!(checked("above", &[]).await.starts_with(mfa));
        assert_eq!(
            checked("nowhere", &[]).await,
            "botocore.exceptions.InvalidConfigError The source_profile \"gone\" referenced in the profile \"nowhere\" \
             does not exist."
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
        let profile = ("AWS_PROFILE", "code");
        assert!(!checked("", &[profile]).await.is_empty());
        assert_eq!(checked("", &[profile, ("AWS_ACCESS_KEY_ID", "a")]).await, "");
        assert!(!checked("code", &[("AWS_ACCESS_KEY_ID", "a")]).await.is_empty());
    }
}
