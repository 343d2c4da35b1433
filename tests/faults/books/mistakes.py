"""Offices whose invoices are all in order, and the same with one mistake whose state is known beforehand.

Nothing is left to the eye: a clean office may have no item that anybody must look at, one with a mistake exactly those
that the mistake is bound to show, and no other.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from ledger.hexadecimal import to_hex
from ledger.judgement import Side, State
from ledger.money import Number
from ledger.orders import Cause, Split
from ledger.reconciliation import Item
from tests.ledger.office import Office
from tests.ledger.trade import BANK, COOPERATIVE, ROASTER

START = date(2027, 1, 1)


@dataclass
class Deal:
    """One delivery with its invoice, as it is to be: a mistake changes some of it."""

    order: bytes
    quantity: int
    agreed: int
    unit_price: int
    reduction: int
    delivery: bytes = b""

    @property
    def gross(self) -> int:
        """What the terms give for the delivery."""
        return self.agreed * self.unit_price

    @property
    def due(self) -> int:
        """What is left of it after its reduction."""
        return self.gross * (10_000 - self.reduction) // 10_000


@dataclass
class Desk:
    """An office, and the randomness that fills it."""

    source: random.Random
    office: Office = field(default_factory=Office)
    _notes: int = 0

    def __post_init__(self) -> None:
        self.office.trade.mint(ROASTER, 10**15)

    # ------------------------------------------------------------------------------------------------- what is clean

    def fill(self) -> None:
        """A few orders of every kind, all of it in order."""
        for _ in range(self.source.randrange(2, 6)):
            self.source.choice((
                self.each_with_its_own, self.one_for_several, self.several_for_one, self.inspected_later,
                self.sold_receivable, self.refunded, self.rest_is_left, self.nothing_yet,
            ))()  # fmt: skip

    def each_with_its_own(self) -> None:
        for deal in self.deals(self.source.randrange(1, 5)):
            self.settle(deal)
            self.invoice(deal)

    def one_for_several(self) -> None:
        deals = self.deals(self.source.randrange(2, 4))
        for deal in deals:
            self.settle(deal)
        first = deals[0]
        self.write(first.order, sum(one.quantity for one in deals), sum(one.due for one in deals))

    def several_for_one(self) -> None:
        (deal,) = self.deals(1, quantity_min=2, reductions=(0,))
        self.settle(deal)
        part = self.source.randrange(1, deal.quantity)
        for quantity in (part, deal.quantity - part):
            self.write(deal.order, quantity, quantity * deal.unit_price)

    def inspected_later(self) -> None:
        """Taken over for one milestone, inspected for another: one thing to invoice."""
        quantity, first, second = self.source.randrange(1, 900), self.price(), self.price()
        order = self.office.order((first * quantity, quantity), (second * quantity, quantity))
        note = self.note()
        for milestone in (0, 1):
            delivery = self.office.deliver(order, quantity, milestone=milestone, note=note)
            self.office.trade.end(order, delivery, milestone=milestone)
        self.write(order, quantity, (first + second) * quantity)

    def sold_receivable(self) -> None:
        (deal,) = self.deals(1)
        self.office.trade.tokenise(deal.order)
        self.office.trade.sell(deal.order, BANK)
        self.settle(deal)
        self.write(deal.order, deal.quantity, deal.due, payee="First Bank")

    def refunded(self) -> None:
        (deal,) = self.deals(1, is_delivered=False)
        self.office.trade.end(deal.order)

    def rest_is_left(self) -> None:
        for deal in self.deals(2):
            self.settle(deal)
            self.invoice(deal)
            order = deal.order
        self.office.trade.end(order)

    def nothing_yet(self) -> None:
        self.deals(1, is_delivered=False)

    # ------------------------------------------------------------------------------------------------------ its parts

    def deal(self, *, quantity: int | None = None, reduction: int | None = None) -> Deal:
        """A delivery of an order of its own, agreed and received."""
        reductions = (0, 0, 650) if reduction is None else (reduction,)
        (deal,) = self.deals(1, quantity=quantity, reductions=reductions)
        return deal

    def settle(self, deal: Deal, cause: Cause = Cause.SETTLED, bps: int = 0) -> None:
        self.office.trade.end(deal.order, deal.delivery, cause=cause, bps=bps)

    def invoice(self, deal: Deal, **more: object) -> None:
        self.write(deal.order, deal.quantity, deal.due, **more)

    def alter(self, **changes: object) -> None:
        """Makes something else of the last invoice."""
        self.office.invoices[-1] = self.office.invoices[-1]._replace(**changes)  # type: ignore[arg-type]

    def deals(
        self, count: int, *, quantity: int | None = None, quantity_min: int = 1, is_delivered: bool = True,
        reductions: tuple[int, ...] = (0, 0, 0, 650, 1_000),
    ) -> list[Deal]:  # fmt: skip
        """Deliveries of one order, of different quantities, of which something stays outstanding."""
        price = self.price()
        quantities = [quantity] if quantity else self.source.sample(range(quantity_min, 900), count)
        splits = (Split(COOPERATIVE, self.source.randrange(1, 900)),) if self.source.randrange(3) == 0 else ()
        ordered = sum(quantities) + self.source.randrange(1, 50)
        order = self.office.order((ordered * price, ordered), splits=splits)
        deals = []
        for one in quantities:
            deal = Deal(order, one, one, price, self.source.choice(reductions))
            if is_delivered:
                note = self.note()
                deal.delivery = self.office.deliver(order, one, note=note, reduction=deal.reduction)
            deals.append(deal)
        return deals

    def write(self, order: bytes, quantity: int, amount: int, **more: object) -> None:
        """An invoice, by the order's id or its reference, on any day."""
        name = self.source.choice((to_hex(order), *self.office.documents[order].references))
        day = START + timedelta(days=self.source.randrange(60))
        self.office.invoice(name, quantity, amount, **({"date": day} | more))

    def price(self) -> int:
        return self.source.randrange(20, 5_000) * 1_000

    def note(self) -> str:
        self._notes += 1
        return f"DA-{self._notes}"


