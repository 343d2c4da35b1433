"""The tables of events: capture jobs, contexts, events as signed, and the index of the things that events name; and
those of what events attest under the terms of orders.

An event's signed content (its context and itself) is stored in canonical JSON, which holds every value as handed in;
all other columns are an index over it. `_us` are microseconds since 1970 on this node's clock, `_ms` milliseconds
since 1970 as the event says.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from ledger.tables import Uint256

_BigId = BigInteger().with_variant(Integer, "sqlite")


class CaptureJobRow(SQLModel, table=True):
    """One capture. `items` says what became of each event, `errors` what was wrong with those not taken (JSON both).

    `envelope` is the document without its events. `receipt_hashes` are the record hashes that the capture receipt
    covers, joined; both receipt columns are None where the node gave no receipt.
    """

    __tablename__ = "capture_jobs"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    capture_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    error_behaviour: str = Field(sa_column=Column(Text, nullable=False))
    received_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    finished_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    items: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    errors: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    receipt_hashes: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    receipt_received_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    receipt_anchor_by: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    receipt_signature: bytes | None = Field(default=None, sa_column=Column(LargeBinary(65), nullable=True))


class ContextRow(SQLModel, table=True):
    """A JSON-LD context list, once for all events that were captured under it."""

    __tablename__ = "contexts"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    context: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EventRow(SQLModel, table=True):
    """An event, under the id of its record. `event_id` is what the event brought; others go by their hash ID."""

    __tablename__ = "events"

    record_id: int = Field(sa_column=Column(_BigId, primary_key=True, autoincrement=False))
    job_id: int | None = Field(default=None, sa_column=Column(_BigId, nullable=True))
    context_id: int = Field(sa_column=Column(_BigId, nullable=False))
    event_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    event_time_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    is_declaration: bool = Field(default=False)
    marks: str = Field(default="", sa_column=Column(Text, nullable=False))
    event: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EventKeyRow(SQLModel, table=True):
    """That an event names a thing, and as what (mentions.Role).

    Rows of one thing lie together in the order of time, so that its history is one read however large the store is.
    """

    __tablename__ = "event_keys"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(sa_column=Column(Text, primary_key=True))
    event_time_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    record_id: int = Field(sa_column=Column(_BigId, primary_key=True, autoincrement=False))
    role: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))


class EventReferenceRow(SQLModel, table=True):
    """That an event names a business transaction, by its identifier in canonical form, of whatever type."""

    __tablename__ = "event_references"
    __table_args__ = (Index("ix_event_references_key", "key", "record_id"), {"sqlite_with_rowid": False})

    record_id: int = Field(sa_column=Column(_BigId, primary_key=True, autoincrement=False))
    key: str = Field(sa_column=Column(Text, primary_key=True))


class TermsDocumentRow(SQLModel, table=True):
    """A terms document that this node has, in canonical JSON."""

    __tablename__ = "terms_documents"

    document_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    imported_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class OrderReferenceRow(SQLModel, table=True):
    """That an order of a known terms document may be named so: `key` is a reference in canonical form."""

    __tablename__ = "order_references"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(sa_column=Column(Text, primary_key=True))
    order_id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True, index=True))
    document_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


class AttestationRow(SQLModel, table=True):
    """What becomes of an own event that names an order: a row for each milestone that it delivers to.

    `milestone` is -1 before that is known, and where a reason stands in the way of knowing it. `state` is an
    judging.AttestationState, `reason` a delivery_reasons.ReasonCode. `attempt` is the number of its next transaction.
    """

    __tablename__ = "attestations"
    __table_args__ = (
        UniqueConstraint("record_id", "order_id", "milestone"),
        Index("ix_attestations_state", "state", "record_id"),
        Index("ix_attestations_order", "order_id", "record_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    record_id: int = Field(sa_column=Column(_BigId, nullable=False))
    order_id: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    milestone: int = Field(default=-1, sa_column=Column(SmallInteger, nullable=False))
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    facts: str = Field(default="", sa_column=Column(Text, nullable=False))
    reference: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    delivery: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    happened_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    accepted: int | None = Field(default=None, sa_column=Column(Uint256, nullable=True))
    deduction_bps: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    is_by_hand: bool = Field(default=False)
    attempt: int = Field(default=0)
    transaction_id: int | None = Field(default=None, sa_column=Column(_BigId, nullable=True, index=True))
    changed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class JudgedToRow(SQLModel, table=True):
    """How far stored events have been looked through for orders that they name: up to that record, in one row.

    Events of records below `unindexed_below` were stored before references were, and have yet to get them.
    """

    __tablename__ = "judged_to"

    id: int = Field(default=1, primary_key=True)
    record_id: int = Field(sa_column=Column(_BigId, nullable=False))
    unindexed_below: int = Field(sa_column=Column(_BigId, nullable=False))


def _indexes() -> None:
    columns = SQLModel.metadata.tables["events"].c
    is_named = columns.event_id.is_not(None)
    Index("ix_events_event_id", columns.event_id, sqlite_where=is_named, postgresql_where=is_named)


_indexes()
