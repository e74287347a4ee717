print("imported")


def f():
    return 1
