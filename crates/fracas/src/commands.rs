//! What each command does. All of them read like the design's table of contents: load, parse,
//! check, then the one thing that the command is for.

mod iam;
mod info;
mod recover;
mod run;
mod runs;
mod settings;
mod validate;

use fracas_engine::{Given, Mask, Providers, parse, resolve};
use fracas_model::{Experiment, Problem, Problems, Source};
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
        self.show_problems(session)
    }

    /// Shows everything that was found so far. True when nothing stops a run.
    fn show_problems(&mut self, session: &Session) -> bool {
        self.problems.0.append(&mut self.unresolved.0);
        let problems = std::mem::take(&mut self.problems).sorted();
        if !problems.0.is_empty() {
            let mask = Mask::of(&self.values);
            session.terminal.problems(Some(&mask.source(&self.source)), &mask.problems(problems.clone()));
        }
        !problems.has_errors()
    }
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
