//! One call on the AWS SDK's runtime: signing, retries, clock skew, user agent.

#[cfg(test)]
mod conformance;

use super::checksum::{self, Payload};
use super::custom;
use super::files::BodyFile;
use super::s3;
use super::save::{Save, Saved};
use super::settings::{RetryMode, Settings};
use super::transport::{ANNOUNCED, Failure, TIMEOUT};
use super::{Ready, express, sigv2};
use crate::error::{ApiError, Error, Sent};
use crate::model::Kind;
use crate::protocol::xml::Shaped;
use crate::protocol::{self, Answer, Call, Object, Request, Unreadable, WireFormat};
use crate::value::python_str;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::sigv4a::{self, SigV4aAuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigV4SessionTokenNameOverride};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_sigv4::http_request::SignableBody;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::interceptors::{Intercept, context, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::{AggregatedBytes, ByteStream};
use aws_smithy_types::config_bag::{ConfigBag, Layer};
use aws_smithy_types::retry::{ErrorKind, RetryConfig, RetrySpec};
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion, SigningRegionSet};
use bytes::Bytes;
use futures_util::FutureExt;
use serde::Serializer;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Sends a request until it has an answer that counts.
pub(super) async fn send(ready: Ready) -> Result<Success, Error> {
    let attempts = ready.client.settings.retries.attempts(ready.call.service.name);
    let classifier = Classifier { call: ready.call, maybe_sent: Arc::default() };
    let maybe_sent = classifier.maybe_sent.clone();
    let save = ready.save.clone();
    let http_client = ready.client.transport.saving(save.clone());
    let operation = operation(ready, http_client, classifier, attempts);
    let answer = operation.invoke(()).await.map_err(into_error);
    answer.map_err(|error| {
        let error = with_earlier_attempts(error, maybe_sent.load(Ordering::Relaxed));
        save.map_or(error.clone(), |save| save.tell(error))
    })
}

/// A request as it would go over the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRequest {
    /// The HTTP method.
    pub method: String,
    /// Where it would be sent, path and query string included.
    pub url: String,
    /// Headers in the order they would be sent, the signature's included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The file whose contents are sent in place of the body.
    pub file: Option<PathBuf>,
}

/// Signs a request as [`send`] does, and does not send it.
pub(super) async fn capture(ready: Ready) -> Result<SignedRequest, Error> {
    let classifier = Classifier { call: ready.call, maybe_sent: Arc::default() };
    let caught = Caught::default();
    let file = ready.file.as_ref().map(|file| file.path.clone());
    let failed = operation(ready, caught.clone(), classifier, 1).invoke(()).await.err();
    let request = caught.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let nothing = || Error::unsent("BotoCoreError", "the request was not built");
    request
        .map(|request| SignedRequest { file, ..request })
        .ok_or_else(|| failed.map(into_error).unwrap_or_else(nothing))
}

/// Keeps a request instead of sending it.
#[derive(Debug, Clone, Default)]
struct Caught(Arc<Mutex<Option<SignedRequest>>>);

