"""Tests of the tests: breaks one rule at a time and demands that a test notices.

usage: mutants.py [--check] [--revision REVISION] [--afresh] [--apart] [NAME...]

Every tests/mutants/NAME.patch is a unified diff that takes one rule away, below a head of these fields:

    Rule:  the rule, in a sentence
    Build: what Cargo has to build, as its target options (`--test identity`, `--lib`); the programs and the suites over
           them are left out, as they would be linked anew for each mutant, unless it says --workspace
    Tests: which tests must notice, as a filter expression of nextest
    Wall:  compiler      only where the rule is held by the mutant not compiling

The mutants live in copies of the checkout below the cache folder, never in the checkout itself, and are built into
target directories of their own: Cargo would take a mutant's artifacts for the checkout's. Those that alter nothing but
what functions do are woven into one copy (scripts/weave) and sleep there until a run of their tests chooses one. All others, and
those that nobody noticed there, are tried apart: the patch is applied alone, and what it alters is built. In either copy all
named tests must pass while nothing is altered; then at least one of a mutant's own must fail.
A mutant that nobody notices, a patch that does not apply, a build that breaks without saying so and a selection
without tests are failures. --check only asks whether every patch applies to the checkout.

A run that ends early goes on where it was: a mutant that was noticed is not tried again while the patch and every crate
that its tests are built from are as they were (scripts/ledger.py). --afresh tries all of them; --apart weaves none.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import io
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

import junit
import services
import third_party
from ledger import Ledger, LedgerError, closures, digest
from weave import build as weaving
from weave.planted import changes_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCHES = ROOT / "tests/mutants"
REPORT = ROOT / "target/reports/mutants.xml"
FIELD = re.compile(r"^(Rule|Build|Tests|Wall):[ \t]*(\S.*)$", re.MULTILINE)
# Built or installed, not tracked, and needed to build the programs.
BUILT = ["platform/web/portal/dist", "platform/web/console/dist"]
PROGRAMS = ["platform", "tenant-admin", "tests", "bench", "campaign", "hostile"]
# Nothing is built from them but the programs, so that their own tests alone need them.
LEAVES = ["clinical", "grants", "jobs", "tenancy"]
# It is enough that a property fails: nobody waits for its simplest case.
ANY_FAILURE = {"PROPTEST_MAX_SHRINK_ITERS": "0"}
# Processes that want a processor, for each that there is: beyond it, connections time out in tests of untouched code.
BUSY = 4
# So few are tried apart: their builds take less time than that of a woven copy.
FEW = 8
TESTS_FAILED, BUILD_FAILED, NO_TESTS = 100, 101, 4


class MutantError(Exception):
    """A patch file, the copy or the untouched tests are not fit for use; the message says which and why."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One patch and what must happen under it."""

    name: str
    rule: str
    build: list
    tests: str
    by_compiler: bool
    diff: bytes

    def files(self):
        """The files that it changes."""
        return re.findall(r"^\+\+\+ b/(\S+)$", self.diff.decode(), re.MULTILINE)

    def crate(self):
        """The folder of the package that it changes."""
        return self.files()[0].partition("/src/")[0]

    def packages(self):
        """The packages whose tests must notice, as their filter expression names them."""
        return sorted(set(re.findall(r"package\(=?([a-z-]+)\)", self.tests)))


def read(path):
    """One patch file."""
    text = path.read_text()
    head, found, _ = text.partition("\n--- a/")
    fields = dict(FIELD.findall(head))
    if not found:
        raise MutantError(f"{path.name}: there is no unified diff in it")
    if missing := [name for name in ("Rule", "Build", "Tests") if name not in fields]:
        raise MutantError(f"{path.name}: the head lacks {', '.join(missing)}")
    if fields.get("Wall", "compiler") != "compiler":
        raise MutantError(f"{path.name}: Wall can only be compiler")
    return Mutant(path.stem, fields["Rule"], shlex.split(fields["Build"]), fields["Tests"], "Wall" in fields,
                  text[len(head) + 1:].encode())


def read_all(folder, names=()):
    """The mutants of a folder, all or the named ones. What changes one crate and is built alike stands together, so that Cargo
    has little to build anew from one to the next."""
    if unknown := [name for name in names if not (folder / f"{name}.patch").is_file()]:
        raise MutantError(f"there is no mutant {', '.join(unknown)}")
    found = [read(path) for path in folder.glob("*.patch") if not names or path.stem in names]
    if not found:
        raise MutantError("there are no mutants")
    return sorted(found, key=lambda mutant: (mutant.crate(), mutant.build, mutant.files(), mutant.name))


