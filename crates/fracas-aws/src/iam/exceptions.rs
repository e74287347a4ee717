//! Where botocore's names are not IAM's. To add one: a row here; a test checks that the action exists.
//!
//! Source of each row: the service's page in the Service Authorization Reference,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/>.

use crate::model::Service;

/// Services whose prefix is neither the name they sign with nor their endpoint's.
const PREFIXES: &[(&str, &str)] = &[
    // Signs as `monitoring`.
    ("cloudwatch", "cloudwatch"),
    // Signs as `cloudcontrolapi`; its actions are CloudFormation's.
    ("cloudcontrol", "cloudformation"),
    // Sign as `iotdata`, `iot-jobs-data` and `IoTSecuredTunneling`.
    ("iot-data", "iot"),
    ("iot-jobs-data", "iotjobsdata"),
    ("iotsecuretunneling", "iot"),
    // Signs as `mturk-requester`.
    ("mturk", "mechanicalturk"),
    // Signs as `tagging`.
    ("resourcegroupstaggingapi", "tag"),
];

/// Service, operation, and the actions that it needs instead of the one of its own name.
const ACTIONS: &[(&str, &str, &[&str])] = &[
    // Any data goes over the one connection.
    ("apigatewaymanagementapi", "DeleteConnection", &["execute-api:ManageConnections"]),
    ("apigatewaymanagementapi", "GetConnection", &["execute-api:ManageConnections"]),
    ("apigatewaymanagementapi", "PostToConnection", &["execute-api:ManageConnections"]),
    // One action for all ways to run a model.
    ("bedrock-agent-runtime", "RetrieveAndGenerateStream", &["bedrock:RetrieveAndGenerate"]),
    ("bedrock-runtime", "Converse", &["bedrock:InvokeModel"]),
    ("bedrock-runtime", "ConverseStream", &["bedrock:InvokeModelWithResponseStream"]),
    ("bedrock-runtime", "StartAsyncInvoke", &["bedrock:InvokeModel"]),
    // PartiQL is allowed by what a statement does, which the parameters alone tell.
    ("dynamodb", "BatchExecuteStatement", PARTIQL),
    ("dynamodb", "ExecuteStatement", PARTIQL),
    ("dynamodb", "ExecuteTransaction", PARTIQL),
    // A transaction needs what its parts need.
    ("dynamodb", "TransactGetItems", &["dynamodb:GetItem"]),
    (
        "dynamodb",
        "TransactWriteItems",
        &["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    ),
    // Keyspaces allows by verb, as CQL does.
    ("keyspaces", "CreateKeyspace", &["cassandra:Create"]),
    ("keyspaces", "CreateTable", &["cassandra:Create"]),
    ("keyspaces", "CreateType", &["cassandra:Create"]),
    ("keyspaces", "DeleteKeyspace", &["cassandra:Drop"]),
    ("keyspaces", "DeleteTable", &["cassandra:Drop"]),
    ("keyspaces", "DeleteType", &["cassandra:Drop"]),
    ("keyspaces", "GetKeyspace", &["cassandra:Select"]),
    ("keyspaces", "GetTable", &["cassandra:Select"]),
    ("keyspaces", "GetTableAutoScalingSettings", &["cassandra:Select"]),
    ("keyspaces", "GetType", &["cassandra:Select"]),
    ("keyspaces", "ListKeyspaces", &["cassandra:Select"]),
    ("keyspaces", "ListTables", &["cassandra:Select"]),
    ("keyspaces", "ListTagsForResource", &["cassandra:Select"]),
    ("keyspaces", "ListTypes", &["cassandra:Select"]),
    ("keyspaces", "RestoreTable", &["cassandra:Restore", "cassandra:Select"]),
    ("keyspaces", "UpdateKeyspace", &["cassandra:Alter"]),
    ("keyspaces", "UpdateTable", &["cassandra:Alter"]),
    // Taken apart into the two keys' sides.
    ("kms", "ReEncrypt", &["kms:ReEncryptFrom", "kms:ReEncryptTo"]),
    // The API says Invoke, the action InvokeFunction, however it is invoked.
    ("lambda", "GetLayerVersionByArn", &["lambda:GetLayerVersion"]),
    ("lambda", "Invoke", &["lambda:InvokeFunction"]),
    ("lambda", "InvokeAsync", &["lambda:InvokeFunction"]),
    ("lambda", "InvokeWithResponseStream", &["lambda:InvokeFunction"]),
    // S3's actions are older than its API's names; deleting a setting is putting it.
    ("s3", "CompleteMultipartUpload", &["s3:PutObject"]),
    ("s3", "CopyObject", &["s3:GetObject", "s3:PutObject"]),
    ("s3", "CreateBucketMetadataConfiguration", &["s3:CreateBucketMetadataTableConfiguration"]),
    ("s3", "CreateMultipartUpload", &["s3:PutObject"]),
    ("s3", "CreateSession", &["s3express:CreateSession"]),
    ("s3", "DeleteBucketAnalyticsConfiguration", &["s3:PutAnalyticsConfiguration"]),
    ("s3", "DeleteBucketCors", &["s3:PutBucketCORS"]),
    ("s3", "DeleteBucketEncryption", &["s3:PutEncryptionConfiguration"]),
    ("s3", "DeleteBucketIntelligentTieringConfiguration", &["s3:PutIntelligentTieringConfiguration"]),
    ("s3", "DeleteBucketInventoryConfiguration", &["s3:PutInventoryConfiguration"]),
    ("s3", "DeleteBucketLifecycle", &["s3:PutLifecycleConfiguration"]),
    ("s3", "DeleteBucketMetadataConfiguration", &["s3:DeleteBucketMetadataTableConfiguration"]),
    ("s3", "DeleteBucketMetricsConfiguration", &["s3:PutMetricsConfiguration"]),
    ("s3", "DeleteBucketOwnershipControls", &["s3:PutBucketOwnershipControls"]),
    ("s3", "DeleteBucketReplication", &["s3:PutReplicationConfiguration"]),
    ("s3", "DeleteBucketTagging", &["s3:PutBucketTagging"]),
    ("s3", "DeleteObjects", &["s3:DeleteObject"]),
    ("s3", "DeletePublicAccessBlock", &["s3:PutBucketPublicAccessBlock"]),
    ("s3", "GetBucketAccelerateConfiguration", &["s3:GetAccelerateConfiguration"]),
    ("s3", "GetBucketAnalyticsConfiguration", &["s3:GetAnalyticsConfiguration"]),
    ("s3", "GetBucketEncryption", &["s3:GetEncryptionConfiguration"]),
    ("s3", "GetBucketIntelligentTieringConfiguration", &["s3:GetIntelligentTieringConfiguration"]),
    ("s3", "GetBucketInventoryConfiguration", &["s3:GetInventoryConfiguration"]),
    ("s3", "GetBucketLifecycle", &["s3:GetLifecycleConfiguration"]),
    ("s3", "GetBucketLifecycleConfiguration", &["s3:GetLifecycleConfiguration"]),
    ("s3", "GetBucketMetadataConfiguration", &["s3:GetBucketMetadataTableConfiguration"]),
    ("s3", "GetBucketMetricsConfiguration", &["s3:GetMetricsConfiguration"]),
    ("s3", "GetBucketNotificationConfiguration", &["s3:GetBucketNotification"]),
    ("s3", "GetBucketReplication", &["s3:GetReplicationConfiguration"]),
    // Who may not list a bucket is told that a missing object is forbidden, not that it is missing.
    ("s3", "GetObject", &["s3:GetObject", "s3:ListBucket"]),
    ("s3", "GetObjectAttributes", &["s3:GetObject", "s3:GetObjectAttributes"]),
    ("s3", "GetObjectLockConfiguration", &["s3:GetBucketObjectLockConfiguration"]),
    ("s3", "GetPublicAccessBlock", &["s3:GetBucketPublicAccessBlock"]),
    ("s3", "HeadBucket", &["s3:ListBucket"]),
    ("s3", "HeadObject", &["s3:GetObject", "s3:ListBucket"]),
    ("s3", "ListBucketAnalyticsConfigurations", &["s3:GetAnalyticsConfiguration"]),
    ("s3", "ListBucketIntelligentTieringConfigurations", &["s3:GetIntelligentTieringConfiguration"]),
    ("s3", "ListBucketInventoryConfigurations", &["s3:GetInventoryConfiguration"]),
    ("s3", "ListBucketMetricsConfigurations", &["s3:GetMetricsConfiguration"]),
    ("s3", "ListBuckets", &["s3:ListAllMyBuckets"]),
    ("s3", "ListDirectoryBuckets", &["s3express:ListAllMyDirectoryBuckets"]),
    ("s3", "ListMultipartUploads", &["s3:ListBucketMultipartUploads"]),
    ("s3", "ListObjectVersions", &["s3:ListBucketVersions"]),
    ("s3", "ListObjects", &["s3:ListBucket"]),
    ("s3", "ListObjectsV2", &["s3:ListBucket"]),
    ("s3", "ListParts", &["s3:ListMultipartUploadParts"]),
    ("s3", "PutBucketAccelerateConfiguration", &["s3:PutAccelerateConfiguration"]),
    ("s3", "PutBucketAnalyticsConfiguration", &["s3:PutAnalyticsConfiguration"]),
    ("s3", "PutBucketEncryption", &["s3:PutEncryptionConfiguration"]),
    ("s3", "PutBucketIntelligentTieringConfiguration", &["s3:PutIntelligentTieringConfiguration"]),
    ("s3", "PutBucketInventoryConfiguration", &["s3:PutInventoryConfiguration"]),
    ("s3", "PutBucketLifecycle", &["s3:PutLifecycleConfiguration"]),
    ("s3", "PutBucketLifecycleConfiguration", &["s3:PutLifecycleConfiguration"]),
    ("s3", "PutBucketMetricsConfiguration", &["s3:PutMetricsConfiguration"]),
    ("s3", "PutBucketNotificationConfiguration", &["s3:PutBucketNotification"]),
    ("s3", "PutBucketReplication", &["s3:PutReplicationConfiguration"]),
    ("s3", "PutObjectLockConfiguration", &["s3:PutBucketObjectLockConfiguration"]),
    ("s3", "PutPublicAccessBlock", &["s3:PutBucketPublicAccessBlock"]),
    ("s3", "RenameObject", &["s3express:CreateSession"]),
    ("s3", "SelectObjectContent", &["s3:GetObject"]),
    ("s3", "UploadPart", &["s3:PutObject"]),
    ("s3", "UploadPartCopy", &["s3:GetObject", "s3:PutObject"]),
    ("s3", "WriteGetObjectResponse", &["s3-object-lambda:WriteGetObjectResponse"]),
    // The account's block, where s3 itself means the bucket's.
    ("s3control", "DeletePublicAccessBlock", &["s3:PutAccountPublicAccessBlock"]),
    ("s3control", "GetPublicAccessBlock", &["s3:GetAccountPublicAccessBlock"]),
    ("s3control", "PutPublicAccessBlock", &["s3:PutAccountPublicAccessBlock"]),
    // A batch needs what one needs.
    ("sns", "PublishBatch", &["sns:Publish"]),
    ("sqs", "ChangeMessageVisibilityBatch", &["sqs:ChangeMessageVisibility"]),
    ("sqs", "DeleteMessageBatch", &["sqs:DeleteMessage"]),
    ("sqs", "SendMessageBatch", &["sqs:SendMessage"]),
    // A query is a SELECT.
    ("timestream-query", "Query", &["timestream:Select"]),
];

const PARTIQL: &[&str] =
    &["dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate"];

/// The prefix of a service where the table has one.
pub fn prefix(service: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(name, _)| *name == service).map(|(_, prefix)| *prefix)
}

/// The full names of the actions of an operation where the table has them.
pub fn actions(service: &Service, operation: &str) -> Option<Vec<String>> {
    // API Gateway allows by HTTP method and path.
    if service.metadata.signing_name == "apigateway" {
        let method = service.operation(operation)?.method;
        return Some(vec![format!("apigateway:{method}")]);
    }
    let is_it = |row: &&(&str, &str, &[&str])| row.0 == service.name && row.1 == operation;
    let (_, _, actions) = ACTIONS.iter().find(is_it)?;
    Some(actions.iter().map(|name| (*name).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{self, action};
    use crate::model::embedded;

    #[test]
    fn every_row_names_a_service_and_actions_that_exist() {
        for (service, prefix) in PREFIXES {
            assert!(embedded::service(service).is_some(), "{service}");
            assert!(iam::prefixes().any(|known| known == *prefix), "{prefix}");
        }
        for (service, operation, names) in ACTIONS {
            let service = embedded::service(service).unwrap();
            assert!(service.operation(operation).is_some(), "{}: {operation}", service.name);
            for name in *names {
                assert_eq!(action(name).unwrap().name, *name);
            }
        }
    }

    #[test]
    fn no_row_is_there_twice_or_for_nothing() {
        let keys: Vec<_> = ACTIONS.iter().map(|(service, operation, _)| (service, operation)).collect();
        assert!(keys.is_sorted_by(|one, next| one < next));
        for (service, operation, names) in ACTIONS {
            let own = format!("{service}:{operation}");
            assert!(!matches!(names, [name] if name.eq_ignore_ascii_case(&own)), "{own}");
        }
    }
}
