"""The Helm chart: that it lints and renders, that Kubernetes would take what comes out, and that it is shut where it must be."""

import ipaddress
import pathlib
import tempfile

import yaml

from deploy import tools
from deploy.outcome import Refused

CHART = pathlib.Path("helm/cloister")
SIZES = ("small", "production", "bring-your-own")
# The oldest that the chart says it works with, and the newest whose schemas are at hand.
KUBERNETES = ("1.30", "1.37")
# The port that shows counts and nothing else.
METRICS = 9090
# Kinds of operators in the cluster, for which no schema can be had here: the check says how many it did not see into.
FOREIGN = {"external-secrets.io/v1/ExternalSecret", "cert-manager.io/v1/Certificate",
           "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule"}


def helm(*arguments):
    return tools.call(tools.of_chart("helm"), *arguments, environment={"HELM_CACHE_HOME": "/nonexistent"})


def values(root, size):
    return root / CHART / "values" / f"{size}.yaml"


def render(root, size, *more):
    """What Helm makes of a value file, as one list of documents."""
    code, output = helm("template", "cloister", root / CHART, "--namespace", "cloister", "--values", values(root, size), *more)
    if code:
        raise Refused(f"{size}: helm template:\n{output.strip()[-3000:]}")
    return [document for document in yaml.safe_load_all(output) if document]


def check_lint(root):
    """`helm lint --strict` with each value file; the schema is asked along the way."""
    problems = []
    for size in SIZES:
        code, output = helm("lint", "--strict", root / CHART, "--values", values(root, size))
        if code or "1 chart(s) linted, 0 chart(s) failed" not in output:
            problems.append(f"{size}:\n{output.strip()}")
    if problems:
        raise Refused("\n\n".join(problems))


def check_kubernetes(root, sizes=SIZES, versions=KUBERNETES):
    """Kubernetes' own schemas, strictly: a field that does not exist is refused."""
    problems, files = [], []
    with tempfile.TemporaryDirectory(prefix="cloister-chart-") as place:
        for size in sizes:
            for document in render(root, size):
                if f"{document['apiVersion']}/{document['kind']}" not in FOREIGN:
                    files.append(pathlib.Path(place) / f"{size}-{document['kind']}-{document['metadata']['name']}.yaml")
                    files[-1].write_text(yaml.safe_dump(document), encoding="utf-8")
        for version in versions:
            code, output = tools.call(tools.of_chart("kubernetes-validate"), "--strict", "--quiet", "-k", version, *files)
            if code or output.strip():
                problems.append(f"Kubernetes {version}:\n{output.strip()[-3000:]}")
    if problems:
        raise Refused("\n".join(problems))


def check_walls(root):
    """Pods without rights, networks that are closed but for what is named, and enough replicas."""
    problems = [f"{size}: {problem}" for size in SIZES for problem in walls(render(root, size), size != "small")]
    if problems:
        raise Refused("\n".join(problems))


def walls(documents, production=True):
    """Everything about these documents that stands open."""
    templates = list(pod_templates(documents))
    if not templates:
        return ["there are no pods"]
    found = []
    for name, metadata, spec in templates:
        found += [f"{name}: {problem}" for problem in pod_problems(spec)]
    found += network_problems(documents, templates) + availability_problems(documents, production)
    return found + secrets_in_clear(documents) + ingress_problems(documents)


def pod_templates(documents):
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        if document["kind"] == "Pod":
            yield name, document["metadata"], document["spec"]
        elif template := document.get("spec", {}).get("template"):
            if "containers" in template.get("spec", {}):
                yield name, template["metadata"], template["spec"]


