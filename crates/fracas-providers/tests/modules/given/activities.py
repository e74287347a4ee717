"""Functions that do what functions of users do, and what they should not."""

import datetime
import decimal
import functools
import logging
import os
import signal
import sys
import threading
import time
import uuid

logger = logging.getLogger("chaostoolkit")
calls = 0


def echo(value=None, *rest, **more):
    return value


def count():
    global calls
    calls += 1
    return calls


def needs(first, second=2, *, third, fourth=4):
    return [first, second, third, fourth]


@functools.wraps(needs)
def wrapped(*args, **kwargs):
    return needs(*args, **kwargs)


def only_by_position(value, /):
    return value


def run_values(configuration, secrets=None):
    return [configuration, secrets]


def changes(configuration, secrets=None):
    configuration["new"] = 1
    configuration["deep"].append("more")
    return configuration


def values_of_types():
    return {
        "date": datetime.date(2026, 1, 2),
        "moment": datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc),
        "decimal": decimal.Decimal("1.50"),
        "uuid": uuid.UUID(int=7),
        "tuple": (1, 2.0, "é\n\u2028"),
        1: True,
        None: None,
        2.5: [],
    }


def unclear(kind):
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(5000):
        deep = [deep]
    return {
        "set": {1},
        "bytes": b"\xff",
        "nan": [float("nan"), float("-inf")],
        "surrogate": "a\udc80",
        "key": {(1, 2): 3},
        "circle": circle,
        "deep": deep,
        "huge": 10**400,
        "object": Broken(),
    }[kind]


class Broken:
    def __repr__(self):
        raise ValueError("no words")


def fail(text="boom"):
    raise ValueError(text)


def fail_as(module, name, text):
    __import__(module)
    raise getattr(sys.modules[module], name)(text)


def multi_line():
    raise ValueError("one\ntwo")


def syntax():
    compile("1 +", "made-up", "exec")


def leave(code=None):
    sys.exit(code)


def leave_by_signal(name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(30)


def die():
    print("the last words", file=sys.stderr, flush=True)
    os._exit(3)


def garbage():
    for number in range(3, 20):
        try:
            os.write(number, b"garbage\n")
        except OSError:
            pass
    time.sleep(30)


def deaf():
    os.closerange(3, 50)


def note(path, text):
    with open(path, "a") as file:
        file.write(text + "\n")


def wait_for_cut(path):
    note(path, "waiting")
    try:
        time.sleep(60)
    except BaseException as error:
        note(path, type(error).__name__)
        raise


def never_end(path):
    note(path, str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def wait_in_steps(path):
    note(path, "waiting")
    try:
        while True:
            time.sleep(0.01)
    except BaseException as error:
        note(path, type(error).__name__)
        raise


def start_program(path):
    import subprocess

    process = subprocess.Popen(["sleep", "1000"])
    note(path, "%d %d" % (os.getpid(), process.pid))


def log_lines():
    print("a print")
    logger.debug("for the file")
    logger.info("told %s", "plainly")
    logger.warning("worrying")
    try:
        fail()
    except ValueError:
        logger.exception("bad")


def log_by_logzero():
    from logzero import logger as other

    other.info("through logzero")


def where():
    return threading.current_thread() is threading.main_thread()


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def change_surroundings(folder):
    os.environ["GIVEN"] = "by a function"
    os.environ.pop("TAKEN", None)
    os.chdir(folder)


def leave_something_to_the_end(path):
    import atexit

    atexit.register(note, path, "at exit")
    threading.Thread(target=lambda: (time.sleep(0.1), note(path, "thread"))).start()


def keep_a_file_open(path):
    global kept
    kept = open(path, "w")
    kept.write("not flushed")
