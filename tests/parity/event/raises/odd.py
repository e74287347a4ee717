from chaoslib.run import RunEventHandler


class Odd(RunEventHandler):
    def start_activity(self, activity):
        raise ValueError("odd")

    def finish(self, journal):
        open("trace", "a").write("finish\n")


def configure_control(event_registry):
    event_registry.register(Odd())
