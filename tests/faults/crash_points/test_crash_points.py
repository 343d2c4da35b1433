"""A seeded sample of what `python -m tests.faults.crash_points` does whole; and that its checker can fail.

checked
├── killed at any point, and started again     nothing lost, nothing twice
├── a disk that fails once                     the same
├── a client without Idempotency-Key           its order is there twice, and that is found
└── anything lost, doubled or pending          named
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from api.settings import load_settings
from ledger.abi import interface
from ledger.chain import Chain
from ledger.hexadecimal import address_from_text, to_hex
from ledger.keystore import open_key
from ledger.transaction import Transaction, sign
from tests.faults.crash_points.checker import check
from tests.faults.crash_points.points import DISK_FAULTS, KILLS, Fault, Kind
from tests.faults.crash_points.runs import Theatre, broken, expect, forked, gone, open_theatre, traced
from tests.faults.crash_points.stage import PASSWORD, Stage

SEED = 6
KILLED = {"orders": 6, "founding": 14}
WITHOUT_DISK = {"orders": 1, "founding": 1}


LACKING_MAX = 4


@pytest.fixture(scope="module", params=["orders", "founding"])
def journey(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def theatre(journey: str) -> Iterator[Theatre]:
    with open_theatre(None, is_embedded=journey == "founding") as theatre:
        yield theatre


@pytest.fixture(scope="module")
def orders() -> Iterator[Theatre]:
    with open_theatre(None, is_embedded=False) as theatre:
        yield theatre


@pytest.mark.slow
def test_whatever_dies_and_whatever_disk_fails_nothing_is_lost_and_nothing_done_twice(
    theatre: Theatre, journey: str
) -> None:
    points, draw = traced(theatre), random.Random(SEED)
    assert len(points) > 100
    for faults, count in (((*KILLS, Fault.TORN), KILLED[journey]), (DISK_FAULTS, WITHOUT_DISK[journey])):
        cases = [(point, fault) for point in points for fault in point.faults(faults)]
        draw.shuffle(cases)
        met = 0
        # Under load a run may lack the last pass of the worker that another run had, and its points with it.
        for point, fault in cases[: count + LACKING_MAX]:
            verdict = broken(theatre, point, fault)
            assert verdict.problems == (), f"{fault} {point}"
            met += verdict.is_reached
            if met == count:
                break
        assert met == count


def test_without_a_key_what_is_asked_again_is_done_again_and_that_is_found(orders: Theatre) -> None:
    orders.template = replace(orders.template, with_keys=False)
    points = traced(orders)
    planned = next(each for each in points if each.kind is Kind.COMMIT and each.who == "api/ordering.py:propose")
    assert broken(orders, planned, Fault.BEFORE).problems == ()
    (problem,) = broken(orders, planned, Fault.AFTER).problems
    assert "2 orders are called 'PO-AT-ONCE'" in problem


def told(stage: Stage, key: str, **what: object) -> None:
    with stage.told.open("a") as notebook:
        notebook.write(json.dumps({"key": key, "told": what}) + "\n")


def sql(statement: str) -> Callable[[Stage], None]:
    def damage(stage: Stage) -> None:
        with closing(sqlite3.connect(stage.data / "tally.db")) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    return damage


def sent(stage: Stage, name: str, to: str, data: bytes) -> None:
    """A transaction past the outbox."""
    assert stage.rpc_url is not None
    chain, signer = Chain.found_at(stage.rpc_url), open_key(stage.data / "keys", name, PASSWORD)
    (nonce,) = chain.transaction_counts([signer.address])
    chain.send(sign(Transaction(chain.chain_id, nonce, address_from_text(to), data, 500_000, 0, 0), signer))


def strange_root(stage: Stage) -> None:
    event_log = load_settings(stage.data).event_log
    assert event_log is not None
    sent(stage, "node", event_log, interface("EventLog").call("anchor", b"\x07" * 32, 1))


def paid_twice(stage: Stage) -> None:
    (token,) = load_settings(stage.data).tokens
    grower = open_key(stage.data / "keys", "grower", PASSWORD).address
    sent(stage, "roaster", token, interface("SettlementToken").call("transfer", grower, 100_000))


DAMAGES: list[tuple[Callable[[Stage], None], str]] = [
    (lambda stage: told(stage, "lost", records=[to_hex(b"\x09" * 32)]), "is stored 0 times"),
    (lambda stage: told(stage, "ship", records=[]), "was answered"),
    (sql("DELETE FROM records WHERE id = 2"), "is stored 0 times"),
    (sql("UPDATE records SET event_hash = zeroblob(32) WHERE id < 3"), "has 2 records"),
    (sql("UPDATE records SET batch_id = NULL WHERE id = 3"), "is in no batch"),
    (sql("UPDATE batches SET root = zeroblob(32) WHERE id = 1"), "is 0 times on chain"),
    (sql("UPDATE transactions SET state = 'sent' WHERE id = 1"), "is sent"),
    (sql("UPDATE nonces SET next_nonce = next_nonce + 1"), "nonces on chain"),
    (lambda stage: (stage.watched / "backup.tar").unlink(), "there is no backup"),
    (strange_root, "a root that nobody knows"),
    (paid_twice, "grower has 250000, and should have 150000"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), DAMAGES, ids=[words for _, words in DAMAGES])
def test_what_is_lost_doubled_or_pending_is_named(
    finished: tuple[Theatre, Stage], damage: Callable[[Stage], None], words: str
) -> None:
    theatre, whole = finished
    with theatre.copied(whole) as stage:
        expect(forked(lambda: damage(stage)))
        problems = expect(forked(lambda: check(stage)))
    assert any(words in problem for problem in problems), problems


@pytest.fixture(scope="module")
def finished() -> Iterator[tuple[Theatre, Stage]]:
    """A journey that has come to its end without any fault."""
    with open_theatre(None, is_embedded=False) as theatre, theatre.stage() as stage:
        assert expect(forked(lambda: gone(stage, theatre))).error is None
        assert expect(forked(lambda: check(stage))) == []
        assert theatre.anvil is not None
        theatre.snapshot = theatre.anvil.rpc("evm_snapshot")
        yield theatre, stage
