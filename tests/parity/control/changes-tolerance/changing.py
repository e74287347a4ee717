def before_hypothesis_control(context):
    context["probes"][0]["tolerance"] = 1
