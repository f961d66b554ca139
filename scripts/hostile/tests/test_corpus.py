"""What is written down must be what tests/hostile can send, and anew when the documents change."""

import json

import corpus

BODY = {"type": "object", "required": ["name"], "additionalProperties": False,
        "properties": {"name": {"type": "string", "maxLength": 5}}}
NAME = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9}}


def document(tmp_path, limit=LIMIT):
    answers = {"responses": {"200": {"description": "done"}}}
    paths = {"/notes/{id}": {
        "put": {"operationId": "put_note", "parameters": [NAME, limit], **answers,
                "requestBody": {"required": True, "content": {"application/json": {"schema": BODY}}}}},
        "/notes": {"get": {"operationId": "list_notes", **answers}}}
    path = tmp_path / "notes.json"
    path.write_text(json.dumps({"openapi": "3.0.0", "info": {"title": "Notes", "version": "1"}, "paths": paths}))
    return path


def is_valid(case):
    body = case.get("body")
    good = isinstance(body, dict) and set(body) == {"name"} and isinstance(body["name"], str) and len(body["name"]) <= 5
    limit = case["query"].get("limit", 1)
    return (good and set(case["query"]) <= {"limit"} and isinstance(limit, int) and 1 <= limit <= 9
            and len(case["path"]["id"]) == 36)


def test_every_operation_gets_valid_calls_and_broken_ones(tmp_path):
    path = tmp_path / "out/corpus.jsonl"
    assert corpus.write([document(tmp_path)], 30, path)
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    notes = [case for case in cases if case["operation"] == "put_note"]
    valid = [case for case in notes if is_valid(case)]
    assert len(valid) >= 25 and len(notes) - len(valid) >= 20, (len(valid), len(notes))
    assert all(case["media"] == "application/json" for case in valid)
    assert any(case["operation"] == "list_notes" and not case["has_body"] for case in cases)


def test_it_is_written_once_for_a_document(tmp_path):
    path = tmp_path / "corpus.jsonl"
    assert corpus.write([document(tmp_path)], 5, path)
    before = path.read_text()
    assert not corpus.write([document(tmp_path)], 5, path)
    changed = document(tmp_path, {**LIMIT, "schema": {"type": "string", "enum": ["all"]}})
    assert corpus.write([changed], 5, path)
    assert path.read_text() != before


def test_half_a_character_is_left_out():
    assert corpus.halved(json.dumps({"a": "\ud800"}))
    assert not corpus.halved(json.dumps({"a": "\U0001f468", "b": [1, None]}))
