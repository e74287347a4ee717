def f():
    raise KeyboardInterrupt()
