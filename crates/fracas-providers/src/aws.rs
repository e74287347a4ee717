//! The `aws` provider: any operation of any AWS service, or an activity of the catalogue by its name.
//!
//! What its keys mean stands in `docs/additions.md`.

mod asked;
mod mistakes;
mod native;
mod scope;

use fracas_aws::{Error, Scope};
use fracas_engine::{Context, Provider, Surroundings, Tell, Values};
use fracas_model::{Activity, ActivityKind, Failure, Happened, Node, NodeValue, Problem, Problems};
use futures_util::future::{LocalBoxFuture, ready};
use serde_json::Value;
use std::sync::Arc;

pub(crate) use asked::{Calls, What, read};
pub(crate) use native::{Native, arguments, as_map, not_called};
#[cfg(test)]
pub(crate) use scope::{NO_REGION, SET_REGION};
pub(crate) use scope::{Own, called_span, no_region};

use crate::catalogue::play::{activity_failed, happened};
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
                self.perform(calls, &scope, changes, context.tell).await?
            }
        };
        match &asked.query {
            None => Ok(output),
            Some(query) => query.search(&output).map_err(|error| unsearched(&error, changes)),
        }
    }

    /// Makes the call and waits for its effect. If that is cut, it is told whether it has happened.
    async fn perform(
        &self,
        calls: &Calls,
        scope: &Scope,
        changes: bool,
        tell: &dyn Tell,
    ) -> Result<Value, Failure> {
        let happened = if changes { Happened::Maybe } else { Happened::No };
        let mut performing = Performing { tell, happened, has_ended: false };
        let performed = self.call_and_wait(calls, scope, changes, &mut performing.happened).await;
        performing.has_ended = true;
        performed
    }

    /// The call's result. A wait alone gives its last answer.
    async fn call_and_wait(
        &self,
        calls: &Calls,
        scope: &Scope,
        changes: bool,
        happened_so_far: &mut Happened,
    ) -> Result<Value, Failure> {
        let (aws, service) = (&self.native.aws, calls.service.name);
        let mut result = None;
        if let Some((operation, parameters)) = &calls.call {
            let called = match (&calls.outfile, calls.paginate) {
                (Some(path), _) => aws.save(scope, service, operation.name, parameters, path).await,
                (None, true) => match aws.pages(scope, service, operation.name, parameters) {
                    Ok(pages) => pages.all().await,
                    Err(error) => Err(error),
                },
                (None, false) => aws.call(scope, service, operation.name, parameters).await,
            };
            result = Some(called.map_err(|error| failed(&error, happened(&error, changes)))?);
        }
        if let Some((waiter, parameters)) = &calls.wait {
            let done = if result.is_some() && changes { Happened::Yes } else { Happened::No };
            *happened_so_far = done;
            let answer = aws.wait(scope, service, waiter.name, parameters).await;
            let answer = answer.map_err(|error| failed(&error, done))?;
            result.get_or_insert(answer);
        }
        Ok(result.unwrap_or_default())
    }
}

/// A call and the wait for its effect, which tell whether it has happened when they are dropped before their end.
struct Performing<'a> {
    tell: &'a dyn Tell,
    happened: Happened,
    has_ended: bool,
}

impl Drop for Performing<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.tell.cut(self.happened, None);
        }
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
    Failure { error: format!("{}: {error}", error.python_class()), help, happened, progress: None }
}

fn unsearched(error: &fracas_jmespath::Error, changes: bool) -> Failure {
    Failure {
        error: activity_failed(&format!("the query cannot be applied to the result: {error}")),
        help: "try it with `fracas aws ... --query`".to_owned(),
        happened: if changes { Happened::Yes } else { Happened::No },
        progress: None,
    }
}

