"""Moves the pins of botocore to another version, and prints what its models change.

Arguments: the project's folder, the folder with the present wheels, the version.
"""

import gzip
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

DATA = "botocore/data/"


def main(root, wheels, version):
    (present,) = wheels.glob("botocore-*.whl")
    with tempfile.TemporaryDirectory() as folder:
        new = download(folder, version, "--only-binary", ":all:")
        source = download(folder, version, "--no-binary", "botocore")
        tell(models(present), models(new))
        pins = {"models": digest(new), "sdist": digest(source)}
    old = present.name.split("-")[1]
    replace(root / "crates/fracas-aws/models/requirements.txt", r"botocore==\S+ --hash=sha256:\w+",
            f"botocore=={version} --hash=sha256:{pins['models']}")
    replace(root / "tests/stage/botocore-sdist.txt", r"botocore==\S+ --hash=sha256:\w+",
            f"botocore=={version} --hash=sha256:{pins['sdist']}")
    replace(root / "tests/stage/requirements.txt", r"(boto3|botocore)==\S+", rf"\1=={version}")
    replace(root / "NOTICE", re.escape(f"Botocore {old}"), f"Botocore {version}")


def download(folder, version, *kind):
    before = set(pathlib.Path(folder).iterdir())
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, *kind, "--dest", folder, f"botocore=={version}"], check=True)
    (new,) = set(pathlib.Path(folder).iterdir()) - before
    return new


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace(path, pattern, new):
    text = path.read_text()
    changed, count = re.subn(pattern, new, text)
    if not count:
        sys.exit(f"{path} pins no version of botocore")
    path.write_text(changed)


def models(path):
    """The newest model of each service: its operations with the names that they take and give."""
    found = {}
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.startswith(DATA) and "/service-2.json" in name]
        for name in sorted(names):
            content = wheel.read(name)
            model = json.loads(gzip.decompress(content) if name.endswith(".gz") else content)
            found[name.removeprefix(DATA).split("/")[0]] = facts(model)
    return found


def facts(model):
    shapes = model["shapes"]
    def members(operation, side):
        shape = shapes.get(operation.get(side, {}).get("shape"), {})
        return sorted(shape.get("members", {}))
    return {name: [members(operation, side) for side in ("input", "output")]
            for name, operation in model["operations"].items()}


def tell(old, new):
    for name in sorted(set(old) | set(new)):
        if name not in old:
            print(f"+ {name}: {len(new[name])} operations")
        elif name not in new:
            print(f"- {name}: {len(old[name])} operations")
        else:
            tell_service(name, old[name], new[name])
    count = lambda models: f"{len(models)} services, {sum(map(len, models.values()))} operations"
    print(f"from {count(old)} to {count(new)}")


def tell_service(name, old, new):
    parts = [f"+{operation}" for operation in sorted(set(new) - set(old))]
    parts += [f"-{operation}" for operation in sorted(set(old) - set(new))]
    parts += [f"~{operation}" for operation in sorted(set(old) & set(new)) if old[operation] != new[operation]]
    if parts:
        print(f"  {name}: {' '.join(parts)}")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
