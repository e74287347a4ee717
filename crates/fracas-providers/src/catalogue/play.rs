//! Carries a declared activity out, step by step.

use fracas_aws::{Aws, Error, Scope, Sent};
use fracas_engine::Tell;
use fracas_model::{ActivityKind, Failure, Happened, Level};
use serde_json::{Map, Value, json};

use super::{Declaration, Request, Step, Template, Verb};

/// Where an activity makes its calls and tells what it does.
pub(crate) struct Player<'a> {
    pub(crate) aws: &'a Aws,
    pub(crate) scope: &'a Scope,
    pub(crate) service: &'a str,
    pub(crate) tell: &'a dyn Tell,
}

/// Why an activity failed in the middle, before it is known what had happened by then.
enum Stop {
    /// AWS, or the way to it.
    Aws(Error, Effect),
    /// The declaration's own reason.
    Reason(String),
}

/// Whether a step can change anything.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    Changes,
    Looks,
}

impl Player<'_> {
    /// The output of an activity with these arguments: what it returns, else its last answer.
    pub(crate) async fn play(
        &self,
        declaration: &Declaration,
        arguments: Map<String, Value>,
    ) -> Result<Value, Failure> {
        let mut names = arguments;
        let mut output = Value::Null;
        let mut changed = false;
        for step in &declaration.steps {
            match self.step(step, declaration.kind, &mut names, &mut output).await {
                Ok(true) => changed |= effect(step, declaration.kind) == Effect::Changes,
                Ok(false) => break,
                Err(stop) => return Err(failure(declaration, stop, names, changed)),
            }
        }
        Ok(output)
    }

    /// Does a step; false when it was the last.
    async fn step(
        &self,
        step: &Step,
        kind: ActivityKind,
        names: &mut Map<String, Value>,
        output: &mut Value,
    ) -> Result<bool, Stop> {
        if !step.when.as_ref().map_or(Ok(true), |when| when.holds(names)).map_err(Stop::Reason)? {
            return Ok(true);
        }
        let (result, holds) = match &step.verb {
            Verb::Check(condition) => (None, condition.holds(names).map_err(Stop::Reason)?),
            Verb::Return(value) => {
                *output = value.evaluate(names).map_err(Stop::Reason)?;
                return Ok(false);
            }
            Verb::Call(request) | Verb::Find(request) | Verb::Wait(request) => {
                let parameters = request.parameters.evaluate(names).map_err(Stop::Reason)?;
                let asked = self.ask(&step.verb, request, &parameters).await;
                let result = asked.map_err(|error| Stop::Aws(error, effect(step, kind)))?;
                let nothing = result.as_array().is_some_and(Vec::is_empty);
                (Some(result), !nothing)
            }
        };
        if let Some(result) = result {
            if let Some(name) = &step.result {
                names.insert(name.clone(), result.clone());
            }
            *output = result;
        }
        if let Some(line) = &step.log {
            self.tell.log(Level::Info, line.text(names).map_err(Stop::Reason)?);
        }
        match step.or_fail.as_ref().filter(|_| !holds) {
            Some(reason) => Err(Stop::Reason(reason.text(names).unwrap_or_else(|error| error))),
            None => Ok(true),
        }
    }

    async fn ask(&self, verb: &Verb, request: &Request, parameters: &Value) -> Result<Value, Error> {
        match verb {
            Verb::Wait(_) => self.aws.wait(self.scope, self.service, &request.name, parameters).await,
            Verb::Find(_) => self.list(&request.name, parameters).await,
            _ => self.aws.call(self.scope, self.service, &request.name, parameters).await,
        }
    }

    /// What a listing finds, over all its pages.
    async fn list(&self, operation: &str, parameters: &Value) -> Result<Value, Error> {
        let mut found = self.aws.pages(self.scope, self.service, operation, parameters)?.all().await?;
        let paginator = self.aws.service(self.service)?.paginator(operation);
        let key = paginator.and_then(|paginator| paginator.result_keys.first());
        Ok(key.and_then(|key| found.get_mut(*key)).map_or_else(|| json!([]), Value::take))
    }
}

