"""What a planted mutant does to functions must be woven whole, or not at all."""

import pytest

from weave.planted import changes_of
from weave.text import weave

LIB = "crates/door/src/lib.rs"
SOURCE = """use a::b;

impl Door {
    /// Why.
    fn é() -> u8 { 1 }
}
async fn g(x: &str) -> u8 {
    fn inner() {}
    x.len()
}
const fn h() -> u8 { 3 }
const N: u8 = 4;
"""


def changes(old, new, file=LIB):
    return changes_of(7, "planted", {file: (SOURCE.encode(), SOURCE.replace(old, new).encode())})


def test_a_body_sleeps_beside_the_one_that_it_replaces():
    made = weave(SOURCE.encode(), changes("{ 1 }", "{ 2 }"), None)
    assert made.numbers == {7}
    assert "fn é() -> u8 { if crate::woven::is(7) /*7{*/{ 2 }/*}7*/ else { 1 } }" in made.text.decode()


def test_two_mutants_of_a_function_sleep_beside_each_other():
    other = changes_of(8, "other", {LIB: (SOURCE.encode(), SOURCE.replace("{ 1 }", "{ 9 }").encode())})
    text = weave(SOURCE.encode(), changes("{ 1 }", "{ 2 }") + other, None).text.decode()
    assert "{ if crate::woven::is(8) /*8{*/{ 9 }/*}8*/ else { if crate::woven::is(7) /*7{*/{ 2 }/*}7*/ else { 1 } } }" in text


def test_what_alters_several_functions_has_one_number_for_all():
    both = changes_of(7, "planted", {LIB: (SOURCE.encode(), SOURCE.replace("{ 1 }", "{ 2 }").replace("x.len()", "0").encode())})
    assert [(change.number, change.replacement) for change in both] == [(7, "{ 2 }"), (7, "{\n    fn inner() {}\n    0\n}")]
    assert weave(SOURCE.encode(), both, None).text.count(b"woven::is(7)") == 2


def test_functions_stay_const_in_a_copy_that_holds_planted_ones_alone():
    assert b"const fn h()" in weave(SOURCE.encode(), changes("{ 1 }", "{ 2 }"), None).text


@pytest.mark.parametrize("old, new", [
    ("use a::b;", "use a::c;"),
    ("-> u8 { 1 }", "-> u16 { 1 }"),
    ("    fn é() -> u8 { 1 }\n", ""),
    ("{ 3 }", "{ 4 }"),
    ("N: u8 = 4", "N: u8 = 5"),
    ("Why", "Because"),
])
def test_what_alters_more_than_what_functions_do_is_not_woven(old, new):
    assert changes(old, new) is None


@pytest.mark.parametrize("file", ["migrations/src/lib.rs", "crates/door/build.rs", "crates/door/src/claim.lua"])
def test_only_the_sources_of_crates_are_woven(file):
    assert changes("{ 1 }", "{ 2 }", file) is None
