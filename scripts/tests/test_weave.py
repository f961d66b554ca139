"""Changes that are woven into code must be what cargo-mutants means, and whoever breaks the build must be found."""

import pathlib
import subprocess

import pytest

from weave import build, suite
from weave.planted import changes_of
from weave.text import Change, weave


def change(source, genre, at, replacement, number=7, after=0):
    """A change at the first place of a text, from a line on."""
    lines = source.split("\n")
    line = next(place for place in range(after, len(lines)) if at in lines[place])
    column = lines[line].index(at) + 1
    return Change(number, f"{genre} {at}", "crates/door/src/lib.rs", genre, replacement, (line + 1, column),
                  (line + 1, column + len(at)))


def woven(source, *changes, **more):
    made = weave(source.encode(), changes, **more)
    return made, made.text.decode().replace("/*7{*/", "").replace("/*}7*/", "")


@pytest.mark.parametrize("source, genre, at, replacement, expected", [
    ("fn f() -> bool {\n    // Why.\n    a()\n}", "FnValue", "a()", "true", "{ if crate::woven::is(7) { return true; }"),
    ("fn f() { x(a < b + 1) }", "BinaryOperator", "<", "<=",
     "x((if crate::woven::is(7) { (a) <= (b + 1) } else { a < b + 1 }))"),
    ("fn f() { x += é; y += 1; }", "BinaryOperator", "+= 1", "-=",
     "x += é; (if crate::woven::is(7) { y -= 1 } else { y += 1 });"),
    ("fn f() { x(!a) }", "UnaryOperator", "!", "", "x((if crate::woven::is(7) { a } else { !a }))"),
    ("fn f() { match x { A(y) => 1, _ => 2 } }", "MatchArm", "A(y)", "", "A(y) if !crate::woven::is(7) => 1"),
    ("fn f() { match x { A(y) if y || z => 1, _ => 2 } }", "MatchArm", "A(y)", "",
     "A(y) if !crate::woven::is(7) && (y || z) => 1"),
    ("fn f() { match x { A(y) if y > 1 => 1, _ => 2 } }", "MatchArmGuard", "y > 1", "true",
     "if (if crate::woven::is(7) { true } else { y > 1 }) => 1"),
    ("fn f() { S { a: b(), ..T::base() } }", "StructField", "a:", "",
     "a: (if crate::woven::is(7) { { let base: S = T::base(); base.a } } else {  b() })"),
    ("fn f() { S { a, ..base } }", "StructField", "a,", "",
     "a: (if crate::woven::is(7) { { let base: S = base; base.a } } else { a })"),
    ("const fn f() -> u8 { 1 }", "FnValue", "1 }", "0", " fn f() -> u8 { if crate::woven::is(7) { return 0; } 1 }"),
])
def test_a_change_sleeps_beside_what_it_would_replace(source, genre, at, replacement, expected):
    made, text = woven(source, change(source, genre, at, replacement))
    assert expected in text
    assert made.numbers == {7}


def test_changes_in_one_expression_do_not_stand_in_each_others_place():
    source = "fn f() { x(a && !b) }"
    _, text = woven(source, change(source, "BinaryOperator", "&&", "||"), change(source, "UnaryOperator", "!", "", number=8))
    assert "(if crate::woven::is(7) { (a) || (!b) } else { a && (if crate::woven::is(8) {" in text


def test_what_rust_forbids_is_not_tried():
    source = "fn f() { if let Some(x) = y && a { } }"
    made, text = woven(source, change(source, "BinaryOperator", "&&", "||"))
    assert (text, made.numbers, made.forbidden) == (source, set(), {7})


@pytest.mark.parametrize("source, genre, at, more", [
    ("const N: usize = 2 * 3;", "BinaryOperator", "*", {}),
    ("const fn f() -> bool { 1 < 2 }", "BinaryOperator", "<", {"keep_const": {"f"}}),
])
def test_what_cannot_be_woven_is_left_and_told(source, genre, at, more):
    made, text = woven(source, change(source, genre, at, ">"), **more)
    assert text == source
    assert made.numbers == set()


