//! What a service can do: its operations, shapes, paginators, waiters and endpoint rules.
//!
//! These are botocore's models without the prose, as plain data. `cargo xtask models` writes
//! them; `embedded` opens the ones inside the binary. All text is borrowed from the one
//! buffer that a service was unpacked into, so opening a service copies nothing.

use bitcode::{Decode, Encode};

pub mod botocore;
pub mod embedded;
pub mod own;
pub mod pack;
pub mod rules;

use rules::RuleSet;

/// Points at a shape of the same service: an index into [`Service::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ShapeId(pub u32);

/// One AWS service, as boto3's `client(name)` knows it.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Service<'a> {
    /// The name boto3 gives it, such as `docdb`.
    pub name: &'a str,
    /// Facts about the service as a whole.
    pub metadata: Metadata<'a>,
    /// Every operation, sorted by name.
    pub operations: Vec<Operation<'a>>,
    /// Every shape that an operation reaches and every error, in the model's order.
    pub shapes: Vec<Shape<'a>>,
    /// How operations page, sorted by operation.
    pub paginators: Vec<Paginator<'a>>,
    /// What can be waited for, sorted by name.
    pub waiters: Vec<Waiter<'a>>,
    /// How its host name is found.
    pub rules: RuleSet<'a>,
}

/// Facts about a service as a whole.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Metadata<'a> {
    /// The API's version, which the query protocols send as `Version`.
    pub api_version: &'a str,
    /// The service's full name, such as `Amazon DocumentDB with MongoDB compatibility`.
    pub full_name: &'a str,
    /// The name that `AWS_ENDPOINT_URL_<SERVICE>` and the user agent use, such as `DocDB`.
    pub service_id: &'a str,
    /// First label of the usual host name, such as `rds`.
    pub endpoint_prefix: &'a str,
    /// The name that signatures are scoped to, such as `rds`.
    pub signing_name: &'a str,
    /// The signature version, such as `v4`, `s3`, `bearer`, `none`.
    pub signature_version: &'a str,
    /// The auth schemes in the model's order of preference, such as `aws.auth#sigv4`.
    pub auth: Vec<&'a str>,
    /// The protocol that boto3 would choose among those the service speaks.
    pub protocol: Protocol,
    /// `1.0` or `1.1` for the JSON protocols.
    pub json_version: &'a str,
    /// Prefix of `X-Amz-Target` for the JSON protocols; the path's service for RPC v2.
    pub target_prefix: &'a str,
    /// The namespace of XML bodies.
    pub xml_namespace: &'a str,
    /// JSON service that still answers with query error codes.
    pub query_compatible: bool,
    /// Settings that rules read from the client, by name and type (`clientContextParams`).
    pub client_context_params: Vec<(&'a str, &'a str)>,
}

/// The wire formats, in botocore's order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Protocol {
    /// `json`, 1.0 or 1.1
    Json,
    /// `rest-json`
    RestJson,
    /// `rest-xml`
    RestXml,
    /// `smithy-rpc-v2-cbor`
    RpcV2Cbor,
    /// `query`
    Query,
    /// `ec2`
    Ec2,
}

