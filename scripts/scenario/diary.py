"""The diary in which the story's captures are written down, and the calendar that its days are counted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from scripts.scenario.parties import PLACES, Party, Place

COFFEE = "https://coffee.example.org/ns/"
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"coffee": COFFEE}]
CAPTURE_DELAY = timedelta(minutes=4)

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Capture:
    """One EPCIS document as `party` hands it in, `at` after the story's start. No event in it is later than that.

    `key` names the key file that signs it: the party's device where it has one, or its office (its own account).
    """

    party: Party
    key: str
    at: timedelta
    document: dict[str, Any]

    @property
    def events(self) -> list[Event]:
        """The document's events, in its order."""
        found: list[Event] = self.document["epcisBody"]["eventList"]
        return found


@dataclass(frozen=True, slots=True)
class Lot:
    """So many kilograms of one lot (its LGTIN), and the story's day from which on they are there."""

    epc_class: str
    number: str
    kilograms: float
    day: int = 0


@dataclass
class Diary:
    """What happened from `start` on. Day 0 is the first whole day (UTC) after it; `chance` is seeded."""

    start: datetime
    chance: Random
    captures: list[Capture] = field(default_factory=list)
    _introduced: set[str] = field(default_factory=set)

    def time(self, day: int, clock: str, place: Place) -> datetime:
        """The moment of the story's `day` when a clock at `place` shows `clock` (hh:mm), with the offset there."""
        noon = datetime.combine(self.start.date() + timedelta(days=day + 1), time(12), UTC)
        return datetime.combine(noon.date(), time.fromisoformat(clock), place.zone(noon))

    def capture(
        self, party: Party, events: Sequence[Event], *, at: datetime | None = None, by_office: bool = False
    ) -> None:
        """Hand in `events` as one document, `at` that time or else a few minutes after the last of them."""
        if at is None:
            at = max(datetime.fromisoformat(event["eventTime"]) for event in events) + CAPTURE_DELAY
        document = {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": at.isoformat(),
            "epcisBody": {"eventList": list(events)},
        }
        if party.slug not in self._introduced:
            self._introduced.add(party.slug)
            document["epcisHeader"] = {"epcisMasterData": {"vocabularyList": [_locations(party)]}}
        key = party.slug if by_office or party.device is None else party.device
        self.captures.append(Capture(party, key, at - self.start, document))


def _locations(party: Party) -> dict[str, Any]:
    """The party's places as CBV master data, coordinates included."""
    return {
        "type": "urn:epcglobal:epcis:vtype:Location",
        "vocabularyElementList": [
            {"id": place.sgln, "attributes": [{"id": name, "attribute": value} for name, value in _attributes(place)]}
            for place in PLACES
            if place.party is party
        ],
    }


def _attributes(place: Place) -> list[tuple[str, str | float]]:
    return [
        ("cbvmda:name", place.name),
        ("cbvmda:city", place.city),
        ("cbvmda:countryCode", place.country),
        ("cbvmda:latitude", place.latitude),
        ("cbvmda:longitude", place.longitude),
    ]
