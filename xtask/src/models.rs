//! Distils the AWS service models: `cargo xtask models [--check | --botocore VERSION]`.
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

/// Writes the distilled models, those of another version of botocore with `--botocore`; or with
/// `--check` only says whether they are current.
pub fn run(args: &[String]) -> Result<()> {
    let (check, version) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, None),
        ["--check"] => (true, None),
        ["--botocore", version] => (false, Some(version)),
        _ => bail!("models takes only --check, or --botocore and a version"),
    };
    let stop = Stop::listen()?;
    let python = python::environment(&stop)?;
    let requirements = shell::root().join(FOLDER).join("requirements.txt");
    let mut wheels = python::wheels(&stop, &python, &requirements)?;
    if let Some(version) = version {
        let mut moved = shell::command(&python);
        moved.args(["-c", include_str!("move_botocore.py")]).arg(shell::root()).arg(&wheels).arg(version);
        stop.run(&mut moved).context("the pins cannot be moved")?;
        wheels = python::wheels(&stop, &python, &requirements)?;
    }
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