impl HttpClient for Caught {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Caught {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let request = SignedRequest {
            method: request.method().to_owned(),
            url: request.uri().to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
            file: None,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        HttpConnectorFuture::ready(Err(ConnectorError::user("the request is not to be sent".into())))
    }
}

/// A call as the SDK's runtime carries it out.
fn operation(
    ready: Ready,
    http_client: impl HttpClient + 'static,
    classifier: Classifier,
    attempts: u32,
) -> Operation<(), Success, Error> {
    let Ready { call, client, request, file, save, address, keys } = ready;
    let mode = client.settings.retries.mode;
    let wire = protocol::wire(call.service);
    let asked_for_checksum = request.headers.iter().any(|(name, _)| name == "x-amz-checksum-mode");
    let reader = Reader { wire, call, attempts, legacy: mode == RetryMode::Legacy, asked_for_checksum, save };
    let (endpoint, target) = address.split(&request.target);
    let (request, headers) = (Request { target, ..request }, address.headers.clone());
    let connect = client.settings.connect_timeout();
    let timeouts = TimeoutConfig::builder().connect_timeout(connect).read_timeout(TIMEOUT).build();
    let agent = user_agent(call, &client.settings);
    let digest = file.as_ref().and_then(|file| file.sha256.clone());
    let operation = Operation::builder()
        .service_name(call.service.metadata.service_id)
        .operation_name(call.operation.name)
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .endpoint_url(endpoint)
        .timeout_config(timeouts)
        .standard_retry(&retry_config(mode, attempts))
        .retry_classifier(classifier)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(RequestInfoInterceptor::new())
        .interceptor(Unsigned { agent, expects: request.headers.iter().any(|(name, _)| name == EXPECT) })
        .interceptor(InvocationIdInterceptor::new())
        .serializer(move |()| http_request(&request, file.as_ref(), &headers))
        .deserializer_impl::<Success, Error>(reader);
    match keys {
        Some(keys) => operation.runtime_plugin(signing(address.signing, digest, keys)),
        None => operation.no_auth(),
    }
    .build()
}

/// The back-off of botocore's standard mode: at most 20 s, from 1 s after throttling and 50 ms else.
fn retry_config(mode: RetryMode, attempts: u32) -> RetryConfig {
    let config = match mode {
        RetryMode::Adaptive => RetryConfig::adaptive(),
        RetryMode::Standard | RetryMode::Legacy => RetryConfig::standard(),
    };
    config.with_max_attempts(attempts).with_retry_spec(RetrySpec::v2_1())
}

/// The ways to sign that are known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Version {
    V2,
    #[default]
    V4,
    /// Asymmetric, for several regions, which are parted by commas.
    V4a,
    /// Version 4 with the keys of a session of S3 Express.
    Express,
}

/// How a call is signed, and for what.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Signing {
    pub(super) version: Version,
    /// The endpoint's rules say how.
    pub(super) by_rules: bool,
    pub(super) name: String,
    pub(super) region: String,
    /// Paths are encoded once more for the signature, except for S3.
    pub(super) double_encode: bool,
    pub(super) payload: Payload,
    /// A header repeats what is signed of the body.
    pub(super) shows_payload: bool,
}

fn signing(signing: Signing, digest: Option<String>, keys: Credentials) -> StaticRuntimePlugin {
    let (scheme, id) = match signing.version {
        Version::V2 => (SharedAuthScheme::new(sigv2::Scheme), sigv2::SCHEME_ID),
        Version::V4a => (SharedAuthScheme::new(SigV4aAuthScheme::new()), sigv4a::SCHEME_ID),
        Version::V4 | Version::Express => (SharedAuthScheme::new(SigV4AuthScheme::new()), SCHEME_ID),
    };
    let mut layer = Layer::new("signing");
    layer.store_put(SigningName::from(signing.name));
    let region = Region::new(signing.region);
    layer.store_put(SigningRegionSet::from(region.clone()));
    layer.store_put(SigningRegion::from(region));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    let mut config = SigV4OperationSigningConfig::default();
    config.signing_options.double_uri_encode = signing.double_encode;
    config.signing_options.normalize_uri_path = signing.double_encode;
    config.signing_options.content_sha256_header =
        signing.shows_payload || signing.payload != Payload::Signed;
    config.signing_options.payload_override = match signing.payload {
        Payload::Signed => digest.map(SignableBody::Precomputed),
        Payload::Unsigned => Some(SignableBody::UnsignedPayload),
        Payload::UnsignedTrailer => Some(SignableBody::StreamingUnsignedPayloadTrailer),
    };
    layer.store_put(config);
    if signing.version == Version::Express {
        layer.store_put(SigV4SessionTokenNameOverride::new(|_, _| Ok(Some(express::TOKEN))));
    }
    let identity = SharedIdentityResolver::new(SharedCredentialsProvider::new(keys));
    let resolver = StaticAuthSchemeOptionResolver::new(vec![id.clone()]);
    let components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(scheme)
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(resolver)))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(id, identity);
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// The header that asks whether a body is wanted.
const EXPECT: &str = "expect";

