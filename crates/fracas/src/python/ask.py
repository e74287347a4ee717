# Answers one question about what is installed in Python, or calls one function of it. The question
# is a JSON object on standard input, the answer one on standard output; whatever else is printed
# goes to standard error.

import sys

# As for Chaos Toolkit, the current folder is no place for modules.
sys.path[:] = filter(None, sys.path)

import json
import logging
import os

INSTALL = "install the package into the Python that is used, or name it with --python"
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
lines = []


class Refused(Exception):
    """What is asked for cannot be had, and what to do then."""


def logzero():
    """Modules that log by way of logzero log as all others do. Source: `chaoslib/log.py`."""
    from types import ModuleType

    module = ModuleType("logzero")
    module.__path__ = []
    module.logger = logging.getLogger("chaostoolkit")
    return module


class Lines(logging.Handler):
    def emit(self, record):
        lines.append([record.levelname.lower(), record.getMessage()])


def extensions():
    """Distributions whose names begin as those of extensions do. Source: `chaoslib/info.py`."""
    from importlib.metadata import distributions

    found, seen = [], {"chaostoolkit-lib"}
    for distribution in distributions():
        about = distribution.metadata
        name = about["Name"]
        if name is None or name in seen:
            continue
        seen.add(name)
        if name.startswith("chaostoolkit-"):
            found.append({key: about[key.title()] for key in ("name", "version", "summary", "license")})
    return found


def notify(channel, payload, error):
    """Calls a function of a channel. Source: `chaoslib/notification.py`."""
    from importlib import import_module
    from inspect import isfunction

    module, function = channel.get("module"), channel.get("func", "notify")
    try:
        found = getattr(import_module(module), function, None)
    except ImportError as error:
        raise Refused(f"could not find Python plugin '{module}' for notification") from error
    if not isfunction(found):
        raise Refused(f"could not find function '{function}' in plugin '{module}' for notification")
    if error:
        payload["error"] = raised(*error)
    try:
        found(channel, payload)
    except Exception as error:
        raise Refused(f"failed calling notification plugin: {last_line(error)}")


def raised(name, message):
    """An exception of Chaos Toolkit's library, or one like it where that is not installed."""
    try:
        from chaoslib import exceptions
    except ImportError:
        return type(name, (Exception,), {})(message)
    return getattr(exceptions, name)(message)


def discover(package, system):
    """Calls the `discover` function of a package. Source: `chaoslib/discovery`."""
    from importlib import import_module
    from inspect import isfunction

    name = top_level(package)
    try:
        module = import_module(name)
    except ImportError as error:
        raise Refused(f"could not load Python module '{name}'", INSTALL) from error
    found = getattr(module, "discover", None)
    if not isfunction(found):
        raise Refused(f"package '{name}' does not export a `discover` function",
                      "name an extension of Chaos Toolkit, such as chaostoolkit-kubernetes")
    return found(discover_system=system)


def top_level(package):
    """The module that a distribution is imported by."""
    from importlib import metadata

    try:
        files = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        raise Refused(f"Package {package} not found", INSTALL)
    if hasattr(metadata, "packages_distributions"):
        modules = [module for module, owners in metadata.packages_distributions().items() if package in owners]
    else:
        modules = [file.parts[0] for file in files if file.parts[1:] == ("__init__.py",)]
    for module in modules:
        return module
    raise Refused(f"Distribution {package} exists but no top-level package name could be determined",
                  INSTALL)


def last_line(error):
    from traceback import format_exception_only

    return format_exception_only(type(error), error)[0].strip()


def plain(value):
    """What JSON does not know, as Chaos Toolkit writes it."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def main(question):
    for name in ("chaostoolkit", "chaostoolkit-lib"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(Lines())
    sys.modules["logzero"] = logzero()
    try:
        return {"answer": globals()[question.pop("op")](**question)}
    except Refused as error:
        why, *help = error.args
        return {"refused": why, "help": "".join(help), "cause": last_line(error.__cause__) if error.__cause__ else None}
    except Exception as error:
        refused = type(error).__name__ == "DiscoveryFailed"
        return {"refused": str(error)} if refused else {"error": last_line(error)}


answer = main(json.load(sys.stdin))
json.dump(dict(answer, lines=lines), answers, default=plain)
