"""JUnit XML: what the steps of the test run write, add up and look test ids up in.

A test's id is `classname::name` as its report gives it, for example
`cloister-tests::sign_in::a_code_works_once` or `portal/src/range.test.ts::range > names the bound`.
"""

import dataclasses
import pathlib
import re
import xml.etree.ElementTree as ElementTree

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What a test prints that returned early because something it needs is not there.
NOT_RUN = re.compile(r"^NOT RUN: .*$", re.MULTILINE)
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass(frozen=True)
class Case:
    """One test in one report."""

    id: str
    outcome: str
    seconds: float = 0.0
    message: str = ""


def read(path):
    """The cases of one report. A report that is missing or broken is an error, never an empty one."""
    cases = []
    for element in ElementTree.parse(path).getroot().iter("testcase"):
        problem = next((child for child in element if child.tag in ("failure", "error")), None)
        outcome = PASSED
        message = ""
        if problem is not None:
            outcome = FAILED
            message = problem.get("message") or (problem.text or "").strip().split("\n")[0]
        elif element.find("skipped") is not None:
            outcome, reason = SKIPPED, element.find("skipped").get("message") or ""
            message = reason if NOT_RUN.match(reason) else ""
        elif not_run := NOT_RUN.search("\n".join(filter(None, (child.text for child in element)))):
            outcome, message = SKIPPED, not_run.group()
        cases.append(Case(f"{element.get('classname')}::{element.get('name')}", outcome,
                          float(element.get("time") or 0), message))
    return cases


def read_all(folder):
    """Cases of every report in a folder, by the report's name."""
    return {path.stem: read(path) for path in sorted(pathlib.Path(folder).glob("*.xml"))}


def write(path, suite, cases):
    """Writes one suite; ids are split at the first `::` into class and name."""
    failed = sum(case.outcome == FAILED for case in cases)
    skipped = sum(case.outcome == SKIPPED for case in cases)
    root = ElementTree.Element("testsuites")
    element = ElementTree.SubElement(root, "testsuite", name=suite, tests=str(len(cases)), failures=str(failed),
                                     skipped=str(skipped), time=f"{sum(case.seconds for case in cases):.3f}")
    for case in cases:
        classname, _, name = case.id.partition("::")
        child = ElementTree.SubElement(element, "testcase", classname=classname, name=name,
                                       time=f"{case.seconds:.3f}")
        if case.outcome == FAILED:
            ElementTree.SubElement(child, "failure", message=NOT_XML.sub("", case.message))
        elif case.outcome == SKIPPED:
            ElementTree.SubElement(child, "skipped", message=NOT_XML.sub("", case.message))
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="unicode", xml_declaration=True)


def count(reports):
    """(passed, failed, skipped) over all reports."""
    outcomes = [case.outcome for cases in reports.values() for case in cases]
    return outcomes.count(PASSED), outcomes.count(FAILED), outcomes.count(SKIPPED)
