"""Orders as the escrow's logs make them: the very answers that DeliveryEscrow gives, and all that was ever credited.

Pure. docs/escrow.md is the specification; a test compares a book with the contract's own answers. Made of any logs that
are whole for the orders they concern: of one order's for its page, of all of them for a journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

from ledger.errors import UnknownLog
from ledger.escrow import (
    Accepted,
    Agreed,
    Attested,
    Cancelled,
    Collected,
    Credited,
    Disputed,
    Ended,
    EscrowLog,
    Funded,
    LogPlace,
    Paid,
    Proposed,
    ReceivableMoved,
    TakenBack,
    TokenMoved,
)
from ledger.orders import AMOUNT_MAX, BPS, NOBODY, REST, Cause, State, Terms

ItemName = tuple[bytes, int, bytes]
"""(order, milestone, delivery); the delivery of a rest is REST."""


class Part(IntFlag):
    """As what somebody takes part in an order."""

    BUYER = 1
    SELLER = 2
    ATTESTOR = 4
    ARBITER = 8
    SPLIT = 16
    HOLDER = 32
    """Holds the receivable, or has held it: a party's name or an account."""


@dataclass(slots=True)
class Item:
    """Money that ends in one way: a delivery's, or the rest of a milestone.

    It may be disputed until `disputable_until` and settled from `settleable_from` on. `changed` is the place of the log
    that changed it last.
    """

    held: int
    reduction: int
    disputable_until: int
    settleable_from: int
    changed: LogPlace
    version: int = 1
    is_disputed: bool = False
    is_ended: bool = False


@dataclass(slots=True)
class Delivered:
    """What has come in of a milestone: what deliveries took of its amount, and the quantity agreed on so far."""

    taken: int = 0
    accepted: int = 0


@dataclass(slots=True)
class OrderState:
    """An order as it is after the last log. `payee` is the seller, or whoever holds the receivable.

    `attestations` are those that stand or have been agreed, by milestone, delivery and attestor; `holders` all who ever
    held the receivable; `paid` is what has gone to payee and splits, `returned` what has gone to the buyer.
    """

    order: bytes
    terms: Terms
    nonce: int
    payee: bytes
    proposed: LogPlace
    changed: LogPlace
    state: State = State.PROPOSED
    accepted_at: int = 0
    version: int = 1
    holders: list[bytes] = field(default_factory=list)
    paid: int = 0
    returned: int = 0
    delivered: list[Delivered] = field(default_factory=list)
    items: dict[tuple[int, bytes], Item] = field(default_factory=dict)
    attestations: dict[tuple[int, bytes, bytes], Attested] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """What all its items hold."""
        return sum(item.held for item in self.items.values())

    @property
    def open_items(self) -> int:
        """How many of its items hold money."""
        return sum(item.held > 0 for item in self.items.values())

    @property
    def parts(self) -> dict[bytes, Part]:
        """Who takes part in it, and as what."""
        terms = self.terms
        found = {terms.buyer: Part.BUYER, terms.seller: Part.SELLER}
        named = [(attestor, Part.ATTESTOR) for attestor in terms.attestors]
        named += [(split.party, Part.SPLIT) for split in terms.splits]
        named += [(terms.arbiter, Part.ARBITER)] if terms.arbiter != NOBODY else []
        named += [(holder, Part.HOLDER) for holder in self.holders]
        for party, part in named:
            found[party] = found.get(party, Part(0)) | part
        return found

    @property
    def creditors(self) -> list[bytes]:
        """To whom anything that leaves an item is credited at this moment, each once."""
        return list(dict.fromkeys([self.payee, *(split.party for split in self.terms.splits), self.terms.buyer]))

    def settleable(self, at: int) -> list[tuple[int, bytes]]:
        """The items (milestone, delivery) that anyone may settle at `at`."""
        return [name for name, item in self.items.items() if item.held and item.settleable_from <= at]


