def f():
    return (n for n in [1])
