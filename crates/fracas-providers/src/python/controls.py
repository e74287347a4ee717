# What controls and event handlers share with the run, and how they are called. It is sent after
# child.py, into the same names, once a run needs it.
#
# Experiment, configuration and secrets are here as controls expect them, and may be changed by
# whoever is given them: what was changed goes back with the next answer. So that a call costs
# nothing when nothing was, every object and list of them notes for itself which part it is of.


class Noted:
    """An object or list that notes its part when it is changed. Copies of it are plain."""

    __slots__ = ()

    def __reduce_ex__(self, protocol):
        kind = dict if isinstance(self, dict) else list
        return kind, (kind(self),)


def noting(kind, names):
    def method(name):
        change = getattr(kind, name)

        def noted(self, *args, **kwargs):
            changed, part = self.note
            changed.add(part)
            return change(self, *args, **kwargs)

        noted.__name__ = name
        return noted

    methods = {name: method(name) for name in names if hasattr(kind, name)}
    return type(kind.__name__, (Noted, kind), dict(methods, __slots__=("note",)))


CHANGES = ("__setitem__", "__delitem__", "pop", "clear")
Object = noting(dict, CHANGES + ("popitem", "update", "setdefault", "__ior__"))
Sequence = noting(list, CHANGES + ("append", "extend", "insert", "remove", "sort", "reverse", "__iadd__", "__imul__"))


class State:
    """An object whose parts are noted when they change: each entry of these places is one."""

    def __init__(self, value, places=("",)):
        self.changed = set()
        self.places = places
        self.root = self.noted(value, "")
        self.known = dict(self.root) if isinstance(self.root, dict) else None

    def noted(self, value, part):
        kind = type(value)
        if kind is dict:
            new = Object((key, self.noted(item, self.below(part, key))) for key, item in value.items())
        elif kind is list:
            new = Sequence(self.noted(item, self.below(part, at)) for at, item in enumerate(value))
        else:
            return value
        new.note = self.changed, part
        return new

    def below(self, part, key):
        return part + "/" + str(key).replace("~", "~0").replace("/", "~1") if part in self.places else part

    def adopt(self, value, part):
        """Has everything within note its part, also what came in as it was changed."""
        value.note = self.changed, part
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            below = self.below(part, key)
            if isinstance(item, Noted):
                self.adopt(item, below)
            elif type(item) in (dict, list):
                (dict if isinstance(value, dict) else list).__setitem__(value, key, self.noted(item, below))

    def put(self, value):
        """Takes over what was changed elsewhere. What was changed here stays until it is told."""
        own = self.untold()
        for key in [key for key in self.root if key not in value and key not in own]:
            dict.__delitem__(self.root, key)
            del self.known[key]
        for key in [key for key in value if key not in own]:
            if key not in self.root or self.root[key] != value[key]:
                dict.__setitem__(self.root, key, self.noted(value[key], self.below("", key)))
            self.known[key] = self.root[key]

    def untold(self):
        """The names whose values were changed since the last time."""
        if not self.changed:
            return ()
        names = {unescaped("/" + part.split("/")[1]) for part in self.changed if part}
        absent = object()
        return names.union(
            key
            for key in set(self.root).union(self.known)
            if self.root.get(key, absent) is not self.known.get(key, absent)
        )

    def find(self, part):
        value = self.root
        for key in part.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            value = value[int(key) if isinstance(value, list) else key]
        return value

    def take_changes(self):
        """The parts that changed since the last time, the names that went, and what is another object now."""
        if not self.changed:
            return [], [], []
        parts, gone, replaced = set(self.changed), [], []
        self.changed.clear()
        if "" in parts:
            parts.remove("")
            gone = [key for key in self.known if key not in self.root]
            changed = [key for key, item in self.root.items() if key not in self.known or self.known[key] is not item]
            replaced = [self.below("", key) for key in changed]
            parts.update(replaced)
            self.known = dict(self.root)
        found = []
        for part in sorted(parts):
            if not any(part.startswith(other + "/") for other in parts):
                try:
                    found.append([part, self.find(part)])
                except (LookupError, ValueError, TypeError):
                    pass  # It is no longer there.
        self.adopt(self.root, "") if gone else [self.adopt_part(part, value) for part, value in found]
        return found, gone, replaced

    def adopt_part(self, part, value):
        if isinstance(value, Noted):
            self.adopt(value, part)
        elif type(value) in (dict, list):
            above, key = part.rsplit("/", 1)
            above = self.find(above)
            kind = dict if isinstance(above, dict) else list
            key = key.replace("~1", "/").replace("~0", "~")
            kind.__setitem__(above, int(key) if kind is list else key, self.noted(value, part))
            if above is self.root:
                self.known = dict(self.root)


