//! What each command does. All of them read like the design's table of contents: load, parse,
//! check, then the one thing that the command is for.

mod iam;
mod recover;
mod run;
mod runs;
mod validate;

use fracas_engine::{Mask, Providers, is_url, load_fetched, load_file, parse, resolve};
use fracas_model::{Experiment, Failure, Problem, Problems, Source};
use serde_json::{Map, Value};
use tokio::runtime::Builder;

pub use iam::iam;
pub use recover::recover;
pub use run::run;
pub use runs::runs;
pub use validate::validate;

use crate::args;
use crate::surroundings::Surroundings;
use crate::terminal::Terminal;

/// An experiment ready to be used, with its values.
struct Ready {
    source: Source,
    experiment: Experiment,
    values: fracas_engine::Values,
    problems: Problems,
    /// Values that could not be had.
    unresolved: Problems,
}

/// Loads an experiment, parses it and resolves its values. None when that is impossible: the
/// reason has been shown.
async fn prepare(
    source: &str,
    values: &args::Values,
    fetching: &args::Fetching,
    terminal: &Terminal,
) -> Option<Ready> {
    let source = match load(source, fetching).await {
        Ok(source) => source,
        Err(problem) => {
            terminal.problem(problem);
            return None;
        }
    };
    let (experiment, problems) = parse(&source);
    let Some(experiment) = experiment else {
        terminal.problems(Some(&source), &problems.sorted());
        return None;
    };
    let given: Map<String, Value> = values.variables.iter().cloned().collect();
    let mut unresolved = Problems::default();
    let values = resolve(&experiment, &Surroundings::environment, &given, &mut unresolved);
    Some(Ready { source, experiment, values, problems, unresolved })
}

async fn load(source: &str, fetching: &args::Fetching) -> Result<Source, Problem> {
    if !is_url(source) {
        return load_file(source);
    }
    let fetched = fracas_providers::fetch(source, !fetching.no_verify_tls, &[]).await;
    let fetched = fetched.map_err(|Failure { error, help, .. }| Problem::general(error).help(help))?;
    if fetched.status != 200 {
        let message = format!("{source} answered with status {}", fetched.status);
        return Err(
            Problem::general(message).help("check the address, and that it can be read without a login")
        );
    }
    load_fetched(source, &fetched.content_type, fetched.text)
}

/// Holds the activities against their providers; shows everything that was found so far. True
/// when nothing stops a run.
async fn check(ready: &mut Ready, providers: &Providers, running: bool, terminal: &Terminal) -> bool {
    let surroundings = fracas_engine::Surroundings { values: &ready.values, running };
    fracas_engine::check(&ready.experiment, providers, &surroundings, &mut ready.problems).await;
    ready.problems.0.append(&mut ready.unresolved.0);
    let problems = std::mem::take(&mut ready.problems).sorted();
    if !problems.0.is_empty() {
        let mask = Mask::of(&ready.values);
        terminal.problems(Some(&mask.source(&ready.source)), &mask.problems(problems.clone()));
    }
    !problems.has_errors()
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
