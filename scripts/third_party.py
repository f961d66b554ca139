"""What the shared target directory has of crates that are not ours, given to a target directory of its own.

Cargo names what it makes of them by version and settings alone, wherever the checkout is. They are some hundreds, and take
longer to compile than everything of ours.
"""

import os
import pathlib
import shutil

# Ours begin so; programs and suites, which are ours as well, end like none of these.
OURS = ("cloister", "libcloister")
LIBRARIES = (".rlib", ".rmeta", ".so", ".d")


def give(target):
    """Copies them into a target directory that is not there yet; nothing if there is nothing to give."""
    shared = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "")) / "debug"
    if target.exists() or not (shared / ".fingerprint").is_dir():
        return
    print(f"    crates that are not ours, from {shared.parent}", flush=True)
    # Moved there when it is whole: Cargo mends what was cut off, but slowly.
    unfinished = target.with_name(f"{target.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part, left_out in ((".fingerprint", ours), ("build", ours), ("deps", all_but_libraries)):
        shutil.copytree(shared / part, unfinished / "debug" / part, ignore=left_out, symlinks=True)
    unfinished.rename(target)


def ours(_, names):
    return [name for name in names if name.startswith(OURS)]


def all_but_libraries(_, names):
    return [name for name in names if name.startswith(OURS) or not name.endswith(LIBRARIES)]