/// One call that a service offers.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Operation<'a> {
    /// Its name, such as `FailoverDBCluster`.
    pub name: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path template, such as `/{Bucket}/{Key+}?uploads`.
    pub uri: &'a str,
    /// The status a success is modelled with, 0 when the model says none.
    pub response_code: u16,
    /// The shape of its parameters.
    pub input: Option<ShapeId>,
    /// How the input is wrapped in an XML body: element name and namespace.
    pub input_xml: Option<(&'a str, &'a str)>,
    /// The shape of its answer.
    pub output: Option<ShapeId>,
    /// The element that wraps a query answer, such as `FailoverDBClusterResult`.
    pub result_wrapper: &'a str,
    /// The errors it is modelled to answer with.
    pub errors: Vec<ShapeId>,
    /// Auth schemes that differ from the service's.
    pub auth: Vec<&'a str>,
    /// botocore's `authtype`: `none`, `v4-unsigned-body`, or empty.
    pub auth_type: &'a str,
    /// The body is not part of the signature.
    pub unsigned_payload: bool,
    /// Prefix of the host name, with `{Label}`s, or empty.
    pub host_prefix: &'a str,
    /// Endpoint rule parameters that are fixed for this operation.
    pub static_context_params: Vec<(&'a str, ContextValue<'a>)>,
    /// Endpoint rule parameters taken from the input by JMESPath.
    pub operation_context_params: Vec<(&'a str, &'a str)>,
    /// Checksum behaviour.
    pub checksum: Option<Checksum<'a>>,
    /// Encodings the request body may be compressed with.
    pub request_compression: Vec<&'a str>,
    /// Whether endpoint discovery applies: 0 no, 1 optional, 2 required.
    pub endpoint_discovery: u8,
    /// The call that endpoint discovery makes.
    pub endpoint_operation: bool,
    /// Safe to send twice.
    pub idempotent: bool,
    /// Changes nothing.
    pub readonly: bool,
    /// AWS advises against using it.
    pub deprecated: bool,
}

/// The value of a static context parameter.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum ContextValue<'a> {
    /// true or false
    Bool(bool),
    /// a text
    Text(&'a str),
    /// a list of texts
    List(Vec<&'a str>),
}

/// `httpChecksum` and `httpChecksumRequired`.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Checksum<'a> {
    /// A request checksum must be sent.
    pub required: bool,
    /// The input member that names the algorithm, or empty.
    pub algorithm_member: &'a str,
    /// The input member that asks for validation of the answer, or empty.
    pub validation_mode_member: &'a str,
    /// Algorithms that the answer may be checked with.
    pub response_algorithms: Vec<&'a str>,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Shape<'a> {
    /// Its name in the model.
    pub name: &'a str,
    /// What it is made of.
    pub kind: Kind<'a>,
    /// Least value or length, the one bound that boto3 checks.
    pub min: Option<Bound>,
    /// Holds something that must not be shown.
    pub sensitive: bool,
}

/// A number as the model writes it: `1` and `1.0` read differently in messages.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub enum Bound {
    /// without a fraction
    Integer(i64),
    /// with one
    Float(f64),
}

/// What a shape is made of.
///
/// What is large and rare is boxed, here and below: most of the time that opening a service
/// takes goes into fresh memory.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Kind<'a> {
    /// named members
    Structure(Structure<'a>),
    /// many of one shape
    List(Box<List<'a>>),
    /// values by key
    Map(Box<Map<'a>>),
    /// text
    String,
    /// true or false
    Boolean,
    /// 32-bit integer
    Integer,
    /// 64-bit integer
    Long,
    /// 32-bit float
    Float,
    /// 64-bit float
    Double,
    /// a moment
    Timestamp,
    /// bytes
    Blob {
        /// the stream's length must be known
        requires_length: bool,
    },
}

/// How a moment is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum TimestampFormat {
    /// `2023-08-13T10:24:53Z`
    Iso8601,
    /// `Sun, 13 Aug 2023 10:24:53 GMT`
    Rfc822,
    /// `1691922293`
    UnixTimestamp,
}

/// A shape with named members.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct Structure<'a> {
    /// Members in the model's order.
    pub members: Vec<Member<'a>>,
    /// The member that is the whole body, or empty.
    pub payload: &'a str,
    /// Any JSON value.
    pub document: bool,
    /// Exactly one member is set.
    pub union: bool,
    /// A stream of events.
    pub eventstream: bool,
    /// An event of a stream.
    pub event: bool,
    /// Present when this is an error.
    pub error: Option<Box<ErrorTrait<'a>>>,
}

