//! The command line: what can be typed.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use fracas_engine::convert;
use fracas_model::{Dry, HypothesisStrategy, RollbackStrategy, from_name};
use serde_json::Value;

use crate::commands::complete;
use crate::settings::Format;

/// Chaos experiments on AWS, from one static binary.
///
/// Exit codes: 0 the steady state held and every step did its work; 1 it deviated, or an activity
/// failed; 2 invalid input or usage, nothing was touched; 3 interrupted; 4 a rollback failed or is
/// unproven, something may still be broken; 5 not run, the steady state was not met before the
/// method.
#[derive(Parser)]
#[command(name = "fracas", version, max_term_width = 100, args_override_self = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub global: Global,
}

/// Reads the command line; ends the process when something is wrong with it.
pub fn read() -> Args {
    let mut args = Args::try_parse().unwrap_or_else(|mut error| {
        if let Some(tip) = parameter_tip(&error) {
            error.remove(ContextKind::SuggestedArg);
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        error.exit()
    });
    if let Command::Aws(aws) = &mut args.command {
        aws.take_cli_names();
    }
    args
}

/// Where a parameter goes that was typed as an option, as for the AWS CLI.
fn parameter_tip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let typed: Vec<String> = words.skip_while(|word| word != "aws").skip(1).collect();
    let [service, operation, ..] = &typed[..] else { return None };
    let parameter = complete::parameter(cli_service(service), operation, option.trim_start_matches('-'))?;
    Some(format!("parameters go into --params, as JSON: --params '{{\"{parameter}\": ...}}'"))
}

/// What every command takes, before its name or after it.
#[derive(clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Behave exactly as Chaos Toolkit does, its defects included.
    ///
    /// So does fracas when it is run under the name `chaos`, or when the settings say
    /// `runtime: {compat: chaostoolkit}`.
    #[arg(long, global = true)]
    pub compat: bool,

    /// Show debug lines too.
    #[arg(long, global = true)]
    pub verbose: bool,

    /// Accepted and without effect: fracas never asks for a newer version.
    #[arg(long, global = true)]
    pub no_version_check: bool,

    /// Go to this folder first; paths mean what they mean there, except for --log-file.
    #[arg(long, global = true, value_name = "DIR")]
    pub change_dir: Option<PathBuf>,

    /// Write no log file.
    #[arg(long, global = true)]
    pub no_log_file: bool,

    /// Write a log file; with --compat, one is always written [default with --compat:
    /// chaostoolkit.log].
    #[arg(long, global = true, value_name = "PATH")]
    pub log_file: Option<PathBuf>,

    /// What is written into the log file: lines of this importance and above.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Debug, value_name = "LEVEL")]
    pub log_file_level: LogLevel,

    /// How lines are shown; in the log file they are always strings.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::String, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// The settings file [default: ~/.chaostoolkit/settings.yaml].
    #[arg(long, global = true, value_name = "PATH")]
    pub settings: Option<PathBuf>,

    /// The Python that carries out what is written in Python [default: that of the active virtual
    /// environment, or python3].
    #[arg(long, global = true, value_name = "PATH")]
    pub python: Option<PathBuf>,

    /// Carry the AWS activities out in Python too, with chaostoolkit-aws.
    #[arg(long, global = true)]
    pub no_native: bool,

    /// Whether to color what is shown.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// How much a line has to matter.
#[derive(Clone, Copy, ValueEnum)]
pub enum LogLevel {
    /// What helps to find mistakes.
    Debug,
    /// What goes on.
    Info,
    /// What is worth a look.
    Warning,
    /// What failed.
    Error,
}

/// How lines are shown.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    String,
    /// A JSON object each.
    Json,
}

