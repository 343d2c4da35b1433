"""Finance's nightly work beside a table join: journal and reconciliation of 100,000 settlements and as many invoices.

Ours reads every log: it keeps double-entry books to the last unit, and gives each invoice its state; the buyer compares
receipts, too. The plain way is `pandas.merge` of the table of settlements with the table of invoices, which only brings
equal keys together. Both begin with what they need in memory. One thread each: the time of the processor counts.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import pandas as pd

from ledger.escrow import (
    Accepted,
    Agreed,
    Attested,
    Collected,
    Credited,
    Ended,
    EscrowLog,
    Funded,
    LogPlace,
    Paid,
    Proposed,
    TokenMoved,
)
from ledger.hexadecimal import to_hex
from ledger.invoices import Invoice
from ledger.journal import Controlled, Journal, in_order
from ledger.judgement import State
from ledger.money import Currency, Number
from ledger.obligations import Obligations
from ledger.orders import MILESTONES_MAX, NOBODY, Cause, Milestone, Terms
from ledger.receipts import Receipt, Unit
from ledger.reconciliation import Document, Item, Knowledge, reconcile
from scripts.bench import Row, row

SETTLEMENTS = 100_000
RATIO_MAX = 60
ROUNDS = 3
STARTED_AT = 1_800_000_000

BUYER, SELLER, TOKEN, ESCROW = (bytes([n]) * 20 for n in range(1, 5))
KILOGRAMS = (Unit("KGM", 0),) * MILESTONES_MAX
SETTLEMENT_COLUMNS = [
    "order", "milestone", "delivery", "cause", "payee", "to_payee", "to_splits", "to_buyer", "block", "log", "at",
    "transaction",
]  # fmt: skip
INVOICE_COLUMNS = ["invoice", "order", "milestone", "seller", "quantity", "uom", "amount", "currency", "date"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class History:
    """What finance begins with."""

    controlled: list[Controlled]
    logs: list[EscrowLog]
    receipts: list[Receipt]
    invoices: list[Invoice]
    documents: dict[bytes, Document]


def measure() -> list[Row]:
    """A row for buyer and seller: seconds of both ways. Raises AssertionError where books or states are wrong."""
    history = _history(SETTLEMENTS)
    settled, invoiced = _tables(history)
    theirs_s = min(_elapsed_s(lambda: settled.merge(invoiced, on=["order", "milestone"]))[0] for _ in range(ROUNDS))
    rows = []
    for party, name, receipts in ((BUYER, "buyer", history.receipts), (SELLER, "seller", [])):
        ours_s = min(_ours_s(history, party, receipts) for _ in range(ROUNDS))
        title = f"{name}'s journal and reconciliation of {SETTLEMENTS:,} settlements, beside pandas.merge"
        rows.append(row(title, ours_s, theirs_s, "s", RATIO_MAX, "lower"))
    return rows


def _ours_s(history: History, party: bytes, receipts: list[Receipt]) -> float:
    elapsed_s, (journal, items) = _elapsed_s(lambda: _books(history, party, receipts))
    states = [item.state for item in items]
    if states != [State.MATCHED] * SETTLEMENTS or len(journal.entries) < SETTLEMENTS:
        raise AssertionError("the books are not those of the settlements")
    return elapsed_s


def _books(history: History, party: bytes, receipts: list[Receipt]) -> tuple[Journal, list[Item]]:
    """What finance runs: the party's journal from the first log on, and the invoices against what came of them."""
    journal = Journal(party, ESCROW, {TOKEN: "XTS"})
    journal.book(in_order(history.logs, history.controlled))
    knowledge = Knowledge({"highland growers": SELLER}, {TOKEN: Currency("XTS", 2)}, history.documents)
    return journal, reconcile(party, Obligations(history.logs), receipts, history.invoices, knowledge)


