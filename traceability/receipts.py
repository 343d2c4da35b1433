"""What own events say was received of which order, as plain values for finance's books. Touches the database."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, select
from sqlmodel import Session

from ledger.orders import REST
from ledger.receipts import Receipt
from ledger.tables import RecordRow, WithdrawalRow
from traceability.epcis.event_hash import hash_id
from traceability.errors import TermsNotImported
from traceability.order_terms import terms_document
from traceability.repository import table
from traceability.tables import AttestationRow, EventRow
from traceability.terms import TermsDocument

_rows, _records = table(AttestationRow), table(RecordRow)
_events, _withdrawals = table(EventRow), table(WithdrawalRow)


def receipts_of(session: Session, orders: Iterable[bytes]) -> list[Receipt]:
    """The deliveries that this node's events tell of, of these orders; whether they were attested or not.

    `event_id` is what the event brought, else its hash ID. An event that is for a person tells of a delivery only
    where it is known which.
    """
    wanted = set(orders)
    query = (
        select(
            _rows.c.order_id, _rows.c.milestone, _rows.c.delivery, _rows.c.accepted, _rows.c.happened_at,
            _records.c.record_hash, _records.c.event_hash, _events.c.event_id, _withdrawals.c.withdrawn_at,
        )
        .join_from(_rows, _records, _records.c.id == _rows.c.record_id)
        .join(_events, _events.c.record_id == _rows.c.record_id)
        .outerjoin(
            _withdrawals,
            and_(
                _withdrawals.c.record_hash == _records.c.record_hash, _withdrawals.c.party == _records.c.party
            ),
        )
        .where(_rows.c.delivery.is_not(None), _rows.c.accepted.is_not(None))
        .order_by(_rows.c.record_id, _rows.c.milestone)
    )  # fmt: skip
    documents: dict[bytes, TermsDocument | None] = {}
    found: list[Receipt] = []
    for row in session.execute(query):
        order = bytes(row.order_id)
        if order not in wanted or bytes(row.delivery) == REST:
            continue
        if order not in documents:
            documents[order] = _document(session, order)
        document = documents[order]
        found.append(Receipt(
            order, row.milestone, bytes(row.delivery), row.accepted,
            document.milestones[row.milestone].uom if document is not None else "",
            bytes(row.record_hash), row.event_id or hash_id(bytes(row.event_hash)), row.happened_at, row.withdrawn_at,
        ))  # fmt: skip
    return found


def _document(session: Session, order: bytes) -> TermsDocument | None:
    try:
        return terms_document(session, order)
    except TermsNotImported:
        return None