class Registry:
    """Takes the event handlers of controls."""

    def __init__(self):
        self.handlers = []
        self.is_told = True

    def register(self, handler):
        self.handlers.append(handler)
        self.is_told = False

    def events(self):
        """What some handler does more about than the class that it is made from."""
        base = getattr(sys.modules.get("chaoslib.run"), "RunEventHandler", None)
        return [
            name
            for name in EVENTS
            if any(getattr(type(handler), name, None) is not getattr(base, name, None) for handler in self.handlers)
        ]


EVENTS = {
    "started": ("experiment", "journal"),
    "running": ("experiment", "journal", "configuration", "secrets", "schedule", "settings"),
    "finish": ("journal",),
    "interrupted": ("experiment", "journal"),
    "signal_exit": (),
    "start_continuous_hypothesis": ("frequency",),
    "continuous_hypothesis_iteration": ("iteration_index", "state"),
    "continuous_hypothesis_completed": ("experiment", "journal", "exception"),
    "start_hypothesis_before": ("experiment",),
    "hypothesis_before_completed": ("experiment", "state", "journal"),
    "start_hypothesis_after": ("experiment",),
    "hypothesis_after_completed": ("experiment", "state", "journal"),
    "start_method": ("experiment",),
    "method_completed": ("experiment", "state"),
    "start_rollbacks": ("experiment",),
    "rollbacks_completed": ("experiment", "journal"),
    "start_cooldown": ("duration",),
    "cooldown_completed": (),
    "start_activity": ("activity",),
    "activity_completed": ("activity", "run"),
}
EXPERIMENT_PARTS = ("", "/method", "/rollbacks", "/steady-state-hypothesis", "/steady-state-hypothesis/probes")

registry = Registry()
experiment = State({}, EXPERIMENT_PARTS)
shared = {"configuration": State(configuration), "secrets": State(secrets)}
configuration, secrets = shared["configuration"].root, shared["secrets"].root
has_experiment = False
settings = None


def values(message):
    for name, state in shared.items():
        state.put(message[name])


def world(message):
    """What does not change but by controls: the experiment, and the user's settings."""
    global experiment, has_experiment, settings
    # Around loading there is no experiment yet.
    has_experiment, settings = message["experiment"] is not None, message["settings"]
    experiment = State(message["experiment"] or {}, EXPERIMENT_PARTS)
    if "chaoslib.settings" in sys.modules:
        settle(sys.modules["chaoslib.settings"])


def parts(message):
    """Parts of the experiment that were changed elsewhere."""
    for pointer, value in message["parts"]:
        experiment.adopt_part(pointer, value)


def settle(chaoslib_settings):
    chaoslib_settings.loaded_settings.set(settings or {})


amended_before = amended


def amended(answer):
    """An answer with all that was changed until now."""
    amended_before(answer)
    changes = {}
    found, gone, replaced = experiment.take_changes()
    if gone:
        found, replaced = [["", experiment.root]], [""]
    if found:
        changes.update(experiment=found, replaced=replaced)
    for name, state in shared.items():
        found, gone, replaced = state.take_changes()
        if name == "configuration":
            changes.update(within=[unescaped(part) for part, _ in found if part not in replaced])
        found = [[unescaped(part), value] for part, value in found] + [[key] for key in gone]
        if found:
            changes[name] = found
    if any(changes.values()):
        answer["changes"] = changes
    if not registry.is_told:
        registry.is_told = True
        answer["events"] = registry.events()
    return answer


def unescaped(part):
    return part[1:].replace("~1", "/").replace("~0", "~")


