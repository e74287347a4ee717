import os

from chaoslib.run import RunEventHandler

greeting = "not configured"


class Handler(RunEventHandler):
    def finish(self, journal):
        trace("finish")


def trace(text):
    with open("trace", "a") as file:
        file.write(text + "\n")


def configure_control(configuration, settings, event_registry, **arguments):
    global greeting
    greeting = configuration["greeting"]
    event_registry.register(Handler())
    trace("configured")


def before_activity_control(context, **arguments):
    trace(f"before {context['name']}: {greeting}")


def die():
    os._exit(3)


def alive():
    return True