fn effect(step: &Step, kind: ActivityKind) -> Effect {
    match (kind, &step.verb) {
        (ActivityKind::Action, Verb::Call(_)) => Effect::Changes,
        _ => Effect::Looks,
    }
}

fn failure(declaration: &Declaration, stop: Stop, mut names: Map<String, Value>, changed: bool) -> Failure {
    let (error, help, happened) = match stop {
        Stop::Reason(reason) => (activity_failed(&reason), String::new(), Happened::No),
        Stop::Aws(error, effect) => {
            let text = wrapped(declaration.fails_with.as_ref(), &error, &mut names);
            (text, error.help().unwrap_or_default(), happened(&error, effect))
        }
    };
    Failure { error, help, happened: if changed { Happened::Yes } else { happened } }
}

/// The error as Python would print it: the declaration's words around it, or the bare exception.
fn wrapped(template: Option<&Template>, error: &Error, names: &mut Map<String, Value>) -> String {
    let Some(template) = template else { return format!("{}: {error}", error.python_class()) };
    let about = json!({"text": error.to_string(), "message": error.message(), "code": error.code()});
    names.insert("error".to_owned(), about);
    activity_failed(&template.text(names).unwrap_or_else(|_| error.to_string()))
}

pub(crate) fn activity_failed(text: &str) -> String {
    format!("chaoslib.exceptions.ActivityFailed: {text}")
}

/// A request that AWS refused as the caller's mistake did nothing; after any other answer or
/// none, nobody can tell.
pub(crate) fn happened(error: &Error, effect: Effect) -> Happened {
    let refused = error.code().is_some() && error.status().is_some_and(|status| (400..500).contains(&status));
    match error.sent() {
        _ if effect == Effect::Looks => Happened::No,
        Sent::No => Happened::No,
        Sent::Yes if refused => Happened::No,
        Sent::Yes | Sent::Maybe => Happened::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;
    use crate::testing::Ears;

    /// What steps without a call give for an id, and the lines that they told.
    fn play(steps: &str, id: Value) -> (Result<Value, Failure>, Vec<String>) {
        let head = "service: docdb\nactivities:\n  a:\n    kind: action\n    summary: s\n    steps:\n";
        let catalogue = read(&format!("{head}{steps}")).unwrap();
        let (aws, ears) = (Aws::new(), Ears::default());
        let scope = Scope { region: Some("eu-west-1".to_owned()), ..Scope::default() };
        let player = Player { aws: &aws, scope: &scope, service: "docdb", tell: &ears };
        let names = Map::from_iter([("id".to_owned(), id)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(player.play(&catalogue.activities[0], names));
        (result, ears.lines.into_inner().into_iter().map(|(_, line)| line).collect())
    }

    #[test]
    fn steps_are_left_out_checked_and_told() {
        let steps = r#"
      - {check: $id, or_fail: "$format('no {}', id)", log: checked}
      - {return: first, when: "$id == 'a'"}
      - {return: second}
"#;
        let told = || vec!["checked".to_owned()];
        assert_eq!(play(steps, json!("a")), (Ok(json!("first")), told()));
        assert_eq!(play(steps, json!("b")), (Ok(json!("second")), told()));
        let failure = play(steps, json!("")).0.unwrap_err();
        assert_eq!(failure.error, "chaoslib.exceptions.ActivityFailed: no ");
        assert_eq!(failure.happened, Happened::No);
    }

    #[test]
    fn wrong_parameters_are_not_sent() {
        for verb in ["call: StopDBCluster", "find: DescribeDBClusters", "wait: DBInstanceAvailable"] {
            let (result, _) = play(&format!("      - {{{verb}, with: {{Wrong: $id}}}}\n"), json!(5));
            let failure = result.unwrap_err();
            assert!(
                failure.error.starts_with("botocore.exceptions.ParamValidationError: "),
                "{}",
                failure.error
            );
            assert_eq!(failure.happened, Happened::No);
        }
    }
}
