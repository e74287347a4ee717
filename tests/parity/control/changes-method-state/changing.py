def after_method_control(context, state):
    state[0]["note"] = "by a control"
    state.pop()
    state.append({"made": "up"})
