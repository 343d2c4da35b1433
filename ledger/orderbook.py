"""Orders, items and credits as rows, kept with the logs that they are read off, in the same commit.

An order's rows are always what its own logs make: when one comes or falls out of the chain they are made anew from all
of them. So what a fork leaves, and what a rebuild makes, are the same rows. Credits are sums, and are added to.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam, delete, insert, or_
from sqlmodel import Session, SQLModel, col, select

from ledger.book import Book, OrderState
from ledger.chain import Log
from ledger.errors import UnknownLog, UnknownOrder
from ledger.escrow import Collected, Credited, EscrowLog, Funded, LogPlace, ReceivableMoved, TokenMoved
from ledger.escrowlogs import LogKind, RawLog, read
from ledger.ordertables import CreditRow, EscrowLogRow, OrderItemRow, OrderPartyRow, OrderRow, TokenRow

ASKED_AT_ONCE = 500
"""Values in one query: SQLite takes 32,766, older ones 999."""
_LOGS = SQLModel.metadata.tables["escrow_logs"].c
_RAW = (
    _LOGS.block_number, _LOGS.log_index, _LOGS.block_at, _LOGS.transaction_hash, _LOGS.kind, _LOGS.token, _LOGS.topics,
    _LOGS.data,
)  # fmt: skip
_CHAIN_ORDER = (_LOGS.block_number, _LOGS.log_index)
_CREDITING = (LogKind.CREDITED, LogKind.COLLECTED)
_log = logging.getLogger(__name__)


# -------------------------------------------------------------------------------------------------------- reading


def logs(session: Session, *conditions: ColumnElement[bool]) -> Iterator[EscrowLog]:
    """Every log that is kept, in chain order; those that meet the conditions (on `ordertables.EscrowLogRow`)."""
    rows = session.connection().execute(sa.select(*_RAW).where(*conditions).order_by(*_CHAIN_ORDER))
    for number, index, at, name, kind, token, topics, data in rows:
        yield read(RawLog(LogPlace(number, index, at, name), kind, token, topics, data))


def history_of(session: Session, order: bytes) -> list[EscrowLog]:
    """All that was said of one order, in chain order. Empty where nobody has proposed it."""
    return list(logs(session, _LOGS.order_id == order))


def order_of(session: Session, order: bytes) -> OrderState:
    """The order as it is, final or not. Raises UnknownOrder."""
    state = Book(history_of(session, order)).orders.get(order)
    if state is None:
        raise UnknownOrder(order)
    return state


def party_logs(session: Session, party: bytes, accounts: Iterable[bytes]) -> Iterator[EscrowLog]:
    """In chain order: all of the orders that a party takes part in, and what is owed to it or to its accounts, or
    moves to or from one of these."""
    concerned = [party, *accounts]
    taking_part = select(OrderPartyRow.order_id).where(col(OrderPartyRow.party).in_(concerned))
    is_of_it = or_(_LOGS.order_id.in_(taking_part), _LOGS.sender.in_(concerned), _LOGS.receiver.in_(concerned))
    return logs(session, is_of_it)


def credits_of(session: Session, creditors: Iterable[bytes]) -> dict[tuple[bytes, bytes], int]:
    """What is owed to these creditors, by (token, creditor)."""
    rows = session.exec(select(CreditRow).where(col(CreditRow.creditor).in_(list(creditors))))
    return {(row.token, row.creditor): row.amount for row in rows}


# -------------------------------------------------------------------------------------------------------- writing


def row_of(log: Log, kind: LogKind, block_at: int) -> dict[str, Any]:
    """The row of `escrow_logs` that a log becomes. Raises UnknownLog where it is not encoded as it says."""
    place = LogPlace(log.block_number, log.index, block_at, log.transaction_hash)
    token = log.address if kind is LogKind.TOKEN_MOVED else None
    said = read(RawLog(place, kind, token, b"".join(log.topics), log.data))
    sender, receiver = _accounts(said)
    return {
        "block_number": log.block_number, "log_index": log.index, "block_at": block_at,
        "transaction_hash": log.transaction_hash, "kind": kind.value, "token": getattr(said, "token", None),
        "order_id": getattr(said, "order", None), "sender": sender, "receiver": receiver,
        "topics": b"".join(log.topics), "data": log.data,
    }  # fmt: skip


def _accounts(said: EscrowLog) -> tuple[bytes | None, bytes | None]:
    match said:
        case TokenMoved() | ReceivableMoved():
            return said.sender, said.receiver
        case Credited():
            return None, said.creditor
        case Collected():
            return said.creditor, said.receiver
        case Funded():
            return said.account, None
    return None, None


def apply(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Stores new rows of `escrow_logs` and brings orders, items and credits up to them."""
    _insert(session, EscrowLogRow, rows)
    _add_credits(session, [row for row in rows if row["kind"] in _CREDITING], sign=1)
    _remake(session, {row["order_id"] for row in rows if row["order_id"] is not None})


def undo(session: Session, after_number: int) -> None:
    """Takes back what came in blocks after that number."""
    fallen = list(session.exec(select(EscrowLogRow).where(_LOGS.block_number > after_number)))
    if not fallen:
        return
    orders = {row.order_id for row in fallen if row.order_id is not None}
    crediting = [row.model_dump() for row in fallen if row.kind in _CREDITING]
    session.expunge_all()
    session.execute(delete(EscrowLogRow).where(_LOGS.block_number > after_number))
    _add_credits(session, crediting, sign=-1)
    _remake(session, orders)


# -------------------------------------------------------------------------------------------------- credits


