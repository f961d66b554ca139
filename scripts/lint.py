"""The lint step: every check is a test case, so that the control matrix can name it as `lint::NAME`."""

import os
import pathlib
import subprocess
import sys
import time

import junit

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = sys.executable
WEB = ROOT / "platform/web"
CHECKS = {
    "format": ["cargo", "fmt", "--all", "--check"],
    "sources": [PYTHON, "scripts/check_sources.py"],
    "dependency-rules": [PYTHON, "scripts/check_dependencies.py"],
    "mutants": [PYTHON, "scripts/mutants.py", "--check"],
    "deny": ["cargo", "deny", "--log-level", "error", "check", "bans", "licenses", "sources"],
    "controls": [PYTHON, "scripts/check_controls.py"],
    "web": ["npm", "run", "--silent", "lint", "--prefix", str(WEB)],
    "clippy": ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
}


def run(reports, names=None):
    """Runs the checks, all of them even after a failure; true when every one passed."""
    cases = []
    for name in names or CHECKS:
        started = time.monotonic()
        outcome = subprocess.run(CHECKS[name], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                 env={**os.environ, "CARGO_TERM_COLOR": "never", "NO_COLOR": "1"})
        seconds = time.monotonic() - started
        output = (outcome.stdout + outcome.stderr).strip()
        passed = outcome.returncode == 0
        print(f"    {'passed' if passed else 'FAILED'}  {name}  {seconds:.1f} s", flush=True)
        if not passed:
            print("\n".join(f"        {line}" for line in output.splitlines()[-80:]), flush=True)
        cases.append(junit.Case(f"lint::{name}", junit.PASSED if passed else junit.FAILED, seconds, output[-2000:]))
    junit.write(reports / "lint.xml", "lint", cases)
    return all(case.outcome == junit.PASSED for case in cases)
