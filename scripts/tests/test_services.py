"""Where the services keep their files."""

import types

import pytest

import services


@pytest.fixture
def memory(monkeypatch, tmp_path):
    """A folder that stands for /dev/shm, with as much room as the test says."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(services, "IN_MEMORY", tmp_path)
    monkeypatch.setattr(services, "ROOM_IN_MEMORY", 4096)

    def with_blocks(blocks):
        monkeypatch.setattr(services.os, "statvfs", lambda _: types.SimpleNamespace(f_bavail=blocks, f_frsize=1024))
        return tmp_path

    return with_blocks


def test_they_go_into_memory_where_there_is_plenty(memory):
    folder = memory(4)
    assert services.place() == folder


def test_they_do_not_fill_a_small_memory(memory):
    memory(3)
    assert services.place() is None


def test_a_folder_that_was_asked_for_is_used(memory, monkeypatch):
    memory(4)
    monkeypatch.setenv("TMPDIR", "/somewhere")
    assert services.place() is None


def test_without_such_a_folder_the_usual_one_is_used(memory, monkeypatch, tmp_path):
    memory(4)
    monkeypatch.setattr(services, "IN_MEMORY", tmp_path / "absent")
    assert services.place() is None
