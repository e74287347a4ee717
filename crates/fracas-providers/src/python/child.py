# What runs inside python3: calls functions of the user's modules, and answers over one socket.
#
# It imports as little as it can, for all of that is paid at every start. A message is a line: one
# that comes in is an object with an `id` and an `op`, one that goes out is that id and an object.
# The main thread carries operations out, as Chaos Toolkit's does. What comes while it is busy, or
# is meant for the background, comes over a second socket, which a thread of its own reads: waking
# that for every operation would take longer than most operations.

import _signal
import _thread
import os
import sys
from time import sleep

from _json import encode_basestring, make_encoder, make_scanner

PARENT = os.getppid()
MAIN = _thread.get_ident()
EXITS = {_signal.SIGUSR1: 20, _signal.SIGUSR2: 30}

FUNCTION = type(lambda: None)

operations = {}
saying = _thread.allocate_lock()
threads = {}  # the thread of each operation that goes on
cut = set()  # operations that are to end
on_main = 0  # the operation that the main thread has
taken = taken_aside = 0  # how many messages have come over each socket
held = False  # whether the main thread must not be interrupted now
held_back = None  # what it is to be interrupted with then
configuration = {}
secrets = {}
environment = {}  # variables that were changed
folder = os.getcwd()


class Reading:
    strict = False
    object_hook = object_pairs_hook = parse_constant = None
    parse_float = float
    parse_int = int
    memo = {}


scan = make_scanner(Reading)


# Answers


def say(number, answer):
    global held, held_back
    unclear = []
    text = encoded(answer, unclear)
    if unclear:
        text = '%s,"unclear":%s}' % (text[:-1], encode_basestring(unclear[0]))
    data = b"%d %s\n" % (number, text.encode())
    main = _thread.get_ident() == MAIN
    held = held or main
    with saying:
        try:
            while data:
                data = data[os.write(SOCKET, data) :]
        except OSError:
            os.write(2, b"a function has closed the way back to fracas\n")
            os._exit(1)
    if main:
        held = False
        if held_back:
            error, held_back = held_back, None
            raise error


def encoded(value, unclear):
    def as_text(value):
        """As Chaos Toolkit's journal has it, for a few types; otherwise as Python shows it."""
        for module, name, text in TEXTS:
            module = sys.modules.get(module)
            if module and isinstance(value, getattr(module, name)):
                return getattr(value, text)()
        return shown(value, unclear)

    encode = make_encoder({}, as_text, encode_basestring, None, ":", ",", False, False, False)
    try:
        text = "".join(encode(value, 0))
        text.encode()
        return text
    except (TypeError, ValueError, RecursionError):
        return "".join(encode(plain(value, (), unclear), 0))


TEXTS = (("datetime", "date", "isoformat"), ("decimal", "Decimal", "__str__"), ("uuid", "UUID", "__str__"))


def shown(value, unclear):
    unclear.append(type(value).__name__)
    try:
        return writable(repr(value))
    except Exception:
        return object.__repr__(value)


def writable(text):
    return text.encode("utf-8", "backslashreplace").decode()


def plain(value, above, unclear):
    """The same without what JSON cannot carry, however deep."""
    if isinstance(value, str):
        if writable(value) != value:
            unclear.append("str with half a character")
        return writable(value)
    if isinstance(value, float):
        return value if value - value == 0 else shown(value, unclear)
    if isinstance(value, int):
        return value if value.bit_length() < 1000 else shown(value, unclear)
    if not isinstance(value, (dict, list, tuple)):
        return value
    if id(value) in above or len(above) > 100:
        return shown(value, unclear)
    above += (id(value),)
    if not isinstance(value, dict):
        return [plain(item, above, unclear) for item in value]
    fits = (str, int, float, type(None))
    return {
        plain(key if isinstance(key, fits) else shown(key, unclear), (), unclear): plain(item, above, unclear)
        for key, item in value.items()
    }


# Errors


def last_line(error):
    """An error as Python prints it, without the way to it."""
    from traceback import format_exception_only

    return format_exception_only(type(error), error)[0].strip()


def failed(error):
    from traceback import format_exception

    here = error.__traceback__
    while here and here.tb_frame.f_code.co_filename == "<fracas>":
        here = here.tb_next
    return {"error": last_line(error), "trace": "".join(format_exception(type(error), error, here)).strip()}


def is_interrupt(error):
    kinds = [(kind.__module__, kind.__name__) for kind in type(error).__mro__]
    return ("chaoslib.exceptions", "InterruptExecution") in kinds


def exit_code(error):
    return error.code if isinstance(error.code, int) else int(error.code is not None)


# Operations


def loaded(module):
    __import__(module)
    return sys.modules[module]


