"""Faults planted into copies of the chart: each is caught by the check that is there for it."""

import json
import pathlib
import shutil

import pytest

from deploy import alerts, chart
from deploy.outcome import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
TEMPLATES = chart.CHART / "templates"


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / chart.CHART, tmp_path / chart.CHART)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/deploy.md", tmp_path / "docs/deploy.md")
    return tmp_path


def plant(copy, file, old, new):
    path = copy / file
    text = path.read_text()
    assert old in text, f"{old} is not in {file}"
    path.write_text(text.replace(old, new, 1))


def refusal(check, copy):
    with pytest.raises(Refused) as caught:
        check(copy)
    return str(caught.value)


@pytest.mark.parametrize("file, old, new, expected", [
    ("_pod.tpl", "runAsUser: 65532", "runAsUser: 0", "runs as root"),
    ("_pod.tpl", "  runAsNonRoot: true\n  capabilities", "  capabilities", "runs as root"),
    ("_pod.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "may write to its root"),
    ("_pod.tpl", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "may gain privileges"),
    ("_pod.tpl", "drop: [ALL]", "drop: [NET_RAW]", "keeps capabilities"),
    ("_pod.tpl", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "automountServiceAccountToken"),
    ("_pod.tpl", "enableServiceLinks: false", "enableServiceLinks: true", "enableServiceLinks"),
    ("worker.yaml", "        - name: authorities\n", "        - name: host\n          hostPath: {path: /}\n        - name: authorities\n",
     "mounts a folder of the host"),
    ("network-policies.yaml", "podSelector: {}\n  policyTypes: [Ingress, Egress]",
     "podSelector: {}\n  policyTypes: [Ingress]", "no NetworkPolicy refuses everything"),
    ("network-policies.yaml", "    # The operators' network alone: not the portal, not Prometheus, not `helm test`.\n    - from:",
     "    - from:\n        - podSelector: {}\n      ports:\n        - {port: 8443}\n    - from:", "somebody else than the operators' network"),
    ("network-policies.yaml", "    # The counts alone, which stand on a port of their own.\n",
     "    - from:\n        - namespaceSelector: {matchLabels: {a: b}}\n      ports:\n        - {port: 9090}\n        - {port: 8443}\n",
     "somebody else than the operators' network"),
    ("network-policies.yaml", '{{- include "cloister.ingress.metrics" . | nindent 4 }}', "- ports: [{port: 9090}]",
     "ingress with everybody"),
    ("network-policies.yaml", "- ipBlock: {cidr: {{ . }}}", "- ipBlock: {cidr: 0.0.0.0/0}", "with the whole internet"),
    ("availability.yaml", 'list "portal" "worker" "tenant-admin"', 'list "portal" "worker"', "no PodDisruptionBudget"),
    ("worker.yaml", "replicas: {{ .Values.worker.replicas }}", "replicas: 1", "one replica"),
    ("portal.yaml", "          livenessProbe:", "          readinessProbe:", "no livenessProbe"),
    ("_settings.tpl", "CLOISTER_MAIL__PASSWORD_FILE: /etc", "CLOISTER_MAIL__PASSWORD: /etc", "belongs into a Secret"),
    ("ingress.yaml", "backend-protocol: HTTPS", "backend-protocol: HTTP", "not encrypted on the way to the pods"),
    ("ingress.yaml", "scheme: internal\n", "scheme: internet-facing\n", "stands on the internet"),
    ("ingress.yaml", '    alb.ingress.kubernetes.io/ssl-redirect: "443"\n', "", "plain HTTP is served"),
])
def test_what_stands_open_is_refused(copy, file, old, new, expected):
    plant(copy, TEMPLATES / file, old, new)
    assert expected in "\n".join(chart.walls(chart.render(copy, "production")))


def test_the_walls_of_every_size_are_looked_at(copy):
    plant(copy, chart.CHART / "values/small.yaml", "  digest: sha256:" + 64 * "0", "  tag: newest")
    assert "small" in refusal(chart.check_walls, copy)


@pytest.mark.parametrize("file, old, new", [
    ("portal.yaml", "terminationGracePeriodSeconds:", "terminationGraceSeconds:"),
    ("portal.yaml", "failureThreshold: 30", 'failureThreshold: "thirty"'),
    ("availability.yaml", "maxUnavailable: 1", "maxUnavailble: 1"),
])
def test_fields_that_kubernetes_does_not_know_are_refused(copy, file, old, new):
    plant(copy, TEMPLATES / file, old, new)
    assert refusal(production_alone, copy)


def production_alone(copy):
    chart.check_kubernetes(copy, ["production"], ["1.34"])


def test_a_kind_that_nobody_knows_is_refused(copy):
    plant(copy, TEMPLATES / "availability.yaml", "kind: PodDisruptionBudget", "kind: PodDisruptionBuget")
    assert "PodDisruptionBuget" in refusal(production_alone, copy)


def test_checkov_sees_a_container_that_runs_as_root(copy):
    plant(copy, TEMPLATES / "_pod.tpl", "  runAsNonRoot: true\n  runAsUser: 65532", "  runAsNonRoot: false\n  runAsUser: 0")
    plant(copy, TEMPLATES / "_pod.tpl", "  runAsNonRoot: true\n  capabilities", "  runAsNonRoot: false\n  capabilities")
    (copy / "scripts/deploy").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/deploy/checkov-kubernetes.txt", copy / "scripts/deploy")
    assert "CKV_K8S_23" in refusal(chart.check_checkov, copy)


def test_a_template_that_does_not_render_is_refused(copy):
    plant(copy, TEMPLATES / "portal.yaml", "{{ .Release.Namespace }}", "{{ .Releas.Namespace }}")
    assert refusal(chart.check_lint, copy)


UNSAFE = [
    ("worker.replicas=1", "worker/replicas"),
    ("tenantAdmin.replicas=1", "tenantAdmin/replicas"),
    ("portal.autoscaling.min=1", "autoscaling/min"),
    ("portal.autoscaling.enabled=false,portal.replicas=1", "portal/replicas"),
    ("portal.notice=0", "portal/notice"),
    ("keys.service=local", "keys"),
    ("keys.policies.tenant=anybody", "policies"),
    ("keys.multiRegion=false", "multiRegion"),
    ('keys.policies.tenant={"Statement":[]}', "policies"),
    ("redis.tls=false", "redis"),
    ("database.tls=disable", "database"),
    ("database.authority=none", "authority"),
    ("tls.oldest=1.1", "oldest"),
    ("tls.issuer.name=", "tls"),
    ("mail.security=loopback", "mail"),
    ("image.digest=", "digest"),
    ("image.tag=latest", "tag"),
    ("aws.roles.portal=", "portal"),
    ("aws.kmsEndpoint=http://kms.example", "kmsEndpoint"),
    ("tenantAdmin.origin=http://admin.portal.example", "origin"),
    ("network.operators={0.0.0.0/0}", "operators"),
    ("network.operators=null", "operators"),
    ("network.data={10.0.0.0/0}", "data"),
    ("secrets.remote.redis=", "redis"),
    ("ingress.sslPolicy=ELBSecurityPolicy-2016-08", "sslPolicy"),
    (r"ingress.annotations.alb\.ingress\.kubernetes\.io/backend-protocol=HTTP", "backend-protocol"),
    ("ingress.certificates=null", "certificates"),
    ("worker.replicas=null", "replicas"),
    ("monitoring.enabled=false", "monitoring"),
    ("portal.replica=5", "replica"),
]


@pytest.mark.parametrize("setting, named", UNSAFE, ids=[setting for setting, _ in UNSAFE])
def test_unsafe_values_are_refused_by_the_schema(setting, named):
    with pytest.raises(Refused) as caught:
        chart.render(ROOT, "production", "--set", setting)
    said = str(caught.value)
    assert "schema" in said and named in said, said


def test_an_alert_on_a_metric_that_nobody_exports_is_refused(copy):
    plant(copy, alerts.FILES / "alerts.yaml", "http_requests_in_flight{", "http_requests_inflight{")
    assert "there is no metric http_requests_inflight" in refusal(alerts.check_metrics, copy)


def test_a_panel_on_a_metric_that_nobody_exports_is_refused(copy):
    file = copy / alerts.FILES / "dashboards/portal.json"
    board = json.loads(file.read_text())
    board["panels"][0]["targets"][0]["expr"] = "sum(rate(sign_ins_total[5m]))"
    file.write_text(json.dumps(board))
    assert "there is no metric sign_ins_total" in refusal(alerts.check_metrics, copy)


def test_an_alert_on_the_parts_of_what_is_no_histogram_is_refused(copy):
    plant(copy, alerts.FILES / "alerts.yaml", "jobs_lateness_seconds{", "jobs_lateness_seconds_sum{")
    assert "there is no metric jobs_lateness_seconds_sum" in refusal(alerts.check_metrics, copy)


def test_an_alert_that_leads_nowhere_is_refused(copy):
    plant(copy, alerts.FILES / "alerts.yaml", "#answers-fail", "#answers-are-wrong")
    assert "no heading #answers-are-wrong" in refusal(alerts.check_metrics, copy)


@pytest.mark.parametrize("old, new, expected", [
    ("> 0.01", "> 0.05", "CloisterErrors"),
    ("for: 2m", "for: 20m", "CloisterPortalDown"),
    ("sum by (instance) (rate(", "sum by (instance) (rate(rate(", "promtool check"),
    ("- alert: CloisterFull", "- alert: CloisterFuller", "CloisterFull"),
])
def test_a_rule_that_fires_otherwise_than_its_test_says_is_refused(copy, old, new, expected):
    plant(copy, alerts.FILES / "alerts.yaml", old, new)
    assert expected in refusal(alerts.check_rules, copy)


def test_an_alert_without_a_test_is_refused(copy):
    plant(copy, alerts.FILES / "alerts.test.yaml", "alertname: CloisterFlood", "alertname: CloisterFull")
    assert refusal(alerts.check_rules, copy)


def test_names_of_metrics_are_told_from_labels_and_functions():
    expression = 'histogram_quantile(0.99, sum by (le) (rate(a_seconds_bucket{job="x", le=~"b.c"}[5m]))) / on (job) group_left b:c_total > 1e3 # d'
    assert alerts.metrics_in(expression) == {"a_seconds_bucket", "b:c_total"}
