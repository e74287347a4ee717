//! Lists the files of the catalogue, so that adding one needs no other change.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue/aws").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let lines: String = paths.iter().map(|path| line(path)).collect();
    let text = format!("static FILES: [File; {}] = [\n{lines}];\n", paths.len());
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("files.rs"), text)
}

fn line(path: &Path) -> String {
    let package = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("    File::new({package:?}, include_str!({:?})),\n", path.to_string_lossy())
}
