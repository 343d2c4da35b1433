"""What each party's accounts must say, worked out from what people do and never from the logs that it leaves.

docs/finance.md a second time, in the plainest words: one method for each thing that happens to money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ledger.hexadecimal import to_address, to_hex
from ledger.orders import NOBODY, Terms

Sums = dict[tuple[str, bytes], int]
"""By account of the chart and token what stands there; an account that holds nothing is not there."""


class Model:
    """All parties' accounts, in the tokens that are booked."""

    def __init__(self, parties: Iterable[bytes], codes: dict[bytes, str]) -> None:
        self.sums: dict[bytes, Sums] = {party: {} for party in parties}
        self._codes = codes
        self._acting: dict[bytes, bytes] = {}
        self._own: dict[bytes, set[bytes]] = {party: set() for party in self.sums}
        self._balances: defaultdict[tuple[bytes, bytes], int] = defaultdict(int)

    def controlled(self, party: bytes, account: bytes) -> None:
        """The account acts for the party now, and the one before it no more."""
        former = self._acting.get(party)
        for token in self._codes:
            if former is not None:
                balance = self._balances[token, former]
                before = self._held(party, token, former)
                self._post(party, token, (before, -balance), (self._former(token, former), balance))
            balance = self._balances[token, account]
            self._post(party, token, (self._token(token, account), balance), ("Equity:Accounts", -balance))
        self._acting[party] = account
        self._own[party].add(account)

    def transferred(self, token: bytes, sender: bytes, receiver: bytes, amount: int) -> None:
        """A plain transfer; of nobody's a mint, to nobody a burning."""
        for party, own in self._own.items():
            if sender in own:
                self._post(party, token, (self._held(party, token, sender), -amount), (_other(receiver), amount))
            if receiver in own:
                self._post(party, token, (self._held(party, token, receiver), amount), (_other(sender), -amount))
        self._move(token, sender, receiver, amount)

    def funded(self, order: bytes, terms: Terms, account: bytes, escrow: bytes) -> None:
        """The buyer's account has paid the whole amount in."""
        held = self._held(terms.buyer, terms.token, account)
        self._post(terms.buyer, terms.token, (f"Assets:Escrow:{_short(order)}", terms.amount), (held, -terms.amount))
        self._move(terms.token, account, escrow, terms.amount)

    def paid(self, order: bytes, terms: Terms, payee: bytes, paid: int, returned: int, *, is_delivery: bool) -> None:
        """So much has left an item for payee and splits, so much for the buyer."""
        buyer, seller, token = terms.buyer, terms.seller, terms.token
        shares = [(split.party, paid * split.bps // 10_000) for split in terms.splits]
        to_payee = paid - sum(share for _, share in shares)
        self._post(buyer, token, (f"Assets:Escrow:{_short(order)}", -paid - returned), ("Assets:Credit", returned))
        if is_delivery:
            self._post(buyer, token, ("Expenses:Purchases", paid + returned), ("Expenses:Reductions", -returned))
            self._post(seller, token, ("Income:Sales", -paid - returned), ("Income:Reductions", returned))
        else:
            self._post(buyer, token, ("Expenses:Undelivered", paid))
            self._post(seller, token, ("Income:Undelivered", -paid))
        self._post(seller, token, ("Expenses:Splits", paid - to_payee))
        for party, share in shares:
            if party in self.sums:
                self._post(party, token, ("Income:Splits", -share), ("Assets:Credit", share))
        holders = [party for party, own in self._own.items() if payee == party or payee in own]
        for party in holders:
            self._post(party, token, (_credit(party, payee), to_payee))
            if party != seller:
                self._post(party, token, (f"Assets:Receivables:{_short(order)}", -to_payee))
        if seller not in holders:
            self._post(seller, token, (f"Liabilities:Receivables:{_short(order)}", to_payee))

    def collected(self, token: bytes, creditor: bytes, receiver: bytes, owed: int, arrived: int, escrow: bytes) -> None:
        """What was owed to a creditor has gone to an account, where so much of it arrived."""
        for party, own in self._own.items():
            is_creditor, is_receiver = creditor == party or creditor in own, receiver in own
            if is_receiver:
                self._post(party, token, (self._held(party, token, receiver), arrived))
            if is_creditor:
                known = self.sums[party].get((_credit(party, creditor), token), 0)
                self._post(party, token, (_credit(party, creditor), -known), ("Equity:Accounts", known - owed))
            if is_creditor and is_receiver:
                self._post(party, token, ("Expenses:TokenLoss", owed - arrived))
            elif is_creditor:
                self._post(party, token, ("Equity:Transfers", owed))
            elif is_receiver:
                self._post(party, token, ("Equity:Transfers", -arrived))
        self._move(token, escrow, receiver, arrived)

    def sold(self, order: bytes, terms: Terms, holder: bytes, receiver: bytes, price: int) -> None:
        """A receivable has gone from holder to receiver, and its price the other way."""
        for party, own in self._own.items():
            side = "Liabilities" if party == terms.seller else "Assets"
            deal = f"{side}:Receivables:{_short(order)}"
            for account, amount in ((holder, price), (receiver, -price)):
                if account in own:
                    self._post(party, terms.token, (self._held(party, terms.token, account), amount), (deal, -amount))
        self._move(terms.token, receiver, holder, price)

    # --------------------------------------------------------------------------------------------------------- inside

    def _post(self, party: bytes, token: bytes, *amounts: tuple[str, int]) -> None:
        if token not in self._codes:
            return
        sums = self.sums[party]
        for account, amount in amounts:
            if left := sums.get((account, token), 0) + amount:
                sums[account, token] = left
            else:
                sums.pop((account, token), None)

    def _move(self, token: bytes, sender: bytes, receiver: bytes, amount: int) -> None:
        self._balances[token, sender] -= amount
        self._balances[token, receiver] += amount

    def _held(self, party: bytes, token: bytes, account: bytes) -> str:
        is_acting = self._acting.get(party) == account
        return self._token(token, account) if is_acting else self._former(token, account)

    def _token(self, token: bytes, account: bytes) -> str:
        return f"Assets:Token:{self._codes.get(token)}:{_address(account)}"

    def _former(self, token: bytes, account: bytes) -> str:
        return f"Assets:Former:{self._codes.get(token)}:{_address(account)}"


_addresses: dict[bytes, str] = {}


def _address(account: bytes) -> str:
    if account not in _addresses:
        _addresses[account] = to_address(account)
    return _addresses[account]


def _credit(party: bytes, creditor: bytes) -> str:
    return "Assets:Credit" if creditor == party else f"Assets:Credit:{_address(creditor)}"


def _other(account: bytes) -> str:
    return "Equity:Minted" if account == NOBODY else "Equity:Transfers"


def _short(order: bytes) -> str:
    return to_hex(order[:8])


def totals(sums: Sums) -> dict[bytes, int]:
    """By token the sum of all accounts."""
    found: defaultdict[bytes, int] = defaultdict(int)
    for (_, token), amount in sums.items():
        found[token] += amount
    return found
