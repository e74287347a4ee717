//! Who calls AWS and where, as configuration, secrets and the activity itself say.
//!
//! Source: `chaosaws/__init__.py`.

use fracas_aws::{AssumeRole, Scope, StaticCredentials};
use fracas_engine::{Surroundings, Values};
use fracas_model::{Failure, Node, Problem, Problems, Severity, Span, python};
use futures_util::future::FutureExt;
use serde_json::Value;

use super::native::{Native, not_called};
use crate::text;

pub(crate) const NO_REGION: &str = "AWS needs a region";
pub(crate) const SET_REGION: &str = "set configuration.aws_region or AWS_REGION";

/// The problem of an activity without a region.
pub(crate) fn no_region(provider: &Node) -> Problem {
    Problem::error(called_span(provider), NO_REGION).help(SET_REGION)
}

/// Where to point when AWS is not set up for an activity: at what it calls.
pub(crate) fn called_span(provider: &Node) -> Span {
    let called = ["module", "activity", "service"].into_iter().find_map(|key| provider.get(key));
    called.map_or(provider.span, |node| node.span)
}

/// Once for all activities, for one region serves them all.
fn tell_of_region(provider: &Node, running: bool, problems: &mut Problems) {
    if problems.0.iter().any(|problem| problem.message == NO_REGION) {
        return;
    }
    let mut problem = no_region(provider);
    if !running {
        problem.severity = Severity::Warning;
    }
    problems.push(problem);
}

/// Without the keys that it names an activity would use others, perhaps those of another account.
fn check_secrets(provider: &Node, values: &Values, problems: &mut Problems) {
    let Some(node) = provider.get("secrets").filter(|node| !node.is_null()) else { return };
    let Some(names) = node.as_list() else {
        let message = format!("`secrets` must be a list of groups of secrets, got {}", node.kind());
        return problems.push(Problem::error(node.span, message).help("write it as [\"group\"]"));
    };
    for name in names {
        let text = name.as_str().unwrap_or_default();
        let message = match values.secrets.get(text) {
            Some(Value::Object(_) | Value::Null) => continue,
            Some(_) => format!("the secret `{text}` is not a group of secrets"),
            None => format!("there is no group of secrets `{}`", python::to_str(&name.to_json())),
        };
        let groups =
            values.secrets.iter().filter(|(_, group)| group.is_object()).map(|(name, _)| name.as_str());
        let help = match text::did_you_mean(text, groups) {
            help if help.is_empty() => "declare the group under the experiment's `secrets`".to_owned(),
            help => help,
        };
        problems.push(Problem::error(name.span, message).help(help));
    }
}

/// What an activity itself says of who calls and where; it wins over the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) role_session_name: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    /// Whether the profile's region will do, which it does not for chaosaws.
    pub(crate) profile_has_region: bool,
}

impl Native {
    /// The region of an activity's calls: its own, else `configuration.aws_region`, else
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    fn given_region(&self, own: &Own, values: &Values) -> Option<String> {
        let configured = own.region.clone().or_else(|| setting(values, "aws_region"));
        let from_environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(self.environment);
        configured.or_else(from_environment).filter(|region| !region.is_empty())
    }

    /// The region of an activity's calls, also the profile's where that will do.
    pub(crate) fn region(&self, own: &Own, values: &Values) -> Option<String> {
        let of_profile = || {
            let scope = Scope { profile: own.profile_of(values), ..Scope::default() };
            // It only reads files, so it is done at once.
            self.aws.region(&scope).now_or_never()?.ok()?
        };
        self.given_region(own, values).or_else(|| own.profile_has_region.then(of_profile).flatten())
    }

    /// Who calls and where. A profile or role belongs to its activity, never to the process.
    pub(crate) fn scope(&self, provider: &Node, own: &Own, values: &Values) -> Result<Scope, Failure> {
        let region = self.given_region(own, values);
        if region.is_none() && self.region(own, values).is_none() {
            return Err(not_called(NO_REGION, SET_REGION));
        }
        Ok(Scope {
            region,
            profile: own.profile_of(values),
            assume_role: own.role_of(values),
            credentials: credentials(provider, values)?,
            endpoint_url: own.endpoint_url.clone(),
        })
    }

    /// Looks for what is missing or wrong in all of that.
    pub(crate) fn look_at_scope(
        &self,
        provider: &Node,
        own: &Own,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) {
        let values = surroundings.values;
        check_secrets(provider, values, problems);
        if self.region(own, values).is_none() {
            tell_of_region(provider, surroundings.running, problems);
        } else if surroundings.running {
            self.check_scope(provider, own, values, problems);
        }
    }

    /// Profiles and settings that the calls would stumble over, each told once for all activities.
    fn check_scope(&self, provider: &Node, own: &Own, values: &Values, problems: &mut Problems) {
        let Ok(scope) = self.scope(provider, own, values) else { return };
        // It only reads files, so it is done at once.
        let Some(Err(error)) = self.aws.check_scope(&scope).now_or_never() else { return };
        let message = error.to_string();
        if !problems.0.iter().any(|problem| problem.message == message) {
            let help = error.help().unwrap_or_default();
            problems.push(Problem::error(called_span(provider), message).help(help));
        }
    }
}

impl Own {
    pub(crate) fn profile_of(&self, values: &Values) -> Option<String> {
        self.profile.clone().or_else(|| setting(values, "aws_profile_name"))
    }

    /// The ARN of the role that calls.
    pub(crate) fn role_arn_of(&self, values: &Values) -> Option<String> {
        self.role_arn.clone().or_else(|| setting(values, "aws_assume_role_arn"))
    }

    fn role_of(&self, values: &Values) -> Option<AssumeRole> {
        let configured = || setting(values, "aws_assume_role_session_name");
        let session_name = self.role_session_name.clone().or_else(configured);
        Some(AssumeRole {
            arn: self.role_arn_of(values)?,
            session_name: session_name.unwrap_or_else(|| "ChaosToolkit".to_owned()),
            external_id: self.external_id.clone(),
        })
    }
}

/// A text of the configuration that is not empty.
fn setting(values: &Values, key: &str) -> Option<String> {
    let text = values.configuration.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Keys from the groups of secrets that the provider names; a later group wins.
fn credentials(provider: &Node, values: &Values) -> Result<Option<StaticCredentials>, Failure> {
    let named = provider.get("secrets").and_then(Node::as_list).unwrap_or_default();
    let groups: Vec<&Value> = named.iter().filter_map(|name| values.secrets.get(name.as_str()?)).collect();
    let secret = |key: &str| {
        let found = groups.iter().rev().find_map(|group| group.get(key));
        found.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match (secret("aws_access_key_id"), secret("aws_secret_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => {
            let session_token = secret("aws_session_token");
            Ok(Some(StaticCredentials { access_key_id, secret_access_key, session_token }))
        }
        (None, None) => Ok(None),
        _ => {
            let help = "give both aws_access_key_id and aws_secret_access_key, or neither";
            Err(not_called("the secrets hold half of a pair of AWS keys", help))
        }
    }
}
