//! Who signed in with `aws sso login`: keys of a role, and the token itself.

use super::super::settings::Settings;
use super::cache::Cached;
use super::chain::Finder;
use super::{Names, expiry, read};
use crate::error::Error;
use aws_credential_types::Credentials;
use aws_runtime::env_config::section::Profile;
use ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const METHOD: &str = "sso";

const NAMES: Names = Names {
    id: "accessKeyId",
    secret: "secretAccessKey",
    token: "sessionToken",
    expiry: "expiration",
    account: "accountId",
};

/// A token is renewed this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(900);

/// Where to sign in.
struct Session<'s> {
    url: &'s str,
    region: &'s str,
}

impl Finder<'_> {
    /// The keys of the role that a profile has in an account, for who signed in.
    pub(super) async fn sso(&self, name: &str) -> Result<Option<Credentials>, Error> {
        let settings = self.settings();
        let Some(profile) = settings.sections.get_profile(name) else { return Ok(None) };
        let Some(found) = config(settings, name, profile)? else { return Ok(None) };
        let token = match profile.get("sso_session") {
            Some(_) => self.session_token(name).await?.unwrap_or_default(),
            None => legacy_token(settings, found.url, name)?,
        };
        let (role, account) = (profile.get("sso_role_name"), profile.get("sso_account_id"));
        let params = json!({"roleName": role, "accountId": account, "accessToken": token});
        let answer = self.call(("sso", "GetRoleCredentials"), params, None, Some(found.region)).await;
        let mut keys = answer.map_err(|error| refused(error, name))?["roleCredentials"].take();
        if let Some(millis) = keys[NAMES.expiry].as_f64() {
            keys[NAMES.expiry] = (millis / 1000.0).into();
        }
        keys[NAMES.account] = account.into();
        read(&keys, &NAMES, METHOD).map(Some)
    }

    /// The token of a profile's `sso_session`, renewed when it will expire soon. None when the
    /// profile names no session.
    pub(super) async fn session_token(&self, profile: &str) -> Result<Option<String>, Error> {
        let settings = self.settings();
        let own = settings.sections.get_profile(profile).and_then(|profile| profile.get("sso_session"));
        let Some(name) = own else { return Ok(None) };
        let session = session(settings, profile, name)?;
        let file = token_file(settings, name);
        let mut token = load(&file, name, profile)?;
        if expires_within(&token, RENEW_BEFORE) {
            let _renewing = self.aws.0.renewing.lock().await;
            // Somebody else may just have renewed it, which can be done once.
            token = load(&file, name, profile)?;
            if expires_within(&token, RENEW_BEFORE)
                && let Some(fresh) = self.renewed(&session, &token).await
            {
                file.iter().for_each(|file| file.save(&fresh));
                token = fresh;
            }
        }
        match expires_within(&token, Duration::ZERO) {
            true => Err(Error::unsent(
                "TokenRetrievalError",
                "Error when retrieving token from sso: Token has expired and refresh failed",
            )
            .with_help(sign_in(profile))),
            false => Ok(token["accessToken"].as_str().map(str::to_owned)),
        }
    }

    /// A new token for an old one. None when it cannot be had: the old one may serve yet.
    async fn renewed(&self, session: &Session<'_>, old: &Value) -> Option<Value> {
        let is_whole = ["refreshToken", "clientId", "clientSecret"].iter().all(|key| old[key].is_string());
        let registered =
            expiry(&old["registrationExpiresAt"], METHOD).is_ok_and(|until| until > SystemTime::now());
        if !is_whole || !registered {
            return None;
        }
        let params = json!({
            "grantType": "refresh_token",
            "clientId": old["clientId"],
            "clientSecret": old["clientSecret"],
            "refreshToken": old["refreshToken"],
        });
        let given = self.call(("sso-oidc", "CreateToken"), params, None, Some(session.region)).await.ok()?;
        let until = SystemTime::now() + Duration::from_secs(given["expiresIn"].as_u64()?);
        let until = jiff::Timestamp::try_from(until).ok()?;
        let mut fresh = json!({
            "startUrl": session.url,
            "region": session.region,
            "accessToken": given["accessToken"].as_str()?,
            "expiresAt": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "clientId": old["clientId"],
            "clientSecret": old["clientSecret"],
            "registrationExpiresAt": old["registrationExpiresAt"],
        });
        if let Some(again) = given["refreshToken"].as_str() {
            fresh["refreshToken"] = again.into();
        }
        Some(fresh)
    }
}

