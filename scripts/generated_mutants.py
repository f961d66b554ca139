"""Tests of the tests: changes the code in every way that cargo-mutants knows, and demands that a test notices.

usage: generated_mutants.py [--afresh] [--minutes N] [--nearby N] [--since REVISION] [--revision REVISION] [CRATE...]

To build each of some thousands of changes would take days. So all are woven into one copy of the code (scripts/weave), each asleep
until a test is started with its number; every test says once what it reaches, and a change is tried on the tests that reach
it, those of its own crate first, until one fails twice or hangs. What no test reaches, or none notices, fails the run, unless
tests/mutants/missed.md names it with a reason; a reason for a change that is noticed by now is reported, so that it can go.

Who noticed changes to a file is asked of others to it first, in later runs too: the run writes it to tests/mutants/noticing.tsv, which is
committed with the code, as it saves most of the time on a machine that knows nothing yet. No outcome depends on it.

What cannot be woven, as a number that the compiler works out, is built by itself. A run goes on where the last one was: what was
noticed counts while the file that the change is made to, and the files of the package whose test noticed it, are as they were (scripts/ledger.py). What
these are built from may have changed since, or one fix would have thousands of changes tried again; --afresh tries all. --minutes and --since (only lines that differ from a revision)
take a part. --nearby asks only the N tests of a change that are closest to it: whoever writes tests need not wait for all. A change that has a
reason to be missed is asked of a few such tests in every run. .cargo/mutants.toml says what is left out.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import mutants
import services
from ledger import Ledger, LedgerError, digest
from weave import build, suite
from weave.text import Change

CRATES = ["access", "vault", "audit", "store", "identity"]
REASONS = mutants.PATCHES / "missed.md"
NOTICING = mutants.PATCHES / "noticing.tsv"
# A line of that file, and the place in a file that it does without, as every edit above would move it.
REASON = re.compile(r"^- `([^`]+)`: (\S.*)$", re.MULTILINE)
PLACE = re.compile(r"^(\S+?\.rs):\d+:\d+: ")
CAUGHT, MISSED, UNVIABLE = "caught", "missed", "unviable"
OUTCOMES = [CAUGHT, MISSED, UNVIABLE]
TOOL = pathlib.Path(os.environ.get("CLOISTER_CACHE", "")) / "tools/bin/cargo-mutants"
# Programs that must not compile, and suites that play minutes of load: they hold what no generated change alters.
LEFT_OUT = {"compile_fail", "cloister-bench", "cloister-campaign", "cloister-hostile"}
# Most changes break a property on its first cases, and what they do not break shows as missed.
FEWER_CASES = {"PROPTEST_CASES": "32"}
# So many tests, those closest to it, are asked of a change that has a reason to be missed: all others would cost most of the time of a run.
OF_THE_EXCUSED = 20
EVERY_TEST = ["test", "--no-run", "--workspace", "--all-targets"]


def reasons(text):
    """What is known to be missed, by name without its place."""
    return dict(REASON.findall(text))


def noticing(text):
    """Which tests noticed changes to a file, the best first, by file."""
    found = {}
    for line in text.splitlines():
        file, _, test = line.partition("\t")
        found.setdefault(file, []).append(test)
    return found


def lines_of(found):
    """The same as text."""
    return "".join(f"{file}\t{test}\n" for file in sorted(found) for test in found[file])


def placeless(name):
    """A change's name without line and column."""
    return PLACE.sub(r"\1: ", name)


def listed(copy, crate, more):
    """All changes that are made to a crate, as cargo-mutants tells them; it says nothing of a crate that a difference leaves alone."""
    ended = subprocess.run([TOOL, "mutants", "--list", "--json", "--package", f"cloister-{crate}", *more], cwd=copy,
                           capture_output=True, text=True, env={**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)})
    if ended.returncode:
        raise mutants.MutantError(f"cargo-mutants lists nothing for {crate}: {ended.stderr}")
    return json.loads(ended.stdout) if ended.stdout.strip() else []


