"""Order, receipt, invoice and payment compared: every invoice and every delivery ends in one state.

Pure, and never an exception for what data say: they are what this is about. docs/finance.md explains each state with an
example and what to do. Amounts are integers in the token's smallest unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.bulk import in_bulk
from ledger.hexadecimal import to_hex
from ledger.invoices import Invoice
from ledger.judgement import Judgement, Side, State, is_plain, judge
from ledger.matching import EXACT, Claim, Figures, Line, Match, Tolerances, figures, match
from ledger.money import Currency, Number
from ledger.obligations import Obligations, OrderObligations
from ledger.orders import REST, delivery_id
from ledger.receipts import Receipt, Receipts, Unit, by_order, expected_of, lines_of


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
    with in_bulk():
        return _Reconciliation(party, obligations, receipts, knowledge, tolerances).run(invoices, side)


class _Reconciliation:
    def __init__(
        self, party: bytes, obligations: Obligations, receipts: Sequence[Receipt], knowledge: Knowledge,
        tolerances: Tolerances,
    ) -> None:  # fmt: skip
        self._party, self._knowledge, self._tolerances = party, knowledge, tolerances
        self._receipts = by_order(receipts)
        self._named: dict[str, bytes | None] = {}
        self._orders = {
            name: order for name, order in obligations.orders.items()
            if party in (order.terms.buyer, order.terms.seller)
        }  # fmt: skip
        self._by_name = {to_hex(name): order for name, order in self._orders.items()}
        self._by_reference: dict[str, list[bytes]] = defaultdict(list)
        for name, document in knowledge.documents.items():
            if name in self._orders:
                for reference in document.references:
                    self._by_reference[reference.strip()].append(name)

    def run(self, invoices: Sequence[Invoice], side: Side | None) -> list[Item]:
        items: list[Item] = []
        claims: dict[bytes, list[Invoice]] = {}
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
                claims.setdefault(order.order, []).append(invoice)
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
            return self._by_name.get(text.lower()), "no order of this party has this id"
        named = self._by_reference.get(text, [])
        if len(named) > 1:
            seller = self._party_named(invoice.seller)
            named = [name for name in named if self._orders[name].terms.seller == seller] or named
        if len(named) > 1:
            return None, f"{len(named)} orders of this party list this reference: name the order by its id"
        return (self._orders[named[0]] if named else None), "no order of this party lists this reference"

    def _duplicates(self, invoices: Sequence[Invoice]) -> dict[int, int]:
        """By row the duplicates, and the row that has their number first: of one seller the earliest keeps it."""
        first: dict[tuple[bytes | str, str], Invoice] = {}
        duplicates: dict[int, int] = {}
        for invoice in sorted(invoices, key=lambda one: (one.date, one.row)):
            seller = self._party_named(invoice.seller) or invoice.seller.casefold()
            known = first.setdefault((seller, invoice.number.casefold()), invoice)
            if known is not invoice:
                duplicates[invoice.row] = known.row
        return duplicates

    def _party_named(self, text: str) -> bytes | None:
        if text not in self._named:
            self._named[text] = self._knowledge.parties.get(text.casefold())
        return self._named[text]

    def _side(self, order: OrderObligations) -> Side:
        return Side.BUYER if order.terms.buyer == self._party else Side.SELLER

    def _claim(self, invoice: Invoice, order: OrderObligations, document: Document | None, scale: int) -> Claim:
        party_of, seller = self._knowledge.party_of, self._party_named(invoice.seller)
        is_doubtful = seller != order.terms.seller and seller not in [party_of.get(one, one) for one in order.payees]
        if invoice.payee is not None:
            payee = order.payees[-1]
            is_doubtful = is_doubtful or self._party_named(invoice.payee) != party_of.get(payee, payee)
        delivery = None
        if invoice.delivery is not None and document is not None:
            delivery = delivery_id(order.order, invoice.delivery, document.salt)
        # The scale is the finest of the order's invoices.
        return Claim(invoice, invoice.quantity.units(scale) or 0, invoice.uom.upper(), delivery, is_doubtful)

    # ------------------------------------------------------------------------------------------------ an order's items

    def _order_items(self, order: OrderObligations, invoices: list[Invoice]) -> Iterator[Item]:
        document = self._knowledge.documents.get(order.order)
        units = document.units if document is not None else ()
        scale = max([0, *(unit.decimals for unit in units), *(invoice.quantity.scale for invoice in invoices)])
        claims = [self._claim(invoice, order, document, scale) for invoice in invoices]
        claims.sort(key=lambda claim: (claim.is_doubtful, claim.invoice.date, claim.invoice.row))
        receipts = self._receipts.get(order.order, {})
        currency = self._knowledge.currencies.get(order.terms.token)
        code, side = (None if currency is None else currency.code), self._side(order)
        lines = lines_of(order, receipts, units, scale)
        nothing = Number(0, scale)
        for found in match(claims, lines, lambda: expected_of(order, lines, receipts, units, scale), self._tolerances):
            if len(found.claims) == 1 and len(found.lines) == 1:
                (claim,), (line,) = found
                item, told = line.item, receipts.get(line.item.delivery, ())
                if is_plain(claim, line, told, code, side):
                    yield Item(
                        State.MATCHED, claim.invoice, order.order, order.terms.token, (item.milestone,),
                        (item.delivery,), 0, nothing, claim.uom, item.paid, item.paid,
                        (told[0].event_id,) if told else (), tuple(dict.fromkeys(item.transactions)), "",
                    )  # fmt: skip
                    continue
            in_all = figures(found)
            judgement = judge(found, in_all, receipts, code, side, self._tolerances)
            yield from _items(order, found, in_all, receipts, judgement, scale)


def _alone(judgement: Judgement, invoice: Invoice, order: OrderObligations | None) -> Item:
    """An invoice with nothing to compare it with."""
    name, token = (None, None) if order is None else (order.order, order.terms.token)
    return Item(
        judgement.state, invoice, name, token, (), (), invoice.amount, invoice.quantity, invoice.uom, 0, 0, (), (),
        judgement.note,
    )  # fmt: skip


def _items(
    order: OrderObligations, found: Match, in_all: Figures, receipts: Receipts, judgement: Judgement, scale: int
) -> Iterator[Item]:
    state, (claims, lines) = judgement.state, found
    milestones, deliveries = _about(lines)
    events = [told.event_id for name in deliveries for told in receipts.get(name, ())]
    transactions = [one for line in lines for one in line.item.transactions]

    def item(invoice: Invoice | None, amount: int, more: int, final: int, paid: int) -> Item:
        quantity = None
        if in_all.accepted is not None:
            quantity = Number(_excess(lines) if in_all.excess else more, scale)
        return Item(
            state, invoice, order.order, order.terms.token, milestones, deliveries,
            amount - (paid if state is State.UNPAID else final), quantity, in_all.uom, final, paid,
            tuple(dict.fromkeys(events)), tuple(dict.fromkeys(transactions)), judgement.note,
        )  # fmt: skip

    accepted = in_all.accepted or 0
    if len(claims) <= 1:
        invoice = claims[0].invoice if claims else None
        yield item(invoice, in_all.invoiced, in_all.quantity - accepted, in_all.final, in_all.paid)
        return
    # Several invoices of one delivery are set against it one after the other.
    amounts, quantities = [claim.invoice.amount for claim in claims], [claim.quantity for claim in claims]
    shares = _shares(amounts, in_all.final), _shares(amounts, in_all.paid), _shares(quantities, accepted)
    for claim, final, paid, own in zip(claims, *shares, strict=True):
        yield item(claim.invoice, claim.invoice.amount, claim.quantity - own, final, paid)


def _about(lines: Sequence[Line]) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """The milestones and deliveries that the lines are about."""
    if len(lines) == 1:
        item = lines[0].item
        return (item.milestone,), (() if item.delivery == REST else (item.delivery,))
    milestones = sorted({line.item.milestone for line in lines})
    return tuple(milestones), tuple(sorted({line.item.delivery for line in lines} - {REST}))


def _excess(lines: Sequence[Line]) -> int:
    """How much of the deliveries is more than was ordered, in the unit of their quantities."""
    return max((line.quantity or 0) * line.item.excess // line.item.accepted for line in lines if line.item.excess)


def _shares(wanted: Sequence[int], total: int) -> list[int]:
    """The total for those who want so much of it, one after the other; the last one has what is over or short."""
    shares = []
    for amount in wanted[:-1]:
        shares.append(min(amount, total))
        total -= shares[-1]
    return [*shares, total]
