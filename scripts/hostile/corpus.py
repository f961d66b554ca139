"""Writes down what schemathesis thinks of for every operation of both OpenAPI documents: valid calls and broken ones.

usage: corpus.py [--each N] FILE

Thinking of a call takes it longer than the service takes to answer one, so that is done once for a document:
tests/hostile sends the cases, changes them further, and sends them again.
"""

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import pathlib
import sys

import hypothesis
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = (ROOT / "platform/openapi.json", ROOT / "tenant-admin/openapi.json")
EACH = 150
SEED = 20260301


def fingerprint(documents, each):
    """What the cases follow from."""
    digest = hashlib.sha256(f"{each} {importlib.metadata.version('schemathesis')}".encode())
    for path in (*documents, pathlib.Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def written(case, operation_id):
    """A case as tests/hostile reads it (`Case::read`)."""
    found = {"operation": operation_id, "has_body": False, "media": case.media_type}
    for name, values in (("path", case.path_parameters), ("query", case.query), ("headers", case.headers)):
        found[name] = dict(values or {})
    if isinstance(case.body, bytes):
        found["bytes"] = case.body.hex()
    elif not isinstance(case.body, schemathesis.core.NotSet):
        found |= {"has_body": True, "body": case.body}
    return found


def plain(value):
    """What JSON has no word for, as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def cases(operation, mode, each):
    """So many cases of one operation; fewer where there are no more."""
    found = []

    @hypothesis.seed(SEED)
    @hypothesis.settings(max_examples=each, database=None, deadline=None, phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def think(case):
        found.append(case)

    # An operation without parameters and body cannot be called wrongly.
    with contextlib.suppress(Unsatisfiable):
        think()
    return found


def lines(documents, each):
    for path in documents:
        schema = schemathesis.openapi.from_path(path, config=SchemathesisConfig())
        for result in schema.get_all_operations():
            operation = result.ok()
            name = operation.definition.raw["operationId"]
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                for case in cases(operation, mode, each):
                    text = json.dumps(written(case, name), default=plain)
                    if not halved(text):
                        yield text


def halved(text):
    """Whether a JSON text holds half of a surrogate pair, which is no text."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def write(documents, each, path):
    """Writes the file, unless it is there already."""
    mark = path.with_suffix(".made-from")
    wanted = fingerprint(documents, each)
    if path.exists() and mark.exists() and mark.read_text() == wanted:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines(documents, each)))
    mark.write_text(wanted)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=EACH, help="valid ones, and as many broken ones, of each operation")
    parser.add_argument("path", type=pathlib.Path)
    given = parser.parse_args()
    made = write(DOCUMENTS, given.each, given.path)
    count = sum(1 for _ in given.path.open())
    print(f"{count} cases in {given.path}{'' if made else ', as before'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
