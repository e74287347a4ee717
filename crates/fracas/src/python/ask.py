# Answers one question about what is installed in Python, or calls one function of it. The question
# is a JSON object on standard input, the answer one on standard output; whatever else is printed
# goes to standard error.

import sys

# As for Chaos Toolkit, the current folder is no place for modules.
sys.path[:] = filter(None, sys.path)

import json
import os

answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def extensions():
    """Distributions whose names begin as those of extensions do. Source: `chaoslib/info.py`."""
    from importlib.metadata import distributions

    found, seen = [], {"chaostoolkit-lib"}
    for distribution in distributions():
        about = distribution.metadata
        name = about["Name"]
        if name is None or name in seen:
            continue
        seen.add(name)
        if name.startswith("chaostoolkit-"):
            found.append({key: about[key.title()] for key in ("name", "version", "summary", "license")})
    return found


def notify(channel, payload):
    """Calls a function of a channel; why it is not there, if it is not. Source: `chaoslib/notification.py`."""
    from importlib import import_module
    from inspect import isfunction

    module, function = channel.get("module"), channel.get("func", "notify")
    try:
        found = getattr(import_module(module), function, None)
    except ImportError:
        return f"could not find Python plugin '{module}' for notification"
    if not isfunction(found):
        return f"could not find function '{function}' in plugin '{module}' for notification"
    found(channel, payload)


def main(question):
    try:
        return {"answer": globals()[question.pop("op")](**question)}
    except Exception as error:
        from traceback import format_exception_only

        return {"error": format_exception_only(type(error), error)[0].strip()}


json.dump(main(json.load(sys.stdin)), answers)