/// Who calls, for those who read logs.
fn user_agent(call: Call, settings: &Settings) -> String {
    let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "-");
    let app = settings.get("AWS_SDK_UA_APP_ID", "sdk_ua_app_id").map(|id| format!(" app/{}", plain(&id)));
    format!(
        "fracas/{} os/{} api/{}{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        plain(call.service.metadata.service_id),
        app.unwrap_or_default()
    )
}

/// Adds what is not part of the signature.
#[derive(Debug)]
struct Unsigned {
    agent: String,
    expects: bool,
}

#[dyn_dispatch_hint]
impl Intercept for Unsigned {
    fn name(&self) -> &'static str {
        "Unsigned"
    }

    fn modify_before_transmit(
        &self,
        context: &mut context::BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let has_body = !matches!(request.method(), "GET" | "HEAD" | "OPTIONS");
        let length = request.body().content_length().filter(|length| has_body || *length > 0);
        let headers = request.headers_mut();
        headers.try_insert("user-agent", self.agent.clone())?;
        if self.expects {
            headers.try_insert(EXPECT, "100-continue")?;
        }
        let has_length = headers.contains_key("content-length") || headers.contains_key("transfer-encoding");
        if let Some(length) = length.filter(|_| !has_length) {
            headers.try_insert("content-length", length.to_string())?;
        }
        Ok(())
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn http_request(
    request: &Request,
    file: Option<&BodyFile>,
    headers: &[(String, String)],
) -> Result<HttpRequest, BoxError> {
    let body = file.map_or_else(|| SdkBody::from(request.body.clone()), BodyFile::body);
    let mut http = HttpRequest::new(body);
    http.set_method(&request.method)?;
    http.set_uri(request.target.clone())?;
    for (name, value) in request.headers.iter().filter(|(name, _)| name != EXPECT) {
        http.headers_mut().try_insert(name.clone(), value.clone())?;
    }
    for (name, value) in headers {
        http.headers_mut().try_insert(name.clone(), value.clone())?;
    }
    Ok(http)
}

/// Turns answers into results and errors.
struct Reader {
    wire: &'static dyn WireFormat,
    call: Call<'static>,
    attempts: u32,
    legacy: bool,
    asked_for_checksum: bool,
    save: Option<Save>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("operation", &self.call.operation.name).finish_non_exhaustive()
    }
}

impl DeserializeResponse for Reader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<context::Output, OrchestratorError<context::Error>> {
        let attempt = config.load::<RequestAttempts>().map_or(1, |attempts| attempts.attempts());
        let read = self.read(answer(response), attempt);
        read.map(context::Output::erase)
            .map_err(|error| OrchestratorError::operation(context::Error::erase(error)))
    }
}

fn answer(response: &HttpResponse) -> Answer {
    // Headers are Latin-1, as in Python's http library.
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    Answer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter_bytes()
            .map(|(name, value)| match name {
                ANNOUNCED => ("content-length".to_owned(), text(value)),
                name => (name.to_lowercase(), text(value)),
            })
            .collect(),
        body: body(response),
    }
}

/// The body, which was read as a whole and is shared here.
fn body(response: &HttpResponse) -> Bytes {
    let whole = response.body().try_clone().map(|body| ByteStream::new(body).collect());
    let whole = whole.and_then(FutureExt::now_or_never).and_then(Result::ok);
    whole.map(AggregatedBytes::into_bytes).unwrap_or_default()
}

impl Reader {
    /// What is given as it came has to be whole; what is read is read as far as it goes.
    fn check_length(&self, answer: &Answer, saved: Option<&Saved>) -> Result<(), Error> {
        let announced = answer.header("content-length").and_then(|length| length.trim().parse::<u64>().ok());
        let came = saved.map_or(answer.body.len() as u64, |saved| saved.length);
        match announced.filter(|announced| *announced != came && answer.status < 300) {
            Some(announced) if self.call.operation.body_member(self.call.service).is_some() => {
                Err(incomplete(came, announced, answer))
            }
            _ => Ok(()),
        }
    }

