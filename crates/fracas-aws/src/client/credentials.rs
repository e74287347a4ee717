//! Finds a scope's credentials, keeps them, and renews them before they expire.

use super::profile;
use super::settings::Settings;
use super::transport::Transport;
use super::{AssumeRole, Aws, Scope, StaticCredentials};
use crate::error::{Error, Sent};
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::region::Region;
use serde_json::{Value, json};
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Credentials are renewed this long before they expire, as botocore's mandatory refresh.
const RENEW_BEFORE: Duration = Duration::from_secs(600);

/// The credentials of one scope.
pub(super) struct Keys {
    source: Source,
    kept: Mutex<Option<Credentials>>,
}

enum Source {
    Given(StaticCredentials),
    Role(AssumeRole),
    Found(SharedCredentialsProvider),
}

impl Keys {
    /// Looks nothing up yet.
    pub(super) fn new(scope: &Scope, settings: &Settings, transport: &Transport) -> Self {
        let source = match (&scope.assume_role, &scope.credentials) {
            (Some(role), _) => Source::Role(role.clone()),
            (None, Some(given)) => Source::Given(given.clone()),
            (None, None) => Source::Found(chain(scope, settings, transport)),
        };
        Self { source, kept: Mutex::new(None) }
    }

    /// Credentials that will not expire soon. Callers at the same time share one look-up.
    pub(super) async fn get(
        &self,
        aws: &Aws,
        scope: &Scope,
        settings: &Settings,
    ) -> Result<Credentials, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| left(known) > RENEW_BEFORE) {
            return Ok(known.clone());
        }
        let fresh = match self.look_up(aws, scope, settings).await {
            // Old credentials serve as long as they are good.
            Err(error) => kept.as_ref().filter(|known| !left(known).is_zero()).cloned().ok_or(error)?,
            Ok(fresh) if fits_headers(&fresh) => fresh,
            Ok(_) => return Err(unfit()),
        };
        Ok(kept.insert(fresh).clone())
    }

    async fn look_up(&self, aws: &Aws, scope: &Scope, settings: &Settings) -> Result<Credentials, Error> {
        match &self.source {
            Source::Given(given) => Ok(static_keys(given)),
            Source::Role(role) => assume(aws, scope, role).await,
            Source::Found(_) if scope.profile.is_none() && is_half(settings) => Err(half()),
            Source::Found(chain) => {
                profile::check(scope, settings)?;
                chain.provide_credentials().await.map_err(|error| not_found(error, settings))
            }
        }
    }
}

/// Whether a request can carry them: a key that was copied with a line break cannot go into a header.
fn fits_headers(keys: &Credentials) -> bool {
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    fits(keys.access_key_id()) && keys.session_token().is_none_or(fits)
}

fn unfit() -> Error {
    let text = "the access key id or the session token holds a blank, a line break or a letter beyond ASCII";
    Error::unsent("CredentialRetrievalError", format!("Error when retrieving credentials: {text}"))
        .with_help("copy the credentials anew")
}

/// The environment names a key but not its secret.
fn is_half(settings: &Settings) -> bool {
    let is_set = |name| settings.variable(name).is_some();
    is_set("AWS_ACCESS_KEY_ID") && !is_set("AWS_SECRET_ACCESS_KEY")
}

fn half() -> Error {
    let text = "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY";
    Error::unsent("PartialCredentialsError", text)
}

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

/// Takes the role with the scope's base identity, through this very client, so that endpoints,
/// partitions and error texts are those of any other call.
///
/// Boxed, since that call may itself look credentials up.
fn assume<'a>(
    aws: &'a Aws,
    scope: &'a Scope,
    role: &'a AssumeRole,
) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + 'a>> {
    Box::pin(async move {
        let base = Scope { assume_role: None, ..scope.clone() };
        let mut params = json!({"RoleArn": role.arn, "RoleSessionName": role.session_name});
        if let Some(id) = &role.external_id {
            params["ExternalId"] = id.as_str().into();
        }
        // What the caller wanted to do was not sent, whatever became of this.
        let answer = aws.call(&base, "sts", "AssumeRole", &params).await;
        from_answer(&answer.map_err(|error| error.with_sent(Sent::No))?).ok_or_else(no_role_keys)
    })
}

fn no_role_keys() -> Error {
    let text = "Error when retrieving credentials from assume-role: the answer holds no keys";
    Error::unsent("CredentialRetrievalError", text)
}

fn from_answer(answer: &Value) -> Option<Credentials> {
    let keys = &answer["Credentials"];
    let text = |name: &str| keys[name].as_str().map(str::to_owned);
    let expiry: jiff::Timestamp = keys["Expiration"].as_str()?.parse().ok()?;
    let (id, secret) = (text("AccessKeyId")?, text("SecretAccessKey")?);
    Some(Credentials::new(id, secret, text("SessionToken"), Some(expiry.into()), "assume-role"))
}

/// boto3's chain. A profile that was named outright rules out what the environment says.
fn chain(scope: &Scope, settings: &Settings, transport: &Transport) -> SharedCredentialsProvider {
    let config = ProviderConfig::default()
        .with_http_client(transport.clone())
        .with_region(settings.region.clone().map(Region::new))
        .with_behavior_version(Some(BehaviorVersion::latest()));
    let profile =
        ProfileFileCredentialsProvider::builder().configure(&config).profile_name(settings.profile()).build();
    let start = match scope.profile {
        Some(_) => CredentialsProviderChain::first_try("Profile", profile),
        None => {
            CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
                .or_else("Profile", profile)
                .or_else(
                    "WebIdentityToken",
                    WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
                )
        }
    };
    let ecs = EcsCredentialsProvider::builder().configure(&config).build();
    let whole =
        start.or_else("EcsContainer", ecs).or_else("Ec2InstanceMetadata", instance(&config, settings));
    SharedCredentialsProvider::new(whole)
}

/// The instance's role. Where there is no instance metadata this must not take long.
fn instance(config: &ProviderConfig, settings: &Settings) -> Instance {
    let number =
        |name| settings.variable(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    let patience = Duration::from_secs(number("AWS_METADATA_SERVICE_TIMEOUT").unwrap_or(1));
    let attempts = number("AWS_METADATA_SERVICE_NUM_ATTEMPTS").unwrap_or(1) as u32;
    let client = imds::Client::builder()
        .configure(config)
        .connect_timeout(patience)
        .read_timeout(patience)
        .max_attempts(attempts)
        .build();
    Instance(ImdsCredentialsProvider::builder().configure(config).imds_client(client).build())
}

/// The last source: whatever goes wrong there, boto3 says that there are no credentials.
#[derive(Debug)]
struct Instance(ImdsCredentialsProvider);

impl ProvideCredentials for Instance {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let found = async { self.0.provide_credentials().await.map_err(CredentialsError::not_loaded) };
        future::ProvideCredentials::new(found)
    }
}

fn not_found(error: CredentialsError, settings: &Settings) -> Error {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            Error::unsent("NoCredentialsError", "Unable to locate credentials").with_help(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, \
                 or add a profile to ~/.aws/config, or run where a role is attached",
            )
        }
        other => {
            let (profile, text) = (settings.profile(), chain_text(&other));
            let text = format!("Error when retrieving credentials from profile {profile}: {text}");
            Error::unsent("CredentialRetrievalError", text)
        }
    }
}

/// An error and its causes, each once, without the one that shows a whole request.
fn chain_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.retain(|text| !text.contains("Request {"));
    texts.dedup();
    texts.join(": ")
}
