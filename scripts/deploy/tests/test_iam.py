"""Where this reading of policies were laxer than IAM's, the judgement of key duties would be worth nothing."""

import pytest

from deploy import iam

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def request(action="kms:Decrypt", **context):
    return {"caller": "arn:aws:iam::111122223333:role/serve", "action": action, "resource": KEY,
            "context": {name.replace("__", ":"): value for name, value in context.items()}}


def statement(effect="Allow", action="kms:Decrypt", resource="*", **rest):
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **rest}]}


def both(*policies):
    return {"Statement": [statement for policy in policies for statement in policy["Statement"]]}


def test_nothing_is_allowed_unless_a_policy_says_so_and_a_deny_wins():
    assert not iam.allowed(request(), None)
    assert not iam.allowed(request(), statement(action="kms:Encrypt"))
    assert iam.allowed(request(), statement(action="kms:De*"))
    assert not iam.allowed(request(), both(statement(), statement("Deny")))


def test_a_key_with_a_policy_of_its_own_must_agree():
    account, other = ({"AWS": f"arn:aws:iam::{account}:root"} for account in ("111122223333", "444455556666"))
    assert iam.allowed(request(), statement(), statement(Principal=account))
    assert not iam.allowed(request(), statement(), statement(Principal=other))
    assert not iam.allowed(request(), statement(), {"Statement": []})


def test_a_guardrail_denies_what_both_allow():
    assert not iam.allowed(request(), statement(), None, statement("Deny"))


@pytest.mark.parametrize(("operator", "wanted", "given", "expected"), [
    ("StringLike", "tenant:*", "tenant:1", True),
    ("StringLike", "tenant:*", "tenant-log:1", False),
    ("StringLike", "tenant:*", None, False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a", "b"], None, True),
    ("StringEqualsIfExists", "a", None, True),
    ("Null", "false", "a", True),
    ("Null", "false", None, False),
    ("Null", "true", None, True),
    ("NumericGreaterThanEquals", "7", "6", False),
    ("ArnNotEquals", ["arn:a"], "arn:b", True),
])
def test_conditions_hold_as_iam_documents_them(operator, wanted, given, expected):
    assert iam.true_for(operator, wanted, given) is expected


def test_a_condition_that_is_not_known_is_an_error():
    with pytest.raises(iam.UnknownOperator):
        iam.allowed(request(), statement(Condition={"DateLessThan": {"aws:CurrentTime": "x"}}))
