"""Carries cases out with Chaos Toolkit: JSON in on stdin, JSON out on stdout."""

import json
import sys

from chaoslib.exceptions import ActivityFailed
from chaoslib.provider.http import run_http_activity
from chaoslib.provider.process import run_process_activity

RUN = {"http": run_http_activity, "process": run_process_activity}


def result(case):
    provider = case["provider"]
    activity = {"name": "case", "provider": provider}
    try:
        output = RUN[provider["type"]](activity, case.get("configuration", {}), case.get("secrets", {}))
        return {"output": output}
    except ActivityFailed as x:
        return {"failed": str(x)}
    except Exception as x:
        # The run would be aborted.
        return {"unexpected": repr(x)}


json.dump([result(case) for case in json.load(sys.stdin)], sys.stdout)
