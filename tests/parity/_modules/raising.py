"""A control that raises at the hook named by its argument `at`, the exception named by `what`."""

import tracing


def _hook(name):
    def hook(context, at="", what="RuntimeError", state=None, **arguments):
        getattr(tracing, name)(*[context, state][: 1 + name.startswith("after")], label="raising")
        if at == name:
            _raise(what)

    hook.__name__ = name
    return hook


def _raise(what):
    import chaoslib.exceptions

    kinds = {
        "RuntimeError": RuntimeError("a broken control"),
        "InterruptExecution": chaoslib.exceptions.InterruptExecution("a control had enough"),
        "SystemExit": SystemExit(7),
        "KeyboardInterrupt": KeyboardInterrupt(),
    }
    raise kinds[what]


def configure_control(at="", what="RuntimeError"):
    tracing._note("raising configure")
    if at == "configure_control":
        _raise(what)


for _level in ["loading_experiment", "experiment", "hypothesis", "method", "rollback", "activity"]:
    for _scope in ["before", "after"]:
        globals()[f"{_scope}_{_level}_control"] = _hook(f"{_scope}_{_level}_control")
