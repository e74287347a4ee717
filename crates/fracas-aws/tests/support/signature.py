"""Signs a request that was captured as botocore does, and prints the signature."""

import json
import re
import sys
from urllib.parse import parse_qsl

from botocore.auth import SigV2Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def version_2(case, params):
    credentials = Credentials(params["AWSAccessKeyId"], case["secret"], params.get("SecurityToken"))
    _, signature = SigV2Auth(credentials).calc_signature(AWSRequest(method="POST", url=case["url"]), params)
    return signature


def version_4(case):
    headers = {name.lower(): value for name, value in case["headers"]}
    match = re.match(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+),",
        headers["authorization"],
    )
    key, region, service, signed = match.groups()
    request = AWSRequest(method="POST", url=case["url"], data=case["body"].encode())
    for name in signed.split(";"):
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(key, case["secret"], headers.get("x-amz-security-token")), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return signer.signature(text, request)


case = json.load(sys.stdin)
params = dict(parse_qsl(case["body"], keep_blank_values=True))
print(version_2(case, params) if params.get("SignatureVersion") == "2" else version_4(case))
