"""parse_document
├── given a document, a query document, a single event     context as a list, events as written
├── given JSON that parsers read differently               MalformedJson
├── given what the standard refuses                        InvalidDocument, index, path and reason
└── given what we refuse beyond the standard               InvalidDocument under a code of our own
    ├── a context that section 2 of the proof format does not take
    ├── an extension whose prefix nothing declares
    ├── an event of a type of one's own, one in the future, one that is nested too deeply
    └── a time that not every language can hold
partition                                                  the good events, and what is wrong with the others
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.traceability.epcis_documents import Generator
from traceability.epcis import schema
from traceability.epcis.canonical import content_hash
from traceability.epcis.context import check_context
from traceability.epcis.document import Document, parse_document, partition, read_document
from traceability.epcis.event_hash import event_hash
from traceability.epcis.times import check_event
from traceability.errors import FieldProblem, InvalidDocument, MalformedJson

GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
FARM = {"farm": "https://grower.example/terms/"}
NOW_MS = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)
LATER_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)

REFUSED_EXAMPLES = {
    "AssociationEvent-h.jsonld": "the object at /epcisBody/eventList/0 has the member 'eventID' more than once",
    "transformation_event_all_possible_fields.jsonld": "'cbvmda': gives a term of GS1 another meaning",
}


def harvest(**changes: Any) -> dict[str, Any]:
    """The grower's harvest of one lot, with an extension."""
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-11-20T07:15:00.000-05:00",
        "eventTimeZoneOffset": "-05:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "epcList": [],
        "farm:altitude": 1480,
    } | changes


def document(*events: Any, **changes: Any) -> dict[str, Any]:
    return {
        "@context": [GS1_CONTEXT, FARM],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-20T12:00:00Z",
        "epcisBody": {"eventList": list(events)},
    } | changes


def read(value: Any) -> Document:
    return parse_document(json.dumps(value).encode(), now_ms=NOW_MS)


def problem_of(value: Any) -> FieldProblem:
    with pytest.raises(InvalidDocument) as refused:
        read(value)
    (problem,) = refused.value.problems
    return problem


def deep(levels: int) -> Any:
    return {"farm:x": deep(levels - 1)} if levels > 1 else {}


def test_all_examples_of_gs1_are_taken_but_the_two_that_are_refused_by_name(vectors: Path) -> None:
    paths = sorted((vectors / "gs1-epcis" / "JSON").rglob("*.jsonld"))
    refused = {}
    for path in paths:
        data = path.read_bytes()
        try:
            taken = parse_document(data, now_ms=LATER_MS)
        except (MalformedJson, InvalidDocument) as error:
            refused[path.name] = str(error)
        else:
            written = json.loads(data)
            assert taken.context == written["@context"]
            assert taken.events == schema.event_list(written)
    assert refused.keys() == REFUSED_EXAMPLES.keys()
    for name, reason in REFUSED_EXAMPLES.items():
        assert reason in refused[name]


def test_every_document_of_the_event_hash_vectors_is_taken(vectors: Path) -> None:
    paths = sorted((vectors / "event-hash").glob("*.jsonld"))
    assert paths
    for path in paths:
        events = parse_document(path.read_bytes(), now_ms=LATER_MS).events
        assert len(events) == len(path.with_suffix(".hashes").read_text().split())


# ---- what is taken ----


def test_a_document_is_taken_apart_into_context_events_and_header() -> None:
    taken = read(document(harvest(), harvest(action="OBSERVE"), sender="Finca El Roble", id="urn:x:document"))
    assert taken.context == [GS1_CONTEXT, FARM]
    assert taken.events == [harvest(), harvest(action="OBSERVE")]
    assert taken.header == {
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-20T12:00:00Z",
        "sender": "Finca El Roble",
        "id": "urn:x:document",
    }


@pytest.mark.parametrize("context", [GS1_CONTEXT, {"farm": "https://grower.example/terms/"}])
def test_a_context_that_is_a_text_or_an_object_becomes_a_list_of_one(context: Any) -> None:
    plain = {name: value for name, value in harvest().items() if name != "farm:altitude"}
    taken = read(document(plain, plain | {"@context": context}, **{"@context": context}))
    assert taken.context == [context]
    assert taken.events == [plain, plain | {"@context": [context]}]


def test_a_single_event_is_a_document_of_one_and_its_context_the_documents() -> None:
    taken = read(harvest(**{"@context": [GS1_CONTEXT, FARM]}))
    assert taken == Document([GS1_CONTEXT, FARM], [harvest()], {})


