def after_experiment_control(context, state):
    state["status"] = "failed"
    state["extra"] = {"by": "a control"}