# ---------------------------------------------------------------------------------------------------------- mistakes


def _not_invoiced(desk: Desk) -> None:
    desk.settle(desk.deal())


def _sent_twice(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal)
    desk.invoice(deal, date=START)
    number = desk.office.invoices[-1].number
    desk.invoice(deal, number=number.lower(), date=START + timedelta(days=desk.source.randrange(60)))


def _invoiced_twice(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal)
    for _ in range(2):
        desk.invoice(deal)


def _of_nothing(desk: Desk) -> None:
    deals = desk.deals(1, is_delivered=False)
    desk.invoice(deals[0])


def _altered(alter: Callable[[Desk, Deal], dict[str, object]]) -> Callable[[Desk], None]:
    """A good deal, with something in its invoice that is wrong."""

    def make(desk: Desk) -> None:
        deal = desk.deal()
        desk.settle(deal)
        desk.invoice(deal)
        desk.alter(**alter(desk, deal))

    return make


def _other_order(desk: Desk) -> None:
    """The invoice names another order of the same seller, of which nothing has come."""
    deal, (other, *_) = desk.deal(), desk.deals(1, is_delivered=False)
    desk.settle(deal)
    desk.invoice(deal)
    desk.alter(order=to_hex(other.order))


def _without_event(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal)
    desk.invoice(deal)
    desk.office.receipts = [one for one in desk.office.receipts if one.delivery != deal.delivery]


def _event_withdrawn(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal)
    desk.invoice(deal)
    desk.office.withdraw(deal.delivery)


def _event_of_another_quantity(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal)
    desk.invoice(deal)
    desk.office.receipts = [
        one._replace(quantity=one.quantity + 1) if one.delivery == deal.delivery else one
        for one in desk.office.receipts
    ]


def _too_much_came(desk: Desk) -> None:
    price, ordered = desk.price(), desk.source.randrange(10, 900)
    order = desk.office.order((price * ordered, ordered))
    more = ordered + desk.source.randrange(1, 50)
    desk.office.trade.end(order, desk.office.deliver(order, more, note=desk.note()))
    desk.write(order, more, price * ordered)


def _disputed(desk: Desk) -> None:
    deal = desk.deal()
    desk.office.trade.dispute(deal.order, deal.delivery)
    desk.invoice(deal)


def _not_settled(desk: Desk) -> None:
    desk.invoice(desk.deal())


def _ruled(desk: Desk) -> None:
    deal = desk.deal(reduction=0)
    desk.office.trade.dispute(deal.order, deal.delivery)
    desk.settle(deal, Cause.RULED, bps=desk.source.randrange(1, 9_999))
    desk.invoice(deal)


def _given_back(desk: Desk) -> None:
    deal = desk.deal()
    desk.settle(deal, Cause.GIVEN_BACK)
    desk.invoice(deal)


def _expired(desk: Desk) -> None:
    (deal,) = desk.deals(1, is_delivered=False)
    desk.office.trade.end(deal.order)
    desk.invoice(deal)


