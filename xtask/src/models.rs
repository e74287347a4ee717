//! Distils the AWS service models: `cargo xtask models [--check]`.

use anyhow::{Result, bail};

/// Writes the distilled models, or with `--check` only says whether they are current.
pub fn run(_args: &[String]) -> Result<()> {
    bail!("the models are not distilled yet")
}
