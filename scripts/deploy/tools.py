"""Where the tools of the deploy step are, and how they are called."""

import os
import pathlib
import subprocess

from deploy.outcome import NotRun


def cache():
    return pathlib.Path(os.environ.get("CLOISTER_CACHE") or pathlib.Path.home() / ".cache/cloister")


def installed(name):
    """A program from scripts/deploy/requirements.txt."""
    folder = os.environ.get("CLOISTER_DEPLOY_VENV")
    if not folder:
        raise NotRun("CLOISTER_DEPLOY_VENV is not set; start it with scripts/test deploy or make check-deploy")
    program = pathlib.Path(folder) / "bin" / name
    if not program.exists():
        raise NotRun(f"{name} is missing from {folder}; scripts/install deploy puts it there")
    return program


def call(*command, cwd=None, environment=None, seconds=300):
    """Runs a program to its end: (exit code, everything it printed)."""
    ended = subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                           env={**os.environ, **(environment or {})})
    return ended.returncode, ended.stdout
