"""Private PostgreSQL, Redis (TLS) and AWS key service for one test run.

Each listens on a random loopback port with throw-away credentials and keeps its files in one temporary
folder. They end when this process ends, however it ends (see crates/testkit/src/lifeline.sh).
"""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

LIFELINE = pathlib.Path(__file__).resolve().parent.parent / "crates/testkit/src/lifeline.sh"
START_SECONDS = 240
IN_MEMORY = pathlib.Path("/dev/shm")
ROOM_IN_MEMORY = 4 << 30


class ServiceError(Exception):
    """A service could not be started; the message says which and why."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def place():
    """Where the services' files go: into memory where there is plenty, as each test makes a database; None for the usual
    temporary folder, also when TMPDIR asks for one."""
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK):
        return None
    system = os.statvfs(IN_MEMORY)
    memory = re.search(r"^MemAvailable: +(\d+) kB$", pathlib.Path("/proc/meminfo").read_text(), re.MULTILINE)
    room = min(system.f_bavail * system.f_frsize, int(memory.group(1)) * 1024 if memory else 0)
    return IN_MEMORY if room >= ROOM_IN_MEMORY else None


class Service:
    """One child process tied to this one by a lifeline."""

    def __init__(self, name, folder, command, signal="TERM", environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        self.status = folder / f"{name}.exit"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", str(LIFELINE), signal, str(self.status), *map(str, command)],
                stdin=subprocess.PIPE, stdout=log, stderr=log, process_group=0,
                env={**os.environ, **(environment or {})},
            )

    def wait_until(self, ready):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.status.exists():
                raise ServiceError(f"{self.name} ended while starting:\n{self.log_tail()}")
            if ready():
                return
            time.sleep(0.05)
        raise ServiceError(f"{self.name} did not answer within {START_SECONDS} s:\n{self.log_tail()}")

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def postgres_program(name):
    """The newest installed PostgreSQL's program: Debian keeps the server's outside the PATH."""
    installed = pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(installed, key=lambda path: int(path.parts[-3]), reverse=True)
    found = newest[0] if newest else shutil.which(name)
    if not found:
        raise ServiceError(f"PostgreSQL's {name} is not installed: run scripts/install services")
    return str(found)


def as_postgres():
    """PostgreSQL refuses to run as root; Debian's package brings a user for it."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


def issue_certificates(folder):
    """A certificate authority of this run and one server certificate for localhost, as PEM files."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.timezone.utc)

    def build(subject, key, issuer, issuer_key, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority = build("Cloister test authority", authority_key, "Cloister test authority", authority_key,
                      [(x509.BasicConstraints(ca=True, path_length=0), True)])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = build("localhost", server_key, "Cloister test authority", authority_key,
                   [(names, False), (x509.BasicConstraints(ca=False, path_length=None), True)])
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem))
    (folder / "server.key").write_bytes(server_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "server.key").chmod(0o600)


def start_postgres(folder):
    data, password = folder / "postgres", secrets.token_hex(16)
    data.mkdir(mode=0o700)
    for name in ("server.pem", "server.key"):
        shutil.copy(folder / name, data / name)
    (data / "password").write_text(password)
    # initdb wants an empty folder: the cluster is one level down, beside its certificate and password.
    if os.geteuid() == 0:
        for path in (data, *data.iterdir()):
            shutil.chown(path, "postgres", "postgres")
    cluster = data / "cluster"
    made = subprocess.run(
        [*as_postgres(), postgres_program("initdb"), "--no-sync", "--auth=scram-sha-256", "--username=postgres",
         f"--pwfile={data / 'password'}", "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={cluster}"],
        capture_output=True, text=True, cwd=data if os.geteuid() else "/")
    if made.returncode:
        raise ServiceError(f"initdb failed:\n{made.stderr[-2000:]}")
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": data, "max_connections": 300,
        "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
        "max_wal_size": "256MB",
        "ssl": "on", "ssl_cert_file": data / "server.pem", "ssl_key_file": data / "server.key",
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    service = Service("postgresql", folder, [*as_postgres(), postgres_program("postgres"), "-D", cluster, *options],
                      signal="QUIT")
    probe = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    service.wait_until(lambda: subprocess.run(probe).returncode == 0)
    return service, {
        "CLOISTER_TEST_DATABASE_URL": f"postgres://postgres:{password}@127.0.0.1:{port}/postgres",
        "CLOISTER_TEST_DATABASE_CA": str(folder / "authority.pem"),
    }


def accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def start_redis(folder):
    program = shutil.which("redis-server")
    if not program:
        raise ServiceError("redis-server is not installed: run scripts/install services")
    port, password = free_port(), secrets.token_hex(16)
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("\n".join([
        "bind 127.0.0.1", "port 0", f"tls-port {port}", "tls-auth-clients no", 'save ""', "appendonly no",
        f"tls-cert-file {folder}/server.pem", f"tls-key-file {folder}/server.key",
        f"tls-ca-cert-file {folder}/authority.pem", f"requirepass {password}", f"dir {folder}", ""]))
    service = Service("redis", folder, [program, configuration])
    service.wait_until(lambda: accepts_connections(port))
    return service, {
        "CLOISTER_TEST_REDIS_URL": f"rediss://default:{password}@localhost:{port}/",
        "CLOISTER_TEST_REDIS_CA": str(folder / "authority.pem"),
    }


def start_key_service(folder):
    program = shutil.which("moto_server")
    if not program:
        raise ServiceError("moto_server is not installed: run scripts/install python")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    service = Service("moto", folder, [program, "-H", "127.0.0.1", "-p", port])

    def answers():
        try:
            with urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    service.wait_until(answers)
    return service, {
        "CLOISTER_TEST_KMS_ENDPOINT": endpoint,
        # Any credentials will do, but never those of a real account that happen to be set.
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "test",
        "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def running():
    """Starts all three and yields the environment that tells the tests where they are."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cloister-services-", dir=place()))
    folder.chmod(0o755)  # PostgreSQL's user has to pass through
    started, environment = [], {}
    try:
        issue_certificates(folder)
        for start in (start_postgres, start_redis, start_key_service):
            service, variables = start(folder)
            started.append(service)
            environment.update(variables)
        yield environment
    finally:
        for service in reversed(started):
            service.stop()
        shutil.rmtree(folder, ignore_errors=True)
