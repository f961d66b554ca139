"""Copies of the repository's Terraform with faults in them."""

import pathlib
import shutil

import pytest

from deploy.outcome import NotRun, Refused, required

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent


def tree(place, *faults):
    """A copy with faults: each is (file below terraform/, what stands there, what shall)."""
    shutil.copytree(ROOT / "terraform", place / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    for file, sound, faulty in faults:
        path = place / "terraform" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(sound) >= 1, f"{file} no longer says {sound!r}: change the planted fault with it"
        path.write_text(text.replace(sound, faulty, 1), encoding="utf-8")
    return place


def refusal(check, *arguments):
    """What a check says of a faulty tree. It must refuse it; where it cannot run, the test says so."""
    try:
        check(*arguments)
    except Refused as refused:
        return str(refused)
    except NotRun as reason:
        message = f"NOT RUN: {reason}"
        pytest.fail(message) if required() else pytest.skip(message)
    pytest.fail("the check found nothing wrong with a faulty tree")
