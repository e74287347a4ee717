# Answers one question about what is installed in Python, or calls one function of it. The question
# is a JSON object on standard input, the answer one on standard output; whatever else is printed
# goes to standard error.

import json
import os
import sys

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


def main(question):
    try:
        return {"answer": globals()[question.pop("op")](**question)}
    except Exception as error:
        from traceback import format_exception_only

        return {"error": format_exception_only(type(error), error)[0].strip()}


json.dump(main(json.load(sys.stdin)), answers)
