import base64
import json
import logging
import os
import sys
import time
from urllib.parse import quote, quote_plus

logger = logging.getLogger("chaostoolkit")


def forms(secret):
    half = len(secret) // 2
    encoded = base64.b64encode(b"user:" + secret.encode()).decode()
    return [
        "in the middle of " + secret + " a text",
        quote(secret),
        quote_plus(secret),
        json.dumps(secret),
        json.dumps({"a": json.dumps({"b": json.dumps(secret)})}),
        repr(secret),
        ascii(secret),
        secret[:half] + "\n" + secret[half:],
        encoded,
        encoded[:12] + "\n" + encoded[12:],
    ]


def give(password, region, key):
    return {"forms": forms(password), password: region, "key": key.splitlines()[1]}


def log(password, region, key):
    for form in forms(password):
        logger.warning(form)
    logger.error("%s %s", region, key)


def write(password, region, key):
    print(password, region, key, flush=True)
    print("\n".join(forms(password)[:7]), file=sys.stderr, flush=True)
    # What is written goes its own way to the console, beside the answer.
    time.sleep(0.5)


def fail(password, region, key):
    raise ValueError(" ".join(forms(password) + [region, key]))


def die(password, region, key):
    os.write(2, f"dying: {password}\n".encode())
    os._exit(1)


def before_activity_control(context, secrets, configuration, **arguments):
    if context["name"] == "write":
        raise RuntimeError(f"{secrets['login']['password']} {configuration['region']}")
