//! The user's own activities: files beside the experiment, and in the configuration folder.

use std::path::{Path, PathBuf};

use fracas_engine::is_url;
use fracas_model::{ExitCode, Problems, Source};
use fracas_providers::catalogue;

use super::ready::Told;
use crate::session::Session;
use crate::surroundings::Surroundings;

/// Takes in the activities that belong to an experiment.
///
/// # Errors
///
/// The user has been told all that is wrong with them.
pub fn take_in(experiment: &str, session: &Session) -> Result<(), Told> {
    read(experiment).map_err(|wrong| {
        let mut why = String::new();
        for (source, problems) in wrong {
            session.terminal.problems(Some(&source), &problems);
            why = problems.0.into_iter().next().map(|problem| problem.message).unwrap_or_default();
        }
        Told { code: ExitCode::Invalid, why }
    })
}

/// Takes in the activities beside experiments of the working folder.
///
/// # Errors
///
/// See [`take_in`].
pub fn take_in_here(session: &Session) -> Result<(), Told> {
    take_in("./experiment.json", session)
}

/// The same, for whoever tells the problems.
///
/// # Errors
///
/// All that is wrong, file by file.
pub fn read(experiment: &str) -> Result<(), Vec<(Source, Problems)>> {
    catalogue::take_in(&folders(experiment))
}

fn folders(experiment: &str) -> Vec<PathBuf> {
    let beside = Some(experiment).filter(|source| !is_url(source)).and_then(|path| Path::new(path).parent());
    beside.map(Path::to_owned).into_iter().chain(Surroundings::configuration_folder()).collect()
}
