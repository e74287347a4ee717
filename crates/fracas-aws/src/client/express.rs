//! Sessions of S3 Express: keys for one directory bucket, good for minutes.

use super::{Aws, Client, Scope, credentials, send};
use crate::error::{Error, Sent};
use crate::protocol::Call;
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The header that carries the token of a session, in place of `x-amz-security-token`.
pub(super) const TOKEN: &str = "x-amz-s3session-token";

/// The sessions of a client, by bucket.
pub(super) type Sessions = Mutex<HashMap<String, Credentials>>;

impl Aws {
    /// The keys of a session for the bucket of a call. Callers at the same time share one.
    ///
    /// Boxed, since a call begins the session.
    pub(super) fn session<'a>(
        &'a self,
        client: &'a Arc<Client>,
        scope: &'a Scope,
        call: Call<'static>,
        params: &'a Value,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + 'a>> {
        Box::pin(async move {
            let bucket = params["Bucket"].as_str().unwrap_or_default();
            let mut sessions = client.sessions.lock().await;
            if let Some(known) = sessions.get(bucket).filter(|keys| credentials::is_lasting(keys)) {
                return Ok(known.clone());
            }
            let (service, operation) = self.operation(call.service.name, "CreateSession")?;
            let asked = Call { service, operation };
            let ready = self.ready(client.clone(), scope, asked, &json!({"Bucket": bucket})).await?;
            let answer = send::send(ready).await.and_then(|success| success.result());
            // What the caller wanted to do was not sent, whatever became of this.
            let answer = Value::Object(answer.map_err(|error| error.with_sent(Sent::No))?);
            let keys = credentials::of_session(&answer)?;
            sessions.insert(bucket.to_owned(), keys.clone());
            Ok(keys)
        })
    }
}
