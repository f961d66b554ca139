"""A run must not be able to look green when something in it was not."""

import pytest

import junit
import run_tests


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """Steps `good`, `red` (its report has a failure), `broken` (fails without a report), `crash` (ditto, uncaught)."""
    monkeypatch.setattr(run_tests, "REPORTS", tmp_path)
    monkeypatch.setattr(run_tests, "ROOT", tmp_path.parent)

    def good(_):
        junit.write(tmp_path / "good.xml", "good", [junit.Case("a::b", junit.PASSED), junit.Case("a::c", junit.SKIPPED)])

    def red(_):
        junit.write(tmp_path / "red.xml", "red", [junit.Case("a::d", junit.FAILED, 0.0, "no")])
        raise run_tests.StepFailed("ended with 100")

    def broken(_):
        raise run_tests.StepFailed("did not compile")

    def silent_red(_):
        junit.write(tmp_path / "silent-red.xml", "red", [junit.Case("a::d", junit.FAILED, 0.0, "no")])

    def empty(_):
        pass

    names = {"good": good, "red": red, "broken": broken, "silent-red": silent_red, "empty": empty}
    monkeypatch.setattr(run_tests, "STEPS", {name: (step, False) for name, step in names.items()})


def outcome(capsys, names, keep_going=False):
    """(exit code, last line, outcomes by step)"""
    rows = run_tests.carry_out(names, keep_going)
    code = run_tests.report_on(rows, 0.0)
    return code, capsys.readouterr().out.splitlines()[-1], {name: result for name, _, result in rows}


def test_all_passed(steps, capsys):
    assert outcome(capsys, ["good"]) == (0, "1 passed, 0 failed, 1 skipped", {"good": "passed"})


def test_a_failure_stops_the_run(steps, capsys):
    assert outcome(capsys, ["red", "good"]) == (1, "0 passed, 1 failed", {"red": "FAILED", "good": "not run"})


def test_keep_going_runs_the_rest_and_still_fails(steps, capsys):
    assert outcome(capsys, ["red", "good"], keep_going=True)[:2] == (1, "1 passed, 1 failed, 1 skipped")


def test_a_step_that_fails_before_its_tests_counts_as_a_failure(steps, capsys):
    assert outcome(capsys, ["good", "broken"])[:2] == (1, "1 passed, 1 failed, 1 skipped")


def test_a_failure_in_a_report_is_enough(steps, capsys):
    assert outcome(capsys, ["silent-red"])[:2] == (1, "0 passed, 1 failed")


def test_a_run_without_any_test_is_a_failure(steps, capsys):
    assert outcome(capsys, ["empty"])[:2] == (1, "0 passed, 0 failed")


def test_every_step_named_in_the_makefile_exists(monkeypatch):
    makefile = (run_tests.pathlib.Path(run_tests.__file__).parent.parent / "Makefile").read_text()
    called = {word for line in makefile.splitlines() if line.startswith("\t@scripts/test")
              for word in line.split()[1:]}
    assert called and called <= set(run_tests.STEPS)
