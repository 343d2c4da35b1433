"""A product's history in words for whoever holds the product: the answer first, then stop by stop. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from api.pages.words import ANSWERS, MEANINGS, QUANTITIES, RELATIONS, STEPS, TYPES, UNITS
from api.places import Place
from ledger.hexadecimal import to_address, to_hex
from traceability.errors import InvalidIdentifier
from traceability.history import Entry, History
from traceability.identifiers import parse
from traceability.lineage import Relation
from traceability.verdict import Code, Result, worst

PartyName = Callable[[bytes], str | None]
"""The legal name of a party by its account, None where the registry has none."""
PlaceOf = Callable[[bytes, str], Place | None]
"""What a party (20 bytes) says of a place, by the place's identifier."""

READINGS_SHOWN_MAX = 4

_GEO = re.compile(r"geo:(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)")
_TONES = {
    Result.FAILED: "bad",
    Result.DISOWNED: "bad",
    Result.CORRECTED: "wait",
    Result.PENDING: "wait",
    Result.CONSISTENT: "wait",
    Result.VERIFIED: "good",
}
_SIGNS = {"pass": "✓", "wait": "…", "fail": "✗"}


@dataclass(frozen=True, slots=True)
class Tick:
    """One thing that was checked: `state` is pass, wait or fail, and never shown by colour alone."""

    state: str
    label: str

    @property
    def sign(self) -> str:
        """The tick itself."""
        return _SIGNS[self.state]


@dataclass(frozen=True, slots=True)
class Stop:
    """One event of the journey, ready to be read. `when` is the local time of the place; `position` a geo: address."""

    when: str
    when_machine: str
    title: str
    who: str
    place: str | None
    position: str | None
    position_words: str | None
    why: str | None
    readings: tuple[str, ...]
    ticks: tuple[Tick, ...]
    note: str | None
    tone: str
    is_struck: bool
    details: tuple[tuple[str, str], ...]
    event_href: str
    proof_href: str


@dataclass(frozen=True, slots=True)
class Passport:
    """A page on one product: the answer, a few facts, and the stops, oldest first."""

    title: str
    subtitle: str | None
    identifier: str
    tone: str
    answer: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    stops: tuple[Stop, ...]
    is_truncated: bool
    history_href: str
    proof_href: str
    checked_at: str
    chain_id: int


def passport_of(
    history: History, identifier: str, *, chain_id: int, checked_at: int, party_name: PartyName, place_of: PlaceOf
) -> Passport:
    """The page on a history, which has one entry at least. `checked_at` is the answers' block time in seconds."""
    results = [entry.verdict.result for entry in history.entries]
    result = worst(results)
    counted = {"count": results.count(result), "total": len(results)}
    encoded = quote(identifier, safe="")
    return Passport(
        title=_title(identifier),
        subtitle=_subtitle(identifier),
        identifier=identifier,
        tone=_TONES[result],
        answer=ANSWERS[result.value].format(**counted),
        meaning=MEANINGS[result.value],
        facts=tuple(_facts(history.entries, party_name, place_of)),
        stops=tuple(_stop(entry, history.product, party_name, place_of) for entry in history.entries),
        is_truncated=history.is_truncated,
        history_href=f"/products/{encoded}/history",
        proof_href=f"/products/{encoded}/proof",
        checked_at=f"{datetime.fromtimestamp(checked_at, UTC):%-d %B %Y, %H:%M:%S} UTC",
        chain_id=chain_id,
    )


def thing_words(identifier: str) -> str:
    """An identifier as people say it: `GTIN 09521008000016, serial 77`. What is no GS1 key stays as it is."""
    try:
        found = parse(identifier)
    except InvalidIdentifier:
        return identifier
    values = [f"{name} {value}" for name, value in found.parts.items() if name in _SPOKEN_PARTS]
    number = _number(found.digital_link)
    return ", ".join([f"{found.key} {number}", *values])


_SPOKEN_PARTS = ("lot", "serial")


