"""Where goods came from and what became of them: events joined into a graph, and the walk through it.

Backward from a product lie the containers that it travelled in, while it was inside, and what it was made from, with
the journeys of those until they were used. Forward from it lie its containers too, and what was made from it. Several
transformation events that share a transformationID are one transformation: each of its inputs may have gone into each
of its outputs (EPCIS 2.0, section 7.4.6). A lot can't be divided by looking: all events of a lot until the moment of
its use belong to what was made from it.

The walk asks a Source for the events of the things that it has come to, never for all there are, so that its cost
grows with the answer. It is pure: the store stands behind the Source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from traceability.identifiers import canonical
from traceability.mentions import Action, Role, named_as, parent_of
from traceability.packing import BEGINNING_MS, END_MS, Kind, Nesting, Occurrence, Stay, containers, contents, stays

EVENTS_MAX = 10_000
"""A walk that has found more events than this stops, and says so."""
NESTING_MAX = 8
"""Bag, inner box, case, pallet, container, ship: nothing real is nested deeper; events that say so are in a circle."""


class Direction(StrEnum):
    """Which way to walk."""

    BACKWARD = "backward"
    FORWARD = "forward"


class Relation(StrEnum):
    """Why an event is part of the answer."""

    ITSELF = "itself"
    TRAVELLED_IN = "travelled_in"
    ATTACHED_TO = "attached_to"
    MADE_FROM = "made_from"
    BECAME = "became"


class Span(NamedTuple):
    """The events that name a thing (in one role, or any) from `since_ms` until just before `until_ms`."""

    key: str
    since_ms: int
    until_ms: int
    role: Role | None = None


class Sighting(NamedTuple):
    """An event found under a key, and the roles in which it names the thing."""

    occurrence: Occurrence
    roles: frozenset[Role]


class Moment(NamedTuple):
    """The newest events that name a thing in a role before a time."""

    key: str
    role: Role
    before_ms: int


class Source(Protocol):
    """Where events are looked up. Keys are canonical identifiers."""

    def naming(self, spans: Sequence[Span], limit: int) -> Sequence[Sequence[Sighting]]:
        """For each span its events, oldest first. Stops somewhere after `limit` events in all."""

    def latest(self, moments: Sequence[Moment]) -> Sequence[Sequence[Occurrence]]:
        """For each moment the few newest events, newest first."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an event is there: it names `thing`, which is the product itself, or stands in that relation to `of`."""

    relation: Relation
    thing: str
    of: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of the graph: `thing` stands in that relation to `of`. Times in ms, END_MS where it has not ended."""

    relation: Relation
    thing: str
    of: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the answer, with the nearest reason for which it is there."""

    occurrence: Occurrence
    reason: Reason


@dataclass(frozen=True, slots=True)
class Trace:
    """All events that concern a thing, in their order, and the graph that joins them to it.

    `is_truncated` is true where there are more events than the limit: then the farther ones are missing.
    """

    thing: str
    direction: Direction
    steps: tuple[Step, ...]
    links: tuple[Link, ...]
    is_truncated: bool


