"""The event hash ID of CBV 2.0: the name under which everyone knows an event, whatever its spelling.

CBV 2.0, section 8.9, as the reference implementation and its published vectors have it, with the decisions of
docs/proof-format.md where sources disagree. An event is spelled out as one text, the pre-hash: the standard's fields
in the standard's order, then what remains (extensions, ILMD, transactions, sources, destinations), sorted. Names and
values are joined without separators, so the hash names an event and does not prove one.

How a member is spelled depends on its field alone: `_EVENT_FIELDS` is the table. Every JSON object with a type and
date-times that exist has a hash: what stands where the standard has something else is spelled as extensions are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from traceability.epcis.canonical import canonical_json
from traceability.epcis.context import Namespaces, namespaces_of
from traceability.epcis.numbers import NUMBER_LEADS, plain_number, spelled_number
from traceability.epcis.terms import (
    BUSINESS_STEP_IRIS,
    BUSINESS_TRANSACTION_TYPE_IRIS,
    CBV_URN_BASES,
    COMPONENT_IRIS,
    DISPOSITION_IRIS,
    MEASUREMENT_TYPE_IRIS,
    SENSOR_ALERT_IRIS,
    SOURCE_DESTINATION_TYPE_IRIS,
)
from traceability.epcis.times import instant
from traceability.errors import MalformedJson
from traceability.identifiers import canonical

Spell: TypeAlias = Callable[[str], str]
"""From the text of a field to its text in the pre-hash."""
Render: TypeAlias = Callable[[str, Any, "_Names", list[str]], str]
"""From a member's name and value to its part of the pre-hash. What has no place in the standard's order is added to the
list instead: it is spelled at the event's end, under the names of the fields that it was found in."""

_HASH_ID: Final = re.compile(r"ni:///sha-256;([0-9A-Fa-f]{64})\?ver=CBV2\.0")
_CBV_URN: Final = "urn:epcglobal:cbv:"
_COMMENTS: Final = frozenset({"comment", "{http://www.w3.org/2000/01/rdf-schema#}comment"})
_IGNORE_FIELDS: Final = "{https://repository-x.example.com/}ignoreFields"
_CONTAINERS: Final = (dict, list)
# Places, parties and words return in event after event; longer texts are strangers' and would fill the memory.
_REMEMBERED_CHARACTERS_MAX: Final = 200
# Names are written out in full for every item of a list, words and small numbers too: a few bytes can ask for any
# number. A pre-hash is never longer than it may always be, or than so many times the event's canonical JSON.
_PREHASH_ALWAYS: Final = 64 * 1024
_PREHASH_TIMES: Final = 16
_PREHASH_MAX: Final = 64 * 1024 * 1024
_CHUNK_PARTS: Final = 1024
# Of a name, or of a number in plain notation: shorter ones can't make much of the million values that a file may hold.
_UNCOUNTED_CHARACTERS_MAX: Final = 32


def event_hash(event: Mapping[str, Any], context: Sequence[Any], left_out: Collection[str] = ()) -> bytes:
    """The 32-byte SHA-256 digest inside the event's hash ID, under the document's context and its own `@context`.

    `left_out` are members that the document declares as no facts (`left_out_members`): none in a record. Assumes that
    context and event have passed `check_context` and `check_event`. Raises MalformedJson where a date-time is none, a
    number is not finite, a value is null, a text is no Unicode text, or the pre-hash is too long.
    """
    digest, length = _digest(_parts(event, namespaces_of(context, event.get("@context")), left_out))
    if length > _PREHASH_ALWAYS and length > _length_max(event):
        raise _too_long()
    return digest


def hash_id(digest: bytes) -> str:
    """The event hash ID (RFC 6920, with the version of CBV) around a digest."""
    return f"ni:///sha-256;{digest.hex()}?ver=CBV2.0"


def digest_of_hash_id(text: str) -> bytes | None:
    """The digest inside an event hash ID, None for any other text."""
    match = _HASH_ID.fullmatch(text)
    return bytes.fromhex(match[1]) if match else None


def prehash(event: Mapping[str, Any], namespaces: Namespaces, left_out: Collection[str] = ()) -> str:
    """The text that is hashed. `left_out` are members of the event that are ignored, as `{namespace}local`.

    Raises as `event_hash` does.
    """
    return "".join(_parts(event, namespaces, left_out))


