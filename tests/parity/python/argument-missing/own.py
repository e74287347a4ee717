def f(needed):
    pass
