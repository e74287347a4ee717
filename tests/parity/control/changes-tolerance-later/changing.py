def before_activity_control(context):
    if context["name"] == "a":
        context["tolerance"] = 1


def after_activity_control(context):
    if context["name"] == "b":
        context["tolerance"] = 2
