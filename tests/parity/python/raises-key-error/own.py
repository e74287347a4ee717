def f():
    return {}["key"]
