import time


def loop():
    for _ in range(300):
        time.sleep(0.01)
