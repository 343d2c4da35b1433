"""A product's history in words for whoever holds the product: the answer first, then stop by stop. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import groupby
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
REPEATS_SHOWN_MAX = 3
_NAMES = ("product", "productName", "descriptionShort", "regulatedProductName")
"""Words for a product's name, in whatever namespace."""

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
    """A page on one product: the answer, a few facts, and the stops, oldest first.

    `groups` are the same stops; those that only repeat the one before are together with it.
    """

    title: str
    subtitle: str | None
    identifier: str
    tone: str
    answer: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    stops: tuple[Stop, ...]
    groups: tuple[tuple[Stop, ...], ...]
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
    whole = "The one record is" if len(results) == 1 else f"All {len(results)} records are"
    counted = {"count": results.count(result), "total": len(results), "whole": whole}
    encoded = quote(identifier, safe="")
    title, words = _title(history, identifier), thing_words(identifier)
    stops = tuple(_stop(entry, history.product, party_name, place_of) for entry in history.entries)
    return Passport(
        title=title,
        subtitle=None if title == words else words,
        identifier=identifier,
        tone=_TONES[result],
        answer=ANSWERS[result.value].format(**counted),
        meaning=MEANINGS[result.value],
        facts=tuple(_facts(history.entries, party_name, place_of)),
        stops=stops,
        groups=tuple(_groups(stops)),
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
    spoken = [f"{name} {found.parts[name]}" for name in ("lot", "serial") if name in found.parts]
    number = found.digital_link.removeprefix("https://id.gs1.org/").split("/")[1]
    # Of some keys (GRAI, GDTI, GCN) the serial number is a part.
    return ", ".join([f"{found.key} {number.removesuffix(found.parts.get('serial', ''))}", *spoken])


def _title(history: History, identifier: str) -> str:
    """What whoever made the product calls it, if that is recorded; else what its identifier says."""
    for entry in history.entries:
        is_own = entry.reason is not None and entry.reason.relation is Relation.ITSELF and not _is_struck(entry)
        for name, value in entry.stored.event.get("ilmd", {}).items() if is_own else ():
            if _bare(name) in _NAMES and isinstance(value, str):
                return value
    return thing_words(identifier)


def _ilmd(event: dict[str, Any]) -> str | None:
    """What was said of the goods when they were made: plain values only, each with its name in words."""
    values = [
        f"{_spaced(_bare(name))} {value}"
        for name, value in event.get("ilmd", {}).items()
        if isinstance(value, str | int | float) and _bare(name) not in _NAMES
    ]
    return ", ".join(values)[:1].upper() + ", ".join(values)[1:] if values else None


def _bare(name: str) -> str:
    """A word without its namespace: `cbvmda:lotNumber`, `cbv:BizStep-shipping`, `https://…/Temperature`."""
    return re.split(r"[/:#-]", name)[-1]


def _spaced(name: str) -> str:
    """`bestBeforeDate` as `best before date`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().replace("_", " ")


def _facts(entries: Sequence[Entry], party_name: PartyName, place_of: PlaceOf) -> Iterator[tuple[str, str]]:
    good = [entry for entry in entries if not _is_struck(entry)] or list(entries)
    first, last = good[0], good[-1]
    yield "First recorded", ", ".join(part for part in (_when(first), _place(first, place_of)) if part)
    yield "Last recorded", ", ".join(part for part in (_when(last), _place(last, place_of)) if part)
    # Most active first; each by the name that the registry has.
    parties = Counter(entry.stored.record.party for entry in entries)
    names = [party_name(party) or to_address(party) for party, _ in parties.most_common()]
    yield f"Recorded by {len(names)}", ", ".join(names)
    slowest = max((entry.verdict.seconds_to_anchor or 0.0 for entry in entries), default=0.0)
    yield "Longest time from event to anchor", _span(slowest)


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
    bare = _bare(entry.step)
    if bare == "commissioning" and event["type"] == "TransformationEvent":
        return prefix + TYPES["TransformationEvent"]
    return prefix + STEPS.get(bare, _spaced(bare).capitalize())


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
    """What was said of the goods, and what sensors measured: a line each, a few of them."""
    if (said := _ilmd(event)) is not None:
        yield said
    reports = [
        report for element in event.get("sensorElementList", ()) for report in element.get("sensorReport", ())
    ]  # fmt: skip
    for report in reports[:READINGS_SHOWN_MAX]:
        name = _bare(str(report.get("type", "Measured")))
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
    is_anchored = verdict.anchored_at is not None
    labels = (
        ("unchanged", "altered"),
        (f"signed for {who}", f"not signed for {who}"),
        (
            f"anchored {_anchored(verdict.anchored_at)}" if is_anchored else "not anchored yet",
            "not anchored as it says",
        ),
        ("no contradiction", "contradicted"),
    )
    failed = len(labels) if verdict.code is None else _STEPS_OF_CODES[verdict.code]
    for number, (good, bad) in enumerate(labels[: failed + 1]):
        is_open = good == "not anchored yet"
        yield Tick("fail", bad) if number == failed else Tick("wait" if is_open else "pass", good)
    if verdict.result is Result.CORRECTED:
        yield Tick("wait", "withdrawn as mistaken")
    if verdict.result is Result.DISOWNED:
        yield Tick("fail", "disowned")


def _groups(stops: Sequence[Stop]) -> Iterator[tuple[Stop, ...]]:
    """Runs of one and the same thing happening, if nothing is to be said against any of them."""
    for _, run in groupby(stops, key=lambda stop: (stop.title, stop.who, stop.tone, stop.note)):
        alike = tuple(run)
        if len(alike) > REPEATS_SHOWN_MAX and alike[0].tone == "good":
            yield alike
        else:
            yield from ((stop,) for stop in alike)


def _anchored(at: int | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%-d %b %Y, %H:%M} UTC"


def _note(entry: Entry) -> str | None:
    """A sentence where the ticks do not say all."""
    is_plain = entry.verdict.result is Result.VERIFIED and not entry.marks
    return None if is_plain else f"{entry.verdict.reason[:1].upper()}{entry.verdict.reason[1:]}."


def _span(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0.0, seconds):.0f} seconds"
