"""Generated calls by everybody against every operation of both OpenAPI documents, by schemathesis.

usage: calls.py [--minutes N] [ROLE...]     without minutes: the short run, the same calls each time
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.append(str(HERE.parent))

import instance  # noqa: E402
import people  # noqa: E402
import services  # noqa: E402

PLATFORM = ROOT / "platform/openapi.json"
OPERATORS = ROOT / "tenant-admin/openapi.json"
# Limits are moved, never switched off: far above what the generator can send.
MANY = "1000000"
LIMITS = ("anonymous", "flow_pages", "signed_in", "bearer", "machine")
SCOPES = ("tenants:read", "tenants:write", "tenants:activate", "baa:write", "owners:invite", "networks:write",
          "hosts:write")
# They end sessions or count failures against the account: tried by somebody whom nobody else's calls need.
ENDINGS = {"sign_out", "revoke_other_sessions", "revoke_session", "step_up_session"}
SEED = 20260301
# One calls while another thinks of what to call with.
AT_ONCE = 3


@dataclasses.dataclass(frozen=True)
class Role:
    """Somebody who calls: with which credentials, which operations, and what share of a long run."""

    name: str
    kind: str
    document: pathlib.Path
    share: int
    chosen: callable = lambda operation_id, schemes: True
    account: tuple = ()
    # What the short run tries, where that is less: who is refused what is the matrix's to show, in tests/.
    short: frozenset = frozenset()


def of_session(operation_id, schemes):
    return "session" in schemes and operation_id not in ENDINGS


ROLES = [
    Role("patient", "session", PLATFORM, 3, of_session, ("patient", 0), frozenset({
        "get_own_record", "list_own_results", "get_own_result", "get_patient_record", "list_sessions"})),
    Role("clinician", "session", PLATFORM, 4, of_session, ("clinician", 0), frozenset({
        "get_panel", "list_patient_results", "get_patient_result", "invite_patient", "list_invitations",
        "revoke_invitation", "list_quarantine", "decide_quarantine", "keep_session_alive"})),
    Role("admin", "session", PLATFORM, 4, of_session, ("admin", 0), frozenset({
        "list_staff", "invite_staff", "list_staff_invitations", "revoke_staff_invitation", "list_machine_clients",
        "register_machine_client", "remove_machine_client", "assign_panel_member", "unassign_panel_member"})),
    Role("ending", "session", PLATFORM, 1, lambda name, _: name in ENDINGS, ("patient", 1)),
    Role("signing-in", "flow", PLATFORM, 2, lambda _, schemes: "flow" in schemes),
    Role("machine", "machine", PLATFORM, 2, lambda _, schemes: "bearer" in schemes or not schemes),
    Role("anonymous", "none", PLATFORM, 2),
    Role("operator", "operator", OPERATORS, 3),
    Role("anonymous-operator", "none", OPERATORS, 1),
]


def operations(role, short):
    """The ids of the operations that a role tries."""
    paths = json.loads(role.document.read_text())["paths"]
    found = [operation for methods in paths.values() for operation in methods.values()]
    schemes = {operation["operationId"]: {name for entry in operation.get("security", []) for name in entry}
               for operation in found}
    if missing := role.short - set(schemes):
        raise ValueError(f"no such operation: {', '.join(sorted(missing))}")
    return [name for name in schemes if role.chosen(name, schemes[name])
            and not (short and role.short and name not in role.short)]


class Place:
    """A seeded instance served by the two programs as production runs them, with limits that let a generator work."""

    def __init__(self, binaries, folder, data, port, password):
        self.binaries, self.folder, self.data, self.port, self.password = binaries, folder, data, port, password
        # The second clinic's admin registers a record system, so that the first one's codes are left to whoever plays her.
        self.clinic, self.other = json.loads((data / "people.json").read_text())["clinics"]
        self.database = f"sqlite://{data / 'cloister.db'}?mode=rw"
        self.admin_origin = f"http://admin.localhost:{port + 1}"

    def common(self):
        return {"TRANSPORT": "loopback", "PROXY__NETWORKS": "127.0.0.1/32", "PROXY__HOPS": "1", "LOG": "warn",
                "DATABASE__URL": self.database, "KEYS__SERVICE": "local", "KEYS__FILE": str(self.data / "keys.json")}

    def platform(self):
        own = {"SIZE": "embedded", "LISTEN": f"127.0.0.1:{self.port}", "INTERNAL_LISTEN": "",
               "PUBLIC__SCHEME": "http", "PUBLIC__PORT": str(self.port), "MAIL__CARRIER": "folder",
               "MAIL__FOLDER": str(self.data / "outbox"), **{f"LIMITS__{name.upper()}": MANY for name in LIMITS}}
        return {f"CLOISTER_{name}": value for name, value in {**self.common(), **own}.items()}

    def operators(self):
        own = {"LISTEN": f"127.0.0.1:{self.port + 1}", "ORIGIN": self.admin_origin, "DOMAIN": "localhost",
               "CALLS_PER_MINUTE": MANY}
        return {f"CLOISTER_ADMIN_{name}": value for name, value in {**self.common(), **own}.items()}

    @contextlib.contextmanager
    def served(self):
        started = []
        try:
            for name, port, settings in (("cloister", self.port, self.platform()),
                                         ("cloister-admin", self.port + 1, self.operators())):
                service = services.Service(name, self.folder, [self.binaries / name, "serve"], environment=settings)
                started.append(service)
                service.wait_until(lambda: services.accepts_connections(port))
            yield started
        finally:
            for service in reversed(started):
                service.stop()

    def account(self, clinic, role, place):
        person = [person for person in clinic["people"] if person["role"] == role][place]
        return {"email": person["email"], "password": self.password, "totp_secret": person["totp_secret"],
                "last_step": instance.last_step(self.data / "cloister.db", clinic["slug"])}

    def record_system(self):
        """Registers a machine client, as a clinic's admin does; its key and id."""
        key, registration = people.new_key()
        admin = people.Person(self.account(self.other, "admin", 0), self.other["console_origin"], self.port,
                                      people.Sources(0), steps_up=True)
        admin.sign_in()
        admin.step_up()
        return key, admin.page.must("POST", "/api/v1/machine-clients", registration)["id"]

    def plan(self, role, number, counts):
        made = {"kind": role.kind, "network": number + 1, "counts": str(counts), "steps_up": role.name == "admin",
                "origin": self.admin_origin if role.document == OPERATORS else self.clinic["portal_origin"],
                "port": self.port + (role.document == OPERATORS)}
        if role.account:
            site = "portal_origin" if role.account[0] == "patient" else "console_origin"
            made |= {"account": self.account(self.clinic, *role.account), "origin": self.clinic[site]}
        if role.kind == "machine":
            made["key"], made["client"] = self.record_system()
            made["origin"] = self.other["portal_origin"]
        if role.kind == "operator":
            scopes = [word for scope in SCOPES for word in ("--scope", scope)]
            made |= {"issue_environment": self.operators(),
                     "issue": [str(self.binaries / "cloister-admin"), "--json", "token", "issue", "--operator",
                               "operator@cloister.example", "--ttl", "12h", *scopes]}
        return made