/// What makes a structure an error.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct ErrorTrait<'a> {
    /// The code on the wire, where it differs from the shape's name.
    pub code: &'a str,
    /// HTTP status, 0 when not modelled.
    pub status: u16,
    /// The caller is to blame.
    pub sender_fault: bool,
    /// Worth sending again.
    pub retryable: bool,
    /// Worth sending again, slower.
    pub throttling: bool,
}

/// A member of a structure.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Member<'a> {
    /// Its name in parameters and answers.
    pub name: &'a str,
    /// Its type.
    pub shape: ShapeId,
    /// Must be given.
    pub required: bool,
    /// Where it travels.
    pub wire: Wire<'a>,
    /// Filled with a fresh token when not given.
    pub idempotency_token: bool,
    /// Part of the host name.
    pub host_label: bool,
    /// The endpoint rule parameter that it feeds, or empty.
    pub context_param: &'a str,
    /// A header that carries JSON in base64.
    pub json_value: bool,
    /// Sent or received as a stream.
    pub streaming: bool,
    /// The event's payload.
    pub event_payload: bool,
    /// The event's header.
    pub event_header: bool,
    /// AWS advises against using it.
    pub deprecated: bool,
}

/// Where a member, list item, map key or value travels, and under which name.
///
/// What the member says counts, else what its shape says, as in botocore.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct Wire<'a> {
    /// Header, query string, path, or the body.
    pub location: Location,
    /// The name on the wire (`locationName`), or empty.
    pub name: &'a str,
    /// The name that the ec2 protocol prefers (`queryName`), or empty.
    pub query_name: &'a str,
    /// List or map items are not wrapped.
    pub flattened: bool,
    /// An attribute rather than an element.
    pub xml_attribute: bool,
    /// Namespace of its element.
    pub xml_namespace: Option<Box<XmlNamespace<'a>>>,
    /// How it is written when it is a moment, where the model says so.
    pub timestamp_format: Option<TimestampFormat>,
}

/// The namespace of an XML element.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct XmlNamespace<'a> {
    /// Such as `xsi`, or empty for the default namespace.
    pub prefix: &'a str,
    /// Such as `http://www.w3.org/2001/XMLSchema-instance`.
    pub uri: &'a str,
}

/// Where a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub enum Location {
    /// in the body
    #[default]
    Body,
    /// one header
    Header,
    /// every header with a prefix
    Headers,
    /// the path
    Uri,
    /// the query string
    QueryString,
    /// the status code of an answer
    StatusCode,
}

/// Many of one shape.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct List<'a> {
    /// The items' type.
    pub member: ShapeId,
    /// How an item travels.
    pub member_wire: Wire<'a>,
    /// Null items count.
    pub sparse: bool,
}

/// Values by key.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Map<'a> {
    /// The keys' type.
    pub key: ShapeId,
    /// How a key travels.
    pub key_wire: Wire<'a>,
    /// The values' type.
    pub value: ShapeId,
    /// How a value travels.
    pub value_wire: Wire<'a>,
    /// Null values count.
    pub sparse: bool,
}

/// How an operation pages (botocore's `paginators-1.json`). Each text is a JMESPath expression.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Paginator<'a> {
    /// The operation.
    pub operation: &'a str,
    /// Parameters that carry the token.
    pub input_tokens: Vec<&'a str>,
    /// Where the answer keeps the next token.
    pub output_tokens: Vec<&'a str>,
    /// What is collected over the pages; the first is the primary one.
    pub result_keys: Vec<&'a str>,
    /// Parameter that limits a page, or empty.
    pub limit_key: &'a str,
    /// Tells whether there are more pages, or empty.
    pub more_results: &'a str,
    /// Kept from the first page.
    pub non_aggregate_keys: Vec<&'a str>,
}

