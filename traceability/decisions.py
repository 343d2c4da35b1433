"""What people see of events on their way to payment, and what they decide where an event can't speak for itself.

This file touches the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session

from ledger.book import OrderState
from ledger.database import writing
from ledger.orderbook import order_of
from ledger.orders import AMOUNT_MAX, BPS, Terms, delivery_id
from ledger.receipts import Receipt
from ledger.tables import RecordRow, TransactionRow, WithdrawalRow
from traceability import repository
from traceability.attesting import ATTEMPTS
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.epcis.event_hash import hash_id
from traceability.errors import NotAttestable
from traceability.identifiers import canonical
from traceability.judging import AttestationState
from traceability.order_terms import terms_document
from traceability.repository import StoredEvent, table
from traceability.tables import AttestationRow, EventRow

_rows, _events, _records = table(AttestationRow), table(EventRow), table(RecordRow)
_transactions, _withdrawals = table(TransactionRow), table(WithdrawalRow)
_WITHDRAWN = (ReasonCode.RECEIPT_WITHDRAWN.value, ReasonCode.RECEIPT_WITHDRAWN_IN_TIME.value)
_NO_RECEIPT = (ReasonCode.ATTESTED_ALREADY.value, ReasonCode.NAMES_TWO_ORDERS.value, ReasonCode.TAKEN_BACK.value)
"""Of these nobody knows whether more goods came, or the same were recorded again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way to an order, for a list. `milestone` and what follows it are None as long as unknown."""

    record_hash: bytes
    event_id: str
    order: bytes
    party: bytes
    state: AttestationState
    reason: Reason | None
    milestone: int | None
    reference: str | None
    delivery: bytes | None
    happened_at: int | None
    accepted: int | None
    deduction_bps: int | None
    is_by_hand: bool
    transaction_hash: bytes | None


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person attests on the record of an event: quantity in the smallest unit that the order's terms name.

    `reference` is the despatch advice or SSCC that names the delivery.
    """

    milestone: int
    reference: str
    accepted: int
    deduction_bps: int = 0


def entries(
    session: Session,
    *,
    order: bytes | None = None,
    record_id: int | None = None,
    states: Sequence[AttestationState] = (),
    limit: int = 1_000,
    after_id: int = 0,
) -> list[Entry]:
    """Events on their way to payment, oldest first: of an order, of an event, in some states."""
    wanted = [_rows.c.id > after_id]
    if order is not None:
        wanted.append(_rows.c.order_id == order)
    if record_id is not None:
        wanted.append(_rows.c.record_id == record_id)
    if states:
        wanted.append(_rows.c.state.in_([state.value for state in states]))
    query = (
        select(_rows, _records.c.record_hash, _records.c.event_hash, _events.c.event_id,
               _transactions.c.transaction_hash)
        .join_from(_rows, _records, _records.c.id == _rows.c.record_id)
        .join(_events, _events.c.record_id == _rows.c.record_id)
        .outerjoin(_transactions, _transactions.c.id == _rows.c.transaction_id)
        .where(*wanted).order_by(_rows.c.id).limit(limit)
    )  # fmt: skip
    return [_entry(row) for row in session.execute(query)]


def receipts(session: Session, order: bytes) -> Iterator[Receipt]:
    """What own events say was received or accepted under an order, for reconciliation; nothing of 0 or of no order.

    Raises TermsNotImported.
    """
    rules = terms_document(session, order).milestones
    is_withdrawn = (_withdrawals.c.party == _rows.c.party) & (_withdrawals.c.record_hash == _records.c.record_hash)
    query = (
        select(_rows, _records.c.record_hash, _records.c.event_hash, _events.c.event_id, _withdrawals.c.withdrawn_at)
        .join_from(_rows, _records, _records.c.id == _rows.c.record_id)
        .join(_events, _events.c.record_id == _rows.c.record_id)
        .outerjoin(_withdrawals, is_withdrawn)
        .where(_rows.c.order_id == order, _rows.c.accepted.is_not(None)).order_by(_rows.c.id)
    )  # fmt: skip
    for row in session.execute(query):
        if row.accepted and row.state != AttestationState.PASSED_OVER.value and row.reason not in _NO_RECEIPT:
            # A declaration that is not final yet withdraws all the same: this node's own party has said so.
            declared_at = row.changed_at_us // 1_000_000 if row.reason in _WITHDRAWN else None
            withdrawn_at = row.withdrawn_at or declared_at
            yield Receipt(
                order, row.milestone, row.delivery, row.accepted, rules[row.milestone].uom, row.record_hash,
                row.event_id or hash_id(row.event_hash), row.happened_at, withdrawn_at,
            )  # fmt: skip


