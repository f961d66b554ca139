"""What checks that run side by side make at the same time is made whole for each of them."""

import concurrent.futures
import pathlib
import threading

from deploy import provider_plugin


def test_two_checks_may_make_one_schema_at_the_same_time(tmp_path, monkeypatch):
    (tmp_path / "main.tf").write_text('resource "aws_vpc" "one" {}')
    both_wrote = threading.Barrier(2, timeout=10)

    def step(_python, _part, _encode, _schema, written, *wanted):
        pathlib.Path(written).write_text(" ".join(wanted))
        both_wrote.wait()

    monkeypatch.setattr(provider_plugin, "folder", lambda: tmp_path)
    monkeypatch.setattr(provider_plugin.tools, "installed", lambda name: name)
    monkeypatch.setattr(provider_plugin, "step", step)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        schemas = list(pool.map(provider_plugin.schema_for, [tmp_path, tmp_path]))
    assert schemas[0] == schemas[1] and schemas[0].read_text() == "aws_vpc"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["main.tf", schemas[0].name])
