import sys


def f():
    print("out")
    print("err", file=sys.stderr)
    sys.stdout.write("no newline")
