//! Endpoints that a service tells itself, cell by cell (botocore's `discovery.py`).

use super::settings::Settings;
use super::{Aws, Client, Scope, send};
use crate::error::{Error, Sent};
use crate::protocol::{Call, Object};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The endpoints that services told, and until when they hold.
#[derive(Default)]
pub(super) struct Endpoints(Mutex<HashMap<&'static str, (String, Instant)>>);

impl Endpoints {
    fn known(&self, service: &str) -> Option<String> {
        let endpoints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints.get(service).filter(|(_, until)| *until > Instant::now()).map(|(url, _)| url.clone())
    }

    fn note(&self, service: &'static str, url: String, lifetime: Duration) {
        let mut endpoints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints.insert(service, (url, Instant::now() + lifetime));
    }

    /// Whether a call says that the endpoint that it was told was the wrong one, which is forgotten then; another
    /// call may have done so before, and be asking for a new one.
    pub(super) fn forget(&self, call: Call, told: Option<&str>, error: &Error) -> bool {
        let is_wrong = error.status() == Some(421) || error.code() == Some("InvalidEndpointException");
        let Some(told) = told.filter(|_| is_wrong) else { return false };
        let mut endpoints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if endpoints.get(call.service.name).is_some_and(|(url, _)| url == told) {
            endpoints.remove(call.service.name);
        }
        true
    }
}

/// Whether a call goes to an endpoint that the service tells.
fn is_wanted(settings: &Settings, call: Call) -> Result<bool, Error> {
    let enabled = settings.get("AWS_ENDPOINT_DISCOVERY_ENABLED", "endpoint_discovery_enabled");
    match (call.operation.endpoint_discovery, enabled.unwrap_or_default().to_lowercase().as_str()) {
        (0, _) => Ok(false),
        _ if settings.is_endpoint_given() => Ok(false),
        (2, "false") => Err(Error::new(
            "botocore.discovery.EndpointDiscoveryRequired",
            Sent::No,
            "Endpoint Discovery is not enabled but this operation requires it.",
        )
        .with_help("take AWS_ENDPOINT_DISCOVERY_ENABLED or endpoint_discovery_enabled away")),
        (2, _) | (_, "true") => Ok(true),
        _ => Ok(false),
    }
}

impl Aws {
    /// Where the service wants a call to go, if it tells.
    pub(super) async fn discover(
        &self,
        client: &Arc<Client>,
        scope: &Scope,
        call: Call<'static>,
    ) -> Result<Option<String>, Error> {
        let service = call.service;
        let Some(operation) = service.operations.iter().find(|operation| operation.endpoint_operation) else {
            return Ok(None);
        };
        if !is_wanted(&client.settings, call)? {
            return Ok(None);
        }
        if let Some(known) = client.endpoints.known(service.name) {
            return Ok(Some(known));
        }
        // What the caller wanted to do was not sent, whatever becomes of this.
        let asked = Call { operation, service };
        let ready = self.ready(client.clone(), scope, asked, &json!({})).await?;
        let told = send::send(ready).await.and_then(|success| success.result());
        match told.map_err(|error| error.with_sent(Sent::No)) {
            Ok(told) => Ok(first(&told).map(|(url, lifetime)| {
                client.endpoints.note(service.name, url.clone(), lifetime);
                url
            })),
            Err(error) if error.code().is_some() => Err(error),
            Err(_) if call.operation.endpoint_discovery < 2 => Ok(None),
            Err(error) => Err(Error::new(
                "botocore.discovery.EndpointDiscoveryRefreshFailed",
                Sent::No,
                "Endpoint Discovery failed to refresh the required endpoints.",
            )
            .with_help(format!("{} failed: {error}", operation.name))),
        }
    }
}

/// The first endpoint of an answer, and how long it holds.
fn first(told: &Object) -> Option<(String, Duration)> {
    let endpoint: &Value = told.get("Endpoints")?.get(0)?;
    let address = endpoint["Address"].as_str()?;
    let url = if address.starts_with("http") { address.to_owned() } else { format!("https://{address}") };
    Some((url, Duration::from_secs(endpoint["CachePeriodInMinutes"].as_u64()? * 60)))
}
