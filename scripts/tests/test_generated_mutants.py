"""What cargo-mutants found missed must never get lost between its runs."""

import pytest

import generated_mutants as generated
import mutants
from ledger import Ledger

ONE, TWO, THREE = (f"crates/door/src/lib.rs:{line}:5: replace is_open -> bool with true" for line in (1, 20, 300))


@pytest.fixture
def door(tmp_path, monkeypatch):
    """A crate with three changes, of which a run finds what the test says; the changes that each run was asked for."""
    copy = tmp_path / "tree"
    (copy / ".cargo").mkdir(parents=True)
    (copy / ".cargo/mutants.toml").write_text("")
    asked = []
    monkeypatch.setattr(generated, "closures", lambda *_: {"cloister-door": set()})
    monkeypatch.setattr(generated, "listed", lambda *_: [ONE, TWO, THREE])

    def run(ledger, **finds):
        def try_out(copy, crate, *_):
            out = copy.parent / crate / "mutants.out"
            passed_over = (out / "previously_caught.txt").read_text().splitlines()
            asked.append([name for name in (ONE, TWO, THREE) if name not in passed_over])
            for outcome, names in finds.items():
                (out / f"{outcome}.txt").write_text("".join(f"{name}\n" for name in names))
            if not finds:
                raise KeyboardInterrupt
        monkeypatch.setattr(generated, "try_out", try_out)
        return generated.examine(copy, "door", [], {}, None, ledger)

    run.asked, run.copy, run.ledger = asked, copy, lambda: Ledger(tmp_path / "ledger.jsonl")
    return run


def test_a_run_asks_for_what_the_last_one_left(door):
    assert door(door.ledger(), caught=[ONE]) == {ONE: "caught", TWO: None, THREE: None}
    assert door(door.ledger(), missed=[TWO], unviable=[THREE]) == {ONE: "caught", TWO: "missed", THREE: "unviable"}
    assert door(door.ledger(), caught=[TWO])[TWO] == "missed", "nothing was left to run"
    assert door.asked == [[ONE, TWO, THREE], [TWO, THREE]]


def test_what_a_killed_run_had_found_is_not_lost(door):
    with pytest.raises(KeyboardInterrupt):
        door(door.ledger())
    (door.copy.parent / "door/mutants.out/missed.txt").write_text(f"{TWO}\n")
    assert door(door.ledger(), caught=[ONE])[TWO] == "missed"
    assert door.asked[-1] == [ONE, THREE]


def test_what_ran_out_of_time_is_tried_again(door):
    door(door.ledger(), timeout=[ONE], caught=[TWO, THREE])
    assert door(door.ledger(), caught=[ONE]) == dict.fromkeys([ONE, TWO, THREE], "caught")
    assert door.asked[-1] == [ONE]


@pytest.mark.parametrize("file", ["Cargo.lock", ".cargo/mutants.toml"])
def test_another_state_of_the_crate_is_examined_anew(door, file):
    door(door.ledger(), caught=[ONE, TWO, THREE])
    (door.copy / file).write_text("# changed")
    assert door(door.ledger(), missed=[ONE]) == {ONE: "missed", TWO: None, THREE: None}


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
    assert generated.table({"door": {ONE: "caught", TWO: "caught", THREE: None}})[1].split() == ["door", "3", "2", "0", "0", "0", "1"]


@pytest.mark.parametrize("code, fails", [(0, False), (2, False), (3, False), (1, True), (4, True)])
def test_a_tool_that_could_not_do_its_work_ends_the_run(tmp_path, monkeypatch, code, fails):
    tool = tmp_path / "cargo-mutants"
    tool.write_text(f"#!/bin/sh\nexit {code}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(generated, "TOOL", tool)
    (tmp_path / "tree").mkdir()
    try:
        generated.try_out(tmp_path / "tree", "door", [], {}, None)
    except mutants.MutantError:
        assert fails
    else:
        assert not fails


def test_the_tool_is_told_to_end_when_the_time_is_over(tmp_path, monkeypatch):
    tool = tmp_path / "cargo-mutants"
    tool.write_text("#!/bin/sh\ntrap 'touch told; exit 0' INT\nwhile :; do sleep 0.1; done\n")
    tool.chmod(0o755)
    monkeypatch.setattr(generated, "TOOL", tool)
    (tmp_path / "tree").mkdir()
    generated.try_out(tmp_path / "tree", "door", [], {}, 1e-9)
    assert (tmp_path / "tree/told").exists()
