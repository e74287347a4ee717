"""Makes parameter sets, right and wrong, and prints what botocore says of each.

One JSON line a case: service, operation, parameters, and botocore's report, empty where all is right. Every operation
of all services with FRACAS_CONFORMANCE set, else a sample.
"""

import copy
import json
import os
import random
import sys

import botocore.session
from botocore.exceptions import BotoCoreError, ParamValidationError
from botocore.utils import S3ControlArnParamHandlerv2
from botocore.validate import ParamValidator

SERVICES = [
    "docdb", "rds", "ec2", "s3", "dynamodb", "iam", "lambda", "route53", "cloudformation", "sns", "bedrock-agent",
    "glacier", "quicksight", "sqs", "iot", "mediaconvert", "wafv2", "pinpoint", "apigateway", "cloudsearchdomain",
    "s3control",
]
OPERATIONS = 60
# Cases of an operation with few parameters each, after the one with none and the one with all.
CASES = 10
MOMENTS = ["2023-08-13T10:24:53Z", "2023-08-13", 1691922293, 1691922293.5, "1691922293"]
# Blobs that are text are base64 here: fracas checks that, botocore does not.
WRONG = [None, True, 0, -1, 1, 1.5, 1e30, "", "x", "it's \"q\"\n", [], ["a", None], {}, {"k": [1, "v"]}, "é"]


class Maker:
    """Makes values of shapes, about one in ten of them wrong."""

    mistakes = 0.1

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, shape, depth=0):
        if self.random.random() < self.mistakes:
            return self.wrong(shape)
        return getattr(self, "a_" + shape.type_name)(shape, depth)

    def wrong(self, shape):
        wrong = self.random.choice(WRONG)
        if shape.type_name in ("blob", "timestamp") and isinstance(wrong, str):
            return None
        return copy.deepcopy(wrong)

    def chosen(self, shape, depth):
        names = list(shape.members)
        required = set(shape.metadata.get("required", []))
        rest = [name for name in names if name not in required]
        if shape.is_tagged_union:
            return self.random.sample(names, min(len(names), self.random.choice([0, 1, 1, 1, 2])))
        few = self.random.sample(rest, min(len(rest), self.random.randint(0, 3))) if depth < 4 else []
        return [name for name in names if name in few or (name in required and self.random.random() > 0.1)]

    def a_structure(self, shape, depth):
        if getattr(shape, "is_document_type", False):
            return {"any": [1, None, "thing"]}
        made = {name: self.value(shape.members[name], depth + 1) for name in self.chosen(shape, depth)}
        if self.random.random() < 0.06:
            made["Unknown" + str(self.random.randint(0, 9))] = 1
        return made

    def a_list(self, shape, depth):
        return [self.value(shape.member, depth + 1) for _ in range(self.random.randint(0, 2))]

    def a_map(self, shape, depth):
        keys = self.random.sample(["a", "b", ""], self.random.randint(0, 2))
        return {key: self.value(shape.value, depth + 1) for key in keys}

    def a_string(self, shape, depth):
        return self.random.choice(["", "x", "some-text", "arn:aws:iam::123456789012:role/x" * 3])

    def a_integer(self, shape, depth):
        return self.random.choice([-5, 0, 1, 7, 100000])

    def a_double(self, shape, depth):
        return self.random.choice([-0.5, 0, 0.25, 3, 1e20])

    def a_boolean(self, shape, depth):
        return self.random.choice([True, False])

    def a_timestamp(self, shape, depth):
        return self.random.choice(MOMENTS)

    def a_blob(self, shape, depth):
        return "aGVsbG8="

    a_long = a_integer
    a_float = a_double


class Whole(Maker):
    """Gives nearly every member of every structure once; about one in three values that are no containers is wrong."""

    mistakes = 0.03

    def __init__(self, seed):
        super().__init__(seed)
        self.seen = set()

    def value(self, shape, depth=0):
        if shape.type_name not in ("structure", "list", "map") and self.random.random() < 0.3:
            return self.wrong(shape)
        return super().value(shape, depth)

    def chosen(self, shape, depth):
        if shape.name in self.seen:
            return []
        self.seen.add(shape.name)
        return [name for name in shape.members if self.random.random() > 0.05]

    def a_list(self, shape, depth):
        return [self.value(shape.member, depth + 1)]

    def a_map(self, shape, depth):
        return {"a": self.value(shape.value, depth + 1)}


def made(operation):
    """The parameters of each case."""
    seed = f"{operation.service_model.service_name} {operation.name}"
    yield {}
    yield Whole(seed).a_structure(operation.input_shape, 0)
    maker = Maker(seed)
    for _ in range(CASES):
        yield maker.a_structure(operation.input_shape, 0)


class Asked:
    """Lets botocore check parameters as a client does: handlers first, then the model."""

    def __init__(self, session):
        self.events = session.get_component("event_emitter")
        self.validator = ParamValidator()
        # Looks at ARNs while the endpoint is found, which is before the model is asked.
        S3ControlArnParamHandlerv2().register(self.events)

    def report(self, operation, params):
        params = copy.deepcopy(params)
        service = operation.service_model.service_id.hyphenize()
        told = {"model": operation, "context": {"client_region": "us-east-1", "s3_config": {}}}
        try:
            event = f"provide-client-params.{service}.{operation.name}"
            answers = self.events.emit(event, params=params, **told)
            params = next((answer for _, answer in reversed(answers) if answer is not None), params)
            self.events.emit(f"before-parameter-build.{service}.{operation.name}", params=params, **told)
            if service == "s3-control":
                self.events.emit(f"before-endpoint-resolution.{service}", builtins={}, params=params, **told)
        except ParamValidationError as error:
            return error.kwargs["report"]
        except BotoCoreError as error:
            return str(error)
        return self.validator.validate(params, operation.input_shape).generate_report()


def main():
    session = botocore.session.Session()
    asked = Asked(session)
    whole = "FRACAS_CONFORMANCE" in os.environ
    chance = random.Random(20231113)
    for service in session.get_available_services() if whole else SERVICES:
        model = session.get_service_model(service)
        names = list(model.operation_names)
        for name in names if whole else chance.sample(names, min(len(names), OPERATIONS)):
            operation = model.operation_model(name)
            if operation.input_shape is None:
                continue
            for params in made(operation):
                case = {"service": service, "operation": name, "params": params}
                try:
                    case["report"] = asked.report(operation, params)
                except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
                    # botocore fell over what it was given.
                    case["fell"] = f"{type(error).__name__}: {error}"
                print(json.dumps(case))


sys.exit(main())
