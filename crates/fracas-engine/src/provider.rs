//! What carries activities out. The engine knows providers only by this trait.

use std::io;

use fracas_model::{Activity, Failure, Level, Problems};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::Values;

/// Carries out the activities of one or more provider types.
pub trait Provider {
    /// Looks for mistakes in an activity's `provider` object, without touching anything outside
    /// this machine. A `${name}` whose value is not known yet may become anything and is not judged.
    fn check(&self, activity: &Activity, surroundings: &Surroundings<'_>, problems: &mut Problems);

    /// Carries the activity out and gives its output.
    ///
    /// Dropping the future cancels the activity: whatever it waits for is let go at once, and its
    /// processes are killed.
    ///
    /// # Errors
    ///
    /// A [`Failure`] says what went wrong and whether anything outside may have changed.
    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>>;
}

/// What is known about an experiment before it runs.
pub struct Surroundings<'a> {
    /// Configuration and secrets as far as they are known.
    pub values: &'a Values,
    /// Whether a run starts when all is well, so that what it needs of its surroundings must be
    /// there.
    pub running: bool,
}

/// What an activity may use while it is carried out.
pub struct Context<'a> {
    /// Resolved configuration and secrets.
    pub values: &'a Values,
    /// Where the activity tells what it does.
    pub tell: &'a dyn Tell,
}

/// Takes what an activity tells about its own work.
pub trait Tell {
    /// A line for the console.
    fn log(&self, level: Level, message: String);

    /// The activity runs a process that leads this process group.
    ///
    /// # Errors
    ///
    /// When the run log cannot be written.
    fn process_started(&self, group: u32) -> io::Result<()>;
}

/// The providers of a run, by provider type.
#[derive(Default)]
pub struct Providers {
    known: Vec<(&'static str, Box<dyn Provider>)>,
}

impl Providers {
    /// No providers yet.
    pub fn new() -> Providers {
        Providers::default()
    }

    /// The same providers and one more for a value of `provider.type`.
    pub fn with(mut self, provider_type: &'static str, provider: impl Provider + 'static) -> Providers {
        self.known.push((provider_type, Box::new(provider)));
        self
    }

    /// The provider for a value of `provider.type`.
    pub fn get(&self, provider_type: &str) -> Option<&dyn Provider> {
        let found = self.known.iter().find(|(known, _)| *known == provider_type);
        found.map(|(_, provider)| provider.as_ref())
    }

    /// The values of `provider.type` that are known.
    pub fn types(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|(known, _)| *known)
    }
}
