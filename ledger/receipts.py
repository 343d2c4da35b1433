"""What of an order can be invoiced: agreed deliveries, received ones that are not agreed yet, and what came for none.

Pure. Receipts are plain values: who reads events makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.matching import Line
from ledger.obligations import Obligation, OrderObligations
from ledger.orders import REST


class Receipt(NamedTuple):
    """What an event says was received or accepted. `quantity` is in the smallest unit that the order's terms name."""

    order: bytes
    milestone: int
    delivery: bytes
    quantity: int
    uom: str
    record_hash: bytes
    event_id: str
    happened_at: int
    withdrawn_at: int | None = None


Receipts = Mapping[bytes, list[Receipt]]
"""One order's receipts, by the delivery that they tell of."""


class Unit(NamedTuple):
    """In what a milestone's quantities are counted: `uom` x 10^-`decimals`."""

    uom: str
    decimals: int


def lines_of(order: OrderObligations, receipts: Receipts, units: Sequence[Unit], scale: int) -> list[Line]:
    """What has to be invoiced, in the order of agreement; quantities are counted in 10^-`scale` of their units."""
    lines = []
    for (milestone, delivery), item in order.items.items():
        if delivery != REST:
            lines.append(_line(item, units, scale, item.accepted))
        elif item.paid or item.is_open_dispute:
            lines.append(_line(item, units, scale, 0))
        elif item.is_refunded and not order.accepted[milestone]:
            lines.append(_line(item, units, scale, order.terms.milestones[milestone].ordered))
    if receipts:
        lines += _received(order, receipts, units, scale, stand=True)
    return lines


def expected_of(
    order: OrderObligations, lines: Sequence[Line], receipts: Receipts, units: Sequence[Unit], scale: int
) -> list[Line]:
    """What need not be invoiced, and explains an invoice that covers it; `lines` are the order's."""
    return _received(order, receipts, units, scale, stand=False) + _open(order, lines, units, scale)


def _line(item: Obligation, units: Sequence[Unit], scale: int, quantity: int, *, is_there: bool = True) -> Line:
    # What was given back is looked for under what it would have been.
    money = (item.due or item.returned) if item.is_refunded else item.final
    if item.milestone >= len(units):
        return Line(item, money, None, "", is_there)
    uom, decimals = units[item.milestone]
    return Line(item, money, quantity * int(10 ** (scale - decimals)), uom, is_there)


def _received(
    order: OrderObligations, receipts: Receipts, units: Sequence[Unit], scale: int, *, stand: bool
) -> list[Line]:
    """Deliveries that events tell of and that are not agreed: those of events that stand, or of withdrawn ones only."""
    received: dict[tuple[int, bytes, bool], int] = {}
    for told in receipts.values():
        for receipt in told:
            name = receipt.milestone, receipt.delivery
            if name not in order.items and receipt.milestone < len(order.terms.milestones) and receipt.quantity:
                key = *name, receipt.withdrawn_at is None
                received[key] = max(received.get(key, 0), receipt.quantity)
    return [
        _line(_preview(order, milestone, delivery, quantity), units, scale, quantity)
        for (milestone, delivery, stands), quantity in received.items()
        if stands == stand and (stands or (milestone, delivery, True) not in received)
    ]


def _open(order: OrderObligations, lines: Sequence[Line], units: Sequence[Unit], scale: int) -> list[Line]:
    """What has come for one milestone and can still come for another of its quantity: taken over, not inspected."""
    found: list[Line] = []
    there = {(line.item.milestone, line.item.delivery) for line in lines}
    for line in [line for line in lines if line.item.delivery != REST]:
        for milestone in range(len(order.terms.milestones)):
            name = milestone, line.item.delivery
            if name not in there and _can_still_come(order, milestone, line.item.milestone, units):
                there.add(name)
                item = _preview(order, *name, line.item.accepted)
                found.append(_line(item, units, scale, item.accepted, is_there=False))
    return found


def _can_still_come(order: OrderObligations, milestone: int, other: int, units: Sequence[Unit]) -> bool:
    """Whether what has come for the other milestone may come for this one: as much of it, and money is left."""
    milestones, rest = order.terms.milestones, order.items.get((milestone, REST))
    is_same_unit = units[milestone : milestone + 1] == units[other : other + 1]
    is_same = is_same_unit and milestones[milestone].ordered == milestones[other].ordered
    return is_same and rest is not None and rest.held > 0


def _preview(order: OrderObligations, milestone: int, delivery: bytes, quantity: int) -> Obligation:
    """A delivery that is not agreed, as it will be if it is taken whole and in time."""
    gross = order.preview(milestone, quantity)
    return Obligation(milestone, delivery, gross, 0, gross, quantity)


def by_order(receipts: Iterable[Receipt]) -> Mapping[bytes, Receipts]:
    """The receipts of each order."""
    found: dict[bytes, dict[bytes, list[Receipt]]] = {}
    for receipt in receipts:
        found.setdefault(receipt.order, {}).setdefault(receipt.delivery, []).append(receipt)
    return found
