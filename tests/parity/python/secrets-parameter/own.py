def f(secrets=None, configuration=None):
    return [secrets, configuration]
