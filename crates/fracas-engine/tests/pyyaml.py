"""What PyYAML's safe_load makes of texts: reads a list of them from standard input, and writes for each its value in a
list, or null where it is no YAML. What JSON has no form for is told by its type."""

import datetime
import json
import math
import sys

import yaml


def plain(value):
    if isinstance(value, dict):
        return {key(name): plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no JSON")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError("more than 64 bits")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError("no JSON: " + type(value).__name__)


def key(name):
    if isinstance(name, str):
        return name
    if isinstance(name, datetime.date):
        return name.isoformat()
    if isinstance(name, (tuple, bytes)):
        raise ValueError("no key of JSON")
    return json.dumps(plain(name))


def loaded(text):
    try:
        value = plain(yaml.safe_load(text))
        json.dumps(value, ensure_ascii=False).encode()
        return [value]
    except Exception:  # some texts crash it
        return None


json.dump([loaded(text) for text in json.load(sys.stdin)], sys.stdout)
