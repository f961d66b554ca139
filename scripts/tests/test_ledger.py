"""What was found must be forgotten with whatever it depended on."""

import ledger

# As `cargo tree` prints it: `shop` is made of `door` and of a library, `door` is tested with `bell`.
TREE = """0shop v0.1.0 (/work/shop)
1door v0.1.0 (/work/door)
2serde v1.0.229
2bell v0.1.0 (/work/bell)
1serde v1.0.229
0bell v0.1.0 (/work/bell)
0wood v0.1.0 (/work/wood)
1door v0.1.0 (/work/door) (*)
""".splitlines()


def test_a_package_is_built_from_all_that_its_tree_unfolds_anywhere():
    found = ledger.closures_of(TREE)
    assert found["shop"] == {"/work/shop", "/work/door", "/work/bell"}
    assert found["wood"] == {"/work/wood", "/work/door", "/work/bell"}
    assert found["bell"] == {"/work/bell"}


def test_a_digest_follows_content_and_names_of_what_it_is_over(tmp_path):
    for name in ("a/one.rs", "b/two.rs"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    before = ledger.digest(tmp_path, ["a"], "patch")
    (tmp_path / "b/two.rs").write_text("changed")
    assert ledger.digest(tmp_path, ["a"], "patch") == before
    assert ledger.digest(tmp_path, ["a"], "another patch") != before
    (tmp_path / "a/one.rs").rename(tmp_path / "a/1.rs")
    assert ledger.digest(tmp_path, ["a"], "patch") != before


def test_a_digest_is_not_over_what_stands_beside_the_code(tmp_path):
    (tmp_path / "tests/mutants").mkdir(parents=True)
    before = ledger.digest(tmp_path, ["tests"])
    (tmp_path / "tests/mutants/missed.md").write_text("a reason")
    assert ledger.digest(tmp_path, ["tests"]) == before
    (tmp_path / "tests/door.rs").write_text("")
    assert ledger.digest(tmp_path, ["tests"]) != before


def test_a_ledger_survives_a_run_that_was_killed_while_writing(tmp_path):
    file = tmp_path / "ledger.jsonl"
    ledger.Ledger(file).add("one", noticed="a")
    with file.open("a") as torn:
        torn.write('{"key": "two", "not')
    ledger.Ledger(file).add("three", noticed="c")
    found = ledger.Ledger(file)
    assert [found.get(key, "noticed") for key in ("one", "two", "three")] == ["a", None, "c"]
