//! What each command does. All of them read like the design's table of contents: load, parse,
//! check, then the one thing that the command is for.

mod iam;
mod info;
mod recover;
mod run;
mod runs;
mod settings;
mod validate;

use std::io;

use fracas_engine::{
    Changes, Given, Mask, Providers, Stop, Tell, check_dynamic, parse, resolve, resolve_dynamic,
};
use fracas_model::{Experiment, Level, Problem, Problems, Severity, Source};
use tokio::runtime::Builder;

pub use iam::iam;
pub use info::info;
pub use recover::recover;
pub use run::run;
pub use runs::runs;
pub use settings::settings;
pub use validate::validate;

use crate::args;
use crate::loading;
use crate::session::Session;
use crate::surroundings::Surroundings;

/// An experiment ready to be used, with its values.
struct Ready {
    source: Source,
    experiment: Experiment,
    values: fracas_engine::Values,
    problems: Problems,
    /// Values that could not be had.
    unresolved: Problems,
}

impl Ready {
    /// Parses an experiment and resolves its values. None when that is impossible: the reason has
    /// been shown.
    fn of(source: Source, values: &args::Values, session: &Session) -> Option<Ready> {
        let (experiment, problems) = parse(&source);
        let Some(experiment) = experiment else {
            session.terminal.problems(Some(&source), &problems.sorted());
            return None;
        };
        let given = Given { configuration: values.variables.iter().cloned().collect(), ..Given::default() };
        let mut unresolved = Problems::default();
        let values =
            resolve(&experiment, &Surroundings::environment, &given, &session.policy, &mut unresolved);
        Some(Ready { source, experiment, values, problems, unresolved })
    }

    /// Holds the activities against their providers; shows everything that was found so far. True
    /// when nothing stops a run.
    async fn check(&mut self, providers: &Providers, running: bool, session: &Session) -> bool {
        let surroundings = fracas_engine::Surroundings { values: &self.values, running };
        fracas_engine::check(&self.experiment, providers, &surroundings, &mut self.problems).await;
        if session.policy.dynamic_configuration_required {
            check_dynamic(providers, &surroundings, &mut self.problems).await;
        }
        self.show_problems(session)
    }

    /// Whether values have to be asked for.
    fn is_pending(&self) -> bool {
        !self.values.pending.probes.is_empty() || !self.values.pending.vault.is_empty()
    }

    /// Asks probes and the vault for the values that they have. True when nothing stops a run.
    async fn ask(&mut self, providers: &Providers, session: &Session) -> bool {
        let tell = BeforeRun { session, mask: self.mask(session) };
        let Ready { experiment, values, .. } = self;
        self.problems = resolve_dynamic(experiment, values, providers, &session.policy, &tell).await;
        if self.problems.has_errors() || !session.policy.dynamic_configuration_required {
            return self.show_problems(session);
        }
        let surroundings = fracas_engine::Surroundings { values: &self.values, running: true };
        fracas_engine::check(&self.experiment, providers, &surroundings, &mut self.problems).await;
        // Warnings have been shown before.
        self.problems.0.retain(|problem| problem.severity == Severity::Error);
        self.show_problems(session)
    }

    fn mask(&self, session: &Session) -> Mask {
        if session.policy.mask_secrets { Mask::of(&self.values) } else { Mask::default() }
    }

    /// Shows everything that was found so far. True when nothing stops a run.
    fn show_problems(&mut self, session: &Session) -> bool {
        self.problems.0.append(&mut self.unresolved.0);
        let problems = std::mem::take(&mut self.problems).sorted();
        if !problems.0.is_empty() {
            let mask = self.mask(session);
            session.terminal.problems(Some(&mask.source(&self.source)), &mask.problems(problems.clone()));
        }
        !problems.has_errors()
    }
}

/// Hears what activities tell before there is a run.
struct BeforeRun<'a> {
    session: &'a Session,
    mask: Mask,
}

impl Tell for BeforeRun<'_> {
    fn log(&self, level: Level, message: String) {
        let message = self.mask.line(&message);
        self.session.terminal.line(level.into(), &message);
    }

    fn process_started(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn stop(&self, _: Stop) {}

    fn changed(&self, _: Changes) {}
}

/// Gets the text of an experiment. None when that is impossible: the reason has been shown.
async fn load(source: &str, fetching: &args::Fetching, session: &Session) -> Option<Source> {
    let loaded = loading::load(source, !fetching.no_verify_tls, &session.settings).await;
    loaded.map_err(|problem| session.terminal.problem(problem)).ok()
}

/// Brings a future to its end on this thread. What it left behind, such as a name lookup that was
/// cancelled, is not waited for.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Problem> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Problem::general(format!("the system gives no resources to run: {error}")))?;
    let value = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(value)
}
