//! Lists the files of the catalogue, so that adding one needs no other change.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../catalogue/aws").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let lines: String = paths.iter().map(|path| line(path)).collect();
    let text = format!("static FILES: [File; {}] = [\n{lines}];\n", paths.len());
    fs::write(Path::new(&variable("OUT_DIR")?).join("files.rs"), text)
}

/// What cargo tells build scripts.
fn variable(name: &str) -> io::Result<OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo sets {name}")))
}

fn line(path: &Path) -> String {
    let package = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("    File::new({package:?}, include_str!({:?})),\n", path.to_string_lossy())
}
