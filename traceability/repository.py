"""The store of events: rows in and out of the database, and nothing decided.

Reads are by key: the things that events name, record ids, or the names of an event. Every list of keys is asked in
slices, so that no statement outgrows what a database takes. This file touches the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import BigInteger, Select, SmallInteger, Table, Text, and_, column, or_, select, values
from sqlalchemy.engine import Row
from sqlmodel import Session, SQLModel

from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex
from ledger.record import Record
from ledger.tables import RecordRow, WithdrawalRow
from traceability.epcis.event_hash import digest_of_hash_id, hash_id
from traceability.lineage import Moment, Sighting, Span
from traceability.mentions import Role
from traceability.packing import Occurrence
from traceability.tables import ContextRow, EventKeyRow, EventRow

SLICE = 400
"""Keys in one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535; a span has four."""
NEWEST_MAX = 8
"""How many of the newest events of a moment are looked at: the newest that is not void is meant."""


def table(model: type[SQLModel]) -> Table:
    """The table of a model, for statements over columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


_records, _events, _contexts = table(RecordRow), table(EventRow), table(ContextRow)
_keys, _withdrawals = table(EventKeyRow), table(WithdrawalRow)
_of_record = _events.c.record_id == _records.c.id

_STORED = (*(column for column in _records.c if column.name != "id"), *(column for column in _events.c))
_TWIN = (_records, _events.c.is_declaration)
_SEEN = (
    _events.c.record_id,
    _events.c.event_time_ms,
    _events.c.event,
    _events.c.is_declaration,
    _records.c.event_hash,
    _records.c.party,
    _withdrawals.c.withdrawn_at,
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
    session: Session, table: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert tuples in the driver's own form: an ORM or Core insert costs several times as much a row."""
    if not rows:
        return
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    names = ", ".join(quote(name) for name in columns)
    marks = ", ".join([mark] * len(columns))
    # Nothing of a request is in this text: names come from the models, values go beside it.
    statement = f"INSERT INTO {quote(str(model.__tablename__))} ({names}) VALUES ({marks})"  # noqa: S608
    connection.exec_driver_sql(statement, list(rows))


def next_record_ids(session: Session, count: int) -> range:
    """The next numbers in the order of arrival. Assumes a writing session: nobody else takes numbers until it ends."""
    newest = session.execute(select(_records.c.id).order_by(_records.c.id.desc()).limit(1)).scalar()
    return range((newest or 0) + 1, (newest or 0) + 1 + count)


def context_id(session: Session, digest: bytes, context_json: bytes) -> int:
    """The id of a context in canonical JSON, which is stored once. Assumes a writing session."""
    known = session.execute(select(_contexts.c.id).where(_contexts.c.digest == digest)).scalar()
    if known is not None:
        return int(known)
    row = ContextRow(digest=digest, context=context_json)
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def load(session: Session, record_ids: Iterable[int]) -> dict[int, StoredEvent]:
    """The stored events of these records, by record id; those that are not there are left out."""
    found: dict[int, StoredEvent] = {}
    contexts: dict[int, list[Any]] = {}
    for ids in _slices(record_ids):
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


def with_event_hashes(session: Session, hashes: Iterable[bytes]) -> Sequence[Row[Any]]:
    """All records of these event hashes, oldest first: id, hashes, party, signer, sequence, batch, is_declaration."""
    rows: list[Row[Any]] = []
    for wanted in _slices(hashes):
        statement = select(*_TWIN).join_from(_records, _events, _of_record).where(_records.c.event_hash.in_(wanted))
        rows.extend(session.execute(statement.order_by(_records.c.id)))
    return rows


class StoreSource:
    """The store as lineage asks it (lineage.Source).

    An event is void where it declares an error itself, where its party has declared or withdrawn it, or as `verdicts`
    (record id -> void) says, which wins: it comes from a verification that has seen what is found here.
    """

    def __init__(self, session: Session, verdicts: Mapping[int, bool]) -> None:
        self._session, self._verdicts = session, verdicts
        self._known: dict[int, Occurrence] = {}

    def naming(self, spans: Sequence[Span], limit: int) -> list[list[Sighting]]:
        """For each span its events, oldest first. Stops somewhere after `limit` events in all."""
        rows: list[list[Row[Any]]] = [[] for _ in spans]
        left = limit + 1
        for numbers in _slices(range(len(spans))):
            for row in self._session.execute(_naming([spans[number] for number in numbers], left)):
                rows[numbers[row.number]].append(row)
                left -= 1
            if left <= 0:
                break
        self._learn(row.record_id for listed in rows for row in listed)
        return [self._sightings(listed) for listed in rows]

    def latest(self, moments: Sequence[Moment]) -> list[list[Occurrence]]:
        """For each moment the few newest events, newest first."""
        found: list[list[int]] = []
        for key, role, before_ms in moments:
            where = and_(_keys.c.key == key, _keys.c.role == role, _keys.c.event_time_ms < before_ms)
            newest = (_keys.c.event_time_ms.desc(), _keys.c.record_id.desc())
            statement = select(_keys.c.record_id).where(where).order_by(*newest).limit(NEWEST_MAX)
            found.append(list(self._session.execute(statement).scalars()))
        self._learn(number for listed in found for number in listed)
        return [[self._known[number] for number in listed] for listed in found]

    def _sightings(self, rows: Iterable[Row[Any]]) -> list[Sighting]:
        roles: dict[int, set[Role]] = defaultdict(set)
        for row in rows:
            roles[row.record_id].add(Role(row.role))
        sightings = [Sighting(self._known[number], frozenset(found)) for number, found in roles.items()]
        return sorted(sightings, key=lambda sighting: sighting.occurrence.position)

    def _learn(self, numbers: Iterable[int]) -> None:
        """Read the events that are not known yet, and judge which of them are void."""
        new = sorted(set(numbers) - self._known.keys())
        rows: list[Row[Any]] = []
        for ids in _slices(new):
            withdrawn = and_(
                _withdrawals.c.party == _records.c.party, _withdrawals.c.record_hash == _records.c.record_hash
            )
            statement = select(*_SEEN).join_from(_events, _records, _of_record).outerjoin(_withdrawals, withdrawn)
            rows.extend(self._session.execute(statement.where(_events.c.record_id.in_(ids))))
        # A declaration names the same things at the same time as what it declares wrong, so both are seen together.
        declared = {(row.event_hash, row.party) for row in rows if row.is_declaration}
        for row in rows:
            is_void = (row.event_hash, row.party) in declared or row.withdrawn_at is not None
            is_void = self._verdicts.get(row.record_id, is_void)
            self._known[row.record_id] = Occurrence(row.record_id, row.event_time_ms, orjson.loads(row.event), is_void)


def _naming(spans: Sequence[Span], limit: int) -> Select[Any]:
    """The key rows of several spans in one statement, each with the number of its span."""
    rows = [(number, *span) for number, span in enumerate(spans)]
    asked = values(
        column("number", BigInteger),
        column("key", Text),
        column("since_ms", BigInteger),
        column("until_ms", BigInteger),
        column("role", SmallInteger),
        name="asked",
    ).data([(number, key, since, until, 0 if role is None else role) for number, key, since, until, role in rows])
    spans_asked = asked.cte("spans")
    is_inside = and_(
        _keys.c.key == spans_asked.c.key,
        _keys.c.event_time_ms >= spans_asked.c.since_ms,
        _keys.c.event_time_ms < spans_asked.c.until_ms,
        or_(spans_asked.c.role == 0, _keys.c.role == spans_asked.c.role),
    )
    return (
        select(spans_asked.c.number, _keys.c.record_id, _keys.c.role)
        .join_from(spans_asked, _keys, is_inside)
        .limit(limit)
    )


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


def _slices(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while piece := list(islice(iterator, SLICE)):
        yield piece
