"""Order, receipt, invoice and payment compared: every invoice and every delivery ends in one state.

Pure, and never an exception for what data say: they are what this is about. docs/finance.md explains each state with an
example and what to do. Amounts are integers in the token's smallest unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex
from ledger.invoices import Invoice
from ledger.judgement import Judgement, Side, State, judge
from ledger.matching import EXACT, Claim, Match, Tolerances, match, quantity_of
from ledger.money import Currency, Number
from ledger.obligations import Obligations, OrderObligations
from ledger.orders import REST, delivery_id
from ledger.receipts import Receipt, Receipts, Unit, by_order, lines_of


class Document(NamedTuple):
    """What finance needs of an order's terms document: references, one unit a milestone, the deliveries' salt."""

    references: tuple[str, ...]
    units: tuple[Unit, ...]
    salt: bytes


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known beside logs, receipts and invoices.

    `parties` leads from a name, GLN or address, case folded, to a party; `party_of` from accounts to those for whom
    they act or acted; `currencies` is by token, `documents` by order.
    """

    parties: Mapping[str, bytes]
    currencies: Mapping[bytes, Currency]
    documents: Mapping[bytes, Document] = field(default_factory=dict)
    party_of: Mapping[bytes, bytes] = field(default_factory=dict)


class Item(NamedTuple):
    """One invoice, or one delivery without any, and how it ends.

    `money` and `quantity` are what the invoice has more than what it is compared with (negative: less; None: nothing to
    compare); of an over-delivery `quantity` is the excess. `expected` is what payee and splits get in the end as things
    stand, `paid` what they got.
    """

    state: State
    invoice: Invoice | None
    order: bytes | None
    token: bytes | None
    milestones: tuple[int, ...]
    deliveries: tuple[bytes, ...]
    money: int | None
    quantity: Number | None
    uom: str
    expected: int
    paid: int
    events: tuple[str, ...]
    transactions: tuple[bytes, ...]
    note: str

    @property
    def is_in_order(self) -> bool:
        """True where nobody has to do anything: matched, or given back without ever having been invoiced."""
        return self.state is State.MATCHED or (self.state is State.REFUNDED and self.invoice is None)


def reconcile(
    party: bytes, obligations: Obligations, receipts: Sequence[Receipt], invoices: Sequence[Invoice],
    knowledge: Knowledge, tolerances: Tolerances = EXACT, side: Side | None = None,
) -> list[Item]:  # fmt: skip
    """Every invoice and every delivery of the party's orders with its one state; invoices first, as the file has them.

    Looked at are the party's orders as `side`; without one, as what the invoices are about: a file of invoices that the
    party received says nothing about the deliveries that it is to be paid for.
    """
    return _Reconciliation(party, obligations, receipts, knowledge, tolerances).run(invoices, side)


class _Reconciliation:
    def __init__(
        self, party: bytes, obligations: Obligations, receipts: Sequence[Receipt], knowledge: Knowledge,
        tolerances: Tolerances,
    ) -> None:  # fmt: skip
        self._party, self._knowledge, self._tolerances = party, knowledge, tolerances
        self._receipts = by_order(receipts)
        self._orders = {
            name: order for name, order in obligations.orders.items()
            if party in (order.terms.buyer, order.terms.seller)
        }  # fmt: skip
        self._by_reference: dict[str, list[bytes]] = defaultdict(list)
        for name, document in knowledge.documents.items():
            if name in self._orders:
                for reference in document.references:
                    self._by_reference[reference.strip()].append(name)

    def run(self, invoices: Sequence[Invoice], side: Side | None) -> list[Item]:
        items: list[Item] = []
        claims: dict[bytes, list[Claim]] = {}
        sides = set() if side is None else {side}
        duplicates = self._duplicates(invoices)
        for invoice in invoices:
            order, note = self._order_of(invoice)
            if order is None:
                items.append(_alone(Judgement(State.UNKNOWN_ORDER, note), invoice, None))
                continue
            if side is None:
                sides.add(self._side(order))
            if (first := duplicates.get(invoice.row)) is not None:
                note = f"the invoice in row {first} has this seller and number"
                items.append(_alone(Judgement(State.DUPLICATE_INVOICE, note), invoice, order))
            else:
                claims.setdefault(order.order, []).append(self._claim(invoice, order))
        for name, order in self._orders.items():
            if name in claims or not sides or self._side(order) in sides:
                items.extend(self._order_items(order, claims.get(name, [])))
        items.sort(key=lambda item: item.invoice.row if item.invoice is not None else 1 << 62)
        return items

    # -------------------------------------------------------------------------------------- which order, whose invoice

    def _order_of(self, invoice: Invoice) -> tuple[OrderObligations | None, str]:
        """The order that the invoice names; else none, and why."""
        text = invoice.order
        if len(text) == 66 and text[:2] in ("0x", "0X"):
            try:
                order = self._orders.get(from_hex(text.lower(), 32))
            except InvalidHex:
                order = None
            return order, "no order of this party has this id"
        named = self._by_reference.get(text, [])
        if len(named) > 1:
            seller = self._party_named(invoice.seller)
            named = [name for name in named if self._orders[name].terms.seller == seller] or named
        if len(named) > 1:
            return None, f"{len(named)} orders of this party list this reference: name the order by its id"
        return (self._orders[named[0]] if named else None), "no order of this party lists this reference"

    def _duplicates(self, invoices: Sequence[Invoice]) -> dict[int, int]:
        """By row the duplicates, and the row that has their number first: of one seller the earliest keeps it."""
        first: dict[tuple[bytes | str, str], int] = {}
        duplicates: dict[int, int] = {}
        for invoice in sorted(invoices, key=lambda one: (one.date, one.row)):
            seller = self._party_named(invoice.seller) or invoice.seller.casefold()
            known = first.setdefault((seller, invoice.number.casefold()), invoice.row)
            if known != invoice.row:
                duplicates[invoice.row] = known
        return duplicates

    def _party_named(self, text: str) -> bytes | None:
        return self._knowledge.parties.get(text.casefold())

    def _side(self, order: OrderObligations) -> Side:
        return Side.BUYER if order.terms.buyer == self._party else Side.SELLER

    def _claim(self, invoice: Invoice, order: OrderObligations) -> Claim:
        payees = [self._knowledge.party_of.get(payee, payee) for payee in order.payees]
        is_doubtful = self._party_named(invoice.seller) not in payees
        if invoice.payee is not None and self._party_named(invoice.payee) != payees[-1]:
            is_doubtful = True
        delivery = None
        document = self._knowledge.documents.get(order.order)
        if invoice.delivery is not None and document is not None:
            delivery = delivery_id(order.order, invoice.delivery, document.salt)
        return Claim(invoice, 0, invoice.uom.upper(), delivery, is_doubtful)

    # ------------------------------------------------------------------------------------------------ an order's items

    def _order_items(self, order: OrderObligations, claims: list[Claim]) -> Iterator[Item]:
        document = self._knowledge.documents.get(order.order)
        units = document.units if document is not None else ()
        scale = max([0, *(unit.decimals for unit in units), *(claim.invoice.quantity.scale for claim in claims)])
        claims = [claim._replace(quantity=claim.invoice.quantity.units(scale) or 0) for claim in claims]
        claims.sort(key=lambda claim: (claim.is_doubtful, claim.invoice.date, claim.invoice.row))
        receipts = self._receipts.get(order.order, {})
        currency = self._knowledge.currencies.get(order.terms.token)
        code = None if currency is None else currency.code
        lines = lines_of(order, receipts, units, scale)
        for found in match(claims, lines.due, lines.open, self._tolerances):
            judgement = judge(found, receipts, code, self._side(order), self._tolerances)
            yield from _items(order, found, receipts, judgement, scale)


