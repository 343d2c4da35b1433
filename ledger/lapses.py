"""step(): records whose anchor was lost and made again, looked at: does their signer still stand for their party?"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, col

from ledger.answers import Use
from ledger.consortium import Registry
from ledger.database import reading, writing
from ledger.errors import ChainError
from ledger.progress import Progress
from ledger.standing import LocalAnswers, registry_of
from ledger.tables import AnchorRow, BatchRow, LapsedRecordRow, LostAnchorRow, RecordRow

ROOTS_MAX = 64
"""Roots looked at in one step."""
_log = logging.getLogger(__name__)


def step(engine: Engine) -> Progress:
    """Marks the records of roots that are final again and whose signers had ceased to stand by then.

    Costs one short read where nothing was lost.
    """
    with reading(engine) as session:
        if session.execute(select(col(LostAnchorRow.root)).limit(1)).first() is None:
            return Progress()
        try:
            answers = LocalAnswers.of(session)
        except ChainError:
            return Progress()
        again = session.execute(
            select(col(LostAnchorRow.root), col(LostAnchorRow.anchored_at), col(AnchorRow.anchored_at))
            .join(AnchorRow, col(AnchorRow.root) == col(LostAnchorRow.root))
            .where(col(AnchorRow.block_number) <= answers.block_number)
            .limit(ROOTS_MAX)
        ).all()
        registry = registry_of(session, answers.block_number)
        lapsed = [row for root, was_at, at in again for row in _lapsed(session, registry, root, was_at, at)]
    if not again:
        return Progress()
    with writing(engine) as session:
        roots = [root for root, _, _ in again]
        gone = session.execute(delete(LostAnchorRow).where(col(LostAnchorRow.root).in_(roots)))
        known = set(session.scalars(select(col(LapsedRecordRow.record_hash))))
        if new := [row for row in lapsed if row["record_hash"] not in known]:
            session.execute(insert(_LAPSED), new)
    if lapsed:
        _log.error("%d records no longer verify: their signers' standing had ended when they were anchored again",
                   len(lapsed))  # fmt: skip
    return Progress(gone.rowcount)  # type: ignore[attr-defined]  # of a DELETE there is one


def _lapsed(session: Session, registry: Registry, root: bytes, was_at: int, at: int) -> Iterator[dict[str, object]]:
    """The records under a root whose signer stood for their party before, and not at the time of the new anchor."""
    query = (
        select(col(RecordRow.record_hash), col(RecordRow.signer), col(RecordRow.party), col(RecordRow.sequence))
        .join(BatchRow, col(BatchRow.id) == col(RecordRow.batch_id))
        .where(col(BatchRow.root) == root)
    )
    for record_hash, signer, party, sequence in session.execute(query):
        entry = registry.signers.get(signer)
        before_at = was_at if entry is None else max(was_at, entry.from_at)
        stood, stands = (
            registry.standing_of(signer, Use.RECORD, when, sequence).party == party for when in (before_at, at)
        )
        if stood and not stands:
            yield {"record_hash": record_hash, "signer": signer, "was_anchored_at": was_at, "anchored_at": at}


_LAPSED = SQLModel.metadata.tables["lapsed_records"]
