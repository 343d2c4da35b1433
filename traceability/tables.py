"""The tables of events: capture jobs, contexts, events as signed, and the index of the things that events name.

An event's signed content (its context and itself) is stored in canonical JSON, which holds every value as handed in;
all other columns are an index over it. `_us` are microseconds since 1970 on this node's clock, `_ms` milliseconds
since 1970 as the event says.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

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


def _indexes() -> None:
    columns = SQLModel.metadata.tables["events"].c
    is_named = columns.event_id.is_not(None)
    Index("ix_events_event_id", columns.event_id, sqlite_where=is_named, postgresql_where=is_named)


_indexes()
