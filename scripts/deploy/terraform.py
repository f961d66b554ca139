"""Terraform as it is checked without a cloud: formatting, validation and tests against the real provider's schema."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import tempfile
import threading

import junit
from deploy import provider_plugin, tools
from deploy.outcome import NotRun, Refused

# Go's collector is told to come less often: that is a third of Terraform's time.
ENVIRONMENT = {"TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "GOGC": "400"}
OLDEST = (1, 11)
AT_ONCE = 2
COMPOSED = "environment"  # modules/environment is tested as the environments that it makes
TESTED, TESTING = {}, threading.Lock()
RUN = re.compile(r'^run "(\w+)"', re.M)


@functools.cache
def program():
    """The terraform binary, a prerequisite that users bring: it cannot be installed from a package registry."""
    found = shutil.which("terraform")
    if not found:
        raise NotRun("terraform is not on the PATH (1.11 or newer, from developer.hashicorp.com/terraform/install)")
    code, output = tools.call(found, "version", "-json", environment=ENVIRONMENT)
    version = json.loads(output[output.index("{"):])["terraform_version"] if code == 0 else output
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise NotRun(f"terraform {version} is too old: these files need 1.11 or newer")
    return found


def folders(root):
    """Every module and environment, relative to the repository."""
    found = {file.parent.relative_to(root) for kind in ("modules", "environments")
             for file in (root / "terraform" / kind).glob("*/*.tf")}
    if not found:
        raise Refused("there is nothing below terraform/modules and terraform/environments")
    return sorted(found)


def declared_runs(root):
    """Ids of all test cases, as they are written in the *.tftest.hcl files."""
    return [f"{folder}::{name}" for folder in folders(root)
            for file in sorted((root / folder).glob("tests/*.tftest.hcl"))
            for name in RUN.findall(file.read_text(encoding="utf-8"))]


def needing_terraform(check):
    """Lets a check that cannot run name the test cases that did not run."""
    @functools.wraps(check)
    def checked(root, *arguments):
        try:
            program()
        except NotRun as reason:
            raise NotRun(str(reason), declared_runs(root) if check.__name__ == "check_tests" else ()) from None
        return check(root, *arguments)
    return checked


@contextlib.contextmanager
def copy_of(root):
    """Terraform writes beside what it reads: it gets a copy of the files."""
    with tempfile.TemporaryDirectory(prefix="cloister-terraform-") as place:
        copied = pathlib.Path(place)
        shutil.copytree(root / "terraform", copied / "terraform",
                        ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*"))
        yield copied


def terraform(*arguments, cwd, environment=None):
    return tools.call(program(), *arguments, cwd=cwd, environment={**ENVIRONMENT, **(environment or {})})


def in_each_folder(root, work, chosen=None):
    """`work` for every initialised folder of a copy, some at a time; what it returns, by folder. It is given what calls
    Terraform in there, with the stub as its provider."""
    def one(folder):
        def called(*arguments):
            return terraform(*arguments, cwd=copied / folder, environment=attached)

        code, output = called("init", "-backend=false", "-input=false", "-no-color")
        return (False, output) if code else work(copied / folder, called)

    with copy_of(root) as copied, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        attached = provider_plugin.attached(provider_plugin.schema_for(copied))
        names = list(chosen or folders(root))
        return dict(zip(names, pool.map(one, names)))


def refuse_failures(outcomes, cases=()):
    if failed := [f"{folder}:\n{output.strip()}" for folder, (good, output) in outcomes.items() if not good]:
        raise Refused("\n\n".join(failed), cases)


@needing_terraform
def check_format(root):
    """`terraform fmt -check` on every file."""
    code, output = terraform("fmt", "-check", "-recursive", "-diff", root / "terraform", cwd=root)
    if code:
        raise Refused(f"terraform fmt would change:\n{output.strip()}")


@needing_terraform
def check_validity(root, chosen=None):
    """`terraform validate` of every module and environment."""
    def validate(_, called):
        code, output = called("validate", "-no-color")
        return code == 0, output

    # A module that takes two accounts is validated as part of the environments, which have both.
    refuse_failures(in_each_folder(root, validate, chosen or [folder for folder in folders(root) if folder.name != COMPOSED]))


@dataclasses.dataclass(frozen=True)
class Tested:
    """What `terraform test` said of one folder."""

    good: bool
    text: str
    cases: tuple = ()
    outputs: dict = dataclasses.field(default_factory=dict)


def tested(root, chosen):
    """Runs the tests of folders: every `run` is a test case, `FOLDER::NAME`. A second time nothing is run again."""
    with TESTING:
        return remembered(root, chosen)


def remembered(root, chosen):
    missing = [folder for folder in chosen if (root, folder) not in TESTED]

    def test(place, called):
        code, output = called("test", "-json", "-verbose", "-junit-xml=report.xml")
        report = place / "report.xml"
        return code == 0, (output, junit.read(report) if report.exists() else [])

    for folder, (good, said) in (in_each_folder(root, test, missing) if missing else {}).items():
        output, cases = said if isinstance(said, tuple) else (said, [])
        named = tuple(dataclasses.replace(case, id=f"{folder}::{case.id.rpartition('::')[2]}") for case in cases)
        text, outputs = understood(output)
        TESTED[root, folder] = (Tested(good, text, named, outputs) if named else Tested(good, text or output))
    return {folder: TESTED[root, folder] for folder in chosen}


def understood(output):
    """The failures in words, and the outputs of the last run, applied or planned."""
    words, outputs = [], {}
    for line in output.splitlines():
        message = json.loads(line) if line.startswith("{") else {"type": "plain", "@message": line}
        if message["type"] == "diagnostic":
            said = message["diagnostic"]
            place = said.get("range", {})
            words.append(f"{place.get('filename', '')}:{place.get('start', {}).get('line', '')}: {said['summary']}: {said['detail']}")
        elif message["type"] == "test_state":
            outputs |= {name: output["value"] for name, output in message["test_state"].get("outputs", {}).items()}
        elif message["type"] == "test_plan":
            outputs |= {name: output["after"] for name, output in message["test_plan"].get("output_changes", {}).items() if "after" in output}
        elif message["type"] == "plain" or message.get("test_run", {}).get("status") in ("fail", "error"):
            words.append(message["@message"].strip())
    return "\n".join(dict.fromkeys(words)), outputs


@needing_terraform
def check_tests(root, chosen=None):
    """`terraform test` of every folder that has tests. A module without one is refused."""
    with_tests = [folder for folder in folders(root) if list((root / folder).glob("tests/*.tftest.hcl"))]
    if untested := [str(folder) for folder in folders(root) if folder not in with_tests and folder.name != COMPOSED]:
        raise Refused(f"without a test: {', '.join(untested)}")
    results = tested(root, chosen or with_tests)
    cases = [case for result in results.values() for case in result.cases]
    refuse_failures({folder: (result.good, result.text) for folder, result in results.items()}, cases)
    return cases


def check_checkov(root, part="terraform"):
    """checkov's rules for AWS. A rule is left out only where the line says why: `#checkov:skip=ID:REASON`."""
    code, output = tools.call(tools.installed("checkov"), "--directory", root / part, "--framework", "terraform",
                              "--skip-download", "--quiet", "--compact", "--output", "json",
                              environment={"LOG_LEVEL": "ERROR", "BC_SKIP_MAPPING": "TRUE"}, seconds=600)
    try:
        result = json.loads(output[output.index("{"):])
    except ValueError:
        raise Refused(f"checkov gave no report: {output.strip()[-2000:]}") from None
    found = result.get("results", {})
    problems = [f"{check['check_id']} {check['file_path']}:{check['file_line_range'][0]} {check['resource']}: {check['check_name']}"
                for check in found.get("failed_checks", [])]
    problems += [f"{path}: cannot be read" for path in found.get("parsing_errors", [])]
    if not problems and not result.get("summary", {}).get("passed"):
        problems = [f"checkov looked at nothing: {output.strip()[-1000:]}"]
    problems += unexplained_skips(root)
    if problems or code:
        raise Refused("\n".join(problems) or f"checkov ended with {code}: {output.strip()[-1000:]}")


def unexplained_skips(root):
    """Skips without a reason of at least a few words."""
    found = []
    for file in sorted((root / "terraform").rglob("*.tf")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if match := re.search(r"#\s*checkov:skip=(\w+)(?::(.*))?$", line):
                if len((match[2] or "").split()) < 4:
                    found.append(f"{file.relative_to(root)}:{number}: {match[1]} is left out without saying why")
    return found
