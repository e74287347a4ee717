//! Who signed in with `aws login`: keys that are kept in a file, and renewed with its token.

use super::super::{fresh_token, send};
use super::cache::Cached;
use super::chain::Finder;
use super::{Names, RENEW_BEFORE, left, read};
use crate::error::{Error, Sent};
use aws_credential_types::Credentials;
use aws_smithy_types::base64;
use ring::digest::SHA256;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const METHOD: &str = "login";

const NAMES: Names = Names {
    id: "accessKeyId",
    secret: "secretAccessKey",
    token: "sessionToken",
    expiry: "expiresAt",
    account: "accountId",
};

impl Finder<'_> {
    /// The keys of a profile's `login_session`.
    pub(super) async fn login(&self, profile: &str) -> Result<Option<Credentials>, Error> {
        let settings = self.settings();
        let own = settings.sections.get_profile(profile).and_then(|profile| profile.get("login_session"));
        let Some(session) = own else { return Ok(None) };
        let folder = settings.variable("AWS_LOGIN_CACHE_DIRECTORY");
        let folder = folder.as_deref().unwrap_or("~/.aws/login/cache");
        let file = Cached::of(settings, folder, &SHA256, session);
        let absent = || {
            not_loaded(
                &format!(
                    "Unable to load a existing login session for session {session}. Please reauthenticate with 'aws login'."
                ),
                profile,
            )
        };
        let load = || {
            let token = file.as_ref().and_then(Cached::load).ok_or_else(absent)?;
            check(&token, profile)?;
            Ok((read(&token["accessToken"], &NAMES, METHOD)?, token))
        };
        let (known, _) = load()?;
        if left(&known) > RENEW_BEFORE {
            return Ok(Some(known));
        }
        let _renewing = self.aws.0.renewing.lock().await;
        // Somebody else may just have renewed them, which can be done once.
        let (known, mut token) = load()?;
        if left(&known) > RENEW_BEFORE {
            return Ok(Some(known));
        }
        match self.renew(&mut token, profile).await {
            // Old keys serve as long as they are good.
            Err(_) if !left(&known).is_zero() => Ok(Some(known)),
            Err(error) => Err(error),
            Ok(()) => {
                file.iter().for_each(|file| file.save(&token));
                read(&token["accessToken"], &NAMES, METHOD).map(Some)
            }
        }
    }

    /// Puts new keys into a token.
    async fn renew(&self, token: &mut Value, profile: &str) -> Result<(), Error> {
        let key = private_key(token)
            .ok_or_else(|| not_loaded("Unable to load private key from cached token.", profile))?;
        let params = json!({"tokenInput": {
            "clientId": token["clientId"],
            "refreshToken": token["refreshToken"],
            "grantType": "refresh_token",
        }});
        let mut ready = self
            .prepare(("signin", "CreateOAuth2Token"), params, None, token["signInRegion"].as_str())
            .await?;
        let (base, target) = ready.address.split(&ready.request.target);
        let url = format!("{base}{target}");
        let proof = proof(&key, &url)
            .ok_or_else(|| not_loaded("Unable to load private key from cached token.", profile))?;
        ready.request.headers.push(("DPoP".into(), proof));
        let answer = send::send(ready)
            .await
            .and_then(|success| success.result())
            .map_err(|error| refused(error, profile))?;
        let given = answer.get("tokenOutput").cloned().unwrap_or_default();
        let until = SystemTime::now() + Duration::from_secs(given["expiresIn"].as_u64().unwrap_or_default());
        let until = jiff::Timestamp::try_from(until).unwrap_or_default();
        for name in [NAMES.id, NAMES.secret, NAMES.token] {
            token["accessToken"][name] = given["accessToken"][name].clone();
        }
        token["accessToken"][NAMES.expiry] = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        token["refreshToken"] = given["refreshToken"].clone();
        Ok(())
    }
}

fn check(token: &Value, profile: &str) -> Result<(), Error> {
    let needed = ["accessToken", "refreshToken", "dpopKey", "clientId"];
    let missing: Vec<_> = needed.into_iter().filter(|name| token[name].is_null()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(not_loaded(
        &format!("Failed to load access token from token cache, missing required fields: {missing}."),
        profile,
    ))
}

/// The key of a token, from PEM as SEC 1 has it.
fn private_key(token: &Value) -> Option<EcdsaKeyPair> {
    let pem = token["dpopKey"].as_str()?;
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = base64::decode(body).ok()?;
    // A sequence of the version, the private key, the curve, and the public key.
    let private =
        der.windows(2).position(|tag| tag == [0x04, 0x20]).and_then(|at| der.get(at + 2..at + 34))?;
    let public = der.windows(4).position(|tag| tag == [0x03, 0x42, 0x00, 0x04]);
    let public = public.and_then(|at| der.get(at + 3..at + 68))?;
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &SystemRandom::new()).ok()
}

/// Proves that the caller has the key that the token was given to (RFC 9449).
fn proof(key: &EcdsaKeyPair, url: &str) -> Option<String> {
    let (x, y) = key.public_key().as_ref().get(1..65)?.split_at(32);
    let header = json!({
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": {"kty": "EC", "x": url_base64(x), "y": url_base64(y), "crv": "P-256"},
    });
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let payload = json!({"htm": "POST", "htu": url, "iat": seconds, "jti": fresh_token()});
    let part = |value: &Value| url_base64(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&payload));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", url_base64(signature.as_ref())))
}

fn url_base64(bytes: &[u8]) -> String {
    base64::encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

fn not_loaded(text: &str, profile: &str) -> Error {
    Error::unsent("LoginTokenLoadError", format!("Error loading login session token: {text}"))
        .with_help(sign_in(profile))
}

fn refused(error: Error, profile: &str) -> Error {
    if error.code() != Some("AccessDeniedException") {
        return error.with_sent(Sent::No);
    }
    let text =
        "Your session has expired or credentials have changed. Please reauthenticate using 'aws login'.";
    Error::unsent("LoginRefreshRequired", text).with_help(sign_in(profile))
}

fn sign_in(profile: &str) -> String {
    format!("run `aws login --profile {profile}`")
}
