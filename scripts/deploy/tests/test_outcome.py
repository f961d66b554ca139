"""What could not run must say so, and must not pass where everything is demanded."""

import junit
from deploy import outcome


def not_there(_):
    raise outcome.NotRun("terraform is not on the PATH", ["terraform/modules/keys::a", "terraform/modules/keys::b"])


def test_a_check_that_cannot_run_is_told_with_all_its_cases(monkeypatch, tmp_path):
    monkeypatch.delenv("REQUIRE_DEPLOY", raising=False)
    cases = outcome.cases("deploy::x", not_there, None)
    junit.write(tmp_path / "x.xml", "deploy", cases)
    read = junit.read(tmp_path / "x.xml")
    assert [case.id for case in read] == ["deploy::x", "terraform/modules/keys::a", "terraform/modules/keys::b"]
    assert {(case.outcome, case.message) for case in read} == {(junit.SKIPPED, "NOT RUN: terraform is not on the PATH")}


def test_where_everything_is_demanded_it_fails(monkeypatch):
    monkeypatch.setenv("REQUIRE_DEPLOY", "1")
    assert {case.outcome for case in outcome.cases("deploy::x", not_there, None)} == {junit.FAILED}


def test_a_refusal_keeps_the_cases_that_were_told():
    def check(_):
        raise outcome.Refused("no", [junit.Case("a::b", junit.FAILED)])

    assert [(case.id, case.outcome) for case in outcome.cases("deploy::x", check, None)] == \
        [("deploy::x", junit.FAILED), ("a::b", junit.FAILED)]
