"""Statements of account: opening balance, movements, closing balance of a token on one of a party's accounts.

Pure. To the last unit what the token itself says: a statement's closing less its opening is what the account's balance
changed by between the two times. Amounts in the token's smallest unit, times are block times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.chart import account_of
from ledger.hexadecimal import address_from_text, to_address
from ledger.journal import Entry


@dataclass(frozen=True, slots=True)
class Movement:
    """What one entry brought to the account, or took from it (negative)."""

    entry: Entry
    amount: int


@dataclass(slots=True)
class Statement:
    """One account's movements at t if from_at <= t < until_at, and its balance before and after.

    The balance is counted from when the account began to act for the party: what it held then is a movement.
    """

    token: bytes
    account: bytes
    from_at: int
    until_at: int
    opening: int = 0
    movements: list[Movement] = field(default_factory=list)

    @property
    def closing(self) -> int:
        """The balance at the end of the period."""
        return self.opening + sum(movement.amount for movement in self.movements)


def statements(entries: Iterable[Entry], token: bytes, account: bytes, from_at: int, until_at: int) -> list[Statement]:
    """A statement of the account that acts for the party, and of those that did and still had something then.

    `entries` are all of the party's since the beginning, in the order of the chain.
    """
    found = {to_address(account): Statement(token, account, from_at, until_at)}
    for entry in entries:
        at = entry.place.block_at
        if at >= until_at:
            break
        for name, amount in _amounts(entry, token):
            statement = found.get(name)
            if statement is None:
                statement = found[name] = Statement(token, address_from_text(name), from_at, until_at)
            if at < from_at:
                statement.opening += amount
            else:
                statement.movements.append(Movement(entry, amount))
    return [one for one in found.values() if one.account == account or one.opening or one.movements]


def _amounts(entry: Entry, token: bytes) -> list[tuple[str, int]]:
    """By account what the entry changes; an account that goes on under another name of the chart is not changed."""
    amounts: dict[str, int] = {}
    for posting in entry.postings:
        name = account_of(posting.account) if posting.token == token else None
        if name is not None:
            amounts[name] = amounts.get(name, 0) + posting.amount
    return [(name, amount) for name, amount in amounts.items() if amount]
