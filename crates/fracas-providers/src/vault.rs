//! Reads secrets from the key-value engines of HashiCorp Vault.
//!
//! The configuration says where the vault is (`vault_addr`) and how to get in: `vault_token`, or
//! `vault_role_id` and `vault_role_secret`, or `vault_sa_role` with the token of the Kubernetes
//! service account. Source: chaoslib's `secret.py`, and Vault's API at
//! <https://developer.hashicorp.com/vault/api-docs>.

use fracas_engine::{Context, Provider, Stop, Tell, Values, Vault, VaultSecret, activity_of};
use fracas_model::{Choice, Failure, Happened, Level, Node, Policy, python};
use futures_util::future::LocalBoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::Http;

/// Where a vault is when nothing says so.
const DEFAULT_ADDRESS: &str = "http://localhost:8200";

/// Where Kubernetes keeps the token of a service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Seconds to wait for each answer.
const PATIENCE: u32 = 30;

/// What stays as it is in the path of a secret.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// Reads secrets from HashiCorp Vault.
pub struct HashiVault {
    http: Http,
    environment: fn(&str) -> Option<String>,
}

impl HashiVault {
    /// A reader that has not connected to anything yet. `VAULT_ADDR`, `VAULT_TOKEN`, `VAULT_CACERT`
    /// and `VAULT_CAPATH` count where the configuration says nothing.
    pub fn new(environment: fn(&str) -> Option<String>) -> HashiVault {
        HashiVault { http: Http::new(), environment }
    }
}

impl Vault for HashiVault {
    fn read<'a>(
        &'a self,
        configuration: &'a Map<String, Value>,
        secrets: &'a [VaultSecret],
    ) -> LocalBoxFuture<'a, Result<Vec<Result<Value, Failure>>, Failure>> {
        Box::pin(async move {
            let visit = Visit::new(self, configuration)?;
            let token = visit.enter().await?;
            let mut found = Vec::new();
            for secret in secrets {
                found.push(visit.read(secret, token.as_deref()).await?);
            }
            Ok(found)
        })
    }
}

/// The version of a key-value engine.
#[derive(Clone, Copy, PartialEq)]
enum Engine {
    V1,
    V2,
}

/// The reading of some secrets of one vault.
struct Visit<'a> {
    vault: &'a HashiVault,
    configuration: &'a Map<String, Value>,
    address: String,
    engine: Engine,
}

