"""Python activities that cases share."""

import logging
import os
import sys
import time

logger = logging.getLogger("chaostoolkit")


def give(value=None):
    return value


def note(text, file="trace"):
    """Appends a line to a file, so that what really ran can be compared."""
    with open(file, "a") as trace:
        trace.write(f"{text}\n")
    return text


def fail(message="out of order"):
    raise RuntimeError(message)


def activity_failed(message="said so"):
    from chaoslib.exceptions import ActivityFailed

    raise ActivityFailed(message)


def interrupt(message="enough"):
    from chaoslib.exceptions import InterruptExecution

    raise InterruptExecution(message)


def sleep(seconds):
    time.sleep(seconds)


def leave(code):
    sys.exit(code)


def exit_gracefully():
    from chaoslib.exit import exit_gracefully

    exit_gracefully()
    time.sleep(5)


def exit_ungracefully():
    from chaoslib.exit import exit_ungracefully

    exit_ungracefully()
    time.sleep(5)


def toggle(file):
    """True, but false once the file is there."""
    return not os.path.exists(file)


def true_until(call, file="calls"):
    """True when asked for the first times, false from this call on."""
    note("asked", file)
    with open(file) as calls:
        return len(calls.readlines()) < call


def within(value, low, high):
    return low <= value <= high
