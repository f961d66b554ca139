"""A mutant that nobody noticed must never look noticed."""

import subprocess

import pytest

import junit
import mutants
from ledger import Ledger

PATCH = """Rule:  What is closed stays closed.
Build: --test door
Tests: test(closed)

--- a/door.rs
+++ b/door.rs
@@ -1,3 +1,3 @@
 fn is_open() -> bool {
-    false
+    true
 }
"""
DOOR = "fn is_open() -> bool {\n    false\n}\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with one patch, and a checkout that it applies to."""
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches/door-open.patch").write_text(PATCH)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/door.rs").write_text(DOOR)
    return tmp_path


def only(folder):
    return mutants.read_all(folder / "patches")[0]


def test_a_patch_says_what_it_breaks_and_who_must_notice(folder):
    mutant = only(folder)
    assert (mutant.name, mutant.rule) == ("door-open", "What is closed stays closed.")
    assert (mutant.build, mutant.tests, mutant.by_compiler) == (["--test", "door"], "test(closed)", False)
    assert mutant.files() == ["door.rs"]


@pytest.mark.parametrize("before, after, complaint", [
    ("Rule:  What is closed stays closed.\n", "", "lacks Rule"),
    ("Tests: test(closed)\n", "Tests:\n", "lacks Tests"),
    ("Tests: test(closed)\n", "Tests: test(closed)\nWall: paper\n", "Wall can only be compiler"),
    ("--- a/door.rs", "--- door.rs", "no unified diff"),
])
def test_a_patch_without_a_sound_head_is_refused(folder, before, after, complaint):
    (folder / "patches/door-open.patch").write_text(PATCH.replace(before, after))
    with pytest.raises(mutants.MutantError, match=complaint):
        mutants.read_all(folder / "patches")


def test_names_must_be_known_and_there_must_be_some(folder):
    with pytest.raises(mutants.MutantError, match="no mutant window-open"):
        mutants.read_all(folder / "patches", ["window-open"])
    with pytest.raises(mutants.MutantError, match="there are no mutants"):
        mutants.read_all(folder / "tree")


def test_a_patch_that_no_longer_applies_is_found_and_nothing_is_changed(folder):
    assert mutants.check([only(folder)], folder / "tree") == []
    assert (folder / "tree/door.rs").read_text() == DOOR
    (folder / "tree/door.rs").write_text(DOOR.replace("false", "!true"))
    (problem,) = mutants.check([only(folder)], folder / "tree")
    assert problem.startswith("door-open: ")


def test_the_repository_around_a_copy_does_not_swallow_a_patch(folder):
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    assert mutants.apply(only(folder), folder / "tree") == ""
    assert "true" in (folder / "tree/door.rs").read_text()


@pytest.mark.parametrize("code, failed, by_compiler, noticed", [
    (100, ["a::b"], False, True),
    (0, [], False, False),
    (100, [], False, False),
    (4, [], False, False),
    (101, [], False, False),
    (101, [], True, True),
    (100, ["a::b"], True, False),
    (0, [], True, False),
    (96, [], False, False),
])
def test_only_a_failed_test_or_an_announced_compile_error_counts(folder, code, failed, by_compiler, noticed):
    if by_compiler:
        (folder / "patches/door-open.patch").write_text(PATCH.replace("\n\n---", "\nWall:  compiler\n\n---"))
    assert mutants.judge(only(folder), code, failed, "")[0] is noticed


