"""Signs a request that was captured as botocore does, and prints the signature."""

import json
import re
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

case = json.load(sys.stdin)
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
print(signer.signature(text, request))
