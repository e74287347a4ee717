"""What chaoslib says about experiments: reads a list of them from standard input, and writes for each "valid", why it
is not, or "crash"."""

import json
import logging
import sys
import warnings

from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid

warnings.simplefilter("ignore")
logging.disable()


def validity(experiment):
    try:
        ensure_experiment_is_valid(experiment)
    except ChaosException as refused:
        return str(refused)
    except Exception as crash:
        return "crash: " + repr(crash)
    return "valid"


json.dump([validity(experiment) for experiment in json.load(sys.stdin)], sys.stdout)