def _tables(history: History) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The settlements and the invoices with the columns that they come with, names as text."""
    settlements = [
        (
            to_hex(log.order), log.milestone, to_hex(log.delivery), log.cause.name, to_hex(log.payee), log.to_payee,
            log.to_splits, log.to_buyer, log.place.block_number, log.place.log_index, log.place.block_at,
            to_hex(log.place.transaction_hash),
        )
        for log in history.logs if isinstance(log, Paid)
    ]  # fmt: skip
    invoices = [
        (
            one.number, one.order, one.milestone, one.seller, one.quantity.digits, one.uom, one.amount, one.currency,
            one.date,
        )
        for one in history.invoices
    ]  # fmt: skip
    return pd.DataFrame(settlements, columns=SETTLEMENT_COLUMNS), pd.DataFrame(invoices, columns=INVOICE_COLUMNS)


def _elapsed_s(work: Callable[[], _T]) -> tuple[float, _T]:
    gc.collect()
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


# ------------------------------------------------------------------------------------------------------- the history


def _history(settlements: int) -> History:
    """So many settlements of orders with 16 milestones, and their invoices in another order."""
    source = random.Random(settlements)  # noqa: S311 - the same history in every run
    logs = list(_logs(settlements // MILESTONES_MAX, source))
    receipts = [
        Receipt(
            log.order, log.milestone, log.delivery, log.accepted, "KGM", log.record_hash, log.record_hash.hex(),
            log.happened_at,
        )
        for log in logs if isinstance(log, Attested)
    ]  # fmt: skip
    paid = [log for log in logs if isinstance(log, Paid)]
    documents = {log.order: Document((to_hex(log.order[:8]),), KILOGRAMS, bytes(32)) for log in paid}
    source.shuffle(paid)
    invoices = [
        Invoice(
            number, f"INV-{number}", to_hex(log.order), "Highland Growers", Number(1_000, 0), "KGM", log.to_payee,
            "XTS", date(2027, 1, 15), log.milestone,
        )
        for number, log in enumerate(paid, 2)
    ]  # fmt: skip
    start = LogPlace(0, 0, STARTED_AT, bytes(32))
    return History([Controlled(start, party, party) for party in (BUYER, SELLER)], logs, receipts, invoices, documents)


def _logs(orders: int, source: random.Random) -> Iterator[EscrowLog]:
    chain = _Chain(source)
    yield from chain.transaction((TokenMoved, TOKEN, NOBODY, BUYER, 10**15))
    for nonce in range(orders):
        order, amounts = source.randbytes(32), [source.randrange(1_000, 1_000_000) for _ in range(MILESTONES_MAX)]
        milestones = tuple(Milestone(amount, 1_000, 1, 1, STARTED_AT + 10**8) for amount in amounts)
        terms = Terms(BUYER, SELLER, TOKEN, bytes(32), NOBODY, STARTED_AT + 10**7, (), (BUYER,), milestones)
        yield from chain.transaction((Proposed, order, BUYER, SELLER, nonce, terms))
        yield from chain.transaction((Accepted, order))
        funded = Funded, order, BUYER, terms.amount
        yield from chain.transaction((TokenMoved, TOKEN, BUYER, ESCROW, terms.amount), funded)
        for index, amount in enumerate(amounts):
            delivery, record = source.randbytes(32), source.randbytes(32)
            yield from chain.transaction(
                (Attested, order, index, delivery, BUYER, BUYER, record, STARTED_AT, 1_000, 0),
                (Agreed, order, index, delivery, 1_000, amount, 0, STARTED_AT),
                (Paid, order, index, delivery, Cause.SETTLED, SELLER, amount, 0, 0, 0),
                (Credited, order, SELLER, TOKEN, amount),
                (TokenMoved, TOKEN, ESCROW, SELLER, amount),
                (Collected, TOKEN, SELLER, SELLER, amount),
            )
        yield from chain.transaction((Ended, order))


class _Chain:
    """Gives logs their places, a block a transaction."""

    def __init__(self, source: random.Random) -> None:
        self._source, self._block_number = source, 0

    def transaction(self, *logs: tuple[Any, ...]) -> Iterator[EscrowLog]:
        """These logs, each given as its type and what it says."""
        self._block_number += 1
        name = self._source.randbytes(32)
        for index, (kind, *says) in enumerate(logs):
            log: EscrowLog = kind(LogPlace(self._block_number, index, STARTED_AT + self._block_number, name), *says)
            yield log


if __name__ == "__main__":
    for measured in measure():
        print(measured)
