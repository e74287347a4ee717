"""Reads a DPoP proof: what it says, its public key and its signature."""

import base64
import json
import sys


def read(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


header, payload, signature = sys.argv[1].split(".")
key = json.loads(read(header))["jwk"]
told = json.loads(read(payload))
told["key"] = list(b"\x04" + read(key["x"]) + read(key["y"]))
told["signature"] = list(read(signature))
print(json.dumps(told))
