"""Every derived table made again from the chain, beside the node that goes on working, and swapped in one commit.

The rows are gathered by the follower itself, into a scratch database that begins empty: what `derivation` makes of a
log has one place. Nothing of the node's changes before the last commit, and that one is whole or not at all; so whoever
is killed meanwhile leaves a node as it was and a scratch file that the next rebuild throws away.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, col

from ledger import follower, orderbook, tokens
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.copying import copy_rows
from ledger.database import create_tables, open_engine, reading, writing
from ledger.deployment import Deployment, Escrow, bind
from ledger.errors import ChainError, ChainReason, RebuildUnderWay
from ledger.escrowlogs import LogKind
from ledger.follower import NAME
from ledger.ordertables import (
    CreditRow,
    EscrowLogRow,
    FollowedRow,
    OrderItemRow,
    OrderPartyRow,
    OrderRow,
    TokenRow,
)
from ledger.tables import (
    AnchorRow,
    BlockRow,
    DeploymentRow,
    PositionRow,
    RegistryLogRow,
    StrangeLogRow,
    WithdrawalRow,
)

DERIVED: tuple[type[SQLModel], ...] = (
    AnchorRow, WithdrawalRow, RegistryLogRow, StrangeLogRow, EscrowLogRow, OrderRow, OrderPartyRow, OrderItemRow,
    CreditRow, BlockRow, FollowedRow, TokenRow,
)  # fmt: skip
"""What a rebuild makes again, beside the follower's position."""


class Index(Protocol):
    """Tables of another floor that are made again from what the node has stored itself."""

    tables: tuple[Table, ...]

    def gather(self, node: Session, scratch: Session) -> None:
        """Puts into the scratch database what the node has stored since the last call."""


def rebuild(
    engine: Engine,
    folder: Path,
    chain: Chain,
    deployment: Deployment,
    settings: AnchoringSettings,
    now_us: int,
    indexes: Sequence[Index] = (),
) -> dict[str, int]:
    """Remakes all derived tables from the chain, and those of `indexes`. How many rows each has now.

    `folder` is where the scratch database lies meanwhile; it holds as much as the derived tables do. A worker may run:
    captures and it wait for the last commit alone. Raises RebuildUnderWay where another process does the same, and
    ChainError where the chain does not answer, or has less than the node has seen; then nothing has changed.
    """
    with _scratch(folder) as scratch:
        watched = _with_dropped(engine, deployment)
        bind(scratch, watched)
        _gather(scratch, chain, watched, settings, now_us)
        with reading(engine) as node:
            _index(indexes, node, scratch)
        with writing(engine) as node:
            # Under the lock nobody moves on: what has come since is read now, and is little.
            _gather(scratch, chain, watched, settings, now_us)
            _index(indexes, node, scratch)
            with reading(scratch) as gathered:
                counts = _swap(node, gathered, deployment)
                return counts | _replace(node, gathered, [table for each in indexes for table in each.tables])


def _index(indexes: Sequence[Index], node: Session, scratch: Engine) -> None:
    if indexes:
        with writing(scratch, durable=False) as session:
            for each in indexes:
                each.gather(node, session)


@contextmanager
def _scratch(folder: Path) -> Iterator[Engine]:
    """An empty database of this process's own. Raises RebuildUnderWay."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RebuildUnderWay(str(folder)) from error
        _remove(folder)
        scratch = open_engine(f"sqlite:///{folder / 'derived.db'}")
        try:
            create_tables(scratch)
            yield scratch
        finally:
            scratch.dispose()
            _remove(folder)


def _remove(folder: Path) -> None:
    for file in folder.glob("derived.db*"):
        file.unlink()


def _with_dropped(engine: Engine, deployment: Deployment) -> Deployment:
    """The deployment, and those contracts that were followed once and are named no more."""
    with reading(engine) as session:
        followed = session.scalars(select(col(FollowedRow.address)).order_by(col(FollowedRow.address))).all()
        bound = session.get(DeploymentRow, 1)
    escrow = deployment.escrow
    if escrow is None and followed and bound is not None and bound.delivery_escrow is not None:
        escrow = Escrow.at(bound.delivery_escrow)
    if escrow is None:
        return deployment
    own = {escrow.address, escrow.receivable, *escrow.tokens}
    return replace(deployment, escrow=replace(escrow, tokens=(*escrow.tokens, *(a for a in followed if a not in own))))


def _gather(scratch: Engine, chain: Chain, deployment: Deployment, settings: AnchoringSettings, now_us: int) -> None:
    """The follower's steps until nothing is new."""
    while True:
        progress = follower.step(scratch, chain, deployment, settings, now_us)
        progress += tokens.step(scratch, chain, deployment)
        if not (progress.done or progress.is_waiting):
            return


def _swap(session: Session, gathered: Session, deployment: Deployment) -> dict[str, int]:
    """The gathered rows instead of the node's own. Assumes a session of `writing`."""
    new, old = gathered.get(PositionRow, NAME), session.get(PositionRow, NAME)
    assert new is not None  # a step that returns has written one
    if old is not None and (old.block_number > new.block_number or old.final_number > new.final_number):
        raise ChainError(
            ChainReason.BAD_ANSWER,
            f"the chain's node is at block {new.block_number}, this node has seen {old.block_number}: wait for the "
            "chain's node, or let the worker find out what has been lost",
        )
    stopped = _stopped(session, deployment)
    counts = _replace(session, gathered, [_table(model) for model in DERIVED])
    for address, read_to in stopped.items():
        _stop(session, address, read_to)
    if old is None:
        session.execute(insert(_table(PositionRow)).values(new.model_dump()))
    else:
        moved = {"block_number", "block_hash", "block_at", "final_number", "final_at"}
        change = new.model_dump(include=moved) | ({} if old.block_hash == new.block_hash else {"next_at": 0})
        session.execute(update(PositionRow).where(col(PositionRow.name) == NAME).values(change))
    return counts


def _replace(session: Session, gathered: Session, tables: Sequence[Table]) -> dict[str, int]:
    for table in tables:
        session.execute(delete(table))
    return copy_rows(gathered.connection(), session.connection(), tables)


def _stopped(session: Session, deployment: Deployment) -> dict[bytes, int | None]:
    """How far contracts were read that are named no more."""
    return {
        row.address: row.read_to
        for row in session.scalars(select(FollowedRow)).all()
        if row.address not in deployment.names
    }


def _stop(session: Session, address: bytes, read_to: int | None) -> None:
    """A contract that is named no more stays where its reading ended."""
    if read_to is None:
        # The next step of the follower notes where.
        return
    session.execute(update(FollowedRow).where(col(FollowedRow.address) == address).values(read_to=read_to))
    bound = session.get(DeploymentRow, 1)
    if bound is not None and address == bound.delivery_escrow:
        orderbook.undo(session, read_to)
        return
    is_its_own = (col(EscrowLogRow.token) == address) & (col(EscrowLogRow.kind) == LogKind.TOKEN_MOVED.value)
    session.execute(delete(EscrowLogRow).where(is_its_own, col(EscrowLogRow.block_number) > read_to))


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]
