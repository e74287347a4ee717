//! Files below `~/.aws` in which the AWS CLI and boto3 keep what they were given, one JSON object each.

use super::super::custom::hex;
use super::super::settings::Settings;
use ring::digest::{Algorithm, digest};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file that is found by the hash of what it belongs to.
pub(super) struct Cached(PathBuf);

impl Cached {
    /// The file for a key, in a folder such as `~/.aws/sso/cache`. None without a home.
    pub(super) fn of(
        settings: &Settings,
        folder: &str,
        algorithm: &'static Algorithm,
        key: &str,
    ) -> Option<Self> {
        let folder = settings.expanded(folder);
        let name = format!("{}.json", hex(digest(algorithm, key.as_bytes()).as_ref()));
        (!folder.starts_with("~")).then(|| Self(folder.join(name)))
    }

    /// What is in it; None when there is no such file, or one that is no JSON.
    pub(super) fn load(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Keeps a value for the next time. One that cannot be kept is asked for again then.
    pub(super) fn save(&self, value: &Value) {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let _ = std::fs::create_dir_all(folder).and_then(|()| self.write(&value.to_string()));
    }

    /// Written whole beside the old one, and readable for its owner only.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let fresh = self.0.with_extension(format!("{}.tmp", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&fresh)?.write_all(text.as_bytes())?;
        std::fs::rename(fresh, &self.0)
    }
}
