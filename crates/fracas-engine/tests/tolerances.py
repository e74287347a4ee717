"""What chaoslib makes of tolerances: reads tolerances and values from standard input, and writes for each tolerance
"valid" or the reason why it is not, and, if it is, for each value "met", "not met" or the exception that the
reference dies of."""

import functools
import json
import logging
import sys
import warnings

from chaoslib import hypothesis
from chaoslib.exceptions import ChaosException
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid, within_tolerance

warnings.simplefilter("ignore")
logging.disable()


def validity(tolerance):
    try:
        ensure_hypothesis_tolerance_is_valid(tolerance)
    except ChaosException as refused:
        return str(refused)
    except Exception as crash:
        return "crash: " + type(crash).__name__
    return "valid"


def verdict(tolerance, value):
    try:
        return "met" if within_tolerance(tolerance, value, {}, {}) else "not met"
    except Exception as crash:
        return "crash: " + type(crash).__name__


def judge(tolerance):
    valid = validity(tolerance)
    return [valid, [verdict(tolerance, value) for value in values] if valid == "valid" else []]


# Reading a path takes its time, and its errors are printed too.
hypothesis.JSONPath.parse_str = functools.cache(hypothesis.JSONPath.parse_str)
tolerances, values = json.load(sys.stdin)
json.dump([judge(tolerance) for tolerance in tolerances], sys.stdout)
