def before_experiment_control(context):
    context["runtime"] = {"rollbacks": {"strategy": "never"}}
