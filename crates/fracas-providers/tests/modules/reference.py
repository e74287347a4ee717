"""What Chaos Toolkit's own python provider makes of activities: a line in, a line out."""

import json
import sys

from chaoslib.exceptions import ActivityFailed
from chaoslib.provider.python import run_python_activity
from chaostoolkit import encoder

for line in sys.stdin:
    case = json.loads(line)
    activity = {"name": "test", "type": "action", "provider": case["provider"]}
    try:
        output = run_python_activity(activity, case.get("configuration", {}), case.get("secrets", {}))
        result = {"output": json.loads(json.dumps(output, default=encoder))}
    except ActivityFailed as error:
        result = {"failed": str(error)}
    except SystemExit as error:
        result = {"exit": error.code if isinstance(error.code, int) else int(error.code is not None)}
    except Exception as error:
        result = {"unexpected": type(error).__name__}
    print(json.dumps(result), flush=True)
