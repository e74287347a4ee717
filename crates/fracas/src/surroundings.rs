//! What the process finds around it: environment, folders, host. Read here and nowhere else by
//! the binary.

use std::path::PathBuf;

use fracas_model::Problem;

/// What the process finds around it.
pub struct Surroundings {
    /// The operating system, its release and the machine, as `platform.platform()` begins.
    pub platform: String,
    /// The host's name.
    pub node: String,
}

impl Surroundings {
    /// Asks the system.
    pub fn of_this_process() -> Surroundings {
        let uname = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Surroundings {
            platform: format!(
                "{}-{}-{}",
                text(uname.sysname()),
                text(uname.release()),
                text(uname.machine())
            ),
            node: text(uname.nodename()),
        }
    }

    /// The value of an environment variable, when it is set and UTF-8.
    pub fn environment(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The folder of all runs: the one given, or the one that the XDG base directories say.
    ///
    /// # Errors
    ///
    /// Neither XDG_STATE_HOME nor HOME is set.
    pub fn runs_dir(&self, given: Option<&PathBuf>) -> Result<PathBuf, Problem> {
        let state =
            || Some(PathBuf::from(Self::environment("XDG_STATE_HOME")?)).filter(|path| path.is_absolute());
        let home = || Some(PathBuf::from(Self::environment("HOME")?).join(".local/state"));
        let default = || Some(state().or_else(home)?.join("fracas/runs"));
        given.cloned().or_else(default).ok_or_else(|| {
            Problem::general("there is no home folder to keep runs in").help("name a folder with --runs-dir")
        })
    }
}
