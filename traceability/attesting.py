"""step(): found -> waiting for its anchor -> planned -> counted | for a person | refused. From receipt to payment.

An own event that names an order whose terms document is here is judged (delivery.py). What it attests is signed by a
key that stands for the party's attesting and put into the outbox once the event's record is final and the order funded:
one transaction, which settles and collects too where nothing has to be waited for. The row and its transaction are
committed together, so that whatever is killed, it is planned once; and the contract takes what it knows as a success.

Whatever stands in the way is a reason in the row. Nothing is undone by itself: an error declaration that comes after
its event has attested is for a person. This file touches the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session

from ledger import submission
from ledger.answers import Use
from ledger.book import Book, OrderState
from ledger.consortium import Registry
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.escrow import Attested, EscrowLog, TakenBack
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import Signer
from ledger.orderbook import history_of
from ledger.orders import Attestation, Evidence, State, attestation_digest
from ledger.ordertables import OrderRow
from ledger.progress import Progress
from ledger.standing import LocalAnswers, newest_registry
from ledger.tables import RecordRow, TransactionRow, TransactionState
from traceability import naming, repository
from traceability.admission import check_attestor, check_order, check_times
from traceability.delivery import Delivered, Judged, judge
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.drafts import Mark
from traceability.errors import TermsNotImported
from traceability.evidence import bundle_of
from traceability.order_terms import terms_document
from traceability.paying import attesting_call
from traceability.prospects import Prospect, Stage, record_standings
from traceability.repository import StoredEvent, table
from traceability.tables import AttestationRow
from traceability.verification import Trusted

INTENT = "attest:"
WORK_MAX = 256
"""Rows looked at in one step."""
ATTEMPTS = 2
"""Transactions for one decision: the first may settle and collect, too, the second attests and nothing else."""


class AttestationState(StrEnum):
    """How far an event has come towards an order that it names."""

    FOUND = naming.FOUND
    WAITING = "waiting_for_anchor"
    PLANNED = "planned"
    COUNTED = "counted"
    FOR_A_PERSON = "for_a_person"
    REFUSED = "refused"
    PASSED_OVER = "passed_over"


_rows, _orders = table(AttestationRow), table(OrderRow)
_records, _transactions = table(RecordRow), table(TransactionRow)
_ENDED = (TransactionState.FINAL.value, TransactionState.FAILED.value, TransactionState.REPLACED.value)
_READY = (State.FUNDED.value, State.CANCELLED.value, State.ENDED.value)
_LIVE = (State.ACCEPTED, State.FUNDED, State.ENDED)
"""Of several orders of one reference those that an event may mean: a proposal may never become one."""


def step(
    engine: Engine, deployment: Deployment, signers: Mapping[bytes, Signer], sender: bytes, now_us: int
) -> Progress:
    """Moves some events on towards the orders that they name. `sender`'s key sends what is planned.

    `signers` are the keys held, by account; an event of a party none of whose keys for attesting is here waits. Costs
    three short reads where nothing is to be done, nothing where the deployment has no escrow. Raises ChainError before
    the chain was first read, and KeyFileError where a key can't be opened.
    """
    if deployment.escrow is None:
        return Progress()
    progress = naming.step(engine, now_us)
    with reading(engine) as session:
        if not _has_open(session):
            return progress
        desk = _Desk.of(session, deployment, signers)
        changes = [*_judge_found(session, desk), *_follow_planned(session, desk), *_sign_waiting(session, desk)]
        complaints = _keyless(session, desk)
    done = _store(engine, deployment, changes, sender, now_us) if changes else 0
    return progress + Progress(done, is_waiting=done > 0, complaints=complaints)


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
class _Desk:
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

    @staticmethod
    def of(session: Session, deployment: Deployment, signers: Mapping[bytes, Signer]) -> _Desk:
        answers = LocalAnswers.of(session)
        registry = newest_registry(session)[0] or Registry()
        keys: dict[bytes, bytes] = {}
        # Rather a device's than the controller's: as for recording.
        for account in sorted(signers, key=lambda each: (each in registry.parties, each)):
            party = registry.standing_of(account, Use.ATTEST, answers.next_at, 0).party
            if party is not None:
                keys.setdefault(party, account)
        return _Desk(session, deployment, signers, answers, registry, keys)

    def order(self, order: bytes) -> OrderState | None:
        """The order as it was last read; None where nobody has proposed it."""
        if order not in self.orders:
            self.histories[order] = history_of(self.session, order)
            self.orders[order] = Book(self.histories[order]).orders.get(order)
        return self.orders[order]

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


def _has_open(session: Session) -> bool:
    states = (AttestationState.FOUND.value, AttestationState.WAITING.value, AttestationState.PLANNED.value)
    return session.execute(select(_rows.c.id).where(_rows.c.state.in_(states)).limit(1)).first() is not None


# ------------------------------------------------------------------------------------------------------------ judging


def _judge_found(session: Session, desk: _Desk) -> Iterator[Change]:
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


def _judge_record(session: Session, desk: _Desk, stored: StoredEvent, rows: Sequence[Row[Any]]) -> Iterator[Change]:
    found: dict[int, Delivered | Reason] = {}
    naming_it: set[bytes] = set()
    for row in rows:
        order = desk.order(row.order_id)
        if row.state != AttestationState.FOUND.value:
            is_passed = row.state == AttestationState.PASSED_OVER.value
            if not is_passed and order is not None and order.state in _LIVE:
                naming_it.add(row.order_id)
        elif order is not None:
            found[row.id] = outcome = judge_stored(session, stored, order)
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


def judge_stored(session: Session, stored: StoredEvent, order: OrderState) -> Delivered | Reason:
    """What a stored event attests under an order whose terms document is here."""
    judged = Judged(stored.context, stored.event, stored.record.party, stored.record_hash)
    try:
        document = terms_document(session, order.order)
    except TermsNotImported:
        return Reason(ReasonCode.NAMES_NO_ORDER)
    return judge(judged, document, order.terms, order.order)


def _waits_for(desk: _Desk, row: Row[Any]) -> Reason | None:
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


def _heed_declaration(session: Session, desk: _Desk, stored: StoredEvent, rows: Sequence[Row[Any]]) -> Iterator[Change]:
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


# ----------------------------------------------------------------------------------------------------- what was sent


def _follow_planned(session: Session, desk: _Desk) -> Iterator[Change]:
    """Counted, where the transaction is final; else another attempt, or the contract's refusal."""
    query = (
        select(_rows, _transactions.c.state.label("sent"), _transactions.c.error)
        .join_from(_rows, _transactions, _transactions.c.id == _rows.c.transaction_id)
        .where(_rows.c.state == AttestationState.PLANNED.value, _transactions.c.state.in_(_ENDED))
        .limit(WORK_MAX)
    )
    for row in session.execute(query):
        if row.sent == TransactionState.FINAL.value:
            yield Change(row, AttestationState.COUNTED)
        elif (row.attempt + 1) % ATTEMPTS:
            yield Change(row, AttestationState.WAITING, values={"attempt": row.attempt + 1})
        else:
            yield Change(row, AttestationState.REFUSED, Reason(ReasonCode.REFUSED_BY_CONTRACT, row.error or ""))


