"""How a check of the deploy step ends: quietly, with a reason to refuse, or without having run."""

import os
import time

import junit


class Refused(Exception):
    """The check ran and found something; the message says what and where. It may carry test cases of its own."""

    def __init__(self, message, cases=()):
        super().__init__(message)
        self.cases = list(cases)


class NotRun(Exception):
    """Something that the check needs is not on this machine; the message names it. It may carry the cases not run."""

    def __init__(self, message, ids=()):
        super().__init__(message)
        self.ids = list(ids)


def required():
    """Whether a check that cannot run counts as a failed one."""
    return os.environ.get("REQUIRE_DEPLOY") == "1"


def cases(id, check, *arguments):
    """Runs one check: first its own test case, then those that it returned."""
    started = time.monotonic()
    outcome, message, inner = junit.PASSED, "", []
    try:
        inner = list(check(*arguments) or [])
    except Refused as refusal:
        outcome, message, inner = junit.FAILED, str(refusal), refusal.cases
    except NotRun as reason:
        outcome, message = junit.FAILED if required() else junit.SKIPPED, f"NOT RUN: {reason}"
        inner = [junit.Case(inner_id, outcome, 0.0, message) for inner_id in reason.ids]
    return [junit.Case(id, outcome, time.monotonic() - started, message), *inner]
