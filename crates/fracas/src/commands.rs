//! What each command does. All of them read like the design's table of contents: load, parse,
//! check, then the one thing that the command is for.

mod activity;
mod aws;
mod completions;
mod discover;
mod given;
mod iam;
mod info;
mod init;
mod loader;
mod own;
mod plan;
mod ready;
mod recover;
mod run;
mod runs;
mod settings;
mod validate;

use fracas_model::Problem;
use tokio::runtime::Builder;

pub use activity::activity;
pub use aws::{aws, complete};
pub use completions::{VARIABLE, completions};
pub use discover::discover;
pub use given::enter_environment;
pub use iam::iam;
pub use info::info;
pub use init::init;
pub use plan::plan;
pub use recover::recover;
pub use run::run;
pub use runs::runs;
pub use settings::settings;
pub use validate::validate;

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
