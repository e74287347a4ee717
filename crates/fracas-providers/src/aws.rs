//! The `aws` provider: any operation of any AWS service, or an activity of the catalogue by its name.
//!
//! What its keys mean stands in `docs/additions.md`.

mod asked;
mod mistakes;
mod native;
mod scope;

use fracas_aws::{Error, Scope, jmespath};
use fracas_engine::{Context, Provider, Surroundings, Values};
use fracas_model::{Activity, ActivityKind, Failure, Happened, Node, NodeValue, Problem, Problems};
use futures_util::future::{LocalBoxFuture, ready};
use serde_json::Value;
use std::sync::Arc;

pub(crate) use asked::{Calls, What, read};
pub(crate) use native::{Native, Target, arguments, as_map, not_called};
#[cfg(test)]
pub(crate) use scope::{NO_REGION, SET_REGION};
pub(crate) use scope::{Own, called_span, no_region};

use crate::catalogue::play::{Effect, activity_failed, happened};
use crate::{Python, text};

/// Carries out `aws` activities.
pub struct AwsCalls {
    native: Native,
}

impl AwsCalls {
    /// A provider that shares the client of the AWS activities in Python's words.
    pub fn sharing(python: &Python) -> AwsCalls {
        AwsCalls { native: python.native() }
    }

    /// Looks for mistakes, without waiting for anything.
    fn look(&self, activity: &Activity, surroundings: &Surroundings<'_>, problems: &mut Problems) {
        let provider = &activity.provider;
        text::check_keys(provider, "an aws", &asked::KEYS, problems);
        let (asked, mut found) =
            read(&self.native.aws, provider, activity.kind, surroundings.values, text::is_open);
        problems.0.append(&mut found.0);
        let Some(asked) = asked else { return };
        match &asked.what {
            What::Activity(target) => {
                self.native.look(activity, target, &asked.own, surroundings, problems);
            }
            What::Calls(calls) => {
                check_kind(activity, calls, problems);
                self.native.look_at_scope(provider, &asked.own, surroundings, problems);
            }
        }
    }

    async fn carry_out_now(&self, activity: &Activity, context: &Context<'_>) -> Result<Value, Failure> {
        let aws = &self.native.aws;
        let (asked, problems) = read(aws, &activity.provider, activity.kind, context.values, |_| false);
        let asked = asked.filter(|_| !problems.has_errors()).ok_or_else(|| refused(&problems))?;
        let changes = asked.changes(activity.kind);
        let output = match &asked.what {
            What::Activity(target) => {
                self.native.play(&activity.provider, target, &asked.own, context).await?
            }
            What::Calls(calls) => {
                let scope = self.native.scope(&activity.provider, &asked.own, context.values)?;
                self.perform(calls, &scope, changes).await?
            }
        };
        match &asked.query {
            None => Ok(output),
            Some(query) => jmespath(query, &output).map_err(|error| unsearched(&error, changes)),
        }
    }

    /// Makes the call, waits for its effect, and gives its result. A wait alone gives its last answer.
    async fn perform(&self, calls: &Calls, scope: &Scope, changes: bool) -> Result<Value, Failure> {
        let (aws, service) = (&self.native.aws, calls.service.name);
        let effect = if changes { Effect::Changes } else { Effect::Looks };
        let mut result = None;
        if let Some((operation, parameters)) = &calls.call {
            let called = match calls.paginate {
                true => match aws.pages(scope, service, operation.name, parameters) {
                    Ok(pages) => pages.all().await,
                    Err(error) => Err(error),
                },
                false => aws.call(scope, service, operation.name, parameters).await,
            };
            result = Some(called.map_err(|error| failed(&error, happened(&error, effect)))?);
        }
        if let Some((waiter, parameters)) = &calls.wait {
            let done = if result.is_some() && changes { Happened::Yes } else { Happened::No };
            let answer = aws.wait(scope, service, waiter.name, parameters).await;
            let answer = answer.map_err(|error| failed(&error, done))?;
            result.get_or_insert(answer);
        }
        Ok(result.unwrap_or_default())
    }
}

impl Provider for AwsCalls {
    fn check<'a>(
        &'a self,
        activity: &'a Activity,
        surroundings: &'a Surroundings<'a>,
        problems: &'a mut Problems,
    ) -> LocalBoxFuture<'a, ()> {
        self.look(activity, surroundings, problems);
        Box::pin(ready(()))
    }

    fn carry_out<'a>(
        &'a self,
        activity: &'a Activity,
        context: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let Some((activity, value)) = judging(activity) else {
                return self.carry_out_now(activity, context).await;
            };
            let values = Values::clone(context.values).with("value", value);
            let Context { policy, tell, place, .. } = *context;
            self.carry_out_now(&activity, &Context { values: &values, policy, tell, place }).await
        })
    }
}

/// A probe that is a tolerance gets the output that it judges as an argument; here that is the value of
/// `${value}`. Gives the activity without that argument, and the output.
fn judging(activity: &Activity) -> Option<(Activity, Value)> {
    let value = activity.provider.get("arguments")?.get("value")?.to_json();
    let mut activity = activity.clone();
    let NodeValue::Map(provider) = &mut activity.provider.value else { return None };
    let arguments = Arc::make_mut(provider).get_mut("arguments")?;
    let NodeValue::Map(arguments) = &mut arguments.value.value else { return None };
    Arc::make_mut(arguments).shift_remove("value");
    Some((activity, value))
}

/// Only a warning: what changes something may also be the only way to look.
fn check_kind(activity: &Activity, calls: &Calls, problems: &mut Problems) {
    let Some((operation, _)) = calls.call.as_ref().filter(|_| activity.kind == ActivityKind::Probe) else {
        return;
    };
    if calls.writes() {
        let span = activity.provider.get("operation").map_or(activity.provider.span, |node: &Node| node.span);
        let message =
            format!("`{}` changes the system, but the activity calls itself a probe", operation.name);
        problems.push(Problem::warning(span, message).help("give the activity the type \"action\""));
    }
}

fn refused(problems: &Problems) -> Failure {
    let errors: Vec<&str> = problems.0.iter().map(|problem| problem.message.as_str()).collect();
    let help = problems.0.iter().map(|problem| problem.help.as_str()).find(|help| !help.is_empty());
    not_called(&errors.join("; "), help.unwrap_or_default())
}

fn failed(error: &Error, happened: Happened) -> Failure {
    let help = error.help().unwrap_or_default();
    Failure { error: format!("{}: {error}", error.python_class()), help, happened }
}

fn unsearched(error: &str, changes: bool) -> Failure {
    // What follows is a picture of the expression.
    let reason = error.lines().next().unwrap_or_default();
    Failure {
        error: activity_failed(&format!("the query cannot be applied to the result: {reason}")),
        help: "try it with `fracas aws ... --query`".to_owned(),
        happened: if changes { Happened::Yes } else { Happened::No },
    }
}
