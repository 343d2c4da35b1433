"""Where people stand who do something with orders: lists of them, what goes by now, and the way into the outbox."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ledger import submission
from ledger.chain import Chain
from ledger.deployment import Deployment
from ledger.errors import ChainError, ChainReason
from ledger.ordering import Action, Standpoint
from ledger.orders import State
from ledger.ordertables import OrderPartyRow, OrderRow
from ledger.record import keccak256
from ledger.standing import LocalAnswers, newest_registry, registry_of
from ledger.tables import TransactionRow, TransactionState

OPEN = tuple(state.value for state in (TransactionState.PLANNED, TransactionState.SENT, TransactionState.MINED))


def orders_of(
    session: Session,
    party: bytes,
    states: Collection[State] = (),
    *,
    limit: int,
    before: tuple[int, bytes] | None = None,
) -> list[OrderRow]:
    """The orders that a party or account takes part in, the newest first; of these states, where any are named.

    `before` is (proposed_at, order_id) of the last one of the page before.
    """
    place = sa.tuple_(col(OrderPartyRow.proposed_at), col(OrderPartyRow.order_id))
    query = select(OrderRow).join(OrderPartyRow, col(OrderPartyRow.order_id) == col(OrderRow.order_id))
    query = query.where(OrderPartyRow.party == party)
    if states:
        query = query.where(col(OrderPartyRow.state).in_([state.value for state in states]))
    if before is not None:
        query = query.where(place < sa.tuple_(*before))
    newest_first = col(OrderPartyRow.proposed_at).desc(), col(OrderPartyRow.order_id).desc()
    rows = list(session.exec(query.order_by(*newest_first).limit(limit)))
    session.expunge_all()
    return rows


def standpoint_of(session: Session, deployment: Deployment) -> Standpoint:
    """From where an action is looked at now: by all that was read, final or not.

    Raises NoEscrow, or ChainError before the chain was first read.
    """
    escrow, answers = deployment.require_escrow(), LocalAnswers.of(session)
    registry = newest_registry(session)[0] or registry_of(session, answers.block_number)
    return Standpoint(deployment.escrow_domain, escrow.receivable, registry, answers.next_at)


def under_way(session: Session, kind: str, sender: bytes) -> dict[str, int]:
    """The actions of a kind ("fund") that the account has planned or sent and no block has taken: their ids by name."""
    state = col(TransactionRow.state)
    is_open = state.in_([TransactionState.PLANNED.value, TransactionState.SENT.value])
    is_such = (col(TransactionRow.sender) == sender) & col(TransactionRow.intent).startswith(f"{kind}:0x")
    rows = session.exec(select(TransactionRow.intent, TransactionRow.id).where(is_open & is_such)).all()
    return {":".join(intent.split(":")[:2]): number for intent, number in rows if number is not None}


def feasible(chain: Chain, action: Action) -> bytes:
    """The action's calldata as the chain takes it at this moment: whole, or bare where the whole would be refused.

    One who can't be paid must not keep the others from what is theirs. Raises ChainError(reverted) with the contract's
    reason where it refuses both.
    """
    try:
        chain.prepare(action.sender, action.to, action.data)
    except ChainError as error:
        if error.reason is not ChainReason.REVERTED or action.bare == action.data:
            raise
        chain.prepare(action.sender, action.to, action.bare)
        return action.bare
    return action.data


def plan(session: Session, action: Action, data: bytes, now_us: int) -> int:
    """Puts an action into the outbox and returns the transaction's id; that of the same one, where it is on its way.

    `data` is what `feasible` gave. Assumes a session of `ledger.database.writing`.
    """
    name = f"{action.name}:{keccak256(data)[:8].hex()}:"
    is_same = col(TransactionRow.state).in_(OPEN) & col(TransactionRow.intent).startswith(name)
    found = session.exec(select(TransactionRow.id).where(is_same).limit(1)).one_or_none()
    if found is not None:
        return found
    return submission.plan(
        session, intent=f"{name}{now_us}", sender=action.sender, to=action.to, data=data, now_us=now_us
    )
