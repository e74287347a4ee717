//! AWS partitions: which regions belong together, and how their hosts and ARNs are named.

use std::sync::OnceLock;

use bitcode::{Decode, Encode};

use super::evaluate::Value;

/// One partition, such as `aws` or `aws-cn`.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Partition<'a> {
    /// Its name, which is also the second part of its ARNs.
    pub id: &'a str,
    /// The end of host names, such as `amazonaws.com`.
    pub dns_suffix: &'a str,
    /// The end of host names that speak IPv6 also, such as `api.aws`.
    pub dual_stack_dns_suffix: &'a str,
    /// The region that signs for services without regions.
    pub implicit_global_region: &'a str,
    /// Has FIPS endpoints.
    pub supports_fips: bool,
    /// Has dual-stack endpoints.
    pub supports_dual_stack: bool,
    /// How names of its regions begin, before `-WORD-NUMBER`.
    pub region_prefixes: Vec<&'a str>,
    /// Its known regions, pseudo ones such as `aws-global` included.
    pub regions: Vec<&'a str>,
}

impl<'a> Partition<'a> {
    /// Whether a region belongs to it: one that it knows, or one that is named like its regions.
    pub fn holds(&self, region: &str) -> bool {
        self.regions.contains(&region) || self.region_prefixes.iter().any(|prefix| is_region(region, prefix))
    }

    /// What rules see of a partition.
    pub(super) fn attribute<'v>(&'v self, key: &str) -> Value<'v> {
        match key {
            "name" => Value::text(self.id),
            "dnsSuffix" => Value::text(self.dns_suffix),
            "dualStackDnsSuffix" => Value::text(self.dual_stack_dns_suffix),
            "implicitGlobalRegion" => Value::text(self.implicit_global_region),
            "supportsFIPS" => Value::Bool(self.supports_fips),
            "supportsDualStack" => Value::Bool(self.supports_dual_stack),
            _ => Value::Nothing,
        }
    }
}

/// `^PREFIX\-\w+\-\d+$`, the one shape that botocore's region patterns have.
fn is_region(region: &str, prefix: &str) -> bool {
    let rest = region.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    let Some((word, number)) = rest.and_then(|rest| rest.split_once('-')) else { return false };
    let is_word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    !word.is_empty()
        && is_word(word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// All partitions, `aws` first.
pub fn partitions() -> &'static [Partition<'static>] {
    static PARTITIONS: OnceLock<Vec<Partition<'static>>> = OnceLock::new();
    PARTITIONS.get_or_init(|| {
        // Written by the same build that reads it; a test opens it.
        bitcode::decode(include_bytes!("../../models/partitions.bin"))
            .expect("the partitions are of this build")
    })
}

/// The partition of a region; for an unknown one it is `aws`, as in botocore.
pub fn partition(region: &str) -> &'static Partition<'static> {
    let all = partitions();
    all.iter().find(|partition| partition.holds(region)).unwrap_or(&all[0])
}
