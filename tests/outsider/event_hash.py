"""Section 8: the event hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import rfc8785

from tests.outsider.form import utc
from tests.outsider.identifiers import canonical
from tests.outsider.page import (
    ALERTS,
    BTT,
    COMPONENTS,
    DISPOSITIONS,
    MEASURES,
    PREFIXES,
    SDT,
    STEPS,
    WHITE,
    indented,
)

Rule = Callable[["Hasher", str, Any, list[str]], str]
CBV_URNS = dict(line.split() for line in indented("- `plainText(text)`"))
COMMENTS = ("comment", "{http://www.w3.org/2000/01/rdf-schema#}comment")


class Hasher:
    """The prefixes of one event, and everything that depends on them."""

    def __init__(self, context: list[Any], event: dict[str, Any]) -> None:
        self.prefixes = dict(PREFIXES)
        for entry in [*context, *event.get("@context", [])]:
            if isinstance(entry, dict):
                self.prefixes |= {name: iri for name, iri in entry.items() if isinstance(iri, str)}

    def split(self, name: str) -> tuple[str, str] | None:
        prefix, colon, local = name.partition(":")
        if not colon or local.startswith("//") or prefix not in self.prefixes:
            return None
        return self.prefixes[prefix], local

    def element(self, name: str) -> str:
        parts = self.split(name)
        return f"{{{parts[0]}}}{parts[1]}" if parts else name

    def expand(self, text: str) -> str:
        parts = self.split(text)
        return parts[0] + parts[1] if parts else text


def plain(number: Decimal) -> str:
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if not number else text


def plain_text(hasher: Hasher, text: str) -> str:
    text = text.strip(WHITE)
    for urn, address in CBV_URNS.items():
        text = text.replace(urn, address)
    return canonical(text)


def free_text(hasher: Hasher, text: str) -> str:
    match = re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?([0-9]+))?", text)
    if match:
        if not re.search("[1-9]", re.split("[eE]", text)[0]):
            return "0"
        if len((match[4] or "").lstrip("0")) <= 6:
            value = Decimal(text)
            # Beyond that many places the plain notation has more than 64 characters anyway.
            if -10_000 < value.adjusted() < 10_000 and len(written := plain(value)) <= 64:
                return written
    return plain_text(hasher, text)


def word(vocabulary: dict[str, str], hasher: Hasher, text: str) -> str:
    return vocabulary[text] if text in vocabulary else plain_text(hasher, hasher.expand(text))


def extension(hasher: Hasher, name: str, value: Any) -> str:
    if isinstance(value, str):
        text = value.strip(WHITE)
        return f"{name}={free_text(hasher, text)}" if text else name
    if isinstance(value, bool):
        return f"{name}={str(value).lower()}"
    if isinstance(value, int | float):
        return f"{name}={plain(Decimal(repr(value)))}"
    parts: list[str] = []
    if isinstance(value, list):
        return name + "".join(sorted(extension(hasher, "", item) for item in value))
    for inner, item in value.items():
        if inner == "#text" and not isinstance(item, dict | list):
            name = extension(hasher, name, item)
        elif hasher.element(inner) not in COMMENTS:
            parts += extensions(hasher, hasher.element(inner), item)
    return name + "".join(sorted(parts))


def extensions(hasher: Hasher, name: str, value: Any) -> list[str]:
    return [extension(hasher, name, item) for item in value] if isinstance(value, list) else [
        extension(hasher, name, value)]  # fmt: skip


def value_rule(spell: Callable[[Hasher, str], str]) -> Rule:
    def rule(hasher: Hasher, name: str, value: Any, aside: list[str]) -> str:
        if isinstance(value, str):
            text = value.strip(WHITE)
            return f"{name}={spell(hasher, text)}" if text else ""
        if isinstance(value, list):
            return "".join(sorted(rule(hasher, name, item, aside) for item in value))
        return extension(hasher, name, value)

    return rule


def time_rule(hasher: Hasher, name: str, value: Any, aside: list[str]) -> str:
    return f"{name}={utc(value).isoformat(timespec='milliseconds')}Z"


def object_rule(fields: dict[str, Rule]) -> Rule:
    def rule(hasher: Hasher, name: str, value: Any, outer_aside: list[str]) -> str:
        if isinstance(value, list):
            return "".join(sorted(rule(hasher, name, item, outer_aside) for item in value))
        if not isinstance(value, dict):
            return extension(hasher, name, value)
        aside: list[str] = []
        content = "".join(fields[n](hasher, n, value[n], aside) for n in fields if n in value)
        others: list[str] = []
        for n, v in value.items():
            element = hasher.element(n)
            if n not in fields and element not in COMMENTS:
                (others if element.startswith("{") else aside).extend(extensions(hasher, element, v))
        content += "".join(sorted(others))
        if aside:
            outer_aside.append(name + "".join(sorted(aside)))
        return name + content if content else ""

    return rule


def list_rule(item_name: str, item_rule: Rule) -> Rule:
    def rule(hasher: Hasher, name: str, value: Any, outer_aside: list[str]) -> str:
        aside: list[str] = []
        items = value if isinstance(value, list) else [value]
        content = "".join(sorted(item_rule(hasher, item_name, item, aside) for item in items))
        if aside:
            outer_aside.append(name + "".join(sorted(aside)))
        return name + content if content else ""

    return rule


PLAIN, FREE = value_rule(plain_text), value_rule(free_text)


def words(vocabulary: dict[str, str]) -> Rule:
    return value_rule(partial(word, vocabulary))


def table(*rows: tuple[str, Rule]) -> dict[str, Rule]:
    return {name: rule for names, rule in rows for name in names.split()}


EPCS = list_rule("epc", PLAIN)
QUANTITIES = list_rule("quantityElement", object_rule(table(("epcClass", PLAIN), ("quantity", FREE), ("uom", PLAIN))))
PAIRS = {
    f"{value}List": list_rule("", object_rule(table(("type", words(vocabulary)), (value, PLAIN))))
    for value, vocabulary in (("bizTransaction", BTT), ("source", SDT), ("destination", SDT))
}
METADATA = table(
    ("time startTime endTime", time_rule), ("deviceID deviceMetadata rawData dataProcessingMethod bizRules", PLAIN)
)
REPORT = table(
    ("type", words(MEASURES)),
    ("exception", words(ALERTS)),
    ("deviceID deviceMetadata rawData dataProcessingMethod", PLAIN),
    ("time", time_rule),
    ("microorganism chemicalSubstance", PLAIN),
    ("value", FREE),
    ("component", words(COMPONENTS)),
    ("stringValue booleanValue hexBinaryValue uriValue", PLAIN),
    ("minValue maxValue meanValue sDev percRank percValue", FREE),
    ("uom coordinateReferenceSystem", PLAIN),
)
SENSOR = table(("sensorMetadata", object_rule(METADATA)), ("sensorReport", object_rule(REPORT)))
FIELDS = table(
    ("eventTime", time_rule),
    ("eventTimeZoneOffset certificationInfo parentID", PLAIN),
    ("epcList inputEPCList childEPCs", EPCS),
    ("quantityList childQuantityList inputQuantityList", QUANTITIES),
    ("outputEPCList", EPCS),
    ("outputQuantityList", QUANTITIES),
    ("action transformationID", PLAIN),
    ("bizStep", words(STEPS)),
    ("disposition", words(DISPOSITIONS)),
    ("persistentDisposition", object_rule(table(("set unset", words(DISPOSITIONS))))),
    ("readPoint bizLocation", object_rule(table(("id", PLAIN)))),
    ("sensorElementList", list_rule("sensorElement", object_rule(SENSOR))),
)
LEFT_OUT = {"type", "eventID", "recordTime", "errorDeclaration", "@context"}


def prehash(context: list[Any], event: dict[str, Any]) -> str:
    """The text that is hashed."""
    hasher = Hasher(context, event)
    rest: list[str] = []
    text = f"eventType={event['type']}"
    text += "".join(FIELDS[name](hasher, name, event[name], rest) for name in FIELDS if name in event)
    for name, value in event.items():
        element = hasher.element(name)
        if name in FIELDS or name in LEFT_OUT or element in COMMENTS:
            continue
        rest += [PAIRS[name](hasher, name, value, rest)] if name in PAIRS else extensions(hasher, element, value)
    return text + "".join(sorted(rest))


def event_hash(context: list[Any], event: dict[str, Any]) -> bytes:
    """SHA-256 over the pre-hash; none where that is too long."""
    text = prehash(context, event).encode()
    if len(text) > min(65_536 + 16 * len(rfc8785.dumps(event)), 67_108_864):
        return b""
    return hashlib.sha256(text).digest()
