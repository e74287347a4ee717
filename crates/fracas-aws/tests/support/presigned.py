"""Signs the parameters of a presigned URL as botocore does, and prints the signature."""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

case = json.load(sys.stdin)
parts = urlsplit(case["url"])
params = dict(parse_qsl(parts.query, keep_blank_values=True))
key, _, region, service, _ = params["X-Amz-Credential"].split("/")
own = {name: value for name, value in params.items() if not name.startswith("X-Amz-")}
request = AWSRequest(method="GET", url=f"{parts.scheme}://{parts.netloc}{parts.path}", params=own)
request.context["timestamp"] = params["X-Amz-Date"]
credentials = Credentials(key, case["secret"], params.get("X-Amz-Security-Token"))
signer = SigV4QueryAuth(credentials, service, region, expires=3600)
signer._modify_request_before_signing(request)
text = signer.string_to_sign(request, signer.canonical_request(request))
print(signer.signature(text, request))