/// Whether to color what is shown.
#[derive(Clone, Copy, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
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
    /// Show what an experiment would do, without changing anything.
    ///
    /// AWS is asked what is there, by calls that only read; nothing else is called or started.
    Plan(Plan),
    /// Print the least-privilege IAM policy of an experiment.
    Iam(Iam),
    /// List the runs, and the faults that may still have their effect.
    Runs(Runs),
    /// Play the rollbacks of a run that ended without them, and write its journal.
    Recover(Recover),
    /// List what a package can do, for `init`.
    Discover(Discover),
    /// Write an experiment, question by question.
    Init(Init),
    /// Look at the settings, or change them.
    Settings(Settings),
    /// Tell about fracas, the settings, or the extensions in Python.
    Info(Info),
    /// Look at the AWS activities, try one by hand, or write one.
    Activity(Activity),
    /// Call any operation of any AWS service.
    ///
    /// Names may be written as boto3, the AWS CLI or AWS's own documentation write them:
    /// describe_db_clusters, describe-db-clusters or DescribeDBClusters. `help` in place of a name, or
    /// --help after one, tells about all services, a service, or an operation.
    ///
    /// Exit codes: 0 the call went well; 1 AWS answered with an error, a waiter gave up, or no answer
    /// came; 2 nothing was called, because of what was typed, or for want of a region or credentials.
    Aws(Aws),
    /// Print what makes a shell complete names.
    Completions(Completions),
}

impl Args {
    /// Ends the process, as for any other mistake on the command line, when a file that is named
    /// there is missing.
    pub fn require_files(&self) {
        let var_files = self.command.var_files().iter().map(|path| ("--var-file", path));
        let control_files = self.command.control_files().iter().map(|path| ("--control-file", path));
        let missing = var_files.chain(control_files).filter(|(_, path)| !path.exists());
        let missing = missing.map(|(option, path)| {
            format!("invalid value '{}' for '{option} <PATH>': there is no such file", path.display())
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            self.command.refuse(missing.join("\n       "));
        }
    }
}

impl Command {
    /// The var files that it is given.
    pub fn var_files(&self) -> &[PathBuf] {
        match self {
            Command::Run(Run { values, .. })
            | Command::Validate(Validate { values, .. })
            | Command::Plan(Plan { values, .. })
            | Command::Iam(Iam { values, .. }) => &values.files,
            Command::Recover(Recover { var_files, .. }) => var_files,
            _ => &[],
        }
    }

    fn control_files(&self) -> &[PathBuf] {
        if let Command::Run(Run { control_files, .. }) = self { control_files } else { &[] }
    }

    /// Ends the process, as for any other mistake on the command line.
    fn refuse(&self, message: String) -> ! {
        let mut all = Args::command();
        all.build();
        let mut command = all.find_subcommand(self.name()).cloned().unwrap_or(all);
        command.error(ErrorKind::ValueValidation, message).exit()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Run(_) => "run",
            Command::Validate(_) => "validate",
            Command::Plan(_) => "plan",
            Command::Iam(_) => "iam",
            Command::Runs(_) => "runs",
            Command::Recover(_) => "recover",
            Command::Discover(_) => "discover",
            Command::Init(_) => "init",
            Command::Settings(_) => "settings",
            Command::Info(_) => "info",
            Command::Activity(_) => "activity",
            Command::Aws(_) => "aws",
            Command::Completions(_) => "completions",
        }
    }
}

/// Run an experiment.
#[derive(clap::Args)]
pub struct Run {
    /// The experiment: a JSON or YAML file, or its http(s) address.
    pub source: String,

    /// Where to write the journal.
    #[arg(long, default_value = "./journal.json", value_name = "PATH")]
    pub journal_path: PathBuf,

    /// Only pretend to carry out these; with `pause`, only leave the pauses out.
    #[arg(long, value_parser = one_of(&Dry::NAMES), value_name = "WHAT")]
    pub dry: Option<Dry>,

    /// Do not hold the activities against their providers before the run.
    #[arg(long)]
    pub no_validation: bool,

    /// When to play the rollbacks; `default` is unless the run failed or was interrupted.
    #[arg(long, value_parser = one_of(&RollbackStrategy::NAMES), value_name = "STRATEGY")]
    pub rollback_strategy: Option<RollbackStrategy>,

