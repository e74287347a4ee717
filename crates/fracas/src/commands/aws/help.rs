//! What services can do, told from their models.

use std::fmt::Write;

use clap::CommandFactory;
use fracas_aws::model::{Kind, Member, Operation, Service, ShapeId, Structure, embedded};
use fracas_aws::{Aws, Error, iam, kebab};

use super::skeleton;
use crate::args::{self, Args};

/// How deep parameters and results are shown.
const DEPTH: usize = 6;

/// The widest line of a list of names.
const WIDTH: usize = 100;

/// The help that is asked for, by `--help` or by `help` in place of a name.
pub(super) fn asked(args: &args::Aws, aws: &Aws) -> Option<Result<String, Error>> {
    let outfile = args.outfile.as_deref().and_then(|path| path.to_str());
    let words = [args.service.as_deref(), args.operation.as_deref(), outfile];
    let place = words.iter().position(|word| *word == Some("help"));
    if !args.help && place.is_none() {
        return None;
    }
    let named = |index: usize| words[index].filter(|_| place.is_none_or(|place| index < place));
    Some(match (named(0), named(1)) {
        (None, _) => Ok(of_all()),
        (Some(service), None) => aws.service(service).map(of_service),
        (Some(service), Some(operation)) => {
            aws.operation(service, operation).map(|(service, operation)| of_operation(service, operation))
        }
    })
}

fn of_all() -> String {
    let mut command = Args::command();
    command.build();
    let usage = command.find_subcommand_mut("aws").map(|aws| aws.render_long_help().to_string());
    let mut text = usage.unwrap_or_default();
    push(&mut text, "\nServices (fracas aws SERVICE help):");
    in_columns(&mut text, embedded::services());
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn in_columns<'n>(text: &mut String, names: impl Iterator<Item = &'n str>) {
    let names: Vec<&str> = names.collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or_default() + 2;
    for line in names.chunks((WIDTH / width).max(1)) {
        let line: String = line.iter().map(|name| format!("{name:width$}")).collect();
        push(text, &format!("  {}", line.trim_end()));
    }
}

fn of_service(service: &Service) -> String {
    let metadata = &service.metadata;
    let mut text =
        format!("{}: {}, API version {}\n", service.name, metadata.full_name, metadata.api_version);
    push(&mut text, "\nOperations (fracas aws SERVICE OPERATION help):");
    let names: Vec<String> = service.operations.iter().map(|operation| kebab(operation.name)).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    for (operation, name) in service.operations.iter().zip(&names) {
        push(&mut text, &format!("  {name:width$}  {}", traits(service, operation).join(", ")));
    }
    if !service.waiters.is_empty() {
        push(&mut text, "\nWaiters (--wait WAITER, with the parameters of the operation that is asked):");
        push_waiters(&mut text, service, |_| true);
    }
    text
}

fn push_waiters(text: &mut String, service: &Service, polls: impl Fn(&str) -> bool) {
    let waiters = || service.waiters.iter().filter(|waiter| polls(waiter.operation));
    let width = waiters().map(|waiter| kebab(waiter.name).len()).max().unwrap_or_default();
    for waiter in waiters() {
        let (name, operation) = (kebab(waiter.name), kebab(waiter.operation));
        let (delay, most) = (waiter.delay, waiter.max_attempts);
        push(text, &format!("  {name:width$}  asks {operation} every {delay} s, at most {most} times"));
    }
}

/// What is said of an operation in a list.
fn traits(service: &Service, operation: &Operation) -> Vec<&'static str> {
    let kind = if is_reading(service, operation) { "reads" } else { "changes" };
    let pages = service.paginator(operation.name).map(|_| "pages");
    let deprecated = operation.deprecated.then_some("deprecated");
    [Some(kind), pages, deprecated].into_iter().flatten().collect()
}

/// As IAM sees it; of what is too new for that, the name tells.
fn is_reading(service: &Service, operation: &Operation) -> bool {
    const READING: [&str; 6] = ["BatchGet", "Describe", "Get", "Head", "List", "Search"];
    let actions = iam::actions(service, operation.name);
    match actions.is_empty() {
        true => operation.readonly || READING.iter().any(|verb| operation.name.starts_with(verb)),
        false => actions.iter().all(|action| action.access.is_reading()),
    }
}