def parameters(function):
    """The parameters of a function: the name, the kind and whether it must be given, of each.

    The kind is the number that `inspect` gives it. That is slow to import, and plain functions do
    without: positional only, either, any further ones, keyword only, any further keywords."""
    if type(function) is not FUNCTION or function.__dict__:
        from inspect import signature

        all = signature(function).parameters.values()
        return [(one.name, one.kind, one.default is one.empty and one.kind not in (2, 4)) for one in all]
    code, by_keyword = function.__code__, function.__kwdefaults__ or ()
    names = iter(code.co_varnames)
    needed = code.co_argcount - len(function.__defaults__ or ())
    found = [(next(names), int(at >= code.co_posonlyargcount), at < needed) for at in range(code.co_argcount)]
    keywords = [next(names) for _ in range(code.co_kwonlyargcount)]
    if code.co_flags & 4:
        found.append((next(names), 2, False))
    found += [(name, 3, name not in by_keyword) for name in keywords]
    return found + [(name, 4, False) for name in names if code.co_flags & 8][:1]


def look(message):
    """Tells what a module has under a name, without calling it."""
    try:
        module = loaded(message["module"])
    except ImportError as error:
        return {"missing": str(error)}
    except BaseException as error:
        return {"raised": last_line(error)}
    functions = (FUNCTION, type(len))
    function = getattr(module, message["func"], None)
    if not isinstance(function, functions):
        names = [name for name in dir(module) if isinstance(getattr(module, name, None), functions)]
        return {"functions": names}
    try:
        return {"parameters": parameters(function)}
    except Exception:
        return {}


def call(message):
    """Calls a function as an activity does. What goes wrong before the call, no activity expects."""
    arguments = message["arguments"]
    try:
        function = getattr(loaded(message["module"]), message["func"])
        names = [name for name, *_ in parameters(function)]
        if "secrets" in names and "secrets" in message:
            arguments["secrets"] = {}
            for group in message["secrets"]:
                arguments["secrets"].update(secrets.get(group, {}).copy())
        if "configuration" in names:
            arguments["configuration"] = configuration.copy()
    except Exception as error:
        return dict(failed(error), unexpected=True)
    own = [(path, found(arguments, path)) for path in message.get("own", ())]
    before = [encoded(value, []) for path, value in own]
    for path, name in message.get("configured", ()):
        found(arguments, path[:-1])[path[-1]] = configuration[name]
    try:
        answer = {"output": function(**arguments)}
    except Exception as error:
        answer = failed(error)
        if is_interrupt(error):
            answer["interrupt"] = str(error)
    changed = [item for item, text in zip(own, before) if encoded(item[1], []) != text]
    return dict(answer, own=changed) if changed else answer


def found(value, path):
    for key in path:
        value = value[key]
    return value


def amended(answer):
    """An answer with what else is to be told."""
    global folder
    if environment:
        answer["environment"] = environment.copy()
        environment.clear()
    try:
        now = os.getcwd()
    except OSError:
        now = folder  # It was removed.
    if now != folder:
        answer["folder"] = folder = now
    return answer


def watch_environment():
    """Notes what is changed through `os.environ`, for the sake of programs."""
    putenv, unsetenv = os.putenv, os.unsetenv

    def put(name, value):
        putenv(name, value)
        environment[os.fsdecode(name)] = os.fsdecode(value)

    def unset(name):
        unsetenv(name)
        environment[os.fsdecode(name)] = None

    os.putenv, os.unsetenv = put, unset
    if hasattr(os.environ, "putenv"):
        os.environ.putenv, os.environ.unsetenv = put, unset


def values(message):
    global configuration, secrets
    configuration, secrets = message["configuration"], message["secrets"]


def extend(message):
    """Takes in operations that few runs need."""
    exec(compile(message["source"], "<fracas>", "exec"), globals())


operations.update(look=look, call=call, values=values, extend=extend)


# Threads and signals


def carry_out(message):
    """Carries an operation out and answers, whatever becomes of it."""
    global on_main
    number = message["id"]
    if number:
        threads[number] = _thread.get_ident()
    try:
        answer = operations[message["op"]](message)
    except SystemExit as error:
        answer = {"exit": exit_code(error)}
    except KeyboardInterrupt:
        answer = {} if number in cut else {"keyboard": True}
    except BaseException as error:
        answer = {} if number in cut else dict(failed(error), unexpected=True)
    finish(number)
    if number:
        say(number, amended(dict(answer or {}, done=True)))


def finish(number):
    global on_main
    if on_main == number:
        on_main = 0
    threads.pop(number, None)


def serve():
    global on_main, taken
    for message in lines(SOCKET):
        if message["op"] == "end":
            return
        on_main = message["id"]
        taken += 1
        try:
            while taken_aside < message["after"]:
                sleep(0.001)
            carry_out(message)
        except BaseException as error:
            # A signal came in the moment between its end and its answer.
            finish(message["id"])
            answer = {"exit": exit_code(error)} if isinstance(error, SystemExit) else {}
            say(message["id"], dict(answer, done=True))


