"""An EPCIS document as capture takes it: its context as a list, and its events, each valid by the standard and by us.

Three shapes are taken: an EPCISDocument, an EPCISQueryDocument, and a single event with its `@context`, which is a
document of one. What is refused beyond the standard, under codes of its own: what docs/proof-format.md, section 2,
says of contexts and events, an extension whose prefix nothing declares, and an event that lies in the future.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from traceability.epcis import schema
from traceability.epcis.context import Namespaces, check_context, namespaces_of
from traceability.epcis.terms import EVENT_TYPES
from traceability.epcis.times import check_date_times, epoch_ms
from traceability.errors import FieldProblem, InvalidDocument, MalformedJson
from traceability.strict_json import BYTES_MAX, EVENT_DEPTH_MAX, VALUES_MAX, check_depth, scan

CLOCK_ERROR_MS: Final = 5 * 60 * 1000
# A file that is all mistakes is refused whole: describing each would take many times its size.
PROBLEMS_MAX: Final = 10_000

# Members whose values hold no other names than the standard's, once the schema is satisfied.
_CLOSED_MEMBERS: Final = frozenset(
    {
        *("@context", "type", "eventID", "eventTime", "eventTimeZoneOffset", "recordTime", "certificationInfo"),
        *("action", "bizStep", "disposition", "persistentDisposition", "transformationID", "parentID"),
        *("epcList", "quantityList", "childEPCs", "childQuantityList"),
        *("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList"),
        *("bizTransactionList", "sourceList", "destinationList"),
    }
)


@dataclass(frozen=True, slots=True)
class Document:
    """What of a document is recorded, and what came around it.

    `context` is a list as docs/proof-format.md, section 2, takes it; `events` are as written, in document order, only
    that an event's own `@context` is a list too, and that of a single event has become the document's; `header` holds
    the other members of the document: nothing signs or hashes them.
    """

    context: list[Any]
    events: list[dict[str, Any]]
    header: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Partition:
    """A document of which some events may be wrong: `document` holds the good ones only.

    `indexes` are the places of the good events in the file; `problems` say what is wrong with the others.
    """

    document: Document
    indexes: list[int]
    problems: list[FieldProblem]


def parse_document(data: bytes, *, now_ms: int, bytes_max: int = BYTES_MAX, values_max: int = VALUES_MAX) -> Document:
    """The document in a file's bytes; `now_ms` is the present in milliseconds since 1970.

    Raises MalformedJson where the bytes are no JSON as section 2 takes it, InvalidDocument where the document is wrong.
    """
    parsed = scan(data, bytes_max=bytes_max, values_max=values_max)
    return read_document(parsed.value, now_ms=now_ms, depth=parsed.depth)


def read_document(value: Any, *, now_ms: int, depth: int | None = None) -> Document:
    """The document in a value that `strict_json` has parsed; `depth` is that of the whole file, where it is known.

    Raises InvalidDocument with every problem that was found, 100 at most.
    """
    parts = partition(value, now_ms=now_ms, depth=depth)
    if parts.problems:
        raise InvalidDocument(parts.problems[: schema.PROBLEMS_MAX])
    return parts.document


def partition(value: Any, *, now_ms: int, depth: int | None = None) -> Partition:
    """A document's good events, and the problems of the others.

    Raises InvalidDocument where the document itself is wrong, or there are more than PROBLEMS_MAX problems.
    """
    is_valid = schema.is_valid(value)
    if not is_valid and (wrong := schema.document_problems(value)):
        raise InvalidDocument(wrong)
    context = _context_of(value)
    header, events = _taken_apart(value)
    if depth is None or depth > EVENT_DEPTH_MAX:
        _check_context_depth(context)
    judge = _Judge(context, now_ms, is_deep=depth is None or depth > EVENT_DEPTH_MAX)
    good: list[dict[str, Any]] = []
    indexes: list[int] = []
    problems: list[FieldProblem] = []
    for index, written in enumerate(events):
        has_many = len(problems) >= schema.PROBLEMS_MAX
        found = [] if is_valid else schema.event_problems(written, index, 1 if has_many else schema.PROBLEMS_MAX)
        if not found:
            event = _with_listed_context(written)
            found = judge.problems(event, index)
        if found:
            problems += found
        else:
            good.append(event)
            indexes.append(index)
        if len(problems) > PROBLEMS_MAX:
            raise InvalidDocument(problems[: schema.PROBLEMS_MAX])
    return Partition(Document(context, good, header), indexes, problems)


class _Judge:
    """Our own rules for the events of one document; remembers the names that it has found in order."""

    def __init__(self, context: list[Any], now_ms: int, *, is_deep: bool) -> None:
        self._context, self._is_deep = context, is_deep
        self._latest_ms = now_ms + CLOCK_ERROR_MS
        self._known_names: set[str] = set()

    def problems(self, event: dict[str, Any], index: int) -> list[FieldProblem]:
        """What our rules object to in an event that satisfies the schema."""
        if event["type"] not in EVENT_TYPES:
            text = f"`type` must be one of {', '.join(sorted(EVENT_TYPES))}: no other event has an event hash"
            return [FieldProblem(index, "/type", "unknown_event_type", text)]
        if self._is_deep and (text := _too_deep(event, "the event")):
            return [FieldProblem(index, "", "too_deep", text)]
        found = self._time_problem(event, index)
        return ([found] if found else []) + self._name_problems(event, index)

    def _time_problem(self, event: dict[str, Any], index: int) -> FieldProblem | None:
        try:
            check_date_times(event)
        except MalformedJson as error:
            where, _, reason = error.reason.removeprefix("event").partition(": ")
            return FieldProblem(index, where, "invalid_time", f"`{where.rpartition('/')[2]}`: {reason}")
        if epoch_ms(event["eventTime"]) <= self._latest_ms:
            return None
        text = f"`eventTime` {event['eventTime']} lies more than 5 minutes in the future: record what has happened"
        return FieldProblem(index, "/eventTime", "event_time_in_future", text)

    def _name_problems(self, event: dict[str, Any], index: int) -> list[FieldProblem]:
        own_context = event.get("@context")
        if own_context is None:
            names = _open_names(event)
            if self._known_names.issuperset(names):
                return []
        else:
            names = set()
            try:
                check_context(self._context, own_context)
            except MalformedJson as error:
                return [FieldProblem(index, "/@context", "malformed_context", error.reason)]
        found = list(islice(_undeclared(event, namespaces_of(self._context, own_context), index), schema.PROBLEMS_MAX))
        if not found:
            self._known_names |= names
        return found


def _context_of(value: dict[str, Any]) -> list[Any]:
    context = value["@context"]
    listed = context if isinstance(context, list) else [context]
    try:
        check_context(listed)
    except MalformedJson as error:
        raise InvalidDocument([FieldProblem(None, "/@context", "malformed_context", error.reason)]) from None
    return listed


def _check_context_depth(context: list[Any]) -> None:
    if text := _too_deep(context, "the context"):
        raise InvalidDocument([FieldProblem(None, "/@context", "too_deep", text)])


def _too_deep(value: Any, name: str) -> str:
    try:
        check_depth(value, name)
    except MalformedJson as error:
        return error.reason
    return ""


def _taken_apart(value: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """A document's other members, and its events; a single event is a document without any."""
    events = schema.event_list(value)
    if events is None:
        return {}, [{name: item for name, item in value.items() if name != "@context"}]
    return {name: item for name, item in value.items() if name not in ("@context", "epcisBody")}, events


