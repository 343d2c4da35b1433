"""One mined transaction for each intent, and no gap, however many send with one key and whatever the line does.

one key, a line on which a third of what is handed in is dropped or answered wrongly
├── sixteen workers of one instance
├── two instances on one database
└── two instances with a database each, who take each other's numbers

A short run of what `python -m tests.faults.nonces` does in full.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.databases import MakeEngine
from tests.faults.nonces.contest import contest
from tests.faults.nonces.line import ODDS, Fate, Line

pytestmark = [pytest.mark.slow, pytest.mark.long]
SEED = 20_260_301


def url_of(make_engine: MakeEngine) -> str:
    engine = make_engine()
    engine.dispose()
    return engine.url.render_as_string(hide_password=False)


def test_sixteen_workers_send_each_intent_once(make_engine: MakeEngine) -> None:
    outcome = contest([url_of(make_engine)], workers=16, sends=8, seed=SEED)
    assert (outcome.mined, outcome.nonces_lost) == (128, 0)
    assert all(outcome.fates[fate] for fate in Fate)


def test_two_instances_send_each_intent_once(make_engine: MakeEngine) -> None:
    outcome = contest([url_of(make_engine)] * 2, workers=4, sends=8, seed=SEED)
    assert (outcome.mined, outcome.nonces_lost) == (64, 0)


def test_two_instances_that_do_not_know_of_each_other_lose_numbers_but_no_intent(make_engine: MakeEngine) -> None:
    outcome = contest([url_of(make_engine) for _ in range(2)], workers=1, sends=16, seed=SEED)
    assert outcome.mined == 32


def test_the_line_loses_what_it_is_told_to_lose() -> None:
    line = Line("", "", SEED)
    for number in range(4_000):
        line.fate_of(f"0x{number}")
    shares = Counter({fate: round(count / 4_000, 2) for fate, count in line.fates.items()})
    assert all(abs(shares[fate] - odds / 1000) <= 0.02 for fate, odds in ODDS.items())


def test_one_transaction_has_the_same_fates_in_every_run() -> None:
    first, again = ([line.fate_of("0x02f8") for _ in range(20)] for line in (Line("", "", SEED), Line("", "", SEED)))
    assert first == again
    assert len(set(first)) > 2
