//! AWS activities as data: what each takes, the calls that it makes, and what it gives.
//!
//! Files of `catalogue/aws` are compiled in and read when an experiment first needs them. The
//! language in one sentence: a text that starts with `$` is JMESPath over the arguments and
//! earlier results, anything else is literal, and a key whose value is null is left out.
//!
//! To add an activity, write it in the file of its service, or in a new one; tests hold every file
//! against the services' models.

pub(crate) mod arguments;
mod choice;
mod expression;
pub(crate) mod foresee;
mod functions;
mod members;
pub(crate) mod notes;
mod own;
pub(crate) mod play;
mod progress;
mod read;
mod schema;
mod sure;
mod targets;
mod verify;

use std::ops::Deref;
use std::sync::OnceLock;

use fracas_aws::Aws;
use fracas_aws::iam::{self, prefix_name};
use fracas_aws::model::Service;
use fracas_model::{ActivityKind, Span};
use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use expression::Template;
pub use own::{check, count as own_count, take_in};
pub use schema::schema;
use verify::verify;

// `static FILES: [File; N]`: one for each file of `catalogue/aws`, by the package of chaosaws whose
// activities it declares.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file of the catalogue.
struct File {
    /// The package, such as `docdb` for `chaosaws.docdb.actions`.
    package: &'static str,
    /// As JSON, with the place of the steps of each activity.
    text: &'static str,
    /// The steps, as texts of JSON.
    steps: &'static str,
    read: OnceLock<Catalogue>,
}

impl File {
    const fn new(package: &'static str, text: &'static str, steps: &'static str) -> File {
        File { package, text, steps, read: OnceLock::new() }
    }

    /// One of the user's, which stays until the program ends.
    fn own(package: &str, catalogue: Catalogue) -> File {
        File {
            package: String::leak(package.to_owned()),
            text: "",
            steps: "",
            read: OnceLock::from(catalogue),
        }
    }

    /// What the file declares.
    fn catalogue(&self) -> &Catalogue {
        // A test reads every file, so that the ones inside the binary can be read.
        self.read
            .get_or_init(|| read::inside(self.text, self.steps).expect("the built-in catalogue can be read"))
    }
}

/// All files, the user's own first.
fn files() -> impl Iterator<Item = &'static File> {
    own::files().chain(&FILES)
}

/// An activity, and the file it is declared in.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The file's name, such as `docdb`.
    pub package: &'static str,
    /// The file.
    pub catalogue: &'static Catalogue,
    /// The activity.
    pub declaration: &'static Declaration,
}

/// A call that an activity may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service, as boto3 calls it.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Whether it may change something.
    pub changes: bool,
}

/// A call that may change something.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// The service, as boto3 calls it.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Its parameters, as far as they are known; null where it is not known whether it is called.
    pub parameters: Value,
    /// The ARNs of what it concerns; `*` stands for what is not known.
    pub resources: Vec<String>,
}

impl Target {
    /// Its name, such as `docdb.stop_db_cluster`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.package, self.declaration.name)
    }

    /// The module of chaosaws that has it, such as `chaosaws.docdb.actions`.
    pub fn module(&self) -> String {
        let kind = self.declaration.kind.title().to_lowercase();
        format!("chaosaws.{}.{kind}s", self.package)
    }

    /// The activity that undoes it, such as `ec2.start_instances`.
    pub fn undo(&self) -> Option<String> {
        let undo = self.declaration.undo.as_ref()?;
        Some(if undo.contains('.') { undo.clone() } else { format!("{}.{undo}", self.package) })
    }

    /// Whether it is one inside the binary.
    pub(crate) fn is_built_in(&self) -> bool {
        let mut read = FILES.iter().filter_map(|file| file.read.get());
        read.any(|catalogue| std::ptr::eq(catalogue, self.catalogue))
    }

    /// The calls that it may make, each once, in the order of the file.
    pub fn calls(&self) -> Vec<Call> {
        let aws = Aws::new();
        let mut calls = Vec::new();
        let arguments = self.declaration.arguments.iter();
        let any = arguments.map(|argument| (argument.name.clone(), Value::Null)).collect();
        for request in self.declaration.requests(&any, &|_| true) {
            let service = request.service.as_deref().unwrap_or(&self.catalogue.service);
            let Ok(model) = aws.service(service) else { continue };
            let operation =
                model.waiter(&request.name).map_or(request.name.as_str(), |waiter| waiter.operation);
            let changes = iam::changes(model, operation);
            let call = Call { service: service.to_owned(), operation: operation.to_owned(), changes };
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls
    }
}

