"""The deploy step: every check of what a deployment is made of is a test case, named `deploy::NAME`.

usage: check_deploy.py [--reports FOLDER] [CHECK...]     without a check: all of them
"""

import argparse
import concurrent.futures
import pathlib
import sys

import junit
from deploy import alerts, chart, chart_values, code, environments, image, key_duties, migrations, pipeline, sbom, settings, terraform
from deploy.outcome import cases

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Each takes the repository's folder. It returns test cases of its own or nothing, or raises `Refused` or `NotRun`.
CHECKS = {
    "terraform-format": terraform.check_format,
    "terraform-environments": environments.check,
    "terraform-validate": terraform.check_validity,
    "terraform-test": terraform.check_tests,
    "terraform-checkov": terraform.check_checkov,
    "terraform-key-duties": key_duties.check,
    "helm-lint": chart.check_lint,
    "helm-kubernetes": chart.check_kubernetes,
    "helm-walls": chart.check_walls,
    "helm-checkov": chart.check_checkov,
    "alert-rules": alerts.check_rules,
    "alert-metrics": alerts.check_metrics,
    "migrations": migrations.check,
    "settings": settings.check,
    "image-dockerfile": image.check_dockerfile,
    "semgrep": code.check,
    "workflows": pipeline.check_workflows,
    "secrets": pipeline.check_secrets,
    "sbom": sbom.check,
    # Last: it uses what terraform-test has run.
    "terraform-chart-values": chart_values.check,
}
# Most of a check is a tool of one thread.
AT_ONCE = 2


def run(reports, names=None, root=ROOT):
    """Runs the checks, all of them even after a failure; true when none failed."""
    ended, chosen = [], list(names or CHECKS)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda name: cases(f"deploy::{name}", CHECKS[name], root), chosen)
        for name, (own, *inner) in zip(chosen, done):
            ended += [own, *inner]
            tell(name, own)
    junit.write(reports / "deploy.xml", "deploy", ended)
    return all(case.outcome != junit.FAILED for case in ended)


def tell(name, own):
    word = "FAILED" if own.outcome == junit.FAILED else own.outcome
    print(f"    {word}  {name}  {own.seconds:.1f} s", flush=True)
    if own.message:
        print("\n".join(f"        {line}" for line in own.message.splitlines()[-80:]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=pathlib.Path, default=ROOT / "target/reports")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"any of: {', '.join(CHECKS)}")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.checks if name not in CHECKS]:
        parser.error(f"unknown check: {', '.join(unknown)}")
    return 0 if run(arguments.reports, arguments.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