# ------------------------------------------------------------------------------------------------ signing and sending


def _sign_waiting(session: Session, desk: _Desk) -> Iterator[Change]:
    """Attestations whose record is final and whose order is funded, signed; and those that can't count any more."""
    query = (
        select(_rows)
        .join_from(_rows, _orders, _orders.c.order_id == _rows.c.order_id)
        .where(
            _rows.c.state == AttestationState.WAITING.value, _orders.c.state.in_(_READY),
            _rows.c.party.in_(list(desk.keys)),
        )
        .order_by(_rows.c.record_id).limit(WORK_MAX)
    )  # fmt: skip
    rows = session.execute(query).all()
    if not rows:
        return
    standings = record_standings(session, {row.record_id for row in rows})
    final = [row for row in rows if standings[row.record_id].stage is Stage.FINAL]
    events = repository.load(session, {row.record_id for row in final})
    declared = {
        (twin.event_hash, twin.party)
        for twin in repository.with_event_hashes(session, {event.record.event_hash for event in events.values()})
        if twin.is_declaration
    }
    anchors = _anchors(desk, events.values())
    for row in final:
        stored, standing = events[row.record_id], standings[row.record_id]
        order = desk.order(row.order_id)
        assert order is not None
        assert standing.anchored_at is not None
        attestation = attestation_of(row, stored.record_hash)
        if standing.prospect is not Prospect.OPEN:
            yield Change(row, AttestationState.FOR_A_PERSON, Reason(ReasonCode.RECORD_NEVER_VERIFIES))
        elif (stored.record.event_hash, stored.record.party) in declared and not row.is_by_hand:
            yield Change(row, AttestationState.FOR_A_PERSON, Reason(ReasonCode.RECORD_WITHDRAWN))
        elif _is_counted(order, row, attestation):
            yield from _counted_by_another(desk, order, row)
        elif reason := _hindrance(desk, order, row, attestation, standing.anchored_at):
            state = AttestationState.FOR_A_PERSON if reason.is_for_a_person else AttestationState.PASSED_OVER
            yield Change(row, state, reason)
        else:
            yield _signed(desk, order, row, attestation, anchors[row.record_id])


def attestation_of(row: Row[Any], record_hash: bytes) -> Attestation:
    """The attestation that a row beyond `found` holds."""
    return Attestation(
        row.order_id, row.milestone, row.delivery, record_hash, row.happened_at, row.accepted, row.deduction_bps
    )  # fmt: skip


def _is_counted(order: OrderState, row: Row[Any], attestation: Attestation) -> bool:
    said = order.attestations.get((row.milestone, row.delivery, row.party))
    return said is not None and said.record_hash == attestation.record_hash


def _counted_by_another(desk: _Desk, order: OrderState, row: Row[Any]) -> Iterator[Change]:
    """Somebody else has submitted the same; believed once it is final."""
    said = order.attestations[row.milestone, row.delivery, row.party]
    if said.place.block_number <= desk.answers.block_number:
        yield Change(row, AttestationState.COUNTED)