def _with_listed_context(event: dict[str, Any]) -> dict[str, Any]:
    context = event.get("@context")
    return event if context is None or isinstance(context, list) else {**event, "@context": [context]}


def _open_names(event: dict[str, Any]) -> set[str]:
    """Every member name of an event, at any depth, but the standard's closed ones."""
    names = event.keys() - _CLOSED_MEMBERS
    waiting = [event[name] for name in names]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            names.update(value)
            waiting += [item for item in value.values() if isinstance(item, (dict, list))]
        elif isinstance(value, list):
            waiting += [item for item in value if isinstance(item, (dict, list))]
    return names


def _undeclared(event: dict[str, Any], namespaces: Namespaces, index: int) -> Iterator[FieldProblem]:
    """Names whose meaning nothing gives: a prefix that no context declares; and an `@context` where none is taken."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), event)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, list):
            waiting += [((*path, place), item) for place, item in enumerate(value)]
        elif isinstance(value, dict):
            for name, item in value.items():
                here = (*path, name)
                if name == "@context" and path:
                    text = "an `@context` is taken at the top of a document or event only"
                    yield FieldProblem(index, schema.pointer(*here), "nested_context", text)
                elif prefix := _undeclared_prefix(name, namespaces):
                    text = (
                        f"`{name[:80]}` has the prefix `{prefix[:80]}`, which no `@context` declares: "
                        f'add {{"{prefix[:80]}": "https://…"}} to it'
                    )
                    yield FieldProblem(index, schema.pointer(*here), "undeclared_prefix", text)
                if path or name not in _CLOSED_MEMBERS:
                    waiting.append((here, item))


def _undeclared_prefix(name: str, namespaces: Namespaces) -> str:
    """The prefix of a name where nothing declares it, else nothing. `urn:…` and `scheme://…` are addresses in full."""
    prefix, colon, local = name.partition(":")
    is_address = prefix == "urn" or local.startswith("//")
    return prefix if colon and not is_address and prefix not in namespaces.prefixes else ""
