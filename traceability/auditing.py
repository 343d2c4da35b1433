"""Stored records hashed again: does each lead from its event to the root that the chain has? Reads the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from ledger.errors import BadSignature
from ledger.merkle import NODE_SIZE, leaf, proof_from_nodes, root_of
from ledger.record import Domain, record_hash, recover
from ledger.tables import AnchorRow, BatchRow, PositionRow, TransactionRow, TransactionState
from traceability import repository
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash
from traceability.errors import TraceabilityError
from traceability.repository import StoredEvent


@dataclass(frozen=True, slots=True)
class Damage:
    """A stored record that is not what was signed, or not where it should be."""

    record_id: int
    record_hash: bytes
    reason: str


def audit(session: Session, domain: Domain, record_ids: Iterable[int]) -> Iterator[Damage]:
    """What is wrong with these records; of each the first thing. Nothing where all is as it was signed.

    The same hashes and proofs as in docs/proof-format.md, sections 1 to 3. Those without an event are left out.
    """
    batches: dict[int, BatchRow | None] = {}
    for ids in repository.slices(record_ids):
        for record_id, stored in repository.load(session, ids).items():
            reason = _altered(domain, stored) or _displaced(session, stored, batches)
            if reason is not None:
                yield Damage(record_id, stored.record_hash, reason)
        batches.clear()


def _altered(domain: Domain, stored: StoredEvent) -> str | None:
    if content_hash(stored.context, stored.event) != stored.record.content_hash:
        return "its event is not the one that was signed"
    try:
        if event_hash(stored.event, stored.context) != stored.record.event_hash:
            return "its event hash is not that of its event"
    except TraceabilityError as error:
        return f"its event can't be read: {error}"
    if record_hash(domain, stored.record) != stored.record_hash:
        return "its hash is not that of the record"
    try:
        signer = recover(stored.record_hash, stored.signature)
    except BadSignature as error:
        return f"its signature is none: {error}"
    return None if signer == stored.signer else "its signature is another's"


def _displaced(session: Session, stored: StoredEvent, batches: dict[int, BatchRow | None]) -> str | None:
    """Why it does not lead to a root, or its root is not anchored though it should be."""
    own_leaf = leaf(stored.record_hash, stored.signature)
    if stored.is_foreign:
        proof = stored.proof or b""
        siblings = [proof[place : place + NODE_SIZE] for place in range(0, len(proof), NODE_SIZE)]
        if stored.root is None or root_of(own_leaf, siblings) != stored.root:
            return "its proof does not lead to its root"
        return None if _is_anchored(session, stored.root) else "its root is anchored no more"
    if stored.batch_id is None:
        return None
    if stored.batch_id not in batches:
        batches[stored.batch_id] = session.get(BatchRow, stored.batch_id)
    batch = batches[stored.batch_id]
    return f"batch {stored.batch_id} is not there" if batch is None else _misplaced(session, own_leaf, batch)


def _misplaced(session: Session, own_leaf: bytes, batch: BatchRow) -> str | None:
    """Why the leaf is not in that batch, or the batch not where it should be."""
    try:
        is_in_place = root_of(own_leaf, proof_from_nodes(batch.tree, own_leaf)) == batch.root
    except LookupError:
        is_in_place = False
    if not is_in_place:
        return f"it is not in the tree of batch {batch.id}"
    sent = session.get(TransactionRow, batch.transaction_id) if batch.transaction_id is not None else None
    is_said_final = sent is not None and sent.state == TransactionState.FINAL.value
    if is_said_final and not _is_anchored(session, batch.root):
        return f"batch {batch.id} is said to be anchored and is not: `tally rebuild`"
    return None


def _is_anchored(session: Session, root: bytes) -> bool:
    row = session.get(AnchorRow, root)
    if row is None:
        return False
    followed = session.scalar(select(PositionRow.block_number).order_by(col(PositionRow.name)).limit(1))
    return followed is not None and row.block_number <= followed