@pytest.fixture
def crate(tmp_path):
    """A crate to weave changes into: told its source and changes, it answers the woven copy."""
    def of(source, *changes, **more):
        for place in ("pristine", "copy"):
            folder = tmp_path / place / "crates/door"
            (folder / "src").mkdir(parents=True)
            (folder / "src/lib.rs").write_text(source)
            (folder / "Cargo.toml").write_text('[package]\nname = "door"\nedition = "2024"\n')
            (tmp_path / place / "Cargo.toml").write_text('[workspace]\nmembers = ["crates/door"]\nresolver = "3"\n')
            subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=tmp_path / place, check=True, capture_output=True)
        return build.WovenCopy(tmp_path / "copy", tmp_path / "pristine", ["door"], changes, **more)
    return of


DOOR = """
pub struct Key(u8);
pub const LIMIT: usize = most();
const fn most() -> usize { 3 }
pub const fn fits(key: &Key) -> bool {
    key.0 < 5
}
pub fn key() -> Key {
    Key(1)
}
pub fn room() -> [u8; 2] { [0; 1 + 1] }
#[test]
fn keys_fit() { assert!(fits(&key())); }
#[test]
fn a_test_that_fails_anyway() { assert!(fits(&Key(7))); }
#[test]
fn others_do_not() { assert!(!fits(&Key(5))); }
"""


def test_what_does_not_compile_is_taken_out_and_the_rest_is_judged(crate):
    made = crate(DOOR, change(DOOR, "BinaryOperator", "<", "<=", number=1), change(DOOR, "FnValue", "Key(1)", "Default::default()", number=2),
                 change(DOOR, "FnValue", "key.0", "true", number=3), change(DOOR, "FnValue", "3", "4", number=4))
    judges = suite.Suite(suite.find(made.build(["test", "--no-run", "--workspace"]), set()), {}, 2)
    assert made.unviable == {2}, "a key has no default"
    assert made.numbers() == {1, 3}, "what the compiler works out stays as it is"
    judges.trace()
    assert [failed.rpartition(" ")[2] for failed in judges.left_out] == ["a_test_that_fails_anyway"]
    file = "crates/door/src/lib.rs"
    assert {test.name for test in judges.reaching(1, "door", file)} == {"keys_fit", "others_do_not"}
    noticed, hung = judges.noticed_by(1, "door", file)
    assert (noticed.name, hung) == ("others_do_not", False)
    assert judges.reaching(1, "door", file)[0] is noticed, "who noticed one change to a file is asked of the next one first"
    assert judges.noticed_by(99, "door", file) is None


def test_what_the_compiler_works_out_is_built_by_itself(crate):
    apart = change(DOOR, "FnValue", "3", "4", number=4)
    made = crate(DOOR, apart)
    made.build(["test", "--no-run", "--workspace"])
    woven_text = (made.folder / apart.file).read_bytes()
    assert made.build_with(apart, ["test", "--no-run", "--workspace"]) is not None
    assert (made.folder / apart.file).read_bytes() == woven_text, "the next one starts from the same copy"
    assert made.build_with(change(DOOR, "FnValue", "key.0", "7 +", number=5), ["test", "--no-run", "--workspace"]) is None


def planted(number, old, new):
    """What a planted mutant does to the door."""
    return changes_of(number, f"{old} {new}", {"crates/door/src/lib.rs": (DOOR.encode(), DOOR.replace(old, new).encode())})


def test_planted_mutants_sleep_in_one_copy_and_what_does_not_compile_is_taken_out(crate):
    made = crate(DOOR, *planted(1, "Key(1)", "Key(9)"), *planted(2, "Key(1)", "Key(nobody)"), all_const=True)
    judges = suite.Suite(suite.find(made.build(["test", "--no-run", "--workspace"]), set()), {}, 2)
    judges.trace()
    assert (made.unviable, made.numbers()) == ({2}, {1})
    noticed, hung = judges.noticed_by(1, "door", "crates/door/src/lib.rs")
    assert (noticed.name, hung) == ("keys_fit", False)