def module_of_control(message):
    """What a control's module has: the parameters of each of its functions."""
    try:
        module = loaded(message["module"])
    except ImportError as error:
        return {"missing": str(error)}
    except Exception as error:
        return {"raised": last_line(error)}
    hooks = {}
    for name in dir(module):
        function = getattr(module, name) if name.endswith("_control") else None
        if function:
            try:
                hooks[name] = [name for name, *_ in parameters(function)]
            except Exception:
                hooks[name] = []
    return {"hooks": hooks}


def vet(message):
    """Has a control's module look at the control's declaration."""
    try:
        loaded(message["module"]).validate_control(message["control"])
    except Exception as error:
        return {"error": str(error) if is_of_chaoslib(error) else last_line(error)}


def is_of_chaoslib(error):
    return any(kind.__module__ == "chaoslib.exceptions" for kind in type(error).__mro__)


def given(function, arguments, more):
    """The arguments of a control's function: its own, and what of the run it asks for."""
    names = [name for name, *_ in parameters(function)]
    document = experiment.root if has_experiment else None
    run = dict(more, secrets=secrets, configuration=configuration, experiment=document)
    arguments.update((name, value) for name, value in run.items() if name in names)
    return arguments


def one(message, more):
    """Calls a function of a single control."""
    try:
        function = getattr(loaded(message["module"]), message["function"])
        function(**given(function, message["arguments"], more))
    except Exception as error:
        return {"failures": [[message["name"], last_line(error)]]}


def configure(message):
    return one(message, {"settings": settings or {} if message["global"] else None, "event_registry": registry})


def configure_again(message):
    """Makes controls as ready as they were in a Python that has died. Nobody waits for an answer."""
    for control in message["controls"]:
        for name, error in (configure(control) or {}).get("failures", ()):
            say(0, {"log": f"control '{name}' could not be configured again: {error}", "level": 30})


def clean_up(message):
    try:
        getattr(loaded(message["module"]), message["function"])()
    except Exception as error:
        return {"failures": [[message["name"], last_line(error)]]}


def apply(message):
    """Calls the same function of several controls, until one interrupts."""
    state = State(message.get("state"), ())
    context = message["context"] if message["loading"] else experiment.find(message["context"])
    more = {"state": state.root, "settings": settings or None}
    if has_experiment:
        more["extensions"] = experiment.root.get("extensions")
    answer = {"failures": []}
    for control in message["controls"]:
        try:
            function = getattr(loaded(control["module"]), message["function"])
            function(context=context, **given(function, control["arguments"], more))
        except Exception as error:
            if is_interrupt(error):
                answer["interrupt"] = str(error)
                break
            answer["failures"].append([control["name"], last_line(error)])
    if state.changed:
        answer["state"] = state.root
    return answer


def event(message):
    """Calls a function of every event handler."""
    arguments = dict(message["arguments"], experiment=experiment.root, settings=settings)
    arguments.update(configuration=configuration, secrets=secrets)
    if arguments.get("exception") is not None:
        arguments["exception"] = Exception(arguments["exception"])
    if "schedule" in arguments:
        arguments["schedule"] = schedule(arguments["schedule"])
    journal = State(arguments.get("journal"), ())
    arguments["journal"] = journal.root
    positional = [arguments.get(name) for name in EVENTS[message["name"]]]
    failures = []
    for handler in registry.handlers:
        try:
            getattr(handler, message["name"])(*positional)
        except Exception as error:
            failures.append([type(handler).__name__, last_line(error)])
    answer = {"failures": failures}
    if journal.changed:
        answer["state"] = journal.root
    return answer


def schedule(fields):
    try:
        return loaded("chaoslib.types").Schedule(**fields)
    except (ImportError, TypeError):
        return type("Schedule", (), fields)()


def teach(yaml):
    """PyYAML refuses to write classes that it does not know."""
    for representer in (yaml.representer.SafeRepresenter, yaml.representer.Representer):
        representer.add_representer(Object, representer.represent_dict)
        representer.add_representer(Sequence, representer.represent_list)


for name, after in {"chaoslib.settings": settle, "yaml": teach}.items():
    AFTER_IMPORT[name] = after
    if name in sys.modules:
        after(sys.modules[name])

operations.update(values=values, world=world, parts=parts, control=module_of_control, vet=vet, configure=configure)
operations.update(configure_again=configure_again, clean_up=clean_up, apply=apply, event=event)
