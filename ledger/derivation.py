"""What a log of our contracts becomes: the rows that stand for it, stored and taken back with the position.

Everything here can be made again from the chain. This file and `orderbook` own the derived tables.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, SQLModel, col

from ledger import orderbook
from ledger.abi import interface
from ledger.chain import Log
from ledger.deployment import Deployment
from ledger.errors import UnknownLog
from ledger.escrowlogs import kind_of
from ledger.ordertables import EscrowLogRow
from ledger.tables import AnchorRow, RegistryLogRow, StrangeLogRow, WithdrawalRow

Rows = dict[type[SQLModel], list[dict[str, Any]]]
"""By table, in chain order."""

_DERIVED = (AnchorRow, WithdrawalRow, RegistryLogRow, StrangeLogRow)
_log = logging.getLogger(__name__)


def rows_of(deployment: Deployment, logs: Sequence[Log], times: Mapping[int, int]) -> Rows:
    """The rows of these logs; `times` are those of their blocks, by number. One that can't be understood is set aside.

    What a token or the receivable says beside transfers is nothing to us, and becomes no row.
    """
    rows: Rows = {}
    for log in logs:
        try:
            found = _row_of(deployment, log, times[log.block_number])
        except UnknownLog as error:
            _log.error("log %d of block %d is set aside: %s", log.index, log.block_number, error)
            found = StrangeLogRow, {
                "block_number": log.block_number, "log_index": log.index, "address": log.address,
                "topics": b"".join(log.topics), "data": log.data, "reason": str(error),
            }  # fmt: skip
        if found is not None:
            rows.setdefault(found[0], []).append(found[1])
    return rows


def store(session: Session, rows: Rows) -> None:
    """Puts the rows in, and brings up to them what is read off them."""
    for table, values in rows.items():
        if table is EscrowLogRow:
            orderbook.apply(session, values)
        else:
            session.execute(insert(table), values)


def undo(session: Session, after_number: int) -> None:
    """Takes back what was derived from blocks after that number."""
    for table in _DERIVED:
        session.execute(delete(table).where(col(table.block_number) > after_number))
    orderbook.undo(session, after_number)


def _row_of(deployment: Deployment, log: Log, block_at: int) -> tuple[type[SQLModel], dict[str, Any]] | None:
    if log.address == deployment.event_log:
        return _of_event_log(log)
    if log.address == deployment.party_registry:
        return _of_registry(log, block_at)
    kind = kind_of(deployment.names[log.address], log.topics)
    return None if kind is None else (EscrowLogRow, orderbook.row_of(log, kind, block_at))


def _of_event_log(log: Log) -> tuple[type[SQLModel], dict[str, Any]] | None:
    name, arguments = interface("EventLog").log(log.topics, log.data)
    if name == "Anchored":
        return AnchorRow, {
            "root": arguments["root"], "anchor_index": arguments["index"], "anchored_at": arguments["timestamp"],
            "leaf_count": arguments["count"], "operator": arguments["operator"], "block_number": log.block_number,
            "transaction_hash": log.transaction_hash,
        }  # fmt: skip
    if name == "Withdrawn":
        return WithdrawalRow, {
            "party": arguments["party"], "record_hash": arguments["recordHash"],
            "withdrawn_at": arguments["timestamp"], "block_number": log.block_number,
        }  # fmt: skip
    # EIP712DomainChanged (EIP-5267) is never emitted: the domain is fixed.
    return None


def _of_registry(log: Log, block_at: int) -> tuple[type[SQLModel], dict[str, Any]]:
    face = interface("PartyRegistry")
    name, arguments = face.log(log.topics, log.data)
    return RegistryLogRow, {
        "block_number": log.block_number, "log_index": log.index, "block_hash": log.block_hash, "block_at": block_at,
        "transaction_hash": log.transaction_hash, "name": name, "arguments": face.arguments_to_json(arguments),
    }  # fmt: skip
