"""A season of a market, booked operation by operation, and held against the model after each of them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

from ledger.book import Book
from ledger.errors import UnknownLog
from ledger.journal import Entry, Journal
from tests.faults.books.market import CODES, Market
from tests.faults.books.model import Sums, totals
from tests.ledger.trade import ESCROW, PARTIES

OPERATIONS = 400
"""Of one season. Many small ones meet more than one large one: controllers change, orders end."""


class Clerk:
    """One party's journal, added up."""

    def __init__(self, party: bytes) -> None:
        self.party = party
        self.journal = Journal(party, ESCROW, CODES)
        self.sums: Sums = {}
        self._seen = 0

    def new_entries(self) -> list[Entry]:
        """What the last booking has added; added up here, too."""
        entries = self.journal.entries[self._seen :]
        self._seen = len(self.journal.entries)
        for entry in entries:
            for account, token, amount in entry.postings:
                if left := self.sums.get((account, token), 0) + amount:
                    self.sums[account, token] = left
                else:
                    self.sums.pop((account, token), None)
        return entries


def play(seed: int, operations: int = OPERATIONS) -> Counter[str]:
    """A season. What was done how often. Raises AssertionError at the first operation that is booked wrongly."""
    market = Market(source=random.Random(seed))
    clerks = [Clerk(party) for party in PARTIES]
    read = 0
    for number in range(operations):
        market.step()
        logs = market.logs[read:]
        read = len(market.logs)
        for clerk in clerks:
            clerk.journal.book(logs)
            check(clerk, market, f"seed {seed}, operation {number}")
    check_against_chain(market, clerks, f"seed {seed}")
    check_book(market, f"seed {seed}")
    entries = sum(len(clerk.journal.entries) for clerk in clerks)
    return market.counts + Counter({"entries": entries, "logs": read})


def check(clerk: Clerk, market: Market, when: str) -> None:
    """Each new entry sums to zero in its token, all of them together too, and every account is what the model says."""
    for entry in clerk.new_entries():
        sums: defaultdict[bytes, int] = defaultdict(int)
        for posting in entry.postings:
            sums[posting.token] += posting.amount
        assert not any(sums.values()), f"{when}: {entry} does not sum to zero"
    expected = market.model.sums[clerk.party]
    assert not any(totals(clerk.sums).values()), f"{when}: the books do not sum to zero"
    if clerk.sums != expected:
        wrong = {name: (clerk.sums.get(name), expected.get(name)) for name in clerk.sums.keys() | expected.keys()
                 if clerk.sums.get(name) != expected.get(name)}  # fmt: skip
        raise AssertionError(f"{when}: (account, token): (booked, by the model) {wrong} of {clerk.party.hex()}")


def check_against_chain(market: Market, clerks: list[Clerk], when: str) -> None:
    """What the token says of the acting account, and the escrow of its debts and of what it holds for the buyer."""
    held: defaultdict[tuple[bytes, bytes], int] = defaultdict(int)
    for (order, _, _), item in market.items.items():
        held[market.terms[order].buyer, market.terms[order].token] += item.amount
    for clerk in clerks:
        places = [entry.place for entry in clerk.journal.entries]
        assert [place[:2] for place in places] == sorted(place[:2] for place in places), when
        for token in CODES:
            found: defaultdict[str, int] = defaultdict(int)
            for (account, of), amount in clerk.sums.items():
                if of == token:
                    found[":".join(account.split(":")[:2])] += amount
            acting = market.controller[clerk.party]
            assert found["Assets:Token"] == market.balances.get((token, acting), 0), when
            assert found["Assets:Escrow"] == held[clerk.party, token], when
            assert clerk.sums.get(("Assets:Credit", token), 0) == market.credits.get((token, clerk.party), 0), when


def check_book(market: Market, when: str) -> None:
    """The book of orders names each unlawful log, and owes and holds what is owed and held."""
    book, unlawful = Book(), 0
    for log in market.escrow_logs:
        try:
            book.apply(log)
        except UnknownLog:
            unlawful += 1
    assert unlawful == market.unlawful_logs, when
    assert book.credits == market.credits, when
    for name, order in book.orders.items():
        held = {item: state.held for item, state in order.items.items()}
        assert held == {item[1:]: each.amount for item, each in market.items.items() if item[0] == name}, when
