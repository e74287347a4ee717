def f():
    return __file__.rsplit("/")[-1]