    /// When to check the hypothesis; `default` is before the method and after it.
    #[arg(long, value_parser = hypothesis_strategies(), value_name = "STRATEGY")]
    pub hypothesis_strategy: Option<String>,

    /// Seconds from one check of the hypothesis during the method to the next.
    #[arg(long, default_value = "1.0", value_parser = frequency, value_name = "SECONDS",
        allow_negative_numbers = true)]
    pub hypothesis_frequency: f64,

    /// End the method at the first check of the hypothesis during it that is not met.
    #[arg(long)]
    pub fail_fast: bool,

    /// A file of controls that apply as those of the settings do. Can be given several times.
    #[arg(long = "control-file", value_name = "PATH")]
    pub control_files: Vec<PathBuf>,

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

/// Show what an experiment would do, without changing anything.
#[derive(clap::Args)]
pub struct Plan {
    /// The experiment: a JSON or YAML file, or its http(s) address.
    pub source: String,

    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

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

    /// The region of the activities that name none of their own, in place of the configuration's.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Print what makes a role of it: the policy, and the one that lets the account take the role on.
    ///
    /// They are named as the AWS CLI's `create-role` and `put-role-policy` take them. The account has to
    /// be given, unless the experiment assumes a role.
    #[arg(long)]
    pub role: bool,

    /// Ask IAM whether the role that the experiment assumes, else the caller, may do all of it; print
    /// what is denied, and exit with 1 if anything is.
    ///
    /// The caller needs iam:SimulatePrincipalPolicy. IAM is asked about permissions only: nothing that
    /// the experiment does is done.
    #[arg(long, conflicts_with = "role")]
    pub check: bool,

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

    /// The secrets and variables of the environment that the run was given by this file; the
    /// configuration is kept. Can be given several times.
    #[arg(long = "var-file", value_name = "PATH")]
    pub var_files: Vec<PathBuf>,

    #[command(flatten)]
    pub runs_dir: RunsDir,
}

/// Look at the AWS activities, try one by hand, or write one.
#[derive(clap::Args)]
pub struct Activity {
    /// What to do.
    #[command(subcommand)]
    pub command: ActivityCommand,
}

/// What can be done with activities.
#[derive(Subcommand)]
pub enum ActivityCommand {
    /// List the activities, those in fracas/aws beside you included.
    List(ActivityList),
    /// Show what an activity takes, what it calls, and how an experiment writes it.
    Show(ActivityShow),
    /// Look for mistakes in files of activities, without touching anything.
    Check(ActivityCheck),
    /// Write a file to start from into fracas/aws, for a service.
    New(ActivityNew),
    /// Carry one activity out, now.
    Run(ActivityRun),
    /// Print the JSON Schema of files of activities, for editors.
    Schema,
}

/// List the activities.
#[derive(clap::Args)]
pub struct ActivityList {
    /// Those of one package, such as `docdb`.
    pub package: Option<String>,

    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Show an activity.
#[derive(clap::Args)]
pub struct ActivityShow {
    /// Its name, such as `docdb.stop_db_cluster`.
    pub name: String,
}

/// Look for mistakes in files of activities.
#[derive(clap::Args)]
pub struct ActivityCheck {
    /// The files [default: those in fracas/aws, here and in the configuration folder].
    pub files: Vec<PathBuf>,
}

/// Write a file to start from.
#[derive(clap::Args)]
pub struct ActivityNew {
    /// The service, as boto3 calls it, such as `docdb`.
    pub service: String,
}

/// Carry one activity out.
#[derive(clap::Args)]
pub struct ActivityRun {
    /// Its name, such as `docdb.stop_db_cluster`.
    pub name: String,

    /// An argument; what is no text is written in JSON. Can be given several times.
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    pub arguments: Vec<String>,

