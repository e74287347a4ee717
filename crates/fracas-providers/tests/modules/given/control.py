"""A control that writes down what it is given, and changes what it is told to."""

import copy
import json
import pickle
import time

from chaoslib.exceptions import InterruptExecution, InvalidActivity
from chaoslib.run import RunEventHandler

seen = []


def take_seen():
    return [seen.pop(0) for _ in seen[:]]


class Handler(RunEventHandler):
    def started(self, experiment, journal):
        seen.append(["started", experiment["title"], journal])

    def start_activity(self, activity):
        raise ValueError("a handler that fails")

    def running(self, experiment, journal, configuration, secrets, schedule, settings):
        seen.append([type(schedule).__name__, schedule.continuous_hypothesis_frequency, settings])


def validate_control(control):
    if "wrong" in control:
        raise InvalidActivity("a control must not be wrong")


def configure_control(experiment, configuration, secrets, settings, event_registry, fail=False):
    seen.append(["configure", experiment["title"], configuration, secrets, settings])
    if fail:
        raise ValueError("cannot be configured")
    event_registry.register(Handler())


def cleanup_control():
    seen.append(["cleanup"])


def before_experiment_control(context, experiment, extensions=None, **kwargs):
    seen.append(["before experiment", context is experiment, extensions, sorted(kwargs)])


def before_activity_control(context, configuration=None, secrets=None, settings=None, change=None):
    seen.append(["before activity", context["name"], settings])
    if change == "argument":
        context["provider"]["arguments"]["value"] = configuration["name"]
    elif change == "configuration":
        configuration["name"] = ["new"]
        configuration["other"] = 1
        del configuration["gone"]
        secrets["group"]["key"] = "changed"
    elif change == "slowly":
        configuration["other"] = 1
        del configuration["gone"]
        time.sleep(1.5)
    elif change == "fail":
        raise ValueError("a control that fails")
    elif change == "interrupt":
        raise InterruptExecution("enough")
    elif change == "exit":
        raise SystemExit(30)


def after_activity_control(context, state, change=None):
    seen.append(["after activity", state])
    if change == "state":
        state["output"] = {"changed": [1]}
    elif change == "in steps":
        state["output"]["list"].append(2)


def before_method_control(context, change=None, **kwargs):
    if change == "append":
        context["method"].append({"name": "new"})
        context["title"] = "another"
    elif change == "later":
        context["method"][-1]["name"] = "newer"
    elif change == "remove":
        del context["extensions"]
    elif change == "insert":
        context["method"].insert(0, {"name": "first", "deep": {"list": []}})
    elif change == "deep":
        context["method"][0]["deep"]["list"].append(1)
        context["steady-state-hypothesis"]["probes"][0]["tolerance"] = 2


def after_method_control(context, **kwargs):
    """Copies of what is shared are as plain as anything."""
    import yaml

    same = json.loads(json.dumps(context))
    copies = [copy.deepcopy(context), copy.copy(context), pickle.loads(pickle.dumps(context)), yaml.safe_load(yaml.safe_dump(context))]
    assert all(one == same for one in copies), copies
    assert [type(one["method"]) for one in (copies[0], copies[2])] == [list, list]
    assert type(copies[0]["method"][0]) is dict and type(copies[1]) is dict
    copies[0]["method"][0]["name"] = "in the copy only"
    seen.append(["copied", type(context["method"][0]).__name__])


def before_loading_experiment_control(context, experiment=5):
    seen.append(["before loading", context, experiment])


def after_loading_experiment_control(context, state):
    state["title"] = "loaded from " + context