    /// Takes an answer that went well as it is, and reads any other.
    fn read(&self, mut answer: Answer, attempt: u32) -> Result<Success, Error> {
        let saved = self.save.as_ref().and_then(Save::saved).filter(|_| answer.status < 300);
        self.check_length(&answer, saved.as_ref())?;
        let algorithm = match self.asked_for_checksum {
            true => checksum::validate(self.call, &answer, saved.as_ref())?,
            false => None,
        };
        let mut expiry = None;
        custom::answer(self.call, &mut answer);
        if self.call.service.name == "s3" {
            answer.status = s3::status(self.call, &answer);
            expiry = s3::take_bad_expiry(self.call, &mut answer);
        }
        let is_last = attempt >= self.attempts;
        match protocol::failure(self.wire, self.call, &answer) {
            None => {
                let noted_last = is_last && !self.legacy;
                Ok(Success { call: self.call, answer, attempt, noted_last, algorithm, expiry })
            }
            Some(Ok(mut parsed)) => {
                let retryable = retry_kind(self.call, &code(&parsed), answer.status).is_some();
                note_attempts(&mut parsed, attempt, is_last && (!self.legacy || retryable));
                Err(api_error(self.call, &parsed, answer.status))
            }
            Some(Err(unreadable)) => Err(garbage(unreadable, &answer)),
        }
    }
}

/// In standard mode botocore notes the last attempt whatever came of it.
fn note_attempts(parsed: &mut Object, attempt: u32, is_last: bool) {
    if let Some(Value::Object(metadata)) = parsed.get_mut("ResponseMetadata") {
        if is_last {
            metadata.insert("MaxAttemptsReached".into(), true.into());
        }
        metadata.insert("RetryAttempts".into(), (attempt - 1).into());
    }
}

/// An answer to a call that went well.
pub(super) struct Success {
    call: Call<'static>,
    answer: Answer,
    attempt: u32,
    noted_last: bool,
    /// The algorithm of the checksum that was compared.
    algorithm: Option<&'static str>,
    expiry: Option<String>,
}

impl fmt::Debug for Success {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Success").field("operation", &self.call.operation.name).finish_non_exhaustive()
    }
}

impl Success {
    /// boto3's result, `ResponseMetadata` included.
    pub(super) fn result(&self) -> Result<Object, Error> {
        let read = protocol::result(protocol::wire(self.call.service), self.call, &self.answer);
        let mut parsed = read.map_err(|unreadable| garbage(unreadable, &self.answer))?;
        if let (Some(algorithm), Some(metadata)) = (self.algorithm, parsed.get_mut("ResponseMetadata")) {
            metadata["ChecksumAlgorithm"] = algorithm.into();
        }
        if let Some(expiry) = &self.expiry {
            parsed.insert("ExpiresString".into(), expiry.clone().into());
        }
        if self.call.service.name == "s3" {
            s3::add_location(self.call, &self.answer, &mut parsed);
        }
        note_attempts(&mut parsed, self.attempt, self.noted_last);
        Ok(parsed)
    }

    /// The result's members without one of them; see [`protocol::split_result`].
    pub(super) fn split<R>(
        &self,
        apart: &str,
        see: impl FnOnce(&Shaped<'_, 'static, '_>) -> R,
    ) -> Result<(Object, Option<R>), Error> {
        let read = protocol::split_result(self.call, &self.answer, apart, see);
        read.map_err(|unreadable| garbage(unreadable, &self.answer))
    }

    /// The length of the body.
    pub(super) fn bytes(&self) -> usize {
        self.answer.body.len()
    }

    /// Writes the members of the result, as far as no operation has ways of its own.
    pub(super) fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        protocol::serialize_result(self.call, &self.answer, serializer)
    }
}

fn code(parsed: &Object) -> String {
    parsed.get("Error").and_then(|error| error.get("Code")).map(python_str).unwrap_or_default()
}

