//! What can go wrong with a call, in boto3's words, and whether the call may have happened.

use std::borrow::Cow;
use std::fmt;

/// Codes by which AWS turns a call away that comes too soon. Some services, such as EC2, do it with status 503.
const TURNED_AWAY: [&str; 10] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "EC2ThrottledException",
];

/// How far a call got before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Nothing reached AWS: the call did not happen.
    No,
    /// The request left, but no complete answer came back, if only to an earlier attempt: the call
    /// may have happened.
    Maybe,
    /// AWS answered, with an error or with something that cannot be read.
    Yes,
}

/// A failed call. `Display` gives boto3's wording; [`Error::help`] a way out.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    class: Cow<'static, str>,
    text: String,
    sent: Sent,
    api: Option<ApiError>,
    help: Option<String>,
}

/// What the service's own error answer said.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApiError {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) status: u16,
    /// The region that S3 says a bucket is in.
    pub(crate) region: Option<String>,
}

impl Error {
    pub(crate) fn new(class: impl Into<Cow<'static, str>>, sent: Sent, text: impl Into<String>) -> Self {
        Self(Box::new(Inner { class: class.into(), text: text.into(), sent, api: None, help: None }))
    }

    /// An error of `botocore.exceptions` before anything was sent.
    pub(crate) fn unsent(class: &str, text: impl Into<String>) -> Self {
        Self::new(format!("botocore.exceptions.{class}"), Sent::No, text)
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    pub(crate) fn with_api(mut self, api: ApiError) -> Self {
        self.0.api = Some(api);
        self
    }

    pub(crate) fn with_sent(mut self, sent: Sent) -> Self {
        self.0.sent = sent;
        self
    }

    /// Whether the call may have happened.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// The API's error code, such as `DBClusterNotFoundFault`.
    pub fn code(&self) -> Option<&str> {
        self.0.api.as_ref()?.code.as_deref()
    }

    /// The API's own message, or the whole text when the API said nothing.
    pub fn message(&self) -> &str {
        let own = self.0.api.as_ref().and_then(|api| api.message.as_deref());
        own.unwrap_or(&self.0.text)
    }

    /// AWS's name for the request, for support cases.
    pub fn request_id(&self) -> Option<&str> {
        self.0.api.as_ref()?.request_id.as_deref()
    }

    /// The region that S3 says a bucket is in, where it said so.
    pub(crate) fn region(&self) -> Option<&str> {
        self.0.api.as_ref()?.region.as_deref()
    }

    /// The HTTP status of the answer, when there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.api.as_ref().map(|api| api.status)
    }

    /// Whether AWS answered that it did nothing: an error of its own, and not that of a server that failed.
    pub fn is_refusal(&self) -> bool {
        let (Some(code), Some(status)) = (self.code(), self.status()) else { return false };
        (300..500).contains(&status) || TURNED_AWAY.contains(&code)
    }

    /// The Python exception that boto3 raises here, such as `botocore.exceptions.ClientError`.
    pub fn python_class(&self) -> String {
        self.0.class.clone().into_owned()
    }

    /// A way out, when there is one.
    pub fn help(&self) -> Option<String> {
        self.0.help.clone()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {}