/// All activities, file by file; none that another one replaces.
pub fn all() -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    for file in files() {
        let catalogue = file.catalogue();
        for declaration in &catalogue.activities {
            let one = Target { package: file.package, catalogue, declaration };
            let is_hidden = |known: &Target| {
                known.package == one.package
                    && known.declaration.name == declaration.name
                    && known.declaration.kind == declaration.kind
            };
            if !found.iter().any(is_hidden) {
                found.push(one);
            }
        }
    }
    found
}

/// An activity by its file, its name and its kind.
pub fn find(package: &str, name: &str, kind: ActivityKind) -> Option<Target> {
    files().filter(|file| file.package == package).find_map(|file| {
        let catalogue = file.catalogue();
        let declaration = catalogue.activity(name, kind)?;
        Some(Target { package: file.package, catalogue, declaration })
    })
}

/// The names of the activities of a package, of a kind.
pub fn names(package: &str, kind: ActivityKind) -> Vec<&'static str> {
    let of_package = files().filter(|file| file.package == package);
    let declared = of_package.flat_map(|file| &file.catalogue().activities);
    declared.filter(|activity| activity.kind == kind).map(|activity| activity.name.as_str()).collect()
}

/// What is declared for a service, or for another with the same permissions.
pub(crate) fn of_prefix(service: &Service<'_>) -> Option<&'static Catalogue> {
    let prefix_of = |catalogue: &Catalogue| Aws::new().service(&catalogue.service).ok().and_then(prefix_name);
    let all = || files().map(File::catalogue);
    let same = all().find(|catalogue| catalogue.service == service.name);
    same.or_else(|| {
        let prefix = prefix_name(service)?;
        all().find(|catalogue| prefix_of(catalogue) == Some(prefix))
    })
}

/// The packages that have a file, each once.
pub fn packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = files().map(|file| file.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// What a file declares: the activities of one service.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The service, as boto3 calls it.
    pub service: String,
    /// Where that stands.
    pub service_span: Span,
    /// By resource type of the service's permissions: what names a resource.
    pub resources: IndexMap<String, ResourceName>,
    /// In the file's order.
    pub activities: Vec<Declaration>,
}

impl Catalogue {
    /// The activity of this name.
    fn activity(&self, name: &str, kind: ActivityKind) -> Option<&Declaration> {
        self.activities.iter().find(|activity| activity.name == name && activity.kind == kind)
    }
}

/// What names a resource of some type.
#[derive(Debug)]
pub struct ResourceName {
    /// The parameter of the calls.
    pub parameter: String,
    /// AWS keeps the names in lower case.
    pub lower_case: bool,
}

/// An activity.
#[derive(Debug)]
pub struct Declaration {
    /// Its name, as experiments write it under `func`.
    pub name: String,
    /// Whether it changes the system or only looks.
    pub kind: ActivityKind,
    /// What it does, in a line.
    pub summary: String,
    /// The activity that undoes it, of the same file or with the name of its own.
    pub undo: Option<String>,
    /// Whether it takes the place of one inside the binary.
    pub replaces: bool,
    /// Whether discoveries show it. Some functions of chaosaws can be called but are not exported.
    pub exported: bool,
    /// The type of its output as discoveries name it, where the function that it stands for tells.
    pub returns: Option<String>,
    /// What it takes, in the file's order.
    pub arguments: Vec<Argument>,
    /// What it does, in order. Without a `return` the output is the last call's answer.
    pub steps: Steps,
    /// Where its name stands.
    pub span: Span,
}

/// The steps of an activity. Those of a file inside the binary are read when they are first needed.
#[derive(Debug)]
pub struct Steps {
    /// As JSON, where they have not been read at once.
    text: &'static str,
    read: OnceLock<Body>,
}

/// What an activity does, and what it says when that fails.
#[derive(Debug, Default)]
struct Body {
    steps: Vec<Step>,
    fails_with: Option<Template>,
}

impl Steps {
    fn now(body: Body) -> Steps {
        Steps { text: "", read: OnceLock::from(body) }
    }

    fn later(text: &'static str) -> Steps {
        Steps { text, read: OnceLock::new() }
    }

    fn body(&self) -> &Body {
        self.read.get_or_init(|| read::body(self.text))
    }

    /// What an error of AWS is wrapped in; `error` is bound to it.
    pub fn fails_with(&self) -> Option<&Template> {
        self.body().fails_with.as_ref()
    }
}

impl Deref for Steps {
    type Target = [Step];

    fn deref(&self) -> &[Step] {
        &self.body().steps
    }
}

/// An argument of an activity.
#[derive(Debug, PartialEq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Other names that experiments may use for it.
    pub aliases: Vec<String>,
    /// What its value has to be: one of these.
    pub kinds: Vec<ArgumentKind>,
    /// What else will do, though discoveries do not name it.
    pub accepts: Vec<ArgumentKind>,
    /// Whether it must be given.
    pub required: bool,
    /// The arguments any of which stands in for it where it must be given.
    pub unless: Vec<String>,
    /// An empty text or list is a value like any other, and not the same as none.
    pub keep_empty: bool,
    /// What is said where it is null or an empty text though it must be given.
    pub or_fail: Option<String>,
    /// What it is when it is not given.
    pub default: Option<Value>,
    /// What it is for.
    pub doc: String,
    /// Whether discoveries show it.
    pub exported: bool,
    /// Whether it is one that fracas adds, which discoveries leave out.
    pub added: bool,
    /// Where its name stands.
    pub span: Span,
}

