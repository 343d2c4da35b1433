"""Contracts that are followed from later than the rest: their logs are caught up with, a range of blocks a step.

A node may come to pay through an escrow, or to watch one more token, long after it was set up. Until such a contract is
at the position it is read apart, so that anchoring never waits for it. One that the settings name no more stops where
it is, and is caught up with if it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from ledger import derivation
from ledger.chain import Chain, Log
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.errors import ChainError, ChainReason
from ledger.ordertables import FollowedRow
from ledger.progress import Progress
from ledger.tables import PositionRow

RANGE_MAX = 2_000
"""Blocks read in one step. A node that finds them too many is asked for half, and half again."""


def begin(session: Session, deployment: Deployment) -> None:
    """All contracts of the deployment are followed from its first block on. Assumes that nothing was read yet."""
    session.execute(delete(FollowedRow))
    if deployment.names:
        session.execute(insert(FollowedRow), [{"address": address} for address in deployment.names])


def in_step(session: Session, deployment: Deployment) -> list[bytes]:
    """The contracts whose logs are read with the position: the deployment's two, and which of the others are there."""
    at_position = select(FollowedRow.address).where(col(FollowedRow.read_to).is_(None))
    followed = set(session.exec(at_position)) if deployment.names else set()
    return [deployment.event_log, deployment.party_registry, *(a for a in deployment.names if a in followed)]


def undo(session: Session, after_number: int) -> None:
    """What was read of blocks after that number will be read again."""
    is_later = col(FollowedRow.read_to) > after_number
    session.execute(update(FollowedRow).where(is_later).values(read_to=after_number))


def stop_others(session: Session, deployment: Deployment, number: int) -> None:
    """What is followed and not named any more has been read up to that block. Assumes that the position is there."""
    is_dropped = col(FollowedRow.address).not_in(list(deployment.names)) & col(FollowedRow.read_to).is_(None)
    session.execute(update(FollowedRow).where(is_dropped).values(read_to=number))


def step(engine: Engine, chain: Chain, deployment: Deployment, name: str) -> Progress:
    """Reads one more range of the contracts that lag behind the position of that name. Costs nothing where none does.

    Raises ChainError; the tables then stay as they are.
    """
    if not deployment.names:
        return Progress()
    with reading(engine) as session:
        read_to = {row.address: row.read_to for row in session.exec(select(FollowedRow))}
        if all(read_to.get(address, -1) is None for address in deployment.names):
            return Progress()
        position = session.get_one(PositionRow, name)
        session.expunge_all()
    before = max(0, deployment.block - 1)
    lagging = {address: read_to.get(address, before) for address in deployment.names}
    first = min(number for number in lagging.values() if number is not None) + 1
    contracts = [address for address, number in lagging.items() if number == first - 1]
    last, logs, times = (
        _read(chain, contracts, first, position) if first <= position.block_number else (first - 1, [], {})
    )
    rows = derivation.rows_of(deployment, logs, times)
    with writing(engine, durable=False) as session:
        is_it = select(PositionRow.block_hash).where(PositionRow.name == name).with_for_update()
        if session.exec(is_it).one() != position.block_hash or not _move(session, contracts, read_to, last, position):
            session.rollback()
            return Progress(is_waiting=True)
        derivation.store(session, rows)
    return Progress(last - first + 1, is_waiting=True)


def _move(
    session: Session, contracts: Sequence[bytes], read_to: dict[bytes, int | None], last: int, position: PositionRow
) -> bool:
    """Notes how far these have been read. False where another process has moved one of them meanwhile."""
    for address in contracts:
        row = session.get(FollowedRow, address)
        if (row is None) != (address not in read_to) or (row is not None and row.read_to != read_to[address]):
            return False
        row = row or FollowedRow(address=address)
        row.read_to = None if last == position.block_number else last
        session.add(row)
    session.flush()
    return True


def _read(
    chain: Chain, contracts: Sequence[bytes], first: int, position: PositionRow
) -> tuple[int, list[Log], dict[int, int]]:
    """The last block read, the logs up to it, their blocks' times. Raises ChainError.

    The position's block is asked for after the logs: where its hash is the same, nothing before it has changed.
    """
    last = min(position.block_number, first + RANGE_MAX - 1)
    while True:
        try:
            logs = chain.logs(contracts, first, last)
            break
        except ChainError as error:
            if error.reason is not ChainReason.TOO_MUCH or last == first:
                raise
            last = first + (last - first) // 2
    *blocks, newest = chain.blocks([*sorted({log.block_number for log in logs}), position.block_number])
    by_number = {block.number: block for block in blocks if block is not None}
    is_same = newest is not None and newest.hash == position.block_hash
    found = {number: block.hash for number, block in by_number.items()}
    if not is_same or any(found.get(log.block_number) != log.block_hash for log in logs):
        raise ChainError(ChainReason.BAD_ANSWER, "the chain changed while it was read: it will be read again")
    return last, logs, {number: block.at for number, block in by_number.items()}
