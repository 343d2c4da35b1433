"""step(): what the contracts said since the last position, as derived rows; undone again where a fork undoes it.

By block range and idempotent: it needs no notifications, and what it has read is what the position says. Blocks are
linked by parent hash; the newest applied ones are kept, to find where a fork began. `derivation` says what logs become.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from ledger import deployment as deployments
from ledger import derivation, latecomers, losses
from ledger.batch import CONFIRMATIONS_MAX, AnchoringSettings
from ledger.chain import Block, Chain, Log, Tip
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.errors import ChainError, ChainReason
from ledger.finality import Link, common_ancestor, is_chain, newest_final
from ledger.progress import Progress
from ledger.tables import AttemptRow, BlockRow, PositionRow, TransactionRow, TransactionState

NAME = "follower"
KEPT_MAX = CONFIRMATIONS_MAX + 56
"""How many of the newest applied blocks are kept."""
RANGE_MAX = 2_000
"""Blocks read in one step. A node that finds them too many is asked for half, and half again."""
CONTACT_EVERY_US = 10_000_000
NEXT_EVERY_S = 2
"""On a chain that stands still, how often the time is noted that its next block would have."""
SHORTER_US_MAX = 60_000_000
"""A chain that is shorter than it was is taken for a node that lags behind, for so long."""

_UNTAGGED = "the chain's node names no finalized block, so that nothing becomes final here"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive blocks after a position: the newest of them (at most KEPT_MAX), their logs, times by block number.

    `contracts` are those whose logs these are.
    """

    contracts: Sequence[bytes]
    blocks: Sequence[Link]
    logs: Sequence[Log]
    times: dict[int, int]

    @property
    def last(self) -> Link:
        """The newest block."""
        return self.blocks[-1]


def step(engine: Engine, chain: Chain, deployment: Deployment, settings: AnchoringSettings, now_us: int) -> Progress:
    """Applies the next blocks, up to RANGE_MAX of them, or rolls back those that a fork has undone.

    Costs one request to the chain where nothing is new, two for one new block. Assumes that the database is bound to
    the deployment. Raises ChainError, also where chain or contracts are not the ones meant any more, and
    WrongDeployment; the tables then stay as they are.
    """
    tip = chain.tip(with_finalized=settings.by_tag)
    progress = _follow(engine, chain, deployment, settings, tip, now_us)
    progress += latecomers.step(engine, chain, deployment, NAME)
    return progress + Progress(complaints=(_UNTAGGED,)) if settings.by_tag and tip.finalized is None else progress


def _follow(
    engine: Engine, chain: Chain, deployment: Deployment, settings: AnchoringSettings, tip: Tip, now_us: int
) -> Progress:
    head = tip.head
    position = _position(engine) or _begin(engine, chain, deployment, now_us)
    if position.block_hash == head.hash:
        return _note_contact(engine, position, tip, now_us)
    if head.number < position.block_number and _is_applied(engine, head):
        return _await_longer(engine, position, head, now_us)
    if head.number > position.block_number:
        with reading(engine) as session:
            contracts = latecomers.in_step(session, deployment)
        segment = _read(chain, contracts, position, head)
        if segment is not None:
            _apply(engine, deployment, position, segment, tip, settings, now_us)
            return Progress(segment.last.number - position.block_number, is_waiting=segment.last.number < head.number)
    return _roll_back(engine, chain, deployment, position, settings, now_us)


# ---------------------------------------------------------------------------------------------------- the position


def _position(engine: Engine) -> PositionRow | None:
    with reading(engine) as session:
        return session.get(PositionRow, NAME)


def _begin(engine: Engine, chain: Chain, deployment: Deployment, now_us: int) -> PositionRow:
    """The first position: the block before the contracts' own. Raises ChainError, WrongDeployment."""
    deployments.check(chain, deployment)
    origin = _origin(chain, deployment)
    with writing(engine, durable=False) as session:
        position = session.get(PositionRow, NAME)
        if position is None:
            position = PositionRow(
                name=NAME, block_number=origin.number, block_hash=origin.hash, block_at=origin.at,
                final_number=origin.number, final_at=origin.at, contact_at_us=now_us,
            )  # fmt: skip
            session.add(position)
            session.flush()
            latecomers.begin(session, deployment)
        session.expunge(position)
    return position


def _origin(chain: Chain, deployment: Deployment) -> Block:
    (origin,) = chain.blocks([max(0, deployment.block - 1)])
    if origin is None:
        raise ChainError(ChainReason.BAD_ANSWER, f"{chain.name} does not have the block before the contracts")
    return origin


