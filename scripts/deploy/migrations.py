"""Whether the release before can go on over the new schema: a migration expands, and only one that says so contracts.

While a release is rolled out, and after a roll-back, programs of the release before run on the schema of the new one. What they
use may go only in a migration whose head says `//! Contract: WHAT, unused since RELEASE.` and that does nothing but take away.
"""

import pathlib
import re

from deploy.outcome import Refused

FOLDER = pathlib.Path("migrations/src")
CONTRACT = re.compile(r"^//! Contract: .+, unused since \S+\.$", re.M)
COMMENT = re.compile(r"^\s*//.*$", re.M)
# Rust goes on with a text on the next line after a backslash.
CONTINUED = re.compile(r"\\\n\s*")
BREAKS = (
    (re.compile(r"\bDROP\s+(?!NOT\s+NULL\b|DEFAULT\b)\w+|\.drop_\w+\(", re.I), "takes away what the release before may use"),
    (re.compile(r"\bRENAME\s+(TO|COLUMN|CONSTRAINT)\b|\.rename_\w+\(", re.I), "renames what the release before knows by its old name"),
    (re.compile(r"\bSET\s+NOT\s+NULL\b", re.I), "demands a value that the release before may not write"),
    (re.compile(r"\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\b|\.modify_column\(", re.I), "changes a type under the release before"),
    (re.compile(r"\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT\b)\w+(?=[^\";]*\bNOT\s+NULL\b)(?![^\";]*\bDEFAULT\b)", re.I),
     "adds a column that the release before does not fill"),
    (re.compile(r"\badd_\w*column\((?:(?!\.(?:optional|default)\()[^;])*;"), "adds a column that the release before does not fill"),
    (re.compile(r"\bADD\s+CONSTRAINT\b", re.I), "adds a rule that the release before may break"),
    (re.compile(r"\bREVOKE\b", re.I), "takes a right that the release before may need"),
    (re.compile(r"\bTRUNCATE\b", re.I), "takes rows away"),
)
EXPANDS = re.compile(r"\bCREATE\s+(?!OR\s+REPLACE)\w+|\bcreate_\w*table\(|\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT)\w+", re.I)


def check(root):
    """Every migration, but for the one function that makes a table, which all of them use."""
    files = sorted((root / FOLDER).glob("m[0-9]*.rs"))
    if not files:
        raise Refused("there are no migrations")
    if problems := [f"{file.relative_to(root)}:{problem}" for file in files for problem in findings(file.read_text(encoding="utf-8"))]:
        raise Refused("\n".join(problems))


def findings(text):
    """What one migration does that its head does not say."""
    code = CONTINUED.sub(lambda match: " " * len(match[0]), COMMENT.sub("", text).partition("#[cfg(test)]")[0])
    contracts = CONTRACT.search(text)
    if contracts:
        return [f"1: contracts and expands at once ({found[0].strip()}): they belong to two releases" for found in [EXPANDS.search(code)] if found]
    return [f"{code.count(chr(10), 0, found.start()) + 1}: {why} ({' '.join(found[0].split())[:60]})"
            for pattern, why in BREAKS for found in pattern.finditer(code)]
