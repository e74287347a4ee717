def after_experiment_control(context, state):
    state["deviated"] = True
