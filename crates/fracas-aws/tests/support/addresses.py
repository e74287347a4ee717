"""Prints where boto3 would send calls and how it would sign them, one JSON line a call.

A line is [service, operation, parameters, region, dual-stack, outcome]; an outcome is [URL, signature version, signing
region, signing name], or an exception's [class, text]. Nothing is sent.
"""

import json
import os
import sys

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.signers import RequestSigner

REGIONS = [None, "cn-north-1", "fips-us-east-1"]
MORE_REGIONS = ["us-east-1", "eu-west-1", "us-gov-west-1-fips", "xx-north-9", "not fit", "aws-global"]
# Those that have an endpoint for a whole partition, or an old signature.
SPECIAL = ["docdb", "iam", "importexport", "sdb", "sts"]
ARNS = [
    "arn:aws:s3:us-west-2:123456789012:accesspoint:name",
    "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:name",
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/name",
]


class Captured(Exception):
    pass


def capture(self, signing_name, region_name, signature_version=None, **kwargs):
    raise Captured(signature_version, region_name, signing_name)


def outcome(session, service, operation, params, region, dual):
    urls = []
    config = Config(parameter_validation=False, use_dualstack_endpoint=dual)
    try:
        client = session.create_client(service, region_name=region, config=config)
        client.meta.events.register("before-sign", lambda request, **kwargs: urls.append(request.url))
        getattr(client, xform_name(operation))(**params)
    except Captured as captured:
        return [urls[0].partition("?")[0], *captured.args]
    except Exception as error:
        return [f"{type(error).__module__}.{type(error).__qualname__}", str(error)]


def main():
    session = botocore.session.Session()
    session.set_credentials("id", "secret")
    # It is asked for the signer last, when all is decided.
    RequestSigner.get_auth_instance = capture
    calls = [("docdb", "DescribeDBClusters", {}, region, True) for region in ("us-iso-east-1", "fips-us-iso-east-1")]
    for service in session.get_available_services():
        model = session.get_service_model(service)
        if model.resolved_protocol == "query":
            regions = REGIONS + (MORE_REGIONS if service in SPECIAL else [])
            calls += [(service, model.operation_names[0], {}, region, False) for region in regions]
    for bucket in ARNS:
        for operation in ("ListObjectsV2", "GetBucketLocation"):
            calls.append(("s3", operation, {"Bucket": bucket}, "us-west-2", False))
    for call in calls:
        print(json.dumps([*call, outcome(session, *call)]))


sys.exit(main())