def _alone(judgement: Judgement, invoice: Invoice, order: OrderObligations | None) -> Item:
    """An invoice with nothing to compare it with."""
    name, token = (None, None) if order is None else (order.order, order.terms.token)
    return Item(
        judgement.state, invoice, name, token, (), (), invoice.amount, invoice.quantity, invoice.uom, 0, 0, (), (),
        judgement.note,
    )  # fmt: skip


def _items(
    order: OrderObligations, found: Match, receipts: Receipts, judgement: Judgement, scale: int
) -> Iterator[Item]:
    lines, (state, note) = found.lines, judgement
    final, paid = sum(line.item.final for line in lines), sum(line.item.paid for line in lines)
    uom = found.claims[0].uom if found.claims else next((line.uom for line in lines), "")
    named = {line.item.delivery for line in lines} - {REST}
    bare = Item(
        state, None, order.order, order.terms.token, tuple(sorted({line.item.milestone for line in lines})),
        tuple(sorted(named)), None, None, uom, final, paid,
        tuple(dict.fromkeys(told.event_id for delivery in sorted(named) for told in receipts.get(delivery, ()))),
        tuple(dict.fromkeys(one for line in lines for one in line.item.transactions)), note,
    )  # fmt: skip
    accepted = quantity_of(lines, uom)
    if not found.claims:
        yield bare._replace(money=-final, quantity=_quantity(found, 0, accepted, scale))
    # Several invoices of one delivery are set against it one after the other.
    finals = _shares([claim.invoice.amount for claim in found.claims], final)
    paids = _shares([claim.invoice.amount for claim in found.claims], paid)
    quantities = _shares([claim.quantity for claim in found.claims], accepted or 0)
    for claim, own_final, own_paid, own_quantity in zip(found.claims, finals, paids, quantities, strict=True):
        yield bare._replace(
            invoice=claim.invoice, expected=own_final, paid=own_paid,
            money=claim.invoice.amount - (own_paid if state is State.UNPAID else own_final),
            quantity=_quantity(found, claim.quantity, None if accepted is None else own_quantity, scale),
        )  # fmt: skip


def _quantity(found: Match, invoiced: int, accepted: int | None, scale: int) -> Number | None:
    """What was invoiced more than accepted; of an over-delivery how much is more than ordered."""
    if accepted is None:
        return None
    for line in found.lines:
        if line.item.excess and line.quantity is not None:
            return Number(line.quantity * line.item.excess // line.item.accepted, scale)
    return Number(invoiced - accepted, scale)


def _shares(wanted: Sequence[int], total: int) -> list[int]:
    """The total for those who want so much of it, one after the other; the last one has what is over or short."""
    shares = []
    for index, amount in enumerate(wanted):
        shares.append(total if index == len(wanted) - 1 else min(amount, total))
        total -= shares[-1]
    return shares