/// Something to wait for (botocore's `waiters-2.json`).
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Waiter<'a> {
    /// Its name, such as `DBInstanceAvailable`.
    pub name: &'a str,
    /// The operation that is polled.
    pub operation: &'a str,
    /// Seconds between two polls.
    pub delay: u32,
    /// Polls before giving up.
    pub max_attempts: u32,
    /// What decides, first match wins.
    pub acceptors: Vec<Acceptor<'a>>,
}

/// One rule of a waiter.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Acceptor<'a> {
    /// What a match means.
    pub state: WaitState,
    /// What is looked at.
    pub matcher: Matcher<'a>,
    /// What it has to be.
    pub expected: Expected<'a>,
}

/// What an acceptor compares with.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Expected<'a> {
    /// a text, or an error's code
    Text(&'a str),
    /// a number, or an HTTP status
    Number(i64),
    /// true or false
    Bool(bool),
}

/// What a waiter's match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum WaitState {
    /// done
    Success,
    /// will never be
    Failure,
    /// not yet
    Retry,
}

/// What a waiter's acceptor looks at.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Matcher<'a> {
    /// JMESPath over the answer
    Path(&'a str),
    /// JMESPath list over the answer, all of its items
    PathAll(&'a str),
    /// JMESPath list over the answer, any of its items
    PathAny(&'a str),
    /// the HTTP status
    Status,
    /// the error's code; true or false for any error or none
    Error,
}

impl Bound {
    /// The number itself.
    pub fn value(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl std::fmt::Display for Bound {
    /// As Python writes it: `1`, `1.0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => f.write_str(&crate::value::python_float(*number)),
        }
    }
}

impl<'a> Service<'a> {
    /// The operation of this exact name.
    pub fn operation(&self, name: &str) -> Option<&Operation<'a>> {
        let found = self.operations.binary_search_by(|operation| operation.name.cmp(name));
        found.ok().map(|index| &self.operations[index])
    }

    /// The shape behind an id of this service.
    pub fn shape(&self, id: ShapeId) -> &Shape<'a> {
        &self.shapes[id.0 as usize]
    }

    /// The member of a structure that is the HTTP body as it is.
    pub(crate) fn body_member(&self, structure: ShapeId) -> Option<&'a str> {
        let Kind::Structure(structure) = &self.shape(structure).kind else { return None };
        let payload = structure.members.iter().find(|member| member.name == structure.payload)?;
        matches!(self.shape(payload.shape).kind, Kind::Blob { .. }).then_some(payload.name)
    }

    /// The error shape that an error code on the wire stands for.
    ///
    /// Where two errors share a code, the later one wins, as in botocore.
    pub fn error(&self, code: &str) -> Option<&Shape<'a>> {
        self.error_id(code).map(|id| self.shape(id))
    }

    /// As [`Service::error`], the id.
    pub fn error_id(&self, code: &str) -> Option<ShapeId> {
        let found = self.shapes.iter().rposition(|shape| shape.error_code() == Some(code));
        found.map(|index| ShapeId(index as u32))
    }

    /// How an operation pages, if it does.
    pub fn paginator(&self, operation: &str) -> Option<&Paginator<'a>> {
        self.paginators.iter().find(|paginator| paginator.operation == operation)
    }

    /// The waiter of this exact name.
    pub fn waiter(&self, name: &str) -> Option<&Waiter<'a>> {
        self.waiters.iter().find(|waiter| waiter.name == name)
    }
}

impl<'a> Operation<'a> {
    /// The member of the answer that is the HTTP body as it is: bytes such as those of an S3 object.
    pub fn body_member(&self, service: &Service<'a>) -> Option<&'a str> {
        service.body_member(self.output?)
    }
}

impl<'a> Shape<'a> {
    /// The code that this error has on the wire; none when it is no error.
    pub fn error_code(&self) -> Option<&'a str> {
        let Kind::Structure(structure) = &self.kind else { return None };
        let code = structure.error.as_ref()?.code;
        Some(if code.is_empty() { self.name } else { code })
    }
}