def _add_credits(session: Session, rows: Sequence[dict[str, Any]], *, sign: int) -> None:
    """Adds what these logs have credited and takes off what they have collected; or the other way round."""
    amounts: dict[tuple[bytes, bytes], int] = defaultdict(int)
    newest: dict[tuple[bytes, bytes], int] = {}
    for row in rows:
        said = read(RawLog(LogPlace(row["block_number"], 0, 0, b""), row["kind"], None, row["topics"], row["data"]))
        assert isinstance(said, Credited | Collected)
        key = (said.token, said.creditor)
        amounts[key] += sign * (said.amount if isinstance(said, Credited) else -said.amount)
        newest[key] = max(newest.get(key, 0), row["block_number"])
    if not amounts:
        return
    for portion in _portions({creditor for _, creditor in amounts}):
        for (token, creditor), amount in credits_of(session, portion).items():
            if (token, creditor) in amounts:
                amounts[token, creditor] += amount
    if sign < 0:
        newest = {key: _newest_credit(session, *key) for key in amounts}
    table = SQLModel.metadata.tables["credits"]
    is_it = (table.c.token == bindparam("a")) & (table.c.creditor == bindparam("b"))
    session.connection().execute(
        delete(table).where(is_it), [{"a": token, "b": creditor} for token, creditor in amounts]
    )
    owed = [
        {"token": token, "creditor": creditor, "amount": amount, "changed_block": newest[token, creditor]}
        for (token, creditor), amount in amounts.items() if amount
    ]  # fmt: skip
    _insert(session, CreditRow, owed)


def _newest_credit(session: Session, token: bytes, creditor: bytes) -> int:
    """The newest block that credited or collected anything of it; 0 where none is left."""
    is_credited = (_LOGS.kind == LogKind.CREDITED) & (_LOGS.receiver == creditor)
    is_collected = (_LOGS.kind == LogKind.COLLECTED) & (_LOGS.sender == creditor)
    found = [
        session.connection().execute(
            sa.select(_LOGS.block_number).where(condition, _LOGS.token == token)
            .order_by(_LOGS.block_number.desc()).limit(1)
        ).scalar_one_or_none()
        for condition in (is_credited, is_collected)
    ]  # fmt: skip
    return max(number or 0 for number in found)


# ---------------------------------------------------------------------------------------------------------- orders


def _remake(session: Session, orders: set[bytes]) -> None:
    """Makes the rows of these orders anew from their logs."""
    for portion in _portions(orders):
        states = [state for state in _states(session, portion) if state is not None]
        for owned in (OrderRow, OrderPartyRow, OrderItemRow):
            session.execute(delete(owned).where(col(owned.order_id).in_(portion)))
        rows: dict[type[SQLModel], list[dict[str, Any]]] = {
            OrderRow: [_order_row(state) for state in states],
            OrderPartyRow: [row for state in states for row in _party_rows(state)],
            OrderItemRow: [row for state in states for row in _item_rows(state)],
        }
        for table, values in rows.items():
            _insert(session, table, values)
        _note_tokens(session, {state.terms.token for state in states})


def _states(session: Session, orders: Sequence[bytes]) -> Iterator[OrderState | None]:
    query = sa.select(_LOGS.order_id, *_RAW).where(_LOGS.order_id.in_(orders), _LOGS.kind != LogKind.CREDITED)
    rows = session.connection().execute(query.order_by(_LOGS.order_id, *_CHAIN_ORDER))
    for order, of_order in groupby(rows, key=lambda row: row[0]):
        book = Book()
        try:
            for _, number, index, at, name, kind, token, topics, data in of_order:
                book.apply(read(RawLog(LogPlace(number, index, at, name), kind, token, topics, data)))
        except UnknownLog as error:
            _log.error("order 0x%s is left out of the lists: %s", order.hex(), error)
        yield book.orders.get(order)


def _order_row(state: OrderState) -> dict[str, Any]:
    terms = state.terms
    return {
        "order_id": state.order, "state": state.state.value, "buyer": terms.buyer, "seller": terms.seller,
        "payee": state.payee, "token": terms.token, "document": terms.document, "amount": terms.amount,
        "held": state.held, "paid": state.paid, "returned": state.returned, "fund_by": terms.fund_by,
        "version": state.version, "proposed_at": state.proposed.block_at, "changed_at": state.changed.block_at,
        "changed_block": state.changed.block_number,
    }  # fmt: skip


def _party_rows(state: OrderState) -> Iterator[dict[str, Any]]:
    for party, parts in state.parts.items():
        yield {
            "party": party, "proposed_at": state.proposed.block_at, "order_id": state.order,
            "state": state.state.value, "parts": parts.value,
        }  # fmt: skip


def _item_rows(state: OrderState) -> Iterator[dict[str, Any]]:
    for (milestone, delivery), item in state.items.items():
        if item.held:
            yield {
                "order_id": state.order, "milestone": milestone, "delivery": delivery, "held": item.held,
                "reduction": item.reduction, "disputable_until": item.disputable_until,
                "settleable_from": item.settleable_from, "is_disputed": item.is_disputed, "version": item.version,
                "changed_block": item.changed.block_number,
            }  # fmt: skip


def _note_tokens(session: Session, tokens: set[bytes]) -> None:
    known = set(session.exec(select(TokenRow.address).where(col(TokenRow.address).in_(list(tokens)))))
    new = sorted(tokens - known)
    _insert(session, TokenRow, [{"address": token, "is_asked": False, "decimals": None, "symbol": ""} for token in new])


def _insert(session: Session, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    # Into the table, not through the model: that would take rows apart by which of their values are empty.
    if rows:
        session.connection().execute(insert(SQLModel.metadata.tables[str(model.__tablename__)]), list(rows))


def _portions(values: set[bytes]) -> Iterator[list[bytes]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), ASKED_AT_ONCE):
        yield ordered[start : start + ASKED_AT_ONCE]
