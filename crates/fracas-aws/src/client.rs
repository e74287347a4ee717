//! The client: one call from parameters to boto3's result.

mod address;
mod auth;
mod checksum;
mod compress;
mod credentials;
mod custom;
mod discovery;
mod express;
mod files;
mod presign;
mod profile;
mod redirect;
mod s3;
mod s3control;
mod save;
mod send;
mod settings;
mod sigv2;
mod transport;

use crate::error::Error;
use crate::help::with_way_out;
use crate::model::{Kind, Operation, Service, Waiter, embedded, own};
use crate::names::spelled_like;
use crate::paginate::Pages;
use crate::protocol::xml::Shaped;
use crate::protocol::{self, Call, Object};
use crate::validate::{self, Mistake};
use crate::wait;
use auth::Auth;
use aws_credential_types::Credentials;
use credentials::{Kept, Keys};
pub use send::SignedRequest;
pub(crate) use send::is_throttled;
use send::{Success, Version};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use settings::Settings;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use transport::Transport;

/// Who calls and where. Equal scopes share one client and its credentials, different ones never mix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The region; else `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    pub region: Option<String>,
    /// The profile; it beats credentials in the environment, as in boto3.
    pub profile: Option<String>,
    /// A role to take on top of the base identity.
    pub assume_role: Option<AssumeRole>,
    /// Keys given outright, instead of any that can be found.
    pub credentials: Option<StaticCredentials>,
    /// Where calls go, whatever else is configured.
    pub endpoint_url: Option<String>,
}

/// A role to take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: String,
    /// Names the session in the role's logs.
    pub session_name: String,
    /// The secret that the role's owner asks for.
    pub external_id: Option<String>,
}

/// Keys given outright. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StaticCredentials {
    /// Names the key.
    pub access_key_id: String,
    /// Signs the calls.
    pub secret_access_key: String,
    /// Goes with temporary keys.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Everything a run shares: configuration files, credentials, connections. One per process run;
/// clones are the same one.
///
/// A future that is dropped cancels its call.
///
/// ```
/// let aws = fracas_aws::Aws::new();
/// let params = serde_json::json!({"DBClusterIdentifier": "orders"});
/// assert!(aws.validate("docdb", "FailoverDBCluster", &params).is_ok());
///
/// let wrong = aws.validate("docdb", "FailoverDBCluster", &serde_json::json!({"Target": 1}));
/// let report = wrong.unwrap_err().to_string();
/// assert!(report.contains("Unknown parameter in input: \"Target\", must be one of: DBClusterIdentifier"));
/// ```
#[derive(Clone, Default)]
pub struct Aws(Arc<Shared>);

#[derive(Default)]
struct Shared {
    transport: Transport,
    clients: Mutex<HashMap<Scope, Arc<OnceCell<Arc<Client>>>>>,
    /// Credentials that were found, by the profile that was named outright: regions share them.
    found: Mutex<HashMap<Option<String>, Kept>>,
    /// Held while a token in a file is renewed, and while a code is asked for: other profiles may want the same.
    renewing: tokio::sync::Mutex<()>,
    asking: tokio::sync::Mutex<()>,
}

/// How many scopes are remembered; an account has fewer. With more, all are read anew.
const MAX_CLIENTS: usize = 1000;

/// What one scope's calls share.
struct Client {
    settings: Settings,
    keys: Keys,
    transport: Transport,
    /// Where buckets are that are not in the client's region.
    buckets: redirect::Regions,
    /// Where services want their calls to go.
    endpoints: discovery::Endpoints,
    sessions: express::Sessions,
}

/// An answer to a call that went well. It serializes as the result without `ResponseMetadata`, and
/// one of many megabytes costs little more than its own bytes then; what is broken in it is only
/// found on the way.
pub struct Reply {
    call: Call<'static>,
    params: Value,
    success: Success,
    region: String,
}

impl Reply {
    /// How many bytes the service answered with.
    pub fn bytes(&self) -> usize {
        self.success.bytes()
    }

    /// What boto3 gives, `ResponseMetadata` included.
    pub fn into_value(self) -> Result<Value, Error> {
        let result = self.success.result();
        let mut result = result.map_err(|error| with_way_out(error, self.call, &self.region))?;
        custom::after(self.call, &self.params, &mut result);
        Ok(Value::Object(result))
    }

    /// Whether [`Reply::split`] can take an answer to a call apart.
    pub(crate) fn splits(call: Call) -> bool {
        protocol::splits(call) && !custom::changes_results(call)
    }

