"""What deliveries have made due, and what has been paid for them: each order's items as finance sees them.

Pure, and from logs alone. `ledger.book` answers what the contract answers at this moment; here stands what a payment is
compared with afterwards: how much was accepted, what the terms gave for it, and what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger.bulk import in_bulk
from ledger.escrow import (
    Agreed,
    Attested,
    Disputed,
    EscrowLog,
    Funded,
    Paid,
    Proposed,
    ReceivableMoved,
    TakenBack,
)
from ledger.orders import BPS, NOBODY, REST, Milestone, Terms

Name = tuple[int, bytes]
"""An item of an order: (milestone, delivery); the delivery of a rest is REST."""


@dataclass(slots=True)
class Obligation:
    """One item: a delivery, or the rest of a milestone. Amounts are in the token's smallest unit.

    `accepted` and `excess` (what of it is more than was ordered) count the terms' smallest unit of quantity. `paid` is
    what has gone to payee and splits, `returned` what has gone to the buyer, `held` what the item holds still.
    """

    milestone: int
    delivery: bytes
    gross: int
    reduction: int
    held: int
    accepted: int = 0
    excess: int = 0
    paid: int = 0
    returned: int = 0
    payee: bytes | None = None
    """Who was paid last: a party's name or an account."""
    is_disputed: bool = False
    records: tuple[bytes, ...] = ()
    """The records on which it was agreed."""
    transactions: list[bytes] = field(default_factory=list)
    """Those of its agreement, dispute and payments, in their order."""

    @property
    def due(self) -> int:
        """What the terms give payee and splits for it."""
        return self.gross * (BPS - self.reduction) // BPS if self.reduction else self.gross

    @property
    def final(self) -> int:
        """What payee and splits get in the end, as things stand: what they got, and what is settled by itself."""
        return self.paid + self.held * (BPS - self.reduction) // BPS if self.held else self.paid

    @property
    def is_refunded(self) -> bool:
        """True where all that it held went back to the buyer."""
        return self.returned > 0 and self.paid == 0 and self.held == 0

    @property
    def is_open_dispute(self) -> bool:
        """True while it is disputed and holds money."""
        return self.is_disputed and self.held > 0


@dataclass(slots=True)
class OrderObligations:
    """One order's items. `payees` are all who were its payee: its seller first, then who has held its receivable."""

    order: bytes
    terms: Terms
    payees: list[bytes]
    is_funded: bool = False
    accepted: list[int] = field(default_factory=list)
    """By milestone, what was accepted in all."""
    items: dict[Name, Obligation] = field(default_factory=dict)

    def preview(self, milestone: int, quantity: int) -> int:
        """What a delivery of that quantity, which is not agreed yet, would be paid if it is taken whole and in time."""
        rule = self.terms.milestones[milestone]
        before = self.accepted[milestone] if self.accepted else 0
        earned = _earned(rule, before + quantity) - _earned(rule, before)
        return min(earned, self.items[milestone, REST].held) if self.is_funded else earned


class Obligations:
    """The obligations of all orders that were proposed. Made of logs in chain order; read only for all but `apply`."""

    def __init__(self, logs: Iterable[EscrowLog] = ()) -> None:
        self.orders: dict[bytes, OrderObligations] = {}
        self._records: dict[tuple[bytes, int, bytes], dict[bytes, Attested]] = {}
        self._take: dict[type, Callable[[Any], None]] = {
            Proposed: self._proposed, Funded: self._funded, Attested: self._attested, TakenBack: self._taken_back,
            Agreed: self._agreed, Disputed: self._disputed, Paid: self._paid, ReceivableMoved: self._moved,
        }  # fmt: skip
        self.apply(logs)

    def apply(self, logs: Iterable[EscrowLog]) -> None:
        """Takes the next logs in chain order. Those of orders that were never proposed say nothing here."""
        take = self._take.get
        with in_bulk():
            for log in logs:
                taken = take(type(log))
                if taken is not None:
                    taken(log)

    def _proposed(self, log: Proposed) -> None:
        self.orders[log.order] = OrderObligations(log.order, log.terms, [log.seller])

    def _funded(self, log: Funded) -> None:
        order = self.orders.get(log.order)
        if order is None:
            return
        order.is_funded = True
        for index, milestone in enumerate(order.terms.milestones):
            order.accepted.append(0)
            order.items[index, REST] = Obligation(index, REST, milestone.amount, BPS, milestone.amount)

    def _attested(self, log: Attested) -> None:
        self._records.setdefault((log.order, log.milestone, log.delivery), {})[log.attestor] = log

    def _taken_back(self, log: TakenBack) -> None:
        self._records.get((log.order, log.milestone, log.delivery), {}).pop(log.attestor, None)

    def _agreed(self, log: Agreed) -> None:
        order = self.orders.get(log.order)
        if order is None:
            return
        place, name, milestone, delivery, accepted, gross, reduction, _ = log
        attested = self._records.pop((name, milestone, delivery), {})
        ordered, before = order.terms.milestones[milestone].ordered, order.accepted[milestone]
        excess = min(accepted, max(0, before + accepted - ordered))
        order.accepted[milestone] = before + accepted
        rest = order.items[milestone, REST]
        rest.held -= gross
        order.items[milestone, delivery] = Obligation(
            milestone, delivery, gross, reduction, gross, accepted, excess,
            records=tuple([one.record_hash for one in attested.values() if one.accepted == accepted]),
            transactions=[place.transaction_hash],
        )  # fmt: skip

    def _disputed(self, log: Disputed) -> None:
        item = self._item(log)
        if item is not None:
            item.is_disputed = True
            item.transactions.append(log.place.transaction_hash)

    def _paid(self, log: Paid) -> None:
        item = self._item(log)
        if item is None:
            return
        item.paid += log.to_payee + log.to_splits
        item.returned += log.to_buyer
        item.held, item.payee = log.held, log.payee
        if item.transactions[-1:] != [log.place.transaction_hash]:
            item.transactions.append(log.place.transaction_hash)

    def _moved(self, log: ReceivableMoved) -> None:
        order = self.orders.get(log.order)
        if order is not None and log.receiver != NOBODY:
            order.payees.append(log.receiver)

    def _item(self, log: Disputed | Paid) -> Obligation | None:
        order = self.orders.get(log.order)
        return None if order is None else order.items.get((log.milestone, log.delivery))


def _earned(milestone: Milestone, accepted: int) -> int:
    return milestone.amount * min(accepted, milestone.ordered) // milestone.ordered