def arguments_of(role, port, reports, minutes, seed):
    """How schemathesis is called for a role."""
    ids = [word for name in operations(role, not minutes) for word in ("--include-operation-id", name)]
    amount = ["--max-examples", "5", "--generation-deterministic"]  # which keeps no database either
    if minutes:
        total = sum(other.share for other in ROLES)
        seconds = max(30, int(minutes * 60 * AT_ONCE * role.share / total))
        amount = ["--max-examples", "2000", "--generation-database", "none", "--max-time", str(seconds)]
    return ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", str(role.document),
            "--url", f"http://127.0.0.1:{port}", "--seed", str(seed), *amount, *ids, "--no-color",
            "--report", "junit",
            "--report-junit-path", str(reports / f"hostile-{role.name}.xml")]


def table(counts):
    """Calls of each operation by answer, as text: what was called least comes first."""
    rows = [(sum(statuses.values()), operation, statuses) for operation, statuses in counts.items()]
    for total, operation, statuses in sorted(rows):
        shown = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        yield f"{total:>8}  {operation:<62} {shown}"


def add(total, counts):
    for operation, statuses in counts.items():
        kept = total.setdefault(operation, {})
        for status, count in statuses.items():
            kept[status] = kept.get(status, 0) + count


def shortened(text):
    """What was said without the greater part of overlong lines."""
    return "\n".join(line if len(line) < 600 else f"{line[:500]} ... {line[-60:]}" for line in text.splitlines())[-12000:]


