"""Hooks of schemathesis: who makes the generated calls, what every answer must carry, and how many calls there were.

CLOISTER_HOSTILE names a JSON file that says who calls and where; calls.py writes it."""

import atexit
import collections
import json
import os
import pathlib
import re
import subprocess
import zlib

import people
import schemathesis

PLAN = json.loads(pathlib.Path(os.environ["CLOISTER_HOSTILE"]).read_text())
SECURITY_HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy",
                    "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy")
# Where ids are read that calls may name: a call with an id of nothing reaches little.
LISTS = {"session": ("/api/v1/record", "/api/v1/record/results", "/api/v1/panel", "/api/v1/staff"),
         "operator": ("/v1/tenants",)}
OF_LIST = {"/api/v1/record": "patient_id", "/api/v1/record/results": "result_id", "/api/v1/panel": "patient_id",
           "/api/v1/staff": "user_id", "/v1/tenants": "tenant_id"}
counted = collections.defaultdict(collections.Counter)
sources = people.Sources(PLAN["network"])


class Operator:
    """Bearer tokens of an operator, issued on the host."""

    def __init__(self):
        self.token = None

    def access_token(self):
        if self.token is None:
            issued = subprocess.run(PLAN["issue"], env={**os.environ, **PLAN["issue_environment"]}, check=True,
                                    capture_output=True, text=True)
            self.token = json.loads(issued.stdout)["token"]
        return self.token

    def refused(self, status, code):
        if status == 401:
            self.token = None


def caller():
    origin, port = PLAN["origin"], PLAN["port"]
    if PLAN["kind"] == "session":
        return people.Person(PLAN["account"], origin, port, sources, PLAN["steps_up"])
    if PLAN["kind"] == "machine":
        return people.RecordSystem(origin, port, sources, PLAN["key"], PLAN["client"])
    if PLAN["kind"] == "operator":
        return Operator()
    return people.Flows(origin, port, sources) if PLAN["kind"] == "flow" else None


CALLER = caller()


def read(path):
    """What the caller's page shows."""
    if PLAN["kind"] == "session":
        return CALLER.ready(path)[0].send("GET", path)[1]
    page = people.Page(PLAN["origin"], PLAN["port"], sources)
    return page.send("GET", path, bearer=CALLER.access_token())[1]


def known_ids():
    """Ids that exist, by the name of the path parameter that takes them."""
    found = collections.defaultdict(list)
    for path in LISTS.get(PLAN["kind"], ()):
        shown = read(path) or {}
        rows = shown.get("items", [shown])
        found[OF_LIST[path]] += [row[name] for row in rows for name in ("id", OF_LIST[path]) if row.get(name)][:20]
    return found


KNOWN = known_ids()


@schemathesis.hook
def map_path_parameters(_context, path_parameters):
    """Two of three well-formed ids become ones that exist."""
    for name, value in (path_parameters or {}).items():
        ids = KNOWN.get(name)
        choice = zlib.crc32(str(value).encode())
        if ids and choice % 3 and re.fullmatch("[0-9a-f-]{36}", str(value)):
            path_parameters[name] = ids[choice // 3 % len(ids)]
    return path_parameters


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """The credentials that an operation asks for, where the caller has them."""

    def get(self, case, _context):
        if not case.operation.definition.raw.get("security"):
            return None
        if isinstance(CALLER, people.Person | people.Flows):
            page, name = CALLER.ready(case.operation.path)
            return {"cookie": (name, page.cookies.get(name, "")), "headers": page.headers()}
        return {"headers": {"Authorization": f"Bearer {CALLER.access_token()}"}} if CALLER else None

    def set(self, case, data, _context):
        if not data:
            return
        if "cookie" in data:
            name, value = data["cookie"]
            case.cookies[name] = value
        for name, value in data["headers"].items():
            if name in ("Authorization", "X-CSRF-Token"):
                case.headers[name] = value


@schemathesis.hook
def before_call(_context, case, kwargs):
    """What a page of ours, and our own proxy, add to every call."""
    host = PLAN["origin"].split("://")[1]
    headers = {"Host": host, "X-Forwarded-For": sources.next()}
    if PLAN["kind"] not in ("machine", "operator"):
        headers |= {"Origin": PLAN["origin"], "Sec-Fetch-Site": "same-origin"}
    for name, value in headers.items():
        case.headers[name] = value


@schemathesis.hook
def after_call(_context, case, response):
    counted[case.operation.label][str(response.status_code)] += 1
    if CALLER:
        CALLER.refused(response.status_code, problem(response).get("code"))


def problem(response):
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@schemathesis.check
def every_header(_context, response, _case):
    """Every answer, refusals too, carries the whole set of security headers and is kept by nobody."""
    missing = [name for name in SECURITY_HEADERS if name not in response.headers]
    if missing:
        raise AssertionError(f"the answer lacks {', '.join(missing)}")
    if "no-store" not in "".join(response.headers.get("cache-control", [])):
        raise AssertionError("the answer may be stored")


@atexit.register
def write_counts():
    pathlib.Path(PLAN["counts"]).write_text(json.dumps(counted, indent=1, sort_keys=True))
