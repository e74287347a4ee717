"""Makes parameter sets, right and wrong, and prints what botocore says of each.

One JSON line a case: service, operation, parameters, and botocore's report, empty where all is right.
"""

import json
import random
import sys

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.handlers import validate_bucket_name
from botocore.validate import ParamValidator

SERVICES = ["docdb", "rds", "ec2", "s3", "dynamodb", "iam", "lambda", "route53", "cloudformation", "sns", "bedrock-agent"]
OPERATIONS = 60
CASES = 6
MOMENTS = ["2023-08-13T10:24:53Z", "2023-08-13", 1691922293, 1691922293.5, "1691922293"]
# Blobs that are text are base64 here: fracas checks that, botocore does not.
WRONG = [None, True, 0, -1, 1, 1.5, 1e30, "", "x", "it's \"q\"\n", [], ["a", None], {}, {"k": [1, "v"]}, "é"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, shape, depth=0):
        if self.random.random() < 0.04:
            return self.wrong(shape)
        return getattr(self, "a_" + shape.type_name)(shape, depth)

    def wrong(self, shape):
        wrong = self.random.choice(WRONG)
        if shape.type_name in ("blob", "timestamp") and isinstance(wrong, str):
            return None
        return wrong

    def a_structure(self, shape, depth):
        if getattr(shape, "is_document_type", False):
            return {"any": [1, None, "thing"]}
        names = list(shape.members)
        required = set(shape.metadata.get("required", []))
        rest = [name for name in names if name not in required]
        if shape.is_tagged_union:
            chosen = self.random.sample(names, min(len(names), self.random.choice([0, 1, 1, 1, 2])))
        else:
            few = self.random.sample(rest, min(len(rest), self.random.randint(0, 3))) if depth < 4 else []
            chosen = [name for name in names if name in few or (name in required and self.random.random() > 0.1)]
        made = {name: self.value(shape.members[name], depth + 1) for name in chosen}
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


def bucket(service, params):
    """What botocore says of a bucket's name before it looks at anything else."""
    if service == "s3" and isinstance(params.get("Bucket"), str):
        try:
            validate_bucket_name(params)
        except ParamValidationError as error:
            return error.kwargs["report"]
    return ""


def main():
    session = botocore.session.Session()
    maker = Maker(20231113)
    for service in SERVICES:
        model = session.get_service_model(service)
        names = list(model.operation_names)
        for name in maker.random.sample(names, min(len(names), OPERATIONS)):
            operation = model.operation_model(name)
            if operation.input_shape is None:
                continue
            for _ in range(CASES):
                params = maker.a_structure(operation.input_shape, 0)
                filled = dict(params)
                for token in operation.idempotent_members:
                    filled.setdefault(token, "00000000-0000-4000-8000-000000000000")
                report = bucket(service, filled) or ParamValidator().validate(
                    filled, operation.input_shape
                ).generate_report()
                case = {"service": service, "operation": name, "params": params, "report": report}
                print(json.dumps(case))


sys.exit(main())