fn of_operation(service: &Service, operation: &Operation) -> String {
    let name = kebab(operation.name);
    let mut text = format!("{} {name}: {} of {}\n", service.name, operation.name, service.metadata.full_name);
    push_facts(&mut text, service, operation);
    push(&mut text, "\nParameters (--params, one JSON object):");
    push_shape(&mut text, service, operation.input);
    push(&mut text, "\nResult:");
    push_shape(&mut text, service, operation.output);
    if service.waiters.iter().any(|waiter| waiter.operation == operation.name) {
        push(&mut text, "\nWaiters (--wait WAITER, with these parameters):");
        push_waiters(&mut text, service, |polled| polled == operation.name);
    }
    let needed = skeleton::required(service, operation);
    let params = match needed.as_object().is_some_and(|needed| needed.is_empty()) {
        true => String::new(),
        false => format!(" --params '{needed}'"),
    };
    push(&mut text, &format!("\nExample:\n  fracas aws {} {name}{params}", service.name));
    push(&mut text, "\n--generate-skeleton prints all parameters to fill in.");
    text
}

fn push_facts(text: &mut String, service: &Service, operation: &Operation) {
    let actions = iam::actions(service, operation.name);
    let allowed: Vec<&str> = actions.iter().map(|action| action.name.as_str()).collect();
    let keys = service.paginator(operation.name).map(|paginator| paginator.result_keys.join(", "));
    let errors: Vec<&str> =
        operation.errors.iter().filter_map(|id| service.shape(*id).error_code()).collect();
    let facts = [
        ("Kind", traits(service, operation).join(", ")),
        ("IAM", allowed.join(", ")),
        ("Pages", keys.map(|keys| format!("--paginate collects {keys}")).unwrap_or_default()),
        ("Errors", errors.join(", ")),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        push(text, &format!("{name}: {fact}"));
    }
}

fn push_shape(text: &mut String, service: &Service, shape: Option<ShapeId>) {
    let start = text.len();
    if let Some(id) = shape {
        push_members(text, service, id, &mut Vec::new());
    }
    if text.len() == start {
        push(text, "  none");
    }
}

/// The members below a shape, a line each; what is in itself is not shown again.
fn push_members(text: &mut String, service: &Service, id: ShapeId, above: &mut Vec<ShapeId>) {
    let Some((id, structure)) = structure_below(service, id) else { return };
    let indent = "  ".repeat(above.len() + 1);
    if above.contains(&id) || above.len() == DEPTH {
        return push(text, &format!("{indent}..."));
    }
    above.push(id);
    for member in &structure.members {
        let facts = facts(service, structure, member);
        push(text, &format!("{indent}{}: {}{facts}", member.name, words(service, member.shape)));
        push_members(text, service, member.shape, above);
    }
    above.pop();
}

/// The structure that a shape is, or holds in lists and maps.
fn structure_below<'s>(service: &'s Service<'s>, id: ShapeId) -> Option<(ShapeId, &'s Structure<'s>)> {
    match &service.shape(id).kind {
        Kind::Structure(structure) => Some((id, structure)),
        Kind::List(list) => structure_below(service, list.member),
        Kind::Map(map) => structure_below(service, map.value),
        _ => None,
    }
}

fn words(service: &Service, id: ShapeId) -> String {
    match &service.shape(id).kind {
        Kind::Structure(structure) if structure.document => "any JSON".to_owned(),
        Kind::Structure(structure) if structure.eventstream => "events".to_owned(),
        Kind::Structure(structure) if structure.union => "one of".to_owned(),
        Kind::Structure(_) => "structure".to_owned(),
        Kind::List(list) => format!("list of {}", words(service, list.member)),
        Kind::Map(map) => format!("map of {} to {}", words(service, map.key), words(service, map.value)),
        Kind::String => "string".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Integer => "integer".to_owned(),
        Kind::Long => "long".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Double => "double".to_owned(),
        Kind::Timestamp => "timestamp".to_owned(),
        Kind::Blob { .. } => "blob (base64 or @FILE)".to_owned(),
    }
}

/// What the model says of a member beside its type.
fn facts(service: &Service, structure: &Structure, member: &Member) -> String {
    let shape = service.shape(member.shape);
    let least = shape.min.filter(|min| min.value() > 0.0).map(|min| match shape.kind {
        Kind::Integer | Kind::Long | Kind::Float | Kind::Double => format!("from {min}"),
        Kind::List(_) | Kind::Map(_) => format!("at least {min} items"),
        _ => format!("at least {min} long"),
    });
    let is_stream =
        member.streaming || structure.payload == member.name && matches!(shape.kind, Kind::Blob { .. });
    let facts = [
        member.required.then(|| "required".to_owned()),
        least,
        is_stream.then(|| "the body".to_owned()),
        member.idempotency_token.then(|| "made up when not given".to_owned()),
        shape.sensitive.then(|| "secret".to_owned()),
        member.deprecated.then(|| "deprecated".to_owned()),
    ];
    facts.into_iter().flatten().fold(String::new(), |mut text, fact| {
        // Writing to a String cannot fail.
        let _ = write!(text, ", {fact}");
        text
    })
}
