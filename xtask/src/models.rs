//! Distils the AWS service models: `cargo xtask models [--check]`.
//!
//! ```text
//! wheels from PyPI (pinned) -> models.py, JSON lines -> example pack_models of fracas-aws -> *.bin
//! ```
//!
//! The packing runs as a program of its own so that this one needs neither zstd nor the AWS crates.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::python;
use crate::shell::{self, Stop};

/// The folder of the packs and of the file that pins their sources.
const FOLDER: &str = "crates/fracas-aws/models";

/// Writes the distilled models, or with `--check` only says whether they are current.
pub fn run(args: &[String]) -> Result<()> {
    let check = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => bail!("models takes only --check"),
    };
    let stop = Stop::listen()?;
    let python = python::environment(&stop)?;
    let wheels = python::wheels(&stop, &python, &shell::root().join(FOLDER).join("requirements.txt"))?;
    let mut source = Command::new(python);
    let mut source = source
        .args(["-c", include_str!("models.py")])
        .arg(&wheels)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot read the wheels")?;
    let lines = source.stdout.take().context("the wheels give nothing")?;
    let mut pack = shell::cargo("run --quiet --package fracas-aws --features pack --example pack_models --");
    pack.arg(PathBuf::from(FOLDER)).args(check.then_some("--check")).stdin(lines);
    let packed = stop.status(&mut pack)?;
    // It holds the reading end: while that is open, the source would wait for a reader that has gone.
    drop(pack);
    let read = source.wait()?;
    match (packed.success(), read.success()) {
        (true, true) => Ok(()),
        (true, false) => bail!("the wheels cannot be read"),
        (false, true) if check => bail!("the models are not current; run `cargo xtask models`"),
        (false, _) => bail!("the models cannot be packed"),
    }
}
