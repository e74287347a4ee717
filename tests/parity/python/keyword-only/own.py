def f(a=1, *, b, c=3, **rest):
    return [a, b, c, rest]
