//! Keeps a scope's credentials, and renews them before they expire.

mod cache;
mod chain;
mod login;
mod metadata;
mod process;
mod role;
mod sso;

use super::settings::Settings;
use super::{AssumeRole, Aws, Client, Scope, StaticCredentials, profile};
use crate::error::{Error, Sent};
use crate::time::Moment;
use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use chain::Finder;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Credentials are renewed this long before they expire, as botocore's mandatory refresh.
const RENEW_BEFORE: Duration = Duration::from_secs(600);

/// Credentials that were found, until they are renewed. Clones are the same ones.
pub(super) type Kept = Arc<Mutex<Option<Credentials>>>;

/// The credentials of one scope.
pub(super) struct Keys {
    source: Source,
    kept: Kept,
}

enum Source {
    Given(Credentials),
    Role(AssumeRole),
    /// Wherever boto3 looks.
    Found,
}

impl Keys {
    /// Looks nothing up yet. Credentials that have to be found are kept in `found`.
    pub(super) fn new(scope: &Scope, found: Kept) -> Self {
        match (&scope.assume_role, &scope.credentials) {
            (Some(role), _) => Self { source: Source::Role(role.clone()), kept: Kept::default() },
            (None, Some(given)) => Self::given(static_keys(given)),
            (None, None) => Self { source: Source::Found, kept: found },
        }
    }

    /// These and no others.
    fn given(keys: Credentials) -> Self {
        Self { source: Source::Given(keys), kept: Kept::default() }
    }

    /// Credentials that will not expire soon. Callers at the same time share one look-up.
    pub(super) async fn get(&self, aws: &Aws, scope: &Scope, client: &Client) -> Result<Credentials, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| left(known) > RENEW_BEFORE) {
            return Ok(known.clone());
        }
        let fresh = match self.look_up(aws, scope, client).await.and_then(usable) {
            // Old credentials serve as long as they are good.
            Err(error) => kept.as_ref().filter(|known| !left(known).is_zero()).cloned().ok_or(error)?,
            Ok(fresh) => fresh,
        };
        Ok(kept.insert(fresh).clone())
    }

    async fn look_up(&self, aws: &Aws, scope: &Scope, client: &Client) -> Result<Credentials, Error> {
        match &self.source {
            Source::Given(given) => Ok(given.clone()),
            Source::Role(role) => assume(aws, scope, role).await,
            Source::Found => Finder { aws, scope, client }.find().await,
        }
    }
}

/// Checks what the profile in use says of roles, unless keys come before it.
pub(super) fn check(scope: &Scope, settings: &Settings) -> Result<(), Error> {
    let keys_come_first = scope.profile.is_none() && settings.variable("AWS_ACCESS_KEY_ID").is_some();
    match profile::chain(settings, settings.profile()) {
        _ if keys_come_first => Ok(()),
        Ok(Some(chain)) => role::check(settings, &chain),
        other => other.map(drop),
    }
}

/// The keys in the answer that begins a session of S3 Express.
pub(super) fn of_session(answer: &Value) -> Result<Credentials, Error> {
    read(&answer["Credentials"], &NAMES, "s3express")
}

/// Whether the keys of such a session, which last five minutes, are good for another minute.
pub(super) fn is_lasting(keys: &Credentials) -> bool {
    left(keys) > Duration::from_secs(60)
}

/// The region of the instance of EC2 that this runs on, if it does.
pub(super) async fn instance_region(aws: &Aws, scope: &Scope, client: &Client) -> Option<String> {
    Finder { aws, scope, client }.instance_region().await
}

/// The token of whom signed in, for services that take one.
pub(super) async fn token(aws: &Aws, scope: &Scope, client: &Client) -> Result<Option<String>, Error> {
    let finder = Finder { aws, scope, client };
    let token: Looked<Option<String>> = Box::pin(finder.session_token(client.settings.profile()));
    token.await
}

/// Refuses what AWS would refuse or a request cannot carry.
fn usable(keys: Credentials) -> Result<Credentials, Error> {
    if !fits_headers(&keys) {
        return Err(unfit());
    }
    if left(&keys).is_zero() { Err(expired(&keys)) } else { Ok(keys) }
}

/// A key that was copied with a line break cannot go into a header.
fn fits_headers(keys: &Credentials) -> bool {
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    fits(keys.access_key_id()) && keys.session_token().is_none_or(fits)
}

fn unfit() -> Error {
    let text = "the access key id or the session token holds a blank, a line break or a letter beyond ASCII";
    Error::unsent("CredentialRetrievalError", format!("Error when retrieving credentials: {text}"))
        .with_help("copy the credentials anew")
}

