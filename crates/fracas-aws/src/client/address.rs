//! Where a call goes, and for which service and region it is signed.

use super::checksum::Payload;
use super::custom;
use super::s3control;
use super::send::{Signing, Version};
use super::settings::Settings;
use crate::endpoint::{self, AuthScheme, Builtins, Endpoint, ParamValue, Params, is_valid_host_label};
use crate::error::{Error, Sent};
use crate::model::Kind;
use crate::model::rules::Parameter;
use crate::paginate::search;
use crate::protocol::{Call, Object, host_prefix};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    pub(super) url: String,
    /// Headers that the endpoint asks for.
    pub(super) headers: Vec<(String, String)>,
    pub(super) signing: Signing,
}

impl Address {
    /// The scheme and host, and the path below which a request's target goes. A target of `/` leaves
    /// a path as it is, as botocore joins them.
    pub(super) fn split(&self, target: &str) -> (&str, String) {
        let host = self.url.find("://").map_or(0, |scheme| scheme + 3);
        let end = self.url[host..].find('/').map_or(self.url.len(), |path| host + path);
        let (base, path) = self.url.split_at(end);
        match (path, target) {
            ("", target) if !target.starts_with('/') => (base, format!("/{target}")),
            ("", target) => (base, target.to_owned()),
            (path, "/" | "") => (base, path.to_owned()),
            (path, target) if target.starts_with('/') => {
                (base, format!("{}{target}", path.trim_end_matches('/')))
            }
            (path, target) => (base, format!("{path}{target}")),
        }
    }
}

/// Stands for no region in the rules of services that have one endpoint for a whole partition.
const NO_REGION: &str = "aws-global";

/// The address by the service's endpoint rules.
pub(super) fn resolve(
    settings: &Settings,
    call: Call,
    params: &Object,
    account: Option<&str>,
) -> Result<Address, Error> {
    s3control::check(settings, call, params)?;
    let region = match &settings.region {
        Some(region) if is_valid_host_label(region, false) => region.clone(),
        Some(region) => return Err(bad_region(region)),
        None => global(settings, call, params)?,
    };
    let custom = settings.endpoint_url(call.service.metadata.service_id);
    if let Some(url) = custom.as_ref().filter(|url| !is_url(url)) {
        return Err(Error::new("ValueError", Sent::No, format!("Invalid endpoint: {url}"))
            .with_help("an endpoint is http:// or https:// and a host: see AWS_ENDPOINT_URL"));
    }
    let found = ask(settings, call, params, &region, custom, account)?;
    let prefix = match settings.flag("AWS_DISABLE_HOST_PREFIX_INJECTION", "disable_host_prefix_injection") {
        true => String::new(),
        false => host_prefix(call, params)?,
    };
    let own = custom::host(call, params)?;
    Ok(Address {
        url: own.unwrap_or_else(|| found.url.replacen("://", &format!("://{prefix}"), 1)),
        signing: signing(settings, &found, call, &region)?,
        headers: found
            .headers
            .into_iter()
            .filter_map(|(name, values)| Some((name, values.into_iter().next()?)))
            .collect(),
    })
}

/// Whether the account of the credentials may be part of the address.
pub(super) fn needs_account(settings: &Settings, call: Call) -> bool {
    let is_asked = |parameter: &Parameter| parameter.built_in == "AWS::Auth::AccountId";
    settings.account_id_mode != "disabled" && call.service.rules.parameters.iter().any(is_asked)
}

/// Without a region only services that have one for the whole partition can be called.
fn global(settings: &Settings, call: Call, params: &Object) -> Result<String, Error> {
    match ask(settings, call, params, NO_REGION, None, None) {
        Ok(found) if !found.url.contains(NO_REGION) => Ok(NO_REGION.to_owned()),
        _ => Err(Error::unsent("NoRegionError", "You must specify a region.")
            .with_help("set AWS_REGION, region in the AWS profile, or aws_region in the configuration")),
    }
}

