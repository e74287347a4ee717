import sys


def f():
    return sys.stdin.readline()