def _note_contact(engine: Engine, position: PositionRow, tip: Tip, now_us: int) -> Progress:
    """Nothing new but the time, and what the chain may have called finalized meanwhile."""
    seconds_on = tip.next_at - max(position.next_at, position.block_at)
    is_more_final = tip.finalized is not None and position.final_number < tip.finalized.number <= tip.head.number
    # Also where a clock that was ahead has noted it.
    if abs(now_us - position.contact_at_us) >= CONTACT_EVERY_US or seconds_on >= NEXT_EVERY_S or is_more_final:
        with writing(engine, durable=False) as session:
            is_it = (col(PositionRow.name) == NAME) & (col(PositionRow.block_hash) == position.block_hash)
            final_number, final_at = _newest_final(session, position, position.block_number, tip.finalized)
            session.execute(update(PositionRow).where(is_it).values(
                next_at=tip.next_at, contact_at_us=now_us, head_number=tip.head.number, final_number=final_number,
                final_at=final_at,
            ))  # fmt: skip
    return Progress(int(is_more_final), is_waiting=is_more_final)


def _is_applied(engine: Engine, block: Block) -> bool:
    with reading(engine) as session:
        row = session.get(BlockRow, block.number)
    return row is not None and row.block_hash == block.hash


def _await_longer(engine: Engine, position: PositionRow, head: Block, now_us: int) -> Progress:
    """Waits for a node that lags behind; after a while believes that the chain has lost its newest blocks."""
    if now_us - position.contact_at_us < SHORTER_US_MAX:
        return Progress(
            complaints=(f"the chain's node is behind: block {head.number}, {position.block_number} was seen",)
        )
    return _rewind(engine, position, head, now_us, is_loss=head.number < position.final_number)


# ------------------------------------------------------------------------------------------------------- reading


def _read(chain: Chain, contracts: Sequence[bytes], position: PositionRow, head: Block) -> Segment | None:
    """The blocks after the position; None where they don't follow from it. Raises ChainError."""
    applied = Link(position.block_number, position.block_hash, b"", position.block_at)
    if head.number == applied.number + 1:
        if not is_chain([head], applied):
            return None
        return Segment(contracts, [head], chain.logs_of_block(contracts, head.hash), {head.number: head.at})
    span = min(RANGE_MAX, head.number - applied.number)
    while True:
        try:
            return _read_range(chain, contracts, applied, applied.number + span)
        except ChainError as error:
            if error.reason is not ChainReason.TOO_MUCH or span == 1:
                raise
            span //= 2


def _read_range(chain: Chain, contracts: Sequence[bytes], applied: Link, last: int) -> Segment | None:
    """The blocks after the applied one up to number `last`; None where they don't follow from it.

    Logs by range are read between two readings of the last block: where its hash is the same, nothing before it has
    changed meanwhile.
    """
    first = applied.number + 1
    numbers = [first, *range(max(first + 1, last - KEPT_MAX + 1), last + 1)]
    blocks = _present(chain.blocks(numbers))
    logs = chain.logs(contracts, first, last)
    old_numbers = sorted({log.block_number for log in logs}.difference(numbers))
    *old_blocks, last_again = _present(chain.blocks([*old_numbers, last]))
    newest = blocks if len(blocks) == last - applied.number else blocks[1:]
    by_number = {block.number: block for block in [*blocks, *old_blocks]}
    is_same = last_again.hash == blocks[-1].hash and all(
        by_number[log.block_number].hash == log.block_hash for log in logs
    )
    is_linked = is_chain(newest[1:], newest[0]) and is_chain(blocks[:1], applied)
    if not is_linked or not is_same:
        return None
    return Segment(contracts, newest, logs, {number: block.at for number, block in by_number.items()})


def _present(blocks: Sequence[Block | None]) -> list[Block]:
    found = [block for block in blocks if block is not None]
    if len(found) != len(blocks):
        raise ChainError(ChainReason.BAD_ANSWER, "the chain's node does not have a block below its own newest")
    return found


# ------------------------------------------------------------------------------------------------------ applying


def _apply(
    engine: Engine, deployment: Deployment, position: PositionRow, segment: Segment, tip: Tip,
    settings: AnchoringSettings, now_us: int,
) -> None:  # fmt: skip
    """All that the segment says, in one commit with the position."""
    final = tip.finalized if settings.by_tag else newest_final(tip.head.number, settings.confirmations)
    rows = derivation.rows_of(deployment, segment.logs, segment.times)
    rows[BlockRow] = [
        {"number": b.number, "block_hash": b.hash, "parent_hash": b.parent, "block_at": b.at} for b in segment.blocks
    ]
    with writing(engine, durable=False) as session:
        if not _is_still(session, position) or latecomers.in_step(session, deployment) != segment.contracts:
            return
        latecomers.stop_others(session, deployment, position.block_number)
        derivation.store(session, rows)
        session.execute(delete(BlockRow).where(col(BlockRow.number) <= segment.last.number - KEPT_MAX))
        final_number, final_at = _newest_final(session, position, segment.last.number, final)
        session.execute(update(PositionRow).where(col(PositionRow.name) == NAME).values(
            block_number=segment.last.number, block_hash=segment.last.hash, block_at=segment.last.at,
            final_number=final_number, final_at=final_at, contact_at_us=now_us, head_number=tip.head.number,
        ))  # fmt: skip


