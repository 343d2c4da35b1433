"""Small stories for the tests of lineage: events made in a line each, and a Source that keeps them in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from traceability.lineage import Direction, Moment, Sighting, Span, Trace, trace
from traceability.mentions import Role, mentions
from traceability.packing import Occurrence

START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)

CHERRIES = "urn:epc:class:lgtin:9521234.011111.CH-1"
PARCHMENT = "urn:epc:class:lgtin:9521234.022222.PA-1"
GREEN = "urn:epc:class:lgtin:9521234.033333.GR-1"
OTHER_GREEN = "urn:epc:class:lgtin:9521234.033333.GR-2"
ROASTED = "urn:epc:class:lgtin:9524321.044444.RO-1"
BAG, OTHER_BAG, THIRD_BAG = (f"urn:epc:id:sgtin:9524321.055555.{serial}" for serial in (1, 2, 3))
CASE, OTHER_CASE = (f"urn:epc:id:sscc:9524321.100000000{serial}" for serial in (1, 2))
PALLET, OTHER_PALLET = (f"urn:epc:id:sscc:9524321.200000000{serial}" for serial in (1, 2))
CONTAINER = "urn:epc:id:bic:CSQU3054383"
CRATE = "urn:epc:id:grai:9521234.06666.77"
PROBE = "urn:epc:id:giai:9521234.probe-7"

Event = dict[str, Any]


def event(kind: str, minute: float, **members: Any) -> Event:
    at = START + timedelta(minutes=minute)
    return {"type": kind, "eventTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "eventTimeZoneOffset": "+00:00", **members}  # fmt: skip


def seen(minute: float, *things: str, action: str = "OBSERVE", **members: Any) -> Event:
    return event("ObjectEvent", minute, action=action, epcList=list(things), **members)


def lot_seen(minute: float, lot: str, action: str = "OBSERVE", **members: Any) -> Event:
    return event("ObjectEvent", minute, action=action, quantityList=[{"epcClass": lot}], **members)


def packed(minute: float, parent: str, *children: str, action: str = "ADD", **members: Any) -> Event:
    return event("AggregationEvent", minute, action=action, parentID=parent, childEPCs=list(children), **members)


def lot_packed(minute: float, parent: str, lot: str, kg: float | None = None, action: str = "ADD") -> Event:
    element: Event = {"epcClass": lot} if kg is None else {"epcClass": lot, "quantity": kg, "uom": "KGM"}
    return event("AggregationEvent", minute, action=action, parentID=parent, childQuantityList=[element])


def made(minute: float, inputs: Sequence[str], outputs: Sequence[str], shared: str | None = None) -> Event:
    """A transformation; identifiers of classes go into the quantity lists."""
    members: Event = {}
    for side, things in (("input", inputs), ("output", outputs)):
        instances = [thing for thing in things if ":class:" not in thing]
        lots = [{"epcClass": thing} for thing in things if ":class:" in thing]
        members |= {f"{side}EPCList": instances} if instances else {}
        members |= {f"{side}QuantityList": lots} if lots else {}
    return event("TransformationEvent", minute, **members, **({"transformationID": shared} if shared else {}))


def attached(minute: float, parent: str, *children: str, action: str = "ADD") -> Event:
    return event("AssociationEvent", minute, action=action, parentID=parent, childEPCs=list(children))


class Story:
    """A Source over a list of events in the order of arrival. `void` are indexes of events without effect."""

    def __init__(self, *events: Event, void: Sequence[int] = ()) -> None:
        self.occurrences = [
            Occurrence(number, _at_ms(told), told, number in void) for number, told in enumerate(events)
        ]
        self.roles = [mentions(told) for told in events]

    def naming(self, spans: Sequence[Span], limit: int) -> list[list[Sighting]]:
        return [[sighting for sighting in self._under(span.key)
                 if span.since_ms <= sighting.occurrence.at_ms < span.until_ms
                 and (span.role is None or span.role in sighting.roles)] for span in spans]  # fmt: skip

    def latest(self, moments: Sequence[Moment]) -> list[list[Occurrence]]:
        return [[sighting.occurrence for sighting in reversed(self._under(moment.key))
                 if moment.role in sighting.roles and sighting.occurrence.at_ms < moment.before_ms][:8]
                for moment in moments]  # fmt: skip

    def _under(self, key: str) -> list[Sighting]:
        found = []
        for occurrence, named in zip(self.occurrences, self.roles, strict=True):
            roles = frozenset(role for thing, role in named if thing == key)
            if roles:
                found.append(Sighting(occurrence, roles))
        return sorted(found, key=lambda sighting: sighting.occurrence.position)

    def back(self, thing: str) -> list[int]:
        """The indexes of the events that concern a thing, found backward, in order."""
        return numbers(trace(self, thing, Direction.BACKWARD))

    def forward(self, thing: str) -> list[int]:
        return numbers(trace(self, thing, Direction.FORWARD))


def numbers(found: Trace) -> list[int]:
    return [step.occurrence.number for step in found.steps]


def roles_of(told: Event, thing: str) -> set[Role]:
    return {role for named, role in mentions(told) if named == thing}


def _at_ms(told: Event) -> int:
    return int(datetime.fromisoformat(told["eventTime"]).timestamp() * 1000)
