//! Buckets that are in another region than the client's (botocore's `S3RegionRedirectorv2`).

use super::settings::Settings;
use super::{Aws, Client, Scope, send};
use crate::endpoint::is_valid_host_label;
use crate::error::Error;
use crate::protocol::Call;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where buckets were found.
#[derive(Default)]
pub(super) struct Regions(Mutex<HashMap<String, String>>);

impl Regions {
    /// The settings for a call: with the region of its bucket, where that was found elsewhere.
    pub(super) fn settings<'s>(
        &self,
        settings: &'s Settings,
        call: Call,
        params: &Value,
    ) -> Cow<'s, Settings> {
        let regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bucket(call, params).and_then(|bucket| regions.get(bucket)) {
            None => Cow::Borrowed(settings),
            Some(region) => Cow::Owned(settings.for_bucket_in(region)),
        }
    }

    fn note(&self, bucket: &str, region: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned(), region);
    }
}

/// The bucket of a call to S3; an ARN says itself where it is.
fn bucket<'p>(call: Call, params: &'p Value) -> Option<&'p str> {
    let bucket = params["Bucket"].as_str().filter(|_| call.service.name == "s3");
    bucket.filter(|bucket| !bucket.starts_with("arn:"))
}

impl Aws {
    /// After a call that failed: whether its bucket is elsewhere, and now it is known where.
    pub(super) async fn finds_bucket(
        &self,
        client: &Arc<Client>,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
        error: &Error,
    ) -> bool {
        let Some(bucket) = bucket(call, params).filter(|_| is_elsewhere(call, error)) else { return false };
        let region = match error.region() {
            Some(region) => Some(region.to_owned()),
            None => self.region_of(client, scope, call, bucket).await,
        };
        let Some(region) = region.filter(|region| is_valid_host_label(region, false)) else { return false };
        client.buckets.note(bucket, region);
        true
    }

    /// Asks for the bucket itself: the answer names its region even when it is an error.
    async fn region_of(
        &self,
        client: &Arc<Client>,
        scope: &Scope,
        call: Call<'static>,
        bucket: &str,
    ) -> Option<String> {
        let head = Call { operation: call.service.operation("HeadBucket")?, ..call };
        let ready = self.ready(client.clone(), scope, head, &json!({"Bucket": bucket})).await.ok()?;
        match send::send(ready).await.and_then(|success| success.result()) {
            Ok(found) => {
                found["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"].as_str().map(str::to_owned)
            }
            Err(error) => error.region().map(str::to_owned),
        }
    }
}

/// Whether an error says that the bucket is in another region.
fn is_elsewhere(call: Call, error: &Error) -> bool {
    match (call.operation.name, error.code().unwrap_or_default()) {
        _ if matches!(error.status(), Some(301 | 302 | 307)) => true,
        ("HeadObject", "400") | (_, "PermanentRedirect") => true,
        ("HeadBucket", "400") | (_, "AuthorizationHeaderMalformed") => error.region().is_some(),
        (operation, "IllegalLocationConstraintException") => operation != "CreateBucket",
        _ => false,
    }
}
