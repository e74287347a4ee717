import functools


def g(a):
    return a


f = functools.partial(g, 7)
