"""What is known already about single tests of the tests, so that a run that was interrupted goes on where it was.

A ledger is a file of JSON lines, one for each finding. A finding counts for its key alone, and the key is a digest of
all that it depends on: whoever changes one byte of that asks anew. Only good findings are taken over, bad ones never.
"""

import hashlib
import json
import re
import subprocess

# What every build depends on beside the crates' own files.
SHARED = ["Cargo.toml", "Cargo.lock", ".config/nextest.toml"]
# Nothing is built from these, though they lie in a package's folder.
ASIDE = "tests/mutants/"
# A line of `cargo tree --prefix depth`: the depth, the package, and its folder when it is one of this workspace.
LINE = re.compile(r"^(\d+)(\S+) v\S+(?: \(proc-macro\))?(?: \((/\S+)\))?")


class LedgerError(Exception):
    """Cargo does not say what a package is built from; the message says why."""


class Ledger:
    """Findings in a file, by their key."""

    def __init__(self, path):
        self.path = path
        self.found = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                finding = json.loads(line)
            except ValueError:  # the last line of a run that was killed
                continue
            self.found.setdefault(finding["key"], {}).update(finding)

    def get(self, key, name):
        """One part of what was found under a key, or nothing."""
        return self.found.get(key, {}).get(name)

    def add(self, key, **finding):
        """Writes a finding down before it is built upon."""
        self.found.setdefault(key, {}).update(finding)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a") as file:
            file.write(("\n" if cut else "") + json.dumps({"key": key, **finding}) + "\n")


def closures(folder, selection):
    """For each selected package of a workspace its own folder and those of all packages of the workspace that it is built
    from, as Cargo resolves them with the features that this selection turns on."""
    listed = subprocess.run(["cargo", "tree", "--locked", "--edges=normal,build,dev", "--prefix=depth", *selection],
                            cwd=folder, capture_output=True, text=True)
    if listed.returncode:
        raise LedgerError(f"cargo tree: {listed.stderr.strip()}")
    return closures_of(listed.stdout.splitlines())


def closures_of(lines):
    """The same, from the lines of `cargo tree`. A package is unfolded once and named afterwards."""
    needs, folders, above = {}, {}, []
    for line in lines:
        if not (match := LINE.match(line)):
            continue
        depth, package, place = int(match[1]), match[2], match[3]
        del above[depth:]
        above.append(package)
        needs.setdefault(package, set())
        if depth:
            needs[above[depth - 1]].add(package)
        if place:
            folders[package] = place
    return {package: {folders[name] for name in reached(needs, package) if name in folders} for package in folders}


def reached(needs, start):
    """All that can be got to from one name, itself included."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(needs.get(name, ()))
    return seen


def digest(folder, places, *more):
    """A digest of all files below some folders of a checkout, of what every build depends on, and of more texts."""
    whole = hashlib.sha256()
    files = {folder / name for name in SHARED}
    for place in places:
        files.update(file for file in (folder / place).rglob("*") if file.is_file())
    for file in sorted(files):
        if file.exists() and not file.relative_to(folder).as_posix().startswith(ASIDE):
            whole.update(f"{file.relative_to(folder)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for text in more:
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()
