"""The provider stub as a running process: made once for each version of it, started once for each schema that is asked for."""

import atexit
import fcntl
import functools
import hashlib
import json
import pathlib
import re
import select
import shutil
import subprocess
import tempfile
import zlib

from deploy import tools
from deploy.outcome import NotRun

PACKAGE = "cdktn-provider-aws==25.8.1"
PROVIDER_VERSION = "6.69.1"  # the version of the AWS provider that this package was generated from
PROVIDER = "registry.terraform.io/hashicorp/aws"
HERE = pathlib.Path(__file__).resolve().parent
NAME = re.compile(r'"(aws_\w+)"')
PARTS = [HERE / "provider_schema.py", HERE / "provider_stub.py"]


@functools.cache
def folder():
    """Where the schema is. Made on first use: one download of 70 MB and ten seconds."""
    python = tools.installed("python")
    mark = zlib.crc32(b"".join(part.read_bytes() for part in PARTS) + f"{PACKAGE} {python}".encode())
    made = tools.cache() / f"terraform-provider-{PROVIDER_VERSION}-{mark:08x}"
    made.parent.mkdir(parents=True, exist_ok=True)
    with open(made.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            step(python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", made, PACKAGE)
            wheel = next(made.glob("*.whl"))
            step(python, PARTS[0], wheel, made / "schema.json")
            wheel.unlink()
            (made / "complete").touch()
    return made


def schema_for(tree):
    """The file with the schema of what the Terraform files below `tree` speak of, where the provider has it."""
    wanted = sorted({name for file in tree.rglob("*.tf") for name in NAME.findall(file.read_text(encoding="utf-8"))})
    encoded = folder() / f"{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}.bin"
    if not encoded.exists():
        # Checks that run side by side, in this process too, may be making the same one.
        with tempfile.TemporaryDirectory(dir=folder()) as own:
            written = pathlib.Path(own, encoded.name)
            step(tools.installed("python"), PARTS[1], "encode", folder() / "schema.json", written, *wanted)
            written.rename(encoded)
    return encoded


@functools.cache
def attached(schema):
    """The variables that have Terraform use a running stub, which is started here and ends with this process. Otherwise
    Terraform would start one for every `run` of every test, and most of the time would be Python's."""
    place = tempfile.mkdtemp(prefix="cloister-provider-")
    socket = f"{place}/socket"
    process = subprocess.Popen([tools.installed("python"), "-B", PARTS[1], "serve", schema, socket], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop():
        process.kill()
        process.wait()
        shutil.rmtree(place, ignore_errors=True)

    atexit.register(stop)
    if not select.select([process.stdout], [], [], 60)[0] or process.stdout.readline() != "serving\n":
        raise NotRun(f"the provider stub did not start (it ended with {process.poll()})")
    return {"TF_REATTACH_PROVIDERS": json.dumps({PROVIDER: {
        "Protocol": "grpc", "ProtocolVersion": 6, "Pid": process.pid, "Test": True,
        "Addr": {"Network": "unix", "String": socket}}})}


def step(*command):
    code, output = tools.call(*command)
    if code:
        raise NotRun(f"the provider's schema could not be made: {output.strip()[-600:]}")
