"""Our schema's verdict on EPCIS documents is GS1's, and what it objects to is said in words.

GS1's schema is held to its formats: without that, `format: uri` would let any text pass where a URI may stand instead
of a word of the standard, and its word lists would bind nobody.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.traceability.epcis_documents import GS1_CONTEXT, Generator, mutations
from traceability.epcis import schema, terms
from traceability.errors import FieldProblem

GENERATED = 20_000


@pytest.fixture(scope="module")
def gs1_schema(vectors: Path) -> jsonschema_rs.Draft7Validator:
    text = (vectors / "gs1-epcis" / "EPCIS-JSON-Schema.json").read_bytes()
    return jsonschema_rs.Draft7Validator(json.loads(text), validate_formats=True)


@pytest.fixture(scope="module")
def examples(vectors: Path) -> list[Any]:
    found = [json.loads(path.read_bytes()) for path in sorted((vectors / "gs1-epcis" / "JSON").rglob("*.jsonld"))]
    assert len(found) > 40
    return found


def test_every_example_of_gs1_is_valid_by_both_schemas(
    examples: list[Any], gs1_schema: jsonschema_rs.Draft7Validator
) -> None:
    for example in examples:
        assert gs1_schema.is_valid(example)
        assert schema.problems(example) == []


@pytest.mark.slow
def test_every_single_point_mutation_of_the_examples_gets_gs1s_verdict(
    examples: list[Any], gs1_schema: jsonschema_rs.Draft7Validator
) -> None:
    verdicts: Counter[bool] = Counter()
    for example in examples:
        before = json.dumps(example)
        for count, mutated in enumerate(mutations(example)):
            verdict = gs1_schema.is_valid(mutated)
            assert schema.is_valid(mutated) is verdict, json.dumps(mutated)
            if count % 20 == 0:
                assert (schema.problems(mutated) == []) is verdict, json.dumps(mutated)
            verdicts[verdict] += 1
        assert json.dumps(example) == before
    assert min(verdicts[True], verdicts[False]) > 100_000


@pytest.mark.slow
def test_generated_documents_get_gs1s_verdict(gs1_schema: jsonschema_rs.Draft7Validator) -> None:
    generator = Generator(seed=20)
    verdicts: Counter[bool] = Counter()
    for _ in range(GENERATED):
        document = generator.document()
        verdict = gs1_schema.is_valid(document)
        assert schema.is_valid(document) is verdict, json.dumps(document)
        assert (schema.problems(document) == []) is verdict, json.dumps(document)
        verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > GENERATED / 4


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("businessStep", terms.BUSINESS_STEPS),
        ("disposition", terms.DISPOSITIONS),
        ("businessTransactionType", terms.BUSINESS_TRANSACTION_TYPES),
        ("sourceOrDestinationType", terms.SOURCE_DESTINATION_TYPES),
        ("errorReason", terms.ERROR_REASONS),
        ("component", terms.COMPONENTS),
        ("sensorAlert", terms.SENSOR_ALERTS),
        ("measurementType", terms.MEASUREMENT_TYPES),
    ],
)
def test_schema_and_event_hash_know_the_same_words(definition: str, words: frozenset[str]) -> None:
    listed = schema.SCHEMA["$defs"][definition]["anyOf"][0]["enum"]
    assert frozenset(listed) == words
    assert len(listed) == len(words)


def test_every_word_of_the_standard_is_valid_by_gs1s_schema_too(gs1_schema: jsonschema_rs.Draft7Validator) -> None:
    fields = {"bizStep": terms.BUSINESS_STEPS, "disposition": terms.DISPOSITIONS}
    for field, words in fields.items():
        for word in words:
            assert gs1_schema.is_valid({"@context": GS1_CONTEXT} | harvest(**{field: word}))
    sensor_fields = {
        "type": terms.MEASUREMENT_TYPES,
        "exception": terms.SENSOR_ALERTS,
        "component": terms.COMPONENTS,
    }
    for field, words in sensor_fields.items():
        for word in words:
            report = {"type": "Temperature"} | {field: word}
            event = harvest(sensorElementList=[{"sensorReport": [report]}])
            assert gs1_schema.is_valid({"@context": GS1_CONTEXT} | event)
            assert schema.is_valid({"@context": GS1_CONTEXT} | event)


# ---- what a sender reads ----


def harvest(**changes: Any) -> dict[str, Any]:
    """The grower's harvest of one lot, with members changed; a member set to None is left out."""
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-20T07:15:00.000-05:00",
        "eventTimeZoneOffset": "-05:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:952012.0345678.H26", "quantity": 420.5, "uom": "KGM"}],
    } | changes
    return {name: value for name, value in event.items() if value is not None}


