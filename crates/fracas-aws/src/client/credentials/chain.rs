//! Where credentials are looked for, in boto3's order (botocore's `credentials.py`).

use super::super::profile::Base;
use super::super::settings::Settings;
use super::super::{Aws, Client, Ready, Scope, profile, send};
use super::{Keys, Looked, Parts, expiry};
use crate::error::{Error, Sent};
use crate::protocol::Call;
use aws_credential_types::Credentials;
use aws_runtime::env_config::section::Profile;
use serde_json::Value;
use std::sync::Arc;

/// Looks for the credentials of a scope.
#[derive(Clone, Copy)]
pub(super) struct Finder<'a> {
    pub(super) aws: &'a Aws,
    pub(super) scope: &'a Scope,
    pub(super) client: &'a Client,
}

impl<'a> Finder<'a> {
    pub(super) fn settings(&self) -> &'a Settings {
        &self.client.settings
    }

    /// The first credentials that there are.
    pub(super) fn find(self) -> Looked<'a, Credentials> {
        Box::pin(async move { self.first().await })
    }

    async fn first(&self) -> Result<Credentials, Error> {
        let profile = self.settings().profile();
        // A profile that was named outright rules out what the environment says.
        let is_named = self.scope.profile.is_some();
        if let (false, Some(keys)) = (is_named, environment(self.settings())?) {
            return Ok(keys);
        }
        if let Some(chain) = profile::chain(self.settings(), profile)? {
            return self.roles(&chain).await;
        }
        if let Some(keys) = self.of_profile(profile, !is_named).await? {
            return Ok(keys);
        }
        if let Some(keys) = older_files(self.settings())? {
            return Ok(keys);
        }
        if let Some(keys) = self.container().await? {
            return Ok(keys);
        }
        self.instance().await?.ok_or_else(nowhere)
    }

    /// What a profile has of its own; the environment may stand in for what it says of a web identity.
    pub(super) async fn of_profile(&self, name: &str, with_env: bool) -> Result<Option<Credentials>, Error> {
        if let Some(keys) = self.web_identity(name, with_env).await? {
            return Ok(Some(keys));
        }
        if let Some(keys) = self.sso(name).await? {
            return Ok(Some(keys));
        }
        let settings = self.settings();
        if let Some(keys) = file_keys(settings.shared.get_profile(name), "shared-credentials-file")? {
            return Ok(Some(keys));
        }
        if let Some(keys) = self.login(name).await? {
            return Ok(Some(keys));
        }
        if let Some(keys) = self.process(name).await? {
            return Ok(Some(keys));
        }
        file_keys(settings.sections.get_profile(name), "config-file")
    }

    /// The credentials that the first of a chain of roles is taken with.
    pub(super) async fn base(&self, base: Base<'_>, profile: &str) -> Result<Credentials, Error> {
        let found = match base {
            Base::Profile(name) => {
                return self.of_profile(name, false).await?.ok_or_else(|| without_keys(name));
            }
            Base::Source("Environment") => environment(self.settings())?,
            Base::Source("EcsContainer") => self.container().await?,
            Base::Source(_) => self.instance().await?,
        };
        let Base::Source(source) = base else { return Err(nowhere()) };
        found.ok_or_else(|| {
            let text = format!("No credentials found in credential_source referenced in profile {profile}");
            super::not_retrieved(source, text)
        })
    }

    /// Makes a call on the way to credentials: with the same settings, but for a region of its own,
    /// and never where the scope wants its own calls to go.
    pub(super) async fn call(
        &self,
        operation: (&'static str, &'static str),
        params: Value,
        keys: Option<Credentials>,
        region: Option<&str>,
    ) -> Result<Value, Error> {
        let why = format!(
            "{} was called for the credentials of the profile {}",
            operation.1,
            self.settings().profile()
        );
        let ready = self.prepare(operation, params, keys, region).await?;
        // What the caller wanted to do was not sent, whatever became of this.
        let answer = send::send(ready).await.and_then(|success| success.result());
        answer.map(Value::Object).map_err(|error| error.with_sent(Sent::No).with_help(why))
    }

    /// Gets such a call ready.
    pub(super) fn prepare(
        &self,
        (service, operation): (&'static str, &'static str),
        params: Value,
        keys: Option<Credentials>,
        region: Option<&str>,
    ) -> Looked<'a, Ready> {
        let Self { aws, scope, client } = *self;
        let settings = client.settings.for_sources(region);
        let keys = Keys::given(keys.unwrap_or_else(|| Parts::default().from("none")));
        let nested = Client::with(keys, settings, client.transport.clone());
        Box::pin(async move {
            let (service, operation) = aws.operation(service, operation)?;
            aws.ready(Arc::new(nested), scope, Call { service, operation }, &params).await
        })
    }
}

