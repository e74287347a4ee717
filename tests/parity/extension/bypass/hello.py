"""What the experiments of this folder call."""

import logging
import time

logger = logging.getLogger("chaostoolkit")
asked = 0


def hello(name):
    logger.info("hello %s", name)
    return {"hello": name}


def fine():
    return True


def soon_not():
    global asked
    asked += 1
    return asked < 3


def slow(seconds):
    time.sleep(seconds)
    return "slept"
