"""Starts moto, fills it through boto3, and prints what boto3 gets from a list of calls.

First line: the address. Then one line a call: service, operation, parameters, how (call or all),
and the result, or the error's class and text. Then waits for the end of its input.
"""

import datetime
import json
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
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
]
LISTINGS = [
    ("sns", "ListTopics", {}),
    ("rds", "DescribeDBInstances", {"MaxRecords": 20}),
    ("iam", "ListUsers", {"MaxItems": 2}),
    ("cloudformation", "ListStacks", {}),
    ("autoscaling", "DescribeAutoScalingGroups", {"MaxRecords": 1}),
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
    raise TypeError(type(value))


def main():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"

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
