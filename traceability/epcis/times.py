"""Date-times of an event: which spellings are taken, and the instant that one means. docs/proof-format.md, section 2.

ISO 8601 allows more than anyone agrees on; one spelling is taken, and only for instants that every language can hold:
years 0001 to 9999, also in UTC and rounded to milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from traceability.epcis.context import check_no_inner_context
from traceability.epcis.terms import EVENT_TYPES
from traceability.errors import MalformedJson

_DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_CANONICAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
_OFFSET: Final = re.compile(r"[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CACHED_CHARACTERS_MAX: Final = 64

_SENSOR_METADATA_TIMES: Final = ("time", "startTime", "endTime")


class Instant(NamedTuple):
    """A moment: milliseconds since 1970-01-01T00:00:00Z, and `YYYY-MM-DDThh:mm:ss.sssZ`."""

    epoch_ms: int
    utc: str


def instant(text: str) -> Instant:
    """The moment that a date-time means, rounded half up to the millisecond. Raises MalformedJson with the reason."""
    # Long fractions are legal: they must not stay in memory.
    return _remembered_instant(text) if len(text) <= _CACHED_CHARACTERS_MAX else _instant(text)


def epoch_ms(text: str) -> int:
    """Milliseconds since 1970-01-01T00:00:00Z of a date-time, rounded half up. Raises MalformedJson."""
    return instant(text).epoch_ms


def check_event(event: object) -> None:
    """Returns if the event has a type of EPCIS's five, its two times, only date-times that exist, and no inner context.

    That is all that a verifier asks of an event (docs/proof-format.md, section 2, last paragraph); the schema is
    capture's business. Raises MalformedJson with the member's path.
    """
    if not isinstance(event, dict):
        raise MalformedJson("event: must be an object")
    event_type = event.get("type")
    if not isinstance(event_type, str) or event_type not in EVENT_TYPES:
        raise MalformedJson(f"event/type: must be one of {', '.join(sorted(EVENT_TYPES))}")
    if "eventTime" not in event:
        raise MalformedJson("event/eventTime: is missing")
    offset = event.get("eventTimeZoneOffset")
    if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
        raise MalformedJson("event/eventTimeZoneOffset: must be ±hh:mm, at most 14:00")
    check_date_times(event)
    check_no_inner_context(event)


def check_date_times(event: Mapping[str, Any]) -> None:
    """Returns if every date-time field that the event has is a date-time. Raises MalformedJson with its path."""
    for path, value in date_times(event):
        if not isinstance(value, str):
            raise MalformedJson(f"event/{path}: must be a date-time written as text")
        try:
            instant(value)
        except MalformedJson as wrong:
            raise MalformedJson(f"event/{path}: {wrong.reason}") from None


def date_times(event: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Path and value of each date-time field of an event, whatever the value is."""
    for name in ("eventTime", "recordTime"):
        if name in event:
            yield name, event[name]
    declaration = event.get("errorDeclaration")
    if isinstance(declaration, dict) and "declarationTime" in declaration:
        yield "errorDeclaration/declarationTime", declaration["declarationTime"]
    if "sensorElementList" in event:
        yield from _sensor_times(event["sensorElementList"])


def _sensor_times(elements: object) -> Iterator[tuple[str, object]]:
    for path, element in _objects(elements, "sensorElementList"):
        for inner, metadata in _objects(element.get("sensorMetadata"), f"{path}/sensorMetadata"):
            for name in _SENSOR_METADATA_TIMES:
                if name in metadata:
                    yield f"{inner}/{name}", metadata[name]
        for inner, report in _objects(element.get("sensorReport"), f"{path}/sensorReport"):
            if "time" in report:
                yield f"{inner}/time", report["time"]


def _objects(value: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in a list, lists in it included, or the one that stands where a list of one is meant."""
    if isinstance(value, dict):
        yield path, value
        return
    # Not by recursion: each of a million objects would be handed up through as many lists as stand around it.
    stack = [(path, iter(enumerate(value)))] if isinstance(value, list) else []
    while stack:
        path, items = stack[-1]
        for index, item in items:
            if isinstance(item, dict):
                yield f"{path}/{index}", item
            elif isinstance(item, list):
                stack.append((f"{path}/{index}", iter(enumerate(item))))
                break
        else:
            stack.pop()


def _instant(text: str) -> Instant:
    if _CANONICAL.fullmatch(text):
        return _canonical_instant(text)
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise MalformedJson(f"{text[:40]!r} is no date-time YYYY-MM-DDThh:mm:ss[.s…] with Z or ±hh:mm")
    local, fraction, offset = match.groups()
    milliseconds = _half_up_ms(fraction) if fraction else 0
    if offset == "Z" and milliseconds < 1_000:
        return _canonical_instant(f"{local}.{milliseconds:03}Z")
    if offset != "Z" and not _OFFSET.fullmatch(offset):
        raise MalformedJson(f"{text[:40]!r} has an offset over 14:00")
    try:
        moment = datetime.fromisoformat(local + offset).astimezone(UTC) + timedelta(milliseconds=milliseconds)
    except (ValueError, OverflowError):
        raise MalformedJson(f"{text[:40]!r} is no time that exists in the years 0001 to 9999, in UTC too") from None
    # The offset is cut off: datetime writes +00:00 where the standard writes Z.
    return Instant((moment - _EPOCH) // _MILLISECOND, moment.isoformat(timespec="milliseconds")[:-6] + "Z")


def _canonical_instant(text: str) -> Instant:
    """The moment of a date-time that is written as the event hash wants it: the commonest case, in half the time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedJson(f"{text!r} is no time that exists in the years 0001 to 9999") from None
    return Instant((moment - _EPOCH) // _MILLISECOND, text)


def _half_up_ms(fraction: str) -> int:
    return int(fraction[:3].ljust(3, "0")) + (len(fraction) > 3 and fraction[3] >= "5")


_remembered_instant = lru_cache(maxsize=8192)(_instant)
