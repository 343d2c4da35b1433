"""step(): records -> batch -> root -> one planned transaction. Records and transaction change in one commit.

A record whose signer does not stand for recording yet waits: anchored now, it would be worthless for ever. One whose
signer has ceased to stand goes on chain all the same; what that means is the verifier's to say. A root that another
has anchored before us is as good as anchored by us.

Who stands is judged at the time that the next block will have at the least: on a chain that only our own transactions
move on, the newest block is for ever the one that authorised a key, and the key stands from a second after it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, col

from ledger import submission
from ledger.abi import interface
from ledger.answers import Use
from ledger.batch import AnchoringSettings, Batch, Entry, close_batch, is_due
from ledger.consortium import Registry
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.follower import NAME
from ledger.hexadecimal import to_address, to_hex
from ledger.progress import Progress
from ledger.standing import LocalAnswers, registry_of
from ledger.tables import AnchorRow, BatchRow, PositionRow, TransactionRow, TransactionState

INTENT = submission.ROOTS
UNMINED_MAX = 16
"""While so many of our roots are in no block, no batch closes: after an outage few full ones are better than many."""
STATES_MAX = 1_000
RETRY_AFTER_US = 30_000_000
_log = logging.getLogger(__name__)

# The table itself, not the model: rows come by the thousand, and need not become objects.
_RECORDS = SQLModel.metadata.tables["records"].c
_IS_UNBATCHED = _RECORDS.batch_id.is_(None) & _RECORDS.is_foreign.is_(False)
_PLANNED, _SENT = TransactionState.PLANNED.value, TransactionState.SENT.value
_FAILED, _REPLACED = TransactionState.FAILED.value, TransactionState.REPLACED.value
_OPEN = (_PLANNED, _SENT, _FAILED, _REPLACED)
_UNAUTHORISED = (
    "records wait, for the node's key {} does not stand for anchoring: have a party's controller authorise it for use "
    "4, `tally party signer authorise`"
)


def step(
    engine: Engine, deployment: Deployment, anchoring_key: bytes, settings: AnchoringSettings, now_us: int
) -> Progress:
    """Closes each batch that is due, and plans the transactions that anchor them, sent by `anchoring_key`.

    Nothing closes before that key stands for anchoring. Raises ChainError before the chain was first read.
    """
    progress = Progress()
    while True:
        # Full ones follow at once: each thing that a pass writes waits for whoever captures, on SQLite without a queue.
        closed = _close_one(engine, deployment, anchoring_key, settings, now_us)
        progress += closed
        if closed.done < settings.batch_size_max:
            return progress


def _close_one(
    engine: Engine, deployment: Deployment, anchoring_key: bytes, settings: AnchoringSettings, now_us: int
) -> Progress:
    with reading(engine) as session:
        states = session.scalars(select(col(TransactionRow.state)).where(_is_anchor(_OPEN)).limit(STATES_MAX)).all()
        is_batch_due = is_due(*_count_and_oldest(session, settings.batch_size_max), now_us, settings)
        if not states and not is_batch_due:
            return Progress()
        answers = LocalAnswers.of(session)
        registry, at = registry_of(session, answers.block_number), answers.next_at
        if registry.standing_of(anchoring_key, Use.ANCHOR, at, 0).party is None:
            return Progress(complaints=(_UNAUTHORISED.format(to_address(anchoring_key)),))
        is_stray = any(state != _SENT for state in states)
        anchored, unsent = _stray(session, anchoring_key, answers.block_number, now_us) if is_stray else ([], [])
        is_to_close = is_batch_due and sum(state in (_PLANNED, _SENT) for state in states) < UNMINED_MAX
        waiting, pending = _pending(session, registry, at, settings.batch_size_max if is_to_close else 0)
    if anchored or unsent:
        _mend(engine, anchoring_key, anchored, unsent, now_us)
    batch = close_batch(pending, now_us, settings)
    if batch is None:
        return Progress()
    is_stored = _store(engine, deployment, anchoring_key, batch, waiting, now_us)
    return Progress(len(batch.entries) if is_stored else 0, is_waiting=True)


# ------------------------------------------------------------------------------------------------ what is pending


def _count_and_oldest(session: Session, count_max: int) -> tuple[int, int]:
    """How many records are in no batch (counted up to `count_max`), and when the first of them was received."""
    first = select(_RECORDS.received_at_us).where(_IS_UNBATCHED).order_by(_RECORDS.id).limit(1)
    oldest_us = session.connection().execute(first).scalar_one_or_none()
    if oldest_us is None:
        return 0, 0
    some = select(_RECORDS.id).where(_IS_UNBATCHED).limit(count_max).subquery()
    return session.connection().execute(select(func.count()).select_from(some)).scalar_one(), oldest_us


def _pending(session: Session, registry: Registry, at: int, count_max: int) -> tuple[set[bytes], list[Entry]]:
    """The oldest records that are in no batch and whose signer stands or has stood, in order of arrival.

    Before them, the signers that don't stand yet, as far as their records were in the way.
    """
    waiting: set[bytes] = set()
    while True:
        entries = _unbatched(session, waiting, count_max)
        not_yet = {signer for signer in {entry.signer for entry in entries} if not _has_begun(registry, signer, at)}
        if not not_yet:
            return waiting, entries
        waiting |= not_yet


def _unbatched(session: Session, waiting: set[bytes], count_max: int) -> list[Entry]:
    columns = (_RECORDS.id, _RECORDS.record_hash, _RECORDS.signature, _RECORDS.signer, _RECORDS.received_at_us)
    query = select(*columns).where(_is_free(waiting)).order_by(_RECORDS.id).limit(count_max)
    # Not the rows themselves: reading a member of a row takes longer than making it an entry.
    return [Entry._make(row) for row in session.connection().execute(query)]


def _is_free(waiting: set[bytes]) -> ColumnElement[bool]:
    """Unbatched, and not of these signers. Never "of those signers": that would search all they ever recorded."""
    return _IS_UNBATCHED & _RECORDS.signer.not_in(waiting) if waiting else _IS_UNBATCHED


def _has_begun(registry: Registry, signer: bytes, at: int) -> bool:
    entry = registry.signers.get(signer)
    return entry is not None and bool(entry.uses & Use.RECORD) and entry.from_at <= at


# --------------------------------------------------------------------------------------------------------- storing


def _store(
    engine: Engine, deployment: Deployment, anchoring_key: bytes, batch: Batch, waiting: set[bytes], now_us: int
) -> bool:
    """Batch, its records' place in it, and its transaction, all at once. False where another process was quicker."""
    entries, tree = batch.entries, batch.tree
    data = interface("EventLog").call("anchor", tree.root, len(entries))
    # Not synced: before the chain sees anything of it, the outbox syncs this and its own.
    with writing(engine, durable=False) as session:
        # One process at a time closes batches, also where the database would let two.
        session.execute(select(col(PositionRow.name)).where(col(PositionRow.name) == NAME).with_for_update())
        if session.execute(select(col(BatchRow.id)).where(col(BatchRow.root) == tree.root)).first() is not None:
            return False
        transaction_id = submission.plan(
            session, intent=INTENT + to_hex(tree.root), sender=anchoring_key, to=deployment.event_log, data=data,
            now_us=now_us,
        )  # fmt: skip
        batch_id = session.execute(insert(BatchRow).returning(col(BatchRow.id)), {
            "root": tree.root, "leaf_count": len(entries), "tree": tree.nodes, "closed_at_us": now_us,
            "oldest_us": entries[0].received_at_us, "transaction_id": transaction_id,
        }).scalar_one()  # fmt: skip
        is_in_place = _RECORDS.id.between(entries[0].id, entries[-1].id) & _is_free(waiting)
        change = update(_RECORDS.id.table).where(is_in_place).values(batch_id=batch_id)
        if session.connection().execute(change).rowcount != len(entries):
            session.rollback()
            return False
    _log.info("a batch of %d is closed", len(entries), extra={
        "intent": INTENT + to_hex(tree.root), "records": len(entries), "first_record_hash": entries[0].record_hash
    })  # fmt: skip
    return True