#[cfg(test)]
mod tests {
    use super::asked::Asked;
    use super::*;
    use crate::testing::{activity, activity_of, carry_out, problems, problems_with, told};
    use fracas_aws::{AssumeRole, Aws, StaticCredentials};
    use fracas_engine::parse_document;
    use fracas_model::{Format, Source};
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    fn provider() -> AwsCalls {
        AwsCalls {
            native: Native::new(Aws::new(), |name| (name == "AWS_REGION").then(|| "eu-west-1".to_owned())),
        }
    }

    fn found(provider_text: &str, values: &Values) -> String {
        problems_with(&provider(), ActivityKind::Action, provider_text, values)
    }

    fn configured(configuration: Value) -> Values {
        Values { configuration: as_map(configuration), ..Values::default() }
    }

    fn asked(node: Value, values: &Values) -> Asked {
        let activity = activity(ActivityKind::Action, &node);
        let (asked, problems) = read(&Aws::new(), &activity.provider, activity.kind, values, text::is_open);
        asked.unwrap_or_else(|| panic!("{problems:?}"))
    }

    fn calls(node: Value) -> Calls {
        match asked(node, &Values::default()).what {
            What::Calls(calls) => calls,
            What::Activity(_) => panic!("it names an operation"),
        }
    }

    #[test]
    fn names_have_any_spelling() {
        for operation in ["describe_db_clusters", "DescribeDBClusters", "describe-db-clusters"] {
            for waiter in ["db_cluster_available", "DBClusterAvailable", "db-cluster-available"] {
                let calls = calls(json!({"service": "rds", "operation": operation, "wait": waiter,
                    "parameters": {"DBClusterIdentifier": "a"}}));
                assert_eq!(calls.call.unwrap().0.name, "DescribeDBClusters");
                assert_eq!(calls.wait.unwrap().0.name, "DBClusterAvailable");
            }
        }
    }

    #[test]
    fn a_waiter_gets_what_it_takes() {
        let waited = |node: Value| calls(node).wait.unwrap().1;
        let stop = |wait: Value| {
            json!({"service": "ec2", "operation": "stop_instances", "wait": wait,
                "parameters": {"InstanceIds": ["i-1"], "Force": true}})
        };
        assert_eq!(waited(stop(json!("instance_stopped"))), json!({"InstanceIds": ["i-1"]}));
        let own = json!({"waiter": "instance_stopped", "parameters": {"InstanceIds": ["i-2"]}});
        assert_eq!(waited(stop(own)), json!({"InstanceIds": ["i-2"]}));
        let all = json!({"waiter": "instance_stopped", "parameters": {}});
        assert_eq!(waited(stop(all)), json!({}));
        let alone =
            json!({"service": "ec2", "wait": "instance_stopped", "parameters": {"InstanceIds": ["i-3"]}});
        assert_eq!(waited(alone), json!({"InstanceIds": ["i-3"]}));
    }

