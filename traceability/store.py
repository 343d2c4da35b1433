"""The store as lineage asks it: events by the things that they name, in a part of time. This file reads the database.

Rows of `event_keys` with one key lie together in the order of time: each span is one short read, however many events
the store has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import and_, select
from sqlalchemy.engine import Row
from sqlmodel import Session

from ledger.tables import RecordRow, WithdrawalRow
from traceability.lineage import Moment, Sighting, Span
from traceability.mentions import Role
from traceability.packing import Occurrence
from traceability.repository import slices, table
from traceability.tables import EventKeyRow, EventRow

NEWEST_MAX = 8
"""How many of the newest events of a moment are looked at: the newest that is not void is meant."""
ANY_ROLE = 0

_keys, _events = table(EventKeyRow), table(EventRow)
_records, _withdrawals = table(RecordRow), table(WithdrawalRow)
_SEEN = (
    _events.c.record_id,
    _events.c.event_time_ms,
    _events.c.event,
    _events.c.is_declaration,
    _records.c.event_hash,
    _records.c.party,
    _withdrawals.c.withdrawn_at,
)


class StoreSource:
    """A lineage.Source over one session, which remembers the events that it has read.

    An event is void where it declares an error itself, or where its party has declared it wrong or withdrawn it. What
    `verdicts` (record id -> void) says wins: it comes from a verification of what was found here.
    """

    def __init__(self, session: Session, verdicts: Mapping[int, bool]) -> None:
        self._session, self._verdicts = session, verdicts
        self._known: dict[int, Occurrence] = {}

    def naming(self, spans: Sequence[Span], limit: int) -> list[list[Sighting]]:
        """For each span its events, oldest first. Stops somewhere after `limit` events in all."""
        found: list[dict[int, set[Role]]] = [defaultdict(set) for _ in spans]
        left = limit + 1
        for numbers in slices(range(len(spans))):
            rows = self._rows([(number, *spans[number]) for number in numbers], left)
            for row in rows:
                found[row.number][row.record_id].add(Role(row.role))
            left -= len(rows)
            if left <= 0:
                break
        self._learn(record_id for listed in found for record_id in listed)
        return [self._sightings(listed) for listed in found]

    def latest(self, moments: Sequence[Moment]) -> list[list[Occurrence]]:
        """For each moment the few newest events, newest first."""
        found: list[Sequence[int]] = []
        for key, role, before_ms in moments:
            where = and_(_keys.c.key == key, _keys.c.role == role, _keys.c.event_time_ms < before_ms)
            newest = (_keys.c.event_time_ms.desc(), _keys.c.record_id.desc())
            statement = select(_keys.c.record_id).where(where).order_by(*newest).limit(NEWEST_MAX)
            found.append(self._session.execute(statement).scalars().all())
        self._learn(record_id for listed in found for record_id in listed)
        return [[self._known[record_id] for record_id in listed] for listed in found]

    def _rows(self, spans: Sequence[tuple[int, str, int, int, Role | None]], limit: int) -> Sequence[Row[Any]]:
        """(number of the span, record id, role) of everything in these spans, in one statement of the driver's own.

        CROSS JOIN is SQLite's word for "the spans first": each of them is then looked up by the primary key.
        """
        connection = self._session.connection()
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        values = ", ".join([f"({', '.join([mark] * 5)})"] * len(spans))
        # Nothing of a request is in this text: values go beside it.
        statement = (
            f"WITH spans (number, key, since_ms, until_ms, role) AS (VALUES {values}) "  # noqa: S608
            "SELECT spans.number, k.record_id, k.role FROM spans CROSS JOIN event_keys AS k WHERE k.key = spans.key "
            "AND k.event_time_ms >= spans.since_ms AND k.event_time_ms < spans.until_ms "
            f"AND (spans.role = {ANY_ROLE} OR k.role = spans.role) LIMIT {mark}"
        )
        asked = [(*span[:4], ANY_ROLE if span[4] is None else int(span[4])) for span in spans]
        return connection.exec_driver_sql(statement, (*(value for span in asked for value in span), limit)).all()

    def _sightings(self, found: Mapping[int, set[Role]]) -> list[Sighting]:
        sightings = [Sighting(self._known[record_id], frozenset(roles)) for record_id, roles in found.items()]
        return sorted(sightings, key=lambda sighting: sighting.occurrence.position)

    def _learn(self, record_ids: Iterable[int]) -> None:
        """Read the events that are not known yet, and judge which of them are void."""
        rows: list[Row[Any]] = []
        withdrawn = and_(_withdrawals.c.party == _records.c.party, _withdrawals.c.record_hash == _records.c.record_hash)
        joined = _events.join(_records, _events.c.record_id == _records.c.id).outerjoin(_withdrawals, withdrawn)
        for ids in slices(sorted(set(record_ids) - self._known.keys())):
            rows += self._session.execute(select(*_SEEN).select_from(joined).where(_events.c.record_id.in_(ids)))
        # A declaration names the same things at the same time as what it declares wrong, so both are seen together.
        declared = {(row.event_hash, row.party) for row in rows if row.is_declaration}
        for row in rows:
            is_void = row.withdrawn_at is not None or (row.event_hash, row.party) in declared
            is_void = self._verdicts.get(row.record_id, is_void)
            self._known[row.record_id] = Occurrence(row.record_id, row.event_time_ms, orjson.loads(row.event), is_void)