def attest_by_hand(engine: Engine, record_id: int, order: bytes, said: ByHand, now_us: int) -> None:
    """What a person attests on an own event; it is signed and sent as if the event itself had said so.

    It replaces what was found of the event for that milestone, and what was for a person because of the order as a
    whole. Raises TermsNotImported, UnknownOrder, or NotAttestable with the reason; then nothing is changed.
    """
    with writing(engine) as session:
        document, state = terms_document(session, order), order_of(session, order)
        stored = repository.load(session, [record_id]).get(record_id)
        _check(stored, state.terms, said)
        assert stored is not None
        rows = _rows_of(session, record_id, order)
        _check_open([row for row in rows if row.milestone in (said.milestone, -1)], state, stored.record_hash)
        reference = canonical(said.reference)
        values = {
            "milestone": said.milestone, "state": AttestationState.WAITING.value, "reason": None, "facts": "",
            "reference": reference, "delivery": delivery_id(order, reference, document.salt),
            "happened_at": stored.event_time_ms // 1000, "accepted": said.accepted,
            "deduction_bps": said.deduction_bps, "is_by_hand": True, "changed_at_us": now_us,
        }  # fmt: skip
        # The row of that milestone; else the one that knows none yet, whose place this takes.
        own = next((row for row in sorted(rows, key=lambda each: each.milestone != said.milestone)
                    if row.milestone in (said.milestone, -1)), None)  # fmt: skip
        if own is None:
            whose = {"record_id": record_id, "order_id": order, "party": stored.record.party, "attempt": 0}
            session.execute(insert(_rows), [{**whose, **values}])
        else:
            values["attempt"] = _next_decision(own)
            session.execute(update(_rows).where(_rows.c.id == own.id).values(values))


def dismiss(engine: Engine, record_id: int, order: bytes, now_us: int) -> None:
    """A person decides that an event attests nothing under an order, or has seen that its receipt was withdrawn.

    Raises NotAttestable where it is on its way to the chain, or counts there.
    """
    with writing(engine) as session:
        rows = _rows_of(session, record_id, order)
        if not rows:
            raise NotAttestable("the event names no order of that id: see `tally order show`")
        seen = [row.id for row in rows if row.reason in _WITHDRAWN]
        _check_open([row for row in rows if row.id not in seen], None, b"")
        # What has counted goes on counting; the reason stays, for reconciliation.
        session.execute(update(_rows).where(_rows.c.id.in_(seen)).values(state=AttestationState.COUNTED.value))
        values = {
            "state": AttestationState.PASSED_OVER.value, "reason": ReasonCode.DISMISSED.value, "facts": "",
            "changed_at_us": now_us,
        }  # fmt: skip
        others = [row.id for row in rows if row.id not in seen]
        session.execute(update(_rows).where(_rows.c.id.in_(others)).values(values))


def _check(stored: StoredEvent | None, terms: Terms, said: ByHand) -> None:
    if stored is None or stored.is_foreign:
        raise NotAttestable("the event is not one of this node's own: its party attests it on its own node")
    if stored.is_declaration:
        raise NotAttestable("the event declares another one wrong, and attests nothing")
    if not 0 <= said.milestone < len(terms.milestones):
        raise NotAttestable(f"the order has milestones 0 to {len(terms.milestones) - 1}, not {said.milestone}")
    if stored.record.party not in terms.attestors_of(said.milestone):
        raise NotAttestable(f"the event's party is no attestor of milestone {said.milestone}")
    if not 0 <= said.accepted <= AMOUNT_MAX:
        raise NotAttestable("the accepted quantity is not 0 to 2^128-1")
    if not 0 <= said.deduction_bps <= BPS:
        raise NotAttestable(f"the deduction is not 0 to {BPS} basis points")
    if not said.reference.strip():
        raise NotAttestable("the delivery has no name: give the despatch advice or SSCC")


def _check_open(rows: Sequence[Row[Any]], order: OrderState | None, record_hash: bytes) -> None:
    """Nothing of the rows is on its way to the chain, and what has counted under the order was taken back."""
    for row in rows:
        said = order.attestations.get((row.milestone, row.delivery, row.party)) if order is not None else None
        was_taken_back = order is not None and (said is None or said.record_hash != record_hash)
        has_counted = row.state == AttestationState.COUNTED.value or row.reason in _WITHDRAWN
        is_open = was_taken_back if has_counted else AttestationState(row.state) is not AttestationState.PLANNED
        if not is_open:
            raise NotAttestable(f"the event is {row.state} already: take it back first, `tally order take-back`")


def _rows_of(session: Session, record_id: int, order: bytes) -> Sequence[Row[Any]]:
    is_of_it = (_rows.c.record_id == record_id) & (_rows.c.order_id == order)
    return session.execute(select(_rows).where(is_of_it).order_by(_rows.c.milestone)).all()


def _next_decision(row: Row[Any]) -> int:
    """The number of the next transaction, the first of a new decision: one that was planned is never planned again."""
    attempt: int = row.attempt
    return attempt if row.transaction_id is None else (attempt // ATTEMPTS + 1) * ATTEMPTS


def _entry(row: Row[Any]) -> Entry:
    is_known = row.milestone >= 0
    return Entry(
        row.record_hash, row.event_id or hash_id(row.event_hash), row.order_id, row.party, AttestationState(row.state),
        Reason(ReasonCode(row.reason), row.facts) if row.reason else None, row.milestone if is_known else None,
        row.reference, row.delivery, row.happened_at, row.accepted, row.deduction_bps, row.is_by_hand,
        row.transaction_hash,
    )  # fmt: skip
