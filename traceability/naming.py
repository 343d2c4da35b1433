"""Which stored events name which orders. This file touches the database.

Capture keeps the business transactions that an event names (`event_references`); orders are named by the references of
their terms documents (`order_references`). Each pair of the two is found once: when the event has come in, or when the
terms document has, whichever is later. Events of other nodes are theirs to attest.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from sqlalchemy import ColumnElement, exists, func, insert, or_, select, update
from sqlalchemy.engine import Engine, Row
from sqlmodel import Session

from ledger.database import reading, writing
from ledger.progress import Progress
from ledger.tables import RecordRow
from traceability.mentions import references
from traceability.repository import insert_rows, slices, table
from traceability.tables import AttestationRow, EventReferenceRow, EventRow, JudgedToRow, OrderReferenceRow

FOUND = "found"
"""The state of an event and an order that it names, of which nothing else is known yet."""
WORK_MAX = 500
"""References, or older events, looked through in one step."""

_named, _orders, _events = table(EventReferenceRow), table(OrderReferenceRow), table(EventRow)
_records, _attestations, _judged_to = table(RecordRow), table(AttestationRow), table(JudgedToRow)
_POSITION = select(_judged_to.c.record_id, _judged_to.c.unindexed_below)


def step(engine: Engine, now_us: int) -> Progress:
    """Looks through some of what has come in since, and of what was stored before references were kept."""
    with reading(engine) as session:
        position = session.execute(_POSITION).first()
        if position is not None and not position.unindexed_below and not _has_news(session, position.record_id):
            return Progress()
    # Not synced: it can be found again.
    with writing(engine, durable=False) as session:
        position = session.execute(_POSITION).first() or _begin(session)
        looked_at = _look_through(session, position.record_id, now_us)
        if position.unindexed_below:
            looked_at += _index_older(session, position.unindexed_below, now_us)
    return Progress(looked_at, is_waiting=looked_at > 0)


def name_order(session: Session, order: bytes, document_hash: bytes, keys: Iterable[str], now_us: int) -> None:
    """From now on events that have one of these keys among their references name the order; those stored do, too.

    Assumes a writing session. Naming it again changes nothing.
    """
    known = set(session.execute(select(_orders.c.key).where(_orders.c.order_id == order)).scalars())
    new = [key for key in sorted(set(keys)) if key not in known]
    columns = ("key", "order_id", "document_hash")
    insert_rows(session, OrderReferenceRow, columns, [(key, order, document_hash) for key in new])
    position = session.execute(_POSITION).first()
    if position is not None:
        is_past = _named.c.record_id <= position.record_id
        _find(session, is_past & (_orders.c.order_id == order), now_us)


def _has_news(session: Session, record_id: int) -> bool:
    return (
        session.execute(select(_named.c.record_id).where(_named.c.record_id > record_id).limit(1)).first() is not None
    )


def _begin(session: Session) -> Row[tuple[int, int]]:
    """The position of a database that has none: what is older than all that has references may have some, too."""
    oldest = session.execute(select(func.min(_named.c.record_id))).scalar()
    newest = session.execute(select(func.max(_events.c.record_id))).scalar()
    below = oldest if oldest is not None else (newest or 0) + 1
    session.execute(insert(_judged_to).values(id=1, record_id=0, unindexed_below=below))
    return session.execute(_POSITION).one()


def _look_through(session: Session, after: int, now_us: int) -> int:
    """Finds the pairs of the next records, and moves on to the last of them. How many records had references."""
    some = select(_named.c.record_id).where(_named.c.record_id > after).order_by(_named.c.record_id).limit(WORK_MAX)
    ids = session.execute(some).scalars().all()
    if not ids:
        return 0
    # All references of the last record are among those that are asked for here, wherever the piece was cut.
    _find(session, _named.c.record_id.between(ids[0], ids[-1]), now_us)
    session.execute(update(_judged_to).values(record_id=ids[-1]))
    return len(set(ids))


def _index_older(session: Session, below: int, now_us: int) -> int:
    """Gives the next older events their references, newest first, and finds their pairs."""
    columns = (_events.c.record_id, _events.c.event)
    query = select(*columns).where(_events.c.record_id < below).order_by(_events.c.record_id.desc()).limit(WORK_MAX)
    rows = session.execute(query).all()
    found = [
        (row.record_id, key)
        for row in reversed(rows)
        if b'"bizTransactionList"' in row.event
        for key in sorted(references(orjson.loads(row.event)))
    ]
    insert_rows(session, EventReferenceRow, ("record_id", "key"), found)
    for ids in slices(sorted({record_id for record_id, _ in found})):
        _find(session, _named.c.record_id.in_(ids), now_us)
    session.execute(update(_judged_to).values(unindexed_below=rows[-1].record_id if rows else 0))
    return len(rows)


def _find(session: Session, which: ColumnElement[bool], now_us: int) -> None:
    """Stores the pairs of own events and orders among these references, unless they are there already.

    Of another node's events those that declare one wrong are found, too: the party may have a second node.
    """
    is_known = exists().where(
        _attestations.c.record_id == _named.c.record_id, _attestations.c.order_id == _orders.c.order_id
    )
    is_ours = or_(_records.c.is_foreign.is_(False), _events.c.is_declaration.is_(True))
    pairs = session.execute(
        select(_named.c.record_id, _orders.c.order_id, _records.c.party)
        .join_from(_named, _orders, _orders.c.key == _named.c.key)
        .join(_records, _records.c.id == _named.c.record_id)
        .join(_events, _events.c.record_id == _named.c.record_id)
        .where(which, is_ours, ~is_known)
        .distinct()
        .order_by(_named.c.record_id, _orders.c.order_id)
    ).all()
    if pairs:
        session.execute(insert(_attestations), [
            {"record_id": record_id, "order_id": order, "party": party, "milestone": -1, "state": FOUND, "facts": "",
             "is_by_hand": False, "attempt": 0, "changed_at_us": now_us}
            for record_id, order, party in pairs
        ])  # fmt: skip
