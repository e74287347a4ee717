//! Service models of the user's own: newer ones, or those of private services.
//!
//! They lie where boto3 looks for them, `SERVICE/API-VERSION/service-2.json` and its companions below
//! the folders of `AWS_DATA_PATH` and `~/.aws/models`, and may be compressed (`.json.gz`). The newest
//! version counts; of two that are the same, the one that was found first.
//! (<https://docs.aws.amazon.com/boto3/latest/guide/configuration.html>, `data_path`)

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::GzDecoder;

use super::botocore::{Texts, Unreadable, distil};
use super::embedded::Opened;
use super::{Service, embedded};

/// The service of this name: the user's own, if it is newer than the embedded one or as new.
///
/// # Errors
/// Tells the file that cannot be read, and why.
pub fn service(name: &str) -> Result<Option<&'static Service<'static>>, Unreadable> {
    static OPENED: Opened<Service<'static>> = Opened::new();
    let Some((version, folder)) = newest(name) else { return Ok(embedded::service(name)) };
    let embedded = embedded::service(name);
    if embedded.is_some_and(|embedded| embedded.metadata.api_version > version.as_str()) {
        return Ok(embedded);
    }
    let mut failed = None;
    let opened = OPENED.get(name, || {
        let service = open(name, &folder, embedded.filter(|known| known.metadata.api_version == version));
        service.map_err(|error| failed = Some(error)).ok()
    });
    match failed {
        Some(Unreadable(what)) => Err(Unreadable(format!("{}: {what}", folder.display()))),
        None => Ok(opened),
    }
}

/// The names of the services in these folders.
pub fn services() -> Vec<String> {
    let entries = folders().iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| newest(name).is_some()).collect()
}

/// The folders that models may lie in, in the order of boto3; most users have none.
fn folders() -> &'static [PathBuf] {
    static FOLDERS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOLDERS.get_or_init(|| configured().into_iter().filter(|folder| folder.is_dir()).collect())
}

fn configured() -> Vec<PathBuf> {
    let home = std::env::home_dir();
    let expanded = |path: PathBuf| match (path.strip_prefix("~"), &home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    };
    let given = std::env::var_os("AWS_DATA_PATH").filter(|paths| !paths.is_empty());
    let given = given.iter().flat_map(std::env::split_paths).map(expanded);
    given.chain(home.as_ref().map(|home| home.join(".aws/models"))).collect()
}

/// The newest version of a service, and its folder.
fn newest(name: &str) -> Option<(String, PathBuf)> {
    // A name that leaves the folders is none.
    if name.is_empty() || name.contains(['/', '\\', '.']) {
        return None;
    }
    let mut found: Option<(String, PathBuf)> = None;
    for folder in folders() {
        for entry in fs::read_dir(folder.join(name)).into_iter().flatten().flatten() {
            let (Ok(version), path) = (entry.file_name().into_string(), entry.path()) else { continue };
            let is_newer = found.as_ref().is_none_or(|(known, _)| *known < version);
            if is_newer && file(&path, "service-2").is_some() {
                found = Some((version, path));
            }
        }
    }
    found
}

fn file(folder: &Path, name: &str) -> Option<PathBuf> {
    let candidates = [format!("{name}.json"), format!("{name}.json.gz")];
    candidates.into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

fn read(folder: &Path, name: &str) -> Result<Option<String>, Unreadable> {
    let Some(path) = file(folder, name) else { return Ok(None) };
    let mut text = String::new();
    let read = File::open(&path).and_then(|mut file| match path.extension() {
        Some(extension) if extension == "gz" => GzDecoder::new(file).read_to_string(&mut text),
        _ => file.read_to_string(&mut text),
    });
    read.map_err(|error| Unreadable(format!("{name}: {error}")))?;
    Ok(Some(text))
}

/// Reads a model. What lies beside the embedded one of the same version and not beside this, such as
/// paginators, is taken from there, as boto3 does file by file.
fn open(
    name: &str,
    folder: &Path,
    embedded: Option<&'static Service<'static>>,
) -> Result<Service<'static>, Unreadable> {
    let texts = Texts {
        service: read(folder, "service-2")?.unwrap_or_default(),
        service_extras: read(folder, "service-2.sdk-extras")?,
        paginators: read(folder, "paginators-1")?,
        paginators_extras: read(folder, "paginators-1.sdk-extras")?,
        waiters: read(folder, "waiters-2")?,
        rules: read(folder, "endpoint-rule-set-1")?,
    };
    let bytes = distil(name, &texts)?;
    let mut service: Service<'static> = bitcode::decode(bytes.leak())
        .map_err(|error| Unreadable(format!("it cannot be taken over: {error}")))?;
    if let Some(embedded) = embedded {
        if texts.paginators.is_none() {
            service.paginators = embedded.paginators.clone();
        }
        if texts.waiters.is_none() {
            service.waiters = embedded.waiters.clone();
        }
        if texts.rules.is_none() {
            service.rules = embedded.rules.clone();
        }
    }
    Ok(service)
}
