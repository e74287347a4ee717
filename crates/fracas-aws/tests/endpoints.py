"""Prints botocore's endpoints as JSON lines, for the Rust evaluator to be compared with.

`endpoints.py regions`: every service in every region. A line is [service, outcomes]: regions in the order
of partitions.json, then an unknown one and none, each with all four settings of FIPS and dual-stack.

`endpoints.py odd`: unusual values for the services with unusual rules. A line is [service, parameters, outcome].

An outcome is [url, authSchemes] or an error's text.

`endpoints.py settings`: what clients of various settings bind. A line is [settings, values by builtIn name].
"""

import itertools
import json
import sys

import botocore.session
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

VARIANTS = [(False, False), (False, True), (True, False), (True, True)]


def bound(provider, builtins):
    """The parameters that the client's settings fill."""
    parameters = {}
    for name, definition in provider.ruleset.parameters.items():
        value = builtins.get(definition.builtin)
        if value is not None:
            parameters[name] = value
    return parameters


def outcome(provider, parameters):
    try:
        # Past the cache, which holds no more than the last hundred answers.
        endpoint = provider._resolve_endpoint.__wrapped__(provider, **parameters)
    except EndpointProviderError as error:
        return str(error)
    except KeyError as error:
        # botocore trips over a rule that uses a region without asking whether there is one.
        return f"an endpoint rule needs `{error.args[0]}`, which is not set"
    return [endpoint.url, endpoint.properties.get("authSchemes")]


def regions(loader, partitions):
    regions = [region for partition in partitions["partitions"] for region in partition["regions"]]
    for service in loader.list_available_services("endpoint-rule-set-1"):
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        outcomes = [
            outcome(provider, bound(provider, builtins(region, *variant)))
            for region in [*regions, "xx-north-9", None]
            for variant in VARIANTS
        ]
        print(json.dumps([service, outcomes]))


def builtins(region, use_fips, use_dual_stack):
    """What botocore's ClientArgsCreator binds for a client without further settings."""
    return {
        "AWS::Region": region,
        "AWS::UseFIPS": use_fips,
        "AWS::UseDualStack": use_dual_stack,
        "AWS::Auth::AccountIdEndpointMode": "preferred",
        "AWS::STS::UseGlobalEndpoint": False,
        "AWS::S3::UseGlobalEndpoint": region in ("us-east-1", None),
        "AWS::S3::Accelerate": False,
        "AWS::S3::ForcePathStyle": False,
        "AWS::S3::UseArnRegion": True,
        "AWS::S3Control::UseArnRegion": False,
        "AWS::S3::DisableMultiRegionAccessPoints": False,
    }


ARNS = [
    "arn:aws:s3:us-west-2:123456789012:accesspoint:name",
    "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/name",
    "arn:aws:s3::123456789012:accesspoint:name.mrap",
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/name",
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/bucket/name",
    "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/name",
    "arn:aws:s3:us-west-2:123456789012:bucket_name",
    "arn:aws:kinesis:us-east-1:123456789012:stream/name",
    "arn:aws:dynamodb:us-east-1:222222222222:table/name",
    "arn:aws:cloudfront::123456789012:key-value-store/name",
    "arn:aws:s3",
    "arn:aws::::",
    "arn:",
]
BUCKETS = [
    "name",
    "a.b.c",
    "a..b",
    "UPPER",
    "-no",
    "no-",
    "192.168.0.1",
    "ab",
    "x" * 64,
    "with space",
    "ü-umlaut",
    "name--usw2-az1--x-s3",
    "name--use1-az5--xa-s3",
    "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefgho0--op-s3",
    "",
]
ENDPOINTS = [
    "https://example.com",
    "https://example.com:8443/some//path/../end?",
    "http://127.0.0.1:5000",
    "http://[::1]:5000/",
    "http://user@999.999.999.999",
    "https://example.com?query=1",
    "https://example.com:port",
    "HTTPS://EXAMPLE.com/%20 a",
    "ftp://example.com",
    "example.com",
]
REGIONS = ["us-east-1", "cn-north-1", "us-gov-west-1", "aws-global", "us-_-1", "not a region", "eusc-de-east-1"]

# For each service one parameter, the values to try in every region and variant, and what else is set.
ODD = {
    "s3": ("Bucket", ARNS + BUCKETS, {}),
    "s3control": ("Bucket", ARNS + BUCKETS, {"RequiresAccountId": True, "AccountId": "123456789012"}),
    "kinesis": ("StreamARN", ARNS, {"OperationType": "control"}),
    "dynamodb": ("ResourceArn", ARNS, {"AccountId": "111111111111"}),
    "cloudfront-keyvaluestore": ("KvsARN", ARNS, {}),
    "events": ("EndpointId", BUCKETS, {}),
    "docdb": ("Endpoint", ENDPOINTS, {}),
    "sts": ("Endpoint", ENDPOINTS, {"UseGlobalEndpoint": True}),
}


def odd(loader, partitions):
    for service, (name, values, others) in ODD.items():
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        endpoints = [None, *ENDPOINTS] if service == "s3" else [None]
        for value, region, variant, endpoint in itertools.product(values, REGIONS, VARIANTS, endpoints):
            parameters = bound(provider, builtins(region, *variant)) | {name: value} | others
            if endpoint is not None:
                parameters["Endpoint"] = endpoint
            print(json.dumps([service, parameters, outcome(provider, dict(parameters))]))


S3_SETTINGS = [
    {},
    {"addressing_style": "path"},
    {"addressing_style": "virtual"},
    {"addressing_style": "auto", "use_arn_region": False},
    {"use_accelerate_endpoint": True, "addressing_style": "path"},
    {"use_arn_region": True, "us_east_1_regional_endpoint": "regional"},
]
CUSTOM = [None, "http://localhost:5000", "https://s3-accelerate.dualstack.amazonaws.com"]


def settings(loader, partitions):
    session = botocore.session.Session()
    session.set_credentials("id", "secret", account_id="123456789012")
    for service, region, endpoint, (fips, dual), s3, mode in itertools.product(
        ["s3", "sts"], ["us-east-1", "eu-west-1", "cn-north-1"], CUSTOM, VARIANTS, S3_SETTINGS, ["preferred", "disabled"]
    ):
        # Not every pair: STS does not look at S3's section, nor does the account's mode at anything.
        if (service == "sts" and s3) or (mode == "disabled" and (s3 or fips or dual)):
            continue
        session.set_config_variable("sts_regional_endpoints", "legacy" if mode == "disabled" else "regional")
        # A copy of the section: botocore writes into it.
        config = Config(
            use_fips_endpoint=fips, use_dualstack_endpoint=dual, s3=dict(s3), account_id_endpoint_mode=mode
        )
        client = session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
        values = client._ruleset_resolver._builtins
        values = {name.value: value() if callable(value) else value for name, value in values.items()}
        given = {"region": region, "endpoint": endpoint, "fips": fips, "dual": dual, "s3": s3, "mode": mode}
        print(json.dumps([given, values]))


loader = Loader()
{"regions": regions, "odd": odd, "settings": settings}[sys.argv[1]](loader, loader.load_data("partitions"))
