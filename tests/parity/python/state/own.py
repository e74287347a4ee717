import os

kept = []


def keep(n):
    kept.append(n)
    os.environ["KEPT"] = "yes"


def told():
    return kept, os.environ.get("KEPT")
