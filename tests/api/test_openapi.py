"""The interface as it is described: OpenAPI 3.1 with examples, committed, and the same as the code's."""

from __future__ import annotations

import json
from pathlib import Path

from api.app import openapi_document

COMMITTED = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi.json"


def test_the_committed_document_is_the_codes_own() -> None:
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(openapi_document())), (
        "the interface has changed: .venv/bin/tally openapi -o docs/openapi.json"
    )


def test_every_operation_has_a_summary_words_and_an_example() -> None:
    document = openapi_document()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert operation["description"], path
            if method != "options":
                answers = [each for status, each in operation["responses"].items() if status.startswith("2")]
                assert any("example" in content for each in answers for content in each["content"].values()), path
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert "example" in content, path


def test_every_promised_route_is_there() -> None:
    wanted = {
        ("post", "/capture"), ("get", "/capture/{id}"), ("get", "/events/{id}"), ("get", "/events/{id}/proof"),
        ("get", "/products/{id}/history"), ("get", "/products/{id}/proof"), ("post", "/verify"), ("post", "/bundles"),
        ("get", "/parties"), ("get", "/health"), ("get", "/01/{gtin}/21/{serial}"), ("get", "/01/{gtin}/10/{lot}"),
        ("get", "/00/{sscc}"),
    }  # fmt: skip
    found = {(method, path) for path, methods in openapi_document()["paths"].items() for method in methods}
    assert wanted <= found


def test_a_capture_needs_a_key_and_reading_needs_none() -> None:
    paths = openapi_document()["paths"]
    assert paths["/capture"]["post"]["security"]
    assert paths["/bundles"]["post"]["security"]
    assert "security" not in paths["/products/{id}/history"]["get"]


def test_a_wrong_parameter_is_described_as_the_problem_that_it_is() -> None:
    document = openapi_document()
    assert "HTTPValidationError" not in json.dumps(document)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if operation.get("parameters"):
                assert "400" in operation["responses"], path
