"""The processes of a rendered chart, each with nothing but the variables and files that the chart gives its pod.

Three things differ from a cluster, and only these: a pod has an address of its own, here each replica has a port; AWS's
addresses and credentials come from variables of the AWS SDK, as a cluster gives them too; and files lie below a folder.
"""

import contextlib
import os
import pathlib
import secrets
import ssl
import subprocess
import urllib.parse
import urllib.request

import services
from deploy import chart, image
from deploy import settings as told
from deploy.rollout.mailbox import Mailbox

DOMAIN = "portal.test"
STORE = ("portal", "worker", "tenantAdmin", "migrate")


class Cluster:
    """PostgreSQL, Redis and a key service, and the chart's processes over them."""

    def __init__(self, root, folder, given, notice):
        self.root, self.folder, self.given = root, folder, given
        self.authority = pathlib.Path(given["CLOISTER_TEST_DATABASE_CA"])
        self.mailbox = Mailbox(self.authority.with_name("server.pem"), self.authority.with_name("server.key"))
        self.passwords = {name: secrets.token_hex(16) for name in STORE}
        self.pods = {pod.process: pod for pod in told.pods(self.rendered(notice), self.store())}
        self.running = []

    def rendered(self, notice):
        database = urllib.parse.urlsplit(self.given["CLOISTER_TEST_DATABASE_URL"])
        redis = urllib.parse.urlsplit(self.given["CLOISTER_TEST_REDIS_URL"])
        said = {"domain": DOMAIN, "tenantAdmin.origin": f"https://admin.{DOMAIN}", "network.loadBalancers": "{127.0.0.0/8}",
                "network.operators": "{127.0.0.0/8}", "database.host": "localhost", "database.port": database.port,
                "redis.host": redis.hostname, "redis.port": redis.port, "portal.notice": notice,
                "portal.limits.signedIn": 1000000, "mail.host": "localhost", "mail.port": self.mailbox.port,
                "mail.security": "implicit"}
        given = [part for name, value in said.items() for part in ("--set", f"{name}={value}")]
        authorities = [part for name in ("database", "redis") for part in ("--set-file", f"{name}.authority={self.authority}")]
        return chart.render(self.root, "small", *given, *authorities)

    def store(self):
        """What the secret store holds for the names of values/small.yaml."""
        names = {"portal": "portal", "worker": "worker", "tenantAdmin": "tenant-admin", "migrate": "migrate"}
        held = {}
        for key, name in names.items():
            held[f"cloister/staging/database/{name}", "username"] = name.replace("-", "_")
            held[f"cloister/staging/database/{name}", "password"] = self.passwords[key]
        redis = urllib.parse.urlsplit(self.given["CLOISTER_TEST_REDIS_URL"])
        held["cloister/staging/redis", "password"] = redis.password
        held["cloister/staging/mail", "password"] = "mail-secret"
        return held

    def environment(self, process, more=None, root=None):
        """Variables of a pod, with its files in place: below a folder, or where they belong in a root directory."""
        pod = self.pods[process]
        folder = root or self.folder / process
        inside = "" if root else str(folder)
        place = {path: text.replace("/etc/cloister/", f"{inside}/etc/cloister/") for path, text in pod.files.items()}
        certificate = {"tls.crt": "server.pem", "tls.key": "server.key"}
        place |= {path: self.authority.with_name(certificate[path.rpartition("/")[2]]).read_text() for path in pod.files
                  if path.rpartition("/")[2] in certificate}
        outside = {name: value for name, value in self.given.items() if name.startswith("AWS_")}
        # The mail server's authority; the image trusts what it brings.
        trusted = {} if root else {"SSL_CERT_FILE": str(self.authority)}
        return {"PATH": os.environ["PATH"], **trusted, **outside,
                "AWS_ENDPOINT_URL_KMS": self.given["CLOISTER_TEST_KMS_ENDPOINT"], **pod.placed(folder, place),
                **(pod.variables if root else {}), **(more or {})}

    def prepare_database(self):
        """What docs/deploy.md has its reader do, then the migration job."""
        url = self.given["CLOISTER_TEST_DATABASE_URL"]
        psql = [services.postgres_program("psql"), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
        names = {"migrate_password": "migrate", "portal_password": "portal", "worker_password": "worker",
                 "admin_password": "tenantAdmin"}
        words = [part for name, key in names.items() for part in ("-v", f"{name}={self.passwords[key]}")]
        for arguments in ([url, "-c", "CREATE DATABASE cloister"],
                          [url.rpartition("/")[0] + "/cloister", *words, "-f", str(self.root / chart.CHART / "files/roles.sql")]):
            subprocess.run([*psql, *arguments], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([told.program(self.root, "cloister"), "migrate"], env=self.environment("migrate"), check=True)

    def admin(self, *arguments):
        """`kubectl exec deploy/...-tenant-admin -- cloister-admin ...`"""
        ended = subprocess.run([told.program(self.root, "cloister-admin"), "--json", *arguments], text=True,
                               env=self.environment("tenant-admin", self.operator), capture_output=True, check=False)
        if ended.returncode:
            raise services.ServiceError(f"cloister-admin {' '.join(arguments[:2])}: {ended.stderr.strip()}")
        return ended.stdout

    operator = {}

    def start(self, process, name, more=None, root=None):
        """Starts one replica, in a root directory of its own if there is one; the caller waits for it."""
        port, internal = services.free_port(), services.free_port()
        prefix = "CLOISTER_ADMIN_" if process == "tenant-admin" else "CLOISTER_"
        ports = {f"{prefix}LISTEN": f"127.0.0.1:{port}", f"{prefix}INTERNAL_LISTEN": f"127.0.0.1:{internal}"}
        replica = Replica(self, process, name, port, internal, {**ports, **(more or {})}, root)
        self.running.append(replica)
        return replica

    def stop(self):
        for replica in self.running:
            if replica.process.poll() is None:
                replica.process.kill()
            replica.process.wait()
        self.mailbox.close()


class Replica:
    """One running process."""

    def __init__(self, cluster, process, name, port, internal, more, root):
        self.name, self.port, self.internal = name, port, internal
        self.log = cluster.folder / f"{name}.log"
        program, arguments = {"portal": ("cloister", "serve"), "worker": ("cloister", "work"),
                              "tenant-admin": ("cloister-admin", "serve")}[process]
        command = [*image.entering(root), f"/usr/bin/{program}"] if root else [told.program(cluster.root, program)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, arguments], env=cluster.environment(process, more, root),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.trust = ssl.create_default_context(cafile=cluster.authority)

    def ready(self):
        """What the kubelet and the load balancer ask."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"https://localhost:{self.port}/readyz", timeout=2,
                                                                  context=self.trust) as answer:
            return answer.status == 200
        return False

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.internal}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
