"""Starts moto, fills it through boto3, and prints what boto3 gets from a list of calls.

First line: the address. Then one line a call: service, operation, parameters, how (call or all),
and the result, or the error's class and text. Then waits for the end of its input.
"""

import base64
import datetime
import functools
import json
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from moto.sns import sns_backends
from moto.server import ThreadedMotoServer

CALLS = [
    ("docdb", "DescribeDBClusters", {}),
    ("docdb", "DescribeDBClusters", {"DBClusterIdentifier": "cluster-1"}),
    ("docdb", "DescribeDBClusters", {"DBClusterIdentifier": "nope"}),
    ("docdb", "FailoverDBCluster", {"DBClusterIdentifier": "nope"}),
    ("docdb", "DescribeDBInstances", {}),
    ("neptune", "DescribeDBClusters", {}),
    ("rds", "DescribeDBClusters", {"Filters": [{"Name": "engine", "Values": ["aurora-mysql"]}]}),
    ("rds", "DescribeDBInstances", {}),
    ("rds", "DescribeDBInstances", {"DBInstanceIdentifier": "nope"}),
    ("rds", "DescribeDBSnapshots", {}),
    ("rds", "ListTagsForResource", {"ResourceName": "arn:aws:rds:us-east-1:123456789012:db:instance-1"}),
    ("rds", "DescribeDBParameters", {}),
    ("iam", "ListUsers", {}),
    ("iam", "GetUser", {"UserName": "zoë"}),
    ("iam", "GetUser", {"UserName": "nope"}),
    ("iam", "ListRoles", {"PathPrefix": "/x/"}),
    ("iam", "ListAttachedUserPolicies", {"UserName": "nope"}),
    ("iam", "GetAccountSummary", {}),
    ("sts", "GetCallerIdentity", {}),
    ("sts", "AssumeRole", {"RoleArn": "x"}),
    ("elbv2", "DescribeLoadBalancers", {}),
    ("elbv2", "DescribeTargetGroups", {}),
    ("elbv2", "DescribeTargetGroups", {"Names": ["nope"]}),
    ("autoscaling", "DescribeAutoScalingGroups", {}),
    ("autoscaling", "DescribeLaunchConfigurations", {}),
    ("autoscaling", "DescribePolicies", {"AutoScalingGroupName": "nope"}),
    ("cloudformation", "DescribeStacks", {}),
    ("cloudformation", "DescribeStacks", {"StackName": "nope"}),
    ("cloudformation", "ListStackResources", {"StackName": "stack-1"}),
    ("cloudformation", "GetTemplateSummary", {"StackName": "stack-1"}),
    ("sns", "ListTopics", {}),
    ("sns", "GetTopicAttributes", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:topic-0"}),
    ("sns", "GetTopicAttributes", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:nope"}),
    ("sns", "DeleteTopic", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:nope"}),
    ("elasticache", "DescribeCacheClusters", {}),
    ("redshift", "DescribeClusters", {}),
    ("acm", "ListCertificates", {}),
    ("acm", "DescribeCertificate", {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/nope"}),
    ("apigateway", "GetRestApis", {}),
    ("apigateway", "GetRestApi", {"restApiId": "nope"}),
    ("apigatewayv2", "GetApis", {}),
    ("apigatewayv2", "GetApi", {"ApiId": "nope"}),
    ("appconfig", "GetApplication", {"ApplicationId": "nope"}),
    ("application-autoscaling", "DescribeScalableTargets", {"ServiceNamespace": "ecs"}),
    ("athena", "ListDataCatalogs", {}),
    ("athena", "GetQueryExecution", {"QueryExecutionId": "nope"}),
    ("backup", "ListBackupVaults", {}),
    ("batch", "DescribeJobQueues", {}),
    ("budgets", "DescribeBudgets", {"AccountId": "123456789012"}),
    ("cloudfront", "ListDistributions", {}),
    ("cloudfront", "GetDistribution", {"Id": "nope"}),
    ("cloudtrail", "DescribeTrails", {}),
    ("cloudwatch", "DescribeAlarms", {}),
    ("cloudwatch", "ListMetrics", {"Namespace": "Own"}),
    ("cloudwatch", "GetDashboard", {"DashboardName": "nope"}),
    ("codecommit", "GetRepository", {"repositoryName": "code"}),
    ("codecommit", "GetRepository", {"repositoryName": "nope"}),
    ("cognito-idp", "ListUserPools", {"MaxResults": 5}),
    ("cognito-idp", "DescribeUserPool", {"UserPoolId": "us-east-1_nope"}),
    ("config", "DescribeConfigRules", {}),
    ("dynamodb", "ListTables", {}),
    ("dynamodb", "DescribeTable", {"TableName": "table"}),
    ("dynamodb", "GetItem", {"TableName": "table", "Key": {"id": {"S": "é"}}}),
    ("dynamodb", "GetItem", {"TableName": "table", "Key": {"id": {"N": "1"}}}),
    ("dynamodb", "Scan", {"TableName": "table", "ReturnConsumedCapacity": "TOTAL"}),
    ("dynamodb", "PutItem", {"TableName": "other", "Item": {"id": {"S": "new"}, "b": {"B": b"\x00\xff"}}}),
    ("dynamodb", "DescribeTable", {"TableName": "nope"}),
    ("dynamodbstreams", "ListStreams", {}),
    ("ec2", "DescribeVpcs", {}),
    ("ec2", "DescribeInstances", {}),
    ("ec2", "DescribeSecurityGroups", {}),
    ("ec2", "DescribeImages", {"Owners": ["amazon"], "Filters": [{"Name": "name", "Values": ["amzn2*"]}]}),
    ("ec2", "DescribeAvailabilityZones", {}),
    ("ec2", "StopInstances", {"InstanceIds": ["i-0123456789abcdef0"]}),
    ("ec2", "TerminateInstances", {"InstanceIds": ["i-nope"], "DryRun": True}),
    ("ecr", "DescribeRepositories", {}),
    ("ecr", "ListImages", {"repositoryName": "nope"}),
    ("ecs", "ListClusters", {}),
    ("ecs", "DescribeClusters", {"clusters": ["cluster", "nope"]}),
    ("ecs", "DescribeServices", {"cluster": "nope", "services": ["x"]}),
    ("efs", "DescribeAccessPoints", {}),
    ("efs", "DescribeFileSystems", {"FileSystemId": "fs-nope"}),
    ("eks", "ListClusters", {}),
    ("eks", "DescribeCluster", {"name": "nope"}),
    ("elb", "DescribeLoadBalancers", {}),
    ("elb", "DescribeLoadBalancers", {"LoadBalancerNames": ["nope"]}),
    ("emr", "ListClusters", {}),
    ("events", "ListRules", {}),
    ("events", "DescribeRule", {"Name": "nope"}),
    ("firehose", "ListDeliveryStreams", {}),
    ("fis", "ListExperimentTemplates", {}),
    ("fis", "GetExperimentTemplate", {"id": "nope"}),
    ("glacier", "ListVaults", {}),
    ("glue", "GetDatabases", {}),
    ("glue", "GetDatabase", {"Name": "nope"}),
    ("guardduty", "ListDetectors", {}),
    ("iot", "ListThings", {}),
    ("iot", "DescribeThing", {"thingName": "nope"}),
    ("kafka", "ListClustersV2", {}),
    ("kinesis", "DescribeStreamSummary", {"StreamName": "stream"}),
    ("kinesis", "ListShards", {"StreamName": "stream"}),
    ("kinesis", "DescribeStream", {"StreamName": "nope"}),
    ("kms", "ListAliases", {}),
    ("kms", "DescribeKey", {"KeyId": "alias/key"}),
    ("kms", "DescribeKey", {"KeyId": "alias/nope"}),
    ("lambda", "ListFunctions", {}),
    ("lambda", "GetFunctionConfiguration", {"FunctionName": "function"}),
    ("lambda", "GetFunction", {"FunctionName": "nope"}),
    ("logs", "DescribeLogGroups", {}),
    ("logs", "GetLogEvents", {"logGroupName": "group", "logStreamName": "stream"}),
    ("logs", "DescribeLogStreams", {"logGroupName": "nope"}),
    ("mq", "ListBrokers", {}),
    ("opensearch", "ListDomainNames", {}),
    ("organizations", "DescribeOrganization", {}),
    ("resource-groups", "ListGroups", {}),
    ("resourcegroupstaggingapi", "GetResources", {"ResourceTypeFilters": ["sqs"]}),
    ("route53", "ListHostedZones", {}),
    ("route53", "GetHostedZone", {"Id": "/hostedzone/nope"}),
    ("s3", "ListBuckets", {}),
    ("s3", "ListObjectsV2", {"Bucket": "a-bucket"}),
    ("s3", "ListObjectsV2", {"Bucket": "a-bucket", "Prefix": "ä b/", "Delimiter": "/"}),
    ("s3", "GetObject", {"Bucket": "a-bucket", "Key": "ä b/c+d"}),
    ("s3", "GetObject", {"Bucket": "a-bucket", "Key": "ä b/c+d", "Range": "bytes=1-3"}),
    ("s3", "HeadObject", {"Bucket": "a-bucket", "Key": "ä b/c+d"}),
    ("s3", "PutObject", {"Bucket": "b-bucket", "Key": "new", "Body": b"\x00text", "ContentType": "text/x"}),
    ("s3", "GetBucketTagging", {"Bucket": "a-bucket"}),
    ("s3", "GetObject", {"Bucket": "a-bucket", "Key": "nope"}),
    ("s3", "HeadObject", {"Bucket": "a-bucket", "Key": "nope"}),
    ("s3", "ListObjectsV2", {"Bucket": "no-bucket"}),
    ("scheduler", "ListSchedules", {}),
    ("scheduler", "GetSchedule", {"Name": "nope"}),
    ("secretsmanager", "ListSecrets", {}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "secret"}),
    ("secretsmanager", "GetSecretValue", {"SecretId": "nope"}),
    ("servicediscovery", "ListNamespaces", {}),
    ("ses", "ListIdentities", {}),
    ("sesv2", "ListEmailIdentities", {}),
    ("sqs", "ListQueues", {}),
    ("sqs", "GetQueueUrl", {"QueueName": "queue"}),
    ("sqs", "GetQueueUrl", {"QueueName": "nope"}),
    ("ssm", "GetParameter", {"Name": "/a/parameter"}),
    ("ssm", "GetParametersByPath", {"Path": "/a", "Recursive": True}),
    ("ssm", "GetParameter", {"Name": "/nope"}),
    ("stepfunctions", "ListStateMachines", {}),
    ("stepfunctions", "DescribeStateMachine", {
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:nope",
    }),
    ("swf", "ListDomains", {"registrationStatus": "REGISTERED"}),
    ("transfer", "ListServers", {}),
    ("wafv2", "ListWebACLs", {"Scope": "REGIONAL"}),
    ("workspaces", "DescribeWorkspaces", {}),
    ("xray", "BatchGetTraces", {"TraceIds": ["1"]}),
]
LISTINGS = [
    ("sns", "ListTopics", {}),
    ("rds", "DescribeDBInstances", {"MaxRecords": 20}),
    ("iam", "ListUsers", {"MaxItems": 2}),
    ("cloudformation", "ListStacks", {}),
    ("autoscaling", "DescribeAutoScalingGroups", {"MaxRecords": 1}),
]
# What the services have, beside what takes more than a call.
THINGS = [
    ("s3", "CreateBucket", {"Bucket": "a-bucket"}),
    ("s3", "CreateBucket", {"Bucket": "b-bucket"}),
    ("acm", "RequestCertificate", {"DomainName": "example.com"}),
    ("apigateway", "CreateRestApi", {"name": "api", "tags": {"k": "v"}}),
    ("apigatewayv2", "CreateApi", {"Name": "api", "ProtocolType": "HTTP"}),
    ("appconfig", "CreateApplication", {"Name": "application"}),
    ("backup", "CreateBackupVault", {"BackupVaultName": "vault"}),
    ("cloudtrail", "CreateTrail", {"Name": "trail", "S3BucketName": "a-bucket"}),
    ("cloudwatch", "PutMetricAlarm", {
        "AlarmName": "alarm", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold", "Threshold": 0.25,
        "MetricName": "m", "Namespace": "Own", "Period": 60, "Statistic": "Sum",
    }),
    ("cloudwatch", "PutMetricData", {
        "Namespace": "Own", "MetricData": [{"MetricName": "m", "Value": 1.5, "Dimensions": [{"Name": "d",
        "Value": "v"}]}],
    }),
    ("codecommit", "CreateRepository", {"repositoryName": "code"}),
    ("cognito-idp", "CreateUserPool", {"PoolName": "pool"}),
    ("dynamodb", "CreateTable", {
        "TableName": "table", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }),
    ("dynamodb", "CreateTable", {
        "TableName": "other", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST",
    }),
    ("dynamodb", "PutItem", {
        "TableName": "table", "Item": {"id": {"S": "é"}, "n": {"N": "1.50"}, "l": {"L": [{"NULL": True},
        {"BOOL": False}]}, "bs": {"BS": [b"\xff"]}},
    }),
    ("ec2", "RunInstances", {"ImageId": "ami-12c6146b", "MinCount": 2, "MaxCount": 2, "InstanceType": "t3.micro"}),
    ("ecr", "CreateRepository", {"repositoryName": "images"}),
    ("ecs", "CreateCluster", {"clusterName": "cluster", "tags": [{"key": "k", "value": "v"}]}),
    ("elb", "CreateLoadBalancer", {
        "LoadBalancerName": "classic", "Listeners": [{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}],
        "AvailabilityZones": ["us-east-1a"],
    }),
    ("events", "PutRule", {"Name": "rule", "ScheduleExpression": "rate(1 hour)"}),
    ("fis", "CreateExperimentTemplate", {
        "clientToken": "t", "description": "d", "stopConditions": [{"source": "none"}], "actions": {},
        "roleArn": "arn:aws:iam::123456789012:role/x/role",
    }),
    ("glacier", "CreateVault", {"vaultName": "vault"}),
    ("glue", "CreateDatabase", {"DatabaseInput": {"Name": "database"}}),
    ("guardduty", "CreateDetector", {"Enable": True}),
    ("iot", "CreateThing", {"thingName": "thing", "attributePayload": {"attributes": {"a": "b"}}}),
    ("kinesis", "CreateStream", {"StreamName": "stream", "ShardCount": 2}),
    ("lambda", "CreateFunction", {
        "FunctionName": "function", "Role": "arn:aws:iam::123456789012:role/x/role", "Code": {"ZipFile": b"zip"},
        "Runtime": "python3.12", "Handler": "a.b", "Environment": {"Variables": {"é": "1"}},
    }),
    ("logs", "CreateLogGroup", {"logGroupName": "group"}),
    ("logs", "CreateLogStream", {"logGroupName": "group", "logStreamName": "stream"}),
    ("logs", "PutLogEvents", {
        "logGroupName": "group", "logStreamName": "stream", "logEvents": [{"timestamp": 1795000000000,
        "message": "é"}],
    }),
    ("organizations", "CreateOrganization", {"FeatureSet": "ALL"}),
    ("route53", "CreateHostedZone", {
        "Name": "example.com", "CallerReference": "1", "HostedZoneConfig": {"Comment": "a & b"},
    }),
    ("s3", "PutObject", {"Bucket": "a-bucket", "Key": "ä b/c+d", "Body": b"some text", "Metadata": {"k": "v"}}),
    ("s3", "PutBucketTagging", {"Bucket": "a-bucket", "Tagging": {"TagSet": [{"Key": "k", "Value": "<&>"}]}}),
    ("scheduler", "CreateSchedule", {
        "Name": "schedule", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:queue",
        "RoleArn": "arn:aws:iam::123456789012:role/x/role"},
    }),
    ("secretsmanager", "CreateSecret", {"Name": "secret", "SecretString": "é"}),
    ("servicediscovery", "CreateHttpNamespace", {"Name": "namespace"}),
    ("ses", "VerifyEmailIdentity", {"EmailAddress": "a@example.com"}),
    ("sqs", "CreateQueue", {"QueueName": "queue", "Attributes": {"DelaySeconds": "5"}, "tags": {"k": "v"}}),
    ("ssm", "PutParameter", {"Name": "/a/parameter", "Value": "é", "Type": "String"}),
    ("stepfunctions", "CreateStateMachine", {
        "name": "machine", "definition": "{}", "roleArn": "arn:aws:iam::123456789012:role/x/role",
    }),
    ("swf", "RegisterDomain", {"name": "domain", "workflowExecutionRetentionPeriodInDays": "1"}),
    ("wafv2", "CreateWebACL", {
        "Name": "acl", "Scope": "REGIONAL", "DefaultAction": {"Allow": {}},
        "VisibilityConfig": {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"},
    }),
]
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-stack"}}}})


def fill(client):
    neptune = client("neptune")
    for number in range(2):
        neptune.create_db_cluster(DBClusterIdentifier=f"cluster-{number}", Engine="neptune", Tags=[{"Key": "a", "Value": ""}])
    neptune.create_db_instance(DBInstanceIdentifier="n", DBInstanceClass="db.r5.large", Engine="neptune", DBClusterIdentifier="cluster-1")
    rds = client("rds")
    for number in range(25):
        rds.create_db_instance(
            DBInstanceIdentifier=f"instance-{number}", DBInstanceClass="db.t3.micro", Engine="postgres",
            MasterUsername="u", MasterUserPassword="password", AllocatedStorage=20, Tags=[{"Key": "k", "Value": "v & <w>"}],
        )
    rds.create_db_snapshot(DBSnapshotIdentifier="snapshot", DBInstanceIdentifier="instance-1")
    iam = client("iam")
    for name in ["zoë", "ann", "bob"]:
        iam.create_user(UserName=name, Tags=[{"Key": "k", "Value": name}])
    iam.create_role(RoleName="role", Path="/x/", AssumeRolePolicyDocument="{}", MaxSessionDuration=3600)
    for number in range(120):
        # More than a page: past the server, to save time.
        sns_backends["123456789012"]["us-east-1"].create_topic(f"topic-{number}")
    ec2 = client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    elbv2 = client("elbv2")
    elbv2.create_load_balancer(Name="balancer", Subnets=subnets)
    elbv2.create_target_group(Name="targets", Protocol="HTTP", Port=80, VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"])
    scaling = client("autoscaling")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    scaling.create_launch_configuration(LaunchConfigurationName="launch", ImageId=image, InstanceType="t3.micro", UserData="")
    for name in ["group-a", "group-b"]:
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchConfigurationName="launch", MinSize=0, MaxSize=2, DesiredCapacity=1,
            AvailabilityZones=["us-east-1a"], Tags=[{"Key": "k", "Value": "v", "PropagateAtLaunch": True}],
        )
    client("cloudformation").create_stack(StackName="stack-1", TemplateBody=TEMPLATE)
    kms = client("kms")
    kms.create_alias(AliasName="alias/key", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    for service, operation, params in THINGS:
        getattr(client(service), xform_name(operation))(**params)


def ask(client, operation, params, how):
    method = xform_name(operation)
    try:
        if how == "all":
            return {"result": client.get_paginator(method).paginate(**params).build_full_result()}
        return {"result": getattr(client, method)(**params)}
    except (ClientError, BotoCoreError) as error:
        return {"class": f"{type(error).__module__}.{type(error).__qualname__}", "error": str(error)}


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, (bytes, StreamingBody)):
        return base64.b64encode(value if isinstance(value, bytes) else value.read()).decode()
    raise TypeError(type(value))


def main():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"

    @functools.cache
    def client(name):
        return boto3.client(
            name, endpoint_url=address, region_name="us-east-1", aws_access_key_id="AKIDENV", aws_secret_access_key="s"
        )

    fill(client)
    print(json.dumps({"address": address}))
    asked = [(*call, "call") for call in CALLS] + [(*call, "all") for call in LISTINGS]
    for service, operation, params, how in asked:
        line = {"service": service, "operation": operation, "params": params, "do": how}
        line.update(ask(client(service), operation, params, how))
        print(json.dumps(line, default=plain))
    print(json.dumps({"done": True}), flush=True)
    sys.stdin.read()
    server.stop()


sys.exit(main())