impl Argument {
    /// What every activity that draws at random takes.
    fn seed() -> Argument {
        let doc = "Draws the same again: a seed that a journal tells.";
        Argument::added(play::SEED, &[ArgumentKind::Integer], doc)
    }

    /// An optional one that the file does not name.
    fn added(name: &str, kinds: &[ArgumentKind], doc: &str) -> Argument {
        Argument {
            name: name.to_owned(),
            aliases: Vec::new(),
            kinds: kinds.to_vec(),
            accepts: Vec::new(),
            required: false,
            unless: Vec::new(),
            keep_empty: false,
            or_fail: None,
            default: None,
            doc: doc.to_owned(),
            exported: true,
            added: true,
            span: Span::default(),
        }
    }
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// text
    String,
    /// whole number
    Integer,
    /// number with or without a fraction
    Number,
    /// true or false
    Boolean,
    /// list of anything
    List,
    /// object of anything
    Object,
}

impl ArgumentKind {
    /// All kinds, as files write them, with the words for users.
    const ALL: [(ArgumentKind, &'static str, &'static str); 6] = [
        (ArgumentKind::String, "string", "a string"),
        (ArgumentKind::Integer, "integer", "an integer"),
        (ArgumentKind::Number, "number", "a number"),
        (ArgumentKind::Boolean, "boolean", "a boolean"),
        (ArgumentKind::List, "list", "a list"),
        (ArgumentKind::Object, "object", "an object"),
    ];

    /// The kind that files write this way.
    fn from_name(name: &str) -> Option<ArgumentKind> {
        ArgumentKind::ALL.iter().find(|(_, known, _)| *known == name).map(|(kind, ..)| *kind)
    }