def _number(digital_link: str) -> str:
    """The key's own number: the second segment of the path."""
    return digital_link.removeprefix("https://id.gs1.org/").split("/")[1]


def _title(identifier: str) -> str:
    try:
        found = parse(identifier)
    except InvalidIdentifier:
        return identifier
    kinds = {"SSCC": "Pallet or parcel", "GTIN": "Product"}
    if "lot" in found.parts:
        return f"Lot {found.parts['lot']}"
    if "serial" in found.parts:
        return f"{kinds.get(found.key, found.key)} {found.parts['serial']}"
    return f"{kinds.get(found.key, found.key)} {_number(found.digital_link)}"


def _subtitle(identifier: str) -> str | None:
    words = thing_words(identifier)
    return None if words == identifier else words


def _facts(entries: Sequence[Entry], party_name: PartyName, place_of: PlaceOf) -> Iterator[tuple[str, str]]:
    good = [entry for entry in entries if not _is_struck(entry)] or list(entries)
    first, last = good[0], good[-1]
    yield "First recorded", _when(first)
    yield "Last recorded", ", ".join(part for part in (_when(last), _place(last, place_of)) if part)
    # Most active first; each by the name that the registry has.
    parties = Counter(entry.stored.record.party for entry in entries)
    names = [party_name(party) or to_address(party) for party, _ in parties.most_common()]
    yield f"Recorded by {len(names)}", ", ".join(names)
    slowest = max((entry.verdict.seconds_to_anchor or 0.0 for entry in entries), default=0.0)
    yield "Longest wait until anchored", _span(slowest)


def _stop(entry: Entry, product: str, party_name: PartyName, place_of: PlaceOf) -> Stop:
    stored, event = entry.stored, entry.stored.event
    position = _position(entry, place_of)
    who = party_name(stored.record.party) or to_address(stored.record.party)
    record = to_hex(stored.record_hash)
    return Stop(
        when=_when(entry),
        when_machine=str(event["eventTime"]),
        title=_step_words(entry),
        who=who,
        place=_place(entry, place_of),
        position=f"geo:{position[0]},{position[1]}" if position else None,
        position_words=_degrees(*position) if position else None,
        why=_why(entry, product),
        readings=tuple(_readings(event)),
        ticks=tuple(_ticks(entry, who)),
        note=_note(entry),
        tone=_TONES[entry.verdict.result],
        is_struck=_is_struck(entry),
        details=(
            ("Event", stored.event_id),
            ("Record", record),
            ("Party", f"{who}, {to_address(stored.record.party)}"),
            ("Signed by", f"{to_address(stored.signer)}, number {stored.record.sequence}"),
            ("State", entry.state),
        ),
        event_href=f"/events/{record}",
        proof_href=f"/events/{record}/proof",
    )


def _is_struck(entry: Entry) -> bool:
    return entry.verdict.result in (Result.FAILED, Result.DISOWNED, Result.CORRECTED)


def _step_words(entry: Entry) -> str:
    """What happened. A step of the standard stands in many spellings: bare, `cbv:BizStep-…`, a URI."""
    event = entry.stored.event
    prefix = "Declared an error: " if entry.stored.is_declaration else ""
    if entry.step is None:
        return prefix + TYPES[event["type"]]
    bare = re.split(r"[/:#-]", entry.step)[-1]
    return prefix + STEPS.get(bare, bare.replace("_", " ").capitalize())


def _when(entry: Entry) -> str:
    """The event's own time on the clock of its place."""
    event = entry.stored.event
    sign = -1 if event["eventTimeZoneOffset"].startswith("-") else 1
    hours, minutes = event["eventTimeZoneOffset"][1:].split(":")
    zone = timezone(sign * timedelta(hours=int(hours), minutes=int(minutes)))
    local = datetime.fromtimestamp(entry.stored.event_time_ms / 1000, zone)
    return f"{local:%-d %B %Y, %H:%M}"


