//! What an `aws` activity asks for, or all that is wrong with it.

use fracas_aws::iam::actions;
use fracas_aws::model::{Kind, Operation, Service, Waiter};
use fracas_aws::{Aws, Error};
use fracas_engine::Values;
use fracas_jmespath::Expression;
use fracas_model::{ActivityKind, Node, Problem, Problems, Span};
use serde_json::{Map, Value};
use std::path::PathBuf;

use super::mistakes::{self, Place};
use super::scope::Own;
use crate::catalogue;
use crate::catalogue::Target;
use crate::text;

pub(super) const KEYS: [&str; 17] = [
    "type",
    "service",
    "operation",
    "parameters",
    "query",
    "wait",
    "paginate",
    "outfile",
    "activity",
    "arguments",
    "region",
    "profile",
    "role_arn",
    "role_session_name",
    "external_id",
    "endpoint_url",
    "secrets",
];

/// What an activity of the catalogue does by itself.
const OF_OPERATIONS: [&str; 6] = ["service", "operation", "parameters", "wait", "paginate", "outfile"];

/// What an activity asks for.
pub(crate) struct Asked {
    /// Who calls and where.
    pub(crate) own: Own,
    /// What is done.
    pub(crate) what: What,
    /// JMESPath over the result.
    pub(super) query: Option<Expression>,
}

/// What an activity does.
pub(crate) enum What {
    /// It calls an operation, or waits, or both.
    Calls(Calls),
    /// It is one of the catalogue.
    Activity(Target),
}

/// A call, and what is waited for after it: at least one of them.
pub(crate) struct Calls {
    /// The service of both.
    pub(crate) service: &'static Service<'static>,
    /// The operation that is called, and its parameters.
    pub(crate) call: Option<(&'static Operation<'static>, Value)>,
    /// Whether all pages of the result are fetched.
    pub(super) paginate: bool,
    /// The file that the body of the answer goes to.
    pub(super) outfile: Option<PathBuf>,
    /// The waiter, and its parameters.
    pub(crate) wait: Option<(&'static Waiter<'static>, Value)>,
}

impl Asked {
    /// Whether it may change anything.
    pub(crate) fn changes(&self, kind: ActivityKind) -> bool {
        match &self.what {
            What::Activity(target) => target.declaration.kind == ActivityKind::Action,
            What::Calls(calls) => calls.call.is_some() && (kind == ActivityKind::Action || calls.writes()),
        }
    }
}

impl Calls {
    /// Whether its permissions say that the operation changes something.
    pub(super) fn writes(&self) -> bool {
        let name = self.call.as_ref().map(|(operation, _)| operation.name);
        let actions = name.map(|name| actions(self.service, name)).unwrap_or_default();
        actions.iter().any(|action| !action.access.is_reading())
    }
}

/// What an activity's provider asks for; none when that cannot be told, because of the problems or of
/// what `is_open` says nobody can judge yet.
pub(crate) fn read(
    aws: &Aws,
    provider: &Node,
    kind: ActivityKind,
    values: &Values,
    is_open: fn(&Value) -> bool,
) -> (Option<Asked>, Problems) {
    let given = provider.as_map().into_iter().flatten();
    let given = given.map(|(key, entry)| (key.clone(), values.substitute(&entry.value.to_json()))).collect();
    let mut reader = Reader { aws, provider, kind, given, is_open, problems: Problems::default() };
    let asked = reader.asked();
    (asked, reader.problems)
}

struct Reader<'a> {
    aws: &'a Aws,
    provider: &'a Node,
    kind: ActivityKind,
    /// The provider's values after substitution.
    given: Map<String, Value>,
    is_open: fn(&Value) -> bool,
    problems: Problems,
}

