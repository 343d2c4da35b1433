"""What the node made of the chain: its books add up to what the contracts hold, and a rebuild makes the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel, col

from ledger.abi import interface
from ledger.database import reading
from ledger.deployment import Deployment
from ledger.escrow import LogPlace
from ledger.journal import Journal, controllers, in_order
from ledger.orderbook import party_logs
from ledger.rebuilding import DERIVED, rebuild
from ledger.statement import statements
from ledger.tables import RegistryLogRow
from tests.faults.simulation.checker import Broken
from tests.faults.simulation.node import Node
from tests.faults.simulation.world import World

_FOR_EVER = 2**63 - 1


def check_books(engine: Engine, deployment: Deployment, balances: Mapping[bytes, int]) -> None:
    """Every entry of these parties' books sums to zero, and what they say an account holds is what it holds.

    Raises Broken.
    """
    escrow = deployment.require_escrow()
    (token,), face = escrow.tokens, interface("PartyRegistry")
    with reading(engine) as session:
        rows = session.scalars(
            select(RegistryLogRow).order_by(col(RegistryLogRow.block_number), col(RegistryLogRow.log_index))
        )
        changes = controllers(
            (LogPlace(row.block_number, row.log_index, row.block_at, row.transaction_hash), row.name,
             face.arguments_from_json(row.name, row.arguments))
            for row in rows
        )  # fmt: skip
        logs = {party: list(party_logs(session, party, [party])) for party in balances}
    for party, balance in balances.items():
        entries = Journal(party, escrow.address, {token: "EUR"}).book(in_order(logs[party], changes))
        for entry in entries:
            sums = Counter[bytes]()
            for posting in entry.postings:
                sums[posting.token] += posting.amount
            if any(sums.values()):
                raise Broken(f"an entry does not sum to zero: {entry}")
        (statement,) = statements(entries, token, party, 0, _FOR_EVER)
        if statement.closing != balance:
            raise Broken(f"the books of {party.hex()} say {statement.closing}, the token {balance}")


def check_rebuilt(world: World, node: Node, now_us: int) -> None:
    """Every derived table is made again from the chain, the same to the byte. Raises Broken."""
    before = _rows(node.engine)
    rebuild(node.engine, world.folder / "scratch", node.worker.chain, world.deployment, node.settings, now_us)
    after = _rows(node.engine)
    changed = [name for name, rows in before.items() if rows != after[name]]
    if changed:
        raise Broken(f"a rebuild makes other rows of {', '.join(changed)}")


def _rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    tables = [SQLModel.metadata.tables[str(model.__tablename__)] for model in DERIVED]
    with reading(engine) as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in tables
        }