    /// The region [default: AWS_REGION, AWS_DEFAULT_REGION, or that of the profile].
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// The profile of AWS's configuration files.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// The address of the service, in place of AWS's own.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// List what a package can do, for `init`.
#[derive(clap::Args)]
pub struct Discover {
    /// The package, such as `chaostoolkit-aws`, or a Python package that is installed.
    pub package: String,

    /// Do not look at the system that the package works on.
    #[arg(long)]
    pub no_system_info: bool,

    /// Do not install the package first; only with --compat is it ever installed.
    #[arg(long)]
    pub no_install: bool,

    /// Where to write what was found.
    #[arg(long, default_value = "./discovery.json", value_name = "PATH")]
    pub discovery_path: PathBuf,
}

/// Write an experiment, question by question.
#[derive(clap::Args)]
pub struct Init {
    /// What `discover` has written.
    #[arg(long, default_value = "./discovery.json", value_name = "PATH")]
    pub discovery_path: PathBuf,

    /// Where to write the experiment: .json, .yaml or .yml.
    #[arg(long, default_value = "./experiment.json", value_name = "PATH")]
    pub experiment_path: PathBuf,
}

/// Look at the settings, or change them.
#[derive(clap::Args)]
pub struct Settings {
    /// What to do with them.
    #[command(subcommand)]
    pub command: SettingsCommand,
}

/// What can be done with the settings. A key is a path such as `auths.example\\.com.type` or
/// `notifications[0].url`.
#[derive(Subcommand)]
pub enum SettingsCommand {
    /// Print all of them, secrets included.
    Show {
        /// How to print them.
        #[arg(long, value_parser = one_of(&Format::OF_ALL), default_value = "yaml", value_name = "FORMAT")]
        format: Format,
    },
    /// Print the value at a key.
    Get {
        /// Where it is: names separated by dots, `\\.` for a dot in a name, `list[0]` for an item.
        key: String,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Format::Yaml, value_name = "FORMAT")]
        format: Format,
    },
    /// Change the value at a key, which has to be there.
    Set {
        /// Where it is: names separated by dots, `\\.` for a dot in a name, `list[0]` for an item.
        key: String,
        /// What it becomes, as JSON.
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Remove the value at a key, and all that is in it.
    Remove {
        /// Where it is: names separated by dots, `\\.` for a dot in a name, `list[0]` for an item.
        key: String,
    },
}

/// Tell about fracas, the settings, or the extensions in Python.
#[derive(clap::Args)]
pub struct Info {
    /// What to tell about.
    #[arg(value_enum, value_name = "core|settings|extensions")]
    pub target: Target,
}

/// What can be told about.
#[derive(Clone, Copy, ValueEnum)]
pub enum Target {
    /// The versions.
    Core,
    /// The settings file as it is, secrets included.
    Settings,
    /// The extensions: those in Python, and what fracas does by itself.
    Extensions,
}

/// How to print a list.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// How to print the result of a call, as the AWS CLI does.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Layout {
    /// JSON
    Json,
    /// lines of values between tabs
    Text,
    /// a table with borders
    Table,
}

/// Values for the experiment's configuration.
#[derive(clap::Args)]
pub struct Values {
    /// A value for the configuration: NAME=VALUE, or NAME:TYPE=VALUE with the type str, int,
    /// float, bool, bytes or json. Can be given several times.
    #[arg(long = "var", value_parser = variable, value_name = "NAME[:TYPE]=VALUE", allow_hyphen_values = true)]
    pub variables: Vec<(String, Value)>,

    /// Values for the configuration and the secrets: a JSON or YAML file of both, or a file of
    /// lines NAME=VALUE for the environment. Can be given several times.
    #[arg(long = "var-file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
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

/// How Chaos Toolkit once spelled `continuously`.
pub const MISSPELLED: &str = "continously";

/// Takes the strategies that can be typed; `skip` can only be written into an experiment.
fn hypothesis_strategies() -> PossibleValuesParser {
    let names =
        HypothesisStrategy::NAMES.iter().filter(|(_, strategy)| *strategy != HypothesisStrategy::Skip);
    let names = names.map(|(name, _)| PossibleValue::new(*name));
    PossibleValuesParser::new(names.chain([PossibleValue::new(MISSPELLED).hide(true)]))
}

/// Takes one of these names.
fn one_of<T: Copy + Send + Sync + 'static>(
    names: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let parser = PossibleValuesParser::new(names.iter().map(|(name, _)| name));
    parser.try_map(|name| from_name(names, &name).ok_or("no such name"))
}

