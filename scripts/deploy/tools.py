"""Where the tools of the deploy step are, and how they are called."""

import json
import os
import pathlib
import subprocess

from deploy.outcome import NotRun, Refused


def cache():
    return pathlib.Path(os.environ.get("CLOISTER_CACHE") or pathlib.Path.home() / ".cache/cloister")


def installed(name, variable="CLOISTER_DEPLOY_VENV"):
    """A program from scripts/deploy/requirements.txt."""
    folder = os.environ.get(variable)
    if not folder:
        raise NotRun(f"{variable} is not set; start it with scripts/test deploy or make check-deploy")
    program = pathlib.Path(folder) / "bin" / name
    if not program.exists():
        raise NotRun(f"{name} is missing from {folder}; scripts/install deploy puts it there")
    return program


def of_chart(name):
    """A program from scripts/deploy/chart-requirements.txt, Helm or promtool."""
    return installed(name, "CLOISTER_CHART_VENV")


def call(*command, cwd=None, environment=None, seconds=300):
    """Runs a program to its end: (exit code, everything it printed)."""
    ended = subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                           env={**os.environ, **(environment or {})})
    return ended.returncode, ended.stdout


def skips(file):
    """Rules that are left out: one a line, and why."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            rule, _, reason = line.partition(" ")
            if len(reason.split()) < 4:
                raise Refused(f"{file.name}: {rule} is left out without saying why")
            found[rule] = reason
    return found


def checkov(folder, framework, skipped):
    """Runs checkov's rules; those that `skipped` names must still find something, or they are not to be named."""
    left_out = skips(skipped)
    code, output = call(installed("checkov"), "--directory", folder, "--framework", framework, "--skip-download", "--quiet",
                        "--compact", "--output", "json", environment={"LOG_LEVEL": "ERROR", "BC_SKIP_MAPPING": "TRUE"},
                        seconds=600)
    try:
        result = json.loads(output[output.index("{"):])
    except ValueError:
        raise Refused(f"checkov gave no report: {output.strip()[-2000:]}") from None
    found = result.get("results", {})
    failed = found.get("failed_checks", [])
    problems = [f"{check['check_id']} {check['file_path']} {check['resource']}: {check['check_name']}" for check in failed
                if check["check_id"] not in left_out]
    problems += [f"{path}: cannot be read" for path in found.get("parsing_errors", [])]
    problems += [f"{skipped.name}: {rule} finds nothing any more" for rule in left_out
                 if rule not in {check["check_id"] for check in failed}]
    if not problems and not result.get("summary", {}).get("passed"):
        problems = [f"checkov looked at nothing (it ended with {code}): {output.strip()[-1000:]}"]
    if problems:
        raise Refused("\n".join(problems))