def _hindrance(
    desk: _Desk, order: OrderState, row: Row[Any], attestation: Attestation, anchored_at: int
) -> Reason | None:
    """Why the contract would refuse the attestation, by what was read of the chain."""
    reason = check_order(order, attestation)
    reason = reason or check_attestor(order, attestation, row.party, desk.taken_back(row.order_id, row.party))
    if reason is None and any(desk.answers.withdrawn_at([(row.party, attestation.record_hash)])):
        return Reason(ReasonCode.RECORD_WITHDRAWN)
    milestone = order.terms.milestones[row.milestone]
    return reason or check_times(attestation, milestone, order.accepted_at, anchored_at)


def _anchors(desk: _Desk, events: Iterable[StoredEvent]) -> dict[int, Evidence]:
    """The proofs that these events' records are anchored. Assumes that they are."""
    deployment, stored = desk.deployment, list(events)
    trusted = Trusted(deployment.chain_id, deployment.event_log, deployment.party_registry)
    found = {}
    for event, record in zip(stored, bundle_of(desk.session, trusted, stored).records, strict=True):
        assert record.anchor is not None
        found[event.record_id] = Evidence(event.signature, record.anchor.proof, record.anchor.root)
    return found


def _signed(desk: _Desk, order: OrderState, row: Row[Any], attestation: Attestation, evidence: Evidence) -> Change:
    signer = desk.signers[desk.keys[row.party]]
    signature = signer.sign(attestation_digest(desk.deployment.escrow_domain, attestation))
    data = attesting_call(order, attestation, row.party, signature, evidence, pays=row.attempt % ATTEMPTS == 0)
    names = (row.order_id, row.delivery, row.party, attestation.record_hash)
    order_text, delivery, party, record_hash = map(to_hex, names)
    intent = f"{INTENT}{order_text}:{row.milestone}:{delivery}:{party}:{record_hash}"
    return Change(row, AttestationState.PLANNED, call=(f"{intent}:{row.attempt}" if row.attempt else intent, data))


def _keyless(session: Session, desk: _Desk) -> tuple[str, ...]:
    """A complaint for each party whose events wait for a key."""
    is_keyless = (_rows.c.state == AttestationState.WAITING.value) & _rows.c.party.not_in(list(desk.keys))
    parties = session.execute(select(_rows.c.party).distinct().where(is_keyless).limit(8)).scalars().all()
    reason = Reason(ReasonCode.NO_ATTEST_KEY)
    return tuple(f"deliveries of {to_address(party)} wait: {reason.sentence}; {reason.remedy}" for party in parties)


# ------------------------------------------------------------------------------------------------------------ storing


def _store(
    engine: Engine, deployment: Deployment, changes: Sequence[Change], sender: bytes, now_us: int
) -> int:  # fmt: skip
    """Writes the changes of rows that are still as they were read. How many."""
    # Not synced: before the chain sees anything of it, the outbox syncs this and its own.
    with writing(engine, durable=False) as session:
        return sum(_apply(session, deployment, change, sender, now_us) for change in changes)


def _apply(session: Session, deployment: Deployment, change: Change, sender: bytes, now_us: int) -> bool:
    row = change.row
    is_it = (_rows.c.id == row.id) & (_rows.c.state == row.state) & (_rows.c.attempt == row.attempt)
    if session.execute(select(_rows.c.id).where(is_it)).first() is None:
        return False
    values = {**change.values, **_state_columns(change.state, change.reason, now_us)}
    if change.cancels and _cancel(session, row.transaction_id):
        values |= _state_columns(AttestationState.PASSED_OVER, Reason(ReasonCode.RECORD_WITHDRAWN), now_us)
    if change.call is not None:
        intent, data = change.call
        values["transaction_id"] = submission.plan(
            session, intent=intent, sender=sender, to=deployment.require_escrow().address, data=data, now_us=now_us
        )
    session.execute(update(_rows).where(is_it).values(values))
    if change.also:
        beside = {
            "record_id": row.record_id, "order_id": row.order_id, "party": row.party, "is_by_hand": False,
            "attempt": 0, **_state_columns(change.state, change.reason, now_us),
        }  # fmt: skip
        session.execute(insert(_rows), [{**beside, **each} for each in change.also])
    return True


def _state_columns(state: AttestationState, reason: Reason | None, now_us: int) -> dict[str, Any]:
    return {
        "state": state.value, "reason": reason.code.value if reason else None, "facts": reason.facts if reason else "",
        "changed_at_us": now_us,
    }  # fmt: skip


def _cancel(session: Session, transaction_id: int) -> bool:
    """Keeps a transaction that has not been sent from being sent. False where it has been."""
    is_unsent = (_transactions.c.id == transaction_id) & (_transactions.c.state == TransactionState.PLANNED.value)
    if session.execute(select(_transactions.c.id).where(is_unsent)).first() is None:
        return False
    values = {"state": TransactionState.REPLACED.value, "error": "its event was declared wrong before it was sent"}
    session.execute(update(_transactions).where(is_unsent).values(values))
    return True
