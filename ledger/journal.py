"""A party's double-entry journal, from what the escrow, the receivable and the tokens have said and nothing else.

Pure. Every entry sums to zero per token, and says order, milestone and the log that it comes from; the same logs make
the same entries. docs/finance.md is the manual: each account with a worked example. Amounts are integers in the token's
smallest unit; what the party has grows with a positive amount (debit), what it earns with a negative one (credit).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ledger import chart
from ledger.bulk import in_bulk
from ledger.escrow import Collected, EscrowLog, Funded, LogPlace, Paid, Proposed, ReceivableMoved, TokenMoved
from ledger.orders import BPS, NOBODY, REST, Cause, Terms


class Kind(StrEnum):
    """What happened, in a word that finance reads."""

    FUNDED = "funded"
    SETTLED = "settled"
    RELEASED = "released"
    GIVEN_BACK = "given back"
    DIVIDED = "divided"
    RULED = "ruled"
    COLLECTED = "collected"
    RECEIVABLE_SOLD = "receivable sold"
    RECEIVABLE_BOUGHT = "receivable bought"
    SENT = "sent"
    RECEIVED = "received"
    MOVED = "moved"
    MINTED = "minted"
    BURNED = "burned"
    TAKEN_UP = "account taken up"
    LEFT = "account left"


class Posting(NamedTuple):
    """An amount on an account of the chart."""

    account: str
    token: bytes
    amount: int


class Entry(NamedTuple):
    """One fact in a party's books. `counterparty` is a party's name or an account; None where there is none."""

    place: LogPlace
    kind: Kind
    order: bytes | None
    milestone: int | None
    delivery: bytes | None
    counterparty: bytes | None
    postings: tuple[Posting, ...]


class Controlled(NamedTuple):
    """From this log on an account acts for a party, and the one before it no more."""

    place: LogPlace
    party: bytes
    account: bytes


JournalLog = EscrowLog | Controlled


class _Collecting(NamedTuple):
    """A credit paid out, and the items (order, milestone, delivery, amount) that it came from."""

    log: Collected
    items: Sequence[tuple[bytes, int, bytes, int]]


_KIND = {
    Cause.SETTLED: Kind.SETTLED, Cause.RELEASED: Kind.RELEASED, Cause.GIVEN_BACK: Kind.GIVEN_BACK,
    Cause.DIVIDED: Kind.DIVIDED, Cause.RULED: Kind.RULED,
}  # fmt: skip

Amounts = list[tuple[str, int]]


def controllers(registry_logs: Iterable[tuple[LogPlace, str, Mapping[str, Any]]]) -> list[Controlled]:
    """Which account began to act for which party, from the registry's logs: (place, name, arguments), in chain order.

    A change takes effect a second after its block; books take it as of its log.
    """
    found = []
    for place, name, arguments in registry_logs:
        if name == "SignerAuthorised" and arguments["signer"] == arguments["party"]:
            found.append(Controlled(place, arguments["party"], arguments["party"]))
        elif name == "ControllerReplaced":
            found.append(Controlled(place, arguments["party"], arguments["next"]))
    return found


def in_order(logs: Sequence[EscrowLog], controlled: Sequence[Controlled]) -> Iterator[JournalLog]:
    """Both, each of them in chain order, as the chain has them."""
    begin = 0
    for change in controlled:
        end = bisect_left(logs, change.place[:2], begin, key=lambda log: log.place[:2])
        yield from logs[begin:end]
        yield change
        begin = end
    yield from logs[begin:]


class Journal:
    """One party's entries, of the tokens that have a code. `unbooked` are the tokens of its orders that have none."""

    def __init__(self, party: bytes, escrow: bytes, codes: Mapping[bytes, str]) -> None:
        self.party = party
        self.entries: list[Entry] = []
        self.unbooked: set[bytes] = set()
        self._escrow, self._chart = escrow, chart.Chart(codes)
        self._terms: dict[bytes, Terms] = {}
        self._accounts: dict[bytes, bool] = {}
        """Accounts that act for the party (True), or did (False)."""
        self._balances: defaultdict[tuple[bytes, bytes], int] = defaultdict(int)
        self._credits: defaultdict[tuple[bytes, bytes], list[tuple[bytes, int, bytes, int]]] = defaultdict(list)
        # What the transaction at hand has said that is explained by another log of it.
        self._moved: list[TokenMoved] = []
        self._funded: list[Funded] = []
        self._collecting: list[_Collecting] = []
        self._sold: list[ReceivableMoved] = []
        self._take: dict[type, Callable[[Any], None]] = {
            Proposed: self._proposed, Paid: self._paid, TokenMoved: self._token_moved, Controlled: self._controlled,
            Funded: self._funded_log, Collected: self._collected, ReceivableMoved: self._receivable_moved,
        }  # fmt: skip

    def book(self, logs: Iterable[JournalLog]) -> list[Entry]:
        """Books the next logs in chain order, whole transactions of them, and returns all entries so far."""
        take, transaction, begin = self._take.get, b"", len(self.entries)
        with in_bulk():
            for log in logs:
                taken = take(type(log))
                if taken is not None:
                    if log[0][3] != transaction:
                        self._close(begin)
                        transaction, begin = log[0][3], len(self.entries)
                    taken(log)
            self._close(begin)
        return self.entries

    # ---------------------------------------------------------------------------------------------- one log at a time

    def _proposed(self, log: Proposed) -> None:
        if log.terms.token in self._chart.codes:
            self._terms[log.order] = log.terms
        elif self.party in (log.buyer, log.seller):
            self.unbooked.add(log.terms.token)

    def _controlled(self, log: Controlled) -> None:
        if log.party != self.party:
            return
        self._close(len(self.entries))
        former = next((account for account, acts in self._accounts.items() if acts), None)
        for token in self._chart.codes:
            if former is not None and (balance := self._balances[token, former]):
                before = self._chart.held(token, former, is_former=False)
                after = self._chart.held(token, former, is_former=True)
                self._enter(log.place, Kind.LEFT, None, log.account, token, [(before, -balance), (after, balance)])
            if balance := self._balances[token, log.account]:
                held = self._chart.held(token, log.account, is_former=False)
                self._enter(log.place, Kind.TAKEN_UP, None, None, token, [(held, balance), (chart.ACCOUNTS, -balance)])
        if former is not None:
            self._accounts[former] = False
        self._accounts[log.account] = True

    def _token_moved(self, log: TokenMoved) -> None:
        _, token, sender, receiver, amount = log
        if token not in self._chart.codes:
            return
        self._balances[token, sender] -= amount
        self._balances[token, receiver] += amount
        if amount and (sender in self._accounts or receiver in self._accounts):
            self._moved.append(log)

    def _funded_log(self, log: Funded) -> None:
        terms = self._terms.get(log.order)
        if terms is not None and terms.buyer == self.party:
            self._funded.append(log)

    def _receivable_moved(self, log: ReceivableMoved) -> None:
        if log.order in self._terms and NOBODY not in (log.sender, log.receiver):
            self._sold.append(log)

    def _collected(self, log: Collected) -> None:
        # Also another's, where it comes to an account of the party's: it names the order, and who sends.
        if log.token in self._chart.codes and (self._is_own(log.creditor) or log.receiver in self._accounts):
            # Now, not at the transaction's end: what is credited later in it, this one does not pay.
            items = self._credits.pop((log.token, log.creditor), ()) if self._is_own(log.creditor) else ()
            self._collecting.append(_Collecting(log, items))

    def _paid(self, log: Paid) -> None:
        place, order, milestone, delivery, cause, payee, to_payee, to_splits, to_buyer, _ = log
        terms = self._terms.get(order)
        if terms is None:
            return
        party, is_payee = self.party, self._is_own(payee)
        amounts: Amounts = []
        own = 0
        if terms.buyer == party:
            amounts += _of_buyer(log)
            own = to_buyer
        if terms.seller == party:
            amounts += _of_seller(log, is_payee=is_payee)
        elif is_payee:
            amounts.append((chart.receivable(order, is_seller=False), -to_payee))
        if to_splits and (share := _share(log, terms, party)):
            amounts.append((chart.SPLITS_EARNED, -share))
            own += share
        if is_payee and payee != party:
            amounts += self._credit(log, terms.token, payee, to_payee)
        elif is_payee:
            own += to_payee
        if amounts:
            amounts += self._credit(log, terms.token, party, own)
            other = terms.seller if terms.buyer == party else terms.buyer
            self._enter(place, _KIND[cause], (order, milestone, delivery), other, terms.token, amounts)

    def _credit(self, log: Paid, token: bytes, creditor: bytes, amount: int) -> Amounts:
        if not amount:
            return []
        self._credits[token, creditor].append((log.order, log.milestone, log.delivery, amount))
        return [(self._chart.credit(creditor, self.party), amount)]

    # ---------------------------------------------------------------------------------------- a transaction at a time

    def _close(self, begin: int) -> None:
        """Books what explains itself only by other logs of its transaction; `begin` is its first entry."""
        if self._funded:
            for funded in self._funded:
                self._fund(funded)
            self._funded.clear()
        if self._collecting:
            for log, items in self._collecting:
                self._collect(log, items)
            self._collecting.clear()
        if self._sold:
            if len(self._sold) == 1:
                self._sell(self._sold[0])
            self._sold.clear()
        if self._moved:
            for transfer in self._moved:
                self._transfer(transfer)
            self._moved.clear()
        if len(self.entries) - begin > 1:
            self.entries[begin:] = sorted(self.entries[begin:], key=_log_index)

    def _fund(self, log: Funded) -> None:
        terms = self._terms[log.order]
        sent = self._taken(terms.token, log.account, self._escrow)
        held = self._held(terms.token, log.account) if sent is not None else chart.TRANSFERS
        amounts = [(chart.escrowed(log.order), log.amount), (held, -log.amount)]
        self._enter(log.place, Kind.FUNDED, (log.order, None, None), terms.seller, terms.token, amounts)

    def _collect(self, log: Collected, items: Sequence[tuple[bytes, int, bytes, int]]) -> None:
        place, token, creditor, receiver, amount = log
        is_own = receiver in self._accounts
        sent = self._taken(token, self._escrow, receiver) if is_own else None
        if not self._is_own(creditor):
            # Somebody has its money paid to an account of the party's: a transfer like any other.
            if sent is not None:
                amounts = [(self._held(token, receiver), sent.amount), (chart.TRANSFERS, -sent.amount)]
                self._enter(sent.place, Kind.RECEIVED, None, creditor, token, amounts)
            return
        arrived = sent.amount if sent is not None else 0 if is_own else amount
        to = self._held(token, receiver) if is_own else chart.TRANSFERS
        credit, other = self._chart.credit(creditor, self.party), (None if is_own else receiver)
        for order, milestone, delivery, credited in items:
            part = min(credited, arrived)
            arrived, amount = arrived - part, amount - credited
            amounts = [(to, part), (chart.TOKEN_LOSS, credited - part), (credit, -credited)]
            self._enter(place, Kind.COLLECTED, (order, milestone, delivery), other, token, amounts)
        if amount:
            # Credited to an account before it acted for the party.
            amounts = [(to, arrived), (chart.TOKEN_LOSS, amount - arrived), (chart.ACCOUNTS, -amount)]
            self._enter(place, Kind.COLLECTED, None, other, token, amounts)

    def _sell(self, log: ReceivableMoved) -> None:
        terms = self._terms[log.order]
        price = self._taken(terms.token, log.receiver, log.sender)
        if price is None:
            return
        deal = chart.receivable(log.order, is_seller=terms.seller == self.party)
        for account, kind, amount in (
            (log.sender, Kind.RECEIVABLE_SOLD, price.amount), (log.receiver, Kind.RECEIVABLE_BOUGHT, -price.amount),
        ):  # fmt: skip
            if account in self._accounts:
                other = log.receiver if amount > 0 else log.sender
                amounts = [(self._held(terms.token, account), amount), (deal, -amount)]
                self._enter(price.place, kind, (log.order, None, None), other, terms.token, amounts)

    def _transfer(self, log: TokenMoved) -> None:
        place, token, sender, receiver, amount = log
        is_sent, is_received = sender in self._accounts, receiver in self._accounts
        from_ = self._held(token, sender) if is_sent else chart.MINTED if sender == NOBODY else chart.TRANSFERS
        to = self._held(token, receiver) if is_received else chart.MINTED if receiver == NOBODY else chart.TRANSFERS
        if is_sent and is_received:
            kind, other = Kind.MOVED, None
        elif is_sent:
            kind, other = (Kind.BURNED, None) if receiver == NOBODY else (Kind.SENT, receiver)
        else:
            kind, other = (Kind.MINTED, None) if sender == NOBODY else (Kind.RECEIVED, sender)
        self._enter(place, kind, None, other, token, [(to, amount), (from_, -amount)])

    # ---------------------------------------------------------------------------------------------------- small words

    def _is_own(self, creditor: bytes) -> bool:
        return creditor == self.party or creditor in self._accounts

    def _held(self, token: bytes, account: bytes) -> str:
        return self._chart.held(token, account, is_former=not self._accounts[account])

    def _taken(self, token: bytes, sender: bytes, receiver: bytes) -> TokenMoved | None:
        """The first such transfer of the transaction, which is explained by that; None where there is none."""
        for index, log in enumerate(self._moved):
            if log.receiver == receiver and log.sender == sender and log.token == token:
                return self._moved.pop(index)
        return None

    def _enter(
        self, place: LogPlace, kind: Kind, about: tuple[bytes, int | None, bytes | None] | None,
        counterparty: bytes | None, token: bytes, amounts: Amounts,
    ) -> None:  # fmt: skip
        postings = tuple([Posting(account, token, amount) for account, amount in amounts if amount])
        if postings:
            order, milestone, delivery = about or (None, None, None)
            self.entries.append(Entry(place, kind, order, milestone, delivery, counterparty, postings))


