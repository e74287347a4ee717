"""The handlers and settings of botocore, as JSON lines: [kind, name, events or variables]."""

import json

import botocore.handlers
from botocore import configprovider
from botocore.config import Config
from botocore.session import Session


def name(handler):
    if hasattr(handler, "__self__"):
        return f"{type(handler.__self__).__name__}.{handler.__func__.__name__}"
    return getattr(handler, "__name__", type(handler).__name__)


def registered(node):
    """All handlers below a node of the emitter's tree."""
    for part in node["values"] or []:
        yield from map(name, part)
    for child in node["children"].values():
        yield from registered(child)


def of_clients():
    session = Session()
    names = set()
    for mode in ("legacy", "standard", "adaptive"):
        for service in ("s3", "s3control", "importexport", "timestream-write", "timestream-query", "docdb"):
            config = Config(retries={"mode": mode}, endpoint_discovery_enabled=mode != "legacy")
            client = session.create_client(service, region_name="us-east-1", config=config)
            names.update(registered(client.meta.events._emitter._handlers._root))
    return names


builtin = {}
for event, handler, *_ in botocore.handlers.BUILTIN_HANDLERS:
    builtin.setdefault(name(handler), {})[event] = None
for known, events in builtin.items():
    print(json.dumps(["handler", known, list(events)]))
for known in sorted(of_clients() - builtin.keys()):
    print(json.dumps(["of a client", known, []]))
for key, (in_file, variables, *_) in configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
    variables = [variables] if isinstance(variables, str) else variables or []
    print(json.dumps(["setting", in_file or key, variables]))
for variables in (configprovider.DEFAULT_S3_CONFIG_VARS, configprovider.DEFAULT_PROXIES_CONFIG_VARS):
    for key, (_, variable, *_) in variables.items():
        print(json.dumps(["setting", key, [variable] if variable else []]))
