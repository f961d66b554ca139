"""A seeded instance of the embedded size for tests from outside: `cloister demo` on free ports in a temporary folder."""

import contextlib
import json
import pathlib
import re
import socket
import sqlite3
import tempfile
import time
import urllib.request

import services

SEED_SECONDS = 300


def two_free_ports():
    """Two ports in a row: the clinics' sites take the first, the operators' API the second."""
    for _ in range(50):
        port = services.free_port()
        with contextlib.suppress(OSError), socket.socket() as second:
            second.bind(("127.0.0.1", port + 1))
            return port
    raise services.ServiceError("no two free ports in a row")


def healthy(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": f"lakeside.localhost:{port}"})
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=2) as answer:
        return answer.status == 200
    return False


def is_ready(port, data, log):
    """Whether the demo says that it is ready. Its /healthz must not before there is somebody to sign in as."""
    if not healthy(port):
        return False
    if not (data / "people.json").exists():
        raise services.ServiceError("/healthz answers 200 before anybody can sign in")
    return "Ready." in log.read_text()


def password_of(log):
    """The demo prints one password for everybody, on a line of its own."""
    found = re.search(r"password is:\s*\n\s+(\S.*)\n", log)
    if not found:
        raise services.ServiceError("the demo did not print its password")
    return found.group(1).strip()


def last_step(database, slug):
    """The last time step of a code that the seeding used in a clinic: a code is good once."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT max(c.totp_last_step) FROM credentials c "
                                   "JOIN tenants t ON t.id = c.tenant_id WHERE t.slug = ?", (slug,)).fetchone()
    if found[0] is None:
        raise services.ServiceError(f"nobody of {slug} has an authenticator app")
    return found[0]


def fixture(people, password, last_step_of):
    """What tests/browser/support/fixture.ts reads: the first clinic, two patients, one sign-in of each other kind."""
    clinic = people["clinics"][0]
    step = last_step_of(clinic["slug"])

    def account(role, place=0):
        person = [person for person in clinic["people"] if person["role"] == role][place]
        return {"email": person["email"], "password": password, "totp_secret": person["totp_secret"],
                "last_step": step}

    return {"portal_origin": clinic["portal_origin"], "console_origin": clinic["console_origin"],
            "other_patient": account("patient", 1),
            **{role: account(role) for role in ("patient", "clinician", "admin")}}


@contextlib.contextmanager
def seeded(binaries, folder):
    """Seeds an instance in a folder; yields its data, its port and the program, which runs until the end of the block."""
    data, port = folder / "data", two_free_ports()
    demo = services.Service("demo", folder, [binaries / "cloister", "demo", "--port", port, "--data", data])
    try:
        deadline = time.monotonic() + SEED_SECONDS
        while not is_ready(port, data, demo.log):
            if demo.status.exists() or time.monotonic() > deadline:
                raise services.ServiceError(f"the demo did not become ready:\n{demo.log_tail()}")
            time.sleep(0.2)
        yield data, port, demo
    finally:
        demo.stop()


@contextlib.contextmanager
def running(binaries):
    """Seeds an instance and yields the path of its fixture file."""
    with tempfile.TemporaryDirectory(prefix="cloister-journeys-") as name:
        folder = pathlib.Path(name)
        with seeded(binaries, folder) as (data, _, demo):
            written = folder / "fixture.json"
            people = json.loads((data / "people.json").read_text())
            written.write_text(json.dumps(fixture(people, password_of(demo.log.read_text()),
                                                  lambda slug: last_step(data / "cloister.db", slug))))
            yield written
