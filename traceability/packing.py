"""What was inside what, and when: the stays of a thing in its containers, read off aggregation events.

A thing shares its container's journey from the ADD that put it in until the DELETE that took it out; the moment of the
DELETE is not inside (EPCIS 2.0, section 7.4.3). An OBSERVE shows a thing inside from then on. An instance is in one
container of a kind at a time: to be seen in another is to have left the first, unless the one stands in the other. A
class (a lot) can be in many at once, and leaves by quantities. Associations follow the same rules (section 7.4.6).
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from traceability.mentions import Action, Event, Role, named_as, parent_of, quantities

BEGINNING_MS, END_MS = -(2**62), 2**62
"""Before and after all times that an event can have."""


class Kind(Enum):
    """A way of being together, as the roles of child, parent, and parent of a DELETE that names no child."""

    AGGREGATION = (Role.CHILD, Role.PARENT, Role.EMPTIED)
    ASSOCIATION = (Role.COMPONENT, Role.CARRIER, Role.DETACHED)

    @property
    def child(self) -> Role:
        """What the contained thing is in such an event."""
        return self.value[0]

    @property
    def emptied(self) -> Role:
        """What the container is in a DELETE that names no child."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event as lineage sees it: when it happened, and its number in the order of arrival.

    From a void one (an error declaration, a withdrawn or failed record) nothing follows; it is only shown.
    """

    number: int
    at_ms: int
    event: Event
    is_void: bool = False

    @property
    def position(self) -> tuple[int, int]:
        """Its place in the order of events: by time, then by arrival."""
        return self.at_ms, self.number


@dataclass(frozen=True, slots=True)
class Stay:
    """`child` was in `parent` from `since_ms` until just before `until_ms` (END_MS where nothing ended it).

    `closed_by` is the event that ended it, where that event does not name the child: a DELETE of all children.
    """

    child: str
    parent: str
    since_ms: int
    until_ms: int
    opened_by: int
    closed_by: Occurrence | None


class Nesting(NamedTuple):
    """A question: did `inner` stand in `outer`, however deep, at that moment?"""

    inner: str
    outer: str
    at_ms: int


@dataclass(slots=True)
class _Open:
    since_ms: int
    opened_by: int
    amount: Decimal | None
    """How much of a class is inside; None where that is not known, or for an instance."""


def containers(kind: Kind, packings: Iterable[Occurrence]) -> dict[str, int]:
    """The containers into which these events put something, with the time of the first of them in ms."""
    first: dict[str, int] = {}
    for occurrence in packings:
        parent = parent_of(occurrence.event)
        if parent is not None and occurrence.event["action"] != Action.DELETE:
            first[parent] = min(first.get(parent, END_MS), occurrence.at_ms)
    return first


def stays(
    thing: str,
    kind: Kind,
    packings: Sequence[Occurrence],
    emptyings: Mapping[str, Sequence[Occurrence]],
    endings: Sequence[Occurrence],
    stands_in: Callable[[Nesting], bool],
) -> list[Stay]:
    """The stays of a thing, oldest first.

    `packings` are the events that name it as a child, `emptyings` per container the DELETEs that name no child,
    `endings` those after which the thing is no more (an instance consumed or destroyed). None of them is void.
    `stands_in` is asked only where an instance is put into a container while it is in another.
    """
    ledger = _Stays(thing, kind, stands_in)
    moments = [(occurrence, ledger.pack) for occurrence in packings]
    moments += [(occurrence, ledger.empty) for listed in emptyings.values() for occurrence in listed]
    moments += [(occurrence, ledger.end) for occurrence in endings]
    for occurrence, happen in sorted(moments, key=lambda moment: moment[0].position):
        happen(occurrence)
    return ledger.all()


def contents(container: str, packings: Sequence[Occurrence]) -> dict[str, int]:
    """What is inside a container after these aggregation events of it, oldest first, with the time it came in (ms).

    None of the events is void.
    """
    inside: dict[str, int] = {}
    for occurrence in packings:
        children = [child for child, _ in named_as(occurrence.event, Role.CHILD)]
        if parent_of(occurrence.event) != container:
            continue
        if occurrence.event["action"] != Action.DELETE:
            inside = dict.fromkeys(children, occurrence.at_ms) | inside
        elif children:
            inside = {child: since for child, since in inside.items() if child not in set(children)}
        else:
            inside = {}
    return inside


class _Stays:
    """The stays of one thing while its events are gone through in order."""

    def __init__(self, thing: str, kind: Kind, stands_in: Callable[[Nesting], bool]) -> None:
        self.thing, self.kind, self.stands_in = thing, kind, stands_in
        self.open: dict[str, _Open] = {}
        self.closed: list[Stay] = []

    def pack(self, occurrence: Occurrence) -> None:
        event, parent = occurrence.event, parent_of(occurrence.event)
        if event["action"] == Action.DELETE:
            self._take_out(occurrence, parent)
        elif parent is not None and parent != self.thing:
            if not self._is_class(event):
                self._leave_others(parent, occurrence.at_ms)
            self._put_in(occurrence, parent)

    def empty(self, occurrence: Occurrence) -> None:
        parent = parent_of(occurrence.event)
        if parent in self.open:
            self._close(parent, occurrence.at_ms, occurrence)

    def end(self, occurrence: Occurrence) -> None:
        # It was still there at that moment.
        for parent in list(self.open):
            self._close(parent, occurrence.at_ms + 1, None)

    def all(self) -> list[Stay]:
        for parent in list(self.open):
            self._close(parent, END_MS, None)
        return sorted(self.closed, key=lambda stay: (stay.since_ms, stay.opened_by, stay.parent))

    def _put_in(self, occurrence: Occurrence, parent: str) -> None:
        amount = self._amount(occurrence.event)
        stay = self.open.get(parent)
        if stay is None:
            self.open[parent] = _Open(occurrence.at_ms, occurrence.number, amount)
        elif occurrence.event["action"] == Action.ADD:
            stay.amount = None if stay.amount is None or amount is None else stay.amount + amount

    def _take_out(self, occurrence: Occurrence, parent: str | None) -> None:
        for name in list(self.open) if parent is None else [parent]:
            stay = self.open.get(name)
            if stay is None:
                continue
            taken = self._amount(occurrence.event)
            if stay.amount is not None and taken is not None and taken < stay.amount:
                stay.amount -= taken
            else:
                self._close(name, occurrence.at_ms, None)

    def _leave_others(self, parent: str, at_ms: int) -> None:
        for other in list(self.open):
            if other == parent:
                continue
            # Who lists a pallet's bags beside its cases does not take the bags out of the cases.
            is_nested = self.stands_in(Nesting(other, parent, at_ms)) or self.stands_in(Nesting(parent, other, at_ms))
            if not is_nested:
                self._close(other, at_ms, None)

    def _close(self, parent: str, at_ms: int, closed_by: Occurrence | None) -> None:
        stay = self.open.pop(parent)
        self.closed.append(Stay(self.thing, parent, stay.since_ms, at_ms, stay.opened_by, closed_by))

    def _is_class(self, event: Event) -> bool:
        return any(True for _ in quantities(event, self.kind.child, self.thing))

    def _amount(self, event: Event) -> Decimal | None:
        """How much of a class the event names; None where it does not say so, or says it in several units."""
        elements = list(quantities(event, self.kind.child, self.thing))
        units = {element.get("uom") for element in elements}
        if len(units) != 1 or any("quantity" not in element for element in elements):
            return None
        return sum((Decimal(str(element["quantity"])) for element in elements), Decimal(0))
