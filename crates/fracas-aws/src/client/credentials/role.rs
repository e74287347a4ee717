//! Roles that profiles or the environment take: with other keys, or with a web identity.

use super::super::profile::{Chain, Role};
use super::super::settings::Settings;
use super::cache::Cached;
use super::chain::Finder;
use super::{NAMES, RENEW_BEFORE, left, not_retrieved, read, role_keys};
use crate::error::Error;
use aws_credential_types::Credentials;
use ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const METHOD: &str = "assume-role";
const WEB_IDENTITY: &str = "assume-role-with-web-identity";

impl Finder<'_> {
    /// Takes the roles of a chain one after the other.
    pub(super) async fn roles(&self, chain: &Chain<'_>) -> Result<Credentials, Error> {
        // A session that is still known spares all that leads to it.
        let known =
            chain.roles.iter().enumerate().find_map(|(at, role)| Some((at, known(self.settings(), role)?)));
        let (remaining, mut keys) = match (known, chain.roles.last()) {
            (Some((at, keys)), _) => (&chain.roles[..at], keys),
            (None, last) => {
                (&chain.roles[..], self.base(chain.base, last.map_or("", |role| role.profile)).await?)
            }
        };
        for role in remaining.iter().rev() {
            keys = self.role(role, keys).await?;
        }
        Ok(keys)
    }

    async fn role(&self, role: &Role<'_>, base: Credentials) -> Result<Credentials, Error> {
        if role.mfa_serial.is_none() {
            return self.assume(role, base).await;
        }
        let _asking = self.aws.0.asking.lock().await;
        // Somebody else may just have been given a code for it.
        match known(self.settings(), role) {
            Some(keys) => Ok(keys),
            None => self.assume(role, base).await,
        }
    }

    async fn assume(&self, role: &Role<'_>, base: Credentials) -> Result<Credentials, Error> {
        let mut params = params(role);
        if role.session_name.is_none() {
            params["RoleSessionName"] = session_name().into();
        }
        if let Some(serial) = role.mfa_serial {
            params["TokenCode"] = code(role.profile, serial).await?.into();
        }
        let answer = self.call(("sts", "AssumeRole"), params, Some(base), None).await?;
        let keys = role_keys(&answer, METHOD)?;
        if let Some(cached) = session_file(self.settings(), role) {
            cached.save(
                &json!({"Credentials": answer["Credentials"], "AssumedRoleUser": answer["AssumedRoleUser"]}),
            );
        }
        Ok(keys)
    }

    /// The role of a web identity that a profile or, where it counts, the environment names.
    pub(super) async fn web_identity(
        &self,
        profile: &str,
        with_env: bool,
    ) -> Result<Option<Credentials>, Error> {
        let settings = self.settings();
        let get = |key: &str, variable: &str| {
            let by_env = settings.variable(variable).filter(|_| with_env);
            by_env.or_else(|| Some(settings.sections.get_profile(profile)?.get(key)?.to_owned()))
        };
        let Some(path) = get("web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Ok(None);
        };
        let arn = get("role_arn", "AWS_ROLE_ARN").ok_or_else(without_role)?;
        let name = get("role_session_name", "AWS_ROLE_SESSION_NAME").unwrap_or_else(session_name);
        let token = std::fs::read_to_string(&path);
        let token = token.map_err(|error| not_retrieved(WEB_IDENTITY, format!("{path}: {error}")))?;
        let params = json!({"RoleArn": arn, "RoleSessionName": name, "WebIdentityToken": token});
        let answer = self.call(("sts", "AssumeRoleWithWebIdentity"), params, None, None).await?;
        role_keys(&answer, WEB_IDENTITY).map(Some)
    }
}

/// Whether a role's code can be asked for, or need not be.
pub(super) fn check(settings: &Settings, chain: &Chain) -> Result<(), Error> {
    for role in &chain.roles {
        if known(settings, role).is_some() {
            break;
        }
        if let (Some(serial), None) = (role.mfa_serial, terminal()) {
            return Err(no_terminal(role.profile, serial));
        }
    }
    Ok(())
}

fn params(role: &Role) -> Value {
    let mut params = json!({"RoleArn": role.arn});
    let texts = [
        ("RoleSessionName", role.session_name),
        ("ExternalId", role.external_id),
        ("SerialNumber", role.mfa_serial),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            params[name] = text.into();
        }
    }
    if let Some(duration) = role.duration {
        params["DurationSeconds"] = duration.into();
    }
    params
}

/// The name that botocore gives a session.
fn session_name() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("botocore-session-{seconds}")
}

/// Where the AWS CLI keeps the session of a role. Only one that a code was given for is worth
/// keeping, so that it need not be given again.
fn session_file(settings: &Settings, role: &Role) -> Option<Cached> {
    role.mfa_serial?;
    // Python's way to write JSON.
    let members = params(role);
    let member = |(name, value): (&String, &Value)| format!("\"{name}\": {value}");
    let mut members: Vec<_> = members.as_object()?.iter().map(member).collect();
    members.sort();
    Cached::of(
        settings,
        "~/.aws/cli/cache",
        &SHA1_FOR_LEGACY_USE_ONLY,
        &format!("{{{}}}", members.join(", ")),
    )
}

fn known(settings: &Settings, role: &Role) -> Option<Credentials> {
    let keys = read(&session_file(settings, role)?.load()?["Credentials"], &NAMES, METHOD).ok()?;
    (left(&keys) > RENEW_BEFORE).then_some(keys)
}

/// Asks for the code of a device. The thread that waits for it does not hold up the program's end.
async fn code(profile: &str, serial: &str) -> Result<String, Error> {
    let (mut reader, mut writer) = terminal().ok_or_else(|| no_terminal(profile, serial))?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let prompt = format!("Enter MFA code for {serial}: ");
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = writer.write_all(prompt.as_bytes()).and_then(|()| reader.read_line(&mut line));
        let _ = sender.send(read.map(|_| line.trim().to_owned()));
    });
    let code = receiver.await.ok().and_then(Result::ok).filter(|code| !code.is_empty());
    code.ok_or_else(|| not_retrieved(METHOD, format!("no MFA code was given for {serial}")))
}

/// The terminal, whatever standard input is.
fn terminal() -> Option<(BufReader<File>, File)> {
    let (input, output) = if cfg!(windows) { ("CONIN$", "CONOUT$") } else { ("/dev/tty", "/dev/tty") };
    let output = File::options().write(true).open(output).ok()?;
    Some((BufReader::new(File::open(input).ok()?), output))
}

fn no_terminal(profile: &str, serial: &str) -> Error {
    let text = format!(
        "the profile {profile} asks for an MFA code of {serial}, and there is no terminal to ask for it"
    );
    not_retrieved(METHOD, text).with_help(
        "sign in at a terminal first, for example with `aws sts get-caller-identity --profile` and the profile's name: \
         the session is kept in ~/.aws/cli/cache",
    )
}

fn without_role() -> Error {
    let text = "The provided profile or the current environment is configured to assume role with web identity but \
                has no role ARN configured. Ensure that the profile has the role_arnconfiguration set or the \
                AWS_ROLE_ARN env var is set.";
    Error::unsent("InvalidConfigError", text)
}
