"""The event hash against what was published elsewhere: the reference's documents, and the golden bundles."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from traceability.epcis.context import check_context, namespaces_of
from traceability.epcis.event_hash import event_hash, hash_id, left_out_members, prehash
from traceability.epcis.times import check_event
from traceability.errors import MalformedJson

DOCUMENTS = (
    "ReferenceEventHashAlgorithm",
    "ReferenceEventHashAlgorithm2",
    "epcisDocHavingEventWithIgnoreFields",
    "epcisDocWithAllGS1Keys",
    "epcisDocWithCustomSchemaInContext",
    "epcisDocWithSingleEvent",
    "epcisDocWithVariousEventTypes",
    "epcisEventWithCURIEs",
    "epcisQueryDocument",
    "epclist_normalisation",
    "persistentDisposition",
)
# Their .prehashes have other hashes than their .hashes say; those are the hashes of the documents.
STALE_PREHASHES = {"epcisDocWithAllGS1Keys", "epcisDocWithCustomSchemaInContext"}


def events_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    body = document["epcisBody"]
    found: list[dict[str, Any]] = body.get("queryResults", {}).get("resultsBody", body)["eventList"]
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_published_document_gets_its_published_hashes(vectors: Path, name: str) -> None:
    file = vectors / "event-hash" / f"{name}.jsonld"
    document = json.loads(file.read_text())
    namespaces = namespaces_of(document["@context"])
    left_out = left_out_members(document, namespaces)
    spelled_out = [prehash(event, namespaces, left_out) for event in events_of(document)]
    if name not in STALE_PREHASHES:
        assert spelled_out == file.with_suffix(".prehashes").read_text().splitlines()
    published = file.with_suffix(".hashes").read_text().split()
    assert [hash_id(sha256(text.encode()).digest()) for text in spelled_out] == published
    if not left_out:
        assert [hash_id(event_hash(event, document["@context"])) for event in events_of(document)] == published


def test_no_published_json_document_is_forgotten(vectors: Path) -> None:
    assert sorted(file.stem for file in (vectors / "event-hash").glob("*.jsonld")) == sorted(DOCUMENTS)


BROKEN_BY_CONTEXT_OR_TIME = {
    "context is a text",
    "context of a stranger's address",
    "context that gives a GS1 term another meaning",
    "context that gives a GS1 prefix another meaning",
    "an @context deeper inside the event",
    "an @context of text inside the event",
    "@vocab",
    "@base in the event's context",
    "a scoped GS1 term as prefix",
    "a GS1 vocabulary word as prefix",
    "a GS1 term defined as an object",
    "a term definition with a context in it",
    "a prefix that is no absolute IRI",
    "a prefix with white space",
    "a GS1 prefix with its own IRI, as an object",
    "a GS1 prefix with another IRI",
    "a prefix that is a number",
    "a context that is a list in the list",
    "an empty context",
    "a time without offset",
    "a leap second",
    "hour 24",
    "a day that does not exist",
    "a time with a space",
    "an offset without colon",
    "lower-case z",
    "no seconds",
    "a date only",
    "a time that is a number",
    "a declaration's time without offset",
    "a sensor's time without offset",
    "a record time without offset",
    "a report's time without offset",
    "an offset over 14:00",
    "a year before 1 in UTC",
    "a point without digits",
    "no eventTime",
    "no eventTimeZoneOffset",
    "an event of an unknown type",
    "an event of the type's full address",
}


def test_every_golden_case_is_judged_as_far_as_contexts_times_and_event_hashes_go(vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_text())
    broken = set()
    for case in golden["cases"]:
        try:
            bundle = case.get("bundle") or json.loads(case.get("text") or base64.b64decode(case["base64"]))
        except ValueError:
            continue
        for record in bundle["records"] if isinstance(bundle["records"], list) else []:
            if not record.keys() >= {"context", "event", "record"}:
                continue
            try:
                check_event(record["event"])
                check_context(record["context"], record["event"].get("@context"))
                digest = event_hash(record["event"], record["context"])
            except MalformedJson:
                broken.add(case["name"])
                assert case["offline"]["code"] == "malformed", case["name"]
            else:
                # Where a record of the case is altered, its hash may show it.
                altered = case["offline"]["result"] == "failed"
                assert f"0x{digest.hex()}" == record["record"]["eventHash"].lower() or altered, case["name"]
    assert broken >= BROKEN_BY_CONTEXT_OR_TIME
