"""Values made from the shapes of a model: parameters to call with, and results to answer with."""

import base64
import datetime
import os
import sys

import botocore.session
from botocore.config import Config

REGION = "us-east-1"
# What the service's rules or botocore itself look into.
TEXTS = {
    "Bucket": "some-bucket",
    "AccountId": "123456789012",
    "accountId": "123456789012",
    "PredictEndpoint": "https://realtime.machinelearning.us-east-1.amazonaws.com",
}
ODD = "a b/c+é&<>\"'%?#\n"


class NotMade(Exception):
    """There is no such value: it would be a stream of events, or endless."""


class Values:
    """Values of shapes. Odd ones hold what has to be escaped somewhere."""

    def __init__(self, odd):
        self.odd = odd

    def value(self, shape, name, depth, above):
        if shape.type_name == "structure":
            return self.structure(shape, depth, above)
        if shape.type_name == "list":
            return [self.value(shape.member, name, depth + 1, above) for _ in range(self.length(shape, depth))]
        if shape.type_name == "map":
            key = self.value(shape.key, name, depth + 1, above)
            return {key: self.value(shape.value, name, depth + 1, above)}
        return getattr(self, shape.type_name)(shape, name)

    def structure(self, shape, depth, above):
        if shape.is_document_type:
            return self.document()
        above = above | {shape.name}
        members = self.members(shape, depth, above)
        return {name: self.value(member, name, depth + 1, above) for name, member in members}

    def length(self, shape, depth):
        return max(shape.metadata.get("min", 0), 1)

    def string(self, shape, name):
        if getattr(shape, "enum", None):
            return shape.enum[0]
        return self.text(shape, name).ljust(shape.metadata.get("min", 1), "x")

    def integer(self, shape, name):
        return max(int(shape.metadata.get("min", 5)), 5)

    def float(self, shape, name):
        return max(float(shape.metadata.get("min", 1.5)), 1.5)

    def boolean(self, shape, name):
        return True

    def blob(self, shape, name):
        return b"bl\xffob" if self.odd else b"blob"

    def timestamp(self, shape, name):
        return "2020-02-03T04:05:06.789Z" if self.odd else "2020-02-03T04:05:06Z"

    character = string
    long = integer
    double = float


class Parameters(Values):
    """Parameters of an operation: the required ones, or all of them down to some depth."""

    def __init__(self, operation, full, odd):
        super().__init__(odd)
        self.full = full
        self.operation = operation
        members = operation.input_shape.members.items() if operation.input_shape else ()
        # They become part of the host.
        self.in_host = {name for name, member in members if member.serialization.get("hostLabel")}
        self.in_host |= {parameter.member_name for parameter in operation.context_parameters}

    def value(self, shape, name, depth, above):
        if self.odd and shape.serialization.get("location") in ("header", "headers"):
            return Parameters(self.operation, self.full, odd=False).value(shape, name, depth, above)
        return super().value(shape, name, depth, above)

    def all(self):
        shape = self.operation.input_shape
        try:
            return self.structure(shape, 0, frozenset()) if shape else {}
        except RecursionError:
            raise NotMade("endless") from None

    def document(self):
        return {"a": [1, 2.5, None, True, "é"], "b": {}}

    def length(self, shape, depth):
        least = shape.metadata.get("min", 0)
        return least if least > 3 else max(least, 2 if self.full and depth < 3 else 1)

    def members(self, shape, depth, above):
        if shape.is_tagged_union:
            first = [(name, member) for name, member in shape.members.items() if member.name not in above][:1]
            if first:
                return first
        chosen = []
        for name, member in shape.members.items():
            required, stream = name in shape.required_members, member.serialization.get("eventstream")
            if required and stream:
                raise NotMade("a stream of events")
            if required or (self.full and depth < 4 and member.name not in above and not stream):
                chosen.append((name, member))
        return chosen

    def text(self, shape, name):
        if name in TEXTS:
            return TEXTS[name]
        return ODD + name if self.odd and name not in self.in_host else "some" + name


class Results(Values):
    """Results of an operation: full ones, with every member down to some depth, or ones with nothing in them."""

    def __init__(self, full, odd):
        super().__init__(odd)
        self.full = full

    def value(self, shape, name, depth, above):
        # Headers hold plain characters.
        if self.odd and shape.serialization.get("location") in ("header", "headers"):
            return Results(self.full, odd=False).value(shape, name, depth, above)
        if shape.type_name == "map" and not self.full:
            return {}
        return super().value(shape, name, depth, above)

    def document(self):
        return {"a": [1, 2.5, None, True, "é"], "b": {}} if self.full else {}

    def length(self, shape, depth):
        return (2 if depth < 3 else 1) if self.full else 0

    def members(self, shape, depth, above):
        chosen = [
            (name, member)
            for name, member in shape.members.items()
            if member.name not in above and not member.serialization.get("eventstream")
        ]
        if shape.is_tagged_union:
            return chosen[:1]
        return chosen if depth <= (5 if self.full else 0) else []

    def string(self, shape, name):
        if not self.full:
            return ""
        if getattr(shape, "enum", None):
            return shape.enum[0]
        if shape.name == "policyDocumentType":
            return "%7B%22a%22%3A1%7D"
        return ODD + name if self.odd else "some" + name

    def integer(self, shape, name):
        return 5 if self.full else 0

    def float(self, shape, name):
        return 1.5 if self.full else 0

    def boolean(self, shape, name):
        return self.full

    def blob(self, shape, name):
        return super().blob(shape, name) if self.full else b""

    def timestamp(self, shape, name):
        return datetime.datetime.fromisoformat(super().timestamp(shape, name))

    character = string
    long = integer
    double = float


def plain(value):
    """The value as JSON can hold it: bytes in base64."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def clients(endpoint_url=None, **config):
    """A client for each service named on the command line, or for all, with its operations' models."""
    assert os.environ["AWS_ACCESS_KEY_ID"], "the environment must be made for the comparison"
    session = botocore.session.get_session()
    for service in sys.argv[1:] or session.get_available_services():
        client = session.create_client(service, REGION, endpoint_url=endpoint_url, config=Config(**config))
        model = client.meta.service_model
        yield service, client, [model.operation_model(name) for name in sorted(model.operation_names)]
