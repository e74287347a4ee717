def f():
    return b"x"