def test_a_query_document_gives_the_events_of_its_results() -> None:
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [harvest()]}}
    query = {"@context": [GS1_CONTEXT, FARM], "type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}}
    assert read(query).events == [harvest()]


def test_a_document_without_events_is_taken() -> None:
    assert read(document()).events == []


def test_an_events_own_context_declares_prefixes_for_it() -> None:
    own = harvest(**{"@context": [{"mill": "https://mill.example/"}], "mill:moisture": 11.2})
    assert read(document(own)).events == [own]
    problem = problem_of(document(own, harvest(**{"mill:moisture": 11.2})))
    assert (problem.event_index, problem.path) == (1, "/mill:moisture")


@pytest.mark.parametrize(
    "name",
    [
        "https://grower.example/terms/altitude",
        "urn:x:altitude",
        "cbvmda:lotNumber",
        "gs1:brand",
        "dcterms:title",
        "farm:x:y",
    ],
)
def test_a_name_that_says_what_it_means_needs_no_declaration(name: str) -> None:
    assert read(document(harvest(**{name: 1}, ilmd={name: 1}))).events[0][name] == 1


def test_an_event_of_the_next_five_minutes_is_taken() -> None:
    assert read(document(harvest(eventTime="2026-11-24T12:05:00Z"))).events
    assert read(document(harvest(eventTime="2026-11-24T20:05:00+08:00"))).events


def test_an_event_of_64_levels_is_taken() -> None:
    assert read(document(harvest(**{"farm:x": deep(63)}))).events


def test_whatever_is_taken_a_verifier_takes_too_and_has_an_event_hash() -> None:
    generator = Generator(seed=5)
    taken = 0
    for _ in range(4_000):
        try:
            found = read(generator.document())
        except (InvalidDocument, MalformedJson):
            continue
        for event in found.events:
            check_context(found.context, event.get("@context"))
            check_event(event)
            assert len(event_hash(event, found.context)) == len(content_hash(found.context, event)) == 32
            taken += 1
    assert taken > 200


# ---- what is refused ----


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"type": "EPCISDocument", "type": "EPCISDocument"}', "the member 'type' more than once"),
        (b"[1", "not JSON"),
        (json.dumps(document(harvest(**{"farm:x": None}))).encode(), "null at /epcisBody/eventList/0/farm:x"),
    ],
)
def test_json_that_parsers_read_differently_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson, match=reason):
        parse_document(data, now_ms=NOW_MS)


def test_limits_are_those_of_the_caller() -> None:
    data = json.dumps(document(harvest())).encode()
    with pytest.raises(MalformedJson, match="bytes"):
        parse_document(data, now_ms=NOW_MS, bytes_max=len(data) - 1)
    with pytest.raises(MalformedJson, match="JSON values"):
        parse_document(data, now_ms=NOW_MS, values_max=15)


