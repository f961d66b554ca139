"""Runs the suites in order, times them, keeps their JUnit reports and adds up what they say.

usage: run_tests.py [--keep-going] [STEP...]     without a step: all of them
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import campaign
import check_deploy
import instance
import junit
import lint
import services

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / "target/reports"
BINARIES = ROOT / "target/bin"
WEB = ROOT / "platform/web"
BROWSER = ROOT / "tests/browser"


class StepFailed(Exception):
    """A step could not be carried out, or its command ended with an error."""


def run(*command, cwd=ROOT, environment=None):
    ended = subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL,
                           env={**os.environ, **(environment or {})})
    if ended.returncode:
        raise StepFailed(f"{' '.join(str(part) for part in command[:4])} ... ended with {ended.returncode}")


def needs(path):
    if not path.exists():
        raise StepFailed(f"{path.relative_to(ROOT)} is missing")


def nextest(report, selection, environment=None):
    """One nextest run over the whole workspace, so that every suite shares one build."""
    written = ROOT / "target/nextest/ci/junit.xml"
    written.unlink(missing_ok=True)
    try:
        run("cargo", "nextest", "run", "--locked", "--workspace", "--profile", "ci", "-E", selection,
            environment=environment)
    finally:
        if written.exists():
            shutil.copy(written, REPORTS / f"{report}.xml")


def build_binaries(*further):
    """The two programs, from the one build that all suites share: resolved alone, as they ship, each would rebuild most
    dependencies. That the operators' program links no key opener when it is resolved alone is the lint step's to show.
    Copied out of the target directory, which other checkouts share."""
    target = pathlib.Path(os.environ["CARGO_TARGET_DIR"]) / "debug"
    BINARIES.mkdir(parents=True, exist_ok=True)
    run("cargo", "build", "--locked", "--quiet", "--workspace", "--all-targets")
    for binary in ("cloister", "cloister-admin", *further):
        shutil.copy(target / binary, BINARIES / binary)


def install(*groups):
    run(ROOT / "scripts/install", *groups)


def step_web_build(_):
    needs(WEB / "package-lock.json")
    install("web")
    run("npm", "run", "--silent", "build", cwd=WEB)


def step_lint(_):
    install("web")
    if not lint.run(REPORTS):
        raise StepFailed("a check failed")


def step_deploy(_):
    install("deploy", "services")
    build_binaries()
    good = check_deploy.run(REPORTS)
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={REPORTS / 'deploy-faults.xml'}",
        "--numprocesses=2", "--dist=loadscope", "scripts/deploy/tests")
    if not good:
        raise StepFailed("a check failed")


def step_scripts(_):
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={REPORTS / 'scripts.xml'}",
        "scripts/tests")


def step_rust(environment):
    nextest("rust", "not package(cloister-tests)", environment)


def step_web(_):
    install("web")
    run("npm", "test", "--silent", "--", "--reporter=default", "--reporter=junit",
        f"--outputFile.junit={REPORTS / 'web.xml'}", cwd=WEB)


def black_box(size, environment=None):
    build_binaries()
    nextest(f"blackbox-{size}", "package(cloister-tests)",
            {**(environment or {}), "CLOISTER_TEST_SIZE": size, "CLOISTER_TEST_BINARIES": str(BINARIES)})


def step_blackbox_embedded(_):
    black_box("embedded")


def step_blackbox_production(environment):
    black_box("production", environment)


def step_campaign(_):
    """A few rounds of `make campaign`, always the same ones."""
    install("services")
    build_binaries("cloister-campaign")
    campaign.run(BINARIES, ROOT / "target/campaign-smoke", REPORTS / "campaign.xml")


def step_browser(_):
    needs(BROWSER / "package-lock.json")
    install("browser", "web")
    build_binaries()
    with instance.running(BINARIES) as fixture:
        run("npm", "run", "--silent", "journeys", cwd=BROWSER,
            environment={"CLOISTER_BROWSER_FIXTURE": str(fixture),
                         "CLOISTER_BROWSER_REPORT": str(REPORTS / "browser.xml"),
                         "CLOISTER_BROWSER_CHROMIUM": shutil.which("chromium") or "chromium"})


def step_hostile(_):
    """Generated calls: a minute of the same ones, or other ones for HOSTILE_MINUTES."""
    install("hostile")
    build_binaries()
    tools = pathlib.Path(os.environ["CLOISTER_HOSTILE_VENV"]) / "bin"
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    run(tools / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis",
        f"--junitxml={REPORTS / 'hostile-faults.xml'}", "scripts/hostile/tests", environment=path)
    run(tools / "python", "-B", "scripts/hostile/calls.py", "--minutes", os.environ.get("HOSTILE_MINUTES", "0"),
        environment=path)


def step_controls(_):
    run(sys.executable, "scripts/check_controls.py", "--reports", REPORTS)


STEPS = {  # name: (what it does, whether it needs the services); the web is built first, as the platform embeds it
    "web-build": (step_web_build, False),
    "lint": (step_lint, False),
    "scripts": (step_scripts, False),
    "deploy": (step_deploy, False),
    "rust": (step_rust, True),
    "web": (step_web, False),
    "blackbox-embedded": (step_blackbox_embedded, False),
    "blackbox-production": (step_blackbox_production, True),
    "campaign": (step_campaign, False),
    "browser": (step_browser, False),
    "hostile": (step_hostile, False),
    "controls": (step_controls, False),
}


def carry_out(names, keep_going):
    """Runs the steps; returns one row (name, seconds, outcome) for each."""
    rows = []
    with contextlib.ExitStack() as stack:
        environment = None
        for name in names:
            step, with_services = STEPS[name]
            if not keep_going and any(outcome != "passed" for _, _, outcome in rows):
                rows.append((name, 0.0, "not run"))
                continue
            print(f"\n==> {name}", flush=True)
            started, outcome = time.monotonic(), "passed"
            try:
                if with_services and environment is None:
                    install("services")
                    environment = stack.enter_context(services.running())
                step(environment)
            except (StepFailed, services.ServiceError, campaign.Broken) as error:
                print(f"FAILED: {name}: {error}", flush=True)
                outcome = "FAILED"
            rows.append((name, time.monotonic() - started, outcome))
    return rows


def not_run(reports):
    """Reasons that tests gave for not running, with how many gave each."""
    reasons = [case.message for cases in reports.values() for case in cases
               if case.outcome == junit.SKIPPED and case.message]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def report_on(rows, started):
    """Prints failed tests, the table of times and the sum; returns the exit code."""
    failed_steps = [name for name, _, outcome in rows if outcome == "FAILED"]
    reports = junit.read_all(REPORTS)
    if failed_steps:
        # A step may fail before any test can, for example when it does not compile: it counts as one failure.
        accused = {name for name, cases in reports.items() if any(case.outcome == junit.FAILED for case in cases)}
        silent = [junit.Case(f"step::{name}", junit.FAILED, 0.0, "see the output") for name in failed_steps
                  if name not in accused]
        if silent:
            junit.write(REPORTS / "steps.xml", "steps", silent)
            reports["steps"] = silent
    failures = [(report, case) for report, cases in reports.items() for case in cases
                if case.outcome == junit.FAILED]
    if failures:
        print("\nFailed:")
        for report, case in failures:
            print(f"  [{report}] {case.id}\n      {case.message.splitlines()[0][:200] if case.message else ''}")
    for reason, count in not_run(reports).items():
        print(f"{reason} ({count} test{'s' if count > 1 else ''})")
    print("\nstep                      time      result       passed  failed  skipped")
    for name, seconds, outcome in rows:
        counts = "%6d  %6d  %7d" % junit.count({name: reports[name]}) if name in reports else ""
        print(f"{name:<22}{int(seconds) // 60:>4} m {seconds % 60:>4.1f} s   {outcome:<10}{counts}".rstrip())
    print(f"total                 {int(time.monotonic() - started) // 60:>4} m "
          f"{(time.monotonic() - started) % 60:>4.1f} s   reports: {REPORTS.relative_to(ROOT)}")
    passed, failed, skipped = junit.count(reports)
    if any(name == "lint" and outcome != "not run" for name, _, outcome in rows):
        print("NOT RUN: advisories (make advisories asks the RustSec database, which needs the network)")
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    complete = all(outcome == "passed" for _, _, outcome in rows)
    return 0 if complete and passed and not failed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep-going", action="store_true", help="run later steps after one has failed")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"any of: {', '.join(STEPS)}")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.steps if name not in STEPS]:
        parser.error(f"unknown step: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    try:
        rows = carry_out(arguments.steps or list(STEPS), arguments.keep_going)
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        return 130
    return report_on(rows, started)


if __name__ == "__main__":
    sys.exit(main())
