"""A rebuild makes every derived table again, to the byte
├── whatever was broken in them, and whatever way the rows once came
├── while somebody else works on the database; one rebuild at a time
└── or it changes nothing at all
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel, col

from ledger import tokens
from ledger.batch import AnchoringSettings
from ledger.database import reading, writing
from ledger.deployment import bind
from ledger.errors import ChainError, RebuildUnderWay
from ledger.ordertables import CreditRow, OrderItemRow, OrderRow
from ledger.rebuilding import DERIVED, rebuild
from ledger.tables import AnchorRow, PositionRow, RegistryLogRow
from tests.conftest import running_anvil
from tests.ledger.escrow_world import ANVIL, World, found, undone
from tests.ledger.test_escrow_rows import Play, follow

MODELS: list[type[SQLModel]] = [*DERIVED, PositionRow]
TABLES = [SQLModel.metadata.tables[str(model.__tablename__)] for model in MODELS]


@pytest.fixture(scope="module")
def founded() -> Iterator[World]:
    with running_anvil(*ANVIL) as anvil:
        yield found(anvil)


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    with undone(founded) as world:
        yield world


def dump(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All derived rows in the order of their keys."""
    with reading(engine) as session:
        return {
            table.name: [dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in TABLES
        }


def lived(world: World, engine: Engine, seed: int = 5) -> dict[str, list[dict[str, Any]]]:
    """A database that has followed orders block by block. Its derived rows."""
    bind(engine, world.deployment)
    play = Play(world, seed)
    play.begin()
    for _ in range(6):
        play.act(5)
        follow(world, engine)
    tokens.step(engine, world.chain, world.deployment)
    found = dump(engine)
    empty = {name for name, rows in found.items() if not rows}
    assert empty <= {"strange_logs", "withdrawals", "credits", "order_items"}
    return found


def rebuilt(world: World, engine: Engine, folder: Path) -> dict[str, int]:
    return rebuild(engine, folder, world.chain, world.deployment, AnchoringSettings(), 0)


def test_what_was_there_is_there_again_to_the_byte(world: World, engine: Engine, tmp_path: Path) -> None:
    before = lived(world, engine)
    counts = rebuilt(world, engine, tmp_path)
    assert dump(engine) == before
    assert counts == {name: len(rows) for name, rows in before.items() if name != "positions"}


def test_what_was_broken_is_mended(world: World, engine: Engine, tmp_path: Path) -> None:
    before = lived(world, engine)
    with writing(engine) as session:
        session.execute(update(OrderRow).values(paid=10**70, state=1))
        session.execute(delete(OrderItemRow))
        session.execute(delete(CreditRow))
        session.execute(delete(RegistryLogRow).where(col(RegistryLogRow.log_index) > 0))
        session.execute(delete(AnchorRow))
        session.add(AnchorRow(
            root=b"\1" * 32, anchor_index=7, anchored_at=7, leaf_count=7, operator=b"\1" * 20, block_number=7,
            transaction_hash=b"\1" * 32,
        ))  # fmt: skip
    assert dump(engine) != before
    rebuilt(world, engine, tmp_path)
    assert dump(engine) == before
    follow(world, engine)
    assert dump(engine) == before


def test_a_node_that_has_fallen_behind_is_brought_up_to_the_chain(world: World, engine: Engine, tmp_path: Path) -> None:
    before = lived(world, engine)
    world.mine()
    rebuilt(world, engine, tmp_path)
    after = dump(engine)
    assert after["positions"][0]["block_number"] == before["positions"][0]["block_number"] + 1
    follow(world, engine)
    assert dump(engine) | {"positions": []} == after | {"positions": []}


def test_a_token_that_is_watched_no_more_stays_where_its_reading_ended(
    world: World, engine: Engine, tmp_path: Path
) -> None:
    bind(engine, world.deployment)
    play = Play(world, 9)
    play.begin()
    follow(world, engine)
    tokens.step(engine, world.chain, world.deployment)
    escrow = world.deployment.require_escrow()
    without = replace(world.deployment, escrow=replace(escrow, tokens=()))
    play.begin()
    follow(world, engine, without)
    before = dump(engine)
    rebuild(engine, tmp_path, world.chain, without, AnchoringSettings(), 0)
    assert dump(engine) == before


def test_a_node_that_pays_through_no_escrow_any_more_keeps_what_it_had_read(
    world: World, engine: Engine, tmp_path: Path
) -> None:
    lived(world, engine)
    without = replace(world.deployment, escrow=None)
    Play(world, 3).begin()
    follow(world, engine, without)
    before = dump(engine)
    rebuild(engine, tmp_path, world.chain, without, AnchoringSettings(), 0)
    assert dump(engine) == before


def test_one_process_rebuilds_at_a_time(world: World, engine: Engine, tmp_path: Path) -> None:
    before = lived(world, engine)
    with (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RebuildUnderWay, match="wait until it is done"):
            rebuilt(world, engine, tmp_path)
    assert dump(engine) == before


def test_a_chain_that_has_less_than_was_followed_is_not_believed(world: World, engine: Engine, tmp_path: Path) -> None:
    snapshot = world.anvil.rpc("evm_snapshot")
    before = lived(world, engine)
    world.anvil.rpc("evm_revert", snapshot)
    with pytest.raises(ChainError, match="has seen"):
        rebuilt(world, engine, tmp_path)
    assert dump(engine) == before


def test_what_a_killed_rebuild_left_is_thrown_away(world: World, engine: Engine, tmp_path: Path) -> None:
    before = lived(world, engine)
    (tmp_path / "derived.db").write_bytes(b"half a page")
    (tmp_path / "derived.db-wal").write_bytes(b"and half a log")
    rebuilt(world, engine, tmp_path)
    assert dump(engine) == before
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
