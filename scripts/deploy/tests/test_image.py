"""What the image would hold: laid out here, entered as its user, and nothing else found in it."""

import os
import pathlib
import shutil
import subprocess

import pytest

from deploy import image, settings
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: changing the root directory needs root")


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    target = tmp_path_factory.mktemp("image")
    image.assemble(ROOT, target, settings.program(ROOT, "cloister"), settings.program(ROOT, "cloister-admin"))
    target.chmod(0o755)
    return target


@as_root
def test_both_programs_start_in_an_empty_root_as_nobody(held):
    for command, word in ((["/usr/bin/cloister", "settings", "--json"], "CLOISTER_DATABASE__URL"),
                          (["/usr/bin/cloister-admin", "--json", "settings"], "CLOISTER_ADMIN_DATABASE__URL"),
                          (["/usr/bin/cloister", "--version"], "cloister")):
        ended = subprocess.run([*image.entering(held), *command], capture_output=True, text=True, env={}, check=False)
        assert ended.returncode == 0 and word in ended.stdout, ended.stderr


@as_root
def test_the_test_would_notice_a_library_that_is_left_out(held, tmp_path):
    broken = tmp_path / "root"
    shutil.copytree(held, broken, copy_function=os.link)
    next(broken.rglob("libgcc_s.so.1")).unlink()
    ended = subprocess.run([*image.entering(broken), "/usr/bin/cloister", "--version"], capture_output=True, text=True,
                           env={}, check=False)
    assert ended.returncode != 0 and "libgcc_s.so.1" in ended.stderr


def test_it_holds_the_programs_their_libraries_and_four_files(held):
    files = {str(path.relative_to(held)) for path in held.rglob("*") if path.is_file()}
    libraries = {file for file in files if ".so" in file}
    listed = (ROOT / "image/libraries.txt").read_text().split()
    assert sorted(pathlib.Path(file).name for file in libraries) == sorted(listed)
    assert files - libraries == {"usr/bin/cloister", "usr/bin/cloister-admin", "etc/passwd", "etc/group", "etc/nsswitch.conf",
                                 "etc/ssl/certs/ca-certificates.crt"}
    assert not [file for file in held.rglob("*") if file.stat().st_mode & 0o6022], "setuid or writable by others"


def test_the_same_files_come_out_twice(held, tmp_path):
    again = tmp_path / "again"
    image.assemble(ROOT, again, settings.program(ROOT, "cloister"), settings.program(ROOT, "cloister-admin"))

    def told(folder):
        return {path.relative_to(folder): (path.stat().st_mtime, path.stat().st_mode, path.is_file() and path.stat().st_size)
                for path in folder.rglob("*")}

    assert told(again) == told(held)


def test_a_library_that_is_not_listed_stops_the_build(tmp_path):
    copied = tmp_path / "image"
    shutil.copytree(ROOT / "image", copied)
    (copied / "libraries.txt").write_text("libc.so.6\n")
    with pytest.raises(Refused, match="which libraries.txt does not list"):
        image.assemble(tmp_path, tmp_path / "root", shutil.which("true"), settings.program(ROOT, "cloister"))


@pytest.mark.parametrize("old, new, expected", [
    ("USER 65532:65532\n", "USER root\n", "runs as root"),
    ("USER 65532:65532\n", "", "runs as root"),
    ("FROM scratch", "FROM debian:bookworm-slim", "has no digest"),
    ("FROM scratch", "FROM debian@sha256:" + 64 * "0", "begins with somebody else's"),
    ("node:20-bookworm-slim@sha256:", "node:20-bookworm-slim AS x # ", "has no digest"),
    ("COPY --from=build /rootfs/ /", "COPY . /", "holds something else"),
    ("RUN npm ci", "RUN sudo npm ci", "DL3004"),
    ("RUN image/build && ", "RUN cargo build --release && ", "is not built by image/build"),
])
def test_a_worse_dockerfile_is_refused(tmp_path, old, new, expected):
    shutil.copytree(ROOT / "image", tmp_path / "image")
    file = tmp_path / "image/Dockerfile"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(Refused) as caught:
        image.check_dockerfile(tmp_path)
    assert expected in str(caught.value)


@pytest.mark.parametrize("old, new, expected", [
    ('--package "$package"', "--package cloister-platform --package cloister-tenant-admin", "each by itself"),
    ("cargo auditable build", "cargo build", "auditable"),
    ("--locked ", "", "locked"),
    ("--remap-path-prefix=$PWD=. ", "", "paths of the machine"),
])
def test_programs_that_are_built_otherwise_are_refused(tmp_path, old, new, expected):
    shutil.copytree(ROOT / "image", tmp_path / "image")
    file = tmp_path / "image/build"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(Refused, match=expected):
        image.check_dockerfile(tmp_path)
