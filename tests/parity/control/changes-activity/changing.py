def before_activity_control(context):
    if context["name"] == "act":
        context["provider"]["arguments"] = ["-c", "echo changed >> trace"]
        context["pauses"] = {"after": 0.1}
