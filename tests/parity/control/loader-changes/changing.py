def after_loading_experiment_control(context, state):
    state["title"] = "Loaded otherwise"
    state["method"][0]["provider"]["arguments"][1] = "echo changed >> trace"
