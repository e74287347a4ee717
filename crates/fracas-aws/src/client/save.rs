//! Bodies of answers that go to a file, piece by piece, and are never whole in memory.

use super::checksum::{self, Sum};
use crate::error::{Error, Sent};
use crate::protocol::Call;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The file for the body of an answer. Clones are the same one.
#[derive(Clone)]
pub(super) struct Save {
    path: PathBuf,
    call: Call<'static>,
    saved: Arc<Mutex<Option<Saved>>>,
}

/// A body that is in its file.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) length: u64,
    /// The checksum of what came, in the algorithm that the answer names.
    pub(super) checksum: Option<String>,
}

impl fmt::Debug for Save {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Save").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Save {
    pub(super) fn new(path: &Path, call: Call<'static>) -> Self {
        Self { path: path.to_owned(), call, saved: Arc::default() }
    }

    /// Begins the file anew, unless the answer is an error.
    pub(super) fn begin(&self, answer: &HttpResponse) -> io::Result<Option<Saving<'_>>> {
        if answer.status().as_u16() >= 300 {
            return Ok(None);
        }
        let header = |name: &str| answer.headers().get(name).map(str::to_owned);
        let sum = checksum::expected(self.call, header).map(|(algorithm, _)| Sum::new(algorithm));
        Ok(Some(Saving { save: self, file: File::create(&self.path)?, sum, length: 0 }))
    }

    /// What the last answer brought.
    pub(super) fn saved(&self) -> Option<Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says of a call that failed how much of the body there is.
    pub(super) fn tell(&self, error: Error) -> Error {
        let Some(Saved { length, .. }) = self.saved() else { return error };
        let what =
            format!("{} holds the {length} bytes that came, and is not to be relied on", self.path.display());
        let help = match error.help() {
            Some(help) => format!("{what}; {help}"),
            None => what,
        };
        error.with_help(help)
    }

    /// The file cannot be written, though there is an answer.
    pub(super) fn unwritten(&self, error: &io::Error) -> String {
        let text = error.to_string();
        format!(
            "cannot write {}: {}",
            self.path.display(),
            text.split(" (os error").next().unwrap_or_default()
        )
    }
}

/// A body on its way into its file.
pub(super) struct Saving<'s> {
    save: &'s Save,
    file: File,
    sum: Option<Sum>,
    length: u64,
}

impl Saving<'_> {
    /// Regular files take their bytes without delay, so they are written in place.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if let Some(sum) = &mut self.sum {
            sum.add(bytes);
        }
        Ok(())
    }
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        let saved = Saved { length: self.length, checksum: self.sum.take().map(Sum::text) };
        *self.save.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
    }
}

/// An operation whose answer is no body.
pub(super) fn no_body(call: Call) -> Error {
    let text = format!("{} answers without a body that could be written to a file", call.operation.name);
    Error::new("TypeError", Sent::No, text)
}