def document(*events: Any, **changes: Any) -> dict[str, Any]:
    return {
        "@context": [GS1_CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-20T12:00:00Z",
        "epcisBody": {"eventList": list(events)},
    } | changes


SENSOR: dict[str, Any] = {"type": "Temperature", "value": 21.5}


@pytest.mark.parametrize(
    ("changes", "path", "code", "reason"),
    [
        ({"eventTimeZoneOffset": None}, "/eventTimeZoneOffset", "missing_member", "`eventTimeZoneOffset` is missing"),
        (
            {"bizStep": "shippping"},
            "/bizStep",
            "unknown_word",
            "`bizStep` must be a CBV business step or a URI of your own, not 'shippping'; did you mean 'shipping'?",
        ),
        (
            {"disposition": "urn:epcglobal:cbv:disp:in_transit"},
            "/disposition",
            "unknown_word",
            "`disposition` must be a CBV disposition or a URI of your own, not 'urn:epcglobal:cbv:disp:in_transit'; "
            "write 'in_transit'",
        ),
        (
            {
                "sensorElementList": [
                    {"sensorReport": [SENSOR, SENSOR | {"exception": "https://gs1.org/voc/ALARM_CONDITION"}]}
                ]
            },
            "/sensorElementList/0/sensorReport/1/exception",
            "unknown_word",
            "`exception` must be a GS1 sensor alert type or a URI of your own, "
            "not 'https://gs1.org/voc/ALARM_CONDITION'; write 'ALARM_CONDITION'",
        ),
        (
            {"action": "add"},
            "/action",
            "unknown_word",
            "`action` must be ADD, OBSERVE or DELETE, not 'add'; did you mean 'ADD'?",
        ),
        ({"action": 1}, "/action", "wrong_type", "`action` must be ADD, OBSERVE or DELETE, not a number"),
        (
            {"bizstep": "shipping"},
            "/bizstep",
            "unknown_member",
            "`bizstep` is no member that may stand here; did you mean 'bizStep'?",
        ),
        (
            {"altitude": 1480},
            "/altitude",
            "unknown_member",
            "`altitude` is no member that may stand here; "
            "the name of an extension has a prefix, such as `example:altitude`",
        ),
        (
            {"ilmd": {"lotNumber": "H26"}},
            "/ilmd/lotNumber",
            "unknown_member",
            "`lotNumber` is no member that may stand here; "
            "the name of an extension has a prefix, such as `example:lotNumber`",
        ),
        (
            {"quantityList": [{"epcClass": "urn:x:y", "amount": 1}]},
            "/quantityList/0/amount",
            "unknown_member",
            "`amount` is no member that may stand here",
        ),
        (
            {"eventTime": "2026-11-20 07:15"},
            "/eventTime",
            "invalid_time",
            "`eventTime` must be a date and time with its offset, such as 2026-11-24T08:30:00.000+01:00, "
            "not '2026-11-20 07:15'",
        ),
        ({"eventID": "harvest 1"}, "/eventID", "invalid_uri", "`eventID` must be a URI, not 'harvest 1'"),
        ({"epcList": ["urn:x:y", "1001"]}, "/epcList/1", "invalid_uri", "`epcList` item 1 must be a URI, not '1001'"),
        ({"epcList": ["urn:x:y"] * 2}, "/epcList", "duplicate_item", "`epcList` has an item more than once"),
        (
            {"eventTimeZoneOffset": "-5:00"},
            "/eventTimeZoneOffset",
            "invalid_value",
            "must be ±hh:mm, at most 14:00, not '-5:00'",
        ),
        (
            {"quantityList": [{"epcClass": "urn:x:y", "quantity": "420"}]},
            "/quantityList/0/quantity",
            "wrong_type",
            "`quantity` must be a number, not a text",
        ),
        (
            {"quantityList": [{"epcClass": "urn:x:y", "uom": "kg"}]},
            "/quantityList/0/uom",
            "invalid_value",
            "`uom` must be two or three capital letters or digits of UN/CEFACT Recommendation 20, such as KGM, "
            "not 'kg'",
        ),
        (
            {"persistentDisposition": {}},
            "/persistentDisposition",
            "invalid_value",
            "an object with `set`, `unset` or both",
        ),
        ({"persistentDisposition": {"set": []}}, "/persistentDisposition/set", "empty_list", "`set` must not be empty"),
        (
            {"action": "OBSERVE", "ilmd": {}},
            "/action",
            "contradiction",
            "`ilmd` belongs to an ObjectEvent with the action ADD only",
        ),
        (
            {"quantityList": None},
            "",
            "missing_member",
            "`epcList`, `quantityList` with an item, or both `readPoint` and `sensorElementList` with an item "
            "are needed",
        ),
        (
            {"type": "TransformationEvent", "action": None, "quantityList": None, "inputEPCList": ["urn:x:y"]},
            "",
            "missing_member",
            "an input and an output are needed, or a `transformationID` with one of them",
        ),
        (
            {"type": "AggregationEvent", "quantityList": None},
            "",
            "missing_member",
            "`childEPCs` or `childQuantityList` with an item is needed, unless the action is DELETE",
        ),
        ({"type": None, "eventTime": None}, "/type", "missing_member", "`type` is missing"),
        ({"type": 5}, "/type", "wrong_type", "`type` must be a text, not a number"),
        (
            {"certificationInfo": 5},
            "/certificationInfo",
            "wrong_type",
            "`certificationInfo` must be a URI or a list of URIs",
        ),
    ],
)
def test_a_fault_in_an_event_is_named_with_its_place_and_a_reason(
    changes: dict[str, Any], path: str, code: str, reason: str
) -> None:
    (problem,) = schema.problems(document(harvest(), harvest(**changes)))
    assert (problem.event_index, problem.path, problem.code) == (1, path, code)
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (document(schemaVersion="two"), (None, "/schemaVersion", "invalid_value")),
        (document(epcisBody={}), (None, "/epcisBody/eventList", "missing_member")),
        (document(epcisBody={"eventList": {}}), (None, "/epcisBody/eventList", "wrong_type")),
        (document(id="one"), (None, "/id", "invalid_uri")),
        (document(comment="harvest"), (None, "/comment", "unknown_member")),
        (document("event"), (0, "", "wrong_type")),
        ([], (None, "", "wrong_type")),
        ({}, (None, "/type", "missing_member")),
        ({"type": ["EPCISDocument"]}, (None, "/type", "wrong_type")),
        (harvest(), (None, "/@context", "missing_member")),
        (harvest(**{"@context": GS1_CONTEXT, "type": "HarvestEvent"}), (0, "/type", "invalid_uri")),
    ],
)
def test_a_fault_in_the_document_is_named_with_its_place(changed: Any, expected: tuple[int | None, str, str]) -> None:
    (problem,) = schema.problems(changed)
    assert (problem.event_index, problem.path, problem.code) == expected


