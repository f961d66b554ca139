"""What Terraform hands over and the chart does not take would be ignored by Helm without a word."""

from deploy import chart_values

SCHEMA = {"type": "object", "properties": {
    "domain": {"type": "string", "minLength": 1},
    "redis": {"type": "object", "properties": {"host": {"type": "string", "minLength": 1}, "tls": {"const": True}}},
    "image": {"type": "object", "properties": {"digest": {"type": "string", "minLength": 1}}}}}
DEFAULTS = {"domain": "", "redis": {"host": "", "tls": True}, "image": {"digest": ""}}
GIVEN = {"domain": "portal.example", "redis": {"host": "redis"}}


def test_what_people_decide_may_be_missing_and_nothing_else():
    assert chart_values.findings(GIVEN, DEFAULTS, SCHEMA) == []
    assert chart_values.findings({"domain": "portal.example"}, DEFAULTS, SCHEMA) == ["redis.host: '' should be non-empty"]


def test_a_name_that_the_chart_does_not_know_is_refused():
    found = chart_values.findings({**GIVEN, "rediss": {"host": "x"}}, DEFAULTS, SCHEMA)
    assert found == ["rediss.host is no value of the chart"]


def test_an_unsafe_or_premature_value_is_refused():
    unsafe = {**GIVEN, "redis": {"host": "redis", "tls": False}}
    assert chart_values.findings(unsafe, DEFAULTS, SCHEMA) == ["redis.tls: True was expected"]
    assert chart_values.findings({**GIVEN, "image": {"digest": "x"}}, DEFAULTS, SCHEMA) == ["image.digest is decided by people, not by Terraform"]
