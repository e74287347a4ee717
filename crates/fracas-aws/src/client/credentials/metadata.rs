//! Credentials that are served beside where a program runs: to a container, or to an instance of EC2.

use super::chain::Finder;
use super::{Names, not_retrieved, read};
use crate::error::{Error, Sent};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

const CONTAINER: &str = "container-role";
const INSTANCE: &str = "iam-role";

const NAMES: Names = Names { token: "Token", ..super::NAMES };

/// Where containers on ECS are served.
const ECS: &str = "http://169.254.170.2";
/// Hosts that may serve keys without TLS.
const HOSTS: [&str; 4] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"];
/// How long a container's server may take, and how often it is asked, a second apart.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 3;

const ROLES: &str = "latest/meta-data/iam/security-credentials/";

const ZONE: &str = "latest/meta-data/placement/availability-zone/";

/// An answer's status and text.
type Answer = (u16, String);

impl Finder<'_> {
    /// The keys of the container's role, where the environment names a server of them.
    pub(super) async fn container(&self) -> Result<Option<Credentials>, Error> {
        let settings = self.settings();
        let relative = settings.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let whole = settings.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let Some(url) = relative.map(|path| format!("{ECS}{path}")).or(whole) else { return Ok(None) };
        check_host(&url)?;
        let mut failed = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            match self.container_keys(&url).await? {
                Ok(keys) => return read(&keys, &NAMES, CONTAINER).map(Some),
                Err(text) => failed = text,
            }
        }
        let text = format!("Error retrieving metadata: {failed}");
        Err(not_retrieved(CONTAINER, text).with_help(format!("see what serves {url}")))
    }

    /// What the server says now; the inner error is worth another try.
    async fn container_keys(&self, url: &str) -> Result<Result<Value, String>, Error> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        headers.extend(self.container_token()?.map(|token| ("authorization", token)));
        let (status, text) = match self.ask("GET", url, &headers, PATIENCE, false).await {
            Ok(answer) => answer,
            Err(text) => {
                return Ok(Err(format!(
                    "Received error when attempting to retrieve container metadata: {text}"
                )));
            }
        };
        if status != 200 {
            return Ok(Err(format!("Received non 200 response {status} from container metadata: {text}")));
        }
        let keys = serde_json::from_str(&text).ok().filter(Value::is_object);
        Ok(keys.ok_or_else(|| "Unable to parse JSON returned from container metadata services".to_owned()))
    }

    /// The token that the server wants, read anew each time since files of it are rotated.
    fn container_token(&self) -> Result<Option<String>, Error> {
        let settings = self.settings();
        let token = match settings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => Some(
                std::fs::read_to_string(&path)
                    .map_err(|error| not_retrieved(CONTAINER, format!("{path}: {error}")))?,
            ),
            None => settings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        match token {
            Some(token) if token.contains(['\r', '\n']) => {
                Err(not_retrieved(CONTAINER, "Auth token value is not a legal header value"))
            }
            token => Ok(token),
        }
    }

    /// The keys of the instance's role. Where there is no instance metadata this must not take long,
    /// and whatever goes wrong, boto3 says that there are no credentials.
    pub(super) async fn instance(&self) -> Result<Option<Credentials>, Error> {
        let settings = self.settings();
        if self.is_instance_disabled() {
            return Ok(None);
        }
        let token = self.instance_token().await;
        if token.is_none() && settings.flag("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled") {
            let text = "Error retrieving metadata: Unable to retrieve token for use in IMDSv2 call and IMDSv1 has been disabled";
            return Err(Error::unsent("MetadataRetrievalError", text));
        }
        let headers = instance_headers(token);
        let roles = format!("{}{ROLES}", settings.instance_url);
        let Some(role) = self.ask_instance(&roles, &headers, |_| true).await else { return Ok(None) };
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        let found = self.ask_instance(&format!("{roles}{role}"), &headers, is_json).await;
        let keys: Value = found.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let is_whole =
            [NAMES.id, NAMES.secret, NAMES.token, NAMES.expiry].iter().all(|name| keys[name].is_string());
        if is_whole { read(&keys, &NAMES, INSTANCE).map(Some) } else { Ok(None) }
    }

    /// The region of the instance, if this runs on one.
    pub(super) async fn instance_region(&self) -> Option<String> {
        if self.is_instance_disabled() {
            return None;
        }
        let headers = instance_headers(self.instance_token().await);
        let url = format!("{}{ZONE}", self.settings().instance_url);
        let mut zone = self.ask_instance(&url, &headers, |_| true).await?;
        // A zone is its region and a letter.
        zone.pop();
        Some(zone)
    }

    fn is_instance_disabled(&self) -> bool {
        let disabled = self.settings().variable("AWS_EC2_METADATA_DISABLED");
        disabled.is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The token of the service's version 2; None where it has version 1 only.
    async fn instance_token(&self) -> Option<String> {
        let url = format!("{}latest/api/token", self.settings().instance_url);
        let headers = [("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
        let (patience, attempts) = self.instance_patience();
        for _ in 0..attempts {
            match self.ask("PUT", &url, &headers, patience, true).await {
                Ok((200, token)) => return Some(token),
                Ok((400 | 403 | 404 | 405, _)) => return None,
                _ => {}
            }
        }
        None
    }

    /// A text of the service, asked for until it fits.
    async fn ask_instance(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        fits: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let (patience, attempts) = self.instance_patience();
        for _ in 0..attempts {
            match self.ask("GET", url, headers, patience, true).await {
                Ok((200, text)) if !text.is_empty() && fits(&text) => return Some(text),
                _ => {}
            }
        }
        None
    }

    fn instance_patience(&self) -> (Duration, u64) {
        let number = |variable: &str, key: &str| {
            let text = self.settings().get(variable, key)?;
            text.trim().parse::<u64>().ok().filter(|number| *number > 0)
        };
        let seconds = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout").unwrap_or(1);
        let attempts =
            number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts").unwrap_or(1);
        (Duration::from_secs(seconds), attempts)
    }

    /// Asks outside of AWS's protocols: no signature, no retry.
    async fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&'static str, String)],
        patience: Duration,
        proxied: bool,
    ) -> Result<Answer, String> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method(method).map_err(|error| error.to_string())?;
        request.set_uri(url).map_err(|error| error.to_string())?;
        for (name, value) in headers {
            request.headers_mut().try_insert(*name, value.clone()).map_err(|error| error.to_string())?;
        }
        let answer = self.client.transport.ask(request, patience, proxied).await;
        let answer = answer.map_err(|failure| failure.error().to_string())?;
        let text = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
        Ok((answer.status().as_u16(), text))
    }
}

fn instance_headers(token: Option<String>) -> Vec<(&'static str, String)> {
    token.map(|token| ("x-aws-ec2-metadata-token", token)).into_iter().collect()
}

/// Keys are not asked for in the clear from just any host.
fn check_host(url: &str) -> Result<(), Error> {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if uri.as_ref().and_then(http::Uri::scheme_str) == Some("https") || is_loopback || HOSTS.contains(&host) {
        return Ok(());
    }
    let text = format!(
        "Unsupported host '{host}'.  Can only retrieve metadata from a loopback address or one of these hosts: {}",
        HOSTS.join(", ")
    );
    Err(Error::new("ValueError", Sent::No, text).with_help("see AWS_CONTAINER_CREDENTIALS_FULL_URI"))
}
