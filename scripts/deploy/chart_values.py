"""Whether what Terraform hands to the chart is what the chart takes, and all of it but for what people decide."""

import json
import pathlib

import jsonschema
import yaml

from deploy import terraform
from deploy.outcome import Refused

ENVIRONMENT = pathlib.Path("terraform/environments/production")
CHART = pathlib.Path("helm/cloister")
# What no infrastructure knows: the release's image, the contract about mail and where it goes, who issues the pods' certificates, and RDS's
# public authorities, which are downloaded. docs/deploy.md says where each comes from.
BY_HAND = {"image.digest", "database.authority", "tls.issuer", "mail", "network.mail"}


def leaves(values, path=()):
    """Dotted names of everything that is set."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield ".".join((*path, name))


def at(values, name):
    """What stands at a dotted name: (whether anything does, what)."""
    for part in name.split("."):
        if not isinstance(values, dict) or part not in values:
            return False, None
        values = values[part]
    return True, values


def merged(base, over):
    """As Helm lays one value file over another."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{name: merged(base.get(name), value) for name, value in over.items()}}


def is_by_hand(name):
    return any(name == given or name.startswith(f"{given}.") or given.startswith(f"{name}.") for given in BY_HAND)


def findings(given, defaults, schema):
    """Names that the chart does not know, and what its schema still misses once Terraform's values are laid over."""
    wrong = [f"{name} is no value of the chart" for name in leaves(given) if not at(defaults, name)[0]]
    wrong += [f"{name} is decided by people, not by Terraform" for name in leaves(given) if name in BY_HAND]
    validator = jsonschema.validators.validator_for(schema)(schema)
    for error in validator.iter_errors(merged(defaults, given)):
        name = ".".join(str(part) for part in error.absolute_path)
        if not is_by_hand(name):
            wrong.append(f"{name or 'the values'}: {error.message[:200]}")
    return wrong


@terraform.needing_terraform
def check(root):
    """Terraform's output `helm` against the chart's own values and schema."""
    result = terraform.tested(root, [ENVIRONMENT])[ENVIRONMENT]
    if "helm" not in result.outputs:
        raise Refused(f"{ENVIRONMENT} gave no output `helm`:\n{result.text}")
    defaults = yaml.safe_load((root / CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((root / CHART / "values.schema.json").read_text(encoding="utf-8"))
    if wrong := findings(result.outputs["helm"], defaults, schema):
        raise Refused("\n".join(wrong))