/// The session of a profile that takes keys from one; all that is missing is named at once.
fn config<'s>(
    settings: &'s Settings,
    name: &str,
    profile: &'s Profile,
) -> Result<Option<Session<'s>>, Error> {
    if ["sso_role_name", "sso_account_id"].iter().all(|key| profile.get(key).is_none()) {
        return Ok(None);
    }
    let session = profile.get("sso_session");
    let of_session = |key| settings.sections.sso_session(session?)?.get(key);
    if let Some(session) = session {
        if settings.sections.sso_session(session).is_none() {
            let text = format!("The specified sso-session does not exist: \"{session}\"");
            return Err(Error::unsent("InvalidConfigError", text)
                .with_help(format!("add [sso-session {session}] to ~/.aws/config")));
        }
        for key in ["sso_start_url", "sso_region"] {
            if let (Some(own), Some(other)) = (profile.get(key), of_session(key))
                && own != other
            {
                let text = format!(
                    "The value for {key} is inconsistent between profile ({own}) and sso-session ({other})."
                );
                return Err(Error::unsent("InvalidConfigError", text));
            }
        }
    }
    let get = |key| profile.get(key).or_else(|| of_session(key));
    let missing: Vec<_> = ["sso_role_name", "sso_account_id", "sso_start_url", "sso_region"]
        .into_iter()
        .filter(|key| get(key).is_none())
        .collect();
    if let (Some(url), Some(region), true) = (get("sso_start_url"), get("sso_region"), missing.is_empty()) {
        return Ok(Some(Session { url, region }));
    }
    let text = format!(
        "The profile \"{name}\" is configured to use SSO but is missing required configuration: {}",
        missing.join(", ")
    );
    Err(Error::unsent("InvalidConfigError", text))
}

/// The session that a profile's token is for.
fn session<'s>(settings: &'s Settings, profile: &str, name: &'s str) -> Result<Session<'s>, Error> {
    let start = format!("The profile \"{profile}\" is configured to use the SSO token provider but");
    let Some(found) = settings.sections.sso_session(name) else {
        let text = format!("{start} the \"{name}\" sso_session configuration does not exist.");
        return Err(Error::unsent("InvalidConfigError", text));
    };
    match (found.get("sso_start_url"), found.get("sso_region")) {
        (Some(url), Some(region)) => Ok(Session { url, region }),
        (url, region) => {
            let missing = [("sso_start_url", url), ("sso_region", region)];
            let missing =
                missing.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| format!("'{key}'"));
            let missing: Vec<_> = missing.collect();
            let text = format!("{start} is missing the following configuration: [{}].", missing.join(", "));
            Err(Error::unsent("InvalidConfigError", text))
        }
    }
}

fn token_file(settings: &Settings, key: &str) -> Option<Cached> {
    Cached::of(settings, "~/.aws/sso/cache", &SHA1_FOR_LEGACY_USE_ONLY, key)
}

fn load(file: &Option<Cached>, key: &str, profile: &str) -> Result<Value, Error> {
    let wrong = |what| {
        Error::unsent("SSOTokenLoadError", format!("Error loading SSO Token: Token for {key} {what}"))
            .with_help(sign_in(profile))
    };
    let token = file.as_ref().and_then(Cached::load).ok_or_else(|| wrong("does not exist"))?;
    let is_whole = token["accessToken"].is_string() && expiry(&token["expiresAt"], METHOD).is_ok();
    if is_whole { Ok(token) } else { Err(wrong("is invalid")) }
}

fn legacy_token(settings: &Settings, url: &str, profile: &str) -> Result<String, Error> {
    let token = load(&token_file(settings, url), url, profile)?;
    if expires_within(&token, Duration::ZERO) {
        return Err(unauthorized(profile));
    }
    Ok(token["accessToken"].as_str().unwrap_or_default().to_owned())
}

fn expires_within(token: &Value, margin: Duration) -> bool {
    expiry(&token["expiresAt"], METHOD).is_ok_and(|until| until <= SystemTime::now() + margin)
}

fn refused(error: Error, profile: &str) -> Error {
    match error.code() {
        Some("UnauthorizedException") => unauthorized(profile),
        _ => error,
    }
}

fn unauthorized(profile: &str) -> Error {
    let text = "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this \
                SSO session run aws sso login with the corresponding profile.";
    Error::unsent("UnauthorizedSSOTokenError", text).with_help(sign_in(profile))
}

fn sign_in(profile: &str) -> String {
    format!("run `aws sso login --profile {profile}`")
}