def test_a_mutant_is_taken_back_whatever_its_tests_do(folder, monkeypatch):
    seen = []

    def interrupted(copy, *_):
        seen.append((copy / "door.rs").read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(mutants, "nextest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mutants.try_out(only(folder), folder / "tree", {})
    assert "true" in seen[0]
    assert (folder / "tree/door.rs").read_text() == DOOR


def test_a_patch_that_does_not_apply_is_missed_without_a_run(folder):
    (folder / "tree/door.rs").write_text("")
    noticed, how = mutants.try_out(only(folder), folder / "tree", {})
    assert not noticed and "does not apply" in how


def test_tests_that_fail_on_the_untouched_copy_end_the_campaign(folder, monkeypatch):
    monkeypatch.setattr(mutants, "nextest", lambda *_: (100, ["a::b"], ""))
    with pytest.raises(mutants.MutantError, match="fails without any mutant: a::b"):
        run(folder, monkeypatch)


def run(folder, monkeypatch, *answers, apart=True):
    """A campaign in which nextest answers so, one run after the other; its cases."""
    monkeypatch.setattr(mutants, "REPORT", folder / "mutants.xml")
    monkeypatch.setattr(mutants, "closures", lambda *_: {})
    monkeypatch.setattr(mutants, "wait_for_quiet", lambda: None)
    if answers:
        left = iter(answers)
        monkeypatch.setattr(mutants, "nextest", lambda *_: next(left))
    return mutants.campaign([only(folder)], folder / "tree", {}, Ledger(folder / "ledger.jsonl"), apart)


PASSED, NOTICED = (0, [], ""), (100, ["a::b"], "")


def test_the_report_has_a_case_for_each_mutant(folder, monkeypatch):
    run(folder, monkeypatch, PASSED, PASSED)
    (case,) = junit.read(folder / "mutants.xml")
    assert (case.id, case.outcome) == ("mutants::door-open", junit.FAILED)
    assert "nobody noticed" in case.message


def test_a_run_goes_on_where_it_was(folder, monkeypatch):
    run(folder, monkeypatch, PASSED, NOTICED)
    (case,) = run(folder, monkeypatch, None)
    assert case.outcome == junit.PASSED
    assert "known" in mutants.table([only(folder)], [case])[0]


def test_a_missed_mutant_is_tried_again(folder, monkeypatch):
    run(folder, monkeypatch, PASSED, PASSED)
    assert run(folder, monkeypatch, NOTICED)[0].outcome == junit.PASSED


def sleeping(folder, monkeypatch):
    """Has the mutant sleep in a copy; the folders in which nextest ran, each with the number that was awake."""
    monkeypatch.setattr(mutants, "weave_in", lambda *_: mutants.Asleep(folder / "woven", {"door-open": 3}))
    ran = []

    def ended(answer):
        def nextest(copy, _build, _tests, environment):
            ran.append((copy.name, environment.get("WOVEN_CHANGE")))
            return answer(*ran[-1])
        monkeypatch.setattr(mutants, "nextest", nextest)
        return run(folder, monkeypatch, apart=False), ran

    return ended


def test_a_mutant_that_sleeps_in_a_copy_is_woken_there_after_its_tests_have_passed(folder, monkeypatch):
    (case,), ran = sleeping(folder, monkeypatch)(lambda _, awake: NOTICED if awake else PASSED)
    assert case.outcome == junit.PASSED
    assert ran == [("woven", None), ("woven", "3")]


def test_what_nobody_notices_in_a_woven_copy_is_tried_apart(folder, monkeypatch):
    (case,), ran = sleeping(folder, monkeypatch)(lambda *_: PASSED)
    assert case.outcome == junit.FAILED
    assert ran == [("woven", None), ("woven", "3"), ("tree", None), ("tree", None)]


def test_tests_that_fail_on_a_copy_where_all_sleep_end_the_campaign(folder, monkeypatch):
    with pytest.raises(mutants.MutantError, match="fails without any mutant: a::b"):
        sleeping(folder, monkeypatch)(lambda *_: NOTICED)


def test_a_patch_that_alters_a_function_alone_can_sleep(folder):
    sleeping_there = "crates/door/src/lib.rs"
    (folder / "patches/door-open.patch").write_text(PATCH.replace("door.rs", sleeping_there))
    (folder / "tree/crates/door/src").mkdir(parents=True)
    (folder / "tree" / sleeping_there).write_text(DOOR)
    (change,) = mutants.in_functions([only(folder)], folder / "tree")["door-open"]
    assert (change.number, change.file, change.replacement) == (1, sleeping_there, "{\n    true\n}")
    assert (folder / "tree" / sleeping_there).read_text() == DOOR


@pytest.mark.parametrize("file, head, door", [
    ("migrations/src/door.rs", "Build: --lib", DOOR),
    ("crates/door/src/lib.rs", "Build: --lib\nWall:  compiler", DOOR),
    ("crates/door/src/lib.rs", "Build: --workspace --lib", DOOR),
    ("crates/door/src/lib.rs", "Build: --lib", DOOR.replace("false", "false | false")),
])
def test_other_patches_cannot(folder, file, head, door):
    (folder / "patches/door-open.patch").write_text(PATCH.replace("Build: --test door", head).replace("door.rs", file))
    (folder / "tree" / file).parent.mkdir(parents=True)
    (folder / "tree" / file).write_text(door)
    assert mutants.in_functions([only(folder)], folder / "tree") == {}


def test_few_are_not_worth_a_copy_of_their_own(folder):
    assert mutants.weave_in([only(folder)], folder / "tree").numbers == {}
    assert not (folder / "woven").exists()


@pytest.mark.parametrize("file, text", [
    ("tree/other.rs", "fn knock() {}"),
    ("tree/Cargo.lock", "another version"),
    ("patches/door-open.patch", PATCH.replace("test(closed)", "test(ajar)")),
    ("patches/door-open.patch", PATCH.replace("    true", "    1 == 1")),
])
def test_whatever_the_outcome_depends_on_makes_it_unknown_again(folder, monkeypatch, file, text):
    run(folder, monkeypatch, PASSED, NOTICED)
    (folder / file).write_text(text)
    assert run(folder, monkeypatch, PASSED, PASSED)[0].outcome == junit.FAILED


def test_nothing_is_judged_while_the_machine_is_too_busy(monkeypatch, capsys):
    loads = iter([(99.0, 0, 0)] * 3 + [(0.5, 0, 0)])
    slept = []
    monkeypatch.setattr(mutants.os, "getloadavg", lambda: next(loads))
    monkeypatch.setattr(mutants.time, "sleep", slept.append)
    mutants.wait_for_quiet()
    assert len(slept) == 2 and "load of 99" in capsys.readouterr().out


def test_packages_that_nothing_else_is_built_from_are_left_out_unless_their_tests_are_asked():
    assert "--exclude=cloister-grants" in mutants.selection(["--lib"], "package(cloister-store) and test(x)")
    assert "--exclude=cloister-grants" not in mutants.selection(["--lib"], "package(cloister-grants) and test(x)")
    assert "--exclude=cloister-grants" not in mutants.selection(["--lib"], "test(x)")
    assert "--exclude=cloister-platform" in mutants.selection(["--lib"], "test(x)")
    assert mutants.selection(["--workspace"], "test(x)") == []


def test_a_copy_gets_what_changed_and_loses_what_is_gone(folder, monkeypatch):
    monkeypatch.setattr(mutants, "BUILT", [])
    copy = folder / "copy"
    mutants.refresh(copy, [("a/kept.rs", b"1", 0o644), ("gone.rs", b"2", 0o644), ("run", b"3", 0o755)])
    before = (copy / "a/kept.rs").stat().st_mtime_ns
    (copy / "target").mkdir()
    (copy / "target/report").write_text("of an earlier run")
    mutants.refresh(copy, [("a/kept.rs", b"1", 0o644), ("run", b"4", 0o755)])
    assert (copy / "a/kept.rs").stat().st_mtime_ns == before
    assert (copy / "run").read_bytes() == b"4" and (copy / "run").stat().st_mode & 0o111
    assert not (copy / "gone.rs").exists() and (copy / "target/report").exists()


def test_without_a_built_web_there_is_no_copy_to_build(folder, monkeypatch):
    monkeypatch.setattr(mutants, "ROOT", folder / "nothing")
    with pytest.raises(mutants.MutantError, match="run scripts/test web-build"):
        mutants.refresh(folder / "copy", [])