fn frequency(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse().ok().filter(|seconds: &f64| *seconds >= 0.0);
    seconds.ok_or_else(|| "the seconds are a number from 0".to_owned())
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

/// Call any operation of any AWS service.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Aws {
    /// The service, such as docdb.
    #[arg(add = ArgValueCandidates::new(complete::services))]
    pub service: Option<String>,

    /// The operation, such as describe-db-clusters.
    #[arg(add = ArgValueCandidates::new(complete::operations))]
    pub operation: Option<String>,

    /// Where to write the body of the answer, for operations that answer with one, such as s3
    /// get-object.
    pub outfile: Option<PathBuf>,

    /// The parameters: as JSON, from a file of JSON or YAML, or from stdin with `@-`.
    #[arg(long, value_name = "JSON|@FILE")]
    pub params: Option<String>,

    /// Print all parameters of the operation, to fill in and give with --params.
    #[arg(long, alias = "generate-cli-skeleton", conflicts_with_all = ["batch", "wait", "params"])]
    pub generate_skeleton: bool,

    /// What to print of the result, in JMESPath.
    #[arg(long, value_name = "JMESPATH")]
    pub query: Option<String>,

    /// How to print the result [default: AWS_DEFAULT_OUTPUT, else the profile's output, else json].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<Layout>,

    /// Ask for every page, and print one result.
    #[arg(long)]
    pub paginate: bool,

    /// Accepted and without effect: fracas never starts a pager.
    #[arg(long, hide = true)]
    pub no_cli_pager: bool,

    /// Poll until this waiter of the service is content, such as db-instance-available.
    #[arg(long, value_name = "WAITER", add = ArgValueCandidates::new(complete::waiters), conflicts_with_all = ["paginate", "print_request"])]
    pub wait: Option<String>,

    /// Build and sign the request and print it, without sending it.
    #[arg(long, conflicts_with_all = ["paginate", "query"])]
    pub print_request: bool,

    /// Make many calls: one JSON object a line in, one out for each, in their order.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["service", "params", "paginate"])]
    pub batch: Option<PathBuf>,

    /// The region.
    #[arg(long)]
    pub region: Option<String>,

    /// The profile of the configuration files.
    #[arg(long)]
    pub profile: Option<String>,

    /// Where to send the call instead of AWS's own endpoint.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,

    /// Tell about all services, or those that are named.
    #[arg(short, long)]
    pub help: bool,
}

impl Aws {
    /// Takes what the AWS CLI calls otherwise: some services, and `wait WAITER` in place of an operation.
    fn take_cli_names(&mut self) {
        if let Some(service) = &mut self.service {
            *service = cli_service(service).to_owned();
        }
        if self.operation.as_deref() == Some("wait") && self.wait.is_none() {
            self.operation = None;
            self.wait = self.outfile.take().map(|waiter| waiter.to_string_lossy().into_owned());
        }
    }
}

/// The name of a service that only the AWS CLI calls otherwise.
fn cli_service(name: &str) -> &str {
    match name {
        "s3api" => "s3",
        "configservice" => "config",
        "deploy" => "codedeploy",
        name => name,
    }
}

/// Print what makes a shell complete the names of commands, options, AWS services, operations and
/// waiters.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell whose completion can be told of fracas.
#[derive(Clone, Copy, ValueEnum)]
pub enum Shell {
    /// source <(fracas completions bash)
    Bash,
    /// source <(fracas completions zsh)
    Zsh,
    /// fracas completions fish | source
    Fish,
}