def on_signal(number, frame):
    """A signal to this process means the run: what the main thread does ends as Chaos Toolkit's would."""
    global held_back
    if number == _signal.SIGINT and on_main in cut:
        error = KeyboardInterrupt()
    elif on_main and number in EXITS:
        error = SystemExit(EXITS[number])
    elif on_main and number == _signal.SIGTERM:
        error = chaoslib_error("InterruptExecution", "SIGTERM signal received")
    else:
        # Between calls a SIGTERM comes from who ends all processes at once, fracas among them.
        return os.kill(PARENT, number) if number in EXITS or threads else None
    if not held:
        raise error
    held_back = error


def chaoslib_error(name, *arguments):
    try:
        return getattr(loaded("chaoslib.exceptions"), name)(*arguments)
    except Exception:
        return type(name, (Exception,), {"__module__": "chaoslib.exceptions"})(*arguments)


def interrupt(number):
    """Ends an operation with an exception where it is."""
    thread = threads.get(number)
    if thread is None:
        return
    cut.add(number)
    if on_main == number:
        return _signal.pthread_kill(MAIN, _signal.SIGINT)
    from ctypes import c_ulong, py_object, pythonapi

    error = KeyboardInterrupt
    if "chaoslib.exceptions" in sys.modules:
        error = sys.modules["chaoslib.exceptions"].ExperimentExitedException
    with saying:
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(error))


def lines(socket):
    parts = []
    while True:
        data = os.read(socket, 1 << 16)
        if not data:
            # Whoever started this is gone: nobody wants what still goes on here.
            os.killpg(0, _signal.SIGKILL)
        *whole, rest = data.split(b"\n")
        for line in whole:
            parts.append(line)
            yield scan(b"".join(parts).decode(), 0)[0]
            parts = []
        parts.append(rest)


def read_aside():
    """Sees to what cannot wait for the main thread. Each socket waits for what was sent before on the other."""
    global taken_aside
    for message in lines(ASIDE):
        while taken < message["after"]:
            sleep(0.001)
        if message["op"] == "cut":
            interrupt(message["of"])
        elif message["id"]:
            _thread.start_new_thread(carry_out, (message,))
        else:
            carry_out(message)
        taken_aside += 1


# Logging


class Importing:
    """Sees to it that what is logged gets where Chaos Toolkit's log goes, once something logs."""

    def find_spec(self, name, path=None, target=None):
        if name == "logzero":
            loaded("logging")
            return logzero()
        if name not in AFTER_IMPORT:
            return None
        finders = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        found = next(filter(None, (finder.find_spec(name, path, target) for finder in finders)), None)
        if found and found.loader:
            found.loader = Loader(found.loader, AFTER_IMPORT[name])
        return found


class Loader:
    def __init__(self, loader, after):
        self.loader, self.after = loader, after

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def exec_module(self, module):
        self.loader.exec_module(module)
        module.__spec__.loader = module.__loader__ = self.loader
        self.after(module)


def heed(logging):
    class Telling(logging.Handler):
        def emit(self, record):
            try:
                text = record.getMessage()
                if record.exc_info:
                    text += "\n" + logging.Formatter().formatException(record.exc_info)
            except Exception:
                return self.handleError(record)
            here = _thread.get_ident()
            numbers = [number for number, thread in threads.copy().items() if thread == here]
            say((numbers or [on_main])[0], {"log": text, "level": record.levelno})

    logger = logging.getLogger("chaostoolkit")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Telling())


def logzero():
    """Modules that log by way of logzero log as all others do."""
    from importlib.machinery import ModuleSpec

    class Making:
        def create_module(self, spec):
            return None

        def exec_module(self, module):
            module.logger = sys.modules["logging"].getLogger("chaostoolkit")

    return ModuleSpec("logzero", Making(), is_package=True)


AFTER_IMPORT = {"logging": heed}


def main():
    for socket in SOCKET, ASIDE:
        os.set_inheritable(socket, False)
    os.register_at_fork(after_in_child=lambda: [os.close(socket) for socket in (SOCKET, ASIDE)])
    sys.argv[:] = ["chaos"]
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.meta_path.insert(0, Importing())
    watch_environment()
    if "logging" in sys.modules:
        heed(sys.modules["logging"])
    if LINES:
        sys.stdout.reconfigure(line_buffering=True)
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGUSR1, _signal.SIGUSR2):
        _signal.signal(number, on_signal)
    _thread.start_new_thread(read_aside, ())
    say(0, {"done": True})
    opened = open_files()
    serve()
    if open_files() == opened:
        leave()


def open_files():
    try:
        return os.listdir("/proc/self/fd")
    except OSError:
        return None


def leave():
    """Ends as Python does, but for taking everything apart, which takes a fifth of a short run: without open
    files there is nothing that it would write."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    import atexit

    atexit._run_exitfuncs()
    for stream in sys.stdout, sys.stderr:
        try:
            stream.flush()
        except Exception:
            pass  # A function has closed it, or nobody reads it.
    os._exit(0)


main()
