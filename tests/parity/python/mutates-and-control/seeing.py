def _note(*words):
    with open("trace", "a") as trace:
        print(*words, file=trace)


def before_activity_control(context, configuration, experiment):
    _note("before", context["provider"]["arguments"], configuration, experiment.get("configuration"))


def after_activity_control(context, configuration, experiment, state):
    _note("after", context["provider"]["arguments"], configuration, experiment.get("configuration"))
    if "stop" in context["provider"]["arguments"]["items"]:
        context["provider"]["arguments"]["items"].append("more")


def after_experiment_control(context, state):
    _note("end", context["method"][0]["provider"]["arguments"], [run["activity"]["provider"]["arguments"] for run in state["run"]])
