"""step(): found -> waiting for its anchor -> planned -> counted | for a person | refused. From receipt to payment.

An own event that names an order whose terms document is here is judged (judging.py, delivery.py). What it attests is
signed by a key that stands for the party's attesting and put into the outbox once the event's record is final and the
order funded: one transaction, which settles and collects too where nothing has to be waited for. The row and its
transaction are committed together, so that whatever is killed, it is planned once; and the contract takes what it knows
as a success.

Whatever stands in the way is a reason in the row. Nothing is undone by itself: an error declaration that comes after
its event has attested is for a person. This file touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session

from ledger import losses, submission
from ledger.book import OrderState
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import Signer
from ledger.orders import Attestation, Evidence, State, attestation_digest
from ledger.ordertables import OrderRow
from ledger.progress import Progress
from ledger.tables import TransactionRow, TransactionState
from traceability import naming, repository
from traceability.admission import check_attestor, check_order, check_times
from traceability.delivery_reasons import Reason, ReasonCode
from traceability.evidence import bundle_of
from traceability.judging import WORK_MAX, AttestationState, Change, Desk, judge_found
from traceability.paying import attesting_call
from traceability.prospects import Prospect, Stage, record_standings
from traceability.repository import StoredEvent, table
from traceability.tables import AttestationRow
from traceability.verification import Trusted

INTENT = "attest:"
ATTEMPTS = 2
"""Transactions for one decision: the first may settle and collect, too, the second attests and nothing else."""

_rows, _orders, _transactions = table(AttestationRow), table(OrderRow), table(TransactionRow)
_ENDED = (TransactionState.FINAL.value, TransactionState.FAILED.value, TransactionState.REPLACED.value)
_READY = (State.FUNDED.value, State.CANCELLED.value, State.ENDED.value)
# Made once: a statement that is made for each row costs several times as much as it does in the database.
_IS_ROW = _rows.c.id == bindparam("row_id")
_IS_STILL = select(_rows.c.id).where(
    _IS_ROW, _rows.c.state == bindparam("was"), _rows.c.attempt == bindparam("number")
)  # fmt: skip
_CHANGE = update(_rows).where(_IS_ROW)


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
        if not _has_open(session) or losses.open_losses(session):
            return progress
        desk = Desk.of(session, deployment, signers)
        changes = [*judge_found(session, desk), *_follow_planned(session, desk), *_sign_waiting(session, desk)]
        complaints = _keyless(session, desk)
    done = _store(engine, deployment, changes, sender, now_us) if changes else 0
    return progress + Progress(done, is_waiting=done > 0, complaints=complaints)


def _has_open(session: Session) -> bool:
    states = (AttestationState.FOUND.value, AttestationState.WAITING.value, AttestationState.PLANNED.value)
    return session.execute(select(_rows.c.id).where(_rows.c.state.in_(states)).limit(1)).first() is not None


# ----------------------------------------------------------------------------------------------------- what was sent


def _follow_planned(session: Session, desk: Desk) -> Iterator[Change]:
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


def _sign_waiting(session: Session, desk: Desk) -> Iterator[Change]:
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
    anchors, withdrawn = _anchors(desk, events.values()), _withdrawn(desk, events.values())
    for row in final:
        stored, standing = events[row.record_id], standings[row.record_id]
        order = desk.order(row.order_id)
        assert order is not None
        assert standing.anchored_at is not None
        attestation = attestation_of(row, stored.record_hash)
        if standing.prospect is not Prospect.OPEN:
            yield Change(row, AttestationState.FOR_A_PERSON, Reason(ReasonCode.RECORD_NEVER_VERIFIES))
        elif stored.record_hash in withdrawn or (
            (stored.record.event_hash, stored.record.party) in declared and not row.is_by_hand
        ):
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


def _counted_by_another(desk: Desk, order: OrderState, row: Row[Any]) -> Iterator[Change]:
    """Somebody else has submitted the same; believed once it is final."""
    said = order.attestations[row.milestone, row.delivery, row.party]
    if said.place.block_number <= desk.answers.block_number:
        yield Change(row, AttestationState.COUNTED)


def _hindrance(
    desk: Desk, order: OrderState, row: Row[Any], attestation: Attestation, anchored_at: int
) -> Reason | None:
    """Why the contract would refuse the attestation, by what was read of the chain."""
    reason = check_order(order, attestation)
    reason = reason or check_attestor(order, attestation, row.party, desk.taken_back(row.order_id, row.party))
    milestone = order.terms.milestones[row.milestone]
    return reason or check_times(attestation, milestone, order.accepted_at, anchored_at)


def _anchors(desk: Desk, events: Iterable[StoredEvent]) -> dict[int, Evidence]:
    """The proofs that these events' records are anchored. Assumes that they are."""
    deployment, stored = desk.deployment, list(events)
    trusted = Trusted(deployment.chain_id, deployment.event_log, deployment.party_registry)
    found = {}
    for event, record in zip(stored, bundle_of(desk.session, trusted, stored).records, strict=True):
        assert record.anchor is not None
        found[event.record_id] = Evidence(event.signature, record.anchor.proof, record.anchor.root)
    return found


def _withdrawn(desk: Desk, events: Iterable[StoredEvent]) -> set[bytes]:
    """Those of the records that their parties have withdrawn on chain."""
    asked = [(event.record.party, event.record_hash) for event in events]
    return {name for (_, name), at in zip(asked, desk.answers.withdrawn_at(asked), strict=True) if at}


def _signed(desk: Desk, order: OrderState, row: Row[Any], attestation: Attestation, evidence: Evidence) -> Change:
    signer = desk.signers[desk.keys[row.party]]
    signature = signer.sign(attestation_digest(desk.deployment.escrow_domain, attestation))
    data = attesting_call(order, attestation, row.party, signature, evidence, pays=row.attempt % ATTEMPTS == 0)
    names = (row.order_id, row.delivery, row.party, attestation.record_hash)
    order_text, delivery, party, record_hash = map(to_hex, names)
    intent = f"{INTENT}{order_text}:{row.milestone}:{delivery}:{party}:{record_hash}"
    return Change(row, AttestationState.PLANNED, call=(f"{intent}:{row.attempt}" if row.attempt else intent, data))


def _keyless(session: Session, desk: Desk) -> tuple[str, ...]:
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
    row, connection = change.row, session.connection()
    if connection.execute(_IS_STILL, {"row_id": row.id, "was": row.state, "number": row.attempt}).first() is None:
        return False
    values = {**change.values, **_state_columns(change.state, change.reason, now_us)}
    if change.cancels and _cancel(session, row.transaction_id):
        values |= _state_columns(AttestationState.PASSED_OVER, Reason(ReasonCode.RECORD_WITHDRAWN), now_us)
    if change.call is not None:
        intent, data = change.call
        values["transaction_id"] = submission.plan(
            session, intent=intent, sender=sender, to=deployment.require_escrow().address, data=data, now_us=now_us
        )
    connection.execute(_CHANGE, {"row_id": row.id, **values})
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