fn expired(keys: &Credentials) -> Error {
    let text = "Credentials were refreshed, but the refreshed credentials are still expired.";
    let source = keys.get_property::<From>().map_or("", |from| from.0);
    Error::new("RuntimeError", Sent::No, text)
        .with_help(format!("get new credentials: those from {source} have expired"))
}

/// The source of credentials, in botocore's words.
#[derive(Debug, Clone, Copy)]
struct From(&'static str);

/// How long credentials are still good.
fn left(credentials: &Credentials) -> Duration {
    match credentials.expiry() {
        None => Duration::MAX,
        Some(expiry) => expiry.duration_since(SystemTime::now()).unwrap_or_default(),
    }
}

fn static_keys(given: &StaticCredentials) -> Credentials {
    let StaticCredentials { access_key_id, secret_access_key, session_token } = given.clone();
    Credentials::new(access_key_id, secret_access_key, session_token, None, "given")
}

/// A source could not give what it should.
fn not_retrieved(source: &str, text: impl std::fmt::Display) -> Error {
    Error::unsent(
        "CredentialRetrievalError",
        format!("Error when retrieving credentials from {source}: {text}"),
    )
}

/// A look-up, boxed since calls look credentials up, and that takes calls.
type Looked<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Takes the role with the scope's base identity, through this very client, so that endpoints,
/// partitions and error texts are those of any other call.
fn assume<'a>(aws: &'a Aws, scope: &'a Scope, role: &'a AssumeRole) -> Looked<'a, Credentials> {
    Box::pin(async move {
        let base = Scope { assume_role: None, ..scope.clone() };
        let mut params = json!({"RoleArn": role.arn, "RoleSessionName": role.session_name});
        if let Some(id) = &role.external_id {
            params["ExternalId"] = id.as_str().into();
        }
        // What the caller wanted to do was not sent, whatever became of this.
        let answer = aws.call(&base, "sts", "AssumeRole", &params).await;
        role_keys(&answer.map_err(|error| error.with_sent(Sent::No))?, role::METHOD)
    })
}

/// The keys in an answer of STS, with the account of the role.
fn role_keys(answer: &Value, source: &'static str) -> Result<Credentials, Error> {
    let mut keys = answer["Credentials"].clone();
    let arn = answer["AssumedRoleUser"]["Arn"].as_str().unwrap_or_default();
    if let (Some(account), true) = (arn.split(':').nth(4), keys.is_object()) {
        keys[NAMES.account] = account.into();
    }
    read(&keys, &NAMES, source)
}

/// What a source calls the parts of credentials.
struct Names {
    id: &'static str,
    secret: &'static str,
    token: &'static str,
    expiry: &'static str,
    account: &'static str,
}

/// The names that most sources use.
const NAMES: Names = Names {
    id: "AccessKeyId",
    secret: "SecretAccessKey",
    token: "SessionToken",
    expiry: "Expiration",
    account: "AccountId",
};

/// Reads credentials from what a source gave.
fn read(keys: &Value, names: &Names, source: &'static str) -> Result<Credentials, Error> {
    let text = |name: &str| keys[name].as_str().map(str::to_owned);
    let missing = |name| not_retrieved(source, format!("Missing required key in response: '{name}'"));
    let needed = |name| text(name).ok_or_else(|| missing(name));
    let expiry = match &keys[names.expiry] {
        Value::Null => None,
        moment => Some(expiry(moment, source)?),
    };
    let parts = Parts {
        id: needed(names.id)?,
        secret: needed(names.secret)?,
        token: text(names.token),
        expiry,
        account: text(names.account),
    };
    Ok(parts.from(source))
}

/// When credentials expire, as a text or in seconds since 1970.
fn expiry(moment: &Value, source: &'static str) -> Result<SystemTime, Error> {
    let no_moment = || not_retrieved(source, format!("the expiry {moment} is no time"));
    let utc = Moment::from_value(moment).and_then(|moment| moment.utc());
    utc.map(SystemTime::from).ok_or_else(no_moment)
}

/// What credentials are made of.
#[derive(Default)]
struct Parts {
    id: String,
    secret: String,
    token: Option<String>,
    expiry: Option<SystemTime>,
    account: Option<String>,
}

impl Parts {
    fn from(self, source: &'static str) -> Credentials {
        let account = self.account.filter(|account| !account.is_empty()).map(AccountId::from);
        let mut builder = Credentials::builder()
            .access_key_id(self.id)
            .secret_access_key(self.secret)
            .provider_name(source);
        builder.set_session_token(self.token);
        builder.set_expiry(self.expiry);
        builder.set_account_id(account);
        let mut keys = builder.build();
        keys.set_property(From(source));
        keys
    }
}