class Findings:
    """What is known of changes: of this run, and from earlier ones as far as they still count."""

    def __init__(self, copy, ledger, afresh=False):
        self.copy, self.ledger, self.afresh = copy, ledger, afresh
        self.chosen = (copy / ".cargo/mutants.toml").read_text()
        self.keys = {package: digest(copy, [folder]) for package, folder in folders(copy).items()}
        self.files = {}
        self.of_this_run = {}

    def key_of(self, change):
        """What its file is, and what is left out of all files."""
        if change.file not in self.files:
            self.files[change.file] = digest(self.copy, [], (self.copy / change.file).read_text(), self.chosen)
        return self.files[change.file]

    def get(self, change):
        """What came of a change, or nothing."""
        if change.name in self.of_this_run:
            return self.of_this_run[change.name]
        if self.afresh:
            return None
        own = self.key_of(change)
        if self.ledger.get(own, change.name) == UNVIABLE:
            return UNVIABLE
        caught = any(self.ledger.get(own + key, change.name) == CAUGHT for key in self.keys.values())
        return CAUGHT if caught else None

    def add(self, change, outcome, package=None):
        """Keeps what came of a change, and for later runs too if it is good; `package` is whose test caught it."""
        self.of_this_run[change.name] = outcome
        own = self.key_of(change)
        if outcome == CAUGHT:
            self.ledger.add(own + self.keys[package], **{change.name: CAUGHT})
        elif outcome == UNVIABLE:
            self.ledger.add(own, **{change.name: UNVIABLE})


def folders(copy):
    """The folder of each package of the workspace."""
    told = subprocess.run(["cargo", "metadata", "--locked", "--no-deps", "--format-version=1"], cwd=copy, capture_output=True, text=True)
    if told.returncode:
        raise LedgerError(f"cargo metadata: {told.stderr.strip()}")
    return {package["name"]: pathlib.Path(package["manifest_path"]).parent.relative_to(copy)
            for package in json.loads(told.stdout)["packages"]}


def package_of(change):
    return f"cloister-{pathlib.PurePosixPath(change.file).parts[1]}"


def examine(copy, crates, changes, environment, findings, deadline, nearby):
    """Tries all changes of which nothing is known, as far as the time goes."""
    asked = [change for change in changes if findings.get(change) is None]
    print(f"    {len(changes)} changes, {len(changes) - len(asked)} known", flush=True)
    if not asked:
        return
    folder = copy.parent / "woven"
    folder.mkdir(exist_ok=True)
    mutants.refresh(folder, mutants.files_below(copy))
    woven = build.WovenCopy(folder, copy, crates, asked)
    tests = suite.find(woven.build(EVERY_TEST), LEFT_OUT)
    for change in asked:
        if change.number in woven.unviable:
            findings.add(change, UNVIABLE)
    held = woven.numbers()
    apart = [change for change in asked if change.number not in held | woven.unviable]
    print(f"    {len(held)} woven in, {len(woven.unviable)} do not compile, {len(apart)} apart; {len(tests)} tests", flush=True)
    programs = {"CLOISTER_TEST_BINARIES": str(folder.parent / "target/debug")}
    judges = suite.Suite(tests, {**environment, **programs, **mutants.ANY_FAILURE, **FEWER_CASES}, 1 + (os.cpu_count() or 1), nearby)
    judges.trace()
    for failed in judges.left_out:
        print(f"    left out, as it fails without any change: {failed}", flush=True)
    before = noticing(NOTICING.read_text()) if NOTICING.exists() else {}
    judges.remember(before)
    print(f"    traced: {len(set().union(*(test.reached for test in tests)))} changes are reached", flush=True)
    try:
        excused = reasons(REASONS.read_text()) if REASONS.exists() else {}
        try_out([change for change in asked if change.number in held], judges, findings, deadline, excused)
        try_apart(apart, woven, judges, findings, deadline)
    finally:
        NOTICING.write_text(lines_of(judges.told(before)))


def try_out(changes, judges, findings, deadline, excused):
    """Has each change judged, some at a time, by all tests that reach it unless it is excused."""
    done = 0

    def judged(change):
        if deadline is None or time.monotonic() < deadline:
            most = OF_THE_EXCUSED if placeless(change.name) in excused else None
            return change, judges.noticed_by(change.number, package_of(change), change.file, most), True
        return change, None, False

    with concurrent.futures.ThreadPoolExecutor(judges.workers) as pool:
        try:
            for change, noticed, tried in pool.map(judged, changes):
                if not tried:
                    continue
                done += 1
                if noticed:
                    findings.add(change, CAUGHT, noticed[0].package)
                else:
                    findings.add(change, MISSED)
                    reached = len(judges.reaching(change.number, package_of(change), change.file))
                    print(f"    missed by {reached} tests that reach it: {change.name}", flush=True)
                if done % 100 == 0:
                    print(f"    {done} of {len(changes)}", flush=True)
        except BaseException:
            # Whoever ends the run does not wait for all the tests of the changes under way.
            judges.ended = True
            raise


