"""Plants each kind of forbidden text and sees it caught."""

import pytest

import check_sources as rules


@pytest.mark.parametrize("path, text", [
    ("crates/a/src/b.rs", "fn f() { todo!() }"),
    ("crates/a/src/b.rs", "unimplemented!(\"later\")"),
    ("crates/a/src/b.rs", "// FIXME: wrong"),
    ("crates/a/src/b.rs", "#[ignore]\nfn f() {}"),
    ("crates/a/src/b.rs", "#[allow(dead_code)]"),
    ("crates/a/src/lib.rs", "//! Placeholder.\n"),
    ("platform/web/portal/src/a.test.ts", "it.only('x', () => {})"),
    ("platform/web/portal/src/a.ts", "// eslint-disable-next-line no-console"),
    ("platform/web/portal/src/a.ts", "// @ts-ignore"),
    ("scripts/a.py", "<<<<<<< HEAD\n"),
    ("README.md", "see /home/someone/notes"),
    ("README.md", "Military-grade encryption"),
    ("README.md", "fully HIPAA compliant"),
    ("crates/a/src/utils.rs", "fn f() {}"),
    ("platform/web/ui/src/helpers/a.ts", "export {}"),
    ("crates/a/src/long.rs", "\n" * 801),
])
def test_is_caught(path, text):
    assert len(rules.findings(path, text)) == 1


@pytest.mark.parametrize("path, text", [
    ("crates/a/src/b.rs", "#[ignore = \"needs an hour\"]\nfn f() {}"),
    ("crates/a/src/b.rs", "#[allow(dead_code, reason = \"read by the macro\")]"),
    ("crates/a/src/b.rs", "\n" * 800),
    ("platform/web/portal/src/a.ts", "// eslint-disable-next-line no-console -- the error boundary's last resort"),
    ("platform/web/portal/src/a.tsx", "<input placeholder={hint} />"),
    ("README.md", "Open http://lakeside.localhost:8080/home/results. Nobody is HIPAA anything here. TODO"),
    ("platform/web/package-lock.json", "\n" * 9000),
    ("docs/picture.png", "todo!()"),
])
def test_is_let_through(path, text):
    assert rules.findings(path, text) == []


def test_says_where():
    assert rules.findings("a/b.rs", "\n\ntodo!()\n")[0].startswith("a/b.rs:3: ")
