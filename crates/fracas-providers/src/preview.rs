//! What an activity would do, found out by reading only: no call that may change anything is sent.

use std::cell::RefCell;
use std::io;

use fracas_aws::Aws;
use fracas_engine::{Changes, Stop, Tell, Values};
use fracas_model::{Activity, Choice, Level, Node};
use serde_json::Value;

use crate::aws::{Calls, Native, Own, What, arguments, as_map};
use crate::catalogue::arguments::bind;
use crate::catalogue::notes::Notes;
use crate::catalogue::play::Player;
use crate::catalogue::{Call, PlannedCall, Target};
use crate::iam;
use crate::text::is_open;

/// What an activity would do if it were carried out now.
#[derive(Debug, Default)]
pub struct Preview {
    /// What carries it out, in a few words.
    pub does: String,
    /// The calls that only read; those of declared activities have been made.
    pub looks: Vec<String>,
    /// The calls that may change something, in order. None of them has been made.
    pub calls: Vec<PlannedCall>,
    /// The targets; what is drawn, the run draws anew unless it is given a seed.
    pub choices: Vec<Choice>,
    /// What cannot be known yet.
    pub unknown: Vec<String>,
    /// Why it would fail.
    pub fails: Option<String>,
    /// The activity that undoes it.
    pub undo: Option<String>,
}

/// What an activity would do with these values.
pub async fn preview(activity: &Activity, values: &Values) -> Preview {
    let native = Native::new(Aws::new(), |name| std::env::var(name).ok());
    match iam::what(&native, activity, values) {
        Ok(Some((own, What::Activity(target)))) => declared(&native, activity, &own, &target, values).await,
        Ok(Some((own, What::Calls(calls)))) => of_calls(&native, &own, &calls, values),
        Ok(None) => foreign(activity, values),
        Err(problems) => {
            let unknown = problems.0.into_iter().map(|problem| problem.message).collect();
            Preview { unknown, ..foreign(activity, values) }
        }
    }
}

/// Plays an activity of the catalogue without its changes.
async fn declared(
    native: &Native,
    activity: &Activity,
    own: &Own,
    target: &Target,
    values: &Values,
) -> Preview {
    let mut preview = Preview { does: target.name(), undo: target.undo(), ..Preview::default() };
    let given = as_map(values.substitute_arguments(&arguments(&activity.provider)));
    let open: Vec<&str> =
        given.iter().filter(|(_, value)| is_open(value)).map(|(name, _)| name.as_str()).collect();
    if !open.is_empty() {
        preview.unknown.push(format!("what it acts on: {} is known in the run only", open.join(", ")));
        return of_names(preview, target);
    }
    let scope = match native.scope(&activity.provider, own, values) {
        Ok(scope) => scope,
        Err(failure) => return Preview { fails: Some(failure.error), ..preview },
    };
    let bound = match bind(target.declaration, &given, &|_| false) {
        Ok(bound) => bound,
        Err(mistakes) => {
            let fails = mistakes.into_iter().map(|mistake| mistake.message).collect::<Vec<_>>().join("; ");
            return Preview { fails: Some(fails), ..preview };
        }
    };
    let (ears, notes) = (Ears::default(), RefCell::new(Notes::default()));
    let service = &target.catalogue.service;
    let player = Player { aws: &native.aws, scope: &scope, service, tell: &ears, notes: Some(&notes) };
    let played = player.play(target.declaration, bound).await;
    let notes = notes.into_inner();
    preview.choices = ears.0.into_inner();
    preview.unknown.extend(notes.unknown);
    preview.looks = notes.looks;
    let place = native.region(own, values).unwrap_or_default();
    preview.calls = notes.calls.into_iter().map(|call| with_resources(&native.aws, call, &place)).collect();
    match played {
        Err(failure) if preview.calls.is_empty() && preview.unknown.is_empty() => {
            preview.fails = Some(failure.error);
        }
        // The answer that is missing may be why.
        Err(_) => preview.unknown.push("what follows from that".to_owned()),
        Ok(_) => {}
    }
    preview
}

/// The calls that an activity may make, where nobody knows what it acts on.
fn of_names(mut preview: Preview, target: &Target) -> Preview {
    let (calls, looks): (Vec<_>, Vec<_>) = target.calls().into_iter().partition(|call| call.changes);
    preview.looks = looks.into_iter().map(|call| call.operation).collect();
    let planned = |call: Call| PlannedCall {
        service: call.service,
        operation: call.operation,
        parameters: Value::Null,
        resources: Vec::new(),
    };
    preview.calls = calls.into_iter().map(planned).collect();
    preview
}

fn with_resources(aws: &Aws, mut call: PlannedCall, region: &str) -> PlannedCall {
    if let Ok(service) = aws.service(&call.service) {
        call.resources = iam::resources_of(service, &call.operation, &call.parameters, region);
    }
    call
}

/// The calls of an activity that names them.
fn of_calls(native: &Native, own: &Own, calls: &Calls, values: &Values) -> Preview {
    let service = calls.service.name;
    let mut preview = Preview::default();
    if let Some((operation, parameters)) = &calls.call {
        preview.does = format!("{service} {}", operation.name);
        let call = PlannedCall {
            service: service.to_owned(),
            operation: operation.name.to_owned(),
            parameters: parameters.clone(),
            resources: Vec::new(),
        };
        if is_open(parameters) {
            preview.unknown.push("its parameters, in part: they are known in the run only".to_owned());
        }
        if fracas_aws::iam::changes(calls.service, operation.name) {
            let region = native.region(own, values).unwrap_or_default();
            preview.calls.push(with_resources(&native.aws, call, &region));
        } else {
            preview.looks.push(operation.name.to_owned());
        }
    }
    if let Some((waiter, _)) = &calls.wait {
        preview.looks.push(format!("{}, until {}", waiter.operation, waiter.name));
        if preview.does.is_empty() {
            preview.does = format!("{service}: wait until {}", waiter.name);
        }
    }
    preview
}

/// What is not AWS's: nobody can tell what it does.
fn foreign(activity: &Activity, values: &Values) -> Preview {
    let text = |key: &str| {
        let text = activity.provider.get(key).map(Node::to_json).unwrap_or_default();
        values.substitute(&text).as_str().unwrap_or_default().to_owned()
    };
    let (does, unknown) = match activity.provider_type.as_str() {
        "process" => (format!("runs {}", text("path")), Some("what the program does")),
        "http" => {
            let method = Some(text("method").to_uppercase()).filter(|method| !method.is_empty());
            let method = method.unwrap_or_else(|| "GET".to_owned());
            let changes = !["GET", "HEAD", "OPTIONS"].contains(&method.as_str());
            (format!("{method} {}", text("url")), changes.then_some("what the server does"))
        }
        "python" => {
            (format!("calls {}.{} in Python", text("module"), text("func")), Some("what the function does"))
        }
        other => (other.to_owned(), None),
    };
    Preview { does, unknown: unknown.into_iter().map(str::to_owned).collect(), ..Preview::default() }
}

/// Hears what is drawn.
#[derive(Default)]
struct Ears(RefCell<Vec<Choice>>);

impl Tell for Ears {
    fn log(&self, _: Level, _: String) {}

    fn process_started(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn chose(&self, choice: Choice) -> io::Result<()> {
        self.0.borrow_mut().push(choice);
        Ok(())
    }

    fn stop(&self, _: Stop) {}

    fn changed(&self, _: Changes) {}
}
