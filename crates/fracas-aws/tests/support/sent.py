"""The requests that boto3 would send, one for each case in a file, as JSON lines.

A case has the variables of the environment, the service, the operation, and its parameters. What
changes from call to call is left out.
"""

import base64
import gzip
import json
import os
import sys

from botocore.session import Session
from botocore import xform_name

CHANGING = {"x-amz-date", "authorization", "user-agent", "amz-sdk-invocation-id", "amz-sdk-request"}


class Stop(Exception):
    pass


def shown(request):
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    scope, signed = "", ""
    if headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        parts = headers["authorization"].replace(",", "").split()
        scope = "/".join(parts[1].split("/")[2:])
        signed = parts[2].removeprefix("SignedHeaders=")
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else body
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
        del headers["content-length"]
    return {
        "method": request.method,
        "url": request.url,
        "scope": scope,
        "signed": signed,
        "headers": {name: value for name, value in headers.items() if name not in CHANGING},
        "body": body.decode(),
    }


def asked(case):
    os.environ.clear()
    os.environ.update(dict(case["variables"]))
    if "AWS_REGION" in os.environ:
        # boto3 does not read the variable that all other SDKs do.
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    kept = []

    def keep(request, **kwargs):
        kept.append(shown(request))
        raise Stop

    try:
        client = Session().create_client(case["service"])
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{service}.{case['operation']}", keep)
        if "Body" in case["params"]:
            case["params"]["Body"] = base64.b64decode(case["params"]["Body"])
        getattr(client, xform_name(case["operation"]))(**case["params"])
    except Stop:
        return kept[0]
    except Exception as error:
        kind = type(error)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        return {"class": name, "error": str(error)}


with open(sys.argv[1]) as file:
    for case in json.load(file):
        print(json.dumps(asked(case)), flush=True)
