"""What IAM would decide: as much of its evaluation as the policies of terraform/modules/keys/policies use.

A deny anywhere wins; a key that delegates to the account needs the role's own policy to allow; a key with a policy of its
own needs both. An operator of a condition that this module does not know is an error, never a match.
"""

import fnmatch


class UnknownOperator(Exception):
    """A policy uses a condition that cannot be judged here."""


def listed(value):
    return value if isinstance(value, list) else [value]


def like(pattern, text):
    """IAM's wildcards are `*` and `?`; brackets mean themselves."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def true_for(operator, wanted, given):
    """One condition operator on one key; `given` is None where the request has no such key."""
    name, if_exists = (operator[:-len("IfExists")], True) if operator.endswith("IfExists") else (operator, False)
    wanted = [str(value) for value in listed(wanted)]
    if name == "Null":
        return (given is None) == (wanted == ["true"])
    compare = {"StringEquals": str.__eq__, "StringLike": like, "ArnEquals": like, "ArnLike": like, "Bool": str.__eq__,
               "NumericGreaterThanEquals": lambda limit, number: float(number) >= float(limit)}
    negated = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotEquals": "ArnEquals",
               "ArnNotLike": "ArnLike"}
    if name in negated:
        return given is None or not any(compare[negated[name]](value, given) for value in wanted)
    if name not in compare:
        raise UnknownOperator(operator)
    if given is None:
        return if_exists
    return any(compare[name](value, given) for value in wanted)


def principal_matches(statement, caller):
    """A statement of a key's policy names principals; one of an identity policy does not."""
    if "Principal" not in statement:
        return True
    named = listed(statement["Principal"]["AWS"])
    account = caller.split(":")[4]
    return caller in named or f"arn:aws:iam::{account}:root" in named


def applies(statement, request):
    return (any(like(action, request["action"]) for action in listed(statement["Action"]))
            and any(like(resource, request["resource"]) for resource in listed(statement["Resource"]))
            and principal_matches(statement, request["caller"])
            and all(true_for(operator, value, request["context"].get(key))
                    for operator, block in statement.get("Condition", {}).items() for key, value in block.items()))


def verdict(policy, request):
    """`Deny`, `Allow`, or nothing said."""
    effects = {statement["Effect"] for statement in (policy or {}).get("Statement", []) if applies(statement, request)}
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else None


def allowed(request, identity, key_policy=None, guardrail=None):
    """Whether the call goes through. Without a policy of its own a key leaves it to the account."""
    verdicts = [verdict(identity, request), "Allow" if key_policy is None else verdict(key_policy, request)]
    if guardrail is not None and verdict(guardrail, request) == "Deny":
        return False
    return verdicts == ["Allow", "Allow"]