def _newest_final(
    session: Session, position: PositionRow, applied_number: int, final: Link | int | None
) -> tuple[int, int]:
    """Number and time of the newest final block up to the newest applied one. It never goes back but by a fork.

    `final` is that block as the chain names it, or its number where depth decides.
    """
    as_before = position.final_number, position.final_at
    wanted = final.number if isinstance(final, Link) else -1 if final is None else final
    number = min(wanted, applied_number)
    if number <= position.final_number:
        return as_before
    row = session.get(BlockRow, number)
    if not isinstance(final, Link) or number < wanted:
        return as_before if row is None else (number, row.block_at)
    # One that is not kept any more was applied long ago. Of a branch that has not been applied nothing is final here.
    return (final.number, final.at) if row is None or row.block_hash == final.hash else as_before


def _is_still(session: Session, position: PositionRow) -> bool:
    """False where another process has moved on meanwhile: then what was read is thrown away."""
    return session.exec(select(PositionRow.block_hash).where(PositionRow.name == NAME).with_for_update()).one() == (
        position.block_hash
    )


# -------------------------------------------------------------------------------------------------- rolling back


def _roll_back(
    engine: Engine, chain: Chain, deployment: Deployment, position: PositionRow, settings: AnchoringSettings,
    now_us: int,
) -> Progress:  # fmt: skip
    """Back to the newest block that the chain still has; to before the contracts where it has none of those kept.

    A single confirmation promises nothing, so that a fork which undoes it is none of the chain's losses.
    """
    with reading(engine) as session:
        rows = session.exec(select(BlockRow).order_by(col(BlockRow.number).desc())).all()
        kept = [Link(row.number, row.block_hash, row.parent_hash, row.block_at) for row in rows]
    on_chain = {block.number: block.hash for block in chain.blocks([link.number for link in kept]) if block is not None}
    ancestor = common_ancestor(kept, on_chain)
    is_promised = ancestor is None or settings.by_tag or settings.confirmations > 1
    if ancestor is None:
        # Before believing that everything is gone: is it our chain at all?
        deployments.check(chain, deployment)
        ancestor = _origin(chain, deployment)
    if ancestor.hash == position.block_hash:
        return Progress(is_waiting=True, complaints=("the chain changed while it was read: it will be read again",))
    is_loss = is_promised and ancestor.number < position.final_number
    return _rewind(engine, position, ancestor, now_us, is_loss=is_loss)


def _rewind(engine: Engine, position: PositionRow, ancestor: Link, now_us: int, *, is_loss: bool) -> Progress:
    """Takes back every row derived from later blocks. Transactions that fell out are sent again at once.

    With `is_loss` blocks are gone that were final, which is kept, and stops payments.
    """
    _log.warning("blocks %d to %d have fallen out of the chain", ancestor.number + 1, position.block_number)
    with writing(engine, durable=False) as session:
        if not _is_still(session, position):
            return Progress(is_waiting=True)
        if is_loss:
            losses.note(session, position, ancestor, now_us)
        derivation.undo(session, ancestor.number)
        latecomers.undo(session, ancestor.number)
        session.execute(delete(BlockRow).where(col(BlockRow.number) > ancestor.number))
        fallen = col(TransactionRow.block_number) > ancestor.number
        ids = select(TransactionRow.id).where(fallen)
        session.execute(
            update(AttemptRow).where(col(AttemptRow.transaction_id).in_(ids)).values(tried_at_us=0, outcome=None)
        )
        session.execute(update(TransactionRow).where(fallen).values(
            state=TransactionState.SENT.value, block_number=None, error=None
        ))  # fmt: skip
        is_final_kept = position.final_number <= ancestor.number
        session.execute(update(PositionRow).where(col(PositionRow.name) == NAME).values(
            block_number=ancestor.number, block_hash=ancestor.hash, block_at=ancestor.at, next_at=0,
            contact_at_us=now_us, final_number=position.final_number if is_final_kept else ancestor.number,
            final_at=position.final_at if is_final_kept else ancestor.at,
        ))  # fmt: skip
    return Progress(position.block_number - ancestor.number, is_waiting=True)