def pod_problems(spec):
    pod = spec.get("securityContext") or {}
    found = [f"{field} must be {wanted}" for field, wanted in
             (("automountServiceAccountToken", False), ("enableServiceLinks", False)) if spec.get(field) is not wanted]
    found += [f"{field} is not allowed" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
        found.append("runs as root")
    if (pod.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        found.append("has no seccomp profile")
    found += [f"mounts a folder of the host: {volume['name']}" for volume in spec.get("volumes", []) if "hostPath" in volume]
    for container in spec["containers"] + spec.get("initContainers", []):
        found += [f"{container['name']} {problem}" for problem in container_problems(container)]
    return found


def container_problems(container):
    context = container.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    resources = container.get("resources") or {}
    rules = (
        (context.get("runAsNonRoot") is True and context.get("runAsUser") != 0, "runs as root"),
        (context.get("allowPrivilegeEscalation") is False, "may gain privileges"),
        (not context.get("privileged"), "is privileged"),
        (context.get("readOnlyRootFilesystem") is True, "may write to its root"),
        (capabilities.get("drop") == ["ALL"] and not capabilities.get("add"), "keeps capabilities"),
        ("memory" in (resources.get("limits") or {}), "has no limit of memory"),
        ("cpu" in (resources.get("requests") or {}), "asks for no share of the processor"),
        ("@sha256:" in container["image"], "has an image without a digest"),
    )
    return [text for good, text in rules if not good]


def network_problems(documents, templates):
    policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
    found = []
    if not any(not policy["spec"]["podSelector"] and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
               and not policy["spec"].get("ingress") and not policy["spec"].get("egress") for policy in policies):
        found.append("no NetworkPolicy refuses everything")
    for policy in policies:
        name = f"NetworkPolicy/{policy['metadata']['name']}"
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                found += [f"{name}: {problem}" for problem in rule_problems(direction, rule, side)]
    for name, metadata, _ in templates:
        labels = metadata.get("labels", {}).items()
        mine = [policy for policy in policies if policy["spec"]["podSelector"]
                and policy["spec"]["podSelector"]["matchLabels"].items() <= labels]
        if len(mine) != 1:
            found.append(f"{name}: {len(mine)} NetworkPolicies are about it, instead of one")
        elif labels >= {("app.kubernetes.io/component", "tenant-admin")}:
            for rule in mine[0]["spec"].get("ingress", []):
                if [port["port"] for port in rule.get("ports", [])] == [METRICS]:
                    continue
                if any(set(peer) != {"ipBlock"} for peer in rule.get("from", [])):
                    found.append(f"{name}: somebody else than the operators' network may call it")
    return found


def rule_problems(direction, rule, side):
    peers = rule.get(side)
    if not peers:
        return [f"{direction} with everybody"]
    found = [] if rule.get("ports") else [f"{direction} on every port"]
    for peer in peers:
        if "ipBlock" in peer and ipaddress.ip_network(peer["ipBlock"]["cidr"], strict=False).prefixlen == 0:
            found.append(f"{direction} with the whole internet")
        if peer.get("namespaceSelector", True) in ({}, None):
            found.append(f"{direction} with every namespace")
    return found


def availability_problems(documents, production):
    guarded = [document["spec"]["selector"]["matchLabels"] for document in documents
               if document["kind"] == "PodDisruptionBudget"]
    found = []
    for deployment in (document for document in documents if document["kind"] == "Deployment"):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        pod = spec["template"]["spec"]
        if spec["selector"]["matchLabels"] not in guarded:
            found.append(f"{name}: no PodDisruptionBudget")
        if production and spec.get("replicas", 2) < 2:
            found.append(f"{name}: one replica")
        if {constraint["topologyKey"] for constraint in pod.get("topologySpreadConstraints", [])} != {
                "topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            found.append(f"{name}: replicas are not spread over zones and hosts")
        for container in pod["containers"]:
            found += [f"{name}: no {probe}" for probe in ("readinessProbe", "livenessProbe", "startupProbe")
                      if probe not in container]
    return found


def secrets_in_clear(documents):
    words = ("PASSWORD", "SECRET", "TOKEN", "DATABASE__URL", "REDIS__URL")
    return [f"ConfigMap/{document['metadata']['name']}: {name} belongs into a Secret" for document in documents
            if document["kind"] == "ConfigMap" for name in document.get("data", {})
            if any(word in name for word in words) and not name.endswith("_FILE")]


def ingress_problems(documents):
    found = []
    for ingress in (document for document in documents if document["kind"] == "Ingress"):
        name, annotations = ingress["metadata"]["name"], ingress["metadata"].get("annotations", {})
        if ingress["spec"]["ingressClassName"] != "alb":
            continue
        about = {key.removeprefix("alb.ingress.kubernetes.io/"): value for key, value in annotations.items()}
        if about.get("backend-protocol") != "HTTPS" or about.get("healthcheck-protocol") != "HTTPS":
            found.append(f"{name}: not encrypted on the way to the pods")
        if "TLS13" not in about.get("ssl-policy", ""):
            found.append(f"{name}: an old TLS policy")
        if '"HTTP": 80' in about.get("listen-ports", "") and about.get("ssl-redirect") != "443":
            found.append(f"{name}: plain HTTP is served")
        if name.endswith("tenant-admin") and about.get("scheme") != "internal":
            found.append(f"{name}: the operators' API stands on the internet")
    return found


def check_checkov(root):
    """checkov's rules for Kubernetes over what the value file for production gives."""
    with tempfile.TemporaryDirectory(prefix="cloister-checkov-") as place:
        for document in render(root, "production"):
            file = pathlib.Path(place) / f"{document['kind']}-{document['metadata']['name']}.yaml"
            file.write_text(yaml.safe_dump(document), encoding="utf-8")
        tools.checkov(place, "kubernetes", root / "scripts/deploy/checkov-kubernetes.txt")
