"""How long it takes until a record is final, by how this chain went lately. An estimate for people, never a promise.

This file reads the derived tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from ledger.batch import AnchoringSettings
from ledger.follower import NAME
from ledger.tables import AnchorRow, BatchRow, BlockRow, PositionRow, TransactionRow

LOOKED_AT = 32
"""Of so many of the newest blocks and batches the median is taken: one long pause says nothing of the next."""
ASKED_AT_ONCE = 500
CONTACT_US_MAX = 60_000_000
"""Of a chain that has not been reached for so long nobody knows when it will be."""

_records = SQLModel.metadata.tables["records"].c


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of the chain. Seconds, and blocks.

    `mined_s` passes from a batch's closing to its block, `block_s` from one block to the next; `depth` blocks have to
    stand on a block for it to be final. `head_number` is the newest block known.
    """

    batch_s: float
    mined_s: float
    block_s: float
    depth: int
    head_number: int

    @property
    def from_capture_s(self) -> float:
        """Until what is handed in now is final."""
        return self.batch_s + self.from_batch_s

    @property
    def from_batch_s(self) -> float:
        """Until a batch that closes now is final."""
        return self.mined_s + self.depth * self.block_s

    def from_block_s(self, number: int) -> float:
        """Until the block of that number, which is there already, is final."""
        return max(0, self.depth - (self.head_number - number)) * self.block_s


def outlook_of(session: Session, settings: AnchoringSettings, now_us: int) -> Outlook | None:
    """The outlook by what the follower has read; None before it has, and while the chain is out of reach."""
    position = session.get(PositionRow, NAME)
    if position is None or now_us - position.contact_at_us > CONTACT_US_MAX:
        return None
    newest_first = col(BlockRow.number).desc()
    times = session.exec(select(BlockRow.block_at).order_by(newest_first).limit(LOOKED_AT)).all()
    block_s = median([later - earlier for later, earlier in pairwise(times)] or [0])
    taken = session.exec(
        select(AnchorRow.anchored_at, BatchRow.closed_at_us)
        .join(BatchRow, col(BatchRow.root) == col(AnchorRow.root))
        .order_by(col(BatchRow.id).desc())
        .limit(LOOKED_AT)
    ).all()
    # A block has its time in whole seconds, so that it may seem to be older than the batch in it.
    mined_s = median([max(0.0, at - closed_at_us / 1_000_000) for at, closed_at_us in taken] or [block_s])
    lag = position.block_number - position.final_number
    depth = max(1, lag) if settings.by_tag else settings.confirmations - 1
    return Outlook(settings.batch_age_s_max, mined_s, block_s, depth, position.block_number)


def until_final_s(session: Session, outlook: Outlook, record_hashes: Iterable[bytes], now_us: int) -> float:
    """Until the last of these records, all of them on their way, is final. Seconds.

    Assumes that their signers stand: for one that does not yet nobody knows.
    """
    hashes, waits = list(record_hashes), [0.0]
    block, oldest_us = col(TransactionRow.block_number), func.min(_records.received_at_us)
    for start in range(0, len(hashes), ASKED_AT_ONCE):
        query = (
            select(_records.batch_id, block, oldest_us)
            .outerjoin(BatchRow, col(BatchRow.id) == _records.batch_id)
            .outerjoin(TransactionRow, col(TransactionRow.id) == col(BatchRow.transaction_id))
            .where(_records.record_hash.in_(hashes[start : start + ASKED_AT_ONCE]))
            .group_by(_records.batch_id, block)
        )
        for batch_id, number, received_at_us in session.execute(query):
            if number is not None:
                waits.append(outlook.from_block_s(number))
            elif batch_id is not None:
                waits.append(outlook.from_batch_s)
            else:
                age_s = (now_us - received_at_us) / 1_000_000
                waits.append(max(0.0, outlook.batch_s - age_s) + outlook.from_batch_s)
    return max(waits)
