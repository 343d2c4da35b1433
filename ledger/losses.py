"""What was final and is on the chain no more: noticed, anchored again, and no money moved before a person has looked.

The outbox sends again what fell out, the same bytes in the order of their nonces; so roots come back in the order in
which they were anchored, at later times. A record whose signer's standing had ended by then is marked (`lapses.py`).

Whatever goes to another contract than EventLog and PartyRegistry is about money, and waits: on a chain that has
forgotten a dispute, what was due is not. It is planned anew, and its nonce, without which no later one would count, is
used up by a transaction that does nothing. Should the chain remember the old one after all, only one of them counts.
"""

from __future__ import annotations

import logging

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, col

from ledger.database import writing
from ledger.finality import Link
from ledger.hexadecimal import to_address
from ledger.tables import (
    AnchorRow,
    BatchRow,
    ChainLossRow,
    DeploymentRow,
    LostAnchorRow,
    PositionRow,
    TransactionRow,
    TransactionState,
)

FILLS = "fill:"
"""How the outbox calls a transaction that only uses up a nonce."""

ALARM = (
    "the chain has lost blocks that were final, {first} to {last}: records are anchored again, no payment is planned "
    "or sent. Find out what happened (`tally doctor`), then `tally resume`"
)
_log = logging.getLogger(__name__)


def note(session: Session, position: PositionRow, ancestor: Link, now_us: int) -> None:
    """Keeps that blocks after `ancestor` are gone, and which of our roots were in them. Assumes a session of `writing`,
    before the rows of those blocks are taken back."""
    first, last = ancestor.number + 1, position.block_number
    _log.error(ALARM.format(first=first, last=last))
    session.add(ChainLossRow(first_number=first, last_number=last, noticed_at_us=now_us))
    session.flush()
    _withhold(session, first, now_us)
    known = select(col(LostAnchorRow.root))
    lost = (
        select(col(AnchorRow.root), col(AnchorRow.anchored_at))
        .join(BatchRow, col(BatchRow.root) == col(AnchorRow.root))
        .where(col(AnchorRow.block_number) >= first, col(AnchorRow.block_number) <= position.final_number)
        .where(col(AnchorRow.root).not_in(known))
    )
    session.execute(insert(_LOST).from_select(["root", "anchored_at"], lost))


def _withhold(session: Session, first: int, now_us: int) -> None:
    """Takes back what is about money and has no block any more, and plans what fills the gap in the nonces."""
    is_open = col(TransactionRow.state).in_((TransactionState.SENT.value, TransactionState.MINED.value))
    is_gone = (is_open & col(TransactionRow.block_number).is_(None)) | (col(TransactionRow.block_number) >= first)
    is_signed = col(TransactionRow.nonce).is_not(None) & col(TransactionRow.intent).not_like(f"{FILLS}%")
    query = select(TransactionRow).where(is_gone, is_signed, ~_is_harmless(session))
    for row in session.scalars(query.order_by(col(TransactionRow.id))).all():
        assert row.nonce is not None  # by the query
        session.add(TransactionRow(
            intent=f"{FILLS}{to_address(row.sender)}:{row.nonce}:{now_us}", sender=row.sender, nonce=row.nonce,
            to=row.sender, data=b"", planned_at_us=now_us,
        ))  # fmt: skip
        if row.state != TransactionState.FAILED.value:
            row.state, row.error = TransactionState.PLANNED.value, None
        row.nonce = row.block_number = row.transaction_hash = None
    session.flush()


def _is_harmless(session: Session) -> ColumnElement[bool]:
    """Whether a transaction moves no money."""
    bound = session.get(DeploymentRow, 1)
    contracts = [] if bound is None else [bound.event_log, bound.party_registry]
    return col(TransactionRow.to).in_(contracts) | col(TransactionRow.intent).startswith(FILLS)


def open_losses(session: Session) -> list[ChainLossRow]:
    """The losses because of which payments stand still, oldest first."""
    is_open = col(ChainLossRow.resumed_at_us).is_(None)
    return list(session.scalars(select(ChainLossRow).where(is_open).order_by(col(ChainLossRow.id))))


def alarm(session: Session) -> str | None:
    """What is to be said while payments stand still; None where they don't."""
    found = open_losses(session)
    if not found:
        return None
    return ALARM.format(first=min(each.first_number for each in found), last=max(each.last_number for each in found))


def may_be_sent(session: Session) -> ColumnElement[bool] | None:
    """While payments stand still, which transactions of the outbox are none; else None."""
    return _is_harmless(session) if open_losses(session) else None


def resume(engine: Engine, now_us: int) -> int:
    """Lets payments go on. How many losses had stopped them."""
    with writing(engine) as session:
        is_open = col(ChainLossRow.resumed_at_us).is_(None)
        found = session.scalars(select(ChainLossRow).where(is_open)).all()
        session.execute(update(ChainLossRow).where(is_open).values(resumed_at_us=now_us))
        return len(found)


_LOST = SQLModel.metadata.tables["lost_anchors"]