def test_every_fault_of_an_event_is_listed_not_only_the_first() -> None:
    faults = {"bizStep": "shippping", "eventTime": "yesterday", "epcList": ["1001"], "weight": 3}
    found = {problem.path for problem in schema.problems(document(harvest(**faults)))}
    assert found == {"/bizStep", "/eventTime", "/epcList/0", "/weight"}


def test_a_pointer_escapes_the_names_in_it() -> None:
    (problem,) = schema.problems(document(harvest(**{"a/b~c": 1})))
    assert problem.path == "/a~1b~0c"


def test_a_huge_event_that_is_all_faults_is_told_its_first_only() -> None:
    huge = harvest(epcList=[f"bag {number}" for number in range(100_000)])
    found = schema.problems(document(huge, harvest(eventTime="yesterday")))
    assert [(problem.event_index, problem.path) for problem in found] == [(0, "/epcList/0"), (1, "/eventTime")]


def test_at_most_a_hundred_faults_are_listed() -> None:
    assert len(schema.problems(document(*[{"type": "ObjectEvent"}] * 1_000))) == schema.PROBLEMS_MAX


def test_every_value_in_the_schema_says_what_it_must_be() -> None:
    """A message is made of the title of the schema that was not met: without one it would speak of the outer object."""

    def untitled(node: Any, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        is_named = "title" in node or "$ref" in node or not node.keys() & {"type", "format", "pattern", "enum", "const"}
        inner = [*node.get("properties", {}).items()]
        inner += [("items", node["items"])] if "items" in node else []
        return ([] if is_named else [path]) + [
            found for name, value in inner for found in untitled(value, f"{path}/{name}")
        ]

    rules = {"isDelete", "someQuantities", "someInputs", "someOutputs", "anyEvent"}
    definitions = schema.SCHEMA["$defs"].items()
    assert [place for name, node in definitions if name not in rules for place in untitled(node, name)] == []


def test_a_problem_is_a_plain_value() -> None:
    assert schema.problems(document(harvest(eventTime=None))) == [
        FieldProblem(0, "/eventTime", "missing_member", "`eventTime` is missing")
    ]
