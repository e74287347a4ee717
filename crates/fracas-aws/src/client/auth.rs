//! How a call proves who makes it: a signature, a token, or nothing.

use super::send::Signing;
use super::settings::Settings;
use super::{Aws, Client, Scope, credentials};
use crate::error::Error;
use crate::protocol::Call;

/// What a call proves who makes it with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Auth {
    /// A signature, by access keys.
    Keys,
    /// A token in a header (RFC 6750).
    Bearer,
    None,
}

const BEARER: &str = "smithy.api#httpBearerAuth";

/// What the model asks for; a token in the environment is preferred where the service takes one.
pub(super) fn of(call: Call, settings: &Settings) -> Auth {
    let (operation, metadata) = (call.operation, &call.service.metadata);
    match metadata.signature_version {
        _ if operation.auth_type == "none" => Auth::None,
        _ if operation.auth.first() == Some(&"smithy.api#noAuth") => Auth::None,
        _ if operation.auth_type == "bearer" || operation.auth.first() == Some(&BEARER) => Auth::Bearer,
        "bearer" => Auth::Bearer,
        _ if takes_token(call) && in_environment(call, settings).is_some() => Auth::Bearer,
        "none" => Auth::None,
        _ => Auth::Keys,
    }
}

/// What the endpoint's rules make of that: botocore takes their word that a call is signed, but for
/// some calls, and without it the word of the settings.
pub(super) fn by_rules(auth: Auth, call: Call, settings: &Settings, signing: &Signing) -> Auth {
    match (auth, preferred(call, settings)) {
        (Auth::None, _) if signing.by_rules && !is_never_signed(call) => Auth::Keys,
        (Auth::Keys, Some(preferred)) if !signing.by_rules => preferred,
        _ => auth,
    }
}

/// The calls that need no keys whatever the rules say (botocore's `disable_signing`).
fn is_never_signed(call: Call) -> bool {
    match call.service.name {
        "cognito-identity" => matches!(
            call.operation.name,
            "GetId" | "GetOpenIdToken" | "UnlinkIdentity" | "GetCredentialsForIdentity"
        ),
        "sts" => matches!(call.operation.name, "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity"),
        _ => false,
    }
}

/// What is preferred of what the service takes.
fn preferred(call: Call, settings: &Settings) -> Option<Auth> {
    let takes = |name: &str| {
        let mut known = call.service.metadata.auth.iter();
        known.any(|known| known.rsplit('#').next() == Some(name))
    };
    let found = settings.preferred_auth().into_iter().find(|name| takes(name))?;
    match found.as_str() {
        "httpBearerAuth" => Some(Auth::Bearer),
        "noAuth" => Some(Auth::None),
        _ => Some(Auth::Keys),
    }
}

/// The one service, or family of them, for which botocore reads a token from the environment.
fn takes_token(call: Call) -> bool {
    let auth =
        if call.operation.auth.is_empty() { &call.service.metadata.auth } else { &call.operation.auth };
    call.service.metadata.signing_name == "bedrock" && auth.contains(&BEARER)
}

fn in_environment(call: Call, settings: &Settings) -> Option<String> {
    let service = call.service.metadata.signing_name.replace(['-', ' '], "_").to_uppercase();
    settings.variable(&format!("AWS_BEARER_TOKEN_{service}"))
}

/// The token of a call: from the environment, else of whom signed in.
pub(super) async fn token(
    aws: &Aws,
    scope: &Scope,
    call: Call<'_>,
    client: &Client,
) -> Result<String, Error> {
    if let Some(token) = in_environment(call, &client.settings).filter(|_| takes_token(call)) {
        return Ok(token);
    }
    let missing = || {
        Error::unsent("NoAuthTokenError", "Unable to locate authorization token")
            .with_help("sign in with `aws sso login` and set AWS_PROFILE to that profile")
    };
    credentials::token(aws, scope, client).await?.ok_or_else(missing)
}

/// Whoever sees a token can use it: it is sent encrypted or not at all.
pub(super) fn check_token_is_hidden(url: &str) -> Result<(), Error> {
    match url.starts_with("https") {
        true => Ok(()),
        false => Err(Error::unsent(
            "InvalidEndpointConfigurationError",
            "Invalid endpoint configuration: Bearer authorization requires an HTTPS endpoint.",
        )
        .with_help("give an endpoint that starts with https://")),
    }
}
