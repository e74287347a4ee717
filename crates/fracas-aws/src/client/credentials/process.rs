//! `credential_process`: a program that prints credentials.

use super::chain::Finder;
use super::{NAMES, not_retrieved, read};
use crate::error::Error;
use aws_credential_types::Credentials;
use serde_json::Value;
use std::process::Stdio;
use tokio::process::Command;

const METHOD: &str = "custom-process";

impl Finder<'_> {
    /// The credentials that a profile's program prints.
    pub(super) async fn process(&self, profile: &str) -> Result<Option<Credentials>, Error> {
        let Some(profile) = self.settings().sections.get_profile(profile) else { return Ok(None) };
        let Some(command) = profile.get("credential_process") else { return Ok(None) };
        let mut keys = run(command).await?;
        let version =
            keys.get("Version").map_or_else(|| "<Version key not provided>".to_owned(), Value::to_string);
        if version != "1" {
            let text = "for credential process provider, supported versions: 1";
            return Err(not_retrieved(METHOD, format!("Unsupported version '{version}' {text}")));
        }
        if let (Value::Null, Some(account)) = (&keys[NAMES.account], profile.get("aws_account_id")) {
            keys[NAMES.account] = account.into();
        }
        read(&keys, &NAMES, METHOD).map(Some)
    }
}

/// What a command prints. No shell reads it, as with boto3.
async fn run(command: &str) -> Result<Value, Error> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let words =
        words.ok_or_else(|| not_retrieved(METHOD, "the command has an open quotation mark, or no word"))?;
    let mut child = Command::new(&words[0]);
    child.args(&words[1..]).stdin(Stdio::null()).kill_on_drop(true);
    let output =
        child.output().await.map_err(|error| not_retrieved(METHOD, format!("{}: {error}", words[0])))?;
    if !output.status.success() {
        return Err(not_retrieved(METHOD, String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let read: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    // What it printed may hold secrets.
    read.filter(Value::is_object)
        .ok_or_else(|| not_retrieved(METHOD, format!("{} did not print a JSON object", words[0])))
}
