"""What is wrong with a document by the EPCIS 2.0 standard: where, and in words.

schema.json is a JSON Schema of our own that gives the verdict of GS1's, format assertions included: without them GS1's
word lists would be no lists, because any text would pass as the URI that may stand instead of a word. The whole
document is judged at once; only where the answer is no is each event held against the schema of its own type, so that
the problem is a missing member and not a list of alternatives that all fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson

from traceability.epcis.reasons import kind_of, reasons
from traceability.errors import FieldProblem

PROBLEMS_MAX: Final = 100
# Listing all errors of a value takes some 200 times its memory, so that a hostile file could exhaust the machine.
_THOROUGH_BYTES_MAX: Final = 32 * 1024
_NAME_SHOWN_MAX: Final = 200

SCHEMA: Final[dict[str, Any]] = json.loads(files("traceability.epcis").joinpath("schema.json").read_bytes())

_EVENT_DEFINITIONS: Final = {
    "ObjectEvent": "objectEvent",
    "AggregationEvent": "aggregationEvent",
    "TransactionEvent": "transactionEvent",
    "TransformationEvent": "transformationEvent",
    "AssociationEvent": "associationEvent",
}
_EVENT_LISTS: Final = {
    "EPCISDocument": ("epcisBody", "eventList"),
    "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody", "eventList"),
}
_DOCUMENT_DEFINITIONS: Final = {"EPCISDocument": "document", "EPCISQueryDocument": "queryDocument"}


def is_valid(document: Any) -> bool:
    """True where the standard has no objection to a document, query document or single event with its `@context`."""
    return _whole().is_valid(document)


def problems(document: Any) -> list[FieldProblem]:
    """What the standard objects to, the document first, then event by event; the first PROBLEMS_MAX, none if valid."""
    return [] if is_valid(document) else list(islice(_all_problems(document), PROBLEMS_MAX))


def document_problems(document: Any) -> list[FieldProblem]:
    """What the standard objects to in a document, its events aside; in a single event, a missing `@context`."""
    if not isinstance(document, dict):
        return [FieldProblem(None, "", "wrong_type", f"a document must be an object, not {kind_of(document)}")]
    if wrong := _type_problem(document, None):
        return [wrong]
    if definition := _DOCUMENT_DEFINITIONS.get(document["type"]):
        return _problems_of(definition, _without_events(document), None)
    if "@context" not in document:
        return [FieldProblem(None, "/@context", "missing_member", "`@context` is missing")]
    return []


def event_problems(event: Any, index: int, problems_max: int = PROBLEMS_MAX) -> list[FieldProblem]:
    """What the standard objects to in one event, at most `problems_max`; `index` is its place in the document.

    A large event is told its first problem only.
    """
    if not isinstance(event, dict):
        return [FieldProblem(index, "", "wrong_type", f"an event must be an object, not {kind_of(event)}")]
    if wrong := _type_problem(event, index):
        return [wrong]
    return _problems_of(_EVENT_DEFINITIONS.get(event["type"], "eventOfAnotherType"), event, index, problems_max)


def event_list(document: dict[str, Any]) -> list[Any] | None:
    """The list in which a document's events stand; None for a single event, and where there is no such list."""
    path = _EVENT_LISTS.get(document["type"])
    if path is None:
        return None
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, list) else None


def pointer(*steps: str | int) -> str:
    """An RFC 6901 JSON pointer; a name of more than 200 characters is cut."""
    return "".join("/" + str(step)[:_NAME_SHOWN_MAX].replace("~", "~0").replace("/", "~1") for step in steps)


def _all_problems(document: Any) -> Iterator[FieldProblem]:
    yield from document_problems(document)
    if not isinstance(document, dict) or _type_problem(document, None):
        return
    is_event = document["type"] not in _DOCUMENT_DEFINITIONS
    for index, event in enumerate([document] if is_event else event_list(document) or []):
        yield from event_problems(event, index)


def _type_problem(value: dict[str, Any], index: int | None) -> FieldProblem | None:
    """What is wrong where nothing else can be judged, because the `type` does not say what this is meant to be."""
    if "type" not in value:
        return FieldProblem(index, "/type", "missing_member", "`type` is missing")
    if not isinstance(value["type"], str):
        return FieldProblem(index, "/type", "wrong_type", f"`type` must be a text, not {kind_of(value['type'])}")
    return None


def _without_events(document: dict[str, Any]) -> dict[str, Any]:
    """The document with an empty list of events where it has one; the original stays as it is."""
    if event_list(document) is None:
        return document
    copy = outer = dict(document)
    *path, last = _EVENT_LISTS[document["type"]]
    for name in path:
        outer[name] = dict(outer[name])
        outer = outer[name]
    outer[last] = []
    return copy


@cache
def _whole() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


@cache
def _validator(definition: str) -> jsonschema_rs.Draft202012Validator:
    schema = {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _problems_of(
    definition: str, value: Any, index: int | None, problems_max: int = PROBLEMS_MAX
) -> list[FieldProblem]:
    validator = _validator(definition)
    errors: Iterable[jsonschema_rs.ValidationError]
    if problems_max > 1 and len(orjson.dumps(value)) <= _THOROUGH_BYTES_MAX:
        errors = validator.iter_errors(value)
    else:
        errors = _first_error(validator, value)
    found = (reason for error in errors for reason in reasons(error, SCHEMA))
    return [FieldProblem(index, pointer(*r.path), r.code, r.text) for r in islice(found, problems_max)]


def _first_error(validator: jsonschema_rs.Draft202012Validator, value: Any) -> list[jsonschema_rs.ValidationError]:
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []
