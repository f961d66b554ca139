"""Two replicas and a worker, configured by the chart alone, are replaced one after the other under load."""

import os
import pathlib
import re
import signal
import time

import pytest

import services
from deploy import alerts, image, settings
from deploy.rollout.clinic import found
from deploy.rollout.cluster import Cluster
from deploy.rollout.load import Balancer

ROOT = pathlib.Path(__file__).resolve().parents[3]
NOTICE = 5


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with services.running() as given:
        made = Cluster(ROOT, tmp_path_factory.mktemp("cluster"), given, NOTICE)
        try:
            made.prepare_database()
            yield made
        finally:
            made.stop()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def running(cluster):
    """Two replicas of the portal, a worker, tenant-admin, and a clinic whose owner is signed in."""
    replicas = [cluster.start("portal", "portal-1"), cluster.start("portal", "portal-2")]
    worker, admin = cluster.start("worker", "worker-1"), cluster.start("tenant-admin", "tenant-admin-1")
    for replica in (*replicas, admin):
        until(lambda replica=replica: replica.ready() or replica.process.poll() is not None)
        assert replica.process.poll() is None, replica.tail()
    assert worker.process.poll() is None, worker.tail()
    return cluster, replicas, worker, found(cluster, replicas[0])


def replace(cluster, balancer, old, name):
    """As a Deployment does with maxSurge 1 and maxUnavailable 0."""
    new = cluster.start("portal", name)
    balancer.replicas.append(new)
    balancer.wait_for(new)
    old.process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert old.process.wait(NOTICE + 30) == 0, old.tail()
    assert time.monotonic() - asked >= NOTICE
    balancer.replicas.remove(old)
    return new


def test_a_rolling_restart_fails_no_request(running):
    cluster, replicas, worker, browser = running
    balancer = Balancer(browser, asked_every=1)
    balancer.replicas += replicas
    with balancer:
        time.sleep(2)
        for number, old in enumerate(list(replicas)):
            replicas[number] = replace(cluster, balancer, old, f"portal-{number + 3}")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0, worker.tail()
        cluster.start("worker", "worker-2")
        time.sleep(2)
    by_replica = {name: sum(count for (of, _), count in balancer.answers.items() if of == name)
                  for name in ("portal-1", "portal-2", "portal-3", "portal-4")}
    print(f"{sum(by_replica.values())} requests, 0 of them failed: {by_replica}" if not balancer.failures else "")
    assert not balancer.failures, balancer.failures[:5]
    assert all(count >= 20 for count in by_replica.values()), by_replica


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: changing the root directory needs root")
def test_a_replica_in_the_images_own_root_becomes_ready(running, tmp_path):
    cluster, *_ = running
    inside = tmp_path / "root"
    inside.mkdir(mode=0o755)
    image.assemble(ROOT, inside, settings.program(ROOT, "cloister"))
    # What the kubelet puts into every container.
    (inside / "etc/hosts").write_text("127.0.0.1 localhost\n")
    replica = cluster.start("portal", "portal-image", root=inside)
    until(lambda: replica.ready() or replica.process.poll() is not None)
    assert replica.process.poll() is None, replica.tail()
    replica.process.kill()


def test_the_probe_of_helm_test_tells_ready_misdirected_and_closed_apart(running):
    cluster, replicas, *_ = running

    def probe(path, expected, port=replicas[0].port):
        asked = ["probe", "--authority", str(cluster.authority), f"https://localhost:{port}{path}", "--expect", expected]
        return settings.run(ROOT, "cloister", asked, {})[0] == 0

    assert probe("/readyz", "200") and probe("/", "421") and probe("/", "unreachable", services.free_port())
    assert not probe("/readyz", "421") and not probe("/", "unreachable")
    assert not probe("/readyz", "200", services.free_port())


def test_a_service_shows_the_metrics_that_are_listed_and_no_others(running):
    cluster, replicas, _, browser = running
    browser.replica = replicas[0]
    browser.look_at_session()
    worker = next(replica for replica in cluster.running if replica.name == "worker-2")
    until(lambda: worker.process.poll() is not None or "working" in worker.log.read_text())
    until(lambda: "worker_turns_total 0" not in worker.metrics())
    admin = next(replica for replica in cluster.running if replica.name == "tenant-admin-1")
    for process, replica in (("portal", replicas[0]), ("worker", worker), ("tenant-admin", admin)):
        text = replica.metrics()
        assert described(text) == {(row["metric"], "(histogram:" in row["meaning"]) for row in alerts.listed(ROOT)
                                   if row["process"] == process}, process
        # Words of the code alone: no clinic, no person, no address.
        labels = {label for line in text.splitlines() for label in re.findall(r'[{,](\w+)="', line)}
        assert labels <= {"method", "route", "status", "le", "kind", "outcome", "chore"}, process


def described(text):
    """Names in Prometheus' text format, and which of them are histograms."""
    return {(line.split()[2], line.split()[3] == "histogram") for line in text.splitlines() if line.startswith("# TYPE")}


def test_the_load_notices_a_replica_that_leaves_without_notice(running):
    cluster, replicas, _, browser = running
    hasty = cluster.start("portal", "portal-hasty", {"CLOISTER_SHUTDOWN__NOTICE": "0"})
    until(lambda: hasty.ready() or hasty.process.poll() is not None)
    # It looks once, so it is not told in time by chance.
    balancer = Balancer(browser, asked_every=3600)
    balancer.replicas += [replicas[0], hasty]
    with balancer:
        time.sleep(1)
        hasty.process.send_signal(signal.SIGTERM)
        hasty.process.wait(60)
        time.sleep(1)
    assert any("portal-hasty" in cause for _, cause in balancer.failures)