# -------------------------------------------------------------------------------------------------- what went wrong


def _stray(session: Session, anchoring_key: bytes, final_number: int, now_us: int) -> tuple[list[int], list[int]]:
    """Transactions that nobody needs, for another has anchored their root; and those to be planned again.

    The latter have failed a while ago, are planned for another key than is held now, or were not needed once, before
    the other's anchor fell out of the chain.
    """
    state = col(TransactionRow.state)
    is_anchored = exists(
        select(col(BatchRow.id))
        .join(AnchorRow, col(AnchorRow.root) == col(BatchRow.root))
        .where(col(BatchRow.transaction_id) == col(TransactionRow.id), col(AnchorRow.block_number) <= final_number)
    )
    # Or by a clock that was ahead.
    is_long_ago = ~col(TransactionRow.planned_at_us).between(now_us - RETRY_AFTER_US + 1, now_us)
    has_failed = (state == _FAILED) & is_long_ago
    has_other_key = (state == _PLANNED) & (col(TransactionRow.sender) != anchoring_key)
    is_stray = has_failed | has_other_key | (state == _REPLACED)
    return (
        _ids(session, _is_anchor((_PLANNED, _FAILED)) & is_anchored),
        _ids(session, _is_anchor((_PLANNED, _FAILED, _REPLACED)) & is_stray & ~is_anchored),
    )


def _mend(engine: Engine, anchoring_key: bytes, anchored: list[int], unsent: list[int], now_us: int) -> None:
    with writing(engine) as session:
        is_unsent = col(TransactionRow.state).in_((_PLANNED, _FAILED, _REPLACED))
        change = update(TransactionRow).where(is_unsent)
        session.execute(change.where(col(TransactionRow.id).in_(anchored)).values(
            state=_REPLACED, error="another has anchored this root"
        ))  # fmt: skip
        session.execute(change.where(col(TransactionRow.id).in_(unsent)).values(
            state=_PLANNED, sender=anchoring_key, nonce=None, transaction_hash=None, block_number=None, error=None,
            planned_at_us=now_us,
        ))  # fmt: skip


def _is_anchor(states: Sequence[str]) -> ColumnElement[bool]:
    return col(TransactionRow.state).in_(states) & col(TransactionRow.intent).startswith(INTENT)


def _ids(session: Session, condition: ColumnElement[bool]) -> list[int]:
    return [found for found in session.scalars(select(col(TransactionRow.id)).where(condition)) if found is not None]