def try_apart(changes, woven, judges, findings, deadline):
    """Builds each change by itself and has it judged by the tests of its crate."""
    for change in changes:
        if deadline and time.monotonic() > deadline:
            return
        package = package_of(change)
        its_tests = ["test", "--no-run", *mutants.selection([], f"package({package})"), "--lib", "--tests"]
        messages = woven.build_with(change, its_tests)
        if messages is None:
            findings.add(change, UNVIABLE)
            continue
        tests = suite.find([message for message in messages
                            if suite.package_of(message.get("package_id", "#")) == package], LEFT_OUT)
        judging = suite.Suite(tests, judges.environment, judges.workers)
        judging.trace()
        noticed = set(judging.left_out) - set(judges.left_out)
        findings.add(change, CAUGHT if noticed else MISSED, package)


def table(found):
    """The figures of each crate, as lines."""
    lines = [f"    {'':12}{'generated':>10}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES) + f"{'not run':>10}"]
    for crate, outcomes in found.items():
        counts = [sum(outcome == wanted for outcome in outcomes.values()) for wanted in (*OUTCOMES, None)]
        lines.append(f"    {crate:12}{len(outcomes):>10}" + "".join(f"{count:>10}" for count in counts))
    return lines


def verdict(found, known):
    """(what nobody noticed and no reason is given for, reasons for what was noticed)."""
    missed = {placeless(name) for outcomes in found.values() for name, outcome in outcomes.items() if outcome == MISSED}
    unexplained = [name for outcomes in found.values() for name, outcome in outcomes.items()
                   if outcome == MISSED and placeless(name) not in known]
    settled = {placeless(name) for outcomes in found.values() for name, outcome in outcomes.items()
               if outcome in (CAUGHT, UNVIABLE)} - missed
    return unexplained, sorted(settled & known.keys())


def arguments_of_a_part(arguments, copy):
    """What cargo-mutants is told of the part that is asked for."""
    if not arguments.since:
        return []
    difference = copy.parent / "since.diff"
    difference.write_bytes(subprocess.run(["git", "diff", arguments.since, *filter(None, [arguments.revision])],
                                          cwd=mutants.ROOT, check=True, capture_output=True).stdout)
    return ["--in-diff", str(difference)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--afresh", action="store_true", help="try what earlier runs know, too")
    parser.add_argument("--minutes", type=float, help="begin with no further change after so long")
    parser.add_argument("--nearby", type=int, help="ask so many tests of a change at most, those closest to it")
    parser.add_argument("--since", help="only changes to lines that differ from this revision")
    parser.add_argument("--revision", help="change this revision and not the files as they stand")
    parser.add_argument("crates", nargs="*", metavar="CRATE", help=f"{', '.join(CRATES)} without a name")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    deadline = time.monotonic() + arguments.minutes * 60 if arguments.minutes else None
    crates = arguments.crates or CRATES
    try:
        with mutants.private_copy(arguments.revision, "generated") as copy, services.running() as environment:
            more = arguments_of_a_part(arguments, copy)
            told = [one for crate in crates for one in listed(copy, crate, more)]
            changes = [Change.of(number, one) for number, one in enumerate(told, 1)]
            findings = Findings(copy, Ledger(copy.parent / "ledger.jsonl"), arguments.afresh)
            data = {"CLOISTER_TEST_DATA": os.environ.get("CLOISTER_TEST_DATA", str(mutants.ROOT.parent / "shared/data"))}
            examine(copy, crates, changes, {**environment, **data}, findings, deadline, arguments.nearby)
    except (mutants.MutantError, build.BuildError, services.ServiceError, LedgerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    found = {crate: {change.name: findings.get(change) for change in changes if package_of(change) == f"cloister-{crate}"}
             for crate in crates}
    unexplained, settled = verdict(found, reasons(REASONS.read_text()) if REASONS.exists() else {})
    print("\n" + "\n".join(table(found)))
    print("".join(f"\nMISSED: {name}" for name in unexplained) + "".join(f"\nnoticed by now, in missed.md: {name}" for name in settled))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
