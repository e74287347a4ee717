def _told(**what):
    with open("trace", "a") as trace:
        print({name: value for name, value in what.items()}, file=trace)


def configure_control(configuration, secrets, settings, experiment, extra="none"):
    _told(configuration=configuration, secrets=secrets, settings=settings, title=experiment["title"], extra=extra)


def before_activity_control(context, configuration, secrets, settings, experiment, extensions, state, extra="none"):
    _told(name=context["name"], configuration=configuration, secrets=secrets, settings=settings, state=state,
          title=experiment["title"], extensions=extensions, extra=extra)


def after_activity_control(context, state, **rest):
    state = {key: value for key, value in state.items() if key not in ("start", "end", "duration")}
    _told(state=state, rest=rest)
