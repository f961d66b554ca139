"""The rounds of `make campaign` that every run of `make test` plays, and their report.

They are always the same: what a seed and a number break follows from them (tests/campaign/src/round.rs).
"""

import json
import os
import pathlib
import subprocess

import junit

# Faults to the key service and the mail server; PostgreSQL, a replica and Redis are killed, which comes back older; PostgreSQL
# and Redis refuse connections. Nothing that takes the long time limits, and no worker with a lease of a minute.
SEED = 234
ROUNDS = 3
# Other machines are slower, and busy: the full campaign holds the programs to ten seconds.
BACK_SECONDS = 30
LIMIT_SECONDS = 240


class Broken(Exception):
    """A rule did not hold, or the rounds could not be played."""


def cases(report):
    """A case for each rule of a campaign's report; one more that something was broken and held against the rules."""
    found = [junit.Case(f"campaign::{rule}", junit.FAILED if count else junit.PASSED, 0.0, first_words(report, rule))
             for rule, count in report["rules"].items()]
    broken = sum(report["kills"].values()) + sum(report["faults"].values())
    idle = report["rounds"] < ROUNDS or not broken or not report["checked"]
    message = "too few rounds, nothing broken or nothing checked" if idle else ""
    return [*found, junit.Case("campaign::rounds are played", junit.FAILED if idle else junit.PASSED,
                               float(report["seconds"]), message)]


def first_words(report, rule):
    words = (found["what"] for found in report["violations"] if found["rule"] == rule)
    return next(words, "")


def run(binaries, out, written):
    """Plays the rounds and writes their report; raises Broken when one of its cases failed."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    result = out / "campaign.json"
    result.unlink(missing_ok=True)
    environment = {**os.environ, "CAMPAIGN_SEED": str(SEED), "CAMPAIGN_ROUNDS": str(ROUNDS),
                   "CAMPAIGN_BACK_SECONDS": str(BACK_SECONDS), "CAMPAIGN_OUTPUT": str(out)}
    try:
        ended = subprocess.run([pathlib.Path(binaries) / "cloister-campaign"], env=environment,
                               stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Broken(f"not over after {LIMIT_SECONDS} s; the logs are in {out}") from error
    if not result.exists():
        raise Broken(f"no report; the program ended with {ended.returncode}")
    told = cases(json.loads(result.read_text()))
    junit.write(written, "campaign", told)
    failed = [case.id for case in told if case.outcome == junit.FAILED]
    if failed or ended.returncode:
        raise Broken(f"{', '.join(failed) or 'the program'} failed; the logs are in {out}")