impl Visit<'_> {
    fn new<'a>(vault: &'a HashiVault, configuration: &'a Map<String, Value>) -> Result<Visit<'a>, Failure> {
        let version = configuration.get("vault_kv_version").map_or("2".to_owned(), python::to_str);
        let engine = match version.as_str() {
            "1" => Engine::V1,
            "2" => Engine::V2,
            other => return Err(unread(format!("`vault_kv_version` is {other}"), "it can be 1 or 2")),
        };
        let given = text(configuration, "vault_addr").filter(|address| !address.is_empty());
        let address = given.or_else(|| (vault.environment)("VAULT_ADDR"));
        let address = address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        Ok(Visit { vault, configuration, address, engine })
    }

    fn text(&self, key: &str) -> Option<String> {
        text(self.configuration, key)
    }

    /// The token that opens the vault; none if it is open anyway.
    async fn enter(&self) -> Result<Option<String>, Failure> {
        if self.configuration.contains_key("vault_token") {
            return Ok(self.text("vault_token").filter(|token| !token.is_empty()));
        }
        if let (Some(id), Some(secret)) = (self.text("vault_role_id"), self.text("vault_role_secret")) {
            return self.log_in("approle", &json!({"role_id": id, "secret_id": secret})).await.map(Some);
        }
        let Some(role) = self.text("vault_sa_role") else { return Ok(self.token_around()) };
        let path = self.text("vault_sa_token_path").filter(|path| !path.is_empty());
        let path = path.unwrap_or_else(|| SERVICE_ACCOUNT.to_owned());
        let jwt = std::fs::read_to_string(&path).map_err(|error| {
            let message =
                format!("the token of the Kubernetes service account cannot be read: {path}: {error}");
            unread(message, "name its file under `vault_sa_token_path` in the configuration")
        })?;
        let mount = self.text("vault_k8s_mount_point").unwrap_or_else(|| "kubernetes".to_owned());
        self.log_in(&mount, &json!({"role": role, "jwt": jwt})).await.map(Some)
    }

    /// The token of the user, as Vault's own tools find it.
    fn token_around(&self) -> Option<String> {
        let of_environment = (self.vault.environment)("VAULT_TOKEN").filter(|token| !token.is_empty());
        let file = || Some(std::path::Path::new(&(self.vault.environment)("HOME")?).join(".vault-token"));
        let of_file = || Some(std::fs::read_to_string(file()?).ok()?.trim().to_owned());
        of_environment.or_else(of_file).filter(|token| !token.is_empty())
    }

    async fn log_in(&self, mount: &str, body: &Value) -> Result<String, Failure> {
        let path = format!("v1/auth/{}/login", quoted(mount));
        let (status, answer) = self.call("POST", &path, None, body).await?;
        let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
        token.filter(|_| status == 200).map(str::to_owned).ok_or_else(|| {
            let hidden = ["secret_id", "jwt"].into_iter().filter_map(|key| body.get(key)?.as_str());
            let why = self.said(status, &answer, hidden);
            unread(
                format!("the vault at {} does not let us in by `{mount}`: {why}", self.address),
                "check the role and its secret in the configuration",
            )
        })
    }

    async fn read(
        &self,
        secret: &VaultSecret,
        token: Option<&str>,
    ) -> Result<Result<Value, Failure>, Failure> {
        let mount = self.text("vault_secrets_mount_point").unwrap_or_else(|| "secret".to_owned());
        let (mount, path) = (quoted(&mount), quoted(&secret.path));
        let (path, place) = match self.engine {
            Engine::V1 => (format!("v1/{mount}/{path}"), "/data"),
            Engine::V2 => (format!("v1/{mount}/data/{path}"), "/data/data"),
        };
        let (status, answer) = self.call("GET", &path, token, &Value::Null).await?;
        let name = format!("{mount}/{}", secret.path);
        let data = answer.pointer(place).filter(|data| status == 200 && data.is_object());
        let Some(data) = data else { return Ok(Err(self.refused(&name, status, &answer, token))) };
        Ok(match &secret.key {
            None => Ok(data.clone()),
            Some(key) => data.get(key).cloned().ok_or_else(|| {
                unread(format!("the secret `{name}` of the vault has no key `{key}`"), "check the key")
            }),
        })
    }

    fn refused(&self, name: &str, status: i64, answer: &Value, token: Option<&str>) -> Failure {
        let why = self.said(status, answer, token);
        let (message, help) = match status {
            404 => (
                format!("the vault at {} has no secret `{name}`", self.address),
                "check the path, which begins after the mount point, `vault_secrets_mount_point` and \
                 `vault_kv_version`",
            ),
            401 | 403 => (
                format!("the vault at {} does not show the secret `{name}`: {why}", self.address),
                "check the token, and that its policy lets it read this path",
            ),
            _ => (
                format!("the vault at {} gives no secret `{name}`: {why}", self.address),
                "check `vault_addr` and the state of the vault",
            ),
        };
        unread(message, help)
    }

    /// What the vault says about a failure, without what was sent to it.
    fn said<'s>(&self, status: i64, answer: &Value, hidden: impl IntoIterator<Item = &'s str>) -> String {
        let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
        let errors: Vec<&str> = errors.filter_map(Value::as_str).map(str::trim).collect();
        let said = match errors.as_slice() {
            [] => format!("status {status}"),
            errors => format!("status {status}, {}", errors.join(", ")),
        };
        let hidden = hidden.into_iter().map(str::trim).filter(|secret| !secret.is_empty());
        hidden.fold(said, |said, secret| said.replace(secret, "*****"))
    }

    /// The status and the JSON of an answer; null when it is none.
    async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<(i64, Value), Failure> {
        let mut headers = Map::new();
        headers.insert("X-Vault-Request".to_owned(), "true".into());
        headers.insert("Accept".to_owned(), "*/*".into());
        headers.extend(token.map(|token| ("X-Vault-Token".to_owned(), literal(token).into())));
        if !body.is_null() {
            headers.insert("Content-Type".to_owned(), "application/json".into());
        }
        let url = format!("{}/{}", self.address.trim_end_matches('/'), path);
        let bundle = ["VAULT_CACERT", "VAULT_CAPATH"].iter().find_map(|name| (self.vault.environment)(name));
        let provider = json!({
            "type": "http", "method": method, "url": literal(&url), "headers": headers, "arguments": body,
            "timeout": PATIENCE, "verify_tls": bundle.map_or(Value::Bool(true), Value::String),
        });
        let probe = json!({"type": "probe", "name": "vault", "provider": provider});
        let (activity, _) = activity_of(&Node::from(&probe));
        let activity = activity.ok_or_else(|| unread("the vault cannot be asked".to_owned(), ""))?;
        let context = Context { values: &Values::default(), policy: &Policy::FRACAS, tell: &Deaf, place: "" };
        let answer = self.vault.http.carry_out(&activity, &context).await.map_err(|failure| Failure {
            help: "check `vault_addr` in the configuration, and that the vault answers this machine"
                .to_owned(),
            ..failure
        })?;
        let status = answer.get("status").and_then(Value::as_i64).unwrap_or_default();
        let body = answer.get("body").cloned().unwrap_or_default();
        // Only an answer of exactly this content type has been read as JSON.
        let body = body.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(body);
        Ok((status, body))
    }
}