def trace(source: Source, identifier: str, direction: Direction, limit: int = EVENTS_MAX) -> Trace:
    """Every event that concerns the thing named (in any form of its identifier), found in one direction."""
    thing = canonical(identifier)
    walk = _Walk(source, direction, limit)
    wave = [_Visit(thing, BEGINNING_MS, END_MS, Reason(Relation.ITSELF, thing, None))]
    while wave and not walk.is_truncated:
        wave = walk.go(wave)
    steps = sorted(walk.steps.values(), key=lambda step: step.occurrence.position)
    return Trace(thing, direction, tuple(steps), tuple(walk.links), walk.is_truncated)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A thing to look at, and the part of its life that concerns the product."""

    key: str
    since_ms: int
    until_ms: int
    reason: Reason

    @property
    def is_container(self) -> bool:
        return self.reason.relation in (Relation.TRAVELLED_IN, Relation.ATTACHED_TO)


_Seen = list[tuple[_Visit, Sequence[Sighting]]]


@dataclass(slots=True)
class _Walk:
    source: Source
    direction: Direction
    limit: int
    steps: dict[int, Step] = field(default_factory=dict)
    links: dict[Link, None] = field(default_factory=dict)
    visited: dict[tuple[str, Relation], list[tuple[int, int]]] = field(default_factory=dict)
    is_truncated: bool = False

    def go(self, wave: Sequence[_Visit]) -> list[_Visit]:
        """Look at the things of this wave; the answer is the next wave."""
        spans = [Span(visit.key, visit.since_ms, visit.until_ms) for visit in wave]
        seen = list(zip(wave, self.source.naming(spans, self.limit), strict=True))
        for visit, sightings in seen:
            for sighting in sightings:
                if self._concerns(visit, sighting):
                    self._note(sighting.occurrence, visit.reason)
        if len(self.steps) > self.limit or sum(len(sightings) for _, sightings in seen) > self.limit:
            self.is_truncated = True
            return []
        found = [visit for kind in Kind for visit in self._containers(kind, seen)]
        found += [visit for visit, sightings in seen for visit in self._transformations(visit, sightings)]
        return [visit for visit in found if self._is_new(visit)]

    def _note(self, occurrence: Occurrence, reason: Reason) -> None:
        self.steps.setdefault(occurrence.number, Step(occurrence, reason))

    def _concerns(self, visit: _Visit, sighting: Sighting) -> bool:
        """Of a shared transformation only the side counts that the product is joined to."""
        if Role.TRANSFORMATION not in sighting.roles or visit.reason.relation is Relation.ITSELF:
            return True
        side = Role.INPUT if self.direction is Direction.BACKWARD else Role.OUTPUT
        return any(True for _ in named_as(sighting.occurrence.event, side))

    def _is_new(self, visit: _Visit) -> bool:
        known = self.visited.setdefault((visit.key, visit.reason.relation), [])
        if any(since <= visit.since_ms and visit.until_ms <= until for since, until in known):
            return False
        known.append((visit.since_ms, visit.until_ms))
        return True

    def _containers(self, kind: Kind, seen: _Seen) -> Iterator[_Visit]:
        """What the things seen travelled in, each for the time that it was inside."""
        packings = self._packings(kind, seen)
        inside = [
            (visit, sightings, packed) for (visit, sightings), packed in zip(seen, packings, strict=True) if packed
        ]
        parents = [containers(kind, packed) for _, _, packed in inside]
        spans = [
            Span(parent, since_ms, visit.until_ms, kind.emptied)
            for (visit, _, _), first in zip(inside, parents, strict=True)
            for parent, since_ms in first.items()
        ]
        emptied = iter(self.source.naming(spans, self.limit)) if spans else iter(())
        for (visit, sightings, packed), first in zip(inside, parents, strict=True):
            emptyings = {parent: _effective(next(emptied)) for parent in first}
            endings = _endings(visit.key, sightings)
            for stay in stays(visit.key, kind, packed, emptyings, endings, self._stands_in):
                yield from self._follow(kind, visit, stay)

    def _packings(self, kind: Kind, seen: _Seen) -> list[list[Occurrence]]:
        """Per visit the events that put its thing in or take it out, with the last one before the visit begins."""
        before = [Moment(visit.key, kind.child, visit.since_ms) for visit, _ in seen if visit.is_container]
        latest = iter(self.source.latest(before)) if before else iter(())
        packings = []
        for visit, sightings in seen:
            carried = [] if not visit.is_container else [one for one in next(latest) if not one.is_void][:1]
            now = _effective(sighting for sighting in sightings if kind.child in sighting.roles)
            packings.append(carried + now)
        return packings

    def _follow(self, kind: Kind, visit: _Visit, stay: Stay) -> Iterator[_Visit]:
        relation = Relation.TRAVELLED_IN if kind is Kind.AGGREGATION else Relation.ATTACHED_TO
        since_ms, until_ms = max(stay.since_ms, visit.since_ms), min(stay.until_ms, visit.until_ms)
        reason = Reason(relation, stay.parent, visit.key)
        closing = stay.closed_by
        if closing is not None and visit.since_ms <= closing.at_ms < visit.until_ms:
            self._note(closing, reason)
        if since_ms < until_ms:
            self._link(relation, stay.parent, visit.key, stay.since_ms, stay.until_ms)
            yield _Visit(stay.parent, since_ms, until_ms, reason)

    def _link(self, relation: Relation, thing: str, of: str, since_ms: int, until_ms: int) -> None:
        self.links[Link(relation, thing, of, since_ms, until_ms)] = None

    def _stands_in(self, question: Nesting) -> bool:
        thing = question.inner
        for _ in range(NESTING_MAX):
            (newest,) = self.source.latest([Moment(thing, Role.CHILD, question.at_ms + 1)])
            packing = next((occurrence for occurrence in newest if not occurrence.is_void), None)
            parent = None if packing is None else parent_of(packing.event)
            if packing is None or parent is None or packing.event["action"] == Action.DELETE:
                return False
            if parent == question.outer:
                return True
            thing = parent
        return False

    def _transformations(self, visit: _Visit, sightings: Sequence[Sighting]) -> Iterator[_Visit]:
        """What the thing was made from, or what was made from it."""
        is_backward = self.direction is Direction.BACKWARD
        if visit.is_container and (is_backward or visit.reason.relation is Relation.ATTACHED_TO):
            return
        near, far = (Role.OUTPUT, Role.INPUT) if is_backward else (Role.INPUT, Role.OUTPUT)
        for occurrence, roles in sightings:
            if occurrence.is_void:
                continue
            if near in roles or Role.TRANSFORMATION in roles:
                yield from self._other_side(visit, occurrence, far)
            if near in roles and "transformationID" in occurrence.event:
                shared = canonical(occurrence.event["transformationID"])
                relation = Relation.MADE_FROM if is_backward else Relation.BECAME
                self._link(relation, shared, visit.key, occurrence.at_ms, occurrence.at_ms)
                yield _Visit(shared, BEGINNING_MS, END_MS, Reason(relation, shared, visit.key))
        if visit.reason.relation is Relation.MADE_FROM:
            yield from self._consumed_contents(visit, sightings)

    def _other_side(self, visit: _Visit, occurrence: Occurrence, far: Role) -> Iterator[_Visit]:
        for thing in dict.fromkeys(thing for thing, _ in named_as(occurrence.event, far)):
            if far is Role.INPUT:
                reason, since_ms, until_ms = Relation.MADE_FROM, BEGINNING_MS, occurrence.at_ms + 1
            else:
                reason, since_ms, until_ms = Relation.BECAME, occurrence.at_ms, END_MS
            self._link(reason, thing, visit.key, occurrence.at_ms, occurrence.at_ms)
            yield _Visit(thing, since_ms, until_ms, Reason(reason, thing, visit.key))

    def _consumed_contents(self, visit: _Visit, sightings: Sequence[Sighting]) -> Iterator[_Visit]:
        """Who uses up a container uses up what is in it."""
        packings = _effective(
            sighting
            for sighting in sightings
            if sighting.roles & {Role.PARENT, Role.EMPTIED} and sighting.occurrence.event["type"] == "AggregationEvent"
        )
        for thing, since_ms in contents(visit.key, packings).items():
            self._link(Relation.MADE_FROM, thing, visit.key, since_ms, visit.until_ms)
            yield _Visit(thing, BEGINNING_MS, visit.until_ms, Reason(Relation.MADE_FROM, thing, visit.key))


def _effective(sightings: Iterable[Sighting]) -> list[Occurrence]:
    return [sighting.occurrence for sighting in sightings if not sighting.occurrence.is_void]


def _endings(thing: str, sightings: Sequence[Sighting]) -> list[Occurrence]:
    """The events after which an instance is no more: used up, or deleted (EPCIS 2.0, section 7.3.2)."""
    found = []
    for occurrence, roles in sightings:
        if occurrence.is_void:
            continue
        is_deleted = Role.OBJECT in roles and occurrence.event["type"] == "ObjectEvent" and (
            occurrence.event["action"] == Action.DELETE
        )  # fmt: skip
        role = Role.INPUT if Role.INPUT in roles else Role.OBJECT
        if (is_deleted or Role.INPUT in roles) and (thing, False) in named_as(occurrence.event, role):
            found.append(occurrence)
    return found