    #[test]
    fn what_a_waiter_needs_must_be_there() {
        let cases = [
            r#"{"type": "aws", "service": "dynamodb", "operation": "restore_table_from_backup",
                "parameters": {"TargetTableName": "a", "BackupArn": "${backup}"}, "wait": "table_exists"}"#,
            r#"{"type": "aws", "service": "s3", "operation": "copy_object", "wait": "object_exists",
                "parameters": {"Bucket": "b", "CopySource": "a/b"}}"#,
            r#"{"type": "aws", "service": "dynamodb", "wait": "table_exists"}"#,
            r#"{"type": "aws", "service": "dynamodb", "wait": {"parameters": [], "timeout": 5}}"#,
            r#"{"type": "aws", "service": "dynamodb", "wait": 5, "paginate": true}"#,
        ];
        let found = cases.map(|text| format!("{text}\n{}", found(text, &Values::default())));
        insta::assert_snapshot!(found.join("\n"));
    }

    #[test]
    fn what_is_open_is_not_judged() {
        let cases = [
            r#"{"type": "aws", "service": "${a}", "operation": "x"}"#,
            r#"{"type": "aws", "service": "docdb", "operation": "${a}", "wait": "db_instance_available"}"#,
            r#"{"type": "aws", "service": "docdb", "operation": "stop_db_cluster", "parameters": "${a}"}"#,
            r#"{"type": "aws", "service": "docdb", "operation": "describe_db_clusters", "query": "${a}[",
                "parameters": {"MaxRecords": "${a}", "Filters": ["${b}"]}, "paginate": "${c}"}"#,
            r#"{"type": "aws", "service": "s3", "operation": "list_objects_v2", "parameters": {"Bucket": "${a}"}}"#,
            r#"{"type": "aws", "service": "rds", "operation": "stop_db_cluster", "wait": "${a}",
                "parameters": {"DBClusterIdentifier": "${a}"}, "region": "${b}", "endpoint_url": "${c}"}"#,
            r#"{"type": "aws", "activity": "${a}"}"#,
        ];
        for text in cases {
            assert_eq!(found(text, &Values::default()), "", "{text}");
        }
    }

    #[test]
    fn values_are_judged_once_they_are_known() {
        let text = r#"{"type": "aws", "service": "${service}", "operation": "describe_db_clusters",
            "parameters": {"MaxRecords": "${records}", "Filters": "${filters}"}, "paginate": "${pages}"}"#;
        let right = json!({"service": "docdb", "records": 20, "filters": [], "pages": true});
        assert_eq!(found(text, &configured(right)), "");
        let wrong =
            json!({"service": "docdb", "records": "secret", "filters": [{"Name": 5}], "pages": "yes"});
        insta::assert_snapshot!(found(text, &configured(wrong)));
    }

    #[test]
    fn the_activity_wins_over_the_configuration() {
        let values = configured(json!({
            "aws_region": "cn-north-1", "aws_profile_name": "prod", "other": "eu-west-3",
            "aws_assume_role_arn": "arn:aws-cn:iam::1:role/r", "aws_assume_role_session_name": "s",
        }));
        let values = Values {
            secrets: [("keys".to_owned(), json!({"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}))]
                .into_iter()
                .collect(),
            ..values
        };
        let scope = |node: Value| {
            let activity = activity(ActivityKind::Action, &node);
            provider().native.scope(&activity.provider, &asked(node, &values).own, &values).unwrap()
        };
        let role = |arn: &str, session_name: &str, external_id: Option<&str>| AssumeRole {
            arn: arn.to_owned(),
            session_name: session_name.to_owned(),
            external_id: external_id.map(str::to_owned),
        };
        let call = json!({"type": "aws", "service": "sqs", "operation": "list_queues"});
        let expected = Scope {
            region: Some("cn-north-1".to_owned()),
            profile: Some("prod".to_owned()),
            assume_role: Some(role("arn:aws-cn:iam::1:role/r", "s", None)),
            ..Scope::default()
        };
        assert_eq!(scope(call.clone()), expected);
        let mut own = call;
        let keys = json!({
            "region": "${other}", "profile": "staging", "role_arn": "arn:aws:iam::2:role/q",
            "role_session_name": "t", "external_id": "e", "endpoint_url": "http://127.0.0.1:1",
            "secrets": ["keys"],
        });
        own.as_object_mut().unwrap().extend(as_map(keys));
        let expected = Scope {
            region: Some("eu-west-3".to_owned()),
            profile: Some("staging".to_owned()),
            assume_role: Some(role("arn:aws:iam::2:role/q", "t", Some("e"))),
            credentials: Some(StaticCredentials {
                access_key_id: "AK".to_owned(),
                secret_access_key: "SK".to_owned(),
                session_token: None,
            }),
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        };
        assert_eq!(scope(own), expected);
    }

    #[tokio::test]
    async fn nothing_is_called_that_is_wrong() {
        let wrong = [
            json!({"type": "aws", "service": "docdb", "operation": "stop_db_cluster", "parameters": {"X": "${a}"}}),
            json!({"type": "aws", "service": "docdb", "operation": "${a}"}),
            json!({"type": "aws", "service": "docdb", "operation": "stop_db_cluster",
                "parameters": {"DBClusterIdentifier": "a"}, "wait": "db_cluster_deleted"}),
            json!({"type": "aws", "activity": "docdb.stop_db_cluster", "arguments": {}}),
        ];
        let mut errors = String::new();
        for node in wrong {
            let failure = carry_out(&provider(), &activity(ActivityKind::Action, &node)).await.unwrap_err();
            assert_eq!(failure.happened, Happened::No);
            errors += &format!("{}\n  {}\n", failure.error, failure.help);
        }
        insta::assert_snapshot!(errors);
    }

    #[test]
    fn a_tolerance_gets_what_it_judges() {
        let node =
            json!({"type": "aws", "service": "sqs", "operation": "list_queues", "arguments": {"value": [1]}});
        let (activity, value) = judging(&activity(ActivityKind::Probe, &node)).unwrap();
        assert_eq!(value, json!([1]));
        assert_eq!(arguments(&activity.provider), json!({}));
        let node = json!({"type": "aws", "service": "sqs", "operation": "list_queues"});
        assert!(judging(&crate::testing::activity(ActivityKind::Probe, &node)).is_none());
    }

    #[test]
    fn only_probes_are_told_that_they_change_something() {
        let text = r#"{"type": "aws", "service": "sqs", "operation": "purge_queue", "parameters": {"QueueUrl": "a"}}"#;
        let told = problems(&provider(), ActivityKind::Probe, text);
        assert!(told.contains("Warning at \"purge_queue\"\n  `PurgeQueue` changes the system"), "{told}");
        assert_eq!(found(text, &Values::default()), "");
        let reading = text.replace("purge_queue", "get_queue_attributes");
        assert_eq!(problems(&provider(), ActivityKind::Probe, &reading), "");
    }

    /// Any JSON, much of it what parameters and providers consist of.
    fn json_like() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(Value::Null),
            "[a-z$é{}_]{0,6}|db_instance_available|DescribeDBClusters|docdb|docdb\\.cluster_status"
                .prop_map(Value::from),
        ];
        let key = "[a-zé]{0,3}|Filters|Name|Values|MaxRecords|DBClusterIdentifier|waiter|parameters";
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                hash_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_provider_is_understood_or_told_what_is_wrong(
            keys in hash_map(proptest::sample::select(asked::KEYS.to_vec()), json_like(), 0..8),
        ) {
            let mut node: Value = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            node["type"] = "aws".into();
            let text = serde_json::to_string_pretty(&node).unwrap();
            // Every place is one of the text, or this panics.
            found(&text, &Values::default());
            let activity = activity_of(ActivityKind::Action, &text);
            let (asked, problems) =
                read(&Aws::new(), &activity.provider, activity.kind, &Values::default(), |_| false);
            prop_assert!(asked.is_some() || problems.has_errors(), "{text}");
        }

        #[test]
        fn parameters_are_refused_when_boto3_refuses_them(
            parameters in hash_map("Filters|MaxRecords|DBClusterIdentifier|Marker|x", json_like(), 0..4),
        ) {
            let parameters: Value = parameters.into_iter().collect();
            let node = json!({"type": "aws", "service": "docdb", "operation": "describe_db_clusters",
                "parameters": parameters});
            let source = Source { name: "e".into(), text: node.to_string(), format: Format::Json };
            let document = parse_document(&source).0.unwrap();
            // As it is just before the call, when nothing is open.
            let (_, problems) =
                read(&Aws::new(), &document, ActivityKind::Action, &Values::default(), |_| false);
            // Texts are substituted first.
            let sent = Values::default().substitute(&parameters);
            let refused = Aws::new().validate("docdb", "DescribeDBClusters", &sent).is_err();
            prop_assert_eq!(problems.has_errors(), refused, "{}", told(&source.text, &problems));
        }
    }
}
