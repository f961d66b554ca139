"""Builds the programs as they ship in two folders of different names, and compares what comes out byte by byte.

usage: reproducible.py [PACKAGE...]     without a package: both programs

Files have other times in each folder, and each has a target directory of its own. A build takes a quarter of an hour or more
for each program and folder, so nothing of `make test` runs this.
"""

import datetime
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import mutants

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = {"cloister-platform": "cloister", "cloister-tenant-admin": "cloister-admin"}
WRITTEN = ROOT / "target/reproducible.txt"
# Folder below the place of the build, and the time of its files.
PLACES = (("one", datetime.datetime(2020, 2, 3)), ("a-longer-name/of/another", datetime.datetime(2024, 5, 6)))


def lay_out(folder, sources, when):
    """The sources, and the web pages as they were built."""
    for name, content, mode in sources:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
    for built in mutants.BUILT:
        shutil.copytree(ROOT / built, folder / built)
    for file in folder.rglob("*"):
        os.utime(file, (when.timestamp(), when.timestamp()))


def build(folder, packages):
    """Digest and size of each program."""
    subprocess.run([folder / "image/build", *packages], check=True, stdin=subprocess.DEVNULL,
                   env={**os.environ, "CARGO_TARGET_DIR": str(folder / "target")})
    found = {}
    for package in packages:
        program = folder / "target/release" / PROGRAMS[package]
        found[PROGRAMS[package]] = program.read_bytes()
    shutil.rmtree(folder / "target")
    return found


def places(one, other, most=4, width=4096):
    """Where two contents differ, at most so many places, none of them near the one before."""
    found = []
    for start in range(0, max(len(one), len(other)), width):
        left, right = one[start:start + width], other[start:start + width]
        if left != right:
            found.append(start + next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right))))
            if len(found) == most:
                break
    return found


def differences(first, second):
    """A line for each program that came out otherwise and for each place: the first may be nothing but the linker's digest."""
    found = []
    for name in first:
        one, other = first[name], second[name]
        if one != other:
            found.append(f"{name}: {len(one)} and {len(other)} bytes")
            found.extend(f"  from byte {place} on: {one[max(0, place - 40):place + 40]!r}, {other[max(0, place - 40):place + 40]!r}"
                         for place in places(one, other))
    return found


def main():
    packages = sys.argv[1:] or list(PROGRAMS)
    if missing := [built for built in mutants.BUILT if not (ROOT / built).is_dir()]:
        print(f"error: {', '.join(missing)}: run scripts/test web-build first", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="reproducible-", dir=os.environ["CLOISTER_CACHE"]) as place:
        # Read once: somebody may go on working here while this builds.
        sources = list(mutants.sources())
        for name, when in PLACES:
            lay_out(pathlib.Path(place) / name, sources, when)
        made = [build(pathlib.Path(place) / name, packages) for name, _ in PLACES]
    wrong = differences(*made)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}  {len(content)} bytes" for name, content in made[0].items()]
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text("\n".join(wrong or lines) + "\n", encoding="utf-8")
    print("\n".join(wrong or [*lines, "the same twice"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