    /// The result's members without one of them, which a function is given as it stands in the answer.
    pub(crate) fn split<R>(
        &self,
        apart: &str,
        see: impl FnOnce(&Shaped<'_, 'static, '_>) -> R,
    ) -> Result<(Object, Option<R>), Error> {
        self.success.split(apart, see).map_err(|error| with_way_out(error, self.call, &self.region))
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !custom::changes_results(self.call) {
            return self.success.serialize(serializer);
        }
        let mut result = self.success.result().map_err(S::Error::custom)?;
        custom::after(self.call, &self.params, &mut result);
        result.shift_remove("ResponseMetadata");
        result.serialize(serializer)
    }
}

/// A call that was checked and written, and how it is to be sent.
struct Ready {
    call: Call<'static>,
    client: Arc<Client>,
    request: protocol::Request,
    /// Sent in place of the request's body.
    file: Option<files::BodyFile>,
    /// Where the body of the answer goes.
    save: Option<save::Save>,
    address: address::Address,
    keys: Option<Credentials>,
}

/// Where a call went.
#[derive(Default)]
struct Place {
    /// The region that it was signed for.
    region: String,
    /// The endpoint, if the service told it.
    told: Option<String>,
}

impl Client {
    fn new(scope: &Scope, settings: Settings, shared: &Shared) -> Self {
        let transport = shared.transport.trusting(settings.authorities.clone());
        let mut found = shared.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.entry(scope.profile.clone()).or_default().clone();
        Self::with(Keys::new(scope, found), settings, transport)
    }

    fn with(keys: Keys, settings: Settings, transport: Transport) -> Self {
        let (buckets, endpoints) = (redirect::Regions::default(), discovery::Endpoints::default());
        Self { settings, keys, transport, buckets, endpoints, sessions: express::Sessions::default() }
    }
}

impl Aws {
    /// Reads nothing: files, roots and models are read when a call needs them.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service that boto3 knows under this name.
    pub fn service(&self, name: &str) -> Result<&'static Service<'static>, Error> {
        let found = own::service(custom::service_name(name)).map_err(|error| {
            Error::unsent("DataNotFoundError", format!("Unable to load data for: {error}")).with_help(
                "models of your own lie in ~/.aws/models or below AWS_DATA_PATH, in botocore's format",
            )
        })?;
        found.ok_or_else(|| unknown_service(name))
    }

    /// The operation of a service, by its name in any case: `DescribeDBClusters`,
    /// `describe_db_clusters` or `describe-db-clusters`.
    pub fn operation(
        &self,
        service: &str,
        name: &str,
    ) -> Result<(&'static Service<'static>, &'static Operation<'static>), Error> {
        let service = self.service(service)?;
        let known = custom::operation_name(service.name, name);
        let same = |operation: &&Operation| bare(operation.name) == bare(known);
        let found = service.operation(known).or_else(|| service.operations.iter().find(same));
        found.map(|operation| (service, operation)).ok_or_else(|| unknown_operation(service, name))
    }

    /// Checks parameters offline; all that is wrong is in one error.
    pub fn validate(&self, service: &str, operation: &str, params: &Value) -> Result<(), Error> {
        let (service, operation) = self.operation(service, operation)?;
        validate::parameters(service, operation, &prepared(Call { service, operation }, params)?)
    }

    /// Checks parameters offline, as [`Aws::validate`], and says of each mistake where it is.
    pub fn mistakes(&self, service: &str, operation: &str, params: &Value) -> Result<Vec<Mistake>, Error> {
        let (service, operation) = self.operation(service, operation)?;
        Ok(validate::mistakes(service, operation, &prepared(Call { service, operation }, params)?))
    }

    /// The waiter of a service, by its name in any case: `DBClusterAvailable`, `db_cluster_available`
    /// or `db-cluster-available`.
    pub fn waiter(&self, service: &str, name: &str) -> Result<&'static Waiter<'static>, Error> {
        let service = self.service(service)?;
        let found = service.waiters.iter().find(|waiter| bare(waiter.name) == bare(name));
        found.ok_or_else(|| wait::unknown(service, name))
    }

    /// The region that a scope's calls go to, as far as the scope, the environment and the
    /// configuration files tell. Nothing is sent.
    pub async fn region(&self, scope: &Scope) -> Result<Option<String>, Error> {
        Ok(Settings::load(scope).await?.region)
    }

