def f(**rest):
    return rest
