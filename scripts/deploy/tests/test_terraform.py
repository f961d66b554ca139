"""A fault of each kind, planted in a copy, and the check that must refuse it."""

import pathlib
import shutil

import pytest

from deploy import environments, key_duties, terraform
from deploy.tests import planted

MODULES = pathlib.Path("terraform/modules")
INVALID = {
    "wrong argument": ("modules/database/main.tf", "  storage_encrypted     = true", "  storage_encryption    = true",
                       'An argument named "storage_encryption" is not expected here'),
    "wrong type": ("modules/backup/main.tf", 'start_window             = 60', 'start_window             = "soon"',
                   "a number is required"),
    "missing argument": ("modules/logs/main.tf", '  destination = "extended_s3"\n', "", 'The argument "destination" is required'),
    "wrong resource": ("modules/objects/main.tf", 'source               = "./bucket"\n', 'source               = "./bucket"\n  kind = 1\n',
                       'An argument named "kind" is not expected here'),
    "unknown resource": ("modules/network/main.tf", 'resource "aws_eip" "nat"', 'resource "aws_eipp" "nat"', "does not support resource type"),
}
UNSAFE = {
    "database takes plain connections": ("modules/database/main.tf", '"rds.force_ssl"                     = { value = "1"',
                                         '"rds.force_ssl"                     = { value = "0"', "Connections without TLS are taken"),
    "database is open to the world": ("modules/database/main.tf", "  referenced_security_group_id = each.value",
                                      '  cidr_ipv4                    = "0.0.0.0/0"', "Somebody else than the pods can connect"),
    "Redis takes plain connections": ("modules/cache/main.tf", 'transit_encryption_mode    = "required"',
                                      'transit_encryption_mode    = "preferred"', "Redis would take plain connections"),
    "bucket could be public": ("modules/objects/bucket/main.tf", "  block_public_policy     = true", "  block_public_policy     = false",
                               "A bucket could be made public"),
    "endpoints are open to the world": ("modules/network/endpoints.tf", "  cidr_ipv4         = var.cidr", '  cidr_ipv4         = "0.0.0.0/0"',
                                        "The endpoints are open to more than the network"),
    "key does not rotate": ("modules/keys/main.tf", "  enable_key_rotation     = true", "  enable_key_rotation     = false",
                            "A storage key does not rotate"),
    "key opens to other accounts": ("modules/keys/main.tf", '"kms:CallerAccount" = var.account_id', '"kms:CallerAccount" = "*"',
                                    "A storage key opens to everybody"),
    "logs are left out of the archive": ("modules/logs/main.tf", '  filter_pattern  = ""', '  filter_pattern  = "ERROR"',
                                         "Something is filtered out on its way to the archive"),
    "pod takes another's role": ("modules/cluster/roles.tf", '"system:serviceaccount:${each.value}"', '"system:serviceaccount:${var.namespace}:*"',
                                 "A role can be taken by another pod"),
    "pod takes the node's role": ("modules/cluster/nodes.tf", "http_put_response_hop_limit = 1", "http_put_response_hop_limit = 2",
                                  "A pod could take the node's credentials"),
    "load balancer speaks TLS 1.0": ("modules/edge/main.tf", "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-0-2021-06",
                                     "The TLS policy is not the one"),
    "second account gives backups back": ("modules/backup/offsite/main.tf", '"backup:CopyIntoBackupVault"', '"backup:*"',
                                          "The environment's account may do more than copy"),
    "archive could be shortened": ("modules/objects/bucket/main.tf", '      mode  = "COMPLIANCE"', '      mode  = "GOVERNANCE"',
                                   "The archive is not locked for six years"),
}
AGAINST_CHECKOV = {
    "public bucket": ("modules/objects/bucket/main.tf", "  block_public_acls       = true", "  block_public_acls       = false", "CKV_AWS_53"),
    "database unencrypted": ("modules/database/main.tf", "  storage_encrypted     = true", "  storage_encrypted     = false", "CKV_AWS_16"),
    "Redis without TLS": ("modules/cache/main.tf", "  transit_encryption_enabled = true", "  transit_encryption_enabled = false", "CKV_AWS_30"),
    "database public": ("modules/database/main.tf", "  publicly_accessible    = false", "  publicly_accessible    = true", "CKV_AWS_17"),
    "Kubernetes API public": ("modules/cluster/main.tf", "    endpoint_public_access  = false", "    endpoint_public_access  = true", "CKV_AWS_3"),
    "skip without a reason": ("modules/keys/platform.tf", ":KMS rotates no asymmetric key, and this one only signs", "",
                              "CKV_AWS_7 is left out without saying why"),
}
HANDED_OVER = ("modules/environment/outputs.tf", 'portal      = module.cluster.role_arns["serve"]',
               'portal      = module.cluster.role_arns["work"]', "The chart would give a process another's role")