def test_only_the_function_around_a_complaint_is_blamed_for_its_values():
    source = "fn one() -> u8 { 1 }\nfn two() -> u8 { 2 }\nfn three() -> u8 { 3 }"
    made = weave(source.encode(), [change(source, "FnValue", "1", "0", number=1), change(source, "FnValue", "3", "0", number=3)])
    assert made.values_around(made.text.index(b" 1 }") + 1) == {1}
    assert made.values_around(made.text.index(b"2 }")) == set()
    assert made.values_around(made.text.index(b" 3 }") + 1) == {3}


def test_a_copy_that_does_not_compile_by_itself_blames_nobody(crate):
    made = crate(DOOR + "fn broken() -> u8 { true }", change(DOOR, "BinaryOperator", "<", "<=", number=1))
    with pytest.raises(build.BuildError, match="mismatched types"):
        made.build(["test", "--no-run", "--workspace"])


@pytest.mark.parametrize("told, name", [
    ("path+file:///work/crates/door#0.1.0", "door"), ("path+file:///work/platform#cloister-platform@0.1.0", "cloister-platform")])
def test_a_package_is_named_whatever_its_folder(told, name):
    assert suite.package_of(told) == name


def reaching(name, seconds, *numbers):
    return suite.Test("door", None, pathlib.Path("door-1"), name, seconds, frozenset(numbers))


def judges_of(*tests, nearby=None):
    """A suite whose tests all pass but `far`."""
    judges = suite.Suite(list(tests), {}, 1, nearby)
    judges.run = lambda test, limit, **_: test.name != "far"
    return judges


def test_no_more_tests_are_asked_than_are_wanted():
    near, far = reaching("near", 1, 1), reaching("far", 1, 1, 2, 3)
    assert judges_of(near, far, nearby=1).noticed_by(1, "door", "lib.rs") is None
    assert judges_of(near, far).noticed_by(1, "door", "lib.rs", most=1) is None
    assert judges_of(near, far).noticed_by(1, "door", "lib.rs") == (far, False)


def test_a_test_that_takes_long_is_not_asked_first_whatever_it_noticed():
    for seconds, first in ((1, "far"), (suite.COSTLY, "near")):
        judges = judges_of(reaching("near", 1, 1), reaching("far", seconds, 1, 2, 3))
        assert judges.noticed_by(1, "door", "lib.rs")
        assert judges.reaching(1, "door", "lib.rs")[0].name == first


def test_who_noticed_most_in_other_files_is_asked_in_turn_with_the_closest():
    tests = [reaching(name, 1, *range(reached)) for reached, name in enumerate(("one", "two", "three", "four", "five"), 2)]
    judges = judges_of(*tests)
    judges.remember({"a.rs": [tests[4].id], "b.rs": [tests[4].id, tests[3].id]})
    assert [test.name for test in judges.reaching(1, "door", "lib.rs")] == ["one", "five", "two", "four", "three"]


def test_who_noticed_changes_to_a_file_is_asked_first_by_the_next_run():
    near, far, other = reaching("near", 1, 1), reaching("far", 1, 1, 2, 3), reaching("other", 1, 1, 2)
    judges = judges_of(near, far, other)
    assert judges.noticed_by(1, "door", "lib.rs")
    kept = judges.told({"lib.rs": [far.id, near.id, "gone"], "key.rs": [near.id]})
    assert kept == {"lib.rs": [far.id, near.id], "key.rs": [near.id]}
    judges = judges_of(near, far, other)
    assert judges.reaching(1, "door", "lib.rs") == [near, other, far]
    judges.remember(kept | {"lib.rs": [far.id, "gone"]})
    assert judges.reaching(1, "door", "lib.rs") == [far, near, other]


def test_no_further_test_is_asked_once_the_run_has_ended(monkeypatch):
    judges, asked = judges_of(reaching("near", 1, 1), reaching("far", 1, 1)), []

    def run(test, limit, **more):
        asked.append(test.name)
        judges.ended = True
        return True

    monkeypatch.setattr(judges, "run", run)
    assert (judges.noticed_by(1, "door", "lib.rs"), len(asked)) == (None, 1)
