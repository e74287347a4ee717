def f():
    return ValueError("x")