def name_cases(report, role):
    """Gives the report's cases their caller's name: one operation is tried by several."""
    if report.exists():
        tree = ElementTree.parse(report)
        for case in tree.getroot().iter("testcase"):
            case.set("classname", f"hostile-{role.name}")
        tree.write(report, encoding="unicode", xml_declaration=True)


def run_role(place, role, number, reports, minutes, seed):
    """Lets one role call; whether nothing was found, and the calls by operation and answer."""
    counts, plan = place.folder / f"{role.name}-counts.json", place.folder / f"{role.name}.json"
    plan.write_text(json.dumps(place.plan(role, number, counts)))
    port = place.port + (role.document == OPERATORS)
    ended = subprocess.run(arguments_of(role, port, reports, minutes, seed), cwd=ROOT, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True,
                           env={**os.environ, "CLOISTER_HOSTILE": str(plan), "PYTHONPATH": str(HERE)})
    name_cases(reports / f"hostile-{role.name}.xml", role)
    counted = json.loads(counts.read_text()) if counts.exists() else {}
    calls = sum(sum(statuses.values()) for statuses in counted.values())
    passed = ended.returncode == 0 and calls > 0
    said = f"    {'passed' if passed else 'FAILED'}  {role.name}  {calls} calls"
    print(said if passed else f"{said}\n{shortened(ended.stdout)}{ended.stderr[-3000:]}", flush=True)
    return passed, counted


def run(names, minutes, binaries, reports, seed):
    """Everybody on one instance, two at a time; true when nothing was found."""
    roles = [role for role in ROLES if not names or role.name in names]
    with tempfile.TemporaryDirectory(prefix="cloister-hostile-") as name:
        folder = pathlib.Path(name)
        with instance.seeded(binaries, folder) as (data, port, demo):
            place = Place(binaries, folder, data, port, instance.password_of(demo.log.read_text()))
        with place.served() as programs, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            ended = list(pool.map(lambda role: run_role(place, role, ROLES.index(role), reports, minutes, seed), roles))
            fallen = [program for program in programs if program.status.exists()]
            for program in programs if fallen or not all(passed for passed, _ in ended) else []:
                print(f"{program.name} {'ended' if program in fallen else 'said'}:\n{program.log_tail()}")
    total = {}
    for _, counts in ended:
        add(total, counts)
    print("\n".join(table(total)), flush=True)
    return not fallen and all(passed for passed, _ in ended)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=0, help="how long, all roles together")
    parser.add_argument("--seed", type=int, help="another seed than the short run's, or than a new one for a long run")
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/bin", help="where the two programs are")
    parser.add_argument("--reports", type=pathlib.Path, default=ROOT / "target/reports")
    parser.add_argument("roles", nargs="*", metavar="ROLE", help=f"any of: {', '.join(role.name for role in ROLES)}")
    given = parser.parse_args()
    if unknown := set(given.roles) - {role.name for role in ROLES}:
        parser.error(f"unknown role: {', '.join(unknown)}")
    given.reports.mkdir(parents=True, exist_ok=True)
    # The programs refuse settings that they do not know, and these are the scripts'.
    for name in [name for name in os.environ if name.startswith("CLOISTER_")]:
        del os.environ[name]
    seed = given.seed or (secrets.randbelow(1 << 32) if given.minutes else SEED)
    print(f"seed {seed}", flush=True)
    try:
        return 0 if run(given.roles, given.minutes, given.binaries.resolve(), given.reports.resolve(), seed) else 1
    except (services.ServiceError, people.SignInFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