    /// What a user would call a value of this kind.
    pub fn words(self) -> &'static str {
        ArgumentKind::ALL.iter().find(|(kind, ..)| *kind == self).map_or("a value", |(_, _, words)| words)
    }

    /// A value of this kind, to show how one is written.
    pub fn example(self) -> Value {
        match self {
            ArgumentKind::String => "...".into(),
            ArgumentKind::Integer | ArgumentKind::Number => 1.into(),
            ArgumentKind::Boolean => true.into(),
            ArgumentKind::List => Value::Array(vec!["...".into()]),
            ArgumentKind::Object => Value::Object(Map::new()),
        }
    }

    /// Whether the value is of this kind.
    fn takes(self, value: &Value) -> bool {
        match self {
            ArgumentKind::String => value.is_string(),
            ArgumentKind::Integer => value.is_i64() || value.is_u64(),
            ArgumentKind::Number => value.is_number(),
            ArgumentKind::Boolean => value.is_boolean(),
            ArgumentKind::List => value.is_array(),
            ArgumentKind::Object => value.is_object(),
        }
    }
}

/// A step of an activity.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub verb: Verb,
    /// The step is left out when this is false, null or empty.
    pub when: Option<Template>,
    /// The name that later steps know its result by.
    pub result: Option<String>,
    /// A line for the console, once the step is done.
    pub log: Option<Template>,
    /// Why the activity fails when a check does not hold or nothing is found.
    pub or_fail: Option<Template>,
    /// What an error of AWS is wrapped in, in place of the activity's own `fails_with`.
    pub fails_with: Option<Template>,
    /// Codes of errors that do not matter: the step's result is null then. `any` stands for all.
    pub catch: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

impl Step {
    fn of(verb: Verb, span: Span) -> Step {
        Step {
            verb,
            when: None,
            result: None,
            log: None,
            or_fail: None,
            fails_with: None,
            catch: Vec::new(),
            span,
        }
    }
}

/// What a step does.
#[derive(Debug)]
pub enum Verb {
    /// One call; its result is the answer.
    Call(Request),
    /// A listing to its last page; its result is the list.
    Find(Request),
    /// Polls until a waiter of the service is content; its result is the last answer.
    Wait(Request),
    /// Draws items of a list, and records which; its result is the list of them.
    Pick(Pick),
    /// Keeps the resources that the arguments select, or draws some of them; its result is the list of them.
    Choose(Choose),
    /// Does steps for each item of a list; its result is the list of what they give.
    Each(Each),
    /// Does steps again and again until something holds; its result is how many seconds that took.
    Until(Until),
    /// Fails when the condition does not hold.
    Check(Template),
    /// Its result is this value.
    Set(Template),
    /// Does nothing for so many seconds.
    Pause(Template),
    /// A warning for the console.
    Warn(Template),
    /// Ends the activity with this output.
    Return(Template),
}

/// What is asked of a service.
#[derive(Debug)]
pub struct Request {
    /// The service, where it is not the file's.
    pub service: Option<String>,
    /// The operation, or the waiter.
    pub name: String,
    /// An object of parameters.
    pub parameters: Template,
    /// Whether an answer has its lists to their last pages.
    pub all_pages: bool,
    /// Where the parameters stand.
    pub span: Span,
}

/// Which items are drawn. Without a count and a percentage it is one.
#[derive(Debug)]
pub struct Pick {
    /// The items.
    pub from: Template,
    /// How many.
    pub count: Option<Template>,
    /// How many of a hundred, rounded down.
    pub percent: Option<Template>,
}

/// Which of the resources that were found are the targets.
#[derive(Debug)]
pub struct Choose {
    /// The resources.
    pub from: Template,
    /// What to call them, such as `subnets`.
    pub kind: String,
    /// The argument that names some of them.
    pub ids: Option<String>,
    /// Arguments that were looked for already, such as `filters`.
    pub by: Vec<String>,
    /// The id of an `item`.
    pub id: Template,
    /// Which of the items have the tags asked for.
    pub tagged: Option<Tagged>,
    /// The availability zone of an `item`.
    pub zone: Option<Template>,
    /// Whether all are the targets where no argument selects any.
    pub all: bool,
    /// Where it stands.
    pub span: Span,
}

