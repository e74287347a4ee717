from chaoslib.run import RunEventHandler


class Odd(RunEventHandler):
    def finish(self, journal):
        journal["status"] = "failed"
        journal["by"] = "a handler"


def configure_control(event_registry):
    event_registry.register(Odd())
