//! What carries activities out. The engine knows providers only by this trait.

use std::io;
use std::rc::Rc;

use fracas_model::{Activity, ActivityKind, Choice, Failure, Happened, Level, Policy, Problems, Progress};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::{Changes, Controls, Values, Vault};

/// Carries out the activities of one or more provider types.
pub trait Provider {
    /// Looks for mistakes in an activity's `provider` object, without touching anything outside
    /// this machine. A `${name}` whose value is not known yet may become anything and is not judged.
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        surroundings: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()>;

    /// Carries the activity out and gives its output.
    ///
    /// Dropping the future cancels the activity: whatever it waits for is let go at once, and its
    /// processes are killed. One that knows how far it came says so then, with [`Tell::cut`].
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
    /// How experiments are understood.
    pub policy: &'a Policy,
}

/// What an activity may use while it is carried out.
pub struct Context<'a> {
    /// Resolved configuration and secrets.
    pub values: &'a Values,
    /// How experiments are understood.
    pub policy: &'a Policy,
    /// Where the activity tells what it does.
    pub tell: &'a dyn Tell,
    /// Where it is declared: a JSON pointer into the experiment; empty for one that stands for itself.
    pub place: &'a str,
}

/// Takes what an activity tells about its own work.
pub trait Tell {
    /// The id of the run that the activity belongs to, also when the run is recovered; none outside of runs.
    fn run(&self) -> Option<String> {
        None
    }

    /// A line for the console.
    fn log(&self, level: Level, message: String);

    /// The activity runs a process that leads this process group.
    ///
    /// # Errors
    ///
    /// When the run log cannot be written.
    fn process_started(&self, group: u32) -> io::Result<()>;

    /// The activity has drawn what it is going to act on.
    ///
    /// # Errors
    ///
    /// When the run log cannot be written.
    fn chose(&self, choice: Choice) -> io::Result<()>;

    /// The activity is being dropped before its end: whether anything outside may have changed, and how far
    /// it came, where it makes several calls.
    fn cut(&self, _happened: Happened, _progress: Option<Box<Progress>>) {}

    /// The activity, which fails with it, asks the whole run to stop.
    fn stop(&self, stop: Stop);

    /// The activity has changed what it shares with the run.
    fn changed(&self, changes: Changes);
}

/// How far an activity came that was cut.
#[derive(Debug, Clone, PartialEq)]
pub struct SoFar {
    /// Whether anything outside may have changed.
    pub happened: Happened,
    /// What is known of its calls, where it makes several.
    pub progress: Option<Box<Progress>>,
}

impl SoFar {
    /// What can be said of any activity that has not told more.
    pub fn unknown(kind: ActivityKind) -> SoFar {
        let happened = if kind == ActivityKind::Action { Happened::Maybe } else { Happened::No };
        SoFar { happened, progress: None }
    }

    /// The activity as one that failed with this error.
    pub fn failure(self, error: String, help: &str) -> Failure {
        let SoFar { happened, progress } = self;
        Failure { error, help: help.to_owned(), happened, progress }
    }

    /// The activity as one that was cut by this.
    pub fn cut_by(self, what: &str) -> Failure {
        self.failure(format!("cut by {what}"), "")
    }
}

/// How an activity or a control asks a run to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It interrupts the execution, for this reason.
    Interrupt(String),
    /// It exits the process with this code, which ends the run as a signal does; 30 leaves the
    /// rollbacks out. Source: `chaoslib/exit.py`.
    Exit(i32),
    /// It raises what Ctrl-C raises, which ends the run as that signal does.
    KeyboardInterrupt,
    /// It failed in a way for which Chaos Toolkit aborts the run, or, if it did not fail, gave an
    /// output that Chaos Toolkit cannot write into the journal.
    Abort,
}

/// The providers of a run, by provider type.
#[derive(Default)]
pub struct Providers {
    known: Vec<(&'static str, Rc<dyn Provider>)>,
    controls: Option<Rc<dyn Controls>>,
    vault: Option<Rc<dyn Vault>>,
}

impl Providers {
    /// No providers yet.
    pub fn new() -> Providers {
        Providers::default()
    }

    /// The same providers and one more for a value of `provider.type`.
    pub fn with(mut self, provider_type: &'static str, provider: impl Provider + 'static) -> Providers {
        self.known.push((provider_type, Rc::new(provider)));
        self
    }

    /// The same providers, and who applies controls.
    pub fn with_controls(mut self, controls: impl Controls + 'static) -> Providers {
        self.controls = Some(Rc::new(controls));
        self
    }

    /// The same providers, and who reads secrets from a vault.
    pub fn with_vault(mut self, vault: impl Vault + 'static) -> Providers {
        self.vault = Some(Rc::new(vault));
        self
    }

    /// Who reads secrets from a vault.
    pub fn vault(&self) -> Option<&dyn Vault> {
        self.vault.as_deref()
    }

    /// Who applies controls.
    pub fn controls(&self) -> Option<&dyn Controls> {
        self.controls.as_deref()
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
