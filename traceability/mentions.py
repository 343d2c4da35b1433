"""Which things an event names, and as what: the only reading of an event that lineage and the index of keys rely on.

A thing is an instance (a bag, a pallet), a class (a lot, a trade item) or a transformation, named by its identifier in
canonical form. No class stands for its instances, so the two never meet here (docs/proof-format.md, section 6). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import Any

from traceability.epcis.terms import BUSINESS_TRANSACTION_TYPES
from traceability.identifiers import canonical

Event = Mapping[str, Any]


class Role(IntEnum):
    """As what an event names a thing (EPCIS 2.0, section 7.4). The numbers stand in the store: never give one anew.

    EMPTIED and DETACHED are parents of a DELETE that names no child: all children left (EPCIS 2.0, section 7.4.3).
    """

    OBJECT = 1
    CHILD = 2
    PARENT = 3
    EMPTIED = 4
    COMPONENT = 5
    CARRIER = 6
    DETACHED = 7
    INPUT = 8
    OUTPUT = 9
    TRANSFORMATION = 10


class Action(StrEnum):
    """What an event says of the life of its things (EPCIS 2.0, section 7.3.2)."""

    ADD = "ADD"
    OBSERVE = "OBSERVE"
    DELETE = "DELETE"


_LISTS = {
    "ObjectEvent": (("epcList", "quantityList", Role.OBJECT),),
    "TransactionEvent": (("epcList", "quantityList", Role.OBJECT),),
    "AggregationEvent": (("childEPCs", "childQuantityList", Role.CHILD),),
    "AssociationEvent": (("childEPCs", "childQuantityList", Role.COMPONENT),),
    "TransformationEvent": (
        ("inputEPCList", "inputQuantityList", Role.INPUT),
        ("outputEPCList", "outputQuantityList", Role.OUTPUT),
    ),
}
"""Per event type the member that lists instances, the one that lists classes, and what they are there."""

BUSINESS_TRANSACTION_URN = "urn:epcglobal:cbv:bt:"
_OTHER_PAPERS = BUSINESS_TRANSACTION_TYPES - {"po"}

_PARENTS = {
    "TransactionEvent": (Role.PARENT, Role.PARENT),
    "AggregationEvent": (Role.PARENT, Role.EMPTIED),
    "AssociationEvent": (Role.CARRIER, Role.DETACHED),
}
"""Per event type what `parentID` is, and what it is where a DELETE names no child."""


def mentions(event: Event) -> set[tuple[str, Role]]:
    """Every thing that the event names, in canonical form, with its role."""
    kind = event["type"]
    found: set[tuple[str, Role]] = set()
    for instances, classes, role in _LISTS[kind]:
        for identifier in event.get(instances, ()):
            found.add((canonical(identifier), role))
        for element in event.get(classes, ()):
            found.add((canonical(element["epcClass"]), role))
    parent = event.get("parentID")
    if parent is not None:
        named, alone = _PARENTS[kind]
        is_alone = not found and event.get("action") == Action.DELETE
        found.add((canonical(parent), alone if is_alone else named))
    transformation = event.get("transformationID")
    if transformation is not None:
        found.add((canonical(transformation), Role.TRANSFORMATION))
    return found


def references(event: Event) -> set[str]:
    """The business transactions by which the event may name an order, in canonical form (EPCIS 2.0, 7.3.5.4).

    No things, so lineage knows nothing of them: goods that came under one purchase order have nothing else in common.
    A number under a GLN names an order as `po` alone: those of despatch advices and invoices are left out.
    """
    return {
        canonical(entry["bizTransaction"])
        for entry in event.get("bizTransactionList", ())
        if entry.get("type") not in _OTHER_PAPERS or not entry["bizTransaction"].startswith(BUSINESS_TRANSACTION_URN)
    }


def parent_of(event: Event) -> str | None:
    """The thing that `parentID` names, in canonical form."""
    parent = event.get("parentID")
    return None if parent is None else canonical(parent)


def named_as(event: Event, role: Role) -> Iterator[tuple[str, bool]]:
    """The things that the event lists in that role, once for each time, and whether it lists them as a class."""
    for instances, classes, listed in _LISTS[event["type"]]:
        if listed == role:
            yield from ((canonical(identifier), False) for identifier in event.get(instances, ()))
            yield from ((canonical(element["epcClass"]), True) for element in event.get(classes, ()))


def quantities(event: Event, role: Role, thing: str) -> Iterable[Mapping[str, Any]]:
    """The quantity elements by which the event names a class in that role (EPCIS 2.0, section 7.3.3.3)."""
    for _, classes, listed in _LISTS[event["type"]]:
        if listed == role:
            yield from (item for item in event.get(classes, ()) if canonical(item["epcClass"]) == thing)
