"""The generator must find what it is there for: each fault is planted into a small service of our own."""

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

import calls
import people

HEADERS = {"content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff",
           "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
           "cross-origin-resource-policy": "same-origin", "permissions-policy": "camera=()",
           "cache-control": "no-store"}
PROBLEM = {"application/problem+json": {"schema": {"type": "object", "required": ["code"]}}}
NOTE = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
DOCUMENT = {
    "openapi": "3.0.0", "info": {"title": "Notes", "version": "1"},
    "components": {"securitySchemes": {"operator_token": {"type": "http", "scheme": "bearer"}}},
    "paths": {"/notes/{id}": {"get": {
        "operationId": "get_note", "security": [{"operator_token": []}],
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}],
        "responses": {"200": {"description": "a note", "content": {"application/json": {"schema": NOTE}}},
                      **{status: {"description": "a problem", "content": PROBLEM} for status in ("400", "401", "405")}},
    }}}}


class Notes(http.server.BaseHTTPRequestHandler):
    """Answers as the document says, but for the fault that the server was given."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body, headers=None):
        kind = "application/json" if status == 200 else "application/problem+json"
        sent = {**HEADERS, "content-type": kind, **(headers or {})}
        if self.server.fault == "header":
            del sent["referrer-policy"]
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**sent, "content-length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        name = self.path.partition("?")[0].removeprefix("/notes/")
        number = int(name) if name.isascii() and name.isdigit() else 0
        authorized = self.headers.get("authorization") == "Bearer good"
        if not authorized and self.server.fault != "anybody":
            return self.answer(401, {"code": "sign.in"}, {"www-authenticate": "Bearer"})
        if self.server.fault == "accepts":
            return self.answer(200, {"id": 1})
        if number < 1 or "?" in self.path:
            return self.answer(400, {"code": "parameter"})
        if self.server.fault == "error":
            return self.answer(500, {"code": "failed"})
        if self.server.fault == "status":
            return self.answer(418, {"code": "teapot"})
        return self.answer(200, {"id": "one" if self.server.fault == "schema" else number})

    def other(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.answer(405, {"code": "method"}, {"allow": "GET"})

    do_PATCH = do_TRACE = do_POST = do_PUT = do_DELETE = other

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def notes(fault):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes) as server:
        server.fault = fault
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def found(fault, folder):
    """What the generator says of the service with a fault, and the calls that it counted."""
    document, plan, counts = folder / "openapi.json", folder / "plan.json", folder / "counts.json"
    document.write_text(json.dumps(DOCUMENT))
    with notes(fault) as port:
        issue = [sys.executable, "-c", "print('{\"token\": \"good\"}')"]
        plan.write_text(json.dumps({"kind": "operator", "network": 1, "counts": str(counts), "port": port,
                                    "origin": f"http://127.0.0.1:{port}", "issue": issue, "issue_environment": {}}))
        role = calls.Role("notes", "operator", document, 1)
        ended = subprocess.run(calls.arguments_of(role, port, folder, 0, 1), cwd=calls.ROOT, capture_output=True,
                               text=True, stdin=subprocess.DEVNULL,
                               env={**os.environ, "CLOISTER_HOSTILE": str(plan), "PYTHONPATH": str(calls.HERE)})
    return ended, json.loads(counts.read_text())


def test_a_service_that_keeps_its_word_passes_and_its_calls_are_counted(tmp_path):
    ended, counts = found("none", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert counts["GET /notes/{id}"]["200"] > 3
    assert counts["GET /notes/{id}"]["400"] > 0
    assert (tmp_path / "hostile-notes.xml").exists()


@pytest.mark.parametrize(("fault", "named"), [
    ("error", "Server error"), ("status", "Undocumented status code"), ("schema", "Response violates schema"),
    ("anybody", "API accepts"), ("accepts", "accepted"), ("header", "the answer lacks referrer-policy")])
def test_a_planted_fault_is_found(fault, named, tmp_path):
    ended, _ = found(fault, tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert named in ended.stdout, ended.stdout


def test_every_operation_has_a_role_in_the_short_run_and_none_is_named_wrong():
    tried = {(role.document, name) for role in calls.ROLES for name in calls.operations(role, short=True)
             if role.kind != "none"}
    for document in (calls.PLATFORM, calls.OPERATORS):
        everything = {operation["operationId"] for methods in json.loads(document.read_text())["paths"].values()
                      for operation in methods.values()}
        missing = everything - {name for tried_in, name in tried if tried_in == document}
        assert not missing
    wrong = calls.Role("x", "none", calls.PLATFORM, 1, short=frozenset({"no_such_operation"}))
    with pytest.raises(ValueError, match="no_such_operation"):
        calls.operations(wrong, short=True)


def test_codes_are_those_of_the_standard():
    # RFC 6238, appendix B: SHA-1, the last six digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    moments = {59: "287082", 1111111109: "081804", 1234567890: "005924", 2000000000: "279037"}
    assert {moment: people.totp(secret, moment // 30) for moment in moments} == moments
