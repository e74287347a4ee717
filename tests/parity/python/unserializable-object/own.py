def f():
    return object()
