"""The index over stored events made again from the events themselves: which thing and which reference names which.

It is gathered into a scratch database, while captures go on, and swapped with the derived tables of the chain.
"""

from __future__ import annotations

import orjson
from sqlalchemy import Table, select
from sqlmodel import Session

from traceability.mentions import mentions, references
from traceability.repository import insert_rows, table
from traceability.tables import EventKeyRow, EventReferenceRow, EventRow, JudgedToRow

EVENTS_AT_ONCE = 1_000
_events, _judged_to = table(EventRow), table(JudgedToRow)


class EventIndex:
    """What `ledger.rebuilding` makes again beside its own tables. One serves one rebuild."""

    tables: tuple[Table, ...] = (table(EventKeyRow), table(EventReferenceRow))

    def __init__(self) -> None:
        self._done_to = 0

    def gather(self, node: Session, scratch: Session) -> None:
        """Puts the index of the events that have come since the last call into the scratch database."""
        # Events below that were stored before references were kept: the worker is about to give them theirs.
        below = node.execute(select(_judged_to.c.unindexed_below)).scalar() or 0
        while rows := node.execute(
            select(_events.c.record_id, _events.c.event_time_ms, _events.c.event)
            .where(_events.c.record_id > self._done_to)
            .order_by(_events.c.record_id)
            .limit(EVENTS_AT_ONCE)
        ).all():
            keys: list[tuple[str, int, int, int]] = []
            named: list[tuple[int, str]] = []
            for record_id, at_ms, stored in rows:
                event = orjson.loads(stored)
                keys += [(key, at_ms, record_id, int(role)) for key, role in mentions(event)]
                if record_id >= below and "bizTransactionList" in event:
                    named += [(record_id, key) for key in sorted(references(event))]
            insert_rows(scratch, EventKeyRow, ("key", "event_time_ms", "record_id", "role"), sorted(keys))
            insert_rows(scratch, EventReferenceRow, ("record_id", "key"), named)
            self._done_to = rows[-1].record_id
