import threading
import time


def f():
    threading.Thread(target=time.sleep, args=(0.3,)).start()
    return "started"