fn ask(
    settings: &Settings,
    call: Call,
    params: &Object,
    region: &str,
    custom: Option<String>,
    account: Option<&str>,
) -> Result<Endpoint, Error> {
    if call.service.rules.rules.is_empty() {
        return Ok(without_rules(call, region, custom));
    }
    let mut asked = context(call, params);
    let builtins = Builtins {
        region: Some(region.to_owned()),
        use_fips: settings.use_fips(),
        use_dual_stack: settings.use_dual_stack(call.service.name),
        endpoint: custom,
        account_id: account.map(str::to_owned),
        account_id_endpoint_mode: Some(settings.account_id_mode.clone()),
        sts_legacy: settings.is("AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", "legacy"),
        s3: settings.s3.clone(),
    };
    let builtins = match call.service.name {
        "s3" => builtins.for_s3_call(call.operation.name, params.get("Bucket").and_then(Value::as_str)),
        _ => builtins,
    };
    asked.bind(&call.service.rules, &builtins);
    endpoint::resolve(call.service, &asked).map_err(|error| {
        let (class, text) = error.as_botocore(call.service.name, &asked);
        Error::unsent(class, text)
    })
}

/// A model of the user's own may come without rules: then hosts are named as most are.
fn without_rules(call: Call, region: &str, custom: Option<String>) -> Endpoint {
    let usual = || {
        let suffix = endpoint::partition(region).dns_suffix;
        format!("https://{}.{region}.{suffix}", call.service.metadata.endpoint_prefix)
    };
    Endpoint { url: custom.unwrap_or_else(usual), ..Endpoint::default() }
}

/// What the call itself tells the rules.
fn context(call: Call, params: &Object) -> Params {
    let mut asked = Params::default();
    for (name, value) in &call.operation.static_context_params {
        asked.set(name, value);
    }
    if let Some(Kind::Structure(input)) = call.operation.input.map(|input| &call.service.shape(input).kind) {
        for member in input.members.iter().filter(|member| !member.context_param.is_empty()) {
            set(&mut asked, member.context_param, params.get(member.name));
        }
    }
    if !call.operation.operation_context_params.is_empty() {
        let params = Value::Object(params.clone());
        for (name, path) in &call.operation.operation_context_params {
            set(&mut asked, name, Some(&search(path, &params)));
        }
    }
    asked
}

fn set(asked: &mut Params, name: &str, value: Option<&Value>) {
    match value {
        Some(Value::String(text)) => asked.set(name, text.as_str()),
        Some(Value::Bool(flag)) => asked.set(name, *flag),
        Some(Value::Array(items)) => {
            let texts = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            asked.set(name, ParamValue::List(texts));
        }
        _ => {}
    }
}

/// The scheme of the rules that signs with the keys of a session.
const EXPRESS: &str = "sigv4-s3express";

/// The scheme of the rules whose signatures hold in several regions.
const SEVERAL_REGIONS: &str = "sigv4a";

/// What the rules say counts, else what the model says.
fn signing(settings: &Settings, found: &Endpoint, call: Call, region: &str) -> Result<Signing, Error> {
    let schemes = found.auth_schemes();
    let by_rules = !schemes.is_empty();
    let scheme = choose(settings, schemes)?;
    // The model of importexport says v2 as well, but botocore signs it with v4 all the same.
    let is_v2 = call.service.metadata.signature_version == "v2" && call.service.name != "importexport";
    let version = match &scheme {
        Some(scheme) if scheme.name == EXPRESS => Version::Express,
        Some(scheme) if scheme.name == SEVERAL_REGIONS => Version::V4a,
        None if is_v2 => Version::V2,
        _ => Version::V4,
    };
    let scheme = scheme.unwrap_or_default();
    let is_global = region == NO_REGION && !found.url.contains(NO_REGION);
    let region = if is_global { "us-east-1" } else { region };
    Ok(Signing {
        by_rules,
        payload: Payload::Signed,
        shows_payload: call.service.metadata.signature_version.starts_with("s3"),
        version,
        name: scheme.signing_name.unwrap_or_else(|| call.service.metadata.signing_name.to_owned()),
        region: scheme.signing_region.unwrap_or_else(|| region.to_owned()),
        double_encode: !scheme.disable_double_encoding,
    })
}

