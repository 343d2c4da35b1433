"""Canonical JSON: the fast path writes what RFC 8785 says, on anything that a file may hold."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from traceability.epcis.canonical import canonical_json, content_hash

NUMBERS = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1e-3, 1e-3)
    | st.integers(-(10**9), 10**9).map(float)
    | st.decimals(-(10**6), 10**6, places=3).map(float)
)
# Names that sort differently by UTF-16 unit and by code point, controls, escapes, and texts that look like numbers.
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "\ue000",
        "\U0001f600",
        "\uffff",
        "\U00010000",
        "26.0",
        "x,26.0,",
        "1e-7",
        "null",
        '"',
        "\\",
        "\x7f",
        "\u2028",
        "é",
    ]
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_canonical_json_is_that_of_the_rfc8785_library(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@settings(max_examples=2_000, deadline=None)
@given(NUMBERS)
def test_every_number_is_written_as_ecmascript_writes_it(number: float) -> None:
    assert canonical_json({"value": number}) == rfc8785.dumps({"value": number})
    assert canonical_json(number) == rfc8785.dumps(number)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ([26.0, -0.0, 1e3, 1e-6, 1e-7, 12.5], b"[26,0,1000,0.000001,1e-7,12.5]"),
        ({"\ue000": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ue000":1}'.encode()),
        ('\x00\b\t\n\f\r\x1b"\\/\x7f', b'"\\u0000\\b\\t\\n\\f\\r\\u001b\\"\\\\/\x7f"'),
        ({"text": "x,26.0,y"}, b'{"text":"x,26.0,y"}'),
    ],
)
def test_canonical_json_of_values_where_writers_differ(value: Any, written: bytes) -> None:
    assert canonical_json(value) == written


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": 2**53}, {"a": [-(2**53)]}, {"a": "\ud800"}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not representable|exceeds|non-UTF-8"):
        canonical_json(value)


def test_the_content_hash_covers_context_and_event_as_they_stand() -> None:
    context: list[Any] = [
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        {"ext": "https://grower.example/"},
    ]
    event: dict[str, Any] = {"type": "ObjectEvent", "ext:altitude": 1480.0, "action": "ADD"}
    expected = sha256(rfc8785.dumps({"context": context, "event": event})).digest()
    assert content_hash(context, event) == expected
    assert content_hash(context[:1], event) != expected
    assert content_hash(context, event | {"action": "OBSERVE"}) != expected


def test_the_content_hashes_of_the_golden_records(vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_bytes())
    good = [case["bundle"] for case in golden["cases"] if case["name"].startswith("good") and "bundle" in case]
    records = [record for bundle in good for record in bundle["records"]]
    assert len(records) > 10
    for record in records:
        assert "0x" + content_hash(record["context"], record["event"]).hex() == record["record"]["contentHash"]
