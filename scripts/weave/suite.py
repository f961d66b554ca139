"""The tests of a woven build: what each of them reaches, and whether one of them notices a change."""

import collections
import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import signal
import subprocess
import tempfile
import time

# A test that a change makes so many times slower, and at least so many seconds, hangs.
SLOWER, LEAST = 10, 30
# Seconds that a test of the untouched code may take.
LONGEST = 300
# A test that takes so many seconds is not asked first, whatever it noticed before.
COSTLY = 5
# So many tests are kept for a file, to be asked first by later runs.
MOST = 12


@dataclasses.dataclass(eq=False)
class Test:
    """One test of one binary."""

    # It is none of pytest's.
    __test__ = False

    package: str
    folder: pathlib.Path
    binary: pathlib.Path
    name: str
    seconds: float = 0.0
    reached: frozenset = frozenset()

    @property
    def id(self):
        return f"{self.package}::{self.binary.name.rpartition('-')[0]} {self.name}"


def find(messages, left_out):
    """All tests of a build, from what Cargo said of it."""
    tests = []
    for message in messages:
        if message["reason"] != "compiler-artifact" or not message["executable"] or not message["profile"]["test"]:
            continue
        folder, binary = pathlib.Path(message["manifest_path"]).parent, pathlib.Path(message["executable"])
        package = package_of(message["package_id"])
        if package in left_out or message["target"]["name"] in left_out:
            continue
        listed = subprocess.run([binary, "--list", "--format=terse"], capture_output=True, text=True, check=True, cwd=folder).stdout
        ignored = subprocess.run([binary, "--list", "--format=terse", "--ignored"], capture_output=True, text=True, check=True,
                                 cwd=folder).stdout.splitlines()
        tests += [Test(package, folder, binary, line.removesuffix(": test")) for line in listed.splitlines()
                  if line.endswith(": test") and line not in ignored]
    return tests


def package_of(package_id):
    """A package's name from Cargo's id of it: `path+file:///folder/name#0.1.0`, or `...#name@0.1.0` where the folder differs."""
    place, _, version = package_id.rpartition("#")
    return version.partition("@")[0] if "@" in version else place.rpartition("/")[2]


class Suite:
    """Tests with the environment that they run in."""

    def __init__(self, tests, environment, workers, nearby=None):
        self.tests, self.environment, self.workers = tests, environment, workers
        # So many tests at most are asked of a change; all that reach it without a number.
        self.nearby = nearby
        # The tests that noticed changes to a file, the last one first, and how many each of them.
        self.noticing, self.noticed = {}, {}
        # How much each test noticed in all files, of this run and as far as earlier ones tell.
        self.keen = collections.Counter()
        # The ids of those that fail without any change.
        self.left_out = []
        # Nobody waits for an answer any more.
        self.ended = False

    def run(self, test, limit, **more):
        """Whether a test passes; nothing if it hangs."""
        environment = {**os.environ, **self.environment, "CARGO_MANIFEST_DIR": str(test.folder), "RUST_BACKTRACE": "0", **more}
        running = subprocess.Popen([test.binary, "--exact", test.name, "--nocapture"], cwd=test.folder, env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            return running.wait(limit) == 0
        except subprocess.TimeoutExpired:
            return None
        finally:
            end(running)

    def trace(self):
        """Runs every test on untouched code, and writes down how long it takes and what it reaches. Those that fail twice, as
        when the machine is busy, notice nothing and are left out."""
        with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            files = {test.id: pathlib.Path(folder, str(number)) for number, test in enumerate(self.tests)}

            def traced(test):
                started = time.monotonic()
                passed = any(self.run(test, LONGEST, WOVEN_REACHED=str(files[test.id])) for _ in range(2))
                test.seconds = time.monotonic() - started
                if files[test.id].exists():
                    test.reached = frozenset(map(int, files[test.id].read_text().split()))
                return passed

            passed = list(pool.map(traced, self.tests))
        self.left_out = [test.id for test, passed in zip(self.tests, passed) if not passed]
        self.tests = [test for test, passed in zip(self.tests, passed) if passed]

    def remember(self, noticing):
        """Has those asked first, by file and id, that noticed changes to a file in an earlier run."""
        named = {test.id: test for test in self.tests}
        self.noticing = {file: [named[name] for name in names if name in named] for file, names in noticing.items()}
        self.keen.update(test.id for tests in self.noticing.values() for test in tests)

    def told(self, noticing):
        """The same for a later run: those of this run first that noticed most, then others of earlier ones that are still there."""
        there = {test.id for test in self.tests}
        found = {}
        for file in {*noticing, *self.noticed}:
            counts = self.noticed.get(file, {})
            own = sorted(counts, key=lambda name: (-counts[name], name))
            found[file] = [*own, *(name for name in noticing.get(file, []) if name in there and name not in counts)][:MOST]
        return found

    def reaching(self, number, package, file):
        """The tests that reach a change: first those that noticed other changes to its file, then in turn the closest one and the
        one that noticed most in whatever file. Close are those of its own package, and of these what reaches little, as it asks
        more of it; but a duty that all of them need, such as sealing, is best asked of what reaches much."""
        there = [test for test in self.tests if number in test.reached]
        first = [test for test in self.noticing.get(file, []) if test in there and test.seconds < COSTLY]
        close = sorted(there, key=lambda test: (test.package != package, len(test.reached), test.seconds))
        keen = sorted((test for test in there if test.seconds < COSTLY), key=lambda test: (-self.keen[test.id], test.seconds))
        in_turn = (test for pair in itertools.zip_longest(close, keen) for test in pair if test)
        return list(dict.fromkeys([*first, *in_turn]))

    def noticed_by(self, number, package, file, most=None):
        """The test that fails twice while a change is chosen, and whether it hung; nothing if none of those asked does, `most` at
        most, or the run has ended."""
        for test in self.reaching(number, package, file)[:self.nearby][:most]:
            if self.ended:
                return None
            limit = max(LEAST, SLOWER * test.seconds)
            first = self.run(test, limit, WOVEN_CHANGE=str(number))
            if first is None or (not first and not self.run(test, limit, WOVEN_CHANGE=str(number))):
                self.noticing[file] = [test, *(other for other in self.noticing.get(file, []) if other is not test)]
                self.noticed.setdefault(file, collections.Counter())[test.id] += 1
                self.keen[test.id] += 1
                return test, first is None
        return None


def end(running):
    """Ends a test with all that it started."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    running.wait()