    /// Checks what the environment and the configuration files say about a scope, without asking for
    /// credentials; a profile that was asked for has to exist. Nothing is sent.
    pub async fn check_scope(&self, scope: &Scope) -> Result<(), Error> {
        let settings = Settings::load(scope).await?;
        if scope.credentials.is_some() { Ok(()) } else { credentials::check(scope, &settings) }
    }

    /// A setting of a scope that is not about calls, by its environment variable, then by its key in
    /// the profile. Nothing is sent.
    pub async fn setting(&self, scope: &Scope, variable: &str, key: &str) -> Result<Option<String>, Error> {
        Ok(self.client(scope).await?.settings.get(variable, key))
    }

    /// Makes a call. The result is what boto3 gives, `ResponseMetadata` included.
    pub async fn call(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        params: &Value,
    ) -> Result<Value, Error> {
        let (service, operation) = self.operation(service, operation)?;
        self.call_operation(scope, Call { service, operation }, params).await
    }

    /// The pages of a listing; an error when the operation does not page. Pages that were not asked
    /// for are not fetched.
    pub fn pages<'a>(
        &'a self,
        scope: &'a Scope,
        service: &str,
        operation: &str,
        params: &Value,
    ) -> Result<Pages<'a>, Error> {
        let (service, operation) = self.operation(service, operation)?;
        Pages::new(self, scope, Call { service, operation }, params)
    }

    /// Polls until what the waiter waits for has happened; gives the last answer.
    pub async fn wait(
        &self,
        scope: &Scope,
        service: &str,
        waiter: &str,
        params: &Value,
    ) -> Result<Value, Error> {
        wait::wait(self, scope, self.service(service)?, waiter, params).await
    }

    pub(crate) async fn call_operation(
        &self,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
    ) -> Result<Value, Error> {
        self.reply_to(scope, call, params).await?.into_value()
    }

    pub(crate) async fn reply_to(
        &self,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
    ) -> Result<Reply, Error> {
        let (success, region) = self.send(scope, call, params, None).await?;
        Ok(Reply { call, params: params.clone(), success, region })
    }

    /// Makes a call whose answer has a body, such as an object of S3, and writes that to a file piece by
    /// piece. In the result stands `@path` for it. What came before an error stays in the file.
    pub async fn save(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        params: &Value,
        path: &Path,
    ) -> Result<Value, Error> {
        let (service, operation) = self.operation(service, operation)?;
        let call = Call { service, operation };
        let body = operation.body_member(service).ok_or_else(|| save::no_body(call))?;
        let (success, region) = self.send(scope, call, params, Some(path)).await?;
        let mut result = Reply { call, params: params.clone(), success, region }.into_value()?;
        result[body] = format!("@{}", path.display()).into();
        Ok(result)
    }

    /// The answer, and the region it was signed for.
    async fn send(
        &self,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
        path: Option<&Path>,
    ) -> Result<(Success, String), Error> {
        let client = self.client(scope).await?;
        let mut place = Place::default();
        let save = path.map(|path| save::Save::new(path, call));
        let mut sent = self.send_once(&client, scope, call, params, save.as_ref(), &mut place).await?;
        if let Err(error) = &sent
            && (client.endpoints.forget(call, place.told.as_deref(), error)
                || self.finds_bucket(&client, scope, call, params, error).await)
        {
            sent = self.send_once(&client, scope, call, params, save.as_ref(), &mut place).await?;
        }
        Ok((sent.map_err(|error| with_way_out(error, call, &place.region))?, place.region))
    }

    /// Sends a call where it is known to belong by now, and notes where that is.
    async fn send_once(
        &self,
        client: &Arc<Client>,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
        save: Option<&save::Save>,
        place: &mut Place,
    ) -> Result<Result<Success, Error>, Error> {
        let mut ready = self.ready(client.clone(), scope, call, params).await?;
        ready.save = save.cloned();
        place.told = self.discover(client, scope, call).await?;
        if let Some(url) = &place.told {
            ready.address.url.clone_from(url);
        }
        place.region.clone_from(&ready.address.signing.region);
        Ok(send::send(ready).await)
    }

    /// As [`Aws::call`], and leaves the answer unread until its result is asked for or written.
    pub async fn reply(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        params: &Value,
    ) -> Result<Reply, Error> {
        let (service, operation) = self.operation(service, operation)?;
        self.reply_to(scope, Call { service, operation }, params).await
    }

    /// The request of a call, addressed and signed, as it would be sent.
    pub async fn request(
        &self,
        scope: &Scope,
        service: &str,
        operation: &str,
        params: &Value,
    ) -> Result<SignedRequest, Error> {
        let (service, operation) = self.operation(service, operation)?;
        send::capture(
            self.ready(self.client(scope).await?, scope, Call { service, operation }, params).await?,
        )
        .await
    }

    /// Everything that a call needs before it is sent.
    async fn ready(
        &self,
        client: Arc<Client>,
        scope: &Scope,
        call: Call<'static>,
        params: &Value,
    ) -> Result<Ready, Error> {
        let params = prepared(call, params)?;
        validate::parameters(call.service, call.operation, &params)?;
        let settings = client.buckets.settings(&client.settings, call, &params);
        let mut params = params.as_object().cloned().unwrap_or_default();
        let source = presign::source_region(call, &mut params);
        checksum::ask_for_validation(&client.settings, call, &mut params);
        let auth = auth::of(call, &client.settings);
        let account = match auth {
            Auth::Keys if address::needs_account(&client.settings, call) => {
                let keys = client.keys.get(self, scope, &client).await?;
                keys.account_id().map(|account| account.as_str().to_owned())
            }
            _ => None,
        };
        let mut address = address::resolve(&settings, call, &params, account.as_deref())?;
        drop(settings);
        let auth = auth::by_rules(auth, call, &client.settings, &address.signing);
        if let (Version::V4a, Some(regions)) = (address.signing.version, client.settings.signing_regions()) {
            address.signing.region = regions;
        }
        let mut request = protocol::wire(call.service).request(call, &params)?;
        let mut file = files::body(call, &params);
        if file.is_some() {
            request.body.clear();
        }
        custom::request(call, &params, &mut request, file.as_ref())?;
        custom::add_trace(&client.settings, &mut request);
        compress::body(&client.settings, call, &mut request);
        address.signing.payload =
            checksum::add(&client.settings, call, &params, &address, &mut request, &mut file)?;
        let keys = match auth {
            Auth::Keys if address.signing.version == Version::Express => {
                Some(self.session(&client, scope, call, &Value::Object(params)).await?)
            }
            Auth::Keys => Some(client.keys.get(self, scope, &client).await?),
            Auth::Bearer => {
                let token = auth::token(self, scope, call, &client).await?;
                auth::check_token_is_hidden(&address.url)?;
                request.headers.push(("authorization".into(), format!("Bearer {token}")));
                None
            }
            Auth::None => None,
        };
        if let (Some(source), Some(keys)) = (source, &keys) {
            presign::add(call, &mut request, &address, &source, keys)?;
        }
        Ok(Ready { call, client, request, file, save: None, address, keys })
    }

    async fn client(&self, scope: &Scope) -> Result<Arc<Client>, Error> {
        let cell = {
            let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
            if clients.len() >= MAX_CLIENTS && !clients.contains_key(scope) {
                clients.clear();
            }
            clients.entry(scope.clone()).or_default().clone()
        };
        let client = cell.get_or_try_init(|| async {
            let settings = Settings::load(scope).await?;
            let mut client = Client::new(scope, settings, &self.0);
            if client.settings.asks_where_it_runs() {
                let region = credentials::instance_region(self, scope, &client).await;
                client.settings.runs_in(region.as_deref());
            }
            Ok(Arc::new(client))
        });
        client.await.cloned()
    }
}

