"""Compares the control matrix in SECURITY.md with docs/controls.csv and with what the tests of this run did.

The matrix is every table of SECURITY.md with the columns id | requirement | where enforced | tests | state.
`tests` names test ids (see junit.py) in backticks; an id that ends in `::*` stands for every test below it.
`state` is one of STATES; a state that claims the control is held needs tests, and every test named must have
passed in every report it appears in.
"""

import argparse
import csv
import pathlib
import re
import sys

import junit

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = ["id", "requirement", "where enforced", "tests", "state"]
HELD, PARTLY, NOT_YET, OUTSIDE = "held", "partly", "not yet", "outside the software"
# How the report of a test begins for which the named prerequisite is missing; REQUIRE_DEPLOY=1 makes it fail itself.
WITHOUT_TERRAFORM, NOT_RUN = "NOT RUN: terraform is", "not run"
STATES = {HELD, PARTLY, NOT_YET, OUTSIDE}


def cells(line):
    """Cells of a table row; a pipe inside backticks or after a backslash does not separate."""
    inner = re.sub(r"`[^`]*`", lambda match: match.group().replace("|", "\0"), line.strip().strip("|"))
    return [cell.strip().replace("\0", "|").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def matrix(markdown):
    """Rows of the matrix as dictionaries by column."""
    rows, inside = [], False
    for line in markdown.splitlines():
        if not line.lstrip().startswith("|"):
            inside = False
        elif [cell.lower() for cell in cells(line)] == COLUMNS:
            inside = True
        elif inside and not re.fullmatch(r"[|\s:-]+", line):
            rows.append(dict(zip(COLUMNS, cells(line) + [""] * len(COLUMNS))))
    return rows


def expected_ids(text):
    return [row["id"] for row in csv.DictReader(text.splitlines())]


def check_ids(rows, expected):
    """The matrix has exactly the listed ids, each once."""
    found = [row["id"] for row in rows]
    problems = [f"{id}: missing from the matrix" for id in expected if id not in found]
    problems += [f"{id}: not in docs/controls.csv" for id in found if id not in expected]
    problems += [f"{id}: more than once in the matrix" for id in sorted(set(found)) if found.count(id) > 1]
    return problems


def check_row(row, outcomes):
    """`outcomes` maps a test id to the set of outcomes it had over all reports; None checks no outcomes."""
    id, tests, state = row["id"], re.findall(r"`([^`]+)`", row["tests"]), row["state"].lower()
    if state not in STATES:
        return [f"{id}: the state {row['state']!r} is none of: {', '.join(sorted(STATES))}"]
    problems = []
    if state in (HELD, PARTLY):
        if not tests:
            problems.append(f"{id}: {state} without a test")
        if not row["where enforced"].strip("- "):
            problems.append(f"{id}: {state} without saying where")
    elif tests:
        problems.append(f"{id}: names tests but its state is {state!r}")
    for test in tests if outcomes is not None else []:
        if test.endswith("::*"):
            matching = [result for name, result in outcomes.items() if name.startswith(test[:-1])]
        else:
            matching = [outcomes[test]] if test in outcomes else []
        seen = set().union(*matching)
        if not matching:
            problems.append(f"{id}: no report has the test {test}")
        elif junit.FAILED in seen:
            problems.append(f"{id}: {test} failed")
        elif junit.PASSED not in seen and seen != {NOT_RUN}:
            problems.append(f"{id}: {test} was skipped")
    return problems


def outcomes_of(reports):
    outcomes = {}
    for cases in reports.values():
        for case in cases:
            missing = case.outcome == junit.SKIPPED and case.message.startswith(WITHOUT_TERRAFORM)
            outcomes.setdefault(case.id, set()).add(NOT_RUN if missing else case.outcome)
    return outcomes


def check(markdown, controls, reports):
    """Every problem, as text. `reports` is None when only the matrix itself is to be judged."""
    rows = matrix(markdown)
    outcomes = None if reports is None else outcomes_of(reports)
    return check_ids(rows, expected_ids(controls)) + [text for row in rows for text in check_row(row, outcomes)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=pathlib.Path, help="folder of JUnit files; without it no outcomes are checked")
    arguments = parser.parse_args()
    security = ROOT / "SECURITY.md"
    if not security.is_file():
        print("SECURITY.md with the control matrix is missing")
        return 1
    reports = junit.read_all(arguments.reports) if arguments.reports else None
    markdown = security.read_text(encoding="utf-8")
    problems = check(markdown, (ROOT / "docs/controls.csv").read_text(encoding="utf-8"), reports)
    states = [row["state"].lower() for row in matrix(markdown)]
    summary = ", ".join(f"{states.count(state)} {state}" for state in (HELD, PARTLY, NOT_YET, OUTSIDE))
    print("\n".join(problems) or f"controls: {len(states)} in the matrix: {summary}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