def _parts(event: Mapping[str, Any], namespaces: Namespaces, left_out: Collection[str]) -> list[str]:
    """The pre-hash in pieces."""
    event_type = event.get("type")
    if not isinstance(event_type, str):
        raise MalformedJson("event/type: must be a text")
    names = _Names(namespaces, event)
    remaining: list[str] = []
    parts = [f"eventType={event_type}"]
    for name, render in _EVENT_FIELDS:
        if name in event:
            parts.append(render(name, event[name], names, remaining))
    for name in event.keys() - _PLACED:
        element = namespaces.element_name(name) if ":" in name else name
        if element in left_out or element in _COMMENTS:
            continue
        if name in _PAIR_LISTS:
            remaining.append(_PAIR_LISTS[name](name, event[name], names, remaining))
        else:
            _add_elements(remaining, element, event[name], names)
    remaining.sort()
    return parts + remaining


class _Names:
    """What the names of one event mean, and how much longer its pre-hash may become."""

    __slots__ = ("_event", "_is_final", "_left", "element_name", "expand")

    def __init__(self, namespaces: Namespaces, event: Mapping[str, Any]) -> None:
        self.element_name: Final = namespaces.element_name
        self.expand: Final = namespaces.expand
        self._event: Final = event
        self._left, self._is_final = _PREHASH_ALWAYS, False

    def spend(self, characters: int) -> None:
        """Counts what will stand in the pre-hash. Raises MalformedJson where it becomes too long: before it is made."""
        self._left -= characters
        if self._left < 0 and not self._is_final:
            self._left += _length_max(self._event) - _PREHASH_ALWAYS
            self._is_final = True
        if self._left < 0:
            raise _too_long()


def _length_max(event: Mapping[str, Any]) -> int:
    """How many bytes the event's pre-hash may have (docs/proof-format.md, section 8.4)."""
    return min(_PREHASH_MAX, _PREHASH_ALWAYS + _PREHASH_TIMES * len(canonical_json(event)))


def _too_long() -> MalformedJson:
    return MalformedJson("the event has no event hash: written out, its names and values are too long")


def left_out_members(document: Mapping[str, Any], namespaces: Namespaces) -> frozenset[str]:
    """The event members that a document declares as no facts of the event (`ignoreFields`), as `{namespace}local`.

    A convention of repositories, known from the reference implementation's vectors. A record's event hash takes no
    notice of it: a bundle carries events and no document.
    """
    for holder in (document, _query_results(document)):
        for name, value in holder.items():
            if namespaces.element_name(name) == _IGNORE_FIELDS and isinstance(value, list):
                return frozenset(namespaces.element_name(item) for item in value if isinstance(item, str))
    return frozenset()


def _query_results(document: Mapping[str, Any]) -> Mapping[str, Any]:
    body = document.get("epcisBody")
    results = body.get("queryResults") if isinstance(body, dict) else None
    return results if isinstance(results, dict) else {}


def _digest(parts: Sequence[str]) -> tuple[bytes, int]:
    """SHA-256 of the pre-hash, and its length in bytes. In pieces: there is no room for a copy of the longest."""
    try:
        written = "".join(parts[:_CHUNK_PARTS]).encode()
        hashed, length = hashlib.sha256(written), len(written)
        for start in range(_CHUNK_PARTS, len(parts), _CHUNK_PARTS):
            written = "".join(parts[start : start + _CHUNK_PARTS]).encode()
            hashed.update(written)
            length += len(written)
    except UnicodeEncodeError:
        raise MalformedJson("a text holds half of a surrogate pair") from None
    return hashed.digest(), length


# How a text is spelled: cut off at both ends, identifiers in canonical form, words and numbers in full.


def _text(written: str) -> str:
    text = written.strip()
    if _CBV_URN in text:
        for urn, web_address in CBV_URN_BASES.items():
            text = text.replace(urn, web_address)
    return canonical(text)


def _text_or_number(written: str) -> str:
    # XML has no numbers: 12.50 and "12.50" are the same fact.
    text = written.strip()
    if text[:1] in NUMBER_LEADS and (number := spelled_number(text)):
        return number
    return _text(text)


def _remembered(spell: Spell) -> Spell:
    return lru_cache(maxsize=16_384)(spell)


# How a member is rendered.