class Book:
    """All orders and credits after the logs that were applied. Read only for everybody but `apply`."""

    def __init__(self, logs: Iterable[EscrowLog] = ()) -> None:
        self.orders: dict[bytes, OrderState] = {}
        self.credits: dict[tuple[bytes, bytes], int] = {}
        """By (token, creditor), in the token's smallest unit; nothing owed is no entry."""
        for log in logs:
            self.apply(log)

    def apply(self, log: EscrowLog) -> None:
        """Adds the next log in chain order. Raises UnknownLog where it can't follow from those before."""
        try:
            _APPLY[type(log)](self, log)
        except (KeyError, IndexError) as error:
            raise UnknownLog(f"{type(log).__name__} of an order or item that no log before it has made") from error

    def settleable(self, at: int) -> list[ItemName]:
        """The items that anyone may settle at `at`."""
        return [(state.order, *name) for state in self.orders.values() for name in state.settleable(at)]

    # -------------------------------------------------------------------------------------------- one log at a time

    def _proposed(self, log: Proposed) -> None:
        self.orders[log.order] = OrderState(
            log.order, log.terms, log.nonce, log.seller, proposed=log.place, changed=log.place,
            delivered=[Delivered() for _ in log.terms.milestones],
        )  # fmt: skip

    def _accepted(self, log: Accepted) -> None:
        order = self._changed(log.order, log.place)
        order.state, order.accepted_at = State.ACCEPTED, log.place.block_at

    def _cancelled(self, log: Cancelled) -> None:
        self._changed(log.order, log.place).state = State.CANCELLED

    def _funded(self, log: Funded) -> None:
        order = self._changed(log.order, log.place)
        order.state = State.FUNDED
        for index, milestone in enumerate(order.terms.milestones):
            until = milestone.rest_settleable_from
            order.items[index, REST] = Item(milestone.amount, BPS, until, until, log.place)

    def _attested(self, log: Attested) -> None:
        self._changed(log.order, log.place).attestations[log.milestone, log.delivery, log.attestor] = log

    def _taken_back(self, log: TakenBack) -> None:
        del self._changed(log.order, log.place).attestations[log.milestone, log.delivery, log.attestor]

    def _agreed(self, log: Agreed) -> None:
        # The attestation that agreed it has raised the order's version.
        order = self.orders[log.order]
        delivered = order.delivered[log.milestone]
        delivered.accepted = min(AMOUNT_MAX, delivered.accepted + log.accepted)
        delivered.taken += log.gross
        rest = order.items[log.milestone, REST]
        rest.held -= log.gross
        rest.version, rest.changed = rest.version + 1, log.place
        until = log.disputable_until
        order.items[log.milestone, log.delivery] = Item(
            log.gross, log.reduction, until, until, log.place, is_ended=log.gross == 0
        )

    def _disputed(self, log: Disputed) -> None:
        order, item = self._item(log.order, log.milestone, log.delivery, log.place)
        item.is_disputed = True
        item.settleable_from = item.disputable_until + order.terms.milestones[log.milestone].arbitration_s

    def _paid(self, log: Paid) -> None:
        order, item = self._item(log.order, log.milestone, log.delivery, log.place)
        item.held = log.held
        item.is_ended = log.cause is not Cause.DIVIDED or (log.held == 0 and log.delivery != REST)
        order.paid += log.to_payee + log.to_splits
        order.returned += log.to_buyer

    def _credited(self, log: Credited) -> None:
        key = (log.token, log.creditor)
        self.credits[key] = self.credits.get(key, 0) + log.amount

    def _collected(self, log: Collected) -> None:
        key = (log.token, log.creditor)
        left = self.credits.get(key, 0) - log.amount
        if left:
            self.credits[key] = left
        else:
            self.credits.pop(key, None)

    def _ended(self, log: Ended) -> None:
        order = self.orders[log.order]
        order.state, order.changed = State.ENDED, log.place
        for item in order.items.values():
            item.is_ended = True

    def _receivable_moved(self, log: ReceivableMoved) -> None:
        if log.receiver == NOBODY:
            # Burned, with the order's end.
            self.orders[log.order].payee = self.orders[log.order].terms.seller
            return
        order = self._changed(log.order, log.place)
        order.payee = log.receiver
        order.holders.append(log.receiver)

    def _nothing(self, _: TokenMoved) -> None:
        """What moves between accounts is no order's."""

    def _changed(self, order: bytes, place: LogPlace) -> OrderState:
        state = self.orders[order]
        state.version, state.changed = state.version + 1, place
        return state

    def _item(self, order: bytes, milestone: int, delivery: bytes, place: LogPlace) -> tuple[OrderState, Item]:
        state = self._changed(order, place)
        item = state.items[milestone, delivery]
        item.version, item.changed = item.version + 1, place
        return state, item


_APPLY: dict[type, Callable[[Book, Any], None]] = {
    Proposed: Book._proposed,
    Accepted: Book._accepted,
    Cancelled: Book._cancelled,
    Funded: Book._funded,
    Attested: Book._attested,
    TakenBack: Book._taken_back,
    Agreed: Book._agreed,
    Disputed: Book._disputed,
    Paid: Book._paid,
    Credited: Book._credited,
    Collected: Book._collected,
    Ended: Book._ended,
    ReceivableMoved: Book._receivable_moved,
    TokenMoved: Book._nothing,
}
