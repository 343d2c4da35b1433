"""The store of events: rows in and out of the database, and nothing decided.

Reads are by key: the things that events name, record ids, or the names of an event. Every list of keys is asked in
slices, so that no statement outgrows what a database takes. This file touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import Dialect, Select, Table, and_, bindparam, func, select
from sqlalchemy.engine import Row
from sqlalchemy.sql.functions import coalesce
from sqlmodel import Session, SQLModel

from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex
from ledger.record import Record
from ledger.tables import BatchRow, RecordRow, SequenceRow, TransactionRow
from traceability.drafts import SignedDraft
from traceability.epcis.event_hash import digest_of_hash_id, hash_id
from traceability.mentions import mentions, references
from traceability.tables import CaptureJobRow, ContextRow, EventKeyRow, EventReferenceRow, EventRow

SLICE = 500
"""Keys in one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535."""


def table(model: type[SQLModel]) -> Table:
    """The table of a model, for statements over columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


_records, _events, _contexts = table(RecordRow), table(EventRow), table(ContextRow)
_jobs, _batches, _transactions = table(CaptureJobRow), table(BatchRow), table(TransactionRow)
_sequences = table(SequenceRow)
_of_record = _events.c.record_id == _records.c.id

_STORED = (*(column for column in _records.c if column.name != "id"), *(column for column in _events.c))
_RECORD_COLUMNS = (
    *("id", "record_hash", "event_hash", "content_hash", "party", "signer", "sequence", "disclosure_root"),
    *("signature", "received_at_us", "is_foreign", "root", "proof"),
)
_EVENT_COLUMNS = ("record_id", "job_id", "context_id", "event_id", "event_time_ms", "is_declaration", "marks", "event")
_KEY_COLUMNS = ("key", "event_time_ms", "record_id", "role")
_CONTEXT_ID = select(_contexts.c.id).where(_contexts.c.digest == bindparam("digest"))
_COUNTERS = select(
    select(func.max(_jobs.c.id)).scalar_subquery().label("job_id"),
    select(func.max(_records.c.id)).scalar_subquery().label("record_id"),
    _CONTEXT_ID.scalar_subquery().label("context_id"),
    select(_sequences.c.next_sequence)
    .where(_sequences.c.signer == bindparam("signer"))
    .scalar_subquery()
    .label("next_sequence"),
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as stored, with its record. `event` is exactly what was signed; `marks` are capture's words on it."""

    record_id: int
    record: Record
    record_hash: bytes
    signer: bytes
    signature: bytes
    received_at_us: int
    is_foreign: bool
    batch_id: int | None
    root: bytes | None
    proof: bytes | None
    job_id: int | None
    event_time_ms: int
    given_event_id: str | None
    is_declaration: bool
    marks: tuple[str, ...]
    context: list[Any]
    event: dict[str, Any]

    @property
    def event_id(self) -> str:
        """The eventID that the event brought, or its hash ID."""
        return self.given_event_id or hash_id(self.record.event_hash)


def insert_rows(
    session: Session, model: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert tuples in the driver's own form: an ORM or Core insert costs several times as much a row."""
    if rows:
        connection = session.connection()
        connection.exec_driver_sql(_insertion(connection.dialect, model, tuple(columns)), list(rows))


@cache
def _insertion(dialect: Dialect, model: type[SQLModel], columns: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in columns)
    marks = ", ".join([_mark(dialect)] * len(columns))
    # Nothing of a request is in this text: names come from the models, values go beside it.
    return f"INSERT INTO {quote(str(model.__tablename__))} ({names}) VALUES ({marks})"  # noqa: S608


def next_ids(session: Session, model: type[SQLModel], count: int) -> range:
    """The next ids of a table, in the order of arrival. Assumes a session of `ledger.database.writing`."""
    newest = session.execute(_newest_id(model)).scalar() or 0
    return range(newest + 1, newest + 1 + count)


@dataclass(frozen=True, slots=True)
class Counters:
    """From where a capture counts on. None where the signer has no numbers yet, or the context is not stored."""

    job_id: int
    record_id: int
    next_sequence: int | None
    context_id: int | None


def counters(session: Session, signer: bytes | None, context_digest: bytes) -> Counters:
    """All that a capture has to ask before it counts, in one statement.

    `job_id` and `record_id` are the next ones; `next_sequence` is the next number of `signer`. Assumes a session of
    `ledger.database.writing`: nobody else takes numbers until it ends.
    """
    asked = {"signer": signer, "digest": context_digest}
    job_id, record_id, known_context, sequence = session.connection().execute(_COUNTERS, asked).one()
    return Counters((job_id or 0) + 1, (record_id or 0) + 1, sequence, known_context)


@cache
def _newest_id(model: type[SQLModel]) -> Select[Any]:
    ids = table(model).c.id
    return select(ids).order_by(ids.desc()).limit(1)


def context_id(session: Session, digest: bytes, context_json: bytes) -> int:
    """The id of a context in canonical JSON, which is stored once. Assumes a session of `writing`."""
    known: int | None = session.connection().execute(_CONTEXT_ID, {"digest": digest}).scalar()
    return add_context(session, digest, context_json) if known is None else known


def add_context(session: Session, digest: bytes, context_json: bytes) -> int:
    """Store a context that is not there yet; its id. Assumes a session of `writing`."""
    (new,) = next_ids(session, ContextRow, 1)
    insert_rows(session, ContextRow, ("id", "digest", "context"), [(new, digest, context_json)])
    return new


def load(session: Session, record_ids: Iterable[int]) -> dict[int, StoredEvent]:
    """The stored events of these records, by record id; those that are not there are left out."""
    found: dict[int, StoredEvent] = {}
    contexts: dict[int, list[Any]] = {}
    for ids in slices(record_ids):
        rows = session.execute(
            select(*_STORED).join_from(_events, _records, _of_record).where(_events.c.record_id.in_(ids))
        ).all()
        _load_contexts(session, contexts, {row.context_id for row in rows})
        found.update((row.record_id, _stored(row, contexts[row.context_id])) for row in rows)
    return found


def named(session: Session, name: str) -> list[int]:
    """The record ids of an eventID, a hash ID or a record hash (0x and 64 digits), oldest first."""
    digest = digest_of_hash_id(name)
    try:
        record_hash = from_hex(name, 32)
    except InvalidHex:
        record_hash = None
    wanted = [_events.c.event_id == name]
    if digest is not None:
        wanted.append(_records.c.event_hash == digest)
    if record_hash is not None:
        wanted.append(_records.c.record_hash == record_hash)
    found: set[int] = set()
    # One statement each: an OR over two tables would read both whole.
    for condition in wanted:
        found.update(
            session.execute(
                select(_events.c.record_id).join_from(_events, _records, _of_record).where(condition)
            ).scalars()
        )
    return sorted(found)


def with_event_hashes(session: Session, hashes: Iterable[bytes]) -> list[Row[Any]]:
    """All records of these event hashes, oldest first: every column of theirs, is_declaration and job_id.

    Every capture asks this of each of its events: in the driver's own form, for the reason of `insert_rows`.
    """
    connection = session.connection()
    rows: list[Row[Any]] = []
    for wanted in slices(hashes):
        marks = ", ".join([_mark(connection.dialect)] * len(wanted))
        statement = (
            "SELECT r.*, e.is_declaration, e.job_id FROM records AS r JOIN events AS e ON e.record_id = r.id "  # noqa: S608
            f"WHERE r.event_hash IN ({marks}) ORDER BY r.id"
        )
        rows.extend(connection.exec_driver_sql(statement, tuple(wanted)))
    return rows


def with_numbers(session: Session, signer: bytes, sequences: Iterable[int]) -> dict[int, bytes]:
    """For each of these numbers that the signer has used in a stored record, the record's hash."""
    found: dict[int, bytes] = {}
    for wanted in slices(sequences):
        is_asked = and_(_records.c.signer == signer, _records.c.sequence.in_(wanted))
        rows = session.execute(select(_records.c.sequence, _records.c.record_hash).where(is_asked))
        found.update((row.sequence, row.record_hash) for row in rows)
    return found


def insert_signed(
    session: Session,
    signed: Sequence[SignedDraft],
    ids: Sequence[int],
    context_ids: Sequence[int],
    received_at_us: int,
    *,
    job_id: int | None,
    anchors: Sequence[tuple[bytes, bytes]] | None = None,
) -> None:
    """Store events with their records and keys. With `anchors` (root, joined proof) they are another node's."""
    places = [(None, None)] * len(signed) if anchors is None else anchors
    is_foreign = anchors is not None
    insert_rows(session, RecordRow, _RECORD_COLUMNS, [
        (record_id, each.record_hash, each.record.event_hash, each.record.content_hash, each.record.party, each.signer,
         each.record.sequence, each.record.disclosure_root, each.signature, received_at_us, is_foreign, *place)
        for record_id, each, place in zip(ids, signed, places, strict=True)
    ])  # fmt: skip
    rows, keys, named = [], [], []
    for record_id, context, each in zip(ids, context_ids, signed, strict=True):
        draft = each.draft
        at_ms = draft.event_time_ms
        rows.append((record_id, job_id, context, draft.given_event_id, at_ms, draft.is_declaration,
                     " ".join(draft.marks), draft.event_json))  # fmt: skip
        keys += [(key, at_ms, record_id, int(role)) for key, role in mentions(draft.event)]
        if "bizTransactionList" in draft.event:
            named += [(record_id, key) for key in sorted(references(draft.event))]
    insert_rows(session, EventRow, _EVENT_COLUMNS, rows)
    # In the order in which they lie: neighbours are then written to the same page.
    insert_rows(session, EventKeyRow, _KEY_COLUMNS, sorted(keys))
    insert_rows(session, EventReferenceRow, ("record_id", "key"), named)


def insert_job(session: Session, values: Mapping[str, Any]) -> None:
    """Store a capture: its columns by name, the id among them."""
    insert_rows(session, CaptureJobRow, tuple(values), [tuple(values.values())])


def job_by_capture_id(session: Session, capture_id: str) -> CaptureJobRow | None:
    """The stored capture of that id."""
    return session.execute(select(CaptureJobRow).where(_jobs.c.capture_id == capture_id)).scalar_one_or_none()


def stages(session: Session, record_ids: Iterable[int]) -> list[Row[Any]]:
    """For each record what it says, and how far it has come: `root` and `transaction_state`, None before that."""
    columns = (
        *(
            _records.c[name]
            for name in ("id", "record_hash", "event_hash", "party", "signer", "sequence", "is_foreign")
        ),
        coalesce(_records.c.root, _batches.c.root).label("root"),
        _transactions.c.state.label("transaction_state"),
    )
    rows: list[Row[Any]] = []
    for ids in slices(record_ids):
        statement = select(*columns).select_from(_records).where(_records.c.id.in_(ids))
        statement = statement.outerjoin(_batches, _batches.c.id == _records.c.batch_id)
        rows.extend(
            session.execute(statement.outerjoin(_transactions, _transactions.c.id == _batches.c.transaction_id))
        )
    return rows


def _load_contexts(session: Session, known: dict[int, list[Any]], wanted: set[int]) -> None:
    missing = wanted - known.keys()
    if missing:
        rows = session.execute(select(_contexts.c.id, _contexts.c.context).where(_contexts.c.id.in_(missing)))
        known.update((row.id, orjson.loads(row.context)) for row in rows)


def _stored(row: Row[Any], context: list[Any]) -> StoredEvent:
    return StoredEvent(
        record_id=row.record_id,
        record=Record(row.event_hash, row.content_hash, row.party, row.sequence, row.disclosure_root),
        record_hash=row.record_hash,
        signer=row.signer,
        signature=row.signature,
        received_at_us=row.received_at_us,
        is_foreign=row.is_foreign,
        batch_id=row.batch_id,
        root=row.root,
        proof=row.proof,
        job_id=row.job_id,
        event_time_ms=row.event_time_ms,
        given_event_id=row.event_id,
        is_declaration=row.is_declaration,
        marks=tuple(row.marks.split()),
        context=context,
        event=orjson.loads(row.event),
    )


def _mark(dialect: Dialect) -> str:
    """How the driver writes a parameter."""
    return "?" if dialect.paramstyle == "qmark" else "%s"


def slices(items: Iterable[_T]) -> Iterator[list[_T]]:
    """The items in pieces of at most SLICE."""
    iterator = iter(items)
    while piece := list(islice(iterator, SLICE)):
        yield piece
