def before_experiment_control(context, configuration, secrets, experiment):
    configuration["who"] = "changed"
    secrets.setdefault("group", {})["key"] = "changed secret"
    experiment["title"] = "Another title"
    experiment["method"][0]["provider"]["arguments"][1] = "echo ${who} >> trace"
    experiment["method"].append(dict(experiment["method"][0], name="added"))


def after_activity_control(context, state):
    if context["name"] == "fails":
        state["status"] = "succeeded"
        state["output"] = "mended by a control"
