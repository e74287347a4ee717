"""Verifies the signature version 4a of a request that was captured, and prints what it holds for.

The key is derived here as AWS documents it, from NIST SP 800-108's counter mode, and checked first with a pair that
AWS's own libraries test with. The canonical request is botocore's.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import hashlib
import hmac
import json
import re
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "AWS4-ECDSA-P256-SHA256"
# How many keys the curve has.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def derived(key, secret):
    for counter in range(1, 255):
        label = b"\x00\x00\x00\x01" + ALGORITHM.encode() + b"\x00" + key.encode() + bytes([counter]) + b"\x00\x00\x01\x00"
        candidate = int.from_bytes(hmac.digest(b"AWS4A" + secret.encode(), label, "sha256"), "big")
        if candidate <= ORDER - 2:
            return ec.derive_private_key(candidate + 1, ec.SECP256R1()).public_key()
    raise ValueError("no key")


def check_derivation():
    numbers = derived("AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom").public_numbers()
    assert f"{numbers.x:064x}" == "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb"
    assert f"{numbers.y:064x}" == "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0"


def verify(case):
    headers = dict(case["headers"])
    key, date, service, signed, signature = re.fullmatch(
        ALGORITHM + r" Credential=([^/]+)/(\d+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]+)",
        headers["authorization"],
    ).groups()
    request = AWSRequest(method=case["method"], url=case["url"], data=bytes(case["body"]))
    for name in set(signed.split(";")) - {"host"}:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(key, "-"), service, "-")
    canonical = signer.canonical_request(request)
    scope = f"{date}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    public = derived(key, case["secret"])
    public.verify(bytes.fromhex(signature), text.encode(), ec.ECDSA(hashes.SHA256()))
    try:
        public.verify(bytes.fromhex(signature), text.upper().encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return f"{service} in {headers['x-amz-region-set']}"
    raise ValueError("the signature holds for everything")


check_derivation()
print(verify(json.load(sys.stdin)))
