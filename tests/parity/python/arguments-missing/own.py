def f(one, two):
    pass
