def loop():
    a = []
    a.append(a)
    return a


def f():
    return loop()