/// Takes no note of what is told: warnings about a status are errors here.
struct Deaf;

impl Tell for Deaf {
    fn log(&self, _: Level, _: String) {}

    fn process_started(&self, _: u32) -> std::io::Result<()> {
        Ok(())
    }

    fn chose(&self, _: Choice) -> std::io::Result<()> {
        Ok(())
    }

    fn stop(&self, _: Stop) {}

    fn changed(&self, _: fracas_engine::Changes) {}
}

fn text(configuration: &Map<String, Value>, key: &str) -> Option<String> {
    configuration.get(key).filter(|value| !value.is_null()).map(python::to_str)
}

/// A text as it is, where `$` would begin a name.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// A path for a URL, without empty parts.
fn quoted(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    utf8_percent_encode(&parts.join("/"), &PATH).to_string()
}

fn unread(error: String, help: &str) -> Failure {
    Failure { error, help: help.to_owned(), happened: Happened::No, progress: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};

    const TOKEN: &str = "s.opens-it";

    /// Answers as Vault does, and gives the address and the requests that came.
    fn vault() -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                let (status, body) = answer(&request);
                let _ = sender.send(request);
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close");
                write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        });
        (address, requests)
    }

    fn read(stream: &TcpStream) -> String {
        let mut reader = BufReader::new(stream);
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut request).unwrap() > 0);
        }
        let lower = request.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        request + &String::from_utf8(body).unwrap()
    }

    fn answer(request: &str) -> (u16, &'static str) {
        let (line, rest) = request.split_once("\r\n").unwrap();
        let opened = rest.to_lowercase().contains(&format!("x-vault-token: {TOKEN}"));
        match line.trim_end_matches(" HTTP/1.1") {
            "POST /v1/auth/approle/login" if rest.ends_with(r#"{"role_id": "r", "secret_id": "s"}"#) => {
                (200, r#"{"auth": {"client_token": "s.opens-it"}}"#)
            }
            "POST /v1/auth/k8s/login" if rest.ends_with(r#"{"role": "r", "jwt": "a jwt\n"}"#) => {
                (200, r#"{"auth": {"client_token": "s.opens-it"}}"#)
            }
            "POST /v1/auth/approle/login" => (400, r#"{"errors": ["no role r with the wrong one"]}"#),
            _ if !opened => (403, r#"{"errors": ["permission denied for s.wrong"]}"#),
            "GET /v1/secret/data/a%20b/$c" | "GET /v1/secret/data/a%20b/%24c" => {
                (200, r#"{"data": {"data": {"k": "v2", "n": 1}, "metadata": {}}}"#)
            }
            "GET /v1/old/a" => (200, r#"{"data": {"k": "v1"}}"#),
            "GET /v1/secret/data/gone" => (200, r#"{"data": {"data": null}}"#),
            "GET /v1/secret/data/sealed" => (503, r#"{"errors": ["Vault is sealed"]}"#),
            _ => (404, r#"{"errors": []}"#),
        }
    }

    fn asked(
        configuration: Value,
        secrets: &[(&str, Option<&str>)],
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let secrets: Vec<VaultSecret> = secrets
            .iter()
            .map(|(path, key)| VaultSecret { path: (*path).to_owned(), key: key.map(str::to_owned) })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let configuration = configuration.as_object().unwrap();
        runtime.block_on(HashiVault::new(|_| None).read(configuration, &secrets))
    }

    fn told(result: Result<Value, Failure>) -> String {
        result.map_or_else(|failure| failure.error, |value| value.to_string())
    }

    #[test]
    fn secrets_are_read_from_both_versions() {
        let (address, requests) = vault();
        let configuration = json!({"vault_addr": format!("{address}/"), "vault_token": TOKEN});
        let found = asked(configuration, &[("/a b//$c", None), ("a b/$c", Some("k"))]).unwrap();
        let found: Vec<String> = found.into_iter().map(told).collect();
        assert_eq!(found, [r#"{"k":"v2","n":1}"#, "\"v2\""]);
        let request = requests.recv().unwrap().to_lowercase();
        assert!(request.contains("x-vault-request: true"), "{request}");
        let configuration = json!({
            "vault_addr": address, "vault_token": TOKEN, "vault_kv_version": 1, "vault_secrets_mount_point": "old",
        });
        let found = asked(configuration, &[("a", Some("k"))]).unwrap();
        assert_eq!(found, [Ok(json!("v1"))]);
    }

    #[test]
    fn there_are_three_ways_in() {
        let (address, _requests) = vault();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a jwt\n").unwrap();
        let ways = [
            json!({"vault_token": TOKEN}),
            json!({"vault_role_id": "r", "vault_role_secret": "s"}),
            json!({"vault_sa_role": "r", "vault_k8s_mount_point": "k8s", "vault_sa_token_path": file.path()}),
        ];
        for mut way in ways {
            way["vault_addr"] = address.clone().into();
            assert_eq!(asked(way.clone(), &[("a b/$c", Some("n"))]), Ok(vec![Ok(json!(1))]), "{way}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_tokens() {
        let (address, _requests) = vault();
        let open = json!({"vault_addr": address, "vault_token": TOKEN});
        let paths = [("none", None), ("gone", None), ("sealed", None), ("a b/$c", Some("x"))];
        let found: Vec<String> = asked(open, &paths).unwrap().into_iter().map(told).collect();
        let expected = [
            format!("the vault at {address} has no secret `secret/none`"),
            format!("the vault at {address} gives no secret `secret/gone`: status 200"),
            format!("the vault at {address} gives no secret `secret/sealed`: status 503, Vault is sealed"),
            "the secret `secret/a b/$c` of the vault has no key `x`".to_owned(),
        ];
        assert_eq!(found, expected);
        let shut = json!({"vault_addr": address, "vault_token": "s.wrong"});
        let told = told(asked(shut, &[("a", None)]).unwrap().remove(0));
        let expected = "does not show the secret `secret/a`: status 403, permission denied for *****";
        assert!(told.ends_with(expected), "{told}");
        let shut = json!({"vault_addr": address, "vault_role_id": "r", "vault_role_secret": "the wrong one"});
        let error = asked(shut, &[("a", None)]).unwrap_err().error;
        assert!(
            error.contains("by `approle`: status 400, no ***** role") || error.contains("with *****"),
            "{error}"
        );
        let error = asked(json!({"vault_kv_version": "3"}), &[]).unwrap_err().error;
        assert_eq!(error, "`vault_kv_version` is 3");
        let error =
            asked(json!({"vault_sa_role": "r", "vault_sa_token_path": "/no/such"}), &[]).unwrap_err().error;
        assert!(error.contains("service account cannot be read: /no/such"), "{error}");
        let nobody = json!({"vault_addr": "http://127.0.0.1:1", "vault_token": TOKEN});
        let failure = asked(nobody, &[("a", None)]).unwrap_err();
        assert!(failure.error.contains("failed to connect to http://127.0.0.1:1"), "{}", failure.error);
        assert!(failure.help.contains("vault_addr"), "{}", failure.help);
    }
}