def _log_index(entry: Entry) -> int:
    return entry.place.log_index


def _of_buyer(log: Paid) -> Amounts:
    """What the order's buyer books, but for its credit."""
    paid, left = log.to_payee + log.to_splits, log.to_payee + log.to_splits + log.to_buyer
    escrowed = (chart.escrowed(log.order), -left)
    if log.delivery == REST:
        return [escrowed, (chart.PURCHASES_UNDELIVERED, paid)]
    return [escrowed, (chart.PURCHASES, left), (chart.PURCHASE_REDUCTIONS, -log.to_buyer)]


def _of_seller(log: Paid, *, is_payee: bool) -> Amounts:
    """What the order's seller books, but for its credit; who has sold the receivable owes its holder the proceeds."""
    paid, left = log.to_payee + log.to_splits, log.to_payee + log.to_splits + log.to_buyer
    amounts: Amounts = [(chart.SPLITS_PAID, log.to_splits)]
    if not is_payee:
        amounts.append((chart.receivable(log.order, is_seller=True), log.to_payee))
    if log.delivery == REST:
        return [*amounts, (chart.SALES_UNDELIVERED, -paid)]
    return [*amounts, (chart.SALES, -left), (chart.SALES_REDUCTIONS, log.to_buyer)]


def _share(log: Paid, terms: Terms, party: bytes) -> int:
    """What the party gets as receiver of splits (docs/escrow.md, section 9)."""
    paid = log.to_payee + log.to_splits
    return sum(paid * split.bps // BPS for split in terms.splits if split.party == party)
