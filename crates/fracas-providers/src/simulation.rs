//! What becomes of a policy: the role that has it, and whether an identity may do what it says.

use fracas_aws::endpoint::partition;
use fracas_aws::{Aws, Scope};
use fracas_engine::Values;
use serde_json::{Value, json};

use crate::aws::{Native, Own};

/// What makes a role of a policy: the documents as CreateRole and PutRolePolicy take them. Whom the
/// account trusts may take the role on. None where no account is known.
pub fn role(policy: Value, values: &Values, account: Option<&str>) -> Option<Value> {
    let own = Own::default();
    let arn = own.role_arn_of(values);
    let of_arn = arn.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty());
    let account = account.or(of_arn)?;
    let region = Native::new(Aws::new(), |name| std::env::var(name).ok()).region(&own, values);
    let partition = partition(region.as_deref().unwrap_or_default()).id;
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
            "Action": "sts:AssumeRole",
        }],
    });
    let mut role = json!({});
    if let Some((_, name)) = arn.as_deref().and_then(|arn| arn.rsplit_once('/')) {
        role["RoleName"] = name.into();
    }
    role["AssumeRolePolicyDocument"] = trust;
    role["PolicyDocument"] = policy;
    Some(role)
}

/// What IAM says of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Who was asked about.
    pub who: String,
    /// What would be refused; none where IAM cannot be asked, since no policy limits who it is.
    pub denied: Option<Vec<Denied>>,
}

/// An action that IAM would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Such as `rds:FailoverDBCluster`.
    pub action: String,
    /// What it is refused on.
    pub resource: String,
    /// What refuses it.
    pub why: Why,
    /// The statement of the policy that would allow it.
    pub statement: String,
    /// Keys that policies ask for and that only the call itself would have.
    pub open_keys: Vec<String>,
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No policy allows it.
    Nothing,
    /// A policy denies it.
    Policy,
    /// The permissions boundary does not allow it.
    Boundary,
    /// The organization does not allow it.
    Organization,
}

/// Resources in one question: IAM tells no limit, but a request has one.
const AT_ONCE: usize = 100;

/// Asks IAM about everything that a policy allows: for the role that the experiment assumes, else
/// for the caller.
///
/// # Errors
///
/// When AWS does not answer, the caller may not ask, or IAM does not know who it is.
pub async fn simulate(policy: &Value, values: &Values) -> Result<Simulation, String> {
    let own = Own::default();
    let native = Native::new(Aws::new(), |name| std::env::var(name).ok());
    let region = native.region(&own, values);
    let scope = Scope { region, profile: own.profile_of(values), ..Scope::default() };
    let who = match own.role_arn_of(values) {
        Some(role) => role,
        None => {
            let caller = native.aws.call(&scope, "sts", "GetCallerIdentity", &json!({})).await;
            let caller = caller.map_err(|error| error.to_string())?;
            of_session(&native.aws, &scope, caller["Arn"].as_str().unwrap_or_default()).await
        }
    };
    if who.ends_with(":root") {
        return Ok(Simulation { who, denied: None });
    }
    if who.contains(":federated-user/") {
        return Err(format!("it knows no policies of the federated user {who}; ask as a user or a role"));
    }
    let mut denied = Vec::new();
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        for question in questions(&who, statement) {
            denied
                .extend(ask(&native.aws, &scope, question, statement).await.map_err(|why| why.words(&who))?);
        }
    }
    denied.dedup();
    Ok(Simulation { who, denied: Some(denied) })
}

/// Why IAM gives no answer.
struct Unanswered(fracas_aws::Error);

impl Unanswered {
    fn words(&self, who: &str) -> String {
        let help = match self.0.code() {
            Some("AccessDenied") => format!("; asking needs iam:SimulatePrincipalPolicy on {who}"),
            Some("NoSuchEntity") => {
                format!(
                    "; the account that is asked has no {who}, or iam:GetRole is missing, which tells its path"
                )
            }
            _ => String::new(),
        };
        format!("{}{help}", self.0)
    }
}

/// The answers to one question, from all its pages.
async fn ask(
    aws: &Aws,
    scope: &Scope,
    mut question: Value,
    statement: &Value,
) -> Result<Vec<Denied>, Unanswered> {
    let mut denied = Vec::new();
    loop {
        let answer =
            aws.call(scope, "iam", "SimulatePrincipalPolicy", &question).await.map_err(Unanswered)?;
        let results = answer["EvaluationResults"].as_array().into_iter().flatten();
        denied.extend(results.flat_map(|result| refused(result, statement)));
        match answer.get("Marker").filter(|_| answer["IsTruncated"] == true) {
            Some(marker) => question["Marker"] = marker.clone(),
            None => return Ok(denied),
        }
    }
}