/// A name without what tells the cases apart.
fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// Parameters as they are checked: idempotency tokens that were not given are filled in, required
/// ones too.
fn prepared(call: Call, params: &Value) -> Result<Value, Error> {
    let mut params = params.clone();
    if let Some(Kind::Structure(input)) = call.operation.input.map(|input| &call.service.shape(input).kind)
        && let Value::Object(entries) = &mut params
    {
        for member in input.members.iter().filter(|member| member.idempotency_token) {
            entries.entry(member.name).or_insert_with(|| fresh_token().into());
        }
    }
    custom::before(call, &mut params)?;
    files::fill(call, &mut params)?;
    Ok(params)
}

/// A random UUID.
fn fresh_token() -> String {
    let random = fastrand::u128(..);
    let version_4 = (random & !(0xf << 76) | (4 << 76)) & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{version_4:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn unknown_service(name: &str) -> Error {
    let error = Error::unsent("UnknownServiceError", format!("Unknown service: '{name}'"));
    let mut known = own::services();
    known.extend(embedded::services().map(str::to_owned));
    match near(name, known.iter().map(String::as_str)) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

fn unknown_operation(service: &Service, name: &str) -> Error {
    let text = format!("{} has no operation {name}", service.name);
    let error = Error::new("AttributeError", crate::Sent::No, text);
    help_with_near(error, name, service.operations.iter().map(|operation| operation.name))
}

/// Names the nearest of those that exist, spelled as the one that does not.
pub(crate) fn help_with_near<'n>(error: Error, name: &str, known: impl Iterator<Item = &'n str>) -> Error {
    let known: Vec<String> = known.map(|known| spelled_like(name, known)).collect();
    match near(name, known.iter().map(String::as_str)) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// Words that name the nearest of those that exist, if any is near.
pub(crate) fn near<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut near: Vec<_> =
        known.map(|known| (strsim::jaro_winkler(&bare(known), &bare(name)), known)).collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    // Of short names none is very near.
    let least = if near.first().is_some_and(|(likeness, _)| *likeness > 0.85) { 0.85 } else { 0.8 };
    near.retain(|(likeness, _)| *likeness > least);
    let names: Vec<_> = near.iter().take(3).map(|(_, known)| *known).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn tokens_are_version_4_uuids() {
        let (one, other) = (fresh_token(), fresh_token());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }

    /// A client whose calls go to a server of the test's own, and who calls.
    async fn at(listener: &TcpListener) -> (Aws, Scope) {
        let (region, key) = (Some("us-east-1".to_owned()), "x".to_owned());
        let keys =
            StaticCredentials { access_key_id: key.clone(), secret_access_key: key, session_token: None };
        let scope = Scope { region, credentials: Some(keys), ..Scope::default() };
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let settings = Settings::of(&scope, &[("AWS_ENDPOINT_URL", &url)], "").await.expect("settings");
        let aws = Aws::new();
        let client = Client::new(&scope, settings, &aws.0);
        let cell = OnceCell::new_with(Some(Arc::new(client)));
        aws.0.clients.lock().expect("not poisoned").insert(scope.clone(), Arc::new(cell));
        (aws, scope)
    }

    /// The next connection, with a request read from it.
    async fn asked(listener: &TcpListener) -> TcpStream {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        assert!(socket.read(&mut [0; 4096]).await.expect("a request") > 0);
        socket
    }

    /// Waits for the other side to close.
    async fn closed(mut socket: TcpStream) {
        while !matches!(socket.read(&mut [0; 4096]).await, Ok(0) | Err(_)) {}
    }

    #[tokio::test]
    async fn a_dropped_call_closes_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (aws, scope) = at(&listener).await;
        let params = serde_json::json!({});
        let call = aws.call(&scope, "docdb", "DescribeDBClusters", &params);
        let socket = tokio::select! {
            _ = call => panic!("nobody answered"),
            socket = asked(&listener) => socket,
        };
        // The client itself still lives.
        closed(socket).await;
        assert_eq!(aws.0.clients.lock().expect("not poisoned").len(), 1);
    }

    #[tokio::test]
    async fn a_dropped_waiter_stops_polling() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (aws, scope) = at(&listener).await;
        let params = serde_json::json!({"UserName": "x"});
        let wait = aws.wait(&scope, "iam", "UserExists", &params);
        let polled = async {
            let mut socket = asked(&listener).await;
            let body = "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
            let head = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n", body.len());
            socket.write_all((head + body).as_bytes()).await.expect("it reads");
            // Long enough for the waiter to be between two polls.
            tokio::time::sleep(Duration::from_millis(200)).await;
            socket
        };
        let mut socket = tokio::select! {
            _ = wait => panic!("there is no such user"),
            socket = polled => socket,
        };
        // It polls every second, over the same connection or a new one.
        let mut bytes = [0; 4096];
        let again = async {
            tokio::select! {
                Ok(1..) = socket.read(&mut bytes) => true,
                _ = asked(&listener) => true,
            }
        };
        let again = tokio::time::timeout(Duration::from_millis(1300), again).await;
        assert!(!again.unwrap_or(false), "it polled again");
    }

    #[test]
    fn keys_show_no_secret() {
        let keys = StaticCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: "hidden".into(),
            session_token: Some("hidden".into()),
        };
        assert_eq!(format!("{keys:?}"), r#"StaticCredentials { access_key_id: "AKID", .. }"#);
    }
}