def apply(mutant, folder, *options):
    """Runs `git apply` in a folder as if no repository were around it; what it complains of, or nothing."""
    ended = subprocess.run(["git", "apply", *options, "-"], cwd=folder, input=mutant.diff, capture_output=True,
                           env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_DIR": os.devnull})
    return ended.stderr.decode(errors="replace").strip() if ended.returncode else ""


def check(mutants, folder):
    """Which patches do not apply, each with the reason."""
    return [f"{mutant.name}: {problem}" for mutant in mutants if (problem := apply(mutant, folder, "--check"))]


def sources(revision=None):
    """Path, bytes and mode of each file: of a revision, else tracked and new ones as they stand."""
    if revision:
        packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, archive.extractfile(member).read(), member.mode
        return
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout
    for name in sorted(set(filter(None, listed.split("\0")))):
        file = ROOT / name
        if file.is_file() and not file.is_symlink():
            yield name, file.read_bytes(), file.stat().st_mode & 0o777


def files_below(folder):
    """Path, bytes and mode of each file of a copy, but for what was built in it."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and not name.startswith("target/") and not any(name.startswith(f"{built}/") for built in BUILT):
            yield name, file.read_bytes(), file.stat().st_mode & 0o777


def refresh(copy, files):
    """Makes a copy hold these files and no others. An equal file stays as it is, so that Cargo does not build it again."""
    wanted = set()
    for name, content, mode in files:
        wanted.add(name)
        file = copy / name
        if file.is_file() and file.read_bytes() == content:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
    for file in copy.rglob("*"):
        name = file.relative_to(copy).as_posix()
        kept = name in wanted or name.startswith("target/") or any(name.startswith(f"{folder}/") for folder in BUILT)
        if file.is_file() and not kept:
            file.unlink()
    for folder in BUILT:
        if not (ROOT / folder).is_dir():
            raise MutantError(f"{folder} is missing: run scripts/test web-build")
        if not (copy / folder).is_dir():
            shutil.copytree(ROOT / folder, copy / folder)


def selection(build, tests):
    """Which packages Cargo is told of. Those left out change neither features nor versions of what remains."""
    if "--workspace" in build:
        return []
    left_out = PROGRAMS + [name for name in LEAVES if f"package(cloister-{name})" not in tests] * ("package(" in tests)
    return ["--workspace", *(f"--exclude=cloister-{name}" for name in left_out)]


def nextest(copy, build, tests, environment):
    """Builds and runs a selection; (exit code, ids of the failed tests, end of what was printed)."""
    report = copy / "target/nextest/mutants/junit.xml"
    own = {"CARGO_TARGET_DIR": str(copy.parent / "target")}
    report.unlink(missing_ok=True)
    ended = subprocess.run(["cargo", "nextest", "run", "--locked", "--profile", "mutants", *selection(build, tests),
                            *build, "-E", tests], cwd=copy, stdin=subprocess.DEVNULL, env={**os.environ, **ANY_FAILURE, **environment, **own},
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    cases = junit.read(report) if report.exists() else []
    failed = [f"{case.id}: {case.message[:200] or 'it said nothing, as when its time has run out'}"
              for case in cases if case.outcome == junit.FAILED]
    return ended.returncode, failed, ended.stdout[-3000:]


def judge(mutant, code, failed, output):
    """(noticed or not, in which way) from how the tests ended."""
    if code == BUILD_FAILED:
        return mutant.by_compiler, "it does not compile" if mutant.by_compiler else f"it does not compile:\n{output}"
    if mutant.by_compiler:
        return False, "it compiles"
    if code == TESTS_FAILED and failed:
        return True, failed[0]
    if code == 0:
        return False, "nobody noticed"
    return False, "no test was selected" if code == NO_TESTS else f"the run ended with {code}:\n{output}"


def keys(copy, mutants):
    """For each mutant the digest of all that its outcome depends on: patch, selection and every crate that it is built from."""
    built_from = closures(copy, selection([], ""))
    found = {}
    for mutant in mutants:
        places = {place for package in mutant.packages() for place in built_from.get(package, {copy})} or {copy}
        found[mutant.name] = digest(copy, places | {copy / mutant.crate()}, mutant.diff.decode(), mutant.tests,
                               f"{selection(mutant.build, mutant.tests)} {mutant.build} {mutant.by_compiler}")
    return found


def untouched(copy, mutants, environment):
    """Runs every named test on the copy as it is: a test that fails anyway notices nothing."""
    for build in sorted({tuple(mutant.build) for mutant in mutants}):
        tests = " or ".join(sorted({f"({mutant.tests})" for mutant in mutants if tuple(mutant.build) == build}))
        code, failed, output = nextest(copy, build, tests, environment)
        if code:
            raise MutantError(f"{' '.join(build)} fails without any mutant: {', '.join(failed) or output}")


def wait_for_quiet():
    """Waits while others use the machine so much that tests fail for want of it: then a mutant would look noticed."""
    said = False
    while os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        if not said:
            print(f"    waiting: a load of {os.getloadavg()[0]:.0f} is too much to judge anything by", flush=True)
        said = True
        time.sleep(10)


def try_out(mutant, copy, environment):
    """Applies one mutant, runs its tests and takes it back."""
    before = {name: (copy / name).read_bytes() for name in mutant.files() if (copy / name).is_file()}
    if problem := apply(mutant, copy):
        return False, f"it does not apply: {problem}"
    try:
        return judge(mutant, *nextest(copy, mutant.build, mutant.tests, environment))
    finally:
        for name, content in before.items():
            (copy / name).write_bytes(content)


def in_functions(mutants, copy):
    """The changes of each mutant that alters nothing but what functions do, by its name; the place in the list numbers them."""
    found = {}
    for number, mutant in enumerate(mutants, 1):
        with tempfile.TemporaryDirectory() as folder:
            altered = pathlib.Path(folder)
            before = {name: (copy / name).read_bytes() for name in mutant.files() if (copy / name).is_file()}
            for name, content in before.items():
                (altered / name).parent.mkdir(parents=True, exist_ok=True)
                (altered / name).write_bytes(content)
            if mutant.by_compiler or "--workspace" in mutant.build or apply(mutant, altered):
                continue
            texts = {name: (content, (altered / name).read_bytes()) for name, content in before.items() if (altered / name).is_file()}
            if len(texts) == len(mutant.files()) and (changes := changes_of(number, mutant.name, texts)):
                found[mutant.name] = changes
    return found


@dataclasses.dataclass(frozen=True)
class Asleep:
    """A copy with mutants asleep in it."""

    folder: pathlib.Path
    # Which number wakes a mutant, by its name.
    numbers: dict

    def try_out(self, mutant, environment):
        """Runs a mutant's tests while it is awake."""
        awake = {"WOVEN_CHANGE": str(self.numbers[mutant.name])}
        return judge(mutant, *nextest(self.folder, mutant.build, mutant.tests, {**environment, **weaving.FLAGS, **awake}))


def weave_in(mutants, copy):
    """A second copy in which all mutants sleep that can."""
    changes = in_functions(mutants, copy)
    folder = copy.parent / "woven/tree"
    if len(changes) <= FEW:
        return Asleep(folder, {})
    folder.mkdir(parents=True, exist_ok=True)
    third_party.give(folder.parent / "target")
    refresh(folder, files_below(copy))
    several = [change for of_one in changes.values() for change in of_one]
    crates = sorted({pathlib.PurePosixPath(change.file).parts[1] for change in several})
    woven = weaving.WovenCopy(folder, copy, crates, several, all_const=True)
    builds = sorted({tuple(mutant.build) for mutant in mutants if mutant.name in changes})
    woven.build(["test", "--no-run", *selection([], ""), *(word for build in builds for word in build)])
    return Asleep(folder, {name: of_one[0].number for name, of_one in changes.items() if of_one[0].number not in woven.unviable})


class Campaign:
    """What is known of some mutants, and finding out the rest."""

    def __init__(self, mutants, copy, environment, ledger):
        self.mutants, self.copy, self.environment, self.ledger = mutants, copy, environment, ledger
        self.key = keys(copy, mutants)
        self.cases = {mutant.name: junit.Case(f"mutants::{mutant.name}", junit.PASSED)
                      for mutant in mutants if ledger.get(self.key[mutant.name], "noticed")}

    def waiting(self):
        return [mutant for mutant in self.mutants if mutant.name not in self.cases]

    def try_woven(self):
        """Tries those that can sleep in a copy. What nobody notices there waits for a build of its own."""
        woven = weave_in(self.waiting(), self.copy)
        asleep = [mutant for mutant in self.waiting() if mutant.name in woven.numbers]
        print(f"    {len(asleep)} are woven into one copy, {len(self.waiting()) - len(asleep)} apart", flush=True)
        untouched(woven.folder, asleep, {**self.environment, **weaving.FLAGS})
        for number, mutant in enumerate(asleep, 1):
            wait_for_quiet()
            started = time.monotonic()
            noticed, how = woven.try_out(mutant, self.environment)
            if noticed:
                self.settle(f"{number}/{len(asleep)}", mutant, noticed, how, time.monotonic() - started)
            else:
                print(f"    {number}/{len(asleep)}  {mutant.name} is to be tried apart: {how}", flush=True)

    def try_apart(self):
        """Builds each by itself and tries it."""
        waiting = self.waiting()
        fresh = [mutant for mutant in waiting if not self.ledger.get(self.key[mutant.name], "untouched")]
        untouched(self.copy, fresh, self.environment)
        for mutant in fresh:
            self.ledger.add(self.key[mutant.name], name=mutant.name, untouched=True)
        for number, mutant in enumerate(waiting, 1):
            wait_for_quiet()
            started = time.monotonic()
            noticed, how = try_out(mutant, self.copy, self.environment)
            self.settle(f"{number}/{len(waiting)}", mutant, noticed, how, time.monotonic() - started)

    def settle(self, progress, mutant, noticed, how, seconds):
        """Says and keeps what came of a mutant."""
        print(f"    {progress}  {'noticed' if noticed else 'MISSED '}  {mutant.name}  {seconds:.0f} s\n             {how}", flush=True)
        if noticed:
            self.ledger.add(self.key[mutant.name], name=mutant.name, noticed=how, seconds=round(seconds, 1))
        self.cases[mutant.name] = junit.Case(f"mutants::{mutant.name}", junit.PASSED if noticed else junit.FAILED, seconds,
                                             "" if noticed else f"{mutant.rule} {how}")
        junit.write(REPORT, "mutants", [self.cases[mutant.name] for mutant in self.mutants if mutant.name in self.cases])


def campaign(mutants, copy, environment, ledger, apart=False):
    """Tries all mutants that the ledger does not know as noticed; the cases of the report."""
    tried = Campaign(mutants, copy, environment, ledger)
    print(f"    {len(tried.cases)} of {len(mutants)} were noticed before, with the same patch and the same crates", flush=True)
    wait_for_quiet()
    if not apart:
        tried.try_woven()
    tried.try_apart()
    return [tried.cases[mutant.name] for mutant in mutants]


def table(mutants, cases):
    """What came of each mutant, crate after crate, as lines."""
    lines = []
    for mutant, case in zip(mutants, cases):
        outcome = "noticed" if case.outcome == junit.PASSED else "MISSED"
        time_ = f"{case.seconds:.0f} s" if case.seconds else "known"
        lines.append(f"    {mutant.crate():18} {mutant.name:48} {outcome:8} {time_:>6}")
    return lines


@contextlib.contextmanager
def private_copy(revision, name="mutants"):
    """A copy of the checkout below the cache folder, held by this process alone."""
    folder = pathlib.Path(os.environ["CLOISTER_CACHE"]) / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refresh(folder / "tree", sources(revision))
        third_party.give(folder / "target")
        yield folder / "tree"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only ask whether every patch applies")
    parser.add_argument("--revision", help="break this revision and not the files as they stand")
    parser.add_argument("--afresh", action="store_true", help="also try what was noticed before")
    parser.add_argument("--apart", action="store_true", help="build each by itself")
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of tests/mutants; all without a name")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        mutants = read_all(PATCHES, arguments.names)
        if arguments.check:
            problems = check(mutants, ROOT)
            print("\n".join(problems) or f"{len(mutants)} patches apply")
            return 1 if problems else 0
        started = time.monotonic()
        with private_copy(arguments.revision) as copy, services.running() as environment:
            data = {"CLOISTER_TEST_DATA": os.environ.get("CLOISTER_TEST_DATA", str(ROOT.parent / "shared/data"))}
            ledger = Ledger(copy.parent / "ledger.jsonl")
            if arguments.afresh:
                ledger.found.clear()
            cases = campaign(mutants, copy, {**environment, **data}, ledger, arguments.apart)
    except (MutantError, weaving.BuildError, services.ServiceError, LedgerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    missed = [case.id for case in cases if case.outcome == junit.FAILED]
    print("\n" + "\n".join(table(mutants, cases)))
    print(f"\n{len(cases) - len(missed)} of {len(cases)} mutants noticed in {int(time.monotonic() - started) // 60} min"
          + "".join(f"\nMISSED: {name}" for name in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
