//! Reads `partitions.json`.

use serde_json::Value;

use super::{Unreadable, entries, flag, text, unreadable};
use crate::endpoint::Partition;

/// Distils the partitions, in the file's order.
pub fn distil_partitions(json: &str) -> Result<Vec<u8>, Unreadable> {
    let file = super::merged("partitions", Some(json), None)?;
    let all = file["partitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let prefixes = all.iter().map(|value| region_prefixes(text(value, "regionRegex")));
    let prefixes = prefixes.collect::<Result<Vec<_>, _>>()?;
    let all: Vec<Partition> =
        all.iter().zip(&prefixes).map(|(value, prefixes)| partition(value, prefixes)).collect();
    Ok(bitcode::encode(&all))
}

fn partition<'v>(value: &'v Value, prefixes: &'v [String]) -> Partition<'v> {
    let outputs = &value["outputs"];
    Partition {
        id: text(value, "id"),
        dns_suffix: text(outputs, "dnsSuffix"),
        dual_stack_dns_suffix: text(outputs, "dualStackDnsSuffix"),
        implicit_global_region: text(outputs, "implicitGlobalRegion"),
        supports_fips: flag(outputs, "supportsFIPS"),
        supports_dual_stack: flag(outputs, "supportsDualStack"),
        region_prefixes: prefixes.iter().map(String::as_str).collect(),
        regions: entries(&value["regions"]).map(|(name, _)| name).collect(),
    }
}

/// `^(us|eu)\-\w+\-\d+$` gives `us` and `eu`, `^us\-gov\-\w+\-\d+$` gives `us-gov`.
///
/// Every pattern has this shape, so no regex engine is needed; one of another shape is refused.
fn region_prefixes(pattern: &str) -> Result<Vec<String>, Unreadable> {
    let head = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix(r"\-\w+\-\d+$"));
    let head = head.unwrap_or("?").replace(r"\-", "-");
    let (stem, alternatives) = head.split_once('(').unwrap_or((&head, ")"));
    let alternatives = alternatives.strip_suffix(')').unwrap_or("?").split('|');
    let prefixes: Vec<String> = alternatives.map(|alternative| format!("{stem}{alternative}")).collect();
    let is_plain = |prefix: &String| prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !prefixes.iter().all(is_plain) {
        return unreadable(format!("unknown shape of region pattern `{pattern}`"));
    }
    Ok(prefixes)
}
