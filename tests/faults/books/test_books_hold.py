"""Books that sum to zero and say what happened, operation by operation; and mistakes that are found by their names.

A short run of what `python -m tests.faults.books` does in full.
"""

from __future__ import annotations

import random

import pytest

from ledger.orders import Terms
from tests.faults.books.market import CODES, Market
from tests.faults.books.mistakes import MISTAKES, Desk, alarms, clean, mistaken
from tests.faults.books.model import Model, totals
from tests.faults.books.season import OPERATIONS, Clerk, check, play
from tests.ledger.trade import BANK, ESCROW, GROWER, PARTIES, ROASTER, TOKEN

SEED, SEASONS, CLEAN = 20_260_301, 40, 400


def test_every_operation_is_booked_as_the_model_says() -> None:
    for season in range(SEASONS):
        play(SEED + season)


def test_a_season_has_something_of_everything() -> None:
    counts = play(SEED) + play(SEED + 1)
    assert counts["several at once"] and counts["unlawful"] and counts["replace a controller"]
    assert min(counts["settle, release, give back, rule"], counts["sell the receivable"], counts["expire"]) > 10
    assert counts["entries"] > OPERATIONS // 2


def test_the_same_seed_is_the_same_season() -> None:
    assert play(7) == play(7) != play(8)


def test_the_models_own_sums_are_zero_for_every_party_and_token() -> None:
    market = Market(source=random.Random(SEED))
    for _ in range(OPERATIONS):
        market.step()
    for party in PARTIES:
        assert set(totals(market.model.sums[party])) == set(CODES)
        assert not any(totals(market.model.sums[party]).values())


@pytest.mark.parametrize("drop", ["TokenMoved", "Paid", "Collected", "Funded"])
def test_logs_that_are_left_out_are_noticed(drop: str) -> None:
    """The checker sees what it is there to see."""
    market = Market(source=random.Random(SEED))
    clerks = [Clerk(party) for party in PARTIES]

    def booked_without() -> None:
        read = 0
        for number in range(OPERATIONS):
            market.step()
            logs, read = market.logs[read:], len(market.logs)
            if number > 100:
                logs = [log for log in logs if type(log).__name__ != drop]
            for clerk in clerks:
                clerk.journal.book(logs)
                check(clerk, market, "")

    with pytest.raises(AssertionError, match="by the model"):
        booked_without()


def test_the_model_knows_the_worked_example_of_a_sold_receivable() -> None:
    """docs/finance.md: 1,000.00 sold for 950.00; the deal's 50.00 stay on its account."""
    model, order = Model((ROASTER, GROWER, BANK), {TOKEN: "XTS"}), b"\x01" * 32
    terms = Terms(ROASTER, GROWER, TOKEN, bytes(32), bytes(20), 0, (), (ROASTER,), ())
    for party in (ROASTER, GROWER, BANK):
        model.controlled(party, party)
    model.sold(order, terms, GROWER, BANK, 95_000)
    model.paid(order, terms, BANK, 100_000, 0, is_delivery=True)
    model.collected(TOKEN, BANK, BANK, 100_000, 100_000, ESCROW)
    short = "0x" + "01" * 8
    assert {name: amount for (name, _), amount in model.sums[GROWER].items() if "Token" not in name} == {
        f"Liabilities:Receivables:{short}": 5_000, "Income:Sales": -100_000,
    }  # fmt: skip
    assert {name: amount for (name, _), amount in model.sums[BANK].items() if "Token" not in name} == {
        f"Assets:Receivables:{short}": -5_000,
    }  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_by_its_name_and_nothing_else(name: str) -> None:
    for number in range(8):
        mistaken(SEED + number, name)


def test_an_office_in_order_raises_no_alarm() -> None:
    assert sum(clean(SEED + number) for number in range(CLEAN)) > 2 * CLEAN


def test_an_office_with_a_cent_too_much_does() -> None:
    desk = Desk(random.Random(SEED))
    deal = desk.deal()
    desk.settle(deal)
    desk.invoice(deal)
    assert alarms(desk) == []
    desk.alter(amount=deal.due + 1)
    assert len(alarms(desk)) == 1
