"""The checker finds what it is there for: every promise broken, one at a time, in a story in which all were kept."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.simulation.checker import Broken, OnChain, Said, check, read_chain, read_store
from tests.faults.simulation.derived import check_books, check_rebuilt
from tests.faults.simulation.run import Run
from tests.faults.simulation.world import World, opened
from tests.traceability.nodes import GROWER

SEED = 20
"""A large one: with an order that was paid."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with opened() as world:
        yield world


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    run = Run(world, SEED)
    run.play()
    assert run.told.funded
    return run


@pytest.fixture(scope="module")
def on_chain(run: Run) -> OnChain:
    return read_chain(run.world.wire, run.world.deployment, run.world.base)


def test_a_story_in_which_all_went_well_is_found_well(run: Run, on_chain: OnChain) -> None:
    check(on_chain, read_store(run.world.file), run.told.accepted, run.told.funded)


def first(chain: OnChain, name: str) -> Said:
    return next(said for said in chain.logs if said[0] == name)


def again(name: str, **changes: object) -> Callable[[OnChain], OnChain]:
    """The chain with the first log of that name a second time, in other words."""

    def changed(chain: OnChain) -> OnChain:
        said, arguments, transaction = first(chain, name)
        return replace(chain, logs=[*chain.logs, (said, {**arguments, **changes}, transaction)])

    return changed


def without(name: str) -> Callable[[OnChain], OnChain]:
    return lambda chain: replace(chain, logs=[said for said in chain.logs if said is not first(chain, name)])


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (again("Anchored"), "anchored twice"),
        (again("Anchored", root=b"\x01" * 32), "not numbered on"),
        (without("Anchored"), "not numbered on|roots of the node"),
        (again("ItemPaid"), "payments for them"),
        (again("ItemPaid", milestone=7), "payments for them"),
        (without("ItemPaid"), "payments for them"),
        (again("OrderFunded"), "orders that the buyer funded"),
        (again("Collected"), "were collected"),
        (without("Collected"), "were collected"),
        (lambda chain: replace(chain, balances={**chain.balances, "grower": 0}), "balances"),
        (lambda chain: replace(chain, node_nonces=chain.node_nonces[:-1]), "nonces"),
        (lambda chain: replace(chain, node_nonces=[*chain.node_nonces, chain.node_nonces[-1] + 2]), "nonces"),
        (lambda chain: replace(chain, successes=frozenset()), "transactions did it"),
        (lambda chain: replace(chain, recorded=lambda *_: (0, bytes(20))), "does not verify"),
    ],
)
def test_what_the_chain_has_twice_or_not_at_all_is_found(
    run: Run, on_chain: OnChain, alter: Callable[[OnChain], OnChain], words: str
) -> None:
    with pytest.raises(Broken, match=words):
        check(alter(on_chain), read_store(run.world.file), run.told.accepted, run.told.funded)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM records WHERE id = 1", "records that clients were told of"),
        ("UPDATE records SET batch_id = NULL WHERE id = 1", "in no batch"),
        ("UPDATE records SET sequence = 99 WHERE id = 1", "the numbers of"),
        ("UPDATE records SET signature = zeroblob(65) WHERE id = 1", "not in its batch"),
        ("UPDATE records SET event_hash = zeroblob(32) WHERE id < 3", "two records"),
        ("UPDATE transactions SET state = 'sent' WHERE id = 1", "transactions did it|transactions are"),
        ("UPDATE attestations SET state = 'for_a_person' WHERE id = 1", "attestations are"),
        ("INSERT INTO strange_logs VALUES (1, 1, x'00', x'00', x'00', '')", "trouble"),
    ],
)
def test_what_the_node_has_lost_or_left_undone_is_found(
    run: Run, on_chain: OnChain, tmp_path: Path, change: str, words: str
) -> None:
    copy = tmp_path / "copy.db"
    for part in run.world.folder.glob(run.world.file.name + "*"):
        shutil.copyfile(part, tmp_path / part.name.replace(run.world.file.name, copy.name))
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(change)
    with pytest.raises(Broken, match=words):
        check(on_chain, read_store(copy), run.told.accepted, run.told.funded)


def test_an_event_that_was_recorded_and_never_told_is_found(run: Run, on_chain: OnChain) -> None:
    accepted = dict(list(run.told.accepted.items())[1:])
    with pytest.raises(Broken, match="records that clients were told of"):
        check(on_chain, read_store(run.world.file), accepted, run.told.funded)


def test_books_that_do_not_say_what_the_token_says_are_found(run: Run, on_chain: OnChain) -> None:
    check_books(run.node.engine, run.world.deployment, {GROWER.address: on_chain.balances["grower"]})
    with pytest.raises(Broken, match="the books of"):
        check_books(run.node.engine, run.world.deployment, {GROWER.address: on_chain.balances["grower"] + 1})


def test_a_derived_row_that_the_chain_does_not_make_is_found(run: Run) -> None:
    check_rebuilt(run.world, run.node, run.now_us)
    with closing(sqlite3.connect(run.world.file)) as connection, connection:
        connection.execute("UPDATE anchors SET leaf_count = leaf_count + 1")
    with pytest.raises(Broken, match="other rows of anchors"):
        check_rebuilt(run.world, run.node, run.now_us)
