"""Prints botocore's endpoint of every service in every region, one JSON line for each service.

A line is [service, outcomes]: regions in the order of partitions.json, then an unknown one and none,
each with all four settings of FIPS and dual-stack. An outcome is [url, authSchemes] or an error's text.
"""

import json

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

VARIANTS = [(False, False), (False, True), (True, False), (True, True)]


def outcome(provider, builtins):
    parameters = {}
    for name, definition in provider.ruleset.parameters.items():
        value = builtins.get(definition.builtin)
        if value is not None:
            parameters[name] = value
    try:
        # Past the cache, which holds no more than the last hundred answers.
        endpoint = provider._resolve_endpoint.__wrapped__(provider, **parameters)
    except EndpointProviderError as error:
        return str(error)
    except KeyError as error:
        # botocore trips over a rule that uses a region without asking whether there is one.
        return f"an endpoint rule needs `{error.args[0]}`, which is not set"
    return [endpoint.url, endpoint.properties.get("authSchemes")]


def main():
    loader = Loader()
    partitions = loader.load_data("partitions")
    regions = [region for partition in partitions["partitions"] for region in partition["regions"]]
    for service in loader.list_available_services("endpoint-rule-set-1"):
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        outcomes = [
            outcome(provider, builtins(region, *variant))
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


main()