/// `An error occurred (Code) when calling the Operation operation: message`
fn api_error(call: Call, parsed: &Object, status: u16) -> Error {
    let part = |name: &str| parsed.get("Error").and_then(|error| error.get(name)).map(python_str);
    let (code, message) = (part("Code"), part("Message"));
    let metadata = parsed.get("ResponseMetadata").cloned().unwrap_or_default();
    let retries = match metadata["MaxAttemptsReached"].as_bool() {
        Some(true) => format!(" (reached max retries: {})", metadata["RetryAttempts"]),
        _ => String::new(),
    };
    let text = format!(
        "An error occurred ({}) when calling the {} operation{retries}: {}",
        code.as_deref().unwrap_or("Unknown"),
        call.operation.name,
        message.as_deref().unwrap_or("Unknown")
    );
    // SQS names its exceptions by the codes that it has had since it left the query protocol.
    let own = part("QueryErrorCode").filter(|_| call.service.name == "sqs").or_else(|| code.clone());
    let class = match own.as_deref().and_then(|code| call.service.error(code)) {
        Some(shape) => format!("botocore.errorfactory.{}", shape.name),
        None => "botocore.exceptions.ClientError".to_owned(),
    };
    let request_id = metadata["RequestId"].as_str().map(str::to_owned);
    let region = metadata["HTTPHeaders"]["x-amz-bucket-region"].as_str().map(str::to_owned);
    let region = region.or_else(|| part("Region"));
    Error::new(class, Sent::Yes, text).with_api(ApiError { code, message, request_id, status, region })
}

fn incomplete(came: u64, announced: u64, answer: &Answer) -> Error {
    let text = format!("{came} read, but total bytes expected is {announced}.");
    let api = ApiError { request_id: request_id(answer), status: answer.status, ..ApiError::default() };
    Error::new("botocore.exceptions.IncompleteReadError", Sent::Yes, text).with_api(api)
}

/// The request's id in the headers of an answer.
fn request_id(answer: &Answer) -> Option<String> {
    answer.header("x-amzn-requestid").or_else(|| answer.header("x-amz-request-id"))
}

/// AWS, or something in its place, answered what cannot be read: nobody knows what became of the call.
fn garbage(unreadable: Unreadable, answer: &Answer) -> Error {
    let request_id = request_id(answer);
    let which = request_id.as_ref().map(|id| format!(" and request id {id}")).unwrap_or_default();
    let region = answer.header("x-amz-bucket-region");
    let api = ApiError { request_id, status: answer.status, region, ..ApiError::default() };
    Error::new("botocore.parsers.ResponseParserError", Sent::Yes, unreadable.0).with_api(api).with_help(
        format!(
            "the answer had status {}{which}: check that the endpoint is AWS and not a proxy",
            answer.status
        ),
    )
}

/// Why an answer is worth another try, as botocore's standard mode decides it.
fn retry_kind(call: Call, code: &str, status: u16) -> Option<ErrorKind> {
    const THROTTLED: &[&str] = &[
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    ];
    const TRANSIENT: &[&str] = &["RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"];
    let modelled = modelled_kind(call, code);
    let known = call.operation.errors.iter().any(|id| call.service.shape(*id).error_code() == Some(code));
    // botocore asks STS and its identity provider once more.
    let identity_provider = call.service.name == "sts" && code == "IDPCommunicationError";
    match () {
        () if THROTTLED.contains(&code) => Some(ErrorKind::ThrottlingError),
        () if modelled.is_some() => modelled,
        () if status == 429 && !known => Some(ErrorKind::ThrottlingError),
        () if TRANSIENT.contains(&code) || identity_provider => Some(ErrorKind::TransientError),
        () if matches!(status, 500 | 502 | 503 | 504) => Some(ErrorKind::TransientError),
        () => None,
    }
}

/// Whether an answer says that there were too many calls.
pub(crate) fn is_throttled(call: Call, code: &str, status: u16) -> bool {
    retry_kind(call, code, status) == Some(ErrorKind::ThrottlingError)
}