/// The role of a session of it; IAM does not know sessions. A session does not tell the role's path.
async fn of_session(aws: &Aws, scope: &Scope, arn: &str) -> String {
    let role =
        arn.split_once(":assumed-role/").and_then(|(head, rest)| Some((head, rest.split('/').next()?)));
    let Some((head, name)) = role else { return arn.to_owned() };
    let found = aws.call(scope, "iam", "GetRole", &json!({"RoleName": name})).await.ok();
    let found = found.as_ref().and_then(|found| found["Role"]["Arn"].as_str());
    found.map_or_else(|| format!("{}:role/{name}", head.replace(":sts:", ":iam:")), str::to_owned)
}

/// What to ask about a statement: for each value of a condition, and for some resources at a time.
fn questions(who: &str, statement: &Value) -> Vec<Value> {
    let resources = list(&statement["Resource"]);
    let mut questions = Vec::new();
    for context in contexts(&statement["Condition"]) {
        for resources in resources.chunks(AT_ONCE) {
            let mut question = json!({
                "PolicySourceArn": who, "ActionNames": statement["Action"], "ResourceArns": resources,
            });
            if !context.is_empty() {
                question["ContextEntries"] = context.clone().into();
            }
            questions.push(question);
        }
    }
    questions
}

/// The contexts in which the conditions of a statement hold: one for each value of the condition that
/// has most. A service's two names stand for the same service.
fn contexts(conditions: &Value) -> Vec<Vec<Value>> {
    let operators = conditions.as_object().into_iter().flatten();
    let keys = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    let keys: Vec<(&String, Vec<Value>)> = keys.map(|(key, values)| (key, list(values))).collect();
    let of_services = |key: &str| key == "iam:PassedToService" || key == "iam:AWSServiceName";
    let counts = keys.iter().map(|(key, values)| if of_services(key) { 1 } else { values.len() });
    let entry = |turn: usize, (key, values): &(&String, Vec<Value>)| {
        let value = values.get(turn).or(values.last());
        json!({"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"})
    };
    let turns = counts.max().unwrap_or(1);
    (0..turns)
        .map(|turn| keys.iter().map(|one| entry(if of_services(one.0) { 0 } else { turn }, one)).collect())
        .collect()
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

/// What a result refuses: its resources one by one, where it tells them apart.
fn refused(result: &Value, statement: &Value) -> Vec<Denied> {
    let each = result["ResourceSpecificResults"].as_array().filter(|each| !each.is_empty());
    let parts = each.map_or_else(|| std::slice::from_ref(result), Vec::as_slice);
    let refused = |part: &Value| {
        let decision = part.get("EvalResourceDecision").unwrap_or(&part["EvalDecision"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let keys = part.get("MissingContextValues").unwrap_or(&result["MissingContextValues"]);
        (decision != "allowed").then(|| Denied {
            action: text(&result["EvalActionName"]),
            resource: text(&part["EvalResourceName"]),
            why: why(decision, part, result),
            statement: text(&statement["Sid"]),
            open_keys: keys.as_array().into_iter().flatten().map(text).collect(),
        })
    };
    parts.iter().filter_map(refused).collect()
}

fn why(decision: &Value, part: &Value, result: &Value) -> Why {
    let boundary =
        [part, result].map(|one| &one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]);
    if decision == "explicitDeny" {
        return Why::Policy;
    }
    match result["OrganizationsDecisionDetail"]["AllowedByOrganizations"] == false {
        true => Why::Organization,
        false if boundary.into_iter().any(|allowed| allowed == false) => Why::Boundary,
        false => Why::Nothing,
    }
}

/// The part of a policy that would have to be added for what no policy allows.
pub fn missing(policy: &Value, denied: &[Denied]) -> Option<Value> {
    let statements = policy["Statement"].as_array()?.iter();
    let statements: Vec<Value> = statements.filter_map(|statement| lacking(statement, denied)).collect();
    (!statements.is_empty()).then(|| json!({"Version": policy["Version"], "Statement": statements}))
}

/// What a statement has that is not allowed.
fn lacking(statement: &Value, denied: &[Denied]) -> Option<Value> {
    let denied: Vec<&Denied> =
        denied.iter().filter(|one| one.why == Why::Nothing && statement["Sid"] == one.statement).collect();
    let mut lacking = statement.clone();
    let mut actions = list(&statement["Action"]);
    // IAM does not mind the case of names, and may tell another one.
    let is_lacking = |action: &Value| {
        let name = action.as_str().unwrap_or_default();
        denied.iter().any(|one| one.action.eq_ignore_ascii_case(name))
    };
    actions.retain(is_lacking);
    let mut resources = list(&statement["Resource"]);
    let is_known = denied.iter().all(|one| resources.iter().any(|arn| *arn == one.resource));
    resources.retain(|arn| !is_known || denied.iter().any(|one| *arn == one.resource));
    lacking["Action"] = actions.into();
    lacking["Resource"] = if resources.len() == 1 { resources.remove(0) } else { resources.into() };
    (lacking["Action"] != json!([])).then_some(lacking)
}
