//! bench
use crate::shell::Stop;
use anyhow::Result;
/// x
pub fn run(_stop: &Stop) -> Result<()> {
    Ok(())
}
