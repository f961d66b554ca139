"""Whether the environments hand through what modules/environment takes and gives: Terraform passes nothing through by itself."""

import pathlib
import re

from deploy.outcome import Refused

MODULE = pathlib.Path("terraform/modules/environment")
ENVIRONMENTS = pathlib.Path("terraform/environments")
# What each environment says in its own words, instead of asking whoever deploys it.
SAID = {"environment", "size"}
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}$', re.M | re.S)
DEFAULT = re.compile(r"^  default += (?:[\[{]\n.*?^  [\]}]|.*?)$\n?", re.M | re.S)
VALIDATIONS = re.compile(r"^  validation \{\n.*?^  \}$", re.M | re.S)
VALUE = re.compile(r"^  value +=.*?(?=^  \w+ +=|\Z)", re.M | re.S)


def blocks(folder, kind):
    """The bodies of all variables or outputs of a folder, by name."""
    return {name: body for file in sorted(folder.glob("*.tf")) for found, name, body in BLOCK.findall(file.read_text(encoding="utf-8"))
            if found == kind}


def meaning(body, without):
    """A body without the argument that may differ, however it is aligned."""
    return re.sub(r"[ \t]+", " ", without.sub("", body)).strip()


def findings(root, folder):
    """Where one environment and the module disagree."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tf")))
    taken, asked = blocks(root / MODULE, "variable"), blocks(folder, "variable")
    found = [f"variable {name} is not asked for" for name in sorted(taken.keys() - SAID - asked.keys())]
    for name, body in asked.items():
        if name not in taken:
            found += [] if f"var.{name}" in VALIDATIONS.sub("", text) else [f"variable {name} is used by nobody"]
            continue
        if meaning(body, DEFAULT) != meaning(taken[name], DEFAULT):
            found.append(f"variable {name} has another type, description or validation")
        if not re.search(rf"^  {name} += var\.{name}$", text, re.M):
            found.append(f"variable {name} is not handed to the module")
    given, shown = blocks(root / MODULE, "output"), blocks(folder, "output")
    found += [f"output {name} is not in both" for name in sorted(given.keys() ^ shown.keys())]
    for name in given.keys() & shown.keys():
        if not re.search(rf"^  value +(?:= )module\.cloister\.{name}$", shown[name], re.M):
            found.append(f"output {name} is not the module's")
        if meaning(shown[name], VALUE) != meaning(given[name], VALUE):
            found.append(f"output {name} has another description, or is a secret in one alone")
    return found



def check(root):
    """Every variable and output of the module, in every environment, with the same words."""
    folders = sorted(folder for folder in (root / ENVIRONMENTS).iterdir() if folder.is_dir())
    if not folders or not blocks(root / MODULE, "output"):
        raise Refused("there are no environments")
    if problems := [f"{folder.name}: {problem}" for folder in folders for problem in findings(root, folder)]:
        raise Refused("\n".join(problems))