@pytest.mark.parametrize(
    ("value", "expected", "reason"),
    [
        (document(harvest(bizStep="shippping")), (0, "/bizStep", "unknown_word"), "did you mean 'shipping'?"),
        (
            document(harvest(eventTime="2026-11-20T07:15:00")),
            (0, "/eventTime", "invalid_time"),
            "a date and time with its offset",
        ),
        (harvest(), (None, "/@context", "missing_member"), "`@context` is missing"),
        (
            document(**{"@context": [GS1_CONTEXT, {"cbvmda": "https://grower.example/"}]}),
            (None, "/@context", "malformed_context"),
            "'cbvmda': gives a term of GS1 another meaning",
        ),
        (
            document(**{"@context": ["https://grower.example/context.jsonld"]}),
            (None, "/@context", "malformed_context"),
            "is no address of GS1's EPCIS context",
        ),
        (document(**{"@context": []}), (None, "/@context", "malformed_context"), "must be a list that is not empty"),
        (
            document(harvest(**{"@context": {"farm": "terms/"}})),
            (0, "/@context", "malformed_context"),
            "'terms/' is no absolute IRI",
        ),
        (
            document(harvest(**{"farm:plot": {"@context": {}}})),
            (0, "/farm:plot/@context", "nested_context"),
            "an `@context` is taken at the top of a document or event only",
        ),
        (
            document(harvest(**{"mill:moisture": 11.2})),
            (0, "/mill:moisture", "undeclared_prefix"),
            '`mill:moisture` has the prefix `mill`, which no `@context` declares: add {"mill": "https://…"} to it',
        ),
        (
            document(harvest(ilmd={"farm:x": [{"mill:moisture": 11.2}]})),
            (0, "/ilmd/farm:x/0/mill:moisture", "undeclared_prefix"),
            "`mill`",
        ),
        (
            document(harvest(readPoint={"id": "urn:x:y", "mill:x": 1})),
            (0, "/readPoint/mill:x", "undeclared_prefix"),
            "`mill`",
        ),
        (
            document(harvest(sensorElementList=[{"sensorReport": [{"type": "Temperature", "mill:x": 1}]}])),
            (0, "/sensorElementList/0/sensorReport/0/mill:x", "undeclared_prefix"),
            "`mill`",
        ),
        (
            document(harvest(), harvest(type="farm:Harvest")),
            (1, "/type", "unknown_event_type"),
            "must be one of AggregationEvent, AssociationEvent, ObjectEvent, TransactionEvent, TransformationEvent",
        ),
        (
            document(harvest(eventTime="2026-11-24T12:05:00.001Z")),
            (0, "/eventTime", "event_time_in_future"),
            "lies more than 5 minutes in the future",
        ),
        (
            document(harvest(eventTime="0000-01-01T00:00:00Z")),
            (0, "/eventTime", "invalid_time"),
            "years 0001 to 9999",
        ),
        (
            document(harvest(recordTime="2016-12-31T23:59:60Z")),
            (0, "/recordTime", "invalid_time"),
            "`recordTime`: '2016-12-31T23:59:60Z' is no date-time",
        ),
        (
            document(
                harvest(sensorElementList=[{"sensorReport": [{"type": "Speed", "time": "2026-11-20T00:00:00+23:00"}]}])
            ),
            (0, "/sensorElementList/0/sensorReport/0/time", "invalid_time"),
            "has an offset over 14:00",
        ),
        (
            document(harvest(**{"farm:x": deep(64)})),
            (0, "", "too_deep"),
            "the event is nested more than 64 levels deep",
        ),
        (
            document(harvest(), **{"@context": [GS1_CONTEXT, {**FARM, "term": deep(63)}]}),
            (None, "/@context", "too_deep"),
            "the context is nested more than 64 levels deep",
        ),
    ],
)
def test_what_is_refused_is_named_with_its_place_and_a_reason(
    value: Any, expected: tuple[int | None, str, str], reason: str
) -> None:
    problem = problem_of(value)
    assert (problem.event_index, problem.path, problem.code) == expected
    assert reason in problem.reason


def test_faults_of_all_events_are_listed_in_document_order() -> None:
    faulty = document(
        harvest(action="add"), harvest(), harvest(**{"mill:x": 1}), harvest(eventTime="2027-01-01T00:00:00Z")
    )
    with pytest.raises(InvalidDocument, match=r"^event 0 at /action: .* \(and 2 more\)$") as refused:
        read(faulty)
    assert [(problem.event_index, problem.code) for problem in refused.value.problems] == [
        (0, "unknown_word"),
        (2, "undeclared_prefix"),
        (3, "event_time_in_future"),
    ]


# ---- error behaviour "proceed" ----


def test_a_partition_keeps_the_good_events_with_their_places() -> None:
    good, late = harvest(), harvest(eventTime="2027-01-01T00:00:00Z")
    parts = partition(document(late, good, harvest(bizStep="x"), good | {"action": "OBSERVE"}), now_ms=NOW_MS)
    assert parts.document.events == [good, good | {"action": "OBSERVE"}]
    assert parts.indexes == [1, 3]
    assert [(problem.event_index, problem.path) for problem in parts.problems] == [(0, "/eventTime"), (2, "/bizStep")]


def test_a_partition_of_a_document_without_fault_is_the_document() -> None:
    value = document(harvest(), harvest(action="DELETE"))
    parts = partition(value, now_ms=NOW_MS)
    assert parts.document == read_document(value, now_ms=NOW_MS)
    assert (parts.indexes, parts.problems) == ([0, 1], [])


def test_a_document_that_is_wrong_itself_has_no_partition() -> None:
    with pytest.raises(InvalidDocument, match="document at /schemaVersion"):
        partition(document(harvest(), schemaVersion="two"), now_ms=NOW_MS)


def test_a_document_that_is_all_faults_is_refused_after_ten_thousand() -> None:
    faults = [harvest(action="add") for _ in range(11_000)]
    assert len(partition(document(*faults[:9_000]), now_ms=NOW_MS).problems) == 9_000
    with pytest.raises(InvalidDocument) as refused:
        partition(document(*faults), now_ms=NOW_MS)
    assert len(refused.value.problems) == schema.PROBLEMS_MAX
