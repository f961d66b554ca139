"""Workflows that would let something through, secrets that were left lying about, and a bill that is not whole."""

import copy
import pathlib
import shutil
import subprocess

import pytest

from deploy import pipeline, sbom
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
PIN = "08c6903cd8c0fde910a37f88322edcfb5dd907a8"


@pytest.mark.parametrize("file, old, new, expected", [
    ("ci.yml", f"actions/checkout@{PIN} # v5.0.0", "actions/checkout@v5", "pinned by nothing that stays"),
    ("ci.yml", f"actions/checkout@{PIN} # v5.0.0", f"actions/checkout@{PIN}", "does not say which version"),
    ("ci.yml", "run: make advisories", "run: make advisories || true", "what fails here passes"),
    ("ci.yml", "permissions:\n  contents: read", "permissions: write-all", "more than reading"),
    ("ci.yml", "  pull_request:", "  pull_request_target:", "a stranger's change"),
    ("ci.yml", "persist-credentials: false", "persist-credentials: true", "leaves its credentials"),
    ("ci.yml", "    timeout-minutes: 20\n", "", "may run for ever"),
    ("ci.yml", "timeout-minutes: 90", "timeout-minuts: 90", "timeout-minuts"),
    ("release.yml", "${{ steps.push.outputs.digest }}", "${{ steps.pushed.outputs.digest }}", '"pushed" is not defined'),
    ("ci.yml", "github.event_name", "github.evnt_name", "evnt_name"),
])
def test_a_workflow_that_lets_something_through_is_refused(tmp_path, file, old, new, expected):
    shutil.copytree(ROOT / pipeline.WORKFLOWS, tmp_path / pipeline.WORKFLOWS)
    path = tmp_path / pipeline.WORKFLOWS / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Refused) as caught:
        pipeline.check_workflows(tmp_path)
    assert expected in str(caught.value)


def test_a_secret_in_a_file_that_git_would_take_is_refused(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    # Put together here, so that this file holds none.
    key = "AKIA" + "2E0A8F3B244C9986"
    (tmp_path / "values.yaml").write_text(f'access_key: "{key}"\n')
    (tmp_path / "ignored").write_text(f'access_key: "{key}"\n')
    (tmp_path / "server.pem").write_text("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n")
    with pytest.raises(Refused) as caught:
        pipeline.check_secrets(tmp_path)
    said = str(caught.value)
    assert "values.yaml" in said and "server.pem" in said and "ignored" not in said


def test_a_known_file_hides_no_private_key(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / pipeline.KNOWN).parent.mkdir(parents=True)
    (tmp_path / pipeline.KNOWN).write_text("key.rs holds nothing that matters at all\n")
    url = 'const URL: &str = "postgres://a:' + 'hunter2@c/d";\n'
    (tmp_path / "key.rs").write_text(url + "-----BEGIN EC " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n")
    with pytest.raises(Refused) as caught:
        pipeline.check_secrets(tmp_path)
    assert str(caught.value) == "key.rs:3: Private Key"
    (tmp_path / "key.rs").write_text(url)
    pipeline.check_secrets(tmp_path)
    (tmp_path / pipeline.KNOWN).unlink()
    with pytest.raises(Refused, match="key.rs:1: Basic Auth Credentials"):
        pipeline.check_secrets(tmp_path)


@pytest.fixture(scope="module")
def made():
    return sbom.bill(ROOT)


def test_the_bill_is_whole_and_the_same_every_time(made):
    assert sbom.problems_of(made) == []
    assert sbom.bill(ROOT) == made
    names = {component["name"] for component in made["components"]}
    assert not names & {"cloister-testkit", "proptest", "vitest", "playwright"}, "what only tests is not shipped"


def test_the_bill_lists_what_the_programs_are_built_from_and_nothing_else(made):
    tree = subprocess.run(["cargo", "tree", "--locked", "--offline", "--edges=normal", "--prefix=none", "--format={p}",
                           "--target=x86_64-unknown-linux-gnu", "-p", "cloister-platform", "-p", "cloister-tenant-admin"],
                          cwd=ROOT, check=True, capture_output=True, text=True).stdout
    built = {" ".join(line.split()[:2]) for line in tree.splitlines() if line}
    assert {f"{one['name']} v{one['version']}" for one in made["components"] if one["bom-ref"].startswith("cargo:")} == built


def test_the_tree_of_crates_is_read_by_its_depth():
    lines = ["0top v1.0.0 (/here)", "1inner v2.0.0", "2leaf v3.0.0", "1leaf v3.0.0 (*)", "", "0second v1.0.0", "1inner v2.0.0 (*)"]
    inner, leaf = ("inner", "2.0.0"), ("leaf", "3.0.0")
    assert sbom.linked_crates(lines) == {
        ("top", "1.0.0"): {inner, leaf}, inner: {leaf}, leaf: set(), ("second", "1.0.0"): {inner}}


@pytest.mark.parametrize("spoil, expected", [
    (lambda bill: bill["components"].remove(next(c for c in bill["components"] if c["name"] == "rustls")), "rustls"),
    (lambda bill: bill["components"][0].pop("name"), "'name' is a required property"),
    (lambda bill: bill["components"][0].update(type="thing"), "'thing'"),
])
def test_a_bill_that_lacks_something_is_refused(made, spoil, expected):
    spoiled = copy.deepcopy(made)
    spoil(spoiled)
    assert expected in "\n".join(sbom.problems_of(spoiled))
