//! Gets experiments: from files, and from servers with the credentials of the settings.
//!
//! Source: `chaoslib.loader`.

use fracas_engine::{is_url, load_fetched, load_file};
use fracas_model::{Failure, Problem, Source};

use crate::settings::Settings;
use crate::surroundings::Surroundings;

/// The variable whose token goes to whatever server an experiment is fetched from.
const TOKEN_VARIABLE: &str = "CHAOSTOOLKIT_LOADER_AUTH_BEARER_TOKEN";

const NOT_THERE: &str = "check the address, and that the server has the experiment there";

/// Gets the text of an experiment from a file or from an http(s) address.
///
/// # Errors
///
/// It is not there, too large, or no experiment comes in this form.
pub async fn load(source: &str, verify_tls: bool, settings: &Settings) -> Result<Source, Problem> {
    if !is_url(source) {
        return load_file(source);
    }
    let headers = headers(source, settings, Surroundings::environment(TOKEN_VARIABLE))?;
    let fetched = fracas_providers::fetch(source, verify_tls, &headers).await;
    let fetched = fetched.map_err(unfetched)?;
    match fetched.status {
        200 => load_fetched(source, &fetched.content_type, fetched.text),
        status => Err(refused(source, status, &fetched.text)),
    }
}

fn unfetched(Failure { error, help, .. }: Failure) -> Problem {
    Problem::general(error).help(if help.is_empty() { NOT_THERE.to_owned() } else { help })
}

fn refused(source: &str, status: u16, text: &str) -> Problem {
    let help = match status {
        401 | 403 => format!(
            "give the server's credentials under `auths` in the settings, or a bearer token in {TOKEN_VARIABLE}"
        ),
        _ => NOT_THERE.to_owned(),
    };
    Problem::general(format!("{source} answered with status {status}"))
        .help(help)
        .words(format!("Failed to fetch the experiment: {text}"))
}

fn headers(
    source: &str,
    settings: &Settings,
    token: Option<String>,
) -> Result<Vec<(String, String)>, Problem> {
    let authorization = match token.filter(|token| !token.is_empty()) {
        Some(token) => Some(format!("bearer {}", token.trim())),
        None => settings.authorization(host(source))?,
    };
    let accept = ("Accept".to_owned(), "application/json, application/x-yaml".to_owned());
    let authorization = authorization.map(|value| ("Authorization".to_owned(), value));
    Ok([Some(accept), authorization].into_iter().flatten().collect())
}

/// The host of an address, with the port if it is written there.
fn host(source: &str) -> &str {
    let after_scheme = source.split_once("://").map_or(source, |(_, rest)| rest);
    after_scheme.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn servers_get_the_credentials_that_are_theirs() {
        let auths = json!({"x.org": {"type": "basic", "value": "eHl6"}, "x.org:81": {"type": "bearer", "value": "t"}});
        let settings = Settings { value: json!({"auths": auths}), ..Settings::empty(Path::new("s.yaml")) };
        let cases = [
            ("http://x.org/a.json", None, Some("basic eHl6")),
            ("https://x.org:81?b", None, Some("bearer t")),
            ("http://y.org/x.org", None, None),
            ("http://x.org/", Some(" token\n"), Some("bearer token")),
            ("http://x.org/", Some(""), Some("basic eHl6")),
        ];
        for (source, token, expected) in cases {
            let headers = headers(source, &settings, token.map(str::to_owned)).unwrap();
            assert_eq!(headers.get(1).map(|(_, value)| value.as_str()), expected, "{source}");
        }
    }
}
