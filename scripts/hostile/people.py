"""People and machines that sign in for generated calls: a session, its CSRF token, and new ones when it has ended."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import struct
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

FLOW = "__Host-cloister-flow"
SESSION = "__Host-cloister"
STEP_SECONDS = 30
# A fresh factor counts for five minutes.
STEP_UP_SECONDS = 240
# A flow takes ten counted calls.
CALLS_OF_A_FLOW = 7
TOKEN_SECONDS = 200


class SignInFailed(Exception):
    """A sign-in was refused; the message says where."""


def totp(secret, step):
    """The code of a time step (RFC 6238, SHA-1, six digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Sources:
    """The addresses that our proxy says the calls come from: no address calls often."""

    def __init__(self, network):
        self.network, self.calls = network, 0

    def next(self):
        self.calls += 1
        number = self.calls // 5
        return f"10.{self.network}.{number // 250 % 250}.{number % 250 + 1}"


class Page:
    """A page open at an origin: its cookies, and its calls as a browser makes them."""

    def __init__(self, origin, port, sources):
        self.origin, self.port, self.sources = origin, port, sources
        self.cookies, self.csrf = {}, None

    def headers(self):
        """What a page adds to every call."""
        found = {"Host": self.origin.split("://")[1], "Origin": self.origin, "Sec-Fetch-Site": "same-origin",
                 "X-Forwarded-For": self.sources.next()}
        return {**found, "X-CSRF-Token": self.csrf} if self.csrf else found

    def send(self, method, path, body=None, site="same-origin", form=None, bearer=None):
        headers = {**self.headers(), "Sec-Fetch-Site": site}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = None
        if form is not None:
            headers["Content-Type"], content = "application/x-www-form-urlencoded", urllib.parse.urlencode(form)
        elif body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else None

    def must(self, method, path, body=None, **more):
        status, answer = self.send(method, path, body, **more)
        if not 200 <= status < 300:
            raise SignInFailed(f"{method} {path}: {status} {answer}")
        return answer

    def open_flow(self, path):
        """Opens a page that begins a sign-in or an activation."""
        self.cookies, self.csrf = {}, None
        self.must("GET", path, site="none")
        self.csrf = self.must("GET", "/api/v1/session")["csrf_token"]


class Flows:
    """A flow for calls inside one, replaced before it has had all its calls."""

    def __init__(self, origin, port, sources):
        self.page, self.left = Page(origin, port, sources), 0

    def ready(self, path):
        if self.left <= 0:
            self.page.open_flow("/activate" if "activation" in path else "/sign-in")
            self.left = CALLS_OF_A_FLOW
        self.left -= 1
        return self.page, FLOW

    def refused(self, status, code):
        if status in (401, 403, 429):
            self.left = 0


class Person:
    """Somebody with a password and an authenticator app, whose every code is good once."""

    def __init__(self, account, origin, port, sources, steps_up=False):
        self.account, self.steps_up = account, steps_up
        self.page = Page(origin, port, sources)
        self.last_step = account["last_step"]
        self.signed_in, self.proved_at = False, 0.0

    def code(self, wait):
        """The next code that was not offered yet; none while every code that holds was, unless it may be waited for."""
        while True:
            now = int(time.time()) // STEP_SECONDS
            step = max(now, self.last_step + 1)
            if step <= now + 1:
                self.last_step = step
                return totp(self.account["totp_secret"], step)
            if not wait:
                return None
            time.sleep(1)

    def sign_in(self, wait=True):
        code = self.code(wait)
        if code is None:
            return
        self.page.open_flow("/sign-in")
        self.page.must("POST", "/api/v1/sign-in/password",
                       {"email": self.account["email"], "password": self.account["password"]})
        self.page.must("POST", "/api/v1/sign-in/totp", {"code": code})
        self.page.cookies.pop(FLOW, None)
        self.page.csrf = self.page.must("GET", "/api/v1/session")["csrf_token"]
        self.signed_in, self.proved_at = True, 0.0

    def step_up(self, wait=True):
        code = self.code(wait)
        if code is None:
            return
        self.page.must("POST", "/api/v1/session/step-up", {"code": code})
        self.page.csrf = self.page.must("GET", "/api/v1/session")["csrf_token"]
        self.proved_at = time.monotonic()

    def ready(self, _path):
        """The page with a session, as far as a code for one is at hand."""
        if not self.signed_in:
            self.sign_in(wait=not self.page.cookies)
        elif self.steps_up and time.monotonic() - self.proved_at > STEP_UP_SECONDS:
            self.step_up(wait=not self.proved_at)
        return self.page, SESSION

    def refused(self, status, code):
        if status == 401 and code in ("session.required", "session.ended"):
            self.signed_in = False


def new_key():
    """A record system's private key as PEM, and how it is registered."""
    key = ec.generate_private_key(ec.SECP384R1())
    numbers = key.public_key().public_numbers()
    point = {name: encoded(number.to_bytes(48, "big")) for name, number in (("x", numbers.x), ("y", numbers.y))}
    public = {"kty": "EC", "crv": "P-384", "use": "sig", "alg": "ES384", "kid": "hostile", **point}
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())
    return text.decode(), {"name": f"Generated calls {secrets.token_hex(4)}", "jwks": {"keys": [public]},
                           "identifier_systems": ["urn:generated:calls"]}


class RecordSystem:
    """A machine client with a P-384 key (SMART Backend Services)."""

    def __init__(self, origin, port, sources, key, client):
        self.key = serialization.load_pem_private_key(key.encode(), None)
        self.page, self.client = Page(origin, port, sources), client
        self.token, self.asked_at = None, 0.0

    def assertion(self):
        now = int(time.time())
        head = {"alg": "ES384", "kid": "hostile", "typ": "JWT"}
        claims = {"iss": self.client, "sub": self.client, "aud": f"{self.page.origin}/oauth/token",
                  "iat": now, "exp": now + 200, "jti": secrets.token_hex(16)}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA384())))
        return f"{text}.{encoded(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"

    def access_token(self):
        if time.monotonic() - self.asked_at > TOKEN_SECONDS or not self.token:
            self.token = self.page.must("POST", "/oauth/token", form={
                "grant_type": "client_credentials", "client_assertion": self.assertion(),
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "scope": "system/*.cruds"})["access_token"]
            self.asked_at = time.monotonic()
        return self.token

    def refused(self, status, code):
        if status == 401:
            self.token = None


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
