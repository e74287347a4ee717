class Broken(Exception):
    pass


def f():
    raise Broken()