impl Reader<'_> {
    fn asked(&mut self) -> Option<Asked> {
        let own = self.own();
        let query = self.query();
        let what = if self.has("activity") { self.activity() } else { self.calls().map(What::Calls) };
        Some(Asked { own, what: what?, query })
    }

    fn own(&mut self) -> Own {
        Own {
            region: self.text("region"),
            profile: self.text("profile"),
            role_arn: self.text("role_arn"),
            role_session_name: self.text("role_session_name"),
            external_id: self.text("external_id"),
            endpoint_url: self.endpoint_url(),
            profile_has_region: true,
        }
    }

    fn endpoint_url(&mut self) -> Option<String> {
        let url = self.text("endpoint_url")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            self.error("endpoint_url", "`endpoint_url` must begin with http:// or https://", "");
        }
        Some(url)
    }

    fn query(&mut self) -> Option<Expression> {
        let query = self.text("query")?;
        match Expression::new(&query) {
            Ok(expression) => Some(expression),
            Err(error) => {
                let node = self.provider.get("query");
                let span = node.map_or(self.provider.span, |node| within(node, &query, error.offset));
                self.tell(span, format!("this is no JMESPath: {error}"), "");
                None
            }
        }
    }

    fn activity(&mut self) -> Option<What> {
        for key in OF_OPERATIONS {
            if self.has(key) {
                let message = format!("`{key}` does not go with `activity`");
                self.error(
                    key,
                    message,
                    "an activity of the catalogue makes its own calls: use one of the two",
                );
            }
        }
        let name = self.text("activity")?;
        let (package, func) = name.split_once('.').unwrap_or((&name, ""));
        let packages = catalogue::packages();
        if !packages.contains(&package) {
            let near = text::did_you_mean(package, packages.iter().copied());
            let all = || format!("it has activities of {}", packages.join(", "));
            let help = if near.is_empty() { all() } else { near };
            self.error("activity", format!("the catalogue has no activities of `{package}`"), help);
            return None;
        }
        let kinds = [self.kind, ActivityKind::Action, ActivityKind::Probe];
        if let Some(found) = kinds.into_iter().find_map(|kind| catalogue::find(package, func, kind)) {
            return Some(What::Activity(found));
        }
        let kinds = [ActivityKind::Action, ActivityKind::Probe];
        let names: Vec<&str> = kinds.into_iter().flat_map(|kind| catalogue::names(package, kind)).collect();
        let help = match text::did_you_mean(func, names.iter().copied()) {
            near if near.is_empty() => format!("there are: {}", names.join(", ")),
            near => near,
        };
        self.error("activity", format!("the catalogue has no activity `{func}` for {package}"), help);
        None
    }

    fn calls(&mut self) -> Option<Calls> {
        self.check_shape();
        let service = self.service()?;
        let (parameters, is_sound) = self.parameters();
        // Those who wrote `arguments` meant them.
        let is_sound = is_sound && (self.has("parameters") || !self.has_arguments());
        let operation = self.operation(service);
        let wait = self.wait(service, operation, &parameters);
        let paginate = self.paginate(service, operation);
        let outfile = self.outfile(service, operation);
        if let Some(operation) = operation.filter(|_| is_sound) {
            self.check_parameters(
                service,
                operation.name,
                &parameters,
                &self.place(self.provider, "parameters"),
            );
        }
        // What was asked for, but cannot be told, is not left out.
        let told = self.has("operation") == operation.is_some() && self.has("wait") == wait.is_some();
        let call = operation.map(|operation| (operation, parameters));
        told.then_some(Calls { service, call, paginate, outfile, wait })
    }

    /// What has to be there, and what is there by mistake.
    fn check_shape(&mut self) {
        let type_span = text::place(self.provider);
        if !self.has("service") {
            let help = "name the service as boto3 does: \"service\": \"docdb\"";
            self.tell(type_span, "an aws activity needs a `service`", help);
        }
        if !self.has("operation") && !self.has("wait") {
            let help = "or a waiter under `wait`, or an activity of the catalogue under `activity`";
            self.tell(type_span, "an aws activity needs an `operation`", help);
        }
        if self.has_arguments() {
            let span = self.place(self.provider, "arguments").written.map(|(_, key_span)| key_span);
            let help = "`arguments` are those of an `activity` of the catalogue";
            let message = "what an operation takes stands under `parameters`";
            self.tell(span.unwrap_or(type_span), message, help);
        }
    }

    fn service(&mut self) -> Option<&'static Service<'static>> {
        let name = self.text("service")?;
        let found = self.aws.service(&name);
        found.map_err(|error| self.unknown("service", format!("AWS has no service `{name}`"), &error)).ok()
    }

    fn operation(&mut self, service: &'static Service<'static>) -> Option<&'static Operation<'static>> {
        let name = self.text("operation")?;
        let found = self.aws.operation(service.name, &name);
        let message = || format!("{} has no operation `{name}`", service.name);
        found
            .map(|(_, operation)| operation)
            .map_err(|error| self.unknown("operation", message(), &error))
            .ok()
    }

    /// The parameters, and whether they are an object.
    fn parameters(&mut self) -> (Value, bool) {
        match self.given.get("parameters") {
            None | Some(Value::Null) => (Value::Object(Map::new()), true),
            Some(object @ Value::Object(_)) => (object.clone(), true),
            Some(other) => {
                let other = other.clone();
                if !(self.is_open)(&other) {
                    let message =
                        format!("`parameters` must be an object, got {}", Node::from(&other).kind());
                    self.error("parameters", message, "");
                }
                (other, false)
            }
        }
    }

    fn paginate(&mut self, service: &Service<'_>, operation: Option<&Operation<'_>>) -> bool {
        match self.given.get("paginate").cloned() {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => {
                match operation {
                    Some(operation) if service.paginator(operation.name).is_none() => {
                        let message = format!("`{}` does not list in pages", operation.name);
                        self.error("paginate", message, "leave `paginate` out");
                    }
                    None if !self.has("operation") => {
                        self.error("paginate", "`paginate` needs an `operation` that lists in pages", "");
                    }
                    _ => {}
                }
                true
            }
            Some(other) if (self.is_open)(&other) => false,
            Some(other) => {
                let message = format!("`paginate` must be true or false, got {}", Node::from(&other).kind());
                self.error("paginate", message, "");
                false
            }
        }
    }

    /// The file, whose name may begin with `@` as those that parameters are read from.
    fn outfile(&mut self, service: &Service<'_>, operation: Option<&Operation<'_>>) -> Option<PathBuf> {
        let name = self.text("outfile")?;
        match operation {
            Some(operation) if operation.body_member(service).is_none() => {
                let message = format!("`{}` answers without a body that could go to a file", operation.name);
                self.error("outfile", message, "leave `outfile` out");
            }
            None if !self.has("operation") => {
                self.error("outfile", "`outfile` needs an `operation` that answers with a body", "");
            }
            _ => {}
        }
        Some(PathBuf::from(name.strip_prefix('@').unwrap_or(&name)))
    }

    /// The waiter and what it is asked about: the parameters of its own, else those of the call that it
    /// takes as well, else the activity's.
    fn wait(
        &mut self,
        service: &'static Service<'static>,
        operation: Option<&'static Operation<'static>>,
        parameters: &Value,
    ) -> Option<(&'static Waiter<'static>, Value)> {
        let provider = self.provider;
        let node = provider.get("wait").filter(|_| self.has("wait"))?;
        let (name, name_span, own) = self.wait_parts(node)?;
        let waiter = match self.aws.waiter(service.name, &name) {
            Ok(waiter) => waiter,
            Err(error) => {
                let help = error.help().unwrap_or_else(|| waiters(service));
                self.tell(name_span, format!("{} has no waiter `{name}`", service.name), help);
                return None;
            }
        };
        if let Some(own) = own {
            self.check_parameters(service, waiter.operation, &own, &self.place(node, "parameters"));
            return Some((waiter, own));
        }
        let mut place = self.place(provider, "parameters");
        if !self.has("operation") {
            if parameters.is_object() {
                self.check_parameters(service, waiter.operation, parameters, &place);
            }
            return Some((waiter, parameters.clone()));
        }
        let shared = shared(service, waiter, parameters);
        if operation.is_some() && parameters.is_object() && shared.as_object().is_some_and(Map::is_empty) {
            let message =
                format!("`{}` asks {}, which takes none of these parameters", waiter.name, waiter.operation);
            let help = format!("say what to wait for: {{\"waiter\": \"{name}\", \"parameters\": {{...}}}}");
            self.tell(name_span, message, help);
        } else if operation.is_some() {
            place = Place { written: None, otherwise: name_span };
            self.check_missing(service, waiter, &shared, &place);
        }
        Some((waiter, shared))
    }

    /// The name under `wait`, where it stands, and the waiter's own parameters.
    fn wait_parts(&mut self, node: &Node) -> Option<(String, Span, Option<Value>)> {
        let wait = self.given.get("wait").cloned().unwrap_or_default();
        let (name, own, name_span) = match &wait {
            Value::Object(map) => {
                text::check_keys(node, "the wait of an aws", &["waiter", "parameters"], &mut self.problems);
                let span = node
                    .get("waiter")
                    .map_or(Span::new(node.span.start, node.span.start + 1), |node| node.span);
                let own = map.get("parameters").filter(|own| !own.is_null());
                (map.get("waiter").cloned().unwrap_or_default(), own, span)
            }
            other => (other.clone(), None, node.span),
        };
        if let Some(other) = own.filter(|own| !own.is_object() && !(self.is_open)(own)) {
            let message = format!("`parameters` must be an object, got {}", Node::from(other).kind());
            let span = node.get("parameters").map_or(node.span, |node| node.span);
            self.tell(span, message, "");
        }
        match name {
            name if (self.is_open)(&name) => None,
            Value::String(name) => Some((name, name_span, own.cloned())),
            _ => {
                let help =
                    "write \"wait\": \"db_cluster_available\", or {\"waiter\": ..., \"parameters\": {...}}";
                self.tell(name_span, "`wait` must name a waiter", help);
                None
            }
        }
    }

    /// Holds parameters against the model, but for what nobody can judge yet.
    fn check_parameters(
        &mut self,
        service: &Service<'_>,
        operation: &str,
        parameters: &Value,
        place: &Place<'_>,
    ) {
        if !parameters.is_object() {
            return;
        }
        match self.aws.mistakes(service.name, operation, parameters) {
            Ok(mistakes) => {
                for mistake in mistakes {
                    let value = mistakes::found(parameters, &mistake.path);
                    if !value.is_some_and(|value| value.is_string() && (self.is_open)(value)) {
                        self.problems.push(mistakes::problem(&mistake, operation, parameters, place));
                    }
                }
            }
            Err(_) if (self.is_open)(parameters) => {}
            Err(error) => {
                let span = place.written.map_or(place.otherwise, |(_, key_span)| key_span);
                // The first line only says that there are others.
                let text = error.to_string();
                let line = text.lines().last().unwrap_or_default().trim_end();
                self.tell(span, line, error.help().unwrap_or_default());
            }
        }
    }

    /// What a waiter needs and the call's parameters have not; the rest is told of the call.
    fn check_missing(
        &mut self,
        service: &Service<'_>,
        waiter: &Waiter<'_>,
        shared: &Value,
        place: &Place<'_>,
    ) {
        let mistakes = self.aws.mistakes(service.name, waiter.operation, shared).unwrap_or_default();
        for mistake in mistakes.iter().filter(|mistake| mistake.path.is_empty()) {
            self.problems.push(mistakes::problem(mistake, waiter.operation, shared, place));
        }
    }

    /// Where parameters stand under a key.
    fn place<'n>(&self, around: &'n Node, key: &str) -> Place<'n> {
        let entry = around.as_map().and_then(|map| map.get(key)).filter(|entry| !entry.value.is_null());
        let called = ["operation", "wait"].into_iter().find_map(|key| self.provider.get(key));
        Place {
            written: entry.map(|entry| (&entry.value, entry.key_span)),
            otherwise: called.map_or(self.provider.span, |node| node.span),
        }
    }

    /// Whether there are arguments, which only activities of the catalogue take.
    fn has_arguments(&self) -> bool {
        self.has("arguments") && self.given.get("arguments") != Some(&Value::Object(Map::new()))
    }

    fn has(&self, key: &str) -> bool {
        self.given.get(key).is_some_and(|value| !value.is_null())
    }

    /// The text under a key; none when there is none, or nobody can tell it yet.
    fn text(&mut self, key: &str) -> Option<String> {
        match self.given.get(key)? {
            Value::Null => None,
            open if (self.is_open)(open) => None,
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            other => {
                let kind = match other {
                    Value::String(_) => "an empty one",
                    other => Node::from(other).kind(),
                };
                self.error(key, format!("`{key}` must be a string, got {kind}"), "");
                None
            }
        }
    }

    fn unknown(&mut self, key: &str, message: String, error: &Error) {
        self.error(key, message, error.help().unwrap_or_default());
    }

    /// Something wrong with the value under a key.
    fn error(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let span = self.provider.get(key).map_or(self.provider.span, |node| node.span);
        self.tell(span, message, help);
    }

    fn tell(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::error(span, message).help(help));
    }
}

/// The place of a character of a text, where the text stands as it is; else that of all of it.
fn within(node: &Node, text: &str, offset: usize) -> Span {
    let Span { start, end } = node.span;
    let quotes = (end - start).saturating_sub(text.len());
    if node.as_str() != Some(text) || !matches!(quotes, 0 | 2) {
        return node.span;
    }
    let length = text.get(offset..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    let at = start + quotes / 2 + offset;
    Span::new(at, (at + length).min(end))
}

/// The parameters of a call that a waiter takes as well.
fn shared(service: &'static Service<'static>, waiter: &Waiter<'_>, parameters: &Value) -> Value {
    let input = service.operation(waiter.operation).and_then(|operation| operation.input);
    let members = match input.map(|input| &service.shape(input).kind) {
        Some(Kind::Structure(input)) => input.members.as_slice(),
        _ => &[],
    };
    let given = parameters.as_object().into_iter().flatten();
    let taken = given.filter(|(key, _)| members.iter().any(|member| member.name == *key));
    Value::Object(taken.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn waiters(service: &Service<'_>) -> String {
    let names: Vec<&str> = service.waiters.iter().map(|waiter| waiter.name).collect();
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
}