/// The scheme that is preferred, else the first that is known. Version 4a only where nothing else will
/// do: boto3 has it with AWS's own C library alone.
fn choose(settings: &Settings, schemes: Vec<AuthScheme>) -> Result<Option<AuthScheme>, Error> {
    let named = |name: &str| schemes.iter().find(|scheme| scheme.name == name);
    let preferred = settings.preferred_auth();
    if preferred.is_empty() {
        let usual = schemes.iter().find(|scheme| ["sigv4", EXPRESS].contains(&scheme.name.as_str()));
        return Ok(usual.or_else(|| named(SEVERAL_REGIONS)).cloned());
    }
    let mut preferred = preferred.iter().map(String::as_str);
    let wanted =
        preferred.find_map(|name| named(name).filter(|_| ["sigv4", SEVERAL_REGIONS].contains(&name)));
    match wanted.or_else(|| named("sigv4")).or_else(|| named(SEVERAL_REGIONS)) {
        None if !schemes.is_empty() => Err(unsupported(&schemes)),
        found => Ok(found.cloned()),
    }
}

fn unsupported(schemes: &[AuthScheme]) -> Error {
    let mut names: Vec<_> = schemes.iter().map(|scheme| scheme.name.as_str()).collect();
    names.sort_unstable();
    let text = format!("Signature version(s) are not supported: {}", names.join(", "));
    Error::unsent("UnsupportedSignatureVersionError", text)
        .with_help("take AWS_AUTH_SCHEME_PREFERENCE or auth_scheme_preference away")
}

pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.starts_with(['/', ':', '?'])) && HttpRequest::get(text).is_ok()
}

fn bad_region(region: &str) -> Error {
    let text = format!("Provided region_name '{region}' doesn't match a supported format.");
    Error::unsent("InvalidRegionError", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Scope;
    use crate::model::embedded;

    #[test]
    fn targets_go_below_the_endpoints_path() {
        let signing = Signing::default();
        let at = |url: &str| Address { url: url.to_owned(), headers: Vec::new(), signing: signing.clone() };
        let split = |url: &str, target: &str| {
            let address = at(url);
            let (base, target) = address.split(target);
            format!("{base} {target}")
        };
        assert_eq!(split("http://h:1", "/"), "http://h:1 /");
        assert_eq!(split("http://h:1/", "/"), "http://h:1 /");
        assert_eq!(split("http://h:1/base", "/"), "http://h:1 /base");
        assert_eq!(split("http://h:1/base/", "/key"), "http://h:1 /base/key");
    }

    #[test]
    fn endpoints_are_urls() {
        for url in ["http://127.0.0.1:5000", "https://[::1]:1/base/", "http://my_moto"] {
            assert!(is_url(url), "{url}");
        }
        for no_url in [
            "",
            "localhost:5000",
            "http://",
            "https:///x",
            "http://[::1",
            "http://é",
            "http://@",
            "http://a b",
        ] {
            assert!(!is_url(no_url), "{no_url}");
        }
    }

    async fn found(name: &str, operation: &str, params: &Value, region: Option<String>, dual: bool) -> Value {
        let service = embedded::service(name).expect("a service");
        let call = Call { service, operation: service.operation(operation).expect("an operation") };
        let scope = Scope { region, ..Scope::default() };
        let variables = [("AWS_USE_DUALSTACK_ENDPOINT", if dual { "true" } else { "false" })];
        let settings = Settings::of(&scope, &variables, "").await.expect("settings");
        match resolve(&settings, call, params.as_object().expect("parameters"), None) {
            Ok(Address { url, signing: Signing { version, name, region, .. }, .. }) => {
                let version = if version == Version::V2 { "v2" } else { "v4" };
                serde_json::json!([format!("{}/", url.trim_end_matches('/')), version, region, name])
            }
            Err(error) => serde_json::json!([error.python_class(), error.to_string()]),
        }
    }

    #[tokio::test]
    async fn addresses_and_signatures_are_boto3s() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/addresses.py");
        let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
        let output = std::process::Command::new(python).arg(script).output().expect("Python runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let mut different = Vec::new();
        for line in text.lines() {
            let (service, operation, params, region, dual, mut expected): (
                String,
                String,
                Value,
                _,
                _,
                Value,
            ) = serde_json::from_str(line).expect("a JSON line");
            let found = found(&service, &operation, &params, region, dual).await;
            if expected[1] == "s3v4" {
                expected[1] = "v4".into();
            }
            if found != expected {
                different.push(format!("{line}\n{found}"));
            }
        }
        assert!(text.lines().count() > 80, "{}", String::from_utf8_lossy(&output.stderr));
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}
