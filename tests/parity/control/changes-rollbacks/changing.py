def after_method_control(context, state):
    context["rollbacks"].append(dict(context["rollbacks"][0], name="added"))
