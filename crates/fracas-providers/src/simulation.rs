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

/// An action that IAM would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Such as `rds:FailoverDBCluster`.
    pub action: String,
    /// What it is refused on.
    pub resource: String,
    /// Whether a policy denies it; else none allows it.
    pub explicitly: bool,
}

/// Asks IAM about everything that a policy allows: for the role that the experiment assumes, else
/// for the caller. Gives who was asked about, and what would be refused.
///
/// # Errors
///
/// When AWS does not answer, or the caller may not ask.
pub async fn denied(policy: &Value, values: &Values) -> Result<(String, Vec<Denied>), String> {
    let own = Own::default();
    let native = Native::new(Aws::new(), |name| std::env::var(name).ok());
    let region = native.region(&own, values);
    let scope = Scope { region, profile: own.profile_of(values), ..Scope::default() };
    let words = |error: fracas_aws::Error| error.to_string();
    let who = match own.role_arn_of(values) {
        Some(role) => role,
        None => {
            let caller =
                native.aws.call(&scope, "sts", "GetCallerIdentity", &json!({})).await.map_err(words)?;
            of_session(&native.aws, &scope, caller["Arn"].as_str().unwrap_or_default()).await
        }
    };
    let mut denied = Vec::new();
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        let mut request = question(&who, statement);
        loop {
            let answer =
                native.aws.call(&scope, "iam", "SimulatePrincipalPolicy", &request).await.map_err(words)?;
            denied.extend(answer["EvaluationResults"].as_array().into_iter().flatten().filter_map(refused));
            match answer.get("Marker").filter(|_| answer["IsTruncated"] == true) {
                Some(marker) => request["Marker"] = marker.clone(),
                None => break,
            }
        }
    }
    Ok((who, denied))
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

/// What to ask about a statement.
fn question(who: &str, statement: &Value) -> Value {
    let resources = match &statement["Resource"] {
        Value::Array(resources) => resources.clone(),
        one => vec![one.clone()],
    };
    let mut question = json!({
        "PolicySourceArn": who, "ActionNames": statement["Action"], "ResourceArns": resources,
    });
    let conditions = statement["Condition"]["StringEquals"].as_object().into_iter().flatten();
    let entries: Vec<Value> = conditions
        .map(|(key, value)| {
            json!({"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"})
        })
        .collect();
    if !entries.is_empty() {
        question["ContextEntries"] = entries.into();
    }
    question
}

fn refused(result: &Value) -> Option<Denied> {
    let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
    let decision = text("EvalDecision");
    (decision != "allowed").then(|| Denied {
        action: text("EvalActionName"),
        resource: text("EvalResourceName"),
        explicitly: decision == "explicitDeny",
    })
}
