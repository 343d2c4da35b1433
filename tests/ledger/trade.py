"""Lives of orders as the logs that they leave, by the arithmetic of docs/escrow.md: what books are made from in tests.

Grower sells to roaster; a bank buys receivables, a cooperative has a share. Every life of an order on a real chain
leaves logs of these very forms: tests/ledger/test_books_on_chain.py compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    TokenMoved,
)
from ledger.journal import Controlled, JournalLog
from ledger.orders import (
    NOBODY,
    REST,
    Cause,
    Milestone,
    Split,
    Terms,
    delivery_id,
    gross,
    settle_shares,
    split_shares,
)
from ledger.record import keccak256

START = 1_800_000_000
ROASTER, GROWER, BANK, COOPERATIVE, RETAILER, STRANGER = (bytes([n]) * 20 for n in range(1, 7))
ESCROW, TOKEN, OTHER_TOKEN = b"\xee" * 20, b"\xaa" * 20, b"\xbb" * 20
PARTIES = (ROASTER, GROWER, BANK, COOPERATIVE, RETAILER)
SALT = b"\x5a" * 32


@dataclass
class Held:
    """What an item of the simulation holds."""

    amount: int
    reduction: int = 10_000


@dataclass
class Trade:
    """Writes logs down. Each call is a transaction of its own unless it is made within `together`."""

    logs: list[JournalLog] = field(default_factory=list)
    now_at: int = START
    terms: dict[bytes, Terms] = field(default_factory=dict)
    items: dict[tuple[bytes, int, bytes], Held] = field(default_factory=dict)
    accepted: dict[tuple[bytes, int], int] = field(default_factory=dict)
    taken: dict[tuple[bytes, int], int] = field(default_factory=dict)
    payee: dict[bytes, bytes] = field(default_factory=dict)
    credits: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    balances: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    controller: dict[bytes, bytes] = field(default_factory=dict)
    _block: int = 0
    _index: int = 0
    _depth: int = 0

    def __post_init__(self) -> None:
        for party in PARTIES:
            self.control(party, party)

    # -------------------------------------------------------------------------------------------------- transactions

    def together(self) -> Trade:
        """A transaction for all calls within a `with`."""
        return self

    def __enter__(self) -> Trade:
        if self._depth == 0:
            self._block, self._index, self.now_at = self._block + 1, 0, self.now_at + 3_600
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def place(self) -> LogPlace:
        self._index += 1
        return LogPlace(self._block, self._index - 1, self.now_at, keccak256(self._block.to_bytes(8, "big")))

    @property
    def escrow_logs(self) -> list[EscrowLog]:
        return [log for log in self.logs if not isinstance(log, Controlled)]

    # -------------------------------------------------------------------------------------------------------- tokens

    def control(self, party: bytes, account: bytes) -> None:
        """From now on the account acts for the party."""
        with self:
            self.logs.append(Controlled(self.place(), party, account))
            self.controller[party] = account

    def move(self, sender: bytes, receiver: bytes, amount: int, token: bytes = TOKEN) -> None:
        """A transfer; of nobody's it is a mint."""
        with self:
            for account, change in ((sender, -amount), (receiver, amount)):
                self.balances[token, account] = self.balances.get((token, account), 0) + change
            self.logs.append(TokenMoved(self.place(), token, sender, receiver, amount))

    def mint(self, account: bytes, amount: int, token: bytes = TOKEN) -> None:
        self.move(NOBODY, account, amount, token)

    def balance(self, account: bytes) -> int:
        """What the token says that the account has."""
        return self.balances.get((TOKEN, account), 0)

    # -------------------------------------------------------------------------------------------------------- orders

    def order(
        self, *milestones: tuple[int, int], buyer: bytes = ROASTER, seller: bytes = GROWER, token: bytes = TOKEN,
        splits: tuple[Split, ...] = (), is_funded: bool = True,
    ) -> bytes:  # fmt: skip
        """An order with milestones of (amount, ordered), proposed, accepted and funded."""
        with self:
            built = tuple(Milestone(amount, ordered, 1, 1, self.now_at + 30 * 86_400) for amount, ordered in milestones)
            terms = Terms(buyer, seller, token, b"\x0d" * 32, NOBODY, self.now_at + 86_400, splits, (buyer,), built)
            name = keccak256(b"order" + len(self.terms).to_bytes(8, "big"))
            self.logs.append(Proposed(self.place(), name, buyer, seller, len(self.terms), terms))
        self.terms[name], self.payee[name] = terms, seller
        if is_funded:
            with self:
                self.logs.append(Accepted(self.place(), name))
            self.fund(name)
        return name

    def fund(self, order: bytes) -> None:
        terms = self.terms[order]
        account = self.controller.get(terms.buyer, terms.buyer)
        with self:
            self.move(account, ESCROW, terms.amount, terms.token)
            self.logs.append(Funded(self.place(), order, account, terms.amount))
        for index, milestone in enumerate(terms.milestones):
            self.items[order, index, REST] = Held(milestone.amount)

    def cancel(self, order: bytes) -> None:
        with self:
            self.logs.append(Cancelled(self.place(), order, self.terms[order].buyer))

    def deliver(
        self, order: bytes, quantity: int, *, milestone: int = 0, note: str = "DA-1", reduction: int = 0
    ) -> bytes:
        """A delivery that is attested and agreed; returns its name."""
        terms, delivery = self.terms[order], delivery_id(order, note, SALT)
        rest, name = self.items[order, milestone, REST], (order, milestone)
        total = self.accepted.get(name, 0) + quantity
        earned = gross(terms.milestones[milestone], total, self.taken.get(name, 0), rest.amount)
        self.accepted[name], self.taken[name] = total, self.taken.get(name, 0) + earned
        rest.amount -= earned
        self.items[order, milestone, delivery] = Held(earned, reduction)
        with self:
            record = keccak256(delivery + bytes([milestone]))
            self.logs.append(
                Attested(
                    self.place(), order, milestone, delivery, terms.buyer, terms.buyer, record, self.now_at, quantity, 0
                )
            )
            self.logs.append(
                Agreed(self.place(), order, milestone, delivery, quantity, earned, reduction, self.now_at + 60)
            )
        return delivery

    def dispute(self, order: bytes, delivery: bytes = REST, *, milestone: int = 0) -> None:
        with self:
            self.logs.append(Disputed(self.place(), order, milestone, delivery, self.terms[order].buyer))

    def end(
        self, order: bytes, delivery: bytes = REST, *, milestone: int = 0, cause: Cause = Cause.SETTLED, bps: int = 0,
        collect: bool = True,
    ) -> None:  # fmt: skip
        """What is held goes as the cause says; `bps` is a ruling's."""
        held = self.items[order, milestone, delivery]
        reduction = {
            Cause.SETTLED: held.reduction, Cause.RELEASED: 0, Cause.GIVEN_BACK: 10_000, Cause.RULED: 10_000 - bps,
        }[cause]  # fmt: skip
        self.pay(order, milestone, delivery, cause, *settle_shares(held.amount, reduction), collect=collect)

    def pay(
        self, order: bytes, milestone: int, delivery: bytes, cause: Cause, paid: int, returned: int, *,
        collect: bool = True,
    ) -> None:  # fmt: skip
        """So much leaves an item for payee and splits, so much for the buyer; and is collected in the transaction."""
        terms, held = self.terms[order], self.items[order, milestone, delivery]
        held.amount -= paid + returned
        to_payee, shares = split_shares(paid, terms.splits)
        payee = self.payee[order]
        with self:
            self.logs.append(
                Paid(
                    self.place(), order, milestone, delivery, cause, payee, to_payee, sum(shares), returned, held.amount
                )
            )
            owed = [(payee, to_payee), *zip((s.party for s in terms.splits), shares, strict=True)]
            for creditor, amount in [*owed, (terms.buyer, returned)]:
                if amount:
                    name = terms.token, creditor
                    self.credits[name] = self.credits.get(name, 0) + amount
                    self.logs.append(Credited(self.place(), order, creditor, terms.token, amount))
            if not any(item.amount for (name, _, _), item in self.items.items() if name == order):
                self.logs.append(Ended(self.place(), order))
            if collect:
                for creditor in dict.fromkeys([payee, *(split.party for split in terms.splits), terms.buyer]):
                    self.collect(creditor, terms.token)

    def collect(self, creditor: bytes, token: bytes = TOKEN, receiver: bytes | None = None) -> None:
        amount = self.credits.pop((token, creditor), 0)
        if amount:
            to = receiver or self.controller.get(creditor, creditor)
            with self:
                self.move(ESCROW, to, amount, token)
                self.logs.append(Collected(self.place(), token, creditor, to, amount))

    # --------------------------------------------------------------------------------------------------- receivables

    def tokenise(self, order: bytes) -> None:
        seller = self.terms[order].seller
        self._receivable(order, NOBODY, self.controller.get(seller, seller))

    def sell(self, order: bytes, receiver: bytes, price: int = 0) -> None:
        """The receivable goes to somebody, and its price back in the same transaction."""
        holder = self.payee[order]
        with self:
            if price:
                self.move(receiver, holder, price, self.terms[order].token)
            self._receivable(order, holder, receiver)

    def _receivable(self, order: bytes, sender: bytes, receiver: bytes) -> None:
        with self:
            self.logs.append(ReceivableMoved(self.place(), order, sender, receiver))
        self.payee[order] = receiver