/// How resources are known by their tags.
#[derive(Debug)]
pub enum Tagged {
    /// The tags of an `item`.
    Inside(Template),
    /// What the Resource Groups Tagging API calls such resources, and the ARN of an `item`.
    Listed {
        /// Such as `rds:cluster`.
        kind: String,
        /// The ARN.
        arn: Template,
    },
}

/// What is done for each item of a list.
#[derive(Debug)]
pub struct Each {
    /// The items.
    pub list: Template,
    /// The name that the steps know the item by.
    pub item: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// What the steps give for the item; nothing where this is null.
    pub give: Option<Template>,
}

/// What is waited for.
#[derive(Debug)]
pub struct Until {
    /// What has to hold.
    pub condition: Template,
    /// What is done before each look at the condition.
    pub steps: Vec<Step>,
    /// Seconds between two looks.
    pub every: Template,
    /// Seconds after which the result is null.
    pub timeout: Template,
}

impl Declaration {
    /// What it may ask AWS with these arguments, in the order of the file: all but steps that are
    /// surely left out. `is_open` tells values that nobody can judge yet.
    pub(crate) fn requests(
        &self,
        arguments: &Map<String, Value>,
        is_open: &dyn Fn(&Value) -> bool,
    ) -> Vec<&Request> {
        let is_known =
            |name: &str| self.argument(name).is_some() && !arguments.get(name).is_some_and(is_open);
        let is_left_out = |step: &Step| {
            let known = |when: &&Template| when.names().into_iter().all(is_known);
            step.when.as_ref().filter(known).is_some_and(|when| when.holds(arguments) == Ok(false))
        };
        let mut found = Vec::new();
        collect(&self.steps, &is_left_out, &mut found);
        found
    }
}

fn collect<'s>(steps: &'s [Step], is_left_out: &dyn Fn(&Step) -> bool, found: &mut Vec<&'s Request>) {
    for step in steps.iter().filter(|step| !is_left_out(step)) {
        found.extend(step.verb.request());
        collect(step.verb.steps(), is_left_out, found);
    }
}

impl Verb {
    /// What it asks of a service.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Verb::Call(request) | Verb::Find(request) | Verb::Wait(request) => Some(request),
            _ => None,
        }
    }

    /// The steps within it.
    pub fn steps(&self) -> &[Step] {
        match self {
            Verb::Each(each) => &each.steps,
            Verb::Until(until) => &until.steps,
            _ => &[],
        }
    }

    /// What it is given, in the order in which it is evaluated.
    fn templates(&self) -> Vec<&Template> {
        match self {
            Verb::Call(request) | Verb::Find(request) | Verb::Wait(request) => vec![&request.parameters],
            Verb::Pick(pick) => {
                [Some(&pick.from), pick.count.as_ref(), pick.percent.as_ref()].into_iter().flatten().collect()
            }
            Verb::Choose(choose) => vec![&choose.from],
            Verb::Each(each) => vec![&each.list],
            Verb::Until(until) => vec![&until.every, &until.timeout],
            Verb::Check(template)
            | Verb::Set(template)
            | Verb::Pause(template)
            | Verb::Warn(template)
            | Verb::Return(template) => vec![template],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_agrees_with_the_models() {
        for file in &FILES {
            let path = format!("{}/../../catalogue/aws/{}.yaml", env!("CARGO_MANIFEST_DIR"), file.package);
            let text = std::fs::read_to_string(&path).unwrap();
            let (outside, mut found) = read::read(&text).unwrap();
            let is_action = |package: &str, name: &str| find(package, name, ActivityKind::Action).is_some();
            found.0.append(&mut verify(&outside, &is_action).0);
            assert_eq!(crate::testing::lines(&text, &found), "", "{path}");
            let inside = file.catalogue();
            let names = |catalogue: &Catalogue| {
                let activity = |activity: &Declaration| {
                    let arguments = activity.arguments.iter().map(|argument| argument.name.clone());
                    (activity.name.clone(), arguments.collect::<Vec<_>>(), activity.steps.len())
                };
                catalogue.activities.iter().map(activity).collect::<Vec<_>>()
            };
            assert_eq!(names(inside), names(&outside), "{path}");
        }
    }
}
