"""Rules about source text that no compiler holds. Each finding is `path:line: what is wrong`."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_FILE = 800
CODE = {".rs", ".ts", ".tsx", ".js", ".mjs", ".py", ".sh", ".css", ".html", ".sql"}
TEXT = CODE | {".md", ".toml", ".yaml", ".yml", ".json", ""}
GENERATED = re.compile(r"(^|/)(package-lock\.json|Cargo\.lock|openapi\.json|schema\.d\.ts|LICENSE)$|/snapshots/"
                       r"|\.snap$")
# This file and its tests have to spell out what they forbid.
EXEMPT = {"scripts/check_sources.py", "scripts/tests/test_check_sources.py"}

UNFINISHED = [
    (re.compile(r"\b(todo|unimplemented)!\s*[(\[{]"), "unfinished code"),
    (re.compile(r"\b(FIXME|TODO|XXX|HACK)\b"), "a note instead of the work: do it or open an issue"),
    (re.compile(r"^//! Placeholder\.", re.MULTILINE), "a crate without content"),
    (re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE), "merge conflict marker"),
    (re.compile(r"\b(test|it|describe)\.only\("), "runs one test and hides the others"),
    (re.compile(r"#\[ignore\]"), "an ignored test must say why: #[ignore = \"...\"]"),
    (re.compile(r"#!?\[allow\((?![^\]]*reason)"), "use #[expect(..., reason = \"...\")]"),
    (re.compile(r"eslint-disable(?!-next-line [\w@/, -]+ -- )"), "eslint-disable-next-line RULE -- REASON only"),
    (re.compile(r"@ts-(ignore|nocheck)"), "use @ts-expect-error with a reason"),
]
WORDS = [
    (re.compile(r"(?<![\w.~$}])/(root|home/[a-z]\w*|Users/\w+)/"), "a path of one machine"),
    (re.compile(r"\b(military|bank)[- ]grade\b|\bunhackable\b|\b100 ?% secure\b", re.I), "a claim nobody can check"),
    (re.compile(r"\bHIPAA[- ](certified|compliant)\b", re.I), "software is not certified or compliant: say what it does"),
]
VAGUE_NAMES = re.compile(r"(^|/)(utils?|helpers?|common|misc|managers?)(\.\w+)?(/|$)")


def findings(path, text):
    """Everything wrong with one file; `path` is relative to the repository, with forward slashes."""
    suffix = pathlib.PurePosixPath(path).suffix
    found = []
    if suffix in CODE and VAGUE_NAMES.search(path):
        found.append(f"{path}:1: name the file after what it holds")
    if suffix not in TEXT or GENERATED.search(path) or path in EXEMPT:
        return found
    if suffix in CODE and (lines := text.count("\n")) > LONGEST_FILE:
        found.append(f"{path}:{lines}: {lines} lines, {LONGEST_FILE} are allowed: split it")
    rules = WORDS + (UNFINISHED if suffix in CODE else [])
    for pattern, reason in rules:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path}:{line}: {reason} ({match.group().strip()})")
    return found


def source_files():
    """Tracked files and new ones that are not ignored."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout
    return sorted(set(filter(None, listed.split("\0"))))


def main():
    found = []
    for path in source_files():
        file = ROOT / path
        if not file.is_file() or file.is_symlink():
            continue
        try:
            found += findings(path, file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
    print("\n".join(found) or "sources: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