DUTIES = {
    "tenant-admin opens clinics' keys": ("modules/keys/policies/admin.tf", '      Sid      = "NeverOpenAClinicsKey"\n      Effect   = "Deny"',
                                         '      Sid      = "NeverOpenAClinicsKey"\n      Effect   = "Allow"', "admin can kms:Decrypt owner=tenant"),
    "the portal opens the platform's": ("modules/keys/policies/main.tf", "serve = [local.open_clinics, local.administer_nothing]",
                                        "serve = [merge(local.open_clinics, { Condition = { Null = { (local.context) = \"false\" } } }), local.administer_nothing]",
                                        "serve can kms:Decrypt owner=tenant context=platform"),
    "the portal administers keys": ("modules/keys/policies/main.tf", "serve = [local.open_clinics, local.administer_nothing]",
                                    'serve = [local.open_clinics, { Effect = "Allow", Action = ["kms:Put*"], Resource = ["*"] }]',
                                    "serve can kms:PutKeyPolicy owner=tenant"),
    "a clinic's key opens to its whole account": ("modules/keys/policies/key_policies.tf", 'merge(local.by_role["serve"], { Sid = "ServeOpens"',
                                                  'merge(local.clinic, { Sid = "ServeOpens"', "the account's administrator can do kms:Decrypt with the key tenant"),
    "a clinic's key shuts the worker out": ("modules/keys/policies/key_policies.tf", 'merge(local.by_role["work"], { Sid = "WorkOpens", Action = ["kms:Decrypt"] }),\n    ]\n    tenant-log',
                                            ']\n    tenant-log', "work cannot kms:Decrypt owner=tenant"),
    "the guardrail forgets logs": ("modules/keys/policies/key_policies.tf", 'StringLike   = { (local.context) = ["tenant-log:*"] }',
                                   'StringLike   = { (local.context) = ["log:*"] }', "the guardrail lets an administrator do kms:Decrypt"),
    "whoever administers keys opens them": ("modules/keys/policies/key_policies.tf", '"kms:CancelKeyDeletion", "kms:CreateAlias"',
                                            '"kms:Decrypt", "kms:CreateAlias"', "an administrator of keys can do kms:Decrypt with the key platform"),
}


def faults(table):
    return [fault[:3] for fault in table.values()]


def expected(table):
    return [pytest.param(fault[3], id=name) for name, fault in table.items()]


@pytest.fixture(scope="module")
def invalid(tmp_path_factory):
    chosen = sorted({pathlib.Path("terraform") / pathlib.PurePosixPath(fault[0]).parent for fault in INVALID.values()})
    return planted.refusal(terraform.check_validity, planted.tree(tmp_path_factory.mktemp("invalid"), *faults(INVALID)), chosen)


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory):
    chosen = sorted({MODULES / pathlib.PurePosixPath(fault[0]).parts[1] for fault in UNSAFE.values()})
    return planted.refusal(terraform.check_tests, planted.tree(tmp_path_factory.mktemp("unsafe"), *faults(UNSAFE)), chosen)


@pytest.fixture(scope="module")
def against_checkov(tmp_path_factory):
    place = planted.tree(tmp_path_factory.mktemp("checkov"), *faults(AGAINST_CHECKOV))
    planted_in = {pathlib.PurePosixPath(fault[0]).parts[1] for fault in AGAINST_CHECKOV.values()}
    for module in (place / MODULES).iterdir():
        if module.name not in planted_in:
            shutil.rmtree(module)
    return planted.refusal(terraform.check_checkov, place, "terraform/modules")


@pytest.mark.parametrize("said", expected(INVALID))
def test_validate_names_what_the_provider_does_not_take(invalid, said):
    assert said in " ".join(invalid.split()), invalid


@pytest.mark.parametrize("said", expected(UNSAFE))
def test_the_modules_own_tests_notice(unsafe, said):
    assert said in unsafe


@pytest.mark.parametrize("said", expected(AGAINST_CHECKOV))
def test_checkov_notices(against_checkov, said):
    assert said in against_checkov


@pytest.mark.parametrize("name", DUTIES)
def test_key_duties_notice(tmp_path, name):
    *fault, said = DUTIES[name]
    assert said in planted.refusal(key_duties.check, planted.tree(tmp_path, fault))


def test_a_role_that_is_handed_to_another_process_is_noticed(tmp_path):
    *fault, said = HANDED_OVER
    chosen = [pathlib.Path("terraform/environments/production")]
    assert said in planted.refusal(terraform.check_tests, planted.tree(tmp_path, fault), chosen)


DISAGREE = {
    "another type": ("environments/staging/variables.tf", "type        = list(string)", "type        = set(string)", "variable zones has another type"),
    "another validation": ("modules/environment/variables.tf", 'regex("^[0-9]{12}$", var.account_id)', 'regex("^[0-9]{11}$", var.account_id)',
                           "production: variable account_id has another type, description or validation"),
    "not handed on": ("environments/production/main.tf", "var.operator_cidrs", "[var.cidr]", "variable operator_cidrs is not handed to the module"),
    "not asked for": ("environments/staging/variables.tf", 'variable "custom_domains"', 'variable "own_domains"', "variable custom_domains is not asked for"),
    "used by nobody": ("environments/staging/variables.tf", 'variable "custom_domains"', 'variable "own_domains"', "variable own_domains is used by nobody"),
    "an output of one alone": ("modules/environment/outputs.tf", 'output "vpc_id"', 'output "network_id"', "output network_id is not in both"),
    "another's output": ("environments/production/outputs.tf", "module.cloister.database_host", "module.cloister.vpc_id", "output database_host is not the module's"),
    "another description": ("environments/production/outputs.tf", 'description = "Host of the database', 'description = "Hosts of the database', "has another description"),
}


@pytest.mark.parametrize("name", DISAGREE)
def test_an_environment_that_hands_something_else_through_is_refused(tmp_path, name):
    *fault, said = DISAGREE[name]
    assert said in planted.refusal(environments.check, planted.tree(tmp_path, fault))


def test_format_notices_a_file_that_is_not_formatted(tmp_path):
    fault = ("modules/network/outputs.tf", '  description = "The network."', '  description="The network."')
    assert "outputs.tf" in planted.refusal(terraform.check_format, planted.tree(tmp_path, fault))


def test_a_module_without_tests_is_refused(tmp_path):
    place = planted.tree(tmp_path)
    (place / "terraform/modules/cache/tests/cache.tftest.hcl").unlink()
    assert "modules/cache" in planted.refusal(terraform.check_tests, place)
