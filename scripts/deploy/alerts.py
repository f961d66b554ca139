"""Alerts and dashboards: that Prometheus takes them, that they fire as their tests say, and that they ask for what there is."""

import csv
import json
import pathlib
import re
import tempfile

import yaml

from deploy import chart, tools
from deploy.outcome import Refused

FILES = chart.CHART / "files"
# What Prometheus itself records of every target.
PROMETHEUS = {"up"}
HISTOGRAM = ("_bucket", "_sum", "_count")
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless", "inf", "nan"}


def check_rules(root):
    """promtool over the rules as the cluster would get them, and the tests of the rules."""
    rules = [document for document in chart.render(root, "production") if document["kind"] == "PrometheusRule"]
    if len(rules) != 1:
        raise Refused(f"{len(rules)} PrometheusRules instead of one")
    promtool = tools.of_chart("promtool")
    with tempfile.TemporaryDirectory(prefix="cloister-alerts-") as place:
        # The tests name the file beside them; what is tested is what was rendered.
        (pathlib.Path(place) / "alerts.yaml").write_text(yaml.safe_dump(rules[0]["spec"]), encoding="utf-8")
        (pathlib.Path(place) / "alerts.test.yaml").write_text((root / FILES / "alerts.test.yaml").read_text(encoding="utf-8"))
        for arguments in (("check", "rules", "--lint-fatal", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")):
            code, output = tools.call(promtool, *arguments, cwd=place)
            if code:
                raise Refused(f"promtool {' '.join(arguments)}:\n{output.strip()[-4000:]}")
    tested = re.findall(r"alertname: (\w+)", (root / FILES / "alerts.test.yaml").read_text(encoding="utf-8"))
    if untested := sorted({rule["alert"] for rule in all_rules(rules[0]["spec"]) if "alert" in rule} - set(tested)):
        raise Refused(f"alerts without a test: {', '.join(untested)}")


def check_metrics(root):
    """Every alert and panel asks for metrics of metrics.csv, which a running service is held against."""
    rules = yaml.safe_load((root / FILES / "alerts.yaml").read_text(encoding="utf-8"))
    known = known_metrics(root) | {rule["record"] for rule in all_rules(rules) if "record" in rule}
    asked = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in all_rules(rules)]
    dashboards = sorted((root / FILES / "dashboards").glob("*.json"))
    for file in dashboards:
        panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
        asked += [(f"{file.name}, {panel['title']}", target["expr"]) for panel in panels for target in panel["targets"]]
    if not dashboards or not asked:
        raise Refused("there are no dashboards")
    problems = [f"{place}: there is no metric {name}" for place, expression in asked
                for name in sorted(metrics_in(expression) - known)]
    problems += [f"{rule['alert']}: {problem}" for rule in all_rules(rules) if "alert" in rule
                 for problem in runbook_problems(root, rule)]
    if problems:
        raise Refused("\n".join(problems))


def all_rules(spec):
    return [rule for group in spec["groups"] for rule in group["rules"]]


def listed(root):
    """Rows of metrics.csv: name, process, meaning."""
    with (root / FILES / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def known_metrics(root):
    """The names that Prometheus knows: of a histogram its parts."""
    rows = listed(root)
    histograms = {row["metric"] for row in rows if "(histogram:" in row["meaning"]}
    return PROMETHEUS | {row["metric"] for row in rows} - histograms | {name + part for name in histograms for part in HISTOGRAM}


def metrics_in(expression):
    """The names of metrics in an expression of PromQL."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|#[^\n]*', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?!\w)(?!\s*\()", bare)
    return {name for name in names if name.lower() not in WORDS}


def runbook_problems(root, rule):
    """An alert leads to a heading that is there."""
    path, _, anchor = rule.get("annotations", {}).get("runbook", "").partition("#")
    file = root / path
    if not path or not file.is_file():
        return ["names no runbook"]
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return [] if anchor in anchors else [f"{path} has no heading #{anchor}"]
