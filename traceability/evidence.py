"""Stored events as a proof bundle: each with its record, signature, and the way to its anchor. Reads the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlmodel import Session

from ledger.merkle import NODE_SIZE, leaf, proof_from_nodes
from ledger.tables import AnchorRow, BatchRow
from traceability import repository
from traceability.bundle import RECORDS_MAX, Anchor, Bundle, BundleRecord, bundle_json
from traceability.errors import BundleTooLarge
from traceability.repository import StoredEvent, slices, table
from traceability.strict_json import BYTES_MAX
from traceability.verification import Trusted

_anchors, _batches = table(AnchorRow), table(BatchRow)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a record stands in a tree: its root, and the siblings up to it."""

    root: bytes
    proof: tuple[bytes, ...]


def proof_bundle(session: Session, trusted: Trusted, record_ids: Iterable[int]) -> bytes:
    """The proof bundle of these records, in this order; `trusted` are this node's chain and contracts.

    Raises BundleTooLarge where no verifier would take it. No two records contradict each other: the store takes a
    signer's number once.
    """
    ids = list(record_ids)
    stored = repository.load(session, ids)
    bundle = bundle_of(session, trusted, [stored[record_id] for record_id in ids])
    data = bundle_json(bundle)
    if len(bundle.records) > RECORDS_MAX or len(data) > BYTES_MAX:
        raise BundleTooLarge(len(bundle.records), len(data))
    return data


def bundle_of(session: Session, trusted: Trusted, events: Sequence[StoredEvent]) -> Bundle:
    """Stored events as a bundle, in this order. A record whose root is in no block that was read has no anchor yet."""
    positions = _positions(session, events)
    anchors = _anchor_rows(session, {position.root for position in positions.values()})
    records = []
    for stored in events:
        position = positions.get(stored.record_id)
        row = anchors.get(position.root) if position is not None else None
        anchor = None
        if position is not None and row is not None:
            anchor = Anchor(position.root, position.proof, row.anchor_index, row.transaction_hash, row.block_number)
        records.append(BundleRecord(stored.context, stored.event, stored.record, stored.signature, anchor))
    return Bundle(trusted.chain_id, trusted.event_log, trusted.party_registry, tuple(records))


def _positions(session: Session, events: Sequence[StoredEvent]) -> dict[int, _Position]:
    found: dict[int, _Position] = {}
    batches: dict[int, Row[Any]] = {}
    for ids in slices({stored.batch_id for stored in events if stored.batch_id is not None}):
        statement = select(_batches.c.id, _batches.c.root, _batches.c.tree).where(_batches.c.id.in_(ids))
        batches |= {row.id: row for row in session.execute(statement)}
    for stored in events:
        if stored.root is not None and stored.proof is not None:
            steps = tuple(stored.proof[at : at + NODE_SIZE] for at in range(0, len(stored.proof), NODE_SIZE))
            found[stored.record_id] = _Position(stored.root, steps)
        elif stored.batch_id is not None:
            batch = batches[stored.batch_id]
            proof = proof_from_nodes(batch.tree, leaf(stored.record_hash, stored.signature))
            found[stored.record_id] = _Position(batch.root, tuple(proof))
    return found


def _anchor_rows(session: Session, roots: Iterable[bytes]) -> dict[bytes, Row[Any]]:
    found: dict[bytes, Row[Any]] = {}
    for portion in slices(roots):
        found |= {row.root: row for row in session.execute(select(_anchors).where(_anchors.c.root.in_(portion)))}
    return found
