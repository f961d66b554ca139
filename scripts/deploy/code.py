"""The code, by rules of our own: semgrep knows the languages, the rules know the house."""

import json
import pathlib
import re

from deploy import tools
from deploy.outcome import Refused

RULES = pathlib.Path("scripts/deploy/semgrep")
SOURCES = ("crates", "platform/src", "tenant-admin/src", "migrations", "platform/web/ui/src", "platform/web/portal/src",
           "platform/web/console/src", "scripts")
# Nothing was read, and so nothing was found, where fewer files than these were looked at.
LEAST = 300
TESTS_BEGIN = re.compile(r"^#\[cfg\((?:test|all\(test\b.*)\)\]\n(?:#\[[^\n]*\]\n)*(?:pub(?:\(crate\))? )?mod \w+ \{$", re.M)


def check(root):
    """No finding in the sources; tests, which are allowed to panic and to speak SQL, are left out."""
    found, scanned = findings(root, [root / source for source in SOURCES])
    if scanned < LEAST:
        raise Refused(f"semgrep looked at {scanned} files only")
    if found:
        raise Refused("\n".join(found))


def findings(root, places):
    """One line for each finding outside tests, and how many files were read."""
    code, output = tools.call(tools.of_chart("semgrep"), "scan", "--metrics", "off", "--disable-version-check", "--quiet",
                              "--no-git-ignore", "--json", "--config", root / RULES, *places, cwd=root, seconds=600,
                              environment={"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"})
    try:
        result = json.loads(output[output.index("{"):])
    except ValueError:
        raise Refused(f"semgrep gave no report (it ended with {code}): {output.strip()[-2000:]}") from None
    # A file that is not wholly understood is read as far as it is; a rule that is not is an error.
    if broken := [str(error.get("message"))[:300] for error in result["errors"] if error.get("level") == "error"]:
        raise Refused("\n".join(broken))
    found = [f"{place(root, item)}: {item['check_id'].rpartition('.')[2]}: {item['extra']['message']}"
             for item in result["results"] if not in_tests(root, item)]
    return sorted(set(found)), len(result["paths"]["scanned"])


def place(root, item):
    path = (root / item["path"]).resolve()
    return f"{path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else path}:{item['start']['line']}"


def in_tests(root, item):
    """Whether a finding stands in the module of unit tests, which ends its file."""
    if not item["path"].endswith(".rs"):
        return False
    begin = TESTS_BEGIN.search((root / item["path"]).read_text(encoding="utf-8"))
    return begin is not None and item["start"]["offset"] > begin.start()
