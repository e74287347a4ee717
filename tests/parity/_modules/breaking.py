import os


def fail_once_broken():
    if os.path.exists("broken"):
        raise ValueError("broken")
    return True
