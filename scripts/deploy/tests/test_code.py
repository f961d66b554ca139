"""A fault for each rule of semgrep, planted where it may not stand, and the same where it may."""

import pathlib
import shutil
import subprocess

import pytest

from deploy import code
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLANTED = {  # file: (text, rule that finds it, or nothing)
    "platform/src/chart.rs": ('fn f() { db.execute_unprepared("x"); }', "cloister-sql-outside-store"),
    "platform/src/search.rs": ('const Q: &str = "SELECT name FROM patients WHERE id = $1";', "cloister-sql-outside-store"),
    "crates/store/src/chart.rs": ('const Q: &str = "SELECT name FROM patients WHERE id = $1";', None),
    "crates/store/src/find.rs": ('fn f(n: &str) { let q = format!("SELECT id FROM patients WHERE name = \'{n}\'"); }',
                                 "cloister-sql-built-from-values"),
    "crates/identity/src/log.rs": ('fn f(s: &Secret) { tracing::warn!(token = s.expose_secret(), "refused"); }',
                                   "cloister-secret-exposed-to-logs"),
    "crates/identity/src/fine.rs": ('fn f(s: &Secret) { tracing::warn!(id = %s.id, "refused"); send(s.expose_secret()); }', None),
    "crates/clinical/src/chart.rs": ("fn f(x: Option<u8>) -> u8 { x.unwrap() }", "cloister-panics"),
    "crates/clinical/src/read.rs": ('fn f(x: Option<u8>) -> u8 { x.expect("there is one") }', "cloister-panics"),
    "crates/clinical/src/tested.rs": ("fn f() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn g() { x.unwrap(); }\n}\n", None),
    "crates/notify/src/tls.rs": ("fn f(b: B) { b.danger_accept_invalid_certs(true) }", "cloister-clear-transport"),
    "crates/vault/src/digest.rs": ("use sha1::Sha1;", "cloister-weak-digest"),
    "platform/web/ui/src/note.tsx": ("export const N = (p: P) => <p dangerouslySetInnerHTML={{ __html: p.text }} />;",
                                     "cloister-markup-from-text"),
    "platform/web/ui/src/keep.ts": ('localStorage.setItem("result", value);', "cloister-record-in-storage"),
    "scripts/run.py": ('import subprocess\nsubprocess.run(f"ls {name}", shell=True)', "cloister-shell-from-text"),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    root = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / code.RULES, root / code.RULES)
    # semgrep takes the folder with .git for the root that the rules' paths begin at.
    subprocess.run(["git", "init", "--quiet", root], check=True)
    for file, (text, _) in PLANTED.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    return root


@pytest.fixture(scope="module")
def found(planted):
    return code.findings(planted, [planted / "platform", planted / "crates", planted / "scripts/run.py"])


@pytest.mark.parametrize("file", PLANTED)
def test_each_rule_finds_what_it_is_for_and_no_more(found, file):
    rules = {line.split(": ")[1] for line in found[0] if line.startswith(f"{file}:")}
    assert rules == ({PLANTED[file][1]} if PLANTED[file][1] else set())


def test_every_rule_has_a_planted_fault():
    written = {line.split()[-1] for file in (ROOT / code.RULES).glob("*.yaml") for line in file.read_text().splitlines()
               if line.lstrip().startswith("- id:")}
    assert written == {rule for _, rule in PLANTED.values() if rule}


def test_findings_and_a_run_that_read_nothing_are_refused(found, monkeypatch):
    monkeypatch.setattr(code, "findings", lambda *_: found)
    with pytest.raises(Refused, match="looked at .* files only"):
        code.check(ROOT)
    monkeypatch.setattr(code, "LEAST", 1)
    with pytest.raises(Refused, match="cloister-panics"):
        code.check(ROOT)
