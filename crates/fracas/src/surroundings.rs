//! What the process finds around it: environment, folders, host. Read here and nowhere else by
//! the binary.

use std::path::PathBuf;

use fracas_model::Problem;
use serde_json::{Map, Value, json};

/// What the process finds around it.
pub struct Surroundings {
    /// The operating system, its release and the machine, as `platform.platform()` begins.
    pub platform: String,
    /// The host's name.
    pub node: String,
    /// The folder that this process was started in.
    pub working_folder: PathBuf,
}

/// Variables that decide where AWS calls go; those of single services begin with the last one.
const WHERE_CALLS_GO: [&str; 9] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_ENDPOINT_URL",
];

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
            working_folder: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// The operating system and the machine, as discoveries tell them.
    pub fn platform_parts() -> Value {
        let uname = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        json!({
            "system": text(uname.sysname()),
            "node": text(uname.nodename()),
            "release": text(uname.release()),
            "version": text(uname.version()),
            "machine": text(uname.machine()),
            "proc": "",
            "python": "",
        })
    }

    /// The variables that decide where AWS calls go; null for those that are not set.
    pub fn where_calls_go() -> Map<String, Value> {
        let of_services =
            std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("AWS_ENDPOINT_URL_"));
        let names = WHERE_CALLS_GO.map(str::to_owned).into_iter().chain(of_services);
        names
            .map(|name| (name.clone(), Self::environment(&name).map_or(Value::Null, Value::String)))
            .collect()
    }

    /// The value of an environment variable, when it is set and UTF-8.
    pub fn environment(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The user's configuration folder, as the XDG base directories say.
    pub fn configuration_folder() -> Option<PathBuf> {
        let given = Self::environment("XDG_CONFIG_HOME").map(PathBuf::from);
        let given = given.filter(|path| path.is_absolute());
        let home = || std::env::home_dir().filter(|path| path.is_absolute());
        given.or_else(|| Some(home()?.join(".config")))
    }

    /// The folder of all runs: the one given, or the one that the XDG base directories say.
    ///
    /// # Errors
    ///
    /// Neither XDG_STATE_HOME nor HOME is set, and the user has no home folder.
    pub fn runs_dir(&self, given: Option<&PathBuf>) -> Result<PathBuf, Problem> {
        let state =
            || Some(PathBuf::from(Self::environment("XDG_STATE_HOME")?)).filter(|path| path.is_absolute());
        let home = || std::env::home_dir().filter(|path| path.is_absolute());
        let default = || Some(state().or_else(|| Some(home()?.join(".local/state")))?.join("fracas/runs"));
        let given = given.map(|given| self.working_folder.join(given));
        given.or_else(default).ok_or_else(|| {
            Problem::general("there is no home folder to keep runs in").help("name a folder with --runs-dir")
        })
    }
}
