//! `fracas activity new`: a file to start from, for a service.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use fracas_aws::Aws;
use fracas_aws::model::{Kind, Operation, Service};
use fracas_aws::{iam, kebab};
use fracas_engine::io_words;
use fracas_model::{ActivityKind, ExitCode, Problem};
use fracas_providers::catalogue;

use crate::args::ActivityNew;
use crate::commands::ready::Told;
use crate::session::Session;

/// How the names of operations begin that are worth an action, the most telling first.
const FAULTS: [&str; 10] =
    ["Failover", "Reboot", "Restart", "Stop", "Disable", "Terminate", "Delete", "Update", "Put", "Create"];

/// How the names of operations begin that are worth a probe, the most telling first.
const LOOKS: [&str; 3] = ["Describe", "List", "Get"];

/// Writes the file, unless there is one.
pub fn new(args: &ActivityNew, session: &Session) -> Result<ExitCode, Told> {
    let aws = Aws::new();
    let service = aws.service(&args.service).map_err(|error| {
        session.refuse(Problem::general(error.to_string()).help(error.help().unwrap_or_default()))
    })?;
    let path = Path::new("fracas/aws").join(format!("{}.yaml", service.name));
    write(&path, &text(service)).map_err(|problem| session.refuse(problem))?;
    session.info(&format!("{} is yours to change; fracas activity check looks for mistakes", path.display()));
    Ok(ExitCode::Ok)
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let cannot = |error: &std::io::Error| {
        Problem::general(format!("cannot write {}: {}", path.display(), io_words(error)))
    };
    fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    let mut file = fs::File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Problem::general(format!("{} is there already", path.display()))
            .help("add to it, or move it away first"),
        _ => cannot(&error),
    })?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(|error| cannot(&error))
}

/// An action and a probe of the service, with comments that say what may be changed.
fn text(service: &Service<'_>) -> String {
    let name = service.name;
    let mut text = format!(
        "# Activities for {name}. Experiments call them as {{\"type\": \"aws\", \"activity\": \"{name}.NAME\"}}.\n\
         # The language: a text that starts with $ is JMESPath over the arguments and earlier results.\n\
         service: {name}\n\nactivities:\n"
    );
    let changing = |operation: &&Operation| iam::changes(service, operation.name);
    let actions = service.operations.iter().filter(changing);
    let action = actions.min_by_key(|operation| rank(&FAULTS, operation));
    let looks = service.operations.iter().filter(|operation| !changing(operation));
    let probe = looks.min_by_key(|operation| {
        (
            rank(&LOOKS, operation),
            required(service, operation).len(),
            service.paginator(operation.name).is_none(),
        )
    });
    for (operation, kind) in [(action, "action"), (probe, "probe")] {
        if let Some(operation) = operation {
            text.push_str(&activity(service, operation, kind));
        }
    }
    text
}

/// How telling the name of an operation is: the smaller, the more.
fn rank(verbs: &[&str], operation: &Operation<'_>) -> usize {
    verbs.iter().position(|verb| operation.name.starts_with(verb)).unwrap_or(verbs.len())
}

fn activity(service: &Service<'_>, operation: &Operation<'_>, kind: &str) -> String {
    let required = required(service, operation);
    let mut text = format!(
        "  {}:\n    kind: {kind}\n    # What it does, in a sentence: discoveries and help show it.\n    summary: Call {}.\n",
        free_name(service.name, operation.name),
        operation.name
    );
    if !required.is_empty() {
        text.push_str("    args:\n");
    }
    for (name, kind) in &required {
        let argument = snake_case(name);
        text.push_str(&format!(
            "      {argument}: {{type: {kind}, required: true, doc: The {}.}}\n",
            argument.replace('_', " ")
        ));
    }
    let is_listing = kind == "probe" && service.paginator(operation.name).is_some();
    let verb = if is_listing { "find" } else { "call" };
    text.push_str(&format!("    steps:\n      - {verb}: {}\n", operation.name));
    if !required.is_empty() {
        text.push_str(
            "        # Optional parameters go here, too; what is null is left out.\n        with:\n",
        );
    }
    for (name, _) in &required {
        text.push_str(&format!("          {name}: ${}\n", snake_case(name)));
    }
    if is_listing {
        text.push_str("        as: found\n      # What it gives, such as one member of each item: $found[].Status\n      - return: $length(found)\n");
    }
    text
}

/// The parameters that have to be given, with the type of an argument that fits.
fn required<'a>(service: &Service<'a>, operation: &Operation<'a>) -> Vec<(&'a str, &'static str)> {
    let input = operation.input.map(|input| &service.shape(input).kind);
    let Some(Kind::Structure(input)) = input else { return Vec::new() };
    let required = input.members.iter().filter(|member| member.required && !member.idempotency_token);
    let kind = |shape: &Kind<'_>| match shape {
        Kind::Structure(_) | Kind::Map(_) => "object",
        Kind::List(_) => "list",
        Kind::Boolean => "boolean",
        Kind::Integer | Kind::Long => "integer",
        Kind::Float | Kind::Double => "number",
        _ => "string",
    };
    required.map(|member| (member.name, kind(&service.shape(member.shape).kind))).collect()
}

/// The name for an activity that calls an operation: one that no activity of fracas has.
fn free_name(package: &str, operation: &str) -> String {
    let name = snake_case(operation);
    let is_taken = [ActivityKind::Action, ActivityKind::Probe]
        .into_iter()
        .any(|kind| catalogue::find(package, &name, kind).is_some());
    if is_taken { format!("my_{name}") } else { name }
}

/// `DBClusterIdentifier` becomes `db_cluster_identifier`.
fn snake_case(name: &str) -> String {
    kebab(name).replace('-', "_")
}