fn environment(settings: &Settings) -> Result<Option<Credentials>, Error> {
    let Some(id) = settings.variable("AWS_ACCESS_KEY_ID") else { return Ok(None) };
    let secret = settings.variable("AWS_SECRET_ACCESS_KEY");
    let token = settings.variable("AWS_SECURITY_TOKEN").or_else(|| settings.variable("AWS_SESSION_TOKEN"));
    let moment = settings.variable("AWS_CREDENTIAL_EXPIRATION");
    let parts = Parts {
        id,
        secret: secret.ok_or_else(|| partial("env", "AWS_SECRET_ACCESS_KEY"))?,
        token,
        expiry: moment.map(|moment| expiry(&moment.into(), "env")).transpose()?,
        account: settings.variable("AWS_ACCOUNT_ID"),
    };
    Ok(Some(parts.from("env")))
}

/// Keys that stand in a file.
fn file_keys(profile: Option<&Profile>, source: &'static str) -> Result<Option<Credentials>, Error> {
    let get = |key: &str| profile.and_then(|profile| profile.get(key)).map(str::to_owned);
    let Some(id) = get("aws_access_key_id") else { return Ok(None) };
    let parts = Parts {
        id,
        secret: get("aws_secret_access_key").ok_or_else(|| partial(source, "aws_secret_access_key"))?,
        token: get("aws_security_token").or_else(|| get("aws_session_token")),
        expiry: None,
        account: get("aws_account_id"),
    };
    Ok(Some(parts.from(source)))
}

/// The files of the command line tools of EC2 and of boto 2.
fn older_files(settings: &Settings) -> Result<Option<Credentials>, Error> {
    let ec2 = settings.variable("AWS_CREDENTIAL_FILE").map(|path| settings.expanded(&path));
    if let Some(text) = ec2.and_then(|path| std::fs::read_to_string(path).ok())
        && let Some(id) = value_of(&text, "AWSAccessKeyId")
    {
        let secret =
            value_of(&text, "AWSSecretKey").ok_or_else(|| partial("ec2-credentials-file", "AWSSecretKey"))?;
        return Ok(Some(Parts { id, secret, ..Parts::default() }.from("ec2-credentials-file")));
    }
    let boto = settings.variable("BOTO_CONFIG").map_or_else(
        || vec!["/etc/boto.cfg", "~/.boto"].into_iter().map(str::to_owned).collect(),
        |path| vec![path],
    );
    for path in boto {
        let Ok(text) = std::fs::read_to_string(settings.expanded(&path)) else { continue };
        let section =
            text.split("[Credentials]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
        let Some(id) = value_of(section, "aws_access_key_id") else { continue };
        let secret = value_of(section, "aws_secret_access_key")
            .ok_or_else(|| partial("boto-config", "aws_secret_access_key"))?;
        return Ok(Some(Parts { id, secret, ..Parts::default() }.from("boto-config")));
    }
    Ok(None)
}

/// The value behind a key in lines of `key = value`.
fn value_of(text: &str, key: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

fn partial(source: &str, missing: &str) -> Error {
    let text = format!("Partial credentials found in {source}, missing: {missing}");
    Error::unsent("PartialCredentialsError", text)
}

fn without_keys(profile: &str) -> Error {
    let text = format!("The source profile \"{profile}\" must have credentials.");
    Error::unsent("InvalidConfigError", text)
        .with_help(format!("give [profile {profile}] credentials, or name another source_profile"))
}

fn nowhere() -> Error {
    Error::unsent("NoCredentialsError", "Unable to locate credentials").with_help(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, \
         or add a profile to ~/.aws/config, or run where a role is attached",
    )
}
