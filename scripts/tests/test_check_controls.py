"""The matrix must not be able to claim what no test of the run showed."""

import junit
from check_controls import check, matrix

CONTROLS = "id,area,requirement\nDATA-1,data,Classes\nKEY-1,keys,Rotation\n"
HEAD = "| id | requirement | where enforced | tests | state |\n|---|---|---|---|---|\n"
HELD = "| DATA-1 | Classes | kernel | `cloister-kernel::class::phi_hides` | held |\n"
NOT_YET = "| KEY-1 | Rotation | - | - | not yet |\n"
PASSED = {"rust": [junit.Case("cloister-kernel::class::phi_hides", junit.PASSED)]}


def test_a_true_matrix_passes():
    assert check(f"# Security\n\n{HEAD}{HELD}{NOT_YET}", CONTROLS, PASSED) == []


def test_several_tables_make_one_matrix():
    assert len(matrix(f"{HEAD}{HELD}\ntext\n\n{HEAD}{NOT_YET}")) == 2


def test_a_pipe_in_backticks_does_not_end_a_cell():
    row = matrix(HEAD + "| A | b | c | `x::a | b`, `y::c` | held |")[0]
    assert row["tests"] == "`x::a | b`, `y::c`" and row["state"] == "held"


def test_ids_are_those_of_the_list():
    assert check(HEAD + HELD, CONTROLS, PASSED) == ["KEY-1: missing from the matrix"]
    extra = NOT_YET.replace("KEY-1", "KEY-9")
    assert check(HEAD + HELD + NOT_YET + extra, CONTROLS, PASSED) == ["KEY-9: not in docs/controls.csv"]
    assert check(HEAD + HELD + NOT_YET + NOT_YET, CONTROLS, PASSED) == ["KEY-1: more than once in the matrix"]


def test_a_claim_needs_a_test_that_ran_and_passed_everywhere():
    markdown = HEAD + HELD + NOT_YET
    assert "no report has" in check(markdown, CONTROLS, {"rust": []})[0]
    skipped = [junit.Case("cloister-kernel::class::phi_hides", junit.SKIPPED)]
    assert "was skipped" in check(markdown, CONTROLS, {"rust": skipped})[0]
    failed = [junit.Case("cloister-kernel::class::phi_hides", junit.FAILED)]
    assert "failed" in check(markdown, CONTROLS, {**PASSED, "again": failed})[0]


def test_what_needs_terraform_may_be_told_as_not_run_and_nothing_else_may():
    markdown = HEAD + HELD + NOT_YET

    def skipped(reason):
        return {"deploy": [junit.Case("cloister-kernel::class::phi_hides", junit.SKIPPED, 0.0, f"NOT RUN: {reason}")]}

    assert check(markdown, CONTROLS, skipped("terraform is not on the PATH")) == []
    assert "was skipped" in check(markdown, CONTROLS, skipped("no test data"))[0]


def test_a_claim_without_test_or_place_is_refused():
    bare = "| DATA-1 | Classes | - | - | held |\n"
    assert check(HEAD + bare + NOT_YET, CONTROLS, PASSED) == [
        "DATA-1: held without a test", "DATA-1: held without saying where"]
    assert "none of" in check(HEAD + HELD.replace("held", "done") + NOT_YET, CONTROLS, PASSED)[0]
    assert "names tests" in check(HEAD + HELD.replace("held", "not yet") + NOT_YET, CONTROLS, PASSED)[0]


def test_a_star_stands_for_at_least_one_test():
    star = HEAD + HELD.replace("class::phi_hides", "class::*") + NOT_YET
    assert check(star, CONTROLS, PASSED) == []
    assert "no report has" in check(star.replace("class::*", "other::*"), CONTROLS, PASSED)[0]
    failed = [junit.Case("cloister-kernel::class::pii_hides", junit.FAILED)]
    assert "failed" in check(star, CONTROLS, {"rust": PASSED["rust"] + failed})[0]


def test_junit_round_trip(tmp_path):
    cases = [junit.Case("a::b::c", junit.PASSED, 1.5), junit.Case("a::d", junit.FAILED, 0.0, "no <way>\n"),
             junit.Case("e::f", junit.SKIPPED)]
    junit.write(tmp_path / "one.xml", "suite", cases)
    assert junit.read_all(tmp_path) == {"one": cases}
    assert junit.count(junit.read_all(tmp_path)) == (1, 1, 1)


def test_a_message_with_terminal_colors_is_still_xml(tmp_path):
    junit.write(tmp_path / "one.xml", "suite", [junit.Case("a::b", junit.FAILED, 0.0, "\x1b[31mred\x00")])
    assert junit.read(tmp_path / "one.xml")[0].message == "[31mred"


def test_a_test_that_says_it_did_not_run_is_skipped(tmp_path):
    (tmp_path / "one.xml").write_text(
        '<testsuite><testcase classname="a" name="b"><system-out>running\nNOT RUN: no test data\n</system-out>'
        '</testcase><testcase classname="a" name="c"><system-out>says NOT RUN: inside</system-out></testcase>'
        "</testsuite>")
    assert [case.outcome for case in junit.read(tmp_path / "one.xml")] == [junit.SKIPPED, junit.PASSED]
