def f():
    return ["x" * 1000] * 300
