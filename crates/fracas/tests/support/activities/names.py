"""What chaosaws has, as JSON: what it tells of each exported activity and its control, and the functions that it does
not export but that experiments can call, for they take the configuration and the secrets."""

import importlib
import inspect
import json
import logging
import pkgutil

import chaosaws
from chaoslib.discovery.discover import discover_probes

logging.disable(logging.CRITICAL)
exported = chaosaws.discover(True)["activities"]
# It forgets this module of its own.
exported += discover_probes("chaosaws.fis.probes")
hidden = []
for found in pkgutil.walk_packages(chaosaws.__path__, "chaosaws."):
    if found.name.endswith((".actions", ".probes")):
        module = importlib.import_module(found.name)
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == found.name and name not in module.__all__:
                if {"configuration", "secrets"} <= set(inspect.signature(function).parameters):
                    hidden.append(f"{found.name}.{name}")
print(json.dumps({"exported": exported, "hidden": hidden}))
