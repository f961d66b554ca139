"""A clinic with an owner who is signed in, made by the calls that operator and owner would make."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import re
import struct
import time

from deploy.rollout.cluster import DOMAIN

CONSOLE = f"hillside-staff.{DOMAIN}"
CONTACT, OWNER = "contact@hillside.example", "olive@hillside.example"
PASSWORD = "correct horse battery staple 71"
# Whom the balancer says it speaks for.
SOURCE = "203.0.113.7"


def found(cluster, replica):
    """Has an operator found the clinic; gives the owner's browser, signed in."""
    cluster.admin("operator", "create", "--name", "Ada", "--email", "ada@ops.example")
    issued = json.loads(cluster.admin("token", "issue", "--operator", "ada@ops.example", "--ttl", "1h", "--scope", "tenants:read",
                                      "--scope", "tenants:write", "--scope", "baa:write", "--scope", "owners:invite", "--scope", "tenants:activate"))
    cluster.operator = {"CLOISTER_ADMIN_TOKEN": issued["token"]}
    tenant = json.loads(cluster.admin(
        "tenant", "create", "--slug", "hillside", "--name", "Hillside Clinic", "--region", "us-east-1", "--time-zone",
        "America/New_York", "--contact-name", "Con Tact", "--contact-email", CONTACT, "--idempotency-key", "first"))["id"]
    today = datetime.date.today()
    cluster.admin("baa", "record", tenant, "--signed-on", str(today), "--expires-on", str(today + datetime.timedelta(365)),
                  "--counterparty", "Con Tact", "--document-reference", "BAA-1")
    cluster.admin("owner", "invite", tenant, "--email", OWNER, "--display-name", "Olive Owner")
    browser = Browser(replica)
    browser.activate(cluster.mailbox)
    deadline = time.monotonic() + 60
    while json.loads(cluster.admin("tenant", "show", tenant)).get("owner") != "active":
        if time.monotonic() > deadline:
            raise TimeoutError("nobody told the operators that the owner's account is active")
        time.sleep(0.5)
    cluster.admin("tenant", "activate", tenant)
    return browser


class Browser:
    """Keeps cookies and the CSRF token, as the console's page does."""

    def __init__(self, replica):
        self.replica, self.cookies, self.csrf = replica, {}, None

    def headers(self, method):
        found = {"Host": CONSOLE, "Sec-Fetch-Site": "same-origin", "X-Forwarded-For": SOURCE,
                 "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method != "GET":
            found |= {"Origin": f"https://{CONSOLE}", "X-CSRF-Token": self.csrf or "", "Content-Type": "application/json"}
        return found

    def call(self, method, path, body=None, site="same-origin"):
        connection = http.client.HTTPSConnection("localhost", self.replica.port, context=self.replica.trust, timeout=30)
        headers = {**self.headers(method), "Sec-Fetch-Site": site}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value or "max-age=0" in line.lower():
                del self.cookies[name]
        connection.close()
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {content[:500]}")
        return json.loads(content) if content.startswith(b"{") else None

    def look_at_session(self):
        self.csrf = self.call("GET", "/api/v1/session")["csrf_token"]

    def post(self, path, body):
        self.look_at_session()
        return self.call("POST", path, body)

    def activate(self, mailbox):
        code = re.search(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\b", mailbox.text_to(CONTACT, "-"))[0]
        token = re.search(r"/activate#token=(\S+)", mailbox.text_to(OWNER, "/activate#token="))[1]
        self.call("GET", "/activate", site="none")
        self.post("/api/v1/activation/identity", {"token": token, "clinic_code": code})
        self.post("/api/v1/activation/password", {"password": PASSWORD})
        secret = self.post("/api/v1/activation/totp", {})["secret"]
        self.post("/api/v1/activation/totp/confirm", {"code": totp(secret)})
        self.look_at_session()


def totp(secret):
    """The code that an authenticator app shows now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place:place + 4])[0] & 0x7FFFFFFF) % 1000000:06}"
