"""What is given to a target directory must be all of others and nothing of ours."""

import pytest

import third_party


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A shared target directory with something of ours and of others in it."""
    for name in [".fingerprint/serde-1/lib-serde", ".fingerprint/cloister-store-1/lib", "build/ring-1/build-script-build",
                 "build/cloister-web-1/output", "deps/libserde-1.rlib", "deps/serde-1.d", "deps/libcloister_store-1.rlib",
                 "deps/cloister_store-1", "deps/edge-1", "incremental/edge-1/x"]:
        file = tmp_path / "shared/debug" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "shared"))
    return tmp_path


def files(target):
    return sorted(file.relative_to(target / "debug").as_posix() for file in target.rglob("*") if file.is_file())


def test_libraries_of_others_are_given_and_nothing_of_ours(shared):
    third_party.give(shared / "own/target")
    assert files(shared / "own/target") == [".fingerprint/serde-1/lib-serde", "build/ring-1/build-script-build",
                                            "deps/libserde-1.rlib", "deps/serde-1.d"]
    assert not list(shared.glob("own/*unfinished*"))


def test_a_directory_that_is_there_stays_as_it_is(shared):
    (shared / "target").mkdir()
    third_party.give(shared / "target")
    assert list((shared / "target").iterdir()) == []


def test_what_was_cut_off_is_begun_again(shared):
    (shared / "target-unfinished").mkdir()
    (shared / "target-unfinished/half").write_text("")
    third_party.give(shared / "target")
    assert not (shared / "target/half").exists() and len(files(shared / "target")) == 4


def test_without_a_shared_directory_nothing_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "nowhere"))
    third_party.give(tmp_path / "target")
    assert not (tmp_path / "target").exists()
