"""What was found of changes must never get lost between runs, nor count for another state of the code."""

import sys

import pytest

import generated_mutants as generated
from ledger import Ledger
from weave.suite import Test
from weave.text import Change

ONE, TWO, THREE = (f"crates/door/src/lib.rs:{line}:5: replace is_open -> bool with true" for line in (1, 20, 300))


def change(number, name):
    return Change(number, name, "crates/door/src/lib.rs", "FnValue", "true", (1, 5), (1, 9))


CHANGES = [change(number, name) for number, name in enumerate((ONE, TWO, THREE), 1)]


@pytest.fixture
def findings(tmp_path, monkeypatch):
    """What is known of the changes to a door; asked again, as a later run would."""
    copy = tmp_path / "tree"
    for file in (".cargo/mutants.toml", "crates/door/src/lib.rs", "crates/door/src/lock.rs", "crates/house/src/lib.rs"):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / file).write_text("")
    monkeypatch.setattr(generated, "folders", lambda _: {"cloister-door": "crates/door", "cloister-house": "crates/house"})

    def again(**how):
        return generated.Findings(copy, Ledger(tmp_path / "ledger.jsonl"), **how)

    again.copy = copy
    return again


def known(findings):
    return [findings.get(one) for one in CHANGES]


def test_who_noticed_what_reads_back_as_it_was_written():
    found = {"crates/door/src/lib.rs": ["door::door b", "door::door a"], "crates/door/src/key.rs": ["house::house c"]}
    text = generated.lines_of(found)
    assert text.startswith("crates/door/src/key.rs\thouse::house c\n")
    assert generated.noticing(text) == found


def test_a_run_goes_on_where_the_last_one_was(findings):
    run = findings()
    run.add(CHANGES[0], "caught", "cloister-door")
    run.add(CHANGES[1], "unviable")
    run.add(CHANGES[2], "missed")
    assert known(run) == ["caught", "unviable", "missed"]
    assert known(findings()) == ["caught", "unviable", None], "what was missed is tried again"
    assert known(findings(afresh=True)) == [None] * 3


@pytest.mark.parametrize("file, left", [("crates/door/src/lib.rs", [None, None]), ("crates/door/src/lock.rs", [None, "caught"]),
                                        ("crates/house/src/lib.rs", ["caught", None]), ("Cargo.lock", [None, None]),
                                        (".cargo/mutants.toml", [None, None])])
def test_what_was_noticed_counts_while_its_file_and_the_package_that_noticed_are_as_they_were(findings, file, left):
    run = findings()
    run.add(CHANGES[0], "caught", "cloister-door")
    run.add(CHANGES[1], "caught", "cloister-house")
    assert known(findings())[:2] == ["caught", "caught"]
    (findings.copy / file).write_text("# changed")
    assert known(findings())[:2] == left


class Judges:
    """Tests that notice what they are told to."""

    workers = 2
    ended = False

    def __init__(self, **noticed):
        self.noticed = noticed
        self.asked = []

    def noticed_by(self, number, package, file, most):
        self.asked.append((number, most))
        return self.noticed.get(f"change_{number}")

    def reaching(self, number, package, file):
        return []


def test_each_change_is_judged_and_what_nobody_notices_is_told(findings, capsys):
    run, test = findings(), Test("cloister-house", None, None, "t")
    generated.try_out(CHANGES, Judges(change_1=(test, False), change_3=(test, True)), run, None, {})
    assert known(run) == ["caught", "missed", "caught"]
    assert f"missed by 0 tests that reach it: {TWO}" in capsys.readouterr().out


def test_what_has_a_reason_to_be_missed_is_asked_of_a_few_tests(findings):
    judges, other = Judges(), change(4, ONE.replace("true", "false"))
    generated.try_out([CHANGES[0], other], judges, findings(), None, {generated.placeless(ONE): "it is the same"})
    assert sorted(judges.asked) == [(1, generated.OF_THE_EXCUSED), (4, None)]


def test_nothing_is_begun_when_the_time_is_over(findings):
    run, judges = findings(), Judges()
    generated.try_out(CHANGES, judges, run, 1e-9, {})
    assert (known(run), judges.asked) == ([None] * 3, [])


def test_whoever_ends_a_run_does_not_wait_for_the_tests_of_the_changes_under_way(findings, monkeypatch):
    run, judges = findings(), Judges()
    monkeypatch.setattr(run, "add", lambda *_: sys.exit(143))
    with pytest.raises(SystemExit):
        generated.try_out(CHANGES, judges, run, None, {})
    assert judges.ended


def test_what_nobody_noticed_fails_unless_a_reason_is_given():
    found = {"door": {ONE: "missed", TWO: "caught", THREE: None}}
    assert generated.verdict(found, {})[0] == [ONE]
    known = generated.reasons("Why.\n\n- `crates/door/src/lib.rs: replace is_open -> bool with true`: it is open anyway\n")
    assert generated.verdict(found, known) == ([], [])


def test_a_reason_without_words_is_none():
    assert generated.reasons("- `crates/door/src/lib.rs: replace is_open -> bool with true`: \n") == {}


def test_a_reason_for_what_is_noticed_by_now_can_go():
    name = generated.placeless(ONE)
    assert generated.verdict({"door": {ONE: "caught"}}, {name: "why"}) == ([], [name])
    assert generated.verdict({"door": {ONE: "caught", TWO: "missed"}}, {name: "why"}) == ([], [])
    assert generated.verdict({"door": {ONE: None}}, {name: "why"}) == ([], [])


def test_the_table_counts_what_was_not_run():
    assert generated.table({"door": {ONE: "caught", TWO: "caught", THREE: None}})[1].split() == ["door", "3", "2", "0", "0", "1"]


@pytest.mark.parametrize(("answer", "told"), [("echo '[{\"name\": \"one\"}]'", [{"name": "one"}]), ("echo INFO No mutants >&2", [])])
def test_a_crate_that_a_difference_leaves_alone_has_no_changes(tmp_path, monkeypatch, answer, told):
    tool = tmp_path / "cargo-mutants"
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(generated, "TOOL", tool)
    assert generated.listed(tmp_path, "door", []) == told


def test_what_cargo_mutants_refuses_is_told(tmp_path, monkeypatch):
    tool = tmp_path / "cargo-mutants"
    tool.write_text("#!/bin/sh\necho no such crate >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(generated, "TOOL", tool)
    with pytest.raises(generated.mutants.MutantError, match="no such crate"):
        generated.listed(tmp_path, "door", [])
