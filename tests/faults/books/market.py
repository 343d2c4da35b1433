"""Seasons of a market: five parties, three tokens, orders that live lawfully, and what the contract would refuse.

Each operation leaves the logs of a real escrow (tests/ledger/trade.py), tells the model what has happened, and is one
transaction; or a few are one. Now and then there are logs of an order that nobody knows, as where a proposal could not
be read and was set aside: they may change nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.escrow import Accepted, Agreed, Attested, Ended, Funded, Paid, ReceivableMoved, TakenBack
from ledger.orders import NOBODY, REST, Cause, Split
from tests.faults.books.model import Model
from tests.ledger.trade import BANK, ESCROW, OTHER_TOKEN, PARTIES, STRANGER, TOKEN, Trade

UNBOOKED = b"\xcc" * 20
CODES = {TOKEN: "XTS", OTHER_TOKEN: "XXX"}
TOKENS = (TOKEN, TOKEN, OTHER_TOKEN, OTHER_TOKEN, UNBOOKED)
FUTURE = tuple(bytes([0x20 + number]) * 20 for number in range(8))
"""Accounts that act for nobody yet, and may hold tokens and receivables by then."""
PEOPLE = (*PARTIES, STRANGER, *FUTURE[:3])
FEE_BPS = 100
CAUSES = {
    "settle": Cause.SETTLED, "release": Cause.RELEASED, "give back": Cause.GIVEN_BACK, "rule": Cause.RULED,
}  # fmt: skip


@dataclass
class Market(Trade):
    """A trade that tells a model. `source` decides everything."""

    source: random.Random = field(default_factory=random.Random)
    model: Model = field(default_factory=lambda: Model(PARTIES, CODES))
    counts: Counter[str] = field(default_factory=Counter)
    proposed: list[bytes] = field(default_factory=list)
    accepted_orders: list[bytes] = field(default_factory=list)
    tokenised: set[bytes] = field(default_factory=set)
    future: list[bytes] = field(default_factory=lambda: list(FUTURE))
    unlawful_logs: int = 0

    def step(self) -> None:
        """One operation, whatever it is."""
        name = self.source.choices(list(_WORDS), list(_ODDS.values()))[0]
        _WORDS[name](self)
        self.counts[name] += 1

    # ------------------------------------------------------------------------------------------------------- accounts

    def control(self, party: bytes, account: bytes) -> None:
        super().control(party, account)
        self.model.controlled(party, account)

    def pass_on(self, sender: bytes, receiver: bytes, amount: int, token: bytes) -> None:
        """A plain transfer."""
        self.move(sender, receiver, amount, token)
        self.model.transferred(token, sender, receiver, amount)

    def minted(self) -> None:
        self.pass_on(NOBODY, self.source.choice(PEOPLE), self._amount(), self.source.choice(TOKENS))

    def burned(self) -> None:
        self.pass_on(self.source.choice(PEOPLE), NOBODY, self._amount() // 50, self.source.choice(TOKENS))

    def moved(self) -> None:
        people = [*PEOPLE, ESCROW, *self.controller.values()]
        amount = self._amount() // 10
        self.pass_on(self.source.choice(people[:-1]), self.source.choice(people), amount, self.source.choice(TOKENS))

    def replaced(self) -> None:
        if self.future and not self.source.randrange(4):
            self.control(self.source.choice(PARTIES), self.future.pop())

    # --------------------------------------------------------------------------------------------------------- orders

    def propose(self) -> None:
        buyer, seller = self.source.sample(PARTIES, 2)
        parties = self.source.choices(PARTIES, k=self.source.choice((0, 0, 1, 2, 3)))
        splits = tuple(Split(party, self.source.randrange(1, 2_500)) for party in parties)
        milestones = [(self._amount(), self.source.randrange(1, 2_000)) for _ in range(self.source.choice((1, 1, 2)))]
        token = self.source.choice(TOKENS)
        name = self.order(*milestones, buyer=buyer, seller=seller, token=token, splits=splits, is_funded=False)
        self.proposed.append(name)

    def accept(self) -> None:
        if self.proposed:
            name = self.proposed.pop(self.source.randrange(len(self.proposed)))
            if not self.source.randrange(8):
                self.cancel(name)
                return
            with self:
                self.logs.append(Accepted(self.place(), name))
            self.accepted_orders.append(name)

    def fund_one(self) -> None:
        if self.accepted_orders:
            name = self.accepted_orders.pop(self.source.randrange(len(self.accepted_orders)))
            terms = self.terms[name]
            account = self.controller[terms.buyer]
            self.fund(name)
            self.model.funded(name, terms, account, ESCROW)

    def attest(self) -> None:
        """An attestor says something that nobody else says, and mostly takes it back."""
        if item := self._item(is_rest=True):
            order, milestone, _ = item
            delivery = self.source.randbytes(32)
            with self:
                self.logs.append(Attested(self.place(), order, milestone, delivery, BANK, BANK, delivery, 1, 2, 0))
                if self.source.randrange(2):
                    self.logs.append(TakenBack(self.place(), order, milestone, delivery, BANK, delivery))

    def agree(self) -> None:
        if item := self._item(is_rest=True):
            order, milestone, _ = item
            reduction = self.source.choice((0, 0, self.source.randrange(10_001)))
            quantity = self.source.randrange(1, self.terms[order].milestones[milestone].ordered + 50)
            self.deliver(order, quantity, milestone=milestone, note=f"DA-{len(self.logs)}", reduction=reduction)

    def contest(self) -> None:
        if item := self._item():
            self.dispute(item[0], item[2], milestone=item[1])

    def finish(self) -> None:
        """A delivery is settled, released early, given back or ruled."""
        name = self.source.choice([*CAUSES, "settle", "settle"])
        if item := self._item(is_rest=False):
            self._end(item, name)

    def expire(self) -> None:
        """What is left of a milestone goes back to the buyer; or is released, or ruled."""
        if item := self._item(is_rest=True):
            self._end(item, self.source.choice(("settle", "settle", "settle", "release", "rule")))

    def divide(self) -> None:
        if item := self._item():
            amount = self.items[item].amount
            paid = self.source.randrange(amount + 1)
            self._pay(item, Cause.DIVIDED, paid, self.source.randrange(amount - paid + 1))

    def several(self) -> None:
        """A few things in one transaction, as a contract of a party's own would do them."""
        with self:
            for _ in range(self.source.randrange(2, 4)):
                self.source.choice((Market.finish, Market.agree, Market.fund_one, Market.collect_all))(self)

    def _end(self, item: tuple[bytes, int, bytes], name: str) -> None:
        held = self.items[item]
        bps = {"settle": 10_000 - held.reduction, "release": 10_000, "give back": 0}.get(name)
        paid = held.amount * (self.source.randrange(10_001) if bps is None else bps) // 10_000
        self._pay(item, CAUSES[name], paid, held.amount - paid)

    def _pay(self, item: tuple[bytes, int, bytes], cause: Cause, paid: int, returned: int) -> None:
        order, terms, payee = item[0], self.terms[item[0]], self.payee[item[0]]
        with self:
            self.pay(*item, cause, paid, returned, collect=False)
            self.model.paid(order, terms, payee, paid, returned, is_delivery=item[2] != REST)
            if self.source.randrange(3):
                for creditor in dict.fromkeys([payee, *(split.party for split in terms.splits), terms.buyer]):
                    self.collect(creditor, terms.token)

    # -------------------------------------------------------------------------------------------------------- credits

    def collect(self, creditor: bytes, token: bytes = TOKEN, receiver: bytes | None = None) -> None:
        """Now and then the token keeps a fee of what is paid out."""
        owed = self.credits.get((token, creditor), 0)
        to = receiver or self.controller.get(creditor, creditor)
        first = len(self.logs)
        super().collect(creditor, token, receiver)
        if not owed:
            return
        arrived = owed
        if token == OTHER_TOKEN and not self.source.randrange(4):
            arrived -= owed * FEE_BPS // 10_000
            kept = self.logs[first]
            self.logs[first] = kept._replace(amount=arrived)  # type: ignore[call-arg]
            self.balances[token, to] -= owed - arrived
            self.balances[token, ESCROW] += owed - arrived
        self.model.collected(token, creditor, to, owed, arrived, ESCROW)

    def collect_own(self) -> None:
        if self.credits:
            token, creditor = self.source.choice(list(self.credits))
            self.collect(creditor, token)

    def collect_all(self) -> None:
        """All that a creditor is owed, in every token."""
        if self.credits:
            creditor = self.source.choice([creditor for _, creditor in self.credits])
            with self:
                for token in dict.fromkeys(TOKENS):
                    self.collect(creditor, token)

    def collect_elsewhere(self) -> None:
        if self.credits:
            token, creditor = self.source.choice(list(self.credits))
            self.collect(creditor, token, receiver=self.source.choice(PEOPLE))

    # ---------------------------------------------------------------------------------------------------- receivables

    def tokenise_one(self) -> None:
        item = self._item()
        if item and item[0] not in self.tokenised:
            self.tokenise(item[0])
            self.tokenised.add(item[0])

    def sell_one(self) -> None:
        item = self._item()
        if item and item[0] in self.tokenised:
            order, holder = item[0], self.payee[item[0]]
            others = [account for account in PEOPLE if account != holder]
            receiver = self.source.choice(others)
            price = self.source.choice((0, self._amount()))
            self.sell(order, receiver, price)
            self.model.sold(order, self.terms[order], holder, receiver, price)

    # ------------------------------------------------------------------------------------------------------- unlawful

    def unlawful(self) -> None:
        """What no contract of ours says: the life of an order that nobody has proposed, as far as the logs tell it."""
        unknown, account = self.source.randbytes(32), self.source.choice(PARTIES)
        with self:
            self.logs += [
                Accepted(self.place(), unknown),
                Funded(self.place(), unknown, account, 7),
                Agreed(self.place(), unknown, 0, unknown, 5, 7, 0, 1),
                Paid(self.place(), unknown, 0, unknown, Cause.SETTLED, account, 5, 3, 2, 0),
                ReceivableMoved(self.place(), unknown, account, BANK),
                Ended(self.place(), unknown),
            ]
        self.unlawful_logs += 6

    # --------------------------------------------------------------------------------------------------------- inside

    def _item(self, *, is_rest: bool | None = None) -> tuple[bytes, int, bytes] | None:
        """An item that holds money."""
        found = [
            name for name, item in self.items.items()
            if item.amount and (is_rest is None or (name[2] == REST) is is_rest)
        ]  # fmt: skip
        return self.source.choice(found) if found else None

    def _amount(self) -> int:
        """Small ones, usual ones, and the largest that go."""
        digits = self.source.choice((1, 3, 6, 6, 6, 12, 30))
        return self.source.randrange(1, 10**digits)


_WORDS: dict[str, Callable[[Market], None]] = {
    "propose": Market.propose, "accept or cancel": Market.accept, "fund": Market.fund_one, "attest": Market.attest,
    "agree": Market.agree, "dispute": Market.contest, "settle, release, give back, rule": Market.finish,
    "expire": Market.expire, "divide": Market.divide, "collect": Market.collect_own,
    "collect to another account": Market.collect_elsewhere, "tokenise": Market.tokenise_one,
    "sell the receivable": Market.sell_one, "mint": Market.minted, "burn": Market.burned, "transfer": Market.moved,
    "replace a controller": Market.replaced, "several at once": Market.several, "unlawful": Market.unlawful,
}  # fmt: skip
_ODDS = dict(zip(_WORDS, (8, 8, 8, 4, 14, 4, 14, 5, 5, 6, 3, 6, 6, 3, 2, 5, 1, 4, 4), strict=True))
