"""Prints what botocore's own model objects say about every service, one JSON line [service, facts] each.

The distilled models must say the same: a fact is a list that starts with its kind and its name.
"""

import json

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel


def main():
    loader = Loader()
    for service in loader.list_available_services("service-2"):
        version = loader.determine_latest_version(service, "service-2")
        model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        facts = [metadata(model)]
        facts += [operation(model.operation_model(name)) for name in sorted(model.operation_names)]
        kept = reachable(model)
        for name in model.shape_names:
            if name in kept:
                facts += shape(kept[name])
        for name, value in sorted(companion(loader, service, "paginators-1", version, "pagination").items()):
            facts.append(paginator(name, value))
        for name, value in sorted(companion(loader, service, "waiters-2", version, "waiters").items()):
            facts.append(waiter(name, value))
        print(json.dumps([service, facts]))


def companion(loader, service, kind, version, key):
    try:
        return loader.load_service_model(service, kind, version)[key]
    except (DataNotFoundError, UnknownServiceError):
        return {}


def metadata(model):
    facts = [model.api_version, model.service_id, model.endpoint_prefix, model.signing_name]
    facts += [model.signature_version, model.metadata.get("auth", []), model.resolved_protocol]
    facts += [model.metadata.get(key, "") for key in ("jsonVersion", "targetPrefix", "xmlNamespace")]
    return ["metadata", model.service_name, *facts, model.is_query_compatible]


def operation(op):
    input, output = op.input_shape, op.output_shape
    wrapped = input is not None and "name" in input.serialization
    checksum = op.http_checksum
    return [
        "operation",
        op.name,
        op.http["method"],
        op.http["requestUri"],
        op.http.get("responseCode", 0),
        input and input.name,
        [input.serialization["name"], namespace(input)[1]] if wrapped else None,
        output and output.name,
        output.serialization.get("resultWrapper", "") if output else "",
        [error.name for error in op.error_shapes],
        op.auth or [],
        op.auth_type or "",
        bool(op.unsigned_payload),
        (op.endpoint or {}).get("hostPrefix", ""),
        [[param.name, param.value] for param in op.static_context_parameters],
        bool(op.http_checksum_required or checksum.get("requestChecksumRequired")),
        checksum.get("requestAlgorithmMember", ""),
        checksum.get("responseAlgorithms", []),
        (op.request_compression or {}).get("encodings", []),
        0 if op.endpoint_discovery is None else 2 if op.endpoint_discovery.get("required") else 1,
        bool(op.deprecated),
    ]


def reachable(model):
    """Each shape by its name, as it is by itself: what points at it may say more."""
    seen = {}
    todo = list(model.error_shapes)
    for name in model.operation_names:
        op = model.operation_model(name)
        todo += [end for end in (op.input_shape, op.output_shape) if end] + op.error_shapes
    while todo:
        name = todo.pop().name
        if name not in seen:
            seen[name] = model.shape_for(name)
            todo += parts(seen[name])
    return seen


def parts(shape):
    if shape.type_name == "structure":
        return list(shape.members.values())
    return [getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)]


def shape(shape):
    kind = "string" if shape.type_name == "character" else shape.type_name
    least = shape.metadata.get("min")
    facts = [["shape", shape.name, kind, None if least is None else str(least), bool(shape.metadata.get("sensitive"))]]
    if kind == "structure":
        flags = [shape.is_document_type, shape.is_tagged_union]
        flags += [bool(shape.serialization.get(key)) for key in ("eventstream", "event")]
        facts[0] += [shape.serialization.get("payload", ""), shape.error_code, *flags]
        required = set(shape.required_members)
        facts += [member(name, part, name in required) for name, part in shape.members.items()]
    else:
        facts += [["part", part.name, wire(part, part.serialization)] for part in parts(shape)]
    return facts


def member(name, shape, required):
    metadata, facts = shape.metadata, shape.serialization
    flags = [metadata.get("idempotencyToken")]
    flags += [facts.get(key) for key in ("hostLabel", "jsonvalue", "streaming", "eventpayload")]
    context = metadata.get("contextParam", {}).get("name", "")
    return ["member", name, shape.name, required, wire(shape, facts), context, *map(bool, flags)]


def wire(shape, facts):
    flags = [bool(facts.get(key)) for key in ("flattened", "xmlAttribute")]
    names = [facts.get("location"), facts.get("name", ""), facts.get("queryName", "")]
    return [*names, *flags, namespace(shape) if "xmlNamespace" in facts else None, facts.get("timestampFormat")]


def namespace(shape):
    value = shape.serialization.get("xmlNamespace", {})
    return [value.get("prefix", ""), value.get("uri", "")]


def paginator(name, value):
    lists = [value.get(key, []) for key in ("input_token", "output_token", "result_key", "non_aggregate_keys")]
    lists = [[texts] if isinstance(texts, str) else texts for texts in lists]
    return ["paginator", name, *lists, value.get("limit_key", ""), value.get("more_results", "")]


def waiter(name, value):
    acceptors = [
        [acceptor["state"], acceptor["matcher"], acceptor.get("argument"), acceptor["expected"]]
        for acceptor in value["acceptors"]
    ]
    for acceptor in acceptors:
        # Where there is nothing to look into, an argument means nothing.
        if not acceptor[1].startswith("path"):
            acceptor[2] = None
    return ["waiter", name, value["operation"], value["delay"], value["maxAttempts"], acceptors]


main()