def _penalty_forgotten(desk: Desk) -> None:
    """Released although it was late: more was paid than is invoiced."""
    deal = desk.deal(reduction=650)
    desk.settle(deal, Cause.RELEASED)
    desk.invoice(deal)


def _penalty_invoiced(desk: Desk) -> None:
    """Invoiced in full although it was late."""
    deal = desk.deal(reduction=650)
    desk.settle(deal)
    desk.invoice(deal)
    desk.alter(amount=deal.gross)


MISTAKES: dict[str, tuple[Callable[[Desk], None], tuple[State, ...]]] = {
    "not invoiced": (_not_invoiced, (State.INVOICE_MISSING,)),
    "the same invoice twice": (_sent_twice, (State.DUPLICATE_INVOICE,)),
    "invoiced twice, by two numbers": (_invoiced_twice, (State.RECEIPT_MISSING,)),
    "invoiced, nothing came": (_of_nothing, (State.RECEIPT_MISSING,)),
    "an order that nobody knows": (
        _altered(lambda _, __: {"order": "PO-unknown"}), (State.UNKNOWN_ORDER, State.INVOICE_MISSING),
    ),
    "another order": (_other_order, (State.RECEIPT_MISSING, State.INVOICE_MISSING)),
    "a wrong amount": (
        _altered(lambda desk, deal: {"amount": max(1, deal.due + desk.source.choice((-1, 1, 7, -999)))}),
        (State.AMOUNT_DIFFERS,),
    ),
    "a penalty that was invoiced": (_penalty_invoiced, (State.AMOUNT_DIFFERS,)),
    "a wrong currency": (_altered(lambda _, __: {"currency": "EUR"}), (State.AMOUNT_DIFFERS,)),
    "a wrong quantity": (
        _altered(lambda desk, deal: {"quantity": Number(deal.quantity + desk.source.randrange(1, 9), 0)}),
        (State.QUANTITY_DIFFERS,),
    ),
    "a wrong unit": (_altered(lambda _, __: {"uom": "TNE"}), (State.QUANTITY_DIFFERS,)),
    "from somebody else": (_altered(lambda _, __: {"seller": "Corner Shops"}), (State.WRONG_PAYEE,)),
    "to be paid to somebody else": (_altered(lambda _, __: {"payee": "First Bank"}), (State.WRONG_PAYEE,)),
    "no event": (_without_event, (State.RECEIPT_MISSING,)),
    "an event that was withdrawn": (_event_withdrawn, (State.RECEIPT_WITHDRAWN,)),
    "an event of another quantity": (_event_of_another_quantity, (State.QUANTITY_DIFFERS,)),
    "more came than was ordered": (_too_much_came, (State.OVER_DELIVERED,)),
    "in dispute": (_disputed, (State.DISPUTED,)),
    "not settled yet": (_not_settled, (State.UNPAID,)),
    "less by a ruling": (_ruled, (State.UNPAID,)),
    "given back": (_given_back, (State.REFUNDED,)),
    "expired, and invoiced": (_expired, (State.REFUNDED,)),
    "a penalty that was not kept": (_penalty_forgotten, (State.OVERPAID,)),
}  # fmt: skip
"""By name: how it is made, and what must be found; nothing else may be."""


def alarms(desk: Desk) -> list[Item]:
    """The items that somebody must look at, with the invoices in any order."""
    desk.source.shuffle(desk.office.invoices)
    return [item for item in desk.office.reconcile(side=Side.BUYER) if not item.is_in_order]


def clean(seed: int) -> int:
    """How many items an office has in which nothing is wrong. Raises AssertionError at a false alarm."""
    desk = Desk(random.Random(seed))
    desk.fill()
    found = alarms(desk)
    assert not found, f"seed {seed}: a false alarm: {found}"
    return len(desk.office.reconcile(side=Side.BUYER))


def mistaken(seed: int, name: str) -> None:
    """An office with that mistake among what is in order. Raises AssertionError where another is found, or none."""
    make, states = MISTAKES[name]
    desk = Desk(random.Random(seed))
    desk.fill()
    first = len(desk.office.documents)
    make(desk)
    orders = set(list(desk.office.documents)[first:]) | {None}
    desk.fill()
    found = alarms(desk)
    assert sorted(item.state for item in found) == sorted(states), f"seed {seed}: {name}: found {found}"
    assert all(item.order in orders for item in found), f"seed {seed}: {name}: found elsewhere: {found}"
