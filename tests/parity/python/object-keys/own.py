def f():
    return {1: "a", None: "b", True: "c", 1.5: "d"}
