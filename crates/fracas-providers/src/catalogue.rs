//! AWS activities as data: what each takes, the calls that it makes, and what it gives.
//!
//! Files of `catalogue/aws` are compiled in and read when an experiment first needs them. The
//! language in one sentence: a text that starts with `$` is JMESPath over the arguments and
//! earlier results, anything else is literal, and a key whose value is null is left out.
//!
//! To add an activity, write it in the file of its service; tests hold every file against the
//! services' models. A new file also needs its line in `FILES`.

pub(crate) mod arguments;
mod expression;
pub(crate) mod play;
mod read;
mod verify;

use std::sync::OnceLock;

use fracas_aws::Aws;
use fracas_aws::iam::prefix_name;
use fracas_aws::model::Service;
use fracas_model::{ActivityKind, Span};
use indexmap::IndexMap;
use serde_json::Value;

pub use expression::Template;
pub use verify::verify;

/// The files, by the package of chaosaws whose activities they declare.
static FILES: [File; 1] = [File::new("docdb", include_str!("../../../catalogue/aws/docdb.yaml"))];

/// A file of the catalogue.
pub struct File {
    /// The package, such as `docdb` for `chaosaws.docdb.actions`.
    pub package: &'static str,
    text: &'static str,
    read: OnceLock<Catalogue>,
}

impl File {
    const fn new(package: &'static str, text: &'static str) -> File {
        File { package, text, read: OnceLock::new() }
    }

    /// What the file declares.
    pub fn catalogue(&self) -> &Catalogue {
        // A test reads every file, so that the ones inside the binary can be read.
        self.read.get_or_init(|| read::read(self.text).expect("the built-in catalogue can be read"))
    }
}

/// The file of a package.
pub fn file(package: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.package == package)
}

/// What is declared for a service, or for another with the same permissions.
pub(crate) fn of_prefix(service: &Service<'_>) -> Option<&'static Catalogue> {
    let prefix_of = |catalogue: &Catalogue| Aws::new().service(&catalogue.service).ok().and_then(prefix_name);
    let all = || FILES.iter().map(File::catalogue);
    let same = all().find(|catalogue| catalogue.service == service.name);
    same.or_else(|| {
        let prefix = prefix_name(service)?;
        all().find(|catalogue| prefix_of(catalogue) == Some(prefix))
    })
}

/// The packages that have a file.
pub fn packages() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|file| file.package)
}

/// What a file declares: the activities of one service.
#[derive(Debug)]
pub struct Catalogue {
    /// The service, as boto3 calls it.
    pub service: String,
    /// By resource type of the service's permissions: what names a resource.
    pub resources: IndexMap<String, ResourceName>,
    /// In the file's order.
    pub activities: Vec<Declaration>,
}

impl Catalogue {
    /// The activity of this name.
    pub fn activity(&self, name: &str, kind: ActivityKind) -> Option<&Declaration> {
        self.activities.iter().find(|activity| activity.name == name && activity.kind == kind)
    }

    /// The names of all activities of a kind.
    pub fn names(&self, kind: ActivityKind) -> impl Iterator<Item = &str> {
        self.activities
            .iter()
            .filter(move |activity| activity.kind == kind)
            .map(|activity| activity.name.as_str())
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
    /// What it takes, in the file's order.
    pub arguments: Vec<Argument>,
    /// What it does, in order. Without a `return` the output is the last call's answer.
    pub steps: Vec<Step>,
    /// What an error of AWS is wrapped in; `error` is bound to it.
    pub fails_with: Option<Template>,
    /// Where its name stands.
    pub span: Span,
}

/// An argument of an activity.
#[derive(Debug, PartialEq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Other names that experiments may use for it.
    pub aliases: Vec<String>,
    /// What its value has to be.
    pub kind: ArgumentKind,
    /// Whether it must be given.
    pub required: bool,
    /// What it is for.
    pub doc: String,
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// text
    String,
    /// whole number
    Integer,
    /// true or false
    Boolean,
    /// list of anything
    List,
    /// object of anything
    Object,
}

impl ArgumentKind {
    /// All kinds, as files write them, with the words for users.
    const ALL: [(ArgumentKind, &'static str, &'static str); 5] = [
        (ArgumentKind::String, "string", "a string"),
        (ArgumentKind::Integer, "integer", "an integer"),
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

    /// Whether the value is of this kind.
    fn takes(self, value: &Value) -> bool {
        match self {
            ArgumentKind::String => value.is_string(),
            ArgumentKind::Integer => value.is_i64() || value.is_u64(),
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
    /// Where it stands.
    pub span: Span,
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
    /// Fails when the condition does not hold.
    Check(Template),
    /// Ends the activity with this output.
    Return(Template),
}

/// What is asked of a service.
#[derive(Debug)]
pub struct Request {
    /// The operation, or the waiter.
    pub name: String,
    /// An object of parameters.
    pub parameters: Template,
    /// Where the parameters stand.
    pub span: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_agrees_with_the_models() {
        for file in &FILES {
            let found = match read::read(file.text) {
                Ok(catalogue) => verify(&catalogue),
                Err(problems) => problems,
            };
            let lines = crate::testing::lines(file.text, &found);
            assert_eq!(lines, "", "catalogue/aws/{}.yaml", file.package);
        }
    }
}
