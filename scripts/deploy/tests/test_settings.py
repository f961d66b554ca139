"""Settings that the chart gets wrong are caught, by the programs' own tables or by their own reading."""

import os
import pathlib
import shutil

import pytest

from deploy import chart, settings
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    if "CLOISTER_TEST_BINARIES" not in os.environ:
        monkeypatch.setenv("CLOISTER_TEST_BINARIES", str(ROOT / "target/bin"))
    shutil.copytree(ROOT / chart.CHART, tmp_path / chart.CHART)
    return tmp_path


FAULTS = [
    ("_settings.tpl", "CLOISTER_LOG: {{ .Values.portal.log", "CLOISTER_LOGS: {{ .Values.portal.log", "CLOISTER_LOGS is not a setting"),
    ("_settings.tpl", "CLOISTER_ADMIN_LOG:", "CLOISTER_LOG:", "tenant-admin: CLOISTER_LOG is not a setting"),
    ("_settings.tpl", "CLOISTER_REDIS__URL_FILE: /etc/cloister/secrets/redis-url\n", "", "CLOISTER_REDIS__URL (redis.url) is needed"),
    ("_settings.tpl", "CLOISTER_MAIL__HOST: {{ .Values.mail.host | quote }}\n", "", "CLOISTER_MAIL__HOST (mail.host) is needed"),
    ("_settings.tpl", "CLOISTER_ADMIN_DOMAIN: {{ .Values.domain | quote }}\n", "", "CLOISTER_ADMIN_DOMAIN is needed"),
    ("_settings.tpl", "CLOISTER_TLS__KEY: /etc", "CLOISTER_TLS__CHAIN: /etc", "CLOISTER_TLS__CHAIN is not a setting"),
    ("_settings.tpl", "CLOISTER_MAIL__PASSWORD_FILE:", "CLOISTER_MAIL__PASSWORD:", "CLOISTER_MAIL__PASSWORD is a secret and no file"),
    ("_settings.tpl", "database-url\n{{- end }}", "database-address\n{{- end }}", "is mounted by nobody"),
    ("_settings.tpl", '"flowPages" "FLOW_PAGES"', '"flowPages" "PAGES"', "CLOISTER_LIMITS__PAGES is not a setting"),
    ("secrets.yaml", "rediss://", "redis://", "must begin with rediss://"),
    ("secrets.yaml", "sslmode={{ $.Values.database.tls }}", "sslmode=require", "sslmode=verify-full"),
    ("secrets.yaml", "{{ .redisPassword | urlquery }}", "{{ .redisPassword | b64enc }}", "nobody fills redis-url"),
    ("_settings.tpl", "CLOISTER_KEYS__SERVICE: {{ .Values.keys.service }}", "CLOISTER_KEYS__SERVICE: local", "CLOISTER_KEYS__SERVICE"),
]


@pytest.mark.parametrize("file, old, new, expected", FAULTS, ids=[expected for *_, expected in FAULTS])
def test_what_a_program_would_not_start_with_is_refused(copy, file, old, new, expected):
    path = copy / chart.CHART / "templates" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(Refused) as caught:
        settings.check(copy, ["production"])
    assert expected in str(caught.value), str(caught.value)


def test_policies_of_keys_that_the_program_would_not_take_are_refused(copy):
    path = copy / chart.CHART / "templates/settings.yaml"
    text = path.read_text()
    assert '"tenant-log": {{' in text
    path.write_text(text.replace('"tenant-log": {{', '"tenantLog": {{'))
    with pytest.raises(Refused, match="CLOISTER_ADMIN_KEYS__POLICIES does not hold a policy each"):
        settings.check(copy, [])


def test_a_name_that_terraform_invents_is_refused(copy):
    (copy / "terraform").mkdir()
    (copy / "terraform/x.tf").write_text('output "x" { value = "CLOISTER_DATABASE__URI" }')
    with pytest.raises(Refused, match="terraform/x.tf: CLOISTER_DATABASE__URI is not a setting"):
        settings.check(copy, ["production"])