/// What the model says of an error of this operation.
fn modelled_kind(call: Call, code: &str) -> Option<ErrorKind> {
    let shapes = call.operation.errors.iter().map(|id| call.service.shape(*id));
    let error =
        shapes.filter(|shape| shape.error_code() == Some(code)).find_map(|shape| match &shape.kind {
            Kind::Structure(structure) => {
                structure.error.as_ref().filter(|error| error.retryable || error.throttling)
            }
            _ => None,
        })?;
    Some(if error.throttling { ErrorKind::ThrottlingError } else { ErrorKind::TransientError })
}

/// Decides on another try, and remembers whether a failed one may have happened.
struct Classifier {
    call: Call<'static>,
    maybe_sent: Arc<AtomicBool>,
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Classifier")
    }
}

impl ClassifyRetry for Classifier {
    fn classify_retry(&self, ctx: &context::InterceptorContext) -> RetryAction {
        let Some(Err(error)) = ctx.output_or_error() else { return RetryAction::NoActionIndicated };
        if error.is_connector_error() {
            let failure = find::<Failure>(error.as_connector_error().map(|e| e as _));
            self.note(failure.map(|failure| failure.error().sent()));
            return match failure.is_some_and(Failure::is_final) {
                true => RetryAction::NoActionIndicated,
                false => RetryAction::transient_error(),
            };
        }
        let Some(error) = error.as_operation_error().and_then(|error| error.downcast_ref::<Error>()) else {
            return RetryAction::NoActionIndicated;
        };
        let status = error.status().unwrap_or_default();
        // A message that no one understood has no code: it is never sent again.
        let is_api_error = error.python_class() != "botocore.parsers.ResponseParserError";
        let kind = retry_kind(self.call, error.code().unwrap_or_default(), status).filter(|_| is_api_error);
        if status >= 500 && !error.is_refusal() {
            self.note(Some(Sent::Maybe));
        }
        match (kind, retry_after(ctx)) {
            (None, _) => RetryAction::NoActionIndicated,
            (Some(kind), None) => RetryAction::retryable_error(kind),
            (Some(kind), Some(delay)) => RetryAction::retryable_error_with_explicit_delay(kind, delay),
        }
    }

    fn name(&self) -> &'static str {
        "botocore's standard retries"
    }
}

impl Classifier {
    fn note(&self, sent: Option<Sent>) {
        if sent != Some(Sent::No) {
            self.maybe_sent.store(true, Ordering::Relaxed);
        }
    }
}

fn retry_after(ctx: &context::InterceptorContext) -> Option<Duration> {
    let text = ctx.response()?.headers().get("x-amz-retry-after")?;
    text.parse().ok().map(Duration::from_millis)
}

/// An earlier attempt may have got through though the last one did not, or was refused: a cluster
/// that is failing over already, say.
fn with_earlier_attempts(error: Error, maybe_sent: bool) -> Error {
    match error.sent() {
        Sent::Maybe => error,
        Sent::Yes if !error.is_refusal() => error,
        _ if maybe_sent => {
            error.with_sent(Sent::Maybe).with_help("an earlier attempt got no answer that settles it")
        }
        _ => error,
    }
}

fn into_error(error: SdkError<Error, HttpResponse>) -> Error {
    if let Some(failure) = find::<Failure>(Some(&error)) {
        return failure.error();
    }
    match error {
        SdkError::ServiceError(error) => error.into_err(),
        // Whatever fails once the request is under way is a Failure.
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => unexpected(&error, Sent::No),
        _ => unexpected(&error, Sent::Maybe),
    }
}

/// Tells the innermost cause only: those around it may show the whole request.
fn unexpected(error: &SdkError<Error, HttpResponse>, sent: Sent) -> Error {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let cause = causes.last().map(ToString::to_string).unwrap_or_default();
    let text = format!("An HTTP Client raised an unhandled exception: {cause}");
    Error::new("botocore.exceptions.HTTPClientError", sent, text)
}

/// The first cause of a type.
fn find<'e, T: std::error::Error + 'static>(
    error: Option<&'e (dyn std::error::Error + 'static)>,
) -> Option<&'e T> {
    std::iter::successors(error, |error| error.source()).find_map(|error| error.downcast_ref())
}
