//! The command line: what can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use fracas_engine::convert;
use fracas_model::RollbackStrategy;
use serde_json::Value;

/// Chaos experiments on AWS, from one static binary.
///
/// Exit codes: 0 the steady state held and every step did its work; 1 it deviated, or an activity
/// failed; 2 invalid input or usage, nothing was touched; 3 interrupted; 4 a rollback failed or is
/// unproven, something may still be broken; 5 not run, the steady state was not met before the
/// method.
#[derive(Parser)]
#[command(name = "fracas", version, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Whether to color what is shown.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// Whether to color what is shown.
#[derive(Clone, Copy, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What fracas can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run an experiment.
    Run(Run),
    /// Look for mistakes in an experiment, without touching anything.
    Validate(Validate),
    /// Print the least-privilege IAM policy of an experiment.
    Iam(Iam),
    /// List the runs, and the faults that may still have their effect.
    Runs(Runs),
    /// Play the rollbacks of a run that ended without them, and write its journal.
    Recover(Recover),
}

/// Run an experiment.
#[derive(clap::Args)]
pub struct Run {
    /// The experiment: a JSON or YAML file, or its http(s) address.
    pub source: String,

    /// Where to write the journal.
    #[arg(long, default_value = "./journal.json", value_name = "PATH")]
    pub journal_path: PathBuf,

    /// When to play the rollbacks: default (unless the run failed or was interrupted), always,
    /// never, deviated.
    #[arg(long, value_parser = rollback_strategy, value_name = "STRATEGY")]
    pub rollback_strategy: Option<RollbackStrategy>,

    #[command(flatten)]
    pub values: Values,

    #[command(flatten)]
    pub fetching: Fetching,

    #[command(flatten)]
    pub runs_dir: RunsDir,
}

/// Look for mistakes in an experiment, without touching anything.
#[derive(clap::Args)]
pub struct Validate {
    /// The experiment: a JSON or YAML file, or its http(s) address.
    pub source: String,

    #[command(flatten)]
    pub values: Values,

    #[command(flatten)]
    pub fetching: Fetching,
}

/// Print the least-privilege IAM policy of an experiment.
#[derive(clap::Args)]
pub struct Iam {
    /// The experiment: a JSON or YAML file, or its http(s) address.
    pub source: String,

    /// The AWS account that the resources belong to; any account when not given.
    #[arg(long, value_parser = account, value_name = "ID")]
    pub account: Option<String>,

    #[command(flatten)]
    pub values: Values,

    #[command(flatten)]
    pub fetching: Fetching,
}

/// List the runs, and the faults that may still have their effect.
#[derive(clap::Args)]
pub struct Runs {
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    #[command(flatten)]
    pub runs_dir: RunsDir,
}

/// Play the rollbacks of a run that ended without them, and write its journal.
#[derive(clap::Args)]
pub struct Recover {
    /// The run: its id, a unique beginning of it, or `last`.
    pub run: String,

    /// Play rollbacks that have failed as well.
    #[arg(long)]
    pub retry_failed: bool,

    #[command(flatten)]
    pub runs_dir: RunsDir,
}

/// How to print a list.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Values for the experiment's configuration.
#[derive(clap::Args)]
pub struct Values {
    /// A value for the configuration: NAME=VALUE, or NAME:TYPE=VALUE with the type str, int,
    /// float, bool, bytes or json. Can be given several times.
    #[arg(long = "var", value_parser = variable, value_name = "NAME[:TYPE]=VALUE")]
    pub variables: Vec<(String, Value)>,
}

/// How an experiment is fetched.
#[derive(clap::Args)]
pub struct Fetching {
    /// Do not verify the certificate of the server that has the experiment.
    #[arg(long)]
    pub no_verify_tls: bool,
}

/// Where runs are kept.
#[derive(clap::Args)]
pub struct RunsDir {
    /// The folder of all runs [default: $XDG_STATE_HOME/fracas/runs].
    #[arg(long, value_name = "DIR")]
    pub runs_dir: Option<PathBuf>,
}

fn rollback_strategy(name: &str) -> Result<RollbackStrategy, String> {
    RollbackStrategy::from_name(name).ok_or_else(|| "use one of: default, always, never, deviated".to_owned())
}

fn account(id: &str) -> Result<String, String> {
    let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| id.to_owned()).ok_or_else(|| "an account id is 12 digits".to_owned())
}

fn variable(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE or NAME:TYPE=VALUE")?;
    let (name, kind) = name.rsplit_once(':').unwrap_or((name, "str"));
    let value = convert(kind, Value::String(value.to_owned())).map_err(|rest| format!("the value {rest}"))?;
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use serde_json::json;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn variables_have_types() {
        assert_eq!(variable("port:int=8000").unwrap(), ("port".to_owned(), json!(8000)));
        assert_eq!(variable("url=http://x?a=b").unwrap(), ("url".to_owned(), json!("http://x?a=b")));
        assert_eq!(variable("on:bool=off").unwrap(), ("on".to_owned(), json!(true)));
        assert!(variable("port:int=x").unwrap_err().contains("no integer"));
        assert!(variable("port").is_err());
        assert!(variable("port:odd=1").unwrap_err().contains("the types are"));
    }
}
