calls = []


def before_activity_control(context):
    calls.append(context["name"])


def told():
    return list(calls)
