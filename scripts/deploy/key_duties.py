"""Judges the key policies by the table of who may touch what: for every process, key and call, what IAM would decide."""

import itertools
import json
import os

from deploy import iam, terraform
from deploy.outcome import Refused

MODULE = "terraform/modules/keys/policies"
ACCOUNT, REGION, NAME = "111122223333", "us-east-1", "cloister-check"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/deploy"
CLINIC = "018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e"
# What each process may open, by the owner of the data key. This table and those below are the requirement.
OPENS = {
    "serve": {"tenant", "tenant-log"},
    "work": {"tenant", "tenant-log", "platform"},
    "admin": {"platform", "platform-log"},
    "migrate": set(),
    "auditor": {"tenant-log", "platform-log"},
}
OWNERS = {"tenant": f"tenant:{CLINIC}", "tenant-log": f"tenant-log:{CLINIC}", "platform": "platform",
          "platform-log": "platform-log"}
SIGNS = {"kms:Sign": {"work"}, "kms:Verify": {"auditor"}, "kms:GetPublicKey": {"work", "auditor"}}
ISSUES = {"admin"}
ADMIN_CALLS = {"kms:DescribeKey", "kms:EnableKeyRotation", "kms:ListResourceTags", "kms:ScheduleKeyDeletion"}
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
NOBODYS = ["kms:PutKeyPolicy", "kms:CreateGrant", "kms:DisableKey", "kms:TagResource", "kms:UntagResource",
           "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CancelKeyDeletion"]


def documents(root):
    """The module's outputs, computed by Terraform itself. It holds no resource, so no provider is asked."""
    values = {"name": NAME, "account_id": ACCOUNT, "regions": json.dumps([REGION]),
              "administrator_arns": json.dumps([ADMINISTRATOR])}
    with terraform.copy_of(root) as copied:
        place = copied / MODULE
        for command in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"], ["output", "-json"]):
            code, output = terraform.terraform(*command, "-no-color", cwd=place,
                                               environment={f"TF_VAR_{name}": value for name, value in values.items()})
            if code:
                raise Refused(f"{MODULE}: {output.strip()}")
    outputs = json.loads(output)
    parsed = {kind: {name: json.loads(text) for name, text in outputs[kind]["value"].items()}
              for kind in ("identity", "key", "clinic_key")}
    return {**parsed, "guardrail": json.loads(outputs["guardrail"]["value"])}


class Judge:
    """Asks for one call at a time."""

    def __init__(self, found):
        self.found = found

    def allows(self, process, action, owner=None, context=None, guarded=False):
        """Whether `process` may do `action` on the key of `owner`, with the encryption context of `context`."""
        asked = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{process}"}
        if owner:
            asked["aws:ResourceTag/cloister-owner"] = OWNERS.get(owner, owner)
        if context:
            asked["kms:EncryptionContext:tenant"] = OWNERS[context]
        if action == "kms:ScheduleKeyDeletion":
            asked["kms:ScheduleKeyDeletionPendingWindowInDays"] = "7"
        if action == "kms:CreateKey":
            asked["aws:RequestTag/cloister-owner"] = OWNERS["tenant"]
        request = {"caller": asked["aws:PrincipalArn"], "action": action, "context": asked,
                   "resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5a1f" if owner else "*"}
        return iam.allowed(request, self.found["identity"].get(process), self.found["key"].get(owner),
                           self.found["guardrail"] if guarded else None)


def findings(found):
    """Every call that is decided otherwise than the tables say: with the policies that clinics' keys are made with, and for
    keys that have none of ours, such as a clinic's own."""
    with_policies = {**found, "key": found["key"] | found["clinic_key"]}
    wrong = calls_decided_otherwise(found) + calls_decided_otherwise(with_policies)
    return list(dict.fromkeys(wrong + administrator_findings(with_policies) + guardrail_findings(found)))


def calls_decided_otherwise(found):
    judge, wrong = Judge(found), []

    def expect(wanted, process, action, **call):
        if judge.allows(process, action, **call) != wanted:
            said = " ".join(f"{name}={value}" for name, value in call.items())
            wrong.append(f"{process} {'cannot' if wanted else 'can'} {action} {said}")

    for process, key, context in itertools.product(OPENS, OWNERS, OWNERS):
        # No data key of one owner lies under the key of another: crossed, a call may be refused, but must open nothing new.
        if key == context or context not in OPENS[process]:
            expect(context in OPENS[process], process, "kms:Decrypt", owner=key, context=context)
    for process, key in itertools.product(OPENS, OWNERS):
        expect(False, process, "kms:Decrypt", owner=key)
        expect(process in ISSUES, process, "kms:GenerateDataKeyWithoutPlaintext", owner=key, context=key)
        for action in NOBODYS:
            expect(False, process, action, owner=key, context=key)
        for action in ADMIN_CALLS:
            may = process == "admin" and (action != "kms:ScheduleKeyDeletion" or key.startswith("tenant"))
            expect(may, process, action, owner=key)
    for process, (action, may) in itertools.product(OPENS, SIGNS.items()):
        expect(process in may, process, action, owner="checkpoints")
        expect(False, process, action, owner="tenant")
    for process in OPENS:
        expect(process == "admin", process, "kms:CreateKey")
        for key in ("tenant", "tenant-log"):
            expect(key in OPENS[process], process, "kms:Decrypt", owner=key, context=key, guarded=True)
    return wrong


def administrator_findings(found):
    """Who administers keys uses none, and neither does the account's administrator, whatever their own policies say."""
    wrong = []
    for owner in found["key"]:
        request = {"caller": ADMINISTRATOR.replace("/deploy", "/Administrator"), "action": "kms:Decrypt", "resource": "*",
                   "context": {"aws:PrincipalArn": ADMINISTRATOR.replace("/deploy", "/Administrator")}}
        if iam.allowed(request, EVERYTHING, found["key"][owner]):
            wrong.append(f"the account's administrator can do kms:Decrypt with the key {owner}")
    for owner, action in itertools.product(found["key"], ["kms:Decrypt", "kms:GenerateDataKey", "kms:Sign"]):
        request = {"caller": ADMINISTRATOR, "action": action, "resource": "*",
                   "context": {"aws:PrincipalArn": ADMINISTRATOR, "kms:EncryptionContext:tenant": owner}}
        if iam.allowed(request, EVERYTHING, found["key"][owner]):
            wrong.append(f"an administrator of keys can do {action} with the key {owner}")
    return wrong


def guardrail_findings(found):
    """The account's administrator, who may do anything, must be stopped at clinics' keys."""
    wrong = []
    for action, owner in [("kms:Decrypt", "tenant"), ("kms:Decrypt", "tenant-log"), ("kms:PutKeyPolicy", "tenant")]:
        request = {"caller": f"arn:aws:iam::{ACCOUNT}:role/Administrator", "action": action, "resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5a1f",
                   "context": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/Administrator",
                               "aws:ResourceTag/cloister-owner": OWNERS[owner], "kms:EncryptionContext:tenant": OWNERS[owner]}}
        if iam.allowed(request, EVERYTHING, None, found["guardrail"]):
            wrong.append(f"the guardrail lets an administrator do {action} on the key of a {owner}")
    return wrong


@terraform.needing_terraform
def check(root):
    """Every process may do with keys exactly what the design's table gives it."""
    if wrong := findings(documents(root)):
        raise Refused("\n".join(wrong))