def _place(entry: Entry, place_of: PlaceOf) -> str | None:
    if entry.place is None:
        return None
    known = place_of(entry.stored.record.party, entry.place)
    return (known.words() if known else None) or thing_words(entry.place)


def _position(entry: Entry, place_of: PlaceOf) -> tuple[float, float] | None:
    """Where it happened, in degrees: as the event itself says it, which is signed; else as master data does."""
    for value in entry.stored.event.values():
        found = _GEO.match(value) if isinstance(value, str) else None
        if found:
            return float(found[1]), float(found[2])
    known = place_of(entry.stored.record.party, entry.place) if entry.place else None
    if known is None or known.latitude is None or known.longitude is None:
        return None
    return known.latitude, known.longitude


def _degrees(latitude: float, longitude: float) -> str:
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"


def _why(entry: Entry, product: str) -> str | None:
    """Why an event of another thing is part of this journey."""
    if entry.reason is None or entry.reason.relation is Relation.ITSELF or entry.reason.thing == product:
        return None
    return RELATIONS[entry.reason.relation.value].format(thing=thing_words(entry.reason.thing))


def _readings(event: dict[str, Any]) -> Iterator[str]:
    """What sensors said, a line each, a few of them."""
    reports = [
        report for element in event.get("sensorElementList", ()) for report in element.get("sensorReport", ())
    ]  # fmt: skip
    for report in reports[:READINGS_SHOWN_MAX]:
        name = re.split(r"[/:#-]", str(report.get("type", "Measured")))[-1]
        unit = UNITS.get(str(report.get("uom")), str(report.get("uom", "")))
        values = [f"{label}{report[member]} {unit}".rstrip() for member, label in _VALUES if member in report]
        if values:
            yield f"{QUANTITIES.get(name, name)}: {', '.join(values)}"
    if len(reports) > READINGS_SHOWN_MAX:
        yield f"and {len(reports) - READINGS_SHOWN_MAX} readings more"


_VALUES = (("value", ""), ("minValue", "at least "), ("maxValue", "at most "), ("meanValue", "on average "))

_STEPS_OF_CODES = {
    Code.EVENT_ALTERED: 0,
    Code.BAD_SIGNATURE: 1,
    Code.NOT_IN_BATCH: 2,
    Code.ROOT_NOT_ANCHORED: 2,
    Code.SIGNER_NOT_AUTHORISED: 1,
    Code.POSTDATED: 3,
    Code.EQUIVOCAL: 3,
    Code.UNRELATED: 3,
}
"""Which of the four ticks a failed check spoils."""


def _ticks(entry: Entry, who: str) -> Iterator[Tick]:
    """What was checked, a tick each; what comes after a failure was not looked at any more."""
    verdict = entry.verdict
    failed = None if verdict.code is None else _STEPS_OF_CODES[verdict.code]
    anchored = "not anchored yet" if verdict.anchored_at is None else f"anchored {_anchored(verdict.anchored_at)}"
    labels = ("unchanged", f"signed for {who}", anchored, "fits the others")
    for number, label in enumerate(labels):
        if failed is not None and number >= failed:
            yield Tick("fail" if number == failed else "wait", label if number != failed else f"not {_denied(label)}")
        elif number == 2 and verdict.anchored_at is None:
            yield Tick("wait", label)
        else:
            yield Tick("pass", label)
    if verdict.result is Result.CORRECTED:
        yield Tick("wait", "withdrawn as mistaken")
    if verdict.result is Result.DISOWNED:
        yield Tick("fail", "disowned")


def _denied(label: str) -> str:
    return "in agreement with the others" if label == "fits the others" else label.removeprefix("not ")


def _anchored(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%-d %b %Y, %H:%M} UTC"


def _note(entry: Entry) -> str | None:
    """A sentence where the ticks do not say all."""
    is_plain = entry.verdict.result is Result.VERIFIED and not entry.marks
    return None if is_plain else f"{entry.verdict.reason[:1].upper()}{entry.verdict.reason[1:]}."


def _span(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0.0, seconds):.0f} seconds"
