//! Signature version 2, with which SimpleDB's forms are signed (botocore's `SigV2Auth`):
//! <https://docs.aws.amazon.com/AmazonSimpleDB/latest/DeveloperGuide/HMACAuth.html>

use crate::protocol::form_pair;
use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::calculate_signature;
use aws_smithy_runtime_api::client::auth::{AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId, Sign};
use aws_smithy_runtime_api::client::identity::{Identity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{GetIdentityResolver, RuntimeComponents};
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};

/// The name of the scheme.
pub(super) const SCHEME_ID: AuthSchemeId = AuthSchemeId::new("sigv2");

/// Signs a form with an HMAC of its parameters, which becomes one more of them.
#[derive(Debug)]
pub(super) struct Scheme;

impl AuthScheme for Scheme {
    fn scheme_id(&self) -> AuthSchemeId {
        SCHEME_ID
    }

    fn identity_resolver(&self, resolvers: &dyn GetIdentityResolver) -> Option<SharedIdentityResolver> {
        resolvers.identity_resolver(SCHEME_ID)
    }

    fn signer(&self) -> &dyn Sign {
        self
    }
}

impl Sign for Scheme {
    fn sign_http_request(
        &self,
        request: &mut HttpRequest,
        identity: &Identity,
        _: AuthSchemeEndpointConfig<'_>,
        components: &RuntimeComponents,
        _: &ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let keys = identity.data::<Credentials>().ok_or("the identity has no keys")?;
        let form = std::str::from_utf8(request.body().bytes().unwrap_or_default())?;
        let now = DateTime::from(components.time_source().unwrap_or_default().now());
        let now = DateTime::from_secs(now.secs()).fmt(Format::DateTime)?;
        let signed = signed(request.method(), request.uri(), form, keys, &now);
        request.headers_mut().try_insert("content-length", signed.len().to_string())?;
        *request.body_mut() = SdkBody::from(signed);
        Ok(())
    }
}

/// The form with who signs it, when, and the signature.
fn signed(method: &str, url: &str, form: &str, keys: &Credentials, now: &str) -> String {
    let mut form = form.to_owned();
    let mut put = |name, value| form.push_str(&format!("&{}", form_pair(name, value)));
    put("AWSAccessKeyId", keys.access_key_id());
    put("SignatureVersion", "2");
    put("SignatureMethod", "HmacSHA256");
    put("Timestamp", now);
    if let Some(token) = keys.session_token() {
        put("SecurityToken", token);
    }
    let signature = signature(method, url, &form, keys.secret_access_key());
    form + "&" + &form_pair("Signature", &signature)
}

fn signature(method: &str, url: &str, form: &str, secret: &str) -> String {
    let (_, place) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let path = if path.is_empty() { "/" } else { path };
    // A form writes a blank as +, what is signed does not.
    let form = form.replace('+', "%20");
    let mut pairs: Vec<&str> = form.split('&').collect();
    pairs.sort_by_key(|pair| pair.split('=').next());
    let text = format!("{method}\n{host}\n{path}\n{}", pairs.join("&"));
    // Version 4's last step is the same HMAC, written in hex.
    let hex = calculate_signature(secret, text.as_bytes());
    let bytes = (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok());
    base64::encode(bytes.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The case of botocore's own `test_signers.py`.
    #[test]
    fn a_form_is_signed_as_botocore_signs_it() {
        let keys = Credentials::new("foo", "bar", None, None, "test");
        let form = signed("POST", "/", "Foo=%E2%9C%93", &keys, "2014-06-20T08:40:23Z");
        let signature = form_pair("Signature", "Tiecw+t51tok4dTT8B4bg47zxHEM/KcD55f2/x6K22o=");
        assert!(form.ends_with(&format!("&{signature}")), "{form}");
    }
}
