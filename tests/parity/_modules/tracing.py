"""A control that notes each of its calls in the file `trace`."""


def _note(text):
    with open("trace", "a") as trace:
        trace.write(f"{text}\n")


def _named(context):
    if isinstance(context, dict):
        return context.get("name") or context.get("title")
    return str(context).rsplit("/")[-1]


def _state(state):
    if isinstance(state, dict):
        return state.get("status", state.get("steady_state_met", "mapping"))
    if isinstance(state, list):
        return [run.get("status") for run in state]
    return state


def configure_control(configuration=None, secrets=None, settings=None, experiment=None, label=""):
    _note(f"{label} configure {experiment and experiment['title']} {configuration} {secrets}")


def cleanup_control():
    _note("cleanup")


def before_loading_experiment_control(context, label=""):
    _note(f"{label} before loading {_named(context)}")


def after_loading_experiment_control(context, state, label=""):
    _note(f"{label} after loading {_named(context)} {_named(state)}")


def before_experiment_control(context, label=""):
    _note(f"{label} before experiment {_named(context)}")


def after_experiment_control(context, state, label=""):
    _note(f"{label} after experiment {_named(context)} {_state(state)}")


def before_hypothesis_control(context, label=""):
    _note(f"{label} before hypothesis {_named(context)}")


def after_hypothesis_control(context, state, label=""):
    _note(f"{label} after hypothesis {_named(context)} {_state(state)}")


def before_method_control(context, label=""):
    _note(f"{label} before method {_named(context)}")


def after_method_control(context, state, label=""):
    _note(f"{label} after method {_named(context)} {_state(state)}")


def before_rollback_control(context, label=""):
    _note(f"{label} before rollback {_named(context)}")


def after_rollback_control(context, state, label=""):
    _note(f"{label} after rollback {_named(context)} {_state(state)}")


def before_activity_control(context, label=""):
    _note(f"{label} before activity {_named(context)}")


def after_activity_control(context, state, label=""):
    _note(f"{label} after activity {_named(context)} {_state(state)}")
