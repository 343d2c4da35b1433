"""Own events that name an order, judged: what they attest under its terms, or why that is for a person.

All orders that one event names are judged together, and error declarations before everything else. Nothing is written
here: what is to become of each row is a Change, and attesting.py writes it. This file reads the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from ledger.answers import Use
from ledger.book import Book, OrderState
from ledger.consortium import Registry
from ledger.deployment import Deployment
from ledger.escrow import Attested, EscrowLog, TakenBack
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import Signer
from ledger.orderbook import history_of
from ledger.orders import Attestation, State
from ledger.ordertables import OrderRow
from ledger.standing import LocalAnswers, newest_registry
from ledger.tables import RecordRow
from traceability import naming, repository
from traceability.delivery import Delivered, Judged, judge
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.drafts import Mark
from traceability.errors import TermsNotImported
from traceability.order_terms import terms_document
from traceability.repository import StoredEvent, table
from traceability.tables import AttestationRow
from traceability.terms import TermsDocument

WORK_MAX = 256
"""Rows, or events, looked at in one step."""


class AttestationState(StrEnum):
    """How far an event has come towards an order that it names."""

    FOUND = naming.FOUND
    WAITING = "waiting_for_anchor"
    PLANNED = "planned"
    COUNTED = "counted"
    FOR_A_PERSON = "for_a_person"
    REFUSED = "refused"
    PASSED_OVER = "passed_over"


_rows, _orders, _records = table(AttestationRow), table(OrderRow), table(RecordRow)
_LIVE = (State.ACCEPTED, State.FUNDED, State.ENDED)
"""Of several orders of one reference those that an event may mean: a proposal may never become one."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row's next state. `values` are columns, `also` rows beside it; `call` is (intent, calldata) to be planned.

    `cancels` keeps the row's transaction from being sent, if it has not been.
    """

    row: Row[Any]
    state: AttestationState
    reason: Reason | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    also: Sequence[Mapping[str, Any]] = ()
    call: tuple[str, bytes] | None = None
    cancels: bool = False


@dataclass(slots=True)
class Desk:
    """What one step works with, read once."""

    session: Session
    deployment: Deployment
    signers: Mapping[bytes, Signer]
    answers: LocalAnswers
    registry: Registry
    keys: dict[bytes, bytes]
    """The account that attests for each party whose keys are here."""
    histories: dict[bytes, Sequence[EscrowLog]] = field(default_factory=dict)
    orders: dict[bytes, OrderState | None] = field(default_factory=dict)
    documents: dict[bytes, TermsDocument | None] = field(default_factory=dict)

    @staticmethod
    def of(session: Session, deployment: Deployment, signers: Mapping[bytes, Signer]) -> Desk:
        """Raises ChainError before the chain was first read."""
        answers = LocalAnswers.of(session)
        registry = newest_registry(session)[0] or Registry()
        keys: dict[bytes, bytes] = {}
        # Rather a device's than the controller's: as for recording.
        for account in sorted(signers, key=lambda each: (each in registry.parties, each)):
            party = registry.standing_of(account, Use.ATTEST, answers.next_at, 0).party
            if party is not None:
                keys.setdefault(party, account)
        return Desk(session, deployment, signers, answers, registry, keys)

    def order(self, order: bytes) -> OrderState | None:
        """The order as it was last read; None where nobody has proposed it."""
        if order not in self.orders:
            self.histories[order] = history_of(self.session, order)
            self.orders[order] = Book(self.histories[order]).orders.get(order)
        return self.orders[order]

    def document(self, order: bytes) -> TermsDocument | None:
        """The terms document of an order, if it is here."""
        if order not in self.documents:
            try:
                self.documents[order] = terms_document(self.session, order)
            except TermsNotImported:
                self.documents[order] = None
        return self.documents[order]

    def taken_back(self, order: bytes, party: bytes) -> set[Attestation]:
        """The attestations under an order that the party has taken back. Assumes that the order was asked for."""
        last: dict[tuple[int, bytes], Attestation] = {}
        found: set[Attestation] = set()
        for log in self.histories[order]:
            if isinstance(log, Attested) and log.attestor == party:
                last[log.milestone, log.delivery] = Attestation(
                    order, log.milestone, log.delivery, log.record_hash, log.happened_at, log.accepted,
                    log.deduction_bps,
                )  # fmt: skip
            elif isinstance(log, TakenBack) and log.attestor == party:
                found.add(last[log.milestone, log.delivery])
        return found


def judge_found(session: Session, desk: Desk) -> Iterator[Change]:
    """What each new pair of event and order comes to, all orders of one event together."""
    is_next = (_rows.c.state == AttestationState.FOUND.value) & _rows.c.order_id.in_(select(_orders.c.order_id))
    ids = session.execute(
        select(_rows.c.record_id).distinct().where(is_next).order_by(_rows.c.record_id).limit(WORK_MAX)
    ).scalars().all()  # fmt: skip
    if not ids:
        return
    events = repository.load(session, ids)
    by_record: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(select(_rows).where(_rows.c.record_id.in_(ids)).order_by(_rows.c.id)):
        by_record[row.record_id].append(row)
    # Declarations first: what they declare wrong is then not judged any more.
    for record_id, rows in sorted(by_record.items(), key=lambda found: not events[found[0]].is_declaration):
        stored = events[record_id]
        if stored.is_declaration:
            yield from _heed_declaration(session, desk, stored, rows)
        else:
            yield from _judge_record(session, desk, stored, rows)


def _judge_record(session: Session, desk: Desk, stored: StoredEvent, rows: Sequence[Row[Any]]) -> Iterator[Change]:
    found: dict[int, Delivered | Reason] = {}
    naming_it: set[bytes] = set()
    for row in rows:
        order = desk.order(row.order_id)
        if row.state != AttestationState.FOUND.value:
            is_passed = row.state == AttestationState.PASSED_OVER.value
            if not is_passed and order is not None and order.state in _LIVE:
                naming_it.add(row.order_id)
        elif order is not None:
            found[row.id] = outcome = _judged(desk, stored, order)
            is_named = isinstance(outcome, Delivered) or outcome.is_for_a_person
            if is_named and order.state in _LIVE:
                naming_it.add(row.order_id)
    for row in rows:
        is_undecided = row.state == AttestationState.WAITING.value and not row.is_by_hand
        outcome_here = found.get(row.id)
        if len(naming_it) > 1 and row.order_id in naming_it and (is_undecided or outcome_here is not None):
            facts = ", ".join(to_hex(order) for order in sorted(naming_it))
            yield Change(row, AttestationState.FOR_A_PERSON, Reason(ReasonCode.NAMES_TWO_ORDERS, facts))
        elif isinstance(outcome_here, Reason):
            is_for_a_person = outcome_here.is_for_a_person
            state = AttestationState.FOR_A_PERSON if is_for_a_person else AttestationState.PASSED_OVER
            yield Change(row, state, outcome_here)
        elif outcome_here is not None:
            first, *others = [_columns(each, outcome_here.reference) for each in outcome_here.attestations]
            yield Change(row, AttestationState.WAITING, _waits_for(desk, row), values=first, also=others)


def _judged(desk: Desk, stored: StoredEvent, order: OrderState) -> Delivered | Reason:
    document = desk.document(order.order)
    if document is None:
        return Reason(ReasonCode.NAMES_NO_ORDER)
    judged = Judged(stored.context, stored.event, stored.record.party, stored.record_hash)
    return judge(judged, document, order.terms, order.order)


def _waits_for(desk: Desk, row: Row[Any]) -> Reason | None:
    """For what else than its anchor it waits."""
    order = desk.order(row.order_id)
    if order is not None and order.state in (State.PROPOSED, State.ACCEPTED):
        return Reason(ReasonCode.ORDER_NOT_FUNDED)
    return None if row.party in desk.keys else Reason(ReasonCode.NO_ATTEST_KEY, to_address(row.party))


def _columns(attestation: Attestation, reference: str) -> dict[str, Any]:
    return {
        "milestone": attestation.milestone, "reference": reference, "delivery": attestation.delivery,
        "happened_at": attestation.happened_at, "accepted": attestation.accepted,
        "deduction_bps": attestation.deduction_bps,
    }  # fmt: skip


def _heed_declaration(session: Session, desk: Desk, stored: StoredEvent, rows: Sequence[Row[Any]]) -> Iterator[Change]:
    """What it declares wrong attests nothing any more; what that has attested already is not undone."""
    for row in rows:
        if row.state == AttestationState.FOUND.value:
            yield Change(row, AttestationState.PASSED_OVER, Reason(ReasonCode.DECLARES_ERROR))
    earlier = session.execute(
        select(_rows)
        .join_from(_rows, _records, _records.c.id == _rows.c.record_id)
        .where(
            _records.c.event_hash == stored.record.event_hash, _records.c.party == stored.record.party,
            _rows.c.record_id != stored.record_id,
            _rows.c.order_id.in_([row.order_id for row in rows]),
        )
    ).all()  # fmt: skip
    is_in_force = Mark.WITHDRAWS_NOTHING not in stored.marks
    for row in earlier:
        if row.state in (AttestationState.PLANNED.value, AttestationState.COUNTED.value):
            order = desk.order(row.order_id)
            is_agreed = order is not None and (row.milestone, row.delivery) in order.items
            code = ReasonCode.RECEIPT_WITHDRAWN if is_agreed else ReasonCode.RECEIPT_WITHDRAWN_IN_TIME
            yield Change(row, AttestationState.FOR_A_PERSON, Reason(code), cancels=True)
        elif row.state not in (AttestationState.PASSED_OVER.value, AttestationState.REFUSED.value):
            state = AttestationState.PASSED_OVER if is_in_force else AttestationState.FOR_A_PERSON
            yield Change(row, state, Reason(ReasonCode.RECORD_WITHDRAWN))
