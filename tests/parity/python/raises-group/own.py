def f():
    raise ExceptionGroup("both", [ValueError(1), KeyError(2)])