def _field(spell: Spell) -> Render:
    """A member of one value, or of several that each stand under its name; empty ones are absent."""
    remembered = lru_cache(maxsize=16_384)(spell)

    def render(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
        if isinstance(value, str):
            text = remembered(value) if len(value) <= _REMEMBERED_CHARACTERS_MAX else spell(value)
            return f"{name}={text}" if text else ""
        if isinstance(value, list):
            return "".join(sorted([item_of(name, item, names, remaining) for item in value]))
        return _element(name, value, names)

    def item_of(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
        # Of the items of a list nearly all are new: remembering them would only cost time.
        if isinstance(value, str):
            text = spell(value)
            return f"{name}={text}" if text else ""
        return render(name, value, names, remaining)

    return render


def _epc_field(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
    """As `_TEXT`, for the items of a list of EPCs, which are not remembered either."""
    if not isinstance(value, str):
        return _TEXT(name, value, names, remaining)
    is_plain = value.startswith("urn:epc:") and not value[-1:].isspace() and _CBV_URN not in value
    text = canonical(value) if is_plain else _text(value)
    return f"{name}={text}" if text else ""


def _word_field(vocabulary: Mapping[str, str]) -> Render:
    """As `_field`, of words: bare ones of the field's own vocabulary, prefixed ones of any."""

    def render(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
        if isinstance(value, str):
            word = value.strip()
            text = vocabulary.get(word, "")
            if not text:
                text = _text(names.expand(word))
                names.spend(len(text))
            return f"{name}={text}" if text else ""
        if isinstance(value, list):
            return "".join(sorted([render(name, item, names, remaining) for item in value]))
        return _element(name, value, names)

    return render


def _time_field(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
    if not isinstance(value, str):
        raise MalformedJson(f"{name}: must be a date-time written as text")
    return f"{name}={instant(value).utc}"


def _object(*fields: tuple[str, Render]) -> Render:
    """A member with members of its own in a set order, then its extensions, sorted; one or several of them."""
    placed = frozenset(name for name, _ in fields)

    def render(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
        if isinstance(value, list):
            return "".join(sorted([render(name, item, names, remaining) for item in value]))
        if not isinstance(value, dict):
            return _element(name, value, names)
        unplaced: list[str] = []
        parts = [render_inner(inner, value[inner], names, unplaced) for inner, render_inner in fields if inner in value]
        if len(parts) < len(value):
            extensions = _extensions(value, placed, names, unplaced)
            parts += extensions
        if unplaced:
            unplaced.sort()
            remaining.append(name + "".join(unplaced))
        content = "".join(parts)
        return name + content if content else ""

    return render


def _extensions(members: Mapping[str, Any], placed: frozenset[str], names: _Names, unplaced: list[str]) -> list[str]:
    """The members in a namespace, spelled and sorted; those that have neither namespace nor place are set aside."""
    extensions: list[str] = []
    for name, value in members.items():
        if name not in placed and (element := names.element_name(name)) not in _COMMENTS:
            _add_elements(extensions if element[0:1] == "{" else unplaced, element, value, names)
    extensions.sort()
    return extensions


def _list_of(item_name: str, render_item: Render) -> Render:
    """A list: its name once, then its items, sorted. An empty list is absent."""

    def render(name: str, value: Any, names: _Names, remaining: list[str]) -> str:
        unplaced: list[str] = []
        items = value if isinstance(value, list) else [value]
        parts = [render_item(item_name, item, names, unplaced) for item in items]
        if unplaced:
            unplaced.sort()
            remaining.append(name + "".join(unplaced))
        parts.sort()
        content = "".join(parts)
        return name + content if content else ""

    return render


def _pairs_of(item_name: str, vocabulary: Mapping[str, str]) -> Render:
    """A list of typed values: each is its type, then its value, without a name around them."""
    return _list_of("", _object(("type", _word_field(vocabulary)), (item_name, _TEXT)))


def _add_elements(parts: list[str], name: str, value: Any, names: _Names) -> None:
    """Adds an extension's parts of the pre-hash: one for each item where it is a list."""
    if isinstance(value, list):
        names.spend(len(name) * len(value))
        parts += [_element(name, item, names) for item in value]
        return
    if len(name) > _UNCOUNTED_CHARACTERS_MAX:
        names.spend(len(name))
    parts.append(_element(name, value, names))


def _element(name: str, value: Any, names: _Names) -> str:
    kind = type(value)
    if kind is str:
        text = _text_or_number(value)
        return f"{name}={text}" if text else name
    if kind is int:
        return f"{name}={value}"
    if kind is dict:
        return _holder(name, value, names)
    if kind is list:
        # A list in a list is an element without a name.
        return name + "".join(sorted([_element("", item, names) for item in value]))
    if kind is bool:
        return f"{name}={'true' if value else 'false'}"
    if kind is not float:
        raise MalformedJson(f"{name}: null is no value of an event")
    written = plain_number(value)
    if len(written) > _UNCOUNTED_CHARACTERS_MAX:
        names.spend(len(written))
    return f"{name}={written}"


def _holder(name: str, members: Mapping[str, Any], names: _Names) -> str:
    """An element that holds others: its name, then they, sorted."""
    parts: list[str] = []
    for inner, value in members.items():
        if inner == "#text" and not isinstance(value, _CONTAINERS):
            # The text of an XML element that has attributes too.
            name = _element(name, value, names)
            continue
        element = names.element_name(inner) if ":" in inner else inner
        if element not in _COMMENTS:
            _add_elements(parts, element, value, names)
    if len(parts) > 1:
        parts.sort()
    parts.insert(0, name)
    return "".join(parts)


_TEXT: Final = _field(_text)
# A number in these fields may come as text, from XML.
_NUMBER: Final = _field(_text_or_number)
_EPCS: Final = _list_of("epc", _epc_field)
_QUANTITIES: Final = _list_of("quantityElement", _object(("epcClass", _TEXT), ("quantity", _NUMBER), ("uom", _TEXT)))
_DISPOSITION: Final = _word_field(DISPOSITION_IRIS)
_PLACE: Final = _object(("id", _TEXT))
_SENSOR_METADATA: Final = _object(
    ("time", _time_field),
    ("startTime", _time_field),
    ("endTime", _time_field),
    ("deviceID", _TEXT),
    ("deviceMetadata", _TEXT),
    ("rawData", _TEXT),
    ("dataProcessingMethod", _TEXT),
    ("bizRules", _TEXT),
)
_SENSOR_REPORT: Final = _object(
    ("type", _word_field(MEASUREMENT_TYPE_IRIS)),
    ("exception", _word_field(SENSOR_ALERT_IRIS)),
    ("deviceID", _TEXT),
    ("deviceMetadata", _TEXT),
    ("rawData", _TEXT),
    ("dataProcessingMethod", _TEXT),
    ("time", _time_field),
    ("microorganism", _TEXT),
    ("chemicalSubstance", _TEXT),
    ("value", _NUMBER),
    ("component", _word_field(COMPONENT_IRIS)),
    ("stringValue", _TEXT),
    ("booleanValue", _TEXT),
    ("hexBinaryValue", _TEXT),
    ("uriValue", _TEXT),
    ("minValue", _NUMBER),
    ("maxValue", _NUMBER),
    ("meanValue", _NUMBER),
    ("sDev", _NUMBER),
    ("percRank", _NUMBER),
    ("percValue", _NUMBER),
    ("uom", _TEXT),
    ("coordinateReferenceSystem", _TEXT),
)

_EVENT_FIELDS: Final[tuple[tuple[str, Render], ...]] = (
    ("eventTime", _time_field),
    ("eventTimeZoneOffset", _TEXT),
    ("certificationInfo", _TEXT),
    ("parentID", _TEXT),
    ("epcList", _EPCS),
    ("inputEPCList", _EPCS),
    ("childEPCs", _EPCS),
    ("quantityList", _QUANTITIES),
    ("childQuantityList", _QUANTITIES),
    ("inputQuantityList", _QUANTITIES),
    ("outputEPCList", _EPCS),
    ("outputQuantityList", _QUANTITIES),
    ("action", _TEXT),
    ("transformationID", _TEXT),
    ("bizStep", _word_field(BUSINESS_STEP_IRIS)),
    ("disposition", _DISPOSITION),
    ("persistentDisposition", _object(("set", _DISPOSITION), ("unset", _DISPOSITION))),
    ("readPoint", _PLACE),
    ("bizLocation", _PLACE),
    (
        "sensorElementList",
        _list_of("sensorElement", _object(("sensorMetadata", _SENSOR_METADATA), ("sensorReport", _SENSOR_REPORT))),
    ),
)
_PAIR_LISTS: Final[Mapping[str, Render]] = {
    "bizTransactionList": _pairs_of("bizTransaction", BUSINESS_TRANSACTION_TYPE_IRIS),
    "sourceList": _pairs_of("source", SOURCE_DESTINATION_TYPE_IRIS),
    "destinationList": _pairs_of("destination", SOURCE_DESTINATION_TYPE_IRIS),
}
_PLACED: Final = frozenset(
    {"type", "eventID", "recordTime", "errorDeclaration", "@context", *(name for name, _ in _EVENT_FIELDS)}
)
