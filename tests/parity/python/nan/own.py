def f():
    return [float("nan"), float("inf"), -float("inf")]
