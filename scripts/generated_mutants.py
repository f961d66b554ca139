"""Tests of the tests: has cargo-mutants change the code in every way it knows, and demands that a test notices.

usage: generated_mutants.py [--minutes N] [--shard K/N] [--since REVISION] [--revision REVISION] [CRATE...]

Each change is judged by the tests of the crate that it is in. What nobody notices fails the run, unless
tests/mutants/missed.md names it with a reason; a reason for a change that is noticed by now is reported, so that it can go.

There are thousands of changes and each is a build, so a run need not be whole: it goes on where the last one was, while the
crate and what it is built from are as they were (scripts/ledger.py), and --minutes, --shard and --since (only lines that
differ from a revision) take a part. The table at the end says how many were not run. .cargo/mutants.toml says what is left out.
"""

import argparse
import contextlib
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
from ledger import Ledger, LedgerError, closures, digest

CRATES = ["access", "vault", "audit", "store", "identity"]
# These have no test that asks PostgreSQL, Redis or a key service.
ALONE = {"access", "audit"}
REASONS = mutants.PATCHES / "missed.md"
# A line of that file, and the place in a file that it does without, as every edit above would move it.
REASON = re.compile(r"^- `([^`]+)`: (\S.*)$", re.MULTILINE)
PLACE = re.compile(r"^(\S+?\.rs):\d+:\d+: ")
CAUGHT, MISSED, TIMEOUT, UNVIABLE = "caught", "missed", "timeout", "unviable"
OUTCOMES = [CAUGHT, MISSED, TIMEOUT, UNVIABLE]
TOOL = pathlib.Path(os.environ.get("CLOISTER_CACHE", "")) / "tools/bin/cargo-mutants"
# The longest build, in seconds; cargo-mutants would take it from the untouched one, which may have had nothing to do.
LONGEST_BUILD = "900"
# Most changes break a property on its first cases, and what they do not break shows as missed.
FEWER_CASES = {"PROPTEST_CASES": "32"}
# How cargo-mutants ends when all went well, when something was missed, and when something ran out of time.
ENDED = (0, 2, 3)


def reasons(text):
    """What is known to be missed, by name without its place."""
    return dict(REASON.findall(text))


def placeless(name):
    """A mutant's name without line and column."""
    return PLACE.sub(r"\1: ", name)


def harvest(folder, ledger, key):
    """Writes down what a run of cargo-mutants, even one that was killed, has found under a key."""
    for outcome in OUTCOMES:
        file = folder / "mutants.out" / f"{outcome}.txt"
        for name in file.read_text().splitlines() if file.exists() else []:
            if ledger.get(key, name) != outcome:
                ledger.add(key, **{name: outcome})


def leave_out(folder, names):
    """Makes `cargo mutants --iterate` pass these over."""
    out = folder / "mutants.out"
    out.mkdir(parents=True, exist_ok=True)
    for outcome in OUTCOMES:
        (out / f"{outcome}.txt").unlink(missing_ok=True)
    (out / "previously_caught.txt").write_text("".join(f"{name}\n" for name in names))


def listed(copy, crate, more):
    """The names of all changes that are made to a crate."""
    ended = subprocess.run([TOOL, "mutants", "--list", "--json", *options(crate), *more], cwd=copy, capture_output=True,
                           text=True, env=environment_of(copy, {}))
    if ended.returncode:
        raise mutants.MutantError(f"cargo-mutants lists nothing for {crate}: {ended.stderr}")
    return [mutant["name"] for mutant in json.loads(ended.stdout)]


def options(crate):
    return ["--package", f"cloister-{crate}"]


def environment_of(copy, more):
    return {**os.environ, "CARGO_TARGET_DIR": str(copy.parent / "target"), "GIT_CEILING_DIRECTORIES": str(copy.parent),
            "RUST_BACKTRACE": "0", **mutants.ANY_FAILURE, **FEWER_CASES, **more}


def try_out(copy, crate, more, environment, deadline):
    """Runs cargo-mutants on one crate of the copy, until all is done or the time is over."""
    command = [TOOL, "mutants", "--in-place", "--iterate", "--no-shuffle", "--colors", "never",
               "--build-timeout", LONGEST_BUILD, "--output", copy.parent / crate, *options(crate), *more]
    running = subprocess.Popen(command, cwd=copy, stdin=subprocess.DEVNULL, env=environment_of(copy, environment))
    try:
        code = running.wait(max(1, deadline - time.monotonic()) if deadline else None)
    except subprocess.TimeoutExpired:
        return
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            running.wait()
    if code not in ENDED:
        raise mutants.MutantError(f"cargo-mutants ended with {code} on {crate}")


def examine(copy, crate, more, environment, deadline, ledger):
    """Has all changes to one crate tried that the ledger does not know; outcome by name, nothing for what was not run."""
    built_from = closures(copy, options(crate))[f"cloister-{crate}"]
    key = digest(copy, built_from, (copy / ".cargo/mutants.toml").read_text(), crate)
    folder = copy.parent / crate
    stamp = folder / "key"
    if stamp.exists() and stamp.read_text() == key:
        harvest(folder, ledger, key)
    names = listed(copy, crate, more)
    known = [name for name in names if ledger.get(key, name) not in (None, TIMEOUT)]
    print(f"    {crate}: {len(names)} changes, {len(known)} known", flush=True)
    if len(known) < len(names) and (deadline is None or time.monotonic() < deadline):
        leave_out(folder, known)
        stamp.write_text(key)
        try:
            try_out(copy, crate, more, environment, deadline)
        finally:
            harvest(folder, ledger, key)
    return {name: ledger.get(key, name) for name in names}


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
    more = ["--shard", arguments.shard] if arguments.shard else []
    if arguments.since:
        difference = copy.parent / "since.diff"
        difference.write_bytes(subprocess.run(["git", "diff", arguments.since, *filter(None, [arguments.revision])],
                                              cwd=mutants.ROOT, check=True, capture_output=True).stdout)
        more += ["--in-diff", str(difference)]
    return more


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--shard", help="only this part of them, as 1/4")
    parser.add_argument("--since", help="only changes to lines that differ from this revision")
    parser.add_argument("--revision", help="change this revision and not the files as they stand")
    parser.add_argument("crates", nargs="*", metavar="CRATE", help=f"{', '.join(CRATES)} without a name")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    deadline = time.monotonic() + arguments.minutes * 60 if arguments.minutes else None
    found = {}
    try:
        crates = arguments.crates or CRATES
        needed = contextlib.nullcontext({}) if ALONE.issuperset(crates) else services.running()
        with mutants.private_copy(arguments.revision, "generated") as copy, needed as environment:
            more = arguments_of_a_part(arguments, copy)
            ledger = Ledger(copy.parent / "ledger.jsonl")
            for crate in crates:
                found[crate] = examine(copy, crate, more, environment, deadline, ledger)
    except (mutants.MutantError, services.ServiceError, LedgerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    unexplained, settled = verdict(found, reasons(REASONS.read_text()) if REASONS.exists() else {})
    print("\n" + "\n".join(table(found)))
    print("".join(f"\nMISSED: {name}" for name in unexplained) + "".join(f"\nnoticed by now, in missed.md: {name}" for name in settled))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
